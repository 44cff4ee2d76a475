/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * enter.c: where the next run of a fork begins. Every way in leads through the
 * entry stub (stubs.S), which restores the extended state; it takes RAX, RDX
 * and the target from the record page and finds all other registers loaded.
 */
#include <string.h>

#include "machine/machine_priv.h"

#define SPARE_PAGES 256

void
tkvm_machine_spare(struct tkvm_machine *m)
{
	uint64_t used = m->pages.n - m->pages.n_before + m->owned_before;

	if (used + SPARE_PAGES > m->limit_now)
		m->limit_now = used + SPARE_PAGES;
}

void
machine_enter(struct tkvm_machine *m, struct vcpu *v, unsigned cpu,
    const struct tkvm_regs *want)
{
	char *rec = m->own + cpu * OWN_BYTES + TKVM_PAGE;
	struct tkvm_regs *regs = vcpu_regs(v);

	if (cpu == 0)
		time_tell(m);
	memcpy(rec + REC_RAX, &want->rax, sizeof want->rax);
	memcpy(rec + REC_RDX, &want->rdx, sizeof want->rdx);
	memcpy(rec + REC_RIP, &want->rip, sizeof want->rip);
	memcpy(rec + REC_FS, &want->fs_base, sizeof want->fs_base);
	memcpy(rec + REC_GS, &want->gs_base, sizeof want->gs_base);
	*regs = *want;
	regs->rip = cpu == 0 ? m->shape.base + OFF_USER_STUBS :
	    tables_cpu_stub(&m->shape);
	/* Load segment registers, too: user mode can change DS and ES. */
	vcpu_forget(v);
}

static void
enter(struct tkvm_machine *m, const struct tkvm_regs *want)
{
	machine_enter(m, m->vcpu, 0, want);
	m->push_sp = 0;
	m->asked = m->answered = false;
}

static uint64_t
call_stack(const struct tkvm_machine *m)
{
	uint64_t sp = m->stack != 0 ? m->stack : m->image->regs.rsp;

	/* Below the red zone of the program that waits. */
	return (m->push_sp != 0 ? m->push_sp : num_down(sp - 128, 16));
}

void
tkvm_machine_keep_stack(struct tkvm_machine *m)
{
	ASSERT(m->state == MACHINE_FORK);
	m->stack = vcpu_regs(m->vcpu)->rsp;
}

uint64_t
tkvm_machine_push(struct tkvm_machine *m, const void *data, size_t len)
{
	uint64_t sp = call_stack(m), size;

	ASSERT(m->state == MACHINE_FORK);
	if (__builtin_add_overflow((uint64_t)len, 1, &size) || size > sp)
		return (0);
	sp = num_down(sp - size, 8);
	if (tkvm_copy_out(m, sp, data, len) != 0 ||
	    tkvm_copy_out(m, sp + len, "", 1) != 0)
		return (0);
	m->push_sp = sp;
	return (sp);
}

int
tkvm_machine_call(struct tkvm_machine *m, uint64_t function,
    const uint64_t arg[6], struct tkvm_err *err)
{
	uint64_t back = tables_return_stub(&m->shape);
	struct tkvm_regs regs = {
		.rdi = arg[0], .rsi = arg[1], .rdx = arg[2], .rcx = arg[3],
		.r8 = arg[4], .r9 = arg[5], .rip = function,
		.fs_base = m->image->regs.fs_base,
		.gs_base = m->image->regs.gs_base,
	};

	ASSERT(m->state == MACHINE_FORK);
	/* As after a call instruction: (RSP + 8) is a multiple of 16. */
	regs.rsp = num_down(call_stack(m), 16) - 8;
	if (tkvm_copy_out(m, regs.rsp, &back, sizeof back) != 0)
		return (tkvm_fail(err, TKVM_EGUEST,
		    "no stack left to call 0x%jx", (uintmax_t)function));
	enter(m, &regs);
	return (0);
}

int
tkvm_machine_ask(struct tkvm_machine *m, uint64_t function,
    const uint64_t arg[6], struct tkvm_err *err)
{
	int r = tkvm_machine_call(m, function, arg, err);

	m->asked = r == 0;
	return (r);
}

bool
tkvm_machine_value(const struct tkvm_machine *m, uint64_t value[2])
{
	if (m->answered) {
		value[0] = m->value[0];
		value[1] = m->value[1];
	}
	return (m->answered);
}

void
tkvm_machine_continue(struct tkvm_machine *m, uint64_t rax)
{
	ASSERT(m->state == MACHINE_BOOTING || m->state == MACHINE_FORK);
	/* The exit has left the registers behind the instruction. */
	vcpu_regs(m->vcpu)->rax = rax;
	vcpu_dirty(m->vcpu);
}

void
tkvm_machine_resume(struct tkvm_machine *m)
{
	ASSERT(m->state == MACHINE_FORK);
	enter(m, &m->image->regs);
}
