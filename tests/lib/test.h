/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test.h: the test harness. A test file is:
 *
 *	#include "test.h"
 *	TEST(property_in_words) { CHECK_EQ(1 + 1, 2); }
 *	TEST_MAIN()
 *
 * Each test prints "ok NAME", "FAIL NAME" or "skip NAME: why". The process
 * ends 0 when none failed, and its last line is "N passed, N failed, N
 * skipped". `PROGRAM NAME` runs one test alone.
 */
#ifndef TEST_H
#define TEST_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEST_MAX 256
typedef void test_f(void);
static struct test_case {
	const char *name;
	test_f *run;
} test_cases[TEST_MAX];
static unsigned test_n;
static bool test_failed;
static const char *test_skipped;

static inline void
test_add(const char *name, test_f *run)
{
	if (test_n == TEST_MAX) {
		fprintf(stderr, "more than %d tests in one file\n", TEST_MAX);
		exit(2);
	}
	test_cases[test_n++] = (struct test_case){name, run};
}

#define TEST(name) \
	static void test_##name(void); \
	__attribute__((constructor)) static void test_add_##name(void) \
	{ \
		test_add(#name, test_##name); \
	} \
	static void test_##name(void)

#define TEST_FAIL(...) do { \
	printf("%s:%d: ", __FILE__, __LINE__); \
	printf(__VA_ARGS__); \
	printf("\n"); \
	test_failed = true; \
	return; \
} while (0)

/* Each of these ends the test function when it does not hold. */
#define CHECK(cond) do { \
	if (!(cond)) \
		TEST_FAIL("not true: %s", #cond); \
} while (0)
#define CHECK_EQ(a, b) do { \
	intmax_t a_ = (intmax_t)(a), b_ = (intmax_t)(b); \
	if (a_ != b_) \
		TEST_FAIL("%s is %jd (0x%jx), not %s = %jd (0x%jx)", #a, a_, \
		    (uintmax_t)a_, #b, b_, (uintmax_t)b_); \
} while (0)
#define CHECK_STR(a, b) do { \
	const char *a_ = (a), *b_ = (b); \
	if (a_ == NULL || b_ == NULL || strcmp(a_, b_) != 0) \
		TEST_FAIL("%s is \"%s\", not \"%s\"", #a, \
		    a_ ? a_ : "(null)", b_ ? b_ : "(null)"); \
} while (0)
#define CHECK_HAS(text, part) do { \
	const char *a_ = (text), *b_ = (part); \
	if (a_ == NULL || strstr(a_, b_) == NULL) \
		TEST_FAIL("%s is \"%s\", without \"%s\"", #text, \
		    a_ ? a_ : "(null)", b_); \
} while (0)
/* For functions that fill a struct tkvm_err named err. */
#define CHECK_OK(call) do { \
	int r_ = (call); \
	if (r_ != 0) \
		TEST_FAIL("%s failed (%d): %s", #call, r_, err.text); \
} while (0)
#define SKIP(why) do { \
	test_skipped = (why); \
	return; \
} while (0)

static inline int
test_run_all(int argc, char **argv)
{
	unsigned passed = 0, failed = 0, skipped = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (unsigned i = 0; i < test_n; i++) {
		if (argc > 1 && strcmp(argv[1], test_cases[i].name) != 0)
			continue;
		test_failed = false;
		test_skipped = NULL;
		test_cases[i].run();
		if (test_failed) {
			failed++;
			printf("FAIL %s\n", test_cases[i].name);
		} else if (test_skipped != NULL) {
			skipped++;
			printf("skip %s: %s\n", test_cases[i].name,
			    test_skipped);
		} else {
			passed++;
			printf("ok %s\n", test_cases[i].name);
		}
	}
	printf("%u passed, %u failed, %u skipped\n", passed, failed, skipped);
	return (failed != 0 || passed + skipped == 0);
}

/* The same in a folder of their own, XXXXXX at the end; it goes afterwards. */
static inline int
test_run_all_in(char *folder, int argc, char **argv)
{
	char cmd[96];
	int r;

	if (mkdtemp(folder) == NULL)
		return (2);
	r = test_run_all(argc, argv);
	(void)snprintf(cmd, sizeof cmd, "rm -r %s", folder);
	return (system(cmd) != 0 ? 2 : r);
}

#define TEST_MAIN() \
	int \
	main(int argc, char **argv) \
	{ \
		return (test_run_all(argc, argv)); \
	}

#endif
