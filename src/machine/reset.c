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
 */
static int
discard(struct tkvm_machine *m, struct tkvm_err *err)
{
	struct pages *p = &m->pages;
	uint32_t i = 0, run;

	qsort(p->list, p->n, sizeof *p->list, by_number);
	while (i < p->n) {
		for (run = 1; i + run < p->n &&
		    p->list[i + run] == p->list[i] + run; run++)
			continue;
		if (madvise(m->mem + (uint64_t)p->list[i] * TKVM_PAGE,
		    (size_t)run * TKVM_PAGE, MADV_DONTNEED) != 0)
			return (tkvm_fail(err, TKVM_EHOST,
			    "cannot discard a fork's pages: %s",
			    strerror(errno)));
		i += run;
	}
	pages_clear(p);
	return (0);
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
			r = discard(m, err);
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
