/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fds.c: guest descriptor to open file to host descriptor.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "linux/change.h"
#include "linux/fds.h"

void
fds_init(struct fds *t, bool inherit)
{
	memset(t, 0, sizeof *t);
	for (int i = 0; i < 3; i++) {
		t->slot[i] = (uint16_t)(i + 1);
		t->file[i] = (struct file){
			.host = inherit ? i : -1,
			.stdio = i,
			.flags = i == 0 ? O_RDONLY : O_WRONLY,
			.kind = FILE_STDIO,
			.borrowed = true,
			.refs = 1,
		};
	}
}

void
fds_fork(struct fds *t, const struct fds *of)
{
	memcpy(t, of, sizeof *t);
	for (unsigned i = 0; i < FDS_MAX; i++)
		t->file[i].borrowed = true;
	t->changed = false;
}

void
file_release(struct file *f)
{
	if (!f->borrowed) {
		if (f->host >= 0)
			(void)close(f->host);
		free(f->path);
		change_free(&f->change);
	}
	memset(f, 0, sizeof *f);
}

void
fds_close_all(struct fds *t)
{
	for (unsigned i = 0; i < FDS_MAX; i++)
		if (t->file[i].refs != 0)
			file_release(&t->file[i]);
	memset(t->slot, 0, sizeof t->slot);
}

void
fds_reset(struct fds *t, const struct fds *of)
{
	if (!t->changed)
		return;
	fds_close_all(t);
	fds_fork(t, of);
}

struct file *
fds_get(struct fds *t, uint64_t fd)
{
	uint32_t n = (uint32_t)fd;

	if (n >= FDS_MAX || t->slot[n] == 0)
		return (NULL);
	return (&t->file[t->slot[n] - 1]);
}

static int
lowest(const struct fds *t, unsigned from)
{
	for (unsigned i = from; i < FDS_MAX; i++)
		if (t->slot[i] == 0)
			return ((int)i);
	return (-EMFILE);
}

static void
refer(struct fds *t, unsigned slot, struct file *f, bool cloexec)
{
	t->slot[slot] = (uint16_t)(f - t->file + 1);
	t->cloexec[slot] = cloexec;
	f->refs++;
	t->changed = true;
}

int
fds_add(struct fds *t, const struct file *f, bool cloexec)
{
	int slot = lowest(t, 0);
	struct file *to = NULL;

	if (slot < 0)
		return (slot);
	for (unsigned i = 0; i < FDS_MAX && to == NULL; i++)
		if (t->file[i].refs == 0)
			to = &t->file[i];
	/* Each file has a slot, so a free slot means a free file. */
	ASSERT(to != NULL);
	*to = *f;
	to->refs = 0;
	refer(t, (unsigned)slot, to, cloexec);
	return (slot);
}

int
fds_close(struct fds *t, uint64_t fd)
{
	struct file *f = fds_get(t, fd);
	int r = 0;

	if (f == NULL)
		return (-EBADF);
	t->slot[(uint32_t)fd] = 0;
	t->changed = true;
	if (--f->refs != 0)
		return (0);
	if (f->change != NULL)
		r = change_end(f->change, f->host);
	file_release(f);
	return (r);
}

int
fds_settle(struct fds *t, bool good)
{
	int r = 0, r1 = 0;

	for (unsigned i = 0; i < FDS_MAX; i++) {
		struct file *f = &t->file[i];

		if (f->refs == 0 || f->change == NULL ||
		    f->change->temp == NULL)
			continue;
		if (good) {
			r1 = change_end(f->change, f->host);
		} else {
			change_spoil(f->change);
			r1 = -EIO;
		}
		r = r != 0 ? r : r1;
	}
	return (r);
}

int
fds_dup(struct fds *t, uint64_t fd, uint64_t from, bool cloexec)
{
	struct file *f = fds_get(t, fd);
	int slot;

	if (f == NULL)
		return (-EBADF);
	if (from >= FDS_MAX)
		return (-EINVAL);
	slot = lowest(t, (unsigned)from);
	if (slot >= 0)
		refer(t, (unsigned)slot, f, cloexec);
	return (slot);
}

int
fds_dup_to(struct fds *t, uint64_t fd, uint64_t to, bool cloexec)
{
	struct file *f = fds_get(t, fd);
	uint32_t n = (uint32_t)to;

	if (f == NULL || n >= FDS_MAX)
		return (-EBADF);
	if (n == (uint32_t)fd)
		return ((int)n);
	(void)fds_close(t, to);
	refer(t, n, f, cloexec);
	return ((int)n);
}

void
fds_make_own(struct fds *t, struct file *f, int host, char *path)
{
	ASSERT(f->borrowed && f->kind == FILE_DIR);
	f->host = host;
	f->path = path;
	f->borrowed = false;
	t->changed = true;
}
