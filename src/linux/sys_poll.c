/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sys_poll.c: poll and select. Files are always ready; only an inherited
 * standard descriptor has to be asked. Signal masks are not applied: no signal
 * can arrive while the guest waits.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>

#include "linux/linux_priv.h"

#define POLL_DATA (POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM)
#define FOREVER UINT64_MAX

/* The host's 0, 1 and 2, as far as they are waited for; fd -1 if not. */
struct ask {
	struct pollfd std[3];
};

/* What is known without asking the host; what must be asked goes to *ask. */
static int
ready_now(struct linux_ctx *c, struct pollfd *p, unsigned n, struct ask *ask)
{
	struct file *f;
	int ready = 0;

	for (int i = 0; i < 3; i++)
		ask->std[i] = (struct pollfd){.fd = -1};
	for (unsigned i = 0; i < n; i++) {
		p[i].revents = 0;
		if (p[i].fd < 0)
			continue;
		f = fds_get(&c->s->fds, (uint32_t)p[i].fd);
		if (f == NULL) {
			p[i].revents = POLLNVAL;
		} else if (f->kind == FILE_STDIO && f->host >= 0) {
			ask->std[f->stdio].fd = f->host;
			ask->std[f->stdio].events |= p[i].events;
		} else {
			p[i].revents = p[i].events & POLL_DATA;
		}
		ready += p[i].revents != 0;
	}
	return (ready);
}

static int
ready_asked(struct linux_ctx *c, struct pollfd *p, unsigned n,
    const struct ask *ask)
{
	const short always = POLLERR | POLLHUP | POLLNVAL;
	struct file *f;
	int ready = 0;

	for (unsigned i = 0; i < n; i++) {
		f = p[i].fd < 0 ? NULL :
		    fds_get(&c->s->fds, (uint32_t)p[i].fd);
		if (f != NULL && f->kind == FILE_STDIO && f->host >= 0)
			p[i].revents = (short)(ask->std[f->stdio].revents &
			    (p[i].events | always));
		ready += p[i].revents != 0;
	}
	return (ready);
}

/* How long the host may wait, given what is ready and when to give up. */
static struct timespec
patience(const struct linux_ctx *c, int ready, uint64_t until_ns)
{
	uint64_t end = tkvm_machine_deadline(c->m), now = tkvm_now_ns();
	uint64_t ns;

	if (until_ns < end)
		end = until_ns;
	ns = ready > 0 || now >= end ? 0 : end - now;
	return ((struct timespec){
		.tv_sec = (time_t)(ns / 1000000000),
		.tv_nsec = (long)(ns % 1000000000),
	});
}

static int64_t
wait_for(struct linux_ctx *c, struct pollfd *p, unsigned n, uint64_t until_ns)
{
	struct timespec ts;
	struct ask ask;
	int ready;

	for (;;) {
		ready = ready_now(c, p, n, &ask);
		ts = patience(c, ready, until_ns);
		if (ppoll(ask.std, 3, &ts, NULL) < 0 && errno != EINTR)
			return (-errno);
		ready = ready_asked(c, p, n, &ask);
		if (ready > 0)
			return (ready);
		if (tkvm_now_ns() >= until_ns)
			return (0);
		if (linux_late(c))
			return (-EINTR);
	}
}

static int64_t
poll_common(struct linux_ctx *c, uint64_t until_ns)
{
	uint64_t n = (uint32_t)c->a[1];
	struct pollfd *p;
	int64_t r;

	if (n > FDS_MAX)
		return (-EINVAL);
	p = calloc(n + 1, sizeof *p);
	if (p == NULL)
		return (-ENOMEM);
	r = -EFAULT;
	if (tkvm_copy_in(c->m, p, c->a[0], n * sizeof *p) == 0)
		r = wait_for(c, p, (unsigned)n, until_ns);
	if (r >= 0 && tkvm_copy_out(c->m, c->a[0], p, n * sizeof *p) != 0)
		r = -EFAULT;
	free(p);
	return (r);
}

int64_t
sys_poll(struct linux_ctx *c)
{
	int32_t ms = (int32_t)c->a[2];

	return (poll_common(c, ms < 0 ? FOREVER :
	    time_after((uint64_t)ms * 1000000)));
}

/* The timeout of ppoll and pselect6: a timespec, or none. */
static int
until_timespec(const struct linux_ctx *c, uint64_t gva, uint64_t *until_ns)
{
	uint64_t ns;
	int r;

	*until_ns = FOREVER;
	if (gva == 0)
		return (0);
	r = time_get(c, gva, &ns);
	if (r == 0)
		*until_ns = time_after(ns);
	return (r);
}

