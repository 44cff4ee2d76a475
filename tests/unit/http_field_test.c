/* SPDX-License-Identifier: BSD-2-Clause */
/* The one place where guest bytes become header text. */
#include "http/http.h"
#include "test.h"

static bool
line(const char *s)
{
	return (http_line_ok(s, strlen(s)));
}

TEST(well_formed_lines_pass)
{
	CHECK(line("X: 1"));
	CHECK(line("X-Value: 1"));
	CHECK(line("A: b:c"));
	CHECK(line("X:  two spaces"));
	CHECK(line("X: tab\tinside"));
	CHECK(line("!#$%&'*+-.^_`|~09azAZ: token"));
	CHECK(line("X: \xc3\xa4"));
}

TEST(malformed_lines_do_not)
{
	static const char *const bad[] = {"", "abc", "X:1", "X: ", "X:",
	    "X-Value:", ": value", "X-Value:1", " X: 1", "X: 1 ", "X : 1",
	    "X Y: 1", "X: a\r\nY: b", "X: a\nb", "X: a\rb", "X\t: 1",
	    "X(: 1", "\xc3: 1", "no colon here"};

	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (line(bad[i]))
			TEST_FAIL("accepted: \"%s\"", bad[i]);
	CHECK(!http_line_ok("X: a\0b", 6));
	CHECK(!http_line_ok("X\0: ab", 6));
}

/* Every byte, in the name and in the value. */
TEST(no_control_character_passes_anywhere)
{
	char s[] = "Na?e: va?ue";

	for (int c = 0; c < 256; c++) {
		bool token = c > 0x20 && c < 0x7f &&
		    strchr("\"(),/:;<=>?@[\\]{}", c) == NULL;
		bool text = c == '\t' || (c >= 0x20 && c != 0x7f);

		memcpy(s, "Na?e: va?ue", sizeof s);
		s[2] = (char)c;
		/* A colon there makes it another, still malformed, line. */
		if (http_line_ok(s, sizeof s - 1) != token)
			TEST_FAIL("0x%02x in a name", c);
		CHECK_EQ(http_name_ok(s, 4), token);
		memcpy(s, "Na?e: va?ue", sizeof s);
		s[2] = 'm';
		s[8] = (char)c;
		if (http_line_ok(s, sizeof s - 1) != text)
			TEST_FAIL("0x%02x in a value", c);
		CHECK_EQ(http_value_ok(s + 6, 5), text);
	}
}

TEST(lengths_have_limits)
{
	char *s = malloc(HTTP_LINE_MAX + 2);

	memset(s, 'a', HTTP_LINE_MAX + 1);
	memcpy(s, "X: ", 3);
	CHECK(http_line_ok(s, HTTP_LINE_MAX));
	CHECK(!http_line_ok(s, HTTP_LINE_MAX + 1));
	CHECK(!http_line_ok(s, 3));
	CHECK(!http_name_ok("X", 0));
	CHECK(http_value_ok("", 0));
	free(s);
}

TEST(what_frames_a_message_is_known_in_any_case)
{
	static const char *const own[] = {"Content-Length: 60",
	    "transfer-encoding: chunked", "CONNECTION: close", "TE: x",
	    "Upgrade: h2c", "Trailer: X", "Expect: 100-continue",
	    "Keep-Alive: 5", "Proxy-Connection: close", "content-length"};
	static const char *const others[] = {"Content-Length-X: 60", "T: e",
	    "Content-Type: text/plain", "X-Connection: close", "X: TE: y", ""};

	for (unsigned i = 0; i < sizeof own / sizeof own[0]; i++)
		if (!tkvm_header_frames(own[i], strlen(own[i])))
			TEST_FAIL("not known: \"%s\"", own[i]);
	for (unsigned i = 0; i < sizeof others / sizeof others[0]; i++)
		if (tkvm_header_frames(others[i], strlen(others[i])))
			TEST_FAIL("refused: \"%s\"", others[i]);
}

TEST_MAIN()
