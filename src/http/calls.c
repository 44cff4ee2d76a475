/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * calls.c: the calls of kvm_api.h, one row each. What has no row is answered
 * with -ENOSYS and counted.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/http_priv.h"

typedef enum tkvm_next handler_f(struct http_state *s, struct tkvm_machine *m,
    struct tkvm_call *c, struct tkvm_err *err);

#define HOST_PAGES (1u << 20)	/* functions lie above */

/*--- life cycle -----------------------------------------------------------*/

static enum tkvm_next
register_func(struct http_state *s, struct tkvm_machine *m,
    struct tkvm_call *c, struct tkvm_err *err)
{
	int32_t id = (int32_t)c->arg[0];

	if (id < 0 || id >= HTTP_CALLBACKS) {
		(void)tkvm_fail(err, TKVM_EGUEST, "there is no call-back %d; "
		    "they are 0 to %d", id, HTTP_CALLBACKS - 1);
		return (TKVM_ABORT);
	}
	if (c->arg[1] < HOST_PAGES || tkvm_view(m, c->arg[1], 1) == NULL) {
		(void)tkvm_fail(err, TKVM_EGUEST, "call-back %d is registered "
		    "with 0x%jx, which is no function", id,
		    (uintmax_t)c->arg[1]);
		return (TKVM_ABORT);
	}
	s->hp->callback[id] = c->arg[1];
	return (TKVM_RESUME);
}

static enum tkvm_next
wait(struct http_state *s, struct tkvm_call *c, bool paused,
    struct tkvm_err *err)
{
	if (s->waiting || !(s->booting || (s->going_back && paused)))
		return (http_abort(err,
		    "the program waits for requests a second time"));
	s->waiting = true;
	s->going_back = false;
	s->request_gva = paused ? c->arg[0] : 0;
	if (!s->booting)
		return (TKVM_STOP);
	s->hp->paused = paused;
	s->hp->request_gva = s->request_gva;
	return (TKVM_STOP);
}

static enum tkvm_next
wait_for_requests(struct http_state *s, struct tkvm_machine *m,
    struct tkvm_call *c, struct tkvm_err *err)
{
	(void)m;
	return (wait(s, c, false, err));
}

static enum tkvm_next
wait_paused(struct http_state *s, struct tkvm_machine *m, struct tkvm_call *c,
    struct tkvm_err *err)
{
	(void)m;
	return (wait(s, c, true, err));
}

/*--- the answer -----------------------------------------------------------*/

static enum tkvm_next
set_cacheable(struct http_state *s, struct tkvm_machine *m,
    struct tkvm_call *c, struct tkvm_err *err)
{
	const struct tkvm_request *req = s->req;

	(void)m, (void)err;
	c->ret = (uint64_t)-1;
	if (req->ops->set_cacheable != NULL)
		c->ret = (uint64_t)(int64_t)req->ops->set_cacheable(req->priv,
		    (c->arg[0] & 0xff) != 0, (double)c->arg[1] / 1000.0,
		    (double)c->arg[2] / 1000.0, (double)c->arg[3] / 1000.0);
	return (TKVM_RESUME);
}

/*--- information ----------------------------------------------------------*/

static enum tkvm_next
get_meminfo(struct http_state *s, struct tkvm_machine *m, struct tkvm_call *c,
    struct tkvm_err *err)
{
	const uint64_t info[4] = {
		s->limits.max_memory_bytes,
		s->limits.max_request_bytes,
		s->limits.max_request_bytes,
		tkvm_machine_stats(m)->dirty_pages * TKVM_PAGE,
	};

	if (tkvm_copy_out(m, c->arg[0], info, sizeof info) != 0)
		return (http_abort(err,
		    "get_meminfo with an address that is not writable"));
	return (TKVM_RESUME);
}

void
http_log(const struct http_state *s, const char *text, size_t len)
{
	const struct tkvm_request *req = s->req;

	if (s->log != NULL)
		s->log(s->log_priv, text, len);
	else if (req != NULL && req->ops != NULL && req->ops->log != NULL)
		req->ops->log(req->priv, text, len);
}

static enum tkvm_next
sys_log(struct http_state *s, struct tkvm_machine *m, struct tkvm_call *c,
    struct tkvm_err *err)
{
	size_t len = (uint16_t)c->arg[1];
	const char *text;

	if (len == 0)
		return (TKVM_RESUME);
	text = tkvm_view(m, c->arg[0], len);
	if (text == NULL)
		return (http_abort(err,
		    "sys_log with text at an unmapped address"));
	if (text[len - 1] == '\n')
		len--;
	http_log(s, text, len);
	return (TKVM_RESUME);
}

static enum tkvm_next
make_ephemeral(struct http_state *s, struct tkvm_machine *m,
    struct tkvm_call *c, struct tkvm_err *err)
{
	(void)m, (void)err;
	c->ret = UINT64_MAX;
	if (!s->hp->may_choose)
		return (TKVM_RESUME);
	s->hp->chose = true;
	s->hp->ephemeral = (int32_t)c->arg[0] != 0;
	c->ret = 0;
	return (TKVM_RESUME);
}

