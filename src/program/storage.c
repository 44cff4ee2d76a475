/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * storage.c: the machine of a program that keeps state. It is a generation of
 * its own with one machine that is never cleaned; requests' machines call into
 * it, one at a time, in the order in which they came. Tasks stand in the same
 * queue; a thread of the storage runs them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/thread.h"
#include "program/program_priv.h"

#define FINISH_NS 1000000000u	/* a function goes on behind its result */
#define TASK_SECONDS 15.0
#define TIMERS_MAX 15
#define TASKS_BYTES_MAX MIB(64)
#define SERIALIZE 6
#define RESTORE 7
#define STATE_BYTES_MAX MIB(512)

/* Somebody who waits for the machine: a thread, or a task. */
struct turn {
	struct turn *next;
	pthread_cond_t *wake;
	bool now;			/* it may use the machine */
	/* Of tasks only: */
	uint64_t function;
	size_t len;
	char *data;
};

struct timer {
	bool used;
	uint64_t function, due_ns, period_ns;
	size_t len;
	char *data;
};

struct storage {
	struct generation *g;		/* its own */
	struct vm *vm;
	pthread_mutex_t lock;
	bool busy, stopping;
	struct turn *first, **last;
	struct turn *task;		/* that has its turn */
	size_t task_bytes;
	/* The tasks' thread, from the first task on. */
	pthread_t thread;
	bool has_thread;
	pthread_cond_t work;
	struct timer timer[TIMERS_MAX];
};

/*--- turns ----------------------------------------------------------------*/

/* Under lock: whoever is first may go on. */
static void
next_turn(struct storage *st)
{
	struct turn *t = st->first;

	if (st->busy || t == NULL)
		return;
	st->first = t->next;
	if (st->first == NULL)
		st->last = &st->first;
	st->busy = true;
	t->now = true;
	if (t->data != NULL)
		st->task = t;
	(void)pthread_cond_signal(t->wake);
}

static void
queue_turn(struct storage *st, struct turn *t)
{
	t->next = NULL;
	*st->last = t;
	st->last = &t->next;
	next_turn(st);
}

static void
give_up(struct storage *st, struct turn *t)
{
	struct turn **at = &st->first;

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	if (st->last == &t->next)
		st->last = at;
}

static void
end_turn(struct storage *st)
{
	(void)pthread_mutex_lock(&st->lock);
	st->busy = false;
	next_turn(st);
	(void)pthread_mutex_unlock(&st->lock);
}

/* -1: not before the deadline. */
static int
wait_turn(struct storage *st, uint64_t deadline_ns)
{
	const struct timespec end = {
		.tv_sec = (time_t)(deadline_ns / 1000000000u),
		.tv_nsec = (long)(deadline_ns % 1000000000u),
	};
	pthread_cond_t wake;
	struct turn t = {.wake = &wake};
	bool now;

	(void)pthread_cond_init(&wake, NULL);
	(void)pthread_mutex_lock(&st->lock);
	queue_turn(st, &t);
	while (!t.now && pthread_cond_clockwait(&wake, &st->lock,
	    CLOCK_MONOTONIC, &end) == 0)
		continue;
	now = t.now;
	if (!now)
		give_up(st, &t);
	(void)pthread_mutex_unlock(&st->lock);
	(void)pthread_cond_destroy(&wake);
	return (now ? 0 : -1);
}

/*--- a call ---------------------------------------------------------------*/

struct run {
	struct storage *st;
	struct http_storage_call *call;
	double seconds;
	struct tkvm_err err;
	int r;
};

static uint64_t
in_seconds(double s)
{
	return (tkvm_now_ns() + (uint64_t)(s * 1e9));
}

/* Behind storage_return() it may tidy up; what becomes of it matters little. */
static void
finish(struct vm *vm)
{
	struct tkvm_err err;
	char line[400];

	tkvm_machine_continue(vm->machine,
	    tkvm_machine_regs(vm->machine)->rax);
	if (tkvm_machine_run(vm->machine, tkvm_now_ns() + FINISH_NS,
	    &err) == 0)
		return;
	(void)snprintf(line, sizeof line, "storage failed behind its result: "
	    "%.300s", err.text);
	vm_log(vm, line);
}

