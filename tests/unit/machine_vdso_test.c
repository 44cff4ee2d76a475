/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's vDSO, run here on a record as the host fills it in: its loader's
 * view, its clocks, and what it does without a record.
 */
#include "../../src/machine/time.c"

#include <elf.h>
#include <errno.h>
#include <sys/mman.h>
#include <sys/time.h>

#include "test.h"

#define NS 1000000000
/* Two clocks that are read one behind the other. */
#define NEAR_NS 1000000

extern const char vdso_image[], vdso_image_end[];

static struct tkvm_machine machine;
static bool known;
static struct time_record *record;
#define NEED_COUNTER() do { \
	begin(true); \
	if (!known) \
		SKIP("this computer does not tell the time by its CPU"); \
} while (0)
static int (*vdso_clock)(clockid_t, struct timespec *);
static int (*vdso_day)(struct timeval *, struct timezone *);
static time_t (*vdso_seconds)(time_t *);

static bool shifted;

bool
vcpu_counter_shifted(const struct vcpu *v)
{
	return (v != NULL || shifted);
}

/* The pages from the trap stack to the vDSO, as a machine has them. */
static void
begin(bool told)
{
	static char *at;

	if (at == NULL) {
		at = mmap(NULL, OFF_VDSO + TKVM_PAGE, PROT_READ | PROT_WRITE |
		    PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (at == MAP_FAILED)
			abort();
		memcpy(at + OFF_VDSO, vdso_image,
		    (size_t)(vdso_image_end - vdso_image));
		*(void **)&vdso_clock = at + OFF_VDSO + VDSO_CLOCK_GETTIME;
		*(void **)&vdso_day = at + OFF_VDSO + VDSO_GETTIMEOFDAY;
		*(void **)&vdso_seconds = at + OFF_VDSO + VDSO_TIME;
		record = (struct time_record *)(void *)(at + OFF_RECORD +
		    REC_TIME);
		known = time_known(true) == TKVM_CLOCK_NO_CALL;
	}
	machine.own = at + OFF_RECORD - TKVM_PAGE;
	machine.tells_time = false;
	machine.time_since.tsc = 0;
	memset(record, 0, sizeof *record);
	atomic_store(&counter.usable, known);
	if (told)
		tkvm_machine_tell_time(&machine);
}

/* -1, 0, 1: it shows less than before, something between, more than after. */
static int
compare(clockid_t clock, clockid_t host)
{
	uint64_t before = nanoseconds(host), is;
	struct timespec ts;

	if (vdso_clock(clock, &ts) != 0)
		return (-2);
	is = (uint64_t)ts.tv_sec * NS + (uint64_t)ts.tv_nsec;
	if (is + NEAR_NS < before)
		return (-1);
	return (is > nanoseconds(host) + NEAR_NS);
}

TEST(its_functions_stay_where_frozen_programs_know_them)
{
	static const struct {
		const char *name;
		uint64_t at;
	} want[] = {
		{"__vdso_clock_gettime", 0x600},
		{"__vdso_gettimeofday", 0x800},
		{"__vdso_time", 0xa00},
	};
	const Elf64_Ehdr *e = (const void *)vdso_image;
	const Elf64_Shdr *sh = (const void *)(vdso_image + e->e_shoff), *syms;
	const Elf64_Sym *sym;
	unsigned found = 0;

	for (syms = sh; syms->sh_type != SHT_DYNSYM; syms++)
		CHECK(syms < sh + e->e_shnum);
	for (unsigned i = 0; i < syms->sh_size / sizeof *sym; i++) {
		sym = (const Elf64_Sym *)(const void *)(vdso_image +
		    syms->sh_offset) + i;
		for (unsigned k = 0; k < 3; k++) {
			if (strcmp(vdso_image + sh[syms->sh_link].sh_offset +
			    sym->st_name, want[k].name) != 0)
				continue;
			CHECK_EQ(sym->st_value, want[k].at);
			found++;
		}
	}
	CHECK_EQ(found, 3);
	CHECK_EQ(OFF_VDSO, 0x8000);
	CHECK_EQ(OFF_RECORD, 0x6000);
	CHECK_EQ(REC_TIME, 0x80);
	CHECK_EQ(offsetof(struct time_record, mult), 0);
	CHECK_EQ(offsetof(struct time_record, tsc), 8);
	CHECK_EQ(offsetof(struct time_record, steady_ns), 16);
	CHECK_EQ(offsetof(struct time_record, real_ns), 24);
}

/* Nothing is relocated, and all of it is read and executed, not written. */
TEST(it_is_one_segment_within_a_page)
{
	const Elf64_Ehdr *e = (const void *)vdso_image;
	const Elf64_Phdr *p = (const void *)(vdso_image + e->e_phoff);
	const Elf64_Dyn *d;
	unsigned loads = 0;

	CHECK(vdso_image_end - vdso_image <= TKVM_PAGE);
	CHECK_EQ(e->e_type, ET_DYN);
	for (unsigned i = 0; i < e->e_phnum; i++) {
		loads += p[i].p_type == PT_LOAD;
		if (p[i].p_type == PT_LOAD) {
			CHECK_EQ(p[i].p_flags, PF_R | PF_X);
			CHECK_EQ(p[i].p_vaddr, 0);
			CHECK(p[i].p_memsz <= TKVM_PAGE);
		}
		if (p[i].p_type != PT_DYNAMIC)
			continue;
		for (d = (const void *)(vdso_image + p[i].p_offset);
		    d->d_tag != DT_NULL; d++)
			CHECK(d->d_tag != DT_RELA && d->d_tag != DT_NEEDED &&
			    d->d_tag != DT_TEXTREL && d->d_tag != DT_INIT);
	}
	CHECK_EQ(loads, 1);
}

TEST(guests_with_another_counter_are_not_told_the_time)
{
	NEED_COUNTER();
	atomic_store(&counter.usable, false);
	CHECK_EQ(time_known(false), TKVM_CLOCK_SHIFTED);
	CHECK(!atomic_load(&counter.usable));
	CHECK_EQ(time_known(true), TKVM_CLOCK_NO_CALL);
	CHECK(atomic_load(&counter.usable));
}

TEST(its_clocks_are_the_hosts)
{
	NEED_COUNTER();
	CHECK(record->mult != 0);
	for (unsigned i = 0; i < 1000; i++) {
		CHECK_EQ(compare(CLOCK_MONOTONIC, CLOCK_MONOTONIC), 0);
		CHECK_EQ(compare(CLOCK_REALTIME, CLOCK_REALTIME), 0);
		CHECK_EQ(compare(CLOCK_MONOTONIC_COARSE, CLOCK_MONOTONIC), 0);
		CHECK_EQ(compare(CLOCK_REALTIME_COARSE, CLOCK_REALTIME), 0);
	}
	/* That they were read there and not asked for. */
	record->steady_ns += (uint64_t)1000 * NS;
	record->real_ns += (uint64_t)1000 * NS;
	CHECK_EQ(compare(CLOCK_MONOTONIC, CLOCK_MONOTONIC), 1);
	CHECK_EQ(compare(CLOCK_REALTIME, CLOCK_REALTIME), 1);
}

TEST(its_clocks_do_not_go_back)
{
	struct timespec was, is;

	NEED_COUNTER();
	CHECK_EQ(vdso_clock(CLOCK_MONOTONIC, &was), 0);
	for (unsigned i = 0; i < 100000; i++) {
		/* Each run begins with being told. */
		if (i % 100 == 0)
			time_tell(&machine);
		CHECK_EQ(vdso_clock(CLOCK_MONOTONIC, &is), 0);
		CHECK(is.tv_sec > was.tv_sec || (is.tv_sec == was.tv_sec &&
		    is.tv_nsec >= was.tv_nsec));
		was = is;
	}
	/* It was too fast: the next run begins where it has come to. */
	record->steady_ns += (uint64_t)1000 * NS;
	time_tell(&machine);
	CHECK_EQ(compare(CLOCK_MONOTONIC, CLOCK_MONOTONIC), 1);
	/* Of another CPU, whose counter is behind. */
	record->tsc = UINT64_MAX / 4;
	record->steady_ns = 77 * (uint64_t)NS;
	CHECK_EQ(vdso_clock(CLOCK_MONOTONIC, &is), 0);
	CHECK(is.tv_sec == 77 && is.tv_nsec == 0);
}

TEST(without_a_record_and_for_other_clocks_it_is_a_system_call)
{
	static const clockid_t others[] = {CLOCK_PROCESS_CPUTIME_ID,
	    CLOCK_THREAD_CPUTIME_ID, CLOCK_MONOTONIC_RAW, CLOCK_BOOTTIME,
	    CLOCK_TAI};
	struct timespec ts;

	begin(false);
	CHECK_EQ(record->mult, 0);
	CHECK_EQ(compare(CLOCK_MONOTONIC, CLOCK_MONOTONIC), 0);
	CHECK_EQ(compare(CLOCK_REALTIME, CLOCK_REALTIME), 0);
	begin(true);
	record->steady_ns = record->real_ns = 0;
	for (unsigned i = 0; i < sizeof others / sizeof others[0]; i++)
		CHECK_EQ(compare(others[i], others[i]), 0);
	CHECK_EQ(vdso_clock(99, &ts), -EINVAL);
	CHECK_EQ(vdso_clock(-1, &ts), -EINVAL);
	begin(false);
	CHECK_EQ(vdso_clock(CLOCK_MONOTONIC, NULL), -EFAULT);
}

TEST(the_older_calls_tell_the_same_time)
{
	struct timezone tz = {.tz_minuteswest = 7};
	struct timeval tv;
	time_t t;

	for (unsigned told = 0; told < 2; told++) {
		begin(told);
		CHECK_EQ(vdso_day(&tv, NULL), 0);
		CHECK(tv.tv_usec >= 0 && tv.tv_usec < 1000000);
		CHECK(llabs((int64_t)tv.tv_sec * NS + tv.tv_usec * 1000 -
		    (int64_t)nanoseconds(CLOCK_REALTIME)) < NS);
		CHECK_EQ(vdso_day(&tv, &tz), 0);
		CHECK_EQ(tz.tz_minuteswest, 0);
		CHECK_EQ(vdso_day(NULL, NULL), 0);
		CHECK_EQ(vdso_seconds(&t), t);
		CHECK(labs(t - time(NULL)) <= 1);
		CHECK(labs(vdso_seconds(NULL) - t) <= 1);
	}
}

/* After hours, with the numbers of a fast counter. */
TEST(long_runs_do_not_overflow)
{
	struct timespec ts;

	NEED_COUNTER();
	record->mult = ((uint64_t)1 << TIME_SHIFT) / 5;		/* 5 GHz */
	record->tsc = __builtin_ia32_rdtsc() -
	    (uint64_t)5 * NS * 3600 * 24 * 100;
	record->steady_ns = 0;
	CHECK_EQ(vdso_clock(CLOCK_MONOTONIC, &ts), 0);
	CHECK(ts.tv_sec >= 3600 * 24 * 100 - 1 &&
	    ts.tv_sec < 3600 * 24 * 100 + 60);
}

/*
 * A machine that has told the time for so long, in which the counter was so
 * much faster than before.
 */
static void
tell_again(int64_t ns_ago, double faster)
{
	begin(true);
	machine.time_since = now();
	machine.time_since.steady_ns -= (uint64_t)ns_ago;
	machine.time_since.tsc -= (uint64_t)(int64_t)((double)ns_ago /
	    counter.ns_per_tick * faster);
	time_tell(&machine);
}

TEST(the_speed_follows_the_hosts_clock)
{
	double first;

	NEED_COUNTER();
	first = counter.ns_per_tick;
	CHECK(machine.ns_per_tick == first);
	/* Over too short a time it is not known better. */
	tell_again(EXACT_NS / 2, 1.0001);
	CHECK(machine.ns_per_tick == first);
	tell_again(EXACT_NS * 10, 1.0001);
	CHECK(machine.ns_per_tick < first * 0.99995);
	CHECK(machine.ns_per_tick > first * 0.9998);
	CHECK_EQ(record->mult, (uint64_t)(machine.ns_per_tick *
	    4294967296.0));
	CHECK(nanoseconds(CLOCK_MONOTONIC) - machine.time_since.steady_ns >=
	    EXACT_NS);
	/* After a long time it is measured anew. */
	tell_again(LONG_NS, 0.9999);
	CHECK(machine.ns_per_tick > first * 1.00005);
	CHECK(nanoseconds(CLOCK_MONOTONIC) - machine.time_since.steady_ns <
	    LONG_NS);
	CHECK(record->mult != 0);
}

TEST(after_a_leap_the_time_is_asked_for_until_the_speed_is_known_again)
{
	static const double leaps[] = {1.01, 0.99, 1e6, 0};

	NEED_COUNTER();
	for (unsigned i = 0; i < sizeof leaps / sizeof leaps[0]; i++) {
		tell_again(EXACT_NS * 10, leaps[i]);
		CHECK_EQ(record->mult, 0);
		CHECK_EQ(compare(CLOCK_MONOTONIC, CLOCK_MONOTONIC), 0);
		time_tell(&machine);
		CHECK_EQ(record->mult, 0);
		machine.time_since.steady_ns -= EXACT_NS;
		machine.time_since.tsc -= (uint64_t)(EXACT_NS /
		    counter.ns_per_tick * 1.05);
		time_tell(&machine);
		CHECK(machine.ns_per_tick < counter.ns_per_tick * 0.96);
		CHECK(record->mult != 0);
	}
	/* A short sleep just now. */
	tell_again(1000, 1e6);
	CHECK_EQ(record->mult, 0);
}

TEST(a_counter_that_went_back_or_was_shifted_is_not_used_any_more)
{
	for (unsigned i = 0; i < 2; i++) {
		NEED_COUNTER();
		shifted = i == 1;
		tell_again(EXACT_NS * 10, shifted ? 1.01 : -1);
		shifted = false;
		CHECK_EQ(record->mult, 0);
		CHECK_EQ(compare(CLOCK_MONOTONIC, CLOCK_MONOTONIC), 0);
		tkvm_machine_tell_time(&machine);
		machine.ns_per_tick = counter.ns_per_tick;
		time_tell(&machine);
		CHECK_EQ(record->mult, 0);
		machine.tells_time = false;
		tkvm_machine_tell_time(&machine);
		CHECK(!machine.tells_time);
	}
	begin(true);
	CHECK(record->mult != 0);
}

TEST_MAIN()
