/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * jxl.c: JPEG XL in, its first frame, by libjxl in this thread. libjxl turns it
 * upright itself; its memory is bounded by the pixels that the header names.
 */
#include <stdlib.h>

#include <jxl/decode.h>

#include "image.h"

/* Twice what pictures with 16 bits and alpha have been seen to need. */
#define BYTES_PER_PIXEL 64
#define BYTES_AT_FIRST (32u << 20)
#define ICC_MAX (4u << 20)

struct reading {
	const uint8_t *data;
	size_t len;
	const struct wanted *wanted;
	struct picture *p;
	JxlDecoder *d;
	JxlBasicInfo info;
	uint8_t *icc;			/* of what is not sRGB */
	size_t icc_len;
};

static const JxlPixelFormat rgba = {4, JXL_TYPE_UINT8, JXL_NATIVE_ENDIAN, 0};

static int
on_header(struct job *job, struct reading *r)
{
	uint64_t pixels;

	if (JxlDecoderGetBasicInfo(r->d, &r->info) != JXL_DEC_SUCCESS)
		return (job_fail(job, 422, "broken JPEG XL"));
	pixels = (uint64_t)r->info.xsize * r->info.ysize;
	if (pixels <= r->wanted->max_pixels)
		budget_more(pixels * BYTES_PER_PIXEL);
	if (picture_new(job, r->wanted->max_pixels, r->info.xsize,
	    r->info.ysize, r->p) != 0)
		return (-1);
	r->p->alpha = r->info.alpha_bits != 0;
	return (0);
}

/* libjxl can make sRGB of its own colours, but not of those of a profile. */
static void
on_colours(struct reading *r)
{
	const JxlColorEncoding srgb = {
		.color_space = r->info.num_color_channels == 1 ?
		    JXL_COLOR_SPACE_GRAY : JXL_COLOR_SPACE_RGB,
		.white_point = JXL_WHITE_POINT_D65,
		.primaries = JXL_PRIMARIES_SRGB,
		.transfer_function = JXL_TRANSFER_FUNCTION_SRGB,
		.rendering_intent = JXL_RENDERING_INTENT_RELATIVE,
	};

	if (!r->info.uses_original_profile &&
	    JxlDecoderSetPreferredColorProfile(r->d, &srgb) == JXL_DEC_SUCCESS)
		return;
	if (JxlDecoderGetICCProfileSize(r->d, &rgba,
	    JXL_COLOR_PROFILE_TARGET_DATA, &r->icc_len) != JXL_DEC_SUCCESS ||
	    r->icc_len == 0 || r->icc_len > ICC_MAX)
		return;
	r->icc = malloc(r->icc_len);
	if (r->icc == NULL || JxlDecoderGetColorAsICCProfile(r->d, &rgba,
	    JXL_COLOR_PROFILE_TARGET_DATA, r->icc, r->icc_len) !=
	    JXL_DEC_SUCCESS) {
		free(r->icc);
		r->icc = NULL;
	}
}

static int
read_events(struct job *job, struct reading *r)
{
	size_t size;

	for (;;) {
		switch (JxlDecoderProcessInput(r->d)) {
		case JXL_DEC_BASIC_INFO:
			if (on_header(job, r) != 0)
				return (-1);
			continue;
		case JXL_DEC_COLOR_ENCODING:
			on_colours(r);
			continue;
		case JXL_DEC_NEED_IMAGE_OUT_BUFFER:
			size = (size_t)r->p->w * (size_t)r->p->h * 4;
			if (r->p->px != NULL && JxlDecoderSetImageOutBuffer(
			    r->d, &rgba, r->p->px, size) == JXL_DEC_SUCCESS)
				continue;
			break;
		case JXL_DEC_FULL_IMAGE:
			return (0);
		case JXL_DEC_NEED_MORE_INPUT:
			return (job_fail(job, 422, "the JPEG XL is cut off"));
		default:
			break;
		}
		return (job_fail(job, 422, "broken JPEG XL"));
	}
}

static int
read_all(struct job *job, void *arg)
{
	struct reading *r = arg;
	int failed;

	r->d = JxlDecoderCreate(NULL);
	if (JxlDecoderSubscribeEvents(r->d, JXL_DEC_BASIC_INFO |
	    JXL_DEC_COLOR_ENCODING | JXL_DEC_FULL_IMAGE) != JXL_DEC_SUCCESS ||
	    JxlDecoderSetUnpremultiplyAlpha(r->d, JXL_TRUE) !=
	    JXL_DEC_SUCCESS ||
	    JxlDecoderSetInput(r->d, r->data, r->len) != JXL_DEC_SUCCESS)
		return (job_fail(job, 500, "libjxl does not begin"));
	failed = read_events(job, r);
	JxlDecoderDestroy(r->d);
	return (failed);
}

int
decode_jxl(struct job *job, const uint8_t *data, size_t len,
    const struct wanted *wanted, struct picture *p)
{
	struct reading r = {
		.data = data, .len = len, .wanted = wanted, .p = p
	};
	int failed = budget_run(job, "JPEG XL", BYTES_AT_FIRST + len, read_all,
	    &r);

	if (failed == 0)
		icc_to_srgb(p, r.icc, r.icc_len);
	free(r.icc);
	return (failed);
}
