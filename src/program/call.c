/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * call.c: READ THIS FIRST. One request through a chain of programs: take a
 * machine, run, carry the answer to the next, clean the machine, give it back.
 */
#include <stdlib.h>
#include <string.h>

#include "program/program_priv.h"

/* Larger bodies stay in the machine until the reply is released. */
#define BODY_COPY_MAX 16384u

/* What an embedder may say; three years are for ever. */
#define SECONDS_MAX 1e8

/* What tkvm_chain_call() hands out; the public part comes first. */
struct answer {
	struct tkvm_reply reply;
	struct vm *vm;		/* still holds the body, or NULL */
	char *type;		/* reply.content_type, owned */
	struct body body;	/* reply.body, owned */
	uint64_t sent;		/* of the body, by tkvm_reply_read() */
	bool broken;		/* streaming it failed */
};

static struct answer *
answer_of(struct tkvm_reply *r)
{
	return ((struct answer *)(void *)r);
}

void
tkvm_reply_finish(struct tkvm_reply *r)
{
	struct answer *a = answer_of(r);
	struct generation *g;

	if (a->vm == NULL)
		return;
	g = a->vm->generation;
	vm_reset(a->vm, &a->reply);
	pool_give(g, a->vm);
	a->vm = NULL;
	generation_drop(g);
}

/* Take the body out of the machine, so that it can be given back. */
static int
keep_body(struct answer *a, struct tkvm_err *err)
{
	int r;

	if (a->vm == NULL || a->reply.body_len == 0 || a->body.data != NULL)
		return (0);
	r = body_add(&a->body, a->reply.body, a->reply.body_len, err);
	a->reply.body = a->body.data;
	return (r);
}

int
tkvm_reply_read(struct tkvm_reply *r, void *buf, size_t size, size_t *n,
    struct tkvm_err *err)
{
	struct answer *a = answer_of(r);
	uint64_t left = r->body_len - a->sent;
	int code;

	*n = 0;
	if (a->broken || (r->streamed && a->vm == NULL))
		return (tkvm_fail(err, TKVM_EGUEST, "the answer is gone"));
	if (left == 0 || size == 0)
		return (0);
	if (r->streamed) {
		code = vm_stream(a->vm, r, buf, size, n, err);
		a->broken = code != 0;
		/* Now it is known, or as long as it will ever be. */
		if (code != 0 || *n == 0)
			r->body_len = a->sent;
		if (code != 0)
			return (code);
	} else {
		*n = left < size ? (size_t)left : size;
		memcpy(buf, (const char *)r->body + a->sent, *n);
	}
	a->sent += *n;
	return (0);
}

int
tkvm_reply_collect(struct tkvm_reply *r, struct tkvm_err *err)
{
	struct answer *a = answer_of(r);
	char *piece;
	size_t n = 1;
	int code = 0;

	if (!r->streamed)
		return (0);
	piece = malloc(PIECE_MAX);
	if (piece == NULL)
		return (tkvm_fail(err, TKVM_ENOMEM, "no memory for an answer"));
	while (code == 0 && n != 0) {
		code = tkvm_reply_read(r, piece, PIECE_MAX, &n, err);
		if (code == 0)
			code = body_add(&a->body, piece, n, err);
	}
	free(piece);
	if (code != 0)
		return (code);
	r->streamed = false;
	r->body = a->body.data;
	r->body_len = a->body.len;
	a->sent = 0;
	return (0);
}

void
tkvm_reply_release(struct tkvm_reply **rp)
{
	struct answer *a;

	if (*rp == NULL)
		return;
	a = answer_of(*rp);
	*rp = NULL;
	tkvm_reply_finish(&a->reply);
	free(a->type);
	free(a->body.data);
	free(a);
}

static void
release(struct answer **ap)
{
	struct tkvm_reply *r;

	if (*ap == NULL)
		return;
	r = &(*ap)->reply;
	*ap = NULL;
	tkvm_reply_release(&r);
}

/* An answer that is not the last one of its chain has been consumed. */
static void
consume(struct answer **ap, const struct tkvm_request *req)
{
	if (*ap == NULL)
		return;
	tkvm_reply_finish(&(*ap)->reply);
	if (!(*ap)->reply.original && req->ops != NULL &&
	    req->ops->ran != NULL)
		req->ops->ran(req->priv, &(*ap)->reply);
	release(ap);
}

/*
 * A machine for the next link. While waiting for one we hold none: two chains
 * that hold what the other waits for would both time out.
 */
static int
take(struct generation *g, uint64_t until_ns, struct answer *held,
    struct answer *a, struct tkvm_err *err)
{
	uint64_t t = tkvm_now_ns(), end;
	int r = 0;

