/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vmod_request.c: a bereq's body, piece by piece as it arrives.
 *
 * The library decides what becomes of the pieces: they are gathered, so that a
 * slow client holds no machine, or go straight to a program that takes them.
 * All of it happens before the answer: Varnish lets go of the client's request
 * before it asks for the answer's first byte. Two kinds: cached by
 * std.cache_req_body() and readable any number of times, or still on the
 * client's connection and readable once.
 */
#include "vmod_tinykvm.h"

struct source {
	unsigned magic;
#define SOURCE_MAGIC 0x5be0cd19
	int (*piece)(void *arg, const void *data, size_t len);
	void *arg;
	uint64_t bytes;
	int r;				/* piece() did not want more */
};

static int
source_piece(void *priv, unsigned flush, const void *ptr, ssize_t len)
{
	struct source *s;

	CAST_OBJ_NOTNULL(s, priv, SOURCE_MAGIC);
	(void)flush;
	if (ptr == NULL || len <= 0)
		return (0);
	s->bytes += (uint64_t)len;
	s->r = s->piece(s->arg, ptr, (size_t)len);
	return (s->r != 0 ? -1 : 0);
}

static int
read_client(struct busyobj *bo, struct source *s)
{
	ssize_t r;

	r = VRB_Iterate(bo->wrk, bo->vsl, bo->req, source_piece, s);
	if (bo->req->req_body_status != BS_CACHED)
		bo->no_retry = "req.body not cached";
	if (bo->req->req_body_status == BS_ERROR || r != 0)
		bo->req->doclose = SC_RX_BODY;
	return (r != 0 || bo->req->req_body_status == BS_ERROR ? -1 : 0);
}

bool
vtk_body_present(const struct busyobj *bo)
{
	return (bo->bereq_body != NULL || bo->req != NULL);
}

int
vtk_body_each(void *priv,
    int (*piece)(void *arg, const void *data, size_t len), void *arg,
    struct tkvm_err *err)
{
	struct vtk_transaction *t;
	struct busyobj *bo;
	struct source s;
	int r;

	CAST_OBJ_NOTNULL(t, priv, VTK_TRANSACTION_MAGIC);
	bo = t->ctx->bo;
	INIT_OBJ(&s, SOURCE_MAGIC);
	s.piece = piece;
	s.arg = arg;
	if (bo->bereq_body != NULL)
		r = ObjIterate(bo->wrk, bo->bereq_body, &s, source_piece, 0);
	else
		r = read_client(bo, &s);
	bo->acct.bereq_bodybytes += s.bytes;
	if (s.r != 0)
		return (s.r);
	if (r != 0)
		return (tkvm_fail(err, TKVM_EBODY, "the request body could not "
		    "be read from the client"));
	return (0);
}
