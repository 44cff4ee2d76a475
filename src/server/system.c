/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * system.c: the thread of a system: make a machine, let the program prepare
 * itself, then carry events to it, until the server stops. A program that
 * fails loses its connections and its memory, never the process.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/thread.h"
#include "server/server_priv.h"

static bool
stopping(const struct system *y)
{
	return (atomic_load(&y->server->stop));
}

/* Run until the guest waits for events again. */
static int
run(struct system *y, struct tkvm_err *err)
{
	int r;

	y->waiting = false;
	r = tkvm_machine_run(y->machine, tkvm_now_ns() +
	    y->server->program.run_ns, err);
	if (r == 0 && !y->waiting)
		r = tkvm_fail(err, TKVM_EGUEST, "it stopped instead of "
		    "waiting for socket events");
	return (r);
}

/* A machine anew, up to its first wait_for_socket_events_paused(). */
static int
begin(struct system *y, struct tkvm_err *err)
{
	const struct server *v = y->server;
	const struct tkvm_calls ours = {
		server_linux_call, y, server_http_call, y,
	};
	const uint64_t arg[6] = {y->index};
	struct tkvm_machine *m;
	int r;

	(void)pthread_mutex_lock(&y->lock);
	y->machine = NULL;
	(void)pthread_mutex_unlock(&y->lock);
	y->buffers = 0;
	r = v->ops.make(v->ops.priv, y->index, &ours, &y->inner, &m, err);
	if (r != 0)
		return (r);
	(void)pthread_mutex_lock(&y->lock);
	y->machine = m;
	(void)pthread_mutex_unlock(&y->lock);
	/* server_destroy() may have come before there was one to cancel. */
	if (stopping(y))
		return (0);
	r = tkvm_machine_call(m, v->program.prepare, arg, err);
	return (r != 0 ? r : run(y, err));
}

/* One batch of events, if there are any. */
static int
carry(struct system *y, struct tkvm_err *err)
{
	int r = conn_collect(y, err);

	if (r != 0 || y->n == 0 || stopping(y))
		return (r);
	if (tkvm_copy_out(y->machine, y->events_at, y->batch,
	    y->n * sizeof y->batch[0]) != 0)
		return (tkvm_fail(err, TKVM_EGUEST,
		    "its array of socket events is gone"));
	count(y, SERVER_EVENTS, y->n);
	tkvm_machine_continue(y->machine, y->n);
	return (run(y, err));
}

static void
failed(struct system *y, const struct tkvm_err *why)
{
	const struct server *v = y->server;
	char line[400];

	(void)snprintf(line, sizeof line, "%s failed: %.200s; system %u starts "
	    "anew, its %u connections are closed", v->program.name, why->text,
	    y->index, y->n_open);
	v->ops.log(v->ops.priv, line);
	count(y, SERVER_RESTARTS, 1);
}

static void
pause_until(const struct system *y, uint64_t until_ns)
{
	struct pollfd p = {.fd = y->wake, .events = POLLIN};
	uint64_t now;

	while (!stopping(y) && (now = tkvm_now_ns()) < until_ns)
		(void)poll(&p, 1, (int)((until_ns - now) / 1000000) + 1);
}

static void *
serve(void *arg)
{
	struct system *y = arg;
	struct tkvm_err err;
	uint64_t began;
	int r;

	while (!stopping(y)) {
		began = tkvm_now_ns();
		r = begin(y, &err);
		accept_update(y);
		while (r == 0 && !stopping(y))
			r = carry(y, &err);
		if (!stopping(y))
			failed(y, &err);
		conn_close_all(y);
		pause_until(y, began + SECOND_NS);
	}
	(void)pthread_mutex_lock(&y->lock);
	y->machine = NULL;
	(void)pthread_mutex_unlock(&y->lock);
	y->server->ops.unmake(y->server->ops.priv, y->index);
	return (NULL);
}

static int
start_thread(struct system *y)
{
	int r = thread_start(&y->thread, serve, y);

	y->running = r == 0;
	return (r);
}

int
system_start(struct system *y, struct tkvm_err *err)
{
	struct epoll_event e = {.events = EPOLLIN, .data.u32 = NOBODY - 1};
	int r;

	if (conn_init(y, err) != 0)
		return (TKVM_ENOMEM);
	y->epoll = epoll_create1(EPOLL_CLOEXEC);
	y->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (y->epoll < 0 || y->wake < 0 ||
	    epoll_ctl(y->epoll, EPOLL_CTL_ADD, y->wake, &e) != 0)
		return (tkvm_fail(err, TKVM_EHOST, "no descriptors for a "
		    "server: %s", strerror(errno)));
	r = start_thread(y);
	if (r != 0)
		return (tkvm_fail(err, TKVM_EHOST,
		    "cannot start a server's thread: %s", strerror(r)));
	return (0);
}

void
system_stop(struct system *y)
{
	const uint64_t one = 1;

	if (y->running) {
		(void)pthread_mutex_lock(&y->lock);
		if (y->machine != NULL)
			tkvm_machine_cancel(y->machine);
		(void)pthread_mutex_unlock(&y->lock);
		if (write(y->wake, &one, sizeof one) != sizeof one)
			(void)0;	/* it looks once a second, too */
		(void)pthread_join(y->thread, NULL);
	}
	if (y->epoll >= 0)
		(void)close(y->epoll);
	if (y->wake >= 0)
		(void)close(y->wake);
	free(y->conn);
}