	a->vm = pool_try(g);
	if (a->vm == NULL && held != NULL) {
		r = keep_body(held, err);
		if (r != 0)
			return (r);
		tkvm_reply_finish(&held->reply);
	}
	if (a->vm == NULL) {
		end = in_seconds_or(g->settings.max_queue_time, until_ns);
		r = pool_take(g, end > t ? end - t : 0, &a->vm, err);
	}
	t = tkvm_now_ns() - t;
	a->reply.queue_ns = t;
	if (a->vm != NULL)
		COUNT_VM(a->vm, queue_ns, t);
	else
		COUNT(g->program, queue_timeouts, 1);
	return (r);
}

/* After the run: copy what must outlive the machine, free it if possible. */
static int
settle(struct answer *a, struct tkvm_err *err)
{
	struct tkvm_reply *r = &a->reply;

	if (r->content_type != NULL) {
		a->type = strdup(r->content_type);
		if (a->type == NULL)
			return (tkvm_fail(err, TKVM_ENOMEM,
			    "no memory for an answer"));
		r->content_type = a->type;
	}
	if (r->streamed || r->body_len >= BODY_COPY_MAX)
		return (0);
	if (keep_body(a, err) != 0)
		return (TKVM_ENOMEM);
	tkvm_reply_finish(r);
	return (0);
}

/* A chain on its way. */
struct chain {
	const struct tkvm_request *req;
	struct tkvm_request first;	/* the first one's, with the body */
	struct body body;		/* the request's, owned */
	struct answer *held;		/* the last answer so far */
	uint64_t waited_ns;		/* by the link at hand */
	uint64_t until_ns;		/* max_seconds of the request */
};

static int
read_body(struct chain *c, struct tkvm_err *err)
{
	int r = body_read(&c->body, &c->first, err);

	c->first.body = c->body.len == 0 ? NULL : c->body.data;
	c->first.body_len = c->body.len;
	c->first.each_piece = NULL;
	return (r);
}

/* What one program gets: the request, or the answer before it. */
static int
input(struct chain *c, const struct tkvm_link *link,
    const struct generation *g, struct tkvm_request *in, struct tkvm_err *err)
{
	const struct tkvm_reply *before;
	int r = 0;

	if (c->held == NULL) {
		/* A slow client holds no machine unless it takes pieces. */
		if (c->first.each_piece != NULL &&
		    !http_takes_pieces(&g->http))
			r = read_body(c, err);
		*in = c->first;
	} else {
		before = &c->held->reply;
		*in = *c->req;
		in->first_method = c->req->first_method != NULL ?
		    c->req->first_method : c->req->method;
		in->method = "POST";
		in->content_type = before->content_type == NULL ? "" :
		    before->content_type;
		in->each_piece = NULL;
		in->body = before->body;
		in->body_len = before->body_len;
	}
	in->url = link->url;
	in->arg = link->arg;
	return (r);
}

/* One program: 0 and an answer, or why there is none. */
static int
call_link(struct chain *c, const struct tkvm_link *link, struct answer **ap,
    struct tkvm_err *err)
{
	struct tkvm_request in;
	struct generation *g;
	struct answer *a;
	int r;

	*ap = NULL;
	r = program_use(link->program, c->until_ns, &g, &c->waited_ns, err);
	if (r != 0)
		return (r);
	a = calloc(1, sizeof *a);
	r = a == NULL ? tkvm_fail(err, TKVM_ENOMEM, "no memory for an answer") :
	    input(c, link, g, &in, err);
	if (r == 0)
		r = take(g, c->until_ns, c->held, a, err);
	if (a != NULL)
		c->waited_ns += a->reply.queue_ns;
	if (a == NULL || a->vm == NULL) {
		generation_drop(g);
		free(a);
		return (r);
	}
	a->reply.queue_ns = c->waited_ns;
	/* Waiting for the machine may have moved the answer before. */
	if (c->held != NULL)
		in.body = c->held->reply.body;
	a->reply.program = link->program->name;
	a->reply.machine = (int)a->vm->index;
	r = vm_call(a->vm, &in, c->until_ns, &a->reply, err);
	/* What is too large then is no client's. */
	if (r == TKVM_ETOOLARGE && c->held != NULL)
		r = err->code = TKVM_EBODY;
	/* What was read piece by piece cannot be had again. */
	if (c->held == NULL)
		c->first.each_piece = NULL;
	if (r == 0)
		r = settle(a, err);
	if (r != 0)
		release(&a);
	*ap = a;
	return (r);
}

/* A self-request in place of a program: always an answer. */
static int
fetch_link(struct chain *c, const struct tkvm_link *link, struct answer **ap,
    struct tkvm_err *err)
{
	struct answer *a = calloc(1, sizeof *a);
	uint64_t t = tkvm_now_ns();
	struct fetch_reply got;

