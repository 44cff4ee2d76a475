/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VCPU_VCPU_PRIV_H
#define VCPU_VCPU_PRIV_H

#include <linux/kvm.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "vcpu/vcpu.h"

/*
 * The watchdog's view of a vCPU. IDLE -> ARMED by the thread that runs it,
 * ARMED -> KICKING -> ARMED by the watchdog while it sends the signal, so that
 * the thread cannot leave (and end) under the signal; ARMED -> IDLE by the
 * thread.
 */
enum deadline_state { DEADLINE_IDLE, DEADLINE_ARMED, DEADLINE_KICKING };
struct deadline {
	struct deadline *next, *prev;
	_Atomic int state;
	_Atomic uint64_t at_ns;
	_Atomic pid_t tid;
	struct kvm_run *run;
};

struct vcpu {
	int vm_fd, vcpu_fd;
	bool added;		/* the VM is the first one's */
	struct kvm_run *run;
	struct kvm_dirty_gfn *ring;
	uint32_t ring_entries, ring_head, ring_taken;
	struct vcpu_slot slots[VCPU_SLOTS];
	unsigned n_slots;
	struct vcpu_tables tables;

	struct tkvm_regs regs;	/* user mode */
	bool dirty;		/* regs must be loaded before the next entry */
	bool forget_events;
	/* What the vCPU has now; differing bases or CPL need sregs. */
	uint64_t fs_base, gs_base;
	bool in_user;
	struct kvm_sregs user_sregs;

	struct deadline deadline;
};

/* kvm.c: every KVM ioctl; -1 and errno, or what the manual promises. */
const struct kvm_cpuid2 *kvm_cpuid(void);
size_t kvm_run_size(void);
int kvm_create_vm(struct tkvm_err *err);
int kvm_create_vcpu(int vm_fd, unsigned number, struct tkvm_err *err);
int kvm_set_slot(int vm_fd, unsigned i, const struct vcpu_slot *slot,
    bool logged, struct tkvm_err *err);
int kvm_reset_rings(int vm_fd, struct tkvm_err *err);
int kvm_set_up_vcpu(struct vcpu *v, const struct vcpu_caps *caps,
    struct tkvm_err *err);

/* state.c: control registers, segments and MSRs of user mode. */
void state_user_sregs(struct kvm_sregs *s, const struct vcpu_tables *t,
    uint64_t cr4);
unsigned state_msrs(struct kvm_msr_entry *e, const struct vcpu_tables *t);
#define STATE_MSRS 4

/* deadline.c */
int deadline_join(struct deadline *d, struct tkvm_err *err);
void deadline_leave(struct deadline *d);
void deadline_arm(struct deadline *d, uint64_t at_ns);
void deadline_disarm(struct deadline *d);
void deadline_hurry(struct deadline *d);
void deadline_kick(struct deadline *d);

#endif
