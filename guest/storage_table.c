/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * storage_table: requests bring observations, storage (setting storage) keeps
 * one count per key. GET or POST of /count/KEY counts KEY and answers its
 * count; /report answers all counts as JSON. A live update takes the counts
 * along.
 * docs/nodes.md shows how several Varnish nodes divide the keys.
 */
#include <stdio.h>

#include "kvm_api.h"

#define KEYS_MAX 1024
#define KEY_SIZE 56

struct entry {
	char key[KEY_SIZE];		/* NUL-padded; "" is free */
	unsigned long count;
};

/* All entries that are in use, in the order in which they came. */
static struct entry table[KEYS_MAX];
static unsigned used;

/*--- in storage -----------------------------------------------------------*/

/* What find() looks up with: the first entry of each chain, and its links. */
static unsigned short first[KEYS_MAX], next[KEYS_MAX];	/* index + 1 */

static unsigned
hash(const char *key)
{
	unsigned h = 2166136261u;

	for (; *key != '\0'; key++)
		h = (h ^ (unsigned char)*key) * 16777619u;
	return (h % KEYS_MAX);
}

static struct entry *
find(const char *key)
{
	unsigned h = hash(key), i;

	for (i = first[h]; i != 0; i = next[i - 1])
		if (strcmp(table[i - 1].key, key) == 0)
			return (&table[i - 1]);
	if (used == KEYS_MAX)
		return (NULL);
	i = used++;
	strcpy(table[i].key, key);
	next[i] = first[h];
	first[h] = (unsigned short)(i + 1);
	return (&table[i]);
}

/* A request may have been taken over: what it sends is checked once more. */
static void
count(size_t n, struct virtbuffer buf[], size_t res)
{
	struct entry *e;
	char key[KEY_SIZE];

	(void)res;
	if (n != 1 || buf[0].len != sizeof key)
		storage_noreturn(NULL, 0);
	memcpy(key, buf[0].data, sizeof key);
	key[sizeof key - 1] = '\0';
	e = find(key);
	if (e != NULL) {
		e->count++;
		storage_return(&e->count, sizeof e->count);
	} else {
		storage_return_nothing();
	}
}

/* Only a copy: one call runs at a time, and many requests can make texts. */
static void
report(size_t n, struct virtbuffer buf[], size_t res)
{
	(void)n;
	(void)buf;
	(void)res;
	storage_return(table, used * sizeof table[0]);
}

static void
on_serialize(void)
{
	storage_return(table, used * sizeof table[0]);
}

static void
on_restore(size_t len)
{
	unsigned n = (unsigned)(len / sizeof table[0]);

	storage_return(table, sizeof table);
	for (used = 0; used < n && used < KEYS_MAX; used++) {
		unsigned h = hash(table[used].key);

		next[used] = first[h];
		first[h] = (unsigned short)(used + 1);
	}
}

/*--- in requests ----------------------------------------------------------*/

static void
answer_count(const char *name)
{
	char key[KEY_SIZE] = "", text[32];
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");
	unsigned long now;

	if (n == 0 || n >= sizeof key || name[n] != '\0')
		backend_response_str(400, "text/plain", "a key has 1 to 55 "
		    "letters, digits or -_.\n");
	memcpy(key, name, n);
	if (storage_call(count, key, sizeof key, &now, sizeof now) !=
	    sizeof now)
		backend_response_str(503, "text/plain", "no room, or storage "
		    "failed\n");
	n = (size_t)snprintf(text, sizeof text, "%lu\n", now);
	backend_response(200, "text/plain", 10, text, n);
}

static void
answer_report(void)
{
	static char text[KEYS_MAX * (KEY_SIZE + 32) + 16];
	long len = storage_call(report, NULL, 0, table, sizeof table);
	size_t n = 1;

	if (len < 0)
		backend_response_str(503, "text/plain", "storage failed\n");
	text[0] = '{';
	for (size_t i = 0; i < (size_t)len / sizeof table[0]; i++)
		n += (size_t)sprintf(text + n, "%s\n  \"%s\": %lu",
		    i == 0 ? "" : ",", table[i].key, table[i].count);
	n += (size_t)sprintf(text + n, "\n}\n");
	backend_response(200, "application/json", 16, text, n);
}

static void
on_get(const char *url, const char *arg)
{
	(void)arg;
	if (strncmp(url, "/count/", 7) == 0)
		answer_count(url + 7);
	if (strcmp(url, "/report") == 0)
		answer_report();
	backend_response_str(404, "text/plain", "/count/KEY or /report\n");
}

static void
on_post(const char *url, const char *arg, const char *type,
    const uint8_t *data, size_t len)
{
	(void)type;
	(void)data;
	(void)len;
	on_get(url, arg);
}

int
main(void)
{
	if (IS_LINUX_MAIN()) {
		fprintf(stderr, "storage_table runs in a machine only\n");
		return (2);
	}
	if (IS_STORAGE()) {
		STORAGE_ALLOW(count);
		STORAGE_ALLOW(report);
		set_on_live_update(on_serialize);
		set_on_live_restore(on_restore);
	}
	set_backend_get(on_get);
	set_backend_post(on_post);
	wait_for_requests();
}
