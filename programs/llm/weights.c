/* SPDX-License-Identifier: BSD-2-Clause */
/* The forms in which weights are stored, as of ggml: blocks with scales. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

#define ROW_PART 256		/* floats at a time; whole blocks */

static float
half_at(const uint8_t *at)
{
	uint16_t h;

	memcpy(&h, at, sizeof h);
	return (half_to_float(h));
}

static void
from_f32(float *out, const uint8_t *b)
{
	memcpy(out, b, 4 * sizeof *out);
}

static float
dot_f32(const uint8_t *row, const struct vector *x)
{
	return (dot_floats((const void *)row, x->f, x->n));
}

static void
from_f16(float *out, const uint8_t *b)
{
	for (int i = 0; i < 32; i++)
		out[i] = half_at(b + 2 * i);
}

static void
from_q8_0(float *out, const uint8_t *b)
{
	float d = half_at(b);

	for (int i = 0; i < 32; i++)
		out[i] = d * (int8_t)b[2 + i];
}

/* Low nibbles are the first half of the block. */
static void
from_nibbles(float *out, const uint8_t *q, uint32_t fifth, float d, float m)
{
	for (int i = 0; i < 16; i++) {
		out[i] = d * ((q[i] & 15) | (fifth >> i & 1) << 4) + m;
		out[i + 16] = d * (q[i] >> 4 | (fifth >> (i + 16) & 1) << 4) +
		    m;
	}
}

static uint32_t
word_at(const uint8_t *at)
{
	uint32_t w;

	memcpy(&w, at, sizeof w);
	return (w);
}

static void
from_q4_0(float *out, const uint8_t *b)
{
	float d = half_at(b);

	from_nibbles(out, b + 2, 0, d, -8 * d);
}

static void
from_q4_1(float *out, const uint8_t *b)
{
	from_nibbles(out, b + 4, 0, half_at(b), half_at(b + 2));
}

static void
from_q5_0(float *out, const uint8_t *b)
{
	float d = half_at(b);

	from_nibbles(out, b + 6, word_at(b + 2), d, -16 * d);
}

static void
from_q5_1(float *out, const uint8_t *b)
{
	from_nibbles(out, b + 8, word_at(b + 4), half_at(b), half_at(b + 2));
}

/* Eight scales and eight minima of six bits each in twelve bytes. */
static void
six_bits(const uint8_t *s, int i, int *scale, int *least)
{
	if (i < 4) {
		*scale = s[i] & 63;
		*least = s[i + 4] & 63;
	} else {
		*scale = (s[i + 4] & 15) | (s[i - 4] >> 6) << 4;
		*least = s[i + 4] >> 4 | (s[i] >> 6) << 4;
	}
}

static void
from_k(float *out, const uint8_t *b, const uint8_t *q, const uint8_t *fifth)
{
	float d = half_at(b), m = half_at(b + 2);
	int scale, least, bit;

	for (int part = 0; part < 8; part++) {
		six_bits(b + 4, part, &scale, &least);
		for (int i = 0; i < 32; i++) {
			bit = fifth == NULL ? 0 : fifth[i] >> part & 1;
			out[32 * part + i] = d * scale *
			    ((q[32 * (part / 2) + i] >> part % 2 * 4 & 15) +
			    16 * bit) - m * least;
		}
	}
}

static void
from_q4_k(float *out, const uint8_t *b)
{
	from_k(out, b, b + 16, NULL);
}

static void
from_q5_k(float *out, const uint8_t *b)
{
	from_k(out, b, b + 48, b + 16);
}

static void
from_q6_k(float *out, const uint8_t *b)
{
	const uint8_t *low = b, *high = b + 128;
	const int8_t *scale = (const int8_t *)b + 192;
	float d = half_at(b + 208);
	int half, part, i, q;

	for (half = 0; half < 2; half++)
		for (part = 0; part < 4; part++)
			for (i = 0; i < 32; i++) {
				q = low[64 * half + 32 * (part % 2) + i] >>
				    part / 2 * 4 & 15;
				q |= (high[32 * half + i] >> 2 * part & 3) << 4;
				out[128 * half + 32 * part + i] = d *
				    scale[8 * half + 2 * part + i / 16] *
				    (q - 32);
			}
}

