/* SPDX-License-Identifier: BSD-2-Clause */
/* Each call of kvm_api.h, made well and made badly, on a machine of memory. */
#include <errno.h>
#include <limits.h>

#include "http_fake.h"

#define NONE 0, 0, 0, 0, 0, 0
#define ALLOWED(next) CHECK_EQ(next, TKVM_RESUME)
#define REFUSED(next, why) do { \
	CHECK_EQ(next, TKVM_ABORT); \
	CHECK_EQ(err.code, TKVM_EGUEST); \
	CHECK_HAS(err.text, why); \
} while (0)

/*--- life cycle -----------------------------------------------------------*/

TEST(functions_are_registered_by_id_with_all_64_bits)
{
	for (unsigned id = 0; id < HTTP_CALLBACKS; id++) {
		fake_boot();
		ALLOWED(DO(0x10000, id, FAKE_CODE + 16));
		CHECK_EQ(program.callback[id], FAKE_CODE + 16);
		CHECK_EQ(call.ret, 0x10000);
	}
	/* The upper half of an int argument is anything. */
	ALLOWED(DO(0x10000, 0xdead00000001, FAKE_CODE + 32));
	CHECK_EQ(program.callback[1], FAKE_CODE + 32);
}

TEST(functions_are_not_registered_beyond_the_table_or_memory)
{
	fake_boot();
	REFUSED(DO(0x10000, 13, FAKE_CODE), "no call-back 13");
	REFUSED(DO(0x10000, (uint64_t)-1, FAKE_CODE), "no call-back -1");
	REFUSED(DO(0x10000, 0x80000000, FAKE_CODE), "no call-back");
	REFUSED(DO(0x10000, 1, 0), "no function");
	REFUSED(DO(0x10000, 1, 0xfffff), "no function");
	REFUSED(DO(0x10000, 1, BAD), "no function");
	REFUSED(DO(0x10000, 1, UINT64_MAX), "no function");
	REFUSED(DO(0x10000, 1, FAKE_CODE | 1ull << 32), "no function");
	for (unsigned id = 0; id < HTTP_CALLBACKS; id++)
		CHECK_EQ(program.callback[id], 0);
}

TEST(functions_are_not_registered_by_a_request)
{
	fake_start();
	REFUSED(DO(0x10000, 1, FAKE_CODE), "register_func");
	CHECK_EQ(program.callback[1], FAKE_CODE + 0x100);
}

TEST(a_program_waits_once)
{
	fake_boot();
	CHECK(!http_waiting(http));
	CHECK_EQ(DO(0x10001, NONE), TKVM_STOP);
	CHECK_EQ(call.ret, 0x10001);
	CHECK(http_waiting(http) && !program.paused);
	REFUSED(DO(0x10001, NONE), "second time");
	REFUSED(DO(0x10002, AT0), "second time");
	CHECK(!program.paused);
	fake_start();
	REFUSED(DO(0x10001, NONE), "second time");
	REFUSED(DO(0x10002, AT0), "second time");
}

TEST(a_program_waits_paused_with_its_request)
{
	fake_boot();
	CHECK_EQ(DO(0x10002, AT1), TKVM_STOP);
	CHECK_EQ(call.ret, 0x10002);
	CHECK(http_waiting(http) && program.paused);
	CHECK_EQ(program.request_gva, AT1);
}

/*--- the answer -----------------------------------------------------------*/

static enum tkvm_next
answer(uint64_t status, uint64_t type, uint64_t type_len, uint64_t body,
    uint64_t len, uint64_t extra)
{
	return (DO(0x10010, status, type, type_len, body, len, extra));
}

static struct tkvm_reply reply;

TEST(an_answer_is_status_type_and_body)
{
	fake_start();
	poke(AT0, "text/plainX", 11);
	poke(AT1, "body", 4);
	CHECK_EQ(answer(200, AT0, 10, AT1, 4, 0), TKVM_STOP);
	CHECK_EQ(call.ret, 0x10010);
	CHECK_OK(http_reply(http, &fake, &reply, &err));
	CHECK_EQ(reply.status, 200);
	CHECK_STR(reply.content_type, "text/plain");
	CHECK_EQ(reply.body_len, 4);
	CHECK(memcmp(reply.body, "body", 4) == 0);
}

TEST(without_type_or_body_there_is_none)
{
	fake_start();
	CHECK_EQ(answer(204, BAD, 0, BAD, 0, 0), TKVM_STOP);
	CHECK_OK(http_reply(http, &fake, &reply, &err));
	CHECK(reply.content_type == NULL && reply.body == NULL);
	CHECK_EQ(reply.body_len, 0);
}

