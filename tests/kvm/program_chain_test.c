/* SPDX-License-Identifier: BSD-2-Clause */
/* Chains, the queue, and many calls at the same time. */
#include "program_rig.h"

#define BIG 100000

static const char two[] = "{\"test\": {\"max_memory\": 64, "
    "\"max_request_memory\": 8, \"concurrency\": 1}, "
    "\"a\": {\"filename\": \"" PROBE "\"}, \"b\": {\"filename\": \"" PROBE
    "\"}}";

static int
chain(struct rig *rig, const struct tkvm_link *link, unsigned n)
{
	tkvm_reply_release(&rig->reply);
	return (tkvm_chain_call(link, n, rig_get(), &rig->reply, &rig->err));
}

static bool
is_big(const struct tkvm_reply *r, size_t n)
{
	const char *body = r->body;

	if (r->status != 200 || r->body_len != n)
		return (false);
	for (size_t i = 0; i < n; i++)
		if (body[i] != (char)('a' + i % 26))
			return (false);
	return (true);
}

/*--- chains -----------------------------------------------------------------*/

TEST(each_program_gets_the_answer_before_it)
{
	struct tkvm_link link[3];
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_load(&rig, two));
	link[0] = rig_link(&rig, "a", "/first", "x");
	link[1] = rig_link(&rig, "b", "/second", "y");
	link[2] = rig_link(&rig, "a", "/third", "z");
	CHECK_RIG(&rig, chain(&rig, link, 3));
	CHECK_EQ(rig.reply->status, 200);
	CHECK_STR(rig.reply->content_type, "text/x-post");
	CHECK_BODY(&rig, "/third(z,text/x-post,36,1)/second(y,text/plain,10,1)"
	    "/first x 1");
	rig_end(&rig);
}

TEST(a_large_body_goes_through_a_chain_and_stays_until_released)
{
	struct tkvm_link link[3];
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_load(&rig, two));
	link[0] = rig_link(&rig, "a", "/big/100000", "");
	link[1] = rig_link(&rig, "b", "/back", "");
	link[2] = rig_link(&rig, "a", "/back", "");
	for (unsigned i = 0; i < 10; i++) {
		CHECK_RIG(&rig, chain(&rig, link, 3));
		CHECK(is_big(rig.reply, BIG));
		CHECK_STR(rig.reply->content_type,
		    "application/octet-stream");
		/* b's machine is free, a's holds the body. */
		CHECK_EQ(rig_counters(&rig, "b").idle, 1);
		CHECK_EQ(rig_counters(&rig, "a").idle, 0);
	}
	rig_end(&rig);
}

TEST(a_threshold_ends_a_chain_with_that_answer)
{
	struct tkvm_link link[2];
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_load(&rig, two));
	link[0] = rig_link(&rig, "a", "/status/404", "");
	link[1] = rig_link(&rig, "b", "/second", "");
	CHECK_RIG(&rig, chain(&rig, link, 2));
	CHECK_EQ(rig.reply->status, 404);
	CHECK_BODY(&rig, "/status/404");
	CHECK_EQ(rig_counters(&rig, "b").invocations, 0);
	link[0].error_threshold = 405;
	CHECK_RIG(&rig, chain(&rig, link, 2));
	CHECK_EQ(rig.reply->status, 200);
	link[0].url = "/crash";
	CHECK_RIG(&rig, chain(&rig, link, 2));
	CHECK_EQ(rig.reply->status, 500);
	CHECK_EQ(rig.reply->error.code, TKVM_EGUEST);
	/* The last one's threshold is the embedder's business. */
	link[0].url = "/ok";
	link[1].url = "/badbody";
	CHECK_RIG(&rig, chain(&rig, link, 2));
	CHECK_EQ(rig.reply->status, 500);
	rig_end(&rig);
}

TEST(sixteen_links_of_one_program_with_one_machine_all_run_fresh)
{
	struct tkvm_link link[TKVM_CHAIN_MAX + 1];
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_load(&rig, two));
	link[0] = rig_link(&rig, "a", "/big/100000", "");
	for (unsigned i = 1; i <= TKVM_CHAIN_MAX; i++)
		link[i] = rig_link(&rig, "a", "/back", "");
	link[15].url = "/end";
	CHECK_RIG(&rig, chain(&rig, link, TKVM_CHAIN_MAX));
	CHECK_BODY(&rig, "/end(,application/octet-stream,100000,1)");
	CHECK_EQ(rig_counters(&rig, "a").queue_timeouts, 0);
	CHECK_EQ(chain(&rig, link, TKVM_CHAIN_MAX + 1), TKVM_ECONFIG);
	CHECK_EQ(chain(&rig, link, 0), TKVM_ECONFIG);
	CHECK(rig.reply == NULL);
	rig_end(&rig);
}

