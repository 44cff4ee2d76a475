/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How long others wait for a program or a library: both come from a server that
 * accepts connections and never says a word.
 */
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "program/program_priv.h"
#include "test.h"

struct silence {
	struct tkvm_library *lib;
	struct tkvm_program *p;
	struct tkvm_err err;
	char url[64];
	int fd;
};

/* A library of the program "late" with these settings. */
static int
begin(struct silence *s, const char *settings)
{
	struct sockaddr_in sa = {.sin_family = AF_INET};
	socklen_t len = sizeof sa;
	char json[300];
	int r;

	memset(s, 0, sizeof *s);
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(s->fd, (struct sockaddr *)&sa, sizeof sa) != 0 ||
	    listen(s->fd, 16) != 0 ||
	    getsockname(s->fd, (struct sockaddr *)&sa, &len) != 0)
		return (-1);
	snprintf(s->url, sizeof s->url, "http://127.0.0.1:%u/late",
	    ntohs(sa.sin_port));
	r = tkvm_library_new(NULL, &s->lib, &s->err);
	if (r != 0)
		return (r);
	snprintf(json, sizeof json, "{\"late\": {\"uri\": \"%s\", "
	    "\"fetch_timeout\": 90%s}}", s->url, settings);
	r = tkvm_library_load(s->lib, json, strlen(json), "test", &s->err);
	s->p = tkvm_library_find(s->lib, "late");
	return (r);
}

static void
end(struct silence *s)
{
	tkvm_library_destroy(&s->lib);
	close(s->fd);
}

static int
call_for(struct silence *s, double max_seconds)
{
	const struct tkvm_request req = {.method = "GET", .url = "", .arg = "",
	    .content_type = "", .max_seconds = max_seconds};
	const struct tkvm_link link = {.program = s->p, .url = "/",
	    .arg = ""};
	struct tkvm_reply *reply = NULL;
	int r = tkvm_chain_call(&link, 1, &req, &reply, &s->err);

	tkvm_reply_release(&reply);
	return (r);
}

static int
call(struct silence *s)
{
	return (call_for(s, 0));
}

static struct tkvm_counters
counters(struct silence *s)
{
	struct tkvm_counters c;

	tkvm_program_counters(s->p, &c);
	return (c);
}

TEST(who_waits_for_a_library_has_an_answer_in_time)
{
	struct silence s;

	CHECK_EQ(begin(&s, ""), 0);
	tkvm_library_hurry(s.lib, 0.3);
	CHECK_EQ(tkvm_library_load_uri(s.lib, s.url, &s.err), TKVM_EFILE);
	CHECK_HAS(s.err.text, "cannot fetch");
	/* All of it together, not each. */
	CHECK_EQ(tkvm_library_load_uri(s.lib, s.url, &s.err), TKVM_ETIMEOUT);
	CHECK_HAS(s.err.text, "no time is left");
	CHECK_HAS(s.err.text, "0.3 seconds");
	end(&s);
}

TEST(who_waits_for_a_start_has_an_answer_in_time_and_it_is_stopped)
{
	struct silence s;

	CHECK_EQ(begin(&s, ""), 0);
	tkvm_library_hurry(s.lib, 0.2);
	CHECK_EQ(tkvm_program_start(s.p, false, &s.err), TKVM_ETIMEOUT);
	CHECK_HAS(s.err.text, "late does not start within the 0.2 seconds");
	CHECK_EQ(s.p->state, PROGRAM_IDLE);
	/* In the background it may take its time. */
	CHECK_EQ(tkvm_program_start(s.p, true, &s.err), 0);
	CHECK_EQ(s.p->state, PROGRAM_STARTING);
	end(&s);
}

TEST(a_request_waits_for_a_start_as_long_as_for_a_machine)
{
	struct tkvm_counters c;
	struct silence s;

	CHECK_EQ(begin(&s, ", \"max_queue_time\": 0.1"), 0);
	for (unsigned i = 1; i <= 3; i++) {
		CHECK_EQ(call(&s), TKVM_EBUSY);
		CHECK_HAS(s.err.text, "late was still starting after 0.1");
		c = counters(&s);
		CHECK_EQ(c.queue_timeouts, i);
		CHECK(c.queue_ns >= i * 100000000ull);
		CHECK_EQ(c.waiting, 0);
	}
	/* The start goes on meanwhile. */
	CHECK_EQ(s.p->state, PROGRAM_STARTING);
	CHECK_EQ(s.p->starts, 1);
	end(&s);
}

TEST(a_request_may_have_less_patience_than_the_settings)
{
	struct silence s;

	CHECK_EQ(begin(&s, ""), 0);
	CHECK_EQ(call_for(&s, 0.1), TKVM_EBUSY);
	CHECK_HAS(s.err.text, "late was still starting after 0.1");
	end(&s);
	/* And not more. */
	CHECK_EQ(begin(&s, ", \"max_queue_time\": 0.1"), 0);
	CHECK_EQ(call_for(&s, 1e300), TKVM_EBUSY);
	end(&s);
}

static void *
call_thread(void *arg)
{
	return ((void *)(intptr_t)call(arg));
}

TEST(requests_that_wait_for_a_start_are_shown)
{
	pthread_t thread[2];
	struct silence s;
	void *r;

	CHECK_EQ(begin(&s, ", \"max_queue_time\": 0.5"), 0);
	for (unsigned i = 0; i < 2; i++)
		CHECK_EQ(pthread_create(&thread[i], NULL, call_thread, &s), 0);
	while (counters(&s).waiting != 2 && counters(&s).queue_timeouts == 0)
		usleep(1000);
	CHECK_EQ(counters(&s).waiting, 2);
	for (unsigned i = 0; i < 2; i++) {
		(void)pthread_join(thread[i], &r);
		CHECK_EQ((intptr_t)r, TKVM_EBUSY);
	}
	CHECK_EQ(counters(&s).waiting, 0);
	end(&s);
}

TEST_MAIN()
