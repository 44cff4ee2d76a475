/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pool.c: the machines of a generation that wait for requests, and the requests
 * that wait for machines: last used first, first come first served. A machine
 * that is given back goes to the first in the queue; nobody overtakes.
 */
#include <errno.h>
#include <time.h>

#include "program/program_priv.h"

static struct vm *
pop(struct generation *g)
{
	struct vm *vm = g->idle;

	if (vm == NULL)
		return (NULL);
	g->idle = vm->next;
	g->n_idle--;
	return (vm);
}

struct vm *
pool_try(struct generation *g)
{
	struct vm *vm;

	(void)pthread_mutex_lock(&g->lock);
	vm = g->first == NULL ? pop(g) : NULL;
	(void)pthread_mutex_unlock(&g->lock);
	return (vm);
}

static void
unlink_waiter(struct generation *g, struct waiter *w)
{
	struct waiter **p = &g->first;

	while (*p != w)
		p = &(*p)->next;
	*p = w->next;
	if (g->last == &w->next)
		g->last = p;
	g->n_waiting--;
}

/* With the lock held, which is given up while waiting. */
static struct vm *
wait_turn(struct generation *g, uint64_t timeout_ns)
{
	uint64_t until = tkvm_now_ns() + timeout_ns;
	const struct timespec ts = {
		.tv_sec = (time_t)(until / 1000000000u),
		.tv_nsec = (long)(until % 1000000000u),
	};
	struct waiter w = {.wake = PTHREAD_COND_INITIALIZER};
	int r = 0;

	*g->last = &w;
	g->last = &w.next;
	g->n_waiting++;
	while (w.vm == NULL && r != ETIMEDOUT)
		r = pthread_cond_clockwait(&w.wake, &g->lock, CLOCK_MONOTONIC,
		    &ts);
	/* pool_give() has unlinked whom it served. */
	if (w.vm == NULL)
		unlink_waiter(g, &w);
	(void)pthread_cond_destroy(&w.wake);
	return (w.vm);
}

int
pool_take(struct generation *g, uint64_t timeout_ns, struct vm **vmp,
    struct tkvm_err *err)
{
	struct vm *vm = NULL;

	(void)pthread_mutex_lock(&g->lock);
	if (g->first == NULL)
		vm = pop(g);
	if (vm == NULL)
		vm = wait_turn(g, timeout_ns);
	(void)pthread_mutex_unlock(&g->lock);
	*vmp = vm;
	if (vm != NULL)
		return (0);
	return (tkvm_fail(err, TKVM_EBUSY, "all %u machines of %s were busy "
	    "for %.3g seconds; raise concurrency",
	    (unsigned)g->settings.concurrency, g->program->name,
	    (double)timeout_ns / 1e9));
}

void
pool_give(struct generation *g, struct vm *vm)
{
	struct waiter *w;

	(void)pthread_mutex_lock(&g->lock);
	w = g->first;
	if (w != NULL) {
		w->vm = vm;
		unlink_waiter(g, w);
		(void)pthread_cond_signal(&w->wake);
	} else {
		vm->next = g->idle;
		g->idle = vm;
		g->n_idle++;
	}
	(void)pthread_mutex_unlock(&g->lock);
}
