/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gz.c: the formats around Deflate (RFC 1950 to 1952) by zlib, a piece at a
 * time. libdeflate is faster but wants all at once: pack.c.
 */
#include <stdlib.h>
#include <zlib.h>

#include "codec.h"

/* zlib counts in 32 bits. */
#define PIECE_MAX ((size_t)1 << 30)
/* How zlib is told the format. */
enum window { RAW = -15, ZLIB = 15, GZIP = 15 + 16 };

static enum flow_end
step(z_stream *z, struct flow *f, int (*code)(z_stream *, int), int flush)
{
	size_t in = f->left < PIECE_MAX ? f->left : PIECE_MAX;
	size_t room = f->room < PIECE_MAX ? f->room : PIECE_MAX;
	int r;

	z->next_in = (Bytef *)(uintptr_t)f->in;
	z->avail_in = (uInt)in;
	z->next_out = f->out;
	z->avail_out = (uInt)room;
	r = code(z, flush);
	f->in += in - z->avail_in;
	f->left -= in - z->avail_in;
	f->out += room - z->avail_out;
	f->room -= room - z->avail_out;
	switch (r) {
	case Z_OK:
	case Z_BUF_ERROR:		/* no progress, which the caller sees */
		return (FLOW_MORE);
	case Z_STREAM_END:
		return (FLOW_END);
	case Z_MEM_ERROR:
		return (FLOW_NO_MEMORY);
	default:
		return (FLOW_BROKEN);
	}
}

/*--- decompressing --------------------------------------------------------*/

static void *
open_inflate(enum window window)
{
	z_stream *z = calloc(1, sizeof *z);

	if (z != NULL && inflateInit2(z, (int)window) == Z_OK)
		return (z);
	free(z);
	return (NULL);
}

static enum flow_end
inflate_step(void *state, struct flow *f)
{
	return (step(state, f, inflate, Z_NO_FLUSH));
}

static bool
inflate_again(void *state)
{
	return (inflateReset(state) == Z_OK);
}

static void
inflate_close(void *state)
{
	(void)inflateEnd(state);
	free(state);
}

/*--- compressing ----------------------------------------------------------*/

static void *
open_deflate(int level, enum window window)
{
	z_stream *z = calloc(1, sizeof *z);

	/* 10 to 12 are libdeflate's. */
	if (z != NULL && deflateInit2(z, level > 9 ? 9 : level, Z_DEFLATED,
	    (int)window, 8, Z_DEFAULT_STRATEGY) == Z_OK)
		return (z);
	free(z);
	return (NULL);
}

static enum flow_end
deflate_step(void *state, struct flow *f)
{
	return (step(state, f, deflate, f->last ? Z_FINISH : Z_NO_FLUSH));
}

static void
deflate_close(void *state)
{
	(void)deflateEnd(state);
	free(state);
}

/*--- the three formats ----------------------------------------------------*/

#define FORMAT(name, window, again) \
	static void * \
	name##_inflate(int level, const struct dictionary *d) \
	{ \
		(void)level; \
		(void)d; \
		return (open_inflate(window)); \
	} \
	static void * \
	name##_deflate(int level, const struct dictionary *d) \
	{ \
		(void)d; \
		return (open_deflate(level, window)); \
	} \
	const struct coder name##_unpack = {name##_inflate, inflate_step, \
	    again, inflate_close}; \
	const struct coder name##_pack = {name##_deflate, deflate_step, \
	    NULL, deflate_close}
/* Only a gzip may have several members. */
FORMAT(gzip, GZIP, inflate_again);
FORMAT(zlib, ZLIB, NULL);
FORMAT(deflate, RAW, NULL);
