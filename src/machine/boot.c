/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * boot.c: from an ELF file to a machine that stands at its entry point.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "machine/machine_priv.h"

#define BRK_MAX MIB(32)
#define ARENA_MIN MIB(2)

static int
by_start(const void *a, const void *b)
{
	const struct elf_segment *x = a, *y = b;

	return (x->start < y->start ? -1 : x->start > y->start);
}

static int
add_region(struct shape *s, uint64_t start, uint64_t end, bool w, bool x,
    struct tkvm_err *err)
{
	struct region *last = s->n_regions == 0 ? NULL :
	    &s->region[s->n_regions - 1];

	if (last != NULL && last->end == start && last->w == w &&
	    last->x == x) {
		last->end = end;
		return (0);
	}
	if (s->n_regions == REGIONS)
		return (tkvm_fail(err, TKVM_EFILE, "too many segments"));
	s->region[s->n_regions++] = (struct region){start, end, w, x};
	return (0);
}

/*
 * Each page gets its segment's permission. Two segments may meet within a
 * page, which then needs both; that must not make it writable and executable.
 */
static int
image_regions(struct shape *s, struct elf *elf, struct tkvm_err *err)
{
	uint64_t start, end, prev_end = 0;
	struct region *last;
	int r = 0;

	qsort(elf->seg, elf->n, sizeof elf->seg[0], by_start);
	for (unsigned i = 0; i < elf->n && r == 0; i++) {
		const struct elf_segment *g = &elf->seg[i];

		start = num_down(g->start - s->base, TKVM_PAGE);
		end = num_up(g->start - s->base + g->len, TKVM_PAGE);
		if (i > 0 && start < prev_end) {
			last = &s->region[s->n_regions - 1];
			if ((last->w || g->w) && (last->x || g->x))
				return (tkvm_fail(err, TKVM_EFILE, "code and "
				    "writable data share the page 0x%jx; link "
				    "with -z separate-code",
				    (uintmax_t)(s->base + start)));
			last->end -= TKVM_PAGE;
			if (last->end == last->start)
				s->n_regions--;
			r = add_region(s, start, start + TKVM_PAGE,
			    last->w || g->w, last->x || g->x, err);
			start += TKVM_PAGE;
		}
		if (r == 0 && start < end)
			r = add_region(s, start, end, g->w, g->x, err);
		prev_end = end;
	}
	return (r);
}

/* Stack, brk heap and arena, shared memory: one region unless they differ. */
static int
heap_regions(struct shape *s, bool stack_x, struct tkvm_err *err)
{
	const struct tkvm_layout *l = &s->layout;
	uint64_t heap = l->brk_start - s->base, end = l->arena_end - s->base;

	int r;

	r = add_region(s, l->stack_low - s->base, heap, true, stack_x, err);
	if (r == 0)
		r = add_region(s, heap, end, true, l->executable_heap, err);
	if (r == 0 && end < s->size)
		r = add_region(s, end, s->size, true, false, err);
	return (r != 0 ? r : areas_punch(s, err));
}

static int
make_shape(struct shape *s, struct elf *elf, const struct tkvm_boot *boot,
    struct tkvm_err *err)
{
	struct tkvm_layout *l = &s->layout;
	uint64_t space = boot->address_space_bytes;
	uint64_t shared = num_up(boot->shared_bytes, MIB(2)), brk_room;

	memset(s, 0, sizeof *s);
	s->base = elf->base;
	if (boot->cpus > 1)
		s->more_cpus = (boot->cpus < TKVM_CPUS_MAX ? boot->cpus :
		    TKVM_CPUS_MAX) - 1;
	s->size = num_up(space, MIB(2)) + shared;
	l->image_start = elf->start;
	l->image_end = elf->end;
	l->entry = elf->entry;
	l->bias = elf->bias;
	l->stack_low = elf->end + GUARD_BYTES;
	l->stack_top = l->stack_low + STACK_BYTES;
	l->brk_start = l->stack_top;
	brk_room = space / 8 < BRK_MAX ? space / 8 : BRK_MAX;
	l->brk_end = l->arena_start = num_up(l->brk_start + brk_room, MIB(2));
	l->shared_end = s->base + s->size;
	l->arena_end = l->shared_start = l->shared_end - shared;
	if (space > GIB(512) || shared > GIB(512) ||
	    l->arena_start + ARENA_MIN > l->arena_end)
		return (tkvm_fail(err, TKVM_EFILE, "the program needs at least "
		    "%ju MiB of address space but gets %ju; raise max_memory "
		    "or address_space",
		    (uintmax_t)((l->arena_start - s->base + ARENA_MIN) >> 20),
		    (uintmax_t)(space >> 20)));
	if (image_regions(s, elf, err) != 0)
		return (TKVM_EFILE);
	l->executable_heap = boot->executable_heap;
	if (areas_place(s, boot, err) != 0)
		return (TKVM_ECONFIG);
	s->total = s->paging_at + paging_bytes(s);
	tables_describe(s);
	return (heap_regions(s, elf->stack_x, err));
}

int
map_shared(struct tkvm_machine *m, int fd, struct tkvm_err *err)
{
	const struct tkvm_layout *l = &m->shape.layout;
	size_t len = l->shared_end - l->shared_start;

	if (len != 0 && mmap(m->mem + (l->shared_start - m->shape.base), len,
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | MAP_NORESERVE,
	    fd, 0) == MAP_FAILED)
		return (tkvm_fail(err, TKVM_ENOMEM,
		    "cannot map shared memory: %s", strerror(errno)));
	return (0);
}

