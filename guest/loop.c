/* SPDX-License-Identifier: BSD-2-Clause */
/* loop: never answers. Its request ends at max_request_time with status 500. */
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
	set_backend_get(on_get);
	wait_for_requests();
}
