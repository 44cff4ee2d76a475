/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arena.c: who has which part of the mmap arena. First fit over a sorted array
 * of free ranges; few programs make it long, and its length is capped.
 */
#include <stdlib.h>
#include <string.h>

#include "machine/machine_priv.h"

int
arena_init(struct arena *a, uint64_t start, uint64_t end, struct tkvm_err *err)
{
	memset(a, 0, sizeof *a);
	a->room = 8;
	a->free = calloc(a->room, sizeof *a->free);
	if (a->free == NULL)
		return (tkvm_fail(err, TKVM_ENOMEM, "no memory for an arena"));
	a->free[0] = (struct span){start, end};
	a->n = 1;
	return (0);
}

void
arena_free(struct arena *a)
{
	free(a->free);
	memset(a, 0, sizeof *a);
}

static int
grow(struct arena *a, uint32_t n)
{
	uint32_t room = a->room;
	struct span *s;

	if (n <= room)
		return (0);
	if (n > ARENA_SPANS)
		return (-1);
	while (room < n)
		room *= 2;
	s = realloc(a->free, room * sizeof *s);
	if (s == NULL)
		return (-1);
	a->free = s;
	a->room = room;
	return (0);
}

int
arena_copy(struct arena *to, const struct arena *from, struct tkvm_err *err)
{
	if (to->free == NULL && arena_init(to, 0, 0, err) != 0)
		return (TKVM_ENOMEM);
	if (grow(to, from->n) != 0)
		return (tkvm_fail(err, TKVM_ENOMEM, "no memory for an arena"));
	memcpy(to->free, from->free, from->n * sizeof *to->free);
	to->n = from->n;
	to->changed = false;
	return (0);
}

void
arena_save(const struct arena *a, struct blob *to)
{
	blob_put64(to, a->n);
	blob_put(to, a->free, a->n * sizeof *a->free);
}

int
arena_load(struct arena *a, uint64_t start, uint64_t end, struct blob_in *from)
{
	uint64_t n = blob_get64(from);

	if (from->failed || n > ARENA_SPANS || grow(a, (uint32_t)n) != 0)
		return (-1);
	blob_get_to(from, a->free, n * sizeof *a->free);
	a->n = (uint32_t)n;
	a->changed = true;
	for (uint32_t i = 0; i < a->n; i++) {
		const struct span *s = &a->free[i];

		if (s->start < start || s->start >= s->end ||
		    ((s->start | s->end) & (TKVM_PAGE - 1)) != 0)
			return (-1);
		start = s->end;
	}
	return (start <= end ? 0 : -1);
}

static void
erase(struct arena *a, uint32_t i)
{
	memmove(&a->free[i], &a->free[i + 1],
	    (a->n - i - 1) * sizeof *a->free);
	a->n--;
}

static void
insert(struct arena *a, uint32_t i, struct span s)
{
	memmove(&a->free[i + 1], &a->free[i], (a->n - i) * sizeof *a->free);
	a->free[i] = s;
	a->n++;
}

/* Take [start, end) out of the free ranges; parts may be taken already. */
static int
take(struct arena *a, uint64_t start, uint64_t end)
{
	uint32_t i = 0;

	if (grow(a, a->n + 1) != 0)
		return (-1);
	a->changed = true;
	while (i < a->n && a->free[i].start < end) {
		struct span *s = &a->free[i];

		if (s->end <= start) {
			i++;
		} else if (s->start >= start && s->end <= end) {
			erase(a, i);
		} else if (s->start < start && s->end > end) {
			insert(a, i + 1, (struct span){end, s->end});
			a->free[i].end = start;
			return (0);
		} else if (s->start < start) {
			s->end = start;
			i++;
		} else {
			s->start = end;
			return (0);
		}
	}
	return (0);
}

