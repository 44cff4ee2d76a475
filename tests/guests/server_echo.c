/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server_echo.c: gives back what a connection sends, and keeps what the kernel
 * does not take until it is writable again. Data that starts with ! is a
 * command. main()'s first argument is the number of events per batch.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kvm_api.h"

#define CONNS 2048
#define KEEP_MAX (1 << 20)
#define STR(s) s, sizeof(s) - 1

static struct conn {
	char *keep;
	size_t len;
	unsigned long big, big_at;	/* of a generated answer */
	char remote[128];
} conns[CONNS];
static int batch = 8, id, most;
static unsigned connects, disconnects, writables;

static struct conn *
of(int fd)
{
	if (fd < 0x1000 || fd >= 0x1000 + CONNS)
		abort();
	return (&conns[fd - 0x1000]);
}

static void
forget(int fd)
{
	free(of(fd)->keep);
	memset(of(fd), 0, sizeof(struct conn));
}

/* Bytes 0, 1, 2 ... 250, 0, ... until nothing more is taken. */
static void
go_on(int fd, struct conn *c)
{
	static unsigned char piece[251 * 200];
	unsigned long n;
	ssize_t r;

	for (unsigned i = 0; i < sizeof piece && piece[1] == 0; i++)
		piece[sizeof piece - 1 - i] =
		    (unsigned char)((sizeof piece - 1 - i) % 251);
	while (c->big_at < c->big) {
		unsigned long from = c->big_at % 251;

		n = c->big - c->big_at;
		if (n > sizeof piece - from)
			n = sizeof piece - from;
		r = write(fd, piece + from, n);
		if (r < 0)
			return;
		c->big_at += (unsigned long)r;
	}
}

static void
flush(int fd, struct conn *c)
{
	ssize_t r;

	while (c->len > 0) {
		r = write(fd, c->keep, c->len);
		if (r < 0)
			return;
		memmove(c->keep, c->keep + r, c->len - (size_t)r);
		c->len -= (size_t)r;
	}
	go_on(fd, c);
}

static void
say(int fd, struct conn *c, const void *data, size_t len)
{
	char *more = realloc(c->keep, c->len + len + 1);

	if (more == NULL || c->len + len > KEEP_MAX)
		abort();
	c->keep = more;
	memcpy(c->keep + c->len, data, len);
	c->len += len;
	flush(fd, c);
}

/* A line of this text, through sys_sockets_write() for once. */
static void
say_line(int fd, const char *text)
{
	struct kvm_socket_event e = {
		.fd = fd, .event = SOCKET_WRITABLE,
		.data = (const uint8_t *)text, .data_len = strlen(text),
	};

	sys_sockets_write(&e, 1);
	if (e.fd != (int)strlen(text))
		abort();
}

static void
command(int fd, struct conn *c, const char *text)
{
	char line[200];

	if (strncmp(text, "big ", 4) == 0) {
		c->big = strtoul(text + 4, NULL, 10);
		c->big_at = 0;
		go_on(fd, c);
		return;
	}
	if (strcmp(text, "close") == 0) {
		if (close(fd) != 0 || close(fd) != -1 || errno != EBADF)
			abort();
		forget(fd);
		disconnects++;
		return;
	}
	if (strcmp(text, "remote") == 0)
		snprintf(line, sizeof line, "%s\n", c->remote);
	else
		snprintf(line, sizeof line, "id %d gs %d most %d connects %u "
		    "disconnects %u writables %u\n", id, vcpureqid(), most,
		    connects, disconnects, writables);
	say_line(fd, line);
}

static void
handle(const struct kvm_socket_event *e)
{
	struct conn *c = of(e->fd);
	char text[64];

	switch (e->event) {
	case SOCKET_CONNECTED:
		forget(e->fd);
		connects++;
		snprintf(c->remote, sizeof c->remote, "%s%s", e->remote,
		    e->arg);
		break;
	case SOCKET_WRITABLE:
		writables++;
		if (e->data_len == 0) {
			flush(e->fd, c);
			break;
		}
		__attribute__((fallthrough));	/* socket_event_read 2 */
	case SOCKET_READ:
		if (e->data_len < sizeof text && e->data[0] == '!') {
			memcpy(text, e->data + 1, e->data_len - 1);
			text[e->data_len - 1] = '\0';
			command(e->fd, c, text);
		} else {
			say(e->fd, c, e->data, e->data_len);
		}
		break;
	case SOCKET_DISCONNECTED:
		disconnects++;
		forget(e->fd);
		break;
	}
}

static void
prepare(int system_id)
{
	struct kvm_socket_event e[64];
	int n;

	id = system_id;
	for (;;) {
		memset(e, 0xee, sizeof e);
		n = wait_for_socket_events_paused(e, (size_t)batch);
		if (n < 1 || n > batch || e[n < 64 ? n : 0].fd !=
		    (int)0xeeeeeeee)
			abort();
		if (n > most)
			most = n;
		for (int i = 0; i < n; i++)
			handle(&e[i]);
	}
}

static void
on_get(const char *url, const char *arg)
{
	(void)url, (void)arg;
	backend_response(200, STR("text/plain"), STR("hello\n"));
}

int
main(int argc, char **argv)
{
	if (argc > 1)
		batch = atoi(argv[1]);
	set_backend_get(on_get);
	if (argc < 3)		/* a second argument: no server */
		set_socket_prepare_for_pause(prepare);
	wait_for_requests();
}
