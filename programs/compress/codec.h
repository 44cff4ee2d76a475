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

/* What a step works on; it moves all four as it goes. */
struct flow {
	const uint8_t *in;
	size_t left;
	uint8_t *out;
	size_t room;
	bool last;			/* nothing comes behind `left` */
};

static inline void
flow_move(struct flow *f, size_t in, size_t out)
{
	f->in += in;
	f->left -= in;
	f->out += out;
	f->room -= out;
}

enum flow_end {
	FLOW_MORE,			/* it wants input, or room, or both */
	FLOW_END,			/* of a stream, or of one of several */
	FLOW_BROKEN,
	FLOW_NO_MEMORY,
};

/* One direction, a piece at a time. */
struct coder {
	/* Levels are for compressing. NULL: no memory. */
	void *(*open)(int level, const struct dictionary *d);
	/* To compress it needs FLOW_ROOM, and at most FLOW_PIECE of input. */
	enum flow_end (*step)(void *state, struct flow *f);
	/* Ready for another stream behind the end; NULL: there is none. */
	bool (*again)(void *state);
	void (*close)(void *state);
};
#define FLOW_PIECE ((size_t)1 << 16)
#define FLOW_ROOM ((size_t)1 << 18)

struct codec {
	const char *name;
	const char *encoding;		/* for Content-Encoding, or NULL */
	int min_level, max_level, level;	/* least, most, default */
	/* All at once, into b from nothing: 0, or -1 after job_fail(). */
	int (*compress)(struct job *, struct buffer *b, int level,
	    const struct dictionary *d);
	const struct coder *pack, *unpack;
	bool (*is)(const uint8_t *data, size_t len);	/* NULL: no telling */
	bool padded;			/* zeros behind its end are nothing */
	bool dictionary;		/* it can have one */
};
extern const struct codec codecs[];
extern const unsigned codecs_n;

/* Known by its first bytes, behind what a reader skips; NULL: none. */
const struct codec *codec_of(const uint8_t *data, size_t len);

/* A decoder over input that is all there, with all its streams. */
struct unpacker {
	const struct codec *codec;
	void *state;
	struct flow flow;
	bool at_end;			/* of one of several streams */
};
/* 0, or -1 after job_fail(). */
int unpack_open(struct job *job, struct unpacker *u, const struct codec *c,
    const struct dictionary *d);
/* Until out is full (1) or nothing is left (0); -1 after job_fail(). */
int unpack_some(struct job *job, struct unpacker *u, void *out, size_t room,
    size_t *made);
void unpack_close(struct unpacker *u);

/* The sentence of 413. */
int codec_no_memory(struct job *job);

/* pack.c: all at once */
int zstd_compress(struct job *, struct buffer *, int,
    const struct dictionary *);
int brotli_compress(struct job *, struct buffer *, int,
    const struct dictionary *);
int gzip_compress(struct job *, struct buffer *, int,
    const struct dictionary *);
int zlib_compress(struct job *, struct buffer *, int,
    const struct dictionary *);
int deflate_compress(struct job *, struct buffer *, int,
    const struct dictionary *);
int lz4_compress(struct job *, struct buffer *, int,
    const struct dictionary *);
int xz_compress(struct job *, struct buffer *, int,
    const struct dictionary *);
int bzip2_compress(struct job *, struct buffer *, int,
    const struct dictionary *);

/* pack_some.c, unpack.c, gz.c, xz.c and bzip2.c: a piece at a time */
extern const struct coder zstd_pack, brotli_pack, gzip_pack, zlib_pack,
    deflate_pack, lz4_pack, xz_pack, bzip2_pack;
extern const struct coder zstd_unpack, brotli_unpack, gzip_unpack,
    zlib_unpack, deflate_unpack, lz4_unpack, xz_unpack, bzip2_unpack;

#endif
