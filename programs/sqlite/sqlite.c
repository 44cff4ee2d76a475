/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sqlite: a query on a file that VCL allows, or on the database that storage
 * keeps. The query is VCL's; what clients say only ever becomes its values.
 */
#include <stdlib.h>
#include <string.h>

#include "query.h"

#define PATH_MAX_LEN 1024

struct options {
	const char *database, *query, *params;
	int format;
	int64_t max_rows, max_ms, max_bytes;
	bool storage, write;
};

static const struct job_option options[] = {
	JOB_STR(struct options, database, NULL, PATH_MAX_LEN,
	    "the file, one of allowed_paths"),
	JOB_STR(struct options, query, NULL, QUERY_MAX, "one statement of "
	    "SQL; with write several, which are one transaction"),
	JOB_JSON(struct options, params, "values for :name in the query as "
	    "an object, or for ? as a list; they go before those of the "
	    "client: the query string of the first argument, and a body of "
	    "JSON"),
	JOB_CHOICE(struct options, format, FORMAT_JSON,
	    "json|lines|csv|value", "an array of objects, an object in each "
	    "line, CSV, or the first value alone"),
	JOB_INT(struct options, max_rows, 1000, 1, 1000000,
	    "more rows are an error"),
	JOB_INT(struct options, max_ms, 1000, 1, 5000,
	    "time that the query may take"),
	JOB_INT(struct options, max_bytes, 8 << 20, 1, 64 << 20,
	    "of the answer"),
	JOB_BOOL(struct options, storage, false,
	    "on the database in storage, in place of a file"),
	JOB_BOOL(struct options, write, false, "the query may write to it"),
	JOB_END
};

/*--- values of the client --------------------------------------------------*/

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return (c - '0');
	c |= 0x20;
	return (c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1);
}

/* Percent signs and pluses of a part of a URL, in place. */
static size_t
decode(char *s, size_t len)
{
	size_t to = 0;

	for (size_t i = 0; i < len; i++, to++) {
		s[to] = s[i] == '+' ? ' ' : s[i];
		if (s[i] != '%' || i + 2 >= len || hex(s[i + 1]) < 0 ||
		    hex(s[i + 2]) < 0)
			continue;
		s[to] = (char)(hex(s[i + 1]) << 4 | hex(s[i + 2]));
		i += 2;
	}
	return (to);
}

/* ?a=1&b=x; the first of a name counts. */
static void
add_query_string(struct json_object *values, const char *url)
{
	const char *from = strchr(url, '?');
	char *part, *rest, *value;
	size_t len;

	if (from == NULL)
		return;
	rest = strdup(from + 1);
	while (rest != NULL && (part = strsep(&rest, "&")) != NULL) {
		value = strchr(part, '=');
		if (value == NULL)
			continue;
		*value++ = '\0';
		len = decode(value, strlen(value) + 1) - 1;
		part[decode(part, strlen(part) + 1) - 1] = '\0';
		if (!json_object_object_get_ex(values, part, NULL))
			json_object_object_add(values, part,
			    json_object_new_string_len(value, (int)len));
	}
}

static int
add_body(struct job *job, struct json_object **values)
{
	struct json_tokener *t = json_tokener_new();
	struct json_object *body = NULL;

	if (t != NULL && job->in_len <= QUERY_MAX)
		body = json_tokener_parse_ex(t, job->in, (int)job->in_len);
	if (t != NULL && body == NULL && json_tokener_get_error(t) ==
	    json_tokener_continue)
		body = json_tokener_parse_ex(t, "", 1);
	if (t != NULL)
		json_tokener_free(t);
	if (json_object_is_type(body, json_type_array))
		*values = body;
	else if (json_object_is_type(body, json_type_object)) {
		json_object_object_foreach(body, name, v)
			json_object_object_add(*values, name,
			    json_object_get(v));
	} else
		return (job_fail(job, 400, "the body is no object and no list "
		    "of JSON with at most %d bytes", QUERY_MAX));
	return (0);
}

static int
add_params(struct job *job, const char *text, struct json_object **values)
{
	struct json_object *params = json_tokener_parse(text);

	if (json_object_is_type(params, json_type_array))
		*values = params;
	else if (json_object_is_type(params, json_type_object) &&
	    json_object_is_type(*values, json_type_object)) {
		json_object_object_foreach(params, name, v)
			json_object_object_add(*values, name,
			    json_object_get(v));
	} else if (json_object_is_type(params, json_type_object))
		*values = params;
	else
		return (job_fail(job, 400, "option \"params\" is an object or "
		    "a list"));
	return (0);
}

static int
read_values(struct job *job, const struct options *o,
    struct json_object **values)
{
	*values = json_object_new_object();
	add_query_string(*values, job->url);
	if (job->in_len != 0 && add_body(job, values) != 0)
		return (-1);
	return (o->params != NULL ? add_params(job, o->params, values) : 0);
}

/*--- a file ----------------------------------------------------------------*/

static sqlite3 *db;
static struct text out;

/* As a URI: nobody changes the file while it is read, so nobody locks it. */
static int
open_file(struct job *job, const char *path)
{
	struct text uri = {0};

	text_str(&uri, "file:");
	for (; *path != '\0'; path++)
		if (strchr("%?#", *path) != NULL)
			text_printf(&uri, "%%%02x", *path);
		else
			text_char(&uri, *path);
	text_add(&uri, "?immutable=1", sizeof "?immutable=1");
	if (uri.failed || sqlite3_open_v2(uri.data, &db, SQLITE_OPEN_READONLY |
	    SQLITE_OPEN_URI, NULL) != SQLITE_OK) {
		free(uri.data);
		return (job_fail(job, 404, "the database cannot be opened; is "
		    "it one of allowed_paths?"));
	}
	free(uri.data);
	return (query_restrict(job, db));
}

static int
check(struct job *job, const struct options *o)
{
	if (o->query == NULL)
		return (job_fail(job, 400, "option \"query\" is missing"));
	if (o->storage)
		return (o->database == NULL ? 0 : job_fail(job, 400,
		    "option \"database\" is for files, not for storage"));
	if (o->write)
		return (job_fail(job, 400,
		    "option \"write\" is for storage, not for files"));
	return (o->database != NULL ? 0 : job_fail(job, 400,
	    "option \"database\" is missing"));
}

static int
run(struct job *job, const void *chosen)
{
	static const char *const types[] = {"application/json",
	    "application/x-ndjson", "text/csv; charset=utf-8", "text/plain"};
	const struct options *o = chosen;
	struct limits limits = {o->format, o->write, o->max_rows, o->max_ms,
	    o->max_bytes};
	struct json_object *values;

	if (check(job, o) != 0 || read_values(job, o, &values) != 0)
		return (-1);
	if (o->storage) {
		if (store_call(job, o->query, &limits, values, &out) != 0)
			return (-1);
	} else if (open_file(job, o->database) != 0 ||
	    query_run(job, db, o->query, &limits, values, &out) != 0)
		return (-1);
	return (job_answer(job, types[o->format], out.data, out.len));
}

static void
again(void)
{
	(void)sqlite3_close(db);
	free(out.data);
	db = NULL;
	memset(&out, 0, sizeof out);
}

static const struct job_program program = {
	.name = "sqlite",
	.summary = "A query on an SQLite file, or on a database in storage.",
	.options = options,
	.options_size = sizeof(struct options),
	.run = run,
	.prepare = store_prepare,
	.url = JOB_URL_NOTHING,
	.again = again,
};

int
main(int argc, char **argv)
{
	return (job_main(&program, argc, argv));
}
