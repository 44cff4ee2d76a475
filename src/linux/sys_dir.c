/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sys_dir.c: directories: listing them, and the working directory.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux/linux_priv.h"

#define LIST_BYTES KIB(64)

/*
 * The kernel lists from the offset of the host's open file, which forks share.
 * So a fork that lists a directory of its frozen state opens it again.
 */
static int
own_directory(struct linux_ctx *c, struct file *f)
{
	char *path;
	int host;

	if (!f->borrowed)
		return (0);
	path = strdup(f->path);
	if (path == NULL)
		return (-ENOMEM);
	host = openat(f->host, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (host < 0) {
		free(path);
		return (-errno);
	}
	fds_make_own(&c->s->fds, f, host, path);
	return (0);
}

int64_t
sys_getdents64(struct linux_ctx *c)
{
	struct file *f = fds_get(&c->s->fds, c->a[0]);
	uint64_t len = (uint32_t)c->a[2];
	int64_t n;
	void *p;

	if (f == NULL)
		return (-EBADF);
	if (f->kind != FILE_DIR)
		return (-ENOTDIR);
	n = own_directory(c, f);
	if (n != 0)
		return (n);
	if (len > LIST_BYTES)
		len = LIST_BYTES;
	p = tkvm_view_write(c->m, c->a[1], len);
	if (p == NULL)
		return (-EFAULT);
	if (lseek(f->host, f->offset, SEEK_SET) < 0)
		return (-errno);
	n = syscall(SYS_getdents64, f->host, p, len);
	if (n < 0)
		return (-errno);
	f->offset = lseek(f->host, 0, SEEK_CUR);
	c->s->fds.changed = true;
	return (n);
}

int64_t
sys_getcwd(struct linux_ctx *c)
{
	size_t n = strlen(c->s->cwd) + 1;

	if (c->a[1] < n)
		return (-ERANGE);
	return (tkvm_copy_out(c->m, c->a[0], c->s->cwd, n) != 0 ? -EFAULT :
	    (int64_t)n);
}

static int64_t
set_cwd(struct linux_ctx *c, const char *path)
{
	char *copy = strdup(path);

	if (copy == NULL)
		return (-ENOMEM);
	if (c->s->cwd_own)
		free(c->s->cwd);
	c->s->cwd = copy;
	c->s->cwd_own = true;
	return (0);
}

int64_t
sys_chdir(struct linux_ctx *c)
{
	struct target t;
	int r, fd;

	r = target_get(c, (uint64_t)AT_FDCWD, c->a[0], false, &t);
	if (r != 0)
		return (r);
	fd = paths_open(c->s->rules, t.path, O_PATH | O_DIRECTORY, 0, false);
	if (fd >= 0)
		(void)close(fd);
	else if (fd != -EACCES || !paths_leads_on(c->s->rules, t.path))
		return (fd);
	return (set_cwd(c, t.path));
}

int64_t
sys_fchdir(struct linux_ctx *c)
{
	struct file *f = fds_get(&c->s->fds, c->a[0]);

	if (f == NULL)
		return (-EBADF);
	return (f->kind != FILE_DIR ? -ENOTDIR : set_cwd(c, f->path));
}
