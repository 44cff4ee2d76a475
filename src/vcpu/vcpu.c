/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vcpu.c: make, run and free a virtual machine and its virtual CPUs.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/check.h"
#include "vcpu/vcpu_priv.h"

/* Ports of the ring-0 stubs, machine/stubs.S. */
#define PORT_CALL 0x00
#define PORT_SYSCALL 0x10
#define PORT_FAULT 0x80

/* Flags that user mode may have (AMD64 volume 2, 3.1.6), and what it always */
/* has: reserved bit 1 and IOPL 3, so that out leaves the guest directly. */
#define RFLAGS_USER 0x240dd5u
#define RFLAGS_FIXED 0x3002u

#define SYNC_REGS (KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS)

static bool out_rip_advanced;

void
vcpu_set_out_rip_advanced(bool advanced)
{
	out_rip_advanced = advanced;
}

static int
map_areas(struct vcpu *v, struct tkvm_err *err)
{
	size_t ring_bytes = v->ring_entries * sizeof(struct kvm_dirty_gfn);

	v->run = mmap(NULL, kvm_run_size(), PROT_READ | PROT_WRITE, MAP_SHARED,
	    v->vcpu_fd, 0);
	if (v->run == MAP_FAILED) {
		v->run = NULL;
		return (tkvm_fail(err, TKVM_EHOST,
		    "cannot map the vCPU: %s", strerror(errno)));
	}
	v->ring = mmap(NULL, ring_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
	    v->vcpu_fd, KVM_DIRTY_LOG_PAGE_OFFSET * TKVM_PAGE);
	if (v->ring == MAP_FAILED) {
		v->ring = NULL;
		return (tkvm_fail(err, TKVM_EHOST,
		    "cannot map the dirty ring: %s", strerror(errno)));
	}
	return (0);
}

static int
build_vm(struct vcpu *v, struct tkvm_err *err)
{
	v->vm_fd = kvm_create_vm(err);
	if (v->vm_fd < 0)
		return (TKVM_EHOST);
	for (unsigned i = 0; i < v->n_slots; i++)
		if (kvm_set_slot(v->vm_fd, i, &v->slots[i], v->slots[i].logged,
		    err) != 0)
			return (TKVM_EHOST);
	return (0);
}

static int
build_cpu(struct vcpu *v, unsigned number, const struct vcpu_caps *caps,
    struct tkvm_err *err)
{
	v->vcpu_fd = kvm_create_vcpu(v->vm_fd, number, err);
	if (v->vcpu_fd < 0)
		return (TKVM_EHOST);
	if (map_areas(v, err) != 0 || kvm_set_up_vcpu(v, caps, err) != 0)
		return (TKVM_EHOST);
	v->run->kvm_valid_regs = SYNC_REGS;
	v->deadline.run = v->run;
	vcpu_forget(v);
	return (0);
}

/* With the watchdog's eye on it already. */
static int
alloc(const struct vcpu_tables *tables, const struct vcpu_caps **caps,
    struct vcpu **vp, struct tkvm_err *err)
{
	struct vcpu *v;
	int r;

	r = vcpu_caps(caps, err);
	if (r != 0)
		return (r);
	v = calloc(1, sizeof *v);
	if (v == NULL)
		return (tkvm_fail(err, TKVM_ENOMEM, "no memory for a vCPU"));
	v->vm_fd = v->vcpu_fd = -1;
	v->tables = *tables;
	v->ring_entries = (*caps)->ring_entries;
	r = deadline_join(&v->deadline, err);
	if (r != 0) {
		free(v);
		return (r);
	}
	*vp = v;
	return (0);
}

int
vcpu_new(const struct vcpu_slot *slots, unsigned n,
    const struct vcpu_tables *tables, struct vcpu **vp, struct tkvm_err *err)
{
	const struct vcpu_caps *caps;
	struct vcpu *v;
	int r;

	ASSERT(n <= VCPU_SLOTS);
	r = alloc(tables, &caps, &v, err);
	if (r != 0)
		return (r);
	memcpy(v->slots, slots, n * sizeof *slots);
	v->n_slots = n;
	r = build_vm(v, err);
	if (r == 0)
		r = build_cpu(v, 0, caps, err);
	if (r != 0) {
		vcpu_destroy(&v);
		return (r);
	}
	*vp = v;
	return (0);
}

int
vcpu_add(const struct vcpu *first, unsigned number,
    const struct vcpu_tables *tables, struct vcpu **vp, struct tkvm_err *err)
{
	const struct vcpu_caps *caps;
	struct vcpu *v;
	int r;

	r = alloc(tables, &caps, &v, err);
	if (r != 0)
		return (r);
	v->added = true;
	v->vm_fd = first->vm_fd;
	memcpy(v->slots, first->slots, sizeof v->slots);
	v->n_slots = first->n_slots;
	r = build_cpu(v, number, caps, err);
	if (r != 0) {
		vcpu_destroy(&v);
		return (r);
	}
	*vp = v;
	return (0);
}

