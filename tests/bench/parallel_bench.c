/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parallel_bench PROGRAM ROUNDS: the same computation in a request on one CPU
 * and on two, in turn; two rows.
 */
#include <string.h>

#include "bench.h"
#include "tinykvm/program.h"

static struct samples one, two;
static struct tkvm_err err;

static uint64_t
once(struct tkvm_program *program, const char *url, const char *want)
{
	const struct tkvm_link link = {
		.program = program, .url = url, .arg = "300000",
		.error_threshold = 400,
	};
	const struct tkvm_request get = {
		.method = "GET", .url = url, .arg = "", .content_type = "",
	};
	uint64_t t = tkvm_now_ns();
	struct tkvm_reply *reply;

	if (tkvm_chain_call(&link, 1, &get, &reply, &err) != 0)
		die(err.text);
	t = tkvm_now_ns() - t;
	if (reply->status != 200 || reply->body_len != strlen(want) ||
	    memcmp(reply->body, want, reply->body_len) != 0)
		die("the program did not compute what it was asked");
	tkvm_reply_release(&reply);
	return (t);
}

int
main(int argc, char **argv)
{
	struct tkvm_library *lib;
	struct tkvm_program *p;
	char json[512];
	uint64_t t;

	if (argc != 3)
		die("usage: parallel_bench PROGRAM ROUNDS");
	(void)snprintf(json, sizeof json, "{\"filename\": \"%s\", "
	    "\"concurrency\": 1, \"smp\": 2}", argv[1]);
	if (tkvm_library_new(NULL, &lib, &err) != 0 ||
	    tkvm_library_configure(lib, "bench", json, &err) != 0)
		die(err.text);
	p = tkvm_library_find(lib, "bench");
	for (int i = -1; i < atoi(argv[2]); i++) {
		t = once(p, "/1", "25997 primes, CPUs: 1\n");
		if (i >= 0)
			sample(&one, t);
		t = once(p, "/2", "25997 primes, CPUs: 2\n");
		if (i >= 0)
			sample(&two, t);
	}
	row_of("parallel", "a request that computes on one CPU", &one, 1);
	row_of("parallel", "  the same on two", &two, 1);
	tkvm_library_destroy(&lib);
	return (0);
}
