/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * unpack.c: decoders that take what there is and stop where room ends. Those of
 * deflate, xz and bzip2 have files of their own.
 */
#include <brotli/decode.h>
#include <lz4frame.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "codec.h"

/* The library itself goes on with another frame, or skips one. */
static bool
goes_on(void *state)
{
	(void)state;
	return (true);
}

/*--- zstd -----------------------------------------------------------------*/

static void *
zstd_open(int level, const struct dictionary *d)
{
	ZSTD_DCtx *c = ZSTD_createDCtx();

	(void)level;
	if (c == NULL)
		return (NULL);
	/* 128 MiB: what the format's own tools take without being asked. */
	(void)ZSTD_DCtx_setParameter(c, ZSTD_d_windowLogMax, 27);
	if (d->len != 0)
		(void)ZSTD_DCtx_loadDictionary(c, d->data, d->len);
	return (c);
}

static enum flow_end
zstd_step(void *state, struct flow *f)
{
	ZSTD_inBuffer in = {f->in, f->left, 0};
	ZSTD_outBuffer out = {f->out, f->room, 0};
	size_t n = ZSTD_decompressStream(state, &out, &in);

	flow_move(f, in.pos, out.pos);
	if (n == 0)
		return (FLOW_END);
	if (!ZSTD_isError(n))
		return (FLOW_MORE);
	switch (ZSTD_getErrorCode(n)) {
	case ZSTD_error_memory_allocation:
	case ZSTD_error_frameParameter_windowTooLarge:
		return (FLOW_NO_MEMORY);
	default:
		return (FLOW_BROKEN);
	}
}

static void
zstd_close(void *state)
{
	(void)ZSTD_freeDCtx(state);
}

const struct coder zstd_unpack = {zstd_open, zstd_step, goes_on, zstd_close};

/*--- brotli ---------------------------------------------------------------*/

static void *
brotli_open(int level, const struct dictionary *d)
{
	(void)level;
	(void)d;
	return (BrotliDecoderCreateInstance(NULL, NULL, NULL));
}

static enum flow_end
brotli_step(void *state, struct flow *f)
{
	switch (BrotliDecoderDecompressStream(state, &f->left, &f->in,
	    &f->room, &f->out, NULL)) {
	case BROTLI_DECODER_RESULT_ERROR:
		return (FLOW_BROKEN);
	case BROTLI_DECODER_RESULT_SUCCESS:
		return (FLOW_END);
	default:
		return (FLOW_MORE);
	}
}

static void
brotli_close(void *state)
{
	BrotliDecoderDestroyInstance(state);
}

const struct coder brotli_unpack = {brotli_open, brotli_step, NULL,
    brotli_close};

/*--- lz4 ------------------------------------------------------------------*/

static void *
lz4_open(int level, const struct dictionary *d)
{
	LZ4F_dctx *c;

	(void)level;
	(void)d;
	return (LZ4F_isError(LZ4F_createDecompressionContext(&c,
	    LZ4F_VERSION)) ? NULL : c);
}

static enum flow_end
lz4_step(void *state, struct flow *f)
{
	size_t out = f->room, in = f->left;
	size_t n = LZ4F_decompress(state, f->out, &out, f->in, &in, NULL);

	if (LZ4F_isError(n))
		return (FLOW_BROKEN);
	flow_move(f, in, out);
	return (n == 0 ? FLOW_END : FLOW_MORE);
}

static void
lz4_close(void *state)
{
	(void)LZ4F_freeDecompressionContext(state);
}

const struct coder lz4_unpack = {lz4_open, lz4_step, goes_on, lz4_close};
