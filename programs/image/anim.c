/* SPDX-License-Identifier: BSD-2-Clause */
/* anim.c: animations in, GIF or WebP, frame by frame; animated WebP out. */
#include <stdlib.h>
#include <string.h>

#include <webp/decode.h>
#include <webp/demux.h>
#include <webp/encode.h>
#include <webp/mux.h>

#include "image.h"

struct animation {
	struct gif *gif;
	WebPAnimDecoder *webp;
	struct picture canvas;		/* of a WebP; libwebp has the pixels */
	int before;			/* ms at which its last frame ended */
	int loops;			/* 0: for ever */
};

/* Past sub-blocks, each of a length and as many bytes, the last of none. */
static size_t
skip_blocks(const uint8_t *data, size_t len, size_t at)
{
	while (at < len && data[at] != 0)
		at += 1 + (size_t)data[at];
	return (at + 1);
}

static size_t
colours_of(uint8_t flags)
{
	return (flags & 0x80 ? 3u << ((flags & 7) + 1) : 0);
}

/* Frames of a GIF, two at most are counted; and how often it is shown. */
static int
count_frames(const uint8_t *data, size_t len, int *loops)
{
	size_t at = len < 13 ? len : 13 + colours_of(data[10]);
	int n = 0;

	*loops = 1;
	while (n < 2 && at + 10 < len) {
		if (data[at] == 0x21) {
			if (at + 19 <= len && memcmp(data + at + 1,
			    "\xff\x0bNETSCAPE2.0\x03\x01", 15) == 0) {
				*loops = data[at + 16] | data[at + 17] << 8;
				*loops += *loops != 0;
			}
			at = skip_blocks(data, len, at + 2);
		} else if (data[at] == 0x2c) {
			n++;
			at = skip_blocks(data, len, at + 11 +
			    colours_of(data[at + 9]));
		} else
			break;
	}
	return (n);
}

bool
is_animation(const uint8_t *data, size_t len)
{
	WebPBitstreamFeatures f;
	int loops;

	if (len < 16)
		return (false);
	if (memcmp(data, "GIF8", 4) == 0)
		return (count_frames(data, len, &loops) > 1);
	return (memcmp(data + 8, "WEBP", 4) == 0 &&
	    WebPGetFeatures(data, len, &f) == VP8_STATUS_OK &&
	    f.has_animation);
}

static int
open_webp(struct job *job, const uint8_t *data, size_t len,
    const struct wanted *wanted, struct animation *a)
{
	WebPData all = {data, len};
	WebPBitstreamFeatures f;
	WebPAnimInfo info;
	struct picture check;

	if (WebPGetFeatures(data, len, &f) != VP8_STATUS_OK)
		return (job_fail(job, 422, "broken WebP"));
	if (picture_new(job, wanted->max_pixels, (uint64_t)f.width,
	    (uint64_t)f.height, &check) != 0)
		return (-1);
	free(check.px);
	a->webp = WebPAnimDecoderNew(&all, NULL);
	if (a->webp == NULL || !WebPAnimDecoderGetInfo(a->webp, &info) ||
	    (int)info.canvas_width != f.width ||
	    (int)info.canvas_height != f.height)
		return (job_fail(job, 422, "broken WebP animation"));
	a->canvas = (struct picture){.w = f.width, .h = f.height,
	    .orientation = 1};
	a->loops = (int)info.loop_count;
	return (0);
}

void
animation_close(struct animation *a)
{
	if (a->gif != NULL)
		gif_close(a->gif);
	WebPAnimDecoderDelete(a->webp);
	free(a);
}

struct animation *
animation_open(struct job *job, const uint8_t *data, size_t len,
    const struct wanted *wanted)
{
	struct animation *a = calloc(1, sizeof *a);
	bool gif = len > 4 && memcmp(data, "GIF8", 4) == 0;

	if (a == NULL) {
		(void)job_fail(job, 413, "not enough memory");
		return (NULL);
	}
	if (gif) {
		(void)count_frames(data, len, &a->loops);
		a->gif = gif_open(job, data, len, wanted);
	}
	if (gif ? a->gif == NULL :
	    open_webp(job, data, len, wanted, a) != 0) {
		animation_close(a);
		return (NULL);
	}
	return (a);
}

