/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server_misdeeds.c: a program with connections that does what it is told, all
 * of it wrong. Anything it does not know it echoes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kvm_api.h"

static const struct kvm_socket_event constant[32];
static struct kvm_socket_event events[32];
/* Not known to the compiler, which would warn. */
static volatile uintptr_t nowhere = 8;
static volatile size_t everything = (size_t)-1;

static void
crash(int fd)
{
	(void)fd;
	*(volatile int *)nowhere = 1;
}

static void
loop(int fd)
{
	(void)fd;
	for (;;)
		__asm__ volatile("");
}

static void
bad_array(int fd)
{
	(void)fd;
	(void)wait_for_socket_events_paused((void *)0x123456789000, 8);
}

static void
constant_array(int fd)
{
	struct kvm_socket_event *e;

	(void)fd;
	memcpy(&e, &(const void *){constant}, sizeof e);
	(void)wait_for_socket_events_paused(e, 32);
}

static void
bad_write(int fd)
{
	(void)fd;
	sys_sockets_write((void *)0x123456789000, 32);
}

static void
foreign(int fd)
{
	static const int fds[] = {-1, 0x0fff, 0x1fff, 0x7fffffff,
	    (int)0x80001000, 3};
	char text[200];
	size_t n = 0;

	for (unsigned i = 0; i < 6; i++) {
		struct kvm_socket_event e = {
			.fd = fds[i], .event = SOCKET_WRITABLE,
			.data = (const uint8_t *)"x", .data_len = 1,
		};
		ssize_t r = write(fds[i], "x", 1);

		n += (size_t)snprintf(text + n, sizeof text - n, "%zd %d ", r,
		    r < 0 ? errno : 0);
		sys_sockets_write(&e, 1);
		n += (size_t)snprintf(text + n, sizeof text - n, "%d ", e.fd);
		if (close(fds[i]) != -1 || read(fds[i], text + 199, 1) != -1)
			abort();
	}
	/* Its own connection with data that is not there, or endless. */
	n += (size_t)snprintf(text + n, sizeof text - n, "%zd ",
	    write(fd, (void *)0x123456789000, 5));
	n += (size_t)snprintf(text + n, sizeof text - n, "%zd\n",
	    write(fd, (void *)0x123456789000, everything));
	(void)write(fd, text, n);
}

static void
endless(int fd)
{
	static char much[1 << 20];

	for (;;)
		(void)write(fd, much, sizeof much);
}

static void
greedy(int fd)
{
	(void)fd;
	for (;;)
		memset(malloc(1 << 20), 1, 1 << 20);
}

static void
leave(int fd)
{
	(void)fd;
	exit(3);
}

static void
answer(int fd)
{
	(void)fd;
	backend_response_str(200, "text/plain", "x");
	backend_response_str(200, "text/plain", "x");
}

static void
other_wait(int fd)
{
	(void)fd;
	wait_for_requests();
}

static void
header(int fd)
{
	(void)fd;
	(void)http_append_str(BERESP, "X: y");
}

static const struct {
	const char *name;
	void (*f)(int fd);
} misdeeds[] = {
	{"crash", crash}, {"loop", loop}, {"array", bad_array},
	{"constant", constant_array}, {"badwrite", bad_write},
	{"foreign", foreign}, {"endless", endless}, {"greedy", greedy},
	{"exit", leave}, {"answer", answer}, {"wait", other_wait},
	{"header", header},
};

static void
prepare(int id)
{
	size_t n = (size_t)-1;
	int got;

	(void)id;
	if (getenv("EARLY") != NULL)
		crash(0);
	for (;;) {
		got = wait_for_socket_events_paused(events, n);
		for (int i = 0; i < got; i++) {
			struct kvm_socket_event *e = &events[i];
			unsigned m;

			if (e->event != SOCKET_READ)
				continue;
			for (m = 0; m < sizeof misdeeds / sizeof misdeeds[0];
			    m++)
				if (e->data_len == strlen(misdeeds[m].name) &&
				    memcmp(e->data, misdeeds[m].name,
				    e->data_len) == 0)
					break;
			if (m < sizeof misdeeds / sizeof misdeeds[0])
				misdeeds[m].f(e->fd);
			else if (e->data_len == 6 &&
			    memcmp(e->data, "return", 6) == 0)
				return;
			else
				(void)write(e->fd, e->data, e->data_len);
		}
	}
}

int
main(void)
{
	set_socket_prepare_for_pause(prepare);
	wait_for_requests();
}
