/* SPDX-License-Identifier: BSD-2-Clause */
/* bench_task.c: how much later than it was to be a task of a timer begins. */
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "kvm_api.h"

#define DELAY_MS 10
#define TASKS 1000

static uint32_t late_ns[TASKS];
static size_t tasks;
static volatile unsigned long work;

static uint64_t
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void
task(void *data, size_t len)
{
	uint64_t due;

	if (len != sizeof due || tasks == TASKS)
		return;
	memcpy(&due, data, sizeof due);
	late_ns[tasks++] = (uint32_t)(now() - due);
}

static void
busy(size_t n, struct virtbuffer buf[], size_t res)
{
	(void)n, (void)buf, (void)res;
	for (unsigned i = 0; i < 20000; i++)
		work += i;
	storage_return(NULL, 0);
}

static void
results(size_t n, struct virtbuffer buf[], size_t res)
{
	size_t len = tasks * sizeof late_ns[0];

	(void)n, (void)buf, (void)res;
	tasks = 0;
	storage_return(late_ns, len);
}

static void
on_get(const char *url, const char *arg)
{
	static uint32_t got[TASKS];
	uint64_t due = now() + DELAY_MS * 1000000u;
	long r = 0;

	(void)arg;
	if (strcmp(url, "/task") == 0)
		r = sys_storage_task(task, &due, sizeof due, DELAY_MS, 0);
	else if (strcmp(url, "/busy") == 0)
		r = storage_call(busy, NULL, 0, NULL, 0);
	else
		r = storage_call(results, NULL, 0, got, sizeof got);
	backend_response(r < 0 ? 500 : 200, "text/plain", 10, got,
	    url[1] == 'r' && r > 0 ? (size_t)r : 0);
}

int
main(void)
{
	set_backend_get(on_get);
	wait_for_requests();
}
