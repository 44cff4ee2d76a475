/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * request.c: lay a request out in guest memory and choose where the program is
 * entered.
 *
 * Call-backs get their strings on the call stack. A paused program gets them
 * in the mmap arena: its own stack, red zone included, is never written.
 */
#include <string.h>
#include <sys/random.h>

#include "http/http_priv.h"

/* struct kvm_request of kvm_api.h. */
struct guest_request {
	uint64_t method, url, arg, content_type;
	uint16_t method_len, url_len, arg_len, content_type_len;
	uint64_t content, content_len;
	uint64_t headers;
	uint16_t num_headers, info_flags;
	uint32_t reserved0;
	uint64_t prng[2];
	uint64_t reserved1[2];
};
_Static_assert(sizeof(struct guest_request) == 104, "guest ABI");

#define WARM_UP 1u		/* in info_flags */

struct guest_header {
	uint64_t field;
	uint32_t colon, len;
};

/* Somewhere to put strings: the call stack, or an arena block. */
struct space {
	struct tkvm_machine *m;
	uint64_t at, end;	/* arena; at 0: the call stack */
	bool failed;
};

static uint64_t
put(struct space *sp, const void *data, size_t len)
{
	uint64_t at;

	if (sp->failed)
		return (0);
	if (sp->at == 0) {
		at = tkvm_machine_push(sp->m, data, len);
		sp->failed = at == 0;
		return (at);
	}
	/* With its NUL, which is there: the arena is zeroed. */
	at = sp->at;
	sp->at += (len + 1 + 7) & ~(uint64_t)7;
	if (sp->at > sp->end || tkvm_copy_out(sp->m, at, data, len) != 0)
		sp->failed = true;
	return (at);
}

static const char *
field(const struct tkvm_request *req, unsigned i, size_t *len)
{
	if (req->ops == NULL || req->ops->field == NULL)
		return (NULL);
	return (req->ops->field(req->priv, TKVM_REQUEST, i, len));
}

int
http_seed(struct http_state *s, void *dst, struct tkvm_err *err)
{
	/* One system call for many requests; what is used is wiped. */
	if (s->seed_used == SEED_BYTES) {
		if (getrandom(s->seed, SEED_BYTES, 0) != SEED_BYTES)
			return (tkvm_fail(err, TKVM_EHOST,
			    "the host has no random numbers"));
		s->seed_used = 0;
	}
	memcpy(dst, s->seed + s->seed_used, 16);
	memset(s->seed + s->seed_used, 0, 16);
	s->seed_used += 16;
	return (0);
}

int
http_strings_fit(const struct tkvm_request *req, struct tkvm_err *err)
{
	const struct {
		const char *name, *text;
	} strings[] = {
		{"method", req->method},
		{"URL", req->url},
		{"argument", req->arg},
		{"content type", req->content_type},
	};

	for (unsigned i = 0; i < 4; i++)
		if (strlen(strings[i].text) > UINT16_MAX)
			return (tkvm_fail(err, TKVM_EGUEST, "the %s is longer "
			    "than the %u bytes that a program can take",
			    strings[i].name, UINT16_MAX));
	return (0);
}

static int
put_headers(struct space *sp, const struct tkvm_request *req,
    struct guest_request *g, struct tkvm_err *err)
{
	struct guest_header h[HEADERS_MAX];
	const char *line, *colon;
	size_t len;
	unsigned n = 0;

	while ((line = field(req, n, &len)) != NULL) {
		if (n == HEADERS_MAX)
			return (tkvm_fail(err, TKVM_EGUEST, "the request has "
			    "more than %u header fields", HEADERS_MAX));
		colon = memchr(line, ':', len);
		h[n].field = put(sp, line, len);
		h[n].len = (uint32_t)len;
		h[n++].colon = colon == NULL ? UINT32_MAX :
		    (uint32_t)(colon - line);
	}
	g->num_headers = (uint16_t)n;
	g->headers = n == 0 ? 0 : put(sp, h, n * sizeof h[0]);
	return (0);
}

/*
 * Memory of the last request is only still taken in a machine that has run
 * since and was not reset; a reset has put the arena back as it was, and a
 * machine made anew never had it.
 */
