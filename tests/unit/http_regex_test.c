/* SPDX-License-Identifier: BSD-2-Clause */
/* Regular expressions as a program uses them, well and badly. */
#include <pthread.h>

#include "http_fake.h"

#define ALLOWED(next) CHECK_EQ(next, TKVM_RESUME)
#define REFUSED(next, why) do { \
	CHECK_EQ(next, TKVM_ABORT); \
	CHECK_HAS(err.text, why); \
} while (0)
/* Three places for strings. */
#define T1 (AT0 + 0x200)
#define T2 (AT0 + 0x400)
#define T3 (AT0 + 0x600)

static uint64_t
text(uint64_t at, const char *s)
{
	return (poke(at, s, strlen(s) + 1));
}

static uint64_t
compile(const char *pattern)
{
	if (DO(0x10030, poke(AT0, pattern, strlen(pattern)),
	    strlen(pattern)) != TKVM_RESUME)
		return (UINT64_MAX);
	return (call.ret);
}

TEST(a_pattern_has_one_number)
{
	fake_start();
	CHECK_EQ(compile("a+"), 0);
	CHECK_EQ(compile("b+"), 1);
	CHECK_EQ(compile("a+"), 0);
	CHECK_EQ(compile(""), 2);
	/* A free number is used again, a freed one is none. */
	ALLOWED(DO(0x10031, 0));
	CHECK_EQ(call.ret, 0x10031);
	REFUSED(DO(0x10031, 0), "no regular expression");
	CHECK_EQ(compile("c+"), 0);
}

TEST(bad_patterns_end_the_request)
{
	fake_start();
	REFUSED(DO(0x10030, STR("(")), "at character 2: missing");
	REFUSED(DO(0x10030, 0x10, 5), "unmapped");
	REFUSED(DO(0x10030, STR("a**b[")), "not a regular expression");
	CHECK_EQ(compile("fine"), 0);
	for (unsigned i = 1; i < 64; i++) {
		char pattern[16];

		snprintf(pattern, sizeof pattern, "p%u", i);
		CHECK_EQ(compile(pattern), i);
	}
	REFUSED(DO(0x10030, STR("one more")), "more than 64");
	/* What is there already needs no place. */
	CHECK_EQ(compile("p63"), 63);
}

/* Patterns on which PCRE2 recurses, by what they are made of. */
static const struct deep {
	unsigned n;
	const char *open, *middle, *close;
} deeps[] = {
	{200, "(", "a", ")"}, {249, "(?(?=a)", "b", ")"},
	{249, "(a|", "b", ")*"},
	{400, "(?:a?|b?)", "", ""}, {3000, "(?:a?|b?)", "", ""},
};

/* "(?<=(?1))((?2)x)((?3)x)...": the deepest of all. */
static size_t
chain_of_calls(char *to)
{
	size_t len = (size_t)sprintf(to, "(?<=(?1))");

	for (unsigned i = 2; i < 1900; i++)
		len += (size_t)sprintf(to + len, "((?%u)x)", i);
	return (len + (size_t)sprintf(to + len, "(a)"));
}

static size_t
deep_pattern(char *to, const struct deep *d)
{
	size_t len = 0;

	for (unsigned i = 0; i < d->n; i++)
		len += (size_t)sprintf(to + len, "%s", d->open);
	len += (size_t)sprintf(to + len, "%s", d->middle);
	for (unsigned i = 0; i < d->n; i++)
		len += (size_t)sprintf(to + len, "%s", d->close);
	return (len);
}

static void *
compile_deep(void *arg)
{
	static char pattern[1 << 16];
	unsigned *compiled = arg, i = 0;
	size_t len;

	for (; i < sizeof deeps / sizeof deeps[0]; i++) {
		len = deep_pattern(pattern, &deeps[i]);
		*compiled += DO(0x10030, poke(FAKE_ARENA, pattern, len),
		    len) == TKVM_RESUME;
	}
	len = chain_of_calls(pattern);
	*compiled += DO(0x10030, poke(FAKE_ARENA, pattern, len), len) ==
	    TKVM_RESUME;
	return (NULL);
}

