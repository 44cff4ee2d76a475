/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vdso.c: what libraries ask the time in place of a system call, vdso(7). Runs
 * in the guest, at OFF_VDSO, and reads the record that the host filled in
 * (time.c). Where that says nothing it makes the system call.
 *
 * vdso.lds gives each function its place: programs that were frozen know the
 * addresses, and files of them outlive a version of this.
 */
#include <stddef.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

#include "machine/time_record.h"

#define NS 1000000000u

/* In the record page, see vdso.lds.S. */
extern const struct time_record vdso_time
    __attribute__((visibility("hidden")));

int __vdso_clock_gettime(clockid_t clock, struct timespec *ts);
int __vdso_gettimeofday(struct timeval *tv, struct timezone *tz);
time_t __vdso_time(time_t *t);

static inline long
ask(long number, long a, long b)
{
	long r;

	__asm__ volatile("syscall" : "=a"(r) : "a"(number), "D"(a), "S"(b) :
	    "rcx", "r11", "memory");
	return (r);
}

/* Nanoseconds since the record was filled in; false: there is none. */
static inline bool
elapsed(uint64_t *ns)
{
	uint64_t mult = __atomic_load_n(&vdso_time.mult, __ATOMIC_ACQUIRE);
	uint32_t low, high;
	uint64_t tsc;

	if (mult == 0)
		return (false);
	/* Not before what came before: AMD64 volume 3, RDTSC. */
	__asm__ volatile("lfence\n\trdtsc" : "=a"(low), "=d"(high) : :
	    "memory");
	tsc = ((uint64_t)high << 32 | low) - vdso_time.tsc;
	/* Another CPU's counter may be behind by its skew. */
	if ((int64_t)tsc < 0)
		tsc = 0;
	*ns = (uint64_t)((unsigned __int128)tsc * mult >> TIME_SHIFT);
	return (true);
}

__attribute__((section(".text.clock_gettime"))) int
__vdso_clock_gettime(clockid_t clock, struct timespec *ts)
{
	bool real = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
	bool steady = clock == CLOCK_MONOTONIC ||
	    clock == CLOCK_MONOTONIC_COARSE;
	uint64_t ns;

	if (!(real || steady) || !elapsed(&ns))
		return ((int)ask(SYS_clock_gettime, clock, (long)ts));
	ns += real ? vdso_time.real_ns : vdso_time.steady_ns;
	ts->tv_sec = (time_t)(ns / NS);
	ts->tv_nsec = (long)(ns % NS);
	return (0);
}

__attribute__((section(".text.gettimeofday"))) int
__vdso_gettimeofday(struct timeval *tv, struct timezone *tz)
{
	uint64_t ns;

	if (tz != NULL || tv == NULL || !elapsed(&ns))
		return ((int)ask(SYS_gettimeofday, (long)tv, (long)tz));
	ns += vdso_time.real_ns;
	tv->tv_sec = (time_t)(ns / NS);
	tv->tv_usec = (suseconds_t)(ns % NS / 1000);
	return (0);
}

__attribute__((section(".text.time"))) time_t
__vdso_time(time_t *t)
{
	time_t now;
	uint64_t ns;

	if (!elapsed(&ns))
		return (ask(SYS_time, (long)t, 0));
	now = (time_t)((vdso_time.real_ns + ns) / NS);
	if (t != NULL)
		*t = now;
	return (now);
}