static void
give_back(struct http_state *s, struct tkvm_machine *m)
{
	struct block *const blocks[] = {&s->body, &s->strings};
	const struct tkvm_machine_stats *now = tkvm_machine_stats(m);
	bool same = now->resets == s->resets && now->runs > s->runs;

	for (unsigned i = 0; i < 2; i++) {
		/* What cannot be given back waits for the next reset. */
		if (blocks[i]->at != 0 && same &&
		    tkvm_arena_give(m, blocks[i]->at, blocks[i]->len) != 0)
			continue;
		blocks[i]->at = 0;
	}
	s->resets = now->resets;
	s->runs = now->runs;
}

static uint64_t
take(struct tkvm_machine *m, struct block *b, uint64_t len)
{
	b->at = tkvm_arena_take(m, len);
	b->len = (len + TKVM_PAGE - 1) & ~(uint64_t)(TKVM_PAGE - 1);
	return (b->at);
}

static int
put_body(struct http_state *s, struct tkvm_machine *m,
    const struct tkvm_request *req, uint64_t *at, struct tkvm_err *err)
{
	*at = 0;
	/* Without data it went to call-back 4 in pieces. */
	if (req->body_len == 0 || req->body == NULL)
		return (0);
	*at = take(m, &s->body, req->body_len);
	if (*at == 0 || tkvm_copy_out(m, *at, req->body, req->body_len) != 0)
		return (tkvm_fail(err, TKVM_ETOOLARGE, "a request body of %ju "
		    "bytes does not fit into the program's memory; raise "
		    "max_memory", (uintmax_t)req->body_len));
	return (0);
}

static int
put_request(struct http_state *s, struct space *sp,
    const struct tkvm_request *req, uint64_t body, struct guest_request *g,
    struct tkvm_err *err)
{
	int r;

	memset(g, 0, sizeof *g);
	g->method_len = (uint16_t)strlen(req->method);
	g->url_len = (uint16_t)strlen(req->url);
	g->arg_len = (uint16_t)strlen(req->arg);
	g->content_type_len = (uint16_t)strlen(req->content_type);
	g->method = put(sp, req->method, strlen(req->method));
	g->url = put(sp, req->url, strlen(req->url));
	g->arg = put(sp, req->arg, strlen(req->arg));
	g->content_type = put(sp, req->content_type,
	    strlen(req->content_type));
	g->content = body;
	g->content_len = req->body_len;
	g->info_flags = s->booting ? WARM_UP : 0;
	r = put_headers(sp, req, g, err);
	if (r != 0)
		return (r);
	return (http_seed(s, g->prng, err));
}

/* The room that put_request() needs in the arena. */
static uint64_t
request_bytes(const struct tkvm_request *req)
{
	uint64_t n = strlen(req->method) + strlen(req->url) +
	    strlen(req->arg) + strlen(req->content_type) + 4 * 8;
	size_t len;

	for (unsigned i = 0; i < HEADERS_MAX && field(req, i, &len) != NULL;
	    i++)
		n += len + 8 + sizeof(struct guest_header);
	return (n + 64);
}

static int
resume(struct http_state *s, struct tkvm_machine *m,
    const struct tkvm_request *req, uint64_t body, struct tkvm_err *err)
{
	uint64_t room = request_bytes(req);
	struct space sp = {.m = m, .at = take(m, &s->strings, room)};
	struct guest_request g;
	uint64_t at;
	int r;

	sp.end = sp.at + room;
	sp.failed = sp.at == 0;
	r = put_request(s, &sp, req, body, &g, err);
	if (r != 0)
		return (r);
	if (sp.failed)
		return (tkvm_fail(err, TKVM_EGUEST,
		    "the request does not fit into the program's memory"));
	/* A fork that went back by itself waits where it said, not there. */
	at = s->waiting ? s->request_gva : s->hp->request_gva;
	if (tkvm_copy_out(m, at, &g, s->hp->request_size) != 0)
		return (tkvm_fail(err, TKVM_EGUEST, "the program waits for its "
		    "request at 0x%jx, where it cannot be written",
		    (uintmax_t)at));
	if (s->booting)
		tkvm_machine_continue(m, 0);
	else if (s->waiting)
		tkvm_machine_continue(m, tkvm_machine_regs(m)->rax);
	else
		tkvm_machine_resume(m);
	s->waiting = false;
	return (0);
}

static int
call_request(struct http_state *s, struct tkvm_machine *m,
    const struct tkvm_request *req, uint64_t body, struct tkvm_err *err)
{
	struct space sp = {.m = m};
	struct guest_request g;
	uint64_t arg[6] = {0};
	int r;

	r = put_request(s, &sp, req, body, &g, err);
	if (r != 0)
		return (r);
	arg[0] = put(&sp, &g, sizeof g);
	if (sp.failed)
		return (tkvm_fail(err, TKVM_EGUEST,
		    "the request does not fit on the program's stack"));
	return (tkvm_machine_call(m, s->hp->callback[HTTP_ON_REQUEST], arg,
	    err));
}

