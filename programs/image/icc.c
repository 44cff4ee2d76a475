/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * icc.c: colours of an ICC profile to sRGB, where the profile is a matrix with
 * curves, or curves of grey (ICC.1:2010, 8.3 and 8.4), as those of cameras,
 * screens and picture editors are. Profiles of tables are left alone.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "image.h"

#define TAGS_MAX 100
#define STEPS 4096

struct part {
	const uint8_t *data;
	size_t len;
};

static uint32_t
be(const uint8_t *p, unsigned n)
{
	uint32_t v = 0;

	while (n-- > 0)
		v = v << 8 | *p++;
	return (v);
}

static double
fixed(const uint8_t *p)
{
	return ((int32_t)be(p, 4) / 65536.0);
}

static bool
find_tag(const struct part *icc, const char *name, struct part *tag)
{
	uint32_t n = be(icc->data + 128, 4), at, len;

	for (uint32_t i = 0; i < n && i < TAGS_MAX; i++) {
		const uint8_t *p = icc->data + 132 + 12 * (size_t)i;

		if (132 + 12 * ((size_t)i + 1) > icc->len)
			break;
		at = be(p + 4, 4);
		len = be(p + 8, 4);
		if (memcmp(p, name, 4) != 0)
			continue;
		if (at > icc->len || len > icc->len - at || len < 12)
			return (false);
		*tag = (struct part){icc->data + at, len};
		return (true);
	}
	return (false);
}

/*--- curves ---------------------------------------------------------------*/

/* 10.18: Y = (aX + b)^g + e from X = d on, before it cX + f. */
static bool
parametric(const struct part *t, double x, double *y)
{
	static const uint8_t counts[] = {1, 3, 4, 5, 7};
	unsigned kind = be(t->data + 8, 2), n;
	double v[7] = {1, 1, 0, 0, 0, 0, 0}, d;

	if (kind > 4 || t->len < 12 + 4u * counts[kind])
		return (false);
	n = counts[kind];
	for (unsigned i = 0; i < n; i++)
		v[i] = fixed(t->data + 12 + 4 * i);
	/* Kinds 1 and 2 begin where aX + b does; 2 is c all over. */
	d = kind == 1 || kind == 2 ? (v[1] != 0 ? -v[2] / v[1] : 0) : v[4];
	if (kind == 0)
		*y = pow(x, v[0]);
	else if (kind < 3)
		*y = (x >= d ? pow(fmax(v[1] * x + v[2], 0), v[0]) : 0) +
		    (kind == 2 ? v[3] : 0);
	else if (x >= d)
		*y = pow(fmax(v[1] * x + v[2], 0), v[0]) + v[5];
	else
		*y = v[3] * x + v[6];
	return (isfinite(*y));
}

/* 10.6: a gamma, or a table. */
static bool
sampled(const struct part *t, double x, double *y)
{
	uint32_t n = be(t->data + 8, 4), i;
	double at, low, high;

	if (n > (t->len - 12) / 2)
		return (false);
	if (n == 0)
		*y = x;
	else if (n == 1)
		*y = pow(x, be(t->data + 12, 2) / 256.0);
	else {
		at = x * (n - 1);
		i = at >= n - 1 ? n - 2 : (uint32_t)at;
		low = be(t->data + 12 + 2 * (size_t)i, 2);
		high = be(t->data + 14 + 2 * (size_t)i, 2);
		*y = (low + (high - low) * (at - i)) / 65535;
	}
	return (true);
}

static bool
read_curve(const struct part *icc, const char *name, float curve[256])
{
	struct part t;
	double y;
	bool ok;

	if (!find_tag(icc, name, &t))
		return (false);
	for (int i = 0; i < 256; i++) {
		ok = memcmp(t.data, "para", 4) == 0 ?
		    parametric(&t, i / 255.0, &y) :
		    memcmp(t.data, "curv", 4) == 0 &&
		    sampled(&t, i / 255.0, &y);
		if (!ok)
			return (false);
		curve[i] = (float)(y < 0 ? 0 : y > 1 ? 1 : y);
	}
	return (true);
}

/*--- colours --------------------------------------------------------------*/

struct transform {
	float curve[3][256];
	float matrix[3][3];		/* linear RGB to linear sRGB */
};

