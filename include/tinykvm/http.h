/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * http.h: what a request and its reply look like to the library.
 *
 * The embedder (the Varnish module, the tool) lends a struct tkvm_request for
 * one call and receives a struct tkvm_reply. Header fields that the program
 * reads and writes while it runs go through the embedder's own functions.
 */
#ifndef TINYKVM_HTTP_H
#define TINYKVM_HTTP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "tinykvm/error.h"

/* Which set of header fields. */
enum tkvm_where {
	TKVM_REQUEST = 0,	/* bereq, or req on the client side */
	TKVM_RESPONSE = 1,	/* beresp, or resp */
};

struct tkvm_reply;

/*
 * The embedder's side of a transaction. All functions are called only while
 * tkvm_chain_call() runs, from one thread at a time, though not always the
 * thread that called it. A NULL function means that the guest's call fails.
 * Lines are complete ("Name: value"), validated (no control characters), not
 * NUL-terminated, and only lent.
 */
struct tkvm_transaction_ops {
	/* Append a line. The new field's index (> 0); -1 when full. */
	int (*append)(void *priv, enum tkvm_where where, const char *line,
	    size_t len);
	/* Replace the first field of that name or append: index or -1. */
	int (*set)(void *priv, enum tkvm_where where, const char *line,
	    size_t len);
	/* Remove all fields of that name: number removed. */
	int (*unset)(void *priv, enum tkvm_where where, const char *name,
	    size_t len);
	/* First field of that name, whole line; NULL when absent. */
	const char *(*find)(void *priv, enum tkvm_where where,
	    const char *name, size_t len, size_t *line_len);
	/* Field number i (from 0) in order, whole line; NULL after the last. */
	const char *(*field)(void *priv, enum tkvm_where where, unsigned i,
	    size_t *line_len);
	/* Cache policy in seconds; 0, or -1 when it cannot be applied. */
	int (*set_cacheable)(void *priv, bool cacheable, double ttl,
	    double grace, double keep);
	/* A log line of the program (already without newline). */
	void (*log)(void *priv, const char *text, size_t len);
	/*
	 * A program of a chain is about to run; it failed, and what it changed
	 * in the response's fields and cache policy since then is undone.
	 */
	void (*mark)(void *priv);
	void (*undo)(void *priv);
	/*
	 * Each program of a chain but the last has run and its machine is
	 * clean: what it answered and cost. Its body is no longer there. Also
	 * for one that no machine could run, with status 503 and the reason.
	 */
	void (*ran)(void *priv, const struct tkvm_reply *reply);
};

/*
 * Is this line or name one by which HTTP finds the end of a message, or of the
 * connection's? Those are the embedder's own business: whatever a program wants
 * to do with them in a request or a response is better not done.
 */
TKVM_API bool tkvm_header_frames(const char *line, size_t len);

/* A request as lent by the embedder. Strings are NUL-terminated, not NULL. */
struct tkvm_request {
	const char *method;
	const char *url;
	const char *arg;
	const char *content_type;
	const void *body;		/* NULL: no body, or see each_piece */
	uint64_t body_len;
	/*
	 * A body that has yet to arrive, NULL: none. Calls piece() for each
	 * part in order, ends when that is not 0, and returns 0 or what it
	 * returned; or an error of its own, with a sentence. Called once.
	 */
	int (*each_piece)(void *priv, int (*piece)(void *arg,
	    const void *data, size_t len), void *arg, struct tkvm_err *err);
	const struct tkvm_transaction_ops *ops;	/* NULL: no transaction */
	void *priv;			/* for ops and each_piece */
	const char *first_method;	/* the client's, if it is another */
	/*
	 * No program of the chain waits or runs for longer than what is left of
	 * this, whatever its settings allow; 0: they alone count.
	 */
	double max_seconds;
};

/* Of a body that ends when the program says so. */
#define TKVM_LENGTH_UNKNOWN UINT64_MAX

/*
 * An answer. Read-only for the embedder; tkvm_reply_release() when done, since
 * a large or streamed body still lies in the machine that makes it.
 */
struct tkvm_reply {
	uint16_t status;		/* 200..599 */
	char *content_type;		/* NULL when the program set none */
	const void *body;		/* NULL when streamed */
	uint64_t body_len;
	bool streamed;			/* tkvm_reply_read() has it made */

	/* Who made it and what it cost, for logs. */
	const char *program;
	int machine;			/* index in its program; -1: none ran */
	uint64_t input_bytes;		/* of the request body */
	uint64_t queue_ns, run_ns, reset_ns;
	uint64_t exits, faults, pages_copied;
	bool by_on_error;		/* the second chance made this answer */
	bool original;			/* the input of a failed program */
	bool fetched;			/* a self-request's, no program's */
	bool ended;			/* nothing ran, and so the chain ends */
	struct tkvm_err error;		/* code 0, or why the program failed */
};

#endif
