/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * program.c: a program's states.
 *
 *   IDLE --start or first call--> STARTING --> READY --stop--> IDLE
 *                                   | '------> FAILED --a call, a second
 *                                   |                   later--> STARTING
 *                                   '--stop--> IDLE, and a call that waited
 *                                              starts it again
 *   READY --a call that finds a file changed, see restart.c--> IDLE
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/thread.h"
#include "program/program_priv.h"

#define RETRY_NS 1000000000u

int
program_new(struct tkvm_library *lib, const char *name,
    struct tkvm_program **pp, struct tkvm_err *err)
{
	struct tkvm_program *p = calloc(1, sizeof *p);

	*pp = NULL;
	if (p != NULL)
		p->name = strdup(name);
	if (p == NULL || p->name == NULL) {
		free(p);
		return (tkvm_fail(err, TKVM_ENOMEM, "no memory for a program"));
	}
	p->library = lib;
	(void)pthread_mutex_init(&p->lock, NULL);
	(void)pthread_mutex_init(&p->updating, NULL);
	(void)pthread_mutex_init(&p->watching, NULL);
	(void)pthread_cond_init(&p->changed, NULL);
	settings_init(&p->settings);
	*pp = p;
	return (0);
}

void
program_free(struct tkvm_program *p)
{
	settings_free(&p->settings);
	(void)pthread_mutex_destroy(&p->lock);
	(void)pthread_mutex_destroy(&p->updating);
	(void)pthread_mutex_destroy(&p->watching);
	(void)pthread_cond_destroy(&p->changed);
	free(p->name);
	free(p);
}

/*--- starting -------------------------------------------------------------*/

/* Requests may use it meanwhile. */
void
generation_fill(struct generation *g)
{
	struct tkvm_program *p = g->program;
	struct tkvm_err err;
	struct vm *vm;
	bool closing;

	for (unsigned i = 1; i < g->settings.concurrency; i++) {
		(void)pthread_mutex_lock(&g->lock);
		closing = g->closing;
		(void)pthread_mutex_unlock(&g->lock);
		if (closing)
			return;
		if (vm_new(g, i, g->own_threads, &vm, &err) != 0) {
			library_failed(p->library, p->name, &err);
			return;
		}
		generation_add(g, vm);
	}
}

static void *
start_thread(void *arg)
{
	struct tkvm_program *p = arg;
	struct generation *g = NULL;
	uint64_t t = tkvm_now_ns();
	struct settings s;
	struct tkvm_err err;
	int r;

	settings_init(&s);
	(void)pthread_mutex_lock(&p->lock);
	r = settings_copy(&s, &p->settings, &err);
	(void)pthread_mutex_unlock(&p->lock);
	if (r == 0)
		r = generation_make(p, &s, NULL, 0, false, &g, &err);
	settings_free(&s);
	if (r != 0)
		library_failed(p->library, p->name, &err);
	else
		generation_ref(g);	/* ours, while we make machines */
	(void)pthread_mutex_lock(&p->lock);
	if (r == 0) {
		p->generation = g;
		p->state = PROGRAM_READY;
		p->counters.start_ns = tkvm_now_ns() - t;
	} else {
		p->why = err;
		p->failed_ns = tkvm_now_ns();
		p->state = p->cancelled ? PROGRAM_IDLE : PROGRAM_FAILED;
	}
	p->cancelled = false;
	(void)pthread_cond_broadcast(&p->changed);
	(void)pthread_mutex_unlock(&p->lock);
	program_changed(p);
	if (r == 0) {
		generation_fill(g);
		program_changed(p);
		verbose(p, &g->settings, "ready after %.6f s: %s, %u machines, "
		    "%sephemeral, %ju bytes of image",
		    1e-9 * (double)p->counters.start_ns, g->elf_type,
		    g->n_machines, g->settings.ephemeral ? "" : "not ",
		    (uintmax_t)tkvm_image_bytes(g->image));
		generation_drop(g);
	}
	return (NULL);
}

