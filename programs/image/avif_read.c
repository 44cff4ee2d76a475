/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * avif_read.c: AVIF in: the primary item and its alpha, each of one extent, by
 * libaom. Grids and sequences are refused.
 */
#include <stdlib.h>
#include <string.h>

#include <aom/aom_decoder.h>
#include <aom/aomdx.h>

#include "image.h"

#define BOXES_MAX 256
#define ITEMS_MAX 256

/* A part of the file; nothing is read beyond its end. */
struct part {
	const uint8_t *data;
	size_t len, at;
	bool failed;			/* read past the end; sticks */
};

static uint32_t
get(struct part *p, unsigned n)
{
	uint32_t v = 0;

	if (p->failed || n > p->len - p->at) {
		p->failed = true;
		return (0);
	}
	while (n-- > 0)
		v = v << 8 | p->data[p->at++];
	return (v);
}

/* A number of 0, 4 or 8 bytes; files are smaller than 4 GiB. */
static uint32_t
get_sized(struct part *p, unsigned n)
{
	if (n == 8 && get(p, 4) != 0)
		p->failed = true;
	return (n == 0 ? 0 : get(p, 4));
}

/* The next box of a part, its content in *in; false at the end. */
static bool
next_box(struct part *p, char type[4], struct part *in)
{
	uint32_t size;

	if (p->failed || p->len - p->at < 8)
		return (false);
	size = get(p, 4);
	memcpy(type, p->data + p->at, 4);
	p->at += 4;
	if (size == 0)			/* to the end */
		size = (uint32_t)(p->len - p->at + 8);
	if (size < 8 || size - 8 > p->len - p->at)
		return (false);
	*in = (struct part){p->data + p->at, size - 8, 0, false};
	p->at += size - 8;
	return (true);
}

/* The first box of that type in a part, past its version; -1: none. */
static int
find_box(struct part p, const char *name, bool full, struct part *in)
{
	char type[4];
	int version = 0;

	p.at = 0;
	for (unsigned i = 0; i < BOXES_MAX && next_box(&p, type, in); i++) {
		if (memcmp(type, name, 4) != 0)
			continue;
		if (full)
			version = (int)(get(in, 4) >> 24);
		return (in->failed ? -1 : version);
	}
	return (-1);
}

struct item {
	uint32_t id, at, len;
};

static unsigned
read_iloc(struct part *b, int version, struct item *items)
{
	unsigned sizes = get(b, 2), n, id_bytes = version < 2 ? 2 : 4, kept = 0;
	unsigned offset = sizes >> 12, length = sizes >> 8 & 15;
	unsigned base = sizes >> 4 & 15, index = version > 0 ? sizes & 15 : 0;

	n = get(b, id_bytes);
	for (unsigned i = 0; i < n && i < ITEMS_MAX && !b->failed; i++) {
		struct item it = {.id = get(b, id_bytes)};
		unsigned method = version > 0 ? get(b, 2) & 15 : 0, extents;
		uint32_t from;

		(void)get(b, 2);
		from = get_sized(b, base);
		extents = get(b, 2);
		for (unsigned k = 0; k < extents && !b->failed; k++) {
			(void)get_sized(b, index);
			it.at = get_sized(b, offset);
			it.len = get_sized(b, length);
		}
		if (__builtin_add_overflow(it.at, from, &it.at) ||
		    method != 0 || extents != 1)
			continue;
		items[kept++] = it;
	}
	return (b->failed ? 0 : kept);
}

/* Which item is the alpha of another one? 0: none. */
static uint32_t
alpha_of(struct part meta, uint32_t primary)
{
	unsigned id_bytes, n;
	struct part iref, ref;
	uint32_t from;
	char type[4];
	int version;

	version = find_box(meta, "iref", true, &iref);
	if (version < 0)
		return (0);
	id_bytes = version == 0 ? 2 : 4;
	for (unsigned i = 0; i < BOXES_MAX && next_box(&iref, type, &ref);
	    i++) {
		from = get(&ref, id_bytes);
		n = get(&ref, 2);
		for (; memcmp(type, "auxl", 4) == 0 && n > 0 && !ref.failed;
		    n--)
			if (get(&ref, id_bytes) == primary && !ref.failed)
				return (from);
	}
	return (0);
}

/* Bytes of an item, or none. */
static bool
item_bytes(const struct part *file, const struct item *items, unsigned n,
    uint32_t id, struct part *in)
{
	for (unsigned i = 0; i < n; i++)
		if (items[i].id == id && items[i].at < file->len &&
		    items[i].len <= file->len - items[i].at) {
			*in = (struct part){file->data + items[i].at,
			    items[i].len, 0, false};
			return (true);
		}
	return (false);
}

/*--- what is told about an item -------------------------------------------*/

