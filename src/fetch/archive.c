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

/* A member, read: the program or its storage program. */
struct member {
	char *data;
	size_t len, room;
	bool found;
};

struct unpacked {
	struct member program, storage, other;
	uint64_t max, out;		/* all that came out, also in vain */
	const char *name;
};

static bool
make_room(struct member *m)
{
	size_t room = m->room == 0 ? 16 * BLOCK : 2 * m->room;
	char *grown;

	if (m->room - m->len >= BLOCK + 1)
		return (true);
	grown = realloc(m->data, room);
	if (grown == NULL)
		return (false);
	m->data = grown;
	m->room = room;
	return (true);
}

/* A member that is not wanted is read, too: it costs time to get past it. */
static int
read_member(struct archive *a, struct unpacked *u, struct member *m,
    struct tkvm_err *err)
{
	la_ssize_t n;

	for (;;) {
		if (!make_room(m))
			return (tkvm_fail(err, TKVM_ENOMEM,
			    "no memory to unpack %.150s", u->name));
		n = archive_read_data(a, m->data + m->len, BLOCK);
		if (n == 0)
			break;
		if (n < 0)
			return (tkvm_fail(err, TKVM_EFILE, "cannot unpack "
			    "%.150s: %.100s", u->name,
			    archive_error_string(a)));
		u->out += (uint64_t)n;
		if (m != &u->other)
			m->len += (size_t)n;
		if (u->out > u->max)
			return (tkvm_fail(err, TKVM_EFILE, "%.150s unpacks to "
			    "more than %ju bytes", u->name,
			    (uintmax_t)u->max));
	}
	m->data[m->len] = '\0';
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

/* What this member has to be. */
static struct member *
role(struct unpacked *u, struct archive_entry *e)
{
	if (archive_entry_filetype(e) != AE_IFREG &&
	    archive_entry_filetype(e) != 0)
		return (&u->other);
	if (archive_entry_size_is_set(e) && archive_entry_size(e) == 0)
		return (&u->other);
	return (is_storage(archive_entry_pathname(e)) ? &u->storage :
	    &u->program);
}

static int
read_all(struct archive *a, struct unpacked *u, struct tkvm_err *err)
{
	struct archive_entry *e;
	struct member *m;
	int r;

	for (unsigned i = 0; (r = archive_read_next_header(a, &e)) ==
	    ARCHIVE_OK || r == ARCHIVE_WARN; i++) {
		if (i == MEMBERS_MAX)
			return (tkvm_fail(err, TKVM_EFILE, "%.150s has more "
			    "than %d members", u->name, MEMBERS_MAX));
		m = role(u, e);
		if (m != &u->other && m->found)
			return (tkvm_fail(err, TKVM_EFILE, "%.150s has two %s"
			    "programs in it", u->name, m == &u->storage ?
			    "storage " : ""));
		m->found = true;
		r = read_member(a, u, m, err);
		if (r != 0)
			return (r);
	}
	if (r != ARCHIVE_EOF)
		return (tkvm_fail(err, TKVM_EFILE, "%.150s is neither a "
		    "program nor an archive: %.100s", u->name,
		    archive_error_string(a)));
	if (!u->program.found)
		return (tkvm_fail(err, TKVM_EFILE,
		    "%.150s has no program in it", u->name));
	return (0);
}

static int
check_members(const struct unpacked *u, struct tkvm_err *err)
{
	if (!is_program(u->program.data, u->program.len))
		return (tkvm_fail(err, TKVM_EFILE, "%.150s is neither a "
		    "program nor an archive with one", u->name));
	if (u->storage.found && !is_program(u->storage.data, u->storage.len))
		return (tkvm_fail(err, TKVM_EFILE, "the storage program in "
		    "%.150s is no program", u->name));
	return (0);
}

int
fetch_unpack(struct fetch_program *p, uint64_t max_bytes, const char *name,
    struct tkvm_err *err)
{
	struct unpacked u = {.max = max_bytes, .name = name};
	struct archive *a;
	int r;

	if (is_program(p->data, p->len))
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
	r = archive_read_open_memory(a, p->data, p->len) == ARCHIVE_OK ?
	    read_all(a, &u, err) : tkvm_fail(err, TKVM_EFILE,
	    "%.150s is neither a program nor an archive: %.100s", name,
	    archive_error_string(a));
	(void)archive_read_free(a);
	if (r == 0)
		r = check_members(&u, err);
	free(u.other.data);
	if (r != 0) {
		free(u.program.data);
		free(u.storage.data);
		return (r);
	}
	free(p->data);
	p->data = u.program.data;
	p->len = u.program.len;
	p->storage = u.storage.data;
	p->storage_len = u.storage.len;
	return (0);
}

void
fetch_program_free(struct fetch_program *p)
{
	free(p->data);
	free(p->storage);
	memset(p, 0, sizeof *p);
}
