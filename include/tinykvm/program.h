/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * program.h: station 2 of 6, programs and the machines that wait for requests.
 *
 *   gets    settings (JSON), then requests
 *   gives   replies, counters, reasons
 *   owns    the image of each program, its pool of forks, the queue
 *   never   knows Varnish; never prints
 *
 * A library holds the programs of one configuration, of one VCL for example.
 * Threads: every function may be called from any thread, except new and
 * destroy, which must not meet another call on the same library.
 */
#ifndef TINYKVM_PROGRAM_H
#define TINYKVM_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tinykvm/counters.h"
#include "tinykvm/error.h"
#include "tinykvm/http.h"

struct tkvm_library;
struct tkvm_program;

/*
 * Where lines go that belong to no transaction (start-up, background). There
 * are no control characters in them but tabs.
 */
struct tkvm_log {
	void (*line)(void *priv, const char *program, const char *text);
	void *priv;
	/*
	 * A line that a program with "stdout" in its settings prints, which
	 * also goes to where its lines always go. NULL: nowhere else.
	 */
	void (*output)(void *priv, const char *program, const char *text);
	/* Why a program does not run, in place of line; NULL: there. */
	void (*failed)(void *priv, const char *program, const char *text);
};

/* log is copied; NULL means: drop such lines. */
TKVM_API int tkvm_library_new(const struct tkvm_log *log,
    struct tkvm_library **lp, struct tkvm_err *err) TKVM_MUST_CHECK;

/*
 * Stop every program, wait for running calls, free everything. *lp becomes
 * NULL. Replies must have been released before.
 */
TKVM_API void tkvm_library_destroy(struct tkvm_library **lp);

/*
 * Define programs and groups from a JSON document (with comments).
 * origin names the document in messages. All or nothing: on TKVM_ECONFIG the
 * library is as before.
 */
TKVM_API int tkvm_library_load(struct tkvm_library *lib, const char *json,
    size_t len, const char *origin, struct tkvm_err *err) TKVM_MUST_CHECK;

/* The same, from a path or from an http, https or file URL (512 MiB, 60 s). */
TKVM_API int tkvm_library_load_uri(struct tkvm_library *lib, const char *uri,
    struct tkvm_err *err) TKVM_MUST_CHECK;

/*
 * Whoever waits for tkvm_library_load_uri(), or for tkvm_program_start()
 * without async, gets an answer within that many seconds from now, in all: a
 * program that has not started then is stopped, TKVM_ETIMEOUT. Before this is
 * called, and when seconds is 0: when it is done. Not while others use the
 * library.
 */
TKVM_API void tkvm_library_hurry(struct tkvm_library *lib, double seconds);

/*
 * Change settings of a program that has not been started, or define it: json
 * is the object that would stand behind its name in a library. All or nothing.
 */
TKVM_API int tkvm_library_configure(struct tkvm_library *lib,
    const char *program, const char *json, struct tkvm_err *err)
    TKVM_MUST_CHECK;

/* NULL when there is no such program. Valid until the library is destroyed. */
TKVM_API struct tkvm_program *tkvm_library_find(struct tkvm_library *lib,
    const char *name);

/* Number of programs; tkvm_library_at() in order of definition. */
TKVM_API unsigned tkvm_library_count(const struct tkvm_library *lib);
TKVM_API struct tkvm_program *tkvm_library_at(struct tkvm_library *lib,
    unsigned i);

TKVM_API const char *tkvm_program_name(const struct tkvm_program *p);

/*
 * Whether its settings say "start": true, or it serves connections. The
 * library does not act on it: the embedder knows when (tkvm_program_start()).
 */
TKVM_API bool tkvm_program_starts(const struct tkvm_program *p);

/*
 * Replace the arguments behind argv[0]; counts from the next start.
 */
TKVM_API int tkvm_program_set_arguments(struct tkvm_program *p,
    const char *const *argv, unsigned argc, struct tkvm_err *err)
    TKVM_MUST_CHECK;

/*
 * Start a program: run main() until it waits for requests, freeze, make the
 * forks. async: return at once, do it in a thread of ours; the outcome shows in
 * the log and in the first call. Starting a started program does nothing.
 */
TKVM_API int tkvm_program_start(struct tkvm_program *p, bool async,
    struct tkvm_err *err) TKVM_MUST_CHECK;

/*
 * From its next start on the program is being debugged: it waits for a
 * debugger before its first instruction, see "debug_socket" in
 * docs/settings.md, and at each sys_breakpoint().
 */
TKVM_API void tkvm_program_set_debug(struct tkvm_program *p, bool debug);

/*
 * Stop a program: running calls end in peace, new ones start it afresh from
 * its file. A start under way is given up; calls that wait for it begin another
 * one. Used by invalidate_programs().
 */
TKVM_API void tkvm_program_stop(struct tkvm_program *p);

/*
 * The same for a new version of its file. A program that serves connections
 * starts again at once, in a thread of ours, since no call would start it. One
 * with storage is replaced as by tkvm_program_update(), before this returns:
 * its state goes along, and when the new one does not start it goes on.
 */
TKVM_API void tkvm_program_invalidate(struct tkvm_program *p);

/*
 * Replace the program by this ELF file in memory while it serves: the new one
 * is started with the program's settings; then requests go to it, and those in
 * flight end on the old one. On failure the old one goes on. *stored: it has
 * also been written to the program's filename, whole or not at all, and is
 * there for the next start; if not the log says why.
 * TKVM_EBUSY: another update is under way; TKVM_ECONFIG: it is empty; others
 * as tkvm_chain_call() of a program that does not start.
 */
TKVM_API int tkvm_program_update(struct tkvm_program *p, const void *elf,
    size_t size, bool *stored, struct tkvm_err *err) TKVM_MUST_CHECK;
