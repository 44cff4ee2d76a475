/* SPDX-License-Identifier: BSD-2-Clause */
/* What a debugger does to a machine: breakpoints, steps, watchpoints. */
#include <elf.h>

#include "mini.h"
#include "tinykvm/machine_debug.h"

#define TARGET "build/tests/guests/debug_target"

static struct mini mini;
static struct tkvm_err err;
static struct tkvm_stop stop;

/* Where a symbol of the guest is; it is not position-independent. */
static uint64_t
symbol(const char *name)
{
	const Elf64_Ehdr *e = (const void *)mini.elf;
	const Elf64_Shdr *sh = (const void *)(mini.elf + e->e_shoff);

	for (unsigned i = 0; i < e->e_shnum; i++) {
		const Elf64_Sym *s = (const void *)(mini.elf + sh[i].sh_offset);

		if (sh[i].sh_type != SHT_SYMTAB)
			continue;
		for (size_t n = sh[i].sh_size / sizeof *s; n > 0; n--, s++)
			if (strcmp(mini.elf + sh[sh[i].sh_link].sh_offset +
			    s->st_name, name) == 0)
				return (s->st_value);
	}
	return (0);
}

/* A fork at the beginning of a request for this URL. */
static int
begin(const char *url)
{
	uint64_t arg[6] = {0};
	int r;

	r = mini_start(&mini, TARGET, 96 << 20, 16 << 20, &err);
	if (r != 0)
		return (r);
	arg[0] = tkvm_machine_push(mini.fork, url, strlen(url));
	arg[1] = arg[0] + strlen(url);
	return (tkvm_machine_call(mini.fork, mini.callback[1], arg, &err));
}

static void
go(bool step)
{
	tkvm_debug_run(mini.fork, step, mini_soon(), mini_soon() + 1000000000,
	    &stop, &err);
}

static uint64_t
rip(void)
{
	return (tkvm_machine_regs(mini.fork)->rip);
}

static int32_t
counter(void)
{
	int32_t n = -1;

	return (tkvm_copy_in(mini.fork, &n, symbol("counter"), sizeof n) != 0 ?
	    -1 : n);
}

TEST(a_software_breakpoint_stops_and_does_not_show)
{
	uint64_t leaf;
	uint8_t a, b, c;

	NEED_KVM();
	CHECK_OK(begin("/"));
	leaf = symbol("leaf");
	CHECK(leaf != 0);
	CHECK_EQ(tkvm_copy_in(mini.fork, &a, leaf, 1), 0);
	CHECK_EQ(tkvm_debug_break(mini.fork, TKVM_BREAK_SOFT, leaf, 1, true),
	    0);
	CHECK_EQ(tkvm_debug_read(mini.fork, &b, leaf, 1), 0);
	CHECK_EQ(tkvm_copy_in(mini.fork, &c, leaf, 1), 0);
	CHECK_EQ(a, b);
	CHECK_EQ(c, 0xcc);
	go(false);
	CHECK_EQ(stop.kind, TKVM_STOP_BREAK);
	CHECK_EQ(stop.by, TKVM_BREAK_SOFT);
	CHECK_EQ(rip(), leaf);
	CHECK_EQ(tkvm_machine_regs(mini.fork)->rdi, 3);
	CHECK_EQ(tkvm_debug_break(mini.fork, TKVM_BREAK_SOFT, leaf, 1, false),
	    0);
	CHECK_EQ(counter(), 6);
	go(false);
	CHECK_EQ(stop.kind, TKVM_STOP_ENDED);
	CHECK_EQ(counter(), 9);
	CHECK_OK(tkvm_debug_end(mini.fork, &err));
	mini_stop(&mini);
}

TEST(steps_go_through_every_instruction_and_over_calls)
{
	unsigned steps = 0, leaf_seen = 0;
	uint64_t leaf;

	NEED_KVM();
	CHECK_OK(begin("/"));
	leaf = symbol("leaf");
	do {
		go(true);
		leaf_seen += rip() == leaf;
		CHECK(steps++ < 100000);
	} while (stop.kind == TKVM_STOP_STEPPED);
	CHECK_EQ(stop.kind, TKVM_STOP_ENDED);
	CHECK_EQ(leaf_seen, 1);
	CHECK(steps > 100);
	CHECK_EQ(counter(), 9);
	CHECK_OK(tkvm_debug_end(mini.fork, &err));
	CHECK_OK(tkvm_machine_reset(mini.fork, &err));
	mini_stop(&mini);
}

