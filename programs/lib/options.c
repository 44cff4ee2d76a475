/* SPDX-License-Identifier: BSD-2-Clause */
#include <json-c/json.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"

#define OPTIONS_LEN_MAX (1u << 20)
#define WORD_MAX 32

static const struct job_option onerror = {
	"onerror", JOB_KIND_CHOICE, 0, 0, NULL, 0, 0, "fail|original",
	"what is delivered when the program fails: a status and a reason, or "
	"the input as it was"
};

void
options_start(const struct job_program *program, void *options)
{
	const struct job_option *o;
	void *at;

	memset(options, 0, program->options_size);
	for (o = program->options; o->name != NULL; o++) {
		at = (char *)options + o->offset;
		switch (o->kind) {
		case JOB_KIND_BOOL: *(bool *)at = o->start != 0; break;
		case JOB_KIND_INT: *(int64_t *)at = (int64_t)o->start; break;
		case JOB_KIND_NUM: *(double *)at = o->start; break;
		case JOB_KIND_CHOICE: *(int *)at = (int)o->start; break;
		case JOB_KIND_STR:
		case JOB_KIND_JSON: *(const char **)at = o->text; break;
		}
	}
}

/* Index of a word in "a|b|c", or -1. */
static int
word_index(const char *words, const char *word)
{
	size_t len = strlen(word);
	int i = 0;

	for (;; words++, i++) {
		size_t n = strcspn(words, "|");

		if (n == len && strncmp(words, word, n) == 0)
			return (i);
		words += n;
		if (*words == '\0')
			return (-1);
	}
}

static int
set_number(struct job *job, const struct job_option *o, struct json_object *v,
    void *at)
{
	double d = json_object_get_double(v);
	enum json_type t = json_object_get_type(v);

	if ((t != json_type_int && t != json_type_double) || !isfinite(d) ||
	    (o->kind == JOB_KIND_INT && d != floor(d)))
		return (job_fail(job, 400, "option \"%s\" is %s, not %s",
		    o->name,
		    o->kind == JOB_KIND_INT ? "an integer" : "a number",
		    json_object_to_json_string(v)));
	if (d < o->min || d > o->max)
		return (job_fail(job, 400,
		    "option \"%s\" is between %g and %g, not %g",
		    o->name, o->min, o->max, d));
	if (o->kind == JOB_KIND_INT)
		*(int64_t *)at = (int64_t)d;
	else
		*(double *)at = d;
	return (0);
}

static int
set_text(struct job *job, const struct job_option *o, struct json_object *v,
    void *at)
{
	const char *s = json_object_get_string(v);
	size_t len;

	if (json_object_get_type(v) != json_type_string)
		return (job_fail(job, 400, "option \"%s\" is a string",
		    o->name));
	len = (size_t)json_object_get_string_len(v);
	if (len != strlen(s))
		return (job_fail(job, 400,
		    "option \"%s\" has a NUL character", o->name));
	if (o->kind == JOB_KIND_STR) {
		if (len > o->max)
			return (job_fail(job, 400,
			    "option \"%s\" is longer than %g bytes", o->name,
			    o->max));
		*(const char **)at = strdup(s);
		return (*(const char **)at != NULL ? 0 :
		    job_fail(job, 500, "not enough memory"));
	}
	*(int *)at = word_index(o->words, s);
	if (*(int *)at < 0)
		return (job_fail(job, 400, "option \"%s\" is one of %s, not "
		    "\"%.40s\"", o->name, o->words, s));
	return (0);
}

static int
set_option(struct job *job, const struct job_option *o, struct json_object *v,
    void *at)
{
	switch (o->kind) {
	case JOB_KIND_BOOL:
		if (json_object_get_type(v) != json_type_boolean)
			return (job_fail(job, 400,
			    "option \"%s\" is true or false", o->name));
		*(bool *)at = json_object_get_boolean(v);
		return (0);
	case JOB_KIND_INT:
	case JOB_KIND_NUM:
		return (set_number(job, o, v, at));
	case JOB_KIND_STR:
	case JOB_KIND_CHOICE:
		return (set_text(job, o, v, at));
	case JOB_KIND_JSON:
		*(const char **)at = strdup(json_object_to_json_string_ext(v,
		    JSON_C_TO_STRING_PLAIN));
		return (*(const char **)at != NULL ? 0 :
		    job_fail(job, 500, "not enough memory"));
	}
	return (job_fail(job, 500, "option of no kind"));
}

