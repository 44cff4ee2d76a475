/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * llm_fuzz ROUNDS MODEL [TOKENIZER]: reads mutations of the files, and two
 * tokens where a model still opens; built with the sanitizers. The same ROUNDS
 * give the same mutations. A child for each hundred: what a model that does not
 * open has allocated is lost.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "model.h"

#define AT_ONCE 100
#define FINE 100		/* sanitizers exit with less */

struct bytes { uint8_t *data; size_t len; };

static uint64_t seed;

static uint64_t
dice(uint64_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return ((seed >> 24) % below);
}

static struct bytes
slurp(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct bytes b = { malloc(1 << 24), 0 };

	if (f == NULL || b.data == NULL) {
		perror(path);
		exit(2);
	}
	b.len = fread(b.data, 1, 1 << 24, f);
	(void)fclose(f);
	return (b);
}

/* A copy of its own size, so that one byte too far is seen. */
static struct bytes
mutant(struct bytes from)
{
	static const uint64_t edges[] = { 0, 1, 2, 7, 255, 256, 65535, 65536,
	    INT32_MAX, 1u << 31, UINT32_MAX, (uint64_t)1 << 32, INT64_MAX,
	    (uint64_t)1 << 63, UINT64_MAX };
	struct bytes to = { NULL, from.len };
	uint64_t n = 1 + dice(6), at, size, value;

	if (dice(4) == 0)
		to.len = dice(from.len);
	to.data = malloc(to.len + (to.len == 0));
	memcpy(to.data, from.data, to.len);
	while (n-- > 0 && to.len > 16) {
		at = dice(dice(3) == 0 ? to.len - 8 : to.len > 2000 ? 2000 :
		    to.len - 8);
		size = dice(3) == 0 ? 1 : dice(2) == 0 ? 4 : 8;
		value = dice(2) == 0 ? dice(UINT64_MAX) :
		    edges[dice(sizeof edges / sizeof *edges)];
		memcpy(to.data + at, &value, size);
	}
	return (to);
}

static bool
try(struct bytes model, struct bytes tokenizer)
{
	static const char text[] = "<s>the capital's 12345 \xc3\xa9\n  is";
	static struct model m;
	struct sampler sampler = { 1, 0.9, 5, 1 };
	struct run run;
	int tokens[64], n = 0;
	float *scores, p;

	if (model_open(&m, model.data, model.len, tokenizer.data,
	    tokenizer.len) != 0 || run_open(&run, &m, 4) != 0)
		return (false);
	(void)tokens_of(&m.vocabulary, text, sizeof text - 1, true, tokens,
	    &n, 64);
	for (int i = 0; i < n; i++) {
		scores = run_token(&run, tokens[i]);
		if (scores == NULL)
			break;
		(void)sample(&sampler, scores, m.vocabulary.count, &p);
	}
	return (true);
}

static int
some(struct bytes model, struct bytes tokenizer, int from, int rounds)
{
	struct bytes a, b = { NULL, 0 };
	int opened = 0;

	for (int i = from; i < from + AT_ONCE && i < rounds; i++) {
		seed = (uint64_t)i * 1000003;
		a = tokenizer.data == NULL || dice(2) == 0 ? mutant(model) :
		    model;
		if (tokenizer.data != NULL)
			b = dice(2) == 0 ? mutant(tokenizer) : tokenizer;
		opened += try(a, b);
	}
	return (opened);
}

int
main(int argc, char **argv)
{
	struct bytes model, tokenizer = { NULL, 0 };
	int rounds, status, opened = 0;

	if (argc < 3)
		return (2);
	rounds = (int)strtol(argv[1], NULL, 10);
	model = slurp(argv[2]);
	if (argc > 3)
		tokenizer = slurp(argv[3]);
	for (int i = 0; i < rounds; i += AT_ONCE) {
		if (fork() == 0)
			_exit(FINE + some(model, tokenizer, i, rounds));
		if (wait(&status) < 0 || !WIFEXITED(status) ||
		    WEXITSTATUS(status) < FINE) {
			fprintf(stderr, "it ended within round %d to %d\n", i,
			    i + AT_ONCE - 1);
			return (1);
		}
		opened += WEXITSTATUS(status) - FINE;
	}
	free(model.data);
	free(tokenizer.data);
	printf("%d mutations, %d of them opened\n", rounds, opened);
	return (0);
}
