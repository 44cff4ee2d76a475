/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vm.c: one machine of a generation: run a request in it, clean it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program/program_priv.h"

#define ON_ERROR_NS 1000000000u

static int
make_machine(struct vm *vm, struct tkvm_err *err)
{
	struct generation *g = vm->generation;
	const struct tkvm_calls calls = {
		linux_call, vm->linux_state, http_call, vm->http,
	};

	memset(&vm->seen, 0, sizeof vm->seen);
	return (tkvm_machine_fork(g->image, &calls, vm->index,
	    MIB(g->settings.max_request_mib), &vm->machine, err));
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
	if (r == 0)
		r = make_machine(vm, err);
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
};

static uint64_t
in_seconds(double s)
{
	return (tkvm_now_ns() + (uint64_t)(s * 1e9));
}

static void
log_reason(const struct vm *vm, const struct tkvm_err *why)
{
	const struct tkvm_request *req = vm->req;
	char line[400];
	int n;

	n = snprintf(line, sizeof line, "%s failed: %s",
	    vm->generation->program->name, why->text);
	if (n >= (int)sizeof line)
		n = (int)sizeof line - 1;
	if (req->ops != NULL && req->ops->log != NULL)
		req->ops->log(req->priv, line, (size_t)n);
}

static void
count_failure(struct vm *vm, const struct tkvm_err *why)
{
	struct tkvm_program *p = vm->generation->program;

	if (why->code == TKVM_ETIMEOUT) {
		COUNT(p, timeouts, 1);
		vm->counters.timeouts++;
	} else if (why->code == TKVM_EWORKMEM) {
		COUNT(p, out_of_memory, 1);
		vm->counters.out_of_memory++;
	} else {
		COUNT(p, exceptions, 1);
		vm->counters.exceptions++;
	}
}

/* The program failed: its own answer to that, or an empty one. */
static void
second_chance(struct job *j)
{
	struct vm *vm = j->vm;
	struct tkvm_reply *reply = j->reply;
	struct tkvm_err again;
	int r = -1;

	reply->error = *j->err;
	log_reason(vm, &reply->error);
	count_failure(vm, &reply->error);
	/* A broken machine (TKVM_EHOST) cannot run anything. */
	if (reply->error.code != TKVM_EHOST &&
	    http_begin_on_error(vm->http, vm->machine, j->req,
	    reply->error.text) == 0) {
		COUNT(vm->generation->program, on_error, 1);
		r = tkvm_machine_run(vm->machine, tkvm_now_ns() + ON_ERROR_NS,
		    &again);
		if (r == 0)
			r = http_reply(vm->http, vm->machine, reply, &again);
		if (r != 0)
			log_reason(vm, &again);
	}
	reply->by_on_error = r == 0;
	if (r != 0) {
		reply->status = 500;
		reply->content_type = NULL;
		reply->body = NULL;
		reply->body_len = 0;
	}
}

static void
count_cost(struct vm *vm, struct tkvm_reply *reply)
{
	const struct tkvm_machine_stats *s = tkvm_machine_stats(vm->machine);
	struct tkvm_program *p = vm->generation->program;

	reply->exits = s->exits - vm->seen.exits;
	reply->faults = s->faults - vm->seen.faults;
	COUNT(p, exits, reply->exits);
	COUNT(p, faults, reply->faults);
	vm->seen.exits = s->exits;
	vm->seen.faults = s->faults;
}

static void
count_status(struct vm *vm, const struct tkvm_reply *reply)
{
	struct tkvm_program *p = vm->generation->program;
	uint64_t *c[4] = {&p->counters.status_2xx, &p->counters.status_3xx,
	    &p->counters.status_4xx, &p->counters.status_5xx};
	uint64_t *v[4] = {&vm->counters.status_2xx, &vm->counters.status_3xx,
	    &vm->counters.status_4xx, &vm->counters.status_5xx};
	unsigned i = reply->status / 100 - 2;

	if (i < 4) {
		(void)__atomic_add_fetch(c[i], 1, __ATOMIC_RELAXED);
		++*v[i];
	}
	COUNT(p, output_bytes, reply->body_len);
	vm->counters.output_bytes += reply->body_len;
}

static void
run_job(void *arg)
{
	struct job *j = arg;
	struct vm *vm = j->vm;
	struct tkvm_program *p = vm->generation->program;
	uint64_t t = tkvm_now_ns();
	int r;

	COUNT(p, invocations, 1);
	COUNT(p, input_bytes, j->req->body_len);
	vm->counters.invocations++;
	vm->counters.input_bytes += j->req->body_len;
	vm->req = j->req;
	r = http_begin(vm->http, vm->machine, j->req, j->err);
	if (r == 0)
		r = tkvm_machine_run(vm->machine, in_seconds(
		    vm->generation->settings.max_request_time), j->err);
	if (r == 0)
		r = http_reply(vm->http, vm->machine, j->reply, j->err);
	if (r != 0 && r != TKVM_EBODY)
		second_chance(j);
	j->reply->run_ns = tkvm_now_ns() - t;
	COUNT(p, run_ns, j->reply->run_ns);
	vm->counters.run_ns += j->reply->run_ns;
	count_cost(vm, j->reply);
	j->r = r == TKVM_EBODY ? r : 0;
	if (j->r == 0)
		count_status(vm, j->reply);
}

int
vm_call(struct vm *vm, const struct tkvm_request *req,
    struct tkvm_reply *reply, struct tkvm_err *err)
{
	struct job j = {vm, req, reply, err, 0};

	if (vm->machine == NULL && make_machine(vm, err) != 0)
		return (TKVM_EHOST);
	if (vm->executor != NULL)
		executor_run(vm->executor, run_job, &j);
	else
		run_job(&j);
	return (j.r);
}

void
vm_reset(struct vm *vm, struct tkvm_reply *reply)
{
	struct tkvm_program *p = vm->generation->program;
	uint64_t t = tkvm_now_ns(), copied;
	struct tkvm_err err;

	vm->req = NULL;
	linux_reset(vm->linux_state);
	http_reset(vm->http);
	if (tkvm_machine_reset(vm->machine, &err) != 0) {
		/* Made anew here, or by the next call if that fails, too. */
		tkvm_machine_destroy(&vm->machine);
		library_log(p->library, p->name, err.text);
		if (make_machine(vm, &err) != 0)
			library_log(p->library, p->name, err.text);
		return;
	}
	copied = tkvm_machine_stats(vm->machine)->pages_copied;
	COUNT(p, resets, 1);
	COUNT(p, pages_copied, copied - vm->seen.pages_copied);
	COUNT(p, unknown_calls, http_unknown_calls(vm->http) -
	    vm->unknown_seen);
	vm->unknown_seen = http_unknown_calls(vm->http);
	t = tkvm_now_ns() - t;
	COUNT(p, reset_ns, t);
	vm->counters.resets++;
	vm->counters.reset_ns += t;
	if (reply != NULL) {
		reply->reset_ns = t;
		reply->pages_copied = copied - vm->seen.pages_copied;
	}
	vm->seen.pages_copied = copied;
}
