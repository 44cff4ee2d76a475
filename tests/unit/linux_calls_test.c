/* SPDX-License-Identifier: BSD-2-Clause */
/* Time, identity, signals, locks; the table; and every call with bad input. */
#include <asm/prctl.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>

#include "linux_fake.h"

static char etc[] = "/etc", virtual_etc[] = "/e";
static struct linux_path paths[] = {
	{.virtual_path = virtual_etc, .real_path = etc, .prefix = true},
};
static const struct linux_rules rules = {
	.paths = paths, .n_paths = 1, .output = fake_output,
	.unknown = fake_count_unknown,
};
static struct linux_state *s;
static struct tkvm_err err;
static int status;

static void
begin(void)
{
	fake_start();
	linux_destroy(&s);
	if (linux_new(&rules, NULL, &s, &err) != 0)
		abort();
}

static uint64_t
timespec_at(uint64_t at, int64_t sec, int64_t nsec)
{
	int64_t ts[2] = {sec, nsec};

	put_bytes(at, ts, sizeof ts);
	return (at);
}

/*--- time -----------------------------------------------------------------*/

TEST(a_program_that_asks_the_time_is_told_without_a_call_from_then_on)
{
	static const int told[] = {CLOCK_REALTIME, CLOCK_MONOTONIC,
	    CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE};
	static const int others[] = {CLOCK_PROCESS_CPUTIME_ID,
	    CLOCK_THREAD_CPUTIME_ID, CLOCK_MONOTONIC_RAW, CLOCK_BOOTTIME,
	    CLOCK_TAI, 99, -1};

	begin();
	fake.told = 0;
	for (unsigned i = 0; i < sizeof others / sizeof others[0]; i++)
		(void)SYS(s, SYS_clock_gettime, others[i], AT1);
	CHECK_EQ(SYS(s, SYS_clock_getres, 0, AT1), 0);
	CHECK_EQ(fake.told, 0);
	for (unsigned i = 0; i < sizeof told / sizeof told[0]; i++)
		CHECK_EQ(SYS(s, SYS_clock_gettime, told[i], AT1), 0);
	CHECK_EQ(fake.told, 4);
	CHECK_EQ(SYS(s, SYS_gettimeofday, AT1, 0), 0);
	CHECK(SYS(s, SYS_time, 0) > 0);
	CHECK_EQ(fake.told, 6);
}

TEST(clocks_are_the_hosts)
{
	static const int known[] = {0, 1, 2, 3, 4, 5, 6, 7, 11};
	struct timespec guest, host;

	begin();
	for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++)
		CHECK_EQ(SYS(s, SYS_clock_gettime, known[i], AT1), 0);
	CHECK_EQ(SYS(s, SYS_clock_gettime, CLOCK_MONOTONIC, AT1), 0);
	get_bytes(&guest, AT1, sizeof guest);
	CHECK_EQ(clock_gettime(CLOCK_MONOTONIC, &host), 0);
	CHECK(host.tv_sec - guest.tv_sec <= 60);
	CHECK_EQ(SYS(s, SYS_clock_gettime, 8, AT1), -EINVAL);
	CHECK_EQ(SYS(s, SYS_clock_gettime, 99, AT1), -EINVAL);
	CHECK_EQ(SYS(s, SYS_clock_gettime, -6, AT1), -EINVAL);
	CHECK_EQ(SYS(s, SYS_clock_gettime, 0, BAD), -EFAULT);
	CHECK_EQ(SYS(s, SYS_clock_getres, 0, 0), 0);
	CHECK_EQ(SYS(s, SYS_clock_getres, 99, 0), -EINVAL);
	CHECK_EQ(SYS(s, SYS_gettimeofday, AT1, AT2), 0);
	CHECK_EQ(SYS(s, SYS_gettimeofday, BAD, 0), -EFAULT);
	CHECK(SYS(s, SYS_time, AT1) > 1000000000);
	CHECK_EQ(SYS(s, SYS_time, BAD), -EFAULT);
	CHECK(SYS(s, SYS_times, AT1) > 0);
	CHECK_EQ(SYS(s, SYS_getrusage, 0, AT1), 0);
	CHECK_EQ(SYS(s, SYS_getrusage, 7, AT1), -EINVAL);
}

