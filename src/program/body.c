/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * body.c: bytes that come in pieces, gathered in memory.
 */
#include <stdlib.h>
#include <string.h>

#include "program/program_priv.h"

#define BODY_FIRST ((size_t)16 << 10)

int
body_add(struct body *b, const void *data, size_t len, struct tkvm_err *err)
{
	size_t need, size = b->size == 0 ? BODY_FIRST : b->size;
	char *grown;

	if (__builtin_add_overflow(b->len, len, &need) ||
	    need > (b->max != 0 ? b->max : BODY_MAX))
		return (tkvm_fail(err, b->is_request ? TKVM_ETOOLARGE :
		    TKVM_EGUEST, "the %s is larger than %zu bytes",
		    b->is_request ? "request body" : "answer",
		    b->max != 0 ? b->max : BODY_MAX));
	/* Doubled, so that copying stays linear. */
	while (size < need)
		size *= 2;
	if (size != b->size) {
		grown = realloc(b->data, size);
		if (grown == NULL)
			return (tkvm_fail(err, TKVM_ENOMEM, "no memory for "
			    "the %s", b->is_request ? "request body" :
			    "answer"));
		b->data = grown;
		b->size = size;
	}
	memcpy(b->data + b->len, data, len);
	b->len = need;
	return (0);
}

struct gather {
	struct body *body;
	struct tkvm_err *err;
};

static int
gather(void *arg, const void *data, size_t len)
{
	struct gather *g = arg;

	return (body_add(g->body, data, len, g->err));
}

int
body_read(struct body *b, const struct tkvm_request *req, struct tkvm_err *err)
{
	struct gather g = {b, err};

	return (req->each_piece(req->priv, gather, &g, err));
}

int
tkvm_request_body(const struct tkvm_request *req, uint64_t max, char **data,
    size_t *len, struct tkvm_err *err)
{
	struct body b = {.is_request = true,
	    .max = max < BODY_MAX ? (size_t)max : 0};
	int r = 0;

	if (req->each_piece != NULL)
		r = body_read(&b, req, err);
	*data = b.data;
	*len = b.len;
	return (r);
}
