/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reset.c: bring a fork back to its image.
 *
 * Memory: every page that was written since the set was last emptied is copied
 * back; nothing is unmapped or protected, so the next request faults nowhere.
 * Registers: each entry loads them all (enter.c). MSRs, control and debug
 * registers cannot be reached from user mode.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "machine/machine_priv.h"

/*
 * A set beyond the memory limit, or beyond what may be kept, is emptied by
 * discarding its pages; a large one now and then, so that an unusual request
 * does not burden all later ones.
 * A discarded page costs a fault at its next write: with 256 resets between, a
 * small fraction of the copying it saves.
 */
#define DISCARD_RESETS 256
#define DISCARD_PAGES 64

static void
copy_back(struct tkvm_machine *m)
{
	const struct tkvm_image *image = m->image;
	struct pages *p = &m->pages;

	for (uint32_t i = 0; i < p->n; i++) {
		uint64_t page = p->list[i], at = page * TKVM_PAGE;

		if (image->has_data[page / 64] >> (page % 64) & 1)
			memcpy(m->mem + at, image->mem + at, TKVM_PAGE);
		else
			memset(m->mem + at, 0, TKVM_PAGE);
	}
}

static int
by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x < y ? -1 : x > y);
}

/*
 * Private pages go away; what shows instead is the image, or zeros. KVM hears
 * of it through its MMU notifier and reports the next write to each page.
 * list is sorted.
 */
static int
discard(struct tkvm_machine *m, const uint32_t *list, uint32_t n,
    struct tkvm_err *err)
{
	uint32_t i = 0, run;

	while (i < n) {
		for (run = 1; i + run < n && list[i + run] == list[i] + run;
		    run++)
			continue;
		if (madvise(m->mem + (uint64_t)list[i] * TKVM_PAGE,
		    (size_t)run * TKVM_PAGE, MADV_DONTNEED) != 0)
			return (tkvm_fail(err, TKVM_EHOST,
			    "cannot discard a fork's pages: %s",
			    strerror(errno)));
		i += run;
	}
	return (0);
}

static int
discard_all(struct tkvm_machine *m, struct tkvm_err *err)
{
	struct pages *p = &m->pages;
	int r;

	qsort(p->list, p->n, sizeof *p->list, by_number);
	r = discard(m, p->list, p->n, err);
	if (r == 0)
		pages_clear(p);
	return (r);
}

static int
by_place(const void *key, const void *span)
{
	uint64_t at = *(const uint64_t *)key;
	const struct span *s = span;

	return (at < s->start ? -1 : at >= s->end);
}

int
tkvm_machine_trim(struct tkvm_machine *m, struct tkvm_err *err)
{
	const struct arena *a = &m->arena;
	struct pages *p = &m->pages;
	uint32_t *gone, n_gone = 0, n = 0;
	uint64_t at;
	int r;

	r = machine_harvest(m, err);
	if (r != 0 && r != TKVM_EWORKMEM)
		return (r);
	gone = malloc((p->n + 1) * sizeof *gone);
	if (gone == NULL)
		return (0);	/* it stays as it is */
	qsort(p->list, p->n, sizeof *p->list, by_number);
	for (uint32_t i = 0; i < p->n; i++) {
		at = (uint64_t)p->list[i] * TKVM_PAGE;
		if (bsearch(&at, a->free, a->n, sizeof *a->free, by_place) ==
		    NULL)
			p->list[n++] = p->list[i];
		else
			gone[n_gone++] = p->list[i];
	}
	for (uint32_t i = 0; i < n_gone; i++)
		p->in_set[gone[i] / 64] &= ~((uint64_t)1 << gone[i] % 64);
	p->n = n;
	p->n_before = 0;
	m->stats.dirty_pages = n;
	r = discard(m, gone, n_gone, err);
	free(gone);
	return (r);
}

void
tkvm_machine_keep_at_most(struct tkvm_machine *m, uint64_t bytes)
{
	m->keep_pages = bytes / TKVM_PAGE;
}

int
tkvm_machine_reset(struct tkvm_machine *m, struct tkvm_err *err)
{
	int r;

	if (m->state != MACHINE_FORK)
		return (tkvm_fail(err, TKVM_EHOST,
		    "a machine in this state cannot be reset"));
	r = machine_harvest(m, err);
	if (r != 0 && r != TKVM_EWORKMEM)
		return (r);
	m->stats.resets++;
	m->owned_known = m->answered = false;
	m->owned_before = 0;
	m->limit_now = m->limit_pages;
	/* A debugger's pages would be copied back for ever: discard them. */
	if (m->debugged || m->pages.n > m->limit_pages ||
	    m->pages.n > m->keep_pages ||
	    (m->pages.n > DISCARD_PAGES &&
	    ++m->resets_since_discard >= DISCARD_RESETS)) {
		m->resets_since_discard = 0;
		r = m->debugged ? debug_off(m, err) : 0;
		if (r == 0)
			r = discard_all(m, err);
		if (r != 0)
			return (r);
	} else {
		m->stats.pages_copied += m->pages.n;
		copy_back(m);
	}
	m->stats.dirty_pages = m->pages.n;
	machine_write_record(m, 0);
	if (m->arena.changed && arena_copy(&m->arena, &m->image->arena, err))
		return (TKVM_EHOST);
	m->push_sp = m->stack = 0;
	m->pages.n_before = m->pages.n;
	return (0);
}
