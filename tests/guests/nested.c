/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nested.c: its call-back is a nested function (an extension of GCC) that uses
 * a variable of main(), so that its address is a few instructions on the stack.
 */
#include <stdio.h>

#include "kvm_api.h"

int
main(void)
{
	unsigned asked = 0;
	char text[64];

	void
	on_get(const char *url, const char *arg)
	{
		(void)arg;
		snprintf(text, sizeof text, "%s %u", url, ++asked);
		backend_response_str(200, "text/plain", text);
	}

	set_backend_get(on_get);
	wait_for_requests();
}
