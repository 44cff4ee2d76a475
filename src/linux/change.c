/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * change.c: see change.h; copies have the names of file_new().
 *
 * The sum of what was written is an extended attribute of the file: nobody
 * sees it who reads the file, and it takes the name together with the data.
 * Where the file system has none, there is no sum.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/file.h"
#include "linux/change.h"
#include "linux/linux_priv.h"

#define SUM_NAME "user.tinykvm.sum"
#define SUM_FORMAT "1 %08x %jd %jd.%09ld"	/* version, sum, size, mtime */
#define PART 65536u

/*--- sums -----------------------------------------------------------------*/

/* What the attribute of this file should be; -1 and errno. */
static int
describe(int fd, char *text, size_t size)
{
	uint32_t sum = 0;
	off_t at = 0;
	struct stat st;
	char *buf;
	ssize_t n = 1;

	if (fstat(fd, &st) != 0 || (buf = malloc(PART)) == NULL)
		return (-1);
	while (n > 0) {
		n = pread(fd, buf, PART, at);
		if (n < 0)
			break;
		sum = file_sum(sum, buf, (size_t)n);
		at += n;
	}
	free(buf);
	(void)snprintf(text, size, SUM_FORMAT, sum, (intmax_t)at,
	    (intmax_t)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	return (n < 0 ? -1 : 0);
}

/* The part of a description behind the sum. */
static const char *
size_and_time(const char *text)
{
	return (strlen(text) > 10 ? text + 10 : "");
}

int
linux_file_intact(const char *path, struct tkvm_err *err)
{
	char is[96], was[96];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), r = 0;
	ssize_t n;

	if (fd < 0)
		return (0);
	n = fgetxattr(fd, SUM_NAME, was, sizeof was - 1);
	was[n > 0 ? n : 0] = '\0';
	/* Someone else has written to it since: it is what he wants. */
	if (n > 0 && strncmp(was, "1 ", 2) == 0 &&
	    describe(fd, is, sizeof is) == 0 && strcmp(is, was) != 0 &&
	    strcmp(size_and_time(is), size_and_time(was)) == 0)
		r = tkvm_fail(err, TKVM_EFILE, "%.300s is damaged: its sum is "
		    "not the one it was written with", path);
	(void)close(fd);
	return (r);
}

static void
put_sum(int fd)
{
	char text[96];

	if (describe(fd, text, sizeof text) == 0)
		(void)fsetxattr(fd, SUM_NAME, text, strlen(text), 0);
}

/*--- copies ---------------------------------------------------------------*/

static int
copy(int from, int to)
{
	off_t at = 0;
	char *buf = malloc(PART);
	ssize_t n = 1;

	if (buf == NULL)
		return (-ENOMEM);
	while (n > 0) {
		n = pread(from, buf, PART, at);
		if (n > 0 && file_write(to, buf, (size_t)n) != 0)
			n = -1;
		at += n > 0 ? n : 0;
	}
	free(buf);
	return (n < 0 ? -errno : 0);
}

int
change_begin(struct change *c, int host, bool with_data)
{
	struct stat st;
	char *name;
	int fd, r = 0;

	if (c->spoiled)
		return (-EIO);
	if (c->temp != NULL)
		return (0);
	fd = file_new(c->path, &name);
	if (fd < 0)
		return (fd);
	if (fstat(host, &st) == 0)
		c->mode = st.st_mode & 0777;
	if (fchmod(fd, c->mode) != 0)
		r = -errno;
	if (r == 0 && with_data)
		r = copy(host, fd);
	/* Forks know the file by the number of its descriptor. */
	if (r == 0 && dup3(fd, host, O_CLOEXEC) < 0)
		r = -errno;
	(void)close(fd);
	if (r != 0) {
		(void)unlink(name);
		free(name);
		return (r);
	}
	c->temp = name;
	return (0);
}

/* The first one of its name: it shows when it is complete. */
static int
open_new(struct change *c)
{
	int fd = file_new(c->path, &c->temp);

	if (fd >= 0 && fchmod(fd, c->mode) != 0) {
		(void)close(fd);
		return (-errno);
	}
	return (fd);
}

static int
open_old(struct change *c, int flags)
{
	int fd = open(c->path, O_RDWR | O_CLOEXEC | O_NONBLOCK), r = 0;
	struct stat st;

	if (fd < 0)
		return (-errno);
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		r = -EACCES;
	else if ((flags & O_CREAT) && (flags & O_EXCL))
		r = -EEXIST;
	else if (flags & O_TRUNC)
		r = change_begin(c, fd, false);
	if (r == 0)
		return (fd);
	(void)close(fd);
	return (r);
}

static bool
folder_takes_files(const char *path)
{
	char *folder = strndup(path, (size_t)(strrchr(path, '/') + 1 - path));
	bool takes;

	takes = folder != NULL &&
	    faccessat(AT_FDCWD, folder, W_OK, AT_EACCESS) == 0;
	free(folder);
	return (takes);
}

int
change_open(const char *path, int flags, mode_t mode, struct change **cp)
{
	struct change *c = calloc(1, sizeof *c);
	int fd;

	*cp = c;
	if (c == NULL)
		return (-ENOMEM);
	c->mode = mode;
	/* The administrator may have put a link there. */
	c->path = realpath(path, NULL);
	if (c->path == NULL)
		c->path = strdup(path);
	if (c->path == NULL)
		fd = -ENOMEM;
	else if (!folder_takes_files(c->path))
		fd = -EXDEV;
	else
		fd = open_old(c, flags);
	if (fd == -ENOENT && (flags & O_CREAT))
		fd = open_new(c);
	if (fd < 0)
		change_free(cp);
	return (fd);
}

/*--- what becomes of them -------------------------------------------------*/

int
change_end(struct change *c, int host)
{
	int r = 0;

	if (c->temp == NULL)
		return (c->spoiled ? -EIO : 0);
	put_sum(host);
	if (file_replace(host, c->temp, c->path) != 0)
		r = -errno;
	if (r != 0)
		(void)unlink(c->temp);
	free(c->temp);
	c->temp = NULL;
	c->spoiled = r != 0;
	return (r);
}

void
change_spoil(struct change *c)
{
	if (c->temp == NULL)
		return;
	(void)unlink(c->temp);
	free(c->temp);
	c->temp = NULL;
	c->spoiled = true;
}

void
change_free(struct change **cp)
{
	struct change *c = *cp;

	*cp = NULL;
	if (c == NULL)
		return;
	change_spoil(c);
	free(c->path);
	free(c);
}
