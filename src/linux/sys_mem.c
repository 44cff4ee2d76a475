/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sys_mem.c: mmap, brk and their relatives, over the machine's arena.
 *
 * All guest memory is mapped from the start; these calls keep the books and see
 * to it that new memory is zero. Protections have no effect, but what would be
 * executable is refused, unless settings make it so: only the program's image
 * ever is.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "linux/linux_priv.h"

#define PAGE_MASK ((uint64_t)TKVM_PAGE - 1)

/* Page-align a length; false when it is 0 or leaves the address space. */
static bool
round_length(uint64_t at, uint64_t *len)
{
	uint64_t end;

	if (*len == 0 || *len > USER_END)
		return (false);
	*len = num_up(*len, TKVM_PAGE);
	return (!__builtin_add_overflow(at, *len, &end) && end <= USER_END);
}

/* The part of [at, at+len) inside [low, high); false when there is none. */
static bool
clip(uint64_t *at, uint64_t *len, uint64_t low, uint64_t high)
{
	uint64_t end = *at + *len;

	if (*at < low)
		*at = low;
	if (end > high)
		end = high;
	if (*at >= end)
		return (false);
	*len = end - *at;
	return (true);
}

/*
 * Books that have no room for one more range refuse to take a range back; then
 * the program has lost these pages, and nobody else has.
 */
static void
give_back(struct linux_ctx *c, uint64_t at, uint64_t len)
{
	int lost = tkvm_arena_give(c->m, at, len);

	(void)lost;
}

/*--- brk ------------------------------------------------------------------*/

int64_t
sys_brk(struct linux_ctx *c)
{
	const struct tkvm_layout *l = tkvm_machine_layout(c->m);
	uint64_t *brk = &c->s->vars.brk, old, from, to;

	old = *brk != 0 ? *brk : l->brk_start;
	if (c->a[0] < l->brk_start || c->a[0] > l->brk_end)
		return ((int64_t)old);
	/* The rest of the old last page was the program's already. */
	from = num_up(old, TKVM_PAGE);
	to = num_up(c->a[0], TKVM_PAGE);
	if (to > l->brk_end)
		to = l->brk_end;
	if (to > from && tkvm_zero(c->m, from, to - from) != 0)
		return ((int64_t)old);
	*brk = c->a[0];
	return ((int64_t)*brk);
}

/*--- mmap -----------------------------------------------------------------*/

/* Is there, at an address or anywhere (0), what may be executed? */
static bool
may_execute(struct linux_ctx *c, uint64_t at, uint64_t len)
{
	const struct tkvm_layout *l = tkvm_machine_layout(c->m);
	bool x;

	if (at != 0 && tkvm_machine_area(c->m, at, len, &x))
		return (x);
	return (l->executable_heap && (at == 0 ||
	    num_inside(at, len, l->brk_start, l->arena_end)));
}

struct mapping {
	uint64_t at, len, prot, flags;
	struct file *file;		/* NULL: anonymous */
	int64_t offset;
};

/* Wishes are granted in areas alone, as far as they are free. */
static bool
grant(struct linux_ctx *c, const struct mapping *w)
{
	uint64_t len = w->len;
	bool x;

	return ((w->at & PAGE_MASK) == 0 && round_length(w->at, &len) &&
	    tkvm_machine_area(c->m, w->at, len, &x));
}

static int
check_mapping(struct linux_ctx *c, struct mapping *w)
{
	uint64_t type = w->flags & MAP_TYPE, fd = c->a[4];

	w->offset = (int64_t)c->a[5];
	if (type != MAP_PRIVATE && type != MAP_SHARED &&
	    type != MAP_SHARED_VALIDATE)
		return (-EINVAL);
	if (w->len == 0 || ((uint64_t)w->offset & PAGE_MASK) != 0)
		return (-EINVAL);
	if (!(w->flags & MAP_FIXED) && !grant(c, w))
		w->at = 0;
	if ((w->at & PAGE_MASK) != 0)
		return (-EINVAL);
	if (!round_length(w->at, &w->len))
		return (-ENOMEM);
	if ((w->prot & PROT_EXEC) && !may_execute(c, w->at, w->len))
		return (-EACCES);
	if (w->flags & MAP_HUGETLB)
		return (-ENOMEM);
	if (w->flags & MAP_ANONYMOUS)
		return (0);
	w->file = fds_get(&c->s->fds, fd);
	if (w->file == NULL)
		return (-EBADF);
	if (w->file->kind != FILE_REGULAR)
		return (-ENODEV);
	if (w->offset < 0 || w->offset > INT64_MAX - (int64_t)USER_END)
		return (-EOVERFLOW);
	/* What is written to a copy would silently never reach the file. */
	if ((w->file->flags & O_ACCMODE) == O_WRONLY ||
	    (type != MAP_PRIVATE && (w->prot & PROT_WRITE)))
		return (-EACCES);
	return (0);
}

