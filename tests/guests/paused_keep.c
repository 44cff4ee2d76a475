/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waits for its requests in a loop and counts them in memory, on its stack and
 * in the rounding mode of its vector unit; the URL says what it does between
 * its answer and its next wait. "both" as an argument: it has a call-back, too.
 */
#include <immintrin.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kvm_api.h"

static unsigned in_memory;
static char text[128];

static struct streaming_content
piece(void *arg, size_t max, size_t written, size_t all)
{
	(void)arg, (void)max, (void)written, (void)all;
	return ((struct streaming_content){text, 4});
}

static void
between(const char *url)
{
	if (strcmp(url, "/crash") == 0)
		*(volatile int *)(uintptr_t)(in_memory - in_memory) = 1;
	if (strcmp(url, "/loop") == 0)
		for (;;)
			in_memory++;
	if (strcmp(url, "/exit") == 0)
		_exit(3);
	if (strcmp(url, "/field") == 0)
		http_append(1, "X-Late: 1", 9);
	if (strcmp(url, "/other") == 0)
		wait_for_requests();
	if (strcmp(url, "/again") == 0)
		backend_response_str(200, "text/plain", "twice");
}

static void
on_get(const char *url, const char *arg)
{
	(void)arg;
	backend_response_str(200, "text/plain", url);
}

int
main(int argc, char **argv)
{
	struct kvm_request req[2], *r;
	unsigned on_stack = 0;

	if (argc > 1 && strcmp(argv[1], "both") == 0)
		set_backend_get(on_get);
	for (;;) {
		/* Somewhere else each time, and no longer what it was. */
		r = &req[on_stack++ % 2];
		memset(req, 0xee, sizeof req);
		wait_for_requests_paused(r);
		in_memory++;
		snprintf(text, sizeof text, "%.*s %.*s %u %u %x",
		    (int)r->url_len, r->url, (int)r->content_len,
		    r->content == NULL ? "" : (const char *)r->content,
		    in_memory, on_stack, _mm_getcsr() & 0x6000);
		_mm_setcsr((_mm_getcsr() & ~0x6000u) | on_stack % 4 << 13);
		if (strcmp(r->url, "/stream") == 0)
			begin_streaming_response(200, "text/plain", 10, 4,
			    piece, NULL);
		backend_response_str(200, "text/plain", text);
		between(r->url);
	}
}
