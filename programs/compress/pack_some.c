/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pack_some.c: encoders that take a piece at a time, for bodies that are larger
 * than memory. Deflate's are in gz.c.
 */
#include <brotli/encode.h>
#include <bzlib.h>
#include <lz4frame.h>
#include <lzma.h>
#include <stdlib.h>
#include <zstd.h>

#include "codec.h"

_Static_assert(FLOW_PIECE <= UINT32_MAX, "bzip2 counts in 32 bits");

static void
move(struct flow *f, size_t in, size_t out)
{
	f->in += in;
	f->left -= in;
	f->out += out;
	f->room -= out;
}

/*--- zstd -----------------------------------------------------------------*/

static void *
zstd_open(int level, const struct dictionary *d)
{
	ZSTD_CCtx *c = ZSTD_createCCtx();

	if (c == NULL)
		return (NULL);
	(void)ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, level);
	if (d->len != 0)
		(void)ZSTD_CCtx_loadDictionary(c, d->data, d->len);
	return (c);
}

static enum flow_end
zstd_step(void *state, struct flow *f)
{
	ZSTD_inBuffer in = {f->in, f->left, 0};
	ZSTD_outBuffer out = {f->out, f->room, 0};
	size_t n = ZSTD_compressStream2(state, &out, &in, f->last ?
	    ZSTD_e_end : ZSTD_e_continue);

	if (ZSTD_isError(n))
		return (FLOW_NO_MEMORY);
	move(f, in.pos, out.pos);
	return (f->last && n == 0 ? FLOW_END : FLOW_MORE);
}

static void
zstd_close(void *state)
{
	(void)ZSTD_freeCCtx(state);
}

const struct coder zstd_pack = {zstd_open, zstd_step, NULL, zstd_close};

/*--- brotli ---------------------------------------------------------------*/

static void *
brotli_open(int level, const struct dictionary *d)
{
	BrotliEncoderState *s = BrotliEncoderCreateInstance(NULL, NULL, NULL);

	(void)d;
	if (s != NULL)
		(void)BrotliEncoderSetParameter(s, BROTLI_PARAM_QUALITY,
		    (uint32_t)level);
	return (s);
}

static enum flow_end
brotli_step(void *state, struct flow *f)
{
	if (!BrotliEncoderCompressStream(state, f->last ?
	    BROTLI_OPERATION_FINISH : BROTLI_OPERATION_PROCESS, &f->left,
	    &f->in, &f->room, &f->out, NULL))
		return (FLOW_NO_MEMORY);
	return (BrotliEncoderIsFinished(state) ? FLOW_END : FLOW_MORE);
}

static void
brotli_close(void *state)
{
	BrotliEncoderDestroyInstance(state);
}

const struct coder brotli_pack = {brotli_open, brotli_step, NULL,
    brotli_close};

/*--- lz4 ------------------------------------------------------------------*/

struct lz4 {
	LZ4F_cctx *c;
	LZ4F_preferences_t p;
	bool begun;
};

static void
lz4_close(void *state)
{
	struct lz4 *s = state;

	(void)LZ4F_freeCompressionContext(s->c);
	free(s);
}

static void *
lz4_open(int level, const struct dictionary *d)
{
	struct lz4 *s = calloc(1, sizeof *s);

	(void)d;
	if (s == NULL)
		return (NULL);
	s->p.compressionLevel = level;
	s->p.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled;
	if (!LZ4F_isError(LZ4F_createCompressionContext(&s->c,
	    LZ4F_VERSION)))
		return (s);
	free(s);
	return (NULL);
}

/* FLOW_ROOM is more than LZ4F_compressBound() of FLOW_PIECE. */
static enum flow_end
lz4_step(void *state, struct flow *f)
{
	struct lz4 *s = state;
	size_t n;

	if (!s->begun) {
		n = LZ4F_compressBegin(s->c, f->out, f->room, &s->p);
		if (LZ4F_isError(n))
			return (FLOW_NO_MEMORY);
		s->begun = true;
		move(f, 0, n);
	}
	n = LZ4F_compressUpdate(s->c, f->out, f->room, f->in, f->left, NULL);
	if (LZ4F_isError(n))
		return (FLOW_NO_MEMORY);
	move(f, f->left, n);
	if (!f->last)
		return (FLOW_MORE);
	n = LZ4F_compressEnd(s->c, f->out, f->room, NULL);
	if (LZ4F_isError(n))
		return (FLOW_NO_MEMORY);
	move(f, 0, n);
	return (FLOW_END);
}

const struct coder lz4_pack = {lz4_open, lz4_step, NULL, lz4_close};

/*--- xz -------------------------------------------------------------------*/

static void
xz_close(void *state)
{
	lzma_end(state);
	free(state);
}

static void *
xz_open(int level, const struct dictionary *d)
{
	lzma_stream *s = malloc(sizeof *s);

	(void)d;
	if (s == NULL)
		return (NULL);
	*s = (lzma_stream)LZMA_STREAM_INIT;
	if (lzma_easy_encoder(s, (uint32_t)level, LZMA_CHECK_CRC64) == LZMA_OK)
		return (s);
	xz_close(s);
	return (NULL);
}

static enum flow_end
xz_step(void *state, struct flow *f)
{
	lzma_stream *s = state;
	lzma_ret r;

	s->next_in = f->in;
	s->avail_in = f->left;
	s->next_out = f->out;
	s->avail_out = f->room;
	r = lzma_code(s, f->last ? LZMA_FINISH : LZMA_RUN);
	move(f, f->left - s->avail_in, f->room - s->avail_out);
	return (r == LZMA_STREAM_END ? FLOW_END : r == LZMA_OK ? FLOW_MORE :
	    FLOW_NO_MEMORY);
}

const struct coder xz_pack = {xz_open, xz_step, NULL, xz_close};

/*--- bzip2 ----------------------------------------------------------------*/

static void *
bzip2_open(int level, const struct dictionary *d)
{
	bz_stream *s = calloc(1, sizeof *s);

	(void)d;
	if (s != NULL && BZ2_bzCompressInit(s, level, 0, 0) == BZ_OK)
		return (s);
	free(s);
	return (NULL);
}

static enum flow_end
bzip2_step(void *state, struct flow *f)
{
	unsigned room = f->room < UINT32_MAX ? (unsigned)f->room : UINT32_MAX;
	bz_stream *s = state;
	int r;

	s->next_in = (char *)(uintptr_t)f->in;
	s->avail_in = (unsigned)f->left;
	s->next_out = (char *)f->out;
	s->avail_out = room;
	r = BZ2_bzCompress(s, f->last ? BZ_FINISH : BZ_RUN);
	move(f, f->left - s->avail_in, room - s->avail_out);
	return (r == BZ_STREAM_END ? FLOW_END :
	    r == BZ_RUN_OK || r == BZ_FINISH_OK ? FLOW_MORE : FLOW_NO_MEMORY);
}

static void
bzip2_close(void *state)
{
	(void)BZ2_bzCompressEnd(state);
	free(state);
}

const struct coder bzip2_pack = {bzip2_open, bzip2_step, NULL, bzip2_close};
