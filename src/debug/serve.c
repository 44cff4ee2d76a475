/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * serve.c: one session: wait for a debugger, do what it asks, let go.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "debug/debug_priv.h"

/* How often a running machine is interrupted to look at the socket. */
#define SLICE_NS 50000000u
/* However busy the peer is, a session ends. */
#define SESSION_NS 3600000000000u
#define SEND_SECONDS 5

/* Signals as gdb numbers them (include/gdb/signals.def). */
enum { GDB_INT = 2, GDB_ILL = 4, GDB_TRAP = 5, GDB_ABRT = 6, GDB_FPE = 8,
	GDB_BUS = 10, GDB_SEGV = 11, GDB_ALRM = 14 };

static int
signal_of(const struct tkvm_machine *m, int code)
{
	static const uint8_t by_vector[32] = {
		[0] = GDB_FPE, [1] = GDB_TRAP, [3] = GDB_TRAP, [4] = GDB_SEGV,
		[5] = GDB_SEGV, [6] = GDB_ILL, [13] = GDB_SEGV,
		[14] = GDB_SEGV, [16] = GDB_FPE, [17] = GDB_BUS,
		[19] = GDB_FPE,
	};
	const struct tkvm_fault *f = tkvm_machine_fault(m);

	if (code == 0)
		return (GDB_TRAP);
	if (code == TKVM_ETIMEOUT)
		return (GDB_ALRM);
	if (code == TKVM_EGUEST && f->name != NULL &&
	    by_vector[f->vector & 31] != 0)
		return (by_vector[f->vector & 31]);
	return (GDB_ABRT);
}

/*--- bytes ----------------------------------------------------------------*/

static void
put(struct session *s, const char *data, size_t n)
{
	while (n > 0 && !s->over) {
		ssize_t r = send(s->fd, data, n, MSG_NOSIGNAL);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0) {
			s->over = true;
			return;
		}
		data += r;
		n -= (size_t)r;
	}
}

void
session_reply(struct session *s, const char *data, size_t n)
{
	put(s, s->frame, rsp_frame(data, n, s->frame));
}

void
session_say(struct session *s, const char *text)
{
	session_reply(s, text, strlen(text));
}

/*
 * More bytes, waiting at most so long. 0 when there are none yet; the session
 * is over when the peer is gone.
 */
static size_t
get(struct session *s, int timeout_ms)
{
	struct pollfd p = {.fd = s->fd, .events = POLLIN};
	ssize_t r;

	if (s->raw_at < s->raw_n)
		return (s->raw_n - s->raw_at);
	if (poll(&p, 1, timeout_ms) <= 0)
		return (0);
	r = recv(s->fd, s->raw, sizeof s->raw, MSG_DONTWAIT);
	if (r < 0 && (errno == EINTR || errno == EAGAIN))
		return (0);
	if (r <= 0) {
		s->over = true;
		return (0);
	}
	s->raw_at = 0;
	s->raw_n = (size_t)r;
	s->last_ns = tkvm_now_ns();
	return (s->raw_n);
}

/* The next packet: true; or the session is over. */
static bool
next_packet(struct session *s)
{
	s->last_ns = tkvm_now_ns();
	while (!s->over) {
		if (get(s, 100) == 0) {
			uint64_t now = tkvm_now_ns();

			if (now - s->last_ns > s->o->idle_ns ||
			    now > s->until_ns || tkvm_machine_cancelled(s->m))
				s->over = true;
			continue;
		}
		switch (rsp_feed(&s->in, (unsigned char)s->raw[s->raw_at++])) {
		case RSP_PACKET:
			if (!s->no_ack)
				put(s, "+", 1);
			return (!s->over);
		case RSP_BAD:
			if (!s->no_ack)
				put(s, "-", 1);
			break;
		case RSP_INTERRUPT:	/* it has stopped already */
		case RSP_NOTHING:
			break;
		}
	}
	return (false);
}

/*--- running --------------------------------------------------------------*/

void
session_tell_stop(struct session *s)
{
	static const char *const watch[] = {
		[TKVM_BREAK_WRITE] = "watch", [TKVM_BREAK_ACCESS] = "awatch",
	};
	char text[96];
	int n;

	n = snprintf(text, sizeof text, "T%02xthread:1;", s->signal);
	if (s->stop.kind == TKVM_STOP_WATCH)
		(void)snprintf(text + n, sizeof text - (size_t)n, "%s:%jx;",
		    watch[s->stop.by], (uintmax_t)s->stop.address);
	else if (s->stop.kind == TKVM_STOP_BREAK && s->swbreak)
		(void)snprintf(text + n, sizeof text - (size_t)n, "%s:;",
		    s->stop.by == TKVM_BREAK_SOFT ? "swbreak" : "hwbreak");
	session_say(s, text);
}

