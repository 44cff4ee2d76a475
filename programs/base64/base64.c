/* SPDX-License-Identifier: BSD-2-Clause */
/* base64: RFC 4648, both alphabets, both ways. */
#include <stdlib.h>
#include <string.h>

#include "job.h"

struct options {
	bool decode, url_safe;
};

static const struct job_option options[] = {
	JOB_BOOL(struct options, decode, false, "decode in place of encode"),
	JOB_BOOL(struct options, url_safe, false,
	    "write - and _ in place of + and /, and no padding"),
	JOB_END
};

static const char standard[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_safe[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/* Value of a character; 64: a space, 65: the padding, 255: none. */
static unsigned char values[256];

static int
prepare(void)
{
	unsigned i;

	memset(values, 255, sizeof values);
	for (i = 0; i < 64; i++) {
		values[(unsigned char)standard[i]] = (unsigned char)i;
		values[(unsigned char)url_safe[i]] = (unsigned char)i;
	}
	values[' '] = values['\t'] = values['\r'] = values['\n'] = 64;
	values['='] = 65;
	return (0);
}

static int
encode(struct job *job, bool safe)
{
	const char *alphabet = safe ? url_safe : standard;
	const unsigned char *in = job->in;
	size_t left = job->in_len;
	char *out, *to;

	out = to = malloc(left / 3 * 4 + 5);
	if (out == NULL)
		return (job_fail(job, 413, "not enough memory"));
	for (; left >= 3; in += 3, left -= 3) {
		*to++ = alphabet[in[0] >> 2];
		*to++ = alphabet[(in[0] & 3) << 4 | in[1] >> 4];
		*to++ = alphabet[(in[1] & 15) << 2 | in[2] >> 6];
		*to++ = alphabet[in[2] & 63];
	}
	if (left != 0) {
		unsigned second = left == 2 ? in[1] : 0;

		*to++ = alphabet[in[0] >> 2];
		*to++ = alphabet[(in[0] & 3) << 4 | second >> 4];
		if (left == 2)
			*to++ = alphabet[(second & 15) << 2];
		else if (!safe)
			*to++ = '=';
		if (!safe)
			*to++ = '=';
	}
	return (job_answer(job, "text/plain", out, (size_t)(to - out)));
}

static int
decode(struct job *job)
{
	const unsigned char *in = job->in;
	unsigned bits = 0, have = 0, count = 0, padding = 0, v;
	unsigned char *out, *to;
	size_t i;

	out = to = malloc(job->in_len / 4 * 3 + 4);
	if (out == NULL)
		return (job_fail(job, 413, "not enough memory"));
	for (i = 0; i < job->in_len; i++) {
		v = values[in[i]];
		if (v == 64)
			continue;
		if (v == 65 && ++padding <= 2)
			continue;
		if (v > 64 || padding != 0)
			return (job_fail(job, 422,
			    "byte %zu is not base64", i));
		bits = bits << 6 | v;
		have += 6;
		count++;
		if (have >= 8) {
			have -= 8;
			*to++ = (unsigned char)(bits >> have);
			bits &= (1u << have) - 1;
		}
	}
	if (count % 4 == 1 || bits != 0 ||
	    (padding != 0 && (count + padding) % 4 != 0))
		return (job_fail(job, 422, "the last group is incomplete"));
	return (job_answer(job, "application/octet-stream", out,
	    (size_t)(to - out)));
}

static int
run(struct job *job, const void *chosen)
{
	const struct options *o = chosen;

	return (o->decode ? decode(job) : encode(job, o->url_safe));
}

static const struct job_program program = {
	.name = "base64",
	.summary = "Encodes bytes as base64, or decodes them (RFC 4648).",
	.options = options,
	.options_size = sizeof(struct options),
	.run = run,
	.url = JOB_URL_IS_INPUT,
	.prepare = prepare,
};

int
main(int argc, char **argv)
{
	return (job_main(&program, argc, argv));
}