TEST(sleeping_ends_by_itself_or_with_the_deadline)
{
	begin();
	CHECK_EQ(SYS(s, SYS_nanosleep, timespec_at(AT0, 0, 1000), 0), 0);
	CHECK_EQ(SYS(s, SYS_clock_nanosleep, 1, 0, AT0, 0), 0);
	CHECK_EQ(SYS(s, SYS_clock_nanosleep, 0, TIMER_ABSTIME, AT0, 0), 0);
	fake.deadline_ns = tkvm_now_ns() + 1000000;
	CHECK_EQ(SYS(s, SYS_nanosleep, timespec_at(AT0, INT64_MAX, 0), AT1),
	    -EINTR);
	CHECK_EQ(SYS(s, SYS_clock_nanosleep, 1, 0, timespec_at(AT0, 1000, 0),
	    AT1), -EINTR);
	CHECK_EQ(SYS(s, SYS_clock_nanosleep, 0, 1,
	    timespec_at(AT0, INT64_MAX, 0), 0), -EINTR);
	CHECK_EQ(SYS(s, SYS_poll, 0, 0, -1), -EINTR);
	CHECK_EQ(SYS(s, SYS_select, 0, 0, 0, 0, 0), -EINTR);
}

TEST(bad_times_are_refused)
{
	begin();
	CHECK_EQ(SYS(s, SYS_nanosleep, timespec_at(AT0, -1, 0), 0), -EINVAL);
	CHECK_EQ(SYS(s, SYS_nanosleep, timespec_at(AT0, 0, -1), 0), -EINVAL);
	CHECK_EQ(SYS(s, SYS_nanosleep, timespec_at(AT0, 0, 1000000000), 0),
	    -EINVAL);
	CHECK_EQ(SYS(s, SYS_nanosleep, BAD, 0), -EFAULT);
	CHECK_EQ(SYS(s, SYS_clock_nanosleep, 1, 2, AT0, 0), -EINVAL);
	CHECK_EQ(SYS(s, SYS_clock_nanosleep, 3, 0, AT0, 0), -EINVAL);
	CHECK_EQ(SYS(s, SYS_ppoll, 0, 0, timespec_at(AT0, 0, -5), 0), -EINVAL);
}

/*--- who and what ---------------------------------------------------------*/

TEST(the_program_is_process_1_of_root)
{
	struct utsname name;

	begin();
	CHECK_EQ(SYS(s, SYS_getpid), 1);
	CHECK_EQ(SYS(s, SYS_gettid), 1);
	CHECK_EQ(SYS(s, SYS_getppid), 0);
	CHECK_EQ(SYS(s, SYS_getuid), 0);
	CHECK_EQ(SYS(s, SYS_set_tid_address, AT0), 1);
	CHECK_EQ(SYS(s, SYS_getgroups, 0, 0), 0);
	CHECK_EQ(SYS(s, SYS_uname, AT1), 0);
	get_bytes(&name, AT1, sizeof name);
	CHECK_STR(name.release, "6.1.0-tinykvm");
	CHECK_EQ(SYS(s, SYS_uname, BAD), -EFAULT);
	CHECK_EQ(SYS(s, SYS_sysinfo, AT1), 0);
	CHECK_EQ(SYS(s, SYS_sysinfo, READ_ONLY), -EFAULT);
}

TEST(limits_can_be_asked_and_lowered)
{
	uint64_t v[2];

	begin();
	CHECK_EQ(SYS(s, SYS_prlimit64, 0, RLIMIT_NOFILE, 0, AT1), 0);
	get_bytes(v, AT1, sizeof v);
	CHECK_EQ(v[0], 256);
	CHECK_EQ(SYS(s, SYS_prlimit64, 1, RLIMIT_STACK, 0, AT1), 0);
	get_bytes(v, AT1, sizeof v);
	CHECK_EQ(v[0], FAKE_BRK - FAKE_STACK);
	CHECK_EQ(SYS(s, SYS_setrlimit, RLIMIT_STACK, AT1), 0);
	v[0] = v[1] = 1 << 20;
	put_bytes(AT1, v, sizeof v);
	CHECK_EQ(SYS(s, SYS_setrlimit, RLIMIT_NOFILE, AT1), -EPERM);
	v[1] = 1;
	put_bytes(AT1, v, sizeof v);
	CHECK_EQ(SYS(s, SYS_setrlimit, RLIMIT_NOFILE, AT1), -EINVAL);
	CHECK_EQ(SYS(s, SYS_prlimit64, 5, RLIMIT_NOFILE, 0, AT1), -ESRCH);
	CHECK_EQ(SYS(s, SYS_getrlimit, 16, AT1), -EINVAL);
	CHECK_EQ(SYS(s, SYS_getrlimit, UINT64_MAX, AT1), -EINVAL);
	CHECK_EQ(SYS(s, SYS_getrlimit, 0, BAD), -EFAULT);
}