/* The only byte that counts while the machine runs. */
static bool
interrupted(struct session *s)
{
	while (get(s, 0) > 0)
		if (rsp_feed(&s->in, (unsigned char)s->raw[s->raw_at++]) ==
		    RSP_INTERRUPT)
			return (true);
	return (s->over);
}

static void
run(struct session *s, bool step)
{
	uint64_t now = tkvm_now_ns(), deadline = now + s->o->run_ns;

	s->signal = GDB_TRAP;
	do {
		tkvm_debug_run(s->m, step, now + SLICE_NS, deadline, &s->stop,
		    s->err);
		now = tkvm_now_ns();
		if (s->stop.kind == TKVM_STOP_LATE && interrupted(s)) {
			s->signal = GDB_INT;
			return;
		}
	} while (s->stop.kind == TKVM_STOP_LATE);
}

void
session_resume(struct session *s, bool step)
{
	s->end->code = 0;
	run(s, step);
	if (s->stop.kind == TKVM_STOP_ENDED && (s->o->paused == NULL ||
	    !s->o->paused(s->o->priv))) {
		session_say(s, "W00");
		s->end->finished = s->over = true;
		return;
	}
	if (s->stop.kind == TKVM_STOP_FAILED) {
		s->end->code = s->stop.code;
		s->signal = signal_of(s->m, s->stop.code);
		if (s->stop.code == TKVM_EHOST ||
		    tkvm_machine_cancelled(s->m)) {
			session_say(s, "X09");
			s->over = true;
			return;
		}
	}
	session_tell_stop(s);
}

void
debug_serve(struct tkvm_machine *m, int fd, const struct debug_options *o,
    struct debug_end *end, struct tkvm_err *err)
{
	const struct timeval patience = {.tv_sec = SEND_SECONDS};
	struct session *s = calloc(1, sizeof *s);

	if (s == NULL)
		return;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
	    sizeof patience);
	s->m = m;
	s->o = o;
	s->fd = fd;
	s->end = end;
	s->err = err;
	s->signal = signal_of(m, end->code);
	s->r.components = tkvm_debug_components(m);
	s->until_ns = tkvm_now_ns() + SESSION_NS;
	while (next_packet(s))
		command_run(s);
	if (end->code != TKVM_EHOST && tkvm_debug_end(m, err) != 0) {
		end->code = TKVM_EHOST;
		end->finished = false;
	}
	free(s);
}

/*--- waiting for a debugger -----------------------------------------------*/

/* A connection, or -1 when nobody came. */
static int
await(const struct listener *l, const struct tkvm_machine *m, uint64_t wait_ns)
{
	struct pollfd p = {.fd = l->fd, .events = POLLIN};
	uint64_t until = tkvm_now_ns() + wait_ns;
	int fd;

	do {
		if (poll(&p, 1, 100) <= 0)
			continue;
		fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			return (fd);
	} while (tkvm_now_ns() < until && !tkvm_machine_cancelled(m));
	return (-1);
}

void
debug_session(struct tkvm_machine *m, const struct debug_options *o,
    struct debug_end *end, struct tkvm_err *err)
{
	struct listener l;
	struct tkvm_err why;
	char line[512];
	int fd;

	if (listener_open(&l, o->where, o->program, &why) != 0) {
		o->log(o->priv, why.text);
		return;
	}
	(void)snprintf(line, sizeof line, "%s waits %ju s for a debugger: gdb "
	    "%s -ex \"target remote %s\"", o->program,
	    (uintmax_t)(o->wait_ns / 1000000000), o->file == NULL ? "PROGRAM" :
	    o->file, l.target);
	o->log(o->priv, line);
	fd = await(&l, m, o->wait_ns);
	listener_close(&l);
	if (fd >= 0) {
		debug_serve(m, fd, o, end, err);
		(void)close(fd);
	}
	(void)snprintf(line, sizeof line, "%s goes on%s", o->program,
	    fd < 0 ? ": no debugger came" : " without its debugger");
	o->log(o->priv, line);
}
