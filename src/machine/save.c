/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * save.c: a machine as bytes, and from bytes.
 *
 * Saved is what cannot be had otherwise. Page tables, descriptor tables and
 * stubs are made anew, so are pages that are as the program's file has them:
 * they are found by comparing, for where pages are in two dimensions, the dirty
 * ring tells of many that were only read.
 * The stack below the waiting program and free parts of the arena hold nothing
 * that counts. Without them what a call left lying about is not a change.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "machine/machine_priv.h"

#define RED_ZONE 128

static bool
bit(const uint64_t *map, uint64_t page)
{
	return (map != NULL && (map[page / 64] >> (page % 64) & 1) != 0);
}

/*--- what need not be saved ------------------------------------------------*/

/* A page as load_segments() in boot.c makes it. */
static void
make_page(const struct elf *elf, const char *file, uint64_t gva,
    char page[TKVM_PAGE])
{
	memset(page, 0, TKVM_PAGE);
	for (unsigned i = 0; i < elf->n; i++) {
		const struct elf_segment *g = &elf->seg[i];
		uint64_t start = g->start > gva ? g->start : gva;
		uint64_t end = g->start + g->file_len;

		if (end > gva + TKVM_PAGE)
			end = gva + TKVM_PAGE;
		if (start < end)
			memcpy(page + (start - gva), file + g->file_offset +
			    (start - g->start), end - start);
	}
}

int
tkvm_machine_compare(struct tkvm_machine *m, const void *file, size_t size,
    struct tkvm_err *err)
{
	const struct shape *s = &m->shape;
	struct elf elf;
	uint64_t at;
	char *page;
	int r = elf_parse(file, size, &elf, err);

	ASSERT(m->state == MACHINE_BOOTING);
	if (r != 0)
		return (r);
	free(m->as_loaded);
	m->as_loaded = calloc((s->total / TKVM_PAGE + 63) / 64,
	    sizeof *m->as_loaded);
	page = malloc(TKVM_PAGE);
	if (m->as_loaded == NULL || page == NULL) {
		free(page);
		return (tkvm_fail(err, TKVM_ENOMEM,
		    "no memory for the page set of a machine"));
	}
	for (uint64_t gva = elf.start; gva < elf.end; gva += TKVM_PAGE) {
		at = gva - s->base;
		make_page(&elf, file, gva, page);
		if (memcmp(page, m->mem + at, TKVM_PAGE) == 0)
			m->as_loaded[at / TKVM_PAGE / 64] |=
			    (uint64_t)1 << (at / TKVM_PAGE % 64);
	}
	free(page);
	return (0);
}

/*--- what is saved --------------------------------------------------------*/

struct walk {
	struct tkvm_machine *m;
	struct blob *to;
	uint64_t sp;		/* offset: below it the stack is dead */
	uint64_t stack_low;	/* offset */
	uint32_t arena_at;	/* free range that the walk has come to */
	uint64_t first;		/* pages wait to be put, from this one on */
	uint64_t n;
};

/* May a page hold something? Bitmaps of 64 pages at a time. */
static uint64_t
candidates(const struct tkvm_machine *m, uint64_t word)
{
	uint64_t set = m->pages.in_set[word], known;

	if (m->image == NULL)
		return (set & ~(m->as_loaded == NULL ? 0 : m->as_loaded[word]));
	known = m->image->as_loaded == NULL ? 0 : m->image->as_loaded[word];
	return (set | (m->image->has_data[word] & ~known));
}

static bool
is_free(struct walk *w, uint64_t at)
{
	const struct arena *a = &w->m->arena;

	/* An area is there to be written to, taken or not. */
	if (at >= w->m->shape.size)
		return (false);
	while (w->arena_at < a->n && a->free[w->arena_at].end <= at)
		w->arena_at++;
	return (w->arena_at < a->n && a->free[w->arena_at].start <= at);
}

/* Of forks: what the image's page is, and this one still is. */
static bool
is_as_loaded(const struct tkvm_machine *m, uint64_t page)
{
	uint64_t at = page * TKVM_PAGE;

	return (m->image != NULL && bit(m->image->as_loaded, page) &&
	    memcmp(m->mem + at, m->image->mem + at, TKVM_PAGE) == 0);
}

static bool
is_zero(const char *page)
{
	return (page[0] == 0 && memcmp(page, page + 1, TKVM_PAGE - 1) == 0);
}

