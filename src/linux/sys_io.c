/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sys_io.c: read and write and their relatives.
 *
 * Files are always read and written at an offset that we name, never at the
 * host descriptor's own, which all forks share. Long transfers go in parts
 * with a look at the deadline after each.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "linux/linux_priv.h"

#define PART_BYTES MIB(1)
#define OUTPUT_BYTES KIB(64)		/* of one write to 1 or 2 */
#define LINUX_IO_MAX 0x7ffff000u	/* of one call, as in Linux */
#define IOV_COUNT 1024

/* One transfer: descriptor, guest address, length, offset. */
typedef int64_t io_f(struct linux_ctx *c, const struct file *f, uint64_t gva,
    uint64_t len, int64_t at);

/*
 * How much of a part the file can fill, so that a big buffer for a small file
 * does not dirty all its pages. Files of size 0 may have contents (procfs).
 */
static uint64_t
clamp_to_file(const struct file *f, uint64_t len, int64_t at)
{
	struct stat st;

	if (len <= KIB(16) || fstat(f->host, &st) != 0 || st.st_size == 0)
		return (len);
	if (at >= st.st_size)
		return (0);
	return (len < (uint64_t)(st.st_size - at) ? len :
	    (uint64_t)(st.st_size - at));
}

int64_t
io_read_at(struct linux_ctx *c, const struct file *f, uint64_t gva,
    uint64_t len, int64_t at)
{
	uint64_t done = 0, part;
	ssize_t n;
	void *p;

	len = clamp_to_file(f, len < LINUX_IO_MAX ? len : LINUX_IO_MAX, at);
	while (done < len) {
		part = len - done < PART_BYTES ? len - done : PART_BYTES;
		p = tkvm_view_write(c->m, gva + done, part);
		if (p == NULL)
			return (done > 0 ? (int64_t)done : -EFAULT);
		n = pread(f->host, p, part, at + (int64_t)done);
		if (n < 0 && errno == EINTR && !linux_late(c))
			continue;
		if (n < 0)
			return (done > 0 ? (int64_t)done : -errno);
		done += (uint64_t)n;
		if ((uint64_t)n < part || (done < len && linux_late(c)))
			break;
	}
	return ((int64_t)done);
}

static int64_t
write_parts(struct linux_ctx *c, const struct file *f, uint64_t gva,
    uint64_t len, int64_t at)
{
	uint64_t done = 0, part;
	const void *p;
	ssize_t n;

	while (done < len) {
		part = len - done < PART_BYTES ? len - done : PART_BYTES;
		p = tkvm_view(c->m, gva + done, part);
		if (p == NULL)
			return (done > 0 ? (int64_t)done : -EFAULT);
		n = pwrite(f->host, p, part, at + (int64_t)done);
		if (n < 0 && errno == EINTR && !linux_late(c))
			continue;
		if (n < 0)
			return (done > 0 ? (int64_t)done : -errno);
		done += (uint64_t)n;
		if ((uint64_t)n < part || (done < len && linux_late(c)))
			break;
	}
	return ((int64_t)done);
}

static int64_t
write_at(struct linux_ctx *c, const struct file *f, uint64_t gva, uint64_t len,
    int64_t at)
{
	uint64_t want = len > LINUX_IO_MAX ? LINUX_IO_MAX : len;
	int64_t n;

	if (want != 0 && at >= LINUX_FILE_MAX)
		n = -EFBIG;
	else if (want != 0 && f->change != NULL &&
	    (n = change_begin(f->change, f->host, true)) != 0)
		return (n);
	else
		n = write_parts(c, f, gva, want > (uint64_t)(LINUX_FILE_MAX -
		    at) ? (uint64_t)(LINUX_FILE_MAX - at) : want, at);
	/* Of a full disk, say: not all programs look, but half is nothing. */
	if (f->change != NULL && n != (int64_t)want)
		change_spoil(f->change);
	return (n);
}

