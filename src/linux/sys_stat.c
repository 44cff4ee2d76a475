/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sys_stat.c: names: what is there, may it be used, where does it lead.
 *
 * Names that no rule allows do not exist (-ENOENT), except that directories on
 * the way to allowed ones look like plain directories: realpath() and friends
 * walk through them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "linux/linux_priv.h"

_Static_assert(sizeof(struct stat) == 144, "struct stat of Linux x86-64");
_Static_assert(sizeof(struct statx) == 256, "struct statx of Linux");

#define EXE_LINK "/proc/self/exe"

int
target_get(struct linux_ctx *c, uint64_t dirfd, uint64_t gva, bool empty,
    struct target *t)
{
	struct scratch *x = linux_scratch(c->s);
	const char *base = c->s->cwd;
	struct file *at = NULL;
	ssize_t n;

	memset(t, 0, sizeof *t);
	if (x == NULL)
		return (-ENOMEM);
	n = tkvm_copy_in_str(c->m, x->raw, gva, sizeof x->raw);
	if (n < 0)
		return (n == -2 ? -ENAMETOOLONG : -EFAULT);
	if (x->raw[0] != '/' && (int32_t)dirfd != AT_FDCWD) {
		at = fds_get(&c->s->fds, dirfd);
		if (at == NULL)
			return (-EBADF);
	}
	if (n == 0 && empty && at != NULL) {
		t->file = at;
		return (0);
	}
	if (n == 0 && empty)
		memcpy(x->raw, ".", sizeof ".");
	if (at != NULL && at->kind != FILE_DIR)
		return (-ENOTDIR);
	if (at != NULL)
		base = at->path;
	t->path = x->path;
	return (paths_normalise(base, x->raw, x->path, &t->dir));
}

/*--- stat -----------------------------------------------------------------*/

/* A directory of which only the name is known; numbered by that name. */
static void
stat_invented(const char *path, mode_t mode, struct stat *st)
{
	uint64_t hash = 0xcbf29ce484222325u;	/* FNV-1a */

	for (; *path != '\0'; path++)
		hash = (hash ^ (unsigned char)*path) * 0x100000001b3u;
	memset(st, 0, sizeof *st);
	st->st_ino = hash;
	st->st_mode = mode;
	st->st_nlink = S_ISDIR(mode) ? 2 : 1;
	st->st_blksize = TKVM_PAGE;
}

static int
stat_file(const struct file *f, struct stat *st)
{
	if (f->host >= 0)
		return (fstat(f->host, st) != 0 ? -errno : 0);
	stat_invented("tty", S_IFCHR | 0620, st);
	st->st_rdev = makedev(136, 0);
	return (0);
}

static int
stat_path(struct linux_ctx *c, const struct target *t, bool follow,
    struct stat *st)
{
	const struct linux_rules *rules = c->s->rules;
	const struct linux_path *r;
	int fd, flags = O_PATH;
	const char *rest;

	r = paths_find(rules, t->path, false, &rest);
	if (r == NULL && !paths_leads_on(rules, t->path))
		return (-ENOENT);
	if (r == NULL) {
		stat_invented(t->path, S_IFDIR | 0555, st);
		return (0);
	}
	if (r->symlink && !follow && !t->dir) {
		stat_invented(t->path, S_IFLNK | 0777, st);
		st->st_size = (off_t)strlen(r->real_path);
		return (0);
	}
	/* A slash behind the name of a link asks for what it leads to. */
	if (t->dir)
		flags |= O_DIRECTORY;
	else if (!follow)
		flags |= O_NOFOLLOW;
	fd = paths_open(rules, t->path, flags, 0, false);
	if (fd < 0)
		return (fd);
	flags = fstat(fd, st) != 0 ? -errno : 0;
	(void)close(fd);
	return (flags);
}

#define STAT_FLAGS (AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT)
#define STATX_FLAGS (STAT_FLAGS | AT_STATX_SYNC_TYPE)

static int
stat_at(struct linux_ctx *c, uint64_t dirfd, uint64_t path, uint64_t flags,
    struct stat *st)
{
	struct target t;
	int r;

