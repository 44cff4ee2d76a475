/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_calls.c: makes COUNT system calls ("call") or reads a clock so often
 * ("clock") in each request; "watch FILE": it is started anew for that file.
 */
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "kvm_api.h"

static long count;
static int reads_clock;

static void
on_get(const char *url, const char *arg)
{
	struct timespec t;

	(void)url, (void)arg;
	for (long i = 0; i < count; i++) {
		if (reads_clock)
			clock_gettime(CLOCK_MONOTONIC, &t);
		else
			syscall(SYS_getppid);
	}
	backend_response_str(200, "text/plain", "done");
}

int
main(int argc, char **argv)
{
	struct timespec t;

	if (argc != 3)
		return (1);
	reads_clock = strcmp(argv[1], "clock") == 0;
	if (strcmp(argv[1], "watch") != 0)
		count = atol(argv[2]);
	else if (sys_restart_on_change(argv[2]) != 0)
		return (1);
	if (reads_clock)
		clock_gettime(CLOCK_MONOTONIC, &t);
	set_backend_get(on_get);
	wait_for_requests();
}
