/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HTTP_HTTP_PRIV_H
#define HTTP_HTTP_PRIV_H

#include "base/check.h"
#include "http/http.h"

#define CONTENT_TYPE_MAX 4096
#define HEADERS_MAX 64
#define SEED_BYTES 512

/* Call-backs by id. */
#define HTTP_ON_GET 1
#define HTTP_ON_POST 2
#define HTTP_ON_REQUEST 3
#define HTTP_ON_PIECE 4
#define HTTP_ON_ERROR 5

/* What the guest answered, copied out of its registers and checked. */
struct answer {
	bool given;
	bool stream;			/* what follows from function is set */
	uint16_t status;
	uint64_t body, body_len;
	size_t content_type_len;
	uint64_t function, function_arg;
	uint64_t written;		/* bytes streamed so far */
	uint64_t asked;			/* most that it may give now */
};

/* Arena memory that the last request was laid out in. */
struct block {
	uint64_t at, len;		/* at 0: none */
};

struct http_state {
	struct http_program *hp;	/* written only while booting */
	struct http_limits limits;
	bool booting, waiting;
	bool going_back;		/* a fork, to where it waits */
	uint64_t request_gva;		/* its struct kvm_request there */
	bool breaks, is_debug;		/* see http_set_debug() */
	bool at_breakpoint;
	bool timers;			/* a request started one */
	const struct tkvm_request *req;	/* NULL: no request */
	struct answer answer;
	void (*log)(void *priv, const char *text, size_t len);
	void *log_priv;
	const struct http_storage_ops *storage_ops;
	void *storage_priv;
	bool is_storage;
	bool used_storage;		/* while booting */
	struct {
		bool given, goes_on;
		uint64_t at, len;
	} result;			/* of a storage call */
	struct block inputs;
	http_fetch_f *fetch;
	void *fetch_priv;
	http_watch_f *watch;
	void *watch_priv;
	uint64_t unknown;
	struct block body, strings;
	uint64_t resets, runs;		/* of the machine when taken */
	struct http_regex *regex[HTTP_REGEXES];	/* the request's own */
	bool regex_freed[HTTP_REGEXES];	/* the program's, for this request */
	bool regex_used;
	unsigned seed_used;
	unsigned char seed[SEED_BYTES];
	char content_type[CONTENT_TYPE_MAX];
	char line[HTTP_LINE_MAX + 1];	/* one header line, copied in */
};

/* request.c: 16 bytes nobody has seen. */
int http_seed(struct http_state *s, void *dst, struct tkvm_err *err);

/* reply.c: backend_response, after its registers. */
enum tkvm_next http_backend_response(struct http_state *s,
    struct tkvm_machine *m, struct tkvm_call *c, struct tkvm_err *err);

/* The same, up to and with status and content type. */
int http_status_and_type(struct http_state *s, struct tkvm_machine *m,
    const struct tkvm_call *c, struct tkvm_err *err);

/* stream.c: begin_streaming_response. */
enum tkvm_next http_begin_stream(struct http_state *s, struct tkvm_machine *m,
    struct tkvm_call *c, struct tkvm_err *err);

/*
 * request.c: their lengths have 16 bits in struct kvm_request; the limit is the
 * same for every call-back. TKVM_EGUEST.
 */
int http_strings_fit(const struct tkvm_request *req, struct tkvm_err *err)
    TKVM_MUST_CHECK;

/*
 * request.c: URL, argument and, unless NULL, a third string on the call stack:
 * arg[0] to arg[2]. -1 when there is no room.
 */
int http_push_strings(struct tkvm_machine *m, const struct tkvm_request *req,
    const char *third, uint64_t arg[3]);

/* calls.c: a line for the log. */
void http_log(const struct http_state *s, const char *text, size_t len);

/* fields.c: calls about header fields. */
enum tkvm_next http_append(struct http_state *s, struct tkvm_machine *m,
    struct tkvm_call *c, struct tkvm_err *err);
enum tkvm_next http_set(struct http_state *s, struct tkvm_machine *m,
    struct tkvm_call *c, struct tkvm_err *err);
enum tkvm_next http_find(struct http_state *s, struct tkvm_machine *m,
    struct tkvm_call *c, struct tkvm_err *err);
