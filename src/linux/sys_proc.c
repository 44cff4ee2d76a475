/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sys_proc.c: the program's end, its thread register, its locks.
 *
 * There is one thread, so a lock that is held will not be released by anyone
 * else: waiting for it without a timeout forces it open instead of hanging.
 * Programs that were frozen with a lock held depend on that.
 */
#include <asm/prctl.h>
#include <errno.h>
#include <linux/futex.h>
#include <time.h>

#include "linux/linux_priv.h"

#define ROBUST_HEAD_BYTES 24

int64_t
sys_exit(struct linux_ctx *c)
{
	linux_stop(c, (int)(c->a[0] & 0xff));
	return (0);
}

int64_t
sys_exit_group(struct linux_ctx *c)
{
	return (sys_exit(c));
}

int64_t
sys_arch_prctl(struct linux_ctx *c)
{
	const struct tkvm_regs *r = tkvm_machine_regs(c->m);
	uint64_t addr = c->a[1];
	const uint64_t *base = &r->fs_base;

	switch ((uint32_t)c->a[0]) {
	case ARCH_SET_FS:
		if (addr >= USER_END)
			return (-EPERM);
		tkvm_machine_set_fs(c->m, addr);
		return (0);
	case ARCH_SET_GS:	/* the machine's record is there */
		return (-EPERM);
	case ARCH_GET_GS:
		base = &r->gs_base;
		/* fall through */
	case ARCH_GET_FS:
		return (tkvm_copy_out(c->m, addr, base, sizeof *base) != 0 ?
		    -EFAULT : 0);
	default:
		return (-EINVAL);
	}
}

int64_t
sys_set_tid_address(struct linux_ctx *c)
{
	/* The word is cleared for whoever joins the thread: nobody. */
	return (sys_gettid(c));
}

int64_t
sys_set_robust_list(struct linux_ctx *c)
{
	return (c->a[1] == ROBUST_HEAD_BYTES ? 0 : -EINVAL);
}

int64_t
sys_rseq(struct linux_ctx *c)
{
	(void)c;
	return (-ENOSYS);	/* both C libraries go on without */
}

/*--- futex ----------------------------------------------------------------*/

static int
word_get(struct linux_ctx *c, uint32_t *word)
{
	if (c->a[0] % sizeof *word != 0)
		return (-EINVAL);
	return (tkvm_copy_in(c->m, word, c->a[0], sizeof *word) != 0 ?
	    -EFAULT : 0);
}

/* FUTEX_WAIT counts from now; FUTEX_WAIT_BITSET names an instant. */
static int
wait_until(struct linux_ctx *c, uint64_t op, uint64_t *until_ns)
{
	uint64_t ns;
	int r = time_get(c, c->a[3], &ns);

	if (r != 0)
		return (r);
	if ((op & FUTEX_CMD_MASK) == FUTEX_WAIT) {
		*until_ns = time_after(ns);
		return (0);
	}
	return (time_on_clock(op & FUTEX_CLOCK_REALTIME ? CLOCK_REALTIME :
	    CLOCK_MONOTONIC, ns, until_ns));
}

static int64_t
futex_wait(struct linux_ctx *c, uint64_t op)
{
	const uint32_t open = 0;
	uint64_t until_ns;
	uint32_t word;
	int r;

	r = word_get(c, &word);
	if (r != 0)
		return (r);
	if (word != (uint32_t)c->a[2])
		return (-EAGAIN);
	if (c->a[3] == 0)
		return (tkvm_copy_out(c->m, c->a[0], &open, sizeof open) != 0 ?
		    -EFAULT : 0);
	r = wait_until(c, op, &until_ns);
	if (r == 0)
		r = time_sleep_until(c, until_ns);
	return (r != 0 ? r : -ETIMEDOUT);
}

static int64_t
futex_wake(struct linux_ctx *c, bool compare)
{
	uint32_t word;
	int r = word_get(c, &word);

	if (r == 0 && compare && word != (uint32_t)c->a[5])
		r = -EAGAIN;
	return (r);		/* nobody waits: none woken */
}

int64_t
sys_futex(struct linux_ctx *c)
{
	uint64_t op = (uint32_t)c->a[1];

	switch (op & FUTEX_CMD_MASK) {
	case FUTEX_WAIT:
		return (futex_wait(c, op));
	case FUTEX_WAIT_BITSET:
		return ((uint32_t)c->a[5] == 0 ? -EINVAL : futex_wait(c, op));
	case FUTEX_WAKE:
	case FUTEX_WAKE_BITSET:
	case FUTEX_REQUEUE:
		return (futex_wake(c, false));
	case FUTEX_CMP_REQUEUE:
		return (futex_wake(c, true));
	default:
		return (-ENOSYS);
	}
}
