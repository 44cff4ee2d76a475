/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tables.c: GDT, TSS, IDT and stubs. AMD64 manual volume 2, chapters 4, 8 and
 * 12. Accessed and busy bits are set beforehand, so that the CPU never writes
 * here.
 */
#include <string.h>

#include "machine/machine_priv.h"

extern const char kernel_stubs[], kernel_stubs_end[];
extern const char user_stubs[], user_stubs_end[];
extern const char vdso_image[], vdso_image_end[];
extern const char user_stub_return[], user_stub_out[], user_stub_cpu[];

/* MXCSR in an XSAVE area, and its value after a reset. */
#define XSAVE_MXCSR 24
#define MXCSR_INIT 0x1f80

#define GDT_KERNEL_CODE 0x00af9b000000ffff
#define GDT_KERNEL_DATA 0x00cf93000000ffff
#define GDT_USER_DATA 0x00cff3000000ffff
#define GDT_USER_CODE 0x00affb000000ffff

static void
put64(char *at, uint64_t v)
{
	memcpy(at, &v, sizeof v);
}

static void
write_gdt(char *gdt, uint64_t tss)
{
	put64(gdt + 0x08, GDT_KERNEL_CODE);
	put64(gdt + 0x10, GDT_KERNEL_DATA);
	put64(gdt + 0x20, GDT_USER_DATA);
	put64(gdt + 0x28, GDT_USER_CODE);
	/* A busy 64-bit TSS. */
	put64(gdt + 0x30, TSS_LIMIT | (tss & 0xffffff) << 16 |
	    (uint64_t)0x8b << 40 | (tss >> 24 & 0xff) << 56);
	put64(gdt + 0x38, tss >> 32);
}

/*
 * Every exception switches to the trap stack (IST 1), so that a guest's bad
 * stack pointer is no double fault. int3 and into may come from user mode.
 */
static void
write_idt(char *idt, uint64_t stubs)
{
	for (unsigned v = 0; v < 32; v++) {
		uint64_t at = stubs + FAULT_STUB + v * 16;
		uint64_t gate = 0x8e | (v == 3 || v == 4 ? 0x60 : 0);

		put64(idt + v * 16, (at & 0xffff) | (uint64_t)0x08 << 16 |
		    (uint64_t)1 << 32 | gate << 40 | (at >> 16 & 0xffff) << 48);
		put64(idt + v * 16 + 8, at >> 32);
	}
}

/*
 * Where IOPL is stripped (PVM), KVM looks into the I/O bitmap. It opens ports 0
 * to 3, which is what an out of four bytes to port 0 asks for (AMD64 volume 2,
 * 12.2.5), so that a call leaves the guest at once.
 */
static void
write_tss(char *tss, uint64_t stack)
{
	put64(tss + 4, stack);		/* RSP0 */
	put64(tss + 36, stack);		/* IST1 */
	tss[102] = 104;			/* where the bitmap is */
	tss[104] = (char)0xf0;
	tss[105] = (char)0xff;
}

void
tables_write(const struct shape *s, char *mem)
{
	const uint16_t mxcsr = MXCSR_INIT;

	write_gdt(mem + OFF_GDT, s->tables.tss);
	write_idt(mem + OFF_IDT, s->base + OFF_KERNEL_STUBS);
	write_tss(mem + OFF_TSS, s->tables.trap_stack_top);
	for (unsigned i = 0; i < s->more_cpus; i++)
		write_tss(mem + OFF_CPU_TSS(i), tables_of_cpu(s, i)
		    .trap_stack_top);
	/* Until the program waits the template is the state after a reset. */
	memcpy(mem + OFF_XSAVE + XSAVE_MXCSR, &mxcsr, sizeof mxcsr);
	memcpy(mem + OFF_KERNEL_STUBS, kernel_stubs,
	    (size_t)(kernel_stubs_end - kernel_stubs));
	memcpy(mem + OFF_USER_STUBS, user_stubs,
	    (size_t)(user_stubs_end - user_stubs));
	memcpy(mem + OFF_VDSO, vdso_image,
	    (size_t)(vdso_image_end - vdso_image));
}

void
tables_describe(struct shape *s)
{
	s->tables = (struct vcpu_tables){
		.cr3 = s->paging_at,
		.gdt = s->base + OFF_GDT,
		.gdt_limit = GDT_LIMIT,
		.idt = s->base + OFF_IDT,
		.idt_limit = IDT_LIMIT,
		.tss = s->base + OFF_TSS,
		.tss_limit = TSS_LIMIT,
		.lstar = s->base + OFF_KERNEL_STUBS,
		.trap_stack_top = s->base + OFF_TRAP_STACK + TKVM_PAGE,
	};
}

struct vcpu_tables
tables_of_cpu(const struct shape *s, unsigned i)
{
	struct vcpu_tables t = s->tables;

	t.tss = s->base + OFF_CPU_TSS(i);
	t.trap_stack_top = s->base + OFF_CPU_TRAP_STACK(i) + TKVM_PAGE;
	return (t);
}

uint64_t
tables_cpu_stub(const struct shape *s)
{
	return (s->base + OFF_USER_STUBS +
	    (uint64_t)(user_stub_cpu - user_stubs));
}

uint64_t
tables_return_stub(const struct shape *s)
{
	return (s->base + OFF_USER_STUBS +
	    (uint64_t)(user_stub_return - user_stubs));
}

uint64_t
tables_return_out(const struct shape *s)
{
	return (s->base + OFF_USER_STUBS +
	    (uint64_t)(user_stub_out - user_stubs));
}
