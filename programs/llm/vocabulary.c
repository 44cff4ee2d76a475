/* SPDX-License-Identifier: BSD-2-Clause */
/* Finding tokens by their text, and pairs of them, in hash tables. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

static uint32_t
hash_text(const char *text, size_t len)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (uint8_t)text[i]) * 16777619u;
	return (h ^ h >> 15);
}

static uint32_t
hash_pair(int left, int right)
{
	uint32_t h = (uint32_t)left * 2654435761u ^
	    (uint32_t)right * 2246822519u;

	return (h ^ h >> 15);
}

/* A power of two, at least twice n. */
static uint32_t
slots_for(size_t n)
{
	uint32_t slots = 16;

	while (slots < 2 * n)
		slots *= 2;
	return (slots);
}

int
token_of(const struct vocabulary *v, const char *text, size_t len)
{
	uint32_t at = hash_text(text, len);
	const struct piece *p;

	for (;; at++) {
		at &= v->text_slots - 1;
		if (v->by_text[at] == 0)
			return (-1);
		p = &v->pieces[v->by_text[at] - 1];
		if ((size_t)p->len == len && memcmp(p->text, text, len) == 0)
			return ((int)v->by_text[at] - 1);
	}
}

/*
 * The first token of a text wins; control tokens are found by tokens.c, and
 * tokens of bytes only stand in where there is none of the character.
 */
static void
index_text(struct vocabulary *v)
{
	const struct piece *p;
	uint32_t at;

	for (int i = 0; i < v->count; i++) {
		p = &v->pieces[i];
		if (p->control || (p->len == 1 && p->text >= v->bytes &&
		    p->text < v->bytes + sizeof v->bytes) ||
		    token_of(v, p->text, (size_t)p->len) >= 0)
			continue;
		at = hash_text(p->text, (size_t)p->len);
		for (at &= v->text_slots - 1; v->by_text[at] != 0;
		    at = (at + 1) & (v->text_slots - 1))
			;
		v->by_text[at] = (uint32_t)i + 1;
	}
}

static void
index_pairs(struct vocabulary *v, const struct pair_rank *pairs, size_t n)
{
	uint32_t at;

	for (uint32_t i = 0; i < v->pair_slots; i++)
		v->pairs[i].left = -1;
	for (size_t i = 0; i < n; i++) {
		at = hash_pair(pairs[i].left, pairs[i].right);
		for (at &= v->pair_slots - 1; v->pairs[at].left >= 0;
		    at = (at + 1) & (v->pair_slots - 1))
			;
		v->pairs[at] = pairs[i];
	}
}

void
vocabulary_note_byte(struct vocabulary *v, int token)
{
	struct piece *p = &v->pieces[token];
	char name[7] = "";
	unsigned byte;

	if (p->len != 6)
		return;
	memcpy(name, p->text, 6);
	if (sscanf(name, "<0x%2X>", &byte) != 1 || byte > 255)
		return;
	v->bytes[byte] = (char)byte;
	v->byte[byte] = token;
	p->text = &v->bytes[byte];
	p->len = 1;
}

int
vocabulary_index(struct vocabulary *v, struct pair_rank *pairs, size_t n)
{
	v->text_slots = slots_for((size_t)v->count);
	v->by_text = calloc(v->text_slots, sizeof *v->by_text);
	if (v->by_text == NULL)
		return (-1);
	index_text(v);
	if (!v->bpe)
		return (0);
	v->pair_slots = slots_for(n);
	v->pairs = calloc(v->pair_slots, sizeof *v->pairs);
	if (v->pairs == NULL)
		return (-1);
	index_pairs(v, pairs, n);
	for (int b = 0; b < 256; b++)
		v->byte[b] = token_of(v, (const char[]){ (char)b }, 1);
	return (0);
}

static bool
join_by_rank(const struct vocabulary *v, int left, int right, float *score)
{
	const struct pair_rank *p;
	uint32_t at = hash_pair(left, right);

	for (;; at++) {
		p = &v->pairs[at & (v->pair_slots - 1)];
		if (p->left < 0)
			return (false);
		if (p->left == left && p->right == right)
			break;
	}
	*score = -(float)p->rank;
	return (true);
}

bool
token_join(const struct vocabulary *v, int left, int right, float *score,
    int *joined)
{
	const struct piece *a = &v->pieces[left], *b = &v->pieces[right];
	char text[256];

	if (a->control || b->control || a->len + b->len > (int)sizeof text ||
	    (v->bpe && !join_by_rank(v, left, right, score)))
		return (false);
	memcpy(text, a->text, (size_t)a->len);
	memcpy(text + a->len, b->text, (size_t)b->len);
	*joined = token_of(v, text, (size_t)(a->len + b->len));
	if (*joined >= 0 && !v->bpe)
		*score = v->pieces[*joined].score;
	return (*joined >= 0);
}