TEST(status_is_200_to_599_in_the_low_16_bits)
{
	for (int status = -2; status < 1000; status++) {
		fake_start();
		if (status >= 200 && status <= 599)
			CHECK_EQ(answer((uint64_t)status, 0, 0, 0, 0, 0),
			    TKVM_STOP);
		else
			REFUSED(answer((uint64_t)status, 0, 0, 0, 0, 0),
			    "200 to 599");
	}
	fake_start();
	CHECK_EQ(answer(65736, 0, 0, 0, 0, 0), TKVM_STOP);
	CHECK_OK(http_reply(http, &fake, &reply, &err));
	CHECK_EQ(reply.status, 200);
}

TEST(the_type_has_less_than_4096_bytes_in_the_low_16_bits)
{
	static char type[4096];

	fake_start();
	memset(type, 't', sizeof type);
	poke(AT0, type, sizeof type);
	REFUSED(answer(200, AT0, 0x1000, 0, 0, 0), "content type");
	REFUSED(answer(200, AT0, UINT32_MAX, 0, 0, 0), "content type");
	REFUSED(answer(200, AT0, 0xffff, 0, 0, 0), "content type");
	CHECK_EQ(answer(200, AT0, 0xabc0000 | 0xfff, 0, 0, 0), TKVM_STOP);
	CHECK_OK(http_reply(http, &fake, &reply, &err));
	CHECK_EQ(strlen(reply.content_type), 4095);
	CHECK_EQ(answer(200, AT0, 0x10000, 0, 0, 0), TKVM_STOP);
	CHECK_OK(http_reply(http, &fake, &reply, &err));
	CHECK(reply.content_type == NULL);
}

TEST(the_type_is_mapped_text)
{
	fake_start();
	REFUSED(answer(200, BAD, 10, 0, 0, 0), "content type");
	REFUSED(answer(200, FAKE_TOP - 1, 2, 0, 0, 0), "content type");
	REFUSED(answer(200, STR("a\r\nX: y"), 0, 0, 0), "control");
	REFUSED(answer(200, STR("a\0b"), 0, 0, 0), "control");
}

TEST(the_body_is_mapped_to_its_last_byte)
{
	fake_start();
	CHECK_EQ(answer(200, 0, 0, FAKE_TOP - 4, 4, 0), TKVM_STOP);
	REFUSED(answer(200, 0, 0, FAKE_TOP - 4, 5, 0), "not mapped");
	REFUSED(answer(200, 0, 0, 0, 16, 0), "not mapped");
	REFUSED(answer(200, 0, 0, AT0, UINT64_MAX, 0), "not mapped");
	REFUSED(answer(200, 0, 0, UINT64_MAX, 2, 0), "not mapped");
	REFUSED(answer(200, 0, 0, BAD, 1, 0), "not mapped");
}

/* With several faults the first of this order is told. */
TEST(an_answer_is_checked_in_the_published_order)
{
	fake_start();
	REFUSED(answer(0, BAD, 0x1000, BAD, 1, BAD), "4096");
	REFUSED(answer(0, AT0, 1, BAD, 1, BAD), "content type");
	REFUSED(answer(0, AT0, 0, BAD, 1, BAD), "200 to 599");
	REFUSED(answer(200, AT0, 0, BAD, 1, BAD), "not mapped");
	REFUSED(answer(200, AT0, 0, BAD, 0, BAD), "extra part");
}

TEST(a_program_that_stops_without_answer_has_none)
{
	fake_start();
	CHECK_EQ(http_reply(http, &fake, &reply, &err), TKVM_EGUEST);
	CHECK_HAS(err.text, "without giving an answer");
	CHECK_EQ(answer(200, 0, 0, 0, 0, 0), TKVM_STOP);
	http_reset(http);
	CHECK_EQ(http_reply(http, &fake, &reply, &err), TKVM_EGUEST);
}

/*--- the extra part of an answer ------------------------------------------*/

struct extra {
	uint64_t headers;
	uint16_t n;
	uint8_t cached, pad;
	float ttl, grace, keep;
	uint64_t reserved[4];
};

static uint64_t
put_extra(const struct extra *x)
{
	return (poke(AT2, x, sizeof *x));
}