enum tkvm_next http_method(struct http_state *s, struct tkvm_machine *m,
    struct tkvm_call *c, struct tkvm_err *err);

/* transfer.c: a request to a server. */
enum tkvm_next http_sys_fetch(struct http_state *s, struct tkvm_machine *m,
    struct tkvm_call *c, struct tkvm_err *err);

/* storage.c: calls about storage. */
enum tkvm_next http_storage_callv(struct http_state *s,
    struct tkvm_machine *m, struct tkvm_call *c, struct tkvm_err *err);
enum tkvm_next http_storage_call(struct http_state *s,
    struct tkvm_machine *m, struct tkvm_call *c, struct tkvm_err *err);
enum tkvm_next http_storage_task(struct http_state *s,
    struct tkvm_machine *m, struct tkvm_call *c, struct tkvm_err *err);
enum tkvm_next http_stop_storage_task(struct http_state *s,
    struct tkvm_machine *m, struct tkvm_call *c, struct tkvm_err *err);
enum tkvm_next http_is_storage(struct http_state *s, struct tkvm_machine *m,
    struct tkvm_call *c, struct tkvm_err *err);
enum tkvm_next http_storage_allow(struct http_state *s,
    struct tkvm_machine *m, struct tkvm_call *c, struct tkvm_err *err);
enum tkvm_next http_storage_return(struct http_state *s,
    struct tkvm_machine *m, struct tkvm_call *c, struct tkvm_err *err);
enum tkvm_next http_storage_noreturn(struct http_state *s,
    struct tkvm_machine *m, struct tkvm_call *c, struct tkvm_err *err);

/* parallel.c: calls about several CPUs. */
enum tkvm_next http_multiprocess(struct http_state *s, struct tkvm_machine *m,
    struct tkvm_call *c, struct tkvm_err *err);
enum tkvm_next http_multiprocess_array(struct http_state *s,
    struct tkvm_machine *m, struct tkvm_call *c, struct tkvm_err *err);
enum tkvm_next http_multiprocess_clone(struct http_state *s,
    struct tkvm_machine *m, struct tkvm_call *c, struct tkvm_err *err);
enum tkvm_next http_multiprocess_wait(struct http_state *s,
    struct tkvm_machine *m, struct tkvm_call *c, struct tkvm_err *err);

/* Which fields a program means; false and a sentence for neither. */
bool http_where(uint64_t arg, enum tkvm_where *where, struct tkvm_err *err);

/* regex.c: calls about regular expressions. */
enum tkvm_next http_regex_compile(struct http_state *s, struct tkvm_machine *m,
    struct tkvm_call *c, struct tkvm_err *err);
enum tkvm_next http_regex_free(struct http_state *s, struct tkvm_machine *m,
    struct tkvm_call *c, struct tkvm_err *err);
enum tkvm_next http_regex_match(struct http_state *s, struct tkvm_machine *m,
    struct tkvm_call *c, struct tkvm_err *err);
enum tkvm_next http_regex_subst(struct http_state *s, struct tkvm_machine *m,
    struct tkvm_call *c, struct tkvm_err *err);
enum tkvm_next http_regex_copyto(struct http_state *s, struct tkvm_machine *m,
    struct tkvm_call *c, struct tkvm_err *err);
/* Forget what the request compiled and freed. */
void http_regex_reset(struct http_state *s);
/* What compiled to number i, and its length; NULL: nothing. */
const char *http_regex_text(const struct http_state *s, unsigned i,
    size_t *len);
/* Compile the program's number i. */
int http_regex_put(struct http_program *hp, unsigned i, const char *text,
    size_t len, struct tkvm_err *err) TKVM_MUST_CHECK;
void http_regex_free_all(struct http_regex *table[HTTP_REGEXES]);

/* Apply one line with the rules of http_set(): 0, or a code. */
int http_set_line(struct http_state *s, struct tkvm_machine *m,
    enum tkvm_where where, uint64_t gva, uint64_t len, int *index,
    struct tkvm_err *err);

static inline enum tkvm_next
http_abort(struct tkvm_err *err, const char *text)
{
	(void)tkvm_fail(err, TKVM_EGUEST, "%s", text);
	return (TKVM_ABORT);
}

#endif
