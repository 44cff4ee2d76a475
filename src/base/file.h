/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * file.h: files that are replaced whole, or not at all.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stddef.h>
#include <stdint.h>

/* All of it: 0, or -1 and errno. */
int file_write(int fd, const void *data, size_t size);

/*
 * An empty file that is to take the place of path: its descriptor, and its name
 * for free(), or -errno. The name is PATH.new, or with a number behind while
 * others write to one. A lock is held on it as long as it is open: one that a
 * killed process left behind is taken over, and they do not pile up.
 */
int file_new(const char *path, char **name);

/*
 * Put what fd holds, which is open under the name temp in the same folder, on
 * disk and under the name path: after 0 it is there whatever happens to this
 * process or its computer, before that what was there is. -1 and errno.
 */
int file_replace(int fd, const char *temp, const char *path);
/* The same for a name alone. */
int file_rename(const char *from, const char *to);

/*
 * CRC-32C (RFC 3720, appendix B.4) of more data; it begins with 0. Finds
 * damage, not malice.
 */
uint32_t file_sum(uint32_t sum, const void *data, size_t size);

#endif
