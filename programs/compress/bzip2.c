/* SPDX-License-Identifier: BSD-2-Clause */
/* bzip2.c: libbz2, both ways, a piece at a time. */
#include <bzlib.h>
#include <stdlib.h>

#include "codec.h"

/* It counts in 32 bits. */
#define PIECE_MAX ((size_t)1 << 30)
_Static_assert(FLOW_PIECE <= PIECE_MAX, "a last piece is seen as a whole");

static int
step(bz_stream *s, struct flow *f, int (*code)(bz_stream *, bool last))
{
	size_t in = f->left < PIECE_MAX ? f->left : PIECE_MAX;
	size_t room = f->room < PIECE_MAX ? f->room : PIECE_MAX;
	int r;

	s->next_in = (char *)(uintptr_t)f->in;
	s->avail_in = (unsigned)in;
	s->next_out = (char *)f->out;
	s->avail_out = (unsigned)room;
	r = code(s, f->last);
	flow_move(f, in - s->avail_in, room - s->avail_out);
	return (r);
}

/*--- packing --------------------------------------------------------------*/

static void *
bzip2_pack_open(int level, const struct dictionary *d)
{
	bz_stream *s = calloc(1, sizeof *s);

	(void)d;
	if (s != NULL && BZ2_bzCompressInit(s, level, 0, 0) == BZ_OK)
		return (s);
	free(s);
	return (NULL);
}

static int
pack(bz_stream *s, bool last)
{
	return (BZ2_bzCompress(s, last ? BZ_FINISH : BZ_RUN));
}

static enum flow_end
bzip2_pack_step(void *state, struct flow *f)
{
	int r = step(state, f, pack);

	return (r == BZ_STREAM_END ? FLOW_END :
	    r == BZ_RUN_OK || r == BZ_FINISH_OK ? FLOW_MORE : FLOW_NO_MEMORY);
}

static void
bzip2_pack_close(void *state)
{
	(void)BZ2_bzCompressEnd(state);
	free(state);
}

const struct coder bzip2_pack = {bzip2_pack_open, bzip2_pack_step, NULL,
    bzip2_pack_close};

/*--- unpacking ------------------------------------------------------------*/

static void *
bzip2_unpack_open(int level, const struct dictionary *d)
{
	bz_stream *s = calloc(1, sizeof *s);

	(void)level;
	(void)d;
	if (s != NULL && BZ2_bzDecompressInit(s, 0, 0) == BZ_OK)
		return (s);
	free(s);
	return (NULL);
}

static int
unpack(bz_stream *s, bool last)
{
	(void)last;
	return (BZ2_bzDecompress(s));
}

static enum flow_end
bzip2_unpack_step(void *state, struct flow *f)
{
	switch (step(state, f, unpack)) {
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
bzip2_unpack_again(void *state)
{
	bz_stream *s = state;

	(void)BZ2_bzDecompressEnd(s);
	*s = (bz_stream){0};
	return (BZ2_bzDecompressInit(s, 0, 0) == BZ_OK);
}

static void
bzip2_unpack_close(void *state)
{
	(void)BZ2_bzDecompressEnd(state);
	free(state);
}

const struct coder bzip2_unpack = {bzip2_unpack_open, bzip2_unpack_step,
    bzip2_unpack_again, bzip2_unpack_close};
