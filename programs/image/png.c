/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * png.c: PNG in, any depth to 8 bits of sRGB; and out, as the smallest kind of
 * PNG that loses nothing: grey, a palette, no alpha where all is opaque.
 */
#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "image.h"

struct coding {
	png_structp png;
	png_infop info;
	jmp_buf out;
	char why[200];
	/* In. */
	const uint8_t *data;
	size_t len, at;
	/* Out. */
	uint8_t *bytes;
	size_t size, room;
	uint8_t *row;			/* of either */
};

static void
on_error(png_structp png, png_const_charp text)
{
	struct coding *c = png_get_error_ptr(png);

	(void)snprintf(c->why, sizeof c->why, "%s", text);
	longjmp(c->out, 1);
}

static void
on_warning(png_structp png, png_const_charp text)
{
	(void)png, (void)text;
}

/*--- in -------------------------------------------------------------------*/

static void
on_read(png_structp png, png_bytep to, size_t n)
{
	struct coding *c = png_get_io_ptr(png);

	if (n > c->len - c->at)
		png_error(png, "it is cut off");
	memcpy(to, c->data + c->at, n);
	c->at += n;
}

/*
 * The power that makes light of its numbers; 0: they are sRGB's. A profile
 * wins over sRGB, that over gAMA (PNG, 4.3 and 12); without any, it is taken
 * for sRGB whatever its depth.
 */
static double
power_of(struct coding *c)
{
	struct metadata m;
	double gamma = 0;

	metadata_read(c->data, c->len, &m);
	free(m.icc);
	if (m.icc != NULL ||
	    png_get_valid(c->png, c->info, PNG_INFO_sRGB) != 0 ||
	    png_get_gAMA(c->png, c->info, &gamma) == 0 ||
	    gamma < 0.01 || gamma > 100 || fabs(gamma * 2.2 - 1) < 0.05)
		return (0);
	return (1 / gamma);
}

/* The number of sRGB for each of 8 or 16 bits. */
static uint8_t *
gamma_table(double power, size_t n)
{
	uint8_t *table = malloc(n);

	for (size_t i = 0; table != NULL && i < n; i++)
		table[i] = (uint8_t)lround(to_srgb(pow((double)i /
		    (double)(n - 1), power)) * 255);
	return (table);
}

/* Rows of 16 bits become rows of 8. */
static void
narrow_row(const uint8_t *from, const uint8_t *table, uint8_t *to, int w)
{
	for (int i = 0; i < w * 4; i++, from += 2) {
		unsigned v = (unsigned)from[0] << 8 | from[1];

		to[i] = i % 4 == 3 ? (uint8_t)((v * 255 + 32895) >> 16) :
		    table[v];
	}
}

static void
read_rows(struct coding *c, struct picture *p, const uint8_t *table, bool deep)
{
	int passes = png_set_interlace_handling(c->png);
	size_t row = (size_t)p->w * 4;

	png_read_update_info(c->png, c->info);
	for (; passes > 0; passes--)
		for (int y = 0; y < p->h; y++) {
			uint8_t *to = p->px + (size_t)y * row;

			png_read_row(c->png, deep ? c->row : to, NULL);
			if (deep)
				narrow_row(c->row, table, to, p->w);
		}
	for (uint8_t *at = p->px; table != NULL && !deep &&
	    at < p->px + row * (size_t)p->h; at += 4)
		for (int i = 0; i < 3; i++)
			at[i] = table[at[i]];
}

/* Whatever it is, rows of four bytes a pixel. */
static int
read_all(struct job *job, struct coding *c, const struct wanted *wanted,
    struct picture *p, uint8_t **table)
{
	int depth, type;
	double power;
	bool deep;

	png_read_info(c->png, c->info);
	depth = png_get_bit_depth(c->png, c->info);
	type = png_get_color_type(c->png, c->info);
	if (picture_new(job, wanted->max_pixels,
	    png_get_image_width(c->png, c->info),
	    png_get_image_height(c->png, c->info), p) != 0)
		return (-1);
	p->alpha = (type & PNG_COLOR_MASK_ALPHA) != 0 ||
	    png_get_valid(c->png, c->info, PNG_INFO_tRNS) != 0;
	power = power_of(c);
	/* Light needs all 16 bits; passes add up only where the row lies. */
	deep = power != 0 && depth == 16 &&
	    png_get_interlace_type(c->png, c->info) == PNG_INTERLACE_NONE;
	if (power != 0 && (*table = gamma_table(power, deep ? 65536 : 256)) ==
	    NULL)
		return (job_fail(job, 413, "not enough memory for a PNG"));
	if (deep && (c->row = malloc((size_t)p->w * 8)) == NULL)
		return (job_fail(job, 413, "not enough memory for a PNG"));
	png_set_expand(c->png);
	if (depth == 16 && !deep)
		png_set_scale_16(c->png);
	png_set_gray_to_rgb(c->png);
	png_set_add_alpha(c->png, 0xffff, PNG_FILLER_AFTER);
	read_rows(c, p, *table, deep);
	return (0);
}

