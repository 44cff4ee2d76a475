/* SPDX-License-Identifier: BSD-2-Clause */
#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "extract.h"

#define TERMS_MAX 64
#define WORD_MAX 40

/*--- words ----------------------------------------------------------------*/

static const char stop_words[] = " a about an and any are as at be been but by "
    "can could did do does for from had has have he her his how i if in is it "
    "its many me much my not of on or our she should so some tell than that "
    "the their them there these they this to under up us was we were what "
    "when where which who whom whose why will with would you your it's used ";

/* What no rule makes of each other. */
static const char *const irregular[][2] = {
	{ "built", "build" }, { "building", "build" }, { "paid", "pay" },
	{ "made", "make" }, { "sent", "send" }, { "kept", "keep" },
	{ "left", "leave" }, { "held", "hold" }, { "led", "lead" },
	{ "wrote", "write" }, { "written", "write" }, { "began", "begin" },
	{ "ran", "run" }, { "took", "take" }, { "taken", "take" },
	{ "gave", "give" }, { "given", "give" }, { "came", "come" },
	{ "went", "go" }, { "gone", "go" }, { "saw", "see" },
	{ "seen", "see" }, { "said", "say" }, { "told", "tell" },
	{ "found", "find" }, { "got", "get" }, { "grew", "grow" },
	{ "grown", "grow" }, { "knew", "know" }, { "known", "know" },
	{ "lost", "lose" }, { "met", "meet" }, { "read", "read" },
	{ "sold", "sell" }, { "spoke", "speak" }, { "spoken", "speak" },
	{ "stood", "stand" }, { "taught", "teach" }, { "thought", "think" },
	{ "won", "win" }, { "lit", "light" }, { "bought", "buy" },
	{ "brought", "bring" }, { "children", "child" }, { "men", "man" },
	{ "women", "woman" }, { "people", "person" }, { "feet", "foot" },
};

static bool
ends(const char *w, size_t n, const char *end)
{
	size_t e = strlen(end);

	return (n >= e + 3 && memcmp(w + n - e, end, e) == 0);
}

/* Cut a word down to its stem; the new length. */
static size_t
stem(char *w, size_t n)
{
	size_t i;

	for (i = 0; i < sizeof irregular / sizeof *irregular; i++)
		if (strcmp(w, irregular[i][0]) == 0)
			return (strlen(strcpy(w, irregular[i][1])));
	if (ends(w, n, "'s"))
		n -= 2;
	if (ends(w, n, "ies")) {
		n -= 2;
		w[n - 1] = 'y';
	} else if (ends(w, n, "es") || ends(w, n, "ed") || ends(w, n, "ly")) {
		n -= 2;
	} else if (ends(w, n, "ing")) {
		n -= 3;
	} else if (ends(w, n, "s") && w[n - 2] != 's') {
		n--;
	}
	if (n > 3 && w[n - 1] == w[n - 2] && w[n - 1] != 's')
		n--;
	if (n > 3 && w[n - 1] == 'e')
		n--;
	return (n);
}

static bool
in_word(char c)
{
	return (isalnum((unsigned char)c) || (c & 0x80) || c == '\'' ||
	    c == '-' || c == '_' || c == '/');
}

/* The next word, in lower case; false at the end. */
static bool
next_word(const char **at, const char *end, char word[WORD_MAX + 1])
{
	size_t n = 0;

	while (*at < end && !in_word(**at))
		(*at)++;
	if (*at == end)
		return (false);
	for (; *at < end && in_word(**at); (*at)++)
		if (n < WORD_MAX)
			word[n++] = (char)tolower((unsigned char)**at);
	word[n] = '\0';
	return (true);
}

static bool
listed(const char *list, const char *word)
{
	char name[WORD_MAX + 3] = " ";

	return (strstr(list, strcat(strcat(name, word), " ")) != NULL);
}

/*--- the kind of answer ---------------------------------------------------*/

static const char numbers[] = " one two three four five six seven eight nine "
    "ten eleven twelve twenty thirty forty fifty sixty hundred thousand "
    "million half none no all ";
static const char times[] = " january february march april may june july "
    "august september october november december monday tuesday wednesday "
    "thursday friday saturday sunday mondays sundays morning evening night "
    "noon day days week weeks month year years hour hours minutes after "
    "before until when during since winter summer spring autumn first ";
static const char places[] = " in at on near to under from into over behind "
    "above below between beside through around ";
static const char reasons[] = " because since for so that therefore to ";

static const struct kind {
	const char *first, *second;	/* the words that ask for it */
	const char *words;		/* what the answer then has */
	bool digits;
} kinds[] = {
	{ "how", "many", numbers, true }, { "how", "much", numbers, true },
	{ "how", "long", numbers, true }, { "how", "high", numbers, true },
	{ "how", "old", numbers, true }, { "how", "often", numbers, true },
	{ "how", "far", numbers, true }, { "how", "large", numbers, true },
	{ "when", NULL, times, true }, { "where", NULL, places, false },
	{ "why", NULL, reasons, false },
};

static const struct kind *
kind_of(const char *question, size_t len)
{
	char first[WORD_MAX + 1], second[WORD_MAX + 1] = "";
	const char *at = question, *end = question + len;

	if (!next_word(&at, end, first))
		return (NULL);
	(void)next_word(&at, end, second);
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(first, kinds[i].first) == 0 &&
		    (kinds[i].second == NULL ||
		    strcmp(second, kinds[i].second) == 0))
			return (&kinds[i]);
	return (NULL);
}

