/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ring.c: which pages were written. api.rst 8.29, KVM_CAP_DIRTY_LOG_RING.
 *
 * A page enters the ring at its first write and is writable from then on. The
 * documented way to free an entry (KVM_RESET_DIRTY_RINGS) write-protects its
 * page again, so that the next request would fault on it again. We want
 * the opposite: a page once known stays in our set and is copied back after
 * each request without a fault. The kernel re-reads slot and offset of a freed
 * entry from the shared ring and skips a slot that does not exist
 * (kvm_reset_dirty_gfn(), virt/kvm/dirty_ring.c, since 5.11), therefore we
 * overwrite the slot of each entry we take. A kernel that protected the pages
 * nevertheless would only make us slower: a page reported twice is one page.
 */
#include "vcpu/vcpu_priv.h"

#define NO_SLOT 0xffffu

static struct kvm_dirty_gfn *
ring_at(struct vcpu *v, uint32_t i)
{
	return (&v->ring[i & (v->ring_entries - 1)]);
}

bool
vcpu_ring_next(struct vcpu *v, uint64_t *gpa)
{
	struct kvm_dirty_gfn *e = ring_at(v, v->ring_head);
	uint32_t slot;

	if ((__atomic_load_n(&e->flags, __ATOMIC_ACQUIRE) &
	    KVM_DIRTY_GFN_F_DIRTY) == 0)
		return (false);
	slot = e->slot & 0xffff;
	/* An entry of a slot we do not know cannot happen; skip it if so. */
	*gpa = slot < v->n_slots ?
	    v->slots[slot].gpa + e->offset * TKVM_PAGE : UINT64_MAX;
	e->slot = NO_SLOT;
	__atomic_store_n(&e->flags, KVM_DIRTY_GFN_F_RESET, __ATOMIC_RELEASE);
	v->ring_head++;
	v->ring_taken++;
	return (true);
}

unsigned
vcpu_ring_taken(const struct vcpu *v)
{
	return (v->ring_taken);
}

int
vcpu_ring_release(struct vcpu *v, struct tkvm_err *err)
{
	v->ring_taken = 0;
	return (kvm_reset_rings(v->vm_fd, err));
}
