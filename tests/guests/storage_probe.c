/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * storage_probe.c: calls storage in the way its URL says and answers the result
 * and what came back. First argument: "allow", only add() may be called;
 * "lies", at a live update it says more of its state than there is; "moves",
 * it says what it is.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kvm_api.h"

static unsigned long sum, tasks;
static char text[256], journal[64];
static unsigned char large[65u << 20];
#define LARGE ((size_t)3 << 20)
static _Atomic unsigned long *shared;

/*--- functions in storage -------------------------------------------------*/

/* Adds up all bytes of all buffers; gives back the sum. */
static void
add(size_t n, struct virtbuffer buf[], size_t res)
{
	(void)res;
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < buf[i].len; j++)
			sum += ((unsigned char *)buf[i].data)[j];
	storage_return(&sum, sizeof sum);
	/* What is done behind the result still counts. */
	sum++;
}

static void
number(size_t n, struct virtbuffer buf[], size_t res)
{
	(void)n, (void)buf, (void)res;
	storage_noreturn(NULL, 42);
}

static void
negative(size_t n, struct virtbuffer buf[], size_t res)
{
	(void)n, (void)buf, (void)res;
	storage_return(NULL, (size_t)-7);
}

static void
silent(size_t n, struct virtbuffer buf[], size_t res)
{
	(void)n, (void)buf, (void)res;
}

static void
crash(size_t n, struct virtbuffer buf[], size_t res)
{
	(void)n, (void)buf, (void)res;
	sum += 1000;
	__builtin_trap();
}

static void
crash_behind(size_t n, struct virtbuffer buf[], size_t res)
{
	(void)n, (void)buf, (void)res;
	sum += 1000;
	storage_return(&sum, sizeof sum);
	__builtin_trap();
}

static void
loop(size_t n, struct virtbuffer buf[], size_t res)
{
	(void)n, (void)buf, (void)res;
	for (;;)
		__asm__ volatile("");
}

static void
bad_result(size_t n, struct virtbuffer buf[], size_t res)
{
	(void)n, (void)buf, (void)res;
	storage_return((void *)0x7fff00000000, 8);
}

static void
http(size_t n, struct virtbuffer buf[], size_t res)
{
	(void)n, (void)buf, (void)res;
	http_append_str(BERESP, "X-Bad: from storage");
	storage_return(NULL, 0);
}

static void
calls_itself(size_t n, struct virtbuffer buf[], size_t res)
{
	long r = storage_call(add, "x", 1, NULL, 0);

	(void)n, (void)buf, (void)res;
	storage_return(NULL, (size_t)r);
}

/* Adds one to what is shared, if storage sees it. */
static void
share(size_t n, struct virtbuffer buf[], size_t res)
{
	unsigned long now;

	(void)n, (void)buf, (void)res;
	if (shared == NULL)
		storage_return(NULL, 0);
	now = ++*shared;
	storage_return(&now, sizeof now);
}

/* Counts in memory at an address of its own (setting remapping). */
static void
count_far(size_t n, struct virtbuffer buf[], size_t res)
{
	unsigned long *far = (unsigned long *)(uintptr_t)0xC000000000;

	(void)n, (void)buf, (void)res;
	++*far;
	storage_return(far, sizeof *far);
}

static void
read_journal(size_t n, struct virtbuffer buf[], size_t res)
{
	(void)n, (void)buf, (void)res;
	storage_return(journal, strlen(journal));
}

/* All buffers behind what is there already; gives all of it back. */
static void
append(size_t n, struct virtbuffer buf[], size_t res)
{
	size_t len = strlen(journal);

	(void)res;
	for (size_t i = 0; i < n && len + buf[i].len < sizeof journal; i++) {
		memcpy(journal + len, buf[i].data, buf[i].len);
		len += buf[i].len;
	}
	storage_return(journal, len);
}

static void
task(void *data, size_t len)
{
	tasks++;
	if (strlen(journal) + len < sizeof journal)
		strncat(journal, data, len);
}

/* Between its two marks it takes a while. */
static void
slow_task(void *data, size_t len)
{
	struct timespec from, now;

	(void)data, (void)len;
	strcat(journal, "<");
	clock_gettime(CLOCK_MONOTONIC, &from);
	do
		clock_gettime(CLOCK_MONOTONIC, &now);
	while ((now.tv_sec - from.tv_sec) * 1000 +
	    (now.tv_nsec - from.tv_nsec) / 1000000 < 1500);
	strcat(journal, ">");
}

/* Tasks of 1 MiB each while storage is busy, here: how many had no room. */
static void
flood(size_t n, struct virtbuffer buf[], size_t res)
{
	size_t refused = 0;

	(void)n, (void)buf, (void)res;
	for (int i = 0; i < 100; i++)
		refused += sys_storage_task(task, large, 1 << 20, 0, 0) < 0;
	storage_return(NULL, refused);
}

static void
lie_of_state(void)
{
	/* All of the address space may be read: an offer to believe. */
	storage_return(calloc(1, 1 << 20), (size_t)1 << 40);
}

static void
give_state(void)
{
	storage_return(&sum, sizeof sum);
}

static void
take_state(size_t len)
{
	storage_return(&sum, len);
}

