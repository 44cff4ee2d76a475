/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vmod_probe.c: a program that does what its URL says, for the tests of the
 * Varnish module. `/status/404` answers 404, `/big/100000` that many bytes, and
 * so on; see the table. With the argument "on-error" it has an on_error.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kvm_api.h"

#define STR(s) s, sizeof(s) - 1

static char out[4096];
static char big[4u << 20];
static int served;
static int main_argc;
static char **main_argv;

static void
answer(int status, const char *body)
{
	backend_response(status, STR("text/plain"), body, strlen(body));
}

static void
do_status(const char *rest, const char *arg)
{
	(void)arg;
	snprintf(out, sizeof out, "status %s", rest);
	answer(atoi(rest), out);
}

static void
do_big(const char *rest, const char *arg)
{
	size_t n = (size_t)atol(rest);

	(void)arg;
	for (size_t i = 0; i < n && i < sizeof big; i++)
		big[i] = (char)('a' + i % 26);
	backend_response(200, STR("text/plain"), big, n);
}

/* /cache/TTL/GRACE/KEEP in milliseconds */
static void
do_cache(const char *rest, const char *arg)
{
	unsigned long t = 0, g = 0, k = 0;

	(void)sscanf(rest, "%lu/%lu/%lu", &t, &g, &k);
	if (*arg != '\0')
		http_append(BERESP, arg, strlen(arg));
	snprintf(out, sizeof out, "set_cacheable %ld",
	    set_cacheable(1, t, g, k));
	answer(200, out);
}

static void
do_nocache(const char *rest, const char *arg)
{
	(void)rest;
	(void)arg;
	set_cacheable(0, 0, 0, 0);
	answer(200, "not to be cached");
}

/* A header of the answer, as the argument says. */
static void
do_header(const char *rest, const char *arg)
{
	(void)rest;
	http_append(BERESP, STR("X-Probe: one"));
	http_set(BERESP, STR("X-Probe: two"));
	if (*arg != '\0')
		http_append(BERESP, arg, strlen(arg));
	answer(200, "headers");
}

/* What a header of the request says. */
static void
do_ask(const char *rest, const char *arg)
{
	long n = (long)http_find(BEREQ, arg, strlen(arg), out, sizeof out - 1);

	(void)rest;
	out[n > 0 ? n : 0] = '\0';
	answer(200, n > 0 ? out : "none");
}

static void
do_arg(const char *rest, const char *arg)
{
	(void)rest;
	answer(200, arg);
}

static void
do_argv(const char *rest, const char *arg)
{
	size_t at = 0;

	(void)rest;
	(void)arg;
	for (int i = 1; i < main_argc && at < sizeof out; i++)
		at += (size_t)snprintf(out + at, sizeof out - at, "<%s>",
		    main_argv[i]);
	answer(200, out);
}

static void
do_log(const char *rest, const char *arg)
{
	(void)rest;
	sys_log(arg, strlen(arg));
	puts("a line of stdout");
	fflush(stdout);
	answer(200, "logged");
}

/* What a terminal would obey. */
static void
say_escapes(void)
{
	puts("\033[31mred\ttab\177");
	fflush(stdout);
}

static void
do_escape(const char *rest, const char *arg)
{
	(void)rest;
	(void)arg;
	say_escapes();
	sys_log(STR("\033]0;title\a"));
	answer(200, "escaped");
}

/* 1 in every request, for each runs in a fresh machine. */
static void
do_count(const char *rest, const char *arg)
{
	(void)rest;
	(void)arg;
	snprintf(out, sizeof out, "%d", ++served);
	answer(200, out);
}

static void
do_empty(const char *rest, const char *arg)
{
	(void)rest;
	(void)arg;
	backend_response(200, NULL, 0, NULL, 0);
}

static void
do_manyheaders(const char *rest, const char *arg)
{
	int n = atoi(rest);

	(void)arg;
	for (int i = 0; i < n; i++) {
		snprintf(out, sizeof out, "X-Many-%d: %d", i, i);
		http_append(BERESP, out, strlen(out));
	}
	answer(200, "many");
}