/* n headers, each this line. */
static uint64_t
put_lines(const char *line, unsigned n)
{
	const uint64_t h[2] = {AT1, strlen(line)};

	poke(AT1, line, h[1]);
	for (unsigned i = 0; i < n; i++)
		poke(AT2 + 64 + i * sizeof h, h, sizeof h);
	return (AT2 + 64);
}

TEST(extra_headers_are_set_in_the_answer)
{
	struct extra x = {.n = 2};

	fake_start();
	x.headers = put_lines("X-Extra: 1", 2);
	CHECK_EQ(answer(200, 0, 0, 0, 0, put_extra(&x)), TKVM_STOP);
	CHECK_EQ(lines.n[TKVM_RESPONSE], 1);
	CHECK_STR(lines.text[TKVM_RESPONSE][0], "X-Extra: 1");
	CHECK_EQ(lines.n[TKVM_REQUEST], 0);
	CHECK_EQ(lines.cacheable, -1);
	/* Without colon: removed. */
	x.headers = put_lines("X-Extra", 1);
	x.n = 1;
	CHECK_EQ(answer(200, 0, 0, 0, 0, put_extra(&x)), TKVM_STOP);
	CHECK_EQ(lines.n[TKVM_RESPONSE], 0);
}

TEST(extra_headers_are_at_most_64_and_mapped)
{
	struct extra x = {.n = 64};

	fake_start();
	x.headers = put_lines("X: 1", 65);
	CHECK_EQ(answer(200, 0, 0, 0, 0, put_extra(&x)), TKVM_STOP);
	x.n = 65;
	REFUSED(answer(200, 0, 0, 0, 0, put_extra(&x)), "at most 64");
	x.n = 1;
	x.headers = BAD;
	REFUSED(answer(200, 0, 0, 0, 0, put_extra(&x)), "unmapped");
	x.headers = UINT64_MAX - 7;
	REFUSED(answer(200, 0, 0, 0, 0, put_extra(&x)), "unmapped");
	/* None: the pointer does not matter. */
	x.n = 0;
	CHECK_EQ(answer(200, 0, 0, 0, 0, put_extra(&x)), TKVM_STOP);
	x.headers = 0;
	CHECK_EQ(answer(200, 0, 0, 0, 0, put_extra(&x)), TKVM_STOP);
	REFUSED(answer(200, 0, 0, 0, 0, FAKE_TOP - 55), "unmapped");
	REFUSED(answer(200, 0, 0, 0, 0, 0xfff), "unmapped");
}

TEST(an_illegal_extra_header_refuses_the_answer)
{
	struct extra x = {.n = 1};
	const uint64_t huge[2] = {AT1, 0x10000};

	fake_start();
	x.headers = put_lines("X: a\nY: b", 1);
	REFUSED(answer(200, 0, 0, 0, 0, put_extra(&x)), "illegal header");
	CHECK_EQ(lines.n[TKVM_RESPONSE], 0);
	x.headers = poke(AT2 + 64, huge, sizeof huge);
	REFUSED(answer(200, 0, 0, 0, 0, put_extra(&x)), "65535");
	CHECK_EQ(http_reply(http, &fake, &reply, &err), TKVM_EGUEST);
}

TEST(extra_times_count_only_when_cached)
{
	struct extra x = {.ttl = 1.5f, .grace = 2, .keep = 3};

	fake_start();
	CHECK_EQ(answer(200, 0, 0, 0, 0, put_extra(&x)), TKVM_STOP);
	CHECK_EQ(lines.cacheable, -1);
	x.cached = 1;
	CHECK_EQ(answer(200, 0, 0, 0, 0, put_extra(&x)), TKVM_STOP);
	CHECK_EQ(lines.cacheable, 1);
	CHECK(lines.ttl == 1.5 && lines.grace == 2 && lines.keep == 3);
}

TEST(extra_times_are_numbers)
{
	const float odd[] = {__builtin_nanf(""), __builtin_inff(),
	    -__builtin_inff(), 3e38f};
	struct extra x = {.cached = 1};

	for (unsigned i = 0; i < 12; i++) {
		fake_start();
		x.ttl = i / 4 == 0 ? odd[i % 4] : 1;
		x.grace = i / 4 == 1 ? odd[i % 4] : 1;
		x.keep = i / 4 == 2 ? odd[i % 4] : 1;
		REFUSED(answer(200, 0, 0, 0, 0, put_extra(&x)), "seconds");
		CHECK_EQ(lines.cacheable, -1);
	}
	/* Nobody reads them: they may be anything. */
	x.cached = 0;
	CHECK_EQ(answer(200, 0, 0, 0, 0, put_extra(&x)), TKVM_STOP);
}

