/* SPDX-License-Identifier: BSD-2-Clause */
/* Choosing the next token from the scores. */
#include <math.h>
#include <stdlib.h>

#include "model.h"

/* splitmix64: 0 to 1, without 1. */
static double
uniform(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	z ^= z >> 31;
	return ((double)(z >> 11) * 0x1p-53);
}

struct candidate { float p, score; int token; };

static int
more_likely(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->p != y->p)
		return (x->p < y->p ? 1 : -1);
	return (x->token < y->token ? -1 : x->token > y->token);
}

static int
most_likely(const float *scores, int n)
{
	int best = 0;

	for (int i = 1; i < n; i++)
		if (scores[i] > scores[best])
			best = i;
	return (best);
}

/* Of those sorted and left by top_k and top_p, one by chance. */
static const struct candidate *
choose(struct sampler *s, const struct candidate *c, int n, double sum)
{
	double part = 0, mark;
	int kept = 0;

	if (s->top_k > 0 && s->top_k < n)
		n = s->top_k;
	while (kept < n && (kept == 0 || part < s->top_p * sum))
		part += c[kept++].p;
	mark = uniform(&s->state) * part;
	for (int i = 0; i < kept; i++) {
		mark -= c[i].p;
		if (mark < 0)
			return (&c[i]);
	}
	return (c);
}

/* The candidates whose chance is not nil; how many. */
static int
candidates(const struct sampler *s, const float *scores, int n, float most,
    struct candidate *c, double *sum)
{
	int found = 0;
	float p;

	for (int i = 0; i < n; i++) {
		p = exp_float((float)((scores[i] - most) / s->temperature));
		*sum += p;
		if (p > 1e-7f)
			c[found++] = (struct candidate){ p, scores[i], i };
	}
	return (found);
}

int
sample(struct sampler *s, const float *scores, int n, float *p)
{
	int token = most_likely(scores, n), found;
	float most = scores[token], score = most;
	const struct candidate *chosen;
	struct candidate *c = NULL;
	double sum = 0;

	if (s->temperature > 0)
		c = malloc((size_t)n * sizeof *c);
	if (c != NULL) {
		found = candidates(s, scores, n, most, c, &sum);
		qsort(c, (size_t)found, sizeof *c, more_likely);
		chosen = choose(s, c, found, sum);
		if (found != 0) {
			token = chosen->token;
			score = chosen->score;
		}
		free(c);
	}
	sum = 0;
	for (int i = 0; i < n; i++)
		sum += exp_float(scores[i] - most);
	*p = sum > 0 ? (float)(exp_float(score - most) / sum) : 0;
	return (token);
}

int
reply_read(struct reply *r, const int *tokens, int n)
{
	for (int i = 0; i < n; i++) {
		r->scores = run_token(r->run, tokens[i]);
		if (r->scores == NULL)
			return (-1);
	}
	return (0);
}

int
reply_next(struct reply *r)
{
	const struct vocabulary *v = &r->run->model->vocabulary;
	int token;
	float p;

	if (r->scores == NULL)
		return (-1);
	token = sample(&r->sampler, r->scores, v->count, &p);
	r->log_p += log(p > 1e-30f ? p : 1e-30);
	r->tokens++;
	if (token == v->eos || token == v->eot)
		return (-1);
	r->scores = run_token(r->run, token);
	return (token);
}

double
reply_confidence(const struct reply *r)
{
	return (r->tokens != 0 ? exp(r->log_p / r->tokens) : 0);
}
