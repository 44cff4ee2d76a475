/* SPDX-License-Identifier: BSD-2-Clause */
/* Request bodies: whole, too large, or broken off. */
#include "program/program_priv.h"
#include "test.h"

/* So many bytes in pieces of ten; then this. */
struct source {
	unsigned bytes;
	int r;
};

static int
pour(void *priv, int (*piece)(void *arg, const void *data, size_t len),
    void *arg, struct tkvm_err *err)
{
	const struct source *s = priv;
	int r = 0;

	for (unsigned i = 0; i < s->bytes && r == 0; i += 10)
		r = piece(arg, "0123456789", 10);
	if (r != 0 || s->r == 0)
		return (r);
	return (tkvm_fail(err, s->r, "the client is gone"));
}

static int
body(unsigned bytes, int end, uint64_t max, size_t *len, struct tkvm_err *err)
{
	struct source s = {bytes, end};
	const struct tkvm_request req = {.each_piece = pour, .priv = &s};
	char *data;
	int r = tkvm_request_body(&req, max, &data, len, err);

	free(data);
	return (r);
}

TEST(too_large_is_another_failure_than_broken_off)
{
	struct tkvm_err err;
	size_t len;

	CHECK_EQ(body(100, 0, 100, &len, &err), 0);
	CHECK_EQ(len, 100);
	CHECK_EQ(body(110, 0, 100, &len, &err), TKVM_ETOOLARGE);
	CHECK_HAS(err.text, "the request body is larger than 100 bytes");
	CHECK_EQ(body(100, TKVM_EBODY, 100, &len, &err), TKVM_EBODY);
	CHECK_HAS(err.text, "the client is gone");
}

TEST(an_answer_that_is_too_large_is_no_clients_fault)
{
	struct body b = {.max = 5};
	struct tkvm_err err;

	CHECK_EQ(body_add(&b, "123456", 6, &err), TKVM_EGUEST);
	CHECK_HAS(err.text, "the answer is larger than 5 bytes");
	free(b.data);
}

TEST_MAIN()
