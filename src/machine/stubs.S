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
user_stubs:
	mov	user_stubs + (OFF_RECORD - OFF_USER_STUBS) + REC_XCR0_LO(%rip), %eax
	mov	user_stubs + (OFF_RECORD - OFF_USER_STUBS) + REC_XCR0_HI(%rip), %edx
	xrstor64 user_stubs + (OFF_XSAVE - OFF_USER_STUBS)(%rip)
	mov	user_stubs + (OFF_RECORD - OFF_USER_STUBS) + REC_RAX(%rip), %rax
	mov	user_stubs + (OFF_RECORD - OFF_USER_STUBS) + REC_RDX(%rip), %rdx
	jmp	*user_stubs + (OFF_RECORD - OFF_USER_STUBS) + REC_RIP(%rip)

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
	mov	$500, %eax
	syscall
1:	mov	$0x20002, %eax
	out	%eax, $0
	jmp	1b
selftest_code_end:

	.section .note.GNU-stack, "", @progbits
