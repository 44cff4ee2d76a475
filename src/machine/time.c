/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * time.c: what the guest's vDSO needs to tell the time: what it was when the
 * run began, and how fast the counter of the CPU is.
 *
 * That takes a counter that all CPUs share, also those of guests. Linux says
 * so by using it itself; vcpu/kvm.c asks KVM not to shift it, and the self-test
 * looks whether a guest reads the same. Elsewhere the time is a system call.
 */
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "machine/machine_priv.h"
#include "machine/time_record.h"

#define CLOCK_SOURCE \
	"/sys/devices/system/clocksource/clocksource0/current_clocksource"
/* Over so long a time its speed is known to 1 in a million. */
#define EXACT_NS 100000000
/* Counter and clocks are read at once, unless something came between. */
#define SAME_TICKS 4000
#define TRIES 8
/* Clocks are not further off, unless the computer was asleep. */
#define MOST_OFF 1e-3

/* One instant, by the counter and by both clocks. */
struct instant {
	uint64_t tsc, steady_ns, real_ns;
};

/* Written by the self-test, before any other machine is made. */
static struct {
	bool usable;
	struct instant first;
	double ns_per_tick;		/* from the first to the second look */
} counter;

static uint64_t
nanoseconds(clockid_t clock)
{
	struct timespec ts;

	(void)clock_gettime(clock, &ts);
	return ((uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec);
}

/* The counter before the clocks: a guest is never behind them. */
static struct instant
now(void)
{
	struct instant is, best = {0};
	uint64_t ticks, least = UINT64_MAX;

	for (unsigned i = 0; i < TRIES && least > SAME_TICKS; i++) {
		is.tsc = __builtin_ia32_rdtsc();
		is.steady_ns = nanoseconds(CLOCK_MONOTONIC);
		is.real_ns = nanoseconds(CLOCK_REALTIME);
		ticks = __builtin_ia32_rdtsc() - is.tsc;
		if (ticks < least) {
			least = ticks;
			best = is;
		}
	}
	return (best);
}

static bool
is_source(void)
{
	static const char want[] = "tsc\n";
	char is[sizeof want];
	int fd = open(CLOCK_SOURCE, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, is, sizeof is);

	if (fd >= 0)
		(void)close(fd);
	return (n == sizeof want - 1 && memcmp(is, want, (size_t)n) == 0);
}

void
time_begin(void)
{
	counter.first = now();
}

bool
time_known(bool same_in_guests)
{
	struct instant is = now();

	counter.usable = same_in_guests && is_source() &&
	    is.tsc > counter.first.tsc;
	if (counter.usable)
		counter.ns_per_tick =
		    (double)(is.steady_ns - counter.first.steady_ns) /
		    (double)(is.tsc - counter.first.tsc);
	return (counter.usable);
}

/* Fixed-point ns of a tick, or 0: the counter is not what it was. */
static uint64_t
speed(const struct instant *is)
{
	const struct instant *first = &counter.first;
	uint64_t ns = is->steady_ns - first->steady_ns;
	double found;

	if (!counter.usable || is->tsc <= first->tsc ||
	    is->steady_ns <= first->steady_ns)
		return (0);
	found = (double)ns / (double)(is->tsc - first->tsc);
	if (found > counter.ns_per_tick * (1 + MOST_OFF) ||
	    found < counter.ns_per_tick * (1 - MOST_OFF))
		return (0);
	if (ns < EXACT_NS)
		found = counter.ns_per_tick;
	return ((uint64_t)(found * (double)((uint64_t)1 << TIME_SHIFT)));
}

/* A machine's clock does not go back to what it has shown. */
static void
go_on(struct time_record *is, const struct time_record *was)
{
	uint64_t shown;

	if (was->mult == 0 || is->tsc <= was->tsc)
		return;
	shown = was->steady_ns + (uint64_t)((unsigned __int128)
	    (is->tsc - was->tsc) * was->mult >> TIME_SHIFT);
	if (is->steady_ns < shown)
		is->steady_ns = shown;
}

void
time_tell(struct tkvm_machine *m)
{
	char *at = m->own + TKVM_PAGE + REC_TIME;
	struct time_record was, is;
	struct instant t;

	if (!m->tells_time)
		return;
	t = now();
	is = (struct time_record){
		.mult = speed(&t), .tsc = t.tsc, .steady_ns = t.steady_ns,
		.real_ns = t.real_ns,
	};
	memcpy(&was, at, sizeof was);
	go_on(&is, &was);
	/* Other CPUs of the machine may run when it is told for the first */
	/* time: what says that the rest is there comes last. */
	memcpy(at + sizeof is.mult, (char *)&is + sizeof is.mult,
	    sizeof is - sizeof is.mult);
	__atomic_store_n((uint64_t *)(void *)at, is.mult, __ATOMIC_RELEASE);
}

void
tkvm_machine_tell_time(struct tkvm_machine *m)
{
	if (m->tells_time || !counter.usable)
		return;
	m->tells_time = true;
	time_tell(m);
}
