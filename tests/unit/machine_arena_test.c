/* SPDX-License-Identifier: BSD-2-Clause */
/* The arena against a plain bitmap, in random order. */
#include "../../src/machine/arena.c"
#include "test.h"

#define BASE 0x40000000u
#define START MIB(4)
#define PAGES 256u

/* The arena zeroes what it hands out; here nobody looks. */
int
tkvm_zero(struct tkvm_machine *m, uint64_t gva, uint64_t len)
{
	(void)m;
	(void)gva;
	(void)len;
	return (0);
}

int
tkvm_fail(struct tkvm_err *err, int code, const char *fmt, ...)
{
	(void)err;
	(void)fmt;
	return (code);
}

static bool taken[PAGES];

static void
set_up(struct tkvm_machine *m)
{
	memset(m, 0, sizeof *m);
	memset(taken, 0, sizeof taken);
	m->shape.base = BASE;
	m->shape.size = MIB(64);
	m->shape.layout.arena_start = BASE + START;
	m->shape.layout.arena_end = BASE + START + PAGES * TKVM_PAGE;
	(void)arena_init(&m->arena, START, START + PAGES * TKVM_PAGE, NULL);
}

/* First fit in the bitmap; PAGES when there is none. */
static unsigned
model_find(unsigned n)
{
	unsigned run = 0;

	for (unsigned i = 0; i < PAGES; i++) {
		run = taken[i] ? 0 : run + 1;
		if (run == n)
			return (i + 1 - n);
	}
	return (PAGES);
}

static void
model_set(unsigned at, unsigned n, bool value)
{
	for (unsigned i = at; i < at + n; i++)
		taken[i] = value;
}

static bool
same(const struct arena *a)
{
	bool is_free[PAGES] = {false};

	for (uint32_t i = 0; i < a->n; i++) {
		if (i > 0 && a->free[i - 1].end >= a->free[i].start)
			return (false);	/* unsorted or not merged */
		for (uint64_t p = a->free[i].start; p < a->free[i].end;
		    p += TKVM_PAGE)
			is_free[(p - START) / TKVM_PAGE] = true;
	}
	for (unsigned i = 0; i < PAGES; i++)
		if (is_free[i] == taken[i])
			return (false);
	return (true);
}

TEST(the_arena_agrees_with_a_bitmap)
{
	struct tkvm_machine m;
	unsigned seed = 3;

	set_up(&m);
	for (unsigned i = 0; i < 200000; i++) {
		unsigned n = (unsigned)rand_r(&seed) % 12 + 1;
		unsigned at = (unsigned)rand_r(&seed) % (PAGES - n);
		uint64_t gva = BASE + START + (uint64_t)at * TKVM_PAGE;
		uint64_t len = (uint64_t)n * TKVM_PAGE, got;

		switch (rand_r(&seed) % 3) {
		case 0:
			at = model_find(n);
			got = tkvm_arena_take(&m, len - 100);
			CHECK_EQ(got, at == PAGES ? 0 :
			    BASE + START + (uint64_t)at * TKVM_PAGE);
			if (at != PAGES)
				model_set(at, n, true);
			break;
		case 1:
			CHECK_EQ(tkvm_arena_take_at(&m, gva, len), 0);
			model_set(at, n, true);
			break;
		default:
			CHECK_EQ(tkvm_arena_give(&m, gva, len), 0);
			model_set(at, n, false);
		}
		CHECK(same(&m.arena));
	}
	arena_free(&m.arena);
}

TEST(odd_and_wrapping_ranges_are_refused)
{
	struct tkvm_machine m;
	uint64_t first = BASE + START;

	set_up(&m);
	CHECK_EQ(tkvm_arena_take(&m, 0), 0);
	CHECK_EQ(tkvm_arena_take(&m, UINT64_MAX), 0);
	CHECK_EQ(tkvm_arena_take(&m, (PAGES + 1) * TKVM_PAGE), 0);
	CHECK_EQ(tkvm_arena_give(&m, first + 1, TKVM_PAGE), -1);
	CHECK_EQ(tkvm_arena_give(&m, first, TKVM_PAGE + 1), -1);
	CHECK_EQ(tkvm_arena_give(&m, first - TKVM_PAGE, TKVM_PAGE), -1);
	CHECK_EQ(tkvm_arena_give(&m, first, UINT64_MAX - TKVM_PAGE + 1), -1);
	CHECK_EQ(tkvm_arena_give(&m, UINT64_MAX - TKVM_PAGE + 1, TKVM_PAGE),
	    -1);
	CHECK_EQ(tkvm_arena_take_at(&m, first, PAGES * TKVM_PAGE * 2), -1);
	CHECK(same(&m.arena));
	arena_free(&m.arena);
}

/* Areas and holes have their books, too. */
TEST(areas_are_for_who_asks_and_holes_for_nobody)
{
	const uint64_t area = 0xc000000000, hole = START + 16 * TKVM_PAGE;
	static struct tkvm_machine m;
	uint64_t at;

	set_up(&m);
	arena_free(&m.arena);
	m.shape.area[0] = (struct area){area, MIB(4), MIB(66), false};
	m.shape.n_areas = 1;
	m.shape.hole[0] = (struct span){hole, hole + 16 * TKVM_PAGE};
	m.shape.n_holes = 1;
	CHECK_EQ(arena_fill(&m.arena, &m.shape, NULL), 0);
	/* Where it is free, once. */
	CHECK_EQ(tkvm_arena_take_free(&m, area, MIB(2)), 0);
	CHECK_EQ(tkvm_arena_take_free(&m, area + MIB(1), TKVM_PAGE), -1);
	CHECK_EQ(tkvm_arena_take_free(&m, area + MIB(3), MIB(2)), -1);
	CHECK_EQ(tkvm_arena_take_free(&m, area - TKVM_PAGE, TKVM_PAGE), -1);
	CHECK_EQ(tkvm_arena_take_at(&m, area + MIB(1), TKVM_PAGE), 0);
	CHECK_EQ(tkvm_arena_give(&m, area, MIB(4)), 0);
	CHECK_EQ(tkvm_arena_take_free(&m, area, MIB(4)), 0);
	CHECK_EQ(tkvm_arena_give(&m, area, MIB(4)), 0);
	/* Taking everything takes neither, given back or not. */
	CHECK_EQ(tkvm_arena_give(&m, BASE + START, PAGES * TKVM_PAGE), 0);
	CHECK_EQ(tkvm_arena_take_free(&m, BASE + hole, TKVM_PAGE), -1);
	for (unsigned n = 0; (at = tkvm_arena_take(&m, TKVM_PAGE)) != 0; n++) {
		CHECK(n < PAGES - 16);
		CHECK(at < BASE + hole || at >= BASE + hole + 16 * TKVM_PAGE);
		CHECK(at < BASE + START + PAGES * TKVM_PAGE);
	}
	arena_free(&m.arena);
}

TEST_MAIN()
