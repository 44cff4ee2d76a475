/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * program_probe.c: does what its URL says, for the tests of programs and their
 * machines. Its first argument says what main() does; see main().
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kvm_api.h"

#define STR(s) s, sizeof(s) - 1

static unsigned served;		/* 1 in every request, if it is cleaned */
static char out[8192], big[1 << 20];
static int argc_;
static char **argv_;

static void
answer(int status, const char *text)
{
	backend_response(status, STR("text/plain"), text, strlen(text));
}

static void
spin(void)
{
	for (;;)
		__asm__ volatile("");
}

/* Busy for a while, in milliseconds. */
static void
busy(long ms)
{
	struct timespec a, b;

	clock_gettime(CLOCK_MONOTONIC, &a);
	do
		clock_gettime(CLOCK_MONOTONIC, &b);
	while ((b.tv_sec - a.tv_sec) * 1000 +
	    (b.tv_nsec - a.tv_nsec) / 1000000 < ms);
}

static void
dirty(size_t mib)
{
	for (size_t i = 0; i < mib; i++) {
		volatile char *p = malloc(1 << 20);

		for (size_t at = 0; p != NULL && at < 1 << 20; at += 4096)
			p[at] = 1;
	}
}

static void
do_env(void)
{
	static const char *const names[] = {"USER", "KVM_NAME", "KVM_GROUP",
	    "KVM_TYPE", "KVM_STATE", "KVM_DEBUG", "EXTRA", "HOME"};
	size_t at = 0;

	for (int i = 0; i < argc_; i++)
		at += (size_t)snprintf(out + at, sizeof out - at, "<%s>",
		    argv_[i]);
	for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
		at += (size_t)snprintf(out + at, sizeof out - at, " %s=%s",
		    names[i], getenv(names[i]) ? getenv(names[i]) : "-");
	answer(200, out);
}

static void
do_big(size_t n)
{
	for (size_t i = 0; i < n && i < sizeof big; i++)
		big[i] = (char)('a' + i % 26);
	backend_response(200, STR("application/octet-stream"), big, n);
}

static int
starts(const char *url, const char *with, const char **rest)
{
	*rest = url + strlen(with);
	return (strncmp(url, with, strlen(with)) == 0);
}

static void
misbehave(const char *url)
{
	const char *n;

	if (strcmp(url, "/crash") == 0)
		*(volatile int *)(uintptr_t)(served - 1) = 1;
	else if (strcmp(url, "/loop") == 0)
		spin();
	else if (strcmp(url, "/oom") == 0)
		dirty(100000);
	else if (strcmp(url, "/exit") == 0)
		_exit(3);
	else if (strcmp(url, "/ud2") == 0)
		__builtin_trap();
	else if (strcmp(url, "/badbody") == 0)
		backend_response(200, STR("text/plain"),
		    (void *)0x7fff00000000, 10);
	else if (starts(url, "/dirty/", &n))
		dirty((size_t)atol(n));
	else if (starts(url, "/busy/", &n))
		busy(atol(n));
}

static void
on_get(const char *url, const char *arg)
{
	const char *n;

	served++;
	misbehave(url);
	if (starts(url, "/status/", &n))
		answer(atoi(n), url);
	if (starts(url, "/big/", &n))
		do_big((size_t)atol(n));
	if (strcmp(url, "/env") == 0)
		do_env();
	if (strcmp(url, "/print") == 0) {
		printf("%s\nsecond\n", arg);
		fflush(stdout);
		sys_log("by sys_log", 10);
	}
	if (strcmp(url, "/unknown") == 0)
		(void)syscall(400);
	snprintf(out, sizeof out, "%s %s %u", url, arg, served);
	answer(200, out);
}

static void
on_post(const char *url, const char *arg, const char *type,
    const uint8_t *data, size_t len)
{
	static char head[512];
	int n;

	served++;
	misbehave(url);
	/* A large body goes back as it is. */
	if (strcmp(url, "/back") == 0)
		backend_response(200, type, strlen(type), data, len);
	n = snprintf(head, sizeof head, "%s(%s,%s,%zu,%u)", url, arg, type, len,
	    served);
	if (len <= sizeof out - sizeof head) {
		memcpy(out, head, (size_t)n);
		memcpy(out + n, data, len);
		backend_response(200, STR("text/x-post"), out,
		    (size_t)n + len);
	}
	answer(200, head);
}

static void
on_error(const char *url, const char *arg, const char *reason)
{
	if (strcmp(arg, "crash again") == 0)
		__builtin_trap();
	if (strcmp(arg, "loop again") == 0)
		spin();
	snprintf(out, sizeof out, "%s: %s", url, reason);
	answer(555, out);
}

int
main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	argc_ = argc;
	argv_ = argv;
	if (strcmp(what, "exit") == 0) {
		printf("first line\nno \033such\tluck\n");
		return (3);
	}
	if (strcmp(what, "spin") == 0)
		spin();
	if (strcmp(what, "crash") == 0)
		__builtin_trap();
	if (strcmp(what, "slow") == 0)
		busy(200);
	if (strcmp(what, "hello") == 0) {
		printf("hello from main\n");
		fflush(stdout);
	}
	if (strcmp(what, "on_error") == 0)
		set_on_error(on_error);
	if (strcmp(what, "paused") == 0) {
		struct kvm_request req;

		wait_for_requests_paused(&req);
		answer(200, "paused");
	}
	set_backend_get(on_get);
	set_backend_post(on_post);
	wait_for_requests();
}