/* With the lock held. A thread of our own: callers may have small stacks. */
static int
begin_start(struct tkvm_program *p, struct tkvm_err *err)
{
	int r;

	if (p->starter_running) {
		/* It has published its result; at most it makes machines. */
		(void)pthread_mutex_unlock(&p->lock);
		(void)pthread_join(p->starter, NULL);
		(void)pthread_mutex_lock(&p->lock);
		p->starter_running = false;
	}
	r = thread_start(&p->starter, start_thread, p);
	if (r != 0)
		return (tkvm_fail(err, TKVM_EHOST,
		    "cannot start a thread: %s", strerror(r)));
	p->starter_running = true;
	p->starts++;
	return (0);
}

/* With the lock held, which is given up meanwhile. False: it is later. */
static bool
wait_change(struct tkvm_program *p, uint64_t until_ns)
{
	const struct timespec ts = {
		.tv_sec = (time_t)(until_ns / 1000000000u),
		.tv_nsec = (long)(until_ns % 1000000000u),
	};

	return (pthread_cond_clockwait(&p->changed, &p->lock, CLOCK_MONOTONIC,
	    &ts) != ETIMEDOUT);
}

/*
 * With the lock held: wait for the program to be ready, or why it is not;
 * TKVM_EBUSY: it starts still. until_ns 0: it has begun to start, at least.
 */
static int
make_ready(struct tkvm_program *p, uint64_t until_ns, struct tkvm_err *err)
{
	bool started = false;
	int r;

	for (;;) {
		switch (p->state) {
		case PROGRAM_READY:
			return (0);
		case PROGRAM_STARTING:
			if (until_ns == 0)
				return (0);
			started = true;
			if (!wait_change(p, until_ns) &&
			    p->state == PROGRAM_STARTING)
				return (tkvm_fail(err, TKVM_EBUSY,
				    "%s is still starting", p->name));
			continue;
		case PROGRAM_FAILED:
			if (started ||
			    tkvm_now_ns() - p->failed_ns < RETRY_NS)
				return (tkvm_fail(err, p->why.code, "%s",
				    p->why.text));
			break;
		case PROGRAM_IDLE:
			break;
		}
		/* Before anything unlocks, so that only one starts it. */
		p->state = PROGRAM_STARTING;
		r = begin_start(p, err);
		if (r != 0) {
			p->state = PROGRAM_IDLE;
			(void)pthread_cond_broadcast(&p->changed);
			return (r);
		}
	}
}

int
tkvm_program_start(struct tkvm_program *p, bool async, struct tkvm_err *err)
{
	const struct tkvm_library *lib = p->library;
	bool late;
	int r;

	(void)pthread_mutex_lock(&p->lock);
	r = make_ready(p, async ? 0 : lib->load_until_ns, err);
	late = r == TKVM_EBUSY && p->state == PROGRAM_STARTING;
	(void)pthread_mutex_unlock(&p->lock);
	if (!late)
		return (r);
	tkvm_program_stop(p);
	return (tkvm_fail(err, TKVM_ETIMEOUT, "%s does not start within the "
	    "%.3g seconds that all of this may take; start it in the "
	    "background", p->name, lib->load_seconds));
}

void
tkvm_program_set_debug(struct tkvm_program *p, bool debug)
{
	(void)pthread_mutex_lock(&p->lock);
	p->settings.debug = debug;
	(void)pthread_mutex_unlock(&p->lock);
}

/* With the lock held: a request waits for the start, as long as it may. */
static int
wait_ready(struct tkvm_program *p, uint64_t until_ns, uint64_t *waited_ns,
    struct tkvm_err *err)
{
	uint64_t t = tkvm_now_ns();
	int r;

	p->n_waiting++;
	r = make_ready(p, in_seconds_or(p->settings.max_queue_time, until_ns),
	    err);
	p->n_waiting--;
	*waited_ns = tkvm_now_ns() - t;
	COUNT(p, queue_ns, *waited_ns);
	if (r != TKVM_EBUSY || p->state != PROGRAM_STARTING)
		return (r);
	COUNT(p, queue_timeouts, 1);
	return (tkvm_fail(err, TKVM_EBUSY, "%s was still starting after %.3g "
	    "seconds; raise max_queue_time, or let it start before",
	    p->name, (double)*waited_ns * 1e-9));
}

static int
use(struct tkvm_program *p, uint64_t until_ns, struct generation **gp,
    uint64_t *waited_ns, struct tkvm_err *err)
{
	int r = 0;

	*waited_ns = 0;
	(void)pthread_mutex_lock(&p->lock);
	if (p->state != PROGRAM_READY)
		r = wait_ready(p, until_ns, waited_ns, err);
	if (r == 0) {
		*gp = p->generation;
		generation_ref(*gp);
	}
	(void)pthread_mutex_unlock(&p->lock);
	return (r);
}

