/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trap.c: what an exception of the guest means: a call that this host delivers
 * as a fault, an instruction to skip, or the end of the request.
 */
#include <stdio.h>
#include <string.h>

#include "machine/machine_priv.h"

#define VECTOR_GP 13
#define VECTOR_PF 14
#define PF_PRESENT 1u
#define PF_WRITE 2u
#define PF_FETCH 16u

#define VSYSCALL_PAGE 0xffffffffff600000u

static const char *const vector_names[32] = {
	[0] = "division by zero",
	[1] = "debug exception",
	[2] = "non-maskable interrupt",
	[3] = "breakpoint",
	[4] = "overflow trap",
	[5] = "bound range exceeded",
	[6] = "invalid opcode",
	[7] = "device not available",
	[8] = "double fault",
	[10] = "invalid TSS",
	[11] = "segment not present",
	[12] = "stack segment fault",
	[13] = "general protection fault",
	[14] = "page fault",
	[16] = "x87 floating-point exception",
	[17] = "misaligned access",
	[18] = "machine check",
	[19] = "SIMD floating-point exception",
	[21] = "control protection exception",
};

/* AMD64 volume 3, IN, OUT, INS and OUTS: e4-e7 with a byte, ec-ef, 6c-6f. */
unsigned
trap_io_length(const uint8_t *code, unsigned len, bool *is_call)
{
	unsigned i = 0;

	*is_call = len >= 2 && code[0] == 0xe7 && code[1] == 0;
	/* Operand size, repetition, REX. */
	while (i < len && i < 4 && (code[i] == 0x66 || code[i] == 0xf2 ||
	    code[i] == 0xf3 || (code[i] & 0xf0) == 0x40))
		i++;
	if (i == len)
		return (0);
	if (code[i] >= 0xe4 && code[i] <= 0xe7)
		return (i + 2 <= len ? i + 2 : 0);
	if ((code[i] >= 0xec && code[i] <= 0xef) ||
	    (code[i] >= 0x6c && code[i] <= 0x6f))
		return (i + 1);
	return (0);
}

/*
 * Instructions may end at the last byte of a mapping: read only that far.
 */
static unsigned
read_code(const struct tkvm_machine *m, uint64_t rip, uint8_t *code,
    unsigned size)
{
	unsigned n = TKVM_PAGE - (rip & (TKVM_PAGE - 1));

	if (n > size)
		n = size;
	if (tkvm_copy_in(m, code, rip, n) != 0)
		return (0);
	if (n < size && tkvm_copy_in(m, code + n, rip + n, size - n) == 0)
		n = size;
	return (n);
}

/* The three entries of the old vsyscall page, 1 KiB apart. */
static bool
is_vsyscall(uint64_t rip, uint32_t *number)
{
	static const uint32_t numbers[] = {96, 201, 309};
	uint64_t at = rip - VSYSCALL_PAGE;

	if (at % 1024 != 0 || at / 1024 >= 3)
		return (false);
	*number = numbers[at / 1024];
	return (true);
}

enum trap_kind
trap_decode(struct tkvm_machine *m, struct tkvm_regs *regs,
    const struct vcpu_exit *e, uint32_t *vsyscall)
{
	uint8_t code[8];
	unsigned len;
	bool is_call;

	if (e->vector == VECTOR_PF && e->address == regs->rip &&
	    is_vsyscall(regs->rip, vsyscall))
		return (TRAP_VSYSCALL);
	if (e->vector != VECTOR_GP || e->error != 0)
		return (TRAP_FATAL);
	/* The return stub is in no region, but also a call. */
	if (regs->rip == tables_return_out(&m->shape)) {
		regs->rip += 2;
		return (TRAP_CALL);
	}
	len = read_code(m, regs->rip, code, sizeof code);
	len = trap_io_length(code, len, &is_call);
	if (len == 0)
		return (TRAP_FATAL);
	regs->rip += len;
	return (is_call ? TRAP_CALL : TRAP_SKIP);
}

static const char *
where(const struct tkvm_machine *m, uint64_t address)
{
	const struct tkvm_layout *l = &m->shape.layout;

	if (address < TKVM_PAGE)
		return (" (a null pointer)");
	if (address >= l->stack_low - GUARD_BYTES && address < l->stack_low)
		return (" (stack overflow)");
	if (gmem_find(m, address, 1) == UINT64_MAX &&
	    (address >= l->arena_end || address < l->image_start))
		return (" (outside its memory)");
	return ("");
}

int
trap_describe(struct tkvm_machine *m, const struct tkvm_regs *regs,
    const struct vcpu_exit *e, struct tkvm_err *err)
{
	const char *name = vector_names[e->vector & 31];
	char at[128];

	m->fault = (struct tkvm_fault){e->vector, name != NULL ? name :
	    "unknown exception", e->error, e->address};
	(void)tkvm_machine_symbol(m, regs->rip, at, sizeof at);
	if (e->vector == VECTOR_PF)
		return (tkvm_fail(err, TKVM_EGUEST,
		    "page fault: %s 0x%jx%s, which is not %s, at %s",
		    e->error & PF_FETCH ? "execution of" :
		    e->error & PF_WRITE ? "write to" : "read of",
		    (uintmax_t)e->address, where(m, e->address),
		    e->error & PF_PRESENT ? "allowed" : "mapped", at));
	return (tkvm_fail(err, TKVM_EGUEST, "%s at %s",
	    name != NULL ? name : "unknown exception", at));
}