/*--- sentences ------------------------------------------------------------*/

struct terms {
	char word[TERMS_MAX][WORD_MAX + 1];
	double weight[TERMS_MAX];
	int count, in[TERMS_MAX];	/* in how many sentences */
};

/* The part of a text up to the end of a sentence or of a paragraph. */
static size_t
sentence_end(const char *t, size_t len)
{
	size_t i;

	for (i = 0; i + 1 < len; i++) {
		if (t[i] == '\n' && t[i + 1] == '\n')
			return (i + 1);
		if ((t[i] == '.' || t[i] == '!' || t[i] == '?') &&
		    isspace((unsigned char)t[i + 1]) &&
		    (i + 2 >= len || !islower((unsigned char)t[i + 2])))
			return (i + 1);
	}
	return (len);
}

static void
collect_terms(struct terms *terms, const char *question, size_t len)
{
	const char *at = question, *end = question + len;
	char word[WORD_MAX + 1];
	int i;

	while (terms->count < TERMS_MAX && next_word(&at, end, word)) {
		if (listed(stop_words, word))
			continue;
		word[stem(word, strlen(word))] = '\0';
		for (i = 0; i < terms->count &&
		    strcmp(terms->word[i], word) != 0; i++)
			;
		if (i == terms->count)
			strcpy(terms->word[terms->count++], word);
	}
}

struct seen {
	uint64_t terms;			/* bit: the term is in it */
	bool kind;			/* so is what the answer has to have */
};

static struct seen
look(const struct terms *terms, const struct kind *kind, const char *t,
    size_t len)
{
	const char *at = t, *end = t + len;
	struct seen s = { 0, kind == NULL };
	char word[WORD_MAX + 1];

	while (next_word(&at, end, word)) {
		if (!s.kind && ((kind->digits &&
		    strpbrk(word, "0123456789") != NULL) ||
		    listed(kind->words, word)))
			s.kind = true;
		word[stem(word, strlen(word))] = '\0';
		for (int i = 0; i < terms->count; i++)
			if (strcmp(terms->word[i], word) == 0)
				s.terms |= (uint64_t)1 << i;
	}
	return (s);
}

static double
weigh(const struct terms *terms, uint64_t which)
{
	double sum = 0;

	for (int i = 0; i < terms->count; i++)
		if (which >> i & 1)
			sum += terms->weight[i];
	return (sum);
}

/* Rare words tell more than those of every sentence. */
static void
set_weights(struct terms *terms, int sentences)
{
	for (int i = 0; i < terms->count; i++)
		terms->weight[i] = log(1 + (sentences + 1.0) /
		    (terms->in[i] + 0.5));
}

static void
count_terms(struct terms *terms, const char *text, size_t len)
{
	uint64_t seen;
	int sentences = 0;
	size_t n;

	for (; len != 0; text += n, len -= n, sentences++) {
		n = sentence_end(text, len);
		seen = look(terms, NULL, text, n).terms;
		for (int i = 0; i < terms->count; i++)
			terms->in[i] += seen >> i & 1;
	}
	set_weights(terms, sentences);
}

struct sentence
extract(const char *text, size_t len, const char *question,
    size_t question_len, double *match)
{
	struct terms *terms = calloc(1, sizeof *terms);
	const struct kind *kind = kind_of(question, question_len);
	struct sentence best = { text, 0 };
	struct seen seen = { 0, false };
	uint64_t before = 0;
	double all, score;
	size_t n;

	*match = 0;
	if (terms == NULL)
		return (best);
	collect_terms(terms, question, question_len);
	count_terms(terms, text, len);
	all = weigh(terms, UINT64_MAX);
	for (; len != 0 && all > 0; text += n, len -= n) {
		n = sentence_end(text, len);
		seen = look(terms, kind, text, n);
		if (seen.terms == 0)
			continue;
		score = (weigh(terms, seen.terms) + 0.5 * weigh(terms,
		    before & ~seen.terms)) / all * (seen.kind ? 1 : 0.7);
		if (score > *match) {
			*match = score;
			best = (struct sentence){ text, n };
		}
		before |= seen.terms;
	}
	free(terms);
	for (; best.len != 0 && isspace((unsigned char)*best.at); best.len--)
		best.at++;
	while (best.len != 0 && isspace((unsigned char)best.at[best.len - 1]))
		best.len--;
	return (best);
}

size_t
normal_question(const char *in, size_t len, char *out)
{
	static const char edges[] = "?!.,;:\"'()";
	const char *end = in + len, *from, *to;
	size_t n = 0;

	while (in < end) {
		while (in < end && isspace((unsigned char)*in))
			in++;
		from = in;
		while (in < end && !isspace((unsigned char)*in))
			in++;
		to = in;
		while (from < to && *from != '\0' && strchr(edges, *from))
			from++;
		while (from < to && to[-1] != '\0' && strchr(edges, to[-1]))
			to--;
		if (from < to && n != 0)
			out[n++] = ' ';
		for (; from < to; from++)
			out[n++] = (char)tolower((unsigned char)*from);
	}
	return (n);
}