	*ap = a;
	if (a == NULL)
		return (tkvm_fail(err, TKVM_ENOMEM, "no memory for an answer"));
	if (self_fetch(link->fetch, link->url, link->arg, c->req, &got,
	    &a->reply.error) == 0)
		a->reply.error.code = TKVM_OK;
	a->type = got.content_type;
	a->body = (struct body){.data = got.body, .len = got.body_len};
	free(got.etag);
	a->reply.program = "fetch";
	a->reply.machine = -1;
	a->reply.fetched = true;
	a->reply.status = (uint16_t)(got.status < 200 || got.status > 599 ?
	    500 : got.status);
	a->reply.content_type = a->type;
	a->reply.body = a->body.data;
	a->reply.body_len = a->body.len;
	a->reply.run_ns = tkvm_now_ns() - t;
	return (0);
}

/* There is not even an answer: something to tell the log. */
static void
report(const struct chain *c, const struct tkvm_link *link, bool ended,
    const struct tkvm_err *err)
{
	struct tkvm_reply none = {.status = 503, .machine = -1, .error = *err,
	    .ended = ended, .queue_ns = c->waited_ns,
	    .program = link->program == NULL ? "fetch" :
	    link->program->name};

	if (c->req->ops != NULL && c->req->ops->ran != NULL)
		c->req->ops->ran(c->req->priv, &none);
}

/* The request's own body as an answer; NULL when it is not at hand. */
static struct answer *
original(struct chain *c)
{
	struct answer *a;

	/* A program that did not even start has not read it yet. */
	if (c->first.each_piece != NULL && read_body(c, NULL) != 0)
		return (NULL);
	if (c->first.body == NULL)
		return (NULL);
	a = calloc(1, sizeof *a);
	if (a == NULL)
		return (NULL);
	a->type = strdup(c->first.content_type);
	if (a->type == NULL || body_add(&a->body, c->first.body,
	    c->first.body_len, NULL) != 0) {
		release(&a);
		return (NULL);
	}
	a->reply = (struct tkvm_reply){.status = 200, .machine = -1,
	    .original = true, .content_type = *a->type == '\0' ? NULL : a->type,
	    .body = a->body.data, .body_len = a->body.len};
	return (a);
}

/*
 * A program failed (*ap, or r without an answer) that may be left out: go on
 * with what it was given. False when there is no such thing.
 */
static bool
leave_out(struct chain *c, const struct tkvm_link *link, struct answer **ap,
    int r, const struct tkvm_err *err)
{
	bool failed = r != 0 || ((*ap)->reply.error.code != 0 &&
	    !(*ap)->reply.by_on_error);
	struct answer *before;

	if (!failed || !link->pass_original)
		return (false);
	before = c->held != NULL ? c->held : original(c);
	if (before == NULL)
		return (false);
	if (c->req->ops != NULL && c->req->ops->undo != NULL)
		c->req->ops->undo(c->req->priv);
	if (*ap != NULL)
		consume(ap, c->req);
	else
		report(c, link, false, err);
	c->held = before;
	return (true);
}

/* Run all links; the last answer is c->held. */
static int
run_chain(struct chain *c, const struct tkvm_link *link, unsigned n,
    struct tkvm_err *err)
{
	struct answer *a;
	int r;

	for (unsigned i = 0; i < n; i++) {
		c->waited_ns = 0;
		if (c->req->ops != NULL && c->req->ops->mark != NULL)
			c->req->ops->mark(c->req->priv);
		r = link[i].program == NULL ?
		    fetch_link(c, &link[i], &a, err) :
		    call_link(c, &link[i], &a, err);
		/* The next program needs the answer whole. */
		if (r == 0 && i + 1 < n)
			r = tkvm_reply_collect(&a->reply, err);
		if (leave_out(c, &link[i], &a, r, err))
			continue;
		consume(&c->held, c->req);
		c->held = a;
		if (r != 0) {
			report(c, &link[i], true, err);
			return (r);
		}
		if (i + 1 < n && a->reply.status >= link[i].error_threshold)
			break;
	}
	return (0);
}

int
tkvm_chain_call(const struct tkvm_link *link, unsigned n,
    const struct tkvm_request *req, struct tkvm_reply **rp,
    struct tkvm_err *err)
{
	struct chain c = {.req = req, .first = *req,
	    .body = {.is_request = true}};
	int r;

	*rp = NULL;
	if (n == 0 || n > TKVM_CHAIN_MAX)
		return (tkvm_fail(err, TKVM_ECONFIG,
		    "a chain has 1 to %d programs", TKVM_CHAIN_MAX));
	c.until_ns = req->max_seconds > 0 && req->max_seconds < SECONDS_MAX ?
	    in_seconds(req->max_seconds) : UINT64_MAX;
	r = run_chain(&c, link, n, err);
	free(c.body.data);
	if (r != 0)
		release(&c.held);
	else
		*rp = &c.held->reply;
	return (r);
}
