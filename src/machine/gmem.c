/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gmem.c: the one place that turns a guest address into a host pointer.
 *
 * What the guest may touch is decided by the machine's regions, which its page
 * tables were made from; the tables themselves, which live in guest memory,
 * are never read. All host writes pass gmem_mark(), so that reset knows.
 */
#include <string.h>

#include "machine/machine_priv.h"

int
gmem_mark(struct tkvm_machine *m, uint64_t offset, uint64_t len)
{
	if (len == 0)
		return (0);
	for (uint64_t p = offset / TKVM_PAGE;
	    p <= (offset + len - 1) / TKVM_PAGE; p++)
		if (!pages_add(&m->pages, (uint32_t)p))
			return (-1);
	return (0);
}

/*
 * Offset of a guest range if all of it may be read (and written) by the
 * guest; UINT64_MAX otherwise. Regions may adjoin.
 */
static uint64_t
lookup(const struct tkvm_machine *m, uint64_t gva, uint64_t len, bool write)
{
	const struct shape *s = &m->shape;
	const struct area *a;
	uint64_t start, at, end;

	if (gva < s->base || !num_inside(gva - s->base, len, 0, s->size)) {
		a = areas_find(s, gva, len);
		return (a != NULL ? a->offset + (gva - a->gva) : UINT64_MAX);
	}
	start = at = gva - s->base;
	end = start + len;
	for (unsigned i = 0; i < s->n_regions && at < end; i++) {
		const struct region *r = &s->region[i];

		if (at >= r->end)
			continue;
		if (at < r->start || (write && !r->w))
			return (UINT64_MAX);
		at = r->end;
	}
	return (at >= end ? start : UINT64_MAX);
}

uint64_t
gmem_find(const struct tkvm_machine *m, uint64_t gva, uint64_t len)
{
	return (lookup(m, gva, len, false));
}

int
tkvm_copy_in(const struct tkvm_machine *m, void *dst, uint64_t gva,
    uint64_t len)
{
	const void *p;

	if (len == 0)
		return (0);
	p = tkvm_view(m, gva, len);
	if (p == NULL)
		return (-1);
	memcpy(dst, p, len);
	return (0);
}

int
tkvm_copy_out(struct tkvm_machine *m, uint64_t gva, const void *src,
    uint64_t len)
{
	void *p;

	if (len == 0)
		return (0);
	p = tkvm_view_write(m, gva, len);
	if (p == NULL)
		return (-1);
	memcpy(p, src, len);
	return (0);
}

ssize_t
tkvm_copy_in_str(const struct tkvm_machine *m, char *dst, uint64_t gva,
    size_t size)
{
	size_t n = 0, part;
	const char *p, *nul;

	/* Page by page: the string may end just before an unmapped page. */
	while (n < size) {
		part = TKVM_PAGE - ((gva + n) & (TKVM_PAGE - 1));
		if (part > size - n)
			part = size - n;
		p = tkvm_view(m, gva + n, part);
		if (p == NULL)
			return (-1);
		memcpy(dst + n, p, part);
		nul = memchr(dst + n, '\0', part);
		if (nul != NULL)
			return (nul - dst);
		n += part;
	}
	return (-2);
}

const void *
tkvm_view(const struct tkvm_machine *m, uint64_t gva, uint64_t len)
{
	uint64_t offset = lookup(m, gva, len, false);

	return (offset == UINT64_MAX ? NULL : m->mem + offset);
}

void *
tkvm_view_write(struct tkvm_machine *m, uint64_t gva, uint64_t len)
{
	uint64_t offset = lookup(m, gva, len, true);

	if (offset == UINT64_MAX || gmem_mark(m, offset, len) != 0)
		return (NULL);
	return (m->mem + offset);
}

/* A page that was never written and has no data in the image is zero. */
static bool
still_zero(const struct tkvm_machine *m, uint64_t page)
{
	if (pages_has(&m->pages, (uint32_t)page))
		return (false);
	return (m->image == NULL ||
	    (m->image->has_data[page / 64] >> (page % 64) & 1) == 0);
}

int
tkvm_zero(struct tkvm_machine *m, uint64_t gva, uint64_t len)
{
	uint64_t at, end, next;

	if (len == 0)
		return (0);
	at = lookup(m, gva, len, true);
	if (at == UINT64_MAX)
		return (-1);
	/* What the guest wrote just now may still wait in the ring. */
	if (machine_harvest(m, NULL) == TKVM_EHOST)
		return (-1);
	for (end = at + len; at < end; at = next) {
		next = num_down(at, TKVM_PAGE) + TKVM_PAGE;
		if (next > end)
			next = end;
		if (still_zero(m, at / TKVM_PAGE))
			continue;
		if (gmem_mark(m, at, next - at) != 0)
			return (-1);
		memset(m->mem + at, 0, next - at);
	}
	return (0);
}
