/* SPDX-License-Identifier: BSD-2-Clause */
/* turn.c: quarter turns, mirrors, and borders of one colour. */
#include <stdlib.h>
#include <string.h>

#include "image.h"

/*
 * The pixel that stands at (x, y) of the result: the result is swapped (rows
 * become columns), then mirrored.
 */
static int
rearrange(struct job *job, struct picture *p, bool swap, bool mirror_x,
    bool mirror_y)
{
	int w = swap ? p->h : p->w, h = swap ? p->w : p->h;
	struct picture q;

	if (!swap && !mirror_x && !mirror_y)
		return (0);
	if (picture_new(job, UINT64_MAX, (uint64_t)w, (uint64_t)h, &q) != 0)
		return (-1);
	q.alpha = p->alpha;
	for (int y = 0; y < h; y++)
		for (int x = 0; x < w; x++) {
			int a = mirror_x ? w - 1 - x : x;
			int b = mirror_y ? h - 1 - y : y;
			size_t from = swap ? (size_t)a * (size_t)p->w +
			    (size_t)b : (size_t)b * (size_t)p->w + (size_t)a;

			memcpy(q.px + ((size_t)y * (size_t)w + (size_t)x) * 4,
			    p->px + from * 4, 4);
		}
	picture_replace(p, &q);
	return (0);
}

int
turn_upright(struct job *job, struct picture *p)
{
	/* EXIF 2.3, 4.6.4, tag Orientation. */
	static const struct { bool swap, x, y; } how[9] = {
		[2] = {false, true, false}, [3] = {false, true, true},
		[4] = {false, false, true}, [5] = {true, false, false},
		[6] = {true, true, false}, [7] = {true, true, true},
		[8] = {true, false, true},
	};
	int o = p->orientation;

	return (rearrange(job, p, how[o].swap, how[o].x, how[o].y));
}

int
turn(struct job *job, struct picture *p, int degrees, bool mirror_x,
    bool mirror_y)
{
	bool swap = degrees == 90 || degrees == 270;
	bool x = degrees == 90 || degrees == 180;
	bool y = degrees == 180 || degrees == 270;

	return (rearrange(job, p, swap, x != mirror_x, y != mirror_y));
}

/*--- borders --------------------------------------------------------------*/

/* By what is seen of them: the colour of what is transparent is none. */
static bool
same(const uint8_t *a, const uint8_t *b, int threshold)
{
	if (abs(a[3] - b[3]) > threshold)
		return (false);
	for (int i = 0; i < 3; i++)
		if (abs(a[i] * a[3] - b[i] * b[3]) > threshold * 255)
			return (false);
	return (true);
}

static bool
row_is(const struct picture *p, int y, int threshold)
{
	const uint8_t *row = p->px + (size_t)y * (size_t)p->w * 4;

	for (int x = 0; x < p->w; x++)
		if (!same(row + x * 4, p->px, threshold))
			return (false);
	return (true);
}

static bool
column_is(const struct picture *p, int x, int threshold)
{
	for (int y = 0; y < p->h; y++)
		if (!same(p->px + ((size_t)y * (size_t)p->w + (size_t)x) * 4,
		    p->px, threshold))
			return (false);
	return (true);
}

int
trim(struct job *job, struct picture *p, int threshold)
{
	int top = 0, bottom = p->h, left = 0, right = p->w;

	while (top < bottom && row_is(p, top, threshold))
		top++;
	/* Of one colour only: nothing would be left. */
	if (top == bottom)
		return (0);
	while (row_is(p, bottom - 1, threshold))
		bottom--;
	while (column_is(p, left, threshold))
		left++;
	while (column_is(p, right - 1, threshold))
		right--;
	return (crop(job, p, left, top, right - left, bottom - top));
}
