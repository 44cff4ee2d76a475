/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * avif_read.c: AVIF in: the primary item and its alpha, each a frame of AV1 or
 * a grid of them, by libaom; colours by what the file says, or else the frame.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <aom/aom_decoder.h>
#include <aom/aomdx.h>

#include "avif.h"

/* By the numbers of ITU-T H.273; unspecified is what JPEG has. */
struct colours {
	unsigned primaries, transfer, matrix;
	bool full, known;		/* from 0 to the end; by the file */
};

struct reading {
	const struct items *all;
	const struct wanted *wanted;
	struct picture *p;
	bool alpha;			/* of p, which is there already */
	struct colours colours;
};

/*--- samples to colours ---------------------------------------------------*/

/* R = Y + ru U + rv V and so on, with 16 bits of fraction, into 8 bits. */
struct matrix {
	int y, y0, c0;			/* factor; what stands for 0 */
	int by[3][2];
};

#define FIX(v) ((int)((v) * 65536 + ((v) < 0 ? -0.5 : 0.5)))

/* What red and blue weigh in Y (H.273, table 4; 12: by the primaries). */
static bool
weights_of(const struct colours *c, double *kr, double *kb)
{
	static const struct { unsigned matrix; double kr, kb; } list[] = {
		{1, 0.2126, 0.0722}, {2, 0.299, 0.114}, {4, 0.3, 0.11},
		{5, 0.299, 0.114}, {6, 0.299, 0.114}, {7, 0.212, 0.087},
		{9, 0.2627, 0.0593},
	};
	unsigned m = c->matrix;

	if (m == 12 && c->primaries == 12) {
		*kr = 0.228975;
		*kb = 0.079287;
		return (true);
	}
	if (m == 12)
		m = c->primaries == 9 ? 9 : 1;
	for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
		if (list[i].matrix == m) {
			*kr = list[i].kr;
			*kb = list[i].kb;
			return (true);
		}
	return (false);
}

/* False: that matrix is not known. */
static bool
matrix_of(const struct colours *c, unsigned depth, struct matrix *m)
{
	double white = c->full ? (1 << depth) - 1 : 219 << (depth - 8);
	double range = c->full ? white : 224 << (depth - 8);
	double s = 255 / range, kr, kb, kg;
	/* RGB itself: U is blue and V is red, in the range of Y. */
	bool rgb = c->matrix == AOM_CICP_MC_IDENTITY;

	*m = (struct matrix){.y = FIX(255 / white), .y0 = c->full ? 0 :
	    16 << (depth - 8), .c0 = rgb ? 0 : 1 << (depth - 1)};
	if (rgb)
		return (true);
	if (c->matrix == AOM_CICP_MC_SMPTE_YCGCO) {
		memcpy(m->by, (int[3][2]){{FIX(-s), FIX(s)}, {FIX(s), 0},
		    {FIX(-s), FIX(-s)}}, sizeof m->by);
		return (true);
	}
	if (!weights_of(c, &kr, &kb))
		return (false);
	kg = 1 - kr - kb;
	memcpy(m->by, (int[3][2]){{0, FIX(2 * (1 - kr) * s)},
	    {FIX(-2 * kb * (1 - kb) / kg * s), FIX(-2 * kr * (1 - kr) / kg *
	    s)}, {FIX(2 * (1 - kb) * s), 0}}, sizeof m->by);
	return (true);
}

static int
sample(const aom_image_t *f, int k, int x, int y)
{
	const uint8_t *row = f->planes[k] + (long)y * f->stride[k];

	return (f->fmt & AOM_IMG_FMT_HIGHBITDEPTH ?
	    ((const uint16_t *)(const void *)row)[x] : row[x]);
}

static uint8_t
clamp(int v)
{
	v = (v + 32768) >> 16;
	return ((uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v));
}

static void
to_rgb(const aom_image_t *f, const struct matrix *m, int x, int y, uint8_t *px)
{
	int l = (sample(f, 0, x, y) - m->y0) * m->y, u = 0, v = 0;

	if (!f->monochrome) {
		x >>= f->x_chroma_shift;
		y >>= f->y_chroma_shift;
		u = sample(f, 1, x, y) - m->c0;
		v = sample(f, 2, x, y) - m->c0;
	}
	if (m->c0 == 0 && !f->monochrome) {
		px[0] = clamp((v - m->y0) * m->y);
		px[1] = clamp(l);
		px[2] = clamp((u - m->y0) * m->y);
		return;
	}
	for (int i = 0; i < 3; i++)
		px[i] = clamp(l + m->by[i][0] * u + m->by[i][1] * v);
}

