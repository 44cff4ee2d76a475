/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kvm.c: every KVM ioctl but KVM_RUN. Documentation/virt/kvm/api.rst.
 */
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vcpu/vcpu_priv.h"

#define CR4_PAE (1u << 5)
#define CR4_OSFXSR (1u << 9)
#define CR4_OSXMMEXCPT (1u << 10)
#define CR4_UMIP (1u << 11)
#define CR4_FSGSBASE (1u << 16)
#define CR4_OSXSAVE (1u << 18)
#define CR4_SMEP (1u << 20)
#define CR4_SMAP (1u << 21)

/*
 * 1024 entries are 16 KiB of kernel memory per machine. A ring that fills
 * costs one exit; it never costs a page its write permission (ring.c).
 */
#define RING_ENTRIES 1024u
#define CPUID_MAX 256

static struct {
	pthread_mutex_t lock;
	bool ready;
	int fd;
	size_t run_size;
	struct vcpu_caps caps;
	union {
		struct kvm_cpuid2 head;
		char room[sizeof(struct kvm_cpuid2) +
		    CPUID_MAX * sizeof(struct kvm_cpuid_entry2)];
	} cpuid;
} kvm = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1};

static const struct {
	int cap;
	const char *name;
	const char *since;
} needed[] = {
	{KVM_CAP_USER_MEMORY, "user memory", "2.6.25"},
	{KVM_CAP_READONLY_MEM, "read-only memory", "3.7"},
	{KVM_CAP_IMMEDIATE_EXIT, "immediate exit", "4.13"},
	{KVM_CAP_SYNC_REGS, "synchronised registers", "4.17"},
	{KVM_CAP_DIRTY_LOG_RING, "the dirty ring", "5.11"},
};

static int
open_device(struct tkvm_err *err)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		return (fd);
	if (errno == ENOENT || errno == ENODEV || errno == ENXIO)
		return (tkvm_fail(err, TKVM_EHOST, "there is no /dev/kvm: "
		    "switch virtualisation on in the firmware, or enable "
		    "nested virtualisation, and load kvm_amd or kvm_intel; "
		    "or a unit of systemd hides it: PrivateDevices=no, see "
		    "share/tinykvm/tinykvm.conf"));
	if (errno == EACCES || errno == EPERM)
		return (tkvm_fail(err, TKVM_EHOST, "no permission to open "
		    "/dev/kvm: add the user to its group (usermod -aG kvm "
		    "USER; for varnishd the user is vcache) and restart"));
	return (tkvm_fail(err, TKVM_EHOST, "cannot open /dev/kvm: %s",
	    strerror(errno)));
}

