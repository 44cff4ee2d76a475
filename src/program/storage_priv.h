/* SPDX-License-Identifier: BSD-2-Clause */
/* Between storage.c, storage_tasks.c and storage_move.c. */
#ifndef PROGRAM_STORAGE_PRIV_H
#define PROGRAM_STORAGE_PRIV_H

#include <sys/stat.h>

#include "program/program_priv.h"

#define TIMERS_MAX 15

/* Somebody who waits for the machine: a thread, a call, or a task. */
struct turn {
	struct turn *next;
	pthread_cond_t *wake;
	bool now;			/* it may use the machine */
	/* Of calls only, which the machine's own thread makes: */
	struct run *run;
	bool done;			/* when it failed, it has the machine */
	uint64_t number;		/* what storage_good() said */
	/* Of tasks only: */
	struct timer *timer;		/* that it is a firing of, or NULL */
	uint64_t function;
	size_t len;
	char *data;
};

struct timer {
	bool used;
	bool waits;			/* its last firing has not run yet */
	uint64_t function, delay_ns, due_ns, period_ns;
	size_t len;
	char *data;
};

struct storage {
	struct generation *g;		/* its own */
	struct vm *vm;
	pthread_mutex_t lock;
	bool busy, stopping;
	bool closed;			/* its state has gone elsewhere */
	struct turn *first, **last;
	struct turn *task;		/* that has its turn */
	size_t task_bytes;
	/* The tasks' thread, from the first task on. */
	pthread_t thread;
	bool has_thread;
	pthread_cond_t work;
	struct timer timer[TIMERS_MAX];
	/* storage_keep.c; with the machine: */
	bool changed;			/* since good was taken */
	struct snap *good;		/* pointer and count under lock, too */
	/* Under lock; of path and file also whoever is writing: */
	uint64_t last_number, on_disk;
	char *path;			/* NULL: it is not kept */
	struct stat file;		/* as we wrote it; inode 0: not yet */
	bool writing, write_failed;
	pthread_cond_t written;
	pthread_t keeper;
	bool has_keeper;
	pthread_cond_t keep;
};

/*--- storage.c ------------------------------------------------------------*/

/*
 * Under lock: stand behind the others; t->wake is signalled when it is next or,
 * of a call, when it is done.
 */
void storage_queue(struct storage *st, struct turn *t);
/*
 * Have the machine: 0, or -1 when it was not free before the deadline or is
 * closed.
 */
int storage_take(struct storage *st, uint64_t deadline_ns) TKVM_MUST_CHECK;
/*
 * With the machine, which is not given back: whoever waits for it, or comes,
 * is told that it failed. What it did now would be lost.
 */
void storage_close(struct storage *st);
/* Give it to the next one; the second with the lock held. */
void storage_give(struct storage *st);
void storage_give_locked(struct storage *st);

/* What is done on the machine's own thread. */
struct run {
	struct storage *st;
	struct http_storage_call *call;
	double seconds;
	struct tkvm_err err;
	int r;
};
/* Until the function has given its result; true when it goes on behind that. */
bool storage_run_to_result(struct run *u);
/* Let it go on if it does; then the call is over. */
void storage_end(struct run *u, bool goes_on);
/*
 * With the machine: have f do it, which gets u. 0, or -1 and a line in the log.
 */
int storage_run_there(struct storage *st, void (*f)(void *arg),
    struct run *u);
/* The same for an ordinary call. */
int storage_run_call(struct storage *st, struct http_storage_call *call,
    double seconds);

/*--- storage_keep.c -------------------------------------------------------*/

/*
 * With the machine, after a call that did not fail: the number that
 * storage_on_disk() wants before the caller is answered. That is 0, or -1 when
 * it could not be written; without the machine, which others have meanwhile.
 */
uint64_t storage_good(struct storage *st) TKVM_MUST_CHECK;
int storage_on_disk(struct storage *st, uint64_t number);
/* With the machine: is it as after the last call that is remembered? */
bool storage_back(struct storage *st);
/* Its end: a last time what has changed, if nobody else has it by now. */
void storage_keep_end(struct storage *st);

/*--- storage_tasks.c ------------------------------------------------------*/

/* For struct http_storage_ops. */
long storage_task(void *priv, uint64_t function, const void *data,
    size_t len, uint64_t start_ms, uint64_t period_ms);
bool storage_stop(void *priv, long id);
/* Put the timers; storage_timers_load() takes them. */
void storage_timers_save(struct storage *st, struct blob *to);
/* Free what waits; the thread is gone. */
void storage_forget_tasks(struct storage *st);

#endif
