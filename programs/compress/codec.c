/* SPDX-License-Identifier: BSD-2-Clause */
/* codec.c: the table, and the formats whose libraries need little. */
#include <brotli/decode.h>
#include <brotli/encode.h>
#include <bzlib.h>
#include <lz4frame.h>
#include <lzma.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "codec.h"

bool
buffer_room(struct buffer *b, size_t n)
{
	size_t room = b->room;
	uint8_t *grown;

	if (b->room - b->len >= n)
		return (true);
	if (b->len >= b->max) {
		b->full = true;
		return (false);
	}
	while (room - b->len < n)
		room = room == 0 ? n : room * 2;
	/* One byte more tells that there is too much. */
	if (room > b->max + 1)
		room = b->max + 1;
	if (room <= b->len)
		return (false);
	grown = realloc(b->data, room);
	if (grown == NULL) {
		b->full = true;
		return (false);
	}
	b->data = grown;
	b->room = room;
	return (true);
}

int
codec_broken(struct job *job, const char *name)
{
	return (job_fail(job, 422, "the input is no %s, or is cut off", name));
}

static int
no_memory(struct job *job)
{
	return (job_fail(job, 413, "not enough memory to compress"));
}

/*--- zstd -----------------------------------------------------------------*/

static int
zstd_compress(struct job *job, struct buffer *b, int level,
    const struct dictionary *d)
{
	ZSTD_CCtx *c = ZSTD_createCCtx();
	size_t n = 0;

	if (c == NULL || !buffer_room(b, ZSTD_compressBound(job->in_len))) {
		(void)ZSTD_freeCCtx(c);
		return (no_memory(job));
	}
	(void)ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, level);
	if (d->len != 0)
		n = ZSTD_CCtx_loadDictionary(c, d->data, d->len);
	if (!ZSTD_isError(n))
		n = ZSTD_compress2(c, b->data, b->room, job->in, job->in_len);
	(void)ZSTD_freeCCtx(c);
	if (ZSTD_isError(n))
		return (job_fail(job, 422, "zstd: %s", ZSTD_getErrorName(n)));
	b->len = n;
	return (0);
}

static int
zstd_decompress(struct job *job, struct buffer *b, const struct dictionary *d)
{
	ZSTD_inBuffer in = {job->in, job->in_len, 0};
	ZSTD_DCtx *c = ZSTD_createDCtx();
	size_t n = 1;

	if (c == NULL)
		return (no_memory(job));
	/* 128 MiB: what the format's own tools take without being asked. */
	(void)ZSTD_DCtx_setParameter(c, ZSTD_d_windowLogMax, 27);
	if (d->len != 0)
		(void)ZSTD_DCtx_loadDictionary(c, d->data, d->len);
	while (!ZSTD_isError(n) && (in.pos < in.size || n != 0)) {
		ZSTD_outBuffer out;
		size_t before = in.pos;

		if (!buffer_room(b, 65536))
			break;
		out = (ZSTD_outBuffer){b->data, b->room, b->len};
		n = ZSTD_decompressStream(c, &out, &in);
		if (in.pos == before && out.pos == b->len)
			break;		/* it wants what is not there */
		b->len = out.pos;
	}
	(void)ZSTD_freeDCtx(c);
	return (b->full || n == 0 ? 0 : codec_broken(job, "zstd"));
}

/*--- brotli ---------------------------------------------------------------*/

static int
brotli_compress(struct job *job, struct buffer *b, int level,
    const struct dictionary *d)
{
	size_t n = BrotliEncoderMaxCompressedSize(job->in_len);

	(void)d;
	if (n == 0 || !buffer_room(b, n))
		return (no_memory(job));
	n = b->room;
	if (!BrotliEncoderCompress(level, BROTLI_DEFAULT_WINDOW,
	    BROTLI_DEFAULT_MODE, job->in_len, job->in, &n, b->data))
		return (no_memory(job));
	b->len = n;
	return (0);
}

static int
brotli_decompress(struct job *job, struct buffer *b,
    const struct dictionary *d)
{
	BrotliDecoderState *s = BrotliDecoderCreateInstance(NULL, NULL, NULL);
	BrotliDecoderResult r = BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT;
	const uint8_t *in = job->in;
	size_t left = job->in_len;

	(void)d;
	if (s == NULL)
		return (no_memory(job));
	while (r == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT &&
	    buffer_room(b, 65536)) {
		uint8_t *out = b->data + b->len;
		size_t room = b->room - b->len;

		r = BrotliDecoderDecompressStream(s, &left, &in, &room, &out,
		    NULL);
		b->len = b->room - room;
	}
	BrotliDecoderDestroyInstance(s);
	return (b->full || (r == BROTLI_DECODER_RESULT_SUCCESS && left == 0) ?
	    0 : codec_broken(job, "brotli"));
}

/*--- lz4 ------------------------------------------------------------------*/

static int
lz4_compress(struct job *job, struct buffer *b, int level,
    const struct dictionary *d)
{
	LZ4F_preferences_t p = {.compressionLevel = level};
	size_t n;

	(void)d;
	p.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled;
	if (!buffer_room(b, LZ4F_compressFrameBound(job->in_len, &p)))
		return (no_memory(job));
	n = LZ4F_compressFrame(b->data, b->room, job->in, job->in_len, &p);
	if (LZ4F_isError(n))
		return (no_memory(job));
	b->len = n;
	return (0);
}

