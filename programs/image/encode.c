/* SPDX-License-Identifier: BSD-2-Clause */
/* encode.c: WebP and JPEG out. */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <webp/encode.h>

#include "image.h"

int
webp_config(WebPConfig *c, const struct encoding *e)
{
	if (!WebPConfigPreset(c, WEBP_PRESET_PHOTO, (float)e->quality))
		return (-1);
	c->method = e->speed >= 8 ? 0 : e->speed >= 4 ? 4 : 6;
	if (e->lossless && !WebPConfigLosslessPreset(c, e->speed >= 8 ? 1 :
	    e->speed >= 4 ? 5 : 8))
		return (-1);
	return (0);
}

static int
encode_webp(struct job *job, const struct picture *p, const struct encoding *e,
    uint8_t **out, size_t *len)
{
	WebPMemoryWriter writer;
	WebPPicture pic;
	WebPConfig c;
	int r = 0;

	if (webp_config(&c, e) != 0 || !WebPPictureInit(&pic))
		return (job_fail(job, 500, "libwebp is of another version"));
	pic.use_argb = e->lossless;
	pic.width = p->w;
	pic.height = p->h;
	WebPMemoryWriterInit(&writer);
	pic.writer = WebPMemoryWrite;
	pic.custom_ptr = &writer;
	if (!(p->alpha ? WebPPictureImportRGBA(&pic, p->px, p->w * 4) :
	    WebPPictureImportRGBX(&pic, p->px, p->w * 4)) ||
	    !WebPEncode(&c, &pic))
		r = job_fail(job, 413, "the picture cannot become WebP "
		    "(error %d)", (int)pic.error_code);
	WebPPictureFree(&pic);
	*out = writer.mem;
	*len = writer.size;
	return (r);
}

/*--- JPEG -----------------------------------------------------------------*/

struct failure {
	struct jpeg_error_mgr mgr;
	jmp_buf out;
};

static void
on_error(j_common_ptr info)
{
	longjmp(((struct failure *)info->err)->out, 1);
}

static int
encode_jpeg(struct job *job, const struct picture *p, const struct encoding *e,
    uint8_t **out, size_t *len)
{
	static struct jpeg_compress_struct c;
	static struct failure f;
	static unsigned long size;

	*out = NULL;
	size = 0;
	c.err = jpeg_std_error(&f.mgr);
	f.mgr.error_exit = on_error;
	jpeg_create_compress(&c);
	if (setjmp(f.out) != 0) {
		jpeg_destroy_compress(&c);
		return (job_fail(job, 413, "the picture cannot become JPEG"));
	}
	jpeg_mem_dest(&c, out, &size);
	c.image_width = (JDIMENSION)p->w;
	c.image_height = (JDIMENSION)p->h;
	c.input_components = 4;
	c.in_color_space = JCS_EXT_RGBX;
	jpeg_set_defaults(&c);
	jpeg_set_quality(&c, e->quality, TRUE);
	c.optimize_coding = TRUE;
	if (e->progressive)
		jpeg_simple_progression(&c);
	jpeg_start_compress(&c, TRUE);
	while (c.next_scanline < c.image_height) {
		JSAMPROW row = p->px + (size_t)c.next_scanline *
		    (size_t)p->w * 4;

		(void)jpeg_write_scanlines(&c, &row, 1);
	}
	jpeg_finish_compress(&c);
	jpeg_destroy_compress(&c);
	*len = size;
	return (0);
}

int
encode(struct job *job, const struct picture *p, const struct encoding *e,
    uint8_t **out, size_t *len)
{
	int r = -1;

	*out = NULL;
	switch (e->format) {
	case FORMAT_WEBP: r = encode_webp(job, p, e, out, len); break;
	case FORMAT_AVIF: r = encode_avif(job, p, e, out, len); break;
	case FORMAT_JPEG: r = encode_jpeg(job, p, e, out, len); break;
	case FORMAT_PNG: r = encode_png(job, p, e, out, len); break;
	case FORMAT_AUTO: (void)job_fail(job, 500, "no format was chosen");
	}
	return (r == 0 ? metadata_write(job, e, out, len) : -1);
}
