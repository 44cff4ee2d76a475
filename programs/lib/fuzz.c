/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NAME_fuzz ROUNDS OPTIONS FILE...: a program of the library over mutations of
 * each file, as text is broken: in place of shell.c, built with the sanitizers.
 * The same ROUNDS give the same mutations; the one under way is in
 * NAME_fuzz.last when it crashes or takes 20 seconds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib_priv.h"

#define FILE_MAX (1u << 16)
#define MUTANT_MAX (8 * FILE_MAX)

/* What a request leaves behind is what a machine's reset is for. */
const char *__asan_default_options(void);
const char *
__asan_default_options(void)
{
	return ("detect_leaks=0");
}

static uint64_t seed;
static unsigned char sum;

static unsigned
dice(unsigned below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return ((unsigned)(seed >> 33) % below);
}

/* One change of the *len (> 0) bytes, which may become more or fewer. */
static void
change(char *data, size_t *len)
{
	static const char special[] = "\"'`<>[]{}()|\\/:;,.=#*_~!&%$@+- \t\r\n"
	    "0189eExu\x7f\x80\xc3\xed\xff";
	unsigned at = dice((unsigned)*len), n, times;

	switch (dice(6)) {
	case 0:
		data[at] = (char)dice(256);
		break;
	case 1:
		data[at] = special[dice(sizeof special)];
		break;
	case 2:				/* a byte from elsewhere */
		data[at] = data[dice((unsigned)*len)];
		break;
	case 3:				/* a part is cut out */
		n = 1 + dice((unsigned)(*len - at) > 40 ? 40 :
		    (unsigned)(*len - at));
		memmove(data + at, data + at + n, *len - at - n);
		*len -= n;
		break;
	default:			/* a part comes again and again */
		n = 1 + dice((unsigned)(*len - at) > 12 ? 12 :
		    (unsigned)(*len - at));
		times = dice(4) == 0 ? 1 + dice(1000) : 1;
		while (times-- > 0 && *len + n <= MUTANT_MAX) {
			memmove(data + at + n, data + at, *len - at);
			*len += n;
		}
		break;
	}
}

static void
keep(const struct job_program *program, const char *data, size_t len)
{
	char name[64];
	FILE *f;

	(void)snprintf(name, sizeof name, "%s_fuzz.last", program->name);
	if (len == 0) {
		(void)unlink(name);
		return;
	}
	f = fopen(name, "wb");
	if (f != NULL) {
		(void)fwrite(data, 1, len, f);
		(void)fclose(f);
	}
}

/* So that ASan sees all of an answer. */
static void
read_all(const void *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum ^= ((const unsigned char *)data)[i];
}

static bool
once(const struct job_program *program, const char *options,
    const char *data, size_t len)
{
	/* Exactly as long as the input, so that ASan sees what reads on. */
	char *in = malloc(len);
	struct job job = {.in = in, .in_len = len, .in_type = "", .url = ""};
	int r;

	memcpy(in, data, len);
	(void)alarm(20);
	r = job_run(program, &job, options);
	(void)alarm(0);
	if (r != 0 && (job.status < 400 || job.why[0] == '\0'))
		abort();
	if (r == 0)
		read_all(job.out, job.out_len);
	if (program->again != NULL)
		program->again();
	free(in);
	return (r == 0);
}

static void
fuzz(const struct job_program *program, const char *options, const char *name,
    unsigned rounds)
{
	static char good[FILE_MAX], bad[MUTANT_MAX];
	FILE *f = fopen(name, "rb");
	size_t good_len = f == NULL ? 0 : fread(good, 1, sizeof good, f), len;
	unsigned taken = 0;

	if (good_len == 0) {
		perror(name);
		exit(2);
	}
	(void)fclose(f);
	for (unsigned i = 0; i < rounds; i++) {
		memcpy(bad, good, good_len);
		len = good_len;
		seed = i + 1;
		for (unsigned n = 1 + dice(8); n > 0 && len > 0; n--)
			change(bad, &len);
		if (dice(8) == 0 && len > 0)
			len = dice((unsigned)len);
		if (len == 0)
			continue;
		keep(program, bad, len);
		taken += once(program, options, bad, len);
	}
	printf("%s: %u mutations, %u of them taken (%02x)\n", name, rounds,
	    taken, sum);
}

int
shell_main(const struct job_program *program, int argc, char **argv)
{
	for (int i = 3; i < argc; i++)
		fuzz(program, argv[2], argv[i],
		    (unsigned)strtoul(argv[1], NULL, 10));
	keep(program, "", 0);
	return (argc < 4 ? 2 : 0);
}

int
shell_fetch(struct job *job, const char *url, const void **data, size_t *len,
    const char **type)
{
	(void)data;
	(void)len;
	(void)type;
	return (job_fail(job, 404, "%.200s: not while fuzzing", url));
}

int
shell_stream(struct job *job, const char *type, size_t len,
    struct job_piece (*next)(void *arg, size_t max), void *arg)
{
	struct job_piece piece;

	(void)len;
	while ((piece = next(arg, SIZE_MAX)).len != 0)
		read_all(piece.data, piece.len);
	return (job_answer(job, type, "", 0));
}
