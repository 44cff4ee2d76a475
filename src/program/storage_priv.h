/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the files of storage. */
#ifndef PROGRAM_STORAGE_PRIV_H
#define PROGRAM_STORAGE_PRIV_H

#include <sys/stat.h>

#include "program/program_priv.h"

#define TIMERS_MAX 15
#define TASK_SECONDS 15.0

/* Somebody who waits until what he did is on disk; under lock. */
struct wait {
	struct wait *next;
	uint64_t number;		/* of the state that has it */
	enum { WAIT_ON, WAIT_THERE, WAIT_LOST } state;
};

/* Somebody who waits for the machine: a thread, a call, or a task. */
struct turn {
	struct turn *next;
	pthread_cond_t *wake;
	bool now;			/* it may use the machine */
	bool first;			/* before all who wait */
	/* Of calls only, which the machine's own thread makes: */
	struct run *run;
	bool done;			/* when it failed, it has the machine */
	struct wait wait;		/* when it did not fail */
	/* Of tasks only: */
	struct timer *timer;		/* that it is a firing of, or NULL */
	uint64_t function;
	size_t len;
	char *data;
};

struct timer {
	bool used, ever;
	bool waits;			/* its last firing has not run yet */
	uint64_t function, delay_ns, due_ns, period_ns;
	size_t len;
	char *data;
};

/* A state; numbers grow with each different one. */
struct snap {
	unsigned refs;			/* under lock */
	uint64_t number;
	struct blob b;
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
	bool timers_changed;		/* since they were saved */
	/* storage_keep.c; with the machine: */
	bool changed;			/* since good was taken */
	bool restored;			/* it began with what its file says */
	struct snap *good;		/* pointer and count under lock, too */
	/* Under lock; of path and file also whoever is writing: */
	uint64_t last_number, on_disk;
	uint64_t begun;			/* numbers up to here are of a state
					   that another one's replaced */
	struct wait *waits;
	char *path;			/* NULL: it is not kept */
	struct stat file;		/* as we know it; inode 0: we do not */
	bool replacing;			/* it, just now */
	/* storage_claim.c: */
	struct place *place;		/* NULL: it is not kept */
	uint64_t order;
	struct storage *neighbour;
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
/* The same: stand there no longer. */
void storage_unqueue(struct storage *st, struct turn *t);
/*
 * Have the machine: 0, or -1 when it was not free before the deadline or is
 * closed.
 */
int storage_take(struct storage *st, uint64_t deadline_ns) TKVM_MUST_CHECK;
/* The same before all others, as soon as what runs there has ended. */
int storage_take_first(struct storage *st) TKVM_MUST_CHECK;
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
 * With the machine, after a call that did not fail: what storage_on_disk()
 * wants before the caller is answered. That is 0, or -1 when it could not be
 * written; without the machine, which others have meanwhile.
 */
void storage_good(struct storage *st, struct wait *w);
int storage_on_disk(struct storage *st, struct wait *w);
/* With the machine: is it as after the last call that is remembered? */
bool storage_back(struct storage *st);
/* Is it written at its end? Then nothing may be cut off that changes it. */
bool storage_keeps_changes(const struct storage *st);
/* Its end: a last time what has changed, if nobody else has it by now. */
void storage_keep_end(struct storage *st);
/*
 * With the machine, or when nobody calls any more: what is good, with all that
 * has changed. NULL: it is not kept, or there is no memory.
 */
struct snap *storage_changes(struct storage *st);
/*
 * With the machine, on its own thread: it is what a snapshot says. After
 * TKVM_EHOST it has to be made anew.
 */
int storage_become(struct storage *st, struct blob_in *from,
    struct tkvm_err *err) TKVM_MUST_CHECK;
/* Is it in the file? Now it is. */
bool storage_is_written(struct storage *st, const struct snap *s);
void storage_written(struct storage *st, const struct snap *s);
/* Give the file another name, and say why. */
void storage_put_aside(const struct generation *g, const char *path,
    const char *why);

/*--- storage_claim.c ------------------------------------------------------*/

/*
 * Several storages of this process may be kept in the same file: that of each
 * VCL that runs the program, and of both sides of a live update. The file is
 * what goes on: who is called while another one has it begins with what it
 * says. So requests may move from one VCL to another, and back.
 */
int storage_join(struct storage *st, const char *path, struct tkvm_err *err)
    TKVM_MUST_CHECK;
void storage_leave(struct storage *st);
/* When it stops: until no other one has its machine. None will any more. */
void storage_await_visitor(struct storage *st);
/* Is somebody else there? */
bool storage_shares_file(const struct storage *st);
/* It is as he knows it from now on; NULL: he does not. */
void storage_know_file(struct storage *st, const struct stat *is);
/* Is the file as it left it, and nobody else's? True without one. */
bool storage_has_file(struct storage *st);
bool storage_has_file_locked(const struct storage *st);
/*
 * With the machine, on its own thread, before a call: it has the file. An error
 * when that is of another program which came later.
 */
int storage_claim(struct storage *st, struct tkvm_err *err) TKVM_MUST_CHECK;
/*
 * Write a state to the file, if it has that; first: whoever has it.
 */
int storage_write(struct storage *st, struct snap *s, bool first,
    struct tkvm_err *err) TKVM_MUST_CHECK;

/*--- storage_tasks.c ------------------------------------------------------*/

/* For struct http_storage_ops. */
long storage_task(void *priv, uint64_t function, const void *data,
    size_t len, uint64_t start_ms, uint64_t period_ms);
bool storage_stop(void *priv, long id);
/* Put the timers; storage_timers_load() takes them, in place of all others. */
void storage_timers_save(struct storage *st, struct blob *to);
/* Have they changed since they were saved? */
bool storage_timers_changed(struct storage *st);
/* Free what waits; the thread is gone. */
void storage_forget_tasks(struct storage *st);

#endif
