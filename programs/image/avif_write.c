/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * avif_write.c: AVIF out: one AV1 key frame by libaom, one more for what is
 * transparent, in boxes of the ISO base media file format (ISO/IEC 14496-12,
 * 23008-12; AV1 Image File Format 1.0).
 */
#include <stdlib.h>
#include <string.h>

#include <aom/aom_encoder.h>
#include <aom/aomcx.h>

#include "image.h"

/* ITU-T H.273, table 4 (matrix coefficients). */
#define MATRIX_NONE 0			/* the planes are G, B, R */
#define MATRIX_601 6

/*--- bytes ----------------------------------------------------------------*/

struct bytes {
	uint8_t *data;
	size_t len, room;
	bool failed;			/* no memory; sticks */
};

static void
put(struct bytes *b, const void *data, size_t len)
{
	uint8_t *grown;

	if (b->failed || len > b->room - b->len) {
		b->room = b->room * 2 + len + 1024;
		grown = b->failed ? NULL : realloc(b->data, b->room);
		if (grown == NULL) {
			b->failed = true;
			return;
		}
		b->data = grown;
	}
	memcpy(b->data + b->len, data, len);
	b->len += len;
}

static void
put_be(struct bytes *b, uint32_t v, unsigned n)
{
	uint8_t be[4];

	for (unsigned i = 0; i < n; i++)
		be[i] = (uint8_t)(v >> 8 * (n - 1 - i));
	put(b, be, n);
}

static void
set_be32(struct bytes *b, size_t at, uint32_t v)
{
	if (!b->failed)
		for (unsigned i = 0; i < 4; i++)
			b->data[at + i] = (uint8_t)(v >> (24 - 8 * i));
}

/* A box; box_end() fills its length in. */
static size_t
box(struct bytes *b, const char *type)
{
	size_t at = b->len;

	put_be(b, 0, 4);
	put(b, type, 4);
	return (at);
}

static size_t
full_box(struct bytes *b, const char *type, unsigned version)
{
	size_t at = box(b, type);

	put_be(b, version << 24, 4);
	return (at);
}

static void
box_end(struct bytes *b, size_t at)
{
	set_be32(b, at, (uint32_t)(b->len - at));
}

/*--- one frame of AV1 -----------------------------------------------------*/

static int
configure(aom_codec_ctx_t *codec, const struct encoding *e, bool whole)
{
	int quantizer = e->lossless ? 0 : (100 - e->quality) * 63 / 99;
	int speed = e->speed > 9 ? 9 : e->speed;

	/* Colours as JPEG has them: BT.709 primaries, sRGB. */
	return (aom_codec_control(codec, AOME_SET_CPUUSED, speed) ||
	    aom_codec_control(codec, AOME_SET_CQ_LEVEL, quantizer) ||
	    aom_codec_control(codec, AV1E_SET_LOSSLESS, e->lossless) ||
	    aom_codec_control(codec, AV1E_SET_COLOR_PRIMARIES, 1) ||
	    aom_codec_control(codec, AV1E_SET_TRANSFER_CHARACTERISTICS, 13) ||
	    aom_codec_control(codec, AV1E_SET_MATRIX_COEFFICIENTS,
	    whole && e->lossless ? MATRIX_NONE : MATRIX_601) ||
	    aom_codec_control(codec, AV1E_SET_COLOR_RANGE, 1) ||
	    aom_codec_control(codec, AV1E_SET_ROW_MT, 0));
}

/* A frame, or the end of all; and what comes out of it. */
static bool
step(aom_codec_ctx_t *codec, const aom_image_t *frame, struct bytes *out)
{
	const aom_codec_cx_pkt_t *packet;
	aom_codec_iter_t at = NULL;

	if (aom_codec_encode(codec, frame, 0, 1, 0) != 0)
		return (false);
	while ((packet = aom_codec_get_cx_data(codec, &at)) != NULL)
		if (packet->kind == AOM_CODEC_CX_FRAME_PKT)
			put(out, packet->data.frame.buf, packet->data.frame.sz);
	return (true);
}

