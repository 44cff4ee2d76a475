/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vm.c: one machine of a generation: run a request in it, clean it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program/program_priv.h"
#include "tinykvm/machine_debug.h"

#define ON_ERROR_NS 1000000000u
/* Each call of the function that streams an answer. */
#define STREAM_NS 2000000000u
/* From the answer to the next wait, for who keeps its memory. */
#define BACK_NS 1000000000u

void
vm_log(const struct vm *vm, const char *text)
{
	const struct tkvm_request *req = vm->req;
	const struct tkvm_program *p = vm->generation->program;

	if (req != NULL && req->ops != NULL && req->ops->log != NULL)
		req->ops->log(req->priv, text, strlen(text));
	else
		library_log(p->library, p->name, text);
}

void
by_line(void (*line)(void *priv, const char *text, size_t len), void *priv,
    const char *data, size_t len)
{
	const char *nl;
	size_t n;

	while (len > 0) {
		nl = memchr(data, '\n', len);
		n = nl == NULL ? len : (size_t)(nl - data);
		if (n > 0)
			line(priv, data, n);
		n += nl != NULL;
		data += n;
		len -= n;
	}
}

static void
says(void *priv, const char *text, size_t len)
{
	const struct vm *vm = priv;
	char line[1024];

	(void)snprintf(line, sizeof line, "%s says: %.*s",
	    vm->generation->program->name, (int)(len > 900 ? 900 : len), text);
	text_plain(line);
	vm_log(vm, line);
	program_output(vm->generation, line);
}

void
vm_says(void *priv, const char *text, size_t len)
{
	by_line(says, priv, text, len);
}

static int
make_machine(struct vm *vm, struct tkvm_err *err)
{
	struct generation *g = vm->generation;
	const struct settings *s = &g->settings;
	struct tkvm_calls calls = {
		linux_call, vm->linux_state, http_call, vm->http,
	};
	struct tkvm_err why;
	int r;

	trace_calls(&vm->trace, g, g->is_storage ? NULL : vm, &calls);
	memset(&vm->seen, 0, sizeof vm->seen);
	memset(&vm->counted, 0, sizeof vm->counted);
	r = tkvm_machine_fork(g->image, &calls, vm->index,
	    MIB(s->max_request_mib), &vm->machine, err);
	if (r != 0)
		return (r);
	tkvm_machine_keep_at_most(vm->machine,
	    s->keep_memory ? MIB(s->keep_mib) : 0);
	/* One line is enough for all of its machines. */
	if (s->request_huge_mib != 0 && tkvm_machine_huge(vm->machine,
	    MIB(s->request_huge_mib), &why) != 0 && vm->index == 0)
		library_log(g->program->library, g->program->name, why.text);
	return (0);
}

int
vm_new(struct generation *g, unsigned index, bool own_thread, struct vm **vmp,
    struct tkvm_err *err)
{
	const struct http_limits limits = {
		MIB(g->settings.max_memory_mib),
		MIB(g->settings.max_request_mib),
	};
	struct vm *vm = calloc(1, sizeof *vm);
	int r;

	*vmp = NULL;
	if (vm == NULL)
		return (tkvm_fail(err, TKVM_ENOMEM, "no memory for a machine"));
	vm->generation = g;
	vm->index = index;
	r = linux_fork(g->linux_master, vm, &vm->linux_state, err);
	if (r == 0)
		r = http_fork(&g->http, &limits, &vm->http, err);
	if (r == 0) {
		http_set_log(vm->http, vm_says, vm);
		http_set_fetch(vm->http, program_fetch, g);
		if (g->is_storage)
			http_be_storage(vm->http);
		if (g->calls != NULL)
			http_set_storage(vm->http, &storage_ops, g->calls);
		http_set_debug(vm->http, g->settings.allow_debug ||
		    g->settings.debug, g->settings.debug);
		r = make_machine(vm, err);
	}
	if (r == 0 && own_thread)
		r = executor_new(&vm->executor, err);
	if (r != 0) {
		vm_destroy(&vm);
		return (r);
	}
	*vmp = vm;
	return (0);
}

void
vm_destroy(struct vm **vmp)
{
	struct vm *vm = *vmp;

	*vmp = NULL;
	if (vm == NULL)
		return;
	executor_destroy(&vm->executor);
	tkvm_machine_destroy(&vm->machine);
	if (vm->http != NULL)
		http_destroy(&vm->http);
	if (vm->linux_state != NULL)
		linux_destroy(&vm->linux_state);
	free(vm);
}

