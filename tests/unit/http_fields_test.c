/* SPDX-License-Identifier: BSD-2-Clause */
/* Header fields as a program reads and writes them, well and badly. */
#include "http_fake.h"

#define ALLOWED(next) CHECK_EQ(next, TKVM_RESUME)
#define REFUSED(next, why) do { \
	CHECK_EQ(next, TKVM_ABORT); \
	CHECK_EQ(err.code, TKVM_EGUEST); \
	CHECK_HAS(err.text, why); \
} while (0)

static void
have(enum tkvm_where where, const char *line)
{
	snprintf(lines.text[where][lines.n[where]++],
	    sizeof lines.text[0][0], "%s", line);
}

TEST(fields_of_both_sides_have_an_old_and_a_new_number)
{
	static const enum tkvm_where side[] = {TKVM_REQUEST, TKVM_RESPONSE,
	    TKVM_REQUEST, TKVM_RESPONSE};
	static const uint64_t number[] = {0, 1, 4, 0xffffffff00000005};

	for (unsigned i = 0; i < 4; i++) {
		fake_start();
		ALLOWED(DO(0x10020, number[i], STR("X-Value: 1")));
		CHECK_EQ(call.ret, 5);
		CHECK_EQ(lines.n[side[i]], 1);
		CHECK_EQ(lines.n[!side[i]], 0);
		CHECK_STR(lines.text[side[i]][0], "X-Value: 1");
	}
}

TEST(there_are_no_other_sides)
{
	static const uint64_t number[] = {2, 3, 6, 7, UINT32_MAX};

	fake_start();
	for (unsigned i = 0; i < sizeof number / sizeof number[0]; i++) {
		REFUSED(DO(0x10020, number[i], STR("X: 1")), "neither");
		REFUSED(DO(0x10021, number[i], STR("X: 1")), "neither");
		REFUSED(DO(0x10022, number[i], STR("X")), "neither");
	}
	CHECK_EQ(lines.n[0] + lines.n[1], 0);
}

TEST(without_a_transaction_there_are_no_fields)
{
	static const uint32_t number[] = {0x10020, 0x10021, 0x10022, 0x10023};

	for (unsigned i = 0; i < 4; i++) {
		fake_start();
		request.ops = NULL;
		REFUSED(DO(number[i], 0, STR("X: 1")), "no request");
		fake_boot();
		REFUSED(DO(number[i], 0, STR("X: 1")), "no request");
	}
}

TEST(what_the_embedder_cannot_do_fails)
{
	struct tkvm_transaction_ops none = {NULL};

	fake_start();
	request.ops = &none;
	REFUSED(DO(0x10020, 0, STR("X: 1")), "no header field can be added");
	REFUSED(DO(0x10021, 0, STR("X: 1")), "no header field can be set");
	ALLOWED(DO(0x10021, 0, STR("X")));
	CHECK_EQ(call.ret, 0);
	ALLOWED(DO(0x10022, 0, STR("X"), 0, 0));
	CHECK_EQ(call.ret, 0);
}

/*--- append and set -------------------------------------------------------*/

static const char *const illegal[] = {
	"", "X:1", "X: ", "X: 1 ", " X: 1", ": 11", "X 11", "X:11", "XYZ:",
	"X: a\r\nY: b", "X: \x01", "X Y: 1",
};

TEST(illegal_lines_are_refused_by_append_and_set)
{
	fake_start();
	for (unsigned i = 0; i < sizeof illegal / sizeof illegal[0]; i++) {
		size_t n = strlen(illegal[i]);

		poke(AT0, illegal[i], n);
		REFUSED(DO(0x10020, 1, AT0, n), "illegal header line");
		if (n > 0)
			REFUSED(DO(0x10021, 1, AT0, n), "illegal header line");
	}
	CHECK_EQ(lines.n[0] + lines.n[1] + lines.unset, 0);
}

/* The sentence goes into logs: nothing of the line may break out of it. */
TEST(the_reason_shows_the_line_without_control_characters)
{
	fake_start();
	REFUSED(DO(0x10020, 1, STR("X: a\r\n\x1b[0m\xff")), "X: a???[0m?");
	for (const char *p = err.text; *p != '\0'; p++)
		CHECK(*p >= 0x20 && *p < 0x7f);
}

TEST(lines_have_64_bit_lengths_and_must_be_mapped)
{
	static const uint32_t number[] = {0x10020, 0x10021};

	fake_start();
	for (unsigned i = 0; i < 2; i++) {
		REFUSED(DO(number[i], 1, AT0, 0x10000), "at most 65535");
		REFUSED(DO(number[i], 1, AT0, 1ull << 32 | 4), "at most");
		REFUSED(DO(number[i], 1, AT0, UINT64_MAX), "at most 65535");
		REFUSED(DO(number[i], 1, BAD, 4), "unmapped");
		REFUSED(DO(number[i], 1, 0, 4), "unmapped");
		REFUSED(DO(number[i], 1, FAKE_TOP - 3, 4), "unmapped");
	}
}

/* Zero-extended by append, sign-extended by set. */
TEST(a_full_table_is_minus_one_of_either_kind)
{
	fake_start();
	lines.full = true;
	ALLOWED(DO(0x10020, 1, STR("X: 1")));
	CHECK_EQ(call.ret, 0xffffffff);
	ALLOWED(DO(0x10021, 1, STR("X: 1")));
	CHECK_EQ((int64_t)call.ret, -1);
}

