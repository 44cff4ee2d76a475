/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * storage.c: calls of a request's machine into the machine that keeps state,
 * seen from both ends. How they get from one to the other, and when, is decided
 * by whoever set http_set_storage(); here guest memory becomes a call, and a
 * call guest memory.
 */
#include <stdlib.h>
#include <string.h>

#include "http/http_priv.h"

#define HOST_PAGES (1u << 20)	/* functions lie above */
#define TASK_DATA_MAX (2u << 20)

struct guest_buffer {
	uint64_t data, len;
};
_Static_assert(sizeof(struct guest_buffer) == 16, "guest ABI");

/*--- from the program that calls ------------------------------------------*/

void
http_set_storage(struct http_state *s, const struct http_storage_ops *ops,
    void *priv)
{
	s->storage_ops = ops;
	s->storage_priv = priv;
}

static enum tkvm_next
not_there(struct tkvm_err *err)
{
	return (http_abort(err, "storage is not initialised; set \"storage\" "
	    "to true"));
}

/* All inputs in one host block, one behind the other. */
static int
copy_inputs(struct tkvm_machine *m, const struct guest_buffer *b,
    struct http_storage_call *call)
{
	uint64_t total = 0, at = 0;

	for (unsigned i = 0; i < call->n; i++) {
		if (b[i].len > HTTP_STORAGE_BYTES_MAX ||
		    (total += b[i].len) > HTTP_STORAGE_BYTES_MAX)
			return (-1);
		call->len[i] = b[i].len;
	}
	call->data = malloc(total + 1);
	if (call->data == NULL)
		return (-1);
	for (unsigned i = 0; i < call->n; at += b[i++].len)
		if (tkvm_copy_in(m, call->data + at, b[i].data, b[i].len) != 0)
			return (-1);
	return (0);
}

/* What came back, into the caller's memory; the value that the caller gets. */
static uint64_t
take_result(struct tkvm_machine *m, const struct http_storage_call *call,
    uint64_t dst)
{
	uint64_t n = call->result_len;

	if (dst == 0 || call->result == NULL)
		return (dst == 0 ? n : 0);
	n = n < call->room ? n : call->room;
	return (tkvm_copy_out(m, dst, call->result, n) == 0 ? n :
	    UINT64_MAX);
}

/* Of a function, with n buffers; both calls have these arguments alike. */
static enum tkvm_next
call_function(struct http_state *s, struct tkvm_machine *m,
    struct tkvm_call *c, const struct guest_buffer *buffers, unsigned n,
    struct tkvm_err *err)
{
	struct http_storage_call call = {
		.function = c->arg[0], .n = n, .dst_len = c->arg[4],
	};
	uint64_t dst = c->arg[3];
	int r;

	s->used_storage |= s->booting;
	call.room = dst == 0 ? 0 : call.dst_len;
	if (!s->storage_ops->allowed(s->storage_priv, call.function))
		return (http_abort(err, "a storage call of a function that "
		    "the storage program has not allowed"));
	r = copy_inputs(m, buffers, &call);
	if (r == 0 && s->storage_ops->call(s->storage_priv, &call,
	    tkvm_machine_deadline(m)) == 0)
		c->ret = take_result(m, &call, dst);
	free(call.data);
	free(call.result);
	if (r != 0)
		return (http_abort(err, "a storage call with more than 64 MiB "
		    "or with a buffer at an unmapped address"));
	return (TKVM_RESUME);
}

/* What gives -1 at once. */
static bool
senseless(const struct http_state *s, const struct tkvm_call *c)
{
	uint64_t end;

	return (s->is_storage ||
	    __builtin_add_overflow(c->arg[3], c->arg[4], &end));
}

enum tkvm_next
http_storage_callv(struct http_state *s, struct tkvm_machine *m,
    struct tkvm_call *c, struct tkvm_err *err)
{
	struct guest_buffer buffers[HTTP_STORAGE_BUFFERS];
	uint64_t n = c->arg[1];

	c->ret = UINT64_MAX;
	if (n > HTTP_STORAGE_BUFFERS || senseless(s, c))
		return (TKVM_RESUME);
	if (s->storage_ops == NULL)
		return (not_there(err));
	if (tkvm_copy_in(m, buffers, c->arg[2], n * sizeof buffers[0]) != 0)
		return (http_abort(err,
		    "a storage call with buffers at an unmapped address"));
	return (call_function(s, m, c, buffers, (unsigned)n, err));
}

