/* SPDX-License-Identifier: BSD-2-Clause */
/* tiff.c: TIFF in, from memory, its first page. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tiffio.h>

#include "image.h"

struct memory {
	const uint8_t *data;
	size_t len, at;
};

static tmsize_t
on_read(thandle_t h, void *to, tmsize_t n)
{
	struct memory *m = h;
	size_t left = m->at < m->len ? m->len - m->at : 0;

	if ((size_t)n > left)
		n = (tmsize_t)left;
	memcpy(to, m->data + m->at, (size_t)n);
	m->at += (size_t)n;
	return (n);
}

static tmsize_t
on_write(thandle_t h, void *from, tmsize_t n)
{
	(void)h, (void)from, (void)n;
	return (0);
}

static toff_t
on_seek(thandle_t h, toff_t at, int whence)
{
	struct memory *m = h;

	if (whence == SEEK_CUR)
		at += m->at;
	else if (whence == SEEK_END)
		at += m->len;
	m->at = at;
	return (at);
}

static int
on_close(thandle_t h)
{
	(void)h;
	return (0);
}

static toff_t
on_size(thandle_t h)
{
	return (((struct memory *)h)->len);
}

static char said[256];

static void
on_error(const char *module, const char *format, va_list ap)
{
	(void)module;
	(void)vsnprintf(said, sizeof said, format, ap);
}

/* Of JPEG and fax within it, too few bytes are only worth a warning. */
static void
on_warning(const char *module, const char *format, va_list ap)
{
	char text[sizeof said];

	(void)module;
	(void)vsnprintf(text, sizeof text, format, ap);
	if (strcasestr(text, "premature") != NULL)
		memcpy(said, text, sizeof said);
}

int
decode_tiff(struct job *job, const uint8_t *data, size_t len,
    const struct wanted *wanted, struct picture *p)
{
	struct memory m = {.data = data, .len = len};
	TIFFOpenOptions *o = TIFFOpenOptionsAlloc();
	uint32_t w = 0, h = 0;
	uint16_t side = ORIENTATION_TOPLEFT;
	int r = -1;
	TIFF *t;

	said[0] = '\0';
	(void)TIFFSetErrorHandler(on_error);
	(void)TIFFSetWarningHandler(on_warning);
	if (o == NULL)
		return (job_fail(job, 413, "not enough memory for a TIFF"));
	/* A strip or tile may claim any size. */
	TIFFOpenOptionsSetMaxSingleMemAlloc(o,
	    (tmsize_t)(wanted->max_pixels * 8));
	t = TIFFClientOpenExt("picture", "rm", &m, on_read, on_write, on_seek,
	    on_close, on_size, NULL, NULL, o);
	TIFFOpenOptionsFree(o);
	if (t == NULL)
		return (job_fail(job, 422, "broken TIFF: %s", said));
	(void)TIFFGetField(t, TIFFTAG_IMAGEWIDTH, &w);
	(void)TIFFGetField(t, TIFFTAG_IMAGELENGTH, &h);
	(void)TIFFGetFieldDefaulted(t, TIFFTAG_ORIENTATION, &side);
	if (side < 1 || side > 8)
		side = ORIENTATION_TOPLEFT;
	if (picture_new(job, wanted->max_pixels, w, h, p) == 0) {
		/* As it is stored: libtiff would mirror it, but not turn it. */
		p->orientation = side;
		if (TIFFReadRGBAImageOriented(t, w, h, (uint32_t *)(void *)
		    p->px, side, 1) && said[0] == '\0')
			r = 0;
		else
			(void)job_fail(job, 422, "broken TIFF: %s", said);
	}
	TIFFClose(t);
	/* libtiff gives colours times alpha. */
	if (r == 0)
		unmultiply(p);
	return (r);
}
