/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fds.h: the guest's descriptors. As in Linux, a descriptor is a slot that
 * refers to an open file, and dup() makes two slots refer to one file.
 *
 * A fork shares the host descriptors of the state it was forked from
 * (`borrowed`), but has slots and offsets of its own: reads name their offset,
 * and a close forgets the slot only.
 */
#ifndef LINUX_FDS_H
#define LINUX_FDS_H

#include <stdbool.h>
#include <stdint.h>

#define FDS_MAX 256		/* slots and open files, 0 to 2 included */

enum file_kind {
	FILE_STDIO, FILE_REGULAR, FILE_DIR,
};

struct file {
	int host;		/* host descriptor; -1: stdio of the rules */
	int stdio;		/* FILE_STDIO: 0, 1 or 2 */
	int flags;		/* what F_GETFL answers */
	enum file_kind kind;
	bool borrowed;		/* host, path, change are someone else's */
	unsigned refs;		/* slots; 0: this entry is free */
	int64_t offset;
	char *path;		/* as the guest names it; NULL: stdio */
	struct change *change;	/* written to whole or not at all, or NULL */
};

struct fds {
	uint16_t slot[FDS_MAX];	/* index into file plus 1; 0: closed */
	bool cloexec[FDS_MAX];
	struct file file[FDS_MAX];
	bool changed;		/* since fds_fork() or fds_reset() */
};

/* 0, 1 and 2 are open. inherit: they are the host's. */
void fds_init(struct fds *t, bool inherit);
void fds_fork(struct fds *t, const struct fds *of);
/* Close what was opened since, and be like `of` again. */
void fds_reset(struct fds *t, const struct fds *of);
void fds_close_all(struct fds *t);

/*
 * The changes of all files take their place, or are given up: 0 or the first
 * -errno.
 */
int fds_settle(struct fds *t, bool good);

/* The file behind a descriptor, or NULL. Linux looks at the low 32 bits. */
struct file *fds_get(struct fds *t, uint64_t fd);

/*
 * Open the lowest slot on a copy of *f, which gives host and path away.
 * The slot, or -EMFILE: then they still belong to the caller.
 */
int fds_add(struct fds *t, const struct file *f, bool cloexec);

/* 0, -EBADF, or why what was written to it is lost: it is closed then. */
int fds_close(struct fds *t, uint64_t fd);
/* The lowest slot >= from; -EBADF, -EINVAL, -EMFILE. */
int fds_dup(struct fds *t, uint64_t fd, uint64_t from, bool cloexec);
/* The last slot is gone: close it. A change that has not ended is given up. */
void file_release(struct file *f);
/* Exactly the slot `to`, closed first if need be; -EBADF. */
int fds_dup_to(struct fds *t, uint64_t fd, uint64_t to, bool cloexec);
/* Make a borrowed file the table's own: host and path are given away. */
void fds_make_own(struct fds *t, struct file *f, int host, char *path);

#endif