int64_t
sys_ppoll(struct linux_ctx *c)
{
	uint64_t until_ns;
	int r = until_timespec(c, c->a[2], &until_ns);

	return (r != 0 ? r : poll_common(c, until_ns));
}

/*--- select ---------------------------------------------------------------*/

#define SELECT_MAX 1024
#define SETS 3			/* read, write, exceptional */

struct sets {
	uint64_t bits[SETS][SELECT_MAX / 64];
	size_t bytes;		/* of each that the guest gave */
};

static const short select_asks[SETS] = {POLLIN, POLLOUT, POLLPRI};
static const short select_takes[SETS] = {
	POLLIN | POLLHUP | POLLERR, POLLOUT | POLLERR, POLLPRI,
};

static bool
in_set(const struct sets *s, int set, unsigned fd)
{
	return (s->bits[set][fd / 64] >> (fd % 64) & 1);
}

static int
sets_in(const struct linux_ctx *c, struct sets *s, unsigned n)
{
	memset(s, 0, sizeof *s);
	s->bytes = (n + 63) / 64 * 8;
	for (int set = 0; set < SETS; set++)
		if (c->a[1 + set] != 0 && tkvm_copy_in(c->m, s->bits[set],
		    c->a[1 + set], s->bytes) != 0)
			return (-EFAULT);
	return (0);
}

/* Sets to poll's form; the number of entries or -EBADF. */
static int
sets_to_poll(struct linux_ctx *c, const struct sets *s, unsigned n,
    struct pollfd *p)
{
	short events;
	int used = 0;

	for (unsigned fd = 0; fd < n; fd++) {
		events = 0;
		for (int set = 0; set < SETS; set++)
			if (in_set(s, set, fd))
				events |= select_asks[set];
		if (events == 0)
			continue;
		if (fds_get(&c->s->fds, fd) == NULL)
			return (-EBADF);
		p[used++] = (struct pollfd){.fd = (int)fd, .events = events};
	}
	return (used);
}

static int64_t
sets_out(struct linux_ctx *c, struct sets *s, const struct pollfd *p,
    int used)
{
	struct sets given = *s;
	int64_t count = 0;

	memset(s->bits, 0, sizeof s->bits);
	for (int i = 0; i < used; i++)
		for (int set = 0; set < SETS; set++) {
			unsigned fd = (unsigned)p[i].fd;

			if (!in_set(&given, set, fd) ||
			    !(p[i].revents & select_takes[set]))
				continue;
			s->bits[set][fd / 64] |= 1ull << (fd % 64);
			count++;
		}
	for (int set = 0; set < SETS; set++)
		if (c->a[1 + set] != 0 && tkvm_copy_out(c->m, c->a[1 + set],
		    s->bits[set], s->bytes) != 0)
			return (-EFAULT);
	return (count);
}

static int64_t
select_common(struct linux_ctx *c, uint64_t until_ns)
{
	int32_t n = (int32_t)c->a[0];
	struct pollfd *p;
	struct sets s;
	int64_t r;
	int used;

	if (n < 0)
		return (-EINVAL);
	if (n > SELECT_MAX)
		n = SELECT_MAX;
	r = sets_in(c, &s, (unsigned)n);
	if (r != 0)
		return (r);
	p = calloc(FDS_MAX, sizeof *p);
	if (p == NULL)
		return (-ENOMEM);
	used = sets_to_poll(c, &s, (unsigned)n, p);
	r = used;
	if (used >= 0)
		r = wait_for(c, p, (unsigned)used, until_ns);
	if (r >= 0)
		r = sets_out(c, &s, p, used);
	free(p);
	return (r);
}

int64_t
sys_select(struct linux_ctx *c)
{
	uint64_t until_ns = FOREVER, ns;
	int64_t tv[2];

	if (c->a[4] != 0) {
		if (tkvm_copy_in(c->m, tv, c->a[4], sizeof tv) != 0)
			return (-EFAULT);
		if (tv[0] < 0 || tv[1] < 0)
			return (-EINVAL);
		if (__builtin_mul_overflow((uint64_t)tv[0], 1000000, &ns) ||
		    __builtin_add_overflow(ns, (uint64_t)tv[1], &ns) ||
		    __builtin_mul_overflow(ns, 1000, &ns))
			ns = FOREVER;
		until_ns = time_after(ns);
	}
	return (select_common(c, until_ns));
}

int64_t
sys_pselect6(struct linux_ctx *c)
{
	uint64_t until_ns;
	int r = until_timespec(c, c->a[4], &until_ns);

	return (r != 0 ? r : select_common(c, until_ns));
}
