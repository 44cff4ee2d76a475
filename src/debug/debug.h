/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * debug.h: beside station 5, a debugger's door into a machine.
 *
 *   gets    a machine that has stopped, where to listen, time limits
 *   gives   gdb's remote protocol on a socket; how the session ended
 *   owns    the socket, the session; all breakpoints end with it
 *   never   knows Linux, HTTP or Varnish; believes nothing the peer sends
 *
 * Threads: a session belongs to the thread that runs the machine, and only
 * tkvm_machine_cancel() ends it from another one.
 */
#ifndef DEBUG_DEBUG_H
#define DEBUG_DEBUG_H

#include "tinykvm/machine_debug.h"

struct debug_options {
	/* NULL or "": a new socket in a private folder; "tcp:PORT"; a path. */
	const char *where;
	const char *program;	/* its name */
	const char *file;	/* its executable, as gdb may open it */
	uint64_t wait_ns;	/* for a debugger to connect */
	uint64_t idle_ns;	/* between two packets while it is stopped */
	uint64_t run_ns;	/* each time that the program goes on */
	void (*log)(void *priv, const char *text);
	/* A handler stopped it: only for us (true), or has it ended? */
	bool (*paused)(void *priv);
	void *priv;
};

/*
 * What is to be done after a session. In: code and *err say why the machine
 * stopped, 0 when it did not fail.
 */
struct debug_end {
	bool finished;		/* a handler stopped the machine for good */
	int code;		/* the failure that stands; 0: it goes on */
};

/*
 * Wait for a debugger, serve it. Breakpoints are gone afterwards. Without a
 * debugger in time *end and *err are as they were.
 */
void debug_session(struct tkvm_machine *m, const struct debug_options *o,
    struct debug_end *end, struct tkvm_err *err);

/* The same with a peer that is connected already; fd stays open. */
void debug_serve(struct tkvm_machine *m, int fd, const struct debug_options *o,
    struct debug_end *end, struct tkvm_err *err);

#endif