/* The pages that wait: their number, and they. */
static void
put_run(struct walk *w)
{
	static const char zeros[TKVM_PAGE];
	uint64_t at = w->first * TKVM_PAGE;

	if (w->n == 0)
		return;
	blob_put64(w->to, w->first);
	blob_put64(w->to, w->n);
	/* Of the stack's last page the dead part is put as zeros. */
	if (at <= w->sp && w->sp < at + TKVM_PAGE) {
		blob_put(w->to, zeros, w->sp - at);
		at = w->sp;
	}
	blob_put(w->to, w->m->mem + at,
	    (w->first + w->n) * TKVM_PAGE - at);
	w->n = 0;
}

static void
put_page(struct walk *w, uint64_t page)
{
	uint64_t at = page * TKVM_PAGE;

	if (at < OFF_PROGRAM || at >= w->m->shape.paging_at)
		return;
	/* On most hosts a page counts as written when it was only read. */
	if (is_as_loaded(w->m, page))
		return;
	if (at >= w->stack_low && (is_zero(w->m->mem + at) ||
	    at + TKVM_PAGE <= w->sp || is_free(w, at)))
		return;
	if (w->n != 0 && w->first + w->n != page)
		put_run(w);
	/* The page where the stack begins has to be the first of its run. */
	if (w->n != 0 && at <= w->sp && w->sp < at + TKVM_PAGE)
		put_run(w);
	if (w->n++ == 0)
		w->first = page;
}

/* What all machines share is known to its file alone. */
static int
put_shared(struct walk *w, struct tkvm_err *err)
{
	const struct shape *s = &w->m->shape;
	uint64_t base = s->layout.shared_start - s->base;
	off_t data, hole = 0;

	if (w->m->shared_fd < 0)
		return (0);
	while ((data = lseek(w->m->shared_fd, hole, SEEK_DATA)) >= 0) {
		hole = lseek(w->m->shared_fd, data, SEEK_HOLE);
		if (hole < 0)
			return (tkvm_fail(err, TKVM_EHOST,
			    "cannot read the map of shared memory"));
		for (uint64_t at = (uint64_t)data; at < (uint64_t)hole;
		    at += TKVM_PAGE)
			put_page(w, (base + at) / TKVM_PAGE);
	}
	return (0);
}

/* What must be the same where it is restored. */
static void
put_shape(const struct shape *s, struct blob *to)
{
	blob_put64(to, s->base);
	blob_put(to, &s->layout, sizeof s->layout);
	blob_put64(to, s->n_areas);
	for (unsigned i = 0; i < s->n_areas; i++) {
		blob_put64(to, s->area[i].gva);
		blob_put64(to, s->area[i].len);
		blob_put64(to, s->area[i].offset);
	}
	blob_put64(to, s->n_holes);
	blob_put(to, s->hole, s->n_holes * sizeof s->hole[0]);
}

static void
put_head(const struct tkvm_machine *m, const struct tkvm_regs *regs,
    struct blob *to)
{
	uint32_t features[VCPU_FEATURES];

	vcpu_features(features);
	blob_put(to, features, sizeof features);
	put_shape(&m->shape, to);
	blob_put(to, regs, sizeof *regs);
	blob_put(to, m->mem + OFF_XSAVE, TKVM_PAGE);
	arena_save(&m->arena, to);
}

int
tkvm_machine_save(struct tkvm_machine *m, struct blob *to,
    struct tkvm_err *err)
{
	const struct tkvm_regs *regs = m->image != NULL ? &m->image->regs :
	    vcpu_regs(m->vcpu);
	const struct tkvm_layout *l = &m->shape.layout;
	struct walk w = {.m = m, .to = to,
	    .stack_low = l->stack_low - m->shape.base};
	uint64_t set, words;
	int r;

	ASSERT(m->state == MACHINE_BOOTING || m->state == MACHINE_FORK);
	r = machine_harvest(m, err);
	if (r == TKVM_EWORKMEM)
		r = 0;
	if (r == 0 && m->state == MACHINE_BOOTING)
		r = save_extended_state(m, err);
	if (r != 0)
		return (r);
	/* A program may wait on a stack of its own: then all of it counts. */
	if (regs->rsp - RED_ZONE >= l->stack_low && regs->rsp <= l->stack_top)
		w.sp = regs->rsp - RED_ZONE - m->shape.base;
	put_head(m, regs, to);
	words = (m->shape.paging_at / TKVM_PAGE + 63) / 64;
	for (uint64_t i = 0; i < words; i++)
		for (set = candidates(m, i); set != 0; set &= set - 1)
			put_page(&w, i * 64 +
			    (unsigned)__builtin_ctzll(set));
	r = put_shared(&w, err);
	put_run(&w);
	blob_put64(to, 0);
	blob_put64(to, 0);
	if (r == 0 && to->failed)
		r = tkvm_fail(err, TKVM_ENOMEM,
		    "no memory to save a machine");
	return (r);
}

