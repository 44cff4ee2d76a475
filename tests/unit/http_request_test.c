/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a request enters a program, and what the program finds there. */
#include "../../guest/kvm_api.h"
#include "http_fake.h"

#define GET (FAKE_CODE + 0x10)
#define POST (FAKE_CODE + 0x20)
#define REQUEST (FAKE_CODE + 0x30)
#define ON_ERROR (FAKE_CODE + 0x50)

/* A program with these call-backs and a request that is not begun. */
static void
start(bool get, bool post, bool req)
{
	fake_start();
	fake.called = 0;
	fake.sp = FAKE_TOP - 1024;
	fake.arena = FAKE_ARENA;
	program.callback[1] = get ? GET : 0;
	program.callback[2] = post ? POST : 0;
	program.callback[3] = req ? REQUEST : 0;
}

static void
body(const char *text)
{
	request.body = text;
	request.body_len = strlen(text);
	request.content_type = "text/x";
}

static int
begin(void)
{
	memset(&err, 0, sizeof err);
	return (http_begin(http, &fake, &request, &err));
}

TEST(the_body_and_not_the_method_chooses_the_function)
{
	static const char *const methods[] = {"GET", "POST", "HEAD", "TEST"};

	for (unsigned i = 0; i < 4; i++) {
		start(true, true, false);
		request.method = methods[i];
		CHECK_OK(begin());
		CHECK_EQ(fake.called, GET);
		start(true, true, false);
		request.method = methods[i];
		body("b");
		CHECK_OK(begin());
		CHECK_EQ(fake.called, POST);
		start(true, true, true);
		request.method = methods[i];
		CHECK_OK(begin());
		CHECK_EQ(fake.called, REQUEST);
		body("b");
		CHECK_OK(begin());
		CHECK_EQ(fake.called, REQUEST);
	}
}

TEST(what_no_function_takes_resumes_a_paused_program)
{
	start(true, false, false);
	program.paused = true;
	program.request_gva = AT0;
	CHECK_OK(begin());
	CHECK(fake.called == GET && !fake.resumed);
	body("b");
	fake.called = 0;
	CHECK_OK(begin());
	CHECK(fake.called == 0 && fake.resumed);
}

TEST(what_nothing_takes_is_an_error)
{
	start(true, false, false);
	body("b");
	CHECK_EQ(begin(), TKVM_EGUEST);
	CHECK_HAS(err.text, "with a body");
	start(false, true, false);
	CHECK_EQ(begin(), TKVM_EGUEST);
	CHECK_HAS(err.text, "without a body");
	CHECK(fake.called == 0 && !fake.resumed);
}

TEST(a_get_has_url_and_argument)
{
	start(true, false, false);
	request.url = "/a?b=c";
	request.arg = "";
	CHECK_OK(begin());
	CHECK_STR(peek(fake.arg[0]), "/a?b=c");
	CHECK_STR(peek(fake.arg[1]), "");
	CHECK_EQ(fake.arg[0] % 8 + fake.arg[1] % 8, 0);
	CHECK(fake.arg[0] > fake.arg[1]);
	CHECK_EQ(fake.arena, FAKE_ARENA);
}

TEST(a_post_has_type_and_page_aligned_data)
{
	start(false, true, false);
	body("12345");
	CHECK_OK(begin());
	CHECK_STR(peek(fake.arg[0]), "/u");
	CHECK_STR(peek(fake.arg[1]), "a");
	CHECK_STR(peek(fake.arg[2]), "text/x");
	CHECK_EQ(fake.arg[3] % TKVM_PAGE, 0);
	CHECK(fake.arg[3] >= FAKE_ARENA);
	CHECK(memcmp(peek(fake.arg[3]), "12345", 5) == 0);
	CHECK_EQ(fake.arg[4], 5);
}

TEST(a_body_that_does_not_fit_is_the_bodys_fault)
{
	static char big[FAKE_END - FAKE_ARENA];

	start(true, true, false);
	request.body = big;
	request.body_len = sizeof big;
	CHECK_OK(begin());
	start(true, true, false);
	request.body = big;
	request.body_len = sizeof big + 1;
	CHECK_EQ(begin(), TKVM_ETOOLARGE);
	CHECK_HAS(err.text, "max_memory");
	request.body_len = UINT64_MAX;
	CHECK_EQ(begin(), TKVM_ETOOLARGE);
	CHECK_EQ(fake.called, 0);
}

TEST(strings_that_do_not_fit_on_the_stack_are_an_error)
{
	/* each one as long as it may be, together too long */
	static char url[0x10000];

	memset(url, 'u', sizeof url - 1);
	start(true, false, true);
	request.url = request.arg = url;
	CHECK_EQ(begin(), TKVM_EGUEST);
	CHECK_HAS(err.text, "stack");
	start(true, false, false);
	request.url = request.arg = url;
	CHECK_EQ(begin(), TKVM_EGUEST);
	CHECK_HAS(err.text, "stack");
	CHECK_EQ(fake.called, 0);
}