static int
make_shared(struct tkvm_machine *m, const struct tkvm_image *with,
    struct tkvm_err *err)
{
	const struct tkvm_layout *l = &m->shape.layout;

	if (l->shared_start == l->shared_end)
		return (0);
	if (with != NULL && (l->shared_start !=
	    with->shape.layout.shared_start || l->shared_end !=
	    with->shape.layout.shared_end))
		return (tkvm_fail(err, TKVM_ECONFIG, "its shared memory is not "
		    "where that of its storage program is; link both to the "
		    "same address"));
	if (with != NULL) {
		m->shared_fd = fcntl(with->shared_fd, F_DUPFD_CLOEXEC, 0);
		return (m->shared_fd >= 0 ? 0 : tkvm_fail(err, TKVM_ENOMEM,
		    "cannot share memory: %s", strerror(errno)));
	}
	m->shared_fd = memfd_create("tinykvm-shared", MFD_CLOEXEC);
	if (m->shared_fd < 0 || ftruncate(m->shared_fd,
	    (off_t)(l->shared_end - l->shared_start)) != 0)
		return (tkvm_fail(err, TKVM_ENOMEM,
		    "cannot make shared memory: %s", strerror(errno)));
	return (0);
}

static int
map_memory(struct tkvm_machine *m, const struct tkvm_boot *boot,
    struct tkvm_err *err)
{
	size_t total = m->shape.total;
	int r = make_shared(m, boot->shared_with, err);

	if (r != 0)
		return (r);
	m->memfd = memfd_create("tinykvm", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (m->memfd < 0 || ftruncate(m->memfd, (off_t)total) != 0)
		return (tkvm_fail(err, TKVM_ENOMEM,
		    "cannot make guest memory: %s", strerror(errno)));
	m->mem = mmap(NULL, shape_bytes(&m->shape), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (m->mem == MAP_FAILED) {
		m->mem = NULL;
		return (tkvm_fail(err, TKVM_ENOMEM,
		    "cannot map guest memory: %s", strerror(errno)));
	}
	if (mmap(m->mem, total, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_FIXED | MAP_NORESERVE, m->memfd, 0) == MAP_FAILED)
		return (tkvm_fail(err, TKVM_ENOMEM,
		    "cannot map guest memory: %s", strerror(errno)));
	m->own = m->mem + total;
	return (map_shared(m, m->shared_fd, err));
}

static int
load_segments(struct tkvm_machine *m, const struct elf *elf, const char *file,
    struct tkvm_err *err)
{
	for (unsigned i = 0; i < elf->n; i++) {
		const struct elf_segment *g = &elf->seg[i];
		uint64_t at = g->start - m->shape.base;

		memcpy(m->mem + at, file + g->file_offset, g->file_len);
		if (gmem_mark(m, at, g->file_len) != 0)
			return (tkvm_fail(err, TKVM_ENOMEM,
			    "no memory for the page set of a machine"));
	}
	return (0);
}

static int
load(struct tkvm_machine *m, const struct elf *elf,
    const struct tkvm_boot *boot, struct tkvm_err *err)
{
	struct tkvm_regs regs = {
		.rip = elf->entry, .gs_base = m->shape.base + OFF_RECORD,
	};
	int r;

	r = map_memory(m, boot, err);
	if (r != 0)
		return (r);
	tables_write(&m->shape, m->mem);
	paging_build(&m->shape, m->mem);
	r = load_segments(m, elf, boot->elf, err);
	if (r != 0)
		return (r);
	r = arena_fill(&m->arena, &m->shape, err);
	if (r != 0)
		return (r);
	m->symbols = symbols_new(boot->elf, boot->elf_size,
	    elf->bias);
	r = machine_add_vcpu(m, false, err);
	if (r != 0)
		return (r);
	if (boot->saved != NULL)
		return (machine_restore(m, boot->saved, err));
	r = stack_build(m, elf, boot, &regs.rsp, err);
	if (r != 0)
		return (r);
	machine_enter(m, m->vcpu, 0, &regs);
	if (m->pages.n > m->limit_pages)
		return (tkvm_fail(err, TKVM_EWORKMEM, "the program's file "
		    "alone is larger than its memory; raise max_memory"));
	return (0);
}

int
machine_boot(const struct tkvm_boot *boot, struct tkvm_machine **mp,
    struct tkvm_err *err)
{
	struct tkvm_machine *m;
	struct shape shape;
	struct elf elf;
	int r;

	*mp = NULL;
	r = elf_parse(boot->elf, boot->elf_size, &elf, err);
	if (r != 0)
		return (r);
	r = make_shape(&shape, &elf, boot, err);
	if (r != 0)
		return (r);
	m = machine_alloc(&shape, &boot->calls, err);
	if (m == NULL)
		return (TKVM_ENOMEM);
	m->state = MACHINE_BOOTING;
	m->limit_pages = m->limit_now = boot->max_memory_bytes / TKVM_PAGE;
	r = load(m, &elf, boot, err);
	if (r != 0) {
		tkvm_machine_destroy(&m);
		return (r);
	}
	*mp = m;
	return (0);
}

int
tkvm_machine_boot(const struct tkvm_boot *boot, struct tkvm_machine **mp,
    struct tkvm_err *err)
{
	const struct tkvm_host *host;
	int r;

	*mp = NULL;
	r = tkvm_host_probe(&host, err);
	if (r != 0)
		return (r);
	return (machine_boot(boot, mp, err));
}