TEST(the_thread_has_a_name_of_15_characters)
{
	char name[17] = "................";

	begin();
	CHECK_EQ(SYS(s, SYS_prctl, 15, put_str(AT0, "worker")), 0);
	CHECK_EQ(SYS(s, SYS_prctl, 16, AT1), 0);
	get_bytes(name, AT1, 16);
	CHECK_EQ(memcmp(name, "worker\0\0\0\0\0\0\0\0\0\0", 16), 0);
	CHECK_EQ(SYS(s, SYS_prctl, 15, put_str(AT0, "0123456789abcdefgh")), 0);
	CHECK_EQ(SYS(s, SYS_prctl, 16, AT1), 0);
	get_bytes(name, AT1, 16);
	CHECK_EQ(memcmp(name, "0123456789abcde\0", 16), 0);
	CHECK_EQ(SYS(s, SYS_prctl, 15, BAD), -EFAULT);
	CHECK_EQ(SYS(s, SYS_prctl, 16, BAD), -EFAULT);
	CHECK_EQ(SYS(s, SYS_prctl, 99), -EINVAL);
}

TEST(there_is_one_cpu)
{
	uint64_t mask = 0;

	begin();
	CHECK_EQ(SYS(s, SYS_sched_getaffinity, 0, 128, AT1), 8);
	get_bytes(&mask, AT1, sizeof mask);
	CHECK_EQ(mask, 1);
	CHECK_EQ(SYS(s, SYS_sched_getaffinity, 0, 7, AT1), -EINVAL);
	CHECK_EQ(SYS(s, SYS_sched_getaffinity, 0, 12, AT1), -EINVAL);
	CHECK_EQ(SYS(s, SYS_sched_getaffinity, 9, 8, AT1), -ESRCH);
	CHECK_EQ(SYS(s, SYS_getcpu, AT1, AT2), 0);
	CHECK_EQ(SYS(s, SYS_getcpu, BAD, 0), -EFAULT);
	CHECK_EQ(SYS(s, SYS_sched_yield), 0);
}

TEST(random_bytes_differ_and_are_bounded)
{
	char a[32], b[32];

	begin();
	CHECK_EQ(SYS(s, SYS_getrandom, AT1, 32, 0), 32);
	get_bytes(a, AT1, 32);
	CHECK_EQ(SYS(s, SYS_getrandom, AT1, 32, 1), 32);
	get_bytes(b, AT1, 32);
	CHECK(memcmp(a, b, 32) != 0);
	CHECK_EQ(SYS(s, SYS_getrandom, FAKE_ARENA, UINT64_MAX, 0), 1 << 18);
	CHECK_EQ(SYS(s, SYS_getrandom, BAD, 0, 0), 0);
	CHECK_EQ(SYS(s, SYS_getrandom, BAD, 1, 0), -EFAULT);
	CHECK_EQ(SYS(s, SYS_getrandom, READ_ONLY, 1, 0), -EFAULT);
	CHECK_EQ(SYS(s, SYS_getrandom, FAKE_END - 16, 32, 0), -EFAULT);
	CHECK_EQ(SYS(s, SYS_getrandom, AT1, 1, 8), -EINVAL);
	CHECK_EQ(SYS(s, SYS_getrandom, AT1, 1, 6), -EINVAL);
}

/*--- process --------------------------------------------------------------*/

TEST(exit_stops_with_a_status)
{
	begin();
	CHECK(!linux_exited(s, &status));
	(void)SYS(s, SYS_exit_group, 0x1234);
	CHECK_EQ(fake_next, TKVM_STOP);
	CHECK(linux_exited(s, &status));
	CHECK_EQ(status, 0x34);
}