/*--- the structure --------------------------------------------------------*/

static void
headers(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		snprintf(lines.text[0][i], sizeof lines.text[0][0],
		    "X-%u: %u", i, i * 1000000);
	lines.n[0] = n;
}

static const char *
text(const void *guest)
{
	return (peek((uintptr_t)guest));
}

/* Everything in it, for call-back 3 and a paused program alike. */
static void
check_request(const struct kvm_request *g, unsigned n_headers)
{
	struct kvm_request_header h;

	CHECK_STR(text(g->method), "PUT");
	CHECK_STR(text(g->url), "/u");
	CHECK_STR(text(g->arg), "a");
	CHECK_STR(text(g->content_type), "text/x");
	CHECK_EQ(g->method_len, 3);
	CHECK_EQ(g->url_len, 2);
	CHECK_EQ(g->arg_len, 1);
	CHECK_EQ(g->content_type_len, 6);
	CHECK_EQ((uintptr_t)g->content % TKVM_PAGE, 0);
	CHECK(memcmp(text(g->content), "body", 4) == 0);
	CHECK_EQ(g->content_len, 4);
	CHECK_EQ(g->num_headers, n_headers);
	CHECK_EQ(g->info_flags, 0);
	CHECK_EQ((uintptr_t)g->headers % 8, 0);
	for (unsigned i = 0; i < n_headers; i++) {
		memcpy(&h, text(g->headers + i), sizeof h);
		CHECK_STR(text(h.field), lines.text[0][i]);
		CHECK_EQ((uintptr_t)h.field % 8, 0);
		CHECK_EQ(h.field_len, strlen(lines.text[0][i]));
		CHECK_EQ(h.field_colon, strchr(lines.text[0][i], ':') -
		    lines.text[0][i]);
	}
	CHECK(g->prng[0] != 0 || g->prng[1] != 0);
	CHECK_EQ(g->reserved1[0] | g->reserved1[1], 0);
}

TEST(a_request_function_gets_all_104_bytes)
{
	struct kvm_request g;

	for (unsigned n = 0; n <= 64; n += 16) {
		start(false, false, true);
		request.method = "PUT";
		body("body");
		headers(n);
		CHECK_OK(begin());
		CHECK_EQ(fake.arg[0] % 8, 0);
		memcpy(&g, peek(fake.arg[0]), sizeof g);
		check_request(&g, n);
		if (test_failed)
			return;
	}
}

TEST(without_body_and_fields_pointers_are_null)
{
	struct kvm_request g;

	start(false, false, true);
	request.ops = NULL;
	CHECK_OK(begin());
	memcpy(&g, peek(fake.arg[0]), sizeof g);
	CHECK(g.content == NULL && g.headers == NULL);
	CHECK_EQ(g.content_len + g.num_headers + g.content_type_len, 0);
	CHECK_STR(text(g.content_type), "");
}

TEST(a_line_without_colon_says_so)
{
	struct kvm_request_header h;
	struct kvm_request g;

	start(false, false, true);
	headers(1);
	strcpy(lines.text[0][0], "no colon");
	CHECK_OK(begin());
	memcpy(&g, peek(fake.arg[0]), sizeof g);
	memcpy(&h, text(g.headers), sizeof h);
	CHECK_EQ(h.field_colon, UINT32_MAX);
	CHECK_EQ(h.field_len, 8);
}

TEST(more_than_64_header_fields_are_an_error)
{
	start(false, false, true);
	headers(65);
	CHECK_EQ(begin(), TKVM_EGUEST);
	CHECK_HAS(err.text, "more than 64");
	program.callback[3] = 0;
	program.paused = true;
	program.request_gva = AT0;
	CHECK_EQ(begin(), TKVM_EGUEST);
	CHECK_HAS(err.text, "more than 64");
	/* Who does not ask for them does not mind. */
	start(true, false, false);
	headers(65);
	CHECK_OK(begin());
}

/* 16 bits of length; no call-back gets a URL that another one cannot have. */
TEST(strings_of_64_kib_are_an_error_and_shorter_ones_are_not)
{
	static char url[0x10000 + 1];
	const char **const strings[] = {
		&request.method, &request.url, &request.arg,
		&request.content_type,
	};
	struct kvm_request g;

	memset(url, 'u', sizeof url - 1);
	for (unsigned i = 0; i < 8; i++) {
		start(i % 2 == 0, i % 2 == 0, i % 2 == 1);
		*strings[i / 2] = url;
		CHECK_EQ(begin(), TKVM_EGUEST);
		CHECK_HAS(err.text, "longer than the 65535 bytes");
		CHECK_EQ(fake.called, 0);
	}
	url[0xffff] = '\0';
	start(false, false, true);
	request.url = url;
	CHECK_OK(begin());
	memcpy(&g, peek(fake.arg[0]), sizeof g);
	CHECK_EQ(g.url_len, 0xffff);
	CHECK_EQ(strlen(text(g.url)), 0xffff);
}

