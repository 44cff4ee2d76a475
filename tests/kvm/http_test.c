/* SPDX-License-Identifier: BSD-2-Clause */
/* Each call of kvm_api.h, made by a real program, well and badly. */
#include "http_rig.h"

#define PROBE "build/tests/guests/http_probe"

/* Lines of the request that every program here gets. */
static void
add_host(struct rig *rig)
{
	strcpy(rig->lines.text[TKVM_REQUEST][0], "Host: a.b.c.d");
	rig->lines.n[TKVM_REQUEST] = 1;
}

static int
get(struct rig *rig, const char *url, const char *arg)
{
	rig_request(rig, url, arg);
	add_host(rig);
	return (rig_send(rig));
}

static const struct {
	const char *url, *arg, *body;
} good[] = {
	{"/strings", "argument", "argument rig request 1"},
	{"/strings", "", " rig request 1"},
	{"/append", "X-Value: 1", "5"},
	{"/set", "X-Value: 1", "5"},
	{"/set", "X-Value", "0"},
	{"/set", "", "0"},
	{"/find", "host", "Host: a.b.c.d"},
	{"/find", "Cookie", ""},
	{"/find-length", "Host", "13"},
	{"/find-short", "Host", "0"},
	{"/method", "", "GET"},
	{"/cacheable", "", "0"},
	{"/log", "line", "logged"},
	{"/meminfo", "", "64 8 1"},
	{"/nothing-there", "", "-1 -1 1 0 -1 -1 -1 -1 0 0 1"},
	{"/unserved", "", "-38 -38"},
	{"/vcpu", "", "0 7"},
	{"/timer", "", "0"},
	{"/type-junk", "", "x"},
	{"/body", "0", ""},
	{"/type", "4095", ""},
	{"/status", "65736", ""},
	{"/where", "5", "5"},
};

TEST(calls_made_well_are_answered)
{
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_start(&rig, PROBE, NULL));
	for (unsigned i = 0; i < sizeof good / sizeof good[0]; i++) {
		int r = get(&rig, good[i].url, good[i].arg);

		if (r != 0)
			TEST_FAIL("%s %s: %s", good[i].url, good[i].arg,
			    rig.err.text);
		if (strcmp(rig.body, good[i].body) != 0)
			TEST_FAIL("%s %s: \"%s\", not \"%s\"", good[i].url,
			    good[i].arg, rig.body, good[i].body);
		CHECK_EQ(rig.reply.status, 200);
	}
	rig_end(&rig);
}

static const struct {
	const char *url, *arg, *reason;
} bad[] = {
	{"/append", "X-Value:1", "illegal header line"},
	{"/append", "X: a\r\nSet-Cookie: b", "illegal header line"},
	{"/append", "X: a\nb", "illegal header line"},
	{"/append", "", "illegal header line"},
	{"/set", "X Y: 1", "illegal header line"},
	{"/find", "Host:", "illegal header line"},
	{"/find", "", "illegal header line"},
	{"/find-into-code", "", "not writable"},
	{"/line-length", "65536", "at most 65535"},
	{"/line-length", "-1", "at most 65535"},
	{"/where", "2", "neither"},
	{"/where", "-1", "neither"},
	{"/register", "", "register_func"},
	{"/wait", "", "second time"},
	{"/paused", "", "second time"},
	{"/status", "0", "200 to 599"},
	{"/status", "100", "200 to 599"},
	{"/status", "600", "200 to 599"},
	{"/status", "-200", "200 to 599"},
	{"/type", "4096", "4096"},
	{"/type", "4294967295", "4096"},
	{"/body", "-1", "not mapped"},
	{"/body", "16", "not mapped"},
	{"/body-at", "7fff00000000", "not mapped"},
	{"/body-at", "fffffffffffff000", "not mapped"},
	{"/extra-at", "1", "unmapped"},
	{"/extra-at", "ffffffffffffff00", "unmapped"},
	{"/meminfo-at", "0", "not writable"},
	{"/meminfo-at", "200000", "not writable"},
	{"/log-at", "8", "unmapped"},
	{"/storage", "", "storage is not initialised"},
	{"/task", "", "storage is not initialised"},
	{"/return", "", "without giving an answer"},
};

TEST(calls_made_badly_end_the_request_and_no_other)
{
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_start(&rig, PROBE, NULL));
	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		int r = get(&rig, bad[i].url, bad[i].arg);

		if (r != TKVM_EGUEST || strstr(rig.err.text,
		    bad[i].reason) == NULL)
			TEST_FAIL("%s %s: %d \"%s\", not \"%s\"", bad[i].url,
			    bad[i].arg, r, rig.err.text, bad[i].reason);
		CHECK_EQ(rig.lines.n[TKVM_RESPONSE], 0);
		CHECK_RIG(&rig, get(&rig, "/strings", "fine"));
		CHECK_STR(rig.body, "fine rig request 1");
	}
	rig_end(&rig);
}