TEST(a_link_that_cannot_start_ends_a_chain_with_an_error)
{
	struct tkvm_link link[2];
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_load(&rig, "{\"a\": {\"filename\": \"" PROBE
	    "\", \"concurrency\": 1}, \"b\": {\"filename\": \"/none\"}}"));
	link[0] = rig_link(&rig, "a", "/big/100000", "");
	link[1] = rig_link(&rig, "b", "/", "");
	for (unsigned i = 0; i < 3; i++)
		CHECK_EQ(chain(&rig, link, 2), TKVM_EFILE);
	CHECK_EQ(rig_counters(&rig, "a").idle, 1);
	rig_end(&rig);
}

/*--- the queue --------------------------------------------------------------*/

TEST(a_small_answer_frees_its_machine_and_a_large_one_holds_it)
{
	struct tkvm_reply *large = NULL;
	struct tkvm_link link;
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_probe(&rig, "\"concurrency\": 1, "
	    "\"max_queue_time\": 0.02"));
	/* Or the first call would wait for that, and no longer. */
	CHECK_RIG(&rig, tkvm_program_start(tkvm_library_find(rig.lib, "probe"),
	    false, &rig.err));
	link = rig_link(&rig, "probe", "/big/16383", "");
	CHECK_RIG(&rig, tkvm_chain_call(&link, 1, rig_get(), &large,
	    &rig.err));
	CHECK_CALL(&rig, "probe", "/x", "", 200);
	CHECK(is_big(large, 16383));
	tkvm_reply_release(&large);
	link.url = "/big/16384";
	CHECK_RIG(&rig, tkvm_chain_call(&link, 1, rig_get(), &large,
	    &rig.err));
	CHECK_EQ(rig_call(&rig, "probe", "/x", ""), TKVM_EBUSY);
	CHECK_HAS(rig.err.text, "all 1 machines of probe were busy");
	CHECK_EQ(rig_call(&rig, "probe", "/x", ""), TKVM_EBUSY);
	CHECK(is_big(large, 16384));
	tkvm_reply_release(&large);
	CHECK(large == NULL);
	tkvm_reply_release(&large);
	CHECK_CALL(&rig, "probe", "/x", "", 200);
	CHECK_BODY(&rig, "/x  1");
	CHECK_EQ(rig_counters(&rig, "probe").queue_timeouts, 2);
	rig_end(&rig);
}

/*--- many threads -----------------------------------------------------------*/

struct worker {
	struct rig *rig;
	pthread_t thread;
	unsigned id, n, wrong;
	unsigned *going;	/* workers that are not done */
	char why[300];
	void (*f)(struct worker *w, unsigned i);
};

static void *
work(void *arg)
{
	struct worker *w = arg;

	for (unsigned i = 0; i < w->n && w->wrong == 0; i++)
		w->f(w, i);
	(void)__atomic_sub_fetch(w->going, 1, __ATOMIC_SEQ_CST);
	return (NULL);
}

#define WORKERS 6

/* Called while they work, again and again; may be NULL. */
typedef void meanwhile_f(struct rig *rig);

static bool
run_workers(struct rig *rig, unsigned n, void (*f)(struct worker *, unsigned),
    meanwhile_f *meanwhile)
{
	static struct worker w[WORKERS];
	unsigned going = WORKERS;
	bool good = true;

	for (unsigned i = 0; i < WORKERS; i++) {
		w[i] = (struct worker){.rig = rig, .id = i, .n = n, .f = f,
		    .going = &going};
		if (pthread_create(&w[i].thread, NULL, work, &w[i]) != 0)
			abort();
	}
	while (__atomic_load_n(&going, __ATOMIC_SEQ_CST) != 0) {
		if (meanwhile != NULL)
			meanwhile(rig);
		(void)usleep(2000);
	}
	for (unsigned i = 0; i < WORKERS; i++) {
		(void)pthread_join(w[i].thread, NULL);
		if (w[i].wrong != 0)
			printf("worker %u: %s\n", i, w[i].why);
		good &= w[i].wrong == 0;
	}
	return (good);
}

static void
expect(struct worker *w, const struct tkvm_link *link, unsigned n, int status,
    const char *body, size_t big)
{
	struct tkvm_reply *reply = NULL;
	struct tkvm_err err = {0};

	if (tkvm_chain_call(link, n, rig_get(), &reply, &err) != 0) {
		w->wrong++;
		(void)snprintf(w->why, sizeof w->why, "%s: %.250s",
		    link->url, err.text);
		return;
	}
	if (reply->status != status || (body != NULL && !body_is(reply, body))
	    || (big != 0 && !is_big(reply, big))) {
		w->wrong++;
		(void)snprintf(w->why, sizeof w->why, "%s: status %u, %.*s",
		    link->url, reply->status, reply->body_len > 100 ? 100 :
		    (int)reply->body_len, (const char *)reply->body);
	}
	tkvm_reply_release(&reply);
}

/* Chains that need each other's machines, with bodies that stay in them. */
static void
cross(struct worker *w, unsigned i)
{
	struct tkvm_link link[3] = {
		rig_link(w->rig, w->id & 1 ? "a" : "b", "/big/100000", ""),
		rig_link(w->rig, w->id & 1 ? "b" : "a", "/back", ""),
		rig_link(w->rig, w->id & 1 ? "a" : "b", "/back", ""),
	};

	expect(w, link, i % 2 ? 2 : 3, 200, NULL, BIG);
}

