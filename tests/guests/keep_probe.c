/* SPDX-License-Identifier: BSD-2-Clause */
/* keep_probe.c: wants to keep its memory; answers what came of that. */
#include <stdio.h>

#include "kvm_api.h"

static int allowed;
static unsigned n;
static char text[64];

static void
on_get(const char *url, const char *arg)
{
	(void)url;
	(void)arg;
	snprintf(text, sizeof text, "%d %u", allowed, ++n);
	backend_response_str(200, "text/plain", text);
}

int
main(int argc, char **argv)
{
	allowed = sys_make_ephemeral(argc > 1 ? atoi(argv[1]) : 0);
	set_backend_get(on_get);
	wait_for_requests();
}
