/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The database in storage: in memory, and every second, when something has
 * changed, in the file `state`. Two images take turns there, each with a sum,
 * so that one is whole whenever the other is being written.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kvm_api.h"
#include "query.h"

#define DATABASE_MAX (64 << 20)
#define PAGE_SIZE 4096
#define MAGIC 0x31657461747371ull
#define SAVE_EVERY_MS 1000

static sqlite3 *db;
static bool changed;

/*--- the file --------------------------------------------------------------*/

/* Two of these at the file's start, PAGE_SIZE apart. */
struct slot {
	uint64_t magic, turn, at, len, sum;
};
static struct slot current;

static uint64_t
sum_of(const unsigned char *data, size_t len)
{
	uint64_t sum = 0xcbf29ce484222325u ^ len, x;

	for (; len >= sizeof x; data += sizeof x, len -= sizeof x) {
		memcpy(&x, data, sizeof x);
		sum = (sum ^ x) * 0x100000001b3u;
		sum ^= sum >> 29;
	}
	return (sum);
}

/* The image of a slot, or NULL when it is not whole. */
static unsigned char *
read_image(int fd, const struct slot *s)
{
	unsigned char *data;

	if (s->magic != MAGIC || s->len > DATABASE_MAX ||
	    s->at > 4ull * DATABASE_MAX)
		return (NULL);
	data = sqlite3_malloc64(s->len);
	if (data != NULL && pread(fd, data, s->len, (off_t)s->at) ==
	    (ssize_t)s->len && sum_of(data, s->len) == s->sum)
		return (data);
	sqlite3_free(data);
	return (NULL);
}

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
bound(void)
{
	struct job job;
	char pages[64];

	(void)snprintf(pages, sizeof pages, "PRAGMA max_page_count = %d",
	    DATABASE_MAX / PAGE_SIZE);
	(void)sqlite3_set_authorizer(db, NULL, NULL);
	if (sqlite3_exec(db, pages, NULL, NULL, NULL) != SQLITE_OK)
		return (-1);
	return (query_restrict(&job, db));
}

static void
load(void)
{
	struct slot slots[2] = {{0}, {0}};
	unsigned char *data = NULL;
	int fd = open("state", O_RDONLY), first;

	if (fd < 0)
		return;
	for (int i = 0; i < 2; i++)
		if (pread(fd, &slots[i], sizeof slots[i], i * PAGE_SIZE) !=
		    (ssize_t)sizeof slots[i])
			memset(&slots[i], 0, sizeof slots[i]);
	first = slots[1].turn > slots[0].turn;
	for (int i = 0; i < 2 && data == NULL; i++) {
		current = slots[i == 0 ? first : !first];
		data = read_image(fd, &current);
	}
	(void)close(fd);
	if (data == NULL) {
		memset(&current, 0, sizeof current);
		if (slots[0].magic != 0 || slots[1].magic != 0)
			fputs("its state file holds no database\n", stderr);
	} else if (take_image(data, current.len) != 0)
		fputs("the database of its state file is broken\n", stderr);
}

/* Where an image of this length does not touch the one that is there. */
static uint64_t
free_place(uint64_t len)
{
	if (current.magic == 0 || 2 * PAGE_SIZE + len <= current.at)
		return (2 * PAGE_SIZE);
	return (current.at + current.len);
}

static bool
write_image(int fd, const unsigned char *data, uint64_t len)
{
	struct slot next = {MAGIC, current.turn + 1, free_place(len), len,
	    sum_of(data, len)};

	if (pwrite(fd, data, len, (off_t)next.at) != (ssize_t)len ||
	    pwrite(fd, &next, sizeof next, (off_t)(next.turn % 2) *
	    PAGE_SIZE) != (ssize_t)sizeof next)
		return (false);
	current = next;
	return (true);
}

static void
save(void *arg, size_t arg_len)
{
	static bool told;
	sqlite3_int64 len;
	unsigned char *data;
	int fd;

	(void)arg;
	(void)arg_len;
	if (!changed)
		return;
	fd = open("state", O_WRONLY | O_CREAT, 0600);
	data = sqlite3_serialize(db, "main", &len, 0);
	if (fd >= 0 && data != NULL && write_image(fd, data, (uint64_t)len))
		changed = false;
	else if (!told) {
		fputs("its state file cannot be written\n", stderr);
		told = true;
	}
	sqlite3_free(data);
	if (fd >= 0)
		(void)close(fd);
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

	storage_return(data, data != NULL ? len : 0);
	if (data == NULL)
		return;
	if (take_image(data, len) != 0)
		fputs("the old program's database cannot be taken over\n",
		    stderr);
	(void)bound();
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
store_prepare(struct job *job, const void *options)
{
	(void)job;
	(void)options;
	if (IS_LINUX_MAIN() || !IS_STORAGE())
		return (0);
	(void)sqlite3_config(SQLITE_CONFIG_MEMDB_MAXSIZE,
	    (sqlite3_int64)DATABASE_MAX);
	if (sqlite3_open(":memory:", &db) != SQLITE_OK)
		return (-1);
	load();
	sqlite3_commit_hook(db, on_commit, &changed);
	if (bound() != 0)
		return (-1);
	STORAGE_ALLOW(work);
	STORAGE_ALLOW(save);
	set_on_live_update(on_live_update);
	set_on_live_restore(on_live_restore);
	return (sys_storage_task(save, NULL, 0, SAVE_EVERY_MS,
	    SAVE_EVERY_MS) < 0 ? -1 : 0);
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
