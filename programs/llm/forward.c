/* SPDX-License-Identifier: BSD-2-Clause */
/* The transformer: one token in, the scores of the next one out. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

float
exp_float(float x)
{
	float n, r, p;
	union { uint32_t u; float f; } scale;

	if (!(x > -87))
		return (0);
	x = x < 88 ? x : 88;
	n = rintf(x * 1.44269504f);
	r = x - n * 0.693359375f;
	r = r + n * 2.12194440e-4f;
	/* Taylor's series to the seventh power, for |r| <= ln(2) / 2. */
	p = 1.9841270e-4f;
	p = p * r + 1.3888889e-3f;
	p = p * r + 8.3333333e-3f;
	p = p * r + 4.1666668e-2f;
	p = p * r + 1.6666667e-1f;
	p = p * r + 0.5f;
	p = p * r + 1;
	p = p * r + 1;
	scale.u = (uint32_t)((int)n + 127) << 23;
	return (p * scale.f);
}

static size_t
kv_floats(const struct model *m, int max)
{
	return ((size_t)m->layers * (size_t)max * (size_t)m->kv_heads *
	    (size_t)m->head_dim);
}

size_t
run_bytes(const struct model *m, int max)
{
	return (2 * kv_floats(m, max) * sizeof(float) + ((size_t)m->dim * 8 +
	    (size_t)m->ffn * 8 + (size_t)m->vocabulary.count +
	    (size_t)max) * sizeof(float));
}

/* How fast each pair of a head turns. */
static void
frequencies(struct run *r)
{
	const struct model *m = r->model;
	float factor;

	for (int i = 0; i < m->rope_dim / 2; i++) {
		r->inverse[i] = (float)pow(m->rope_base,
		    -2.0 * i / m->rope_dim);
		if (m->rope_factors.data == NULL)
			continue;
		memcpy(&factor, m->rope_factors.data + 4 * (size_t)i,
		    sizeof factor);
		r->inverse[i] /= factor;
	}
}

int
run_open(struct run *r, const struct model *m, int max)
{
	size_t kv = kv_floats(m, max), dim = (size_t)m->dim;

	memset(r, 0, sizeof *r);
	r->model = m;
	r->max = max;
	r->keys = malloc(kv * sizeof *r->keys);
	r->values = malloc(kv * sizeof *r->values);
	r->rope = calloc((size_t)m->head_dim, sizeof *r->rope);
	r->inverse = calloc((size_t)m->head_dim, sizeof *r->inverse);
	r->x = calloc(dim, sizeof *r->x);
	r->qkv = calloc(3 * dim, sizeof *r->qkv);
	r->up = calloc((size_t)m->ffn, sizeof *r->up);
	r->scores = calloc((size_t)m->vocabulary.count, sizeof *r->scores);
	r->attention = calloc((size_t)max, sizeof *r->attention);
	if (r->keys == NULL || r->values == NULL || r->rope == NULL ||
	    r->inverse == NULL || r->x == NULL || r->qkv == NULL ||
	    r->up == NULL || r->scores == NULL || r->attention == NULL ||
	    vector_alloc(&r->in, m->dim) != 0 ||
	    vector_alloc(&r->mixed, m->dim) != 0 ||
	    vector_alloc(&r->hidden, m->ffn) != 0)
		return (-1);
	frequencies(r);
	return (0);
}

static float
weight_at(const struct weights *w, int i)
{
	float f;

	memcpy(&f, w->data + 4 * (size_t)i, sizeof f);
	return (f);
}

/* r->in = x, divided by its root mean square, times the weights. */
static void
normalise(struct run *r, const struct weights *w)
{
	int n = r->model->dim;
	float s = 1 / sqrtf(dot_floats(r->x, r->x, n) / (float)n +
	    r->model->epsilon);

	for (int i = 0; i < n; i++)
		r->in.f[i] = r->x[i] * s * weight_at(w, i);
	vector_pack(&r->in);
}