/* Until the function has given its result; true when it goes on behind that. */
static bool
run_to_result(struct run *u)
{
	struct vm *vm = u->st->vm;
	bool goes_on = false;

	u->r = http_storage_begin(vm->http, vm->machine, u->call, &u->err);
	if (u->r == 0)
		u->r = tkvm_machine_run(vm->machine, in_seconds(u->seconds),
		    &u->err);
	if (u->r == 0)
		u->r = http_storage_result(vm->http, vm->machine, u->call,
		    &goes_on, &u->err);
	return (u->r == 0 && goes_on);
}

static void
run(void *arg)
{
	struct run *u = arg;
	struct vm *vm = u->st->vm;

	if (run_to_result(u))
		finish(vm);
	http_storage_end(vm->http, vm->machine);
}

static void
log_failure(struct storage *st, const struct run *u)
{
	char name[80], line[500];
	struct vm *vm = st->vm;

	(void)snprintf(line, sizeof line, "storage: %s: %.350s",
	    tkvm_machine_symbol(vm->machine, u->call->function, name,
	    sizeof name), u->err.text);
	vm_log(vm, line);
	COUNT(st->g->program, exceptions, 1);
}

/* A machine that broke is made anew, without its state. */
static void
renew(struct storage *st)
{
	struct tkvm_err err;

	vm_log(st->vm, "the storage machine broke; it starts anew, empty");
	vm_destroy(&st->vm);
	if (vm_new(st->g, 0, true, &st->vm, &err) != 0)
		library_log(st->g->program->library, st->g->program->name,
		    err.text);
	else
		http_be_storage(st->vm->http);
}

/* With the turn. */
static int
run_call(struct storage *st, struct http_storage_call *call, double seconds)
{
	struct run u = {.st = st, .call = call, .seconds = seconds};

	if (st->vm == NULL)
		return (-1);
	executor_run(st->vm->executor, run, &u);
	if (u.r != 0)
		log_failure(st, &u);
	if (u.r == TKVM_EHOST)
		renew(st);
	return (u.r == 0 ? 0 : -1);
}

static int
storage_call(void *priv, struct http_storage_call *call, uint64_t deadline_ns)
{
	struct storage *st = priv;
	int r;

	if (wait_turn(st, deadline_ns) != 0)
		return (-1);
	r = run_call(st, call, st->g->settings.max_storage_time);
	end_turn(st);
	return (r);
}

static bool
storage_allowed(void *priv, uint64_t function)
{
	const struct storage *st = priv;

	return (http_allowed(&st->g->http, function));
}

/*--- tasks ----------------------------------------------------------------*/

static void
run_task(struct storage *st, struct turn *t)
{
	struct http_storage_call call = {
		.function = t->function, .task = true, .n = 1,
		.data = t->data,
	};

	call.len[0] = t->len;
	(void)run_call(st, &call, TASK_SECONDS);
	free(call.result);
}

/* Under lock. NULL: too much waits already. */
static struct turn *
queue_task(struct storage *st, uint64_t function, const void *data, size_t len)
{
	struct turn *t;

	if (st->task_bytes + len + sizeof *t > TASKS_BYTES_MAX)
		return (NULL);
	t = calloc(1, sizeof *t);
	if (t != NULL)
		t->data = malloc(len + 1);
	if (t == NULL || t->data == NULL) {
		free(t);
		return (NULL);
	}
	memcpy(t->data, data, len);
	t->data[len] = '\0';
	t->len = len;
	t->function = function;
	t->wake = &st->work;
	st->task_bytes += len + sizeof *t;
	queue_turn(st, t);
	return (t);
}

/* The timers that are due become tasks; when the next one is. */
static uint64_t
fire(struct storage *st)
{
	uint64_t now = tkvm_now_ns(), next = UINT64_MAX;

	for (unsigned i = 0; i < TIMERS_MAX; i++) {
		struct timer *t = &st->timer[i];

		if (t->used && t->due_ns <= now) {
			if (http_allowed(&st->g->http, t->function))
				(void)queue_task(st, t->function, t->data,
				    t->len);
			/* What was missed is not made up for. */
			t->due_ns = now + t->period_ns;
			if (t->period_ns == 0) {
				free(t->data);
				t->used = false;
			}
		}
		if (t->used && t->due_ns < next)
			next = t->due_ns;
	}
	return (next);
}

