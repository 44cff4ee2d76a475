/* SPDX-License-Identifier: BSD-2-Clause */
/* fit.c: size and section. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "image.h"

int
crop(struct job *job, struct picture *p, int x, int y, int w, int h)
{
	struct picture q;

	if (x == 0 && y == 0 && w == p->w && h == p->h)
		return (0);
	if (picture_new(job, UINT64_MAX, (uint64_t)w, (uint64_t)h, &q) != 0)
		return (-1);
	q.alpha = p->alpha;
	for (int i = 0; i < h; i++)
		memcpy(q.px + (size_t)i * (size_t)w * 4, p->px + ((size_t)(y +
		    i) * (size_t)p->w + (size_t)x) * 4, (size_t)w * 4);
	picture_replace(p, &q);
	return (0);
}

/*--- where there is most to see -------------------------------------------*/

/* How much is seen of a pixel's difference to the one before and above. */
static unsigned
detail(const struct picture *p, int x, int y)
{
	const uint8_t *at = p->px + ((size_t)y * (size_t)p->w + (size_t)x) * 4;
	const uint8_t *up = at - (size_t)p->w * 4;
	unsigned sum = 0;

	for (int i = 0; i < 3; i++)
		sum += (unsigned)(abs(at[i] * at[3] - at[i - 4] * at[-1]) +
		    abs(at[i] * at[3] - up[i] * up[3])) / 255;
	return (sum);
}

/* The start of the window of n of the sums with the largest total. */
static int
best_window(const uint64_t *sums, int total, int n)
{
	uint64_t now = 0, best;
	int at = 0;

	for (int i = 0; i < n; i++)
		now += sums[i];
	best = now;
	for (int i = n; i < total; i++) {
		now += sums[i] - sums[i - n];
		if (now > best) {
			best = now;
			at = i - n + 1;
		}
	}
	return (at);
}

static int
crop_to_attention(struct job *job, struct picture *p, int w, int h)
{
	uint64_t *columns = calloc((size_t)(p->w + p->h), sizeof *columns);
	uint64_t *rows = columns + p->w;
	unsigned d;
	int x, y;

	if (columns == NULL)
		return (job_fail(job, 413, "not enough memory to crop"));
	for (int j = 1; j < p->h; j++)
		for (int i = 1; i < p->w; i++) {
			d = detail(p, i, j);
			columns[i] += d;
			rows[j] += d;
		}
	x = best_window(columns, p->w, w);
	y = best_window(rows, p->h, h);
	free(columns);
	return (crop(job, p, x, y, w, h));
}

static int
crop_by_gravity(struct job *job, struct picture *p, int w, int h,
    const struct gravity *g)
{
	int x, y;

	if (w > p->w)
		w = p->w;
	if (h > p->h)
		h = p->h;
	if (g->attention)
		return (crop_to_attention(job, p, w, h));
	/* The point stays as near to the middle as can be. */
	x = (int)lround(g->x * p->w - w / 2.0);
	y = (int)lround(g->y * p->h - h / 2.0);
	x = x < 0 ? 0 : x > p->w - w ? p->w - w : x;
	y = y < 0 ? 0 : y > p->h - h ? p->h - h : y;
	return (crop(job, p, x, y, w, h));
}

/*--- the ways to fit ------------------------------------------------------*/

static int
pad(struct job *job, struct picture *p, int w, int h, const uint8_t colour[4])
{
	int x = (w - p->w) / 2, y = (h - p->h) / 2;
	struct picture q;

	if (picture_new(job, UINT64_MAX, (uint64_t)w, (uint64_t)h, &q) != 0)
		return (-1);
	q.alpha = p->alpha || colour[3] != 255;
	for (size_t i = 0; i < (size_t)w * (size_t)h; i++)
		memcpy(q.px + i * 4, colour, 4);
	for (int i = 0; i < p->h; i++)
		memcpy(q.px + ((size_t)(y + i) * (size_t)w + (size_t)x) * 4,
		    p->px + (size_t)i * (size_t)p->w * 4, (size_t)p->w * 4);
	picture_replace(p, &q);
	return (0);
}

static int
at_least_1(double v)
{
	return (v < 1.5 ? 1 : (int)lround(v));
}

int
fit(struct job *job, struct picture *p, enum fit how, int w, int h,
    const struct gravity *g, const uint8_t background[4], uint64_t max_pixels)
{
	double sx, sy, s;
	int r;

	if (w == 0 && h == 0)
		return (0);
	sx = w == 0 ? (double)h / p->h : (double)w / p->w;
	sy = h == 0 ? sx : (double)h / p->h;
	if (w == 0)
		w = at_least_1(p->w * sx);
	if (h == 0)
		h = at_least_1(p->h * sy);
	s = how == FIT_COVER || how == FIT_CROP ? fmax(sx, sy) : fmin(sx, sy);
	if ((how == FIT_SCALE_DOWN || how == FIT_CROP) && s > 1)
		s = 1;
	if ((double)p->w * s * p->h * s > (double)max_pixels ||
	    (double)w * h > (double)max_pixels || p->w * s > SIDE_MAX ||
	    p->h * s > SIDE_MAX)
		return (job_fail(job, 413, "the result would have more than "
		    "max_pixels, %ju", (uintmax_t)max_pixels));
	r = resize(job, p, at_least_1(p->w * s), at_least_1(p->h * s));
	if (r == 0 && (how == FIT_COVER || how == FIT_CROP))
		r = crop_by_gravity(job, p, w, h, g);
	if (r == 0 && how == FIT_PAD && (p->w < w || p->h < h))
		r = pad(job, p, w > p->w ? w : p->w, h > p->h ? h : p->h,
		    background);
	return (r);
}
