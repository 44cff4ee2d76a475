/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench.h: samples, medians, rows. A row on standard output is "group TAB what
 * TAB median TAB unit"; tools/bench makes the table of all of them.
 */
#ifndef BENCH_H
#define BENCH_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tinykvm/clock.h"

#define SAMPLES_MAX 20000
struct samples {
	unsigned n;
	uint64_t value[SAMPLES_MAX];
};

static inline void
sample(struct samples *s, uint64_t value)
{
	if (s->n < SAMPLES_MAX)
		s->value[s->n++] = value;
}

static inline int
sample_compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return ((*x > *y) - (*x < *y));
}

static inline double
median(struct samples *s)
{
	if (s->n == 0)
		return (0);
	qsort(s->value, s->n, sizeof s->value[0], sample_compare);
	return ((double)s->value[s->n / 2]);
}

static inline void
row(const char *group, const char *what, double value, const char *unit)
{
	printf("%s\t%s\t%.1f\t%s\n", group, what, value, unit);
	fflush(stdout);
}

/* The median of *s, which is empty afterwards, each sample worth n things. */
static inline void
row_of(const char *group, const char *what, struct samples *s, double n)
{
	row(group, what, median(s) / n, "ns");
	s->n = 0;
}

static inline void
die(const char *text)
{
	fprintf(stderr, "bench: %s\n", text);
	exit(1);
}

#endif
