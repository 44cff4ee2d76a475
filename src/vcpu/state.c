/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * state.c: the CPU state that guests run with. AMD64 manual volume 2, chapters
 * 3 (control registers), 4 (segments), 6 (SYSCALL); spec of the guest ABI for
 * the selector numbers.
 */
#include <string.h>

#include "vcpu/vcpu_priv.h"

#define CR0_PE (1u << 0)
#define CR0_MP (1u << 1)
#define CR0_ET (1u << 4)
#define CR0_NE (1u << 5)
#define CR0_WP (1u << 16)
#define CR0_AM (1u << 18)
#define CR0_PG (1u << 31)
#define EFER_SCE (1u << 0)
#define EFER_LME (1u << 8)
#define EFER_LMA (1u << 10)
#define EFER_NXE (1u << 11)

#define SEL_KERNEL_CODE 0x08
#define SEL_USER_DATA 0x23
#define SEL_USER_CODE 0x2b
#define SEL_TSS 0x30

static void
user_segment(struct kvm_segment *s, uint16_t selector, uint8_t type, bool code)
{
	memset(s, 0, sizeof *s);
	s->selector = selector;
	s->limit = 0xffffffff;
	s->type = type;
	s->present = 1;
	s->dpl = 3;
	s->s = 1;
	s->g = 1;
	s->l = code;
	s->db = !code;
}

/* *s comes from KVM_GET_SREGS of a new vCPU: it keeps APIC base and so on. */
void
state_user_sregs(struct kvm_sregs *s, const struct vcpu_tables *t, uint64_t cr4)
{
	user_segment(&s->cs, SEL_USER_CODE, 11, true);
	user_segment(&s->ss, SEL_USER_DATA, 3, false);
	/* As the entry stub leaves them. */
	user_segment(&s->ds, 0, 3, false);
	s->es = s->fs = s->gs = s->ds;
	memset(&s->tr, 0, sizeof s->tr);
	s->tr.selector = SEL_TSS;
	s->tr.base = t->tss;
	s->tr.limit = t->tss_limit;
	s->tr.type = 11;
	s->tr.present = 1;
	memset(&s->ldt, 0, sizeof s->ldt);
	s->ldt.unusable = 1;
	s->ldt.type = 2;
	s->gdt.base = t->gdt;
	s->gdt.limit = t->gdt_limit;
	s->idt.base = t->idt;
	s->idt.limit = t->idt_limit;
	s->cr0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_PG;
	s->cr2 = 0;
	s->cr3 = t->cr3;
	s->cr4 = cr4;
	s->efer = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE;
}

unsigned
state_msrs(struct kvm_msr_entry *e, const struct vcpu_tables *t)
{
	const struct kvm_msr_entry msrs[STATE_MSRS] = {
		/* STAR: kernel CS 0x08, user base 0x1b. */
		{.index = 0xc0000081, .data = 0x001b000800000000},
		{.index = 0xc0000082, .data = t->lstar},
		/* CSTAR: 32-bit syscall has nowhere to go. */
		{.index = 0xc0000083, .data = 0},
		/* SFMASK: TF, IF, DF, IOPL, NT and AC are off in ring 0. */
		{.index = 0xc0000084, .data = 0x47700},
	};

	memcpy(e, msrs, sizeof msrs);
	return (STATE_MSRS);
}