/* By the type's number; block 0: unknown. */
static const struct {
	int block, bytes;
	void (*read)(float *, const uint8_t *);
	float (*dot)(const uint8_t *row, const struct vector *);
} forms[] = {
	[W_F32] = { 4, 16, from_f32, dot_f32 },
	[W_F16] = { 32, 64, from_f16, NULL },
	[W_Q4_0] = { 32, 18, from_q4_0, dot_q4_0 },
	[W_Q4_1] = { 32, 20, from_q4_1, NULL },
	[W_Q5_0] = { 32, 22, from_q5_0, NULL },
	[W_Q5_1] = { 32, 24, from_q5_1, NULL },
	[W_Q8_0] = { 32, 34, from_q8_0, dot_q8_0 },
	[W_Q4_K] = { 256, 144, from_q4_k, NULL },
	[W_Q5_K] = { 256, 176, from_q5_k, NULL },
	[W_Q6_K] = { 256, 210, from_q6_k, NULL },
};

bool
weights_known(uint32_t type)
{
	return (type < sizeof forms / sizeof *forms && forms[type].block != 0);
}

size_t
weights_row_bytes(enum weight_type type, uint64_t columns)
{
	if (columns % (unsigned)forms[type].block != 0)
		return (0);
	return (columns / (unsigned)forms[type].block *
	    (unsigned)forms[type].bytes);
}

/* n floats from the block at `b` on; returns where the next one begins. */
static const uint8_t *
unpack(float *out, enum weight_type type, const uint8_t *b, int n)
{
	for (int i = 0; i < n; i += forms[type].block) {
		forms[type].read(out + i, b);
		b += forms[type].bytes;
	}
	return (b);
}

void
weights_row(float *out, const struct weights *w, int row)
{
	(void)unpack(out, w->type, w->data + (size_t)row * w->row_bytes,
	    w->columns);
}

static float
dot_row(const struct weights *w, const uint8_t *b, const struct vector *x)
{
	float part[ROW_PART], sum = 0;
	int i, n;

	if (forms[w->type].dot != NULL)
		return (forms[w->type].dot(b, x));
	for (i = 0; i < w->columns; i += n) {
		n = w->columns - i < ROW_PART ? w->columns - i : ROW_PART;
		b = unpack(part, w->type, b, n);
		sum += dot_floats(part, x->f + i, n);
	}
	return (sum);
}

void
weights_times(float *out, const struct weights *w, const struct vector *x)
{
	const uint8_t *b = w->data;

	for (int i = 0; i < w->rows; i++, b += w->row_bytes)
		out[i] = dot_row(w, b, x);
}

int
vector_alloc(struct vector *v, int n)
{
	v->n = n;
	v->f = calloc((size_t)n, sizeof *v->f);
	v->q = calloc((size_t)n, 1);
	v->scale = calloc((size_t)n / 32 + 1, sizeof *v->scale);
	return (v->f != NULL && v->q != NULL && v->scale != NULL ? 0 : -1);
}

void
vector_pack(struct vector *v)
{
	float most, inverse, a;
	int i, j;

	for (i = 0; i + 32 <= v->n; i += 32) {
		most = 0;
		for (j = 0; j < 32; j++) {
			a = fabsf(v->f[i + j]);
			most = a > most ? a : most;
		}
		/* What is no number or has no bound becomes zero. */
		if (!(most < 1e30f))
			most = 0;
		inverse = most > 1e-30f ? 127 / most : 0;
		v->scale[i / 32] = most / 127;
		for (j = 0; j < 32; j++) {
			a = v->f[i + j] * inverse;
			a = a < 127 ? a : 127;
			a = a > -127 ? a : -127;
			v->q[i + j] = (int8_t)(a + (a < 0 ? -0.5f : 0.5f));
		}
	}
}