/* Before 2025: one buffer, as address and length. */
enum tkvm_next
http_storage_call(struct http_state *s, struct tkvm_machine *m,
    struct tkvm_call *c, struct tkvm_err *err)
{
	const struct guest_buffer buffer = {c->arg[1], c->arg[2]};

	c->ret = UINT64_MAX;
	if (senseless(s, c))
		return (TKVM_RESUME);
	if (s->storage_ops == NULL)
		return (not_there(err));
	return (call_function(s, m, c, &buffer, 1, err));
}

enum tkvm_next
http_storage_task(struct http_state *s, struct tkvm_machine *m,
    struct tkvm_call *c, struct tkvm_err *err)
{
	bool now = c->arg[3] == 0 && c->arg[4] == 0;
	const void *data = "";
	long id;

	s->used_storage |= s->booting;
	if (c->arg[2] > TASK_DATA_MAX)
		return (http_abort(err,
		    "a storage task with more than 2 MiB of data"));
	if (c->arg[2] != 0)
		data = tkvm_view(m, c->arg[1], c->arg[2]);
	if (data == NULL)
		return (http_abort(err,
		    "a storage task with data at an unmapped address"));
	if (s->storage_ops == NULL && now)
		return (not_there(err));
	/* A timer without storage is made, and does nothing. */
	if (s->storage_ops == NULL) {
		s->timers = true;
		if (s->booting)
			s->hp->timers = true;
		c->ret = 0;
		return (TKVM_RESUME);
	}
	if (now && !s->storage_ops->allowed(s->storage_priv, c->arg[0]))
		return (http_abort(err, "a storage task of a function that "
		    "the storage program has not allowed"));
	if (!now && !s->is_storage)
		s->storage_ops->claim(s->storage_priv);
	id = s->storage_ops->task(s->storage_priv, c->arg[0], data,
	    c->arg[2], c->arg[3], c->arg[4]);
	c->ret = (uint64_t)id;
	return (TKVM_RESUME);
}

/* 1: there was such a timer, 0: never. */
enum tkvm_next
http_stop_storage_task(struct http_state *s, struct tkvm_machine *m,
    struct tkvm_call *c, struct tkvm_err *err)
{
	(void)m, (void)err;
	if (s->storage_ops != NULL && !s->is_storage)
		s->storage_ops->claim(s->storage_priv);
	if (s->storage_ops != NULL)
		c->ret = s->storage_ops->stop(s->storage_priv,
		    (long)c->arg[0]);
	else
		c->ret = (s->timers || s->hp->timers) && c->arg[0] == 0;
	return (TKVM_RESUME);
}

/*--- in the program that keeps state --------------------------------------*/

void
http_be_storage(struct http_state *s)
{
	s->is_storage = true;
}

enum tkvm_next
http_is_storage(struct http_state *s, struct tkvm_machine *m,
    struct tkvm_call *c, struct tkvm_err *err)
{
	(void)m, (void)err;
	c->ret = s->is_storage;
	return (TKVM_RESUME);
}

enum tkvm_next
http_storage_allow(struct http_state *s, struct tkvm_machine *m,
    struct tkvm_call *c, struct tkvm_err *err)
{
	struct http_program *hp = s->hp;

	(void)err;
	c->ret = UINT64_MAX;
	if (!s->is_storage || !s->booting || hp->n_allowed == HTTP_ALLOWED ||
	    c->arg[0] < HOST_PAGES || tkvm_view(m, c->arg[0], 1) == NULL)
		return (TKVM_RESUME);
	hp->allowed[hp->n_allowed++] = c->arg[0];
	c->ret = 0;
	return (TKVM_RESUME);
}

bool
http_allowed(const struct http_program *hp, uint64_t function)
{
	for (unsigned i = 0; i < hp->n_allowed; i++)
		if (hp->allowed[i] == function)
			return (true);
	return (hp->n_allowed == 0);
}

