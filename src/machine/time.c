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
/*
 * A machine measures the counter's speed over times like these, which makes it
 * known to 1 in a million.
 */
#define EXACT_NS 100000000
#define LONG_NS 60000000000
/* The self-test measures over this one. */
#define FIRST_NS 5000000
/* Speeds differ by less, unless the computer was asleep in between. */
#define MOST_OFF 1e-3
#define MOST_OFF_NS 20000
/* Counter and clocks are read at once, unless something came between. */
#define SAME_TICKS 4000
#define TRIES 8

/* Written by the self-test, before any other machine is made. */
static struct {
	_Atomic bool usable;		/* false is for ever */
	double ns_per_tick;		/* as the self-test has measured it */
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

enum tkvm_clock
time_known(bool same_in_guests)
{
	const struct timespec rest = {.tv_nsec = FIRST_NS};
	struct instant first, second;

	if (!is_source())
		return (TKVM_CLOCK_OTHER_SOURCE);
	if (!same_in_guests)
		return (TKVM_CLOCK_SHIFTED);
	first = now();
	(void)nanosleep(&rest, NULL);
	second = now();
	if (second.tsc <= first.tsc)
		return (TKVM_CLOCK_OTHER_SOURCE);
	counter.ns_per_tick = (double)(second.steady_ns - first.steady_ns) /
	    (double)(second.tsc - first.tsc);
	atomic_store(&counter.usable, true);
	return (TKVM_CLOCK_NO_CALL);
}

/*
 * After a leap of counter or clocks, as when the computer was asleep: measure
 * anew. When KVM has shifted guests' counters to hide it from them, or
 * might have, nobody uses them any more.
 */
static double
leap(struct tkvm_machine *m, bool back)
{
	if (back || vcpu_counter_shifted(m->vcpu))
		atomic_store(&counter.usable, false);
	m->time_since.tsc = 0;
	m->ns_per_tick = 0;
	return (0);
}

/* Nanoseconds per tick, or 0: not known. */
static double
speed(struct tkvm_machine *m, const struct instant *is)
{
	double ticks, ns, off;

	if (!atomic_load(&counter.usable))
		return (0);
	if (m->time_since.tsc == 0)
		m->time_since = *is;
	/* Exact for months, also when it is negative. */
	ticks = (double)(int64_t)(is->tsc - m->time_since.tsc);
	ns = (double)(int64_t)(is->steady_ns - m->time_since.steady_ns);
	off = m->ns_per_tick == 0 ? 0 : ticks * m->ns_per_tick - ns;
	if (ticks < 0 || ns < 0)
		return (leap(m, true));
	if (off > ns * MOST_OFF + MOST_OFF_NS ||
	    -off > ns * MOST_OFF + MOST_OFF_NS)
		return (leap(m, false));
	if (ns >= EXACT_NS)
		m->ns_per_tick = ns / ticks;
	if (ns >= LONG_NS)
		m->time_since = *is;
	return (m->ns_per_tick);
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
		.mult = (uint64_t)(speed(m, &t) *
		    (double)((uint64_t)1 << TIME_SHIFT)),
		.tsc = t.tsc, .steady_ns = t.steady_ns, .real_ns = t.real_ns,
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
	if (m->tells_time || !atomic_load(&counter.usable))
		return;
	m->tells_time = true;
	m->ns_per_tick = counter.ns_per_tick;
	time_tell(m);
}
