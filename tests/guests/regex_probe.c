/* SPDX-License-Identifier: BSD-2-Clause */
/* regex_probe.c: regular expressions, compiled in main() and in requests. */
#include <stdio.h>
#include <string.h>

#include "kvm_api.h"

#define STR(s) s, sizeof(s) - 1

static int digits;
static char out[4096];

static void
on_get(const char *url, const char *arg)
{
	int mine, n;

	if (strcmp(url, "/match") == 0) {
		n = snprintf(out, sizeof out, "%d",
		    regex_match(digits, arg, strlen(arg)) >= 0);
	} else if (strcmp(url, "/own") == 0) {
		mine = regex_compile(STR("^own$"));
		n = snprintf(out, sizeof out, "%d %d", mine,
		    regex_match(mine, arg, strlen(arg)) >= 0);
	} else if (strcmp(url, "/subst") == 0) {
		n = regex_subst(digits, arg, "<\\1>", out, sizeof out, 1);
		n = n < 0 ? 0 : n - 1;
	} else if (strcmp(url, "/copy") == 0) {
		mine = regex_compile(STR("^(?i)x-copy"));
		n = snprintf(out, sizeof out, "%d",
		    regex_copyto(mine, BEREQ, BERESP));
	} else if (strcmp(url, "/evil") == 0) {
		mine = regex_compile(STR("^(a+)+$"));
		n = snprintf(out, sizeof out, "%d",
		    regex_match(mine, arg, strlen(arg)) >= 0);
	} else if (strcmp(url, "/many") == 0) {
		for (n = 0; n < 65; n++) {
			snprintf(out, sizeof out, "pattern %d", n);
			(void)regex_compile(out, strlen(out));
		}
	} else {
		n = snprintf(out, sizeof out, "%d",
		    regex_compile(arg, strlen(arg)));
	}
	backend_response(200, STR("text/plain"), out, (size_t)n);
}

int
main(void)
{
	digits = regex_compile(STR("([0-9]+)"));
	set_backend_get(on_get);
	wait_for_requests();
}