static const struct job_option *
find_option(const struct job_program *program, const char *name)
{
	const struct job_option *o;

	for (o = program->options; o->name != NULL; o++)
		if (strcmp(o->name, name) == 0)
			return (o);
	return (NULL);
}

/* How many single changes make b out of a; words longer than a few are far. */
static unsigned
distance(const char *a, const char *b)
{
	unsigned row[WORD_MAX + 1], i, j, la, lb;

	la = (unsigned)strnlen(a, WORD_MAX + 1);
	lb = (unsigned)strnlen(b, WORD_MAX + 1);
	if (la > WORD_MAX || lb > WORD_MAX)
		return (WORD_MAX);
	for (j = 0; j <= lb; j++)
		row[j] = j;
	for (i = 1; i <= la; i++) {
		unsigned diagonal = row[0];

		row[0] = i;
		for (j = 1; j <= lb; j++) {
			unsigned up = row[j], best;

			best = diagonal + (a[i - 1] != b[j - 1]);
			if (up + 1 < best)
				best = up + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diagonal = up;
			row[j] = best;
		}
	}
	return (row[lb]);
}

static int
fail_unknown(const struct job_program *program, struct job *job,
    const char *name)
{
	const struct job_option *o;
	const char *nearest = NULL;
	unsigned best = 4, d;

	for (o = program->options; o->name != NULL; o++) {
		d = distance(name, o->name);
		if (d < best) {
			best = d;
			nearest = o->name;
		}
	}
	if (nearest != NULL)
		return (job_fail(job, 400, "%s has no option \"%.40s\"; there "
		    "is \"%s\"", program->name, name, nearest));
	return (job_fail(job, 400, "%s has no option \"%.40s\"; ?schema lists "
	    "them", program->name, name));
}

static int
apply_object(const struct job_program *program, struct job *job,
    void *options, struct json_object *root, bool *original)
{
	const struct job_option *o;
	int how = 0;

	json_object_object_foreach(root, name, v) {
		o = find_option(program, name);
		if (o == NULL && original != NULL &&
		    strcmp(name, onerror.name) == 0) {
			if (set_text(job, &onerror, v, (char *)&how) != 0)
				return (-1);
			*original = how == 1;
			continue;
		}
		if (o == NULL)
			return (fail_unknown(program, job, name));
		if (set_option(job, o, v, (char *)options + o->offset) != 0)
			return (-1);
	}
	return (0);
}

/*
 * What json-c takes even when it is strict: names between ', comments, NaN, and
 * numbers that end with a point.
 */
static bool
is_lax(const char *s)
{
	bool in_string = false;

	for (; *s != '\0'; s++) {
		if (*s == '"')
			in_string = !in_string;
		else if (in_string)
			s += *s == '\\' && s[1] != '\0';
		else if (strchr("{}[]:,+-.0123456789eEtrufalsn \t\r\n", *s) ==
		    NULL || (*s == '.' && (s[1] < '0' || s[1] > '9')))
			return (true);
	}
	return (false);
}

/* As RFC 8259 has it, but for ends of lines in strings, which VCL has. */
static struct json_object *
parse(const char *text, enum json_tokener_error *e)
{
	struct json_tokener *t = json_tokener_new();
	struct json_object *v;

	*e = json_tokener_error_size;
	if (t == NULL)
		return (NULL);
	json_tokener_set_flags(t, JSON_TOKENER_STRICT);
	v = json_tokener_parse_ex(t, text, -1);
	*e = json_tokener_get_error(t);
	json_tokener_free(t);
	if (*e == json_tokener_success && is_lax(text))
		*e = json_tokener_error_parse_unexpected;
	if (*e == json_tokener_success)
		return (v);
	json_object_put(v);
	return (NULL);
}

/* "80" in place of {"quality": 80}. */
static int
apply_bare(const struct job_program *program, struct job *job, void *options,
    const char *text)
{
	const struct job_option *o = NULL;
	enum json_tokener_error e;
	struct json_object *v;
	int r;

	if (program->bare != NULL)
		o = find_option(program, program->bare);
	if (o == NULL)
		return (job_fail(job, 400, "the options of %s are a JSON "
		    "object, {\"name\": value}", program->name));
	if (o->kind == JOB_KIND_STR || o->kind == JOB_KIND_CHOICE)
		v = json_object_new_string(text);
	else
		v = parse(text, &e);
	if (v == NULL)
		return (job_fail(job, 400, "option \"%s\" cannot be \"%.40s\"",
		    o->name, text));
	r = set_option(job, o, v, (char *)options + o->offset);
	json_object_put(v);
	return (r);
}