static void *
work(void *arg)
{
	struct storage *st = arg;
	struct timespec end;
	struct turn *t;
	uint64_t next;

	(void)pthread_mutex_lock(&st->lock);
	while (!st->stopping) {
		next = fire(st);
		t = st->task;
		if (t == NULL && next == UINT64_MAX) {
			(void)pthread_cond_wait(&st->work, &st->lock);
			continue;
		}
		if (t == NULL) {
			end.tv_sec = (time_t)(next / 1000000000u);
			end.tv_nsec = (long)(next % 1000000000u);
			(void)pthread_cond_clockwait(&st->work, &st->lock,
			    CLOCK_MONOTONIC, &end);
			continue;
		}
		st->task = NULL;
		st->task_bytes -= t->len + sizeof *t;
		(void)pthread_mutex_unlock(&st->lock);
		run_task(st, t);
		free(t->data);
		free(t);
		(void)pthread_mutex_lock(&st->lock);
		st->busy = false;
		next_turn(st);
	}
	(void)pthread_mutex_unlock(&st->lock);
	return (NULL);
}

static bool
start_thread(struct storage *st)
{
	if (!st->has_thread && !st->stopping)
		st->has_thread = thread_start(&st->thread, work, st) == 0;
	return (st->has_thread);
}

/* Under lock: its id, or -1. */
static long
add_timer(struct storage *st, uint64_t function, const void *data, size_t len,
    uint64_t start_ms, uint64_t period_ms)
{
	struct timer *t = NULL;
	unsigned id;

	for (id = 0; id < TIMERS_MAX; id++) {
		t = &st->timer[id];
		if (!t->used)
			break;
	}
	if (id == TIMERS_MAX)
		return (-1);
	t->data = malloc(len + 1);
	if (t->data == NULL)
		return (-1);
	memcpy(t->data, data, len);
	t->len = len;
	t->function = function;
	t->period_ns = period_ms * 1000000u;
	t->due_ns = tkvm_now_ns() + start_ms * 1000000u;
	t->used = true;
	(void)pthread_cond_signal(&st->work);
	return ((long)id);
}

#define MS_MAX (1000ull * 3600 * 24 * 365)

static long
storage_task(void *priv, uint64_t function, const void *data, size_t len,
    uint64_t start_ms, uint64_t period_ms)
{
	struct storage *st = priv;
	long id = -1;

	if (start_ms > MS_MAX || period_ms > MS_MAX)
		return (-1);
	(void)pthread_mutex_lock(&st->lock);
	if (start_thread(st))
		id = start_ms == 0 && period_ms == 0 ?
		    (queue_task(st, function, data, len) != NULL ? 0 : -1) :
		    add_timer(st, function, data, len, start_ms, period_ms);
	(void)pthread_mutex_unlock(&st->lock);
	return (id);
}

static bool
storage_stop(void *priv, long id)
{
	struct storage *st = priv;
	bool was;

	if (id < 0 || id >= TIMERS_MAX)
		return (false);
	(void)pthread_mutex_lock(&st->lock);
	was = st->timer[id].used;
	if (was)
		free(st->timer[id].data);
	st->timer[id].used = false;
	(void)pthread_mutex_unlock(&st->lock);
	return (was);
}

const struct http_storage_ops storage_ops = {
	.allowed = storage_allowed, .call = storage_call,
	.task = storage_task, .stop = storage_stop,
};

/*--- its life -------------------------------------------------------------*/

int
storage_new(struct generation *own, struct storage **sp, struct tkvm_err *err)
{
	struct storage *st = calloc(1, sizeof *st);

	*sp = st;
	if (st == NULL)
		return (tkvm_fail(err, TKVM_ENOMEM, "no memory for storage"));
	st->last = &st->first;
	st->busy = true;		/* until it is open */
	(void)pthread_mutex_init(&st->lock, NULL);
	(void)pthread_cond_init(&st->work, NULL);
	st->g = own;
	return (0);
}

