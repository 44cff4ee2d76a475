/* SPDX-License-Identifier: BSD-2-Clause */
/* crash: writes to a null pointer. Its request gets status 500. */
#include "kvm_api.h"

static void
on_get(const char *url, const char *arg)
{
	volatile int *nowhere = (volatile int *)arg[0];

	(void)url;
	*nowhere = 1;
}

int
main(void)
{
	set_backend_get(on_get);
	wait_for_requests();
}