TEST(programs_before_april_2025_have_no_extra_part)
{
	fake_start();
	program.extra_valid = false;
	CHECK_EQ(answer(200, 0, 0, 0, 0, BAD), TKVM_STOP);
	/* Undecided: a pointer to a dead stack is junk, others are meant. */
	program.extra_valid = program.extra_by_stack = true;
	CHECK_EQ(answer(200, 0, 0, 0, 0, fake.regs.rsp - 8), TKVM_STOP);
	CHECK_EQ(answer(200, 0, 0, 0, 0, FAKE_STACK), TKVM_STOP);
	REFUSED(answer(200, 0, 0, 0, 0, BAD), "unmapped");
	memset(fake.mem + (fake.regs.rsp - FAKE_CODE), 0xff, 56);
	REFUSED(answer(200, 0, 0, 0, 0, fake.regs.rsp), "at most 64");
}

/*--- caching, log, information --------------------------------------------*/

TEST(set_cacheable_takes_milliseconds_and_a_byte)
{
	fake_start();
	ALLOWED(DO(0x10005, 0xff01, 1500, 20, UINT64_MAX));
	CHECK_EQ(call.ret, 0);
	CHECK_EQ(lines.cacheable, 1);
	CHECK(lines.ttl == 1.5 && lines.grace == 0.02 && lines.keep > 1e16);
	ALLOWED(DO(0x10005, 0xff00, 0, 0, 0));
	CHECK_EQ(lines.cacheable, 0);
}

TEST(set_cacheable_without_a_transaction_is_refused)
{
	struct tkvm_transaction_ops none = {NULL};

	fake_start();
	request.ops = &none;
	ALLOWED(DO(0x10005, 1, 0, 0, 0));
	CHECK_EQ((int64_t)call.ret, -1);
	request.ops = NULL;
	REFUSED(DO(0x10005, 1, 0, 0, 0), "set_cacheable");
	fake_boot();
	REFUSED(DO(0x10005, 1, 0, 0, 0), "set_cacheable");
}

TEST(sys_log_writes_a_line_of_at_most_16_bits)
{
	fake_start();
	ALLOWED(DO(0x7f000, STR("hello\n")));
	CHECK_EQ(call.ret, 0x7f000);
	CHECK_STR(lines.log, "hello");
	ALLOWED(DO(0x7f000, AT0, 0xffff00000005));
	CHECK_STR(lines.log, "hello");
	CHECK_EQ(lines.logged, 2);
	ALLOWED(DO(0x7f000, BAD, 0));
	ALLOWED(DO(0x7f000, BAD, 0x10000));
	CHECK_EQ(lines.logged, 2);
	REFUSED(DO(0x7f000, BAD, 1), "sys_log");
	REFUSED(DO(0x7f000, FAKE_TOP - 1, 2), "sys_log");
	/* Without a transaction it goes nowhere, which is no error. */
	request.ops = NULL;
	ALLOWED(DO(0x7f000, AT0, 5));
	CHECK_EQ(lines.logged, 2);
}

TEST(get_meminfo_tells_the_limits)
{
	uint64_t info[5] = {0, 0, 0, 0, 42};

	fake_start();
	fake.stats.dirty_pages = 3;
	poke(AT0, info, sizeof info);
	ALLOWED(DO(0x10a00, AT0));
	CHECK_EQ(call.ret, 0x10a00);
	CHECK_EQ(tkvm_copy_in(&fake, info, AT0, sizeof info), 0);
	CHECK_EQ(info[0], 64 << 20);
	CHECK_EQ(info[1], 8 << 20);
	CHECK_EQ(info[3], 3 * 4096);
	CHECK_EQ(info[4], 42);
	REFUSED(DO(0x10a00, 0), "get_meminfo");
	REFUSED(DO(0x10a00, FAKE_CODE), "get_meminfo");
	REFUSED(DO(0x10a00, FAKE_TOP - 31), "get_meminfo");
}

/*--- what is not configured -----------------------------------------------*/

TEST(calls_with_one_answer_give_it)
{
	static const struct {
		uint32_t number;
		int64_t ret;
	} same[] = {
		{0x10100, 0x10100}, {0x10700, -1}, {0x10706, 0},
		{0x10707, -1}, {0x7f7f7, 0x7f7f7}, {0x7fdeb, 0},
	};

	for (unsigned i = 0; i < sizeof same / sizeof same[0]; i++) {
		fake_start();
		ALLOWED(DO(same[i].number, 7, 8, 9, 10, 11, 12));
		CHECK_EQ((int64_t)call.ret, same[i].ret);
		CHECK_EQ(call.rdx, same[i].number == 0x10700 ? UINT64_MAX :
		    9);
		CHECK_EQ(http_unknown_calls(http), 0);
	}
}