/*--- one request ----------------------------------------------------------*/

struct job {
	struct vm *vm;
	const struct tkvm_request *req;
	struct tkvm_reply *reply;
	struct tkvm_err *err;
	int r;
	uint64_t until_ns;		/* it must be done */
};

static void
log_report(void *priv, const char *text)
{
	const struct vm *vm = priv;
	char line[300];

	(void)snprintf(line, sizeof line, "%s: %s",
	    vm->generation->program->name, text);
	text_plain(line);
	vm_log(vm, line);
}

static void
count_failure(struct vm *vm, int code)
{
	vm->failed = true;
	if (code == TKVM_ETIMEOUT)
		COUNT_VM(vm, timeouts, 1);
	else if (code == TKVM_EWORKMEM)
		COUNT_VM(vm, out_of_memory, 1);
	else
		COUNT_VM(vm, exceptions, 1);
}

/* The program failed: its own answer to that, or an empty one. */
static void
second_chance(struct job *j)
{
	struct vm *vm = j->vm;
	struct tkvm_reply *reply = j->reply;
	struct tkvm_err again;
	char line[400];
	int r = -1;

	reply->error = *j->err;
	program_report(vm->machine, reply->error.code, log_report, vm);
	count_failure(vm, reply->error.code);
	/* Whatever answers now, it is not what those headers spoke of. */
	if (j->req->ops != NULL && j->req->ops->undo != NULL)
		j->req->ops->undo(j->req->priv);
	/* A broken machine (TKVM_EHOST) cannot run anything. */
	if (reply->error.code != TKVM_EHOST &&
	    http_begin_on_error(vm->http, vm->machine, j->req,
	    reply->error.text) == 0) {
		COUNT_VM(vm, on_error, 1);
		r = tkvm_machine_run(vm->machine, tkvm_now_ns() + ON_ERROR_NS,
		    &again);
		if (r == 0)
			r = http_reply(vm->http, vm->machine, reply, &again);
		if (r != 0) {
			(void)snprintf(line, sizeof line, "%s failed again, "
			    "in its on_error: %s",
			    vm->generation->program->name, again.text);
			vm_log(vm, line);
		}
	}
	reply->by_on_error = r == 0;
	if (r != 0) {
		reply->status = 500;
		reply->content_type = NULL;
		reply->body = NULL;
		reply->body_len = 0;
		reply->streamed = false;
	}
}

static void
count_cost(struct vm *vm, struct tkvm_reply *reply)
{
	const struct tkvm_machine_stats *s = tkvm_machine_stats(vm->machine);

	reply->exits = s->exits - vm->seen.exits;
	reply->faults = s->faults - vm->seen.faults;
	COUNT_VM(vm, exits, s->exits - vm->counted.exits);
	COUNT_VM(vm, faults, s->faults - vm->counted.faults);
	vm->counted.exits = s->exits;
	vm->counted.faults = s->faults;
}

/* Time that a job of this reply took since t, from tkvm_now_ns(). */
static void
count_time(struct vm *vm, struct tkvm_reply *reply, uint64_t t)
{
	t = tkvm_now_ns() - t;
	reply->run_ns += t;
	COUNT_VM(vm, run_ns, t);
	count_cost(vm, reply);
}

static void
count_answer(struct vm *vm, const struct tkvm_reply *reply)
{
	switch (reply->status / 100) {
	case 2: COUNT_VM(vm, status_2xx, 1); break;
	case 3: COUNT_VM(vm, status_3xx, 1); break;
	case 4: COUNT_VM(vm, status_4xx, 1); break;
	default: COUNT_VM(vm, status_5xx, 1); break;
	}
	if (!reply->streamed)
		COUNT_VM(vm, output_bytes, reply->body_len);
}

