/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * layout.h: the guest's memory map.
 *
 * Virtual addresses; physical ones are the same less `base`, which is the
 * program's link address rounded down to 1 GiB. Pages belong to the guest's
 * user mode unless marked (k).
 *
 *   base +        0   nothing: null pointers fault
 *          0x1000   r (k)  GDT, TSS, IDT
 *          0x2000   x (k)  ring-0 stubs (stubs.S)
 *          0x3000  rw (k)  trap stack: exception frames     } two pages that
 *          0x6000   r      record: gs:0, gs:4, entry state  } each fork owns
 *          0x5000   x      user stubs: entry, return
 *          0x7000   r      extended state that each entry restores
 *          0x8000   x      vDSO: the time without a call
 *         0x10000   rw (k) trap stacks of the other CPUs } a page each, as
 *         0x20000   r      records of the other CPUs     } many as it may have
 *      1 MiB ...    program segments, each page with its own permission
 *      image_end    guard
 *      stack_low    4 MiB stack
 *      brk_start    heap of brk()
 *      arena_start  mmap() ...
 *      shared_start what all machines of a program share, if they do, up to
 *                   base + memory size
 *   beyond          (not mapped) page tables
 *
 * Physical pages of trap stacks and records are moved behind the page tables
 * into a slot without dirty logging: the CPU's (on some hosts emulated) writes
 * of exception frames would fill the ring.
 */
#ifndef MACHINE_LAYOUT_H
#define MACHINE_LAYOUT_H

#define OFF_TABLES 0x1000u
#define OFF_GDT 0x1000u
#define GDT_LIMIT 0x3fu
#define OFF_TSS 0x1100u
#define TSS_LIMIT 105u		/* with two bytes of I/O bitmap */
#define OFF_IDT 0x1200u
#define IDT_LIMIT (32u * 16 - 1)
#define OFF_KERNEL_STUBS 0x2000u
#define OFF_TRAP_STACK 0x3000u
#define OFF_USER_STUBS 0x5000u
#define OFF_RECORD 0x6000
#define OFF_XSAVE 0x7000u
#define OFF_VDSO 0x8000
/* Within it, for ever: frozen programs know these addresses. */
#define VDSO_CLOCK_GETTIME 0x600
#define VDSO_GETTIMEOFDAY 0x800
#define VDSO_TIME 0xa00
/* Of the CPUs beyond the first, by number from 0. */
#define OFF_CPU_TSS(i) (0x1400u + 128 * (i))
#define OFF_CPU_TRAP_STACK(i) (0x10000u + 0x1000 * (i))
#define OFF_CPU_RECORD(i) (0x20000u + 0x1000 * (i))
#define OFF_PROGRAM 0x100000u

/* Fields of a record page. Offsets are used by stubs.S. */
#define REC_CPU_ID 0x00		/* gs:0, i32 */
#define REC_FORK_ID 0x04	/* gs:4, i32 */
#define REC_XCR0_LO 0x40
#define REC_XCR0_HI 0x44
#define REC_RAX 0x48
#define REC_RDX 0x50
#define REC_RIP 0x58
#define REC_FS 0x60
#define REC_GS 0x68
#define REC_TIME 0x80		/* struct time_record */

/* Ring-0 stub of exception v: OFF_KERNEL_STUBS + FAULT_STUB + v * 16. */
#define FAULT_STUB 16

/* Number that a returning call-back stops with; also a published number. */
#define CALL_RETURNED 0xffff

#define STACK_BYTES (4u << 20)
#define GUARD_BYTES (64u << 10)

#endif
