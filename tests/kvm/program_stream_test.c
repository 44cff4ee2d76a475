/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers that are streamed, bodies that come in pieces, failures left out. */
#include "program_rig.h"

#define STREAM "build/tests/guests/stream_probe"
#define SIZE 1000003u		/* of no piece's size a multiple */

static int
rig_stream(struct rig *rig, const char *arguments)
{
	char json[1024];

	(void)snprintf(json, sizeof json, "{\"probe\": {\"filename\": "
	    "\"%s\", \"max_memory\": 64, \"max_request_memory\": 8, "
	    "\"main_arguments\": [%s]}, \"other\": {\"filename\": \"%s\", "
	    "\"max_memory\": 64, \"max_request_memory\": 8}}", STREAM,
	    arguments, PROBE);
	return (rig_load(rig, json));
}

/* Read the reply in pieces of this size: bytes that are as they should be. */
static size_t
read_all(struct rig *rig, size_t size, int *code)
{
	static char buf[200000];
	size_t n, good = 0;

	while ((*code = tkvm_reply_read(rig->reply, buf, size, &n,
	    &rig->err)) == 0 && n > 0)
		for (size_t i = 0; i < n; i++, good++)
			if (buf[i] != (char)('a' + good % 26))
				return (0);
	return (good);
}

TEST(an_answer_is_streamed_whole)
{
	static const size_t sizes[] = {1000, 16384, 70000, 200000};
	struct rig rig;
	int code;

	NEED_KVM();
	CHECK_RIG(&rig, rig_stream(&rig, ""));
	for (unsigned i = 0; i < 4; i++) {
		CHECK_CALL(&rig, "probe", "/1000003", "", 200);
		CHECK(rig.reply->streamed);
		CHECK_EQ(rig.reply->body_len, SIZE);
		CHECK_STR(rig.reply->content_type, "text/plain");
		CHECK_EQ(read_all(&rig, sizes[i], &code), SIZE);
		CHECK_EQ(code, 0);
	}
	/* One byte only, and pieces longer than asked for. */
	CHECK_CALL(&rig, "probe", "/1", "", 200);
	CHECK_EQ(read_all(&rig, 100, &code), 1);
	CHECK_CALL(&rig, "probe", "/huge/50000", "", 200);
	CHECK_EQ(read_all(&rig, 100, &code), 50000);
	tkvm_reply_finish(rig.reply);
	CHECK_EQ(rig_counters(&rig, "probe").exceptions, 0);
	CHECK_EQ(rig_counters(&rig, "probe").output_bytes,
	    4 * SIZE + 1 + 50000);
	CHECK_EQ(rig_counters(&rig, "probe").idle,
	    rig_counters(&rig, "probe").machines);
	rig_end(&rig);
}

TEST(a_length_may_be_unknown)
{
	struct rig rig;
	int code;

	NEED_KVM();
	CHECK_RIG(&rig, rig_stream(&rig, ""));
	CHECK_CALL(&rig, "probe", "/unknown/100000", "", 200);
	CHECK_EQ(rig.reply->body_len, TKVM_LENGTH_UNKNOWN);
	CHECK_EQ(read_all(&rig, 7000, &code), 100000);
	CHECK_EQ(code, 0);
	CHECK_EQ(rig.reply->body_len, 100000);
	CHECK_CALL(&rig, "probe", "/unknown/0", "", 200);
	CHECK_EQ(read_all(&rig, 7000, &code), 0);
	CHECK_EQ(code, 0);
	rig_end(&rig);
}

TEST(a_stream_that_fails_breaks_off_with_a_reason)
{
	static const struct {
		const char *url, *why;
		int code;
	} bad[] = {
		{"/stall/50000", "streamed 1000 of 50000 bytes", TKVM_EGUEST},
		{"/crash/50000", "null pointer", TKVM_EGUEST},
		{"/wild/50000", "at 0x7fff00000000", TKVM_EGUEST},
		{"/answers/50000", "did not return", TKVM_EGUEST},
		{"/headers/50000", "no request with header", TKVM_EGUEST},
		{"/loop/50000", "time-out", TKVM_ETIMEOUT},
	};
	struct rig rig;
	int code;

	NEED_KVM();
	CHECK_RIG(&rig, rig_stream(&rig, ""));
	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		CHECK_CALL(&rig, "probe", bad[i].url, "", 200);
		CHECK(read_all(&rig, 1000, &code) <= 1000);
		CHECK_EQ(code, bad[i].code);
		CHECK_HAS(rig.err.text, bad[i].why);
		/* And there is no more to be had. */
		CHECK_EQ(read_all(&rig, 1000, &code), 0);
		CHECK(code != 0);
	}
	CHECK_CALL(&rig, "probe", "/1000", "", 200);
	CHECK_EQ(read_all(&rig, 1000, &code), 1000);
	rig_end(&rig);
}