TEST(deep_patterns_need_no_stack_of_the_caller)
{
	unsigned compiled = 0;
	pthread_attr_t attr;
	pthread_t thread;

	fake_start();
	CHECK_EQ(pthread_attr_init(&attr), 0);
	/* thread_pool_stack of Varnish. */
	CHECK_EQ(pthread_attr_setstacksize(&attr, 80 << 10), 0);
	CHECK_EQ(pthread_create(&thread, &attr, compile_deep, &compiled), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(compiled, 6);
}

TEST(groups_nest_to_a_limit)
{
	char pattern[520];

	fake_start();
	memset(pattern, '(', 251);
	memset(pattern + 251, ')', 251);
	REFUSED(DO(0x10030, poke(AT0, pattern, 502), 502), "too deeply nested");
	CHECK(compile("(((a)))") == 0);
}

TEST(matches_are_groups_and_no_match_is_negative)
{
	fake_start();
	CHECK_EQ(compile("^a(b*)c$"), 0);
	ALLOWED(DO(0x10032, 0, text(T1, "abbc"), 4));
	CHECK_EQ(call.ret, 2);
	ALLOWED(DO(0x10032, 0, text(T1, "abbc tail"), 4));
	CHECK_EQ(call.ret, 2);
	/* Length 0: up to the NUL. */
	ALLOWED(DO(0x10032, 0, text(T1, "ac"), 0));
	CHECK_EQ(call.ret, 2);
	ALLOWED(DO(0x10032, 0, text(T1, "xyz"), 0));
	CHECK((int64_t)call.ret < 0);
	/* The upper half of the length is junk. */
	ALLOWED(DO(0x10032, 0, text(T1, "ac"), 0xdead00000002));
	CHECK_EQ(call.ret, 2);
	REFUSED(DO(0x10032, 0, 0x10, 4), "unmapped");
	REFUSED(DO(0x10032, 0, 0x10, 0), "unmapped");
	REFUSED(DO(0x10032, 0, T1, UINT32_MAX), "at most");
	REFUSED(DO(0x10032, 1, T1, 1), "no regular expression");
	REFUSED(DO(0x10032, 64, T1, 1), "no regular expression");
	REFUSED(DO(0x10032, UINT64_MAX, T1, 1), "no regular expression");
}

TEST(a_pattern_without_end_is_given_up)
{
	char evil[64];

	fake_start();
	CHECK_EQ(compile("^(a+)+$"), 0);
	memset(evil, 'a', sizeof evil);
	evil[62] = 'b';
	evil[63] = '\0';
	ALLOWED(DO(0x10032, 0, text(T1, evil), 0));
	CHECK((int64_t)call.ret < 0);
	CHECK_EQ(compile("(?:(?R))*?z"), 1);
	ALLOWED(DO(0x10032, 1, T1, 0));
	CHECK((int64_t)call.ret < 0);
}

static const char *
subst(const char *subject, const char *template, uint64_t flags)
{
	memset(fake.mem + (T3 - FAKE_CODE), 'x', 64);
	if (DO(0x10033, 0, text(T1, subject), text(T2, template), T3, 64,
	    flags) != TKVM_RESUME)
		return (err.text);
	return (peek(T3));
}

TEST(text_is_replaced_by_varnish_rules)
{
	fake_start();
	CHECK_EQ(compile("b(.)"), 0);
	CHECK_STR(subst("abcabd", "[\\0\\1\\&]", 0), "a[bccbc]abd");
	CHECK_EQ(call.ret, 12);
	CHECK_STR(subst("abcabd", "[\\1]", 1), "a[c]a[d]");
	CHECK_STR(subst("nothing", "[\\1]", 1), "nothing");
	CHECK_STR(subst("bx", "\\9\\\\\\q\\", 0), "\\q\\");
	CHECK_STR(subst("", "x", 1), "");
	CHECK_EQ(call.ret, 1);
	ALLOWED(DO(0x10031, 0));
	/* Empty matches move on; each character once. */
	CHECK_EQ(compile("x*"), 0);
	CHECK_STR(subst("abc", "-", 1), "-a-b-c-");
	CHECK_STR(subst("axxb", "-", 1), "-a--b-");
	ALLOWED(DO(0x10031, 0));
	CHECK_EQ(compile("a\\Kb|ab\\Kc"), 0);
	CHECK_STR(subst("abc", "-", 1), "a-c");
}

TEST(a_result_is_cut_to_its_room)
{
	fake_start();
	CHECK_EQ(compile("a"), 0);
	poke(T3, "????????", 8);
	ALLOWED(DO(0x10033, 0, text(T1, "aaa"), text(T2, "bc"), T3, 4, 1));
	CHECK_EQ(call.ret, 4);
	CHECK(memcmp(peek(T3), "bcbc????", 8) == 0);
	ALLOWED(DO(0x10033, 0, T1, T2, 0, 0, 1));
	CHECK_EQ(call.ret, 0);
	REFUSED(DO(0x10033, 0, T1, T2, 0x10, 4, 1), "not writable");
	REFUSED(DO(0x10033, 0, 0x10, T2, T3, 4, 1), "unmapped");
	REFUSED(DO(0x10033, 0, T1, 0x10, T3, 4, 1), "unmapped");
	fake.late = true;
	REFUSED(DO(0x10033, 0, T1, T2, T3, 4, 1), "time-out");
}

TEST(matching_lines_are_copied_to_the_other_side)
{
	fake_start();
	strcpy(lines.text[TKVM_REQUEST][0], "X-A: 1");
	strcpy(lines.text[TKVM_REQUEST][1], "Host: h");
	strcpy(lines.text[TKVM_REQUEST][2], "X-B: 2");
	lines.n[TKVM_REQUEST] = 3;
	CHECK_EQ(compile("^X-"), 0);
	ALLOWED(DO(0x10035, 0, 0, 1));
	CHECK_EQ(call.ret, 2);
	CHECK_EQ(lines.n[TKVM_RESPONSE], 2);
	CHECK_STR(lines.text[TKVM_RESPONSE][1], "X-B: 2");
	/* To itself: each line once. */
	ALLOWED(DO(0x10035, 0, 5, 5));
	CHECK_EQ(call.ret, 2);
	CHECK_EQ(lines.n[TKVM_RESPONSE], 4);
	REFUSED(DO(0x10035, 0, 2, 1), "neither");
	REFUSED(DO(0x10035, 0, 0, 9), "neither");
	REFUSED(DO(0x10035, 5, 0, 1), "no regular expression");
	/* Full: what does not fit is not counted. */
	lines.full = true;
	ALLOWED(DO(0x10035, 0, 0, 1));
	CHECK_EQ(call.ret, 0);
	request.ops = NULL;
	REFUSED(DO(0x10035, 0, 0, 1), "no request");
}

TEST(what_main_compiled_is_everyones_and_a_request_s_is_its_own)
{
	fake_boot();
	CHECK_EQ(compile("m"), 0);
	CHECK_EQ(compile("n"), 1);
	http_destroy(&http);
	CHECK_EQ(http_fork(&program, &limits, &http, &err), 0);
	CHECK_EQ(http_begin(http, &fake, &request, &err), TKVM_EGUEST);
	CHECK_EQ(compile("n"), 1);
	CHECK_EQ(compile("r"), 2);
	ALLOWED(DO(0x10031, 0));
	REFUSED(DO(0x10032, 0, text(T1, "m"), 1), "no regular expression");
	CHECK_EQ(compile("other"), 0);
	/* The next request: as main() left it. */
	http_reset(http);
	http_wipe(http);
	ALLOWED(DO(0x10032, 0, text(T1, "m"), 1));
	CHECK_EQ(call.ret, 1);
	REFUSED(DO(0x10032, 2, T1, 1), "no regular expression");
	CHECK_EQ(compile("x"), 2);
	http_destroy(&http);
	http_program_free(&program);
}

TEST_MAIN()