static int
encode_frame(struct job *job, aom_image_t *frame, const struct encoding *e,
    bool mono, struct bytes *out)
{
	bool whole = frame->fmt == AOM_IMG_FMT_I444;
	aom_codec_enc_cfg_t c;
	aom_codec_ctx_t codec;
	bool ok;

	if (aom_codec_enc_config_default(aom_codec_av1_cx(), &c,
	    AOM_USAGE_ALL_INTRA) != 0)
		return (job_fail(job, 500, "libaom is of another version"));
	c.g_w = frame->d_w;
	c.g_h = frame->d_h;
	c.g_threads = 1;
	c.g_limit = 1;
	c.g_lag_in_frames = 0;
	c.rc_end_usage = AOM_Q;
	c.rc_max_quantizer = 63;
	c.monochrome = mono;
	/* Profile 1 is 4:4:4, and not for one plane (AV1, 6.4.1). */
	c.g_profile = whole ? 1 : 0;
	if (aom_codec_enc_init(&codec, aom_codec_av1_cx(), &c, 0) != 0)
		return (job_fail(job, 413, "AVIF: %s",
		    aom_codec_error_detail(&codec) != NULL ?
		    aom_codec_error_detail(&codec) : "it cannot begin"));
	ok = configure(&codec, e, whole) == 0 &&
	    step(&codec, frame, out) && step(&codec, NULL, out);
	if (!ok)
		(void)job_fail(job, 413, "AVIF: %s",
		    aom_codec_error(&codec));
	(void)aom_codec_destroy(&codec);
	return (ok ? 0 : -1);
}

/*--- pixels to planes -----------------------------------------------------*/

static uint8_t
clamp(int v)
{
	return ((uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v));
}

/* BT.601, full range, 16 bits of fraction. */
static uint8_t
luma(const uint8_t *px)
{
	return ((uint8_t)((19595 * px[0] + 38470 * px[1] + 7471 * px[2] +
	    32768) >> 16));
}

static void
fill_colour(aom_image_t *f, const struct picture *p, bool half)
{
	int step = half ? 2 : 1;

	for (int y = 0; y < p->h; y++)
		for (int x = 0; x < p->w; x++)
			f->planes[0][(long)y * f->stride[0] + x] = luma(p->px +
			    ((size_t)y * (size_t)p->w + (size_t)x) * 4);
	for (int y = 0; y < p->h; y += step)
		for (int x = 0; x < p->w; x += step) {
			int r = 0, g = 0, b = 0, n = 0;

			for (int j = y; j < y + step && j < p->h; j++)
				for (int i = x; i < x + step && i < p->w;
				    i++, n++) {
					const uint8_t *px = p->px + ((size_t)j *
					    (size_t)p->w + (size_t)i) * 4;

					r += px[0];
					g += px[1];
					b += px[2];
				}
			r = (r << 8) / n;
			g = (g << 8) / n;
			b = (b << 8) / n;
			f->planes[1][(long)(y / step) * f->stride[1] + x /
			    step] = clamp(128 + ((-43 * r - 85 * g + 128 * b +
			    32768) >> 16));
			f->planes[2][(long)(y / step) * f->stride[2] + x /
			    step] = clamp(128 + ((128 * r - 107 * g - 21 * b +
			    32768) >> 16));
		}
}

static void
fill_gbr(aom_image_t *f, const struct picture *p)
{
	for (int y = 0; y < p->h; y++)
		for (int x = 0; x < p->w; x++) {
			const uint8_t *px = p->px + ((size_t)y * (size_t)p->w +
			    (size_t)x) * 4;

			f->planes[0][(long)y * f->stride[0] + x] = px[1];
			f->planes[1][(long)y * f->stride[1] + x] = px[2];
			f->planes[2][(long)y * f->stride[2] + x] = px[0];
		}
}

static void
fill_alpha(aom_image_t *f, const struct picture *p)
{
	for (int y = 0; y < p->h; y++)
		for (int x = 0; x < p->w; x++)
			f->planes[0][(long)y * f->stride[0] + x] =
			    p->px[((size_t)y * (size_t)p->w + (size_t)x) * 4 +
			    3];
}

/*--- the file -------------------------------------------------------------*/

/*
 * Profile and level from the sequence header, for av1C. libaom's frame begins
 * with a temporal delimiter and the sequence header, each with a size.
 */
