/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * task_bench TASKS: how late tasks of timers begin, while nothing else runs and
 * while two threads keep storage busy: medians, and the worst.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "bench.h"
#include "tinykvm/program.h"

static struct tkvm_library *lib;
static struct tkvm_err err;
static _Atomic bool enough;

/* Answers with a body go to buf; its length. */
static size_t
call(const char *url, void *buf, size_t size)
{
	const struct tkvm_link link = {
		.program = tkvm_library_find(lib, "bench"), .url = url,
		.arg = "", .error_threshold = 400,
	};
	const struct tkvm_request req = {
		.method = "GET", .url = url, .arg = "", .content_type = "",
	};
	struct tkvm_reply *reply;
	struct tkvm_err why;
	size_t n;

	if (tkvm_chain_call(&link, 1, &req, &reply, &why) != 0)
		die(why.text);
	if (reply->status != 200)
		die("the program's answer is not 200");
	n = reply->body_len < size ? reply->body_len : size;
	if (n > 0)
		memcpy(buf, reply->body, n);
	tkvm_reply_release(&reply);
	return (n);
}

static void *
keep_busy(void *arg)
{
	(void)arg;
	while (!enough)
		(void)call("/busy", NULL, 0);
	return (NULL);
}

static void
measure(unsigned tasks, const char *what)
{
	const struct timespec pause = {.tv_nsec = 13000000};
	static uint32_t late[1000];
	static struct samples s;
	char label[80];
	size_t n;

	s.n = 0;

	for (unsigned i = 0; i < tasks; i++) {
		(void)call("/task", NULL, 0);
		(void)nanosleep(&pause, NULL);
	}
	n = call("/results", late, sizeof late) / sizeof late[0];
	for (size_t i = 0; i < n; i++)
		sample(&s, late[i]);
	if (n == 0)
		die("no task has run");
	(void)snprintf(label, sizeof label, "a timer's task is late, %s", what);
	row("tasks", label, median(&s), "ns");
	(void)snprintf(label, sizeof label, "  the latest of %zu", n);
	row("tasks", label, (double)s.value[n - 1], "ns");
}

int
main(int argc, char **argv)
{
	static const char json[] = "{\"filename\": "
	    "\"build/tests/guests/bench_task\", \"storage\": true, "
	    "\"concurrency\": 4}";
	unsigned tasks = argc > 1 ? (unsigned)atoi(argv[1]) : 200;
	pthread_t thread[2];

	if (tkvm_library_new(NULL, &lib, &err) != 0 ||
	    tkvm_library_configure(lib, "bench", json, &err) != 0)
		die(err.text);
	measure(tasks, "idle");
	for (unsigned i = 0; i < 2; i++)
		if (pthread_create(&thread[i], NULL, keep_busy, NULL) != 0)
			die("no thread");
	measure(tasks, "two callers busy");
	enough = true;
	for (unsigned i = 0; i < 2; i++)
		(void)pthread_join(thread[i], NULL);
	tkvm_library_destroy(&lib);
	return (0);
}