TEST(extra_headers_and_times_reach_the_transaction)
{
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_start(&rig, PROBE, NULL));
	CHECK_RIG(&rig, get(&rig, "/extra", "Y: 2"));
	CHECK_EQ(rig.reply.status, 201);
	CHECK_STR(rig.body, "extra");
	CHECK_EQ(rig.lines.n[TKVM_RESPONSE], 2);
	CHECK_STR(rig.lines.text[TKVM_RESPONSE][0], "X-Extra: 1");
	CHECK_STR(rig.lines.text[TKVM_RESPONSE][1], "Y: 2");
	CHECK_EQ(rig.lines.cacheable, 1);
	CHECK(rig.lines.ttl == 1.5 && rig.lines.grace == 2.5 &&
	    rig.lines.keep == 3.5);
	CHECK_WHY(&rig, get(&rig, "/extra", "Y: 2\r\n"), TKVM_EGUEST,
	    "illegal header line");
	rig_end(&rig);
}

/* The fourth argument is in rcx, behind three others. */
TEST(four_arguments_arrive_in_order)
{
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_start(&rig, PROBE, NULL));
	CHECK_RIG(&rig, get(&rig, "/cacheable", ""));
	CHECK(rig.lines.ttl == 1 && rig.lines.grace == 2 &&
	    rig.lines.keep == 3);
	rig_end(&rig);
}

TEST(a_type_is_cut_to_its_length_and_may_be_none)
{
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_start(&rig, PROBE, NULL));
	rig_request(&rig, "/type-junk", "");
	CHECK_RIG(&rig, rig_run(&rig, rig_soon()));
	CHECK_STR(rig.reply.content_type, "a/b");
	CHECK_EQ(rig_reset(&rig), 0);
	rig_request(&rig, "/empty", "");
	CHECK_RIG(&rig, rig_run(&rig, rig_soon()));
	CHECK_EQ(rig.reply.status, 204);
	CHECK(rig.reply.content_type == NULL && rig.reply.body == NULL);
	rig_end(&rig);
}

TEST(unserved_calls_are_counted_and_logged_once)
{
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_start(&rig, PROBE, NULL));
	CHECK_RIG(&rig, get(&rig, "/unserved", ""));
	CHECK_EQ(http_unknown_calls(rig.http), 2);
	CHECK_EQ(rig.lines.logged, 1);
	CHECK_RIG(&rig, get(&rig, "/unserved", ""));
	CHECK_EQ(http_unknown_calls(rig.http), 4);
	CHECK_EQ(rig.lines.logged, 0);
	CHECK_RIG(&rig, get(&rig, "/log", "hello\n"));
	CHECK_STR(rig.lines.log, "hello");
	rig_end(&rig);
}

/*--- bodies ---------------------------------------------------------------*/

static int
post(struct rig *rig, const void *data, size_t len)
{
	rig_request(rig, "/p", "");
	rig->req.method = "POST";
	rig->req.content_type = "application/x";
	rig->req.body = data;
	rig->req.body_len = len;
	return (rig_run(rig, rig_soon()));
}

TEST(bodies_arrive_whole_aligned_and_writable)
{
	static const size_t sizes[] = {1, 4095, 4096, 4097, 1 << 20};
	char *data = malloc(1 << 20);
	struct rig rig;

	NEED_KVM();
	CHECK(data != NULL);
	for (size_t i = 0; i < 1 << 20; i++)
		data[i] = (char)(i * 7 + i / 4096);
	CHECK_RIG(&rig, rig_start(&rig, PROBE, NULL));
	for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		CHECK_RIG(&rig, post(&rig, data, sizes[i]));
		CHECK_STR(rig.reply.content_type, "application/x");
		CHECK_EQ(rig.reply.body_len, sizes[i]);
		CHECK(memcmp(rig.body, data, sizes[i]) == 0);
		CHECK_EQ(rig_reset(&rig), 0);
	}
	rig_end(&rig);
	free(data);
}

TEST(a_body_larger_than_memory_is_refused_and_the_next_is_not)
{
	size_t size = SPACE + 1;
	char *data = calloc(1, size);
	struct rig rig;

	NEED_KVM();
	CHECK(data != NULL);
	CHECK_RIG(&rig, rig_start(&rig, PROBE, NULL));
	CHECK_WHY(&rig, post(&rig, data, size), TKVM_ETOOLARGE, "does not fit");
	CHECK_EQ(rig_reset(&rig), 0);
	CHECK_RIG(&rig, post(&rig, "x", 1));
	CHECK_STR(rig.body, "x");
	rig_end(&rig);
	free(data);
}

