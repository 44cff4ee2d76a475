/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stream_probe.c: streams answers and takes request bodies in pieces. A GET of
 * /N streams N bytes, /unknown/N with a length that is not announced; other
 * names misbehave. Bodies come to on_piece; on_post tells what it saw.
 * Arguments: "plain" without on_piece, "on-error" with an on_error.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kvm_api.h"

#define STR(s) s, sizeof(s) - 1

static char buf[70000];
static unsigned long pieces, bytes, sum, wrong, requests;
static const char *way;			/* of the request that streams */
static unsigned long limit;

/* Byte number i of every answer. */
static char
byte(unsigned long i)
{
	return ((char)('a' + i % 26));
}

static struct streaming_content
next(void *arg, size_t max, size_t written, size_t total)
{
	const char *on_stack = arg;
	struct streaming_content c = {buf, max < sizeof buf ? max : sizeof buf};

	if (strcmp(on_stack, "still here") != 0)
		return ((struct streaming_content){NULL, 0});
	if (strcmp(way, "stall") == 0 && written > 0)
		c.len = 0;
	if (strcmp(way, "crash") == 0 && written > 0)
		*(volatile int *)(uintptr_t)(total - total) = 1;
	if (strcmp(way, "loop") == 0 && written > 0)
		for (;;)
			__asm__ volatile("");
	if (strcmp(way, "wild") == 0 && written > 0)
		c.data = (void *)0x7fff00000000;
	if (strcmp(way, "huge") == 0)
		c.len = (size_t)-1;
	if (strcmp(way, "answers") == 0)
		backend_response(200, STR("text/plain"), STR("again"));
	if (strcmp(way, "headers") == 0 && written == 0)
		http_append(BERESP, STR("X-Late: 1"));
	if (strcmp(way, "tiny") == 0)
		c.len = 1;
	if (strcmp(way, "unknown") == 0 && written + c.len > limit)
		c.len = limit - written;
	for (size_t i = 0; i < c.len && i < sizeof buf; i++)
		buf[i] = byte(written + i);
	return (c);
}

static void
on_get(const char *url, const char *arg)
{
	char on_stack[] = "still here";
	char name[32] = "";
	size_t n = 1000;

	requests++;
	if (strcmp(url, "/count") == 0) {
		n = (size_t)snprintf(buf, sizeof buf, "%lu", requests);
		backend_response(200, STR("text/plain"), buf, n);
	}

	if (sscanf(url, "/%31[a-z]/%lu", name, &n) < 1)
		n = strtoul(url + 1, NULL, 10);
	way = name;
	limit = n;
	if (strcmp(arg, "header") == 0)
		http_append(BERESP, STR("X-Early: 1"));
	if (strcmp(name, "nothing") == 0)
		n = 0;
	if (strcmp(name, "unknown") == 0)
		n = KVM_LENGTH_UNKNOWN;
	begin_streaming_response(200, STR("text/plain"), n,
	    strcmp(name, "nowhere") == 0 ? NULL : next, on_stack);
}

static long
on_piece(const char *url, const char *arg, const char *type,
    const uint8_t *data, size_t len, size_t offset)
{
	(void)arg;
	wrong += offset != bytes || strcmp(type, "a/b") != 0;
	pieces++;
	bytes += len;
	for (size_t i = 0; i < len; i++)
		sum = sum * 31 + data[i];
	if (strcmp(url, "/short") == 0)
		return ((long)len - 1);
	if (strcmp(url, "/piece-crash") == 0)
		__builtin_trap();
	if (strcmp(url, "/piece-loop") == 0)
		for (;;)
			__asm__ volatile("");
	if (strcmp(url, "/piece-answers") == 0)
		backend_response(200, STR("text/plain"), STR("early"));
	return ((long)len);
}

static void
on_post(const char *url, const char *arg, const char *type,
    const uint8_t *data, size_t len)
{
	int n;

	(void)url;
	(void)arg;
	(void)type;
	n = snprintf(buf, sizeof buf, "%s %zu bytes of %lu, sum %lu, wrong "
	    "%lu, %s", data == NULL ? "pieces" : "whole", len, bytes, sum,
	    wrong, pieces > 0 ? "some" : "none");
	backend_response(200, STR("text/plain"), buf, (size_t)n);
}

static void
on_error(const char *url, const char *arg, const char *reason)
{
	char on_stack[] = "still here";

	(void)arg;
	way = "";
	if (strcmp(url, "/nothing/5") == 0)
		begin_streaming_response(555, STR("text/plain"), 5, next,
		    on_stack);
	backend_response(555, STR("text/plain"), reason, strlen(reason));
}

int
main(int argc, char **argv)
{
	set_backend_get(on_get);
	set_backend_post(on_post);
	if (argc < 2 || strcmp(argv[1], "plain") != 0)
		set_backend_stream_post(on_piece);
	if (argc > 1 && strcmp(argv[1], "on-error") == 0)
		set_on_error(on_error);
	wait_for_requests();
}