void
vcpu_destroy(struct vcpu **vp)
{
	struct vcpu *v = *vp;

	*vp = NULL;
	if (v == NULL)
		return;
	deadline_leave(&v->deadline);
	if (v->ring != NULL)
		(void)munmap(v->ring,
		    v->ring_entries * sizeof(struct kvm_dirty_gfn));
	if (v->run != NULL)
		(void)munmap(v->run, kvm_run_size());
	if (v->vcpu_fd >= 0)
		(void)close(v->vcpu_fd);
	if (v->vm_fd >= 0 && !v->added)
		(void)close(v->vm_fd);
	free(v);
}

struct tkvm_regs *
vcpu_regs(struct vcpu *v)
{
	return (&v->regs);
}

void
vcpu_dirty(struct vcpu *v)
{
	v->dirty = true;
}

void
vcpu_forget(struct vcpu *v)
{
	v->dirty = true;
	v->in_user = false;
	v->forget_events = true;
}

void
vcpu_arm(struct vcpu *v, uint64_t deadline_ns)
{
	deadline_arm(&v->deadline, deadline_ns);
}

void
vcpu_disarm(struct vcpu *v)
{
	deadline_disarm(&v->deadline);
}

void
vcpu_hurry(struct vcpu *v)
{
	deadline_hurry(&v->deadline);
}

void
vcpu_kick(struct vcpu *v)
{
	deadline_kick(&v->deadline);
}

/*--- registers in and out -------------------------------------------------*/

static void
load_regs(struct vcpu *v)
{
	const struct tkvm_regs *r = &v->regs;
	struct kvm_sync_regs *s = &v->run->s.regs;

	s->regs = (struct kvm_regs){
		.rax = r->rax, .rbx = r->rbx, .rcx = r->rcx, .rdx = r->rdx,
		.rsi = r->rsi, .rdi = r->rdi, .rsp = r->rsp, .rbp = r->rbp,
		.r8 = r->r8, .r9 = r->r9, .r10 = r->r10, .r11 = r->r11,
		.r12 = r->r12, .r13 = r->r13, .r14 = r->r14, .r15 = r->r15,
		.rip = r->rip,
		.rflags = (r->rflags & RFLAGS_USER) | RFLAGS_FIXED,
	};
	v->run->kvm_dirty_regs |= KVM_SYNC_X86_REGS;
	if (!v->in_user || r->fs_base != v->fs_base ||
	    r->gs_base != v->gs_base) {
		v->user_sregs.fs.base = r->fs_base;
		v->user_sregs.gs.base = r->gs_base;
		s->sregs = v->user_sregs;
		v->run->kvm_dirty_regs |= KVM_SYNC_X86_SREGS;
	}
	if (v->forget_events) {
		/* An exception may be half delivered: drop it. */
		memset(&s->events, 0, sizeof s->events);
		v->run->kvm_dirty_regs |= KVM_SYNC_X86_EVENTS;
		v->forget_events = false;
	}
	v->dirty = false;
}

static void
store_regs(struct vcpu *v)
{
	const struct kvm_regs *k = &v->run->s.regs.regs;
	const struct kvm_sregs *s = &v->run->s.regs.sregs;

	v->regs = (struct tkvm_regs){
		.rax = k->rax, .rbx = k->rbx, .rcx = k->rcx, .rdx = k->rdx,
		.rsi = k->rsi, .rdi = k->rdi, .rsp = k->rsp, .rbp = k->rbp,
		.r8 = k->r8, .r9 = k->r9, .r10 = k->r10, .r11 = k->r11,
		.r12 = k->r12, .r13 = k->r13, .r14 = k->r14, .r15 = k->r15,
		.rip = k->rip, .rflags = k->rflags,
		.fs_base = s->fs.base, .gs_base = s->gs.base,
	};
	v->fs_base = s->fs.base;
	v->gs_base = s->gs.base;
	v->in_user = (s->cs.selector & 3) == 3;
}

/*--- what an exit means ---------------------------------------------------*/

static const bool has_error_code[32] = {
	[8] = true, [10] = true, [11] = true, [12] = true, [13] = true,
	[14] = true, [17] = true, [21] = true, [29] = true, [30] = true,
};

static void
after_syscall(struct vcpu *v, struct vcpu_exit *e, enum tkvm_trap trap)
{
	e->trap = trap;
	v->regs.rip = v->regs.rcx;
	v->regs.rflags = v->regs.r11;
	v->dirty = true;
	e->kind = VCPU_SYSCALL;
}