TEST(a_hardware_breakpoint_stops)
{
	uint64_t leaf;

	NEED_KVM();
	CHECK_OK(begin("/"));
	leaf = symbol("leaf");
	CHECK_EQ(tkvm_debug_break(mini.fork, TKVM_BREAK_HARD, leaf, 1, true),
	    0);
	go(false);
	CHECK_EQ(stop.kind, TKVM_STOP_BREAK);
	CHECK_EQ(rip(), leaf);
	CHECK_EQ(tkvm_debug_break(mini.fork, TKVM_BREAK_HARD, leaf, 1, false),
	    0);
	go(true);
	CHECK_EQ(stop.kind, TKVM_STOP_STEPPED);
	go(false);
	CHECK_EQ(stop.kind, TKVM_STOP_ENDED);
	mini_stop(&mini);
}

TEST(a_watchpoint_stops_behind_the_write)
{
	uint64_t v = 0, at;

	NEED_KVM();
	CHECK_OK(begin("/"));
	at = symbol("watched");
	CHECK_EQ(tkvm_debug_break(mini.fork, TKVM_BREAK_WRITE, at, 8, true),
	    0);
	go(false);
	CHECK_EQ(stop.kind, TKVM_STOP_WATCH);
	CHECK_EQ(stop.address, at);
	CHECK_EQ(tkvm_copy_in(mini.fork, &v, at, 8), 0);
	CHECK_EQ(v, 18);
	/* A step while a debug register is set, too. */
	go(true);
	CHECK_EQ(stop.kind, TKVM_STOP_STEPPED);
	CHECK_EQ(tkvm_debug_break(mini.fork, TKVM_BREAK_WRITE, at, 8, false),
	    0);
	go(false);
	CHECK_EQ(stop.kind, TKVM_STOP_ENDED);
	mini_stop(&mini);
}

TEST(no_breakpoint_outlives_the_reset_or_reaches_another_fork)
{
	struct tkvm_calls calls;
	struct tkvm_machine *other;
	uint64_t leaf, n;
	uint8_t a, b;

	NEED_KVM();
	CHECK_OK(begin("/"));
	leaf = symbol("leaf");
	calls = mini_calls(&mini);
	CHECK_OK(tkvm_machine_fork(mini.image, &calls, 2, 16 << 20, &other,
	    &err));
	CHECK_EQ(tkvm_copy_in(mini.fork, &a, leaf, 1), 0);
	CHECK_EQ(tkvm_debug_break(mini.fork, TKVM_BREAK_SOFT, leaf, 1, true),
	    0);
	CHECK_EQ(tkvm_debug_break(mini.fork, TKVM_BREAK_WRITE,
	    symbol("watched"), 8, true), 0);
	CHECK_EQ(tkvm_copy_in(other, &b, leaf, 1), 0);
	CHECK_EQ(a, b);
	/* Without tkvm_debug_end(), as if it had been forgotten. */
	CHECK_OK(tkvm_machine_reset(mini.fork, &err));
	CHECK_EQ(tkvm_copy_in(mini.fork, &b, leaf, 1), 0);
	CHECK_EQ(a, b);
	CHECK_EQ(tkvm_machine_stats(mini.fork)->dirty_pages, 0);
	n = tkvm_machine_push(mini.fork, "/", 1);
	CHECK_OK(mini_enter(&mini, mini.fork, 1, n, n, mini_soon(), &err));
	CHECK_EQ(counter(), 9);
	tkvm_machine_destroy(&other);
	mini_stop(&mini);
}

TEST(impossible_breakpoints_are_refused)
{
	uint64_t at;

	NEED_KVM();
	CHECK_OK(begin("/"));
	at = symbol("watched");
	for (unsigned kind = 0; kind <= TKVM_BREAK_ACCESS; kind++) {
		CHECK_EQ(tkvm_debug_break(mini.fork, kind, 0, 1, true), -1);
		CHECK_EQ(tkvm_debug_break(mini.fork, kind, UINT64_MAX, 1,
		    true), -1);
		CHECK_EQ(tkvm_debug_break(mini.fork, kind,
		    tkvm_machine_layout(mini.fork)->image_start - 4096,
		    1, true), -1);
	}
	CHECK_EQ(tkvm_debug_break(mini.fork, TKVM_BREAK_WRITE, at, 3, true),
	    -1);
	CHECK_EQ(tkvm_debug_break(mini.fork, TKVM_BREAK_WRITE, at + 1, 8,
	    true), -1);
	for (unsigned i = 0; i < 4; i++)
		CHECK_EQ(tkvm_debug_break(mini.fork, TKVM_BREAK_WRITE,
		    at + 8 * i, 8, true), 0);
	CHECK_EQ(tkvm_debug_break(mini.fork, TKVM_BREAK_WRITE, at + 64, 8,
	    true), -1);
	for (unsigned i = 0; i < 64; i++)
		CHECK_EQ(tkvm_debug_break(mini.fork, TKVM_BREAK_SOFT,
		    symbol("main") + i, 1, true), 0);
	CHECK_EQ(tkvm_debug_break(mini.fork, TKVM_BREAK_SOFT, symbol("leaf"),
	    1, true), -1);
	mini_stop(&mini);
}

TEST_MAIN()
