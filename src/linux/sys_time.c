/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sys_time.c: clocks are the host's. Sleeping happens on the host's thread and
 * ends with the run's deadline at the latest.
 *
 * The two CPU-time clocks both show the time of the thread that runs the
 * machine: the embedding process is none of the guest's business.
 */
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>

#include "linux/linux_priv.h"

#define NS 1000000000ull

/* Guest clock to host clock. */
static const struct {
	bool known;
	bool sleeps;		/* clock_nanosleep() takes it */
	bool told;		/* the vDSO has it, once it is told */
	clockid_t host;
} clocks[] = {
	[CLOCK_REALTIME] = {true, true, true, CLOCK_REALTIME},
	[CLOCK_MONOTONIC] = {true, true, true, CLOCK_MONOTONIC},
	[CLOCK_PROCESS_CPUTIME_ID] = {true, false, false,
	    CLOCK_THREAD_CPUTIME_ID},
	[CLOCK_THREAD_CPUTIME_ID] = {true, false, false,
	    CLOCK_THREAD_CPUTIME_ID},
	[CLOCK_MONOTONIC_RAW] = {true, false, false, CLOCK_MONOTONIC_RAW},
	[CLOCK_REALTIME_COARSE] = {true, false, true, CLOCK_REALTIME_COARSE},
	[CLOCK_MONOTONIC_COARSE] = {true, false, true, CLOCK_MONOTONIC_COARSE},
	[CLOCK_BOOTTIME] = {true, true, false, CLOCK_BOOTTIME},
	[CLOCK_TAI] = {true, true, false, CLOCK_TAI},
};

static bool
host_clock(uint64_t clock, clockid_t *host)
{
	clock = (uint32_t)clock;
	if (clock >= sizeof clocks / sizeof clocks[0] || !clocks[clock].known)
		return (false);
	*host = clocks[clock].host;
	return (true);
}

static struct timespec
thread_time(void)
{
	struct timespec ts = {0, 0};

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (ts);
}

/*--- helpers --------------------------------------------------------------*/

int
time_get(const struct linux_ctx *c, uint64_t gva, uint64_t *ns)
{
	int64_t ts[2];

	if (tkvm_copy_in(c->m, ts, gva, sizeof ts) != 0)
		return (-EFAULT);
	if (ts[0] < 0 || ts[1] < 0 || ts[1] >= (int64_t)NS)
		return (-EINVAL);
	if (__builtin_mul_overflow((uint64_t)ts[0], NS, ns) ||
	    __builtin_add_overflow(*ns, (uint64_t)ts[1], ns))
		*ns = UINT64_MAX;
	return (0);
}

uint64_t
time_after(uint64_t ns)
{
	uint64_t at;

	return (__builtin_add_overflow(tkvm_now_ns(), ns, &at) ? UINT64_MAX :
	    at);
}

int
time_on_clock(uint64_t clock, uint64_t ns, uint64_t *until_ns)
{
	struct timespec now;
	clockid_t host;
	uint64_t shows;

	if (!host_clock(clock, &host) || !clocks[(uint32_t)clock].sleeps ||
	    clock_gettime(host, &now) != 0)
		return (-EINVAL);
	shows = (uint64_t)now.tv_sec * NS + (uint64_t)now.tv_nsec;
	*until_ns = ns > shows ? time_after(ns - shows) : 0;
	return (0);
}

int
time_sleep_until(const struct linux_ctx *c, uint64_t until_ns)
{
	uint64_t deadline = tkvm_machine_deadline(c->m);
	uint64_t end = until_ns < deadline ? until_ns : deadline;
	const struct timespec ts = {
		.tv_sec = (time_t)(end / NS), .tv_nsec = (long)(end % NS),
	};

	while (tkvm_now_ns() < end)
		(void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts,
		    NULL);
	return (until_ns <= deadline ? 0 : -EINTR);
}

static int64_t
put(struct linux_ctx *c, uint64_t gva, const void *data, size_t size)
{
	if (gva == 0)
		return (0);
	return (tkvm_copy_out(c->m, gva, data, size) != 0 ? -EFAULT : 0);
}

/*--- clocks ---------------------------------------------------------------*/