	r = target_get(c, dirfd, path, (flags & AT_EMPTY_PATH) != 0, &t);
	if (r != 0)
		return (r);
	if (t.file != NULL)
		return (stat_file(t.file, st));
	return (stat_path(c, &t, (flags & AT_SYMLINK_NOFOLLOW) == 0, st));
}

static int64_t
stat_out(struct linux_ctx *c, int r, uint64_t gva, const struct stat *st)
{
	if (r != 0)
		return (r);
	return (tkvm_copy_out(c->m, gva, st, sizeof *st) != 0 ? -EFAULT : 0);
}

int64_t
sys_stat(struct linux_ctx *c)
{
	struct stat st;
	int r = stat_at(c, (uint64_t)AT_FDCWD, c->a[0], 0, &st);

	return (stat_out(c, r, c->a[1], &st));
}

int64_t
sys_lstat(struct linux_ctx *c)
{
	struct stat st;
	int r = stat_at(c, (uint64_t)AT_FDCWD, c->a[0], AT_SYMLINK_NOFOLLOW,
	    &st);

	return (stat_out(c, r, c->a[1], &st));
}

int64_t
sys_fstat(struct linux_ctx *c)
{
	struct file *f = fds_get(&c->s->fds, c->a[0]);
	struct stat st;

	if (f == NULL)
		return (-EBADF);
	return (stat_out(c, stat_file(f, &st), c->a[1], &st));
}

int64_t
sys_newfstatat(struct linux_ctx *c)
{
	uint64_t flags = (uint32_t)c->a[3];
	struct stat st;
	int r = -EINVAL;

	if ((flags & ~(uint64_t)STAT_FLAGS) == 0)
		r = stat_at(c, c->a[0], c->a[1], flags, &st);
	return (stat_out(c, r, c->a[2], &st));
}

static struct statx_timestamp
stamp(struct timespec t)
{
	return ((struct statx_timestamp){
		.tv_sec = t.tv_sec, .tv_nsec = (uint32_t)t.tv_nsec,
	});
}

int64_t
sys_statx(struct linux_ctx *c)
{
	uint64_t flags = (uint32_t)c->a[2];
	struct statx x;
	struct stat st;
	int r;

	if ((flags & ~(uint64_t)STATX_FLAGS) != 0)
		return (-EINVAL);
	r = stat_at(c, c->a[0], c->a[1], flags, &st);
	if (r != 0)
		return (r);
	memset(&x, 0, sizeof x);
	x.stx_mask = STATX_BASIC_STATS;
	x.stx_blksize = (uint32_t)st.st_blksize;
	x.stx_nlink = (uint32_t)st.st_nlink;
	x.stx_uid = st.st_uid;
	x.stx_gid = st.st_gid;
	x.stx_mode = (uint16_t)st.st_mode;
	x.stx_ino = st.st_ino;
	x.stx_size = (uint64_t)st.st_size;
	x.stx_blocks = (uint64_t)st.st_blocks;
	x.stx_atime = stamp(st.st_atim);
	x.stx_mtime = stamp(st.st_mtim);
	x.stx_ctime = stamp(st.st_ctim);
	x.stx_rdev_major = major(st.st_rdev);
	x.stx_rdev_minor = minor(st.st_rdev);
	x.stx_dev_major = major(st.st_dev);
	x.stx_dev_minor = minor(st.st_dev);
	return (tkvm_copy_out(c->m, c->a[4], &x, sizeof x) != 0 ? -EFAULT : 0);
}

/*--- access ---------------------------------------------------------------*/

static int64_t
access_path(struct linux_ctx *c, const struct target *t, uint64_t mode)
{
	const struct linux_rules *rules = c->s->rules;
	const char *rest;
	int fd, flags = O_PATH | (t->dir ? O_DIRECTORY : 0);
	long r;

	if (paths_find(rules, t->path, false, &rest) == NULL) {
		if (!paths_leads_on(rules, t->path))
			return (-ENOENT);
		return (mode & W_OK ? -EACCES : 0);
	}
	if ((mode & W_OK) && (!linux_booting(c) ||
	    paths_find(rules, t->path, true, &rest) == NULL))
		return (-EACCES);
	fd = paths_open(rules, t->path, flags, 0, false);
	if (fd < 0)
		return (fd);
	r = syscall(SYS_faccessat2, fd, "", (int)mode, AT_EMPTY_PATH);
	if (r != 0)
		r = -errno;
	(void)close(fd);
	return (r);
}