/* The item's properties, numbers from 1, in the order in which they apply. */
static unsigned
properties_of(struct part iprp, uint32_t id, unsigned numbers[ITEMS_MAX])
{
	struct part ipma;
	int version = find_box(iprp, "ipma", false, &ipma);
	unsigned flags, n, count = 0, wide;
	uint32_t whose;

	if (version < 0)
		return (0);
	flags = get(&ipma, 4);
	wide = flags & 1 ? 2 : 1;
	n = get(&ipma, 4);
	for (unsigned i = 0; i < n && i < ITEMS_MAX && !ipma.failed; i++) {
		whose = get(&ipma, flags >> 24 == 0 ? 2 : 4);
		for (unsigned k = get(&ipma, 1); k > 0; k--) {
			unsigned v = get(&ipma, wide) &
			    (wide == 2 ? 0x7fff : 0x7f);

			if (whose == id && count < ITEMS_MAX && !ipma.failed)
				numbers[count++] = v;
		}
	}
	return (count);
}

/* The property of that number. */
static bool
find_property(struct part iprp, unsigned number, char type[4], struct part *in)
{
	struct part ipco;

	if (number == 0 || find_box(iprp, "ipco", false, &ipco) < 0)
		return (false);
	for (unsigned i = 0; i < BOXES_MAX && next_box(&ipco, type, in); i++)
		if (--number == 0)
			return (true);
	return (false);
}

/* As EXIF counts: by quarter turns to the left, and then a mirror. */
static int
orientation_of(struct part iprp, uint32_t id)
{
	/* ISO 23008-12, 6.5.10 and 6.5.12. */
	static const uint8_t by[3][4] = {
		{1, 8, 3, 6}, {4, 5, 2, 7}, {2, 7, 4, 5},
	};
	unsigned numbers[ITEMS_MAX], n = properties_of(iprp, id, numbers);
	unsigned angle = 0, mirror = 0;
	struct part in;
	char type[4];

	for (unsigned i = 0; i < n; i++) {
		if (!find_property(iprp, numbers[i], type, &in))
			continue;
		if (memcmp(type, "irot", 4) == 0) {
			angle = get(&in, 1) & 3;
			/* Mirrored first, it turns the other way round. */
			angle = mirror != 0 ? -angle & 3 : angle;
		} else if (memcmp(type, "imir", 4) == 0)
			mirror = 1 + (get(&in, 1) & 1);
	}
	return (by[mirror][angle]);
}

/* The first item of a type; 0: none. */
static uint32_t
item_of_type(struct part meta, const char *name)
{
	struct part iinf, infe;
	uint32_t id;
	char type[4];
	int version = find_box(meta, "iinf", true, &iinf);

	if (version < 0)
		return (0);
	(void)get(&iinf, version == 0 ? 2 : 4);
	for (unsigned i = 0; i < BOXES_MAX && next_box(&iinf, type, &infe);
	    i++) {
		version = (int)(get(&infe, 4) >> 24);
		id = get(&infe, version < 3 ? 2 : 4);
		(void)get(&infe, 2);
		if (version >= 2 && infe.len - infe.at >= 4 &&
		    memcmp(infe.data + infe.at, name, 4) == 0)
			return (id);
	}
	return (0);
}

/*--- frames ---------------------------------------------------------------*/

/* A sample of plane k in 8 bits. */
static int
sample(const aom_image_t *f, int k, int x, int y)
{
	const uint8_t *row = f->planes[k] + (long)y * f->stride[k];

	if (f->fmt & AOM_IMG_FMT_HIGHBITDEPTH)
		return (((const uint16_t *)(const void *)row)[x] >>
		    (f->bit_depth - 8));
	return (row[x]);
}

static uint8_t
clamp(double v)
{
	return ((uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v + 0.5));
}

static void
to_rgb(const aom_image_t *f, int x, int y, uint8_t *px)
{
	/* BT.601 and, where the file says so, BT.709. */
	bool hd = f->mc == AOM_CICP_MC_BT_709;
	double kr = hd ? 1.5748 : 1.402, kb = hd ? 1.8556 : 1.772;
	double gr = hd ? 0.468124 : 0.714136, gb = hd ? 0.187324 : 0.344136;
	double l = sample(f, 0, x, y), u = 0, v = 0;

	if (!f->monochrome) {
		u = sample(f, 1, x >> f->x_chroma_shift,
		    y >> f->y_chroma_shift) - 128;
		v = sample(f, 2, x >> f->x_chroma_shift,
		    y >> f->y_chroma_shift) - 128;
	}
	if (f->mc == AOM_CICP_MC_IDENTITY && !f->monochrome) {
		px[0] = clamp(v + 128);
		px[1] = clamp(l);
		px[2] = clamp(u + 128);
		return;
	}
	if (f->range == AOM_CR_STUDIO_RANGE) {
		l = (l - 16) * 255 / 219;
		u = u * 255 / 224;
		v = v * 255 / 224;
	}
	px[0] = clamp(l + kr * v);
	px[1] = clamp(l - gb * u - gr * v);
	px[2] = clamp(l + kb * u);
}

static void
take_colour(const aom_image_t *f, struct picture *p)
{
	for (int y = 0; y < p->h; y++)
		for (int x = 0; x < p->w; x++) {
			uint8_t *px = p->px + ((size_t)y * (size_t)p->w +
			    (size_t)x) * 4;

			to_rgb(f, x, y, px);
			px[3] = 255;
		}
}

