/* SPDX-License-Identifier: BSD-2-Clause */
/* base64: RFC 4648, both alphabets, both ways. */
#include <stdlib.h>

#include "base64.h"
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

static char *out;

static void
again(void)
{
	free(out);
	out = NULL;
}

static int
encode(struct job *job, bool url_safe)
{
	out = malloc(BASE64_ENCODED(job->in_len));
	if (out == NULL)
		return (job_fail(job, 413, "not enough memory"));
	return (job_answer(job, "text/plain", out, base64_encode(job->in,
	    job->in_len, url_safe, out)));
}

static int
decode(struct job *job)
{
	size_t len, wrong;

	out = malloc(BASE64_DECODED(job->in_len));
	if (out == NULL)
		return (job_fail(job, 413, "not enough memory"));
	if (base64_decode(job->in, job->in_len, out, &len, &wrong))
		return (job_answer(job, "application/octet-stream", out, len));
	if (wrong < job->in_len)
		return (job_fail(job, 422, "byte %zu is not base64", wrong));
	return (job_fail(job, 422, "the last group is incomplete"));
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
	.again = again,
};

int
main(int argc, char **argv)
{
	return (job_main(&program, argc, argv));
}