/* The same with 1,000 bytes each; says how many there was room for. */
static void
do_fatheaders(const char *rest, const char *arg)
{
	int n = atoi(rest), taken = 0;

	(void)arg;
	for (int i = 0; i < n; i++) {
		int at = snprintf(out, sizeof out, "X-Fat-%d: ", i);

		memset(out + at, 'f', 1000);
		taken += (uint32_t)http_append(BERESP, out,
		    (size_t)at + 1000) != UINT32_MAX;
	}
	snprintf(out, sizeof out, "%d", taken);
	answer(200, out);
}

static void
do_crash(const char *rest, const char *arg)
{
	/* no number, so 0; the compiler cannot know */
	volatile int *nowhere = (volatile int *)(uintptr_t)atoi(rest);

	(void)arg;
	*nowhere = 1;
}

static void
do_silent(const char *rest, const char *arg)
{
	(void)rest;
	(void)arg;
}

static void
do_loop(const char *rest, const char *arg)
{
	(void)rest;
	(void)arg;
	for (volatile int i = 0;; i++)
		continue;
}

static void
do_oom(const char *rest, const char *arg)
{
	(void)rest;
	(void)arg;
	for (;;) {
		char *p = malloc(1u << 20);

		if (p != NULL)
			memset(p, 1, 1u << 20);
	}
}

/*
 * The argument's lines, between '|', as headers; says how many were taken.
 * /linescrash crashes then.
 */
static void
do_lines(const char *rest, const char *arg)
{
	int taken = 0;

	while (*arg != '\0') {
		size_t n = strcspn(arg, "|");

		taken += (uint32_t)http_append(BERESP, arg, n) != UINT32_MAX;
		arg += n + (arg[n] == '|');
	}
	if (strcmp(rest, "crash") == 0)
		*(volatile int *)(uintptr_t)atoi(rest) = 1;
	snprintf(out, sizeof out, "lines %d", taken);
	answer(200, out);
}

/* The argument's lines, between '|', into the request; a name takes it away. */
static void
do_request(const char *rest, const char *arg)
{
	(void)rest;
	while (*arg != '\0') {
		size_t n = strcspn(arg, "|");

		if (memchr(arg, ':', n) == NULL)
			http_set(BEREQ, arg, n);
		else
			http_append(BEREQ, arg, n);
		arg += n + (arg[n] == '|');
	}
	answer(200, "request");
}

/* 304 when the request has the condition, "etag" or "date", of this answer. */
static void
do_validate(const char *rest, const char *arg)
{
	static const char etag[] = "ETag: \"v1\"";
	static const char date[] =
	    "Last-Modified: Wed, 02 Jan 2019 03:04:05 GMT";
	int by_date = strcmp(arg, "date") == 0;
	const char *name = by_date ? "If-Modified-Since" : "If-None-Match";
	const char *mine = by_date ? date : etag;
	size_t n = http_find(BEREQ, name, strlen(name), out, sizeof out - 1);
	int same;

	(void)rest;
	out[n] = '\0';
	same = n > 0 && strcmp(strchr(out, ':'), strchr(mine, ':')) == 0;
	http_append(BERESP, mine, strlen(mine));
	http_append_str(BERESP, same ? "X-Valid: still" : "X-Valid: new");
	if (same)
		backend_response(304, NULL, 0, NULL, 0);
	answer(200, "the original");
}

static uint32_t
crc(const char *p, size_t n)
{
	uint32_t c = ~0u;

	while (n-- > 0) {
		c ^= (unsigned char)*p++;
		for (int i = 0; i < 8; i++)
			c = c >> 1 ^ (0xedb88320 & -(c & 1));
	}
	return (~c);
}

/* That many bytes as gzip; with the argument "torn" half of it. */
static void
do_gzip(const char *rest, const char *arg)
{
	static const char head[] = "\x1f\x8b\x08\0\0\0\0\0\0\3";
	uint32_t sum, n = (uint32_t)atol(rest) % (1u << 20);
	char *plain = big + (2u << 20), *at = big + sizeof head - 1;

	for (uint32_t i = 0; i < n; i++)
		plain[i] = (char)('a' + i % 26);
	memcpy(big, head, sizeof head - 1);
	for (uint32_t done = 0, len; done < n || done == 0; done += len) {
		uint16_t size;

		len = n - done < 60000 ? n - done : 60000;
		size = (uint16_t)len;
		*at++ = done + len == n;
		memcpy(at, &size, 2);
		size = (uint16_t)~size;
		memcpy(at + 2, &size, 2);
		memcpy(at + 4, plain + done, len);
		at += 4 + len;
		if (n == 0)
			break;
	}
	sum = crc(plain, n);
	memcpy(at, &sum, 4);
	memcpy(at + 4, &n, 4);
	at += 8;
	http_append_str(BERESP, "Content-Encoding: gzip");
	backend_response(200, STR("text/plain"), big,
	    strcmp(arg, "torn") == 0 ? (size_t)(at - big) / 2 :
	    (size_t)(at - big));
}

