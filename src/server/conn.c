/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * conn.c: open connections: what epoll says becomes events for the guest, what
 * the guest writes goes out.
 *
 * A batch has at most one event per connection. Readiness is level-triggered:
 * what did not fit is reported by the next epoll_wait(), which serves
 * connections in turn. Nothing is kept on the host: output that the kernel does
 * not take is the guest's to keep.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/server_priv.h"

#define WRITE_MAX MIB(1)	/* of one call */

int
conn_init(struct system *y, struct tkvm_err *err)
{
	unsigned n = y->server->s.max_connections;

	y->free = y->gone = (struct queue){NOBODY, NOBODY};
	y->conn = calloc(n, sizeof *y->conn);
	if (y->conn == NULL)
		return (tkvm_fail(err, TKVM_ENOMEM,
		    "no memory for %u connections", n));
	for (unsigned i = 0; i < n; i++)
		conn_put_back(y, &y->conn[i]);
	return (0);
}

static struct conn *
by_fd(const struct system *y, uint64_t fd)
{
	uint32_t i = (uint32_t)fd - FIRST_FD;

	return (i < y->server->s.max_connections ? &y->conn[i] : NULL);
}

struct conn *
conn_find(struct system *y, uint64_t fd)
{
	struct conn *c = by_fd(y, fd);

	return (c != NULL && c->state == CONN_OPEN ? c : NULL);
}

bool
conn_is_gone(const struct system *y, uint64_t fd)
{
	const struct conn *c = by_fd(y, fd);

	return (c != NULL && c->state == CONN_GONE);
}

static void
host_close(struct system *y, struct conn *c)
{
	(void)epoll_ctl(y->epoll, EPOLL_CTL_DEL, c->host, NULL);
	(void)close(c->host);
	c->host = -1;
	y->n_open--;
}

/* Closed from outside; its number stays taken until the guest was told. */
static void
lose(struct system *y, struct conn *c)
{
	uint32_t i = (uint32_t)(c - y->conn);

	host_close(y, c);
	c->state = CONN_GONE;
	c->next = NOBODY;
	if (y->gone.first == NOBODY)
		y->gone.first = i;
	else
		y->conn[y->gone.last].next = i;
	y->gone.last = i;
}

void
conn_close_all(struct system *y)
{
	y->gone = (struct queue){NOBODY, NOBODY};
	y->n = 0;
	for (unsigned i = 0; i < y->server->s.max_connections; i++) {
		struct conn *c = &y->conn[i];

		if (c->state == CONN_OPEN)
			host_close(y, c);
		if (c->state != CONN_FREE)
			conn_put_back(y, c);
	}
}

/* Report, or no longer report, that it is writable. */
static void
arm(struct system *y, struct conn *c, bool on)
{
	struct epoll_event e = {
		.events = on ? EPOLLIN | EPOLLOUT : EPOLLIN,
		.data.u32 = (uint32_t)(c - y->conn),
	};

	if (c->armed != on &&
	    epoll_ctl(y->epoll, EPOLL_CTL_MOD, c->host, &e) == 0)
		c->armed = on;
}

/*--- what the guest does --------------------------------------------------*/

int64_t
conn_write(struct system *y, struct conn *c, uint64_t gva, uint64_t len)
{
	const void *p;
	ssize_t n;

	if (len == 0)
		return (0);
	p = tkvm_view(y->machine, gva, len > WRITE_MAX ? WRITE_MAX : len);
	if (p == NULL)
		return (-EFAULT);
	n = send(c->host, p, len > WRITE_MAX ? WRITE_MAX : len,
	    MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0 && errno != EAGAIN)
		return (-errno);
	if (n < 0 || (uint64_t)n < len)
		arm(y, c, true);
	if (n < 0)
		return (-EAGAIN);
	c->active_ns = tkvm_now_ns();
	count(y, SERVER_BYTES_OUT, (uint64_t)n);
	return (n);
}

/* Bytes of the peer to guest memory; 0 at the end, -errno. */
static int64_t
receive(struct system *y, struct conn *c, uint64_t gva, uint64_t room)
{
	int there = 0;
	ssize_t n;
	void *p;

	/* Ask first: a large buffer for a few bytes dirties many pages. */
	if (ioctl(c->host, FIONREAD, &there) != 0 || there < 1)
		there = 1;
	if ((uint64_t)there < room)
		room = (uint64_t)there;
	p = tkvm_view_write(y->machine, gva, room);
	if (p == NULL)
		return (-EFAULT);
	n = recv(c->host, p, room, MSG_DONTWAIT);
	if (n < 0)
		return (-errno);
	c->active_ns = tkvm_now_ns();
	count(y, SERVER_BYTES_IN, (uint64_t)n);
	return (n);
}

