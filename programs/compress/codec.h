/* SPDX-License-Identifier: BSD-2-Clause */
/* codec.h: one table of what bytes can be compressed with. */
#ifndef CODEC_H
#define CODEC_H

#include "job.h"

/* Bytes that grow, up to a limit. */
struct buffer {
	uint8_t *data;
	size_t len, room, max;
	bool full;			/* max would have been exceeded */
};
/* Room for at least n more bytes behind len; false: full or no memory. */
bool buffer_room(struct buffer *b, size_t n);

struct dictionary {
	const void *data;
	size_t len;
};

/*
 * All functions: 0, or -1 after job_fail(). Compressing fills b from nothing;
 * decompressing stops when b is full, and the caller says so.
 */
struct codec {
	const char *name;
	const char *encoding;		/* for Content-Encoding, or NULL */
	int min_level, max_level, level;	/* least, most, default */
	int (*compress)(struct job *, struct buffer *b, int level,
	    const struct dictionary *d);
	int (*decompress)(struct job *, struct buffer *b,
	    const struct dictionary *d);
	bool (*is)(const uint8_t *data, size_t len);	/* NULL: no telling */
};
extern const struct codec codecs[];
extern const unsigned codecs_n;

/* The sentence of a stream that ends too early or is none. */
int codec_broken(struct job *job, const char *name);

/* gz.c */
int gzip_compress(struct job *, struct buffer *, int,
    const struct dictionary *);
int zlib_compress(struct job *, struct buffer *, int,
    const struct dictionary *);
int deflate_compress(struct job *, struct buffer *, int,
    const struct dictionary *);
int gzip_decompress(struct job *, struct buffer *, const struct dictionary *);
int zlib_decompress(struct job *, struct buffer *, const struct dictionary *);
int deflate_decompress(struct job *, struct buffer *,
    const struct dictionary *);

#endif