static int64_t
read_stdin(struct linux_ctx *c, const struct file *f, uint64_t gva,
    uint64_t len, int64_t at)
{
	ssize_t n;
	void *p;

	(void)at;
	if (f->host < 0 || len == 0)
		return (0);	/* nobody is there: end of file */
	if (len > OUTPUT_BYTES)
		len = OUTPUT_BYTES;
	p = tkvm_view_write(c->m, gva, len);
	if (p == NULL)
		return (-EFAULT);
	do {
		n = read(f->host, p, len);
	} while (n < 0 && errno == EINTR && !linux_late(c));
	return (n < 0 ? -errno : n);
}

/*
 * Write to a host descriptor of the embedding process, which must not die of
 * SIGPIPE: block it, and take the one that we caused.
 */
static ssize_t
write_no_sigpipe(int fd, const void *p, size_t len)
{
	const struct timespec none = {0, 0};
	sigset_t pipe_set, old, before;
	bool had;
	ssize_t n;
	int error;

	(void)sigemptyset(&pipe_set);
	(void)sigaddset(&pipe_set, SIGPIPE);
	(void)pthread_sigmask(SIG_BLOCK, &pipe_set, &old);
	had = sigpending(&before) == 0 && sigismember(&before, SIGPIPE) == 1;
	n = write(fd, p, len);
	error = errno;
	if (n < 0 && error == EPIPE && !had)
		(void)sigtimedwait(&pipe_set, NULL, &none);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	errno = error;
	return (n);
}

/* Bytes on their way to descriptor 1 or 2. */
static int64_t
put_out(struct linux_ctx *c, const struct file *f, const void *p, uint64_t len)
{
	ssize_t n;

	if (f->host < 0) {
		c->s->rules->output(c->s->priv, f->stdio, p, len);
		return ((int64_t)len);
	}
	do {
		n = write_no_sigpipe(f->host, p, len);
	} while (n < 0 && errno == EINTR && !linux_late(c));
	if (n >= 0)
		return (n);
	n = -errno;
	if (n == -EPIPE)
		signal_raise(c, SIGPIPE);
	return (n);
}

static int64_t
write_stdout(struct linux_ctx *c, const struct file *f, uint64_t gva,
    uint64_t len, int64_t at)
{
	const void *p;

	(void)at;
	if (len == 0)
		return (0);
	if (len > OUTPUT_BYTES)
		len = OUTPUT_BYTES;
	p = tkvm_view(c->m, gva, len);
	return (p == NULL ? -EFAULT : put_out(c, f, p, len));
}

/* Which of the four it is, or why not. */
static int64_t
choose(struct linux_ctx *c, const struct file *f, bool write, io_f **io)
{
	int unwanted = write ? O_RDONLY : O_WRONLY;

	if (f == NULL || (f->flags & O_ACCMODE) == unwanted)
		return (-EBADF);
	if (f->kind == FILE_DIR)
		return (-EISDIR);
	if (f->kind == FILE_STDIO) {
		*io = write ? write_stdout : read_stdin;
		return (0);
	}
	if (write && !linux_booting(c))
		return (-EPERM);
	*io = write ? write_at : io_read_at;
	return (0);
}

/* Where a transfer without an offset of its own begins. */
static int64_t
begin(const struct file *f, bool write)
{
	int64_t end;

	if (f->kind != FILE_REGULAR || !write || !(f->flags & O_APPEND))
		return (f->offset);
	end = lseek(f->host, 0, SEEK_END);
	return (end < 0 ? -errno : end);
}

/* The file's own offset moves behind what was transferred. */
static void
advance(struct linux_ctx *c, struct file *f, int64_t at, int64_t n)
{
	if (n <= 0 || f->kind != FILE_REGULAR)
		return;
	c->s->fds.changed = true;
	f->offset = at + n;
}

static int64_t
transfer(struct linux_ctx *c, bool write)
{
	struct file *f = fds_get(&c->s->fds, c->a[0]);
	int64_t at, r;
	io_f *io;

	r = choose(c, f, write, &io);
	if (r != 0)
		return (r);
	at = begin(f, write);
	if (at < 0)
		return (at);
	r = io(c, f, c->a[1], c->a[2], at);
	advance(c, f, at, r);
	return (r);
}

int64_t
sys_read(struct linux_ctx *c)
{
	return (transfer(c, false));
}