TEST(the_fs_base_is_set_and_read_back_whole)
{
	uint64_t base = 0;

	begin();
	CHECK_EQ(SYS(s, SYS_arch_prctl, ARCH_SET_FS, 0x7fff12345678), 0);
	CHECK_EQ(SYS(s, SYS_arch_prctl, ARCH_GET_FS, AT1), 0);
	get_bytes(&base, AT1, sizeof base);
	CHECK_EQ(base, 0x7fff12345678);
	CHECK_EQ(SYS(s, SYS_arch_prctl, ARCH_SET_FS, 1ull << 47), -EPERM);
	CHECK_EQ(SYS(s, SYS_arch_prctl, ARCH_SET_FS, UINT64_MAX), -EPERM);
	CHECK_EQ(SYS(s, SYS_arch_prctl, ARCH_SET_GS, AT1), -EPERM);
	CHECK_EQ(SYS(s, SYS_arch_prctl, ARCH_GET_FS, READ_ONLY), -EFAULT);
	CHECK_EQ(SYS(s, SYS_arch_prctl, ARCH_GET_GS, AT1), 0);
	CHECK_EQ(SYS(s, SYS_arch_prctl, 0x3001, AT1), -EINVAL);
}

TEST(a_lock_nobody_releases_is_forced_open)
{
	uint32_t word = 2;

	begin();
	put_bytes(AT1, &word, sizeof word);
	CHECK_EQ(SYS(s, SYS_futex, AT1, FUTEX_WAIT | 128, 1, 0), -EAGAIN);
	CHECK_EQ(SYS(s, SYS_futex, AT1, FUTEX_WAIT | 128, 2,
	    timespec_at(AT0, 0, 1000)), -ETIMEDOUT);
	CHECK_EQ(SYS(s, SYS_futex, AT1, FUTEX_WAIT_BITSET | 256, 2,
	    timespec_at(AT0, 0, 1000), 0, ~0u), -ETIMEDOUT);
	CHECK_EQ(SYS(s, SYS_futex, AT1, FUTEX_WAIT | 128, 2, 0), 0);
	get_bytes(&word, AT1, sizeof word);
	CHECK_EQ(word, 0);
	CHECK_EQ(SYS(s, SYS_futex, AT1, FUTEX_WAKE | 128, 1), 0);
	CHECK_EQ(SYS(s, SYS_futex, AT1 + 1, FUTEX_WAKE, 1), -EINVAL);
	CHECK_EQ(SYS(s, SYS_futex, BAD, FUTEX_WAIT, 0, 0), -EFAULT);
	CHECK_EQ(SYS(s, SYS_futex, READ_ONLY, FUTEX_WAIT, 0, 0), -EFAULT);
	CHECK_EQ(SYS(s, SYS_futex, AT1, FUTEX_WAIT_BITSET, 0, 0, 0, 0),
	    -EINVAL);
	CHECK_EQ(SYS(s, SYS_futex, AT1, FUTEX_LOCK_PI, 0, 0), -ENOSYS);
	CHECK_EQ(SYS(s, SYS_futex, AT1, FUTEX_CMP_REQUEUE, 1, 1, AT1, 5),
	    -EAGAIN);
}

/*--- signals --------------------------------------------------------------*/

static uint64_t
action_at(uint64_t at, uint64_t handler)
{
	uint64_t a[4] = {handler, 0, 0, 0};

	put_bytes(at, a, sizeof a);
	return (at);
}

TEST(a_fatal_signal_ends_the_program_with_128_and_its_number)
{
	begin();
	CHECK_EQ(SYS(s, SYS_tgkill, 1, 1, SIGCHLD), 0);
	CHECK_EQ(fake_next, TKVM_RESUME);
	CHECK_EQ(SYS(s, SYS_tgkill, 1, 1, 0), 0);
	CHECK_EQ(fake_next, TKVM_RESUME);
	CHECK_EQ(SYS(s, SYS_tgkill, 1, 1, SIGABRT), 0);
	CHECK_EQ(fake_next, TKVM_STOP);
	CHECK(linux_exited(s, &status));
	CHECK_EQ(status, 134);
}

TEST(an_ignored_or_handled_signal_does_nothing)
{
	begin();
	CHECK_EQ(SYS(s, SYS_rt_sigaction, SIGTERM, action_at(AT1, 1), 0, 8),
	    0);
	CHECK_EQ(SYS(s, SYS_kill, 1, SIGTERM), 0);
	CHECK_EQ(fake_next, TKVM_RESUME);
	CHECK_EQ(SYS(s, SYS_rt_sigaction, SIGTERM, action_at(AT1, 0x401000), 0,
	    8), 0);
	CHECK_EQ(SYS(s, SYS_tkill, 1, SIGTERM), 0);
	CHECK_EQ(fake_next, TKVM_RESUME);
	CHECK_EQ(SYS(s, SYS_kill, 1, SIGKILL), 0);
	CHECK_EQ(fake_next, TKVM_STOP);
}

