/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * linux_fake.h: a machine of plain memory, to test src/linux without KVM. It
 * stands in for src/machine: the linker takes these functions and leaves the
 * real ones in the library.
 */
#ifndef LINUX_FAKE_H
#define LINUX_FAKE_H

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "linux/linux.h"
#include "test.h"

#define FAKE_IMAGE 0x200000u
#define FAKE_IMAGE_END 0x204000u	/* read-only */
#define FAKE_STACK 0x210000u		/* nothing is mapped below it */
#define FAKE_BRK 0x220000u
#define FAKE_ARENA 0x240000u
#define FAKE_END 0x440000u
#define FAKE_PAGES ((FAKE_END - FAKE_ARENA) / TKVM_PAGE)

/* Handy places for arguments, inside the stack. */
#define AT0 (FAKE_STACK + 0x0000u)
#define AT1 (FAKE_STACK + 0x2000u)
#define AT2 (FAKE_STACK + 0x4000u)
#define BAD ((uint64_t)FAKE_STACK - 8)	/* unmapped */
#define READ_ONLY ((uint64_t)FAKE_IMAGE)

struct tkvm_machine {
	char *mem;			/* [FAKE_IMAGE, FAKE_END) */
	bool taken[FAKE_PAGES];
	bool booting;
	uint64_t deadline_ns;
	struct tkvm_regs regs;
	uint64_t area;			/* it begins here; 0: there is none */
	bool area_x;
	unsigned told;			/* its clocks */
};

static struct tkvm_machine fake;
static char fake_out[1 << 17];		/* what rules->output got */
static size_t fake_out_len;
static unsigned fake_out_calls, fake_unknown;

static struct tkvm_layout fake_layout = {
	.image_start = FAKE_IMAGE, .image_end = FAKE_IMAGE_END,
	.stack_low = FAKE_STACK, .stack_top = FAKE_BRK,
	.brk_start = FAKE_BRK, .brk_end = FAKE_ARENA,
	.arena_start = FAKE_ARENA, .arena_end = FAKE_END,
};

static bool
fake_inside(uint64_t at, uint64_t len, uint64_t low, uint64_t high)
{
	return (at >= low && at <= high && len <= high - at);
}

const void *
tkvm_view(const struct tkvm_machine *m, uint64_t gva, uint64_t len)
{
	if (!fake_inside(gva, len, FAKE_IMAGE, FAKE_IMAGE_END) &&
	    !fake_inside(gva, len, FAKE_STACK, FAKE_END))
		return (NULL);
	return (m->mem + (gva - FAKE_IMAGE));
}

