/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * heic.c: HEIC in, by libheif and libde265, in builds that have them (see
 * README.md); libheif puts tiles together and turns the picture upright.
 */
#include <string.h>

#include "image.h"

#define BRANDS_MAX 32

/* Of the brands of a file: does one of them say HEVC, and none AVIF? */
bool
is_heic(const uint8_t *data, size_t len)
{
	size_t end = len < 12 ? 0 : (size_t)data[2] << 8 | data[3], at;
	bool heic = false;

	if (end < 12 || end > len || memcmp(data + 4, "ftyp", 4) != 0)
		return (false);
	for (at = 8; at + 4 <= end && at < 8 + 4 * BRANDS_MAX; at += 4) {
		if (memcmp(data + at, "avif", 4) == 0)
			return (false);
		heic = heic || memcmp(data + at, "heic", 4) == 0 ||
		    memcmp(data + at, "heix", 4) == 0 ||
		    memcmp(data + at, "heim", 4) == 0 ||
		    memcmp(data + at, "heis", 4) == 0;
	}
	return (heic);
}

#ifndef IMAGE_HEIC

int
decode_heic(struct job *job, const uint8_t *data, size_t len,
    const struct wanted *wanted, struct picture *p)
{
	(void)data, (void)len, (void)wanted, (void)p;
	return (job_fail(job, 415, "this build does not read HEIC; one by "
	    "\"make HEIC=1\" does"));
}

#else

#include <libheif/heif.h>

#include "avif.h"

/* Beside the file: tiles, and planes of up to 16 bits. */
#define BYTES_PER_PIXEL 32
#define BYTES_AT_FIRST (32u << 20)

/* libheif asks for a thread whatever it is told; without, it decodes here. */
int __wrap_de265_start_worker_threads(void *decoder, int threads);
int
__wrap_de265_start_worker_threads(void *decoder, int threads)
{
	(void)decoder, (void)threads;
	return (0);
}

struct reading {
	const uint8_t *data;
	size_t len;
	const struct wanted *wanted;
	struct picture *p;
	struct heif_context *file;
	struct heif_image_handle *handle;
	struct heif_image *image;
};

static int
broken(struct job *job, struct heif_error e)
{
	return (job_fail(job, 422, "broken HEIC: %.200s", e.message));
}

static int
copy_pixels(struct job *job, const struct reading *r)
{
	int stride = 0, w, h;
	const uint8_t *px = heif_image_get_plane_readonly(r->image,
	    heif_channel_interleaved, &stride);

	w = heif_image_get_width(r->image, heif_channel_interleaved);
	h = heif_image_get_height(r->image, heif_channel_interleaved);
	if (px == NULL || w <= 0 || h <= 0 || stride < w * 4)
		return (job_fail(job, 422, "broken HEIC"));
	if (picture_new(job, r->wanted->max_pixels, (uint64_t)w, (uint64_t)h,
	    r->p) != 0)
		return (-1);
	for (int y = 0; y < h; y++)
		memcpy(r->p->px + (size_t)y * (size_t)w * 4,
		    px + (size_t)y * (size_t)stride, (size_t)w * 4);
	r->p->alpha = heif_image_handle_has_alpha_channel(r->handle);
	if (heif_image_handle_is_premultiplied_alpha(r->handle))
		unmultiply(r->p);
	return (0);
}

/*
 * Do tiles of the size that they are said to have cover the picture? libheif
 * does not ask, and leaves the rest as it is in memory. Boxes are as AVIF's.
 */
static bool
is_covered(const struct reading *r)
{
	uint32_t tile[ITEMS_MAX], w, h;
	struct grid_shape grid;
	const uint8_t *type;
	struct items all;
	struct part in;

	if (!avif_items(r->data, r->len, &all) ||
	    (type = avif_type(&all, all.primary)) == NULL ||
	    memcmp(type, "grid", 4) != 0)
		return (true);
	if (avif_references(&all, "dimg", all.primary, tile) == 0 ||
	    !avif_grid(&all, all.primary, &grid) ||
	    !avif_property(&all, tile[0], "ispe", "", &in))
		return (false);
	(void)avif_get(&in, 4);
	w = avif_get(&in, 4);
	h = avif_get(&in, 4);
	return ((uint64_t)w * grid.columns >= grid.w &&
	    (uint64_t)h * grid.rows >= grid.h);
}

static int
read_picture(struct job *job, struct reading *r)
{
	struct heif_error e;
	uint64_t w, h;

	e = heif_context_read_from_memory_without_copy(r->file, r->data,
	    r->len, NULL);
	if (e.code == heif_error_Ok)
		e = heif_context_get_primary_image_handle(r->file, &r->handle);
	if (e.code != heif_error_Ok)
		return (broken(job, e));
	w = (uint64_t)heif_image_handle_get_width(r->handle);
	h = (uint64_t)heif_image_handle_get_height(r->handle);
	/* For the check; what is decoded may yet differ. */
	if (picture_check(job, r->wanted->max_pixels, w, h) != 0)
		return (-1);
	if (!is_covered(r))
		return (job_fail(job, 422, "broken HEIC: its tiles do not "
		    "cover it"));
	budget_more(w * h * BYTES_PER_PIXEL);
	/* Tiles may turn out smaller than they were said to be. */
	budget_zeroed();
	e = heif_decode_image(r->handle, &r->image, heif_colorspace_RGB,
	    heif_chroma_interleaved_RGBA, NULL);
	return (e.code != heif_error_Ok ? broken(job, e) :
	    copy_pixels(job, r));
}

static int
read_all(struct job *job, void *arg)
{
	struct reading *r = arg;
	int failed;

	r->file = heif_context_alloc();
	failed = read_picture(job, r);
	heif_image_release(r->image);
	heif_image_handle_release(r->handle);
	heif_context_free(r->file);
	return (failed);
}

int
decode_heic(struct job *job, const uint8_t *data, size_t len,
    const struct wanted *wanted, struct picture *p)
{
	struct reading r = {
		.data = data, .len = len, .wanted = wanted, .p = p
	};

	return (budget_run(job, "HEIC", BYTES_AT_FIRST + len * 2, read_all,
	    &r));
}

#endif