static int
lz4_decompress(struct job *job, struct buffer *b, const struct dictionary *d)
{
	const uint8_t *in = job->in;
	size_t left = job->in_len, n = 1;
	LZ4F_dctx *c;

	(void)d;
	if (LZ4F_isError(LZ4F_createDecompressionContext(&c, LZ4F_VERSION)))
		return (no_memory(job));
	while (n != 0 && !LZ4F_isError(n) && buffer_room(b, 65536)) {
		size_t out = b->room - b->len, used = left;

		n = LZ4F_decompress(c, b->data + b->len, &out, in, &used,
		    NULL);
		if (used == 0 && out == 0)
			break;
		in += used;
		left -= used;
		b->len += out;
	}
	(void)LZ4F_freeDecompressionContext(c);
	return (b->full || (n == 0 && left == 0) ? 0 :
	    codec_broken(job, "lz4"));
}

/*--- xz -------------------------------------------------------------------*/

static int
xz_compress(struct job *job, struct buffer *b, int level,
    const struct dictionary *d)
{
	size_t at = 0;

	(void)d;
	if (!buffer_room(b, lzma_stream_buffer_bound(job->in_len)) ||
	    lzma_easy_buffer_encode((uint32_t)level, LZMA_CHECK_CRC64, NULL,
	    job->in, job->in_len, b->data, &at, b->room) != LZMA_OK)
		return (no_memory(job));
	b->len = at;
	return (0);
}

#define XZ_MEMORY ((uint64_t)128 << 20)

static int
xz_decompress(struct job *job, struct buffer *b, const struct dictionary *d)
{
	lzma_stream s = LZMA_STREAM_INIT;
	lzma_ret r;

	(void)d;
	r = lzma_stream_decoder(&s, XZ_MEMORY, LZMA_CONCATENATED);
	s.next_in = job->in;
	s.avail_in = job->in_len;
	while (r == LZMA_OK && buffer_room(b, 65536)) {
		s.next_out = b->data + b->len;
		s.avail_out = b->room - b->len;
		r = lzma_code(&s, LZMA_FINISH);
		b->len = b->room - s.avail_out;
	}
	lzma_end(&s);
	return (b->full || r == LZMA_STREAM_END ? 0 :
	    codec_broken(job, "xz"));
}

/*--- bzip2 ----------------------------------------------------------------*/

static int
bzip2_compress(struct job *job, struct buffer *b, int level,
    const struct dictionary *d)
{
	unsigned n;

	(void)d;
	if (job->in_len > UINT32_MAX / 2 ||
	    !buffer_room(b, job->in_len + job->in_len / 100 + 600))
		return (no_memory(job));
	n = (unsigned)b->room;
	if (BZ2_bzBuffToBuffCompress((char *)b->data, &n,
	    (char *)(uintptr_t)job->in, (unsigned)job->in_len, level, 0, 0) !=
	    BZ_OK)
		return (no_memory(job));
	b->len = n;
	return (0);
}

static int
bzip2_decompress(struct job *job, struct buffer *b,
    const struct dictionary *d)
{
	bz_stream s;
	int r;

	(void)d;
	memset(&s, 0, sizeof s);
	r = BZ2_bzDecompressInit(&s, 0, 0);
	s.next_in = (char *)(uintptr_t)job->in;
	s.avail_in = (unsigned)job->in_len;
	while (r == BZ_OK && buffer_room(b, 65536)) {
		unsigned before = s.avail_in;

		s.next_out = (char *)b->data + b->len;
		s.avail_out = (unsigned)(b->room - b->len);
		r = BZ2_bzDecompress(&s);
		if (r == BZ_OK && s.avail_in == before &&
		    s.avail_out == b->room - b->len)
			break;		/* it wants what is not there */
		b->len = b->room - s.avail_out;
	}
	(void)BZ2_bzDecompressEnd(&s);
	return (b->full || r == BZ_STREAM_END ? 0 :
	    codec_broken(job, "bzip2"));
}

/*--- the table ------------------------------------------------------------*/

static bool
begins(const uint8_t *data, size_t len, const char *magic, size_t n)
{
	return (len >= n && memcmp(data, magic, n) == 0);
}

#define IS(name, magic) \
	static bool name(const uint8_t *data, size_t len) \
	{ \
		return (begins(data, len, magic, sizeof magic - 1)); \
	}
IS(is_zstd, "\x28\xb5\x2f\xfd")
IS(is_gzip, "\x1f\x8b\x08")
IS(is_lz4, "\x04\x22\x4d\x18")
IS(is_xz, "\xfd" "7zXZ\0")
IS(is_bzip2, "BZh")

/* RFC 1950, 2.2: method 8 and a checksum in the first two bytes. */
static bool
is_zlib(const uint8_t *data, size_t len)
{
	return (len >= 2 && (data[0] & 15) == 8 && data[0] >> 4 <= 7 &&
	    (data[0] << 8 | data[1]) % 31 == 0);
}

/* In the order of the option `algorithm`. */
const struct codec codecs[] = {
	{"zstd", "zstd", 1, 19, 3, zstd_compress, zstd_decompress, is_zstd},
	{"br", "br", 0, 11, 5, brotli_compress, brotli_decompress, NULL},
	{"gzip", "gzip", 0, 12, 6, gzip_compress, gzip_decompress, is_gzip},
	{"deflate", NULL, 0, 12, 6, deflate_compress, deflate_decompress,
	    NULL},
	{"zlib", "deflate", 0, 12, 6, zlib_compress, zlib_decompress, is_zlib},
	{"lz4", NULL, 0, 12, 0, lz4_compress, lz4_decompress, is_lz4},
	{"xz", NULL, 0, 9, 6, xz_compress, xz_decompress, is_xz},
	{"bzip2", NULL, 1, 9, 9, bzip2_compress, bzip2_decompress, is_bzip2},
};
const unsigned codecs_n = sizeof codecs / sizeof codecs[0];
