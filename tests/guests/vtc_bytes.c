/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vtc_bytes.c: answers with bytes that are no text, for the tests of
 * to_string() and of header values.
 */
#include "kvm_api.h"

#define STR(s) s, sizeof(s) - 1

static void
on_get(const char *url, const char *arg)
{
	static unsigned char all[255];

	(void)arg;
	if (strcmp(url, "/nul") == 0) {
		backend_response(200, STR("text/plain"), STR("abc\0def"));
	} else if (strcmp(url, "/only-nul") == 0) {
		backend_response(200, STR("text/plain"), "", 1);
	} else if (strcmp(url, "/empty") == 0) {
		backend_response(200, STR("text/plain"), "", 0);
	} else {
		for (unsigned i = 0; i < sizeof all; i++)
			all[i] = (unsigned char)(255 - i);
		backend_response(200, STR("application/octet-stream"), all,
		    sizeof all);
	}
}

int
main(void)
{
	set_backend_get(on_get);
	wait_for_requests();
}