static enum tkvm_next
result(struct http_state *s, struct tkvm_call *c, bool goes_on,
    struct tkvm_err *err)
{
	if (!s->is_storage)
		return (http_abort(err,
		    "storage_return() outside of a storage program"));
	/* While the function finishes, another one says nothing. */
	if (s->result.given)
		return (goes_on ? TKVM_RESUME : TKVM_STOP);
	s->result.given = true;
	s->result.goes_on = goes_on;
	s->result.at = c->arg[0];
	s->result.len = c->arg[1];
	return (TKVM_STOP);
}

enum tkvm_next
http_storage_return(struct http_state *s, struct tkvm_machine *m,
    struct tkvm_call *c, struct tkvm_err *err)
{
	(void)m;
	return (result(s, c, true, err));
}

enum tkvm_next
http_storage_noreturn(struct http_state *s, struct tkvm_machine *m,
    struct tkvm_call *c, struct tkvm_err *err)
{
	(void)m;
	return (result(s, c, false, err));
}

/* Put the inputs into memory of their own; 0: there is no room. */
static uint64_t
put_inputs(struct http_state *s, struct tkvm_machine *m,
    const struct http_storage_call *call, uint64_t *at)
{
	struct guest_buffer buffers[HTTP_STORAGE_BUFFERS];
	uint64_t total = 0, from = 0;

	for (unsigned i = 0; i < call->n; i++)
		total += (call->len[i] + 7) & ~(uint64_t)7;
	*at = tkvm_arena_take(m, total + 1);
	if (*at == 0)
		return (0);
	s->inputs = (struct block){*at, (total + TKVM_PAGE) &
	    ~(uint64_t)(TKVM_PAGE - 1)};
	total = *at;
	for (unsigned i = 0; i < call->n; i++) {
		buffers[i] = (struct guest_buffer){total, call->len[i]};
		if (tkvm_copy_out(m, total, call->data + from, call->len[i]))
			return (0);
		from += call->len[i];
		total += (call->len[i] + 7) & ~(uint64_t)7;
	}
	return (tkvm_machine_push(m, buffers, call->n * sizeof buffers[0]));
}

int
http_storage_begin(struct http_state *s, struct tkvm_machine *m,
    const struct http_storage_call *call, struct tkvm_err *err)
{
	uint64_t arg[6] = {0}, array, data;

	memset(&s->result, 0, sizeof s->result);
	array = put_inputs(s, m, call, &data);
	if (array == 0)
		return (tkvm_fail(err, TKVM_EBODY, "the storage program has "
		    "no room for what it is called with"));
	if (call->task) {
		arg[0] = data;
		arg[1] = call->len[0];
	} else if (call->plain) {
		arg[0] = call->dst_len;
	} else {
		arg[0] = call->n;
		arg[1] = array;
		arg[2] = call->dst_len;
	}
	return (tkvm_machine_ask(m, call->function, arg, err));
}

int
http_storage_result(struct http_state *s, struct tkvm_machine *m,
    struct http_storage_call *call, bool *goes_on, struct tkvm_err *err)
{
	uint64_t n = s->result.len;
	const void *from;

	*goes_on = s->result.given && s->result.goes_on;
	if (!s->result.given)
		return (call->task ? 0 : tkvm_fail(err, TKVM_EGUEST,
		    "the storage function ended without storage_return()"));
	call->result_len = n;
	call->result_at = s->result.at;
	if (s->result.at == 0 || call->room == 0)
		return (0);
	if (call->plain && n > call->room)
		return (tkvm_fail(err, TKVM_EGUEST, "its state of %ju bytes is "
		    "larger than %ju MiB", (uintmax_t)n,
		    (uintmax_t)(call->room >> 20)));
	n = n < call->room ? n : call->room;
	from = tkvm_view(m, s->result.at, n);
	call->result = malloc(n + 1);
	if (from == NULL || call->result == NULL)
		return (tkvm_fail(err, TKVM_EGUEST, "the storage function's "
		    "result is not mapped"));
	memcpy(call->result, from, n);
	return (0);
}

void
http_storage_end(struct http_state *s, struct tkvm_machine *m)
{
	memset(&s->result, 0, sizeof s->result);
	/* What cannot be given back, since too much is in pieces, stays. */
	if (s->inputs.at != 0 &&
	    tkvm_arena_give(m, s->inputs.at, s->inputs.len) == 0)
		s->inputs.at = 0;
}