/* Turn the pairs of each head by the angles of this position. */
static void
rotate(const struct run *r, float *v, int heads)
{
	const struct model *m = r->model;
	float a, b, c, s;

	for (int h = 0; h < heads; h++, v += m->head_dim)
		for (int i = 0; i < m->rope_dim; i += 2) {
			a = v[i];
			b = v[i + 1];
			c = r->rope[i];
			s = r->rope[i + 1];
			v[i] = a * c - b * s;
			v[i + 1] = a * s + b * c;
		}
}

/* a[0..n) becomes exp(a - its largest); their sum. */
static float
exponents(float *a, int n)
{
	float most = a[0], sum = 0;
	int i;

	for (i = 1; i < n; i++)
		most = a[i] > most ? a[i] : most;
	for (i = 0; i < n; i++) {
		a[i] = exp_float(a[i] - most);
		sum += a[i];
	}
	return (sum);
}

static void
attend_head(struct run *r, const float *q, const float *keys,
    const float *values, float *out)
{
	const struct model *m = r->model;
	int stride = m->kv_heads * m->head_dim, t, i;
	float scale = 1 / sqrtf((float)m->head_dim), a;

	for (t = 0; t <= r->at; t++)
		r->attention[t] = scale * dot_floats(q, keys +
		    (size_t)t * (size_t)stride, m->head_dim);
	a = 1 / exponents(r->attention, r->at + 1);
	memset(out, 0, (size_t)m->head_dim * sizeof *out);
	for (t = 0; t <= r->at; t++, values += stride)
		for (i = 0; i < m->head_dim; i++)
			out[i] += a * r->attention[t] * values[i];
}

static void
add(float *x, const float *y, int n)
{
	for (int i = 0; i < n; i++)
		x[i] += y[i];
}

static void
attend(struct run *r, int number)
{
	const struct model *m = r->model;
	const struct layer *y = &m->layer[number];
	size_t kv = (size_t)(m->kv_heads * m->head_dim);
	float *keys = r->keys + (size_t)number * (size_t)r->max * kv;
	float *values = r->values + (size_t)number * (size_t)r->max * kv;
	size_t at = (size_t)r->at * kv, head;

	normalise(r, &y->attn_norm);
	weights_times(r->qkv, &y->q, &r->in);
	weights_times(keys + at, &y->k, &r->in);
	weights_times(values + at, &y->v, &r->in);
	rotate(r, r->qkv, m->heads);
	rotate(r, keys + at, m->kv_heads);
	for (int h = 0; h < m->heads; h++) {
		head = (size_t)(h / (m->heads / m->kv_heads) * m->head_dim);
		attend_head(r, r->qkv + h * m->head_dim, keys + head,
		    values + head, r->mixed.f + h * m->head_dim);
	}
	vector_pack(&r->mixed);
	weights_times(r->qkv, &y->out, &r->mixed);
	add(r->x, r->qkv, m->dim);
}

static void
feed(struct run *r, int number)
{
	const struct model *m = r->model;
	const struct layer *y = &m->layer[number];
	float g;

	normalise(r, &y->ffn_norm);
	weights_times(r->hidden.f, &y->gate, &r->in);
	weights_times(r->up, &y->up, &r->in);
	for (int i = 0; i < m->ffn; i++) {
		g = r->hidden.f[i];
		r->hidden.f[i] = g / (1 + exp_float(-g)) * r->up[i];
	}
	vector_pack(&r->hidden);
	weights_times(r->qkv, &y->down, &r->hidden);
	add(r->x, r->qkv, m->dim);
}

float *
run_token(struct run *r, int token)
{
	const struct model *m = r->model;
	double angle;

	if (r->at >= r->max)
		return (NULL);
	for (int i = 0; i < m->rope_dim; i += 2) {
		angle = (double)r->inverse[i / 2] * r->at;
		r->rope[i] = (float)cos(angle);
		r->rope[i + 1] = (float)sin(angle);
	}
	weights_row(r->x, &m->embed, token);
	for (int i = 0; i < m->layers; i++) {
		attend(r, i);
		feed(r, i);
	}
	r->at++;
	normalise(r, &m->norm);
	weights_times(r->scores, m->output.data != NULL ? &m->output :
	    &m->embed, &r->in);
	return (r->scores);
}