int64_t
sys_write(struct linux_ctx *c)
{
	return (transfer(c, true));
}

static int64_t
transfer_at(struct linux_ctx *c, bool write)
{
	struct file *f = fds_get(&c->s->fds, c->a[0]);
	int64_t at = (int64_t)c->a[3], end, r;
	io_f *io;

	r = choose(c, f, write, &io);
	if (r != 0)
		return (r);
	if (at < 0 || __builtin_add_overflow(at, LINUX_IO_MAX, &end))
		return (-EINVAL);
	if (f->kind == FILE_STDIO)
		return (-ESPIPE);
	return (io(c, f, c->a[1], c->a[2], at));
}

int64_t
sys_pread64(struct linux_ctx *c)
{
	return (transfer_at(c, false));
}

int64_t
sys_pwrite64(struct linux_ctx *c)
{
	return (transfer_at(c, true));
}

/* Element i of a guest's struct iovec array, copied before it is looked at. */
static int64_t
get_iov(const struct linux_ctx *c, uint64_t i, uint64_t *gva, uint64_t *len)
{
	uint64_t iov[2];

	if (tkvm_copy_in(c->m, iov, c->a[1] + i * sizeof iov, sizeof iov) != 0)
		return (-EFAULT);
	if (iov[1] > SSIZE_MAX)
		return (-EINVAL);
	*gva = iov[0];
	*len = iov[1];
	return (0);
}

static int64_t
each_iov(struct linux_ctx *c, const struct file *f, io_f *io, int64_t at)
{
	uint64_t gva, len;
	int64_t r, done = 0;

	for (uint64_t i = 0; i < c->a[2]; i++) {
		r = get_iov(c, i, &gva, &len);
		if (r == 0)
			r = io(c, f, gva, len, at + done);
		if (r < 0)
			return (done > 0 ? done : r);
		done += r;
		if ((uint64_t)r < len || linux_late(c))
			break;
	}
	return (done);
}

/*
 * Elements for 1 and 2 are put out together: libc writes a line in two.
 */
static int64_t
gather_out(struct linux_ctx *c, const struct file *f)
{
	uint64_t gva, len, n = 0;
	int64_t r = 0;
	char *buf;

	buf = malloc(OUTPUT_BYTES);
	if (buf == NULL)
		return (-ENOMEM);
	for (uint64_t i = 0; i < c->a[2] && n < OUTPUT_BYTES; i++) {
		r = get_iov(c, i, &gva, &len);
		if (r == 0 && len > OUTPUT_BYTES - n)
			len = OUTPUT_BYTES - n;
		if (r == 0 && tkvm_copy_in(c->m, buf + n, gva, len) != 0)
			r = -EFAULT;
		if (r != 0)
			break;
		n += len;
	}
	if (n > 0)
		r = put_out(c, f, buf, n);
	free(buf);
	return (r);
}

static int64_t
vector(struct linux_ctx *c, bool write, bool positioned)
{
	struct file *f = fds_get(&c->s->fds, c->a[0]);
	int64_t at, end, r;
	io_f *io;

	r = choose(c, f, write, &io);
	if (r != 0)
		return (r);
	if (c->a[2] > IOV_COUNT)
		return (-EINVAL);
	at = positioned ? (int64_t)c->a[3] : begin(f, write);
	if (at < 0 || __builtin_add_overflow(at,
	    (int64_t)LINUX_IO_MAX * IOV_COUNT, &end))
		return (-EINVAL);
	if (positioned && f->kind == FILE_STDIO)
		return (-ESPIPE);
	if (io == write_stdout)
		return (gather_out(c, f));
	r = each_iov(c, f, io, at);
	if (!positioned)
		advance(c, f, at, r);
	return (r);
}

int64_t
sys_readv(struct linux_ctx *c)
{
	return (vector(c, false, false));
}

int64_t
sys_writev(struct linux_ctx *c)
{
	return (vector(c, true, false));
}

int64_t
sys_preadv(struct linux_ctx *c)
{
	return (vector(c, false, true));
}

int64_t
sys_pwritev(struct linux_ctx *c)
{
	return (vector(c, true, true));
}
