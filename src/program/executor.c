/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * executor.c: a machine's own thread, for hosts where running a vCPU from
 * changing threads is dear (struct tkvm_host, move_ns).
 */
#include <stdlib.h>
#include <string.h>

#include "base/thread.h"
#include "program/program_priv.h"

struct executor {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake, done;
	void (*job)(void *arg);
	void *arg;
	bool finished, stop;
};

static void *
work(void *arg)
{
	struct executor *e = arg;

	(void)pthread_mutex_lock(&e->lock);
	for (;;) {
		while (e->job == NULL && !e->stop)
			(void)pthread_cond_wait(&e->wake, &e->lock);
		if (e->job == NULL)
			break;
		(void)pthread_mutex_unlock(&e->lock);
		e->job(e->arg);
		(void)pthread_mutex_lock(&e->lock);
		e->job = NULL;
		e->finished = true;
		/* Signals without the lock, or who wakes up waits for it. */
		(void)pthread_mutex_unlock(&e->lock);
		(void)pthread_cond_signal(&e->done);
		(void)pthread_mutex_lock(&e->lock);
	}
	(void)pthread_mutex_unlock(&e->lock);
	return (NULL);
}

int
executor_new(struct executor **ep, struct tkvm_err *err)
{
	struct executor *e = calloc(1, sizeof *e);
	int r;

	*ep = NULL;
	if (e == NULL)
		return (tkvm_fail(err, TKVM_ENOMEM, "no memory for a thread"));
	(void)pthread_mutex_init(&e->lock, NULL);
	(void)pthread_cond_init(&e->wake, NULL);
	(void)pthread_cond_init(&e->done, NULL);
	r = thread_start(&e->thread, work, e);
	if (r != 0) {
		free(e);
		return (tkvm_fail(err, TKVM_EHOST,
		    "cannot start a machine's thread: %s", strerror(r)));
	}
	*ep = e;
	return (0);
}

void
executor_destroy(struct executor **ep)
{
	struct executor *e = *ep;

	*ep = NULL;
	if (e == NULL)
		return;
	(void)pthread_mutex_lock(&e->lock);
	e->stop = true;
	(void)pthread_cond_signal(&e->wake);
	(void)pthread_mutex_unlock(&e->lock);
	(void)pthread_join(e->thread, NULL);
	(void)pthread_mutex_destroy(&e->lock);
	(void)pthread_cond_destroy(&e->wake);
	(void)pthread_cond_destroy(&e->done);
	free(e);
}

void
executor_start(struct executor *e, void (*f)(void *arg), void *arg)
{
	(void)pthread_mutex_lock(&e->lock);
	/* Who waited for the last job may come before its thread is back. */
	while (e->job != NULL)
		(void)pthread_cond_wait(&e->done, &e->lock);
	e->job = f;
	e->arg = arg;
	e->finished = false;
	(void)pthread_mutex_unlock(&e->lock);
	(void)pthread_cond_signal(&e->wake);
}

void
executor_run(struct executor *e, void (*f)(void *arg), void *arg)
{
	executor_start(e, f, arg);
	(void)pthread_mutex_lock(&e->lock);
	while (!e->finished)
		(void)pthread_cond_wait(&e->done, &e->lock);
	(void)pthread_mutex_unlock(&e->lock);
}