TEST(a_stream_begun_badly_is_an_error)
{
	struct rig rig;
	int code;

	NEED_KVM();
	CHECK_RIG(&rig, rig_stream(&rig, ""));
	CHECK_CALL(&rig, "probe", "/nothing/1", "", 500);
	CHECK_HAS(rig.reply->error.text, "length of 0");
	CHECK_CALL(&rig, "probe", "/nowhere/1", "", 500);
	CHECK_HAS(rig.reply->error.text, "no function");
	rig_end(&rig);
	/* Its on_error may stream, too. */
	CHECK_RIG(&rig, rig_stream(&rig, "\"on-error\""));
	CHECK_CALL(&rig, "probe", "/nothing/5", "", 555);
	CHECK(rig.reply->by_on_error);
	CHECK_EQ(read_all(&rig, 1000, &code), 5);
	CHECK_EQ(code, 0);
	rig_end(&rig);
}

TEST(a_streamed_answer_can_be_collected_and_chained)
{
	struct tkvm_link link[2];
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_stream(&rig, "\"plain\""));
	CHECK_CALL(&rig, "probe", "/300000", "", 200);
	CHECK_RIG(&rig, tkvm_reply_collect(rig.reply, &rig.err));
	CHECK_EQ(rig.reply->body_len, 300000);
	CHECK(((const char *)rig.reply->body)[299999] ==
	    (char)('a' + 299999 % 26));
	/* The next program of a chain gets it. */
	link[0] = rig_link(&rig, "probe", "/300000", "");
	link[1] = rig_link(&rig, "probe", "/", "");
	tkvm_reply_release(&rig.reply);
	CHECK_RIG(&rig, tkvm_chain_call(link, 2, rig_get(), &rig.reply,
	    &rig.err));
	CHECK_BODY(&rig, "whole 300000 bytes of 0, sum 0, wrong 0, none");
	/* A stream that breaks off ends the chain. */
	link[0].url = "/stall/300000";
	tkvm_reply_release(&rig.reply);
	CHECK_EQ(tkvm_chain_call(link, 2, rig_get(), &rig.reply, &rig.err),
	    TKVM_EGUEST);
	CHECK_HAS(rig.err.text, "of 300000 bytes");
	rig_end(&rig);
}

TEST(streaming_writes_no_more_pages_with_every_piece)
{
	struct rig rig;
	int code;

	NEED_KVM();
	CHECK_RIG(&rig, rig_stream(&rig, ""));
	/* 40 MB through 8 MiB of request memory. */
	CHECK_CALL(&rig, "probe", "/40000000", "", 200);
	CHECK_EQ(read_all(&rig, 65536, &code), 40000000);
	CHECK_EQ(code, 0);
	CHECK(rig.reply->faults < 100);
	rig_end(&rig);
}

/*--- request bodies -------------------------------------------------------*/

struct source {
	size_t pieces, size, last;
	int r;
};

static int
pour(void *priv, int (*piece)(void *arg, const void *data, size_t len),
    void *arg, struct tkvm_err *err)
{
	const struct source *s = priv;
	char *buf = malloc(s->size + 1);
	int r = 0;

	memset(buf, 'x', s->size);
	for (size_t i = 0; i < s->pieces && r == 0; i++)
		r = piece(arg, buf, s->size);
	if (r == 0 && s->last > 0)
		r = piece(arg, buf, s->last);
	free(buf);
	return (r != 0 ? r : s->r == 0 ? 0 : tkvm_fail(err, s->r,
	    "the client is gone"));
}

static int
post(struct rig *rig, const char *url, struct source *s)
{
	struct tkvm_link link = rig_link(rig, "probe", url, "arg");
	const struct tkvm_request req = {.method = "POST", .url = url,
	    .arg = "", .content_type = "a/b", .each_piece = pour, .priv = s};

	tkvm_reply_release(&rig->reply);
	return (tkvm_chain_call(&link, 1, &req, &rig->reply, &rig->err));
}

static void
check_saw(struct rig *rig, const char *what, size_t bytes, size_t seen,
    const char *some)
{
	char want[200];

	(void)snprintf(want, sizeof want, "%s %zu bytes of %zu, sum ", what,
	    bytes, seen);
	CHECK_EQ(rig->reply->status, 200);
	if (strncmp(rig->reply->body, want, strlen(want)) != 0 ||
	    memmem(rig->reply->body, rig->reply->body_len, "wrong 0", 7) ==
	    NULL || memmem(rig->reply->body, rig->reply->body_len, some,
	    strlen(some)) == NULL)
		TEST_FAIL("\"%.*s\" is not \"%s... wrong 0, %s\"",
		    (int)rig->reply->body_len,
		    (const char *)rig->reply->body, want, some);
}