static void
run_job(void *arg)
{
	struct job *j = arg;
	struct vm *vm = j->vm;
	uint64_t t = tkvm_now_ns();
	int r;

	COUNT_VM(vm, input_bytes, j->req->body_len);
	j->reply->input_bytes = j->req->body_len;
	r = http_begin(vm->http, vm->machine, j->req, j->err);
	if (r == 0)
		r = tkvm_machine_run(vm->machine, in_seconds_or(vm->
		    generation->settings.max_request_time, j->until_ns),
		    j->err);
	r = program_after_run(vm->generation, vm->machine, vm->http, r, j->err);
	if (r == 0)
		r = http_reply(vm->http, vm->machine, j->reply, j->err);
	/* A body without room is not the program's fault. */
	if (r == TKVM_ETOOLARGE)
		vm->failed = true;
	else if (r != 0)
		second_chance(j);
	count_time(vm, j->reply, t);
	j->r = r == TKVM_ETOOLARGE ? r : 0;
	if (j->r == 0)
		count_answer(vm, j->reply);
}

static void
on_machine(struct vm *vm, void (*f)(void *arg), void *arg)
{
	if (vm->executor != NULL)
		executor_run(vm->executor, f, arg);
	else
		f(arg);
}

/*--- bodies in pieces -----------------------------------------------------*/

struct piece {
	struct job job;
	uint64_t offset;		/* bytes before it */
	const char *data;
	size_t len;
};

static void
run_piece(void *arg)
{
	struct piece *p = arg;
	struct job *j = &p->job;
	struct vm *vm = j->vm;
	uint64_t t = tkvm_now_ns();

	j->r = http_piece(vm->http, vm->machine, j->req, p->data, p->len,
	    p->offset, j->err);
	if (j->r == 0)
		j->r = tkvm_machine_run(vm->machine, in_seconds_or(vm->
		    generation->settings.max_request_time, j->until_ns),
		    j->err);
	j->r = program_after_run(vm->generation, vm->machine, vm->http, j->r,
	    j->err);
	if (j->r == 0)
		j->r = http_piece_taken(vm->http, vm->machine, p->len, j->err);
	count_time(vm, j->reply, t);
}

/* It failed in call-back 4: answered as any other failure. */
static void
run_failed_piece(void *arg)
{
	struct job *j = arg;
	struct vm *vm = j->vm;
	uint64_t t = tkvm_now_ns();

	COUNT_VM(vm, input_bytes, j->req->body_len);
	j->reply->input_bytes = j->req->body_len;
	second_chance(j);
	count_time(vm, j->reply, t);
	count_answer(vm, j->reply);
}

/* For tkvm_request.each_piece, and for bodies that are there. */
static int
feed(void *arg, const void *data, size_t len)
{
	struct piece *p = arg;
	size_t n;

	for (p->data = data; len > 0 && p->job.r == 0; p->data += n) {
		n = len < PIECE_MAX ? len : PIECE_MAX;
		p->len = n;
		on_machine(p->job.vm, run_piece, p);
		p->offset += n;
		len -= n;
	}
	return (p->job.r);
}

/*
 * Hand a body to call-back 4; *req becomes what the program is asked then, if
 * this is true. Else it has answered, or j->r says why not.
 */
static bool
feed_all(struct job *j, struct tkvm_request *req)
{
	struct piece p = {.job = *j};

	if (req->each_piece != NULL)
		j->r = req->each_piece(req->priv, feed, &p, j->err);
	else
		j->r = feed(&p, req->body, req->body_len);
	req->each_piece = NULL;
	req->body = NULL;
	req->body_len = p.offset;
	if (p.job.r != 0) {
		j->r = 0;
		on_machine(j->vm, run_failed_piece, j);
		return (false);
	}
	return (j->r == 0);
}

struct asking {
	struct job job;
	void *buf;
	size_t size, *n;
};

static void
run_stream(void *arg)
{
	struct asking *a = arg;
	struct job *j = &a->job;
	struct vm *vm = j->vm;
	uint64_t t = tkvm_now_ns(), n = 0;
	const void *data = NULL;

	j->r = http_stream_ask(vm->http, vm->machine, a->size, j->err);
	if (j->r == 0)
		j->r = tkvm_machine_run(vm->machine,
		    tkvm_now_ns() + STREAM_NS, j->err);
	j->r = program_after_run(vm->generation, vm->machine, vm->http, j->r,
	    j->err);
	if (j->r == 0)
		j->r = http_stream_take(vm->http, vm->machine, &data, &n,
		    j->err);
	if (j->r == 0 && n > 0)
		memcpy(a->buf, data, n);
	if (j->r != 0)
		count_failure(vm, j->r);
	*a->n = j->r == 0 ? (size_t)n : 0;
	COUNT_VM(vm, output_bytes, *a->n);
	count_time(vm, j->reply, t);
}