int
program_use(struct tkvm_program *p, uint64_t until_ns,
    struct generation **gp, uint64_t *waited_ns, struct tkvm_err *err)
{
	uint64_t first_ns;
	int r = use(p, until_ns, gp, waited_ns, err);

	if (r != 0 || !generation_outdated(*gp))
		return (r);
	generation_drop(*gp);
	/* This start began behind the request, which has no more to ask. */
	first_ns = *waited_ns;
	r = use(p, until_ns, gp, waited_ns, err);
	*waited_ns += first_ns;
	return (r);
}

/* With the lock held: what served, for generation_drop() without it. */
static struct generation *
take_out(struct tkvm_program *p)
{
	struct generation *g = p->generation;

	p->generation = NULL;
	p->state = PROGRAM_IDLE;
	if (g != NULL) {
		(void)pthread_mutex_lock(&g->lock);
		g->closing = true;
		(void)pthread_mutex_unlock(&g->lock);
	}
	return (g);
}

bool
program_end(struct tkvm_program *p, const struct generation *g)
{
	struct generation *old = NULL;

	(void)pthread_mutex_lock(&p->lock);
	if (p->generation == g)
		old = take_out(p);
	(void)pthread_mutex_unlock(&p->lock);
	if (old != NULL)
		generation_drop(old);
	return (old != NULL);
}

void
tkvm_program_stop(struct tkvm_program *p)
{
	struct generation *g;
	pthread_t starter;
	uint64_t start;
	bool join;

	(void)pthread_mutex_lock(&p->lock);
	start = p->starts;
	if (p->state == PROGRAM_STARTING) {
		p->cancelled = true;
		if (p->booting != NULL)
			tkvm_machine_cancel(p->booting);
		while (p->state == PROGRAM_STARTING && p->starts == start)
			(void)pthread_cond_wait(&p->changed, &p->lock);
	}
	if (p->starts != start) {
		/* The one we stopped is gone; this one reads the file anew. */
		(void)pthread_mutex_unlock(&p->lock);
		return;
	}
	g = take_out(p);
	join = p->starter_running;
	starter = p->starter;
	p->starter_running = false;
	(void)pthread_mutex_unlock(&p->lock);
	if (join)
		(void)pthread_join(starter, NULL);
	if (g != NULL) {
		generation_unserve(g);
		generation_drop(g);
	}
}

bool
tkvm_program_ready(struct tkvm_program *p)
{
	bool ready;

	(void)pthread_mutex_lock(&p->lock);
	ready = p->state == PROGRAM_READY;
	(void)pthread_mutex_unlock(&p->lock);
	return (ready);
}

const char *
tkvm_program_state(struct tkvm_program *p, struct tkvm_err *err)
{
	static const char *const names[] = {
		[PROGRAM_IDLE] = "stopped", [PROGRAM_STARTING] = "starting",
		[PROGRAM_READY] = "ready", [PROGRAM_FAILED] = "failed",
	};
	enum program_state state;

	(void)pthread_mutex_lock(&p->lock);
	state = p->state;
	if (state == PROGRAM_FAILED && err != NULL)
		*err = p->why;
	(void)pthread_mutex_unlock(&p->lock);
	return (names[state]);
}

const char *
tkvm_program_name(const struct tkvm_program *p)
{
	return (p->name);
}

bool
tkvm_program_starts(const struct tkvm_program *p)
{
	return (p->settings.start || settings_serve(&p->settings));
}

int
tkvm_program_set_arguments(struct tkvm_program *p, const char *const *argv,
    unsigned argc, struct tkvm_err *err)
{
	struct strings list = {0};

	for (unsigned i = 0; i < argc; i++)
		if (!strings_add(&list, argv[i])) {
			strings_free(&list);
			return (tkvm_fail(err, TKVM_ENOMEM,
			    "no memory for arguments"));
		}
	(void)pthread_mutex_lock(&p->lock);
	strings_free(&p->settings.main_arguments);
	p->settings.main_arguments = list;
	(void)pthread_mutex_unlock(&p->lock);
	return (0);
}
