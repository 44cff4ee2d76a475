/* SPDX-License-Identifier: BSD-2-Clause */
/* A query: what it may do, its parameters, its rows as text. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base64.h"
#include "query.h"

/* Steps of SQLite's machine between two looks at the clock. */
#define STEPS 200000
#define COLUMNS_MAX 1000

/*--- what SQL may do -------------------------------------------------------*/

static bool
is_one_of(const char *name, const char *const *list)
{
	for (; *list != NULL; list++)
		if (name != NULL && sqlite3_stricmp(name, *list) == 0)
			return (true);
	return (false);
}

static bool
pragma_reads(const char *name, const char *value)
{
	static const char *const with_value[] = {"table_info", "table_xinfo",
	    "index_list", "index_info", "index_xinfo", "foreign_key_list",
	    NULL};
	static const char *const without[] = {"table_list", "database_list",
	    "user_version", "schema_version", "application_id", "encoding",
	    "page_count", "page_size", "data_version", NULL};

	return (is_one_of(name, with_value) ||
	    (value == NULL && is_one_of(name, without)));
}

/* Of the query under way. */
static bool may_write, denied;

static bool
allowed(int action, const char *a, const char *b)
{
	static const char *const forbidden[] = {"load_extension", "readfile",
	    "writefile", "edit", "fts3_tokenizer", NULL};

	switch (action) {
	case SQLITE_SELECT:
	case SQLITE_READ:
	case SQLITE_RECURSIVE:
		return (true);
	case SQLITE_FUNCTION:
		return (!is_one_of(b, forbidden));
	case SQLITE_PRAGMA:
		return (pragma_reads(a, b));
	case SQLITE_ATTACH:
	case SQLITE_DETACH:
	case SQLITE_TRANSACTION:
	case SQLITE_SAVEPOINT:
		return (false);
	default:
		return (may_write);
	}
}

static int
authorise(void *data, int action, const char *a, const char *b,
    const char *database, const char *trigger)
{
	(void)data;
	(void)database;
	(void)trigger;
	if (allowed(action, a, b))
		return (SQLITE_OK);
	denied = true;
	return (SQLITE_DENY);
}

int
query_restrict(struct job *job, sqlite3 *db)
{
	static const int limits[][2] = {{SQLITE_LIMIT_LENGTH, 16 << 20},
	    {SQLITE_LIMIT_SQL_LENGTH, QUERY_MAX},
	    {SQLITE_LIMIT_COLUMN, COLUMNS_MAX}, {SQLITE_LIMIT_EXPR_DEPTH, 100},
	    {SQLITE_LIMIT_COMPOUND_SELECT, 50},
	    {SQLITE_LIMIT_VDBE_OP, 200000}, {SQLITE_LIMIT_FUNCTION_ARG, 32},
	    {SQLITE_LIMIT_ATTACHED, 0}, {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 100},
	    {SQLITE_LIMIT_VARIABLE_NUMBER, 1000},
	    {SQLITE_LIMIT_TRIGGER_DEPTH, 10}};

	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
		(void)sqlite3_limit(db, limits[i][0], limits[i][1]);
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0,
	    NULL);
	if (sqlite3_exec(db, "PRAGMA temp_store = MEMORY; "
	    "PRAGMA cell_size_check = ON", NULL, NULL, NULL) != SQLITE_OK ||
	    sqlite3_set_authorizer(db, authorise, NULL) != SQLITE_OK)
		return (job_fail(job, 422, "the database cannot be used: %s",
		    sqlite3_errmsg(db)));
	return (0);
}

static int64_t
now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (t.tv_sec * 1000 + t.tv_nsec / 1000000);
}

/* Until when it may run; 0: not known yet, since the clock is the host's. */
struct patience {
	int64_t ms, until;
};

static int
is_late(void *data)
{
	struct patience *p = data;

	if (p->until != 0)
		return (now_ms() > p->until);
	p->until = now_ms() + p->ms;
	return (0);
}

/*--- parameters ------------------------------------------------------------*/

static int
bind(sqlite3_stmt *s, int i, struct json_object *v)
{
	const char *text;

	switch (json_object_get_type(v)) {
	case json_type_null:
		return (sqlite3_bind_null(s, i));
	case json_type_boolean:
		return (sqlite3_bind_int(s, i, json_object_get_boolean(v)));
	case json_type_int:
		return (sqlite3_bind_int64(s, i, json_object_get_int64(v)));
	case json_type_double:
		return (sqlite3_bind_double(s, i, json_object_get_double(v)));
	case json_type_string:
		return (sqlite3_bind_text(s, i, json_object_get_string(v),
		    json_object_get_string_len(v), SQLITE_TRANSIENT));
	default:
		text = json_object_to_json_string_ext(v,
		    JSON_C_TO_STRING_PLAIN);
		return (sqlite3_bind_text(s, i, text, -1, SQLITE_TRANSIENT));
	}
}

