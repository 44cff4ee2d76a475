/* SPDX-License-Identifier: BSD-2-Clause */
/* csv: CSV to JSON, and JSON to CSV. */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "csv.h"

enum to { JSON, CSV };

static const struct job_option options[] = {
	JOB_CHOICE(struct options, to, JSON, "json|csv", "what comes out"),
	JOB_STR(struct options, delimiter, ",", 4, "between fields: one "
	    "character, or auto: of , ; | and tab the most frequent one of "
	    "the first line"),
	JOB_STR(struct options, quote, "\"", 1, "around fields"),
	JOB_BOOL(struct options, header, true,
	    "the first row of CSV is the columns' names"),
	JOB_JSON(struct options, columns, "a list of names: of the columns "
	    "that come out, in this order; without header, of all"),
	JOB_BOOL(struct options, types, true, "to JSON: what looks like a "
	    "number, true or false is one, nothing is null"),
	JOB_BOOL(struct options, lines, false,
	    "to JSON: a line for each row in place of one array"),
	JOB_BOOL(struct options, ragged, false, "to JSON: rows may be shorter "
	    "or longer than the header; what is too much is left out"),
	JOB_END
};

static int
read_columns(struct job *job, const char *json, struct columns *to)
{
	struct json_object *list, *name;

	memset(to, 0, sizeof *to);
	if (json == NULL)
		return (0);
	list = json_tokener_parse(json);
	to->n = json_object_is_type(list, json_type_array) ?
	    json_object_array_length(list) : 0;
	if (to->n == 0 || to->n > COLUMNS_MAX)
		return (job_fail(job, 400, "option \"columns\" is a list of "
		    "1 to %d names", COLUMNS_MAX));
	to->name = calloc(to->n, sizeof *to->name);
	for (size_t i = 0; to->name != NULL && i < to->n; i++) {
		name = json_object_array_get_idx(list, i);
		if (!json_object_is_type(name, json_type_string))
			return (job_fail(job, 400,
			    "option \"columns\" is a list of names"));
		to->name[i] = strdup(json_object_get_string(name));
	}
	json_object_put(list);
	return (to->name != NULL ? 0 : job_fail(job, 500, "not enough memory"));
}

/* Which of them the first line has most of, outside of quotes. */
static char
guess_delimiter(const struct job *job, char quote)
{
	static const char candidates[] = ",;\t|";
	const char *in = job->in, *found;
	size_t count[sizeof candidates] = {0}, best = 0;
	bool quoted = false;

	for (size_t i = 0; i < job->in_len; i++) {
		if (in[i] == quote)
			quoted = !quoted;
		else if (in[i] == '\n' && !quoted)
			break;
		found = quoted ? NULL : memchr(candidates, in[i], 4);
		if (found != NULL)
			count[found - candidates]++;
	}
	for (size_t i = 1; i < 4; i++)
		if (count[i] > count[best])
			best = i;
	return (candidates[best]);
}

static int
choose_delimiter(struct job *job, const struct options *o, char *delimiter)
{
	const char *bad = "\r\n";

	if (o->quote[0] == '\0' || strchr(bad, o->quote[0]) != NULL ||
	    (o->quote[0] & 0x80) != 0)
		return (job_fail(job, 400, "option \"quote\" is one character "
		    "of ASCII"));
	if (strcmp(o->delimiter, "auto") == 0 && o->to == JSON) {
		*delimiter = guess_delimiter(job, o->quote[0]);
		return (0);
	}
	*delimiter = strcmp(o->delimiter, "auto") == 0 ? ',' :
	    o->delimiter[0];
	if (*delimiter == '\0' || (*delimiter & 0x80) != 0 ||
	    *delimiter == o->quote[0] || strchr(bad, *delimiter) != NULL ||
	    (o->delimiter[1] != '\0' && strcmp(o->delimiter, "auto") != 0))
		return (job_fail(job, 400, "option \"delimiter\" is one "
		    "character of ASCII and not the quote, or auto"));
	if (o->to == CSV && o->quote[0] != '"')
		return (job_fail(job, 400, "option \"quote\" is \" in CSV "
		    "that comes out"));
	return (0);
}

static struct text out;
static struct columns columns;

static int
run(struct job *job, const void *chosen)
{
	const struct options *o = chosen;
	char delimiter = ',';
	int r;

	if (read_columns(job, o->columns, &columns) != 0 ||
	    choose_delimiter(job, o, &delimiter) != 0)
		return (-1);
	r = o->to == JSON ?
	    csv_to_json(job, o, &columns, delimiter, &out) :
	    csv_from_json(job, o, &columns, delimiter, &out);
	if (r != 0)
		return (-1);
	if (out.failed)
		return (job_fail(job, 413, "not enough memory"));
	return (job_answer(job, o->to == CSV ? "text/csv; charset=utf-8" :
	    o->lines ? "application/x-ndjson" : "application/json", out.data,
	    out.len));
}

static void
again(void)
{
	for (size_t i = 0; columns.name != NULL && i < columns.n; i++)
		free(columns.name[i]);
	free(columns.name);
	free(out.data);
	memset(&columns, 0, sizeof columns);
	memset(&out, 0, sizeof out);
}

static const struct job_program program = {
	.name = "csv",
	.summary = "CSV to JSON, and JSON to CSV.",
	.options = options,
	.options_size = sizeof(struct options),
	.run = run,
	.bare = "to",
	.again = again,
};

int
main(int argc, char **argv)
{
	return (job_main(&program, argc, argv));
}
