/* SPDX-License-Identifier: BSD-2-Clause */
/* The sentence of a text that answers a question best. */
#ifndef ANSWER_EXTRACT_H
#define ANSWER_EXTRACT_H

#include <stddef.h>

struct sentence {
	const char *at;
	size_t len;
};

/*
 * The best sentence, and in *match, 0 to 1, how much of the question it
 * covers: the share of its words, rare ones weighing more, that are in the
 * sentence, and half of those that are only in sentences before it; less if
 * the kind of answer (a number, a time, a place, a reason) is not in it. Length
 * 0 when nothing matches or memory is short.
 */
struct sentence extract(const char *text, size_t len, const char *question,
    size_t question_len, double *match);

/* Lower case, words alone, one blank between: as train/corpus.py, normal(). */
size_t normal_question(const char *in, size_t len, char *out);

#endif
