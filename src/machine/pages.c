/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pages.c: the set of pages that differ from the image, or may.
 *
 * It grows with the first write to each page and is kept over requests, so
 * that a page costs a fault once and 4 KiB of copying from then on.
 */
#include <stdlib.h>
#include <string.h>

#include "machine/machine_priv.h"

int
pages_init(struct pages *p, uint64_t n_pages, uint64_t shared,
    struct tkvm_err *err)
{
	memset(p, 0, sizeof *p);
	p->shared = shared;
	p->in_set = calloc((n_pages + 63) / 64, sizeof *p->in_set);
	if (p->in_set == NULL)
		return (tkvm_fail(err, TKVM_ENOMEM,
		    "no memory for the page set of a machine"));
	return (0);
}

void
pages_free(struct pages *p)
{
	free(p->in_set);
	free(p->list);
	memset(p, 0, sizeof *p);
}

bool
pages_has(const struct pages *p, uint32_t page)
{
	return (p->in_set[page / 64] >> (page % 64) & 1);
}

bool
pages_add(struct pages *p, uint32_t page)
{
	uint32_t room, *list;

	/* What is shared is not the machine's to copy back. */
	if (page >= p->shared || pages_has(p, page))
		return (true);
	if (p->n == p->room) {
		room = p->room == 0 ? 32 : p->room * 2;
		list = realloc(p->list, room * sizeof *list);
		if (list == NULL)
			return (false);
		p->list = list;
		p->room = room;
	}
	p->list[p->n++] = page;
	p->in_set[page / 64] |= (uint64_t)1 << (page % 64);
	return (true);
}

void
pages_clear(struct pages *p)
{
	for (uint32_t i = 0; i < p->n; i++)
		p->in_set[p->list[i] / 64] = 0;
	p->n = p->n_before = 0;
}