int
storage_open(struct storage *st, struct tkvm_err *err)
{
	int r = vm_new(st->g, 0, true, &st->vm, err);

	if (r != 0)
		return (r);
	http_be_storage(st->vm->http);
	end_turn(st);
	return (0);
}

/* Nobody calls any more; a task under way is cut off. */
void
storage_destroy(struct storage **sp)
{
	struct storage *st = *sp;
	struct turn *t;

	*sp = NULL;
	if (st == NULL)
		return;
	(void)pthread_mutex_lock(&st->lock);
	st->stopping = true;
	(void)pthread_cond_signal(&st->work);
	if (st->vm != NULL && st->vm->machine != NULL)
		tkvm_machine_cancel(st->vm->machine);
	(void)pthread_mutex_unlock(&st->lock);
	if (st->has_thread)
		(void)pthread_join(st->thread, NULL);
	if (st->task != NULL) {
		st->task->next = st->first;
		st->first = st->task;
	}
	while ((t = st->first) != NULL) {
		st->first = t->next;
		free(t->data);
		free(t);
	}
	for (unsigned i = 0; i < TIMERS_MAX; i++)
		if (st->timer[i].used)
			free(st->timer[i].data);
	vm_destroy(&st->vm);
	generation_drop(st->g);
	(void)pthread_mutex_destroy(&st->lock);
	(void)pthread_cond_destroy(&st->work);
	free(st);
}

/*--- from one program to the next -----------------------------------------*/

static struct http_storage_call
plain_call(uint64_t function, uint64_t len)
{
	return ((struct http_storage_call){.function = function, .plain = true,
	    .dst_len = len});
}

struct restore {
	struct run run;
	const struct http_storage_call *from;
	int64_t moved;
};

/* It says where the state is to be put, and goes on when it is there. */
static void
restore(void *arg)
{
	struct restore *w = arg;
	struct run *u = &w->run;
	struct vm *vm = u->st->vm;
	uint64_t n = w->from->result_len;
	bool goes_on = run_to_result(u);

	if (u->r == 0) {
		n = n < u->call->result_len ? n : u->call->result_len;
		if (tkvm_copy_out(vm->machine, u->call->result_at,
		    w->from->result, n) != 0)
			u->r = tkvm_fail(&u->err, TKVM_EGUEST,
			    "the state has no room where it is wanted");
		else
			w->moved = (int64_t)n;
	}
	if (u->r == 0 && goes_on)
		finish(vm);
	http_storage_end(vm->http, vm->machine);
	if (u->r != 0)
		log_failure(u->st, u);
}

int64_t
storage_transfer(struct generation *old, struct generation *new)
{
	struct http_storage_call from;
	uint64_t save, load, end;
	int64_t moved = -1;

	if (old == NULL || old->storage == NULL || new->storage == NULL)
		return (0);
	/* Either of a program's two machines may have registered them. */
	save = old->http.callback[SERIALIZE] != 0 ?
	    old->http.callback[SERIALIZE] :
	    old->storage->g->http.callback[SERIALIZE];
	load = new->http.callback[RESTORE] != 0 ?
	    new->http.callback[RESTORE] :
	    new->storage->g->http.callback[RESTORE];
	if (save == 0 || load == 0)
		return (0);
	end = in_seconds(old->settings.max_storage_time);
	if (wait_turn(old->storage, end) != 0)
		return (-1);
	from = plain_call(save, STATE_BYTES_MAX);
	if (run_call(old->storage, &from, old->settings.max_storage_time) == 0)
		moved = 0;
	end_turn(old->storage);
	if (moved == 0 && from.result != NULL && wait_turn(new->storage,
	    in_seconds(new->settings.max_storage_time)) == 0) {
		struct http_storage_call to = plain_call(load,
		    from.result_len);
		struct restore w = {{new->storage, &to,
		    new->settings.max_storage_time, {0, ""}, 0}, &from, -1};

		executor_run(new->storage->vm->executor, restore, &w);
		free(to.result);
		moved = w.moved;
		end_turn(new->storage);
	}
	free(from.result);
	return (moved);
}
