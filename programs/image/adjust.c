/* SPDX-License-Identifier: BSD-2-Clause */
/* adjust.c: colours and sharpness. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "image.h"

void
over(uint8_t *d, const uint8_t *s, unsigned opacity)
{
	unsigned a = (s[3] * opacity + 127) / 255, b, sum;

	if (a == 0)
		return;
	b = (d[3] * (255 - a) + 127) / 255;
	sum = a + b;
	for (int i = 0; i < 3; i++)
		d[i] = (uint8_t)((s[i] * a + d[i] * b + sum / 2) / sum);
	d[3] = (uint8_t)sum;
}

void
flatten(struct picture *p, const uint8_t background[4])
{
	size_t n = (size_t)p->w * (size_t)p->h;
	uint8_t px[4];

	if (!p->alpha || background[3] == 0)
		return;
	for (uint8_t *at = p->px; n > 0; n--, at += 4) {
		if (at[3] == 255)
			continue;
		memcpy(px, background, 4);
		over(px, at, 255);
		memcpy(at, px, 4);
	}
	p->alpha = background[3] != 255;
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

/* Away from the grey that is as bright (BT.709), or towards it. */
void
saturate(struct picture *p, double factor)
{
	size_t n = (size_t)p->w * (size_t)p->h;
	int by = (int)lround(factor * 256);

	if (factor == 1)
		return;
	for (uint8_t *at = p->px; n > 0; n--, at += 4) {
		int grey = (13933 * at[0] + 46871 * at[1] + 4732 * at[2] +
		    32768) >> 16;

		for (int i = 0; i < 3; i++) {
			int v = grey + ((at[i] - grey) * by + 128) / 256;

			at[i] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
		}
	}
}

/*--- blur: three boxes are nearly a bell ----------------------------------*/

/*
 * A box whose ends count for a part, so that any sigma is met: its width grows
 * without steps. Weights are of 16 bits.
 */
struct box {
	int radius;			/* pixels that count in full */
	unsigned inner, edge;
};

/* Three boxes have the variance sigma^2: each of them a third. */
static struct box
box_of(double sigma)
{
	double third = sigma * sigma / 3, r, part;
	struct box b;

	b.radius = (int)((sqrt(12 * third + 1) - 1) / 2);
	r = b.radius;
	part = (2 * r + 1) * (r * (r + 1) - 3 * third) /
	    (6 * (third - (r + 1) * (r + 1)));
	b.inner = (unsigned)lround(65536 / (2 * r + 1 + 2 * part));
	/* What rounding left: all of them together are 1. */
	b.edge = (65536 - b.inner * (2 * (unsigned)b.radius + 1)) / 2;
	return (b);
}

static int
inside(int i, int n)
{
	return (i < 0 ? 0 : i >= n ? n - 1 : i);
}

/* One line of n pixels, step bytes apart; line has room for all of them. */
static void
box_line(uint8_t *px, size_t step, int n, const struct box *b, uint8_t *line)
{
	unsigned sum[4] = {0};
	int r = b->radius;

	for (int i = 0; i < n; i++)
		memcpy(line + i * 4, px + (size_t)i * step, 4);
	for (int i = -r; i <= r; i++)
		for (int c = 0; c < 4; c++)
			sum[c] += line[inside(i, n) * 4 + c];
	for (int i = 0; i < n; i++) {
		const uint8_t *out = line + inside(i - r, n) * 4;
		const uint8_t *before = line + inside(i - r - 1, n) * 4;
		const uint8_t *in = line + inside(i + r + 1, n) * 4;

		for (int c = 0; c < 4; c++) {
			px[(size_t)i * step + (size_t)c] = (uint8_t)((sum[c] *
			    b->inner + (unsigned)(before[c] + in[c]) *
			    b->edge + 32768) >> 16);
			sum[c] += (unsigned)in[c] - out[c];
		}
	}
}

static void
box(struct picture *p, const struct box *b, uint8_t *line)
{
	size_t row = (size_t)p->w * 4;

	for (int y = 0; y < p->h; y++)
		box_line(p->px + (size_t)y * row, 4, p->w, b, line);
	for (int x = 0; x < p->w; x++)
		box_line(p->px + (size_t)x * 4, row, p->h, b, line);
}

/* Colours times alpha: what cannot be seen has none. */
static void
multiply(struct picture *p)
{
	size_t n = (size_t)p->w * (size_t)p->h;

	for (uint8_t *at = p->px; n > 0; n--, at += 4)
		for (int i = 0; i < 3 && at[3] != 255; i++)
			at[i] = (uint8_t)((at[i] * at[3] + 127) / 255);
}

int
blur(struct job *job, struct picture *p, double sigma)
{
	int longest = p->w > p->h ? p->w : p->h;
	struct box b = box_of(sigma);
	uint8_t *line;

	if (sigma <= 0)
		return (0);
	line = malloc((size_t)longest * 4);
	if (line == NULL)
		return (job_fail(job, 413, "not enough memory to blur"));
	if (p->alpha)
		multiply(p);
	for (int i = 0; i < 3; i++)
		box(p, &b, line);
	if (p->alpha)
		unmultiply(p);
	free(line);
	return (0);
}

/* What a slight blur takes away is added again; what is invisible stays. */
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
	if (blur(job, &q, M_SQRT2) != 0) {
		free(q.px);
		return (-1);
	}
	for (size_t i = 0; i < n; i++) {
		if (i % 4 == 3 || p->px[i | 3] == 0)
			continue;
		v = p->px[i] + ((p->px[i] - q.px[i]) * by >> 8);
		p->px[i] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
	}
	free(q.px);
	return (0);
}
