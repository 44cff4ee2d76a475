/* SPDX-License-Identifier: BSD-2-Clause */
/* Programs read their clocks without a call, where the host can. */
#include "program_rig.h"

#define CLOCKS "build/tests/guests/clock_probe"
#define MUSL "build/tests/guests/clock_probe_musl"
#define REQUESTS 20
/* Clocks that are read one behind the other. */
#define NEAR_NS 1000000

static bool
by_vdso(void)
{
	const struct tkvm_host *host;
	struct tkvm_err err;

	return (tkvm_host_probe(&host, &err) == 0 &&
	    host->clock == TKVM_CLOCK_NO_CALL);
}

static int64_t
real_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (ts.tv_sec * 1000000000ll + ts.tv_nsec);
}

/* NULL, or what is wrong with a request's clocks. */
static const char *
ask(struct rig *rig, const char *url)
{
	int64_t steady, real, day, second;
	int64_t before = (int64_t)tkvm_now_ns() - NEAR_NS, after;
	int64_t real_before = real_ns() - NEAR_NS, real_after;
	static char text[128];

	if (rig_call(rig, "probe", url, "") != 0)
		return (rig->err.text);
	after = (int64_t)tkvm_now_ns() + NEAR_NS;
	real_after = real_ns() + NEAR_NS;
	(void)snprintf(text, sizeof text, "%.*s", (int)rig->reply->body_len,
	    (const char *)rig->reply->body);
	if (sscanf(text, "%jd %jd %jd %jd", &steady, &real, &day, &second) != 4)
		return (text);
	if (steady < before || steady > after)
		return ("CLOCK_MONOTONIC is not the host's");
	if (real < real_before || real > real_after)
		return ("CLOCK_REALTIME is not the host's");
	if (day * 1000 < real_before - 1000 || day * 1000 > real_after)
		return ("gettimeofday() is not the host's");
	if (second < real_before / 1000000000 - 1 ||
	    second > real_after / 1000000000)
		return ("time() is not the host's");
	return (NULL);
}

static unsigned
count(const char *text, const char *what)
{
	unsigned n = 0;

	for (; (text = strstr(text, what)) != NULL; text++)
		n++;
	return (n);
}

/* calls: of all requests together. */
static void
check(const char *file, const char *settings, unsigned calls)
{
	const char *wrong;
	struct rig rig;

	CHECK_RIG(&rig, rig_one(&rig, file, settings));
	for (unsigned i = 0; i < REQUESTS; i++) {
		wrong = ask(&rig, "/");
		if (wrong != NULL)
			TEST_FAIL("%s, request %u: %s", file, i, wrong);
	}
	if (by_vdso())
		CHECK_EQ(count(rig.log, "clock_gettime(") +
		    count(rig.log, "gettimeofday(") +
		    count(rig.log, " time("), calls);
	rig_end(&rig);
}

#define TELL "\"concurrency\": 1, \"verbose_requests\": true"

TEST(clocks_are_the_hosts_and_only_the_first_reading_is_a_call)
{
	NEED_KVM();
	check(CLOCKS, TELL, 1);
	if (access(MUSL, X_OK) == 0)
		check(MUSL, TELL, 1);
}

TEST(who_read_them_before_it_waited_makes_no_call_at_all)
{
	NEED_KVM();
	check(CLOCKS, TELL ", \"main_arguments\": [\"x\"]", 0);
}

TEST(memory_that_is_kept_sees_no_clock_go_back)
{
	NEED_KVM();
	check(CLOCKS, TELL ", \"ephemeral\": false", 1);
}

TEST(calls_and_readings_tell_the_same_time)
{
	const char *wrong;
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_one(&rig, CLOCKS, ""));
	for (unsigned i = 0; i < REQUESTS; i++) {
		wrong = ask(&rig, "/raw");
		if (wrong != NULL)
			TEST_FAIL("request %u: %s", i, wrong);
	}
	rig_end(&rig);
}

TEST(a_bad_address_ends_the_request_and_says_where)
{
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_one(&rig, CLOCKS, "\"concurrency\": 1"));
	for (unsigned i = 0; i < 3; i++) {
		CHECK_CALL(&rig, "probe", "/bad", "", by_vdso() ? 500 : 200);
		if (by_vdso())
			CHECK_HAS(rig.reply->error.text, "vdso+0x");
		CHECK(ask(&rig, "/") == NULL);
	}
	rig_end(&rig);
}

TEST(a_program_that_starts_cold_has_its_clocks)
{
	char file[64], settings[128];
	const char *wrong;
	struct rig rig;

	NEED_KVM();
	(void)snprintf(file, sizeof file, "/tmp/tinykvm-clock.%d", getpid());
	(void)snprintf(settings, sizeof settings, "\"main_arguments\": "
	    "[\"x\"], \"cold_start_file\": \"%s\"", file);
	for (unsigned i = 0; i < 2; i++) {
		CHECK_RIG(&rig, rig_one(&rig, CLOCKS, settings));
		for (unsigned k = 0; k < 3; k++) {
			wrong = ask(&rig, "/");
			if (wrong != NULL)
				TEST_FAIL("start %u: %s", i, wrong);
		}
		rig_end(&rig);
		CHECK_EQ(access(file, F_OK), 0);
	}
	(void)unlink(file);
}

TEST_MAIN()