/* The name fits where a header line does. */
static enum tkvm_next
restart_on_change(struct http_state *s, struct tkvm_machine *m,
    struct tkvm_call *c, struct tkvm_err *err)
{
	ssize_t n = tkvm_copy_in_str(m, s->line, c->arg[0], PATH_MAX);

	c->ret = UINT64_MAX;
	if (n == -1)
		return (http_abort(err, "sys_restart_on_change with a name at "
		    "an unmapped address"));
	if (n >= 0 && s->watch != NULL)
		c->ret = (uint64_t)(int64_t)s->watch(s->watch_priv, s->line);
	return (TKVM_RESUME);
}

/*--- answers that are always the same -------------------------------------*/

/* ~0 for both without: the sum in SHM_ALLOC() wraps. */
static enum tkvm_next
shared_memory_area(struct http_state *s, struct tkvm_machine *m,
    struct tkvm_call *c, struct tkvm_err *err)
{
	const struct tkvm_layout *l = tkvm_machine_layout(m);
	bool none = l->shared_start == l->shared_end;

	(void)s, (void)err;
	c->ret = none ? UINT64_MAX : l->shared_start;
	c->rdx = none ? UINT64_MAX : l->shared_end;
	return (TKVM_RESUME);
}

static enum tkvm_next
nothing(struct http_state *s, struct tkvm_machine *m, struct tkvm_call *c,
    struct tkvm_err *err)
{
	(void)s, (void)m, (void)c, (void)err;
	return (TKVM_RESUME);
}

/*--- debugging -----------------------------------------------------------*/

static enum tkvm_next
sys_breakpoint(struct http_state *s, struct tkvm_machine *m,
    struct tkvm_call *c, struct tkvm_err *err)
{
	(void)m, (void)c, (void)err;
	s->at_breakpoint = s->breaks;
	return (s->breaks ? TKVM_STOP : TKVM_RESUME);
}

static enum tkvm_next
sys_is_debug(struct http_state *s, struct tkvm_machine *m,
    struct tkvm_call *c, struct tkvm_err *err)
{
	(void)m, (void)err;
	c->ret = s->is_debug;
	return (TKVM_RESUME);
}

/*--- the table ------------------------------------------------------------*/

/* When a call may be made. */
enum phase {
	ANY,
	STARTING,	/* before the program waits for requests */
	REQUEST,	/* while a request runs that has header fields */
};

static const struct row {
	uint32_t number;
	enum phase phase;
	const char *name;	/* in kvm_api.h */
	handler_f *handler;
} rows[] = {
	{0x10000, STARTING, "register_func", register_func},
	{0x10001, ANY, "wait_for_requests", wait_for_requests},
	{0x10002, ANY, "wait_for_requests_paused", wait_paused},
	{0x10005, REQUEST, "set_cacheable", set_cacheable},
	{0x10010, ANY, "backend_response", http_backend_response},
	{0x10011, ANY, "storage_return", http_storage_return},
	{0x10012, ANY, "begin_streaming_response", http_begin_stream},
	{0x10013, ANY, "storage_noreturn", http_storage_noreturn},
	{0x10020, REQUEST, "http_append", http_append},
	{0x10021, REQUEST, "http_set", http_set},
	{0x10022, REQUEST, "http_find", http_find},
	{0x10023, REQUEST, "http_method", http_method},
	{0x10030, ANY, "regex_compile", http_regex_compile},
	{0x10031, ANY, "regex_free", http_regex_free},
	{0x10032, ANY, "regex_match", http_regex_match},
	{0x10033, ANY, "regex_subst", http_regex_subst},
	{0x10035, REQUEST, "regex_copyto", http_regex_copyto},
	{0x10100, ANY, "set_backend", nothing},
	{0x10700, ANY, "shared_memory_area", shared_memory_area},
	{0x10703, STARTING, "sys_make_ephemeral", make_ephemeral},
	{0x10706, ANY, "sys_is_storage", http_is_storage},
	{0x10707, ANY, "sys_storage_allow", http_storage_allow},
	{0x10708, ANY, "storage_callv", http_storage_callv},
	{0x10709, ANY, "sys_storage_task", http_storage_task},
	{0x1070a, ANY, "stop_storage_task", http_stop_storage_task},
	{0x10710, ANY, "multiprocess", http_multiprocess},
	{0x10711, ANY, "multiprocess_array", http_multiprocess_array},
	{0x10712, ANY, "multiprocess_clone", http_multiprocess_clone},
	{0x10713, ANY, "multiprocess_wait", http_multiprocess_wait},
	{0x10a00, ANY, "get_meminfo", get_meminfo},
	{0x20000, ANY, "sys_fetch", http_sys_fetch},
	{0x30000, STARTING, "sys_restart_on_change", restart_on_change},
	{0x7f000, ANY, "sys_log", sys_log},
	{0x7f7f7, ANY, "sys_breakpoint", sys_breakpoint},
	{0x7fdeb, ANY, "sys_is_debug", sys_is_debug},
};

