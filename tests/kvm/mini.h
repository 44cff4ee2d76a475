/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mini.h: just enough of Linux and of the call interface to boot a static
 * program, for tests of the machine alone.
 */
#ifndef MINI_H
#define MINI_H

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "test.h"
#include "tinykvm/host.h"
#include "tinykvm/machine.h"

#define MINI_CALLBACKS 16
struct mini {
	uint64_t callback[MINI_CALLBACKS];
	uint64_t brk;
	uint32_t last;		/* call that stopped it */
	char *elf;
	size_t elf_size;
	struct tkvm_machine *boot;
	struct tkvm_image *image;
	struct tkvm_machine *fork;
};

static inline enum tkvm_next
mini_linux(void *state, struct tkvm_machine *m, struct tkvm_call *c,
    struct tkvm_err *err)
{
	struct mini *mini = state;
	void *p;

	switch (c->number) {
	case 12:	/* brk */
		if (mini->brk == 0)
			mini->brk = tkvm_machine_layout(m)->brk_start;
		if (c->arg[0] != 0)
			mini->brk = c->arg[0];
		c->ret = mini->brk;
		return (TKVM_RESUME);
	case 158:	/* arch_prctl(ARCH_SET_FS) */
		tkvm_machine_set_fs(m, c->arg[1]);
		c->ret = 0;
		return (TKVM_RESUME);
	case 9:		/* mmap */
		c->ret = tkvm_arena_take(m, c->arg[1]);
		return (TKVM_RESUME);
	case 10:	/* mprotect */
		c->ret = 0;
		return (TKVM_RESUME);
	case 318:	/* getrandom */
		p = tkvm_view_write(m, c->arg[0], c->arg[1]);
		if (p != NULL)
			memset(p, 4, c->arg[1]);
		c->ret = c->arg[1];
		return (TKVM_RESUME);
	case 231:	/* exit_group */
		(void)tkvm_fail(err, TKVM_EGUEST, "exit %d", (int)c->arg[0]);
		return (TKVM_ABORT);
	default:
		c->ret = (uint64_t)-ENOSYS;
		return (TKVM_RESUME);
	}
}

static inline enum tkvm_next
mini_call(void *state, struct tkvm_machine *m, struct tkvm_call *c,
    struct tkvm_err *err)
{
	struct mini *mini = state;

	(void)m;
	(void)err;
	if (c->number == 0x10000 && c->arg[0] < MINI_CALLBACKS) {
		mini->callback[c->arg[0]] = c->arg[1];
		return (TKVM_RESUME);
	}
	mini->last = c->number;
	return (TKVM_STOP);
}

static inline struct tkvm_calls
mini_calls(struct mini *mini)
{
	return ((struct tkvm_calls){mini_linux, mini, mini_call, mini});
}

static inline uint64_t
mini_soon(void)
{
	return (tkvm_now_ns() + 20000000000u);
}

static inline int
mini_read(struct mini *mini, const char *path, struct tkvm_err *err)
{
	int fd = open(path, O_RDONLY);
	off_t n = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);

	if (n <= 0)
		return (tkvm_fail(err, TKVM_EFILE, "cannot read %s", path));
	mini->elf = malloc((size_t)n);
	mini->elf_size = (size_t)pread(fd, mini->elf, (size_t)n, 0);
	(void)close(fd);
	return (0);
}

/* Boot a program until it waits, freeze it, make one fork. */
static inline int
mini_start(struct mini *mini, const char *path, uint64_t space,
    uint64_t limit, struct tkvm_err *err)
{
	static const char *const argv[] = {"test", NULL};
	static const char *const envp[] = {"KVM_NAME=test", NULL};
	struct tkvm_calls calls = mini_calls(mini);
	struct tkvm_boot boot = {
		.argv = argv, .envp = envp, .address_space_bytes = space,
		.max_memory_bytes = space, .calls = calls,
	};
	int r;

	memset(mini, 0, sizeof *mini);
	r = mini_read(mini, path, err);
	boot.elf = mini->elf;
	boot.elf_size = mini->elf_size;
	if (r == 0)
		r = tkvm_machine_boot(&boot, &mini->boot, err);
	if (r == 0)
		r = tkvm_machine_run(mini->boot, mini_soon(), err);
	if (r == 0)
		r = tkvm_machine_freeze(mini->boot, &mini->image, err);
	if (r == 0)
		r = tkvm_machine_fork(mini->image, &calls, 1, limit,
		    &mini->fork, err);
	return (r);
}

static inline void
mini_stop(struct mini *mini)
{
	tkvm_machine_destroy(&mini->fork);
	tkvm_machine_destroy(&mini->boot);
	tkvm_image_destroy(&mini->image);
	free(mini->elf);
}

/* Call call-back id with up to two arguments; 0 or the error's code. */
static inline int
mini_enter(struct mini *mini, struct tkvm_machine *m, unsigned id,
    uint64_t a, uint64_t b, uint64_t deadline, struct tkvm_err *err)
{
	const uint64_t arg[6] = {a, b};
	int r = tkvm_machine_call(m, mini->callback[id], arg, err);

	return (r != 0 ? r : tkvm_machine_run(m, deadline, err));
}

#define NEED_KVM() do { \
	static struct tkvm_err skip_; \
	const struct tkvm_host *host_; \
	if (tkvm_host_probe(&host_, &skip_) != 0) \
		SKIP(skip_.text); \
} while (0)

#endif
