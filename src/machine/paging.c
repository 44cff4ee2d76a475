/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * paging.c: the guest's page tables, built once from the regions. AMD64 manual
 * volume 2, 5.3.
 *
 * Accessed and dirty bits are set in every entry: the CPU (or a KVM that
 * shadows the tables) then never writes to them.
 */
#include <stdio.h>
#include <string.h>

#include "machine/machine_priv.h"

#define PTE_P 0x001u
#define PTE_W 0x002u
#define PTE_U 0x004u
#define PTE_A 0x020u
#define PTE_D 0x040u
#define PTE_PS 0x080u
#define PTE_NX ((uint64_t)1 << 63)
#define PTE_ADDR 0x000ffffffffff000u
#define TABLE (PTE_P | PTE_W | PTE_U | PTE_A)
#define LARGE MIB(2)

struct builder {
	const struct shape *s;
	char *mem;
	uint64_t next, end;	/* offsets of free table pages */
};

/*
 * Upper bound: one table per 2 MiB of memory at worst for what is mapped with
 * small pages (image, stack), one per 1 GiB for the rest, a few above.
 */
uint64_t
paging_bytes(const struct shape *s)
{
	uint64_t small = s->layout.arena_start - s->base;

	uint64_t n = small / LARGE + s->size / GIB(1) + 16;

	for (unsigned i = 0; i < s->n_areas; i++)
		n += s->area[i].len / GIB(1) + 4;
	/* A hole begins and ends within large pages. */
	n += 2 * s->n_holes;
	return (n * TKVM_PAGE);
}

/* The entry for gva in a table at this level (3: PML4 ... 0: page table). */
static uint64_t *
entry(struct builder *b, uint64_t table, uint64_t gva, unsigned level)
{
	char *p = b->mem + table + (gva >> (12 + 9 * level) & 511) * 8;

	return ((uint64_t *)(void *)p);
}

static uint64_t *
descend(struct builder *b, uint64_t gva, unsigned to_level)
{
	uint64_t table = b->s->paging_at;

	for (unsigned level = 3; level > to_level; level--) {
		uint64_t *e = entry(b, table, gva, level);

		if ((*e & PTE_P) == 0) {
			ASSERT(b->next < b->end);
			*e = b->next | TABLE;
			b->next += TKVM_PAGE;
		}
		table = *e & PTE_ADDR;
	}
	return (entry(b, table, gva, to_level));
}

/* Map [gva, end) to physical addresses from gpa. */
static void
map(struct builder *b, uint64_t gva, uint64_t end, uint64_t gpa, uint64_t bits)
{
	uint64_t step;

	bits |= PTE_P | PTE_A | PTE_D;
	for (; gva < end; gva += step, gpa += step) {
		step = TKVM_PAGE;
		if ((gva | gpa) % LARGE == 0 && end - gva >= LARGE) {
			step = LARGE;
			*descend(b, gva, 1) = gpa | bits | PTE_PS;
		} else {
			*descend(b, gva, 0) = gpa | bits;
		}
	}
}

static void
map_page(struct builder *b, uint64_t offset, uint64_t gpa, uint64_t bits)
{
	uint64_t gva = b->s->base + offset;

	map(b, gva, gva + TKVM_PAGE, gpa, bits);
}