/*--- paused ---------------------------------------------------------------*/

static void
start_paused(int size)
{
	start(false, false, false);
	program.paused = true;
	program.request_gva = AT0;
	program.request_size = (uint8_t)size;
	request.method = "PUT";
	body("body");
	memset(fake.mem + (FAKE_STACK - FAKE_CODE), 0x5a,
	    FAKE_TOP - FAKE_STACK);
}

TEST(a_paused_program_gets_its_structure_and_no_byte_more)
{
	struct kvm_request g = {0};
	const int sizes[] = {56, 88};

	for (unsigned i = 0; i < 2; i++) {
		start_paused(sizes[i]);
		headers(3);
		CHECK_OK(begin());
		CHECK(fake.resumed);
		memcpy(&g, peek(AT0), 88);
		if (sizes[i] == 88)
			check_request(&g, 3);
		if (test_failed)
			return;
		CHECK_STR(text(g.url), "/u");
		/* The rest of the stack is as it was, on both sides. */
		for (uint64_t at = FAKE_STACK; at < FAKE_TOP; at++)
			if (at < AT0 || at >= AT0 + (uint64_t)sizes[i])
				CHECK_EQ(*peek(at), 0x5a);
	}
}

TEST(a_paused_program_with_a_bad_structure_is_an_error)
{
	static const uint64_t bad[] = {0, BAD, FAKE_CODE, FAKE_TOP - 87,
	    UINT64_MAX - 10};

	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		start_paused(88);
		program.request_gva = bad[i];
		CHECK_EQ(begin(), TKVM_EGUEST);
		CHECK_HAS(err.text, "cannot be written");
		CHECK(!fake.resumed);
	}
}

TEST(a_paused_program_without_room_for_strings_is_an_error)
{
	static char big[FAKE_END - FAKE_ARENA];

	start_paused(88);
	request.body = big;
	request.body_len = sizeof big;
	CHECK_EQ(begin(), TKVM_EGUEST);
	CHECK_HAS(err.text, "does not fit");
	CHECK(!fake.resumed);
}

/* Lines of all lengths: the block is sized to them exactly. */
TEST(the_block_of_strings_is_always_large_enough)
{
	for (unsigned n = 0; n < 190; n++) {
		start_paused(88);
		for (unsigned i = 0; i < 64; i++) {
			memset(lines.text[0][i], 'x', n + 1);
			lines.text[0][i][n + 1] = '\0';
		}
		lines.n[0] = 64;
		CHECK_OK(begin());
	}
}

/*--- memory and randomness ------------------------------------------------*/

TEST(a_machine_that_was_not_reset_gets_its_memory_back)
{
	start_paused(88);
	for (unsigned i = 0; i < 1000; i++) {
		CHECK_OK(begin());
		fake.stats.runs++;
	}
	CHECK_EQ(fake.arena, FAKE_ARENA + 2 * TKVM_PAGE);
}

TEST(a_machine_that_was_reset_keeps_what_is_its_own)
{
	start_paused(88);
	CHECK_OK(begin());
	fake.stats.runs++;
	fake.stats.resets++;
	CHECK_OK(begin());
	CHECK_EQ(fake.given, 0);
	/* Made anew: its counters begin again. */
	memset(&fake.stats, 0, sizeof fake.stats);
	fake.stats.runs = 1;
	CHECK_OK(begin());
	memset(&fake.stats, 0, sizeof fake.stats);
	CHECK_OK(begin());
	CHECK_EQ(fake.given, 0);
}

TEST(random_numbers_are_new_in_every_request)
{
	enum { N = 100 };
	static uint64_t seen[2 * N];

	start_paused(88);
	for (unsigned i = 0; i < N; i++) {
		CHECK_OK(begin());
		memcpy(seen + 2 * i, peek(AT0 + 72), 16);
		for (unsigned k = 0; k < 2 * i; k++)
			CHECK(seen[k] != seen[2 * i] &&
			    seen[k] != seen[2 * i + 1]);
	}
}

/*--- on_error -------------------------------------------------------------*/

TEST(on_error_gets_url_argument_and_reason)
{
	start(true, true, true);
	program.callback[5] = ON_ERROR;
	CHECK_EQ(http_begin_on_error(http, &fake, &request, "why"), 0);
	CHECK_EQ(fake.called, ON_ERROR);
	CHECK_STR(peek(fake.arg[0]), "/u");
	CHECK_STR(peek(fake.arg[1]), "a");
	CHECK_STR(peek(fake.arg[2]), "why");
}

TEST(on_error_is_optional_and_needs_stack)
{
	start(true, true, true);
	CHECK_EQ(http_begin_on_error(http, &fake, &request, "why"), -1);
	program.callback[5] = ON_ERROR;
	fake.sp = FAKE_STACK + 8;
	CHECK_EQ(http_begin_on_error(http, &fake, &request, "why"), -1);
	CHECK_EQ(fake.called, 0);
}

TEST_MAIN()
