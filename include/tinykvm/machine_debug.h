/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * machine_debug.h: what a debugger may do to a machine that has stopped.
 *
 * Everything here ends with the machine's next reset; breakpoints, which would
 * otherwise become part of an image, end with tkvm_debug_end() at the latest.
 * Threads: as for the machine itself.
 */
#ifndef TINYKVM_MACHINE_DEBUG_H
#define TINYKVM_MACHINE_DEBUG_H

#include "tinykvm/machine.h"

/* The exception that ended a run. */
struct tkvm_fault {
	uint8_t vector;
	const char *name;	/* NULL: there was none */
	uint32_t error;
	uint64_t address;	/* of a page fault */
};

/* Of the run before; its name is NULL when that had another end. */
TKVM_API const struct tkvm_fault *tkvm_machine_fault(
    const struct tkvm_machine *m);

/* Did tkvm_machine_cancel() stop it? */
TKVM_API bool tkvm_machine_cancelled(const struct tkvm_machine *m);

/*
 * Tell about a failed run, line by line, at most TKVM_REPORT_LINES: the
 * exception, the registers, and who called whom. A name with "?" was found by
 * looking through the stack, where addresses of finished calls lie, too.
 */
#define TKVM_REPORT_LINES 20
TKVM_API void tkvm_machine_report(const struct tkvm_machine *m,
    void (*line)(void *priv, const char *text), void *priv);

/*
 * Tell what its page tables map, line by line, neighbours of the same rights
 * together: "0x400000-0x4c0000 r-x user". At most TKVM_TABLE_LINES.
 */
#define TKVM_TABLE_LINES 256
TKVM_API void tkvm_machine_tables(const struct tkvm_machine *m,
    void (*line)(void *priv, const char *text), void *priv);

/*--- memory and registers -------------------------------------------------*/

/* Copy from the guest; breakpoints do not show. 0, or -1 when unmapped. */
TKVM_API int tkvm_debug_read(const struct tkvm_machine *m, void *dst,
    uint64_t gva, uint64_t len) TKVM_MUST_CHECK;

/*
 * Copy to the guest, also to what it may only read: privately, the image and
 * other forks do not change. 0, or -1 when unmapped.
 */
TKVM_API int tkvm_debug_write(struct tkvm_machine *m, uint64_t gva,
    const void *src, uint64_t len) TKVM_MUST_CHECK;

TKVM_API void tkvm_debug_set_regs(struct tkvm_machine *m,
    const struct tkvm_regs *regs);

/* x87, SSE, AVX: the standard format of XSAVE, one page. */
TKVM_API int tkvm_debug_get_xsave(struct tkvm_machine *m, void *page,
    struct tkvm_err *err) TKVM_MUST_CHECK;
TKVM_API int tkvm_debug_set_xsave(struct tkvm_machine *m, const void *page,
    struct tkvm_err *err) TKVM_MUST_CHECK;

/* Which of it the guest has: bits as in XCR0. */
TKVM_API uint64_t tkvm_debug_components(const struct tkvm_machine *m);

/*--- breakpoints ----------------------------------------------------------*/

enum tkvm_break {
	TKVM_BREAK_SOFT,	/* an instruction in memory; len is ignored */
	TKVM_BREAK_HARD,	/* a debug register, or the same as SOFT */
	TKVM_BREAK_WRITE,	/* 1, 2, 4 or 8 bytes, aligned */
	TKVM_BREAK_ACCESS,
};

/* Set or clear. Repeating either is no error. -1: no room, or not possible. */
TKVM_API int tkvm_debug_break(struct tkvm_machine *m, enum tkvm_break kind,
    uint64_t gva, uint64_t len, bool on) TKVM_MUST_CHECK;

/*--- running --------------------------------------------------------------*/

enum tkvm_stop_kind {
	TKVM_STOP_ENDED,	/* a handler said TKVM_STOP */
	TKVM_STOP_STEPPED,
	TKVM_STOP_BREAK,	/* RIP is on the breakpoint's address */
	TKVM_STOP_TRAP,		/* a breakpoint of the program's own */
	TKVM_STOP_WATCH,	/* RIP is behind the instruction */
	TKVM_STOP_LATE,		/* until_ns has come, nothing else happened */
	TKVM_STOP_FAILED,	/* as tkvm_machine_run() fails, see *err */
};
struct tkvm_stop {
	enum tkvm_stop_kind kind;
	enum tkvm_break by;	/* BREAK, WATCH */
	uint64_t address;	/* WATCH: what is watched */
	int code;		/* FAILED: of *err */
};

/*
 * Run, or do one instruction, until something happens. deadline_ns is the one
 * that handlers see. TKVM_STOP_FAILED with TKVM_EHOST: the machine broke.
 */
TKVM_API void tkvm_debug_run(struct tkvm_machine *m, bool step,
    uint64_t until_ns, uint64_t deadline_ns, struct tkvm_stop *stop,
    struct tkvm_err *err);

/*
 * Clear all breakpoints. Does nothing to a machine that was not debugged.
 * Failure (TKVM_EHOST) means: destroy it.
 */
TKVM_API int tkvm_debug_end(struct tkvm_machine *m, struct tkvm_err *err)
    TKVM_MUST_CHECK;

/* Has a debugger changed or run it since its last reset? */
TKVM_API bool tkvm_machine_debugged(const struct tkvm_machine *m);

#endif
