/* SPDX-License-Identifier: BSD-2-Clause */
#include <signal.h>

#include "base/thread.h"

static int
start(pthread_t *thread, const pthread_attr_t *attr, void *(*f)(void *arg),
    void *arg)
{
	sigset_t block, old;
	int r;

	(void)sigfillset(&block);
	for (int s = SIGRTMIN; s <= SIGRTMAX; s++)
		(void)sigdelset(&block, s);
	(void)sigdelset(&block, SIGSEGV);
	(void)sigdelset(&block, SIGBUS);
	(void)sigdelset(&block, SIGABRT);
	(void)pthread_sigmask(SIG_SETMASK, &block, &old);
	r = pthread_create(thread, attr, f, arg);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	return (r);
}

int
thread_start(pthread_t *thread, void *(*f)(void *arg), void *arg)
{
	return (start(thread, NULL, f, arg));
}

struct run {
	void (*f)(void *arg);
	void *arg;
};

static void *
run(void *arg)
{
	const struct run *r = arg;

	r->f(r->arg);
	return (NULL);
}

int
thread_run(size_t stack, void (*f)(void *arg), void *arg)
{
	struct run what = {f, arg};
	pthread_attr_t attr;
	pthread_t thread;
	int r;

	r = pthread_attr_init(&attr);
	if (r != 0)
		return (r);
	r = pthread_attr_setstacksize(&attr, stack);
	if (r == 0)
		r = start(&thread, &attr, run, &what);
	(void)pthread_attr_destroy(&attr);
	return (r != 0 ? r : pthread_join(thread, NULL));
}
