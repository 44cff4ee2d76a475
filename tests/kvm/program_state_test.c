/* SPDX-License-Identifier: BSD-2-Clause */
/* State beyond a request: shared memory and storage are exact. */
#include "program_rig.h"

#define SHARED "shared_counter"
#define STORED "storage_counter"

static struct tkvm_err err;

struct user {
	struct tkvm_program *program;
	unsigned requests;
	unsigned failed;
};

static unsigned long
ask(struct tkvm_program *p, const char *url)
{
	const struct tkvm_link link = {
		.program = p, .url = url, .arg = "", .error_threshold = 400,
	};
	const struct tkvm_request req = {
		.method = "GET", .url = url, .arg = "", .content_type = "",
	};
	struct tkvm_reply *reply;
	unsigned long n = 0;
	char text[32] = "";

	if (tkvm_chain_call(&link, 1, &req, &reply, &err) != 0)
		return (0);
	if (reply->status == 200 && reply->body_len < sizeof text) {
		memcpy(text, reply->body, reply->body_len);
		n = strtoul(text, NULL, 10);
	}
	tkvm_reply_release(&reply);
	return (n);
}

static void *
use(void *arg)
{
	struct user *u = arg;

	for (unsigned i = 0; i < u->requests; i++)
		u->failed += ask(u->program, "/") == 0;
	return (NULL);
}

static struct tkvm_library *
define(const char *program, const char *settings)
{
	struct tkvm_library *lib;
	char json[512];

	(void)snprintf(json, sizeof json, "{\"filename\": "
	    "\"build/programs/%s\", %s}", program, settings);
	if (tkvm_library_new(NULL, &lib, &err) != 0 ||
	    tkvm_library_configure(lib, "counter", json, &err) != 0)
		abort();
	return (lib);
}

/* TKVM_REQUESTS of them in all: 20,000, or as many as one has time for. */
static void
count_exactly(const char *name, const char *settings)
{
	const char *more = getenv("TKVM_REQUESTS");
	const char *rounds = getenv("TKVM_ROUNDS");
	unsigned n = more != NULL ? (unsigned)atoi(more) :
	    rounds != NULL ? (unsigned)atoi(rounds) : 20000;
	struct tkvm_library *lib;
	struct user user[8];
	pthread_t thread[8];

	lib = define(name, settings);
	for (unsigned i = 0; i < 8; i++) {
		user[i] = (struct user){tkvm_library_find(lib, "counter"),
		    n / 8, 0};
		CHECK_EQ(pthread_create(&thread[i], NULL, use, &user[i]), 0);
	}
	for (unsigned i = 0; i < 8; i++) {
		CHECK_EQ(pthread_join(thread[i], NULL), 0);
		CHECK_EQ(user[i].failed, 0);
	}
	CHECK_EQ(ask(user[0].program, "/read"), n / 8 * 8);
	tkvm_library_destroy(&lib);
}

TEST(a_shared_counter_is_exact_under_eight_users)
{
	NEED_KVM();
	count_exactly(SHARED, "\"shared_memory\": 1, \"concurrency\": 4");
}

TEST(a_stored_counter_is_exact_under_eight_users)
{
	NEED_KVM();
	count_exactly(STORED, "\"storage\": true, \"concurrency\": 4");
}

/* Eight times what a request may write; each sees what the one before wrote. */
TEST(shared_memory_is_neither_counted_nor_reset)
{
	struct tkvm_library *lib;
	struct tkvm_program *p;

	NEED_KVM();
	lib = define("../tests/guests/shared_fill", "\"shared_memory\": 8, "
	    "\"concurrency\": 2, \"max_request_memory\": 1");
	p = tkvm_library_find(lib, "counter");
	for (unsigned i = 1; i < 20; i++)
		CHECK_EQ(ask(p, "/"), i);
	tkvm_library_destroy(&lib);
}

TEST_MAIN()