/*--- what is restored -----------------------------------------------------*/

static int
damaged(struct tkvm_err *err)
{
	return (tkvm_fail(err, TKVM_EFILE, "it is damaged"));
}

static int
check_head(const struct tkvm_machine *m, struct blob_in *from,
    struct tkvm_err *err)
{
	uint32_t features[VCPU_FEATURES], had[VCPU_FEATURES];
	struct blob shape = {0};
	const void *was;
	bool same;

	vcpu_features(features);
	blob_get_to(from, had, sizeof had);
	if (!from->failed && memcmp(had, features, sizeof had) != 0)
		return (tkvm_fail(err, TKVM_EFILE, "it was made on a CPU with "
		    "other features"));
	put_shape(&m->shape, &shape);
	was = blob_get(from, shape.len);
	same = !shape.failed && was != NULL &&
	    memcmp(was, shape.data, shape.len) == 0;
	blob_free(&shape);
	if (from->failed)
		return (damaged(err));
	return (same ? 0 : tkvm_fail(err, TKVM_EFILE, "it was made for another "
	    "layout of memory"));
}

static int
get_pages(struct tkvm_machine *m, struct blob_in *from, struct tkvm_err *err)
{
	uint64_t end = m->shape.paging_at / TKVM_PAGE, next, first, n;
	const char *data;

	for (next = OFF_PROGRAM / TKVM_PAGE;; next = first + n) {
		first = blob_get64(from);
		n = blob_get64(from);
		if (n == 0 && !from->failed)
			return (0);
		if (from->failed || first < next || first >= end ||
		    n > end - first)
			return (damaged(err));
		data = blob_get(from, n * TKVM_PAGE);
		if (data == NULL)
			return (damaged(err));
		if (gmem_mark(m, first * TKVM_PAGE, n * TKVM_PAGE) != 0)
			return (tkvm_fail(err, TKVM_ENOMEM,
			    "no memory for the page set of a machine"));
		memcpy(m->mem + first * TKVM_PAGE, data, n * TKVM_PAGE);
	}
}

int
machine_restore(struct tkvm_machine *m, struct blob_in *from,
    struct tkvm_err *err)
{
	const struct shape *s = &m->shape;
	struct tkvm_regs regs;
	int r = check_head(m, from, err);

	if (r != 0)
		return (r);
	blob_get_to(from, &regs, sizeof regs);
	blob_get_to(from, m->mem + OFF_XSAVE, TKVM_PAGE);
	clean_extended_state(m);
	if (arena_load(&m->arena, s->layout.arena_start - s->base,
	    s->paging_at, from) != 0)
		return (damaged(err));
	*vcpu_regs(m->vcpu) = regs;
	vcpu_dirty(m->vcpu);
	m->restored = true;
	return (get_pages(m, from, err));
}

/* The image's own data that was not saved is zero by now. */
static int
clear_own(struct tkvm_machine *m)
{
	const struct tkvm_image *image = m->image;

	for (uint64_t p = OFF_PROGRAM / TKVM_PAGE;
	    p < m->shape.paging_at / TKVM_PAGE; p++) {
		if (!bit(image->has_data, p) || bit(image->as_loaded, p))
			continue;
		if (gmem_mark(m, p * TKVM_PAGE, TKVM_PAGE) != 0)
			return (-1);
		memset(m->mem + p * TKVM_PAGE, 0, TKVM_PAGE);
	}
	return (0);
}

int
tkvm_machine_load(struct tkvm_machine *m, struct blob_in *from,
    struct tkvm_err *err)
{
	const struct tkvm_regs *own = &m->image->regs;
	struct tkvm_regs regs;
	int r = tkvm_machine_reset(m, err);

	if (r != 0)
		return (r);
	r = check_head(m, from, err);
	if (r != 0)
		return (r);
	/* Each call begins with those of its own image. */
	blob_get_to(from, &regs, sizeof regs);
	(void)blob_get(from, TKVM_PAGE);
	if (regs.rsp != own->rsp || regs.fs_base != own->fs_base)
		return (tkvm_fail(err, TKVM_EFILE, "its main() waited with "
		    "another stack"));
	if (arena_load(&m->arena, m->shape.layout.arena_start - m->shape.base,
	    m->shape.paging_at, from) != 0)
		return (damaged(err));
	if (clear_own(m) != 0)
		return (tkvm_fail(err, TKVM_ENOMEM,
		    "no memory for the page set of a machine"));
	return (get_pages(m, from, err));
}