int64_t
conn_read(struct system *y, struct conn *c, uint64_t gva, uint64_t len)
{
	return (len == 0 ? 0 : receive(y, c, gva, len));
}

int64_t
conn_close(struct system *y, uint64_t fd)
{
	struct conn *c = by_fd(y, fd);

	if (c != NULL && c->state == CONN_OPEN) {
		host_close(y, c);
		conn_put_back(y, c);
		return (0);
	}
	if (c == NULL || c->state != CONN_GONE)
		return (-EBADF);
	c->state = CONN_DROPPED;
	return (0);
}

/*--- what happens outside -------------------------------------------------*/

static bool
room(const struct system *y)
{
	return (y->n < y->events_n);
}

static void
tell_gone(struct system *y)
{
	struct conn *c;

	while (room(y) && y->gone.first != NOBODY) {
		c = &y->conn[y->gone.first];
		y->gone.first = c->next;
		if (c->state == CONN_GONE)
			(void)conn_event(y, c, EVENT_DISCONNECT);
		conn_put_back(y, c);
	}
}

static int
data_came(struct system *y, struct conn *c, struct tkvm_err *err)
{
	uint64_t at = y->buffers + y->n * y->buffer_bytes;
	struct guest_event *e;
	int64_t n;

	n = receive(y, c, at, y->buffer_bytes);
	if (n == -EFAULT)
		return (tkvm_fail(err, TKVM_EGUEST, "it took away the memory "
		    "that socket data is read into"));
	if (n == -EAGAIN || n == -EINTR)
		return (0);
	if (n <= 0) {
		lose(y, c);
		return (0);
	}
	e = conn_event(y, c, (int)y->server->s.read_event);
	e->data = at;
	e->data_len = (uint64_t)n;
	return (0);
}

static int
conn_ready(struct system *y, struct conn *c, uint32_t events,
    struct tkvm_err *err)
{
	bool out = c->armed && (events & EPOLLOUT) != 0;

	if (c->state != CONN_OPEN)
		return (0);
	if (out && ((events & EPOLLIN) == 0 || !c->wrote_last)) {
		c->wrote_last = true;
		arm(y, c, false);
		(void)conn_event(y, c, EVENT_WRITABLE);
		return (0);
	}
	c->wrote_last = false;
	if ((events & EPOLLIN) != 0)
		return (data_came(y, c, err));
	if ((events & (EPOLLERR | EPOLLHUP)) != 0)
		lose(y, c);
	return (0);
}

/* Once a second: who was silent for too long, and do we listen? */
static void
tick(struct system *y)
{
	uint64_t now = tkvm_now_ns();
	uint64_t idle_ns = (uint64_t)(y->server->s.idle_timeout * 1e9);

	accept_update(y);
	if (now < y->tick_ns)
		return;
	y->tick_ns = now + SECOND_NS;
	for (unsigned i = 0; i < y->server->s.max_connections; i++)
		if (y->conn[i].state == CONN_OPEN &&
		    now - y->conn[i].active_ns > idle_ns)
			lose(y, &y->conn[i]);
}

int
conn_collect(struct system *y, struct tkvm_err *err)
{
	struct epoll_event ev[EVENTS_MAX];
	bool knocked = false;
	int n, r = 0;

	y->n = 0;
	tick(y);
	tell_gone(y);
	if (!room(y))
		return (0);
	n = epoll_wait(y->epoll, ev, (int)(y->events_n - y->n),
	    y->n > 0 ? 0 : 1000);
	for (int i = 0; i < n && r == 0; i++) {
		if (ev[i].data.u32 == NOBODY)
			knocked = true;
		else if (ev[i].data.u32 < y->server->s.max_connections)
			r = conn_ready(y, &y->conn[ev[i].data.u32],
			    ev[i].events, err);
	}
	/* Each connection has used one entry at most: one is left for it. */
	if (knocked)
		accept_update(y);
	if (knocked && r == 0 && y->listening)
		accept_some(y);
	return (r);
}
