/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * text.c: words by FreeType, in DejaVu Sans, which is built in, or in a font of
 * a file. One letter follows the other: no shaping of Arabic or Indic scripts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ft2build.h>
#include FT_FREETYPE_H

#include "image.h"

#define FONT_BYTES_MAX (64l << 20)

__asm__(
    ".section .rodata\n"
    ".balign 16\n"
    "font_start: .incbin \"/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf\"\n"
    "font_end:\n"
    ".previous\n");
extern const uint8_t font_start[], font_end[];

static FT_Library library;
static FT_Face built_in;

const uint8_t *
built_in_font(size_t *len)
{
	*len = (size_t)(font_end - font_start);
	return (font_start);
}

int
text_prepare(struct job *job)
{
	if (library != NULL || (FT_Init_FreeType(&library) == 0 &&
	    FT_New_Memory_Face(library, font_start, font_end - font_start, 0,
	    &built_in) == 0))
		return (0);
	return (job_fail(job, 500, "not enough memory for a font"));
}

/* All of a file: FreeType keeps reading it. */
static uint8_t *
read_file(const char *name, size_t *len)
{
	FILE *f = fopen(name, "rb");
	uint8_t *data = NULL;
	long size = -1;

	if (f == NULL)
		return (NULL);
	if (fseek(f, 0, SEEK_END) == 0)
		size = ftell(f);
	if (size > 0 && size <= FONT_BYTES_MAX && fseek(f, 0, SEEK_SET) == 0)
		data = malloc((size_t)size);
	if (data != NULL && fread(data, 1, (size_t)size, f) != (size_t)size) {
		free(data);
		data = NULL;
	}
	(void)fclose(f);
	*len = (size_t)size;
	return (data);
}

struct font {
	FT_Face face;
	uint8_t *data;			/* of its file, or NULL */
};

static int
font_open(struct job *job, const struct text_style *s, struct font *font)
{
	size_t len = 0;

	/* In a shell nothing has prepared it. */
	if (text_prepare(job) != 0)
		return (-1);
	*font = (struct font){.face = built_in};
	if (s->font != NULL) {
		font->data = read_file(s->font, &len);
		if (font->data == NULL || FT_New_Memory_Face(library,
		    font->data, (FT_Long)len, 0, &font->face) != 0) {
			free(font->data);
			return (job_fail(job, 400, "option \"font\": %.200s "
			    "cannot be read as a font; is it one of "
			    "allowed_paths?", s->font));
		}
	}
	if (FT_Set_Pixel_Sizes(font->face, 0, (FT_UInt)s->size) == 0)
		return (0);
	return (job_fail(job, 400, "option \"size\": the font has no size of "
	    "%d pixels", s->size));
}

static void
font_close(struct font *font)
{
	if (font->data != NULL)
		(void)FT_Done_Face(font->face);
	free(font->data);
}

/*--- letters --------------------------------------------------------------*/

/* The next character of valid UTF-8; anything else is U+FFFD, byte by byte. */
static FT_ULong
next_char(const char **at)
{
	const uint8_t *p = (const uint8_t *)*at;
	unsigned more = p[0] >= 0xf0 ? 3 : p[0] >= 0xe0 ? 2 : p[0] >= 0xc0;
	FT_ULong c = more == 0 ? p[0] : p[0] & (0x3fu >> more);

	for (unsigned i = 1; i <= more; i++) {
		if ((p[i] & 0xc0) != 0x80) {
			more = 0;
			c = 0xfffd;
			break;
		}
		c = c << 6 | (p[i] & 0x3f);
	}
	if (more == 0 && p[0] >= 0x80)
		c = 0xfffd;
	*at += more + 1;
	return (c);
}

/* One letter's coverage, its left top corner at (x, y) of the picture. */
static void
put_letter(struct picture *p, const FT_Bitmap *b, int x, int y)
{
	for (int j = 0; j < (int)b->rows; j++)
		for (int i = 0; i < (int)b->width; i++) {
			const uint8_t *row = b->buffer + (long)j * b->pitch;
			uint8_t cover = b->pixel_mode == FT_PIXEL_MODE_MONO ?
			    (row[i >> 3] >> (7 - (i & 7)) & 1) * 255 : row[i];
			uint8_t *to;

			if (x + i < 0 || y + j < 0 || x + i >= p->w ||
			    y + j >= p->h)
				continue;
			to = p->px + ((size_t)(y + j) * (size_t)p->w +
			    (size_t)(x + i)) * 4 + 3;
			if (cover > *to)
				*to = cover;
		}
}

/*
 * One line from x on, to the end of the line: where it ends. Nothing is drawn
 * when p is NULL. *at is then behind the end of the line.
 */
static int
line(const struct font *font, const char **at, struct picture *p, int x, int y)
{
	FT_Face face = font->face;
	FT_UInt before = 0, now;
	FT_Vector kern;
	FT_ULong c;

	while (**at != '\0' && x < SIDE_MAX) {
		c = next_char(at);
		if (c == '\n')
			return (x);
		now = FT_Get_Char_Index(face, c);
		if (before != 0 && FT_Get_Kerning(face, before, now,
		    FT_KERNING_DEFAULT, &kern) == 0)
			x += (int)(kern.x >> 6);
		if (FT_Load_Glyph(face, now, p == NULL ?
		    FT_LOAD_TARGET_LIGHT : FT_LOAD_TARGET_LIGHT |
		    FT_LOAD_RENDER) != 0)
			continue;
		if (p != NULL)
			put_letter(p, &face->glyph->bitmap,
			    x + face->glyph->bitmap_left,
			    y - face->glyph->bitmap_top);
		x += (int)(face->glyph->advance.x >> 6);
		before = now;
	}
	return (x);
}

int
text_picture(struct job *job, const char *utf8, const struct text_style *s,
    uint64_t max_pixels, struct picture *p)
{
	int up, high, wide = 1, lines = 0, n;
	const char *at;
	struct font f;

	if (font_open(job, s, &f) != 0)
		return (-1);
	up = (int)(f.face->size->metrics.ascender >> 6);
	high = up - (int)(f.face->size->metrics.descender >> 6);
	high = high < 1 ? 1 : high;
	for (at = utf8; *at != '\0'; lines++)
		wide = (n = line(&f, &at, NULL, 0, 0)) > wide ? n : wide;
	if (picture_new(job, max_pixels, (uint64_t)wide, (uint64_t)high *
	    (uint64_t)(lines > 0 ? lines : 1), p) != 0) {
		font_close(&f);
		return (-1);
	}
	p->alpha = true;
	for (size_t i = 0; i < (size_t)p->w * (size_t)p->h; i++) {
		memcpy(p->px + i * 4, s->colour, 3);
		p->px[i * 4 + 3] = 0;
	}
	at = utf8;
	for (int i = 0; i < lines; i++) {
		const char *again = at;

		n = line(&f, &again, NULL, 0, 0);
		(void)line(&f, &at, p, (int)((wide - n) * s->align),
		    i * high + up);
	}
	for (size_t i = 0; i < (size_t)p->w * (size_t)p->h; i++)
		p->px[i * 4 + 3] = (uint8_t)(p->px[i * 4 + 3] *
		    s->colour[3] / 255);
	font_close(&f);
	return (0);
}
