/* SPDX-License-Identifier: BSD-2-Clause */
/* qr: a QR code of a text, as SVG or PNG. */
#include <png.h>
#include <qrcodegen/qrcodegen.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "job.h"

/* What the largest code holds, in digits; the library knows the rest. */
#define INPUT_MAX 7089

struct options {
	int format, correction;
	int64_t scale, margin;
	const char *dark, *light;
};

enum format { SVG, PNG };

static const struct job_option options[] = {
	JOB_CHOICE(struct options, format, SVG, "svg|png",
	    "what comes out"),
	JOB_CHOICE(struct options, correction, 1, "low|medium|quartile|high",
	    "how much of the code may be unreadable: about 7, 15, 25, 30 "
	    "percent; higher where it costs no room"),
	JOB_INT(struct options, scale, 8, 1, 64,
	    "PNG: pixels of a module's side; SVG: of the size it asks for"),
	JOB_INT(struct options, margin, 4, 0, 64,
	    "modules around it; readers want 4"),
	JOB_STR(struct options, dark, "#000000", 16, "colour, #rrggbb"),
	JOB_STR(struct options, light, "#ffffff", 16,
	    "colour, #rrggbb or transparent"),
	JOB_END
};

struct code {
	uint8_t modules[qrcodegen_BUFFER_LEN_MAX];
	int size, margin, scale;
	bool transparent;
	png_color dark, light;
};

/*--- from text to modules --------------------------------------------------*/

/* The densest mode for the text; UTF-8 that is not ASCII is announced. */
static size_t
cut(const char *text, size_t len, struct qrcodegen_Segment *to, uint8_t *work,
    uint8_t *eci)
{
	size_t n = 0, at = 0, step = 0;
	bool ascii = true;

	if (strlen(text) == len && qrcodegen_isNumeric(text))
		to[n++] = qrcodegen_makeNumeric(text, work);
	else if (strlen(text) == len && qrcodegen_isAlphanumeric(text))
		to[n++] = qrcodegen_makeAlphanumeric(text, work);
	if (n != 0)
		return (n);
	for (; at < len && (step = utf8_len(text + at, len - at)) != 0;
	    at += step)
		ascii = ascii && step == 1;
	if (at == len && !ascii)
		to[n++] = qrcodegen_makeEci(26, eci);
	to[n++] = qrcodegen_makeBytes((const uint8_t *)text, len, work);
	return (n);
}

static int
encode(struct job *job, const struct options *o, struct code *c)
{
	static uint8_t data[INPUT_MAX + 1], work[qrcodegen_BUFFER_LEN_MAX];
	static char text[INPUT_MAX + 1];
	struct qrcodegen_Segment segments[2];
	uint8_t eci[4];
	bool done = false;

	if (job->in_len == 0)
		return (job_fail(job, 422, "there is no text"));
	if (job->in_len <= INPUT_MAX) {
		memcpy(text, job->in, job->in_len);
		text[job->in_len] = '\0';
		done = qrcodegen_encodeSegmentsAdvanced(segments, cut(text,
		    job->in_len, segments, data, eci),
		    (enum qrcodegen_Ecc)o->correction, qrcodegen_VERSION_MIN,
		    qrcodegen_VERSION_MAX, qrcodegen_Mask_AUTO, true, work,
		    c->modules);
	}
	if (!done)
		return (job_fail(job, 413, "%zu bytes are more than a QR code "
		    "holds at this correction", job->in_len));
	c->size = qrcodegen_getSize(c->modules);
	return (0);
}

static bool
read_colour(const char *text, png_color *to)
{
	unsigned long rgb;

	if (strlen(text) != 7 || text[0] != '#' ||
	    strspn(text + 1, "0123456789abcdefABCDEF") != 6)
		return (false);
	rgb = strtoul(text + 1, NULL, 16);
	to->red = (png_byte)(rgb >> 16);
	to->green = (png_byte)(rgb >> 8);
	to->blue = (png_byte)rgb;
	return (true);
}

static int
set_look(struct job *job, const struct options *o, struct code *c)
{
	c->margin = (int)o->margin;
	c->scale = (int)o->scale;
	c->transparent = strcmp(o->light, "transparent") == 0;
	if (!read_colour(o->dark, &c->dark))
		return (job_fail(job, 400, "option \"dark\" is a colour, "
		    "#rrggbb, not \"%s\"", o->dark));
	if (!c->transparent && !read_colour(o->light, &c->light))
		return (job_fail(job, 400, "option \"light\" is a colour, "
		    "#rrggbb, or transparent, not \"%s\"", o->light));
	return (0);
}

