/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * jpeg.c: JPEG in, at a fraction of its size where that is enough: the inverse
 * transform of fewer coefficients is faster than any resize after it.
 */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include "image.h"

struct failure {
	struct jpeg_error_mgr mgr;
	jmp_buf out;
	char text[JMSG_LENGTH_MAX];
};

static void
on_error(j_common_ptr info)
{
	struct failure *f = (struct failure *)info->err;

	info->err->format_message(info, f->text);
	longjmp(f->out, 1);
}

static void
on_message(j_common_ptr info)
{
	(void)info;
}

/*--- EXIF -----------------------------------------------------------------*/

#define TAG_ORIENTATION 0x0112

static unsigned
get(const uint8_t *p, unsigned n, bool big)
{
	unsigned v = 0;

	for (unsigned i = 0; i < n; i++)
		v |= (unsigned)p[i] << 8 * (big ? n - 1 - i : i);
	return (v);
}

/* Of a TIFF header and its first directory; 1 unless it says otherwise. */
static int
exif_orientation(const uint8_t *t, size_t len)
{
	unsigned at, n, v;
	bool big;

	if (len < 14 || (memcmp(t, "II", 2) != 0 && memcmp(t, "MM", 2) != 0))
		return (1);
	big = t[0] == 'M';
	at = get(t + 4, 4, big);
	if (at > len - 2)
		return (1);
	n = get(t + at, 2, big);
	for (at += 2; n > 0 && at + 12 <= len; n--, at += 12) {
		if (get(t + at, 2, big) != TAG_ORIENTATION)
			continue;
		v = get(t + at + 8, 2, big);
		return (v >= 1 && v <= 8 ? (int)v : 1);
	}
	return (1);
}

static int
orientation_of(const struct jpeg_decompress_struct *d)
{
	for (jpeg_saved_marker_ptr m = d->marker_list; m != NULL; m = m->next)
		if (m->data_length > 6 && memcmp(m->data, "Exif\0\0", 6) == 0)
			return (exif_orientation(m->data + 6,
			    m->data_length - 6));
	return (1);
}

/*--- pixels ---------------------------------------------------------------*/

/* The smallest eighth of its size that is large enough, and not below twice. */
static void
choose_scale(struct jpeg_decompress_struct *d, const struct wanted *wanted,
    int orientation)
{
	unsigned w = (unsigned)wanted->w, h = (unsigned)wanted->h, eighths;

	if (orientation >= 5) {
		w = (unsigned)wanted->h;
		h = (unsigned)wanted->w;
	}
	if (w == 0 && h == 0)
		return;
	for (eighths = 1; eighths < 8; eighths *= 2)
		if ((uint64_t)d->image_width * eighths >= 8 * 2ull * w &&
		    (uint64_t)d->image_height * eighths >= 8 * 2ull * h)
			break;
	d->scale_num = eighths;
	d->scale_denom = 8;
}

static void
read_pixels(struct jpeg_decompress_struct *d, struct picture *p)
{
	while (d->output_scanline < d->output_height) {
		JSAMPROW row = p->px + (size_t)d->output_scanline *
		    (size_t)p->w * 4;

		(void)jpeg_read_scanlines(d, &row, 1);
	}
}

int
decode_jpeg(struct job *job, const uint8_t *data, size_t len,
    const struct wanted *wanted, struct picture *p)
{
	static struct jpeg_decompress_struct d;
	static struct failure f;
	int orientation;

	d.err = jpeg_std_error(&f.mgr);
	f.mgr.error_exit = on_error;
	f.mgr.output_message = on_message;
	jpeg_create_decompress(&d);
	if (setjmp(f.out) != 0) {
		jpeg_destroy_decompress(&d);
		return (job_fail(job, 422, "broken JPEG: %s", f.text));
	}
	jpeg_save_markers(&d, JPEG_APP0 + 1, 0xffff);
	jpeg_mem_src(&d, data, len);
	(void)jpeg_read_header(&d, TRUE);
	if (d.jpeg_color_space == JCS_CMYK || d.jpeg_color_space == JCS_YCCK) {
		jpeg_destroy_decompress(&d);
		return (job_fail(job, 415, "JPEG in CMYK is not read"));
	}
	orientation = orientation_of(&d);
	/* A progressive one of many scans is the bomb among JPEGs. */
	if ((uint64_t)d.image_width * d.image_height > wanted->max_pixels) {
		jpeg_destroy_decompress(&d);
		return (job_fail(job, 413, "%ux%u pixels are more than "
		    "max_pixels, %ju", d.image_width, d.image_height,
		    (uintmax_t)wanted->max_pixels));
	}
	choose_scale(&d, wanted, orientation);
	d.out_color_space = JCS_EXT_RGBA;
	(void)jpeg_start_decompress(&d);
	if (picture_new(job, wanted->max_pixels, d.output_width,
	    d.output_height, p) != 0) {
		jpeg_destroy_decompress(&d);
		return (-1);
	}
	p->orientation = orientation;
	read_pixels(&d, p);
	(void)jpeg_finish_decompress(&d);
	jpeg_destroy_decompress(&d);
	return (0);
}
