/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stubs.S: the code that we put into every guest. Never run by the host.
 *
 * Ring 0 does nothing but leave: on hosts that emulate it instruction by
 * instruction (PVM) each one costs, and what is not there cannot be abused.
 * The host reads the exception frame and enters user mode again by loading
 * its registers, so there is no iret and no sysret.
 */
#include "layout.h"

	.section .rodata
	.balign 4096
	.globl kernel_stubs, kernel_stubs_end
	.hidden kernel_stubs, kernel_stubs_end
kernel_stubs:
	out	%eax, $0x10		/* LSTAR: a system call */
	hlt
	.set	vector, 0
	.rept	32
	.balign 16
	out	%eax, $(0x80 + vector)
	hlt
	.set	vector, vector + 1
	.endr
kernel_stubs_end:

/*
 * The way into every request. XRSTOR with the mask of all enabled components
 * wipes what the request before left in x87, SSE, AVX and AVX-512 registers
 * (AMD64 volume 2, 11.5): no ioctl, and it runs natively everywhere.
 * No instruction here changes the flags; all other registers are loaded.
 */
	.balign 4096
	.globl user_stubs, user_stubs_end, user_stub_return, user_stub_out
	.hidden user_stubs, user_stubs_end, user_stub_return, user_stub_out
	.globl user_stub_cpu
	.hidden user_stub_cpu
/*
 * Selectors are not loaded by every host (PVM leaves in the CPU what the guest
 * before it had): null ones here, as Linux has them, then the bases that this
 * may have cleared.
 */
#define ENTER(record) \
	mov	$0, %eax; \
	mov	%eax, %ds; \
	mov	%eax, %es; \
	mov	%eax, %fs; \
	mov	record(REC_FS), %rax; \
	wrfsbase %rax; \
	mov	record(REC_GS), %rdx; \
	mov	$0, %eax; \
	mov	%eax, %gs; \
	wrgsbase %rdx; \
	mov	record(REC_XCR0_LO), %eax; \
	mov	record(REC_XCR0_HI), %edx; \
	xrstor64 user_stubs + (OFF_XSAVE - OFF_USER_STUBS)(%rip); \
	mov	record(REC_RAX), %rax; \
	mov	record(REC_RDX), %rdx; \
	jmp	*record(REC_RIP)
#define BY_RIP(field) user_stubs + (OFF_RECORD - OFF_USER_STUBS) + field(%rip)
#define BY_GS(field) %gs:field	/* wrong once the base is the guest's */
user_stubs:
	ENTER(BY_RIP)

/* The other CPUs' way in: their GS base is always ours when they start. */
	.balign 16
user_stub_cpu:
	ENTER(BY_GS)

/* What a call-back returns to. */
	.balign 16
user_stub_return:
	mov	%rax, %rdi
	mov	$CALL_RETURNED, %eax
user_stub_out:
	out	%eax, $0
	ud2
user_stubs_end:

/* The self-test guest, selftest.c. */
	.balign 16
	.globl selftest_code, selftest_code_end, selftest_out
	.hidden selftest_code, selftest_code_end, selftest_out
selftest_code:
	mov	$0x20001, %eax
selftest_out:
	out	%eax, $0
	nop
	rdfsbase %rax			/* #UD where FSGSBASE is missing */
	rdtsc
	shl	$32, %rdx
	lea	(%rdx, %rax), %rdi
	mov	$500, %eax
	syscall
1:	mov	$0x20002, %eax
	out	%eax, $0
	jmp	1b
selftest_code_end:

	.section .note.GNU-stack, "", @progbits
