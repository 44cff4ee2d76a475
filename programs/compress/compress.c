/* SPDX-License-Identifier: BSD-2-Clause */
/* compress: bytes to fewer bytes, and back. */
#include <stdlib.h>
#include <string.h>

#include "codec.h"

struct options {
	int64_t level, max_output;
	int algorithm;
	bool decompress, encoding;
	const char *dictionary;
};

#define LEVEL_DEFAULT (-1)
#define AUTO ((int)codecs_n)

static const struct job_option options[] = {
	JOB_CHOICE(struct options, algorithm, 0,
	    "zstd|br|gzip|deflate|zlib|lz4|xz|bzip2|auto",
	    "auto: to decompress, by its first bytes; to compress, by "
	    "Accept-Encoding"),
	JOB_INT(struct options, level, LEVEL_DEFAULT, LEVEL_DEFAULT, 19,
	    "-1 is the default of the algorithm; more is smaller and slower"),
	JOB_BOOL(struct options, decompress, false,
	    "decompress in place of compress"),
	JOB_INT(struct options, max_output, 256 << 20, 1, (int64_t)1 << 30,
	    "bytes that may come out of decompressing"),
	JOB_BOOL(struct options, encoding, false,
	    "keep the content type and say Content-Encoding"),
	JOB_STR(struct options, dictionary, NULL, 1024,
	    "zstd: where its dictionary is, a path or URL"),
	JOB_END
};

static const struct codec *
by_first_bytes(const struct job *job)
{
	for (unsigned i = 0; i < codecs_n; i++)
		if (codecs[i].is != NULL && codecs[i].is(job->in, job->in_len))
			return (&codecs[i]);
	return (NULL);
}

/* The first of ours that the client takes: best first. */
static const struct codec *
by_accept_encoding(void)
{
	static const unsigned order[] = {0, 1, 2};	/* zstd, br, gzip */
	char *accept = job_header("Accept-Encoding"), *at, *q;
	size_t n;

	job_set_header("Vary: Accept-Encoding");
	for (unsigned i = 0; i < 3 && accept != NULL; i++) {
		const struct codec *c = &codecs[order[i]];

		at = strcasestr(accept, c->encoding);
		if (at == NULL)
			continue;
		at += strlen(c->encoding);
		n = strcspn(at, ",");
		q = memmem(at, n, "q=", 2);
		if (q == NULL || strtod(q + 2, NULL) > 0)
			return (c);
	}
	return (NULL);
}

static int
answer(struct job *job, const struct options *o, const struct codec *c,
    const struct buffer *b)
{
	char line[64];

	if (!o->encoding || o->decompress || c->encoding == NULL)
		return (job_answer(job, "application/octet-stream", b->data,
		    b->len));
	(void)strcpy(line, "Content-Encoding: ");
	(void)strncat(line, c->encoding, 20);
	job_set_header(line);
	return (job_answer(job, *job->in_type != '\0' ? job->in_type : NULL,
	    b->data, b->len));
}

static int
squeeze(struct job *job, const struct options *o, const struct codec *c,
    const struct dictionary *d, struct buffer *b)
{
	int level = o->level == LEVEL_DEFAULT ? c->level : (int)o->level;

	if (level < c->min_level || level > c->max_level)
		return (job_fail(job, 400, "option \"level\" of %s is between "
		    "%d and %d", c->name, c->min_level, c->max_level));
	b->max = SIZE_MAX - 1;
	return (c->compress(job, b, level, d));
}

static struct buffer result;

static int
run(struct job *job, const void *chosen)
{
	const struct options *o = chosen;
	const struct codec *c = o->algorithm == AUTO ? NULL :
	    &codecs[o->algorithm];
	struct dictionary d = {NULL, 0};
	const char *type;

	result = (struct buffer){.max = (size_t)o->max_output};
	if (c == NULL)
		c = o->decompress ? by_first_bytes(job) : by_accept_encoding();
	if (c == NULL && !o->decompress)
		return (job_answer(job, job->in_type, job->in, job->in_len));
	if (c == NULL)
		return (job_fail(job, 415, "the input is of no known kind"));
	if (o->dictionary != NULL && job_fetch(job, o->dictionary, &d.data,
	    &d.len, &type) != 0)
		return (-1);
	if (!o->decompress) {
		if (squeeze(job, o, c, &d, &result) != 0)
			return (-1);
	} else if (c->decompress(job, &result, &d) != 0) {
		return (-1);
	}
	if (result.full || (o->decompress &&
	    result.len > (size_t)o->max_output))
		return (job_fail(job, 413, "more than max_output, %ju bytes, "
		    "would come out", (uintmax_t)o->max_output));
	return (answer(job, o, c, &result));
}

static void
again(void)
{
	free(result.data);
	result.data = NULL;
}

static const struct job_program program = {
	.name = "compress",
	.summary = "Compresses and decompresses: zstd, Brotli, gzip, Deflate, "
	    "zlib, LZ4, xz, bzip2.",
	.options = options,
	.options_size = sizeof(struct options),
	.run = run,
	.bare = "level",
	.again = again,
};

int
main(int argc, char **argv)
{
	return (job_main(&program, argc, argv));
}
