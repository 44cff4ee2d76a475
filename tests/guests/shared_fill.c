/* SPDX-License-Identifier: BSD-2-Clause */
/* shared_fill.c: adds 1 to each byte of its shared memory; tells what it is. */
#include <stdio.h>

#include "kvm_api.h"

static unsigned char *memory;
static size_t size;

static void
on_get(const char *url, const char *arg)
{
	static char text[32];

	(void)url;
	(void)arg;
	for (size_t i = 0; i < size; i++)
		memory[i]++;
	snprintf(text, sizeof text, "%u", memory[size - 1]);
	backend_response_str(200, "text/plain", text);
}

int
main(void)
{
	struct shared_memory_info area = shared_memory_area();

	memory = (unsigned char *)area.start;
	size = area.end - area.start;
	set_backend_get(on_get);
	wait_for_requests();
}