TEST(several_cpus_are_started_with_their_arguments)
{
	const struct tkvm_parallel *p = &fake.parallel;

	fake_start();
	ALLOWED(DO(0x10710, 4, AT0, 1, 2, 3, 1ull << 40));
	CHECK_EQ(call.ret, 0);
	CHECK(p->cpus == 4 && p->function == AT0 && p->step == 0);
	CHECK(p->arg[0] == 1 && p->arg[1] == 2 && p->arg[2] == 3 &&
	    p->arg[3] == 1ull << 40);
	CHECK(p->stack == 0 && p->stack_bytes == 0);
	/* The size of an element has 32 bits. */
	ALLOWED(DO(0x10711, 4, AT0, AT1, 0xffff00000018));
	CHECK_EQ(call.ret, 0);
	CHECK(p->arg[0] == AT1 && p->arg[1] == 24 && p->step == 24);
	ALLOWED(DO(0x10712, 4, AT1, 8192));
	CHECK_EQ(call.ret, 0);
	CHECK(p->function == 0 && p->stack == AT1 && p->stack_bytes == 8192);
	ALLOWED(DO(0x10713, NONE));
	CHECK_EQ(call.ret, 0);
}

TEST(without_more_cpus_a_program_computes_alone)
{
	static const struct tkvm_parallel none;

	fake_start();
	/* No function, stacks without a size: not even tried. */
	ALLOWED(DO(0x10710, 4, 0));
	CHECK_EQ(call.ret, -1);
	ALLOWED(DO(0x10711, 4, 0, AT1, 8));
	CHECK_EQ(call.ret, -1);
	ALLOWED(DO(0x10712, 4, AT1, 0));
	CHECK_EQ(call.ret, -1);
	CHECK(memcmp(&fake.parallel, &none, sizeof none) == 0);
	/* The program's mistake is its own; what the host lacks is told. */
	fake.parallel_fails = TKVM_EGUEST;
	ALLOWED(DO(0x10710, 4, AT0));
	CHECK_EQ(call.ret, -1);
	CHECK_EQ(lines.logged, 0);
	fake.parallel_fails = TKVM_EHOST;
	ALLOWED(DO(0x10710, 4, AT0));
	CHECK_EQ(call.ret, -1);
	CHECK_EQ(lines.logged, 1);
	/* A failure while it waits is the request's. */
	CHECK_EQ(DO(0x10713, NONE), TKVM_ABORT);
	CHECK_HAS(err.text, "crashed");
}

TEST(other_cpus_have_no_calls)
{
	static const uint32_t numbers[] = {0x10000, 0x10001, 0x10002, 0x10010,
	    0x10012, 0x10021, 0x10703, 0x10708, 0x10710, 0x10712, 0x20000,
	    0x30000, 0x7f000, 0x7f7f7, 0x12345};
	struct tkvm_call c;

	fake_start();
	for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		c = (struct tkvm_call){.number = numbers[i], .cpu = 1};
		CHECK_EQ(http_call(http, &fake, &c, &err), TKVM_RESUME);
		CHECK_EQ(c.ret, -ENOSYS);
		CHECK_EQ(http_unknown_calls(http), i + 1);
	}
	c = (struct tkvm_call){.number = 0x10713, .cpu = 15};
	CHECK_EQ(http_call(http, &fake, &c, &err), TKVM_STOP);
}

TEST(breakpoints_stop_a_program_only_when_allowed)
{
	fake_start();
	ALLOWED(DO(0x7f7f7, 0));
	CHECK(!http_at_breakpoint(http));
	http_set_debug(http, true, true);
	CHECK_EQ(DO(0x7f7f7, 0), TKVM_STOP);
	CHECK(http_at_breakpoint(http));
	CHECK(!http_at_breakpoint(http));
	ALLOWED(DO(0x7fdeb, 0));
	CHECK_EQ(call.ret, 1);
}

TEST(memory_between_requests_is_decided_by_the_settings)
{
	fake_boot();
	ALLOWED(DO(0x10703, 0));
	CHECK_EQ((int64_t)call.ret, -1);
	fake_start();
	REFUSED(DO(0x10703, 0), "sys_make_ephemeral");
}

