/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shared_counter: counts requests in memory that all machines of the program
 * share (setting shared_memory). GET counts; POST /reset starts at 0 again.
 */
#include <stdatomic.h>
#include <stdio.h>

#include "kvm_api.h"

static _Atomic unsigned long *counter;

static void
answer(unsigned long n)
{
	static char text[32];
	int len = snprintf(text, sizeof text, "%lu\n", n);

	backend_response(200, "text/plain", 10, text, (size_t)len);
}

static void
on_get(const char *url, const char *arg)
{
	(void)arg;
	if (strcmp(url, "/read") == 0)
		answer(atomic_load(counter));
	answer(atomic_fetch_add(counter, 1) + 1);
}

static void
on_post(const char *url, const char *arg, const char *type,
    const uint8_t *data, size_t len)
{
	(void)url;
	(void)arg;
	(void)type;
	(void)data;
	(void)len;
	atomic_store(counter, 0);
	answer(0);
}

int
main(void)
{
	if (IS_LINUX_MAIN()) {
		fprintf(stderr, "shared_counter runs in a machine only\n");
		return (2);
	}
	counter = SHM_ALLOC_TYPE(_Atomic unsigned long);
	if (counter == NULL) {
		fprintf(stderr, "set \"shared_memory\" to 1 or more\n");
		return (1);
	}
	set_backend_get(on_get);
	set_backend_post(on_post);
	wait_for_requests();
}