TEST(a_blocked_signal_waits_until_it_is_unblocked)
{
	uint64_t set = ~0ull, pending = 0;

	begin();
	put_bytes(AT1, &set, sizeof set);
	CHECK_EQ(SYS(s, SYS_rt_sigprocmask, SIG_BLOCK, AT1, AT2, 8), 0);
	CHECK_EQ(SYS(s, SYS_tkill, 1, SIGABRT), 0);
	CHECK_EQ(fake_next, TKVM_RESUME);
	CHECK_EQ(SYS(s, SYS_rt_sigpending, AT2, 8), 0);
	get_bytes(&pending, AT2, sizeof pending);
	CHECK_EQ(pending, 1u << (SIGABRT - 1));
	CHECK_EQ(SYS(s, SYS_rt_sigprocmask, SIG_UNBLOCK, AT1, 0, 8), 0);
	CHECK_EQ(fake_next, TKVM_STOP);
	CHECK(linux_exited(s, &status));
	CHECK_EQ(status, 134);
}

TEST(signal_calls_check_their_arguments)
{
	uint64_t set = 1, stack[3] = {AT0, 0, 100};

	begin();
	put_bytes(AT1, &set, sizeof set);
	CHECK_EQ(SYS(s, SYS_rt_sigaction, 0, 0, 0, 8), -EINVAL);
	CHECK_EQ(SYS(s, SYS_rt_sigaction, 65, 0, 0, 8), -EINVAL);
	CHECK_EQ(SYS(s, SYS_rt_sigaction, -1, 0, 0, 8), -EINVAL);
	CHECK_EQ(SYS(s, SYS_rt_sigaction, SIGKILL, AT1, 0, 8), -EINVAL);
	CHECK_EQ(SYS(s, SYS_rt_sigaction, 1, 0, 0, 16), -EINVAL);
	CHECK_EQ(SYS(s, SYS_rt_sigaction, 1, BAD, 0, 8), -EFAULT);
	CHECK_EQ(SYS(s, SYS_rt_sigaction, 1, 0, READ_ONLY, 8), -EFAULT);
	CHECK_EQ(SYS(s, SYS_rt_sigprocmask, 9, AT1, 0, 8), -EINVAL);
	CHECK_EQ(SYS(s, SYS_rt_sigprocmask, 9, 0, 0, 8), 0);
	CHECK_EQ(SYS(s, SYS_rt_sigprocmask, 0, BAD, 0, 8), -EFAULT);
	CHECK_EQ(SYS(s, SYS_tgkill, 1, 1, 65), -EINVAL);
	CHECK_EQ(SYS(s, SYS_tgkill, 2, 1, 6), -ESRCH);
	CHECK_EQ(SYS(s, SYS_tgkill, 1, 0, 6), -EINVAL);
	CHECK_EQ(SYS(s, SYS_kill, 77, 6), -ESRCH);
	put_bytes(AT1, stack, sizeof stack);
	CHECK_EQ(SYS(s, SYS_sigaltstack, AT1, 0), -ENOMEM);
	stack[1] = 77;
	put_bytes(AT1, stack, sizeof stack);
	CHECK_EQ(SYS(s, SYS_sigaltstack, AT1, 0), -EINVAL);
	CHECK_EQ(SYS(s, SYS_sigaltstack, 0, BAD), -EFAULT);
	CHECK_EQ(SYS(s, SYS_sigaltstack, 0, AT1), 0);
	get_bytes(stack, AT1, sizeof stack);
	CHECK_EQ(stack[1], SS_DISABLE);
}

/*--- poll -----------------------------------------------------------------*/

