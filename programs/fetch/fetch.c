/* SPDX-License-Identifier: BSD-2-Clause */
/* fetch: asks a server, or this cache, and gives its answer on. */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "job.h"
#include "kvm_api.h"

#define URL_MAX 1024
#define TYPE_MAX 128

struct options {
	const char *url, *headers;
	int method;
	bool follow, verify_host;
};

enum method { AS_GIVEN, GET, HEAD, POST };

static const struct job_option options[] = {
	JOB_STR(struct options, url, NULL, URL_MAX,
	    "where to, in place of the first argument"),
	JOB_CHOICE(struct options, method, AS_GIVEN, "auto|GET|HEAD|POST",
	    "auto is POST with a body and GET without"),
	JOB_JSON(struct options, headers,
	    "a list of at most 12 strings, \"Name: value\""),
	JOB_BOOL(struct options, follow, true, "go where redirects lead"),
	JOB_BOOL(struct options, verify_host, true,
	    "the certificate must be for the host that was asked"),
	JOB_END
};

static int
set_headers(struct job *job, const char *json, struct curl_fields *f)
{
	struct json_object *list = json_tokener_parse(json), *line;
	size_t n, len;

	if (!json_object_is_type(list, json_type_array))
		return (job_fail(job, 400,
		    "option \"headers\" is a list of strings"));
	n = json_object_array_length(list);
	if (n > CURL_FIELDS_MAX)
		return (job_fail(job, 400, "option \"headers\" has more than "
		    "%d lines", CURL_FIELDS_MAX));
	for (size_t i = 0; i < n; i++) {
		line = json_object_array_get_idx(list, i);
		len = (size_t)json_object_get_string_len(line);
		if (!json_object_is_type(line, json_type_string) || len == 0 ||
		    len > UINT16_MAX)
			return (job_fail(job, 400,
			    "option \"headers\" is a list of strings"));
		f->ptr[i] = json_object_get_string(line);
		f->len[i] = (uint16_t)len;
	}
	return (0);
}

static void
set_body(struct job *job, int method, struct curl_op *op)
{
	size_t n = strlen(job->in_type);

	if (job->in_len == 0 || (method != AS_GIVEN && method != POST))
		return;
	op->post_buffer = job->in;
	op->post_buflen = (uint32_t)job->in_len;
	if (n < TYPE_MAX) {
		memcpy(op->ctype, job->in_type, n);
		op->ctlen = (uint32_t)n;
	}
}

static int
run(struct job *job, const void *chosen)
{
	static struct curl_op op;
	static struct curl_fields fields;
	const struct options *o = chosen;
	const char *url = o->url != NULL ? o->url : job->url;
	struct curl_options how = {.follow_location = o->follow,
	    .dummy_fetch = o->method == HEAD,
	    .dont_verify_host = !o->verify_host};
	long r;

	if (*url == '\0' || strlen(url) > URL_MAX)
		return (job_fail(job, 400, "fetch needs a URL of at most %d "
		    "bytes as its first argument", URL_MAX));
	if (IS_LINUX_MAIN())
		return (job_fail(job, 500, "fetch works in a machine only"));
	if (o->headers != NULL && set_headers(job, o->headers, &fields) != 0)
		return (-1);
	set_body(job, o->method, &op);
	r = sys_fetch(url, strlen(url), &op, &fields, &how);
	if (r != 0)
		return (job_fail(job, 502, "\"%.200s\" cannot be fetched "
		    "(error %ld)", url, -r));
	(void)job_answer(job, op.ctlen > 1 ? op.ctype : NULL, op.content,
	    op.content_length);
	if (op.status >= 200 && op.status < 600)
		job->status = (int)op.status;
	return (0);
}

static const struct job_program program = {
	.name = "fetch",
	.summary = "Asks a server, or this cache, and gives its answer on.",
	.options = options,
	.options_size = sizeof(struct options),
	.run = run,
	.bare = "url",
	.url = JOB_URL_NOTHING,
};

int
main(int argc, char **argv)
{
	return (job_main(&program, argc, argv));
}
