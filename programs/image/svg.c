/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * svg.c: SVG in, by resvg, at the size that is wanted. Nothing that the
 * document names outside itself is read.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "svg.h"

/* For the document, and for groups and filters beside each pixel. */
#define BYTES_AT_FIRST (96u << 20)
#define BYTES_PER_PIXEL 48

static bool ready;			/* resvg has begun */

int
svg_prepare(struct job *job)
{
	ready = resvg_begin(job) == 0;
	return (ready ? 0 : -1);
}

/* What is not malloc'ed: with so much beside it. */
static void
allow_memory(uint64_t bytes, uint64_t beside)
{
	uint64_t left = budget_left();

	left = left > beside ? left - beside : 0;
	resvg_memory((size_t)(bytes < left ? bytes : left));
}

/*--- is it one? -----------------------------------------------------------*/

/* Behind the next such text, or the end. */
static const char *
behind(const char *at, const char *end, const char *text)
{
	const char *found = memmem(at, (size_t)(end - at), text, strlen(text));

	return (found == NULL ? end : found + strlen(text));
}

static bool
begins(const char *at, const char *end, const char *text)
{
	size_t n = strlen(text);

	return ((size_t)(end - at) > n && memcmp(at, text, n) == 0);
}

static const char *
skip_blank(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t' || *at == '\r' ||
	    *at == '\n'))
		at++;
	return (at);
}

/* A name that is svg, or svg in a namespace. */
static bool
is_named_svg(const char *at, const char *end)
{
	const char *name = at;

	while (at < end && strchr(" \t\r\n/>", *at) == NULL)
		if (*at++ == ':')
			name = at;
	return (at < end && at - name == 3 && memcmp(name, "svg", 3) == 0);
}

bool
is_svg(const uint8_t *data, size_t len)
{
	const char *at = (const char *)data, *end = at + len;

	if (begins(at, end, "\x1f\x8b"))
		return (true);
	if (begins(at, end, "\xef\xbb\xbf"))
		at += 3;
	for (;;) {
		at = skip_blank(at, end);
		if (begins(at, end, "<?"))
			at = behind(at, end, "?>");
		else if (begins(at, end, "<!--"))
			at = behind(at + 4, end, "-->");
		else
			break;
	}
	if (begins(at, end, "<!DOCTYPE"))
		return (is_named_svg(skip_blank(at + 9, end), end));
	return (begins(at, end, "<") && is_named_svg(at + 1, end));
}

/*--- at which size --------------------------------------------------------*/

struct drawing {
	struct bytes svg, font;
	const struct wanted *wanted;
	struct picture *p;
};

/* How resvg is to make it as large; 0 and 0: as it says itself. */
static const char *
options_of(double w, double h)
{
	static char text[256];
	char fit[64] = "\"mode\": \"original\"";

	if (w > 0 || h > 0)
		(void)snprintf(fit, sizeof fit, "\"mode\": \"%s\", "
		    "\"value\": %u", w > 0 ? "width" : "height",
		    (unsigned)(w > 0 ? w : h));
	(void)snprintf(text, sizeof text, "{\"fitTo\": {%s}, \"font\": "
	    "{\"loadSystemFonts\": false, \"defaultFontFamily\": "
	    "\"DejaVu Sans\"}}", fit);
	return (text);
}

/*
 * Which side decides, so that what is drawn is as large as what is wanted, or
 * fits inside it.
 */
static bool
by_height(const struct wanted *wanted, double w, double h)
{
	double sx = wanted->w / w, sy = wanted->h / h;

	if (wanted->w == 0 || wanted->h == 0)
		return (wanted->w == 0);
	return (wanted->inside ? sy < sx : sy > sx);
}

static int
draw_wanted(struct job *job, void *arg)
{
	struct drawing *d = arg;
	const struct wanted *wanted = d->wanted;
	bool any = wanted->w != 0 || wanted->h != 0, high;
	const uint8_t *px;
	uint32_t document, width, height;
	double w, h, scale = 1;
	uint64_t pixels;

	if (resvg_open(job, &d->svg, &d->font, options_of(wanted->w,
	    wanted->w == 0 ? wanted->h : 0), &document, &w, &h) != 0)
		return (-1);
	high = any && by_height(wanted, w, h);
	if (any)
		scale = high ? wanted->h / h : wanted->w / w;
	/* Before a pixel of it is asked for. */
	if (!(w > 0 && h > 0) || ceil(w * scale) > SIDE_MAX ||
	    ceil(h * scale) > SIDE_MAX ||
	    ceil(w * scale) * ceil(h * scale) > (double)wanted->max_pixels)
		return (job_fail(job, 413, "%.7gx%.7g pixels are more than "
		    "max_pixels, %ju", w * scale, h * scale,
		    (uintmax_t)wanted->max_pixels));
	pixels = (uint64_t)(ceil(w * scale) * ceil(h * scale));
	allow_memory(BYTES_AT_FIRST + pixels * BYTES_PER_PIXEL, pixels * 4);
	if (high && wanted->w != 0 && resvg_open(job, &d->svg, &d->font,
	    options_of(0, wanted->h), &document, &w, &h) != 0)
		return (-1);
	if (resvg_draw(job, document, &px, &width, &height) != 0 ||
	    picture_new(job, wanted->max_pixels, width, height, d->p) != 0)
		return (-1);
	memcpy(d->p->px, px, (size_t)width * height * 4);
	return (0);
}

int
decode_svg(struct job *job, const uint8_t *data, size_t len,
    const struct wanted *wanted, struct picture *p)
{
	struct drawing d = {.svg = {data, len}, .wanted = wanted, .p = p};
	bool gzip = len > 0 && data[0] == 0x1f;
	int r;

	if (!ready && svg_prepare(job) != 0)
		return (-1);
	ready = false;
	/* Reading a font takes longer than drawing a symbol. */
	if (gzip || memmem(data, len, "text", 4) != NULL)
		d.font.data = built_in_font(&d.font.len);
	allow_memory(BYTES_AT_FIRST + len * 16, 0);
	r = resvg_run(job, draw_wanted, &d);
	resvg_end();
	if (r == 0)
		unmultiply(p);
	return (r);
}