TEST(poll_knows_what_is_open)
{
	struct pollfd p[4] = {
		{.fd = 1, .events = POLLOUT}, {.fd = -1, .events = POLLIN},
		{.fd = 99, .events = POLLIN}, {.fd = 0, .events = POLLIN},
	};
	uint64_t sets[3] = {1, 2, 0};

	begin();
	put_bytes(AT1, p, sizeof p);
	CHECK_EQ(SYS(s, SYS_poll, AT1, 4, -1), 3);
	get_bytes(p, AT1, sizeof p);
	CHECK_EQ(p[0].revents, POLLOUT);
	CHECK_EQ(p[1].revents, 0);
	CHECK_EQ(p[2].revents, POLLNVAL);
	CHECK_EQ(p[3].revents, POLLIN);
	CHECK_EQ(SYS(s, SYS_poll, AT1, 257, 0), -EINVAL);
	CHECK_EQ(SYS(s, SYS_poll, AT1, 0xffffffff, 0), -EINVAL);
	CHECK_EQ(SYS(s, SYS_poll, BAD, 1, 0), -EFAULT);
	CHECK_EQ(SYS(s, SYS_poll, READ_ONLY, 1, 0), -EFAULT);
	CHECK_EQ(SYS(s, SYS_poll, 0, 0, 1), 0);
	put_bytes(AT1, sets, sizeof sets);
	CHECK_EQ(SYS(s, SYS_select, 3, AT1, AT1 + 8, AT1 + 16, 0), 2);
	sets[0] = 1u << 9;
	put_bytes(AT1, sets, sizeof sets);
	CHECK_EQ(SYS(s, SYS_select, 10, AT1, 0, 0, 0), -EBADF);
	CHECK_EQ(SYS(s, SYS_select, -1, AT1, 0, 0, 0), -EINVAL);
	CHECK_EQ(SYS(s, SYS_select, 10, BAD, 0, 0, 0), -EFAULT);
}

/*--- reset ----------------------------------------------------------------*/

TEST(reset_restores_everything_a_fork_can_change)
{
	uint64_t set = 0xf0, got[4] = {0}, alt[3] = {AT0, 0, 8192};
	struct linux_state *f;
	char name[16];
	unsigned fds;

	begin();
	linux_freeze(s);
	CHECK_OK(linux_fork(s, NULL, &f, &err));
	fake.booting = false;
	fds = host_fds();
	put_bytes(AT1, &set, sizeof set);
	CHECK_EQ(SYS(f, SYS_rt_sigprocmask, SIG_SETMASK, AT1, 0, 8), 0);
	CHECK_EQ(SYS(f, SYS_tgkill, 1, 1, SIGABRT), 0);
	CHECK_EQ(SYS(f, SYS_rt_sigaction, 2, action_at(AT1, 77), 0, 8), 0);
	put_bytes(AT1, alt, sizeof alt);
	CHECK_EQ(SYS(f, SYS_sigaltstack, AT1, 0), 0);
	CHECK_EQ(SYS(f, SYS_umask, 0), 022);
	CHECK_EQ(SYS(f, SYS_prctl, 15, put_str(AT0, "changed")), 0);
	CHECK_EQ(SYS(f, SYS_chdir, put_str(AT0, "/e")), 0);
	CHECK_EQ(SYS(f, SYS_open, put_str(AT0, "passwd"), 0), 3);
	CHECK_EQ(SYS(f, SYS_close, 1), 0);
	(void)SYS(f, SYS_exit, 9);
	CHECK(linux_exited(f, &status));

	linux_reset(f);
	CHECK(!linux_exited(f, &status));
	CHECK_EQ(host_fds(), fds);
	CHECK_EQ(SYS(f, SYS_rt_sigprocmask, 0, 0, AT1, 8), 0);
	get_bytes(got, AT1, 8);
	CHECK_EQ(got[0], 0);
	CHECK_EQ(SYS(f, SYS_rt_sigpending, AT1, 8), 0);
	get_bytes(got, AT1, 8);
	CHECK_EQ(got[0], 0);
	CHECK_EQ(SYS(f, SYS_rt_sigaction, 2, 0, AT1, 8), 0);
	get_bytes(got, AT1, 32);
	CHECK_EQ(got[0], 0);
	CHECK_EQ(SYS(f, SYS_sigaltstack, 0, AT1), 0);
	get_bytes(alt, AT1, sizeof alt);
	CHECK_EQ(alt[0], 0);
	CHECK_EQ(SYS(f, SYS_umask, 0), 022);
	CHECK_EQ(SYS(f, SYS_prctl, 16, AT1), 0);
	get_bytes(name, AT1, sizeof name);
	CHECK_STR(name, "main");
	CHECK_EQ(SYS(f, SYS_getcwd, AT1, 100), 2);
	CHECK_EQ(SYS(f, SYS_write, 1, AT1, 1), 1);
	CHECK_EQ(SYS(f, SYS_close, 3), -EBADF);
	linux_destroy(&f);
}

