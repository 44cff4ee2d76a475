/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gz.c: the formats around Deflate (RFC 1950 to 1952). libdeflate compresses;
 * zlib decompresses, since it can stop at a limit.
 */
#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "codec.h"

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
		r = job_fail(job, 413, "not enough memory to compress");
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

/* window: how zlib is told the format; a gzip may have several members. */
static int
inflate_all(struct job *job, struct buffer *b, int window, const char *name)
{
	z_stream z;
	int r;

	memset(&z, 0, sizeof z);
	if (inflateInit2(&z, window) != Z_OK)
		return (job_fail(job, 413, "not enough memory"));
	z.next_in = (Bytef *)(uintptr_t)job->in;
	z.avail_in = (uInt)job->in_len;
	do {
		if (!buffer_room(b, 65536))
			break;
		z.next_out = b->data + b->len;
		z.avail_out = (uInt)(b->room - b->len);
		r = inflate(&z, Z_NO_FLUSH);
		b->len = b->room - z.avail_out;
		if (r == Z_STREAM_END && window > 16 && z.avail_in > 0)
			r = inflateReset(&z);
	} while (r == Z_OK);
	(void)inflateEnd(&z);
	return (b->full || r == Z_STREAM_END ? 0 : codec_broken(job, name));
}

int
gzip_decompress(struct job *job, struct buffer *b, const struct dictionary *d)
{
	(void)d;
	return (inflate_all(job, b, 15 + 16, "gzip"));
}

int
zlib_decompress(struct job *job, struct buffer *b, const struct dictionary *d)
{
	(void)d;
	return (inflate_all(job, b, 15, "zlib"));
}

int
deflate_decompress(struct job *job, struct buffer *b,
    const struct dictionary *d)
{
	(void)d;
	return (inflate_all(job, b, -15, "deflate"));
}
