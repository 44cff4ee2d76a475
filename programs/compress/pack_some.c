/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pack_some.c: encoders that take a piece at a time, for bodies that are larger
 * than memory. Deflate's, xz's and bzip2's have files of their own.
 */
#include <brotli/encode.h>
#include <lz4frame.h>
#include <stdlib.h>
#include <zstd.h>

#include "codec.h"

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
	flow_move(f, in.pos, out.pos);
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
		flow_move(f, 0, n);
	}
	n = LZ4F_compressUpdate(s->c, f->out, f->room, f->in, f->left, NULL);
	if (LZ4F_isError(n))
		return (FLOW_NO_MEMORY);
	flow_move(f, f->left, n);
	if (!f->last)
		return (FLOW_MORE);
	n = LZ4F_compressEnd(s->c, f->out, f->room, NULL);
	if (LZ4F_isError(n))
		return (FLOW_NO_MEMORY);
	flow_move(f, 0, n);
	return (FLOW_END);
}

const struct coder lz4_pack = {lz4_open, lz4_step, NULL, lz4_close};
