/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * storage.c: the machine of a program that keeps state. It is a generation of
 * its own with one machine that is never cleaned; requests' machines call into
 * it, one at a time, in the order in which they came.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program/storage_priv.h"

#define FINISH_NS 1000000000u	/* a function goes on behind its result */

static void make_calls(void *arg);

/*--- turns ----------------------------------------------------------------*/

/* Under lock: whoever is first may use the machine. */
static struct turn *
take_first(struct storage *st)
{
	struct turn *t = st->first;

	if (st->busy || t == NULL)
		return (NULL);
	st->first = t->next;
	if (st->first == NULL)
		st->last = &st->first;
	st->busy = true;
	t->now = true;
	return (t);
}

/* Under lock: the machine is t's, which may be nobody. */
static void
begin_turn(struct storage *st, struct turn *t)
{
	if (t == NULL)
		return;
	if (t->run != NULL && st->vm != NULL) {
		executor_start(st->vm->executor, make_calls, t);
		return;
	}
	if (t->run != NULL) {
		t->run->r = TKVM_EHOST;
		t->done = true;
	}
	if (t->data != NULL)
		st->task = t;
	(void)pthread_cond_signal(t->wake);
}

void
storage_queue(struct storage *st, struct turn *t)
{
	struct turn **at = t->first ? &st->first : st->last;

	t->next = *at;
	*at = t;
	if (st->last == at)
		st->last = &t->next;
	begin_turn(st, take_first(st));
}

void
storage_unqueue(struct storage *st, struct turn *t)
{
	struct turn **at = &st->first;

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	if (st->last == &t->next)
		st->last = at;
}

void
storage_give_locked(struct storage *st)
{
	st->busy = false;
	begin_turn(st, take_first(st));
}

void
storage_give(struct storage *st)
{
	(void)pthread_mutex_lock(&st->lock);
	storage_give_locked(st);
	(void)pthread_mutex_unlock(&st->lock);
}

void
storage_close(struct storage *st)
{
	(void)pthread_mutex_lock(&st->lock);
	st->closed = true;
	for (struct turn *t = st->first; t != NULL; t = t->next)
		(void)pthread_cond_signal(t->wake);
	(void)pthread_mutex_unlock(&st->lock);
}

/*
 * Wait until the machine is t's, or what it wanted there is done. -1: not
 * before the deadline, which is for waiting alone.
 */
static int
wait_turn(struct storage *st, struct turn *t, uint64_t deadline_ns)
{
	const struct timespec end = {
		.tv_sec = (time_t)(deadline_ns / 1000000000u),
		.tv_nsec = (long)(deadline_ns % 1000000000u),
	};
	pthread_cond_t wake;
	bool queued;

	(void)pthread_cond_init(&wake, NULL);
	t->wake = &wake;
	(void)pthread_mutex_lock(&st->lock);
	/* At its end nobody new may have it. */
	queued = !st->stopping;
	if (queued)
		storage_queue(st, t);
	while (!t->now && !st->closed && !st->stopping &&
	    pthread_cond_clockwait(&wake, &st->lock, CLOCK_MONOTONIC,
	    &end) == 0)
		continue;
	while (t->now && t->run != NULL && !t->done)
		(void)pthread_cond_wait(&wake, &st->lock);
	if (!t->now && queued)
		storage_unqueue(st, t);
	(void)pthread_mutex_unlock(&st->lock);
	(void)pthread_cond_destroy(&wake);
	return (t->now ? 0 : -1);
}

int
storage_take(struct storage *st, uint64_t deadline_ns)
{
	struct turn t = {.now = false};

	return (wait_turn(st, &t, deadline_ns));
}

int
storage_take_first(struct storage *st)
{
	struct turn t = {.first = true};
	double limit = st->g->settings.max_storage_time;

	return (wait_turn(st, &t, in_seconds(limit > TASK_SECONDS ? limit :
	    TASK_SECONDS) + FINISH_NS));
}

/*--- a call ---------------------------------------------------------------*/