static int
give(struct arena *a, uint64_t start, uint64_t end)
{
	uint32_t i = 0;

	/* Make it taken everywhere, then add it as one free range. */
	if (take(a, start, end) != 0 || grow(a, a->n + 1) != 0)
		return (-1);
	while (i < a->n && a->free[i].start < start)
		i++;
	if (i > 0 && a->free[i - 1].end == start) {
		a->free[i - 1].end = end;
		if (i < a->n && a->free[i].start == end) {
			a->free[i - 1].end = a->free[i].end;
			erase(a, i);
		}
		return (0);
	}
	if (i < a->n && a->free[i].start == end) {
		a->free[i].start = start;
		return (0);
	}
	insert(a, i, (struct span){start, end});
	return (0);
}

int
arena_fill(struct arena *a, const struct shape *s, struct tkvm_err *err)
{
	const struct tkvm_layout *l = &s->layout;
	int r;

	r = arena_init(a, l->arena_start - s->base, l->arena_end - s->base,
	    err);
	for (unsigned i = 0; r == 0 && i < s->n_holes; i++)
		r = take(a, s->hole[i].start, s->hole[i].end);
	for (unsigned i = 0; r == 0 && i < s->n_areas; i++)
		r = give(a, s->area[i].offset,
		    s->area[i].offset + s->area[i].len);
	return (r == 0 ? 0 :
	    tkvm_fail(err, TKVM_ENOMEM, "no memory for an arena"));
}

/* Offsets of a page-aligned range inside the arena or an area. */
static bool
arena_range(const struct tkvm_machine *m, uint64_t gva, uint64_t len,
    uint64_t *start, uint64_t *end)
{
	const struct tkvm_layout *l = &m->shape.layout;
	const struct area *a;

	if ((gva | len) & (TKVM_PAGE - 1))
		return (false);
	*start = gva - m->shape.base;
	if (!num_inside(gva, len, l->arena_start, l->arena_end)) {
		a = areas_find(&m->shape, gva, len);
		if (a == NULL)
			return (false);
		*start = a->offset + (gva - a->gva);
	}
	*end = *start + len;
	return (true);
}

uint64_t
tkvm_arena_take(struct tkvm_machine *m, uint64_t len)
{
	struct arena *a = &m->arena;
	uint64_t start;

	if (len == 0 || len > m->shape.size)
		return (0);
	len = num_up(len, TKVM_PAGE);
	for (uint32_t i = 0; i < a->n; i++) {
		start = a->free[i].start;
		if (start >= m->shape.size)
			break;		/* areas are for who asks for them */
		if (a->free[i].end - start < len)
			continue;
		if (take(a, start, start + len) != 0 ||
		    tkvm_zero(m, m->shape.base + start, len) != 0)
			return (0);
		return (m->shape.base + start);
	}
	return (0);
}

int
tkvm_arena_take_at(struct tkvm_machine *m, uint64_t gva, uint64_t len)
{
	uint64_t start, end;

	if (len == 0 || !arena_range(m, gva, len, &start, &end) ||
	    take(&m->arena, start, end) != 0)
		return (-1);
	return (tkvm_zero(m, gva, len));
}

int
tkvm_arena_take_free(struct tkvm_machine *m, uint64_t gva, uint64_t len)
{
	const struct arena *a = &m->arena;
	uint64_t start, end;

	if (len == 0 || !arena_range(m, gva, len, &start, &end))
		return (-1);
	for (uint32_t i = 0; i < a->n; i++)
		if (start >= a->free[i].start && end <= a->free[i].end)
			return (tkvm_arena_take_at(m, gva, len));
	return (-1);
}

int
tkvm_arena_give(struct tkvm_machine *m, uint64_t gva, uint64_t len)
{
	const struct shape *s = &m->shape;
	uint64_t start, end;
	int r;

	if (len == 0 || !arena_range(m, gva, len, &start, &end))
		return (-1);
	r = give(&m->arena, start, end);
	/* What is a hole cannot be given back. */
	for (unsigned i = 0; r == 0 && i < s->n_holes; i++)
		if (s->hole[i].start < end && start < s->hole[i].end)
			r = take(&m->arena, s->hole[i].start, s->hole[i].end);
	return (r);
}
