/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * warmup.c: requests that a program serves before it is frozen, so that what
 * it compiled and cached then is in every machine.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "program/program_priv.h"

#define BACK_NS 1000000000u		/* to wait for requests again */
#define PATIENCE 20u			/* all runs: that times num_requests */

/* The fields of the request are the settings'; those of the answer go away. */
struct warm_up {
	struct generation *g;
	struct tkvm_machine *m;
	struct http_state *http;
	struct tkvm_request req;
	unsigned n;			/* served */
};

static const char *
field(void *priv, enum tkvm_where where, unsigned i, size_t *len)
{
	const struct warm_up *w = priv;
	const struct strings *headers = &w->g->settings.warmup.headers;

	if (where != TKVM_REQUEST || i >= headers->n)
		return (NULL);
	*len = strlen(headers->s[i]);
	return (headers->s[i]);
}

static const char *
find(void *priv, enum tkvm_where where, const char *name, size_t n,
    size_t *len)
{
	const char *line;

	for (unsigned i = 0; (line = field(priv, where, i, len)) != NULL; i++)
		if (*len > n && line[n] == ':' &&
		    strncasecmp(line, name, n) == 0)
			return (line);
	return (NULL);
}

static int
drop_line(void *priv, enum tkvm_where where, const char *line, size_t len)
{
	(void)priv, (void)where, (void)line, (void)len;
	return (0);
}

static const struct tkvm_transaction_ops ops = {
	.append = drop_line, .set = drop_line, .unset = drop_line,
	.find = find, .field = field,
};

static int
run(struct warm_up *w, uint64_t limit_ns, struct tkvm_err *err)
{
	int r = tkvm_machine_run(w->m, tkvm_now_ns() + limit_ns, err);

	return (program_after_run(w->g, w->m, w->http, r, err));
}

static int
one(struct warm_up *w, struct tkvm_err *err)
{
	const struct settings *s = &w->g->settings;
	double limit = s->max_request_time;
	uint64_t t = tkvm_now_ns();
	struct tkvm_reply reply;
	int r;

	memset(&reply, 0, sizeof reply);
	r = http_warm(w->http, w->m, &w->req, err);
	if (r == 0)
		r = run(w, (uint64_t)(limit * 1e9), err);
	if (r == 0)
		r = http_reply(w->http, w->m, &reply, err);
	if (r != 0)
		return (r);
	verbose(w->g->program, s, "warm-up request %u: status %u, %.6f s",
	    ++w->n, reply.status, 1e-9 * (double)(tkvm_now_ns() - t));
	http_warmed(w->http, w->m);
	r = run(w, BACK_NS, err);
	if (r == 0 && !http_waiting(w->http))
		r = tkvm_fail(err, TKVM_EGUEST,
		    "it did not wait for requests again");
	return (r);
}

static int
all(struct warm_up *w, unsigned *done, struct tkvm_err *err)
{
	const struct warmup *s = &w->g->settings.warmup;
	uint64_t best = UINT64_MAX, t;
	unsigned in_vain = 0, most;
	int r;

	most = s->exact ? s->num_requests : PATIENCE * s->num_requests;
	for (*done = 0; *done < most; ++*done) {
		if (!s->exact && in_vain == s->num_requests)
			break;
		t = tkvm_now_ns();
		r = one(w, err);
		if (r != 0)
			return (r);
		t = tkvm_now_ns() - t;
		in_vain = t < best ? 0 : in_vain + 1;
		best = t < best ? t : best;
	}
	return (0);
}

int
program_warm_up(struct generation *g, struct tkvm_machine *m,
    struct http_state *http, struct tkvm_err *err)
{
	const struct warmup *s = &g->settings.warmup;
	struct warm_up w = {.g = g, .m = m, .http = http};
	struct tkvm_library *lib = g->program->library;
	struct tkvm_err why;
	unsigned done = 0;
	char line[120];
	int r;

	if (!s->wanted)
		return (0);
	if (!g->http.paused) {
		library_log(lib, g->program->name, "there is no warm-up: the "
		    "program does not wait in wait_for_requests_paused()");
		return (0);
	}
	w.req = (struct tkvm_request){
		.method = s->method, .url = s->url, .arg = "",
		.content_type = "", .ops = &ops, .priv = &w,
	};
	r = all(&w, &done, &why);
	if (r != 0)
		return (tkvm_fail(err, r, "warm-up request %u failed: %.250s",
		    done + 1, why.text));
	(void)snprintf(line, sizeof line, "%u warm-up requests", done);
	library_log(lib, g->program->name, line);
	return (0);
}