TEST(a_program_gets_a_body_in_pieces_or_whole)
{
	struct source big = {.pieces = 300, .size = 100000, .last = 77};
	struct source one = {.pieces = 1, .size = 5};
	struct source large = {.pieces = 1, .size = 1000000};
	struct source none = {.pieces = 0};
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_stream(&rig, ""));
	CHECK_RIG(&rig, post(&rig, "/", &one));
	check_saw(&rig, "pieces", 5, 5, "some");
	/* More than its memory, and a piece larger than its stack. */
	CHECK_RIG(&rig, post(&rig, "/", &big));
	check_saw(&rig, "pieces", 30000077, 30000077, "some");
	CHECK_RIG(&rig, post(&rig, "/", &large));
	check_saw(&rig, "pieces", 1000000, 1000000, "some");
	CHECK_EQ(rig_counters(&rig, "probe").input_bytes,
	    5 + 30000077 + 1000000);
	/* An empty body is none: the GET function. */
	CHECK_RIG(&rig, post(&rig, "/1000", &none));
	CHECK(rig.reply->streamed);
	rig_end(&rig);
	CHECK_RIG(&rig, rig_stream(&rig, "\"plain\""));
	CHECK_RIG(&rig, post(&rig, "/", &large));
	check_saw(&rig, "whole", 1000000, 0, "none");
	rig_end(&rig);
}

TEST(a_body_that_is_not_taken_fails_the_request)
{
	struct source body = {.pieces = 3, .size = 1000};
	struct source cut = {.pieces = 3, .size = 1000, .r = TKVM_EBODY};
	static const struct {
		const char *url, *why;
	} bad[] = {
		{"/short", "took 999 of a piece of 1000 bytes"},
		{"/piece-crash", "invalid opcode"},
		{"/piece-loop", "time-out"},
		{"/piece-answers", "did not return"},
	};
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_stream(&rig, "\"on-error\""));
	CHECK_RIG(&rig, rig_limit(&rig, 0.1));
	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		CHECK_RIG(&rig, post(&rig, bad[i].url, &body));
		CHECK_HAS(rig.reply->error.text, bad[i].why);
		CHECK(rig.reply->by_on_error);
		/* Nothing of it is left. */
		CHECK_RIG(&rig, post(&rig, "/", &body));
		check_saw(&rig, "pieces", 3000, 3000, "some");
	}
	CHECK_EQ(post(&rig, "/", &cut), TKVM_EBODY);
	CHECK_HAS(rig.err.text, "the client is gone");
	CHECK_RIG(&rig, post(&rig, "/", &body));
	check_saw(&rig, "pieces", 3000, 3000, "some");
	rig_end(&rig);
}

/*--- failures left out ----------------------------------------------------*/

TEST(a_failed_program_may_be_left_out)
{
	struct source body = {.pieces = 2, .size = 4};
	const struct tkvm_request req = {.method = "POST", .url = "",
	    .arg = "", .content_type = "a/b", .each_piece = pour,
	    .priv = &body};
	struct tkvm_link link[3];
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_stream(&rig, "\"plain\""));
	/* First: the request's own body. */
	link[0] = rig_link(&rig, "other", "/crash", "");
	link[0].pass_original = true;
	CHECK_RIG(&rig, tkvm_chain_call(link, 1, &req, &rig.reply,
	    &rig.err));
	CHECK_EQ(rig.reply->status, 200);
	CHECK(rig.reply->original);
	CHECK_STR(rig.reply->content_type, "a/b");
	CHECK_BODY(&rig, "xxxxxxxx");
	/* Last: what the one before it answered; and in the middle. */
	for (unsigned n = 2; n <= 3; n++) {
		link[0] = rig_link(&rig, "other", "/first", "1");
		link[1] = rig_link(&rig, "other", "/crash", "2");
		link[1].pass_original = true;
		link[2] = rig_link(&rig, "other", "/third", "3");
		tkvm_reply_release(&rig.reply);
		CHECK_RIG(&rig, tkvm_chain_call(link, n, rig_get(),
		    &rig.reply, &rig.err));
		CHECK_EQ(rig.reply->status, 200);
		CHECK(!rig.reply->original);
		CHECK(memmem(rig.reply->body, rig.reply->body_len,
		    n == 2 ? "/first" : "/third", 6) != NULL);
	}
	/* Without a body there is no original. */
	link[0] = rig_link(&rig, "other", "/crash", "");
	link[0].pass_original = true;
	tkvm_reply_release(&rig.reply);
	CHECK_RIG(&rig, tkvm_chain_call(link, 1, rig_get(), &rig.reply,
	    &rig.err));
	CHECK_EQ(rig.reply->status, 500);
	rig_end(&rig);
}

TEST_MAIN()