static void
do_lengths(const char *rest, const char *arg)
{
	snprintf(out, sizeof out, "%zu %zu", strlen("/lengths") + strlen(rest),
	    strlen(arg));
	answer(200, out);
}

static void
do_method(const char *rest, const char *arg)
{
	unsigned n = http_method(out, sizeof out - 1);

	(void)rest;
	(void)arg;
	out[n] = '\0';
	answer(200, out);
}

static const struct deed {
	const char *name;
	void (*run)(const char *rest, const char *arg);
} deeds[] = {
	{"/status/", do_status},
	{"/big/", do_big},
	{"/cache/", do_cache},
	{"/nocache", do_nocache},
	{"/header", do_header},
	{"/ask", do_ask},
	{"/argv", do_argv},
	{"/arg", do_arg},
	{"/log", do_log},
	{"/count", do_count},
	{"/empty", do_empty},
	{"/manyheaders/", do_manyheaders},
	{"/fatheaders/", do_fatheaders},
	{"/crash", do_crash},
	{"/silent", do_silent},
	{"/loop", do_loop},
	{"/oom", do_oom},
	{"/lines", do_lines},
	{"/validate", do_validate},
	{"/gzip/", do_gzip},
	{"/lengths", do_lengths},
	{"/method", do_method},
	{"/request", do_request},
	{"/escape", do_escape},
};

static void
on_get(const char *url, const char *arg)
{
	for (size_t i = 0; i < sizeof deeds / sizeof deeds[0]; i++) {
		size_t n = strlen(deeds[i].name);

		if (strncmp(url, deeds[i].name, n) == 0) {
			deeds[i].run(url + n, arg);
			return;
		}
	}
	answer(404, "no such deed");
}

/* "METHOD-less": [url|type] and the body it got. */
static void
on_post(const char *url, const char *arg, const char *type,
    const uint8_t *data, size_t len)
{
	if (strcmp(url, "/linescrash") == 0)
		do_lines("crash", arg);
	if (strncmp(url, "/status/", 8) == 0) {
		do_status(url + 8, arg);
		return;
	}
	if (strcmp(url, "/crash") == 0)
		*(volatile int *)(uintptr_t)(len - len) = 1;
	if (strncmp(url, "/echo", 5) == 0) {
		backend_response(200, type, strlen(type), data, len);
		return;
	}
	if (strncmp(url, "/len", 4) == 0) {
		snprintf(out, sizeof out, "%zu", len);
		answer(200, out);
		return;
	}
	snprintf(out, sizeof out, "[%s|%s]%.*s", url, type,
	    (int)(len < 2000 ? len : 2000), (const char *)data);
	answer(200, out);
}

static void
on_error(const char *url, const char *arg, const char *reason)
{
	(void)url;
	(void)arg;
	snprintf(out, sizeof out, "on_error: %s", reason);
	answer(555, out);
}

int
main(int argc, char **argv)
{
	main_argc = argc;
	main_argv = argv;
	puts("probe starts");
	fflush(stdout);
	if (argc > 1 && strcmp(argv[1], "fill") == 0)
		memset(big, 1, sizeof big);
	/* Much more than a pipe holds. */
	if (argc > 1 && strcmp(argv[1], "flood") == 0)
		for (int i = 0; i < 5000; i++)
			printf("line %d of many that are printed at once\n", i);
	fflush(stdout);
	if (argc > 1 && strcmp(argv[1], "escape") == 0)
		say_escapes();
	if (argc > 1 && strcmp(argv[1], "no-wait") == 0)
		return (3);
	set_backend_get(on_get);
	set_backend_post(on_post);
	if (argc > 1 && strcmp(argv[1], "on-error") == 0)
		set_on_error(on_error);
	wait_for_requests();
}
