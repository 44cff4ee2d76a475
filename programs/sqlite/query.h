/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the files of sqlite: a query, and where it is run. */
#ifndef QUERY_H
#define QUERY_H

#include <json-c/json.h>
#include <sqlite3.h>

#include "text.h"
#include "job.h"

/* Queries, and what they are to be given, have at most so many bytes. */
#define QUERY_MAX 65536

enum format { FORMAT_JSON, FORMAT_LINES, FORMAT_CSV, FORMAT_VALUE };

/* What of the options is asked of a database; goes to storage as it is. */
struct limits {
	int format;
	bool write;
	int64_t max_rows, max_ms, max_bytes;
};

/*
 * An open database becomes one that keeps to the limits of SQL that nobody
 * trusts: no files, no extensions, little memory.
 */
int query_restrict(struct job *job, sqlite3 *db);
/*
 * Run statements, values for their parameters from `values` (an object by
 * name, or a list by position; NULL: none). What the last one gives is in *out,
 * in the format. Writing is one transaction. 0, or -1 after job_fail().
 */
int query_run(struct job *job, sqlite3 *db, const char *sql,
    const struct limits *limits, struct json_object *values,
    struct text *out);

/*--- storage ---------------------------------------------------------------*/

/* In storage, before it waits. 0 or -1. */
int store_prepare(struct job *job, const void *options);
/* In a request: the same as query_run() on the database of storage. */
int store_call(struct job *job, const char *sql, const struct limits *limits,
    struct json_object *values, struct text *out);

#endif
