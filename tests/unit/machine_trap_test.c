/* SPDX-License-Identifier: BSD-2-Clause */
/* Which instructions are port I/O, and how long they are. */
#include "machine/machine_priv.h"
#include "test.h"

static const struct {
	uint8_t code[6];
	unsigned len;
	bool is_call;
} rows[] = {
	{{0xe7, 0x00}, 2, true},		/* out %eax, $0 */
	{{0xe7, 0x80}, 2, false},
	{{0xe6, 0x00}, 2, false},		/* out %al, $0 */
	{{0x66, 0xe7, 0x00}, 3, false},		/* out %ax, $0 */
	{{0xe4, 0x60}, 2, false},
	{{0xe5, 0x60}, 2, false},
	{{0xec}, 1, false}, {{0xed}, 1, false},
	{{0xee}, 1, false}, {{0xef}, 1, false},
	{{0x66, 0xef}, 2, false},
	{{0x6c}, 1, false}, {{0x6f}, 1, false},
	{{0xf3, 0x6e}, 2, false},		/* rep outsb */
	{{0xf3, 0x66, 0x6f}, 3, false},
	{{0x48, 0xe7, 0x00}, 3, false},
	{{0xf4}, 0, false},			/* hlt */
	{{0x0f, 0x30}, 0, false},		/* wrmsr */
	{{0xcd, 0x80}, 0, false},
	{{0x66, 0x66, 0x66, 0x66, 0x66, 0xef}, 0, false},
};

TEST(port_instructions_are_recognised)
{
	bool is_call;

	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		unsigned len = trap_io_length(rows[i].code, 6, &is_call);

		if (len != rows[i].len || is_call != rows[i].is_call)
			TEST_FAIL("row %u: length %u, call %d", i, len,
			    is_call);
	}
}

TEST(an_instruction_cut_off_at_a_page_is_none)
{
	static const uint8_t out[] = {0xe7, 0x00}, prefix[] = {0x66};
	bool is_call;

	CHECK_EQ(trap_io_length(out, 1, &is_call), 0);
	CHECK(!is_call);
	CHECK_EQ(trap_io_length(prefix, 1, &is_call), 0);
	CHECK_EQ(trap_io_length(out, 0, &is_call), 0);
}

TEST_MAIN()
