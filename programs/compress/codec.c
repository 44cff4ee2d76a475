/* SPDX-License-Identifier: BSD-2-Clause */
/* codec.c: the table, and what all formats have in common. */
#include <stdlib.h>
#include <string.h>

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
codec_no_memory(struct job *job)
{
	return (job_fail(job, 413, "not enough memory for this "
	    "algorithm, level and size"));
}

/*--- several streams, and what is behind them ------------------------------*/

int
unpack_open(struct job *job, struct unpacker *u, const struct codec *c,
    const struct dictionary *d)
{
	u->codec = c;
	u->flow = (struct flow){.in = job->in, .left = job->in_len,
	    .last = true};
	u->at_end = false;
	u->state = c->unpack->open(0, d);
	return (u->state != NULL ? 0 : codec_no_memory(job));
}

void
unpack_close(struct unpacker *u)
{
	u->codec->unpack->close(u->state);
}

static bool
only_zeros(const struct flow *f)
{
	for (size_t i = 0; i < f->left; i++)
		if (f->in[i] != 0)
			return (false);
	return (true);
}

/* One step, or over the end of one stream into the next one. */
static enum flow_end
advance(struct unpacker *u)
{
	const struct coder *c = u->codec->unpack;
	struct flow *f = &u->flow;
	size_t left = f->left, room = f->room;
	enum flow_end e;

	if (u->at_end) {
		/* What is behind the end must be of the same kind. */
		if (c->again == NULL || !c->again(u->state))
			return (FLOW_BROKEN);
		u->at_end = false;
	}
	e = c->step(u->state, f);
	u->at_end = e == FLOW_END;
	if (e == FLOW_MORE && f->left == left && f->room == room)
		return (FLOW_BROKEN);	/* it wants what is not there */
	return (e);
}

int
unpack_some(struct job *job, struct unpacker *u, void *out, size_t room,
    size_t *made)
{
	struct flow *f = &u->flow;
	enum flow_end e = FLOW_MORE;

	f->out = out;
	f->room = room;
	while (f->room != 0) {
		if (u->at_end && (f->left == 0 ||
		    (u->codec->padded && only_zeros(f)))) {
			*made = room - f->room;
			return (0);
		}
		e = advance(u);
		if (e == FLOW_NO_MEMORY)
			return (job_fail(job, 413, "not enough memory for "
			    "what this %s refers back to", u->codec->name));
		if (e == FLOW_BROKEN)
			return (job_fail(job, 422, "the input is no %s, or is "
			    "cut off, or has something else behind its end",
			    u->codec->name));
	}
	*made = room;
	return (1);
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
	{"zstd", "zstd", -50, 22, 3, zstd_compress, &zstd_pack, &zstd_unpack,
	    is_zstd, false, true},
	{"br", "br", 0, 11, 5, brotli_compress, &brotli_pack, &brotli_unpack,
	    NULL, false, false},
	{"gzip", "gzip", 0, 12, 6, gzip_compress, &gzip_pack, &gzip_unpack,
	    is_gzip, true, false},
	{"deflate", NULL, 0, 12, 6, deflate_compress, &deflate_pack,
	    &deflate_unpack, NULL, false, false},
	{"zlib", "deflate", 0, 12, 6, zlib_compress, &zlib_pack, &zlib_unpack,
	    is_zlib, false, false},
	{"lz4", NULL, 0, 12, 0, lz4_compress, &lz4_pack, &lz4_unpack, is_lz4,
	    false, false},
	{"xz", NULL, 0, 9, 6, xz_compress, &xz_pack, &xz_unpack, is_xz, false,
	    false},
	{"bzip2", NULL, 1, 9, 9, bzip2_compress, &bzip2_pack, &bzip2_unpack,
	    is_bzip2, false, false},
};
const unsigned codecs_n = sizeof codecs / sizeof codecs[0];

/* A frame that readers of zstd and lz4 skip: 184d2a5?, then its length. */
static size_t
skippable(const uint8_t *data, size_t len)
{
	uint32_t n;

	if (len < 8 || data[0] >> 4 != 5 || !begins(data + 1, 3, "*M\x18", 3))
		return (0);
	n = data[4] | data[5] << 8 | data[6] << 16 | (uint32_t)data[7] << 24;
	return (n <= len - 8 ? n + (size_t)8 : 0);
}

const struct codec *
codec_of(const uint8_t *data, size_t len)
{
	size_t at = 0, skip;

	while ((skip = skippable(data + at, len - at)) != 0)
		at += skip;
	for (unsigned i = 0; i < codecs_n; i++)
		if (codecs[i].is != NULL && codecs[i].is(data + at, len - at))
			return (&codecs[i]);
	return (NULL);
}