/* musl puts a guard page over the beginning of its brk heap. */
static bool
inside_brk(struct linux_ctx *c, const struct mapping *w)
{
	const struct tkvm_layout *l = tkvm_machine_layout(c->m);
	uint64_t brk = c->s->vars.brk;

	return (num_inside(w->at, w->len, l->brk_start,
	    num_up(brk, TKVM_PAGE)));
}

/* Zeroed memory for a mapping; its address or -errno. */
static int64_t
place(struct linux_ctx *c, const struct mapping *w)
{
	uint64_t at;

	if (!(w->flags & MAP_FIXED)) {
		if (w->at != 0 &&
		    tkvm_arena_take_free(c->m, w->at, w->len) == 0)
			return ((int64_t)w->at);
		if ((w->prot & PROT_EXEC) && !may_execute(c, 0, w->len))
			return (-ENOMEM);
		at = tkvm_arena_take(c->m, w->len);
		return (at != 0 ? (int64_t)at : -ENOMEM);
	}
	if (inside_brk(c, w) ? tkvm_zero(c->m, w->at, w->len) != 0 :
	    tkvm_arena_take_at(c->m, w->at, w->len) != 0)
		return (-ENOMEM);
	return ((int64_t)w->at);
}

int64_t
sys_mmap(struct linux_ctx *c)
{
	struct mapping w = {
		.at = c->a[0], .len = c->a[1], .prot = c->a[2],
		.flags = (uint32_t)c->a[3],
	};
	uint64_t done = 0;
	int64_t at, n = 0;

	at = check_mapping(c, &w);
	if (at == 0)
		at = place(c, &w);
	if (at < 0 || w.file == NULL)
		return (at);
	while (done < w.len) {
		n = io_read_at(c, w.file, (uint64_t)at + done, w.len - done,
		    w.offset + (int64_t)done);
		if (n <= 0)
			break;
		done += (uint64_t)n;
		if (linux_late(c))
			break;
	}
	if (n >= 0)
		return (at);
	if (!(w.flags & MAP_FIXED))
		give_back(c, (uint64_t)at, w.len);
	return (n);
}

int64_t
sys_munmap(struct linux_ctx *c)
{
	const struct tkvm_layout *l = tkvm_machine_layout(c->m);
	uint64_t at = c->a[0], len = c->a[1];
	bool x;

	if ((at & PAGE_MASK) != 0 || !round_length(at, &len))
		return (-EINVAL);
	if (tkvm_machine_area(c->m, at, len, &x))
		return (tkvm_arena_give(c->m, at, len) != 0 ? -ENOMEM : 0);
	/* Image, stack and brk heap stay where they are. */
	if (!clip(&at, &len, l->arena_start, l->arena_end))
		return (0);
	return (tkvm_arena_give(c->m, at, len) != 0 ? -ENOMEM : 0);
}

/*--- mremap ---------------------------------------------------------------*/

/* Copy to zeroed memory; pages of zeros are left alone, they stay cheap. */
static int
copy_pages(struct linux_ctx *c, uint64_t to, uint64_t from, uint64_t len)
{
	static const char zero[TKVM_PAGE];
	const void *p;

	for (uint64_t n = 0; n < len; n += TKVM_PAGE) {
		if (n % MIB(1) == 0 && linux_late(c))
			return (-EINTR);
		p = tkvm_view(c->m, from + n, TKVM_PAGE);
		if (p == NULL)
			return (-EFAULT);
		if (memcmp(p, zero, TKVM_PAGE) == 0)
			continue;
		if (tkvm_copy_out(c->m, to + n, p, TKVM_PAGE) != 0)
			return (-EFAULT);
	}
	return (0);
}

