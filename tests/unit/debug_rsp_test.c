/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets of gdb's protocol, good and hostile, and the register file. */
#include "debug/debug_priv.h"
#include "test.h"

static struct rsp_in in;
static char frame[RSP_FRAME];

/* Feed a text; the last event that is not RSP_NOTHING. */
static enum rsp_event
feed(const char *text, size_t n)
{
	enum rsp_event e, last = RSP_NOTHING;

	for (size_t i = 0; i < n; i++) {
		e = rsp_feed(&in, (unsigned char)text[i]);
		if (e != RSP_NOTHING)
			last = e;
	}
	return (last);
}
#define FEED(text) feed(text, sizeof text - 1)

TEST(packets_are_taken_apart)
{
	memset(&in, 0, sizeof in);
	CHECK_EQ(FEED("+$g#67"), RSP_PACKET);
	CHECK_STR(in.data, "g");
	CHECK_EQ(FEED("$#00"), RSP_PACKET);
	CHECK_EQ(in.n, 0);
	CHECK_EQ(FEED("$a}\x03" "b#44"), RSP_BAD);
	CHECK_EQ(FEED("$}\x03#80"), RSP_PACKET);
	CHECK_STR(in.data, "#");
	CHECK_EQ(FEED("\x03"), RSP_INTERRUPT);
	/* The first packet was cut off. */
	CHECK_EQ(FEED("$vCont$g#67"), RSP_PACKET);
	CHECK_STR(in.data, "g");
}

TEST(malformed_packets_are_refused)
{
	memset(&in, 0, sizeof in);
	CHECK_EQ(FEED("$g#68"), RSP_BAD);
	CHECK_EQ(FEED("$g#zz"), RSP_BAD);
	CHECK_EQ(FEED("$g#6z"), RSP_BAD);
	CHECK_EQ(FEED("#67"), RSP_NOTHING);
	CHECK_EQ(FEED("garbage"), RSP_NOTHING);
	CHECK_EQ(FEED("$g#67"), RSP_PACKET);
}

TEST(a_packet_that_is_too_long_is_refused_whole)
{
	memset(&in, 0, sizeof in);
	CHECK_EQ(FEED("$"), RSP_NOTHING);
	/* 256 * k bytes do not change the checksum, were they counted. */
	for (unsigned i = 0; i < 64 * RSP_MAX; i++)
		CHECK_EQ(FEED("@"), RSP_NOTHING);
	CHECK_EQ(in.n, RSP_MAX);
	CHECK_EQ(FEED("#00"), RSP_BAD);
	CHECK_EQ(FEED("$g#67"), RSP_PACKET);
}

TEST(frames_are_what_the_parser_takes)
{
	char data[RSP_MAX];
	size_t n;

	memset(&in, 0, sizeof in);
	for (unsigned i = 0; i < RSP_MAX; i++)
		data[i] = (char)(i * 7);
	n = rsp_frame(data, sizeof data, frame);
	CHECK(n <= sizeof frame);
	CHECK_EQ(feed(frame, n), RSP_PACKET);
	CHECK_EQ(in.n, RSP_MAX);
	CHECK(memcmp(in.data, data, RSP_MAX) == 0);
	memset(data, '#', sizeof data);
	CHECK_EQ(rsp_frame(data, sizeof data, frame), RSP_FRAME);
}

TEST(numbers_are_hexadecimal_and_fit_in_64_bits)
{
	static const struct { const char *text; bool good; } rows[] = {
		{"0", true}, {"ffffffffffffffff", true}, {"aB,", true},
		{"", false}, {"g", false}, {"-1", false},
		{"10000000000000000", false}, {"00000000000000001", false},
	};
	const char *odd;
	uint8_t two[2];
	uint64_t v;

	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const char *p = rows[i].text;

		CHECK_EQ(rsp_hex(&p, &v), rows[i].good);
	}
	odd = "abc";
	CHECK(!rsp_bytes(&odd, two, 2));
}

TEST(random_bytes_do_no_harm)
{
	uint32_t x = 12345;
	unsigned packets = 0;

	memset(&in, 0, sizeof in);
	for (unsigned i = 0; i < 2000000; i++) {
		static const char often[] = "$#}0123456789abcdef\x03$#00";

		x = x * 1664525 + 1013904223;
		packets += rsp_feed(&in, x >> 31 ?
		    (unsigned char)often[(x >> 20) % (sizeof often - 1)] :
		    (unsigned char)(x >> 16)) == RSP_PACKET;
		CHECK(in.n <= RSP_MAX);
	}
	CHECK(packets > 0);
}

TEST(registers_come_back_as_they_were_set)
{
	struct registers r = {.components = 7};
	uint8_t v[REGISTER_MAX], w[REGISTER_MAX];
	unsigned n = registers_n(&r), fixed = 0;
	bool wide = false;
	size_t all = 0;

	CHECK_EQ(n, 16 + 1 + 1 + 6 + 8 + 8 + 16 + 1 + 1 + 2 + 16);
	for (unsigned i = 0; i < n; i++) {
		all += registers_size(i);
		memset(v, (int)(0x11 + i), sizeof v);
		memset(w, 0, sizeof w);
		registers_set(&r, i, v, &wide);
		registers_get(&r, i, w);
		fixed += memcmp(v, w, registers_size(i)) != 0;
	}
	/* 6 selectors, orig_rax; tags and 5 fields shorter than 4 bytes. */
	CHECK_EQ(fixed, 13);
	CHECK(wide);
	CHECK(all * 2 <= RSP_MAX);
	CHECK_EQ(registers_size(n), 0);
	registers_set(&r, n, v, &wide);
	registers_get(&r, UINT32_MAX, v);
	r.components = 3;
	CHECK_EQ(registers_n(&r), n - 16);
}

TEST(the_target_description_fits)
{
	static struct session s;

	s.r.components = 7;
	CHECK(registers_xml(&s.r, s.xml, sizeof s.xml) > 2000);
	CHECK_HAS(s.xml, "name=\"ymm15h\" bitsize=\"128\"");
	CHECK_HAS(s.xml, "</feature></target>");
	s.r.components = 3;
	CHECK(registers_xml(&s.r, s.xml, sizeof s.xml) > 2000);
	CHECK(strstr(s.xml, "ymm") == NULL);
	CHECK_EQ(registers_xml(&s.r, s.xml, 100), 0);
}

TEST_MAIN()