TEST(chains_that_cross_do_not_wait_for_each_other)
{
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_load(&rig, two));
	CHECK(run_workers(&rig, 60, cross, NULL));
	CHECK_EQ(rig_counters(&rig, "a").queue_timeouts, 0);
	CHECK_EQ(rig_counters(&rig, "b").queue_timeouts, 0);
	rig_end(&rig);
}

/* Some do their worst, the others must not notice. */
static void
good_or_bad(struct worker *w, unsigned i)
{
	static const char *const bad[] = {"/crash", "/loop", "/oom", "/ud2",
	    "/exit", "/badbody"};
	struct tkvm_link link = rig_link(w->rig, "probe", "/ok", "");
	char arg[32], text[64];

	if (w->id == 0) {
		link.url = bad[i % 6];
		expect(w, &link, 1, 500, "", 0);
		return;
	}
	(void)snprintf(arg, sizeof arg, "%u-%u", w->id, i);
	(void)snprintf(text, sizeof text, "/ok %s 1", arg);
	link.arg = arg;
	expect(w, &link, 1, 200, text, 0);
	link.url = "/big/50000";
	expect(w, &link, 1, 200, NULL, 50000);
}

static unsigned
hostile_round(struct rig *rig, bool own_threads)
{
	if (rig_probe(rig, "\"concurrency\": 3") != 0 ||
	    rig_limit(rig, 0.2) != 0)
		return (0);
	rig->lib->own_threads = own_threads;
	return (run_workers(rig, 60, good_or_bad, NULL));
}

TEST(bad_requests_do_not_disturb_good_ones_and_nothing_is_left)
{
	struct tkvm_counters c;
	struct rig rig;
	unsigned fds;

	NEED_KVM();
	CHECK(hostile_round(&rig, false));
	rig_end(&rig);
	fds = entries("fd");
	CHECK(hostile_round(&rig, false));
	c = rig_counters(&rig, "probe");
	CHECK_EQ(c.timeouts, 10);
	CHECK_EQ(c.out_of_memory, 10);
	CHECK_EQ(c.exceptions, 40);
	CHECK_EQ(c.invocations, 60 + 5 * 120);
	CHECK_EQ(c.resets, c.invocations);
	CHECK_EQ(c.machines, 3);
	CHECK_EQ(c.idle, 3);
	CHECK_EQ(c.replaced, 0);
	rig_end(&rig);
	CHECK_EQ(entries("fd"), fds);
}

TEST(machines_with_their_own_threads_do_the_same)
{
	unsigned threads;
	struct rig rig;

	NEED_KVM();
	CHECK(hostile_round(&rig, true));
	/* Three more of ours, and perhaps the engine's. */
	threads = entries("task");
	CHECK_EQ(rig_counters(&rig, "probe").idle, 3);
	rig_end(&rig);
	CHECK(entries("task") + 3 <= threads);
}

static void
stop_it(struct rig *rig)
{
	tkvm_program_stop(tkvm_library_find(rig->lib, "probe"));
}

static void
any(struct worker *w, unsigned i)
{
	struct tkvm_link link = rig_link(w->rig, "probe", "/x", "");

	expect(w, &link, 1, 200, "/x  1", 0);
	if (i % 4 == 0) {
		link.url = "/big/50000";
		expect(w, &link, 1, 200, NULL, 50000);
	}
}

TEST(stop_lets_running_calls_end_and_later_ones_start_it_again)
{
	struct tkvm_reply *held = NULL;
	struct tkvm_link link;
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_probe(&rig, "\"concurrency\": 2"));
	CHECK(run_workers(&rig, 150, any, stop_it));
	/* A body held over a stop stays as it is. */
	link = rig_link(&rig, "probe", "/big/50000", "");
	CHECK_RIG(&rig, tkvm_chain_call(&link, 1, rig_get(), &held,
	    &rig.err));
	stop_it(&rig);
	CHECK_CALL(&rig, "probe", "/x", "", 200);
	CHECK(is_big(held, 50000));
	tkvm_reply_release(&held);
	rig_end(&rig);
}

static void
read_all(struct rig *rig)
{
	(void)rig_counters(rig, "probe");
	free(tkvm_library_stats(rig->lib, NULL, NULL, -1));
}

TEST(statistics_can_be_read_while_requests_run)
{
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_probe(&rig, "\"concurrency\": 4"));
	CHECK(run_workers(&rig, 100, any, read_all));
	rig_end(&rig);
}

/* The first calls of several threads start a program once. */
TEST(a_crowd_starts_a_program_once)
{
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_probe(&rig, "\"main_arguments\": [\"hello\"]"));
	CHECK(run_workers(&rig, 1, any, NULL));
	CHECK_STR(rig.log, "probe says: hello from main\n");
	rig_end(&rig);
}

TEST_MAIN()