static int
check_caps(int fd, struct tkvm_err *err)
{
	if (ioctl(fd, KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
		return (tkvm_fail(err, TKVM_EHOST,
		    "/dev/kvm is not the KVM device of this kernel"));
	for (unsigned i = 0; i < sizeof needed / sizeof needed[0]; i++) {
		if (ioctl(fd, KVM_CHECK_EXTENSION, needed[i].cap) > 0)
			continue;
		return (tkvm_fail(err, TKVM_EHOST, "this kernel's KVM lacks "
		    "%s: run Linux %s or newer", needed[i].name,
		    needed[i].since));
	}
	return (0);
}

static struct kvm_cpuid_entry2 *
cpuid_find(uint32_t function, uint32_t index)
{
	struct kvm_cpuid_entry2 *e;

	for (uint32_t i = 0; i < kvm.cpuid.head.nent; i++) {
		e = &kvm.cpuid.head.entries[i];
		if (e->function == function && e->index == index)
			return (e);
	}
	return (NULL);
}

/*
 * x87, SSE, AVX and all of AVX-512 or none of it. The entry stub restores
 * exactly these, so a component outside this mask must not be enabled.
 */
static uint64_t
pick_xcr0(void)
{
	const struct kvm_cpuid_entry2 *e = cpuid_find(0xd, 0);
	uint64_t x;

	if (e == NULL)
		return (0);
	x = (e->eax | (uint64_t)e->edx << 32) & 0xe7;
	if ((x & 0xe0) != 0xe0 || (x & 4) == 0)
		x &= ~(uint64_t)0xe0;
	return (x | 3);
}

/*
 * What GET_SUPPORTED_CPUID says is no more than a hint: KVM on PVM leaves bits
 * out that programs see and use natively. So XSAVE is concluded from leaf 0xd,
 * and FSGSBASE is switched on without asking; the self-test uses it.
 */
static int
pick_caps(struct tkvm_err *err)
{
	const struct kvm_cpuid_entry2 *seven = cpuid_find(7, 0);

	kvm.caps.xcr0 = pick_xcr0();
	if (kvm.caps.xcr0 == 0)
		return (tkvm_fail(err, TKVM_EHOST, "this CPU lacks XSAVE, "
		    "without which a request's registers cannot be cleaned"));
	kvm.caps.cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE |
	    CR4_FSGSBASE;
	if (seven != NULL && seven->ebx & (1u << 7))
		kvm.caps.cr4 |= CR4_SMEP;
	if (seven != NULL && seven->ebx & (1u << 20))
		kvm.caps.cr4 |= CR4_SMAP;
	if (seven != NULL && seven->ecx & (1u << 2))
		kvm.caps.cr4 |= CR4_UMIP;
	kvm.caps.ring_entries = RING_ENTRIES;
	return (0);
}

static int
load_caps(struct tkvm_err *err)
{
	int fd, size;

	fd = open_device(err);
	if (fd < 0)
		return (fd);
	if (check_caps(fd, err) != 0) {
		(void)close(fd);
		return (TKVM_EHOST);
	}
	size = ioctl(fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	kvm.cpuid.head.nent = CPUID_MAX;
	if (size <= 0 || ioctl(fd, KVM_GET_SUPPORTED_CPUID, &kvm.cpuid) < 0) {
		(void)close(fd);
		return (tkvm_fail(err, TKVM_EHOST,
		    "KVM does not tell about itself: %s", strerror(errno)));
	}
	if (pick_caps(err) != 0) {
		(void)close(fd);
		return (TKVM_EHOST);
	}
	kvm.run_size = (size_t)size;
	kvm.fd = fd;
	return (0);
}

/* A failure is not remembered: permissions can be mended while we run. */
int
vcpu_caps(const struct vcpu_caps **caps, struct tkvm_err *err)
{
	int r = 0;

	(void)pthread_mutex_lock(&kvm.lock);
	if (!kvm.ready) {
		r = load_caps(err);
		kvm.ready = r == 0;
	}
	(void)pthread_mutex_unlock(&kvm.lock);
	*caps = &kvm.caps;
	return (r);
}

/* The CPU's own words where programs see those (PVM), else KVM's: both. */
void
vcpu_features(uint32_t words[VCPU_FEATURES])
{
	const struct kvm_cpuid_entry2 *one = cpuid_find(1, 0);
	const struct kvm_cpuid_entry2 *seven = cpuid_find(7, 0);
	uint32_t a, b, *w = words;

	memset(words, 0, VCPU_FEATURES * sizeof *words);
	(void)__get_cpuid(1, &a, &b, &w[0], &w[1]);
	(void)__get_cpuid_count(7, 0, &a, &w[2], &w[3], &w[4]);
	(void)__get_cpuid(0x80000001, &a, &b, &w[5], &w[6]);
	w[7] = (uint32_t)kvm.caps.xcr0;
	if (one != NULL)
		w[8] = one->ecx ^ one->edx;
	if (seven != NULL) {
		w[9] = seven->ebx;
		w[10] = seven->ecx;
		w[11] = seven->edx;
	}
}

/* The module can be unloaded: do not leave the descriptor behind. */
__attribute__((destructor)) static void
close_device(void)
{
	if (kvm.fd >= 0)
		(void)close(kvm.fd);
}

size_t
kvm_run_size(void)
{
	return (kvm.run_size);
}

int
kvm_create_vm(struct tkvm_err *err)
{
	struct kvm_enable_cap cap = {.cap = KVM_CAP_DIRTY_LOG_RING};
	int fd;

	/* EINTR: the kernel gives up when a signal is pending. */
	do
		fd = ioctl(kvm.fd, KVM_CREATE_VM, 0);
	while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return (tkvm_fail(err, TKVM_EHOST,
		    "cannot create a virtual machine: %s", strerror(errno)));
	cap.args[0] = RING_ENTRIES * sizeof(struct kvm_dirty_gfn);
	if (ioctl(fd, KVM_ENABLE_CAP, &cap) < 0) {
		(void)close(fd);
		return (tkvm_fail(err, TKVM_EHOST,
		    "KVM refuses the dirty ring: %s", strerror(errno)));
	}
	return (fd);
}

int
kvm_create_vcpu(int vm_fd, unsigned number, struct tkvm_err *err)
{
	int fd = ioctl(vm_fd, KVM_CREATE_VCPU, (unsigned long)number);

	if (fd < 0)
		return (tkvm_fail(err, TKVM_EHOST,
		    "cannot create a virtual CPU: %s", strerror(errno)));
	return (fd);
}

int
kvm_set_slot(int vm_fd, unsigned i, const struct vcpu_slot *slot, bool logged,
    struct tkvm_err *err)
{
	struct kvm_userspace_memory_region r = {
		.slot = i,
		.guest_phys_addr = slot->gpa,
		.memory_size = slot->len,
		.userspace_addr = (uintptr_t)slot->host,
		.flags = (logged ? KVM_MEM_LOG_DIRTY_PAGES : 0) |
		    (slot->readonly ? KVM_MEM_READONLY : 0),
	};

	if (ioctl(vm_fd, KVM_SET_USER_MEMORY_REGION, &r) < 0)
		return (tkvm_fail(err, TKVM_EHOST,
		    "KVM refuses memory slot %u: %s", i, strerror(errno)));
	return (0);
}

int
kvm_reset_rings(int vm_fd, struct tkvm_err *err)
{
	if (ioctl(vm_fd, KVM_RESET_DIRTY_RINGS, 0) < 0)
		return (tkvm_fail(err, TKVM_EHOST,
		    "KVM cannot reset its dirty ring: %s", strerror(errno)));
	return (0);
}

/* Since Linux 5.16. */
static struct kvm_device_attr
tsc_offset(uint64_t *value)
{
	return ((struct kvm_device_attr){
		.group = KVM_VCPU_TSC_CTRL, .attr = KVM_VCPU_TSC_OFFSET,
		.addr = (uintptr_t)value,
	});
}

bool
vcpu_counter_shifted(const struct vcpu *v)
{
	uint64_t offset = 1;
	const struct kvm_device_attr is = tsc_offset(&offset);

	return (ioctl(v->vcpu_fd, KVM_GET_DEVICE_ATTR, &is) < 0 || offset != 0);
}

int
kvm_set_up_vcpu(struct vcpu *v, const struct vcpu_caps *caps,
    struct tkvm_err *err)
{
	struct kvm_xcrs xcrs = {.nr_xcrs = 1};
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry e[STATE_MSRS];
	} msrs;
	uint64_t zero = 0;
	const struct kvm_device_attr no_offset = tsc_offset(&zero);
	const char *what;

	memset(&msrs, 0, sizeof msrs);
	msrs.head.nmsrs = state_msrs(msrs.e, &v->tables);
	xcrs.xcrs[0].value = caps->xcr0;
	/* Guests read the host's counter; the self-test looks if they do. */
	(void)ioctl(v->vcpu_fd, KVM_SET_DEVICE_ATTR, &no_offset);
	what = "KVM_SET_CPUID2";
	if (ioctl(v->vcpu_fd, KVM_SET_CPUID2, &kvm.cpuid) < 0)
		goto fail;
	what = "KVM_GET_SREGS";
	if (ioctl(v->vcpu_fd, KVM_GET_SREGS, &v->user_sregs) < 0)
		goto fail;
	state_user_sregs(&v->user_sregs, &v->tables, caps->cr4);
	what = "KVM_SET_SREGS";
	if (ioctl(v->vcpu_fd, KVM_SET_SREGS, &v->user_sregs) < 0)
		goto fail;
	what = "KVM_SET_XCRS";
	if (ioctl(v->vcpu_fd, KVM_SET_XCRS, &xcrs) < 0)
		goto fail;
	what = "KVM_SET_MSRS";
	if (ioctl(v->vcpu_fd, KVM_SET_MSRS, &msrs) != STATE_MSRS)
		goto fail;
	return (0);
fail:
	return (tkvm_fail(err, TKVM_EHOST, "KVM refuses the CPU state (%s): %s",
	    what, strerror(errno)));
}

int
vcpu_get_xsave(struct vcpu *v, void *page, struct tkvm_err *err)
{
	_Static_assert(sizeof(struct kvm_xsave) == TKVM_PAGE,
	    "xsave is a page");

	if (ioctl(v->vcpu_fd, KVM_GET_XSAVE, page) < 0)
		return (tkvm_fail(err, TKVM_EHOST,
		    "KVM does not give the extended state: %s",
		    strerror(errno)));
	return (0);
}