void
paging_build(const struct shape *s, char *mem)
{
	struct builder b = {
		.s = s, .mem = mem,
		.next = s->paging_at + TKVM_PAGE, .end = s->total,
	};

	for (unsigned i = 0; i < s->n_regions; i++) {
		const struct region *r = &s->region[i];

		map(&b, s->base + r->start, s->base + r->end, r->start, PTE_U |
		    (r->w ? PTE_W : 0) | (r->x ? 0 : PTE_NX));
	}
	for (unsigned i = 0; i < s->n_areas; i++) {
		const struct area *a = &s->area[i];

		map(&b, a->gva, a->gva + a->len, a->offset,
		    PTE_U | PTE_W | (a->x ? 0 : PTE_NX));
	}
	map_page(&b, OFF_TABLES, OFF_TABLES, PTE_NX);
	map_page(&b, OFF_KERNEL_STUBS, OFF_KERNEL_STUBS, 0);
	map_page(&b, OFF_USER_STUBS, OFF_USER_STUBS, PTE_U);
	map_page(&b, OFF_XSAVE, OFF_XSAVE, PTE_U | PTE_NX);
	map_page(&b, OFF_VDSO, OFF_VDSO, PTE_U);
	map_page(&b, OFF_TRAP_STACK, s->total, PTE_W | PTE_NX);
	map_page(&b, OFF_RECORD, s->total + TKVM_PAGE, PTE_U | PTE_NX);
	for (unsigned i = 0; i < s->more_cpus; i++) {
		uint64_t gpa = s->total + (i + 1) * OWN_BYTES;

		map_page(&b, OFF_CPU_TRAP_STACK(i), gpa, PTE_W | PTE_NX);
		map_page(&b, OFF_CPU_RECORD(i), gpa + TKVM_PAGE,
		    PTE_U | PTE_NX);
	}
}

/*--- what they say --------------------------------------------------------*/

/*
 * The tables may have been written by the guest's ring 0, so nothing in them is
 * believed: each is looked up within memory, and no more are read than there
 * can be.
 */
struct teller {
	const struct tkvm_machine *m;
	void (*line)(void *priv, const char *text);
	void *priv;
	uint64_t tables;		/* that may still be read */
	unsigned lines;			/* that may still be told */
	uint64_t start, end, bits;	/* neighbours, not told yet */
};

static void
tell(struct teller *t)
{
	char text[80];

	if (t->start == t->end || t->lines == 0)
		return;
	t->lines--;
	(void)snprintf(text, sizeof text, "0x%jx-0x%jx r%c%c %s",
	    (uintmax_t)t->start, (uintmax_t)t->end,
	    t->bits & PTE_W ? 'w' : '-', t->bits & PTE_NX ? '-' : 'x',
	    t->bits & PTE_U ? "user" : "kernel");
	t->line(t->priv, text);
}

static void
leaf(struct teller *t, uint64_t gva, uint64_t len, uint64_t bits)
{
	if (t->end != gva || t->bits != bits) {
		tell(t);
		t->start = gva;
		t->bits = bits;
	}
	t->end = gva + len;
}

/* above: writable and user only when all levels are, NX when one is. */
static void
walk(struct teller *t, uint64_t table, unsigned level, uint64_t gva,
    uint64_t above)
{
	uint64_t span = (uint64_t)TKVM_PAGE << 9 * level, e, bits;

	if (t->tables == 0 || table > t->m->shape.total - TKVM_PAGE)
		return;
	t->tables--;
	for (unsigned i = 0; i < 512; i++, gva += span) {
		memcpy(&e, t->m->mem + table + i * sizeof e, sizeof e);
		if ((e & PTE_P) == 0)
			continue;
		bits = (e & above & (PTE_W | PTE_U)) |
		    ((e | above) & PTE_NX);
		if (level == 0 || (level < 3 && (e & PTE_PS) != 0))
			leaf(t, gva, span, bits);
		else
			walk(t, e & PTE_ADDR, level - 1, gva, bits);
	}
}

void
tkvm_machine_tables(const struct tkvm_machine *m,
    void (*line)(void *priv, const char *text), void *priv)
{
	const struct shape *s = &m->shape;
	struct teller t = {
		.m = m, .line = line, .priv = priv,
		.tables = (s->total - s->paging_at) / TKVM_PAGE,
		.lines = TKVM_TABLE_LINES,
	};

	walk(&t, s->paging_at, 3, 0, PTE_W | PTE_U);
	tell(&t);
}