/* Modules of the margin are light. */
static bool
is_dark(const struct code *c, int x, int y)
{
	return (qrcodegen_getModule(c->modules, x - c->margin, y - c->margin));
}

/*--- from modules to a picture ---------------------------------------------*/

static int
write_svg(struct job *job, const struct code *c, const struct options *o,
    struct text *b)
{
	int side = c->size + 2 * c->margin, x, y, from;

	text_printf(b, "<svg xmlns=\"http://www.w3.org/2000/svg\" "
	    "viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" "
	    "shape-rendering=\"crispEdges\">\n", side, side, side * c->scale,
	    side * c->scale);
	if (!c->transparent)
		text_printf(b, "<path fill=\"%s\" d=\"M0 0h%dv%dH0z\"/>\n",
		    o->light, side, side);
	text_printf(b, "<path fill=\"%s\" d=\"", o->dark);
	for (y = 0; y < side; y++)
		for (x = 0; x < side; x++) {
			for (from = x; is_dark(c, x, y); x++)
				;
			if (x != from)
				text_printf(b, "M%d %dh%dv1H%dz", from, y,
				    x - from, from);
		}
	text_str(b, "\"/>\n</svg>\n");
	if (b->failed)
		return (job_fail(job, 413, "not enough memory"));
	return (job_answer(job, "image/svg+xml", b->data, b->len));
}

static void
put(png_structp png, png_bytep data, png_size_t len)
{
	text_add(png_get_io_ptr(png), data, len);
}

static void
no_flush(png_structp png)
{
	(void)png;
}

/* One bit a pixel: light is 0, dark is 1. */
static void
write_rows(png_structp png, const struct code *c, png_bytep row, size_t len)
{
	int side = c->size + 2 * c->margin, x, y, i, at;

	for (y = 0; y < side; y++) {
		memset(row, 0, len);
		for (x = at = 0; x < side; x++)
			for (i = 0; i < c->scale; i++, at++)
				if (is_dark(c, x, y))
					row[at >> 3] |=
					    (png_byte)(0x80 >> (at & 7));
		for (i = 0; i < c->scale; i++)
			png_write_row(png, row);
	}
}

static int
write_png(struct job *job, const struct code *c, struct text *b)
{
	png_uint_32 side = (png_uint_32)((c->size + 2 * c->margin) * c->scale);
	png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL,
	    NULL, NULL);
	png_infop info = png != NULL ? png_create_info_struct(png) : NULL;
	png_bytep row = malloc(side / 8 + 1);
	png_color palette[2] = {c->light, c->dark};
	png_byte clear = 0;

	if (info == NULL || row == NULL || setjmp(png_jmpbuf(png)) != 0) {
		png_destroy_write_struct(&png, &info);
		free(row);
		return (job_fail(job, 413, "not enough memory"));
	}
	png_set_write_fn(png, b, put, no_flush);
	png_set_IHDR(png, info, side, side, 1, PNG_COLOR_TYPE_PALETTE,
	    PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
	    PNG_FILTER_TYPE_DEFAULT);
	png_set_PLTE(png, info, palette, 2);
	if (c->transparent)
		png_set_tRNS(png, info, &clear, 1, NULL);
	png_write_info(png, info);
	write_rows(png, c, row, side / 8 + 1);
	png_write_end(png, NULL);
	png_destroy_write_struct(&png, &info);
	free(row);
	if (b->failed)
		return (job_fail(job, 413, "not enough memory"));
	return (job_answer(job, "image/png", b->data, b->len));
}

static struct text out;

static int
run(struct job *job, const void *chosen)
{
	static struct code code;
	const struct options *o = chosen;

	if (set_look(job, o, &code) != 0 || encode(job, o, &code) != 0)
		return (-1);
	return (o->format == SVG ? write_svg(job, &code, o, &out) :
	    write_png(job, &code, &out));
}

static void
again(void)
{
	free(out.data);
	memset(&out, 0, sizeof out);
}

static const struct job_program program = {
	.name = "qr",
	.summary = "A QR code of a text, as SVG or PNG.",
	.options = options,
	.options_size = sizeof(struct options),
	.run = run,
	.bare = "format",
	.url = JOB_URL_IS_INPUT,
	.again = again,
};

int
main(int argc, char **argv)
{
	return (job_main(&program, argc, argv));
}