/*--- frames ---------------------------------------------------------------*/

/* The frame's pixels that lie in the picture, its corner being at left, top. */
static int
place(struct job *job, struct reading *r, const aom_image_t *f, int left,
    int top)
{
	struct picture *p = r->p;
	struct colours c = r->colours;
	struct matrix m;
	int w = p->w - left < (int)f->d_w ? p->w - left : (int)f->d_w;
	int h = p->h - top < (int)f->d_h ? p->h - top : (int)f->d_h;

	if (!c.known || r->alpha)
		c = (struct colours){f->cp, f->tc, r->alpha ? 2 : f->mc,
		    f->range == AOM_CR_FULL_RANGE, true};
	if (!matrix_of(&c, f->bit_depth, &m))
		return (job_fail(job, 415, "the AVIF's colours are by a matrix "
		    "that is not known, %u", c.matrix));
	if (!r->alpha)
		r->colours = c;
	for (int y = 0; y < h; y++) {
		uint8_t *px = p->px + ((size_t)(top + y) * (size_t)p->w +
		    (size_t)left) * 4;

		for (int x = 0; x < w; x++, px += 4)
			if (r->alpha)
				px[3] = clamp((sample(f, 0, x, y) - m.y0) *
				    m.y);
			else {
				to_rgb(f, &m, x, y, px);
				px[3] = 255;
			}
	}
	return (0);
}

/* Where a frame goes to; with grid its size is known by the first one. */
struct grid {
	int rows, columns, at;
	unsigned tile_w, tile_h;
};

/* Before the first frame: is the picture there, and covered by such ones? */
static int
begin_frame(struct job *job, struct reading *r, struct grid *g, unsigned w,
    unsigned h)
{
	const struct picture *p = r->p;

	if (g->at == 0) {
		g->tile_w = w;
		g->tile_h = h;
		if (p->px == NULL && picture_new(job, r->wanted->max_pixels, w,
		    h, r->p) != 0)
			return (-1);
	}
	/* Each is needed: a few bytes could tell of many large ones. */
	if (w != g->tile_w || h != g->tile_h ||
	    (uint64_t)w * (unsigned)g->columns < (unsigned)p->w ||
	    (uint64_t)h * (unsigned)g->rows < (unsigned)p->h ||
	    (uint64_t)w * (unsigned)(g->columns - 1) >= (unsigned)p->w ||
	    (uint64_t)h * (unsigned)(g->rows - 1) >= (unsigned)p->h)
		return (job_fail(job, 422, "broken AVIF: %ux%u pixels do not "
		    "fill its grid", w, h));
	return (0);
}

static int
decode_frame(struct job *job, struct reading *r, struct grid *g, uint32_t id)
{
	const aom_codec_dec_cfg_t c = {.threads = 1, .allow_lowbitdepth = 1};
	aom_codec_stream_info_t info = {.is_annexb = 0};
	aom_codec_iter_t at = NULL;
	aom_codec_ctx_t codec;
	aom_image_t *f = NULL;
	struct part item;
	int failed;

	if (!avif_bytes(r->all, id, &item))
		return (job_fail(job, 422, "the AVIF is cut off, or its "
		    "picture is in pieces"));
	/* The size by the sequence header, before libaom takes memory. */
	if (aom_codec_peek_stream_info(aom_codec_av1_dx(), item.data,
	    item.len, &info) != 0)
		return (job_fail(job, 422, "broken AVIF: it has no frame"));
	if (picture_check(job, r->wanted->max_pixels, info.w, info.h) != 0)
		return (-1);
	if (aom_codec_dec_init(&codec, aom_codec_av1_dx(), &c, 0) != 0)
		return (job_fail(job, 500, "libaom is of another version"));
	if (aom_codec_decode(&codec, item.data, item.len, NULL) == 0)
		f = aom_codec_get_frame(&codec, &at);
	if (f == NULL)
		failed = job_fail(job, 422, "broken AVIF: %s",
		    aom_codec_error(&codec));
	else if ((failed = begin_frame(job, r, g, f->d_w, f->d_h)) == 0)
		failed = place(job, r, f, g->at % g->columns * (int)f->d_w,
		    g->at / g->columns * (int)f->d_h);
	(void)aom_codec_destroy(&codec);
	return (failed);
}

