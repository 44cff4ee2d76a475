/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * decode.c: what kind of picture is it? WebP by its library, BMP by
 * stb_image; the others have a file of their own.
 */
#include <stdlib.h>
#include <string.h>
#include <webp/decode.h>
#include <webp/demux.h>

#include "image.h"
#include "stb.h"

int
picture_check(struct job *job, uint64_t max_pixels, uint64_t w, uint64_t h)
{
	if (w == 0 || h == 0)
		return (job_fail(job, 422, "the picture has no pixels"));
	if (w > SIDE_MAX || h > SIDE_MAX || w * h > max_pixels)
		return (job_fail(job, 413, "%jux%ju pixels are more than "
		    "max_pixels, %ju", (uintmax_t)w, (uintmax_t)h,
		    (uintmax_t)max_pixels));
	return (0);
}

int
picture_new(struct job *job, uint64_t max_pixels, uint64_t w, uint64_t h,
    struct picture *p)
{
	memset(p, 0, sizeof *p);
	if (picture_check(job, max_pixels, w, h) != 0)
		return (-1);
	p->px = malloc((size_t)(w * h) * 4);
	if (p->px == NULL)
		return (job_fail(job, 413, "not enough memory for %jux%ju "
		    "pixels", (uintmax_t)w, (uintmax_t)h));
	p->w = (int)w;
	p->h = (int)h;
	p->orientation = 1;
	return (0);
}

void
picture_replace(struct picture *p, struct picture *q)
{
	free(p->px);
	*p = *q;
	q->px = NULL;
}

void
find_alpha(struct picture *p)
{
	size_t n = (size_t)p->w * (size_t)p->h, i;

	for (i = 0; i < n && p->px[i * 4 + 3] == 255; i++)
		;
	p->alpha = i != n;
}

void
unmultiply(struct picture *p)
{
	size_t n = (size_t)p->w * (size_t)p->h;

	find_alpha(p);
	for (uint8_t *at = p->px; p->alpha && n > 0; n--, at += 4)
		for (int i = 0; i < 3 && at[3] != 0 && at[3] != 255; i++)
			at[i] = (uint8_t)(at[i] >= at[3] ? 255 :
			    (at[i] * 255 + at[3] / 2) / at[3]);
}

/* Of an animation; a frame may be smaller than all. */
static int
decode_first_frame(struct job *job, const uint8_t *data, size_t len,
    struct picture *p)
{
	WebPData all = {data, len};
	WebPAnimDecoder *d = WebPAnimDecoderNew(&all, NULL);
	uint8_t *canvas;
	int when;

	if (d == NULL || !WebPAnimDecoderGetNext(d, &canvas, &when)) {
		WebPAnimDecoderDelete(d);
		return (job_fail(job, 422, "broken WebP animation"));
	}
	memcpy(p->px, canvas, (size_t)p->w * (size_t)p->h * 4);
	WebPAnimDecoderDelete(d);
	return (0);
}

static int
decode_webp(struct job *job, const uint8_t *data, size_t len,
    const struct wanted *wanted, struct picture *p)
{
	WebPDecoderConfig c;
	VP8StatusCode code;

	if (!WebPInitDecoderConfig(&c) ||
	    WebPGetFeatures(data, len, &c.input) != VP8_STATUS_OK)
		return (job_fail(job, 422, "broken WebP"));
	if (picture_new(job, wanted->max_pixels, (uint64_t)c.input.width,
	    (uint64_t)c.input.height, p) != 0)
		return (-1);
	p->alpha = c.input.has_alpha;
	if (c.input.has_animation)
		return (decode_first_frame(job, data, len, p));
	c.output.colorspace = MODE_RGBA;
	c.output.is_external_memory = 1;
	c.output.u.RGBA.rgba = p->px;
	c.output.u.RGBA.stride = p->w * 4;
	c.output.u.RGBA.size = (size_t)p->w * (size_t)p->h * 4;
	code = WebPDecode(data, len, &c);
	WebPFreeDecBuffer(&c.output);
	return (code == VP8_STATUS_OK ? 0 :
	    job_fail(job, 422, "broken WebP (error %d)", (int)code));
}

static uint32_t
le(const uint8_t *p, unsigned n)
{
	uint32_t v = 0;

	while (n-- > 0)
		v = v << 8 | p[n];
	return (v);
}

/* stb_image reads zeros where a BMP ends; its rows are not packed. */
static bool
bmp_is_whole(const uint8_t *data, size_t len, uint64_t w, uint64_t h)
{
	bool old;
	uint64_t bits, row;

	if (len < 30)
		return (false);
	old = le(data + 14, 4) == 12;
	bits = le(data + (old ? 24 : 28), 2);
	row = (w * bits + 31) / 32 * 4;
	/* What fills the last row up may be missing. */
	return (le(data + 10, 4) + row * (h - 1) + (w * bits + 7) / 8 <= len);
}

