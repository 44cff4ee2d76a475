/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text to tokens, as SentencePiece does it (join the pair whose token scores
 * best) and as byte-pair encoding does (join the pair that ranks first, inside
 * of words).
 */
#include <stdlib.h>
#include <string.h>

#include "model.h"

struct symbol {
	int token;
	/* With the next symbol: */
	float score;
	int joined;			/* -1: they cannot be joined */
};

struct output { int *out, *n, max; };

static int
put(struct output *o, int token)
{
	if (*o->n >= o->max)
		return (-1);
	o->out[(*o->n)++] = token;
	return (0);
}

static void
look(const struct vocabulary *v, struct symbol *s, int i, int n)
{
	s[i].joined = -1;
	if (i >= 0 && i + 1 < n && !token_join(v, s[i].token, s[i + 1].token,
	    &s[i].score, &s[i].joined))
		s[i].joined = -1;
}

/* Join until nothing can be joined; the number of symbols left. */
static int
join_all(const struct vocabulary *v, struct symbol *s, int n)
{
	int i, best;

	for (i = 0; i < n; i++)
		look(v, s, i, n);
	for (;;) {
		best = -1;
		for (i = 0; i + 1 < n; i++)
			if (s[i].joined >= 0 &&
			    (best < 0 || s[i].score > s[best].score))
				best = i;
		if (best < 0)
			return (n);
		s[best].token = s[best].joined;
		n--;
		memmove(s + best + 1, s + best + 2,
		    (size_t)(n - best - 1) * sizeof *s);
		look(v, s, best, n);
		if (best > 0)
			look(v, s, best - 1, n);
	}
}

static int
bytes_of_char(unsigned char c)
{
	return (c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4);
}

/* One symbol per character, or per byte where there is no such token. */
static int
start_symbols(const struct vocabulary *v, const char *text, size_t len,
    struct symbol *s)
{
	int n = 0, token;
	size_t i, c;

	for (i = 0; i < len; i += c) {
		c = (size_t)bytes_of_char((unsigned char)text[i]);
		c = c > len - i ? len - i : c;
		token = v->bpe ? -1 : token_of(v, text + i, c);
		if (token >= 0) {
			s[n++].token = token;
			continue;
		}
		for (size_t j = 0; j < c; j++) {
			token = v->byte[(unsigned char)text[i + j]];
			token = token >= 0 ? token : v->unknown;
			if (token >= 0)
				s[n++].token = token;
		}
	}
	return (n);
}

static int
encode(const struct vocabulary *v, const char *text, size_t len,
    struct output *o)
{
	struct symbol *s = malloc((len + 1) * sizeof *s);
	int n, r = 0;

	if (s == NULL)
		return (-1);
	n = join_all(v, s, start_symbols(v, text, len, s));
	for (int i = 0; i < n && r == 0; i++)
		r = put(o, s[i].token);
	free(s);
	return (r);
}

/*--- the words of byte-pair encoding --------------------------------------*/

enum kind { LETTER, DIGIT, BLANK, LINE, OTHER };

static enum kind
kind_of(char c)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c < 0)
		return (LETTER);
	if (c >= '0' && c <= '9')
		return (DIGIT);
	if (c == '\n' || c == '\r')
		return (LINE);
	return (c == ' ' || c == '\t' ? BLANK : OTHER);
}

static size_t
span(const char *t, size_t at, size_t len, enum kind kind, size_t most)
{
	size_t n = 0;

	while (n < most && at + n < len && kind_of(t[at + n]) == kind)
		n++;
	return (n);
}

/* 's, 'll and their like. */
static size_t
contraction(const char *t, size_t len)
{
	static const char *const ends[] = { "s", "t", "re", "ve", "m", "ll",
	    "d" };
	size_t n;

	for (size_t i = 0; t[0] == '\'' && i < sizeof ends / sizeof *ends;
	    i++) {
		n = strlen(ends[i]);
		if (len > n && memcmp(t + 1, ends[i], n) == 0)
			return (1 + n);
	}
	return (0);
}

/*
 * Bytes of the word that begins at t: a run of one kind, with the blank before
 * it. Bytes above 127 count as letters.
 */
static size_t
word(const struct vocabulary *v, const char *t, size_t len)
{
	size_t n = contraction(t, len), lead;
	enum kind kind;

	if (n != 0)
		return (n);
	n = span(t, 0, len, BLANK, len) + span(t, 0, len, LINE, len);
	while (n > 0 && n < len && (kind_of(t[n]) == LINE ||
	    kind_of(t[n]) == BLANK))
		n++;
	/* The last blank of many belongs to the word behind. */
	if (n > 1 && n < len && t[n - 1] == ' ')
		return (n - 1);
	if (n > 1 || (n == 1 && (n == len || t[0] != ' ')))
		return (n);
	lead = n;
	kind = kind_of(t[lead]);
	if (v->digits_by_three && kind == DIGIT)
		return (lead != 0 ? lead : span(t, 0, len, DIGIT, 3));
	if (v->digits_by_three && kind == OTHER && lead == 0 && len > 1 &&
	    kind_of(t[1]) == LETTER)
		return (1 + span(t, 1, len, LETTER, len));
	return (lead + span(t, lead, len, kind, len));
}

/*--- the whole ------------------------------------------------------------*/

static int
plain_text(const struct vocabulary *v, const char *text, size_t len,
    struct output *o)
{
	size_t n;

	for (; v->bpe && len != 0; text += n, len -= n) {
		n = word(v, text, len);
		if (encode(v, text, n, o) != 0)
			return (-1);
	}
	return (len != 0 ? encode(v, text, len, o) : 0);
}

/* The longest control token that text begins with, or -1. */
static int
control_at(const struct vocabulary *v, const char *text, size_t len)
{
	int best = -1;

	for (int i = 0; i < v->count; i++)
		if (v->pieces[i].control && v->pieces[i].len > 0 &&
		    (size_t)v->pieces[i].len <= len &&
		    memcmp(v->pieces[i].text, text,
		    (size_t)v->pieces[i].len) == 0 && (best < 0 ||
		    v->pieces[i].len > v->pieces[best].len))
			best = i;
	return (best);
}

int
tokens_of(const struct vocabulary *v, const char *text, size_t len,
    bool markup, int *out, int *n, int max)
{
	struct output o = { out, n, max };
	size_t from = 0, at;
	int token;

	for (at = 0; markup && at < len; ) {
		token = text[at] == '<' || text[at] == '[' ?
		    control_at(v, text + at, len - at) : -1;
		if (token < 0) {
			at++;
			continue;
		}
		if (plain_text(v, text + from, at - from, &o) != 0 ||
		    put(&o, token) != 0)
			return (-1);
		at += (size_t)v->pieces[token].len;
		from = at;
	}
	return (plain_text(v, text + from, len - from, &o));
}
