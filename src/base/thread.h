/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * thread.h: threads of ours in a process that is not ours.
 */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>

/*
 * pthread_create(), with the signals of the host program blocked: it decides
 * which of its threads take them. Those that mean trouble in the thread itself
 * and real-time signals, of which the deadline's is one, are not.
 */
int thread_start(pthread_t *thread, void *(*f)(void *arg), void *arg);

#endif