static void
lie_of_room(size_t len)
{
	(void)len;
	storage_return(calloc(1, 1 << 20), (size_t)700 << 20);
}

/*--- in requests ----------------------------------------------------------*/

static const struct {
	const char *url;
	storage_func func;
} ways[] = {
	{"/number", number}, {"/negative", negative}, {"/silent", silent},
	{"/crash", crash}, {"/crash-behind", crash_behind}, {"/loop", loop},
	{"/http", http}, {"/itself", calls_itself}, {"/flood", flood},
};

static void
answer(long r, unsigned long value)
{
	snprintf(text, sizeof text, "%ld %lu", r, value);
	backend_response_str(200, "text/plain", text);
}

static void
on_task(const char *url, const char *arg)
{
	long r = -2;

	if (strcmp(url, "/task/now") == 0)
		r = sys_storage_task(task, arg, strlen(arg), 0, 0);
	else if (strcmp(url, "/task/slow") == 0)
		r = sys_storage_task(slow_task, "", 0, 0, 0);
	else if (strcmp(url, "/task/later") == 0)
		r = sys_storage_task(task, arg, strlen(arg), 100, 0);
	else if (strcmp(url, "/task/often") == 0)
		r = sys_storage_task(task, arg, strlen(arg), 0, 20);
	else if (strcmp(url, "/task/many") == 0)
		for (int i = 0; i < 16; i++)
			r = sys_storage_task(task, arg, strlen(arg), 100000,
			    0);
	else if (strcmp(url, "/task/stop") == 0)
		r = stop_storage_task(atol(arg));
	else if (strcmp(url, "/task/stop-all") == 0)
		for (long i = r = 0; i < 15; i++)
			r += stop_storage_task(i);
	else if (strcmp(url, "/task/huge") == 0)
		r = sys_storage_task(task, large, (2 << 20) + 1, 0, 0);
	answer(r, 0);
}

static void
on_get(const char *url, const char *arg)
{
	struct virtbuffer buf[65];
	unsigned long value = 0;
	long r;

	memset(buf, 0, sizeof buf);
	if (strncmp(url, "/task/", 6) == 0)
		on_task(url, arg);
	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
		if (strcmp(url, ways[i].url) == 0)
			answer(storage_call(ways[i].func, "x", 1, NULL, 0), 0);
	if (strcmp(url, "/journal") == 0) {
		r = storage_call(read_journal, NULL, 0, text, sizeof text - 1);
		backend_response(200, "text/plain", 10, text,
		    r < 0 ? 0 : (size_t)r);
	}
	if (strcmp(url, "/append") == 0) {
		for (size_t i = 0; i < 8; i++)
			buf[i] = (struct virtbuffer){(void *)(arg + i), 1};
		r = storage_callv(append, 8, buf, text, sizeof text - 1);
		backend_response(200, "text/plain", 10, text,
		    r < 0 ? 0 : (size_t)r);
	}
	if (strcmp(url, "/shared") == 0) {
		++*shared;
		r = storage_call(share, NULL, 0, &value, sizeof value);
	} else if (strcmp(url, "/far") == 0) {
		r = storage_call(count_far, NULL, 0, &value, sizeof value);
	} else if (strcmp(url, "/large") == 0) {
		memset(large, 1, LARGE);
		r = storage_call(add, large, LARGE, &value, sizeof value);
	} else if (strcmp(url, "/larger") == 0) {
		memset(large, 1, 2 * LARGE);
		r = storage_call(add, large, 2 * LARGE, &value, sizeof value);
	} else if (strcmp(url, "/too-large") == 0) {
		r = storage_call(add, large, sizeof large, &value,
		    sizeof value);
	} else if (strcmp(url, "/many") == 0) {
		r = storage_callv(add, 65, buf, &value, sizeof value);
	} else if (strcmp(url, "/short") == 0) {
		r = storage_call(add, "\1", 1, &value, 1);
	} else if (strcmp(url, "/wild") == 0) {
		r = storage_call(add, (void *)0x7fff00000000, 1, NULL, 0);
	} else if (strcmp(url, "/no-function") == 0) {
		r = storage_call((storage_func)(uintptr_t)text, "x", 1, NULL,
		    0);
	} else if (strcmp(url, "/bad-result") == 0) {
		r = storage_call(bad_result, "x", 1, &value, sizeof value);
	} else {
		buf[0] = (struct virtbuffer){"\1\2", 2};
		buf[1] = (struct virtbuffer){"\3", 1};
		r = storage_callv(add, 2, buf, &value, sizeof value);
	}
	answer(r, value);
}

int
main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "allow") == 0)
		STORAGE_ALLOW(add);
	if (argc > 1 && strcmp(argv[1], "lies") == 0) {
		set_on_live_update(lie_of_state);
		set_on_live_restore(lie_of_room);
	}
	if (argc > 1 && strcmp(argv[1], "moves") == 0) {
		set_on_live_update(give_state);
		set_on_live_restore(take_state);
	}
	if (argc > 1 && strcmp(argv[1], "fails") == 0 && IS_STORAGE())
		return (3);
	if (IS_STORAGE() != sys_is_storage())
		return (4);
	shared = SHM_ALLOC_TYPE(_Atomic unsigned long);
	set_backend_get(on_get);
	wait_for_requests();
}
