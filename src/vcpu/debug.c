/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * debug.c: debug registers and extended state, for debuggers only. Intel SDM
 * volume 3, 18.2; api.rst, KVM_SET_GUEST_DEBUG.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "vcpu/vcpu_priv.h"

#define DR7_FIXED 0x400u
#define DR7_LOCAL(i) (1u << 2 * (i))
#define DR7_CONDITION(i, rw, len) \
	((uint64_t)((rw) | (len) << 2) << (16 + 4 * (i)))

/* The field LEN of DR7 for 1, 2, 4 and 8 bytes. */
static const uint8_t length_bits[9] = {[1] = 0, [2] = 1, [4] = 3, [8] = 2};

int
vcpu_set_hard(struct vcpu *v, const struct vcpu_hard hard[VCPU_HARD],
    struct tkvm_err *err)
{
	struct kvm_guest_debug d;
	uint64_t dr7 = DR7_FIXED;

	memset(&d, 0, sizeof d);
	for (unsigned i = 0; i < VCPU_HARD; i++) {
		if (hard[i].len == 0)
			continue;
		d.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP;
		d.arch.debugreg[i] = hard[i].address;
		dr7 |= DR7_LOCAL(i) | DR7_CONDITION(i, hard[i].when,
		    length_bits[hard[i].len & 15]);
	}
	d.arch.debugreg[7] = dr7;
	if (ioctl(v->vcpu_fd, KVM_SET_GUEST_DEBUG, &d) < 0)
		return (tkvm_fail(err, TKVM_EHOST,
		    "KVM refuses hardware breakpoints: %s", strerror(errno)));
	return (0);
}

int
vcpu_set_xsave(struct vcpu *v, const void *page, struct tkvm_err *err)
{
	if (ioctl(v->vcpu_fd, KVM_SET_XSAVE, page) < 0)
		return (tkvm_fail(err, TKVM_EHOST,
		    "KVM does not take the extended state: %s",
		    strerror(errno)));
	return (0);
}