int
decode_png(struct job *job, const uint8_t *data, size_t len,
    const struct wanted *wanted, struct picture *p)
{
	static struct coding c;
	static uint8_t *table;
	int r;

	c = (struct coding){.data = data, .len = len};
	table = NULL;
	c.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &c, on_error,
	    on_warning);
	c.info = c.png == NULL ? NULL : png_create_info_struct(c.png);
	if (c.info == NULL)
		r = job_fail(job, 413, "not enough memory for a PNG");
	else if (setjmp(c.out) != 0)
		r = job_fail(job, 422, "broken PNG: %s", c.why);
	else {
		png_set_read_fn(c.png, &c, on_read);
		r = read_all(job, &c, wanted, p, &table);
	}
	png_destroy_read_struct(&c.png, &c.info, NULL);
	free(c.row);
	free(table);
	return (r);
}

/*--- out: which kind ------------------------------------------------------*/

enum { COLOURS_MAX = 256, SLOTS = 1024, NO_COLOUR = -1 };
#define SMALL (256 * 256)		/* pixels: both ways are tried */

/* What a look at all pixels tells. */
struct survey {
	bool opaque, grey;
	int bits;			/* of grey, without loss */
	int n;				/* colours; 257: too many */
	uint8_t colour[COLOURS_MAX][4];
	int16_t slot[SLOTS];		/* a colour's number, by its hash */
};

/* The slot of a colour, or the free one that it would get. */
static int16_t *
slot_of(struct survey *s, const uint8_t *px)
{
	uint32_t v, i;

	memcpy(&v, px, 4);
	for (i = v * 2654435761u >> 22;; i = (i + 1) % SLOTS)
		if (s->slot[i] == NO_COLOUR ||
		    memcmp(s->colour[s->slot[i]], px, 4) == 0)
			return (&s->slot[i]);
}

static void
add_colour(struct survey *s, const uint8_t *px)
{
	int16_t *slot = slot_of(s, px);

	if (*slot != NO_COLOUR)
		return;
	if (s->n < COLOURS_MAX) {
		memcpy(s->colour[s->n], px, 4);
		*slot = (int16_t)s->n;
	}
	s->n++;
}

static int
bits_of_grey(uint8_t v)
{
	return (v % 255 == 0 ? 1 : v % 85 == 0 ? 2 : v % 17 == 0 ? 4 : 8);
}

static void
survey(const struct picture *p, struct survey *s)
{
	const uint8_t *end = p->px + (size_t)p->w * (size_t)p->h * 4;
	const uint8_t *before = NULL;

	s->opaque = s->grey = true;
	s->bits = 1;
	s->n = 0;
	for (int i = 0; i < SLOTS; i++)
		s->slot[i] = NO_COLOUR;
	for (const uint8_t *px = p->px; px < end; before = px, px += 4) {
		if (before != NULL && memcmp(before, px, 4) == 0)
			continue;
		s->opaque = s->opaque && px[3] == 255;
		s->grey = s->grey && px[0] == px[1] && px[1] == px[2];
		if (s->grey && s->bits < bits_of_grey(px[0]))
			s->bits = bits_of_grey(px[0]);
		if (s->n <= COLOURS_MAX)
			add_colour(s, px);
		else if (!s->grey && !s->opaque)
			break;
	}
}

struct kind {
	int type, depth, channels;
};

struct piece {
	uint8_t *data;
	size_t len;
};

/* Without a palette. */
static struct kind
plain_kind(const struct survey *s)
{
	if (s->grey)
		return (s->opaque ?
		    (struct kind){PNG_COLOR_TYPE_GRAY, s->bits, 1} :
		    (struct kind){PNG_COLOR_TYPE_GRAY_ALPHA, 8, 2});
	return (s->opaque ? (struct kind){PNG_COLOR_TYPE_RGB, 8, 3} :
	    (struct kind){PNG_COLOR_TYPE_RGB_ALPHA, 8, 4});
}

/* With a palette of all its colours, if that takes less bits than plain. */
static bool
palette_kind(const struct survey *s, const struct kind *plain, struct kind *k)
{
	int depth = s->n <= 2 ? 1 : s->n <= 4 ? 2 : s->n <= 16 ? 4 : 8;

	*k = (struct kind){PNG_COLOR_TYPE_PALETTE, depth, 1};
	return (s->n <= COLOURS_MAX && depth < plain->depth * plain->channels);
}

/*--- out: bytes -----------------------------------------------------------*/

static void
on_write(png_structp png, png_bytep from, size_t n)
{
	struct coding *c = png_get_io_ptr(png);
	uint8_t *grown;

	if (n > c->room - c->size) {
		c->room += c->room / 2 + n + 65536;
		grown = realloc(c->bytes, c->room);
		if (grown == NULL)
			png_error(png, "not enough memory");
		c->bytes = grown;
	}
	memcpy(c->bytes + c->size, from, n);
	c->size += n;
}