int
vm_stream(struct vm *vm, struct tkvm_reply *reply, void *buf, size_t size,
    size_t *n, struct tkvm_err *err)
{
	struct asking a = {{vm, NULL, reply, err, 0, 0}, buf, size, n};

	on_machine(vm, run_stream, &a);
	if (a.job.r != 0)
		reply->error = *err;
	return (a.job.r);
}

/*--- a call ---------------------------------------------------------------*/

int
vm_call(struct vm *vm, const struct tkvm_request *req, uint64_t until_ns,
    struct tkvm_reply *reply, struct tkvm_err *err)
{
	struct tkvm_request mine = *req;
	struct job j = {vm, &mine, reply, err, 0, until_ns};

	if (vm->machine == NULL && make_machine(vm, err) != 0)
		return (TKVM_EHOST);
	vm->seen.exits = vm->counted.exits;
	vm->seen.faults = vm->counted.faults;
	COUNT_VM(vm, invocations, 1);
	vm->req = &mine;
	if (!http_takes_pieces(&vm->generation->http) ||
	    (mine.each_piece == NULL && mine.body_len == 0) ||
	    feed_all(&j, &mine))
		on_machine(vm, run_job, &j);
	/* The request is the caller's; nothing of it may outlive the call. */
	vm->req = NULL;
	return (j.r);
}

/* It broke: made anew here, or by the next call if that fails, too. */
static void
replace(struct vm *vm, const char *why)
{
	struct tkvm_err err;

	vm_log(vm, why);
	tkvm_machine_destroy(&vm->machine);
	COUNT_VM(vm, replaced, 1);
	if (make_machine(vm, &err) != 0)
		vm_log(vm, err.text);
}

/*
 * Does it go on as it is? Half of a request's memory is the most that it may
 * carry along: then the next request still has the other half.
 */
static bool
keeps_state(const struct vm *vm)
{
	const struct settings *s = &vm->generation->settings;

	return (!s->ephemeral && !vm->failed &&
	    !tkvm_machine_debugged(vm->machine) &&
	    tkvm_machine_stats(vm->machine)->dirty_pages * TKVM_PAGE <
	    MIB(s->max_request_mib) / 2);
}

/*
 * What keeps its memory and goes on behind its wait does so now, not when the
 * next request is there. A machine that does not get there is reset.
 */
static void
go_back(void *arg)
{
	struct vm *vm = arg;
	struct tkvm_err err;
	char line[400];
	int r;

	r = http_go_back(vm->http, vm->machine);
	vm->failed = r < 0;
	if (r != 0)
		return;
	r = tkvm_machine_run(vm->machine, tkvm_now_ns() + BACK_NS, &err);
	if (r == 0 && http_waiting(vm->http))
		return;
	vm->failed = true;
	(void)snprintf(line, sizeof line, "%s does not wait for the next "
	    "request and is reset: %s", vm->generation->program->name,
	    r != 0 ? err.text : "it stopped");
	vm_log(vm, line);
}

void
vm_reset(struct vm *vm, struct tkvm_reply *reply)
{
	uint64_t t = tkvm_now_ns(), n;
	struct tkvm_err err;

	if (vm->machine == NULL)
		return;		/* it could not be made; linux has no state */
	n = http_unknown_calls(vm->http) - vm->unknown_seen;
	COUNT_VM(vm, unknown_calls, n);
	vm->unknown_seen += n;
	if (keeps_state(vm) && http_resumes(&vm->generation->http))
		on_machine(vm, go_back, vm);
	http_reset(vm->http);
	if (keeps_state(vm))
		return;
	http_wipe(vm->http);
	linux_reset(vm->linux_state);
	vm->failed = false;
	if (tkvm_machine_reset(vm->machine, &err) != 0) {
		replace(vm, err.text);
		return;
	}
	n = tkvm_machine_stats(vm->machine)->pages_copied;
	reply->pages_copied = n - vm->seen.pages_copied;
	vm->seen.pages_copied = n;
	reply->reset_ns = tkvm_now_ns() - t;
	COUNT_VM(vm, resets, 1);
	COUNT_VM(vm, pages_copied, reply->pages_copied);
	COUNT_VM(vm, reset_ns, reply->reset_ns);
}
