/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * areas.c: memory at addresses of a program's choice, and holes in the rest.
 *
 * An area's physical pages lie behind the machine's memory, with a gap before
 * each so that the books (arena.c) never join two of them; reset, limits and
 * images know pages only and treat them as any other.
 */
#include <string.h>

#include "machine/machine_priv.h"

#define LARGE MIB(2)
#define LOWEST 0x20000u
/* Of user mode, less what the processor's sign extension makes unusable. */
#define HIGHEST 0x7fffffe00000u
#define BYTES_MAX GIB(512)

static int
refuse(const struct tkvm_area *a, const char *why, struct tkvm_err *err)
{
	static const char *const names[] = {
		[TKVM_AREA_MEMORY] = "remapping",
		[TKVM_AREA_CODE] = "executable_remapping",
		[TKVM_AREA_HOLE] = "blackout_area",
	};

	return (tkvm_fail(err, TKVM_ECONFIG, "%s 0x%jx to 0x%jx %s",
	    names[a->kind], (uintmax_t)a->start,
	    (uintmax_t)(a->start + a->len), why));
}

static bool
meet(uint64_t a, uint64_t a_end, uint64_t b, uint64_t b_end)
{
	return (a < b_end && b < a_end);
}

static int
add_memory(struct shape *s, const struct tkvm_area *a, struct tkvm_err *err)
{
	uint64_t start = num_down(a->start, LARGE);
	uint64_t len = num_up(a->start + a->len, LARGE) - start;

	if (meet(start, start + len, s->base, s->base + s->size))
		return (refuse(a, "lies in the program's memory", err));
	for (unsigned i = 0; i < s->n_areas; i++)
		if (meet(start, start + len, s->area[i].gva,
		    s->area[i].gva + s->area[i].len))
			return (refuse(a, "lies in another one", err));
	if (s->layout.shared_start != s->layout.shared_end)
		return (refuse(a, "and shared_memory exclude each other", err));
	s->area[s->n_areas++] = (struct area){
		.gva = start, .len = len, .offset = s->paging_at + LARGE,
		.x = a->kind == TKVM_AREA_CODE,
	};
	s->paging_at += LARGE + len;
	if (s->paging_at - s->size > BYTES_MAX)
		return (refuse(a, "makes more than 512 GiB in all", err));
	return (0);
}

/* Where there is no memory it is a hole without our doing. */
static int
add_hole(struct shape *s, const struct tkvm_area *a, struct tkvm_err *err)
{
	const struct tkvm_layout *l = &s->layout;
	uint64_t start = num_down(a->start, TKVM_PAGE), end;

	end = num_up(a->start + a->len, TKVM_PAGE);
	if (meet(start, end, s->base, l->arena_start))
		return (refuse(a, "lies over the program, its stack or its "
		    "heap", err));
	if (meet(start, end, l->shared_start, l->shared_end))
		return (refuse(a, "lies over shared memory", err));
	if (start < l->arena_start)
		start = l->arena_start;
	if (end > l->arena_end)
		end = l->arena_end;
	if (start < end)
		s->hole[s->n_holes++] = (struct span){start - s->base,
		    end - s->base};
	return (0);
}

int
areas_place(struct shape *s, const struct tkvm_boot *boot,
    struct tkvm_err *err)
{
	int r = 0;

	s->paging_at = s->size;
	if (boot->n_areas > TKVM_AREAS_MAX)
		return (tkvm_fail(err, TKVM_ECONFIG,
		    "more than %d remappings and blackout areas",
		    TKVM_AREAS_MAX));
	for (unsigned i = 0; i < boot->n_areas && r == 0; i++) {
		const struct tkvm_area *a = &boot->area[i];

		if (a->len == 0)
			continue;
		if (a->start < LOWEST || a->start > HIGHEST ||
		    a->len > HIGHEST - a->start)
			r = refuse(a, "is no range of addresses that a "
			    "program may have", err);
		else if (a->kind == TKVM_AREA_HOLE)
			r = add_hole(s, a, err);
		else
			r = add_memory(s, a, err);
	}
	return (r);
}

/* Cut a hole out of the regions, of which one may become two. */
static int
punch(struct shape *s, const struct span *hole, struct tkvm_err *err)
{
	struct region old[REGIONS];
	unsigned n = s->n_regions;

	memcpy(old, s->region, n * sizeof old[0]);
	s->n_regions = 0;
	for (unsigned i = 0; i < n; i++) {
		struct region left = old[i], right = old[i];

		if (left.end > hole->start)
			left.end = hole->start;
		if (right.start < hole->end)
			right.start = hole->end;
		if (s->n_regions + 2 > REGIONS)
			return (tkvm_fail(err, TKVM_ECONFIG,
			    "too many blackout areas"));
		if (left.start < left.end)
			s->region[s->n_regions++] = left;
		if (right.start < right.end)
			s->region[s->n_regions++] = right;
	}
	return (0);
}

int
areas_punch(struct shape *s, struct tkvm_err *err)
{
	for (unsigned i = 0; i < s->n_holes; i++)
		if (punch(s, &s->hole[i], err) != 0)
			return (TKVM_ECONFIG);
	return (0);
}

const struct area *
areas_find(const struct shape *s, uint64_t gva, uint64_t len)
{
	for (unsigned i = 0; i < s->n_areas; i++)
		if (num_inside(gva, len, s->area[i].gva,
		    s->area[i].gva + s->area[i].len))
			return (&s->area[i]);
	return (NULL);
}

bool
tkvm_machine_area(const struct tkvm_machine *m, uint64_t gva, uint64_t len,
    bool *executable)
{
	const struct area *a = areas_find(&m->shape, gva, len);

	if (a != NULL)
		*executable = a->x;
	return (a != NULL);
}
