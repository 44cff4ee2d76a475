/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vcpu.h: station 4 of 6, a KVM machine and its virtual CPU.
 *
 *   gets    memory slots, the addresses of tables and stubs, registers, a
 *           deadline
 *   gives   one struct vcpu_exit each time the guest needs the host
 *   owns    the VM and vCPU descriptors, kvm_run, the dirty ring, the watchdog
 *   never   reads guest memory; never knows what a call number means
 */
#ifndef VCPU_VCPU_H
#define VCPU_VCPU_H

#include <stdbool.h>
#include <stdint.h>

#include "tinykvm/host.h"
#include "tinykvm/machine.h"

/*--- facts about this host's KVM ------------------------------------------*/

struct vcpu_caps {
	uint64_t xcr0;		/* components that guests get */
	uint64_t cr4;
	uint32_t ring_entries;
};

/* Open KVM and look, once per process. TKVM_EHOST with the remedy. */
int vcpu_caps(const struct vcpu_caps **caps, struct tkvm_err *err)
    TKVM_MUST_CHECK;

/*
 * What of the CPU programs decide by when they start, and then rely on: the
 * bits of CPUID. Only after vcpu_caps().
 */
#define VCPU_FEATURES 12
void vcpu_features(uint32_t words[VCPU_FEATURES]);

/*
 * Does a port exit from user mode leave RIP behind the instruction? Known to
 * the self-test only, which tells it here before anything else runs.
 */
void vcpu_set_out_rip_advanced(bool advanced);

/*--- a virtual machine and its virtual CPUs -------------------------------*/

/* Guest-physical memory; logged slots feed the dirty ring. */
struct vcpu_slot {
	uint64_t gpa, len;
	void *host;
	bool logged, readonly;
};
#define VCPU_SLOTS 32

/* Virtual addresses of what the CPU itself uses, see machine/layout.h. */
struct vcpu_tables {
	uint64_t cr3;		/* guest-physical */
	uint64_t gdt, idt, tss;
	uint16_t gdt_limit, idt_limit, tss_limit;
	uint64_t lstar;
	uint64_t trap_stack_top;
	const void *trap_stack_top_host;
};

struct vcpu;

int vcpu_new(const struct vcpu_slot *slots, unsigned n,
    const struct vcpu_tables *tables, struct vcpu **vp, struct tkvm_err *err)
    TKVM_MUST_CHECK;

/*
 * One more CPU of the same virtual machine, with tables of its own; number is
 * 1 or more, and of no other CPU. All of them are destroyed before the first.
 * Each may run in a thread of its own.
 */
int vcpu_add(const struct vcpu *first, unsigned number,
    const struct vcpu_tables *tables, struct vcpu **vp, struct tkvm_err *err)
    TKVM_MUST_CHECK;
void vcpu_destroy(struct vcpu **vp);

/*--- running --------------------------------------------------------------*/

enum vcpu_exit_kind {
	VCPU_CALL,		/* out to port 0; registers behind it */
	VCPU_SYSCALL,		/* syscall; registers behind it */
	VCPU_FAULT,		/* an exception; registers on the instruction */
	VCPU_PORT,		/* in or out, another port; registers behind */
	VCPU_DEBUG,		/* a debug register or TF; DR6 in error */
	VCPU_RING_FULL,		/* harvest and go on */
	VCPU_INTERRUPTED,	/* by the watchdog or another signal */
	VCPU_BROKEN,		/* no way to go on with this vCPU */
};

struct vcpu_exit {
	enum vcpu_exit_kind kind;
	enum tkvm_trap trap;	/* how a call, system call or fault came */
	uint8_t vector;		/* VCPU_FAULT */
	uint32_t error;		/* VCPU_FAULT: error code, 0 without */
	uint64_t address;	/* VCPU_FAULT: CR2 when vector is 14 */
	uint16_t port;		/* VCPU_PORT */
	char text[120];		/* VCPU_BROKEN: why */
};

/*
 * User-mode registers as of the last exit. The owner changes them at will
 * and calls vcpu_dirty(); the next run enters user mode with them.
 */
struct tkvm_regs *vcpu_regs(struct vcpu *v);
void vcpu_dirty(struct vcpu *v);

/* Forget everything about the last run, half-delivered events too. */
void vcpu_forget(struct vcpu *v);

/*
 * Be interrupted after deadline_ns, until disarmed. Costs no system call as
 * long as the watchdog is awake, which it is while runs keep coming.
 */
void vcpu_arm(struct vcpu *v, uint64_t deadline_ns);
void vcpu_disarm(struct vcpu *v);

/* The armed deadline is now. From any thread. */
void vcpu_hurry(struct vcpu *v);

/* The same at once, in place of at the watchdog's next look. */
void vcpu_kick(struct vcpu *v);

/* Enter the guest once. */
void vcpu_run(struct vcpu *v, struct vcpu_exit *exit);

/*
 * Does KVM add something to the CPU's counter for this guest? Not from the
 * start, but when the computer was asleep. Also true when it does not say.
 */
bool vcpu_counter_shifted(const struct vcpu *v);

/* Extended state in the standard (non-compacted) XSAVE format, one page. */
int vcpu_get_xsave(struct vcpu *v, void *page, struct tkvm_err *err)
    TKVM_MUST_CHECK;

int vcpu_set_xsave(struct vcpu *v, const void *page, struct tkvm_err *err)
    TKVM_MUST_CHECK;

/*
 * Debug registers: stop with VCPU_DEBUG when [address, address+len) is
 * executed, written or accessed. len is 1, 2, 4 or 8, 0 for none; addresses
 * are multiples of it. All of them at once; all 0 turns debugging off.
 */
#define VCPU_HARD 4
struct vcpu_hard {
	uint64_t address;
	enum { VCPU_EXECUTED = 0, VCPU_WRITTEN = 1, VCPU_ACCESSED = 3 } when;
	uint8_t len;
};
int vcpu_set_hard(struct vcpu *v, const struct vcpu_hard hard[VCPU_HARD],
    struct tkvm_err *err) TKVM_MUST_CHECK;

/*--- dirty ring -----------------------------------------------------------*/

/*
 * Take the next entry: true and the guest-physical address of a page that was
 * written for the first time. The page stays writable, see ring.c.
 */
bool vcpu_ring_next(struct vcpu *v, uint64_t *gpa);

/* Entries taken but still occupying the ring. */
unsigned vcpu_ring_taken(const struct vcpu *v);

/* Free the taken entries. */
int vcpu_ring_release(struct vcpu *v, struct tkvm_err *err) TKVM_MUST_CHECK;

#endif
