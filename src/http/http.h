/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * http.h: stations 5b and 6, what the guest says about requests and replies.
 *
 *   gets    a machine and a call of kvm_api.h; a request to lay out
 *   gives   the call-back table, "waiting", the reply
 *   owns    header validation, the request's layout in guest memory
 *   never   knows Linux or Varnish
 */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include "fetch/fetch.h"
#include "tinykvm/http.h"
#include "tinykvm/machine.h"

/* What a program told us while it started; frozen with its image. */
#define HTTP_CALLBACKS 13
#define HTTP_REGEXES 64
#define HTTP_ALLOWED 64
struct http_regex;
struct http_program {
	uint64_t callback[HTTP_CALLBACKS];	/* by id; 0 is none */
	bool paused;		/* waits in wait_for_requests_paused() */
	uint64_t request_gva;	/* its struct kvm_request, when paused */
	bool timers;		/* started a storage timer */
	struct http_regex *regex[HTTP_REGEXES];	/* main() compiled, or NULL */
	bool may_choose;		/* sys_make_ephemeral() counts */
	bool chose, ephemeral;		/* it did, and what */
	uint64_t allowed[HTTP_ALLOWED];	/* storage calls; none: all */
	unsigned n_allowed;
	/* From scanning the binary, see abi.c. */
	bool extra_valid;	/* r9 of backend_response means something */
	bool extra_by_stack;	/* only when not pointing at a dead stack */
	bool old_storage;	/* numbers of storage calls before 2025 */
	uint8_t request_size;	/* 56 or 88 bytes written when paused */
};

/* What get_meminfo() answers. */
struct http_limits {
	uint64_t max_memory_bytes, max_request_bytes;
};

struct http_state;

/* Date the header a program was built with, from its executable segments. */
void http_scan_abi(const void *elf, size_t size, struct http_program *hp);

/* Free what a program owns, after its last state. */
void http_program_free(struct http_program *hp);

/*
 * What a program told us while it started, its regular expressions as s knows
 * them; and back, into a *hp that http_scan_abi() has seen. TKVM_EFILE.
 */
struct blob;
struct blob_in;
void http_save(const struct http_state *s, struct blob *to);
int http_load(struct http_program *hp, struct blob_in *from,
    struct tkvm_err *err) TKVM_MUST_CHECK;
/* Has main() asked its storage something? Then it must run at each start. */
bool http_used_storage(const struct http_state *s);

/* For a booting machine; fills *hp as the program registers. */
int http_new(struct http_program *hp, const struct http_limits *limits,
    struct http_state **sp, struct tkvm_err *err) TKVM_MUST_CHECK;

/* For a fork; hp is read only. */
int http_fork(const struct http_program *hp, const struct http_limits *limits,
    struct http_state **sp, struct tkvm_err *err) TKVM_MUST_CHECK;

void http_destroy(struct http_state **sp);

/* The handler for struct tkvm_calls; state is a struct http_state. */
tkvm_call_f http_call;

/* A call's name in kvm_api.h, or NULL when there is none of that number. */
const char *http_name(uint32_t number);

/* Did it reach wait_for_requests(), while booting or going back? */
bool http_waiting(const struct http_state *s);

/*
 * Where lines of sys_log() go; NULL: to the log of the request's transaction.
 */
void http_set_log(struct http_state *s,
    void (*log)(void *priv, const char *text, size_t len), void *priv);

/*
 * Who makes the transfers of sys_fetch(): 0 and a reply for
 * fetch_reply_free(), or a negative CURLcode or -1, and a sentence. Without
 * one every sys_fetch() is -1. of is the program's own request, or NULL.
 */
typedef int http_fetch_f(void *priv, const struct tkvm_request *of,
    struct fetch_request *req, struct fetch_reply *reply,
    struct tkvm_err *err);
void http_set_fetch(struct http_state *s, http_fetch_f *fetch, void *priv);

/*
 * Who starts the program anew when a file has changed, as
 * sys_restart_on_change() asks for: 0, or -1: nobody does. Without one it is
 * always -1.
 */
typedef int http_watch_f(void *priv, const char *path);
void http_set_watch(struct http_state *s, http_watch_f *watch, void *priv);

/*
 * Lay a request out in a reset (or non-ephemeral, stopped) fork, choose its
 * entry (call-back 3, 1, 2, or resume) and prepare the machine to run.
 * TKVM_ETOOLARGE when the body does not fit, TKVM_EGUEST when no entry matches
 * or a string is longer than 65535 bytes.
 */
int http_begin(struct http_state *s, struct tkvm_machine *m,
    const struct tkvm_request *req, struct tkvm_err *err) TKVM_MUST_CHECK;

/*
 * A warm-up request for a program that waits, in a machine that is not frozen
 * yet: http_warm(), a run, http_reply(); then http_warmed(), and a run at whose
 * end http_waiting() is true again. Only for a paused program; codes as
 * http_begin().
 */
int http_warm(struct http_state *s, struct tkvm_machine *m,
    const struct tkvm_request *req, struct tkvm_err *err) TKVM_MUST_CHECK;
void http_warmed(struct http_state *s, struct tkvm_machine *m);

/*
 * Does this program go on behind its wait for each request? And of these the
 * ones that can keep their memory: those without call-backs, whose stacks would
 * be in the way.
 */
bool http_resumes(const struct http_program *hp);
bool http_can_go_back(const struct http_program *hp);