static int
bind_all(struct job *job, sqlite3_stmt *s, struct json_object *values)
{
	struct json_object *v;
	const char *name;
	bool found;

	for (int i = 1; i <= sqlite3_bind_parameter_count(s); i++) {
		name = sqlite3_bind_parameter_name(s, i);
		v = NULL;
		if (json_object_is_type(values, json_type_array)) {
			found = (size_t)i <= json_object_array_length(values);
			if (found)
				v = json_object_array_get_idx(values,
				    (size_t)i - 1);
		} else
			found = name != NULL && values != NULL &&
			    json_object_object_get_ex(values, name + 1, &v);
		if (!found)
			return (job_fail(job, 400, "there is no value for "
			    "parameter %d, %.200s", i, name != NULL ? name :
			    "?"));
		if (bind(s, i, v) != SQLITE_OK)
			return (job_fail(job, 413, "the value of parameter %d "
			    "is too long", i));
	}
	return (0);
}

/*--- rows ------------------------------------------------------------------*/

static void
add_number(struct text *out, double d, bool json)
{
	char text[40];

	if (!isfinite(d)) {
		text_str(out, json ? "null" : d > 0 ? "Inf" : "-Inf");
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		(void)snprintf(text, sizeof text, "%.*g", digits, d);
		if (strtod(text, NULL) == d)
			break;
	}
	text_str(out, text);
	/* It was no integer, and shall not be one for who reads it. */
	if (strpbrk(text, ".e") == NULL)
		text_str(out, ".0");
}

static void
add_text(struct text *out, const char *text, size_t len,
    enum format format)
{
	if (format == FORMAT_JSON || format == FORMAT_LINES)
		text_json(out, text, len);
	else if (format == FORMAT_CSV)
		text_csv(out, text, len, ',');
	else
		text_add(out, text, len);
}

static void
add_blob(struct text *out, sqlite3_stmt *s, int i, enum format format)
{
	size_t len = (size_t)sqlite3_column_bytes(s, i);
	char *text = malloc(BASE64_ENCODED(len));

	if (text == NULL) {
		out->failed = true;
		return;
	}
	len = base64_encode(sqlite3_column_blob(s, i), len, false, text);
	add_text(out, text, len, format);
	free(text);
}

static void
add_value(struct text *out, sqlite3_stmt *s, int i, enum format format)
{
	bool json = format == FORMAT_JSON || format == FORMAT_LINES;

	switch (sqlite3_column_type(s, i)) {
	case SQLITE_INTEGER:
		text_printf(out, "%lld",
		    (long long)sqlite3_column_int64(s, i));
		break;
	case SQLITE_FLOAT:
		add_number(out, sqlite3_column_double(s, i), json);
		break;
	case SQLITE_NULL:
		if (json)
			text_str(out, "null");
		break;
	case SQLITE_BLOB:
		add_blob(out, s, i, format);
		break;
	default:
		add_text(out, (const char *)sqlite3_column_text(s, i),
		    (size_t)sqlite3_column_bytes(s, i), format);
		break;
	}
}

static int
check_names(struct job *job, sqlite3_stmt *s)
{
	int n = sqlite3_column_count(s), i, j;

	for (i = 0; i < n; i++)
		for (j = 0; j < i; j++)
			if (strcmp(sqlite3_column_name(s, i),
			    sqlite3_column_name(s, j)) == 0)
				return (job_fail(job, 400, "two columns are "
				    "called \"%.100s\"; name one with AS",
				    sqlite3_column_name(s, i)));
	return (0);
}

static void
add_row(struct text *out, sqlite3_stmt *s, enum format format)
{
	int n = sqlite3_column_count(s);
	const char *name;

	if (format == FORMAT_CSV) {
		for (int i = 0; i < n; i++) {
			if (i != 0)
				text_char(out, ',');
			add_value(out, s, i, format);
		}
		text_str(out, "\r\n");
		return;
	}
	for (int i = 0; i < n; i++) {
		name = sqlite3_column_name(s, i);
		text_char(out, i == 0 ? '{' : ',');
		text_json(out, name, strlen(name));
		text_char(out, ':');
		add_value(out, s, i, format);
	}
	text_char(out, '}');
}

static void
add_head(struct text *out, sqlite3_stmt *s, enum format format)
{
	const char *name;

	for (int i = 0; i < sqlite3_column_count(s) && format == FORMAT_CSV;
	    i++) {
		name = sqlite3_column_name(s, i);
		if (i != 0)
			text_char(out, ',');
		text_csv(out, name, strlen(name), ',');
	}
	if (format == FORMAT_CSV)
		text_str(out, "\r\n");
	if (format == FORMAT_JSON)
		text_char(out, '[');
}

