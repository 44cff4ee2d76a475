/* SPDX-License-Identifier: BSD-2-Clause */
/* adjust.c: colours and sharpness. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "image.h"

void
flatten(struct picture *p, const uint8_t background[4])
{
	size_t n = (size_t)p->w * (size_t)p->h;

	if (!p->alpha)
		return;
	for (uint8_t *at = p->px; n > 0; n--, at += 4) {
		unsigned a = at[3];

		for (int i = 0; i < 3; i++)
			at[i] = (uint8_t)((at[i] * a + background[i] *
			    (255 - a) + 127) / 255);
		at[3] = 255;
	}
	p->alpha = false;
}

void
adjust(struct picture *p, double brightness, double contrast, double gamma)
{
	size_t n = (size_t)p->w * (size_t)p->h;
	uint8_t table[256];

	if (brightness == 1 && contrast == 1 && gamma == 1)
		return;
	for (int i = 0; i < 256; i++) {
		double v = (i / 255.0 * brightness - 0.5) * contrast + 0.5;

		v = pow(v < 0 ? 0 : v > 1 ? 1 : v, 1 / gamma);
		table[i] = (uint8_t)lround(v * 255);
	}
	for (uint8_t *at = p->px; n > 0; n--, at += 4)
		for (int i = 0; i < 3; i++)
			at[i] = table[at[i]];
}

/*--- blur: three boxes are nearly a bell ----------------------------------*/

/* One line of n pixels, step bytes apart; line has room for all of them. */
static void
box_line(uint8_t *px, size_t step, int n, int radius, uint8_t *line)
{
	unsigned sum[4] = {0}, width = 2 * (unsigned)radius + 1;

	for (int i = 0; i < n; i++)
		memcpy(line + i * 4, px + (size_t)i * step, 4);
	for (int i = -radius; i <= radius; i++)
		for (int c = 0; c < 4; c++)
			sum[c] += line[(i < 0 ? 0 : i >= n ? n - 1 : i) * 4 +
			    c];
	for (int i = 0; i < n; i++) {
		int out = i - radius < 0 ? 0 : i - radius;
		int in = i + radius + 1 >= n ? n - 1 : i + radius + 1;

		for (int c = 0; c < 4; c++) {
			px[(size_t)i * step + (size_t)c] = (uint8_t)((sum[c] +
			    width / 2) / width);
			sum[c] += (unsigned)line[in * 4 + c] -
			    line[out * 4 + c];
		}
	}
}

static void
box(struct picture *p, int radius, uint8_t *line)
{
	size_t row = (size_t)p->w * 4;

	for (int y = 0; y < p->h; y++)
		box_line(p->px + (size_t)y * row, 4, p->w, radius, line);
	for (int x = 0; x < p->w; x++)
		box_line(p->px + (size_t)x * 4, row, p->h, radius, line);
}

int
blur(struct job *job, struct picture *p, double sigma)
{
	int longest = p->w > p->h ? p->w : p->h;
	int width = (int)sqrt(4 * sigma * sigma + 1), radius = width / 2;
	uint8_t *line;

	if (sigma <= 0)
		return (0);
	if (radius < 1)
		radius = 1;
	line = malloc((size_t)longest * 4);
	if (line == NULL)
		return (job_fail(job, 413, "not enough memory to blur"));
	for (int i = 0; i < 3; i++)
		box(p, radius, line);
	free(line);
	return (0);
}

/* What a slight blur takes away is added again. */
int
sharpen(struct job *job, struct picture *p, double amount)
{
	size_t n = (size_t)p->w * (size_t)p->h * 4;
	int by = (int)lround(amount * 256), v;
	struct picture q = *p;

	if (amount <= 0)
		return (0);
	q.px = malloc(n);
	if (q.px == NULL)
		return (job_fail(job, 413, "not enough memory to sharpen"));
	memcpy(q.px, p->px, n);
	if (blur(job, &q, 0.5) != 0) {
		free(q.px);
		return (-1);
	}
	for (size_t i = 0; i < n; i++) {
		if (i % 4 == 3)
			continue;
		v = p->px[i] + ((p->px[i] - q.px[i]) * by >> 8);
		p->px[i] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
	}
	free(q.px);
	return (0);
}
