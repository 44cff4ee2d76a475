/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vmod_request.c: a bereq's body, read whole before the program runs.
 *
 * It has to be: Varnish lets go of the client's request before it asks for the
 * first byte of the answer. Two kinds: cached by std.cache_req_body() and
 * readable any number of times, or still on the client's connection and
 * readable once.
 */
#include <stdlib.h>

#include "vmod_tinykvm.h"

#define BODY_MAX ((size_t)512 << 20)	/* no program can hold more */
#define BODY_FIRST ((size_t)16 << 10)
#define BODY_FIRST_MAX ((size_t)16 << 20)

/* Room for one more piece; doubles, so that copying stays linear. */
static int
body_grow(struct vtk_body *b, size_t more)
{
	size_t need, size;
	char *data;

	if (__builtin_add_overflow(b->len, more, &need) || need > BODY_MAX) {
		b->too_large = true;
		return (-1);
	}
	if (need <= b->size)
		return (0);
	size = b->size == 0 ? BODY_FIRST : b->size;
	while (size < need)
		size *= 2;
	data = realloc(b->data, size);
	if (data == NULL)
		return (-1);
	b->data = data;
	b->size = size;
	return (0);
}

static int
body_piece(void *priv, unsigned flush, const void *ptr, ssize_t len)
{
	struct vtk_body *b;

	CAST_OBJ_NOTNULL(b, priv, VTK_BODY_MAGIC);
	(void)flush;
	if (ptr == NULL || len <= 0)
		return (0);
	if (body_grow(b, (size_t)len) != 0)
		return (-1);
	memcpy(b->data + b->len, ptr, (size_t)len);
	b->len += (size_t)len;
	return (0);
}

/* A client may announce more than it sends: believe it only so far. */
static size_t
body_first_size(const struct busyobj *bo)
{
	ssize_t l = http_GetContentLength(bo->bereq);

	if (l <= 0)
		return (1);
	return ((size_t)l < BODY_FIRST_MAX ? (size_t)l : BODY_FIRST_MAX);
}

static int
body_read_client(struct busyobj *bo, struct vtk_body *b)
{
	ssize_t r;

	r = VRB_Iterate(bo->wrk, bo->vsl, bo->req, body_piece, b);
	if (bo->req->req_body_status != BS_CACHED)
		bo->no_retry = "req.body not cached";
	if (bo->req->req_body_status == BS_ERROR || r < 0)
		bo->req->doclose = SC_RX_BODY;
	return (r != 0 || bo->req->req_body_status == BS_ERROR ? -1 : 0);
}

int
vtk_body_read(struct busyobj *bo, struct vtk_body *b, struct tkvm_err *err)
{
	int r;

	INIT_OBJ(b, VTK_BODY_MAGIC);
	if (bo->bereq_body == NULL && bo->req == NULL)
		return (0);
	if (body_grow(b, body_first_size(bo)) != 0)
		return (tkvm_fail(err, TKVM_ENOMEM, "no memory for the "
		    "request body"));
	if (bo->bereq_body != NULL)
		r = ObjIterate(bo->wrk, bo->bereq_body, b, body_piece, 0);
	else
		r = body_read_client(bo, b);
	bo->acct.bereq_bodybytes += b->len;
	if (r == 0)
		return (0);
	vtk_body_free(b);
	if (b->too_large)
		return (tkvm_fail(err, TKVM_EBODY, "the request body is "
		    "larger than %zu MiB", BODY_MAX >> 20));
	return (tkvm_fail(err, TKVM_EBODY, "the request body could not be "
	    "read from the client"));
}

void
vtk_body_free(struct vtk_body *b)
{
	CHECK_OBJ_NOTNULL(b, VTK_BODY_MAGIC);
	free(b->data);
	b->data = NULL;
}
