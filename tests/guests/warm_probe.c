/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * warm_probe.c: waits in wait_for_requests_paused() and counts the warm-up
 * requests that it saw; its first argument is how it misbehaves in them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kvm_api.h"

static unsigned warm, wrong;
static char text[4096];

static bool
has_header(const struct kvm_request *req, const char *line)
{
	for (unsigned i = 0; i < req->num_headers; i++)
		if (strcmp(req->headers[i].field, line) == 0)
			return (true);
	return (false);
}

static void
on_warm_up(const struct kvm_request *req)
{
	char found[64];

	warm++;
	wrong += strcmp(req->url, "/warm") != 0 ||
	    strcmp(req->method, "PUT") != 0 || req->arg_len != 0 ||
	    req->content != NULL || !has_header(req, "X-One: 1") ||
	    !has_header(req, "X-Two: 2") ||
	    !has_header(req, "User-Agent: tinykvm") ||
	    http_find(BEREQ, "x-two", 5, found, sizeof found) != 8 ||
	    http_append_str(BERESP, "X-Warm: yes") != 0 ||
	    set_cacheable(true, 1, 1, 1) != -1;
}

static void
misbehave(const char *how)
{
	if (how == NULL)
		return;
	if (strcmp(how, "crash") == 0 && warm == 3)
		__asm__ volatile("ud2");
	if (strcmp(how, "loop") == 0)
		for (;;)
			__asm__ volatile("");
	if (strcmp(how, "waits") == 0) {
		struct kvm_request again;

		wait_for_requests_paused(&again);
	}
}

static void
on_get(const char *url, const char *arg)
{
	(void)url;
	(void)arg;
	backend_response_str(200, "text/plain", "not paused");
}

int
main(int argc, char **argv)
{
	struct kvm_request req;

	if (argc > 1 && strcmp(argv[1], "call-back") == 0) {
		set_backend_get(on_get);
		wait_for_requests();
	}
	for (;;) {
		wait_for_requests_paused(&req);
		if (IS_WARMUP_REQUEST(&req)) {
			on_warm_up(&req);
			misbehave(argc > 1 ? argv[1] : NULL);
		}
		snprintf(text, sizeof text, "warm %u wrong %u", warm, wrong);
		backend_response_str(200, "text/plain", text);
		if (argc > 1 && strcmp(argv[1], "exit") == 0)
			return (0);
	}
}