static int64_t
move_mapping(struct linux_ctx *c, uint64_t old, uint64_t len, uint64_t to,
    uint64_t to_len)
{
	int r = copy_pages(c, to, old, len);

	if (r != 0) {
		give_back(c, to, to_len);
		return (r);
	}
	give_back(c, old, len);
	return ((int64_t)to);
}

static int64_t
grow_mapping(struct linux_ctx *c, uint64_t old, uint64_t len, uint64_t to_len,
    bool may_move)
{
	uint64_t at, more = to_len - len;

	/* First fit: what lies behind is often what is given. */
	at = tkvm_arena_take(c->m, more);
	if (at == old + len)
		return ((int64_t)old);
	if (at != 0)
		give_back(c, at, more);
	if (!may_move)
		return (-ENOMEM);
	at = tkvm_arena_take(c->m, to_len);
	if (at == 0)
		return (-ENOMEM);
	return (move_mapping(c, old, len, at, to_len));
}

int64_t
sys_mremap(struct linux_ctx *c)
{
	const struct tkvm_layout *l = tkvm_machine_layout(c->m);
	uint64_t at = c->a[0], len = c->a[1], to_len = c->a[2];
	uint64_t flags = c->a[3];

	if ((at & PAGE_MASK) != 0 || (flags & ~(uint64_t)MREMAP_MAYMOVE) != 0 ||
	    !round_length(at, &len) || to_len == 0)
		return (-EINVAL);
	if (!round_length(0, &to_len))
		return (-ENOMEM);
	if (!num_inside(at, len, l->arena_start, l->arena_end))
		return (-EFAULT);
	if (to_len > len)
		return (grow_mapping(c, at, len, to_len, flags != 0));
	if (to_len < len &&
	    tkvm_arena_give(c->m, at + to_len, len - to_len) != 0)
		return (-ENOMEM);
	return ((int64_t)at);
}

/*--- advice ---------------------------------------------------------------*/

int64_t
sys_mprotect(struct linux_ctx *c)
{
	const struct tkvm_layout *l = tkvm_machine_layout(c->m);
	uint64_t at = c->a[0], len = c->a[1];
	bool x;

	if ((at & PAGE_MASK) != 0)
		return (-EINVAL);
	if (len == 0)
		return (0);
	if (!round_length(at, &len))
		return (-ENOMEM);
	if ((c->a[2] & PROT_EXEC) &&
	    !num_inside(at, len, num_down(l->image_start, TKVM_PAGE),
	    num_up(l->image_end, TKVM_PAGE)) && !may_execute(c, at, len))
		return (-EACCES);
	if (tkvm_machine_area(c->m, at, len, &x))
		return (0);
	return (num_inside(at, len, num_down(l->image_start, TKVM_PAGE),
	    l->arena_end) ? 0 : -ENOMEM);
}

#define ADVICE_MAX 25		/* MADV_COLLAPSE; then two for machine checks */

int64_t
sys_madvise(struct linux_ctx *c)
{
	const struct tkvm_layout *l = tkvm_machine_layout(c->m);
	uint64_t at = c->a[0], len = c->a[1], advice = (uint32_t)c->a[2];

	if ((at & PAGE_MASK) != 0 || advice > ADVICE_MAX)
		return (-EINVAL);
	if (len == 0)
		return (0);
	if (!round_length(at, &len))
		return (-EINVAL);
	if (advice != MADV_DONTNEED)
		return (0);
	/* Image pages would have to come back from the file. */
	if (at < l->stack_low)
		return (-EINVAL);
	return (tkvm_zero(c->m, at, len) != 0 ? -ENOMEM : 0);
}

int64_t
sys_msync(struct linux_ctx *c)
{
	return ((c->a[0] & PAGE_MASK) != 0 ? -EINVAL : 0);
}