static void
put_av1c(struct bytes *b, const struct bytes *frame, bool mono, bool half)
{
	size_t at = 0, len, box_at = box(b, "av1C");
	unsigned profile = 0, level = 0, type;

	while (at + 2 < frame->len) {
		type = frame->data[at] >> 3 & 15;
		len = frame->data[at + 1];
		at += 2;
		if (type == 1 && at + 1 < frame->len) {
			const uint8_t *d = frame->data + at;

			profile = d[0] >> 5;
			/* reduced_still_picture_header: the level follows */
			level = d[0] >> 3 & 1 ? (d[0] & 7u) << 2 | d[1] >> 6 :
			    8;
			break;
		}
		if (len >= 128)
			break;
		at += len;
	}
	put_be(b, 0x81, 1);
	put_be(b, profile << 5 | level, 1);
	put_be(b, (mono ? 0x10 : 0) | (half || mono ? 0x0c : 0), 1);
	put_be(b, 0, 1);
	box_end(b, box_at);
}

static void
put_pixi(struct bytes *b, unsigned channels)
{
	size_t at = full_box(b, "pixi", 0);

	put_be(b, channels, 1);
	for (unsigned i = 0; i < channels; i++)
		put_be(b, 8, 1);
	box_end(b, at);
}

/* Properties, numbered from 1 in this order, and whose they are. */
static void
put_properties(struct bytes *b, const struct picture *p,
    const struct bytes *colour, const struct bytes *alpha, bool half,
    unsigned matrix)
{
	static const char urn[] = "urn:mpeg:mpegB:cicp:systems:auxiliary:alpha";
	static const uint8_t of_colour[] = {0, 1, 4, 1, 2, 0x83, 4};
	static const uint8_t of_alpha[] = {0, 2, 4, 1, 5, 0x86, 7};
	size_t iprp = box(b, "iprp"), ipco = box(b, "ipco"), at;

	at = full_box(b, "ispe", 0);
	put_be(b, (uint32_t)p->w, 4);
	put_be(b, (uint32_t)p->h, 4);
	box_end(b, at);
	put_pixi(b, 3);
	put_av1c(b, colour, false, half);
	at = box(b, "colr");
	put(b, "nclx\0\1\0\15", 8);
	put_be(b, matrix, 2);
	put_be(b, 0x80, 1);		/* full range */
	box_end(b, at);
	if (alpha != NULL) {
		put_pixi(b, 1);
		put_av1c(b, alpha, true, half);
		at = full_box(b, "auxC", 0);
		put(b, urn, sizeof urn);
		box_end(b, at);
	}
	box_end(b, ipco);
	at = full_box(b, "ipma", 0);
	put_be(b, alpha != NULL ? 2 : 1, 4);
	put(b, of_colour, sizeof of_colour);
	if (alpha != NULL)
		put(b, of_alpha, sizeof of_alpha);
	box_end(b, at);
	box_end(b, iprp);
}

enum { ITEM_COLOUR, ITEM_ALPHA, ITEM_EXIF, ITEMS };

static void
put_iinf(struct bytes *b, const struct bytes *const item[ITEMS], unsigned n)
{
	static const char *const names[ITEMS] = {
		"av01Color", "av01Alpha", "ExifExif\0"
	};
	size_t at = full_box(b, "iinf", 0), infe;

	put_be(b, n, 2);
	for (unsigned i = 0; i < ITEMS; i++) {
		if (item[i] == NULL)
			continue;
		infe = full_box(b, "infe", 2);
		put_be(b, i + 1, 2);
		put_be(b, 0, 2);
		put(b, names[i], 10);
		box_end(b, infe);
	}
	box_end(b, at);
}

/* Alpha and EXIF are those of the colours. */
static void
put_iref(struct bytes *b, const struct bytes *const item[ITEMS])
{
	size_t at = full_box(b, "iref", 0), ref;

	for (unsigned i = 1; i < ITEMS; i++) {
		if (item[i] == NULL)
			continue;
		ref = box(b, i == ITEM_ALPHA ? "auxl" : "cdsc");
		put_be(b, i + 1, 2);
		put(b, "\0\1\0\1", 4);
		box_end(b, ref);
	}
	box_end(b, at);
}

