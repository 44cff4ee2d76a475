/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * oom: writes to more and more memory. Its request ends at
 * max_request_memory with status 500.
 */
#include <stdio.h>

#include "kvm_api.h"

static void
on_get(const char *url, const char *arg)
{
	volatile char *p;

	(void)url;
	(void)arg;
	while ((p = malloc(1 << 20)) != NULL)
		for (size_t i = 0; i < 1 << 20; i += 4096)
			p[i] = 1;
	/* malloc() failed first: no answer gives the same status. */
}

int
main(void)
{
	if (IS_LINUX_MAIN()) {
		fputs("oom answers requests; try: tinykvm call oom\n",
		    stderr);
		return (2);
	}
	set_backend_get(on_get);
	wait_for_requests();
}
