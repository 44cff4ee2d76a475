/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * resize.c: resizing in linear light with Lanczos' kernel of three lobes: light
 * adds up, the numbers of sRGB do not. Rows become 16-bit linear values, times
 * alpha; each is narrowed once, and kept in a ring as long as rows below need
 * it. All sums are SSE2's of pairs of products, which every x86-64 has.
 */
#include <emmintrin.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "image.h"

/* The kernel overshoots: a third of the room is left above white. */
enum { WHITE = 24576, SHIFT = 14, LOBES = 3 };

static int16_t linear_of[256];
static uint8_t srgb_of[WHITE + 1];

/* For each place of the result: where its sources begin, and their weights. */
struct axis {
	int taps;			/* even */
	int *first;
	int16_t *weight;		/* taps for each place */
};

struct resizer {
	const struct picture *from;
	struct axis x, y;
	int width;
	int16_t *line;			/* a row of the source, linear */
	int16_t *ring;			/* rows, narrowed: number % y.taps */
	int have;			/* rows below this are in the ring */
};

static void
fill_tables(void)
{
	double v;
	int i;

	if (linear_of[255] != 0)
		return;
	for (i = 0; i < 256; i++) {
		v = i / 255.0;
		v = v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4);
		linear_of[i] = (int16_t)lrint(v * WHITE);
	}
	for (i = 0; i <= WHITE; i++)
		srgb_of[i] = (uint8_t)lrint(to_srgb((double)i / WHITE) * 255);
}

static double
lanczos(double x)
{
	x = fabs(x) * M_PI;
	if (x < 1e-9)
		return (1);
	return (x >= LOBES * M_PI ? 0 :
	    LOBES * sin(x) * sin(x / LOBES) / (x * x));
}

/*
 * Weights of one place. Rounding errors are carried on to the next weight, so
 * that the sum is exact even of thousands of small ones.
 */
static void
weigh(const struct axis *a, int16_t *weight, int first, double center,
    double scale, int size)
{
	double sum = 0, carried = 0;
	int i, at, before = 0, now;

	for (i = 0; i < a->taps; i++)
		sum += lanczos((first + i + 0.5 - center) / scale);
	for (i = 0; i < a->taps; i++) {
		carried += lanczos((first + i + 0.5 - center) / scale) / sum *
		    (1 << SHIFT);
		now = (int)lrint(carried);
		/* Beyond the edge, the edge goes on. */
		at = first + i < 0 ? -first :
		    first + i >= size ? size - 1 - first : i;
		if (at >= 0 && at < a->taps)
			weight[at] = (int16_t)(weight[at] + now - before);
		before = now;
	}
}

static int
axis_init(struct axis *a, int from, int to)
{
	double scale = (double)from / to, center;
	double wide = scale > 1 ? scale : 1;
	int i, j, first;
	int16_t *w;

	a->taps = ((int)ceil(2 * LOBES * wide) + 3) & ~1;
	a->first = malloc((size_t)to * sizeof *a->first);
	a->weight = calloc((size_t)to * (size_t)a->taps, sizeof *a->weight);
	if (a->first == NULL || a->weight == NULL)
		return (-1);
	for (i = 0; i < to; i++) {
		center = (i + 0.5) * scale;
		first = (int)floor(center - LOBES * wide);
		w = a->weight + (size_t)i * (size_t)a->taps;
		weigh(a, w, first, center, wide, from);
		/* What lies before the edge has no weight: leave it out. */
		for (j = 0; first < 0; j++, first++)
			;
		memmove(w, w + (j < a->taps ? j : a->taps),
		    (size_t)(j < a->taps ? a->taps - j : 0) * sizeof *w);
		memset(w + (j < a->taps ? a->taps - j : 0), 0,
		    (size_t)(j < a->taps ? j : a->taps) * sizeof *w);
		a->first[i] = first;
	}
	return (0);
}

static void
to_linear(const struct resizer *r, int y)
{
	const uint8_t *p = r->from->px + (size_t)y * (size_t)r->from->w * 4;
	int16_t *to = r->line;
	int x, c;

	for (x = 0; x < r->from->w; x++, p += 4, to += 4) {
		to[0] = linear_of[p[0]];
		to[1] = linear_of[p[1]];
		to[2] = linear_of[p[2]];
		to[3] = (int16_t)(p[3] * WHITE / 255);
		for (c = 0; c < 3 && p[3] != 255; c++)
			to[c] = (int16_t)(to[c] * p[3] / 255);
	}
}