int
http_push_strings(struct tkvm_machine *m, const struct tkvm_request *req,
    const char *third, uint64_t arg[3])
{
	struct space sp = {.m = m};

	arg[0] = put(&sp, req->url, strlen(req->url));
	arg[1] = put(&sp, req->arg, strlen(req->arg));
	if (third != NULL)
		arg[2] = put(&sp, third, strlen(third));
	return (sp.failed ? -1 : 0);
}

static int
call_strings(struct http_state *s, struct tkvm_machine *m, unsigned id,
    const struct tkvm_request *req, const char *third, uint64_t body,
    struct tkvm_err *err)
{
	uint64_t arg[6] = {0};

	arg[3] = body;
	arg[4] = third == NULL || id == HTTP_ON_ERROR ? 0 : req->body_len;
	if (http_push_strings(m, req, third, arg) != 0)
		return (tkvm_fail(err, TKVM_EGUEST,
		    "the request does not fit on the program's stack"));
	return (tkvm_machine_call(m, s->hp->callback[id], arg, err));
}

int
http_begin(struct http_state *s, struct tkvm_machine *m,
    const struct tkvm_request *req, struct tkvm_err *err)
{
	const struct http_program *hp = s->hp;
	bool has_body = req->body_len != 0;
	uint64_t body;
	int r;

	s->req = req;
	s->answer.given = false;
	give_back(s, m);
	r = http_strings_fit(req, err);
	if (r != 0)
		return (r);
	r = put_body(s, m, req, &body, err);
	if (r != 0)
		return (r);
	if (hp->callback[HTTP_ON_REQUEST] != 0)
		return (call_request(s, m, req, body, err));
	if (!has_body && hp->callback[HTTP_ON_GET] != 0)
		return (call_strings(s, m, HTTP_ON_GET, req, NULL, 0, err));
	if (has_body && hp->callback[HTTP_ON_POST] != 0)
		return (call_strings(s, m, HTTP_ON_POST, req, req->content_type,
		    body, err));
	if (hp->paused)
		return (resume(s, m, req, body, err));
	return (tkvm_fail(err, TKVM_EGUEST, "the program has no function for "
	    "requests %s a body", has_body ? "with" : "without"));
}

bool
http_resumes(const struct http_program *hp)
{
	const uint64_t *f = hp->callback;

	return (hp->paused && f[HTTP_ON_REQUEST] == 0 &&
	    (f[HTTP_ON_GET] == 0 || f[HTTP_ON_POST] == 0));
}

bool
http_can_go_back(const struct http_program *hp)
{
	const uint64_t *f = hp->callback;

	return (f[HTTP_ON_GET] == 0 && f[HTTP_ON_POST] == 0 &&
	    f[HTTP_ON_PIECE] == 0);
}

int
http_go_back(struct http_state *s, struct tkvm_machine *m)
{
	if (!s->answer.given)
		return (1);
	if (s->answer.stream)
		return (-1);
	s->req = NULL;
	s->answer.given = false;
	s->going_back = true;
	tkvm_machine_continue(m, tkvm_machine_regs(m)->rax);
	return (0);
}

int
http_warm(struct http_state *s, struct tkvm_machine *m,
    const struct tkvm_request *req, struct tkvm_err *err)
{
	uint64_t body;
	int r;

	ASSERT(s->booting && s->waiting && s->hp->paused);
	s->req = req;
	s->answer.given = false;
	give_back(s, m);
	r = http_strings_fit(req, err);
	if (r == 0)
		r = put_body(s, m, req, &body, err);
	return (r != 0 ? r : resume(s, m, req, body, err));
}

void
http_warmed(struct http_state *s, struct tkvm_machine *m)
{
	s->req = NULL;
	s->answer.given = false;
	give_back(s, m);
	tkvm_machine_continue(m, 0);
}

int
http_begin_on_error(struct http_state *s, struct tkvm_machine *m,
    const struct tkvm_request *req, const char *reason)
{
	s->req = req;
	s->answer.given = false;
	if (s->hp->callback[HTTP_ON_ERROR] == 0)
		return (-1);
	tkvm_machine_spare(m);
	return (call_strings(s, m, HTTP_ON_ERROR, req, reason, 0, NULL) == 0 ?
	    0 : -1);
}
