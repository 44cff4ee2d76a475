/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * doctor: what this computer's KVM can do, in words, and what to do about the
 * rest.
 */
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "tinykvm/host.h"

static const char *const traps[] = {
	[TKVM_TRAP_NONE] = "do not arrive",
	[TKVM_TRAP_DIRECT] = "arrive directly",
	[TKVM_TRAP_STUB] = "arrive through the ring-0 stub",
	[TKVM_TRAP_FAULT] = "arrive as faults (page-table based KVM)",
};

static const char *const clocks[] = {
	[TKVM_CLOCK_OTHER_SOURCE] = "are system calls: the clock source is "
	    "not tsc.\n"
	    "                     If the CPU's counter is to be trusted, boot "
	    "with tsc=reliable",
	[TKVM_CLOCK_SHIFTED] = "are system calls: KVM shifts the counters of "
	    "guests.\n"
	    "                     Linux 5.16 need not",
	[TKVM_CLOCK_NO_CALL] = "are read without a call",
};

static void
print_vectors(uint64_t xcr0)
{
	printf("  vector registers   %s\n", (xcr0 & 0xe0) == 0xe0 ?
	    "SSE, AVX, AVX-512" : xcr0 & 4 ? "SSE, AVX" : "SSE");
}

static void
print_host(const struct tkvm_host *h)
{
	puts("This computer can run programs.");
	printf("  calls              %s\n", traps[h->out_trap]);
	printf("  system calls       %s\n", traps[h->syscall_trap]);
	printf("  a round trip       %.1f us\n", (double)h->exit_ns / 1e3);
	printf("  changing threads   %.1f us: %s\n", (double)h->move_ns / 1e3,
	    h->move_is_cheap ? "requests run in the caller's thread" :
	    "each machine gets a thread of its own (Linux 6.13 is faster)");
	printf("  clocks             %s\n", clocks[h->clock]);
	print_vectors(h->xcr0);
	printf("  dirty ring         %u entries\n", h->ring_entries);
}

/* May the user that varnishd's child runs as open the device? */
static void
print_varnish(void)
{
	const struct passwd *pw = getpwnam("vcache");
	const struct group *gr;
	struct stat st;
	bool member = false;

	if (pw == NULL || stat("/dev/kvm", &st) != 0)
		return;
	gr = getgrgid(st.st_gid);
	for (char **m = gr == NULL ? NULL : gr->gr_mem; m && *m; m++)
		member |= strcmp(*m, pw->pw_name) == 0;
	member |= pw->pw_gid == st.st_gid;
	if ((st.st_mode & 006) == 006 ||
	    ((st.st_mode & 060) == 060 && member)) {
		puts("  varnishd           its user vcache may open /dev/kvm");
		return;
	}
	puts("  varnishd           its user vcache may not open /dev/kvm.");
	if ((st.st_mode & 060) != 060)
		puts("                     Give the device to group kvm: "
		    "chgrp kvm /dev/kvm; chmod 660 /dev/kvm");
	puts("                     Add the user: usermod -aG kvm vcache");
	puts("                     With systemd also: PrivateDevices=no and "
	    "SupplementaryGroups=kvm\n"
	    "                     in a drop-in for varnish.service, as "
	    "share/tinykvm/tinykvm.conf");
}

static void
print_limits(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0)
		printf("  descriptors        %ju: about %ju machines\n",
		    (uintmax_t)r.rlim_cur, (uintmax_t)r.rlim_cur / 2);
}

int
cmd_doctor(int argc, char **argv)
{
	const struct tkvm_host *h;
	struct tkvm_err err;

	(void)argv;
	if (argc > 1)
		return (complain(2, "usage: tinykvm doctor"));
	if (tkvm_host_probe(&h, &err) != 0)
		return (complain(1, "this computer cannot run programs: %s",
		    err.text));
	print_host(h);
	print_varnish();
	print_limits();
	return (0);
}
