/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * state_counter.c: counts in storage, and writes each count to its state file
 * before it answers, as a program does that knows nothing of snapshots.
 */
#include <stdio.h>

#include "kvm_api.h"

static unsigned long counter;

static void
count(size_t n, struct virtbuffer buf[], size_t res)
{
	FILE *f = fopen("state", "w");

	(void)n, (void)buf, (void)res;
	counter++;
	if (f == NULL || fprintf(f, "%lu\n", counter) < 0 || fclose(f) != 0)
		storage_noreturn(NULL, 0);
	storage_return(&counter, sizeof counter);
}

static void
on_get(const char *url, const char *arg)
{
	static char text[32];
	unsigned long now = 0;
	int len;

	(void)url, (void)arg;
	if (storage_call(count, NULL, 0, &now, sizeof now) != sizeof now)
		backend_response_str(503, "text/plain", "storage failed\n");
	len = snprintf(text, sizeof text, "%lu\n", now);
	backend_response(200, "text/plain", 10, text, (size_t)len);
}

int
main(void)
{
	FILE *f = fopen("state", "r");

	if (IS_STORAGE() && f != NULL && fscanf(f, "%lu", &counter) != 1)
		return (1);
	if (f != NULL)
		fclose(f);
	set_backend_get(on_get);
	wait_for_requests();
}
