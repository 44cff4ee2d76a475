/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * thread.h: threads of ours in a process that is not ours.
 */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>
#include <stddef.h>

/*
 * pthread_create(), with the signals of the host program blocked: it decides
 * which of its threads take them. Those that mean trouble in the thread itself
 * and real-time signals, of which the deadline's is one, are not.
 */
int thread_start(pthread_t *thread, void *(*f)(void *arg), void *arg);

/*
 * f(arg) on a stack of that many bytes, and wait for it: for what needs more
 * than the host program's threads have. 0, or an errno and f did not run.
 */
int thread_run(size_t stack, void (*f)(void *arg), void *arg);

#endif
