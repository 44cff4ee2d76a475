/* SPDX-License-Identifier: BSD-2-Clause */
/* crash: writes to a null pointer. Its request gets status 500. */
#include <stdio.h>

#include "kvm_api.h"

/* Not a constant: a compiler that sees NULL writes something else. */
static volatile uintptr_t nowhere;

static void
on_get(const char *url, const char *arg)
{
	(void)url;
	(void)arg;
	*(volatile int *)nowhere = 1;
}

int
main(void)
{
	if (IS_LINUX_MAIN()) {
		fputs("crash answers requests; try: tinykvm call crash\n",
		    stderr);
		return (2);
	}
	set_backend_get(on_get);
	wait_for_requests();
}
