/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sys_file.c: opening and closing, and what is done to a descriptor.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "linux/linux_priv.h"

/*--- open -----------------------------------------------------------------*/

/* O_LARGEFILE is 0 in the C library of a 64-bit system. */
#define LINUX_O_LARGEFILE 0100000
/* What only O_TMPFILE has beyond O_DIRECTORY. */
#define LINUX_O_TMPFILE_BIT 020000000

/* Accepted without effect: we open nothing that they mean something for. */
#define OPEN_IGNORED (O_NOCTTY | O_NONBLOCK | O_DSYNC | O_SYNC | O_DIRECT | \
    O_NOATIME | O_PATH | LINUX_O_LARGEFILE)
#define OPEN_KEPT (O_ACCMODE | O_CREAT | O_EXCL | O_TRUNC | O_APPEND | \
    O_DIRECTORY | O_NOFOLLOW)
#define OPEN_KNOWN (OPEN_IGNORED | OPEN_KEPT | O_CLOEXEC)
/* Any of these makes an open one for writing. */
#define OPEN_MUTATES (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND | \
    LINUX_O_TMPFILE_BIT)

static int64_t
check_flags(const struct linux_ctx *c, uint64_t flags, bool *write)
{
	*write = (flags & OPEN_MUTATES) != 0;
	if (*write && !linux_booting(c))
		return (-EPERM);
	if (flags & LINUX_O_TMPFILE_BIT)
		return (-EACCES);
	if ((flags & ~(uint64_t)OPEN_KNOWN) != 0 ||
	    (flags & O_ACCMODE) == O_ACCMODE)
		return (-EINVAL);
	return (0);
}

/* A host descriptor, or -errno. */
static int
open_host(struct linux_state *s, const char *path, int flags, mode_t mode,
    bool write, struct change **change)
{
	const struct linux_path *r;
	const char *rest;
	int fd;

	*change = NULL;
	r = paths_find(s->rules, path, write, &rest);
	if (r != NULL && r->atomic && write && (flags & O_DIRECTORY) == 0) {
		fd = change_open(r->real_path, flags, mode, change);
		if (fd != -EXDEV)
			return (fd);
	}
	return (paths_open(s->rules, path, flags, mode, write));
}

int
file_open(struct linux_state *s, const char *path, int flags, mode_t mode,
    bool write, struct file *f)
{
	struct stat st;
	int r = 0;

	memset(f, 0, sizeof *f);
	f->host = open_host(s, path, flags, mode, write, &f->change);
	if (f->host < 0)
		return (f->host);
	f->flags = flags & O_ACCMODE;
	f->path = strdup(path);
	if (f->path == NULL)
		r = -ENOMEM;
	else if (fstat(f->host, &st) != 0)
		r = -errno;
	else
		f->kind = S_ISDIR(st.st_mode) ? FILE_DIR : FILE_REGULAR;
	if (r != 0)
		file_release(f);
	return (r);
}

static int64_t
open_at(struct linux_ctx *c, uint64_t dirfd, uint64_t path, uint64_t flags,
    uint64_t mode)
{
	struct target t;
	struct file f;
	int host_flags;
	int64_t r;
	bool write;

	flags = (uint32_t)flags;	/* an int; the rest is junk */
	r = check_flags(c, flags, &write);
	if (r == 0)
		r = target_get(c, dirfd, path, false, &t);
	if (r != 0)
		return (r);
	/* Appending is done by sys_io.c: F_SETFL may switch it. */
	host_flags = (int)(flags & OPEN_KEPT) & ~O_APPEND;
	if (t.dir)
		host_flags |= O_DIRECTORY;
	if (t.dir && (flags & O_CREAT))
		return (-EISDIR);
	/* Never executable, never set-uid. */
	mode &= 0666u & ~(uint64_t)c->s->vars.umask;
	r = file_open(c->s, t.path, host_flags, (mode_t)mode, write, &f);
	if (r != 0)
		return (r);
	f.flags |= (int)flags & (O_APPEND | O_NONBLOCK);
	r = fds_add(&c->s->fds, &f, (flags & O_CLOEXEC) != 0);
	if (r < 0)
		file_release(&f);
	return (r);
}

int64_t
sys_open(struct linux_ctx *c)
{
	return (open_at(c, (uint64_t)AT_FDCWD, c->a[0], c->a[1], c->a[2]));
}

int64_t
sys_creat(struct linux_ctx *c)
{
	return (open_at(c, (uint64_t)AT_FDCWD, c->a[0],
	    O_CREAT | O_WRONLY | O_TRUNC, c->a[1]));
}