static int
decode_grid(struct job *job, struct reading *r, uint32_t id)
{
	uint32_t tile[ITEMS_MAX];
	unsigned n = avif_references(r->all, "dimg", id, tile);
	struct grid_shape all;
	struct grid g;

	if (!avif_grid(r->all, id, &all))
		return (job_fail(job, 422, "the AVIF is cut off"));
	g = (struct grid){.rows = (int)all.rows, .columns = (int)all.columns};
	if (all.rows * all.columns != n)
		return (job_fail(job, 422, "broken AVIF: its grid is of %u "
		    "pictures, not %d by %d", n, g.columns, g.rows));
	if (r->alpha ? (int)all.w != r->p->w || (int)all.h != r->p->h :
	    picture_new(job, r->wanted->max_pixels, all.w, all.h, r->p) != 0)
		return (r->alpha ? job_fail(job, 422, "broken AVIF: its alpha "
		    "is of another size") : -1);
	for (; g.at < (int)n; g.at++)
		if (decode_frame(job, r, &g, tile[g.at]) != 0)
			return (-1);
	return (0);
}

static int
decode_item(struct job *job, struct reading *r, uint32_t id)
{
	const uint8_t *type = avif_type(r->all, id);
	struct grid one = {.rows = 1, .columns = 1};

	if (type != NULL && memcmp(type, "grid", 4) == 0)
		return (decode_grid(job, r, id));
	if (type != NULL && memcmp(type, "av01", 4) != 0)
		return (job_fail(job, 415, "the AVIF's picture is neither one "
		    "of AV1 nor a grid, but \"%.4s\"", (const char *)type));
	return (decode_frame(job, r, &one, id));
}

/* The item that is the alpha of another one; 0: none. */
static uint32_t
alpha_of(const struct items *all, uint32_t id)
{
	static const char *const names[] = {
		"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha",
		"urn:mpeg:hevc:2015:auxid:1",
	};
	uint32_t from[ITEMS_MAX];
	unsigned n = avif_referrers(all, "auxl", id, from);
	struct part in;

	for (unsigned i = 0; i < n; i++)
		for (int k = 0; k < 2; k++)
			if (avif_property(all, from[i], "auxC", "", &in) &&
			    in.len > 4 + strlen(names[k]) && memcmp(in.data +
			    4, names[k], strlen(names[k])) == 0)
				return (from[i]);
	return (0);
}

static int
decode_alpha(struct job *job, struct reading *r)
{
	uint32_t id = alpha_of(r->all, r->all->primary), to[ITEMS_MAX];
	unsigned n;

	if (id == 0)
		return (0);
	r->alpha = r->p->alpha = true;
	if (decode_item(job, r, id) != 0)
		return (-1);
	n = avif_references(r->all, "prem", r->all->primary, to);
	if (n != 0 && to[0] == id)
		unmultiply(r->p);
	return (0);
}

int
decode_avif(struct job *job, const uint8_t *data, size_t len,
    const struct wanted *wanted, struct picture *p)
{
	static struct items all;
	struct reading r = {.all = &all, .wanted = wanted, .p = p};
	struct part nclx, icc;
	const struct colours *c = &r.colours;

	if (!avif_items(data, len, &all))
		return (job_fail(job, 422, "broken AVIF: it has no meta box"));
	if (avif_property(&all, all.primary, "colr", "nclx", &nclx)) {
		r.colours.primaries = avif_get(&nclx, 2);
		r.colours.transfer = avif_get(&nclx, 2);
		r.colours.matrix = avif_get(&nclx, 2);
		r.colours.full = avif_get(&nclx, 1) >> 7;
		r.colours.known = !nclx.failed;
	}
	if (decode_item(job, &r, all.primary) != 0 ||
	    decode_alpha(job, &r) != 0)
		return (-1);
	p->orientation = avif_orientation(&all, all.primary);
	/* A profile wins over numbers; decode() applies it. */
	if (!avif_property(&all, all.primary, "colr", "prof", &icc) &&
	    !avif_property(&all, all.primary, "colr", "rICC", &icc))
		cicp_to_srgb(p, c->primaries, c->transfer);
	return (0);
}

void
avif_metadata(const uint8_t *data, size_t len, struct metadata *m)
{
	static struct items all;
	struct part item, in;
	uint32_t id, at;

	if (!avif_items(data, len, &all))
		return;
	id = avif_of_type(&all, "Exif");
	if (id != 0 && avif_bytes(&all, id, &item)) {
		/* How far behind this number the TIFF's header is. */
		at = avif_get(&item, 4);
		if (!item.failed && at < item.len - item.at) {
			m->exif = item.data + item.at + at;
			m->exif_len = item.len - item.at - at;
		}
	}
	if (avif_property(&all, all.primary, "colr", "prof", &in) ||
	    avif_property(&all, all.primary, "colr", "rICC", &in))
		metadata_set_profile(m, in.data + in.at, in.len - in.at);
}
