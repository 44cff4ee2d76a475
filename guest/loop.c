/* SPDX-License-Identifier: BSD-2-Clause */
/* loop: never answers. Its request ends at max_request_time with status 500. */
#include <stdio.h>

#include "kvm_api.h"

static void
on_get(const char *url, const char *arg)
{
	(void)url;
	(void)arg;
	for (;;)
		continue;
}

int
main(void)
{
	if (IS_LINUX_MAIN()) {
		fputs("loop answers requests; try: tinykvm call loop\n",
		    stderr);
		return (2);
	}
	set_backend_get(on_get);
	wait_for_requests();
}