int64_t
sys_openat(struct linux_ctx *c)
{
	return (open_at(c, c->a[0], c->a[1], c->a[2], c->a[3]));
}

/*--- descriptors ----------------------------------------------------------*/

int64_t
sys_close(struct linux_ctx *c)
{
	return (fds_close(&c->s->fds, c->a[0]));
}

int64_t
sys_dup(struct linux_ctx *c)
{
	return (fds_dup(&c->s->fds, c->a[0], 0, false));
}

int64_t
sys_dup2(struct linux_ctx *c)
{
	return (fds_dup_to(&c->s->fds, c->a[0], c->a[1], false));
}

int64_t
sys_dup3(struct linux_ctx *c)
{
	if ((uint32_t)c->a[0] == (uint32_t)c->a[1] ||
	    (c->a[2] & ~(uint64_t)O_CLOEXEC) != 0)
		return (-EINVAL);
	return (fds_dup_to(&c->s->fds, c->a[0], c->a[1], c->a[2] != 0));
}

/* Where a seek ends, from what it starts at. */
static int64_t
seek_to(struct file *f, int64_t by, uint64_t whence)
{
	struct stat st;
	int64_t from = 0;
	off_t at;

	switch (whence) {
	case SEEK_SET:
		break;
	case SEEK_CUR:
		from = f->offset;
		break;
	case SEEK_END:
		if (fstat(f->host, &st) != 0)
			return (-errno);
		from = st.st_size;
		break;
	case SEEK_DATA:
	case SEEK_HOLE:
		at = lseek(f->host, by, (int)whence);
		return (at < 0 ? -errno : at);
	default:
		return (-EINVAL);
	}
	if (__builtin_add_overflow(from, by, &at))
		return (-EOVERFLOW);
	return (at < 0 ? -EINVAL : at);
}

int64_t
sys_lseek(struct linux_ctx *c)
{
	struct file *f = fds_get(&c->s->fds, c->a[0]);
	int64_t at;

	if (f == NULL)
		return (-EBADF);
	if (f->kind == FILE_STDIO) {
		if (f->host < 0)
			return (-ESPIPE);
		at = lseek(f->host, (off_t)c->a[1], (int)(uint32_t)c->a[2]);
		return (at < 0 ? -errno : at);
	}
	at = seek_to(f, (int64_t)c->a[1], (uint32_t)c->a[2]);
	if (at >= 0 && at != f->offset) {
		f->offset = at;
		c->s->fds.changed = true;
	}
	return (at);
}

#define SETFL_FLAGS (O_APPEND | O_NONBLOCK)

/*
 * Locks are granted: nobody else in this program could hold one, and the
 * host's locks would belong to the whole embedding process.
 */
static int64_t
get_lock(struct linux_ctx *c)
{
	const int16_t unlocked = F_UNLCK;	/* struct flock's first field */

	return (tkvm_copy_out(c->m, c->a[2], &unlocked, sizeof unlocked) != 0 ?
	    -EFAULT : 0);
}

int64_t
sys_fcntl(struct linux_ctx *c)
{
	struct fds *t = &c->s->fds;
	struct file *f = fds_get(t, c->a[0]);
	uint64_t arg = c->a[2];

	if (f == NULL)
		return (-EBADF);
	switch ((uint32_t)c->a[1]) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		return (fds_dup(t, c->a[0], arg,
		    (uint32_t)c->a[1] == F_DUPFD_CLOEXEC));
	case F_GETFD:
		return (t->cloexec[(uint32_t)c->a[0]] ? FD_CLOEXEC : 0);
	case F_SETFD:
		t->cloexec[(uint32_t)c->a[0]] = (arg & FD_CLOEXEC) != 0;
		t->changed = true;
		return (0);
	case F_GETFL:
		return (f->flags | LINUX_O_LARGEFILE);
	case F_SETFL:
		/* Ours alone: the host descriptor may be shared by forks. */
		f->flags = (f->flags & ~SETFL_FLAGS) | (int)(arg & SETFL_FLAGS);
		t->changed = true;
		return (0);
	case F_GETLK:
	case F_OFD_GETLK:
		return (get_lock(c));
	case F_SETLK:
	case F_SETLKW:
	case F_OFD_SETLK:
	case F_OFD_SETLKW:
		return (0);
	default:
		return (-EINVAL);
	}
}

int64_t
sys_flock(struct linux_ctx *c)
{
	uint64_t op = c->a[1] & ~(uint64_t)LOCK_NB;

	if (fds_get(&c->s->fds, c->a[0]) == NULL)
		return (-EBADF);
	return (op == LOCK_SH || op == LOCK_EX || op == LOCK_UN ? 0 : -EINVAL);
}