/* One row of the ring: all pixels of r->line, narrowed. */
static void
narrow(const struct resizer *r, int16_t *to)
{
	const int16_t *w = r->x.weight;
	const __m128i round = _mm_set1_epi32(1 << (SHIFT - 1));
	__m128i sum, two, pair;
	int x, i, both;

	for (x = 0; x < r->width; x++, to += 4) {
		const int16_t *p = r->line + (size_t)r->x.first[x] * 4;

		sum = round;
		for (i = 0; i < r->x.taps; i += 2, p += 8, w += 2) {
			/* r0 g0 b0 a0 r1 g1 b1 a1: r0 r1 g0 g1 b0 b1 a0 a1 */
			two = _mm_loadu_si128((const void *)p);
			pair = _mm_unpacklo_epi16(two, _mm_srli_si128(two, 8));
			memcpy(&both, w, sizeof both);
			sum = _mm_add_epi32(sum,
			    _mm_madd_epi16(pair, _mm_set1_epi32(both)));
		}
		sum = _mm_srai_epi32(sum, SHIFT);
		_mm_storel_epi64((void *)to, _mm_packs_epi32(sum, sum));
	}
}

/* Up to row `end` of the source. */
static void
fill_ring(struct resizer *r, int end)
{
	if (end > r->from->h)
		end = r->from->h;
	for (; r->have < end; r->have++) {
		to_linear(r, r->have);
		narrow(r, r->ring + (size_t)(r->have % r->y.taps) *
		    (size_t)r->width * 4);
	}
}

static void
put_pixel(const int16_t *v, uint8_t *to)
{
	int a = v[3], c, n;

	a = a < 0 ? 0 : a > WHITE ? WHITE : a;
	for (c = 0; c < 3; c++) {
		n = a == WHITE ? v[c] : a == 0 ? 0 : v[c] * WHITE / a;
		to[c] = srgb_of[n < 0 ? 0 : n > WHITE ? WHITE : n];
	}
	to[3] = (uint8_t)((a * 255 + WHITE / 2) / WHITE);
}

/* A row of the result: two pixels at a time, then the last of an odd number. */
static void
sum_rows(const struct resizer *r, int y, uint8_t *to)
{
	const int16_t *w = r->y.weight + (size_t)y * (size_t)r->y.taps;
	const size_t row = (size_t)r->width * 4;
	const __m128i round = _mm_set1_epi32(1 << (SHIFT - 1));
	int16_t both[8];
	int i, x, at, weights;

	for (x = 0; x < r->width; x += 2, to += 8) {
		__m128i low = round, high = round, a, b, k;

		for (i = 0; i < r->y.taps; i += 2) {
			at = r->y.first[y] + i;
			a = _mm_loadu_si128((const void *)(r->ring + row *
			    (size_t)(at % r->y.taps) + (size_t)x * 4));
			b = _mm_loadu_si128((const void *)(r->ring + row *
			    (size_t)((at + 1) % r->y.taps) + (size_t)x * 4));
			memcpy(&weights, w + i, sizeof weights);
			k = _mm_set1_epi32(weights);
			low = _mm_add_epi32(low,
			    _mm_madd_epi16(_mm_unpacklo_epi16(a, b), k));
			high = _mm_add_epi32(high,
			    _mm_madd_epi16(_mm_unpackhi_epi16(a, b), k));
		}
		_mm_storeu_si128((void *)both, _mm_packs_epi32(
		    _mm_srai_epi32(low, SHIFT), _mm_srai_epi32(high, SHIFT)));
		put_pixel(both, to);
		if (x + 1 < r->width)
			put_pixel(both + 4, to + 4);
	}
}

static int
resizer_init(struct resizer *r, int height)
{
	if (axis_init(&r->x, r->from->w, r->width) != 0 ||
	    axis_init(&r->y, r->from->h, height) != 0)
		return (-1);
	/* Weights of nothing are read with what lies behind the edge. */
	r->line = calloc((size_t)r->from->w + (size_t)r->x.taps + 2, 8);
	r->ring = calloc((size_t)r->width * (size_t)r->y.taps + 2, 8);
	return (r->line == NULL || r->ring == NULL ? -1 : 0);
}

static void
resizer_free(struct resizer *r)
{
	free(r->x.first);
	free(r->x.weight);
	free(r->y.first);
	free(r->y.weight);
	free(r->line);
	free(r->ring);
}

int
resize(struct job *job, struct picture *p, int w, int h)
{
	struct resizer r = {.from = p, .width = w};
	struct picture q;

	if (w == p->w && h == p->h)
		return (0);
	if (picture_new(job, UINT64_MAX, (uint64_t)w, (uint64_t)h, &q) != 0)
		return (-1);
	q.alpha = p->alpha;
	fill_tables();
	if (resizer_init(&r, h) != 0) {
		resizer_free(&r);
		free(q.px);
		return (job_fail(job, 413, "not enough memory to resize"));
	}
	for (int y = 0; y < h; y++) {
		fill_ring(&r, r.y.first[y] + r.y.taps);
		sum_rows(&r, y, q.px + (size_t)y * (size_t)w * 4);
	}
	resizer_free(&r);
	picture_replace(p, &q);
	return (0);
}
