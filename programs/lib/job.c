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

int
job_run(const struct job_program *program, struct job *job, const char *arg)
{
	void *options;

	job->status = 200;
	the_original = start_original;
	options = malloc(program->options_size + 1);
	if (options == NULL)
		return (job_fail(job, 500, "not enough memory"));
	memcpy(options, start_options, program->options_size);
	if (options_apply(program, job, options, arg, &the_original) != 0 ||
	    fill_input(program, job) != 0 || program->run(job, options) != 0) {
		free(options);
		return (-1);
	}
	free(options);
	return (0);
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

int
job_main(const struct job_program *program, int argc, char **argv)
{
	start_options = malloc(program->options_size + 1);
	if (start_options == NULL)
		return (text_out("not enough memory", stderr, 1));
	options_start(program, start_options);
	if (IS_LINUX_MAIN())
		return (shell_main(program, argc, argv));
	if (argc > 1 && options_apply(program, &the_job, start_options,
	    argv[1], &start_original) != 0)
		return (text_out(the_job.why, stderr, 1));
	if (program->prepare != NULL &&
	    program->prepare(&the_job, start_options) != 0)
		return (text_out(the_job.why, stderr, 1));
	machine_main(program, &the_job);
	return (0);
}