static char watched[PATH_MAX];
static int watch_says;

static int
watch(void *priv, const char *path)
{
	(void)snprintf(watched, sizeof watched, "%s", path);
	return (priv == &fake ? watch_says : -2);
}

TEST(a_program_asks_while_it_starts_to_be_started_anew_for_a_file)
{
	fake_boot();
	poke(AT0, "conf/a", 7);
	ALLOWED(DO(0x30000, AT0));
	CHECK_EQ((int64_t)call.ret, -1);
	http_set_watch(http, watch, &fake);
	watch_says = 0;
	ALLOWED(DO(0x30000, AT0));
	CHECK_EQ(call.ret, 0);
	CHECK_STR(watched, "conf/a");
	watch_says = -1;
	ALLOWED(DO(0x30000, AT0));
	CHECK_EQ((int64_t)call.ret, -1);
	/* As long as a name may be, and longer. */
	memset(watched, 'x', sizeof watched);
	poke(AT0, watched, sizeof watched);
	poke(AT0 + PATH_MAX - 1, "", 1);
	watch_says = 0;
	ALLOWED(DO(0x30000, AT0));
	CHECK_EQ(call.ret, 0);
	poke(AT0 + PATH_MAX - 1, "x", 2);
	ALLOWED(DO(0x30000, AT0));
	CHECK_EQ((int64_t)call.ret, -1);
	REFUSED(DO(0x30000, BAD), "unmapped");
	REFUSED(DO(0x30000, UINT64_MAX), "unmapped");
	fake_start();
	REFUSED(DO(0x30000, AT0), "sys_restart_on_change");
}

TEST(storage_calls_end_the_request)
{
	fake_start();
	REFUSED(DO(0x10708, FAKE_CODE, 1, AT0, AT1, 8),
	    "storage is not initialised");
	fake_boot();
	REFUSED(DO(0x10708, FAKE_CODE, 1, AT0, AT1, 8),
	    "storage is not initialised");
}

TEST(storage_timers_are_made_and_tasks_are_not)
{
	fake_start();
	REFUSED(DO(0x10709, FAKE_CODE, AT0, 1, 0, 0),
	    "storage is not initialised");
	ALLOWED(DO(0x1070a, 0));
	CHECK_EQ(call.ret, 0);
	ALLOWED(DO(0x10709, FAKE_CODE, AT0, 1, 100, 0));
	CHECK_EQ(call.ret, 0);
	ALLOWED(DO(0x10709, FAKE_CODE, 0, 0, 0, 100));
	ALLOWED(DO(0x1070a, 0));
	CHECK_EQ(call.ret, 1);
	ALLOWED(DO(0x1070a, 14));
	CHECK_EQ(call.ret, 0);
	REFUSED(DO(0x10709, FAKE_CODE, BAD, 1, 100, 0), "unmapped");
	REFUSED(DO(0x10709, FAKE_CODE, AT0, (2 << 20) + 1, 1, 0), "2 MiB");
	REFUSED(DO(0x10709, FAKE_CODE, AT0, UINT64_MAX, 1, 0), "2 MiB");
}

TEST(a_timer_of_main_is_known_to_requests)
{
	struct http_state *fork;

	fake_boot();
	ALLOWED(DO(0x10709, FAKE_CODE, 0, 0, 100, 0));
	CHECK_OK(http_fork(&program, &limits, &fork, &err));
	http_destroy(&http);
	http = fork;
	ALLOWED(DO(0x1070a, 0));
	CHECK_EQ(call.ret, 1);
}

TEST(unknown_calls_are_answered_counted_and_logged_once)
{
	static const uint32_t number[] = {512, 0xffff, 0x10003,
	    0x10034, 0x10036,
	    0x10200, 0x10201, 0x10202, 0x10203, 0x10500, 0x1070b,
	    0x20001, 0x7fffffff, UINT32_MAX};
	unsigned n = sizeof number / sizeof number[0];

	fake_start();
	for (unsigned i = 0; i < n; i++) {
		ALLOWED(DO(number[i], 1, 2, 3, 4, 5, 6));
		CHECK_EQ((int64_t)call.ret, -ENOSYS);
		CHECK_EQ(call.rdx, 3);
	}
	CHECK_EQ(http_unknown_calls(http), n);
	CHECK_EQ(lines.logged, 1);
	CHECK_HAS(lines.log, "0x200 is not served");
}

TEST_MAIN()
