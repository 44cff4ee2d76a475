/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vdso.lds: one segment, as the loader of the program's own library expects it.
 */
#include "machine/layout.h"

SECTIONS
{
	. = SIZEOF_HEADERS;
	.hash : { *(.hash) } :text
	.gnu.hash : { *(.gnu.hash) }
	.dynsym : { *(.dynsym) }
	.dynstr : { *(.dynstr) }
	.gnu.version : { *(.gnu.version) }
	.gnu.version_d : { *(.gnu.version_d) }
	.dynamic : { *(.dynamic) } :text :dynamic
	.rodata : { *(.rodata*) *(.got*) } :text
	.eh_frame_hdr : { *(.eh_frame_hdr) } :text :unwind
	.eh_frame : { KEEP(*(.eh_frame)) } :text
	. = VDSO_CLOCK_GETTIME;
	.text : {
		vdso_time = . - (VDSO_CLOCK_GETTIME + OFF_VDSO - OFF_RECORD -
		    REC_TIME);
		*(.text.clock_gettime)
		. = VDSO_GETTIMEOFDAY - VDSO_CLOCK_GETTIME;
		*(.text.gettimeofday)
		. = VDSO_TIME - VDSO_CLOCK_GETTIME;
		*(.text.time)
		*(.text*)
	} :text
	/DISCARD/ : { *(.comment) *(.note*) *(.data*) *(.bss*) }
}

PHDRS
{
	text PT_LOAD FILEHDR PHDRS FLAGS(5);
	dynamic PT_DYNAMIC FLAGS(4);
	unwind PT_GNU_EH_FRAME;
}

VERSION
{
	LINUX_2.6 {
	global:
		__vdso_clock_gettime;
		__vdso_gettimeofday;
		__vdso_time;
	local:
		*;
	};
}
