/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * transfer.c: sys_fetch(): a program asks a server. Who may be asked, and how
 * a path becomes a request to the cache itself, is decided by whoever set
 * http_set_fetch(); here guest memory becomes a request, and a reply becomes
 * guest memory.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/http_priv.h"

#define URL_MAX 1024
#define FIELDS_MAX 12
#define BYTES_MAX (256u << 20)		/* of an answer, in fresh memory */
#define HEADERS_LEAST 64u
#define HEADERS_MOST (64u << 10)
#define CONNECT_SECONDS 5.0
#define TOTAL_SECONDS 8.0
#define REDIRECTS 10
#define CURL_WRITE_ERROR 23		/* CURLE_WRITE_ERROR; numbers are ABI */

/* struct curl_op, curl_fields and curl_options of kvm_api.h. */
struct guest_op {
	uint32_t status, post_len;
	uint64_t post, headers;
	uint32_t headers_len, unused;
	uint64_t content;
	uint32_t content_len, type_len;
	char type[128];
};
_Static_assert(sizeof(struct guest_op) == 176, "guest ABI");

struct guest_fields {
	uint64_t line[FIELDS_MAX];
	uint16_t len[FIELDS_MAX];
};
_Static_assert(sizeof(struct guest_fields) == 120, "guest ABI");

struct guest_options {
	uint64_t interface, unused;
	int8_t follow, dummy, fast_open, any_host;
	uint32_t unused5;
};
_Static_assert(sizeof(struct guest_options) == 24, "guest ABI");

struct asked {
	char url[URL_MAX + 1];
	char *line[FIELDS_MAX + 2];	/* malloc'ed, NULL behind the last */
	unsigned n_lines;
	struct guest_op op;
};

static int
add_line(struct asked *a, const char *line, size_t len, struct tkvm_err *err)
{
	int shown = 0;
	char *copy;

	while (shown < 40 && line[shown] > ' ' && line[shown] < 127)
		shown++;
	if (!http_line_ok(line, len) || tkvm_header_frames(line, len))
		return (tkvm_fail(err, TKVM_EGUEST, "sys_fetch with the header "
		    "\"%.*s\", which it may not send", shown, line));
	copy = strndup(line, len);
	if (copy == NULL)
		return (tkvm_fail(err, TKVM_ENOMEM, "no memory to fetch"));
	a->line[a->n_lines++] = copy;
	return (0);
}

static int
read_fields(struct http_state *s, struct tkvm_machine *m, struct asked *a,
    uint64_t at, struct tkvm_err *err)
{
	struct guest_fields f;
	int r = 0;

	if (at == 0)
		return (0);
	if (tkvm_copy_in(m, &f, at, sizeof f) != 0)
		return (tkvm_fail(err, TKVM_EGUEST,
		    "sys_fetch with header fields at an unmapped address"));
	for (unsigned i = 0; i < FIELDS_MAX && r == 0; i++) {
		if (f.line[i] == 0 || f.len[i] == 0)
			break;
		if (tkvm_copy_in(m, s->line, f.line[i], f.len[i]) != 0)
			return (tkvm_fail(err, TKVM_EGUEST, "sys_fetch with a "
			    "header field at an unmapped address"));
		s->line[f.len[i]] = '\0';
		r = add_line(a, s->line, f.len[i], err);
	}
	return (r);
}

static int
read_type(struct asked *a, struct tkvm_err *err)
{
	char line[sizeof "Content-Type: " + sizeof a->op.type];
	uint32_t len = a->op.type_len;
	int n;

	if (len == 0 || len >= sizeof a->op.type)
		return (0);
	n = snprintf(line, sizeof line, "Content-Type: %.*s", (int)len,
	    a->op.type);
	return (add_line(a, line, (size_t)n, err));
}

static int
read_request(struct http_state *s, struct tkvm_machine *m,
    const struct tkvm_call *c, struct asked *a, struct fetch_request *req,
    struct tkvm_err *err)
{
	struct guest_options o = {.follow = 1};
	int r;

	if (c->arg[1] > URL_MAX || tkvm_copy_in(m, a->url, c->arg[0],
	    c->arg[1]) != 0)
		return (tkvm_fail(err, TKVM_EGUEST, "sys_fetch with a URL of "
		    "more than %u bytes or at an unmapped address", URL_MAX));
	a->url[c->arg[1]] = '\0';
	if (tkvm_copy_in(m, &a->op, c->arg[2], sizeof a->op) != 0 ||
	    (c->arg[4] != 0 && tkvm_copy_in(m, &o, c->arg[4], sizeof o) != 0))
		return (tkvm_fail(err, TKVM_EGUEST,
		    "sys_fetch with a structure at an unmapped address"));
	r = read_fields(s, m, a, c->arg[3], err);
	if (r == 0)
		r = read_type(a, err);
	if (r != 0)
		return (r);
	req->url = a->url;
	req->headers = (const char *const *)a->line;
	req->redirects = o.follow != 0 ? REDIRECTS : 0;
	req->any_host = o.any_host != 0;
	req->connect_s = CONNECT_SECONDS;
	req->max_bytes = a->op.content != 0 ? a->op.content_len : BYTES_MAX;
	req->max_headers = a->op.headers_len >= HEADERS_LEAST ?
	    HEADERS_MOST : 0;
	if (o.dummy != 0)
		req->method = "HEAD";
	if (a->op.post == 0 || a->op.post_len == 0)
		return (0);
	req->body_len = a->op.post_len;
	req->body = tkvm_view(m, a->op.post, a->op.post_len);
	return (req->body != NULL ? 0 : tkvm_fail(err, TKVM_EGUEST,
	    "sys_fetch with a body at an unmapped address"));
}