int
options_apply(const struct job_program *program, struct job *job,
    void *options, const char *text, bool *original)
{
	enum json_tokener_error e = json_tokener_success;
	struct json_object *root;
	int r;

	text += strspn(text, " \t\r\n");
	if (*text == '\0')
		return (0);
	if (*text != '{')
		return (apply_bare(program, job, options, text));
	if (strnlen(text, OPTIONS_LEN_MAX) == OPTIONS_LEN_MAX)
		return (job_fail(job, 400, "the options are too long"));
	root = parse(text, &e);
	if (root == NULL)
		return (job_fail(job, 400, "the options are no valid JSON: %s",
		    json_tokener_error_desc(e)));
	r = apply_object(program, job, options, root, original);
	json_object_put(root);
	return (r);
}

int
job_options(struct job *job, const char *option, const char *json,
    const struct job_option *table, void *into, size_t size)
{
	const struct job_program object = {.name = option, .options = table,
	    .options_size = size};
	char why[sizeof job->why];

	options_start(&object, into);
	if (options_apply(&object, job, into, json, NULL) == 0)
		return (0);
	memcpy(why, job->why, sizeof why);
	return (job_fail(job, 400, "option \"%s\": %s", option, why));
}

/*--- the schema -----------------------------------------------------------*/

static struct json_object *
schema_words(const char *words)
{
	struct json_object *list = json_object_new_array();

	for (;;) {
		size_t n = strcspn(words, "|");

		json_object_array_add(list,
		    json_object_new_string_len(words, (int)n));
		if (words[n] == '\0')
			return (list);
		words += n + 1;
	}
}

static void
schema_default(struct json_object *to, const struct job_option *o)
{
	struct json_object *v = NULL;
	struct json_object *words;

	switch (o->kind) {
	case JOB_KIND_BOOL: v = json_object_new_boolean(o->start != 0); break;
	case JOB_KIND_INT: v = json_object_new_int64((int64_t)o->start); break;
	case JOB_KIND_NUM: v = json_object_new_double(o->start); break;
	case JOB_KIND_CHOICE:
		words = json_object_object_get(to, "enum");
		v = json_object_get(json_object_array_get_idx(words,
		    (size_t)o->start));
		break;
	case JOB_KIND_STR:
	case JOB_KIND_JSON:
		if (o->text != NULL)
			v = json_object_new_string(o->text);
		break;
	}
	if (v != NULL)
		json_object_object_add(to, "default", v);
}

static struct json_object *
schema_option(const struct job_option *o)
{
	static const char *const types[] = { "boolean", "integer", "number",
	    "string", "string", NULL };
	struct json_object *to = json_object_new_object();

	if (types[o->kind] != NULL)
		json_object_object_add(to, "type",
		    json_object_new_string(types[o->kind]));
	json_object_object_add(to, "description",
	    json_object_new_string(o->help));
	if (o->kind == JOB_KIND_INT || o->kind == JOB_KIND_NUM) {
		json_object_object_add(to, "minimum",
		    json_object_new_double(o->min));
		json_object_object_add(to, "maximum",
		    json_object_new_double(o->max));
	}
	if (o->kind == JOB_KIND_STR)
		json_object_object_add(to, "maxLength",
		    json_object_new_int64((int64_t)o->max));
	if (o->kind == JOB_KIND_CHOICE)
		json_object_object_add(to, "enum", schema_words(o->words));
	schema_default(to, o);
	return (to);
}

char *
options_schema(const struct job_program *program)
{
	struct json_object *root = json_object_new_object();
	struct json_object *list = json_object_new_object();
	const struct job_option *o;
	char *text;

	json_object_object_add(root, "$schema", json_object_new_string(
	    "https://json-schema.org/draft/2020-12/schema"));
	json_object_object_add(root, "title",
	    json_object_new_string(program->name));
	json_object_object_add(root, "description",
	    json_object_new_string(program->summary));
	json_object_object_add(root, "type", json_object_new_string("object"));
	for (o = program->options; o->name != NULL; o++)
		json_object_object_add(list, o->name, schema_option(o));
	json_object_object_add(list, onerror.name, schema_option(&onerror));
	json_object_object_add(root, "properties", list);
	json_object_object_add(root, "additionalProperties",
	    json_object_new_boolean(false));
	text = strdup(json_object_to_json_string_ext(root,
	    JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(root);
	return (text);
}