/* Behind storage_return() it may tidy up. */
static int
finish(struct vm *vm, struct tkvm_err *err)
{
	struct tkvm_err why;
	int r;

	tkvm_machine_continue(vm->machine,
	    tkvm_machine_regs(vm->machine)->rax);
	r = tkvm_machine_run(vm->machine, tkvm_now_ns() + FINISH_NS, &why);
	return (r == 0 ? 0 : tkvm_fail(err, r, "storage failed behind its "
	    "result: %.300s", why.text));
}

/*
 * What fails behind its result has its result, unless what it did is taken
 * back: nobody is told of a thing that is not so.
 */
void
storage_end(struct run *u, bool goes_on)
{
	struct vm *vm = u->st->vm;
	struct tkvm_err err;
	int behind = 0, r;

	if (u->r == 0 && goes_on)
		behind = finish(vm, &u->err);
	r = linux_settle(vm->linux_state, u->r == 0 && behind == 0, &err);
	/* Who is told that it was done is to find it done. */
	if (r != 0 && u->r == 0 && behind == 0) {
		u->err = err;
		u->r = err.code;
	}
	if (behind == TKVM_EHOST || (behind != 0 &&
	    (r != 0 || u->st->g->settings.storage_rollback)))
		u->r = behind;
	else if (behind != 0)
		vm_log(vm, u->err.text);
	http_storage_end(vm->http, vm->machine);
}