static int64_t
access_at(struct linux_ctx *c, uint64_t dirfd, uint64_t path, uint64_t mode,
    uint64_t flags)
{
	struct target t;
	int r;

	mode = (uint32_t)mode;
	flags = (uint32_t)flags;
	if ((mode & ~(uint64_t)(R_OK | W_OK | X_OK)) != 0 ||
	    (flags & ~(uint64_t)(AT_EACCESS | STAT_FLAGS)) != 0)
		return (-EINVAL);
	r = target_get(c, dirfd, path, (flags & AT_EMPTY_PATH) != 0, &t);
	if (r != 0)
		return (r);
	if (t.file == NULL)
		return (access_path(c, &t, mode));
	return (!(mode & W_OK) || (linux_booting(c) &&
	    (t.file->flags & O_ACCMODE) != O_RDONLY) ? 0 : -EACCES);
}

int64_t
sys_access(struct linux_ctx *c)
{
	return (access_at(c, (uint64_t)AT_FDCWD, c->a[0], c->a[1], 0));
}

int64_t
sys_faccessat(struct linux_ctx *c)
{
	return (access_at(c, c->a[0], c->a[1], c->a[2], 0));
}

int64_t
sys_faccessat2(struct linux_ctx *c)
{
	return (access_at(c, c->a[0], c->a[1], c->a[2], c->a[3]));
}

/*--- links ----------------------------------------------------------------*/

/* What a link on the host contains; x->raw is free by now. */
static int
host_link(struct linux_ctx *c, const char *path, const char **text)
{
	struct scratch *x = c->s->scratch;
	struct stat st;
	ssize_t n = -1;
	int fd;

	fd = paths_open(c->s->rules, path, O_PATH | O_NOFOLLOW, 0, false);
	if (fd < 0)
		return (fd);
	errno = EINVAL;
	if (fstat(fd, &st) == 0 && S_ISLNK(st.st_mode))
		n = readlinkat(fd, "", x->raw, sizeof x->raw);
	if (n < 0)
		n = -errno;
	(void)close(fd);
	*text = x->raw;
	return ((int)n);
}

/* The text of a link and its length, or -errno. */
static int
link_text(struct linux_ctx *c, const struct target *t, const char **text)
{
	const struct linux_rules *rules = c->s->rules;
	const struct linux_path *r;
	const char *rest;

	if (rules->exe_path != NULL && strcmp(t->path, EXE_LINK) == 0) {
		*text = rules->exe_path;
		return ((int)strlen(*text));
	}
	r = paths_find(rules, t->path, false, &rest);
	if (r == NULL)
		return (paths_leads_on(rules, t->path) ? -EINVAL : -ENOENT);
	if (r->symlink && !t->dir) {
		*text = r->real_path;
		return ((int)strlen(*text));
	}
	return (host_link(c, t->path, text));
}

static int64_t
readlink_at(struct linux_ctx *c, uint64_t dirfd, uint64_t path, uint64_t gva,
    uint64_t size)
{
	const char *text = "";
	struct target t;
	int n;

	if ((int32_t)size <= 0)
		return (-EINVAL);
	size = (uint32_t)size;
	n = target_get(c, dirfd, path, false, &t);
	if (n == 0)
		n = link_text(c, &t, &text);
	if (n < 0)
		return (n);
	if ((uint64_t)n > size)
		n = (int)size;
	return (tkvm_copy_out(c->m, gva, text, (uint64_t)n) != 0 ? -EFAULT : n);
}

int64_t
sys_readlink(struct linux_ctx *c)
{
	return (readlink_at(c, (uint64_t)AT_FDCWD, c->a[0], c->a[1], c->a[2]));
}

int64_t
sys_readlinkat(struct linux_ctx *c)
{
	return (readlink_at(c, c->a[0], c->a[1], c->a[2], c->a[3]));
}
