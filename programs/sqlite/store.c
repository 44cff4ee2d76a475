/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The database in storage: in memory, and every second, when something has
 * changed, in the file `state`.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kvm_api.h"
#include "query.h"

#define DATABASE_MAX (64 << 20)
#define PAGE_SIZE 4096
#define SAVE_EVERY_MS 1000

static sqlite3 *db;
static bool changed;

/*--- the file --------------------------------------------------------------*/

/* SQLite frees the image. It attaches it, which bound() forbids again. */
static int
take_image(unsigned char *data, uint64_t len)
{
	(void)sqlite3_set_authorizer(db, NULL, NULL);
	(void)sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 1);
	return (sqlite3_deserialize(db, "main", data, (sqlite3_int64)len,
	    (sqlite3_int64)len, SQLITE_DESERIALIZE_RESIZEABLE |
	    SQLITE_DESERIALIZE_FREEONCLOSE) == SQLITE_OK ? 0 : -1);
}

/* Of a new database or a new image. */
static int
bound(struct job *job)
{
	char pages[64];

	(void)snprintf(pages, sizeof pages, "PRAGMA max_page_count = %d",
	    DATABASE_MAX / PAGE_SIZE);
	(void)sqlite3_set_authorizer(db, NULL, NULL);
	if (sqlite3_exec(db, pages, NULL, NULL, NULL) != SQLITE_OK)
		return (job_fail(job, 422, "its state file is no database: %s",
		    sqlite3_errmsg(db)));
	return (query_restrict(job, db));
}

/* All of the file, for SQLite to free; NULL: there is none. */
static unsigned char *
read_file(size_t *len)
{
	FILE *f = fopen("state", "rb");
	unsigned char *data = NULL;

	if (f == NULL)
		return (NULL);
	data = sqlite3_malloc64(DATABASE_MAX);
	*len = data != NULL ? fread(data, 1, DATABASE_MAX, f) : 0;
	(void)fclose(f);
	if (*len != 0)
		return (data);
	sqlite3_free(data);
	return (NULL);
}

static void
load(void)
{
	size_t len;
	unsigned char *data = read_file(&len);

	if (data != NULL && take_image(data, len) != 0)
		fputs("its state file is no database\n", stderr);
}

/* The host lets the file change whole or not at all. */
static bool
write_file(const unsigned char *data, size_t len)
{
	FILE *f = fopen("state", "wb");
	bool done;

	if (f == NULL)
		return (false);
	done = fwrite(data, 1, len, f) == len;
	return (fclose(f) == 0 && done);
}

static void
save(void *arg, size_t arg_len)
{
	static bool told;
	sqlite3_int64 len;
	unsigned char *data;

	(void)arg;
	(void)arg_len;
	if (!changed)
		return;
	data = sqlite3_serialize(db, "main", &len, 0);
	if (data != NULL && write_file(data, (size_t)len))
		changed = false;
	else if (!told) {
		fputs("its state file cannot be written\n", stderr);
		told = true;
	}
	sqlite3_free(data);
}

static void
on_live_update(void)
{
	sqlite3_int64 len;
	unsigned char *data = sqlite3_serialize(db, "main", &len, 0);

	storage_return(data, data != NULL ? (size_t)len : 0);
	sqlite3_free(data);
}

static void
on_live_restore(size_t len)
{
	unsigned char *data = len != 0 && len <= DATABASE_MAX ?
	    sqlite3_malloc64(len) : NULL;
	struct job job;

	storage_return(data, data != NULL ? len : 0);
	if (data == NULL)
		return;
	if (take_image(data, len) != 0)
		fputs("the old program's database cannot be taken over\n",
		    stderr);
	(void)bound(&job);
	changed = true;
}

/*--- queries ---------------------------------------------------------------*/

/* What comes back: the rows or the reason, then a status. */
static void
work(size_t n, struct virtbuffer buf[], size_t res)
{
	static struct text out;
	static struct job job;
	struct limits limits;
	struct json_object *values;
	int status = 200;

	(void)res;
	if (n != 3 || buf[0].len != sizeof limits || buf[1].len == 0 ||
	    buf[2].len == 0)
		storage_noreturn(NULL, 0);
	memcpy(&limits, buf[0].data, sizeof limits);
	values = json_tokener_parse(buf[2].data);
	memset(&out, 0, sizeof out);
	if (query_run(&job, db, buf[1].data, &limits, values, &out) != 0) {
		status = job.status;
		out.len = 0;
		out.failed = false;
		text_str(&out, job.why);
	}
	json_object_put(values);
	text_add(&out, &status, sizeof status);
	storage_return(out.data, out.len);
	free(out.data);
}

static int
on_commit(void *data)
{
	*(bool *)data = true;
	return (0);
}

int
store_prepare(struct job *job, const void *chosen)
{
	(void)chosen;
	if (!IS_STORAGE())
		return (0);
	(void)sqlite3_config(SQLITE_CONFIG_MEMDB_MAXSIZE,
	    (sqlite3_int64)DATABASE_MAX);
	if (sqlite3_open(":memory:", &db) != SQLITE_OK)
		return (job_fail(job, 500, "not enough memory"));
	load();
	sqlite3_commit_hook(db, on_commit, &changed);
	if (bound(job) != 0)
		return (-1);
	STORAGE_ALLOW(work);
	STORAGE_ALLOW(save);
	set_on_live_update(on_live_update);
	set_on_live_restore(on_live_restore);
	if (sys_storage_task(save, NULL, 0, SAVE_EVERY_MS, SAVE_EVERY_MS) < 0)
		return (job_fail(job, 500, "there is no timer"));
	return (0);
}

int
store_call(struct job *job, const char *sql, const struct limits *limits,
    struct json_object *values, struct text *out)
{
	struct limits l = *limits;
	struct virtbuffer buf[3] = {{&l, sizeof l}, {NULL, strlen(sql) + 1},
	    {NULL, 0}};
	const char *json = json_object_to_json_string(values);
	size_t room = (size_t)limits->max_bytes + sizeof(int) + 1024;
	char *to;
	int status;
	long n;

	if (IS_LINUX_MAIN())
		return (job_fail(job, 500, "storage is in a machine only"));
	memcpy(&buf[1].data, &sql, sizeof sql);
	memcpy(&buf[2].data, &json, sizeof json);
	buf[2].len = strlen(json) + 1;
	to = text_room(out, room);
	n = to == NULL ? -1 : storage_callv(work, 3, buf, to, room);
	if (n < (long)sizeof status || (size_t)n > room)
		return (job_fail(job, 503, "storage does not answer"));
	out->len = (size_t)n - sizeof status;
	memcpy(&status, to + out->len, sizeof status);
	if (status != 200)
		return (job_fail(job, status, "%.*s", (int)out->len, to));
	return (0);
}