/*--- the reply ------------------------------------------------------------*/

/* Into the guest's own buffer, or into fresh memory; -1 without room. */
static int
put(struct tkvm_machine *m, uint64_t *at, const void *data, size_t len)
{
	if (*at == 0)
		*at = tkvm_arena_take(m, len != 0 ? len : 1);
	if (*at == 0)
		return (-1);
	return (tkvm_copy_out(m, *at, data, len));
}

static int
put_headers(struct tkvm_machine *m, struct guest_op *op,
    struct fetch_reply *reply)
{
	size_t len = reply->headers_len;

	if (op->headers_len < HEADERS_LEAST || reply->headers == NULL)
		return (0);
	if (op->headers != 0 && len > op->headers_len - 1)
		len = op->headers_len - 1;
	reply->headers[len] = '\0';
	op->headers_len = (uint32_t)len;
	return (put(m, &op->headers, reply->headers, len + 1));
}

static int
put_reply(struct tkvm_machine *m, const struct tkvm_call *c,
    struct guest_op *op, struct fetch_reply *reply)
{
	const char *type = reply->content_type;
	size_t n = 0;

	if (put(m, &op->content, reply->body_len != 0 ? reply->body : "",
	    reply->body_len) != 0 || put_headers(m, op, reply) != 0)
		return (-CURL_WRITE_ERROR);
	op->status = (uint32_t)reply->status;
	op->content_len = (uint32_t)reply->body_len;
	memset(op->type, 0, sizeof op->type);
	if (type != NULL) {
		n = strnlen(type, sizeof op->type - 1);
		memcpy(op->type, type, n++);
	}
	op->type_len = (uint32_t)n;
	return (tkvm_copy_out(m, c->arg[2], op, sizeof *op) == 0 ? 0 :
	    -CURL_WRITE_ERROR);
}

/* Seconds that it may take: never longer than the program's own time. */
static double
time_left(const struct tkvm_machine *m)
{
	uint64_t now = tkvm_now_ns(), end = tkvm_machine_deadline(m);
	double left = end > now ? (double)(end - now) * 1e-9 : 0;

	return (left > TOTAL_SECONDS ? TOTAL_SECONDS : left);
}

static void
transfer(struct http_state *s, struct tkvm_machine *m, struct tkvm_call *c,
    struct asked *a, struct fetch_request *req)
{
	struct fetch_reply reply;
	struct tkvm_err why;
	char line[400];

	memset(&reply, 0, sizeof reply);
	req->total_s = time_left(m);
	c->ret = (uint64_t)(int64_t)s->fetch(s->fetch_priv, s->req, req,
	    &reply, &why);
	if (c->ret == 0) {
		c->ret = (uint64_t)(int64_t)put_reply(m, c, &a->op, &reply);
		(void)snprintf(line, sizeof line, "fetched %.200s: status %d, "
		    "%zu bytes", a->url, reply.status, reply.body_len);
	} else {
		(void)snprintf(line, sizeof line, "%s", why.text);
	}
	http_log(s, line, strlen(line));
	fetch_reply_free(&reply);
}

enum tkvm_next
http_sys_fetch(struct http_state *s, struct tkvm_machine *m,
    struct tkvm_call *c, struct tkvm_err *err)
{
	struct asked *a = calloc(1, sizeof *a);
	struct fetch_request req = {.url = NULL};
	int r;

	if (a == NULL)
		return (http_abort(err, "no memory to fetch"));
	r = read_request(s, m, c, a, &req, err);
	if (r == 0 && a->url[0] == '\0')
		c->ret = (uint64_t)-3;		/* CURLE_URL_MALFORMAT */
	else if (r == 0 && s->fetch == NULL)
		c->ret = (uint64_t)-1;
	else if (r == 0)
		transfer(s, m, c, a, &req);
	for (unsigned i = 0; i < a->n_lines; i++)
		free(a->line[i]);
	free(a);
	return (r == 0 ? TKVM_RESUME : TKVM_ABORT);
}

void
http_set_fetch(struct http_state *s, http_fetch_f *fetch, void *priv)
{
	s->fetch = fetch;
	s->fetch_priv = priv;
}
