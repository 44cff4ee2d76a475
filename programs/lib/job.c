/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kvm_api.h"
#include "lib_priv.h"
#include "options.h"

/* The options as the program's own arguments set them. */
static void *start_options;
static bool start_original;
/* The request under way; what on_error has to go by. */
static struct job the_job;
static bool the_original;
static struct {
	void *options;
	char *gathered;			/* of a body in pieces */
	size_t size;
	bool whole;			/* the pieces are parts of one body */
	bool begun, failed;
} under_way;

int
job_fail(struct job *job, int status, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(job->why, sizeof job->why, format, ap);
	va_end(ap);
	job->status = status;
	return (-1);
}

int
job_answer(struct job *job, const char *type, const void *out, size_t len)
{
	job->status = 200;
	job->type = type;
	job->out = out;
	job->out_len = len;
	return (0);
}

bool
job_wants_schema(const char *url)
{
	const char *query = strchr(url, '?');

	return (query != NULL && strcmp(query, "?schema") == 0);
}

static int
fill_input(const struct job_program *program, struct job *job)
{
	if (job->in != NULL)
		return (0);
	job->in = "";
	if (program->url == JOB_URL_IS_INPUT) {
		job->in = job->url;
		job->in_len = strlen(job->url);
		job->in_type = "text/plain";
		return (0);
	}
	if (program->url == JOB_URL_NOTHING)
		return (0);
	if (*job->url == '\0')
		return (job_fail(job, 400, "%s needs its input: POST it, chain "
		    "it, or name a URL as the first argument", program->name));
	return (job_fetch(job, job->url, &job->in, &job->in_len,
	    &job->in_type));
}

/* Its first failure is kept: what comes behind it is of no use. */
int
job_begin(const struct job_program *program, struct job *job, const char *arg)
{
	job->status = 200;
	job->in = "";
	job->in_len = 0;
	the_original = start_original;
	/* Not earlier: an answer may be a part of it. */
	free(under_way.gathered);
	memset(&under_way, 0, sizeof under_way);
	under_way.options = malloc(program->options_size + 1);
	if (under_way.options == NULL)
		return (job_fail(job, 500, "not enough memory"));
	memcpy(under_way.options, start_options, program->options_size);
	under_way.begun = true;
	under_way.failed = options_apply(program, job, under_way.options, arg,
	    &the_original) != 0;
	return (under_way.failed ? -1 : 0);
}

/* Bytes behind those of job->in. */
static int
gather(struct job *job, const void *data, size_t len)
{
	size_t size = under_way.size;
	char *grown;

	if (under_way.whole) {
		job->in = job->in_len == 0 ? data : job->in;
		job->in_len += len;
		return (0);
	}
	while (size < job->in_len + len)
		size = size == 0 ? 4 * JOB_PIECE : size * 2;
	grown = size == under_way.size ? under_way.gathered :
	    realloc(under_way.gathered, size);
	if (grown == NULL)
		return (job_fail(job, 413, "not enough memory for the input"));
	under_way.gathered = grown;
	under_way.size = size;
	memcpy(grown + job->in_len, data, len);
	job->in = grown;
	job->in_len += len;
	return (0);
}

int
job_feed(const struct job_program *program, struct job *job, const void *data,
    size_t len)
{
	int r = 0;

	if (!under_way.begun || under_way.failed)
		return (-1);
	if (!the_original)
		r = program->piece(job, under_way.options, data, len);
	if (r == 0) {
		r = gather(job, data, len);
	} else if (r > 0) {
		job->in = "";
		job->in_len = 0;
		free(under_way.gathered);
		under_way.gathered = NULL;
		under_way.size = 0;
	}
	under_way.failed = r < 0;
	return (under_way.failed ? -1 : 0);
}

/* A body that is there as a whole, for who wants it in pieces. */
static int
feed_all(const struct job_program *program, struct job *job, const char *arg)
{
	const char *at = job->in;
	size_t left = job->in_len, n;
	bool none = job->in == NULL;

	if (job_begin(program, job, arg) != 0)
		return (-1);
	if (none || program->in_pieces == NULL ||
	    !program->in_pieces(under_way.options)) {
		job->in = at;
		job->in_len = left;
		return (0);
	}
	under_way.whole = true;
	for (; left > 0; at += n, left -= n) {
		n = left < JOB_PIECE ? left : JOB_PIECE;
		if (job_feed(program, job, at, n) != 0)
			return (-1);
	}
	return (0);
}

int
job_run(const struct job_program *program, struct job *job, const char *arg)
{
	const void *in = job->in;
	size_t len = job->in_len;
	int r = -1;

	if (!under_way.begun)
		(void)feed_all(program, job, arg);
	if (under_way.begun && !under_way.failed &&
	    fill_input(program, job) == 0)
		r = program->run(job, under_way.options);
	free(under_way.options);
	under_way.begun = false;
	/* The same again for --repeat, and for `onerror`. */
	if (in != NULL) {
		job->in = in;
		job->in_len = len;
	}
	return (r);
}

bool
job_delivers_original(const struct job *job)
{
	return (the_original && job->in != NULL && job->in_len != 0);
}

static int
text_out(const char *text, FILE *to, int status)
{
	fprintf(to, "%s\n", text);
	return (status);
}

/* json-c asks the host for a seed at the first key that it sees. */
static int
see_a_key(const struct job_program *program)
{
	bool original;

	return (options_apply(program, &the_job, start_options,
	    "{\"onerror\": \"fail\"}", &original));
}

int
job_main(const struct job_program *program, int argc, char **argv)
{
	bool timed;

	start_options = malloc(program->options_size + 1);
	if (start_options == NULL)
		return (text_out("not enough memory", stderr, 1));
	options_start(program, start_options);
	if (IS_LINUX_MAIN())
		return (shell_main(program, argc, argv));
	timed = argc > 1 && strcmp(argv[argc - 1], "--timed") == 0;
	argc -= timed;
	if (see_a_key(program) != 0 ||
	    (argc > 1 && options_apply(program, &the_job, start_options,
	    argv[1], &start_original) != 0))
		return (text_out(the_job.why, stderr, 1));
	if (program->prepare != NULL &&
	    program->prepare(&the_job, start_options) != 0)
		return (text_out(the_job.why, stderr, 1));
	machine_main(program, &the_job, program->in_pieces != NULL &&
	    program->in_pieces(start_options), timed);
	return (0);
}