/*
 * An exception stub in ring 0: the CPU has pushed SS, RSP, RFLAGS, CS, RIP and
 * perhaps an error code on the trap stack (AMD64 volume 2, 8.9.3).
 */
static void
after_fault(struct vcpu *v, struct vcpu_exit *e, uint8_t vector)
{
	const struct vcpu_tables *t = &v->tables;
	uint64_t frame[6];

	memcpy(frame, (const char *)t->trap_stack_top_host - sizeof frame,
	    sizeof frame);
	v->regs.rip = frame[1];
	v->regs.rflags = frame[3];
	v->regs.rsp = frame[4];
	v->dirty = true;
	e->kind = VCPU_FAULT;
	e->trap = TKVM_TRAP_FAULT;
	e->vector = vector;
	e->error = has_error_code[vector] ? (uint32_t)frame[0] : 0;
	e->address = vector == 14 ? v->run->s.regs.sregs.cr2 : 0;
	/*
	 * PVM enters LSTAR without leaving ring 3, where the page is not
	 * executable: the fetch faults there, RCX holds the return address.
	 * A program that jumps there itself has made a system call, too.
	 */
	if (vector == 14 && e->address == t->lstar && frame[1] == t->lstar)
		after_syscall(v, e, TKVM_TRAP_FAULT);
}

static void
after_io(struct vcpu *v, struct vcpu_exit *e)
{
	uint16_t port = v->run->io.port;
	bool out = v->run->io.direction == KVM_EXIT_IO_OUT;

	if (!v->in_user) {
		if (out && port == PORT_SYSCALL) {
			after_syscall(v, e, TKVM_TRAP_STUB);
		} else if (out && port >= PORT_FAULT &&
		    port < PORT_FAULT + 32) {
			after_fault(v, e, (uint8_t)(port - PORT_FAULT));
		} else {
			e->kind = VCPU_BROKEN;
			(void)snprintf(e->text, sizeof e->text,
			    "port 0x%x from ring 0", port);
		}
		return;
	}
	if (out && port == PORT_CALL && v->run->io.size == 4 &&
	    v->run->io.count == 1) {
		/* Loading RIP ourselves keeps KVM from advancing it, too. */
		if (!out_rip_advanced)
			v->regs.rip += 2;
		v->dirty = true;
		e->kind = VCPU_CALL;
		e->trap = TKVM_TRAP_DIRECT;
		return;
	}
	/* KVM completes the instruction when the vCPU is entered again. */
	e->kind = VCPU_PORT;
	e->port = port;
	if (!out)
		memset((char *)v->run + v->run->io.data_offset, 0,
		    (size_t)v->run->io.size * v->run->io.count);
}

static void
classify(struct vcpu *v, struct vcpu_exit *e)
{
	switch (v->run->exit_reason) {
	case KVM_EXIT_IO:
		after_io(v, e);
		return;
	case KVM_EXIT_DEBUG:
		e->kind = VCPU_DEBUG;
		e->vector = (uint8_t)v->run->debug.arch.exception;
		e->error = (uint32_t)v->run->debug.arch.dr6;
		return;
	case KVM_EXIT_DIRTY_RING_FULL:
		e->kind = VCPU_RING_FULL;
		return;
	case KVM_EXIT_INTR:
		e->kind = VCPU_INTERRUPTED;
		return;
	case KVM_EXIT_MMIO:
		e->kind = VCPU_BROKEN;
		(void)snprintf(e->text, sizeof e->text,
		    "access outside its memory, at 0x%llx",
		    (unsigned long long)v->run->mmio.phys_addr);
		return;
	case KVM_EXIT_SHUTDOWN:
		e->kind = VCPU_BROKEN;
		(void)snprintf(e->text, sizeof e->text, "triple fault");
		return;
	default:
		e->kind = VCPU_BROKEN;
		(void)snprintf(e->text, sizeof e->text,
		    "KVM exit %u, detail 0x%llx", v->run->exit_reason,
		    (unsigned long long)v->run->hw.hardware_exit_reason);
	}
}

void
vcpu_run(struct vcpu *v, struct vcpu_exit *e)
{
	int r, error;

	if (v->dirty)
		load_regs(v);
	r = ioctl(v->vcpu_fd, KVM_RUN, 0);
	error = errno;
	v->run->kvm_dirty_regs = 0;
	store_regs(v);
	if (r == 0) {
		classify(v, e);
		return;
	}
	if (error == EINTR || error == EAGAIN) {
		e->kind = VCPU_INTERRUPTED;
		return;
	}
	e->kind = VCPU_BROKEN;
	(void)snprintf(e->text, sizeof e->text, "KVM_RUN: %s", strerror(error));
}
