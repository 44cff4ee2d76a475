/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * huge.c: transparent huge pages, where a machine is better off with them.
 *
 * Not hugetlb: a fork would either reserve huge pages for all of its image or
 * be killed (SIGBUS) by the write that finds none left, and each first write
 * would copy 2 MiB.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "machine/machine_priv.h"

#define THP "/sys/kernel/mm/transparent_hugepage/"

/*
 * Does the host's switch allow them to those that ask? What is in brackets is
 * what it stands at, see the kernel's admin-guide/mm/transhuge.rst.
 */
static int
allowed(const char *file, struct tkvm_err *err)
{
	char text[128] = "", *at;
	FILE *f = fopen(file, "re");

	if (f != NULL) {
		if (fgets(text, sizeof text, f) == NULL)
			text[0] = '\0';
		(void)fclose(f);
	}
	if (text[0] == '\0') {
		(void)tkvm_fail(err, TKVM_EHOST, "this kernel has no "
		    "transparent huge pages; normal pages are used");
		return (-1);
	}
	at = strchr(text, '[');
	if (at != NULL && (strncmp(at, "[never]", 7) == 0 ||
	    strncmp(at, "[deny]", 6) == 0)) {
		(void)tkvm_fail(err, TKVM_EHOST, "huge pages are switched off "
		    "in %s; normal pages are used", file);
		return (-1);
	}
	return (0);
}

/* Where [start, end) of a fork is not mapped from its image, at most *left. */
static int
advise_hole(struct tkvm_machine *m, uint64_t start, uint64_t end,
    uint64_t *left)
{
	uint64_t len = end - start < *left ? end - start : *left;

	*left -= len;
	return (len == 0 ? 0 : madvise(m->mem + start, len, MADV_HUGEPAGE));
}

/*
 * What requests allocate comes from the arena: its first bytes that the image
 * leaves empty.
 */
static int
advise_fork(struct tkvm_machine *m, uint64_t bytes)
{
	const struct shape *s = &m->shape;
	const struct tkvm_image *image = m->image;
	uint64_t at = s->layout.arena_start - s->base, left = bytes;
	uint64_t end = s->layout.arena_end - s->base;
	int r = 0;

	for (unsigned i = 0; i < image->n_extents && r == 0; i++) {
		const struct span *e = &image->extent[i];

		if (e->end <= at || e->start >= end)
			continue;
		if (e->start > at)
			r = advise_hole(m, at, e->start, &left);
		at = e->end;
	}
	return (r != 0 || at >= end ? r : advise_hole(m, at, end, &left));
}

int
tkvm_machine_huge(struct tkvm_machine *m, uint64_t bytes, struct tkvm_err *err)
{
	bool booting = m->state == MACHINE_BOOTING;
	int r;

	if (allowed(booting ? THP "shmem_enabled" : THP "enabled", err) != 0)
		return (-1);
	if (booting)
		r = madvise(m->mem, bytes < m->shape.size ? bytes :
		    m->shape.size, MADV_HUGEPAGE);
	else
		r = advise_fork(m, bytes);
	if (r == 0)
		return (0);
	(void)tkvm_fail(err, TKVM_EHOST, "the host grants no huge pages: %s; "
	    "normal pages are used", strerror(errno));
	return (-1);
}