/* Without cleaning in between: each takes the memory of the one before. */
TEST(bodies_to_a_machine_that_keeps_its_state_do_not_pile_up)
{
	size_t size = 1 << 20;
	char *data = calloc(1, size);
	struct rig rig;

	NEED_KVM();
	CHECK(data != NULL);
	CHECK_RIG(&rig, rig_start(&rig, PROBE, NULL));
	for (int i = 0; i < 200; i++)
		CHECK_RIG(&rig, post(&rig, data, size));
	CHECK_EQ(rig_reset(&rig), 0);
	CHECK_RIG(&rig, post(&rig, data, size));
	rig_end(&rig);
	free(data);
}

/*--- the whole request ----------------------------------------------------*/

TEST(a_request_function_sees_everything)
{
	char random[33];
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_start(&rig, PROBE, "request"));
	CHECK_RIG(&rig, get(&rig, "/u?q", "arg"));
	CHECK_HAS(rig.body, "GET 3 /u?q 4 arg 3  0|Host: a.b.c.d 4 13||");
	snprintf(random, sizeof random, "%s", strrchr(rig.body, '|') + 1);
	CHECK_EQ(strlen(random), 32);
	CHECK_RIG(&rig, get(&rig, "/u?q", "arg"));
	CHECK(strcmp(random, strrchr(rig.body, '|') + 1) != 0);
	CHECK_RIG(&rig, post(&rig, "data", 4));
	CHECK_HAS(rig.body, "POST 4 /p 2  0 application/x 13|data|");
	rig_end(&rig);
}

TEST(a_request_function_sees_64_header_fields_and_not_65)
{
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_start(&rig, PROBE, "request"));
	for (unsigned n = 64; n <= 65; n++) {
		rig_request(&rig, "/u", "");
		for (unsigned i = 0; i < n; i++)
			snprintf(rig.lines.text[0][i], 20, "X-%u: v", i);
		rig.lines.n[0] = n;
		if (n == 64) {
			CHECK_RIG(&rig, rig_send(&rig));
			CHECK_HAS(rig.body, "|X-63: v 4 7||");
		} else {
			CHECK_WHY(&rig, rig_send(&rig), TKVM_EGUEST,
			    "more than 64");
		}
	}
	rig_end(&rig);
}

/*--- failure --------------------------------------------------------------*/

TEST(on_error_answers_with_the_reason)
{
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_start(&rig, PROBE, "error"));
	rig_request(&rig, "/status", "100");
	CHECK_EQ(rig_run(&rig, rig_soon()), TKVM_EGUEST);
	CHECK_RIG(&rig, rig_on_error(&rig));
	CHECK_EQ(rig.reply.status, 555);
	CHECK_STR(rig.body, "/status: the program answered with status 100; "
	    "it must be 200 to 599");
	CHECK_EQ(rig_reset(&rig), 0);
	CHECK_RIG(&rig, get(&rig, "/strings", "fine"));
	rig_end(&rig);
}

TEST(on_error_answers_after_a_time_out)
{
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_start(&rig, PROBE, "error"));
	rig_request(&rig, "/loop", "");
	CHECK_EQ(rig_run(&rig, tkvm_now_ns() + 50000000), TKVM_ETIMEOUT);
	CHECK_RIG(&rig, rig_on_error(&rig));
	CHECK_EQ(rig.reply.status, 555);
	rig_end(&rig);
}

TEST(on_error_may_fail_too)
{
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_start(&rig, PROBE, "error"));
	rig_request(&rig, "/status", "again");
	CHECK_EQ(rig_run(&rig, rig_soon()), TKVM_EGUEST);
	CHECK_WHY(&rig, rig_on_error(&rig), TKVM_EGUEST, "second time");
	CHECK_EQ(rig_reset(&rig), 0);
	CHECK_RIG(&rig, get(&rig, "/strings", "fine"));
	rig_end(&rig);
}

TEST(without_on_error_there_is_no_second_chance)
{
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_start(&rig, PROBE, NULL));
	rig_request(&rig, "/status", "100");
	CHECK_EQ(rig_run(&rig, rig_soon()), TKVM_EGUEST);
	CHECK_EQ(rig_on_error(&rig), -1);
	rig_end(&rig);
}

/*--- starting -------------------------------------------------------------*/

static const struct {
	const char *how, *reason;
} refused[] = {
	{"id13", "no call-back 13"},
	{"id-1", "no call-back -1"},
	{"null", "no function"},
	{"far", "no function"},
	{"answer", "does not wait"},
	{"field", "no request"},
	{"return", ""},
};

TEST(a_program_that_breaks_the_rules_while_starting_is_refused)
{
	struct rig rig;

	NEED_KVM();
	for (unsigned i = 0; i < sizeof refused / sizeof refused[0]; i++) {
		CHECK(rig_start(&rig, PROBE, refused[i].how) != 0);
		CHECK_HAS(rig.err.text, refused[i].reason);
		rig_end(&rig);
	}
}

TEST(every_published_function_may_be_registered)
{
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_start(&rig, PROBE, "every"));
	for (unsigned id = 0; id <= 12; id++)
		CHECK(rig.program.callback[id] != 0);
	rig_end(&rig);
}

TEST_MAIN()
