/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * clock_probe.c: reads its clocks many times in each request and answers what
 * they showed last, or that one went back. With an argument it has read them
 * before it waits. /raw: by system calls, between which the library's must be.
 * /bad: into memory that is not there.
 */
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "kvm_api.h"

#define READS 1000

static char text[128];

static long long
by_library(clockid_t clock)
{
	struct timespec ts;

	if (clock_gettime(clock, &ts) != 0)
		return (-1);
	return (ts.tv_sec * 1000000000ll + ts.tv_nsec);
}

static long long
by_call(clockid_t clock)
{
	struct timespec ts;

	if (syscall(SYS_clock_gettime, clock, &ts) != 0)
		return (-1);
	return (ts.tv_sec * 1000000000ll + ts.tv_nsec);
}

static void
say(const char *what)
{
	backend_response_str(200, "text/plain", what);
}

static void
on_get(const char *url, const char *arg)
{
	long long was = 0, is = 0;
	struct timeval tv;

	(void)arg;
	/* Where it may not write; first, so that it is told the time. */
	if (strcmp(url, "/bad") == 0 && by_library(CLOCK_REALTIME) > 0)
		clock_gettime(CLOCK_REALTIME, (void *)(uintptr_t)8);
	for (int i = 0; i < READS; i++) {
		is = strcmp(url, "/raw") == 0 && i % 10 == 0 ?
		    by_call(CLOCK_MONOTONIC) : by_library(CLOCK_MONOTONIC);
		/* What a call says lies within a microsecond of the others. */
		if (is < was - (strcmp(url, "/raw") == 0 ? 100000 : 0)) {
			snprintf(text, sizeof text, "read %d went back by %lld "
			    "ns", i, was - is);
			say(text);
		}
		was = is;
	}
	gettimeofday(&tv, NULL);
	snprintf(text, sizeof text, "%lld %lld %lld %lld", is,
	    by_library(CLOCK_REALTIME), tv.tv_sec * 1000000ll + tv.tv_usec,
	    (long long)time(NULL));
	say(text);
}

int
main(int argc, char **argv)
{
	(void)argv;
	if (argc > 1 && by_library(CLOCK_MONOTONIC) <= 0)
		return (1);
	set_backend_get(on_get);
	wait_for_requests();
}