TKVM_API int tkvm_program_update_file(struct tkvm_program *p,
    const char *path, bool *stored, struct tkvm_err *err) TKVM_MUST_CHECK;

/*
 * A request body whole, at most max bytes (and 512 MiB): *data for free(), also
 * after a failure; NULL: there is none. TKVM_ETOOLARGE: it is
 * larger.
 */
TKVM_API int tkvm_request_body(const struct tkvm_request *req, uint64_t max,
    char **data, size_t *len, struct tkvm_err *err) TKVM_MUST_CHECK;

/* Is this the program's "key"? Never when it has none. Constant time. */
TKVM_API bool tkvm_program_key_ok(struct tkvm_program *p, const char *key);

/*
 * How self-requests (see struct tkvm_link) are made: through a UNIX socket
 * (NULL or "": none) and with what stands before their paths; how many at once
 * and how deep nested, beyond which the answer is 508. Before this is called:
 * no socket, http://127.0.0.1:6081, 50, 5. Not while requests run.
 */
TKVM_API int tkvm_library_set_self(struct tkvm_library *lib,
    const char *unix_socket, const char *prefix, unsigned max_concurrent,
    unsigned max_depth, struct tkvm_err *err) TKVM_MUST_CHECK;

/*
 * "stopped", "starting", "ready" or "failed", and why it failed; err may be
 * NULL. A failed or a stopped one is started by its next call.
 */
TKVM_API const char *tkvm_program_state(struct tkvm_program *p,
    struct tkvm_err *err);

/* Can a request run at once, without starting the program first? */
TKVM_API bool tkvm_program_ready(struct tkvm_program *p);

/* One step of a chain. */
struct tkvm_link {
	/* NULL, as the first one: a self-request of fetch for url. */
	struct tkvm_program *program;
	struct tkvm_library *fetch;
	const char *url;		/* not NULL */
	const char *arg;		/* not NULL */
	int error_threshold;		/* a status >= this ends the chain */
	/*
	 * When it fails (and has no on_error), go on with what it was given:
	 * the answer before it, or the request's body with status 200.
	 */
	bool pass_original;
};

/*
 * Run a chain of 1 to TKVM_CHAIN_MAX programs: the first gets the request's
 * method, content type and body; each later one POSTs the answer before it.
 * Each link's url and arg replace the request's.
 *
 * Returns 0 and a reply, also when the program failed (status 500 and
 * reply->error tell, or whatever on_error answered). Returns an error and no
 * reply when no program could run: TKVM_EBUSY (no machine in time),
 * TKVM_EFILE, TKVM_EHOST, TKVM_ENOMEM, TKVM_EGUEST or TKVM_ETIMEOUT (it failed
 * to start), TKVM_EBODY or TKVM_ETOOLARGE.
 */
#define TKVM_CHAIN_MAX 16
TKVM_API int tkvm_chain_call(const struct tkvm_link *link, unsigned n,
    const struct tkvm_request *req, struct tkvm_reply **rp,
    struct tkvm_err *err) TKVM_MUST_CHECK;

/*
 * The body's next bytes, at most size, into buf. *n is 0 at its end.
 * A streamed body is made by the program meanwhile: TKVM_EGUEST and the like
 * when that fails; then nothing more can be read.
 */
TKVM_API int tkvm_reply_read(struct tkvm_reply *r, void *buf, size_t size,
    size_t *n, struct tkvm_err *err) TKVM_MUST_CHECK;

/* Read a streamed body whole: reply->body and body_len hold it. At most
 * 512 MiB. Does nothing for others. */
TKVM_API int tkvm_reply_collect(struct tkvm_reply *r, struct tkvm_err *err)
    TKVM_MUST_CHECK;

/*
 * Clean the machine and give it back; what the reply says of its costs is
 * complete then. Its body may be gone.
 */
TKVM_API void tkvm_reply_finish(struct tkvm_reply *r);

/* Give the reply's memory and machine back. *rp becomes NULL. */
TKVM_API void tkvm_reply_release(struct tkvm_reply **rp);

/* Counters of one program since it was defined: counters.h. */
TKVM_API void tkvm_program_counters(struct tkvm_program *p,
    struct tkvm_counters *c);

/*
 * Have changed(priv) called when what the program counts has changed without
 * a call of the host's: it is ready, has failed, has all of its machines, or
 * ran a task of its storage. It is called in another thread, which holds
 * nothing, and never twice at once; NULL: no more, and none is under way on
 * return.
 */
TKVM_API void tkvm_program_watch(struct tkvm_program *p,
    void (*changed)(void *priv), void *priv);

/*
 * Counters as JSON, an object keyed by program name (schema: docs/stats.md).
 * match: called for each name, NULL means all. indent -1: one line;
 * otherwise blanks per level, at most 16. Returns a string to free(), or NULL
 * when out of memory.
 */
TKVM_API char *tkvm_library_stats(struct tkvm_library *lib,
    bool (*match)(void *priv, const char *name), void *priv, int indent);

/*
 * The same counters as text for Prometheus (exposition format 0.0.4). Returns a
 * string to free(), or NULL when out of memory.
 */
TKVM_API char *tkvm_library_metrics(struct tkvm_library *lib,
    bool (*match)(void *priv, const char *name), void *priv);

/*--- without HTTP ---------------------------------------------------------*/

/*
 * Run an ordinary program to its end: stdin, stdout and stderr are the
 * caller's descriptors 0, 1 and 2. Its exit status, 128 + signal when
 * it aborted, or a negative code when it faulted or could not be loaded.
 */
TKVM_API int tkvm_run_program(const char *path, const char *const *argv,
    const char *const *envp, struct tkvm_err *err) TKVM_MUST_CHECK;

#endif
