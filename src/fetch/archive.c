/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * archive.c: a program out of an archive or a compressed file. Members are read
 * into memory; nothing is ever written under a member's name.
 */
#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>

#include "fetch/fetch.h"

#define MEMBERS_MAX 100
#define BLOCK 65536

struct unpacked {
	char *data;
	size_t len, room;
	uint64_t max, out;		/* all that came out, also in vain */
	const char *name;
};

static bool
make_room(struct unpacked *u)
{
	size_t room = u->room == 0 ? 16 * BLOCK : 2 * u->room;
	char *grown;

	if (u->room - u->len >= BLOCK + 1)
		return (true);
	grown = realloc(u->data, room);
	if (grown == NULL)
		return (false);
	u->data = grown;
	u->room = room;
	return (true);
}

/* A member that is not wanted is read, too: it costs time to get past it. */
static int
read_member(struct archive *a, struct unpacked *u, bool store,
    struct tkvm_err *err)
{
	la_ssize_t n;

	for (;;) {
		if (!make_room(u))
			return (tkvm_fail(err, TKVM_ENOMEM,
			    "no memory to unpack %.150s", u->name));
		n = archive_read_data(a, u->data + u->len, BLOCK);
		if (n == 0)
			break;
		if (n < 0)
			return (tkvm_fail(err, TKVM_EFILE, "cannot unpack "
			    "%.150s: %.100s", u->name,
			    archive_error_string(a)));
		u->out += (uint64_t)n;
		if (store)
			u->len += (size_t)n;
		if (u->out > u->max)
			return (tkvm_fail(err, TKVM_EFILE, "%.150s unpacks to "
			    "more than %ju bytes", u->name,
			    (uintmax_t)u->max));
	}
	u->data[u->len] = '\0';
	return (0);
}

static bool
is_storage(const char *name)
{
	size_t n = name == NULL ? 0 : strlen(name);

	return (n >= 7 && strcmp(name + n - 7, "storage") == 0);
}

static bool
is_program(const char *data, size_t len)
{
	return (len >= 4 && memcmp(data, "\177ELF", 4) == 0);
}

/* Does this member have to be the program? */
static bool
wanted(struct archive_entry *e)
{
	if (archive_entry_filetype(e) != AE_IFREG &&
	    archive_entry_filetype(e) != 0)
		return (false);
	if (archive_entry_size_is_set(e) && archive_entry_size(e) == 0)
		return (false);
	return (!is_storage(archive_entry_pathname(e)));
}

static int
read_all(struct archive *a, struct unpacked *u, struct tkvm_err *err)
{
	struct archive_entry *e;
	unsigned found = 0;
	int r;

	for (unsigned i = 0; (r = archive_read_next_header(a, &e)) ==
	    ARCHIVE_OK || r == ARCHIVE_WARN; i++) {
		if (i == MEMBERS_MAX)
			return (tkvm_fail(err, TKVM_EFILE, "%.150s has more "
			    "than %d members", u->name, MEMBERS_MAX));
		if (wanted(e) && found++ != 0)
			return (tkvm_fail(err, TKVM_EFILE, "%.150s has two "
			    "programs in it", u->name));
		r = read_member(a, u, wanted(e), err);
		if (r != 0)
			return (r);
	}
	if (r != ARCHIVE_EOF)
		return (tkvm_fail(err, TKVM_EFILE, "%.150s is neither a "
		    "program nor an archive: %.100s", u->name,
		    archive_error_string(a)));
	if (found == 0)
		return (tkvm_fail(err, TKVM_EFILE,
		    "%.150s has no program in it", u->name));
	return (0);
}

int
fetch_unpack(char **data, size_t *len, uint64_t max_bytes, const char *name,
    struct tkvm_err *err)
{
	struct unpacked u = {.max = max_bytes, .name = name};
	struct archive *a;
	int r;

	if (is_program(*data, *len))
		return (0);
	a = archive_read_new();
	if (a == NULL)
		return (tkvm_fail(err, TKVM_ENOMEM, "no memory to unpack"));
	/* By name: some of the others start programs on the host. */
	(void)archive_read_support_filter_gzip(a);
	(void)archive_read_support_filter_bzip2(a);
	(void)archive_read_support_filter_xz(a);
	(void)archive_read_support_filter_lzma(a);
	(void)archive_read_support_filter_lz4(a);
	(void)archive_read_support_filter_zstd(a);
	(void)archive_read_support_format_tar(a);
	(void)archive_read_support_format_zip(a);
	(void)archive_read_support_format_cpio(a);
	(void)archive_read_support_format_7zip(a);
	/* A single compressed file; uncompressed it would be anything. */
	(void)archive_read_support_format_raw(a);
	r = archive_read_open_memory(a, *data, *len) == ARCHIVE_OK ?
	    read_all(a, &u, err) : tkvm_fail(err, TKVM_EFILE,
	    "%.150s is neither a program nor an archive: %.100s", name,
	    archive_error_string(a));
	(void)archive_read_free(a);
	if (r == 0 && !is_program(u.data, u.len))
		r = tkvm_fail(err, TKVM_EFILE, "%.150s is neither a program "
		    "nor an archive with one", name);
	if (r != 0) {
		free(u.data);
		return (r);
	}
	free(*data);
	*data = u.data;
	*len = u.len;
	return (0);
}
