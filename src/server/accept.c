/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * accept.c: new connections, and the numbers that the guest knows them by.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/server_priv.h"

/* Of those that are too many, so many are turned away at once. */
#define REFUSE_MAX 64

/* First free, first used: a number rests before somebody else gets it. */
struct conn *
conn_take(struct system *y)
{
	struct conn *c;

	if (y->free.first == NOBODY)
		return (NULL);
	c = &y->conn[y->free.first];
	y->free.first = c->next;
	c->next = NOBODY;
	return (c);
}

void
conn_put_back(struct system *y, struct conn *c)
{
	uint32_t i = (uint32_t)(c - y->conn);

	memset(c, 0, sizeof *c);
	c->host = -1;
	c->next = NOBODY;
	if (y->free.first == NOBODY)
		y->free.first = i;
	else
		y->conn[y->free.last].next = i;
	y->free.last = i;
}

struct guest_event *
conn_event(struct system *y, const struct conn *c, int event)
{
	struct guest_event *e = &y->batch[y->n++];

	ASSERT(y->n <= y->events_n);
	memset(e, 0, sizeof *e);
	e->fd = FIRST_FD + (int)(c - y->conn);
	e->event = event;
	return (e);
}

/* "ADDRESS:PORT", "[ADDRESS]:PORT" or "unix"; the last byte stays 0. */
static void
describe(const struct sockaddr_storage *from, char text[REMOTE_BYTES])
{
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;
	char at[INET6_ADDRSTRLEN] = "";

	memset(text, 0, REMOTE_BYTES);
	if (from->ss_family == AF_INET) {
		memcpy(&in4, from, sizeof in4);
		(void)inet_ntop(AF_INET, &in4.sin_addr, at, sizeof at);
		(void)snprintf(text, REMOTE_BYTES - 1, "%s:%u", at,
		    ntohs(in4.sin_port));
	} else if (from->ss_family == AF_INET6) {
		memcpy(&in6, from, sizeof in6);
		(void)inet_ntop(AF_INET6, &in6.sin6_addr, at, sizeof at);
		(void)snprintf(text, REMOTE_BYTES - 1, "[%s]:%u", at,
		    ntohs(in6.sin6_port));
	} else {
		memcpy(text, "unix", 5);
	}
}

/* Tell the guest of a new connection; false: its memory is not there. */
static bool
announce(struct system *y, struct conn *c, const struct sockaddr_storage *from)
{
	uint64_t at = y->remotes + y->n * REMOTE_BYTES;
	struct guest_event *e;
	char text[REMOTE_BYTES];

	describe(from, text);
	if (tkvm_copy_out(y->machine, at, text, sizeof text) != 0)
		return (false);
	e = conn_event(y, c, EVENT_CONNECT);
	e->remote = at;
	e->arg = at + REMOTE_BYTES - 1;
	return (true);
}

static void
welcome(struct system *y, int host, const struct sockaddr_storage *from)
{
	struct epoll_event e = {.events = EPOLLIN | EPOLLOUT};
	struct conn *c = conn_take(y);
	int on = 1;

	/* The guest is told once that it can write, as it always was. */
	ASSERT(c != NULL);
	e.data.u32 = (uint32_t)(c - y->conn);
	if (epoll_ctl(y->epoll, EPOLL_CTL_ADD, host, &e) != 0 ||
	    !announce(y, c, from)) {
		(void)close(host);
		conn_put_back(y, c);
		count(y, SERVER_REFUSED, 1);
		return;
	}
	if (from->ss_family != AF_UNIX)
		(void)setsockopt(host, IPPROTO_TCP, TCP_NODELAY, &on,
		    sizeof on);
	(void)setsockopt(host, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	c->host = host;
	c->state = CONN_OPEN;
	c->armed = true;
	c->active_ns = tkvm_now_ns();
	y->n_open++;
	count(y, SERVER_CONNECTIONS, 1);
}

/* As many as the batch has room for; those beyond the limit are closed. */
void
accept_some(struct system *y)
{
	struct sockaddr_storage from;
	unsigned refused = 0;
	socklen_t len;
	int host;

	while (y->n < y->events_n && refused < REFUSE_MAX) {
		memset(&from, 0, sizeof from);
		len = sizeof from;
		host = accept4(y->server->member.fd,
		    (struct sockaddr *)&from, &len,
		    SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (host < 0 && (errno == EMFILE || errno == ENFILE ||
		    errno == ENOBUFS || errno == ENOMEM)) {
			/* It would be reported again and again. */
			y->deaf_until_ns = tkvm_now_ns() + SECOND_NS;
			accept_update(y);
			return;
		}
		if (host < 0 && (errno == EINTR || errno == ECONNABORTED)) {
			refused++;
			continue;
		}
		if (host < 0)
			return;
		if (y->free.first == NOBODY) {
			/* Counted first: the client may look at once. */
			count(y, SERVER_REFUSED, 1);
			(void)close(host);
			refused++;
			continue;
		}
		welcome(y, host, &from);
	}
}

void
accept_update(struct system *y)
{
	/*
	 * All systems wake up for it. With EPOLLEXCLUSIVE, one that just then
	 * stops listening would keep the news from those that do.
	 */
	struct epoll_event e = {.events = EPOLLIN, .data.u32 = NOBODY};
	const struct member *m = &y->server->member;
	bool want = atomic_load(&m->newest) &&
	    tkvm_now_ns() >= y->deaf_until_ns;

	if (want == y->listening)
		return;
	if (epoll_ctl(y->epoll, want ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, m->fd,
	    &e) == 0)
		y->listening = want;
}
