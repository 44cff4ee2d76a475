/* SPDX-License-Identifier: BSD-2-Clause */
#include <signal.h>

#include "base/thread.h"

int
thread_start(pthread_t *thread, void *(*f)(void *arg), void *arg)
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
	r = pthread_create(thread, NULL, f, arg);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	return (r);
}
