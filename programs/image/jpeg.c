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

/* Its numbers depend on what jpeglib.h defines. */
#include <jerror.h>

#include "image.h"

/* A few kilobytes can hold scans without end, each a pass over all pixels. */
#define SCANS_MAX 200

struct failure {
	struct jpeg_error_mgr mgr;
	jmp_buf out;
	char text[JMSG_LENGTH_MAX];
	bool cut;			/* the file ended before its end mark */
};

static void
on_error(j_common_ptr info)
{
	struct failure *f = (struct failure *)info->err;

	info->err->format_message(info, f->text);
	longjmp(f->out, 1);
}

/*
 * libjpeg goes on with grey where pixels are missing. That is an error here: a
 * cache would keep it. Other warnings, such as of bytes too many, are harmless.
 */
static void
on_warning(j_common_ptr info, int level)
{
	struct failure *f = (struct failure *)info->err;

	if (level >= 0)
		return;
	switch (info->err->msg_code) {
	case JWRN_JPEG_EOF:
		f->cut = true;
		break;
	case JWRN_HIT_MARKER:
	case JWRN_HUFF_BAD_CODE:
	case JWRN_ARITH_BAD_CODE:
	case JWRN_MUST_RESYNC:
		on_error(info);
	}
}

static void
on_progress(j_common_ptr info)
{
	struct failure *f = (struct failure *)info->err;

	if (((j_decompress_ptr)info)->input_scan_number <= SCANS_MAX)
		return;
	(void)snprintf(f->text, sizeof f->text, "it has more than %d scans",
	    SCANS_MAX);
	longjmp(f->out, 1);
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

/* Ink takes light away. Adobe writes how much is left, others how much ink. */
static void
cmyk_to_rgba(uint8_t *row, unsigned width, bool ink)
{
	for (uint8_t *at = row; at < row + 4 * (size_t)width; at += 4) {
		int k = ink ? 255 - at[3] : at[3];

		for (int i = 0; i < 3; i++)
			at[i] = (uint8_t)((ink ? 255 - at[i] : at[i]) *
			    k / 255);
		at[3] = 255;
	}
}

static void
read_pixels(struct jpeg_decompress_struct *d, struct picture *p)
{
	while (d->output_scanline < d->output_height) {
		JSAMPROW row = p->px + (size_t)d->output_scanline *
		    (size_t)p->w * 4;

		(void)jpeg_read_scanlines(d, &row, 1);
		if (d->out_color_space == JCS_CMYK)
			cmyk_to_rgba(row, d->output_width,
			    !d->saw_Adobe_marker);
	}
}

/* Is something missing, of a file without its end mark? */
static bool
lacks_scans(struct jpeg_decompress_struct *d)
{
	if (!d->progressive_mode)
		return (jpeg_has_multiple_scans(d));
	for (int c = 0; c < d->num_components; c++)
		for (int i = 0; i < DCTSIZE2; i++)
			if (d->coef_bits[c][i] != 0)
				return (true);
	return (false);
}

int
decode_jpeg(struct job *job, const uint8_t *data, size_t len,
    const struct wanted *wanted, struct picture *p)
{
	static struct jpeg_decompress_struct d;
	static struct failure f;
	static struct jpeg_progress_mgr progress;
	int orientation;

	d.err = jpeg_std_error(&f.mgr);
	f.mgr.error_exit = on_error;
	f.mgr.emit_message = on_warning;
	f.cut = false;
	jpeg_create_decompress(&d);
	progress.progress_monitor = on_progress;
	d.progress = &progress;
	if (setjmp(f.out) != 0) {
		jpeg_destroy_decompress(&d);
		return (job_fail(job, 422, "broken JPEG: %s", f.text));
	}
	jpeg_save_markers(&d, JPEG_APP0 + 1, 0xffff);
	jpeg_mem_src(&d, data, len);
	(void)jpeg_read_header(&d, TRUE);
	orientation = orientation_of(&d);
	/* A progressive one of many scans is the bomb among JPEGs. */
	if ((uint64_t)d.image_width * d.image_height > wanted->max_pixels) {
		jpeg_destroy_decompress(&d);
		return (job_fail(job, 413, "%ux%u pixels are more than "
		    "max_pixels, %ju", d.image_width, d.image_height,
		    (uintmax_t)wanted->max_pixels));
	}
	choose_scale(&d, wanted, orientation);
	d.out_color_space = d.num_components == 4 ? JCS_CMYK : JCS_EXT_RGBA;
	(void)jpeg_start_decompress(&d);
	if (picture_new(job, wanted->max_pixels, d.output_width,
	    d.output_height, p) != 0) {
		jpeg_destroy_decompress(&d);
		return (-1);
	}
	p->orientation = orientation;
	read_pixels(&d, p);
	if (f.cut && lacks_scans(&d)) {
		jpeg_destroy_decompress(&d);
		return (job_fail(job, 422, "the JPEG is cut off"));
	}
	(void)jpeg_finish_decompress(&d);
	jpeg_destroy_decompress(&d);
	return (0);
}
