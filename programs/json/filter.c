/* SPDX-License-Identifier: BSD-2-Clause */
/* jq: its own functions are read before the first request. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jq.h>

#include "builtins.h"
#include "filter.h"
#include "text.h"

/* What was compiled last. */
static jq_state *jq;
static char *compiled, *compiled_args;
static struct text out;
static char wrong[400];
/* What is left of the input; NULL: nothing, also behind what is broken. */
static struct jv_parser *parser;

void
filter_free(void)
{
	free(out.data);
	memset(&out, 0, sizeof out);
}

/* The first error is the reason; the others follow from it. */
static void
on_error(void *unused, jv message)
{
	(void)unused;
	if (wrong[0] == '\0' && jv_get_kind(message) == JV_KIND_STRING)
		(void)snprintf(wrong, sizeof wrong, "%s",
		    jv_string_value(message));
	wrong[strcspn(wrong, "\n")] = '\0';
	jv_free(message);
}

static void
ignore(void *unused, jv message)
{
	(void)unused;
	jv_free(message);
}

/* The next document; invalid at the end, and with a reason when broken. */
static jv
next_document(void)
{
	jv document = parser != NULL ? jv_parser_next(parser) : jv_invalid();

	if (!jv_is_valid(document) && parser != NULL) {
		jv_parser_free(parser);
		parser = NULL;
	}
	return (document);
}

/* For "input" and "inputs". */
static jv
on_input(jq_state *unused, void *unused2)
{
	(void)unused;
	(void)unused2;
	return (next_document());
}

static bool
same(const char *a, const char *b)
{
	return (a == b || (a != NULL && b != NULL && strcmp(a, b) == 0));
}

void
filter_start(void)
{
	if (jq == NULL)
		jq = jq_init();
	if (jq != NULL)
		jq_builtins_make(jq);
}

int
filter_prepare(struct job *job, const char *filter, const char *args)
{
	jv variables = args != NULL ? jv_parse(args) : jv_object();

	if (jv_get_kind(variables) != JV_KIND_OBJECT) {
		jv_free(variables);
		return (job_fail(job, 400, "option \"args\" is no object"));
	}
	free(compiled);
	compiled = NULL;
	if (jq != NULL)
		jq_teardown(&jq);
	jq = jq_init();
	if (jq == NULL) {
		jv_free(variables);
		return (job_fail(job, 500, "jq cannot be started"));
	}
	jq_set_error_cb(jq, on_error, NULL);
	jq_set_debug_cb(jq, ignore, NULL);
	jq_set_input_cb(jq, on_input, NULL);
	/* No modules: there is nothing to load them from. */
	jq_set_attr(jq, jv_string("JQ_LIBRARY_PATH"), jv_array());
	jq_set_attr(jq, jv_string("JQ_ORIGIN"), jv_string("/"));
	jq_set_attr(jq, jv_string("PROGRAM_ORIGIN"), jv_string("/"));
	wrong[0] = '\0';
	if (!jq_compile_args(jq, filter, variables)) {
		jq_teardown(&jq);
		return (job_fail(job, 400, "option \"filter\": %s", wrong));
	}
	free(compiled_args);
	compiled = strdup(filter);
	compiled_args = args != NULL ? strdup(args) : NULL;
	return (0);
}

/* One result, and a line's end. */
static void
add(jv value, bool raw)
{
	jv text = raw && jv_get_kind(value) == JV_KIND_STRING ? value :
	    jv_dump_string(value, 0);

	text_add(&out, jv_string_value(text),
	    (size_t)jv_string_length_bytes(jv_copy(text)));
	text_char(&out, '\n');
	jv_free(text);
}

/* "halt" ends, "halt_error" fails with what it was given. */
static int
halted(struct job *job)
{
	jv why = jq_get_error_message(jq);
	int r;

	if (!jv_is_valid(why)) {
		jv_free(why);
		return (0);
	}
	if (jv_get_kind(why) != JV_KIND_STRING)
		why = jv_dump_string(why, 0);
	r = job_fail(job, 422, "the filter ended: %.300s",
	    jv_string_value(why));
	jv_free(why);
	return (r);
}

/* `last` is why there is no more: the end, or an error. */
static int
ended(struct job *job, jv last)
{
	jv why;
	int r;

	if (jq_halted(jq)) {
		jv_free(last);
		return (halted(job));
	}
	if (!jv_invalid_has_msg(jv_copy(last))) {
		jv_free(last);
		return (0);
	}
	why = jv_invalid_get_msg(last);
	if (jv_get_kind(why) != JV_KIND_STRING)
		why = jv_dump_string(why, 0);
	/* What "input" says at the end. */
	r = job_fail(job, 422, "the filter failed: %.300s",
	    strcmp(jv_string_value(why), "break") == 0 ? "No more inputs" :
	    jv_string_value(why));
	jv_free(why);
	return (r);
}

static int
apply(struct job *job, jv document, bool raw)
{
	jv result;

	jq_start(jq, document, 0);
	for (result = jq_next(jq); jv_is_valid(result); result = jq_next(jq))
		add(result, raw);
	return (ended(job, result));
}

/* 0 at the end; takes the document. */
static int
broken(struct job *job, jv document)
{
	jv why;
	int r = 0;

	if (!jv_invalid_has_msg(jv_copy(document))) {
		jv_free(document);
		return (0);
	}
	why = jv_invalid_get_msg(document);
	r = job_fail(job, 422, "no JSON: %.300s", jv_string_value(why));
	jv_free(why);
	return (r);
}

/* All documents as one array. */
static int
slurped(struct job *job, bool raw)
{
	jv all = jv_array(), document;

	for (document = next_document(); jv_is_valid(document);
	    document = next_document())
		all = jv_array_append(all, document);
	if (broken(job, document) != 0) {
		jv_free(all);
		return (-1);
	}
	return (apply(job, all, raw));
}

static int
each_document(struct job *job, bool raw)
{
	jv document;
	int r;

	do {
		document = next_document();
		if (!jv_is_valid(document))
			return (broken(job, document));
		r = apply(job, document, raw);
	} while (r == 0 && !jq_halted(jq));
	return (r);
}

static int
all_documents(struct job *job, bool raw, bool slurp)
{
	int r;

	parser = jv_parser_new(0);
	jv_parser_set_buf(parser, job->in, (int)job->in_len, 0);
	r = slurp ? slurped(job, raw) : each_document(job, raw);
	if (parser != NULL)
		jv_parser_free(parser);
	parser = NULL;
	return (r);
}

int
filter_run(struct job *job, const char *filter, const char *args, bool raw,
    bool slurp)
{
	size_t lines = 0;

	if (filter == NULL || *filter == '\0')
		return (job_fail(job, 400, "option \"filter\" is missing"));
	if (job->in_len > INT32_MAX)
		return (job_fail(job, 413, "the input has more than 2 GB"));
	if ((!same(filter, compiled) || !same(args, compiled_args)) &&
	    filter_prepare(job, filter, args) != 0)
		return (-1);
	if (all_documents(job, raw, slurp) != 0)
		return (-1);
	if (out.failed)
		return (job_fail(job, 413, "there is not enough memory"));
	for (size_t i = 0; i < out.len && lines < 2; i++)
		lines += out.data[i] == '\n';
	return (job_answer(job, raw ? "text/plain; charset=utf-8" :
	    lines == 1 ? "application/json" : "application/x-ndjson",
	    out.len != 0 ? out.data : "", out.len));
}
