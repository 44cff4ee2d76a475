/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * storage_tasks.c: functions of storage that nobody waits for, at once or by a
 * timer. They stand in the same queue as calls; a thread runs them.
 */
#include <stdlib.h>
#include <string.h>

#include "base/thread.h"
#include "program/storage_priv.h"

#define TASKS_BYTES_MAX MIB(64)
#define LATER_NS 1000000000u	/* a timer that cannot fire now */

static void
run_task(struct storage *st, struct turn *t)
{
	struct http_storage_call call = {
		.function = t->function, .task = true, .n = 1,
		.data = t->data,
	};

	call.len[0] = t->len;
	t->wait.state = WAIT_THERE;
	if (storage_run_call(st, &call, TASK_SECONDS) == 0)
		storage_good(st, &t->wait);
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
	storage_queue(st, t);
	return (t);
}

/* false: not now. */
static bool
fire_one(struct storage *st, struct timer *t)
{
	struct turn *task;

	if (t->waits || !http_allowed(&st->g->http, t->function))
		return (true);
	/* While another one has the file, time goes on there. */
	if (!storage_has_file_locked(st))
		return (false);
	task = queue_task(st, t->function, t->data, t->len);
	if (task != NULL && t->period_ns != 0) {
		task->timer = t;
		t->waits = true;
	}
	return (task != NULL);
}

static void
end_timer(struct timer *t)
{
	free(t->data);
	*t = (struct timer){.ever = true};
}

/* In step; what was missed is not made up for. */
static void
fire_due(struct storage *st, struct timer *t, uint64_t now)
{
	if (!fire_one(st, t) && t->period_ns == 0) {
		t->due_ns = now + LATER_NS;
		return;
	}
	st->timers_changed = true;
	t->due_ns += t->period_ns;
	if (t->due_ns <= now)
		t->due_ns = now + t->period_ns;
	if (t->period_ns == 0)
		end_timer(t);
}

/* The timers that are due become tasks; when the next one is. */
static uint64_t
fire(struct storage *st)
{
	uint64_t now = tkvm_now_ns(), next = UINT64_MAX;

	for (unsigned i = 0; i < TIMERS_MAX; i++) {
		struct timer *t = &st->timer[i];

		if (t->used && t->due_ns <= now)
			fire_due(st, t, now);
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
		if (t->timer != NULL)
			t->timer->waits = false;
		st->task_bytes -= t->len + sizeof *t;
		(void)pthread_mutex_unlock(&st->lock);
		run_task(st, t);
		storage_give(st);
		(void)storage_on_disk(st, &t->wait);
		free(t->data);
		free(t);
		program_changed(st->g->program);
		(void)pthread_mutex_lock(&st->lock);
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
	t->delay_ns = start_ms * 1000000u;
	t->due_ns = tkvm_now_ns() + t->delay_ns;
	t->waits = false;
	t->used = t->ever = true;
	st->timers_changed = true;
	(void)pthread_cond_signal(&st->work);
	return ((long)id);
}

#define MS_MAX (1000ull * 3600 * 24 * 365)

long
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

/* Under lock: a firing that waits for its turn has none any more. */
static void
forget_firing(struct storage *st, const struct timer *t)
{
	struct turn *turn = st->first;

	if (st->task != NULL && st->task->timer == t)
		st->task->timer = NULL;
	while (turn != NULL && turn->timer != t)
		turn = turn->next;
	if (turn == NULL)
		return;
	storage_unqueue(st, turn);
	st->task_bytes -= turn->len + sizeof *turn;
	free(turn->data);
	free(turn);
}

/* The published one answers for timers that have fired, too. */
bool
storage_stop(void *priv, long id)
{
	struct storage *st = priv;
	struct timer *t;
	bool ever;

	if (id < 0 || id >= TIMERS_MAX)
		return (false);
	t = &st->timer[id];
	(void)pthread_mutex_lock(&st->lock);
	ever = t->ever;
	if (t->used) {
		forget_firing(st, t);
		end_timer(t);
		st->timers_changed = true;
	}
	(void)pthread_mutex_unlock(&st->lock);
	return (ever);
}

/*--- timers in snapshots --------------------------------------------------*/

struct saved_timer {
	uint64_t id, function, delay_ns, due_ns, period_ns, len;
};

/* When a periodic one is due next changes with time alone: it is left out. */
void
storage_timers_save(struct storage *st, struct blob *to)
{
	uint64_t n = 0;

	(void)pthread_mutex_lock(&st->lock);
	st->timers_changed = false;
	for (unsigned i = 0; i < TIMERS_MAX; i++)
		n += st->timer[i].used;
	blob_put64(to, n);
	for (unsigned i = 0; i < TIMERS_MAX; i++) {
		const struct timer *t = &st->timer[i];
		const struct saved_timer is = {i, t->function, t->delay_ns,
		    t->period_ns != 0 ? 0 : t->due_ns, t->period_ns, t->len};

		if (!t->used)
			continue;
		blob_put(to, &is, sizeof is);
		blob_put(to, t->data, t->len);
	}
	(void)pthread_mutex_unlock(&st->lock);
}

/* It waits no longer than it was to wait at first, whatever the clock says. */
static bool
load_timer(struct storage *st, struct blob_in *from)
{
	uint64_t now = tkvm_now_ns();
	struct saved_timer is;
	const void *data;
	struct timer *t;

	blob_get_to(from, &is, sizeof is);
	data = blob_get(from, is.len);
	if (data == NULL || is.id >= TIMERS_MAX || st->timer[is.id].used)
		return (false);
	t = &st->timer[is.id];
	*t = (struct timer){.ever = true, .function = is.function,
	    .delay_ns = is.delay_ns, .period_ns = is.period_ns, .len = is.len,
	    .due_ns = is.due_ns, .data = malloc(is.len + 1)};
	if (is.period_ns != 0)
		t->due_ns = now + is.period_ns;
	else if (is.due_ns > now + is.delay_ns)
		t->due_ns = now + is.delay_ns;
	t->used = t->data != NULL;
	if (t->used)
		memcpy(t->data, data, is.len);
	return (t->used);
}

/* Under lock. */
static void
clear_timers(struct storage *st)
{
	for (unsigned i = 0; i < TIMERS_MAX; i++)
		if (st->timer[i].used) {
			forget_firing(st, &st->timer[i]);
			end_timer(&st->timer[i]);
		}
}

void
storage_timers_clear(struct storage *st)
{
	(void)pthread_mutex_lock(&st->lock);
	clear_timers(st);
	(void)pthread_mutex_unlock(&st->lock);
}

bool
storage_timers_changed(struct storage *st)
{
	bool changed;

	(void)pthread_mutex_lock(&st->lock);
	changed = st->timers_changed;
	(void)pthread_mutex_unlock(&st->lock);
	return (changed);
}

int
storage_timers_load(struct storage *st, struct blob_in *from,
    struct tkvm_err *err)
{
	uint64_t n = blob_get64(from);
	bool good = !from->failed && n <= TIMERS_MAX;

	(void)pthread_mutex_lock(&st->lock);
	clear_timers(st);
	for (uint64_t i = 0; i < n && good; i++)
		good = load_timer(st, from);
	if (n > 0 && good)
		good = start_thread(st);
	(void)pthread_mutex_unlock(&st->lock);
	return (good ? 0 : tkvm_fail(err, TKVM_EFILE,
	    "its timers are damaged"));
}

void
storage_forget_tasks(struct storage *st)
{
	struct turn *t;

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
}
