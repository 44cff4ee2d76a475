/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sys_signal.c: the books of signals. The only ones are those that the program
 * sends itself: abort(), raise(). One that is fatal by default ends the program
 * with status 128 + number; handlers are recorded but not run, so one that has
 * a handler does nothing; blocked ones wait until they are unblocked.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "linux/linux_priv.h"

_Static_assert(sizeof(struct sig_action) == 32, "struct sigaction of Linux");
_Static_assert(sizeof(struct sig_stack) == 24, "stack_t of Linux");

#define BIT(sig) (1ull << ((sig) - 1))
#define SET_BYTES 8
#define UNBLOCKABLE (BIT(SIGKILL) | BIT(SIGSTOP))
/* Nothing happens by default; stopping is meaningless to a single program. */
#define HARMLESS (BIT(SIGCHLD) | BIT(SIGCONT) | BIT(SIGURG) | \
    BIT(SIGWINCH) | BIT(SIGSTOP) | BIT(SIGTSTP) | BIT(SIGTTIN) | BIT(SIGTTOU))

void
signal_raise(struct linux_ctx *c, unsigned sig)
{
	struct linux_state *s = c->s;

	ASSERT(sig >= 1 && sig <= SIGNALS);
	if (s->vars.blocked & BIT(sig)) {
		s->vars.pending |= BIT(sig);
		return;
	}
	s->vars.pending &= ~BIT(sig);
	if (s->action[sig - 1].handler == (uint64_t)(uintptr_t)SIG_DFL &&
	    !(HARMLESS & BIT(sig)))
		linux_stop(c, 128 + (int)sig);
}

int64_t
sys_rt_sigaction(struct linux_ctx *c)
{
	uint32_t sig = (uint32_t)c->a[0];
	struct sig_action *a, new;

	if (c->a[3] != SET_BYTES || sig < 1 || sig > SIGNALS)
		return (-EINVAL);
	if (c->a[1] != 0) {
		if (UNBLOCKABLE & BIT(sig))
			return (-EINVAL);
		if (tkvm_copy_in(c->m, &new, c->a[1], sizeof new) != 0)
			return (-EFAULT);
	}
	a = &c->s->action[sig - 1];
	if (c->a[2] != 0 && tkvm_copy_out(c->m, c->a[2], a, sizeof *a) != 0)
		return (-EFAULT);
	if (c->a[1] != 0) {
		new.mask &= ~UNBLOCKABLE;
		*a = new;
		c->s->action_changed = true;
	}
	return (0);
}

static int
mask_changed(uint32_t how, uint64_t set, uint64_t *mask)
{
	set &= ~UNBLOCKABLE;
	switch (how) {
	case SIG_BLOCK:
		*mask |= set;
		return (0);
	case SIG_UNBLOCK:
		*mask &= ~set;
		return (0);
	case SIG_SETMASK:
		*mask = set;
		return (0);
	default:
		return (-EINVAL);
	}
}

int64_t
sys_rt_sigprocmask(struct linux_ctx *c)
{
	struct vars *v = &c->s->vars;
	uint64_t old = v->blocked, mask = old, set;

	if (c->a[3] != SET_BYTES)
		return (-EINVAL);
	if (c->a[1] != 0) {
		if (tkvm_copy_in(c->m, &set, c->a[1], sizeof set) != 0)
			return (-EFAULT);
		if (mask_changed((uint32_t)c->a[0], set, &mask) != 0)
			return (-EINVAL);
	}
	if (c->a[2] != 0 &&
	    tkvm_copy_out(c->m, c->a[2], &old, sizeof old) != 0)
		return (-EFAULT);
	v->blocked = mask;
	for (unsigned sig = 1; sig <= SIGNALS; sig++)
		if ((v->pending & ~mask & BIT(sig)) && c->next == TKVM_RESUME)
			signal_raise(c, sig);
	return (0);
}

int64_t
sys_rt_sigpending(struct linux_ctx *c)
{
	const uint64_t *pending = &c->s->vars.pending;

	if (c->a[1] > SET_BYTES)
		return (-EINVAL);
	return (tkvm_copy_out(c->m, c->a[0], pending, c->a[1]) != 0 ? -EFAULT :
	    0);
}

#define STACK_MIN 2048		/* MINSIGSTKSZ of x86-64 */
#define STACK_AUTODISARM (1u << 31)

int64_t
sys_sigaltstack(struct linux_ctx *c)
{
	struct sig_stack *alt = &c->s->vars.alt, new = *alt;
	uint32_t mode;

	if (c->a[0] != 0) {
		if (tkvm_copy_in(c->m, &new, c->a[0], sizeof new) != 0)
			return (-EFAULT);
		mode = (uint32_t)new.flags & ~STACK_AUTODISARM;
		if (mode != 0 && mode != SS_DISABLE && mode != SS_ONSTACK)
			return (-EINVAL);
		if (mode != SS_DISABLE && new.size < STACK_MIN)
			return (-ENOMEM);
		if (mode == SS_DISABLE)
			new.sp = new.size = 0;
		new.unused = 0;
	}
	if (c->a[1] != 0 &&
	    tkvm_copy_out(c->m, c->a[1], alt, sizeof *alt) != 0)
		return (-EFAULT);
	*alt = new;
	return (0);
}

/*--- sending --------------------------------------------------------------*/

static int64_t
send_self(struct linux_ctx *c, uint64_t sig)
{
	sig = (uint32_t)sig;
	if (sig > SIGNALS)
		return (-EINVAL);
	if (sig != 0)
		signal_raise(c, (unsigned)sig);
	return (0);
}

int64_t
sys_kill(struct linux_ctx *c)
{
	int32_t pid = (int32_t)c->a[0];

	if (pid != LINUX_OWN_ID && pid != -LINUX_OWN_ID && pid != 0)
		return (-ESRCH);
	return (send_self(c, c->a[1]));
}

int64_t
sys_tkill(struct linux_ctx *c)
{
	int32_t tid = (int32_t)c->a[0];

	if (tid <= 0)
		return (-EINVAL);
	return (tid != LINUX_OWN_ID ? -ESRCH : send_self(c, c->a[1]));
}

int64_t
sys_tgkill(struct linux_ctx *c)
{
	int32_t pid = (int32_t)c->a[0], tid = (int32_t)c->a[1];

	if (pid <= 0 || tid <= 0)
		return (-EINVAL);
	return (pid != LINUX_OWN_ID || tid != LINUX_OWN_ID ? -ESRCH :
	    send_self(c, c->a[2]));
}
