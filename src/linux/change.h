/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * change.h: files that change whole or not at all (rule `atomic`).
 *
 * Whoever writes to one gets a copy of his own under another name, which takes
 * the file's place when he says fsync() or close(), and at the end of main()
 * and of each function of storage. Readers have the old file or the new one,
 * also after the process was killed.
 */
#ifndef LINUX_CHANGE_H
#define LINUX_CHANGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Of one open file. */
struct change {
	char *path;		/* on the host */
	char *temp;		/* name of the copy; NULL: nothing changed */
	mode_t mode;		/* of a new file */
	bool spoiled;		/* given up: no more of it */
};

/*
 * For a file that is about to be opened for writing: a host descriptor and
 * *cp, for change_free(), or -errno. -EXDEV: its folder takes no other file, so
 * it can only be changed where it is.
 */
int change_open(const char *path, int flags, mode_t mode, struct change **cp);
/* Before each write: 0 or -errno. host, the file's descriptor, stays it. */
int change_begin(struct change *c, int host, bool copy);
/* What was written takes the file's place: 0 or -errno. */
int change_end(struct change *c, int host);
/* What was written since is nothing; writes fail from now on. */
void change_spoil(struct change *c);
/* Give up what did not take its place. NULL is fine. */
void change_free(struct change **cp);

#endif