static void
on_flush(png_structp png)
{
	(void)png;
}

/* Transparent colours first: only of these alpha is written. */
static void
put_palette(struct coding *c, struct survey *s)
{
	png_color palette[COLOURS_MAX] = {{0, 0, 0}};
	png_byte alpha[COLOURS_MAX];
	uint8_t px[4];
	int clear = 0;

	for (int i = 0; i < s->n; i++) {
		if (s->colour[i][3] == 255)
			continue;
		memcpy(px, s->colour[i], 4);
		memcpy(s->colour[i], s->colour[clear], 4);
		memcpy(s->colour[clear++], px, 4);
	}
	for (int i = 0; i < SLOTS; i++)
		s->slot[i] = NO_COLOUR;
	for (int i = 0; i < s->n; i++) {
		const uint8_t *v = s->colour[i];

		*slot_of(s, v) = (int16_t)i;
		palette[i] = (png_color){v[0], v[1], v[2]};
		alpha[i] = v[3];
	}
	png_set_PLTE(c->png, c->info, palette, s->n);
	if (clear != 0)
		png_set_tRNS(c->png, c->info, alpha, clear, NULL);
}

/* Pixels as that kind has them, one sample a byte. */
static void
fill_row(uint8_t *to, const uint8_t *px, int w, const struct kind *k,
    struct survey *s)
{
	for (int x = 0; x < w; x++, px += 4)
		switch (k->type) {
		case PNG_COLOR_TYPE_PALETTE:
			*to++ = (uint8_t)*slot_of(s, px);
			break;
		case PNG_COLOR_TYPE_GRAY:
			*to++ = px[0] >> (8 - k->depth);
			break;
		case PNG_COLOR_TYPE_GRAY_ALPHA:
			*to++ = px[0];
			*to++ = px[3];
			break;
		default:
			memcpy(to, px, 3);
			to += 3;
		}
}

static void
write_all(struct coding *c, const struct picture *p, const struct kind *k,
    struct survey *s, int level)
{
	png_set_write_fn(c->png, c, on_write, on_flush);
	png_set_compression_level(c->png, level);
	png_set_IHDR(c->png, c->info, (png_uint_32)p->w, (png_uint_32)p->h,
	    k->depth, k->type, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
	    PNG_FILTER_TYPE_DEFAULT);
	if (k->type == PNG_COLOR_TYPE_PALETTE)
		put_palette(c, s);
	png_set_sRGB(c->png, c->info, PNG_sRGB_INTENT_PERCEPTUAL);
	png_write_info(c->png, c->info);
	png_set_packing(c->png);
	for (int y = 0; y < p->h; y++) {
		const uint8_t *px = p->px + (size_t)y * (size_t)p->w * 4;

		if (k->type != PNG_COLOR_TYPE_RGB_ALPHA)
			fill_row(c->row, px, p->w, k, s);
		png_write_row(c->png, k->type == PNG_COLOR_TYPE_RGB_ALPHA ?
		    px : c->row);
	}
	png_write_end(c->png, c->info);
}

static int
encode_kind(struct job *job, const struct picture *p, struct survey *s,
    const struct kind *k, int level, struct piece *out)
{
	static struct coding c;
	int r;

	c = (struct coding){.row = malloc((size_t)p->w * 4)};
	c.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &c, on_error,
	    on_warning);
	c.info = c.png == NULL ? NULL : png_create_info_struct(c.png);
	if (c.row == NULL || c.info == NULL)
		r = job_fail(job, 413, "not enough memory for a PNG");
	else if (setjmp(c.out) != 0)
		r = job_fail(job, 413, "no PNG: %s", c.why);
	else {
		write_all(&c, p, k, s, level);
		r = 0;
	}
	png_destroy_write_struct(&c.png, &c.info);
	free(c.row);
	*out = (struct piece){c.bytes, c.size};
	return (r);
}

int
encode_png(struct job *job, const struct picture *p, const struct encoding *e,
    uint8_t **out, size_t *len)
{
	static struct survey s;
	struct piece best = {NULL, 0}, other = {NULL, 0};
	int level = e->speed >= 8 ? 3 : e->speed >= 4 ? 6 : 9, r = 0;
	struct kind plain, palette;
	bool both;

	survey(p, &s);
	plain = plain_kind(&s);
	if (palette_kind(&s, &plain, &palette))
		r = encode_kind(job, p, &s, &palette, level, &best);
	/* A palette is not compressed: of a small picture it is the most. */
	both = best.data != NULL && (size_t)p->w * (size_t)p->h <= SMALL;
	if (r == 0 && (best.data == NULL || both))
		r = encode_kind(job, p, &s, &plain, level, &other);
	if (best.data == NULL || (both && other.len < best.len)) {
		free(best.data);
		best = other;
	} else
		free(other.data);
	*out = best.data;
	*len = best.len;
	return (r);
}
