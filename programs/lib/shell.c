/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib_priv.h"
#include "options.h"

#define INPUT_MAX (1u << 30)

/* All of a file, malloc'ed; NULL with errno set. */
static void *
slurp(FILE *from, size_t *len)
{
	size_t size = 65536, n;
	char *data = malloc(size), *more;

	*len = 0;
	while (data != NULL &&
	    (n = fread(data + *len, 1, size - *len, from)) != 0) {
		*len += n;
		if (*len < size)
			continue;
		size *= 2;
		more = size <= INPUT_MAX ? realloc(data, size) : NULL;
		if (more == NULL)
			free(data);
		data = more;
	}
	return (data);
}

int
shell_fetch(struct job *job, const char *url, const void **data, size_t *len,
    const char **type)
{
	FILE *from = fopen(url, "rb");

	*type = "";
	*data = from != NULL ? slurp(from, len) : NULL;
	if (from != NULL)
		(void)fclose(from);
	if (*data == NULL)
		return (job_fail(job, 404, "%s: %s", url, strerror(errno)));
	return (0);
}

int
shell_stream(struct job *job, const char *type, size_t len,
    struct job_piece (*next)(void *arg, size_t max), void *arg)
{
	struct job_piece piece;

	(void)len;
	while ((piece = next(arg, SIZE_MAX)).len != 0) {
		(void)fwrite(piece.data, 1, piece.len, stdout);
		(void)fflush(stdout);
	}
	return (job_answer(job, type, "", 0));
}

static int
usage(const struct job_program *program)
{
	fprintf(stderr, "%s\n"
	    "usage: %s [--repeat N] [OPTIONS] [INPUT]\n"
	    "       %s --serve OPTIONS   answers inputs, with their length\n"
	    "       %s --schema\n"
	    "OPTIONS is a JSON object. INPUT is a file, or the text itself\n"
	    "for a program that works on a word; else standard input.\n",
	    program->summary, program->name, program->name, program->name);
	return (2);
}

static bool
read_all(void *to, size_t len)
{
	ssize_t n;

	for (size_t got = 0; got < len; got += (size_t)n) {
		n = read(STDIN_FILENO, (char *)to + got, len - got);
		if (n <= 0)
			return (false);
	}
	return (true);
}

static bool
write_all(const void *from, size_t len)
{
	ssize_t n;

	for (size_t put = 0; put < len; put += (size_t)n) {
		n = write(STDOUT_FILENO, (const char *)from + put, len - put);
		if (n <= 0)
			return (false);
	}
	return (true);
}

/* Reads the next input into *body, which has room for *room bytes. */
static bool
next_input(struct job *job, void **body, size_t *room)
{
	uint64_t len;

	if (!read_all(&len, sizeof len) || len > INPUT_MAX)
		return (false);
	if (len > *room) {
		free(*body);
		*body = malloc(len);
		*room = *body != NULL ? len : 0;
	}
	job->in = *body;
	job->in_len = len;
	return (len <= *room && read_all(*body, len));
}

/*
 * A process that serves: on standard input a length and as many bytes, again
 * and again; on standard output the ticks of the run, a length, the answer, and
 * a last byte when it is ready for the next. Numbers are of 8 bytes, in this
 * computer's order.
 */
static int
serve(const struct job_program *program, struct job *job, const char *arg)
{
	uint64_t head[2];
	void *body = NULL;
	size_t room = 0;

	while (next_input(job, &body, &room)) {
		head[0] = job_ticks();
		if (job_run(program, job, arg) != 0) {
			fprintf(stderr, "%s: %s\n", program->name, job->why);
			return (1);
		}
		head[0] = job_ticks() - head[0];
		head[1] = job->out_len;
		if (!write_all(head, sizeof head) ||
		    !write_all(job->out, job->out_len))
			return (1);
		if (program->again != NULL)
			program->again();
		if (!write_all("", 1))
			return (1);
	}
	free(body);
	return (0);
}

/* Runs again and again; nanoseconds of the fastest to standard error. */
static int
repeat(const struct job_program *program, struct job *job, const char *arg,
    long times)
{
	struct timespec a, b;
	long i, ns, best = 0;
	int r = 0;

	for (i = 0; i < times && r == 0; i++) {
		if (i != 0 && program->again != NULL)
			program->again();
		(void)clock_gettime(CLOCK_MONOTONIC, &a);
		r = job_run(program, job, arg);
		(void)clock_gettime(CLOCK_MONOTONIC, &b);
		ns = (b.tv_sec - a.tv_sec) * 1000000000L +
		    (b.tv_nsec - a.tv_nsec);
		if (i == 0 || ns < best)
			best = ns;
	}
	if (times > 1)
		fprintf(stderr, "%ld ns, the fastest of %ld\n", best, times);
	return (r);
}

static int
finish(const struct job_program *program, const struct job *job, int r)
{
	if (r != 0)
		fprintf(stderr, "%s: %d: %s\n", program->name, job->status,
		    job->why);
	if (r == 0)
		(void)fwrite(job->out, 1, job->out_len, stdout);
	else if (job_delivers_original(job))
		(void)fwrite(job->in, 1, job->in_len, stdout);
	if (fflush(stdout) != 0 || ferror(stdout))
		return (1);
	return (r == 0 ? 0 : 1);
}

int
shell_main(const struct job_program *program, int argc, char **argv)
{
	static struct job job;
	const char *arg = "";
	long times = 1;
	int i = 1;

	job.url = job.in_type = "";
	if (i < argc && strcmp(argv[i], "--schema") == 0) {
		puts(options_schema(program));
		return (0);
	}
	if (argc == 3 && strcmp(argv[i], "--serve") == 0)
		return (serve(program, &job, argv[2]));
	if (i + 1 < argc && strcmp(argv[i], "--repeat") == 0) {
		times = strtol(argv[i + 1], NULL, 10);
		i += 2;
	}
	if (times < 1 || argc - i > 2 || (i < argc && argv[i][0] == '-'))
		return (usage(program));
	if (i < argc)
		arg = argv[i++];
	if (i < argc)
		job.url = argv[i];
	else
		job.in = slurp(stdin, &job.in_len);
	return (finish(program, &job, repeat(program, &job, arg, times)));
}