TEST(set_replaces_appends_and_removes)
{
	fake_start();
	have(TKVM_RESPONSE, "A: 1");
	have(TKVM_RESPONSE, "X: 1");
	ALLOWED(DO(0x10021, 1, STR("x: 2")));
	CHECK_EQ(call.ret, 6);
	CHECK_STR(lines.text[1][1], "x: 2");
	ALLOWED(DO(0x10021, 1, STR("Y: 3")));
	CHECK_EQ(call.ret, 7);
	ALLOWED(DO(0x10021, 1, STR("X")));
	CHECK_EQ(lines.unset, 1);
	CHECK_EQ(lines.n[1], 2);
	ALLOWED(DO(0x10021, 1, STR("Z")));
	CHECK_EQ(call.ret, 0);
	ALLOWED(DO(0x10021, 1, BAD, 0));
	CHECK_EQ(call.ret, 0);
	CHECK_EQ(lines.n[1], 2);
	REFUSED(DO(0x10021, 1, STR("no name")), "illegal header line");
}

/*--- find and method ------------------------------------------------------*/

TEST(find_gives_the_whole_line_without_nul)
{
	fake_start();
	have(TKVM_REQUEST, "X-Value: 5");
	have(TKVM_REQUEST, "X-Value: 6");
	poke(AT1, "############", 12);
	ALLOWED(DO(0x10022, 0, STR("x-vALUE"), AT1, 12));
	CHECK_EQ(call.ret, 10);
	CHECK(memcmp(peek(AT1), "X-Value: 5##", 12) == 0);
	ALLOWED(DO(0x10022, 0, STR("X-Value"), AT1, 10));
	CHECK_EQ(call.ret, 10);
}

TEST(find_without_room_or_field_is_zero)
{
	fake_start();
	have(TKVM_REQUEST, "X-Value: 5");
	poke(AT1, "#", 1);
	ALLOWED(DO(0x10022, 0, STR("X-Value"), AT1, 9));
	CHECK_EQ(call.ret, 0);
	CHECK_EQ(*peek(AT1), '#');
	ALLOWED(DO(0x10022, 0, STR("X-Other"), AT1, 100));
	CHECK_EQ(call.ret, 0);
	ALLOWED(DO(0x10022, 1, STR("X-Value"), AT1, 100));
	CHECK_EQ(call.ret, 0);
	/* Not even a name that is part of one. */
	ALLOWED(DO(0x10022, 0, STR("X-Val"), AT1, 100));
	CHECK_EQ(call.ret, 0);
}

TEST(find_with_null_asks_for_the_length)
{
	fake_start();
	have(TKVM_REQUEST, "X-Value: 5");
	ALLOWED(DO(0x10022, 0, STR("X-Value"), 0, 0));
	CHECK_EQ(call.ret, 10);
}

TEST(sizes_of_find_have_16_bits)
{
	fake_start();
	have(TKVM_REQUEST, "X-Value: 5");
	ALLOWED(DO(0x10022, 0, STR("X-Value"), AT1, 0x10009));
	CHECK_EQ(call.ret, 0);
	ALLOWED(DO(0x10022, 0, STR("X-Value"), AT1, 0xabc000a));
	CHECK_EQ(call.ret, 10);
	ALLOWED(DO(0x10022, 0, AT0, 0xff0000 | 7, AT1, 10));
	CHECK_EQ(call.ret, 10);
}

TEST(find_needs_a_name_and_writable_memory)
{
	fake_start();
	have(TKVM_REQUEST, "X-Value: 5");
	REFUSED(DO(0x10022, 0, AT0, 0, AT1, 10), "illegal");
	REFUSED(DO(0x10022, 0, AT0, 0x10000, AT1, 10), "illegal");
	REFUSED(DO(0x10022, 0, STR("X:"), AT1, 10), "illegal");
	REFUSED(DO(0x10022, 0, STR("X Y"), AT1, 10), "illegal");
	REFUSED(DO(0x10022, 0, STR("X\0Y"), AT1, 10), "illegal");
	REFUSED(DO(0x10022, 0, STR("X\n"), AT1, 10), "illegal");
	REFUSED(DO(0x10022, 0, BAD, 1, AT1, 10), "unmapped");
	REFUSED(DO(0x10022, 0, STR("X-Value"), FAKE_CODE, 10), "writable");
	REFUSED(DO(0x10022, 0, STR("X-Value"), FAKE_TOP - 9, 10), "writable");
	REFUSED(DO(0x10022, 0, STR("X-Value"), BAD, 10), "writable");
}

TEST(method_is_the_clients_with_a_31_bit_size)
{
	fake_start();
	request.method = "DELETE";
	poke(AT1, "########", 8);
	ALLOWED(DO(0x10023, AT1, 6));
	CHECK_EQ(call.ret, 6);
	CHECK(memcmp(peek(AT1), "DELETE##", 8) == 0);
	ALLOWED(DO(0x10023, 0, 0));
	CHECK_EQ(call.ret, 6);
	ALLOWED(DO(0x10023, AT1, 5));
	CHECK_EQ(call.ret, 0);
	ALLOWED(DO(0x10023, AT1, 0x80000005));
	CHECK_EQ(call.ret, 0);
	ALLOWED(DO(0x10023, AT1, 0x80000006));
	CHECK_EQ(call.ret, 6);
	REFUSED(DO(0x10023, BAD, 6), "writable");
	/* Later in a chain the program gets a POST; the client sent this. */
	request.method = "POST";
	request.first_method = "DELETE";
	ALLOWED(DO(0x10023, 0, 0));
	CHECK_EQ(call.ret, 6);
}

TEST_MAIN()
