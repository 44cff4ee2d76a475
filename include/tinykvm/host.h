/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * host.h: what this computer's KVM can do, found out by running a tiny guest.
 */
#ifndef TINYKVM_HOST_H
#define TINYKVM_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "tinykvm/error.h"

/* How an instruction of the guest's user mode reaches the host. */
enum tkvm_trap {
	TKVM_TRAP_NONE,		/* it does not: this host is unusable */
	TKVM_TRAP_DIRECT,	/* out: a port exit from user mode */
	TKVM_TRAP_STUB,		/* syscall: through the ring-0 stub */
	TKVM_TRAP_FAULT,	/* through an exception (#GP, #PF at LSTAR) */
};

/* How programs read CLOCK_REALTIME and CLOCK_MONOTONIC. */
enum tkvm_clock {
	TKVM_CLOCK_OTHER_SOURCE,	/* calls: Linux has not tsc */
	TKVM_CLOCK_SHIFTED,		/* calls: guests' counters differ */
	TKVM_CLOCK_NO_CALL,		/* by the CPU's counter */
};

struct tkvm_host {
	enum tkvm_trap out_trap;
	enum tkvm_trap syscall_trap;
	bool out_rip_advanced;	/* a direct exit leaves RIP behind the out */
	uint64_t xcr0;		/* extended state components guests get */
	uint64_t cr4;		/* control bits guests run with */
	uint64_t exit_ns;	/* a round trip, median */
	uint64_t move_ns;	/* extra cost of the first run in a thread */
	bool move_is_cheap;	/* move_ns below 50 us: any thread may run */
	uint32_t ring_entries;	/* of the dirty ring */
	enum tkvm_clock clock;
};

/*
 * Probe once per process; later calls return the first answer.
 * Returns 0 and *host, or TKVM_EHOST with a sentence that says what is missing
 * and how to mend it (no /dev/kvm, no permission, a capability).
 * Any thread. Takes a few milliseconds the first time.
 */
TKVM_API int tkvm_host_probe(const struct tkvm_host **host,
    struct tkvm_err *err) TKVM_MUST_CHECK;

#endif