static bool
read_profile(const struct part *icc, struct transform *t)
{
	/* XYZ as D50 sees it to linear sRGB: the inverse of sRGB's own. */
	static const double from_xyz[3][3] = {
		{3.1341359, -1.6173863, -0.4906619},
		{-0.9787955, 1.9162543, 0.0334427},
		{0.0719554, -0.2289769, 1.4053856},
	};
	static const char *const curves[] = {"rTRC", "gTRC", "bTRC"};
	static const char *const colours[] = {"rXYZ", "gXYZ", "bXYZ"};
	struct part tag;

	if (icc->len < 132 || memcmp(icc->data + 20, "XYZ ", 4) != 0)
		return (false);
	if (memcmp(icc->data + 16, "GRAY", 4) == 0) {
		if (!read_curve(icc, "kTRC", t->curve[0]))
			return (false);
		for (int i = 0; i < 3; i++) {
			memcpy(t->curve[i], t->curve[0], sizeof t->curve[0]);
			t->matrix[i][i] = 1;
		}
		return (true);
	}
	if (memcmp(icc->data + 16, "RGB ", 4) != 0)
		return (false);
	for (int c = 0; c < 3; c++) {
		if (!read_curve(icc, curves[c], t->curve[c]) ||
		    !find_tag(icc, colours[c], &tag) || tag.len < 20)
			return (false);
		for (int i = 0; i < 3; i++)
			for (int k = 0; k < 3; k++)
				t->matrix[i][c] += (float)(from_xyz[i][k] *
				    fixed(tag.data + 8 + 4 * k));
	}
	return (true);
}

double
to_srgb(double v)
{
	return (v <= 0.0031308 ? v * 12.92 : 1.055 * pow(v, 1 / 2.4) - 0.055);
}

/* The number of sRGB for each of STEPS + 1 amounts of light. */
static const uint8_t *
srgb_table(void)
{
	static uint8_t table[STEPS * 4 + 1];

	for (int i = 0; table[STEPS * 4] == 0 && i <= STEPS * 4; i++)
		table[i] = (uint8_t)lround(to_srgb((double)i / (STEPS * 4)) *
		    255);
	return (table);
}

static void
convert(const struct transform *t, const uint8_t *table, const uint8_t *from,
    uint8_t *to)
{
	float in[3], v;

	for (int c = 0; c < 3; c++)
		in[c] = t->curve[c][from[c]];
	for (int c = 0; c < 3; c++) {
		v = t->matrix[c][0] * in[0] + t->matrix[c][1] * in[1] +
		    t->matrix[c][2] * in[2];
		v = v < 0 ? 0 : v > 1 ? 1 : v;
		to[c] = table[(int)(v * STEPS * 4 + 0.5f)];
	}
}

/* Does it change anything by more than rounding? Most files say sRGB. */
static bool
is_srgb(const struct transform *t, const uint8_t *table)
{
	uint8_t from[3], to[3];

	for (int i = 0; i < 4 * 4 * 4 * 8; i++) {
		int grey = i % 8 * 4;

		from[0] = (uint8_t)(i / 8 % 4 * 75 + grey);
		from[1] = (uint8_t)(i / 32 % 4 * 75 + grey);
		from[2] = (uint8_t)(i / 128 * 75 + grey);
		convert(t, table, from, to);
		for (int c = 0; c < 3; c++)
			if (abs(from[c] - to[c]) > 2)
				return (false);
	}
	return (true);
}

static void
transform(struct picture *p, const struct transform *t)
{
	const uint8_t *table = srgb_table();
	size_t n = (size_t)p->w * (size_t)p->h;

	if (is_srgb(t, table))
		return;
	for (uint8_t *at = p->px; n > 0; n--, at += 4)
		convert(t, table, at, at);
}

void
icc_to_srgb(struct picture *p, const uint8_t *icc, size_t len)
{
	const struct part profile = {icc, len};
	struct transform t = {.matrix = {{0}}};

	if (icc != NULL && read_profile(&profile, &t))
		transform(p, &t);
}

/*--- numbers of ITU-T H.273 -----------------------------------------------*/

void
cicp_to_srgb(struct picture *p, unsigned primaries, unsigned transfer)
{
	/* Light of these primaries as that of sRGB's; all have D65. */
	static const struct { unsigned primaries; float m[3][3]; } list[] = {
		{9, {{1.660491f, -0.587641f, -0.072850f},
		    {-0.124550f, 1.132900f, -0.008349f},
		    {-0.018151f, -0.100579f, 1.118730f}}},
		{12, {{1.224940f, -0.224940f, 0},
		    {-0.042057f, 1.042057f, 0},
		    {-0.019638f, -0.078636f, 1.098274f}}},
	};
	/* 4, 5 and 8: powers; all others as sRGB, which most are near. */
	double power = transfer == 4 ? 2.2 : transfer == 5 ? 2.8 :
	    transfer == 8 ? 1 : 0;
	struct transform t = {.matrix = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};

	/* PQ and HLG: what is brighter than white would need to be toned. */
	if (transfer == 16 || transfer == 18)
		return;
	for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
		if (list[i].primaries == primaries)
			memcpy(t.matrix, list[i].m, sizeof t.matrix);
	for (int i = 0; i < 256; i++) {
		double v = i / 255.0;

		v = power != 0 ? pow(v, power) : v <= 0.04045 ? v / 12.92 :
		    pow((v + 0.055) / 1.055, 2.4);
		for (int c = 0; c < 3; c++)
			t.curve[c][i] = (float)v;
	}
	transform(p, &t);
}
