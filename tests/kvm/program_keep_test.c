/* SPDX-License-Identifier: BSD-2-Clause */
/* Programs that wait in a loop and keep their memory between requests. */
#include "program_rig.h"

#define START(rig, settings) rig_one(rig, "build/tests/guests/paused_keep", \
    "\"concurrency\": 1" settings)

/* Memory, stack and MXCSR: all as the request before left them. */
TEST(a_program_that_keeps_its_memory_goes_on_where_it_was)
{
	char body[64];
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, START(&rig, ", \"ephemeral\": false"));
	for (unsigned i = 1; i <= 200; i++) {
		(void)snprintf(body, sizeof body, "/n  %u %u %x", i, i,
		    i == 1 ? 0 : (i - 1) % 4 << 13);
		CHECK_GET(&rig, "/n", "", body);
	}
	CHECK_EQ(rig_counters(&rig, "probe").resets, 0);
	/* The same program, cleaned after each request. */
	rig_end(&rig);
	CHECK_RIG(&rig, START(&rig, ""));
	for (unsigned i = 0; i < 3; i++)
		CHECK_GET(&rig, "/n", "", "/n  1 1 0");
	rig_end(&rig);
}

TEST(bodies_of_requests_do_not_pile_up)
{
	static char data[100000];
	const struct tkvm_request post = {
		.method = "POST", .url = "", .arg = "", .content_type = "",
		.body = data, .body_len = sizeof data,
	};
	struct tkvm_link link;
	struct rig rig;

	NEED_KVM();
	memset(data, 'b', sizeof data);
	CHECK_RIG(&rig, START(&rig, ", \"ephemeral\": false"));
	link = rig_link(&rig, "probe", "/body", "");
	/* 20 MB in all, of 8 MiB. */
	for (unsigned i = 0; i < 200; i++) {
		tkvm_reply_release(&rig.reply);
		CHECK_RIG(&rig, tkvm_chain_call(&link, 1, &post, &rig.reply,
		    &rig.err));
		CHECK_EQ(rig.reply->status, 200);
	}
	CHECK_EQ(rig_counters(&rig, "probe").resets, 0);
	rig_end(&rig);
}

/* Its answer is out; what goes wrong behind it costs nothing but the memory. */
TEST(a_program_that_does_not_come_back_is_reset)
{
	static const struct {
		const char *url, *reason;
	} ways[] = {
		{"/crash", "a null pointer"}, {"/exit", "it stopped"},
		{"/field", "no request with header fields"},
		{"/other", "waits for requests a second time"},
		{"/again", "it stopped"}, {"/loop", "time-out"},
	};
	struct rig rig;

	NEED_KVM();
	for (unsigned i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		char body[64];

		CHECK_RIG(&rig, START(&rig, ", \"ephemeral\": false"));
		CHECK_GET(&rig, "/n", "", "/n  1 1 0");
		(void)snprintf(body, sizeof body, "%s  2 2 2000", ways[i].url);
		CHECK_GET(&rig, ways[i].url, "", body);
		CHECK_GET(&rig, "/n", "", "/n  1 1 0");
		CHECK_GET(&rig, "/n", "", "/n  2 2 2000");
		CHECK_HAS(rig.log, "does not wait for the next request");
		CHECK_HAS(rig.log, ways[i].reason);
		CHECK_EQ(rig_counters(&rig, "probe").resets, 1);
		rig_end(&rig);
	}
}

TEST(a_streamed_answer_ends_what_it_kept)
{
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, START(&rig, ", \"ephemeral\": false"));
	CHECK_GET(&rig, "/n", "", "/n  1 1 0");
	CHECK_CALL(&rig, "probe", "/stream", "", 200);
	CHECK_GET(&rig, "/n", "", "/n  1 1 0");
	rig_end(&rig);
}

/* A request that fails does not count, nor does what it left. */
TEST(after_a_failure_it_begins_anew)
{
	static char data[9 << 20];
	const struct tkvm_request post = {
		.method = "POST", .url = "", .arg = "", .content_type = "",
		.body = data, .body_len = sizeof data,
	};
	struct tkvm_link link;
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, START(&rig, ", \"ephemeral\": false"));
	CHECK_GET(&rig, "/n", "", "/n  1 1 0");
	CHECK_GET(&rig, "/n", "", "/n  2 2 2000");
	link = rig_link(&rig, "probe", "/body", "");
	tkvm_reply_release(&rig.reply);
	CHECK(tkvm_chain_call(&link, 1, &post, &rig.reply, &rig.err) != 0 ||
	    rig.reply->status != 200);
	CHECK_GET(&rig, "/n", "", "/n  1 1 0");
	rig_end(&rig);
}

TEST_MAIN()
