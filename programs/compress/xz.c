/* SPDX-License-Identifier: BSD-2-Clause */
/* xz.c: liblzma, both ways, a piece at a time. */
#include <lzma.h>
#include <stdlib.h>

#include "codec.h"

#define XZ_MEMORY ((uint64_t)128 << 20)

static void
xz_close(void *state)
{
	lzma_end(state);
	free(state);
}

static lzma_ret
step(lzma_stream *s, struct flow *f, lzma_action action)
{
	lzma_ret r;

	s->next_in = f->in;
	s->avail_in = f->left;
	s->next_out = f->out;
	s->avail_out = f->room;
	r = lzma_code(s, action);
	flow_move(f, f->left - s->avail_in, f->room - s->avail_out);
	return (r);
}

/* Level: -1 is to unpack. */
static void *
open_stream(int level)
{
	lzma_stream *s = malloc(sizeof *s);
	lzma_ret r;

	if (s == NULL)
		return (NULL);
	*s = (lzma_stream)LZMA_STREAM_INIT;
	r = level < 0 ? lzma_stream_decoder(s, XZ_MEMORY, LZMA_CONCATENATED) :
	    lzma_easy_encoder(s, (uint32_t)level, LZMA_CHECK_CRC64);
	if (r == LZMA_OK)
		return (s);
	xz_close(s);
	return (NULL);
}

static void *
xz_pack_open(int level, const struct dictionary *d)
{
	(void)d;
	return (open_stream(level));
}

static enum flow_end
xz_pack_step(void *state, struct flow *f)
{
	lzma_ret r = step(state, f, f->last ? LZMA_FINISH : LZMA_RUN);

	return (r == LZMA_STREAM_END ? FLOW_END : r == LZMA_OK ? FLOW_MORE :
	    FLOW_NO_MEMORY);
}

const struct coder xz_pack = {xz_pack_open, xz_pack_step, NULL, xz_close};

static void *
xz_unpack_open(int level, const struct dictionary *d)
{
	(void)level;
	(void)d;
	return (open_stream(-1));
}

static enum flow_end
xz_unpack_step(void *state, struct flow *f)
{
	switch (step(state, f, LZMA_FINISH)) {
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

const struct coder xz_unpack = {xz_unpack_open, xz_unpack_step, NULL, xz_close};
