/* SPDX-License-Identifier: BSD-2-Clause */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kvm_api.h"
#include "lib_priv.h"
#include "options.h"

#define HEADER_MAX 8192
#define MIB(n) ((size_t)(n) << 20)
/* Of the heap that is there before the first request; steps when it grows. */
#define HEAP_BYTES MIB(24)
#define HEAP_STEP MIB(4)
#define HEAP_STARTS MIB(1)

_Static_assert(JOB_UNKNOWN_LENGTH == KVM_LENGTH_UNKNOWN, "kvm_api.h's");

static const struct job_program *the_program;
static struct job *the_job;
static bool is_timed;

/* Ends the request. */
static void
answer(const struct job *job, int r)
{
	if (r == 0)
		backend_response((int16_t)job->status, job->type,
		    job->type != NULL ? strlen(job->type) : 0, job->out,
		    job->out_len);
	else if (job_delivers_original(job))
		backend_response(200, job->in_type, strlen(job->in_type),
		    job->in, job->in_len);
	else
		backend_response_str((int16_t)job->status, "text/plain",
		    job->why);
}

/* How long it took is the answer. */
static int
run_timed(const char *arg)
{
	static uint64_t ticks;
	uint64_t before = job_ticks();
	int r = job_run(the_program, the_job, arg);

	ticks = job_ticks() - before;
	return (r == 0 ? job_answer(the_job, NULL, &ticks, sizeof ticks) : r);
}

static void
serve(const char *url, const char *arg)
{
	char *schema;

	if (job_wants_schema(url)) {
		schema = options_schema(the_program);
		backend_response_str(200, "application/schema+json", schema);
	}
	the_job->url = url;
	answer(the_job, is_timed ? run_timed(arg) :
	    job_run(the_program, the_job, arg));
}

static void
on_get(const char *url, const char *arg)
{
	the_job->in = NULL;
	the_job->in_type = "";
	serve(url, arg);
}

static void
on_post(const char *url, const char *arg, const char *type,
    const uint8_t *data, size_t len)
{
	/* Without data it went to on_piece(). */
	if (len == 0 || data != NULL) {
		the_job->in = len != 0 ? (const void *)data : "";
		the_job->in_len = len;
	}
	the_job->in_type = type;
	serve(url, arg);
}

/* What fails is answered behind the last piece, with its status. */
static long
on_piece(const char *url, const char *arg, const char *type,
    const uint8_t *data, size_t len, size_t offset)
{
	if (job_wants_schema(url))
		return ((long)len);
	if (offset == 0) {
		the_job->url = url;
		the_job->in_type = type;
		(void)job_begin(the_program, the_job, arg);
	}
	(void)job_feed(the_program, the_job, data, len);
	return ((long)len);
}

/* A limit was crossed, or the program crashed. Memory may be exhausted. */
static void
on_error(const char *url, const char *arg, const char *reason)
{
	(void)url;
	(void)arg;
	the_job->status = 500;
	(void)snprintf(the_job->why, sizeof the_job->why, "%s: %s",
	    the_program->name, reason);
	answer(the_job, -1);
}

/*
 * A heap that grows, or gives back, calls the host, as does each large block
 * from mmap(). So all of it is there at the start, as far as the address space
 * has it; memory that nobody wrote to costs nothing.
 */
static void
reserve_heap(void)
{
	void *block;

	/* The most that glibc takes; it is mallopt() that fixes the limits. */
	(void)mallopt(M_MMAP_THRESHOLD, MIB(32));
	(void)mallopt(M_TRIM_THRESHOLD, INT32_MAX);
	for (size_t n = HEAP_BYTES; n >= HEAP_STARTS; n /= 2) {
		(void)mallopt(M_TOP_PAD, (int)n);
		block = malloc(HEAP_STARTS);
		free(block);
		if (block != NULL)
			break;
	}
	(void)mallopt(M_TOP_PAD, HEAP_STEP);
}

void
machine_main(const struct job_program *program, struct job *job,
    bool in_pieces, bool timed)
{
	the_program = program;
	is_timed = timed;
	the_job = job;
	memset(job, 0, sizeof *job);
	job->url = job->in_type = "";
	set_backend_get(on_get);
	set_backend_post(on_post);
	if (in_pieces)
		set_backend_stream_post(on_piece);
	set_on_error(on_error);
	reserve_heap();
	wait_for_requests();
}

char *
job_header(const char *name)
{
	size_t skip = strlen(name);
	unsigned len;
	char *line;

	if (IS_LINUX_MAIN()) {
		line = strcmp(name, "Accept") == 0 ? getenv("HTTP_ACCEPT") :
		    strcmp(name, "Accept-Encoding") == 0 ?
		    getenv("HTTP_ACCEPT_ENCODING") : NULL;
		return (line != NULL ? strdup(line) : NULL);
	}
	len = http_find(BEREQ, name, skip, NULL, 0);
	if (len <= skip || len > HEADER_MAX)
		return (NULL);
	line = malloc(len + 1);
	if (line == NULL || http_find(BEREQ, name, skip, line, len) != len)
		return (NULL);
	line[len] = '\0';
	skip += strspn(line + skip, ": ");
	return (memmove(line, line + skip, len - skip + 1));
}

void
job_set_header(const char *line)
{
	if (!IS_LINUX_MAIN())
		(void)http_set_str(BERESP, line);
}

/* The streaming answer under way. */
static struct {
	struct job_piece (*next)(void *arg, size_t max);
	void *arg;
} stream;

static struct streaming_content
stream_next(void *arg, size_t max, size_t written, size_t total)
{
	struct job_piece piece = stream.next(stream.arg, max);

	(void)arg;
	(void)written;
	(void)total;
	return ((struct streaming_content){ piece.data, piece.len });
}

int
job_stream(struct job *job, const char *type, size_t len,
    struct job_piece (*next)(void *arg, size_t max), void *arg)
{
	if (IS_LINUX_MAIN())
		return (shell_stream(job, type, len, next, arg));
	stream.next = next;
	stream.arg = arg;
	begin_streaming_response(200, type, strlen(type), len, stream_next,
	    NULL);
}

int
job_fetch(struct job *job, const char *url, const void **data, size_t *len,
    const char **type)
{
	static struct curl_op op;
	long r;

	if (IS_LINUX_MAIN())
		return (shell_fetch(job, url, data, len, type));
	memset(&op, 0, sizeof op);
	r = sys_fetch(url, strlen(url), &op, NULL, NULL);
	if (r != 0)
		return (job_fail(job, 502, "\"%.200s\" cannot be fetched "
		    "(error %ld)", url, -r));
	if (op.status >= 400)
		return (job_fail(job, (int)op.status < 600 ? (int)op.status :
		    502, "\"%.200s\" answered with status %u", url,
		    op.status));
	*data = op.content;
	*len = op.content_length;
	*type = op.ctlen != 0 ? strdup(op.ctype) : "";
	return (0);
}