static int
decode_stb(struct job *job, const uint8_t *data, size_t len,
    const struct wanted *wanted, struct picture *p)
{
	int w, h, channels;

	if (len > INT32_MAX || !stbi_info_from_memory(data, (int)len, &w, &h,
	    &channels))
		return (job_fail(job, 422, "broken picture: %s",
		    stbi_failure_reason()));
	if (picture_check(job, wanted->max_pixels, (uint64_t)w,
	    (uint64_t)h) != 0)
		return (-1);
	if (!bmp_is_whole(data, len, (uint64_t)w, (uint64_t)h))
		return (job_fail(job, 422, "the BMP is cut off"));
	p->orientation = 1;
	p->px = stbi_load_from_memory(data, (int)len, &p->w, &p->h, &channels,
	    4);
	if (p->px == NULL)
		return (job_fail(job, 422, "broken picture: %s",
		    stbi_failure_reason()));
	p->alpha = channels == 4 || channels == 2;
	return (0);
}

static const struct kind {
	const char *magic;
	size_t at, len;
	int (*decode)(struct job *, const uint8_t *, size_t,
	    const struct wanted *, struct picture *);
	enum format format;	/* AUTO: as find_format() finds */
	bool by_exif;		/* only EXIF says how it is to be turned */
} kinds[] = {
	{"\xff\xd8\xff", 0, 3, decode_jpeg, FORMAT_JPEG, false},
	{"\x89PNG\r\n\x1a\n", 0, 8, decode_png, FORMAT_PNG, true},
	{"WEBP", 8, 4, decode_webp, FORMAT_AUTO, true},
	{"ftypavif", 4, 8, decode_avif, FORMAT_AUTO, false},
	{"ftypmif1", 4, 8, decode_avif, FORMAT_AUTO, false},
	{"GIF8", 0, 4, decode_gif, FORMAT_PNG, false},
	{"BM", 0, 2, decode_stb, FORMAT_PNG, false},
	{"II*\0", 0, 4, decode_tiff, FORMAT_PNG, false},
	{"MM\0*", 0, 4, decode_tiff, FORMAT_PNG, false},
	{"\xff\x0a", 0, 2, decode_jxl, FORMAT_AUTO, false},
	{"\0\0\0\x0cJXL \r\n\x87\n", 0, 12, decode_jxl, FORMAT_AUTO, false},
};

static const struct kind *
kind_of(const uint8_t *data, size_t len)
{
	static const struct kind svg = {.decode = decode_svg,
	    .format = FORMAT_PNG};
	static const struct kind heic = {.decode = decode_heic,
	    .format = FORMAT_AUTO};

	if (is_heic(data, len))
		return (&heic);
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		const struct kind *k = &kinds[i];

		if (len >= k->at + k->len &&
		    memcmp(data + k->at, k->magic, k->len) == 0)
			return (k);
	}
	return (is_svg(data, len) ? &svg : NULL);
}

/*
 * What only some can show becomes what all can: most of it is photographs,
 * which as PNG are huge; but PNG it is where something is transparent, or, of
 * WebP, without loss.
 */
static enum format
find_format(const uint8_t *data, size_t len, struct picture *p)
{
	WebPBitstreamFeatures f;

	find_alpha(p);
	return (p->alpha || (WebPGetFeatures(data, len, &f) ==
	    VP8_STATUS_OK && f.format != 1) ? FORMAT_PNG : FORMAT_JPEG);
}

int
decode(struct job *job, const void *data, size_t len,
    const struct wanted *wanted, struct picture *p, enum format *format,
    struct metadata *meta)
{
	const struct kind *k = kind_of(data, len);

	memset(p, 0, sizeof *p);
	if (k == NULL)
		return (job_fail(job, 415, "neither JPEG, PNG, WebP, AVIF, "
		    "GIF, TIFF, BMP, JPEG XL nor SVG"));
	if (k->decode(job, data, len, wanted, p) != 0) {
		free(p->px);
		p->px = NULL;
		return (-1);
	}
	*format = k->format != FORMAT_AUTO ? k->format :
	    find_format(data, len, p);
	metadata_read(data, len, meta);
	icc_to_srgb(p, meta->icc, meta->icc_len);
	free(meta->icc);
	meta->icc = NULL;
	if (meta->exif != NULL && k->by_exif)
		p->orientation = exif_orientation(meta->exif, meta->exif_len);
	return (0);
}