/* Items are numbered from 1; offsets are filled in later, at where[]. */
static void
put_items(struct bytes *b, const struct bytes *const item[ITEMS],
    size_t where[ITEMS])
{
	size_t at = full_box(b, "iloc", 0);
	unsigned n = 0;

	for (unsigned i = 0; i < ITEMS; i++)
		n += item[i] != NULL;
	put_be(b, 0x4400, 2);		/* offset and length of four bytes */
	put_be(b, n, 2);
	for (unsigned i = 0; i < ITEMS; i++) {
		if (item[i] == NULL)
			continue;
		put_be(b, i + 1, 2);
		put_be(b, 0, 2);
		put_be(b, 1, 2);
		where[i] = b->len;
		put_be(b, 0, 4);
		put_be(b, (uint32_t)item[i]->len, 4);
	}
	box_end(b, at);
	put_iinf(b, item, n);
	if (n > 1)
		put_iref(b, item);
}

static void
put_file(struct bytes *b, const struct picture *p,
    const struct bytes *const item[ITEMS], bool half, unsigned matrix)
{
	size_t at, meta, where[ITEMS];

	at = box(b, "ftyp");
	put(b, half ? "avif\0\0\0\0avifmif1miafMA1B" :
	    "avif\0\0\0\0avifmif1miafMA1A", 24);
	box_end(b, at);
	meta = full_box(b, "meta", 0);
	at = full_box(b, "hdlr", 0);
	put(b, "\0\0\0\0pict\0\0\0\0\0\0\0\0\0\0\0\0", 21);
	box_end(b, at);
	at = full_box(b, "pitm", 0);
	put_be(b, 1, 2);
	box_end(b, at);
	put_items(b, item, where);
	put_properties(b, p, item[ITEM_COLOUR], item[ITEM_ALPHA], half,
	    matrix);
	box_end(b, meta);
	at = box(b, "mdat");
	for (unsigned i = 0; i < ITEMS; i++) {
		if (item[i] == NULL)
			continue;
		set_be32(b, where[i], (uint32_t)b->len);
		put(b, item[i]->data, item[i]->len);
	}
	box_end(b, at);
}

/* The picture's colours, or what is transparent, as one frame. */
static int
encode_part(struct job *job, const struct picture *p,
    const struct encoding *e, bool alpha, bool half, struct bytes *out)
{
	aom_image_t *f;
	int r;

	f = aom_img_alloc(NULL, half || alpha ? AOM_IMG_FMT_I420 :
	    AOM_IMG_FMT_I444, (unsigned)p->w, (unsigned)p->h, 32);
	if (f == NULL)
		return (job_fail(job, 413, "not enough memory for AVIF"));
	f->range = AOM_CR_FULL_RANGE;
	if (alpha)
		fill_alpha(f, p);
	else if (e->lossless)
		fill_gbr(f, p);
	else
		fill_colour(f, p, half);
	r = encode_frame(job, f, e, alpha, out);
	aom_img_free(f);
	if (r == 0 && out->failed)
		r = job_fail(job, 413, "not enough memory for AVIF");
	return (r);
}

int
encode_avif(struct job *job, const struct picture *p,
    const struct encoding *e, uint8_t **out, size_t *len)
{
	bool half = !e->lossless && e->quality < 95;
	struct bytes colour = {NULL, 0, 0, false}, alpha = colour, file = alpha;
	struct bytes exif = alpha;
	const struct bytes *item[ITEMS] = {&colour};
	int r;

	r = encode_part(job, p, e, false, half, &colour);
	if (r == 0 && p->alpha)
		r = encode_part(job, p, e, true, half, &alpha);
	if (p->alpha)
		item[ITEM_ALPHA] = &alpha;
	if (e->exif != NULL) {
		put_be(&exif, 0, 4);	/* the TIFF's header follows at once */
		put(&exif, e->exif, e->exif_len);
		item[ITEM_EXIF] = &exif;
	}
	if (r == 0)
		put_file(&file, p, item, half,
		    e->lossless ? MATRIX_NONE : MATRIX_601);
	if (r == 0 && (file.failed || exif.failed))
		r = job_fail(job, 413, "not enough memory for AVIF");
	free(colour.data);
	free(alpha.data);
	free(exif.data);
	*out = file.data;
	*len = file.len;
	return (r);
}
