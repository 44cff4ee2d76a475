/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * load.c: files to bytes.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "program/program_priv.h"

#define FILE_MAX GIB(4)

int
load_file(const char *path, char **data, size_t *size, struct tkvm_err *err)
{
	struct stat st;
	ssize_t n = -1;
	int fd;

	*data = NULL;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return (tkvm_fail(err, TKVM_EFILE, "cannot open %s: %s", path,
		    strerror(errno)));
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ||
	    (uint64_t)st.st_size > FILE_MAX) {
		(void)close(fd);
		return (tkvm_fail(err, TKVM_EFILE,
		    "%s is not a file of at most 4 GiB", path));
	}
	*size = (size_t)st.st_size;
	*data = malloc(*size + 1);
	if (*data != NULL)
		for (size_t at = 0; at < *size; at += (size_t)n) {
			n = pread(fd, *data + at, *size - at, (off_t)at);
			if (n <= 0)
				break;
		}
	(void)close(fd);
	if (*data == NULL)
		return (tkvm_fail(err, TKVM_ENOMEM, "no memory to read %s",
		    path));
	if (n <= 0 && *size != 0) {
		free(*data);
		*data = NULL;
		return (tkvm_fail(err, TKVM_EFILE, "cannot read %s", path));
	}
	(*data)[*size] = '\0';
	return (0);
}

const char *
uri_file(const char *uri)
{
	return (strncmp(uri, "file://", 7) == 0 ? uri + 7 :
	    strstr(uri, "://") == NULL ? uri : NULL);
}

/* For stats() only; the machine checks the file. */
const char *
elf_type(const char *elf, size_t size)
{
	Elf64_Ehdr h;

	if (size < sizeof h)
		return ("unknown");
	memcpy(&h, elf, sizeof h);
	return (h.e_type == ET_EXEC ? "static" : h.e_type == ET_DYN ?
	    "static-pie" : "unknown");
}