int
animation_next(struct animation *a, struct picture *frame, int *ms)
{
	const struct picture *seen = &a->canvas;
	struct job ignored;
	int r = 1, until;

	if (a->gif != NULL)
		r = gif_next(a->gif, &seen, ms);
	else if (!WebPAnimDecoderHasMoreFrames(a->webp))
		r = 0;
	else if (!WebPAnimDecoderGetNext(a->webp, &a->canvas.px, &until))
		r = -1;
	else {
		*ms = until - a->before;
		a->before = until;
	}
	if (r != 1)
		return (r);
	if (picture_new(&ignored, UINT64_MAX, (uint64_t)seen->w,
	    (uint64_t)seen->h, frame) != 0)
		return (-1);
	memcpy(frame->px, seen->px, (size_t)seen->w * (size_t)seen->h * 4);
	find_alpha(frame);
	return (1);
}

int
animation_ended(struct job *job, int last, bool any)
{
	if (last < 0)
		return (job_fail(job, 422, "the animation is broken or cut "
		    "off"));
	return (any ? 0 : job_fail(job, 422, "the animation has no frame"));
}

int
animation_still(struct job *job, const uint8_t *data, size_t len,
    const struct wanted *wanted, int64_t number, struct picture *p)
{
	struct animation *a = animation_open(job, data, len, wanted);
	struct picture next = {.px = NULL};
	int ms, r = 1;

	memset(p, 0, sizeof *p);
	if (a == NULL)
		return (-1);
	for (; number >= 0 && (r = animation_next(a, &next, &ms)) == 1;
	    number--)
		picture_replace(p, &next);
	animation_close(a);
	return (animation_ended(job, r, p->px != NULL));
}

/*--- out ------------------------------------------------------------------*/

struct animator {
	WebPAnimEncoder *encoder;
	WebPConfig config;
	int now;			/* ms */
};

struct animator *
animator_new(struct job *job, const struct animation *a,
    const struct picture *first, const struct encoding *e)
{
	struct animator *to = calloc(1, sizeof *to);
	WebPAnimEncoderOptions options;

	if (to == NULL || !WebPAnimEncoderOptionsInit(&options) ||
	    webp_config(&to->config, e) != 0) {
		free(to);
		(void)job_fail(job, 413, "not enough memory");
		return (NULL);
	}
	options.anim_params.loop_count = a->loops;
	options.allow_mixed = !e->lossless && e->speed < 3;
	to->encoder = WebPAnimEncoderNew(first->w, first->h, &options);
	if (to->encoder != NULL)
		return (to);
	free(to);
	(void)job_fail(job, 413, "the animation cannot become WebP");
	return (NULL);
}

int
animator_add(struct job *job, struct animator *to, const struct picture *p,
    int ms)
{
	WebPPicture pic;
	int ok;

	if (!WebPPictureInit(&pic))
		return (job_fail(job, 500, "libwebp is of another version"));
	pic.use_argb = 1;
	pic.width = p->w;
	pic.height = p->h;
	ok = WebPPictureImportRGBA(&pic, p->px, p->w * 4) &&
	    WebPAnimEncoderAdd(to->encoder, &pic, to->now, &to->config);
	WebPPictureFree(&pic);
	/* A sum that a file could make overflow. */
	if (!ok || ms < 0 || __builtin_add_overflow(to->now, ms, &to->now))
		return (job_fail(job, 413, "the animation cannot become WebP: "
		    "%s", WebPAnimEncoderGetError(to->encoder)));
	return (0);
}

/* The bytes, malloc'ed; to be called even when nothing is wanted of it. */
int
animator_end(struct job *job, struct animator *to, bool wanted, uint8_t **out,
    size_t *len)
{
	WebPData data = {NULL, 0};
	int r = 0;

	if (wanted && (!WebPAnimEncoderAdd(to->encoder, NULL, to->now, NULL) ||
	    !WebPAnimEncoderAssemble(to->encoder, &data)))
		r = job_fail(job, 413, "the animation cannot become WebP: %s",
		    WebPAnimEncoderGetError(to->encoder));
	WebPAnimEncoderDelete(to->encoder);
	free(to);
	*out = (uint8_t *)(uintptr_t)data.bytes;
	*len = data.size;
	return (r);
}
