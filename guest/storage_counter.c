/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * storage_counter: counts requests in storage, the machine that keeps state
 * (setting storage). Every second it writes the count to its state file, and
 * begins with it at the next start; a live update takes it along.
 */
#include <stdio.h>

#include "kvm_api.h"

static unsigned long counter, saved;

/*--- in storage -----------------------------------------------------------*/

static void
count(size_t n, struct virtbuffer buf[], size_t res)
{
	unsigned long by;

	(void)res;
	if (n != 1 || buf[0].len != sizeof by)
		storage_noreturn(NULL, 0);
	memcpy(&by, buf[0].data, sizeof by);
	counter += by;
	storage_return(&counter, sizeof counter);
}

static void
save(void *data, size_t len)
{
	FILE *f;

	(void)data;
	(void)len;
	if (counter == saved || (f = fopen("state", "w")) == NULL)
		return;
	fprintf(f, "%lu\n", counter);
	if (fclose(f) == 0)
		saved = counter;
}

static void
load(void)
{
	FILE *f = fopen("state", "r");

	if (f == NULL)
		return;
	if (fscanf(f, "%lu", &counter) != 1)
		counter = 0;
	saved = counter;
	fclose(f);
}

static void
on_serialize(void)
{
	storage_return(&counter, sizeof counter);
}

static void
on_restore(size_t len)
{
	if (len == sizeof counter)
		storage_return(&counter, sizeof counter);
	else
		storage_return(NULL, 0);
}

/*--- in requests ----------------------------------------------------------*/

static void
on_get(const char *url, const char *arg)
{
	static char text[32];
	unsigned long by = strcmp(url, "/read") == 0 ? 0 : 1, now;
	int len;

	(void)arg;
	if (storage_call(count, &by, sizeof by, &now, sizeof now) !=
	    sizeof now)
		backend_response_str(503, "text/plain", "storage failed\n");
	len = snprintf(text, sizeof text, "%lu\n", now);
	backend_response(200, "text/plain", 10, text, (size_t)len);
}

int
main(void)
{
	if (IS_LINUX_MAIN()) {
		fprintf(stderr, "storage_counter runs in a machine only\n");
		return (2);
	}
	if (IS_STORAGE()) {
		load();
		STORAGE_ALLOW(count);
		STORAGE_ALLOW(save);
		sys_storage_task(save, NULL, 0, 1000, 1000);
		set_on_live_update(on_serialize);
		set_on_live_restore(on_restore);
	}
	set_backend_get(on_get);
	wait_for_requests();
}