/* In a child whom the kernel kills for any system call but exit(). */
static bool
resets_without_system_calls(struct linux_state *f)
{
	int child_status;
	pid_t child = fork();

	if (child == 0) {
		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0)
			_exit(2);
		linux_reset(f);
		syscall(SYS_exit, 0);
	}
	return (child > 0 && waitpid(child, &child_status, 0) == child &&
	    WIFEXITED(child_status) && WEXITSTATUS(child_status) == 0);
}

TEST(reset_needs_no_system_call_unless_files_were_opened)
{
	struct linux_state *f;

	begin();
	CHECK_EQ(SYS(s, SYS_open, put_str(AT0, "/e/passwd"), 0), 3);
	linux_freeze(s);
	CHECK_OK(linux_fork(s, NULL, &f, &err));
	fake.booting = false;
	CHECK(resets_without_system_calls(f));
	CHECK(SYS(f, SYS_read, 3, AT1, 4) > 0);
	CHECK_EQ(SYS(f, SYS_brk, FAKE_BRK + 100), FAKE_BRK + 100);
	CHECK_EQ(SYS(f, SYS_write, 1, AT1, 4), 4);
	CHECK_EQ(SYS(f, SYS_close, 3), 0);
	CHECK(resets_without_system_calls(f));
	linux_reset(f);
	CHECK_EQ(SYS(f, SYS_open, put_str(AT0, "/e/passwd"), 0), 4);
	CHECK(!resets_without_system_calls(f));		/* the test can fail */
	linux_destroy(&f);
}

/*--- every call -----------------------------------------------------------*/

TEST(unknown_and_refused_calls_are_counted)
{
	begin();
	CHECK_EQ(SYS(s, 511), -ENOSYS);
	CHECK_EQ(SYS(s, SYS_fork), -ENOSYS);
	CHECK_EQ(SYS(s, SYS_clone3), -ENOSYS);
	CHECK_EQ(SYS(s, SYS_socket, 2, 1, 0), -ENOSYS);
	CHECK_EQ(SYS(s, SYS_bind, 3, AT0, 16), -EPERM);
	CHECK_EQ(SYS(s, SYS_connect, 3, AT0, 16), -ENOSYS);
	CHECK_EQ(fake_unknown, 6);
	CHECK_EQ(SYS(s, SYS_rseq), -ENOSYS);	/* every libc tries */
	CHECK_EQ(SYS(s, SYS_getpid), 1);
	CHECK_EQ(fake_unknown, 6);
}

static const uint64_t nasty[] = {
	0, 1, 2, 3, 8, 16, 255, 256, 4095, 4096, 4097, 1u << 31, 0xffffffff,
	1ull << 32, 1ull << 47, 1ull << 63, INT64_MAX, UINT64_MAX,
	UINT64_MAX - 4095, FAKE_IMAGE, FAKE_STACK - 1, FAKE_STACK, AT0, AT1 + 1,
	FAKE_BRK, FAKE_ARENA, FAKE_END - 1, FAKE_END, (uint64_t)AT_FDCWD,
};
#define NASTY (sizeof nasty / sizeof nasty[0])

/* Random nasty arguments; the fork must come out as it went in. */
TEST(no_argument_harms_the_host)
{
	struct linux_state *f;
	unsigned before, after;
	uint32_t nr;

	begin();
	linux_freeze(s);
	CHECK_OK(linux_fork(s, NULL, &f, &err));
	before = host_fds();
	srand(5);
	for (int round = 0; round < 200000; round++) {
		nr = (uint32_t)rand() % 512;
		fake.booting = rand() % 4 == 0;
		fake.deadline_ns = tkvm_now_ns() + 1000;
		put_str(AT0, rand() % 2 ? "/e/passwd" : "/e/../e//");
		timespec_at(AT1 + 1, rand() % 3 ? 0 : INT64_MAX, rand());
		(void)SYS(f, nr, nasty[(size_t)rand() % NASTY],
		    nasty[(size_t)rand() % NASTY],
		    nasty[(size_t)rand() % NASTY],
		    nasty[(size_t)rand() % NASTY],
		    nasty[(size_t)rand() % NASTY],
		    nasty[(size_t)rand() % NASTY]);
		if (rand() % 100 == 0)
			linux_reset(f);
	}
	linux_reset(f);
	after = host_fds();
	CHECK_EQ(after, before);
	linux_destroy(&f);
}

TEST_MAIN()