/* Until the function has given its result; true when it goes on behind that. */
bool
storage_run_to_result(struct run *u)
{
	struct vm *vm = u->st->vm;
	bool goes_on = false;

	u->r = storage_claim(u->st, &u->err);
	if (u->r == 0)
		u->r = http_storage_begin(vm->http, vm->machine, u->call,
		    &u->err);
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

	storage_end(u, storage_run_to_result(u));
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

/* Only who has its turn changes it; storage_destroy() looks at it. */
static void
set_vm(struct storage *st, struct vm *vm)
{
	(void)pthread_mutex_lock(&st->lock);
	st->vm = vm;
	if (vm != NULL && st->stopping && !storage_keeps_changes(st))
		tkvm_machine_cancel(vm->machine);
	(void)pthread_mutex_unlock(&st->lock);
}

static bool
fresh_vm(struct storage *st)
{
	struct vm *vm = st->vm;
	struct tkvm_err err;

	set_vm(st, NULL);
	vm_destroy(&vm);
	if (vm_new(st->g, 0, true, &vm, &err) != 0) {
		library_log(st->g->program->library, st->g->program->name,
		    err.text);
		return (false);
	}
	set_vm(st, vm);
	return (true);
}

/* A machine that broke is made anew, without its state if that is not kept. */
static void
renew(struct storage *st)
{
	bool back;

	if (!fresh_vm(st))
		return;
	back = storage_back(st);
	/* Half of a state is none. */
	if (!back && st->good != NULL && !fresh_vm(st))
		return;
	vm_log(st->vm, back ? "the storage machine broke; a new one goes on "
	    "with its last good state" :
	    "the storage machine broke; it starts anew, empty");
}

/* With the turn: the machine is to serve others after a call that failed. */
static void
recover(struct storage *st, struct run *u)
{
	log_failure(st, u);
	/* What it was called with is given back, but would count for ever. */
	if (u->r == TKVM_EWORKMEM)
		u->r = tkvm_machine_trim(st->vm->machine, &u->err) != 0 ?
		    TKVM_EHOST : TKVM_EWORKMEM;
	if (u->r == TKVM_EHOST)
		renew(st);
	else if (st->g->settings.storage_rollback && !storage_back(st))
		renew(st);
}

/* With the turn: f is run() or restore(), which begins with a struct run. */
int
storage_run_there(struct storage *st, void (*f)(void *arg), struct run *u)
{
	if (st->vm == NULL)
		renew(st);
	if (st->vm == NULL)
		return (-1);
	executor_run(st->vm->executor, f, u);
	if (u->r == 0)
		return (0);
	recover(st, u);
	return (-1);
}

int
storage_run_call(struct storage *st, struct http_storage_call *call,
    double seconds)
{
	struct run u = {.st = st, .call = call, .seconds = seconds};

	return (storage_run_there(st, run, &u));
}

/*
 * On the machine's own thread: the call whose turn it is, then all calls that
 * are next, so that between two of them no thread has to wake up. Who called
 * sees to what failed, with the machine.
 */
static void
make_calls(void *arg)
{
	struct turn *t = arg, *next;
	struct storage *st = t->run->st;

	do {
		run(t->run);
		if (t->run->r == 0)
			storage_good(st, &t->wait);
		(void)pthread_mutex_lock(&st->lock);
		next = NULL;
		if (t->run->r == 0) {
			st->busy = false;
			next = take_first(st);
		}
		/* From here on it may be gone once the lock is. */
		t->done = true;
		(void)pthread_cond_signal(t->wake);
		if (next != NULL && next->run == NULL) {
			begin_turn(st, next);
			next = NULL;
		}
		(void)pthread_mutex_unlock(&st->lock);
		t = next;
	} while (t != NULL);
}

static int
storage_call(void *priv, struct http_storage_call *call, uint64_t deadline_ns)
{
	struct storage *st = priv;
	struct run u = {.st = st, .call = call,
	    .seconds = st->g->settings.max_storage_time};
	struct turn t = {.run = &u};

	if (wait_turn(st, &t, deadline_ns) != 0)
		return (-1);
	if (u.r == 0)
		return (storage_on_disk(st, &t.wait));
	/* Without a machine nothing was tried: the next caller has one. */
	if (st->vm != NULL)
		recover(st, &u);
	else
		renew(st);
	storage_give(st);
	return (-1);
}

static void
claim(void *arg)
{
	struct run *u = arg;

	u->r = storage_claim(u->st, &u->err);
}

static void
claim_timers(void *priv)
{
	struct storage *st = priv;
	struct http_storage_call none = {.function = 0};
	struct run u = {.st = st, .call = &none};

	if (storage_has_file(st) || storage_take(st,
	    in_seconds(st->g->settings.max_storage_time)) != 0)
		return;
	(void)storage_run_there(st, claim, &u);
	storage_give(st);
}

static bool
storage_allowed(void *priv, uint64_t function)
{
	const struct storage *st = priv;

	return (http_allowed(&st->g->http, function));
}

const struct http_storage_ops storage_ops = {
	.allowed = storage_allowed, .call = storage_call,
	.task = storage_task, .stop = storage_stop, .claim = claim_timers,
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
	(void)pthread_cond_init(&st->written, NULL);
	(void)pthread_cond_init(&st->keep, NULL);
	st->g = own;
	return (0);
}

int
storage_open(struct storage *st, struct tkvm_err *err)
{
	return (vm_new(st->g, 0, true, &st->vm, err));
}

const struct tkvm_image *
storage_image(const struct storage *st)
{
	return (st->g->image);
}

/* Under lock: end what runs, unless its state is to be kept. */
static void
stop(struct storage *st)
{
	st->stopping = true;
	(void)pthread_cond_signal(&st->work);
	(void)pthread_cond_signal(&st->keep);
	for (struct turn *t = st->first; t != NULL; t = t->next)
		(void)pthread_cond_signal(t->wake);
	if (!storage_keeps_changes(st) && st->vm != NULL &&
	    st->vm->machine != NULL)
		tkvm_machine_cancel(st->vm->machine);
}

/* Nobody calls any more. */
void
storage_destroy(struct storage **sp)
{
	struct storage *st = *sp;

	*sp = NULL;
	if (st == NULL)
		return;
	(void)pthread_mutex_lock(&st->lock);
	stop(st);
	(void)pthread_mutex_unlock(&st->lock);
	if (st->has_thread)
		(void)pthread_join(st->thread, NULL);
	storage_keep_end(st);
	storage_forget_tasks(st);
	vm_destroy(&st->vm);
	generation_drop(st->g);
	(void)pthread_mutex_destroy(&st->lock);
	(void)pthread_cond_destroy(&st->work);
	(void)pthread_cond_destroy(&st->written);
	(void)pthread_cond_destroy(&st->keep);
	free(st);
}
