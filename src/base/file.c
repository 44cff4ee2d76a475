/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

#define WRITERS_MAX 64		/* of one file at a time */

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

/* The lock was had, but another writer's file may have lost its name first. */
static bool
still_named(int fd, const char *name)
{
	struct stat a, b;

	return (fstat(fd, &a) == 0 && stat(name, &b) == 0 &&
	    a.st_ino == b.st_ino && a.st_dev == b.st_dev);
}

int
file_new(const char *path, char **name)
{
	int fd, error = EBUSY;

	for (unsigned i = 0; i < WRITERS_MAX; i++) {
		if (asprintf(name, i == 0 ? "%s.new" : "%s.new%u", path,
		    i) < 0)
			return (-ENOMEM);
		fd = open(*name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
		    0600);
		error = fd < 0 ? errno : EBUSY;
		if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 &&
		    still_named(fd, *name) && ftruncate(fd, 0) == 0)
			return (fd);
		if (fd >= 0)
			(void)close(fd);
		free(*name);
		if (fd < 0)
			break;
	}
	return (-error);
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
file_rename(const char *from, const char *to)
{
	return (rename(from, to) != 0 ? -1 : sync_folder(to));
}

int
file_replace(int fd, const char *temp, const char *path)
{
	return (fsync(fd) != 0 ? -1 : file_rename(temp, path));
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
