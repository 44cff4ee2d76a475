/* SPDX-License-Identifier: BSD-2-Clause */
/* What one request leaves behind, the next one must not find. */
#include <sys/mman.h>

#include "mini.h"

#define CANARY "build/tests/guests/machine_canary"
#define FILL 1
#define SCAN 2
#define MODE 3
#define SPIN 4
#define PATTERN 0x5ec2e7a15ec2e7a1u

/* TKVM_ROUNDS shortens the long runs in slow machines. */
static unsigned
rounds(unsigned n)
{
	const char *s = getenv("TKVM_ROUNDS");

	return (s != NULL ? (unsigned)atoi(s) : n);
}

/* Run call-back or resume; what the guest found, or -1. */
static long
canary(struct mini *mini, unsigned what, bool resume, struct tkvm_err *err)
{
	uint64_t mode = what;
	int r;

	if (resume) {
		if (tkvm_copy_out(mini->fork, mini->callback[MODE], &mode,
		    sizeof mode) != 0)
			return (-1);
		tkvm_machine_resume(mini->fork);
		r = tkvm_machine_run(mini->fork, mini_soon(), err);
	} else {
		r = mini_enter(mini, mini->fork, what, 0, 0, mini_soon(), err);
	}
	if (r != 0)
		return (-1);
	if (what == SCAN)
		(void)tkvm_fail(err, 0, "found %ju times, first at 0x%jx",
		    (uintmax_t)tkvm_machine_regs(mini->fork)->rdi,
		    (uintmax_t)tkvm_machine_regs(mini->fork)->rsi);
	return (what == SCAN ? (long)tkvm_machine_regs(mini->fork)->rdi : 0);
}

/* The pattern in any page the guest may write, seen from the host. */
static uint64_t
host_scan(const struct tkvm_machine *m)
{
	const struct tkvm_layout *l = tkvm_machine_layout(m);
	uint64_t n = 0, len = l->arena_end - l->stack_low;
	const uint64_t *p = tkvm_view(m, l->stack_low, len);

	for (uint64_t i = 0; p != NULL && i < len / 8; i++)
		n += p[i] == PATTERN;
	return (p == NULL ? UINT64_MAX : n);
}

TEST(the_scan_finds_what_no_reset_has_removed)
{
	struct tkvm_err err = {0};
	struct mini mini;

	NEED_KVM();
	CHECK_OK(mini_start(&mini, CANARY, 24 << 20, 8 << 20, &err));
	CHECK_EQ(canary(&mini, FILL, false, &err), 0);
	/* Without a reset memory is full of it; registers are not: the */
	/* entry stub has wiped them. */
	CHECK(canary(&mini, SCAN, false, &err) > 98000);
	CHECK(host_scan(mini.fork) > 30000);
	mini_stop(&mini);
}

TEST(ten_thousand_requests_find_nothing_of_each_other)
{
	struct tkvm_err err = {0};
	unsigned n = rounds(10000);
	struct mini mini;
	long found;

	NEED_KVM();
	CHECK_OK(mini_start(&mini, CANARY, 24 << 20, 8 << 20, &err));
	for (unsigned i = 0; i < n; i++) {
		/* All four orders of call and resume. */
		if (canary(&mini, FILL, i & 1, &err) != 0)
			TEST_FAIL("round %u: fill: %s", i, err.text);
		CHECK_OK(tkvm_machine_reset(mini.fork, &err));
		if (i % 500 == 0)
			CHECK_EQ(host_scan(mini.fork), 0);
		found = canary(&mini, SCAN, i & 2, &err);
		if (found != 0)
			TEST_FAIL("round %u: %s", i, err.text);
		CHECK_OK(tkvm_machine_reset(mini.fork, &err));
	}
	CHECK_EQ(host_scan(mini.fork), 0);
	mini_stop(&mini);
}

TEST(a_request_that_times_out_leaves_nothing)
{
	struct tkvm_err err = {0};
	const uint32_t spin = 1;
	struct mini mini;

	NEED_KVM();
	CHECK_OK(mini_start(&mini, CANARY, 24 << 20, 8 << 20, &err));
	for (unsigned i = 0; i < 5; i++) {
		CHECK_EQ(tkvm_copy_out(mini.fork, mini.callback[SPIN], &spin,
		    sizeof spin), 0);
		CHECK_EQ(mini_enter(&mini, mini.fork, FILL, 0, 0,
		    tkvm_now_ns() + 100000000, &err), TKVM_ETIMEOUT);
		CHECK_OK(tkvm_machine_reset(mini.fork, &err));
		CHECK_EQ(canary(&mini, SCAN, i & 1, &err), 0);
		CHECK_OK(tkvm_machine_reset(mini.fork, &err));
	}
	mini_stop(&mini);
}

TEST(forks_do_not_see_each_other)
{
	struct tkvm_err err = {0};
	struct tkvm_machine *other;
	struct tkvm_calls calls;
	struct mini mini;

	NEED_KVM();
	CHECK_OK(mini_start(&mini, CANARY, 24 << 20, 8 << 20, &err));
	calls = mini_calls(&mini);
	CHECK_OK(tkvm_machine_fork(mini.image, &calls, 2, 8 << 20, &other,
	    &err));
	CHECK_EQ(canary(&mini, FILL, false, &err), 0);
	CHECK_EQ(host_scan(other), 0);
	CHECK_OK(mini_enter(&mini, other, SCAN, 0, 0, mini_soon(), &err));
	CHECK_EQ(tkvm_machine_regs(other)->rdi, 0);
	/* One that is born now finds the image as it was. */
	tkvm_machine_destroy(&other);
	CHECK_OK(tkvm_machine_fork(mini.image, &calls, 3, 8 << 20, &other,
	    &err));
	CHECK_EQ(host_scan(other), 0);
	tkvm_machine_destroy(&other);
	mini_stop(&mini);
}