/*
 * After an answer, in a fork that keeps its memory: let the next run go on
 * behind the answer, until http_waiting() is true; the next http_begin() goes
 * on there. 1: it has not answered, there is nothing to run; -1: it answered by
 * a call that does not come back.
 */
int http_go_back(struct http_state *s, struct tkvm_machine *m) TKVM_MUST_CHECK;

/*
 * Prepare call-back 5 (on_error) after a failure, in the failed machine.
 * -1 when the program has none or no stack is left.
 */
int http_begin_on_error(struct http_state *s, struct tkvm_machine *m,
    const struct tkvm_request *req, const char *reason) TKVM_MUST_CHECK;

/*
 * After tkvm_machine_run() returned 0: the answer. content_type (NULL: none)
 * points into the state and is valid until http_reset(); body points into the
 * guest: copy it, or keep the machine until it is consumed. TKVM_EGUEST when
 * the program stopped without an answer.
 */
int http_reply(struct http_state *s, struct tkvm_machine *m,
    struct tkvm_reply *reply, struct tkvm_err *err) TKVM_MUST_CHECK;

/*
 * A request body in pieces, for programs with call-back 4: http_piece(), a
 * run, http_piece_taken(); at the end http_begin() of a request with body NULL
 * and its length. Codes: TKVM_EGUEST or that of the run.
 */
bool http_takes_pieces(const struct http_program *hp);
int http_piece(struct http_state *s, struct tkvm_machine *m,
    const struct tkvm_request *req, const void *data, size_t len,
    uint64_t offset, struct tkvm_err *err) TKVM_MUST_CHECK;
int http_piece_taken(const struct http_state *s, const struct tkvm_machine *m,
    size_t len, struct tkvm_err *err) TKVM_MUST_CHECK;

/*
 * An answer in pieces (reply->streamed): http_stream_ask(), a run,
 * http_stream_take(). max is how much is wanted at most. *len 0 ends an answer
 * of unknown length. *data points into the guest until it runs again.
 */
int http_stream_ask(struct http_state *s, struct tkvm_machine *m, uint64_t max,
    struct tkvm_err *err) TKVM_MUST_CHECK;
int http_stream_take(struct http_state *s, struct tkvm_machine *m,
    const void **data, uint64_t *len, struct tkvm_err *err) TKVM_MUST_CHECK;

/*--- storage: storage.c ---------------------------------------------------*/

#define HTTP_STORAGE_BUFFERS 64
#define HTTP_STORAGE_BYTES_MAX ((uint64_t)64 << 20)

/* A call of a function of the storage program. */
struct http_storage_call {
	uint64_t function;
	bool task;			/* f(data, len), no result */
	bool plain;			/* call-backs 6, 7: f(dst_len), and */
					/* no result longer than room */
	unsigned n;
	uint64_t len[HTTP_STORAGE_BUFFERS];
	char *data;			/* all inputs, malloc'ed */
	uint64_t dst_len;		/* what the function is told of room */
	uint64_t room;			/* most that is copied of the result */
	char *result;			/* malloc'ed, or NULL: only a number */
	uint64_t result_len;		/* what the function says it is */
	uint64_t result_at;		/* in storage */
};

/* What a request's machine asks of its program's storage; from its thread. */
struct http_storage_ops {
	bool (*allowed)(void *priv, uint64_t function);
	/* 0 and a result; -1: it failed. Waits no longer than deadline_ns. */
	int (*call)(void *priv, struct http_storage_call *call,
	    uint64_t deadline_ns);
	/* 0 or a timer's id; -1: there are too many. Times in ms. */
	long (*task)(void *priv, uint64_t function, const void *data,
	    size_t len, uint64_t start_ms, uint64_t period_ms);
	bool (*stop)(void *priv, long id);
	/* Before either of a request: have the timers that are there now. */
	void (*claim)(void *priv);
};
/* Without it there is no storage. */
void http_set_storage(struct http_state *s,
    const struct http_storage_ops *ops, void *priv);

/* This machine is the storage. */
void http_be_storage(struct http_state *s);
bool http_allowed(const struct http_program *hp, uint64_t function);

/*
 * In storage: http_storage_begin(), a run, http_storage_result(); when the
 * function goes on behind storage_return(), tkvm_machine_continue() and a run;
 * http_storage_end() in any case.
 */
int http_storage_begin(struct http_state *s, struct tkvm_machine *m,
    const struct http_storage_call *call, struct tkvm_err *err)
    TKVM_MUST_CHECK;
int http_storage_result(struct http_state *s, struct tkvm_machine *m,
    struct http_storage_call *call, bool *goes_on, struct tkvm_err *err)
    TKVM_MUST_CHECK;
void http_storage_end(struct http_state *s, struct tkvm_machine *m);

/*
 * sys_breakpoint() stops the machine when breaks is true, does nothing
 * otherwise; sys_is_debug() answers is_debug.
 */
void http_set_debug(struct http_state *s, bool breaks, bool is_debug);

/* Did sys_breakpoint() stop it? Once for each. */
bool http_at_breakpoint(struct http_state *s);

/* Forget the request, after each one. */
void http_reset(struct http_state *s);

/* Forget what lives as long as the machine's memory; part of a reset. */
void http_wipe(struct http_state *s);

/* Calls answered -ENOSYS since the state was made. */
uint64_t http_unknown_calls(const struct http_state *s);

/* Is this header line (Name: value), name, value legal? Pure; field.c. */
#define HTTP_LINE_MAX 65535u
bool http_line_ok(const char *line, size_t len);
bool http_name_ok(const char *name, size_t len);
bool http_value_ok(const char *value, size_t len);

#endif
