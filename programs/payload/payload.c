/* SPDX-License-Identifier: BSD-2-Clause */
/* payload: the answer that is asked for: the input, a text, or many bytes. */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "job.h"

#define SIZE_LIMIT (256 << 20)

struct options {
	int64_t size, seed, status;
	int pattern;
	const char *text, *type, *headers;
};

enum pattern { TEXT, ZEROS, RANDOM, JSON };

static const struct job_option options[] = {
	JOB_STR(struct options, text, NULL, 65536,
	    "the answer, in place of the input; with size it is repeated"),
	JOB_INT(struct options, size, -1, -1, SIZE_LIMIT,
	    "so many bytes of the pattern; -1: the text, or the input"),
	JOB_CHOICE(struct options, pattern, TEXT, "text|zeros|random|json",
	    "what they are: the text again and again, NUL, bytes that no "
	    "program compresses, or an array of objects"),
	JOB_INT(struct options, seed, 1, 0, 4294967295, "of random: another "
	    "number, other bytes; the same one, the same bytes"),
	JOB_INT(struct options, status, 200, 200, 599, "of the answer"),
	JOB_STR(struct options, type, NULL, 256,
	    "Content-Type, in place of the input's or the pattern's"),
	JOB_JSON(struct options, headers,
	    "a list of strings, \"Name: value\", for the answer"),
	JOB_END
};

static int
set_headers(struct job *job, const char *json)
{
	struct json_object *list = json_tokener_parse(json), *line;

	if (!json_object_is_type(list, json_type_array) ||
	    json_object_array_length(list) > 32)
		return (job_fail(job, 400, "option \"headers\" is a list of "
		    "at most 32 strings"));
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		line = json_object_array_get_idx(list, i);
		if (!json_object_is_type(line, json_type_string))
			return (job_fail(job, 400,
			    "option \"headers\" is a list of strings"));
		job_set_header(json_object_get_string(line));
	}
	json_object_put(list);
	return (0);
}

/*--- bytes of a pattern ----------------------------------------------------*/

static void
repeat(char *to, size_t size, const char *text)
{
	size_t len = strlen(text), done = len < size ? len : size, n;

	memcpy(to, text, done);
	for (; done < size; done += n) {
		n = done < size - done ? done : size - done;
		memcpy(to + done, to, n);
	}
}

/* SplitMix64, eight bytes at a time. */
static void
randomise(char *to, size_t size, uint64_t seed)
{
	uint64_t x;
	size_t n;

	for (size_t at = 0; at < size; at += n) {
		seed += 0x9e3779b97f4a7c15u;
		x = seed;
		x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
		x = (x ^ x >> 27) * 0x94d049bb133111ebu;
		x ^= x >> 31;
		n = size - at < sizeof x ? size - at : sizeof x;
		memcpy(to + at, &x, n);
	}
}

/* As many objects as there is room for, then blanks. */
static void
objects(struct text *b, size_t size)
{
	size_t before = 1, i = 0;

	text_char(b, '[');
	for (; !b->failed && b->len < size; i++) {
		before = b->len;
		text_printf(b, "%s{\"id\":%zu,\"name\":\"item %zu\","
		    "\"price\":%zu.%02zu,\"sold\":%s}", i == 0 ? "" : ",\n",
		    i, i, i % 97, i % 100, i % 3 == 0 ? "true" : "false");
	}
	if (b->failed)
		return;
	memset(b->data + before, ' ', size - before);
	b->data[size - 1] = ']';
	b->len = size;
}

static struct text out;

static int
generate(struct job *job, const struct options *o)
{
	const char *text = o->text != NULL && *o->text != '\0' ? o->text :
	    "A line of text to try things with.\n";
	size_t size = (size_t)o->size;
	char *to = text_room(&out, size + 256);

	if (to == NULL)
		return (job_fail(job, 413, "not enough memory"));
	if (o->pattern == JSON && size < 2)
		return (job_fail(job, 400,
		    "option \"size\" of JSON is at least 2"));
	switch ((enum pattern)o->pattern) {
	case TEXT: repeat(to, size, text); break;
	case ZEROS: memset(to, 0, size); break;
	case RANDOM: randomise(to, size, (uint64_t)o->seed); break;
	case JSON: objects(&out, size); break;
	}
	return (job_answer(job, o->pattern == TEXT ? "text/plain" :
	    o->pattern == JSON ? "application/json" :
	    "application/octet-stream", out.data, size));
}

static int
run(struct job *job, const void *chosen)
{
	const struct options *o = chosen;

	if (o->headers != NULL && set_headers(job, o->headers) != 0)
		return (-1);
	if (o->size >= 0) {
		if (generate(job, o) != 0)
			return (-1);
	} else if (o->text != NULL)
		(void)job_answer(job, "text/plain", o->text, strlen(o->text));
	else
		(void)job_answer(job, *job->in_type != '\0' ? job->in_type :
		    NULL, job->in, job->in_len);
	if (o->type != NULL)
		job->type = o->type;
	job->status = (int)o->status;
	return (0);
}

static void
again(void)
{
	free(out.data);
	memset(&out, 0, sizeof out);
}

static const struct job_program program = {
	.name = "payload",
	.summary = "The answer that is asked for: the input, a text, or so "
	    "many bytes.",
	.options = options,
	.options_size = sizeof(struct options),
	.run = run,
	.bare = "text",
	.url = JOB_URL_IS_INPUT,
	.again = again,
};

int
main(int argc, char **argv)
{
	return (job_main(&program, argc, argv));
}
