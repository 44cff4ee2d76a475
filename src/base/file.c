/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

int
file_write(int fd, const void *data, size_t size)
{
	const char *p = data;
	ssize_t n;

	for (size_t at = 0; at < size; at += (size_t)n) {
		n = write(fd, p + at, size - at);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n <= 0)
			return (-1);
	}
	return (0);
}

/* A name is the folder's to keep. */
static int
sync_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder;
	int fd, r;

	if (slash == NULL)
		folder = strdup(".");
	else
		folder = strndup(path, (size_t)(slash + 1 - path));
	if (folder == NULL)
		return (-1);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(folder);
	if (fd < 0)
		return (-1);
	r = fsync(fd);
	(void)close(fd);
	return (r);
}

int
file_replace(int fd, const char *temp, const char *path)
{
	if (fsync(fd) != 0 || rename(temp, path) != 0)
		return (-1);
	return (sync_folder(path));
}

/* Every CPU with XSAVE, which machines need, has the instruction. */
__attribute__((target("sse4.2"))) uint32_t
file_sum(uint32_t sum, const void *data, size_t size)
{
	const unsigned char *p = data;
	uint64_t crc = ~sum, word;

	for (; size >= sizeof word; size -= sizeof word, p += sizeof word) {
		memcpy(&word, p, sizeof word);
		crc = __builtin_ia32_crc32di(crc, word);
	}
	for (; size > 0; size--, p++)
		crc = __builtin_ia32_crc32qi((uint32_t)crc, *p);
	return (~(uint32_t)crc);
}
