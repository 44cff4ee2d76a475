/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * calls.c: what a system's guest says about its connections. Everything else
 * goes to the handlers that every program has.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "server/server_priv.h"

#define CALL_WAIT 0x10002
#define CALL_WRITE 0x10500
#define SYS_READ 0
#define SYS_WRITE 1
#define SYS_CLOSE 3

/* A guest's n, which may be anything, as a number of events. */
static unsigned
clamp(uint64_t n)
{
	return (n < 1 ? 1 : n > EVENTS_MAX ? EVENTS_MAX : (unsigned)n);
}

/*
 * One buffer per event, taken at the first wait for good. Together they are at
 * most a quarter of what the system may write to.
 */
static int
take_buffers(struct system *y, unsigned n, struct tkvm_err *err)
{
	uint64_t each = y->server->program.memory_bytes / 4 / n;

	each = each < KIB(64) ? KIB(64) : each > MIB(1) ? MIB(1) :
	    num_down(each, TKVM_PAGE);
	y->buffers = tkvm_arena_take(y->machine, n * each + n * REMOTE_BYTES);
	if (y->buffers == 0)
		return (tkvm_fail(err, TKVM_EGUEST, "its memory has no room "
		    "for %u socket buffers of %ju bytes; raise address_space "
		    "or ask for fewer events", n, (uintmax_t)each));
	y->buffer_bytes = each;
	y->n_buffers = n;
	y->remotes = y->buffers + n * each;
	return (0);
}

static enum tkvm_next
wait_events(struct system *y, const struct tkvm_call *c, struct tkvm_err *err)
{
	unsigned n = clamp(c->arg[1]);

	if (y->buffers == 0 && take_buffers(y, n, err) != 0)
		return (TKVM_ABORT);
	n = n < y->n_buffers ? n : y->n_buffers;
	/* Now, not when something happens, for the sake of whoever debugs. */
	if (tkvm_view_write(y->machine, c->arg[0],
	    n * sizeof(struct guest_event)) == NULL) {
		(void)tkvm_fail(err, TKVM_EGUEST, "it waits for socket events "
		    "at 0x%jx, where they cannot be written",
		    (uintmax_t)c->arg[0]);
		return (TKVM_ABORT);
	}
	y->events_at = c->arg[0];
	y->events_n = n;
	y->waiting = true;
	return (TKVM_STOP);
}

static int64_t
write_fd(struct system *y, uint64_t fd, uint64_t gva, uint64_t len)
{
	struct conn *c = conn_find(y, fd);

	if (c != NULL)
		return (conn_write(y, c, gva, len));
	return (conn_is_gone(y, fd) ? -EPIPE : -EBADF);
}

static int64_t
read_fd(struct system *y, uint64_t fd, uint64_t gva, uint64_t len)
{
	struct conn *c = conn_find(y, fd);

	if (c != NULL)
		return (conn_read(y, c, gva, len));
	return (conn_is_gone(y, fd) ? 0 : -EBADF);
}

/* What was written, or -errno, replaces fd; EAGAIN leaves it as it is. */
static enum tkvm_next
write_events(struct system *y, const struct tkvm_call *c, struct tkvm_err *err)
{
	struct guest_event e[EVENTS_MAX];
	unsigned n = clamp(c->arg[1]);
	int64_t r;
	int32_t fd;

	if (tkvm_copy_in(y->machine, e, c->arg[0], n * sizeof e[0]) != 0) {
		(void)tkvm_fail(err, TKVM_EGUEST, "sys_sockets_write with "
		    "events at an unmapped address");
		return (TKVM_ABORT);
	}
	for (unsigned i = 0; i < n; i++) {
		if (e[i].event != EVENT_WRITABLE)
			continue;
		r = write_fd(y, (uint32_t)e[i].fd, e[i].data, e[i].data_len);
		if (r == -EAGAIN)
			continue;
		fd = (int32_t)r;
		if (tkvm_copy_out(y->machine, c->arg[0] + i * sizeof e[0] +
		    offsetof(struct guest_event, fd), &fd, sizeof fd) != 0) {
			(void)tkvm_fail(err, TKVM_EGUEST, "sys_sockets_write "
			    "with events that cannot be written");
			return (TKVM_ABORT);
		}
	}
	return (TKVM_RESUME);
}

enum tkvm_next
server_http_call(void *state, struct tkvm_machine *m, struct tkvm_call *c,
    struct tkvm_err *err)
{
	struct system *y = state;

	if (c->number == CALL_WAIT)
		return (wait_events(y, c, err));
	if (c->number == CALL_WRITE)
		return (write_events(y, c, err));
	return (y->inner.http_call(y->inner.http_state, m, c, err));
}

enum tkvm_next
server_linux_call(void *state, struct tkvm_machine *m, struct tkvm_call *c,
    struct tkvm_err *err)
{
	struct system *y = state;
	uint32_t fd = (uint32_t)c->arg[0];
	int64_t r;

	/* Files have small numbers, connections begin at FIRST_FD. */
	if ((int32_t)fd < FIRST_FD)
		return (y->inner.linux_call(y->inner.linux_state, m, c, err));
	if (c->number == SYS_READ)
		r = read_fd(y, fd, c->arg[1], c->arg[2]);
	else if (c->number == SYS_WRITE)
		r = write_fd(y, fd, c->arg[1], c->arg[2]);
	else if (c->number == SYS_CLOSE)
		r = conn_close(y, fd);
	else
		return (y->inner.linux_call(y->inner.linux_state, m, c, err));
	c->ret = (uint64_t)r;
	return (TKVM_RESUME);
}
