/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tcp: a protocol of its own on TCP connections (setting server): answers each
 * line in capitals, and "quit" by closing. docs/servers.md tells the rules,
 * guest/websocket.c is a larger example.
 */
#include <ctype.h>
#include <stdio.h>
#include <unistd.h>

#include "kvm_api.h"

#define CONNECTIONS 1024	/* max_connections, as it is by default */
#define FIRST 0x1000		/* the number of the first one */
#define BATCH 16
#define LINE_SIZE 1024
#define OUT_SIZE 4096

/* A line may come in pieces, and an answer go in pieces. */
static struct connection {
	char line[LINE_SIZE], out[OUT_SIZE];
	size_t line_len, out_len;
} connections[CONNECTIONS];

/* Hand out what waits; what is not taken is offered when WRITABLE comes. */
static void
flush(int fd, struct connection *c)
{
	ssize_t n = write(fd, c->out, c->out_len);

	if (n <= 0)
		return;
	c->out_len -= (size_t)n;
	memmove(c->out, c->out + n, c->out_len);
}

/* False when the peer does not read its answers: then it is given up. */
static bool
answer(int fd, struct connection *c)
{
	if (c->out_len + c->line_len > OUT_SIZE)
		flush(fd, c);
	if (c->out_len + c->line_len > OUT_SIZE)
		return (false);
	for (size_t i = 0; i < c->line_len; i++)
		c->out[c->out_len++] =
		    (char)toupper((unsigned char)c->line[i]);
	c->line_len = 0;
	return (true);
}

/* True when the connection goes on. */
static bool
take(int fd, struct connection *c, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (c->line_len == LINE_SIZE)
			return (false);
		c->line[c->line_len++] = (char)data[i];
		if (data[i] != '\n')
			continue;
		if (c->line_len == 5 && memcmp(c->line, "quit\n", 5) == 0)
			return (false);
		if (!answer(fd, c))
			return (false);
	}
	return (true);
}

static void
handle(const struct kvm_socket_event *e)
{
	struct connection *c = &connections[e->fd - FIRST];

	switch (e->event) {
	case SOCKET_CONNECTED:
		/* Its number was another one's before. */
		c->line_len = c->out_len = 0;
		break;
	case SOCKET_READ:
		if (!take(e->fd, c, e->data, e->data_len)) {
			flush(e->fd, c);
			close(e->fd);
			break;
		}
		flush(e->fd, c);
		break;
	case SOCKET_WRITABLE:
		flush(e->fd, c);
		break;
	case SOCKET_DISCONNECTED:
		break;
	}
}

static void
serve(int system_id)
{
	struct kvm_socket_event e[BATCH];

	(void)system_id;
	for (;;) {
		int n = wait_for_socket_events_paused(e, BATCH);

		for (int i = 0; i < n; i++)
			handle(&e[i]);
	}
}

int
main(void)
{
	if (IS_LINUX_MAIN()) {
		fprintf(stderr, "tcp runs in a machine only\n");
		return (2);
	}
	set_socket_prepare_for_pause(serve);
	wait_for_requests();
}
