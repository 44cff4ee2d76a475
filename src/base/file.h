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
 * Put what fd holds, which is open under the name temp in the same folder, on
 * disk and under the name path: after 0 it is there whatever happens to this
 * process or its computer, before that what was there is. -1 and errno.
 */
int file_replace(int fd, const char *temp, const char *path);

/*
 * CRC-32C (RFC 3720, appendix B.4) of more data; it begins with 0. Finds
 * damage, not malice.
 */
uint32_t file_sum(uint32_t sum, const void *data, size_t size);

#endif