/* Bytes that differ between two forks' memory, of what the guest can read. */
static uint64_t
differences(const struct tkvm_machine *a, const struct tkvm_machine *b)
{
	const struct tkvm_layout *l = tkvm_machine_layout(a);
	uint64_t n = 0;
	uint64_t at[2] = {l->image_start, l->stack_low};
	uint64_t end[2] = {l->image_end, l->arena_end};

	for (int i = 0; i < 2; i++)
		for (; at[i] < end[i]; at[i] += TKVM_PAGE) {
			const void *x = tkvm_view(a, at[i], TKVM_PAGE);
			const void *y = tkvm_view(b, at[i], TKVM_PAGE);

			if (x != NULL && y != NULL)
				n += memcmp(x, y, TKVM_PAGE) != 0;
		}
	return (n);
}

/*
 * Random writes of guest and host in random order, past the point where the
 * set of pages is discarded, must end in the memory of a fork never used.
 */
/* The descriptor of the image, among those of this process. */
static int
image_fd(void)
{
	char name[32], link[64];
	ssize_t n;

	for (int fd = 0; fd < 1000; fd++) {
		(void)snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
		n = readlink(name, link, sizeof link - 1);
		link[n < 0 ? 0 : n] = '\0';
		if (strncmp(link, "/memfd:tinykvm (", 16) == 0)
			return (fd);
	}
	return (-1);
}

static bool
is_mapped_writable(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[400];
	bool found = false;

	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		if (strstr(line, "/memfd:tinykvm (") != NULL &&
		    strstr(line, " rw-s ") != NULL)
			found = true;
	if (f != NULL)
		(void)fclose(f);
	return (found);
}

TEST(not_even_this_process_can_write_to_a_frozen_image)
{
	struct tkvm_err err = {0};
	struct mini mini;
	int fd;

	NEED_KVM();
	CHECK_OK(mini_start(&mini, CANARY, 96 << 20, 16 << 20, &err));
	fd = image_fd();
	CHECK(fd >= 0);
	CHECK(!is_mapped_writable());
	CHECK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) ==
	    MAP_FAILED);
	CHECK_EQ(pwrite(fd, "x", 1, 0), -1);
	CHECK_EQ(ftruncate(fd, 0), -1);
	CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), -1);
	mini_stop(&mini);
}

TEST(a_reset_machine_equals_a_fresh_one)
{
	struct tkvm_err err = {0};
	struct tkvm_machine *fresh;
	struct tkvm_calls calls;
	unsigned n = rounds(1200), seed = 1;
	struct mini mini;
	uint64_t at;

	NEED_KVM();
	CHECK_OK(mini_start(&mini, CANARY, 24 << 20, 8 << 20, &err));
	calls = mini_calls(&mini);
	CHECK_OK(tkvm_machine_fork(mini.image, &calls, 2, 8 << 20, &fresh,
	    &err));
	for (unsigned i = 0; i < n; i++) {
		if (rand_r(&seed) % 2 == 0)
			CHECK_EQ(canary(&mini, FILL, seed & 1, &err), 0);
		for (unsigned k = rand_r(&seed) % 8; k > 0; k--) {
			at = tkvm_arena_take(mini.fork,
			    (uint64_t)rand_r(&seed) % 100000 + 1);
			if (at != 0)
				CHECK_EQ(tkvm_copy_out(mini.fork, at, &seed,
				    sizeof seed), 0);
			if (k % 3 == 0)
				CHECK_EQ(tkvm_arena_give(mini.fork, at,
				    TKVM_PAGE), 0);
		}
		CHECK_OK(tkvm_machine_reset(mini.fork, &err));
		if (i % 100 == 99 || i % 256 < 2)
			CHECK_EQ(differences(mini.fork, fresh), 0);
	}
	CHECK_EQ(differences(mini.fork, fresh), 0);
	tkvm_machine_destroy(&fresh);
	mini_stop(&mini);
}

/* After warm-up the same request costs one exit, no fault. */
TEST(the_steady_state_faults_nowhere)
{
	struct tkvm_err err = {0};
	const struct tkvm_machine_stats *s;
	struct tkvm_machine_stats before = {0};
	struct mini mini;

	NEED_KVM();
	CHECK_OK(mini_start(&mini, CANARY, 24 << 20, 8 << 20, &err));
	s = tkvm_machine_stats(mini.fork);
	for (unsigned i = 0; i < 100; i++) {
		CHECK_EQ(canary(&mini, FILL, false, &err), 0);
		CHECK_OK(tkvm_machine_reset(mini.fork, &err));
		if (i == 50)
			before = *s;
	}
	CHECK_EQ(s->faults - before.faults, 0);
	CHECK_EQ(s->exits - before.exits, s->runs - before.runs);
	mini_stop(&mini);
}

TEST_MAIN()
