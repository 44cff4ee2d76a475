/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fetch_probe.c: fetches its URL in the way its argument says and answers what
 * came back; status 555 and the result when nothing did.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kvm_api.h"

static char small[10], text[8192], headers[4096];

static void
answer(long r, const struct curl_op *op, const char *way)
{
	char line[300];

	if (r != 0) {
		snprintf(text, sizeof text, "%ld %u", r, op->content_length);
		backend_response_str(555, "text/plain", text);
	}
	snprintf(line, sizeof line, "X-Type: %u %s", op->ctlen, op->ctype);
	if (op->ctlen != 0)
		http_append_str(BERESP, line);
	if (strcmp(way, "headers") == 0) {
		snprintf(line, sizeof line, "X-Len: %d",
		    op->headers_length == strlen(op->headers));
		http_append_str(BERESP, line);
		backend_response(200, "text/plain", 10, op->headers,
		    op->headers_length);
	}
	backend_response((int16_t)op->status, "text/plain", 10, op->content,
	    op->content_length);
}

static void
on_get(const char *url, const char *way)
{
	struct curl_options o = {.follow_location = 1};
	struct curl_fields f = {.ptr = {"X-One: 1", "X-Two: 2"},
	    .len = {8, 8}};
	struct curl_op op = {0};
	size_t len = strlen(url);

	if (strcmp(way, "post") == 0) {
		op.post_buffer = "the body";
		op.post_buflen = 8;
		op.ctlen = 6;
		memcpy(op.ctype, "text/x", 6);
	} else if (strcmp(way, "small") == 0) {
		op.content = small;
		op.content_length = sizeof small;
	} else if (strcmp(way, "headers") == 0) {
		op.headers_length = sizeof headers;
	} else if (strcmp(way, "my headers") == 0) {
		op.headers = headers;
		op.headers_length = sizeof headers;
		way = "headers";
	} else if (strcmp(way, "head") == 0) {
		o.dummy_fetch = 1;
	} else if (strcmp(way, "stay") == 0) {
		o.follow_location = 0;
	} else if (strcmp(way, "two lines") == 0) {
		f.ptr[0] = "X: a\r\nY: b";
		f.len[0] = 10;
	} else if (strcmp(way, "framing") == 0) {
		f.ptr[1] = "content-length: 3";
		f.len[1] = 17;
	} else if (strcmp(way, "forged") == 0) {
		f.ptr[0] = "Tinykvm-Self: 00112233445566778899aabbccddeeff";
		f.len[0] = 46;
	} else if (strcmp(way, "wild") == 0) {
		answer(sys_fetch(url, len, (void *)8, &f, &o), &op, way);
	} else if (strcmp(way, "long") == 0) {
		url = text;
		len = 1025;
	} else if (strcmp(way, "into code") == 0) {
		op.content = (void *)(uintptr_t)on_get;
		op.content_length = 4096;
	}
	answer(sys_fetch(url, len, &op, &f, &o), &op, way);
}

int
main(int argc, char **argv)
{
	struct curl_op op = {0};
	long r;

	if (argc > 1) {
		r = sys_fetch(argv[1], strlen(argv[1]), &op, NULL, NULL);
		printf("at start %ld %u\n", r, op.status);
		fflush(stdout);
	}
	set_backend_get(on_get);
	wait_for_requests();
}
