/* SPDX-License-Identifier: BSD-2-Clause */
/* unpack.c: decoders that take what there is and stop where room ends. */
#include <brotli/decode.h>
#include <bzlib.h>
#include <lz4frame.h>
#include <lzma.h>
#include <stdlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "codec.h"

/* Some libraries count in 32 bits. */
#define PIECE_MAX ((size_t)1 << 30)

static void
move(struct flow *f, size_t in, size_t out)
{
	f->in += in;
	f->left -= in;
	f->out += out;
	f->room -= out;
}

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

	move(f, in.pos, out.pos);
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
	move(f, in, out);
	return (n == 0 ? FLOW_END : FLOW_MORE);
}

static void
lz4_close(void *state)
{
	(void)LZ4F_freeDecompressionContext(state);
}

const struct coder lz4_unpack = {lz4_open, lz4_step, goes_on, lz4_close};

/*--- xz -------------------------------------------------------------------*/

#define XZ_MEMORY ((uint64_t)128 << 20)

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

	(void)level;
	(void)d;
	if (s == NULL)
		return (NULL);
	*s = (lzma_stream)LZMA_STREAM_INIT;
	if (lzma_stream_decoder(s, XZ_MEMORY, LZMA_CONCATENATED) == LZMA_OK)
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
	r = lzma_code(s, LZMA_FINISH);
	move(f, f->left - s->avail_in, f->room - s->avail_out);
	switch (r) {
	case LZMA_OK:
		return (FLOW_MORE);
	case LZMA_STREAM_END:
		return (FLOW_END);
	case LZMA_MEM_ERROR:
	case LZMA_MEMLIMIT_ERROR:
		return (FLOW_NO_MEMORY);
	default:
		return (FLOW_BROKEN);
	}
}

const struct coder xz_unpack = {xz_open, xz_step, NULL, xz_close};

/*--- bzip2 ----------------------------------------------------------------*/

static void *
bzip2_open(int level, const struct dictionary *d)
{
	bz_stream *s = calloc(1, sizeof *s);

	(void)level;
	(void)d;
	if (s != NULL && BZ2_bzDecompressInit(s, 0, 0) == BZ_OK)
		return (s);
	free(s);
	return (NULL);
}

static enum flow_end
bzip2_step(void *state, struct flow *f)
{
	size_t in = f->left < PIECE_MAX ? f->left : PIECE_MAX;
	size_t room = f->room < PIECE_MAX ? f->room : PIECE_MAX;
	bz_stream *s = state;
	int r;

	s->next_in = (char *)(uintptr_t)f->in;
	s->avail_in = (unsigned)in;
	s->next_out = (char *)f->out;
	s->avail_out = (unsigned)room;
	r = BZ2_bzDecompress(s);
	move(f, in - s->avail_in, room - s->avail_out);
	switch (r) {
	case BZ_OK:
		return (FLOW_MORE);
	case BZ_STREAM_END:
		return (FLOW_END);
	case BZ_MEM_ERROR:
		return (FLOW_NO_MEMORY);
	default:
		return (FLOW_BROKEN);
	}
}

static bool
bzip2_again(void *state)
{
	bz_stream *s = state;

	(void)BZ2_bzDecompressEnd(s);
	*s = (bz_stream){0};
	return (BZ2_bzDecompressInit(s, 0, 0) == BZ_OK);
}

static void
bzip2_close(void *state)
{
	(void)BZ2_bzDecompressEnd(state);
	free(state);
}

const struct coder bzip2_unpack = {bzip2_open, bzip2_step, bzip2_again,
    bzip2_close};
