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

/* What tkvm_chain_call() hands out; the public part comes first. */
struct answer {
	struct tkvm_reply reply;
	struct vm *vm;		/* still holds the body, or NULL */
	char *type;		/* reply.content_type, owned */
	void *body;		/* reply.body, owned */
};

static void
give_back(struct answer *a)
{
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
	if (a->vm == NULL || a->reply.body_len == 0)
		return (0);
	a->body = malloc(a->reply.body_len);
	if (a->body == NULL)
		return (tkvm_fail(err, TKVM_ENOMEM,
		    "no memory for an answer of %ju bytes",
		    (uintmax_t)a->reply.body_len));
	memcpy(a->body, a->reply.body, a->reply.body_len);
	a->reply.body = a->body;
	return (0);
}

void
tkvm_reply_release(struct tkvm_reply **rp)
{
	struct answer *a = (struct answer *)(void *)*rp;

	*rp = NULL;
	if (a == NULL)
		return;
	give_back(a);
	free(a->type);
	free(a->body);
	free(a);
}

static void
release(struct answer **ap)
{
	struct tkvm_reply *r;

	if (*ap == NULL)
		return;
	r = &(*ap)->reply;
	tkvm_reply_release(&r);
	*ap = NULL;
}

/*
 * A machine for the next link. While waiting for one we hold none: two chains
 * that hold what the other waits for would both time out.
 */
static int
take(struct generation *g, struct answer *held, struct answer *a,
    struct tkvm_err *err)
{
	uint64_t t = tkvm_now_ns();
	int r = 0;

	a->vm = pool_try(g);
	if (a->vm == NULL && held != NULL) {
		r = keep_body(held, err);
		if (r != 0)
			return (r);
		give_back(held);
	}
	if (a->vm == NULL)
		r = pool_take(g, (uint64_t)(g->settings.max_queue_time * 1e9),
		    &a->vm, err);
	a->reply.queue_ns = tkvm_now_ns() - t;
	if (a->vm != NULL)
		COUNT_VM(a->vm, queue_ns, a->reply.queue_ns);
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
	if (r->body_len >= BODY_COPY_MAX)
		return (0);
	if (keep_body(a, err) != 0)
		return (TKVM_ENOMEM);
	give_back(a);
	return (0);
}

/* One program. held: the answer before it, released when it is consumed. */
static int
call_link(const struct tkvm_link *link, const struct tkvm_request *req,
    struct answer *held, struct answer **ap, struct tkvm_err *err)
{
	struct tkvm_request mine = *req;
	struct generation *g;
	struct answer *a;
	int r;

	*ap = NULL;
	r = program_use(link->program, &g, err);
	if (r != 0)
		return (r);
	a = calloc(1, sizeof *a);
	if (a == NULL) {
		generation_drop(g);
		return (tkvm_fail(err, TKVM_ENOMEM, "no memory for an answer"));
	}
	r = take(g, held, a, err);
	if (a->vm == NULL) {
		generation_drop(g);
		free(a);
		return (r);
	}
	mine.url = link->url;
	mine.arg = link->arg;
	if (held != NULL) {
		mine.first_method = req->method;
		mine.method = "POST";
		mine.content_type = held->reply.content_type == NULL ? "" :
		    held->reply.content_type;
		mine.body = held->reply.body;
		mine.body_len = held->reply.body_len;
	}
	r = vm_call(a->vm, &mine, &a->reply, err);
	if (r == 0)
		r = settle(a, err);
	if (r != 0)
		release(&a);
	*ap = a;
	return (r);
}

int
tkvm_chain_call(const struct tkvm_link *link, unsigned n,
    const struct tkvm_request *req, struct tkvm_reply **rp,
    struct tkvm_err *err)
{
	struct answer *held = NULL, *a = NULL;
	int r;

	*rp = NULL;
	if (n == 0 || n > TKVM_CHAIN_MAX)
		return (tkvm_fail(err, TKVM_ECONFIG,
		    "a chain has 1 to %d programs", TKVM_CHAIN_MAX));
	for (unsigned i = 0; i < n; i++) {
		r = call_link(&link[i], req, held, &a, err);
		release(&held);
		if (r != 0)
			return (r);
		if (i + 1 < n && a->reply.status >= link[i].error_threshold)
			break;
		held = a;
	}
	*rp = &a->reply;
	return (0);
}
