/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inner products. Eight sums are kept side by side, with AVX2 in one register,
 * and nothing is fused (-ffp-contract=off): the same bits on every CPU.
 */
#include <immintrin.h>
#include <string.h>

#include "model.h"

#define AVX2 __attribute__((target("avx2")))

float
half_to_float(uint16_t h)
{
	uint32_t sign = (uint32_t)(h & 0x8000) << 16, low = h & 0x7fff;
	union { uint32_t u; float f; } v;

	if (low >= 0x7c00) {		/* no number, or without bound */
		v.u = sign | 0x7f800000 | (low & 0x3ff) << 13;
		return (v.f);
	}
	/* Exponents are 112 apart; subnormal halves come out right too. */
	v.u = low << 13;
	v.f *= 0x1p112f;
	v.u |= sign;
	return (v.f);
}

static float
half_at(const uint8_t *at)
{
	uint16_t h;

	memcpy(&h, at, sizeof h);
	return (half_to_float(h));
}

static bool
have_avx2(void)
{
	static int known = -1;

	if (known < 0)
		known = __builtin_cpu_supports("avx2") != 0;
	return (known != 0);
}

static float
total(const float s[8])
{
	return (((s[0] + s[4]) + (s[1] + s[5])) +
	    ((s[2] + s[6]) + (s[3] + s[7])));
}

AVX2 static float
floats_avx2(const float *a, const float *b, int n)
{
	__m256 sum = _mm256_setzero_ps();
	float s[8], rest = 0;
	int i;

	for (i = 0; i + 8 <= n; i += 8)
		sum = _mm256_add_ps(sum, _mm256_mul_ps(_mm256_loadu_ps(a + i),
		    _mm256_loadu_ps(b + i)));
	_mm256_storeu_ps(s, sum);
	for (; i < n; i++)
		rest += a[i] * b[i];
	return (total(s) + rest);
}

float
dot_floats(const float *a, const float *b, int n)
{
	float s[8] = { 0 }, rest = 0;
	int i, j;

	if (have_avx2())
		return (floats_avx2(a, b, n));
	for (i = 0; i + 8 <= n; i += 8)
		for (j = 0; j < 8; j++)
			s[j] += a[i + j] * b[i + j];
	for (; i < n; i++)
		rest += a[i] * b[i];
	return (total(s) + rest);
}

/*
 * Eight sums of four products of bytes each, times a scale. A weight is -128
 * at least and x -127 to 127, so that no sum of two exceeds 16 bits.
 */
AVX2 static __m256
add_block(__m256 sum, __m256i w, const int8_t *x, float scale)
{
	__m256i v = _mm256_loadu_si256((const __m256i *)x);
	__m256i p = _mm256_maddubs_epi16(_mm256_sign_epi8(v, v),
	    _mm256_sign_epi8(w, v));

	p = _mm256_madd_epi16(p, _mm256_set1_epi16(1));
	return (_mm256_add_ps(sum, _mm256_mul_ps(_mm256_set1_ps(scale),
	    _mm256_cvtepi32_ps(p))));
}

static void
add_block_plain(float s[8], const int8_t *w, const int8_t *x, float scale)
{
	int32_t p[8];
	int i;

	for (i = 0; i < 8; i++)
		p[i] = w[4 * i] * x[4 * i] + w[4 * i + 1] * x[4 * i + 1] +
		    w[4 * i + 2] * x[4 * i + 2] + w[4 * i + 3] * x[4 * i + 3];
	for (i = 0; i < 8; i++)
		s[i] += scale * (float)p[i];
}

AVX2 static float
q8_0_avx2(const uint8_t *row, const struct vector *x)
{
	__m256 sum = _mm256_setzero_ps();
	float s[8];

	for (int i = 0; i < x->n / 32; i++, row += 34)
		sum = add_block(sum, _mm256_max_epi8(_mm256_loadu_si256(
		    (const __m256i *)(row + 2)), _mm256_set1_epi8(-127)),
		    x->q + 32 * i, half_at(row) * x->scale[i]);
	_mm256_storeu_ps(s, sum);
	return (total(s));
}

float
dot_q8_0(const uint8_t *row, const struct vector *x)
{
	float s[8] = { 0 };
	int8_t w[32];

	if (have_avx2())
		return (q8_0_avx2(row, x));
	for (int i = 0; i < x->n / 32; i++, row += 34) {
		memcpy(w, row + 2, 32);
		for (int j = 0; j < 32; j++)
			w[j] = w[j] < -127 ? -127 : w[j];
		add_block_plain(s, w, x->q + 32 * i,
		    half_at(row) * x->scale[i]);
	}
	return (total(s));
}

AVX2 static float
q4_0_avx2(const uint8_t *row, const struct vector *x)
{
	const __m128i low = _mm_set1_epi8(15);
	__m256 sum = _mm256_setzero_ps();
	__m128i q;
	float s[8];

	for (int i = 0; i < x->n / 32; i++, row += 18) {
		q = _mm_loadu_si128((const __m128i *)(row + 2));
		sum = add_block(sum, _mm256_sub_epi8(_mm256_set_m128i(
		    _mm_and_si128(_mm_srli_epi16(q, 4), low),
		    _mm_and_si128(q, low)), _mm256_set1_epi8(8)),
		    x->q + 32 * i, half_at(row) * x->scale[i]);
	}
	_mm256_storeu_ps(s, sum);
	return (total(s));
}

float
dot_q4_0(const uint8_t *row, const struct vector *x)
{
	float s[8] = { 0 };
	int8_t w[32];

	if (have_avx2())
		return (q4_0_avx2(row, x));
	for (int i = 0; i < x->n / 32; i++, row += 18) {
		for (int j = 0; j < 16; j++) {
			w[j] = (int8_t)((row[2 + j] & 15) - 8);
			w[j + 16] = (int8_t)((row[2 + j] >> 4) - 8);
		}
		add_block_plain(s, w, x->q + 32 * i,
		    half_at(row) * x->scale[i]);
	}
	return (total(s));
}