int64_t
sys_fadvise64(struct linux_ctx *c)
{
	return (fds_get(&c->s->fds, c->a[0]) == NULL ? -EBADF : 0);
}

/* A file that may be changed now, or why not. */
static int64_t
writable_file(struct linux_ctx *c, struct file **fp)
{
	struct file *f = fds_get(&c->s->fds, c->a[0]);

	if (f == NULL)
		return (-EBADF);
	if (f->kind != FILE_REGULAR || (f->flags & O_ACCMODE) == O_RDONLY)
		return (-EINVAL);
	*fp = f;
	return (linux_booting(c) ? 0 : -EPERM);
}

int64_t
sys_fsync(struct linux_ctx *c)
{
	struct file *f = fds_get(&c->s->fds, c->a[0]);

	if (f == NULL)
		return (-EBADF);
	if (f->kind == FILE_STDIO)
		return (-EINVAL);
	/* What was only read has nothing to be flushed. */
	if (writable_file(c, &f) != 0)
		return (0);
	if (f->change != NULL)
		return (change_end(f->change, f->host));
	return (fsync(f->host) != 0 ? -errno : 0);
}

int64_t
sys_fdatasync(struct linux_ctx *c)
{
	return (sys_fsync(c));
}

int64_t
sys_ftruncate(struct linux_ctx *c)
{
	struct file *f;
	int64_t r = writable_file(c, &f);

	if (r != 0)
		return (r);
	if ((int64_t)c->a[1] < 0)
		return (-EINVAL);
	if ((int64_t)c->a[1] > LINUX_FILE_MAX)
		return (-EFBIG);
	if (f->change != NULL)
		r = change_begin(f->change, f->host, true);
	if (r != 0)
		return (r);
	return (ftruncate(f->host, (off_t)c->a[1]) != 0 ? -errno : 0);
}

/*--- ioctl ----------------------------------------------------------------*/

/* The kernel's struct termios, which is not the C library's. */
struct linux_termios {
	uint32_t iflag, oflag, cflag, lflag;
	uint8_t line, cc[19];
};
_Static_assert(sizeof(struct linux_termios) == 36, "struct termios of Linux");

/* A terminal's answer, from the host's or, without one, a plausible one. */
static int64_t
terminal(struct linux_ctx *c, const struct file *f, unsigned long request,
    const void *answer, size_t size)
{
	char got[sizeof(struct linux_termios)];

	ASSERT(size <= sizeof got);
	if (f->kind != FILE_STDIO)
		return (-ENOTTY);
	memcpy(got, answer, size);
	if (f->host >= 0 && ioctl(f->host, request, got) != 0)
		return (-errno);
	return (tkvm_copy_out(c->m, c->a[2], got, size) != 0 ? -EFAULT : 0);
}

static int64_t
bytes_left(struct linux_ctx *c, const struct file *f)
{
	int64_t left = 0;
	struct stat st;
	int n = 0;

	if (f->kind == FILE_DIR)
		return (-ENOTTY);
	if (f->kind == FILE_STDIO && f->host >= 0 &&
	    ioctl(f->host, FIONREAD, &n) != 0)
		return (-errno);
	if (f->kind == FILE_REGULAR) {
		if (fstat(f->host, &st) != 0)
			return (-errno);
		left = st.st_size > f->offset ? st.st_size - f->offset : 0;
		n = left > INT_MAX ? INT_MAX : (int)left;
	}
	return (tkvm_copy_out(c->m, c->a[2], &n, sizeof n) != 0 ? -EFAULT : 0);
}

int64_t
sys_ioctl(struct linux_ctx *c)
{
	static const struct linux_termios tty = {
		.iflag = ICRNL | IXON, .oflag = OPOST | ONLCR,
		.cflag = B38400 | CS8 | CREAD,
		.lflag = ISIG | ICANON | ECHO,
	};
	static const struct winsize size = {.ws_row = 24, .ws_col = 80};
	struct fds *t = &c->s->fds;
	struct file *f = fds_get(t, c->a[0]);

	if (f == NULL)
		return (-EBADF);
	switch ((uint32_t)c->a[1]) {
	case TCGETS:
		return (terminal(c, f, TCGETS, &tty, sizeof tty));
	case TIOCGWINSZ:
		return (terminal(c, f, TIOCGWINSZ, &size, sizeof size));
	case FIONREAD:
		return (bytes_left(c, f));
	case FIONBIO:
		return (0);
	case FIOCLEX:
	case FIONCLEX:
		t->cloexec[(uint32_t)c->a[0]] = (uint32_t)c->a[1] == FIOCLEX;
		t->changed = true;
		return (0);
	default:
		return (-ENOTTY);
	}
}