static void
take_alpha(const aom_image_t *f, struct picture *p)
{
	if ((int)f->d_w != p->w || (int)f->d_h != p->h)
		return;
	p->alpha = true;
	for (int y = 0; y < p->h; y++)
		for (int x = 0; x < p->w; x++)
			p->px[((size_t)y * (size_t)p->w + (size_t)x) * 4 + 3] =
			    (uint8_t)sample(f, 0, x, y);
}

static int
decode_item(struct job *job, const struct part *item,
    const struct wanted *wanted, bool alpha, struct picture *p)
{
	const aom_codec_dec_cfg_t c = {.threads = 1, .allow_lowbitdepth = 1};
	aom_codec_stream_info_t info = {.is_annexb = 0};
	aom_codec_iter_t at = NULL;
	aom_codec_ctx_t codec;
	aom_image_t *f = NULL;
	int r = 0;

	/* The size by the sequence header, before libaom takes memory. */
	if (aom_codec_peek_stream_info(aom_codec_av1_dx(), item->data,
	    item->len, &info) != 0 ||
	    (uint64_t)info.w * info.h > wanted->max_pixels)
		return (job_fail(job, 422, "the AVIF has no frame of at most "
		    "%ju pixels", (uintmax_t)wanted->max_pixels));
	if (aom_codec_dec_init(&codec, aom_codec_av1_dx(), &c, 0) != 0)
		return (job_fail(job, 500, "libaom is of another version"));
	if (aom_codec_decode(&codec, item->data, item->len, NULL) == 0)
		f = aom_codec_get_frame(&codec, &at);
	if (f == NULL)
		r = job_fail(job, 422, "broken AVIF: %s",
		    aom_codec_error(&codec));
	else if (alpha)
		take_alpha(f, p);
	else if ((r = picture_new(job, wanted->max_pixels, f->d_w, f->d_h,
	    p)) == 0)
		take_colour(f, p);
	(void)aom_codec_destroy(&codec);
	return (r);
}

/* The items of a file; their number, 0 when there is none. */
struct items {
	struct part meta;
	uint32_t primary;
	unsigned n;
	struct item list[ITEMS_MAX];
};

static bool
read_items(const struct part *file, struct items *all)
{
	struct part box;
	int version;

	if (file->len > UINT32_MAX ||
	    find_box(*file, "meta", true, &all->meta) < 0)
		return (false);
	all->meta = (struct part){all->meta.data + 4, all->meta.len - 4, 0,
	    false};
	version = find_box(all->meta, "pitm", true, &box);
	all->primary = version < 0 ? 0 : get(&box, version == 0 ? 2 : 4);
	version = find_box(all->meta, "iloc", true, &box);
	all->n = version < 0 || version > 2 ? 0 :
	    read_iloc(&box, version, all->list);
	return (true);
}

int
decode_avif(struct job *job, const uint8_t *data, size_t len,
    const struct wanted *wanted, struct picture *p)
{
	const struct part file = {data, len, 0, false};
	struct part item, iprp;
	struct items all;
	uint32_t alpha;

	if (!read_items(&file, &all))
		return (job_fail(job, 422, "broken AVIF: it has no meta box"));
	if (!item_bytes(&file, all.list, all.n, all.primary, &item))
		return (job_fail(job, 415, "the AVIF has no single picture"));
	if (decode_item(job, &item, wanted, false, p) != 0)
		return (-1);
	alpha = alpha_of(all.meta, all.primary);
	if (alpha != 0 && item_bytes(&file, all.list, all.n, alpha, &item) &&
	    decode_item(job, &item, wanted, true, p) != 0)
		return (-1);
	if (find_box(all.meta, "iprp", false, &iprp) >= 0)
		p->orientation = orientation_of(iprp, all.primary);
	return (0);
}

void
avif_metadata(const uint8_t *data, size_t len, struct metadata *m)
{
	const struct part file = {data, len, 0, false};
	unsigned numbers[ITEMS_MAX], n;
	struct part item, iprp, in;
	struct items all;
	uint32_t id, at;
	char type[4];

	if (!read_items(&file, &all))
		return;
	id = item_of_type(all.meta, "Exif");
	if (id != 0 && item_bytes(&file, all.list, all.n, id, &item)) {
		/* How far behind this number the TIFF's header is. */
		at = get(&item, 4);
		if (!item.failed && at < item.len - item.at) {
			m->exif = item.data + item.at + at;
			m->exif_len = item.len - item.at - at;
		}
	}
	if (find_box(all.meta, "iprp", false, &iprp) < 0)
		return;
	n = properties_of(iprp, all.primary, numbers);
	for (unsigned i = 0; i < n; i++)
		if (find_property(iprp, numbers[i], type, &in) &&
		    memcmp(type, "colr", 4) == 0 && in.len > 4 &&
		    (memcmp(in.data, "prof", 4) == 0 ||
		    memcmp(in.data, "rICC", 4) == 0))
			metadata_set_profile(m, in.data + 4, in.len - 4);
}
