/* SPDX-License-Identifier: BSD-2-Clause */
/* vdso.S: the shared object that each program finds at OFF_VDSO, vdso/. */
	.section .rodata
	.balign 16
	.globl vdso_image, vdso_image_end
	.hidden vdso_image, vdso_image_end
vdso_image:
	.incbin VDSO
vdso_image_end:
	.if vdso_image_end - vdso_image > 4096
	.error "the vDSO is longer than its page"
	.endif

	.section .note.GNU-stack, "", @progbits
