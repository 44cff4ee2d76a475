/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine under good and bad guests. */
#include "mini.h"

#define MISDEEDS "build/tests/guests/machine_misdeeds"
#define MS 1000000u

struct misdeed {
	unsigned what;
	const char *reason;	/* a part of the sentence */
};

static const struct misdeed fatal[] = {
	{1, "null pointer"},
	{2, "not allowed"},
	{3, "not allowed"},
	{4, "execution of"},
	{5, "stack overflow"},
	{6, "invalid opcode"},
	{7, "division by zero"},
	{8, "breakpoint"},
	{9, "general protection fault"},
	{10, " at "},
	{11, "page fault"},
	{12, "debug exception"},
	{13, " at "},
	{14, "general protection fault"},
	{15, "general protection fault"},
	{16, "general protection fault"},
	{17, "not allowed"},
	{18, "not allowed"},
	{24, " at "},
	{25, " at "},
	{26, "general protection fault"},
	{27, "general protection fault"},
	{28, "returned without giving an answer"},
	{29, "general protection fault"},
	{30, "not allowed"},
	{31, "not allowed"},
};

TEST(every_fault_ends_its_request_with_a_reason_and_no_other)
{
	struct tkvm_err err = {0};
	struct mini mini;

	NEED_KVM();
	CHECK_OK(mini_start(&mini, MISDEEDS, 96 << 20, 16 << 20, &err));
	for (unsigned i = 0; i < sizeof fatal / sizeof fatal[0]; i++) {
		int r = mini_enter(&mini, mini.fork, 1, fatal[i].what, 0,
		    mini_soon(), &err);

		if (r != TKVM_EGUEST || strstr(err.text, fatal[i].reason) ==
		    NULL)
			TEST_FAIL("misdeed %u: %d \"%s\", not \"%s\"",
			    fatal[i].what, r, err.text, fatal[i].reason);
		CHECK_OK(tkvm_machine_reset(mini.fork, &err));
		CHECK_OK(mini_enter(&mini, mini.fork, 1, 0, 0, mini_soon(),
		    &err));
		CHECK_EQ(tkvm_machine_regs(mini.fork)->rdi, 42);
		CHECK_OK(tkvm_machine_reset(mini.fork, &err));
	}
	mini_stop(&mini);
}

TEST(a_reason_names_the_function)
{
	struct tkvm_err err = {0};
	struct mini mini;

	NEED_KVM();
	CHECK_OK(mini_start(&mini, MISDEEDS, 96 << 20, 16 << 20, &err));
	CHECK_EQ(mini_enter(&mini, mini.fork, 1, 6, 0, mini_soon(), &err),
	    TKVM_EGUEST);
	CHECK_HAS(err.text, "on_call+0x");
	mini_stop(&mini);
}

TEST(ports_flags_and_selectors_do_no_harm)
{
	struct tkvm_err err = {0};
	struct mini mini;

	NEED_KVM();
	CHECK_OK(mini_start(&mini, MISDEEDS, 96 << 20, 16 << 20, &err));
	for (unsigned what = 40; what <= 44; what++) {
		if (mini_enter(&mini, mini.fork, 1, what, 0, mini_soon(),
		    &err) != 0)
			TEST_FAIL("deed %u: %s", what, err.text);
		CHECK_EQ(tkvm_machine_regs(mini.fork)->rdi, 42);
		CHECK_OK(tkvm_machine_reset(mini.fork, &err));
	}
	mini_stop(&mini);
}

/* A guest that pretends to be the ring-0 stub must not confuse the host. */
TEST(a_call_leaves_user_mode_without_a_fault)
{
	const struct tkvm_host *host;
	struct tkvm_err err;

	CHECK_EQ(tkvm_host_probe(&host, &err), 0);
	CHECK_EQ(host->out_trap, TKVM_TRAP_DIRECT);
}

TEST(reserved_ports_and_the_system_call_page_are_harmless)
{
	struct tkvm_err err = {0};
	struct mini mini;

	NEED_KVM();
	CHECK_OK(mini_start(&mini, MISDEEDS, 96 << 20, 16 << 20, &err));
	for (unsigned i = 0; i < 20; i++) {
		int r = mini_enter(&mini, mini.fork, 1, i % 2 ? 19 : 23, 0,
		    mini_soon(), &err);

		/* Skipped, answered as a system call or refused: all fine. */
		CHECK(r == 0 || r == TKVM_EGUEST);
		CHECK_OK(tkvm_machine_reset(mini.fork, &err));
		CHECK_OK(mini_enter(&mini, mini.fork, 1, 0, 0, mini_soon(),
		    &err));
		CHECK_OK(tkvm_machine_reset(mini.fork, &err));
	}
	mini_stop(&mini);
}

TEST(a_guest_that_never_exits_is_stopped_at_its_deadline)
{
	struct tkvm_err err = {0};
	struct mini mini;

	NEED_KVM();
	CHECK_OK(mini_start(&mini, MISDEEDS, 96 << 20, 16 << 20, &err));
	for (unsigned what = 20; what <= 21; what++) {
		CHECK_EQ(mini_enter(&mini, mini.fork, 1, what, 0,
		    tkvm_now_ns() + 50 * MS, &err), TKVM_ETIMEOUT);
		CHECK(tkvm_now_ns() >= tkvm_machine_deadline(mini.fork));
		CHECK_HAS(err.text, "time-out");
		CHECK_OK(tkvm_machine_reset(mini.fork, &err));
		CHECK_OK(mini_enter(&mini, mini.fork, 1, 0, 0, mini_soon(),
		    &err));
		CHECK_OK(tkvm_machine_reset(mini.fork, &err));
	}
	mini_stop(&mini);
}

