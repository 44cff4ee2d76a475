/* SPDX-License-Identifier: BSD-2-Clause */
/* pack.c: what is all there, compressed at once: the fastest way. */
#include <brotli/encode.h>
#include <bzlib.h>
#include <libdeflate.h>
#include <lz4frame.h>
#include <lzma.h>
#include <zstd.h>

#include "codec.h"

int
zstd_compress(struct job *job, struct buffer *b, int level,
    const struct dictionary *d)
{
	ZSTD_CCtx *c = ZSTD_createCCtx();
	size_t n = 0;

	if (c == NULL || !buffer_room(b, ZSTD_compressBound(job->in_len))) {
		(void)ZSTD_freeCCtx(c);
		return (codec_no_memory(job));
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

int
brotli_compress(struct job *job, struct buffer *b, int level,
    const struct dictionary *d)
{
	size_t n = BrotliEncoderMaxCompressedSize(job->in_len);

	(void)d;
	if (n == 0 || !buffer_room(b, n))
		return (codec_no_memory(job));
	n = b->room;
	if (!BrotliEncoderCompress(level, BROTLI_DEFAULT_WINDOW,
	    BROTLI_DEFAULT_MODE, job->in_len, job->in, &n, b->data))
		return (codec_no_memory(job));
	b->len = n;
	return (0);
}

typedef size_t bound_f(struct libdeflate_compressor *, size_t);
typedef size_t compress_f(struct libdeflate_compressor *, const void *, size_t,
    void *, size_t);

static int
with_libdeflate(struct job *job, struct buffer *b, int level, bound_f *bound,
    compress_f *compress)
{
	struct libdeflate_compressor *c = libdeflate_alloc_compressor(level);
	int r = 0;

	if (c == NULL || !buffer_room(b, bound(c, job->in_len)))
		r = codec_no_memory(job);
	else
		b->len = compress(c, job->in, job->in_len, b->data, b->room);
	libdeflate_free_compressor(c);
	return (r);
}

int
gzip_compress(struct job *job, struct buffer *b, int level,
    const struct dictionary *d)
{
	(void)d;
	return (with_libdeflate(job, b, level, libdeflate_gzip_compress_bound,
	    libdeflate_gzip_compress));
}

int
zlib_compress(struct job *job, struct buffer *b, int level,
    const struct dictionary *d)
{
	(void)d;
	return (with_libdeflate(job, b, level, libdeflate_zlib_compress_bound,
	    libdeflate_zlib_compress));
}

int
deflate_compress(struct job *job, struct buffer *b, int level,
    const struct dictionary *d)
{
	(void)d;
	return (with_libdeflate(job, b, level,
	    libdeflate_deflate_compress_bound, libdeflate_deflate_compress));
}

int
lz4_compress(struct job *job, struct buffer *b, int level,
    const struct dictionary *d)
{
	LZ4F_preferences_t p = {.compressionLevel = level};
	size_t n;

	(void)d;
	p.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled;
	if (!buffer_room(b, LZ4F_compressFrameBound(job->in_len, &p)))
		return (codec_no_memory(job));
	n = LZ4F_compressFrame(b->data, b->room, job->in, job->in_len, &p);
	if (LZ4F_isError(n))
		return (codec_no_memory(job));
	b->len = n;
	return (0);
}

int
xz_compress(struct job *job, struct buffer *b, int level,
    const struct dictionary *d)
{
	size_t at = 0;

	(void)d;
	if (!buffer_room(b, lzma_stream_buffer_bound(job->in_len)) ||
	    lzma_easy_buffer_encode((uint32_t)level, LZMA_CHECK_CRC64, NULL,
	    job->in, job->in_len, b->data, &at, b->room) != LZMA_OK)
		return (codec_no_memory(job));
	b->len = at;
	return (0);
}

int
bzip2_compress(struct job *job, struct buffer *b, int level,
    const struct dictionary *d)
{
	unsigned n;

	(void)d;
	if (job->in_len > UINT32_MAX / 2 ||
	    !buffer_room(b, job->in_len + job->in_len / 100 + 600))
		return (codec_no_memory(job));
	n = (unsigned)b->room;
	if (BZ2_bzBuffToBuffCompress((char *)b->data, &n,
	    (char *)(uintptr_t)job->in, (unsigned)job->in_len, level, 0, 0) !=
	    BZ_OK)
		return (codec_no_memory(job));
	b->len = n;
	return (0);
}