int64_t
sys_clock_gettime(struct linux_ctx *c)
{
	struct timespec ts;
	clockid_t host;

	if (!host_clock(c->a[0], &host))
		return (-EINVAL);
	if (clock_gettime(host, &ts) != 0)
		return (-errno);
	if (clocks[(uint32_t)c->a[0]].told)
		tkvm_machine_tell_time(c->m);
	return (tkvm_copy_out(c->m, c->a[1], &ts, sizeof ts) != 0 ? -EFAULT :
	    0);
}

int64_t
sys_clock_getres(struct linux_ctx *c)
{
	struct timespec ts;
	clockid_t host;

	if (!host_clock(c->a[0], &host))
		return (-EINVAL);
	if (clock_getres(host, &ts) != 0)
		return (-errno);
	return (put(c, c->a[1], &ts, sizeof ts));
}

int64_t
sys_gettimeofday(struct linux_ctx *c)
{
	static const int32_t utc[2];
	struct timespec ts;
	int64_t tv[2], r;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	tkvm_machine_tell_time(c->m);
	tv[0] = ts.tv_sec;
	tv[1] = ts.tv_nsec / 1000;
	r = put(c, c->a[0], tv, sizeof tv);
	return (r != 0 ? r : put(c, c->a[1], utc, sizeof utc));
}

int64_t
sys_time(struct linux_ctx *c)
{
	int64_t now = time(NULL), r;

	tkvm_machine_tell_time(c->m);
	r = put(c, c->a[0], &now, sizeof now);
	return (r != 0 ? r : now);
}

/*--- sleeping -------------------------------------------------------------*/

static int64_t
sleep_for(struct linux_ctx *c, uint64_t ns, uint64_t rest_gva)
{
	uint64_t until = time_after(ns), now;
	int64_t rest[2];

	if (time_sleep_until(c, until) == 0)
		return (0);
	now = tkvm_now_ns();
	rest[0] = until > now ? (int64_t)((until - now) / NS) : 0;
	rest[1] = until > now ? (int64_t)((until - now) % NS) : 0;
	(void)put(c, rest_gva, rest, sizeof rest);
	return (-EINTR);
}

int64_t
sys_nanosleep(struct linux_ctx *c)
{
	uint64_t ns;
	int r = time_get(c, c->a[0], &ns);

	return (r != 0 ? r : sleep_for(c, ns, c->a[1]));
}

int64_t
sys_clock_nanosleep(struct linux_ctx *c)
{
	uint64_t ns, until;
	int r;

	r = time_on_clock(c->a[0], 0, &until);
	if (r == 0 && (c->a[1] & ~(uint64_t)TIMER_ABSTIME) != 0)
		r = -EINVAL;
	if (r == 0)
		r = time_get(c, c->a[2], &ns);
	if (r != 0)
		return (r);
	if (c->a[1] == 0)
		return (sleep_for(c, ns, c->a[3]));
	r = time_on_clock(c->a[0], ns, &until);
	return (r != 0 ? r : time_sleep_until(c, until));
}

/*--- accounts -------------------------------------------------------------*/

#define TICKS 100		/* AT_CLKTCK */

int64_t
sys_times(struct linux_ctx *c)
{
	struct timespec ts = thread_time();
	int64_t tms[4] = {
		ts.tv_sec * TICKS + ts.tv_nsec / (long)(NS / TICKS),
	};
	int64_t r = put(c, c->a[0], tms, sizeof tms);

	return (r != 0 ? r : (int64_t)(tkvm_now_ns() / (NS / TICKS)));
}

int64_t
sys_getrusage(struct linux_ctx *c)
{
	int32_t who = (int32_t)c->a[0];
	struct timespec ts = thread_time();
	struct rusage u;

	if (who != RUSAGE_SELF && who != RUSAGE_CHILDREN &&
	    who != RUSAGE_THREAD)
		return (-EINVAL);
	memset(&u, 0, sizeof u);
	if (who != RUSAGE_CHILDREN) {
		u.ru_utime.tv_sec = ts.tv_sec;
		u.ru_utime.tv_usec = ts.tv_nsec / 1000;
	}
	return (tkvm_copy_out(c->m, c->a[1], &u, sizeof u) != 0 ? -EFAULT : 0);
}