TEST(the_memory_limit_is_exact_and_per_request)
{
	struct tkvm_err err = {0};
	const uint64_t limit_pages = 2048, own = 16;
	struct mini mini;

	NEED_KVM();
	CHECK_OK(mini_start(&mini, MISDEEDS, 96 << 20,
	    limit_pages * TKVM_PAGE, &err));
	/* Stack and page-table pages count too: a few. */
	for (unsigned i = 0; i < 4; i++) {
		CHECK_OK(mini_enter(&mini, mini.fork, 1, 22,
		    limit_pages - own, mini_soon(), &err));
		CHECK_OK(tkvm_machine_reset(mini.fork, &err));
	}
	/* Pages kept from the requests before count when used again. */
	for (unsigned i = 0; i < 4; i++) {
		CHECK_EQ(mini_enter(&mini, mini.fork, 1, 22, 3 * limit_pages,
		    mini_soon(), &err), TKVM_EWORKMEM);
		CHECK_HAS(err.text, "out of working memory");
		/* The ring's size is the grain of the hard stop. */
		CHECK(tkvm_machine_stats(mini.fork)->dirty_pages <
		    limit_pages + 1100);
		CHECK_OK(tkvm_machine_reset(mini.fork, &err));
	}
	mini_stop(&mini);
}

/* Descriptors of this process. */
static unsigned
descriptors(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return (n);
}

TEST(nothing_is_left_when_machines_are_gone)
{
	struct tkvm_err err = {0};
	unsigned before, after;
	struct mini mini;

	NEED_KVM();
	before = descriptors();
	for (unsigned i = 0; i < 10; i++) {
		CHECK_OK(mini_start(&mini, MISDEEDS, 96 << 20, 16 << 20,
		    &err));
		CHECK_OK(mini_enter(&mini, mini.fork, 1, 0, 0, mini_soon(),
		    &err));
		mini_stop(&mini);
	}
	after = descriptors();
	CHECK_EQ(after, before);
}

TEST(bad_program_files_are_refused_with_a_sentence)
{
	struct tkvm_err err = {0};
	struct mini mini;

	NEED_KVM();
	CHECK_EQ(mini_start(&mini, "/etc/passwd", 96 << 20, 1 << 20, &err),
	    TKVM_EFILE);
	CHECK_HAS(err.text, "not an ELF file");
	mini_stop(&mini);
	CHECK_EQ(mini_start(&mini, "/bin/sh", 96 << 20, 1 << 20, &err),
	    TKVM_EFILE);
	CHECK_HAS(err.text, "-static");
	mini_stop(&mini);
	CHECK_EQ(mini_start(&mini, MISDEEDS, 16 << 20, 1 << 20, &err),
	    TKVM_EFILE);
	CHECK_HAS(err.text, "raise max_memory");
	mini_stop(&mini);
}

/* Guest memory is only reachable through its own permissions. */
TEST(the_host_touches_only_what_the_guest_may)
{
	struct tkvm_err err = {0};
	const struct tkvm_layout *l;
	char c[8] = "";
	struct mini mini;

	NEED_KVM();
	CHECK_OK(mini_start(&mini, MISDEEDS, 96 << 20, 16 << 20, &err));
	l = tkvm_machine_layout(mini.fork);
	CHECK(tkvm_view(mini.fork, 0, 1) == NULL);
	CHECK(tkvm_view(mini.fork, 0x1000, 1) == NULL);
	CHECK(tkvm_view(mini.fork, 0x6000, 1) == NULL);
	CHECK(tkvm_view(mini.fork, l->arena_end, 1) == NULL);
	CHECK(tkvm_view(mini.fork, l->arena_end - 1, 1) != NULL);
	CHECK(tkvm_view(mini.fork, l->arena_end - 1, 2) == NULL);
	CHECK(tkvm_view(mini.fork, l->arena_end - 1, UINT64_MAX) == NULL);
	CHECK(tkvm_view(mini.fork, UINT64_MAX, 2) == NULL);
	CHECK(tkvm_view(mini.fork, l->stack_low - 1, 2) == NULL);
	CHECK(tkvm_view(mini.fork, l->entry, 4) != NULL);
	CHECK(tkvm_view_write(mini.fork, l->entry, 4) == NULL);
	CHECK_EQ(tkvm_copy_out(mini.fork, l->entry, c, 1), -1);
	CHECK_EQ(tkvm_copy_out(mini.fork, 0, c, 0), 0);
	CHECK_EQ(tkvm_copy_in_str(mini.fork, c, l->arena_start, 8), 0);
	CHECK_EQ(tkvm_copy_out(mini.fork, l->arena_end - 8, "12345678", 8), 0);
	CHECK_EQ(tkvm_copy_in_str(mini.fork, c, l->arena_end - 8, 8), -2);
	CHECK_EQ(tkvm_copy_in_str(mini.fork, c, l->arena_end - 4, 8), -1);
	mini_stop(&mini);
}

TEST_MAIN()