/* What these numbers meant to programs made before 2025. */
static const struct row old_rows[] = {
	{0x10707, ANY, "storage_call", http_storage_call},
	{0x1070b, ANY, "storage_allow", http_storage_allow},
};

static int
by_number(const void *key, const void *row)
{
	uint32_t k = *(const uint32_t *)key;
	uint32_t n = ((const struct row *)row)->number;

	return (k < n ? -1 : k > n);
}

static bool
in_phase(const struct http_state *s, const struct row *row,
    struct tkvm_err *err)
{
	if (row->phase == STARTING && !s->booting) {
		(void)tkvm_fail(err, TKVM_EGUEST, "%s is called in a request; "
		    "it belongs before the program waits for requests",
		    row->name);
		return (false);
	}
	if (row->phase == REQUEST && (s->req == NULL || s->req->ops == NULL)) {
		(void)tkvm_fail(err, TKVM_EGUEST, "%s is called while there "
		    "is no request with header fields", row->name);
		return (false);
	}
	return (true);
}

/* Not served: harmless, counted, and told once. */
static void
unknown(struct http_state *s, struct tkvm_call *c)
{
	char text[80];
	int n;

	c->ret = (uint64_t)-ENOSYS;
	if (s->unknown++ != 0)
		return;
	n = snprintf(text, sizeof text, "call 0x%x is not served%s; it is "
	    "answered with -ENOSYS", c->number,
	    c->cpu != 0 ? " on another CPU" : "");
	http_log(s, text, (size_t)n);
}

static const struct row *
find_in(const struct row *in, size_t n, uint32_t number)
{
	return (bsearch(&number, in, n, sizeof *in, by_number));
}

static const struct row *
find_row(uint32_t number)
{
	return (find_in(rows, sizeof rows / sizeof rows[0], number));
}

const char *
http_name(uint32_t number)
{
	const struct row *row = find_row(number);

	return (row == NULL ? NULL : row->name);
}

enum tkvm_next
http_call(void *state, struct tkvm_machine *m, struct tkvm_call *c,
    struct tkvm_err *err)
{
	struct http_state *s = state;
	const struct row *row = NULL;

	if (s->hp->old_storage)
		row = find_in(old_rows, sizeof old_rows / sizeof old_rows[0],
		    c->number);
	if (row == NULL)
		row = find_row(c->number);
	/* The other CPUs compute; all calls but one belong to the first. */
	if (row == NULL || (c->cpu != 0 &&
	    row->handler != http_multiprocess_wait)) {
		unknown(s, c);
		return (TKVM_RESUME);
	}
	return (in_phase(s, row, err) ? row->handler(s, m, c, err) :
	    TKVM_ABORT);
}

/*--- life of the state ----------------------------------------------------*/

static int
make(struct http_program *hp, const struct http_limits *limits, bool booting,
    struct http_state **sp, struct tkvm_err *err)
{
	struct http_state *s = calloc(1, sizeof *s);

	*sp = s;
	if (s == NULL)
		return (tkvm_fail(err, TKVM_ENOMEM,
		    "no memory for a program's HTTP state"));
	s->hp = hp;
	s->limits = *limits;
	s->booting = booting;
	s->seed_used = SEED_BYTES;
	return (0);
}

int
http_new(struct http_program *hp, const struct http_limits *limits,
    struct http_state **sp, struct tkvm_err *err)
{
	return (make(hp, limits, true, sp, err));
}

int
http_fork(const struct http_program *hp, const struct http_limits *limits,
    struct http_state **sp, struct tkvm_err *err)
{
	struct http_program *h;

	/* booting is false: nothing writes through it. */
	memcpy(&h, &hp, sizeof h);
	return (make(h, limits, false, sp, err));
}

void
http_destroy(struct http_state **sp)
{
	if (*sp != NULL)
		http_regex_free_all((*sp)->regex);
	free(*sp);
	*sp = NULL;
}

void
http_program_free(struct http_program *hp)
{
	http_regex_free_all(hp->regex);
}

void
http_set_debug(struct http_state *s, bool breaks, bool is_debug)
{
	s->breaks = breaks;
	s->is_debug = is_debug;
}

bool
http_at_breakpoint(struct http_state *s)
{
	bool at = s->at_breakpoint;

	s->at_breakpoint = false;
	return (at);
}

bool
http_waiting(const struct http_state *s)
{
	return (s->waiting);
}

void
http_set_log(struct http_state *s,
    void (*log)(void *priv, const char *text, size_t len), void *priv)
{
	s->log = log;
	s->log_priv = priv;
}

void
http_reset(struct http_state *s)
{
	s->req = NULL;
	s->answer.given = false;
}

void
http_wipe(struct http_state *s)
{
	s->waiting = s->going_back = false;
	http_regex_reset(s);
}

uint64_t
http_unknown_calls(const struct http_state *s)
{
	return (s->unknown);
}

void
http_set_watch(struct http_state *s, http_watch_f *watch, void *priv)
{
	s->watch = watch;
	s->watch_priv = priv;
}
