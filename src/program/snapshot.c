/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * snapshot.c: the file around what machine, Linux and kvm_api.h say of a
 * program's state. Its head tells what it is, of which program, and a sum of
 * the rest; what does not fit is refused with the reason.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "program/program_priv.h"

#define MAGIC "tinykvm\x1a"
/* Changes with the head, and with whatever any part puts. */
#define VERSION 1u

struct head {
	char magic[8];
	uint32_t version, sum;		/* sum of all behind the head */
	uint64_t len;			/* behind the head */
	unsigned char identity[SNAPSHOT_IDENTITY];
	uint32_t unused, head_sum;	/* of the head up to here */
};
_Static_assert(sizeof(struct head) == 96, "head of a snapshot");

static void
put_strings(struct blob *b, const struct strings *s)
{
	blob_put64(b, s->n);
	for (unsigned i = 0; i < s->n; i++)
		blob_put_text(b, s->s[i]);
}

/* What boot() in warm.c puts into a program's memory, or shapes it by. */
int
snapshot_identify(struct generation *g, const void *elf, size_t size,
    struct tkvm_err *err)
{
	const struct settings *s = &g->settings;
	struct blob b = {0};
	int r;

	blob_put_text(&b, g->program->name);
	blob_put_text(&b, s->group);
	blob_put_text(&b, s->cwd);
	put_strings(&b, &s->main_arguments);
	put_strings(&b, &s->environment);
	blob_put64(&b, s->address_space_mib);
	blob_put64(&b, s->shared_mib);
	blob_put64(&b, g->is_storage);
	r = fetch_sha256(elf, size, g->identity, err);
	if (r == 0)
		r = b.failed ? tkvm_fail(err, TKVM_ENOMEM,
		    "no memory for a program") :
		    fetch_sha256(b.data, b.len, g->identity + 32, err);
	blob_free(&b);
	return (r);
}

void
snapshot_begin(struct blob *b)
{
	const struct head head = {.version = VERSION};

	blob_put(b, &head, sizeof head);
}

struct blob_in
snapshot_body(const struct blob *b)
{
	return ((struct blob_in){.data = b->data + sizeof(struct head),
	    .len = b->len - sizeof(struct head)});
}

int
snapshot_write(struct blob *b, const struct generation *g, const char *path,
    struct tkvm_err *err)
{
	struct head head = {.magic = MAGIC, .version = VERSION};

	if (b->failed)
		return (tkvm_fail(err, TKVM_ENOMEM, "no memory for %s", path));
	head.len = b->len - sizeof head;
	head.sum = file_sum(0, b->data + sizeof head, head.len);
	memcpy(head.identity, g->identity, sizeof head.identity);
	head.head_sum = file_sum(0, &head, offsetof(struct head, head_sum));
	memcpy(b->data, &head, sizeof head);
	/* There may be secrets in it. */
	return (save_file_mode(path, b->data, b->len, 0600, err));
}

static int
check(const struct generation *g, const char *file, size_t size,
    const char **why)
{
	struct head head;

	*why = "it is no snapshot";
	if (size < sizeof head)
		return (-1);
	memcpy(&head, file, sizeof head);
	if (memcmp(head.magic, MAGIC, sizeof head.magic) != 0)
		return (-1);
	*why = "another version of this software made it";
	if (head.version != VERSION)
		return (-1);
	*why = "it is damaged";
	if (head.head_sum != file_sum(0, &head,
	    offsetof(struct head, head_sum)) ||
	    head.len != size - sizeof head ||
	    head.sum != file_sum(0, file + sizeof head, head.len))
		return (-1);
	*why = "it was made of another program";
	if (memcmp(head.identity, g->identity, 32) != 0)
		return (-1);
	*why = "it was made with other settings";
	return (memcmp(head.identity, g->identity, sizeof head.identity) != 0 ?
	    -1 : 0);
}

int
snapshot_read(const struct generation *g, const char *path, char **file,
    struct blob_in *body, bool *there, struct tkvm_err *err)
{
	const char *why;
	size_t size;
	int r;

	*file = NULL;
	*there = access(path, F_OK) == 0 || errno != ENOENT;
	if (!*there)
		return (TKVM_EFILE);
	r = load_file(path, file, &size, err);
	if (r != 0)
		return (r);
	if (check(g, *file, size, &why) != 0) {
		free(*file);
		*file = NULL;
		return (tkvm_fail(err, TKVM_EFILE, "%.250s cannot be used: %s",
		    path, why));
	}
	*body = (struct blob_in){.data = *file + sizeof(struct head),
	    .len = size - sizeof(struct head)};
	return (0);
}
