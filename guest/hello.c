/* SPDX-License-Identifier: BSD-2-Clause */
/* hello: the smallest program. One call per request. */
#include <stdio.h>

#include "kvm_api.h"

static const char body[] = "Hello World!\n";

static void
on_get(const char *url, const char *arg)
{
	(void)url;
	(void)arg;
	backend_response(200, "text/plain", 10, body, sizeof body - 1);
}

int
main(void)
{
	if (IS_LINUX_MAIN()) {
		fputs(body, stdout);
		return (0);
	}
	set_backend_get(on_get);
	wait_for_requests();
}