/* All rows of a statement; a result of SQLite, or -1 after job_fail(). */
static int
step_all(struct job *job, sqlite3_stmt *s, const struct limits *l,
    struct text *out)
{
	enum format format = (enum format)l->format;
	int64_t rows = 0;
	int r;

	add_head(out, s, format);
	while ((r = sqlite3_step(s)) == SQLITE_ROW) {
		if (++rows > l->max_rows)
			return (job_fail(job, 413, "there are more than %lld "
			    "rows; LIMIT them, or set \"max_rows\"",
			    (long long)l->max_rows));
		if (format == FORMAT_VALUE) {
			if (rows == 1)
				add_value(out, s, 0, format);
			continue;
		}
		if (format == FORMAT_JSON && rows > 1)
			text_str(out, ",\n");
		add_row(out, s, format);
		if (format == FORMAT_LINES)
			text_char(out, '\n');
		if (out->failed || out->len > (size_t)l->max_bytes)
			return (job_fail(job, 413, "the rows have more than "
			    "%lld bytes", (long long)l->max_bytes));
	}
	if (format == FORMAT_JSON)
		text_str(out, "]\n");
	return (r);
}

/*--- statements ------------------------------------------------------------*/

/* What SQLite says, as a status. */
static int
fail(struct job *job, sqlite3 *db, int r)
{
	int status = 400;

	if (r < 0)
		return (-1);
	r &= 0xff;
	if (r == SQLITE_INTERRUPT)
		return (job_fail(job, 413, "the query takes longer than "
		    "\"max_ms\" allows"));
	if (denied)
		status = 403;
	else if (r == SQLITE_NOMEM || r == SQLITE_TOOBIG || r == SQLITE_FULL)
		status = 413;
	else if (r == SQLITE_CORRUPT || r == SQLITE_NOTADB)
		status = 422;
	else if (r == SQLITE_CONSTRAINT)
		status = 409;
	return (job_fail(job, status, "%s", sqlite3_errmsg(db)));
}

static int
run_one(struct job *job, sqlite3 *db, sqlite3_stmt *s,
    const struct limits *l, struct json_object *values, struct text *out)
{
	int r;

	if (bind_all(job, s, values) != 0 || check_names(job, s) != 0)
		return (-1);
	out->len = 0;
	r = step_all(job, s, l, out);
	return (r == SQLITE_DONE ? 0 : fail(job, db, r));
}

static int
run_all(struct job *job, sqlite3 *db, const char *sql,
    const struct limits *l, struct json_object *values, struct text *out)
{
	sqlite3_stmt *s;
	unsigned n = 0;
	int r;

	for (;;) {
		r = sqlite3_prepare_v2(db, sql, -1, &s, &sql);
		if (r != SQLITE_OK)
			return (fail(job, db, r));
		if (s == NULL && *sql == '\0')
			break;
		if (s == NULL)
			continue;
		if (n++ != 0 && !l->write) {
			(void)sqlite3_finalize(s);
			return (job_fail(job, 400,
			    "there is more than one statement"));
		}
		r = run_one(job, db, s, l, values, out);
		(void)sqlite3_finalize(s);
		if (r != 0)
			return (-1);
	}
	return (n != 0 ? 0 : job_fail(job, 400, "there is no statement"));
}

int
query_run(struct job *job, sqlite3 *db, const char *sql,
    const struct limits *l, struct json_object *values, struct text *out)
{
	static struct patience patience;
	int r;

	patience = (struct patience){.ms = l->max_ms};
	sqlite3_progress_handler(db, STEPS, is_late, &patience);
	may_write = l->write;
	denied = false;
	if (l->write) {
		(void)sqlite3_set_authorizer(db, NULL, NULL);
		r = sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);
		(void)sqlite3_set_authorizer(db, authorise, NULL);
		if (r != SQLITE_OK)
			return (fail(job, db, r));
	}
	r = run_all(job, db, sql, l, values, out);
	if (r == 0 && out->failed)
		r = job_fail(job, 413, "not enough memory");
	if (l->write) {
		sqlite3_progress_handler(db, 0, NULL, NULL);
		(void)sqlite3_set_authorizer(db, NULL, NULL);
		if (r == 0 && sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) !=
		    SQLITE_OK)
			r = fail(job, db, sqlite3_errcode(db));
		if (r != 0)
			(void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
		(void)sqlite3_set_authorizer(db, authorise, NULL);
	}
	return (r);
}