void *
tkvm_view_write(struct tkvm_machine *m, uint64_t gva, uint64_t len)
{
	if (!fake_inside(gva, len, FAKE_STACK, FAKE_END))
		return (NULL);
	return (m->mem + (gva - FAKE_IMAGE));
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

void
tkvm_machine_tell_time(struct tkvm_machine *m)
{
	m->told++;
}

ssize_t
tkvm_copy_in_str(const struct tkvm_machine *m, char *dst, uint64_t gva,
    size_t size)
{
	for (size_t n = 0; n < size; n++) {
		if (tkvm_copy_in(m, dst + n, gva + n, 1) != 0)
			return (-1);
		if (dst[n] == '\0')
			return ((ssize_t)n);
	}
	return (-2);
}

int
tkvm_zero(struct tkvm_machine *m, uint64_t gva, uint64_t len)
{
	void *p;

	if (len == 0)
		return (0);
	p = tkvm_view_write(m, gva, len);
	if (p == NULL)
		return (-1);
	memset(p, 0, len);
	return (0);
}

const struct tkvm_layout *
tkvm_machine_layout(const struct tkvm_machine *m)
{
	(void)m;
	return (&fake_layout);
}

uint64_t
tkvm_machine_deadline(const struct tkvm_machine *m)
{
	return (m->deadline_ns);
}

const struct tkvm_regs *
tkvm_machine_regs(const struct tkvm_machine *m)
{
	return (&m->regs);
}

void
tkvm_machine_set_fs(struct tkvm_machine *m, uint64_t base)
{
	m->regs.fs_base = base;
}

bool
tkvm_machine_booting(const struct tkvm_machine *m)
{
	return (m->booting);
}

static void
fake_mark(struct tkvm_machine *m, uint64_t gva, uint64_t len, bool taken)
{
	for (uint64_t i = 0; i < len; i += TKVM_PAGE)
		m->taken[(gva + i - FAKE_ARENA) / TKVM_PAGE] = taken;
}

uint64_t
tkvm_arena_take(struct tkvm_machine *m, uint64_t len)
{
	uint64_t pages, run = 0, at;

	if (len == 0 || len > FAKE_END - FAKE_ARENA)
		return (0);
	pages = (len + TKVM_PAGE - 1) / TKVM_PAGE;
	for (uint64_t i = 0; i < FAKE_PAGES; i++) {
		run = m->taken[i] ? 0 : run + 1;
		if (run < pages)
			continue;
		at = FAKE_ARENA + (i + 1 - pages) * TKVM_PAGE;
		fake_mark(m, at, pages * TKVM_PAGE, true);
		return (tkvm_zero(m, at, pages * TKVM_PAGE) == 0 ? at : 0);
	}
	return (0);
}

static bool
fake_arena_range(uint64_t gva, uint64_t len)
{
	return (((gva | len) & (TKVM_PAGE - 1)) == 0 && len != 0 &&
	    fake_inside(gva, len, FAKE_ARENA, FAKE_END));
}

int
tkvm_arena_take_at(struct tkvm_machine *m, uint64_t gva, uint64_t len)
{
	if (!fake_arena_range(gva, len))
		return (-1);
	fake_mark(m, gva, len, true);
	return (tkvm_zero(m, gva, len));
}

int
tkvm_arena_give(struct tkvm_machine *m, uint64_t gva, uint64_t len)
{
	if (!fake_arena_range(gva, len))
		return (-1);
	fake_mark(m, gva, len, false);
	return (0);
}

int
tkvm_arena_take_free(struct tkvm_machine *m, uint64_t gva, uint64_t len)
{
	if (!fake_arena_range(gva, len))
		return (-1);
	for (uint64_t at = gva; at < gva + len; at += TKVM_PAGE)
		if (m->taken[(at - FAKE_ARENA) / TKVM_PAGE])
			return (-1);
	return (tkvm_arena_take_at(m, gva, len));
}

/* The last pages of the arena, when a test wants one. */
bool
tkvm_machine_area(const struct tkvm_machine *m, uint64_t gva, uint64_t len,
    bool *executable)
{
	*executable = m->area_x;
	return (m->area != 0 && gva >= m->area && gva < FAKE_END &&
	    len <= FAKE_END - gva);
}

/*--- tools of the tests ---------------------------------------------------*/

static inline void
fake_output(void *priv, int fd, const void *data, size_t len)
{
	(void)priv;
	(void)fd;
	fake_out_calls++;
	if (len < sizeof fake_out - fake_out_len) {
		memcpy(fake_out + fake_out_len, data, len);
		fake_out_len += len;
		fake_out[fake_out_len] = '\0';
	}
}

static inline void
fake_count_unknown(void *priv, uint32_t number)
{
	(void)priv;
	(void)number;
	fake_unknown++;
}

/* A fresh machine that boots; its memory is zero. */
static inline void
fake_start(void)
{
	if (fake.mem == NULL)
		fake.mem = malloc(FAKE_END - FAKE_IMAGE);
	if (fake.mem == NULL)
		abort();
	memset(fake.mem, 0, FAKE_END - FAKE_IMAGE);
	memset(fake.taken, 0, sizeof fake.taken);
	memset(&fake.regs, 0, sizeof fake.regs);
	fake.booting = true;
	fake.deadline_ns = UINT64_MAX;
	fake_out_len = 0;
	fake_out[0] = '\0';
	fake_out_calls = fake_unknown = 0;
}

static enum tkvm_next fake_next;	/* of the last call */

static inline int64_t
fake_call(struct linux_state *s, uint32_t number, uint64_t a0, uint64_t a1,
    uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5)
{
	struct tkvm_call call = {
		.number = number, .arg = {a0, a1, a2, a3, a4, a5},
		.ret = number,
	};
	struct tkvm_err err;

	fake_next = linux_call(s, &fake, &call, &err);
	return ((int64_t)call.ret);
}

#define CALL6(s, nr, a, b, c, d, e, f, ...) \
	fake_call(s, nr, (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), \
	    (uint64_t)(d), (uint64_t)(e), (uint64_t)(f))
/* SYS(s, number, up to six arguments) */
#define SYS(s, ...) CALL6(s, __VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)

static inline uint64_t
put_str(uint64_t gva, const char *text)
{
	if (tkvm_copy_out(&fake, gva, text, strlen(text) + 1) != 0)
		abort();
	return (gva);
}

static inline void
put_bytes(uint64_t gva, const void *data, size_t len)
{
	if (tkvm_copy_out(&fake, gva, data, len) != 0)
		abort();
}

static inline void
get_bytes(void *data, uint64_t gva, size_t len)
{
	if (tkvm_copy_in(&fake, data, gva, len) != 0)
		abort();
}

static char temp_made[128];

static void
temp_remove(void)
{
	char command[256];

	snprintf(command, sizeof command, "rm -rf '%s'", temp_made);
	if (system(command) != 0)
		fprintf(stderr, "cannot remove %s\n", temp_made);
}

/* One directory for the whole process, removed at its end. */
static inline void
temp_dir(char *path, size_t size)
{
	strcpy(temp_made, "/tmp/linux_test_XXXXXX");
	if (mkdtemp(temp_made) == NULL || strlen(temp_made) >= size)
		abort();
	strcpy(path, temp_made);
	atexit(temp_remove);
}

static inline void
make_file(const char *name, const char *text)
{
	FILE *f = fopen(name, "w");

	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0)
		abort();
}

/* Descriptors open in this process: the leak test. */
static inline unsigned
host_fds(void)
{
	unsigned n = 0;

	for (int i = 0; i < 1024; i++)
		n += fcntl(i, F_GETFD) >= 0;
	return (n);
}

#endif
