/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Good and hostile requests in one mix: every answer is right, and neither
 * memory nor descriptors grow. The argument is the number of requests.
 */
#include "program_rig.h"

#define THREADS 4

static unsigned long wanted = 2000;

struct soaker {
	struct rig *rig;
	pthread_t thread;
	unsigned long n, wrong;
	unsigned seed;
	char why[300];
};

struct kind {
	const char *url;
	int status;
	size_t length;	/* of the body; 0: "URL ARG 1" */
	unsigned weight;
};

static const struct kind kinds[] = {
	{"/ok", 200, 0, 400}, {"/big/10000", 200, 10000, 40},
	{"/big/70000", 200, 70000, 40}, {"/print", 200, 0, 20},
	{"/dirty/3", 200, 0, 20}, {"/unknown", 200, 0, 20},
	{"/crash", 500, 0, 50}, {"/ud2", 500, 0, 50}, {"/exit", 500, 0, 50},
	{"/badbody", 500, 0, 50}, {"/status/700", 500, 0, 50},
	{"/oom", 500, 0, 10}, {"/loop", 500, 0, 2},
};
#define KINDS (sizeof kinds / sizeof kinds[0])

static const struct kind *
any_kind(unsigned *seed)
{
	unsigned sum = 0, at;

	for (unsigned i = 0; i < KINDS; i++)
		sum += kinds[i].weight;
	at = (unsigned)rand_r(seed) % sum;
	for (unsigned i = 0;; i++) {
		if (at < kinds[i].weight)
			return (&kinds[i]);
		at -= kinds[i].weight;
	}
}

static bool
right(const struct kind *k, const struct tkvm_reply *r, const char *text)
{
	const char *body = r->body;

	if (r->status != k->status)
		return (false);
	if (k->status == 500)
		return (r->body_len == 0 && r->error.code != 0);
	if (k->length == 0)
		return (body_is(r, text));
	return (r->body_len == k->length && body[0] == 'a' &&
	    body[k->length - 1] == (char)('a' + (k->length - 1) % 26));
}

static void
one(struct soaker *s, unsigned long i)
{
	const struct kind *k = any_kind(&s->seed);
	char arg[32], text[64];
	struct tkvm_link link = rig_link(s->rig, "probe", k->url, arg);
	struct tkvm_reply *reply = NULL;
	struct tkvm_err err = {0};
	int r;

	(void)snprintf(arg, sizeof arg, "%u-%lu", s->seed, i);
	(void)snprintf(text, sizeof text, "%s %s 1", k->url, arg);
	r = tkvm_chain_call(&link, 1, rig_get(), &reply, &err);
	if (r != 0 || !right(k, reply, text)) {
		s->wrong++;
		(void)snprintf(s->why, sizeof s->why, "%s: %d %.200s", k->url,
		    r, r != 0 ? err.text : reply->error.text);
	}
	tkvm_reply_release(&reply);
}

static void *
soak(void *arg)
{
	struct soaker *s = arg;

	for (unsigned long i = 0; i < s->n; i++)
		one(s, i);
	return (NULL);
}

static unsigned long
round_of(struct rig *rig, unsigned long n, unsigned seed)
{
	struct soaker s[THREADS];
	unsigned long wrong = 0;

	for (unsigned i = 0; i < THREADS; i++) {
		s[i] = (struct soaker){.rig = rig, .n = n / THREADS,
		    .seed = seed + i};
		if (pthread_create(&s[i].thread, NULL, soak, &s[i]) != 0)
			abort();
	}
	for (unsigned i = 0; i < THREADS; i++) {
		(void)pthread_join(s[i].thread, NULL);
		if (s[i].wrong != 0)
			printf("%lu wrong, the last: %s\n", s[i].wrong,
			    s[i].why);
		wrong += s[i].wrong;
	}
	return (wrong);
}

/* KiB in use of our own and of what we share; 0 where freed memory is kept. */
static long
resident(void)
{
#ifdef __SANITIZE_ADDRESS__
	return (0);
#endif
	char line[128];
	long kib = -1;
	FILE *f = fopen("/proc/self/status", "r");

	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		if (sscanf(line, "VmRSS: %ld", &kib) == 1)
			break;
	if (f != NULL)
		(void)fclose(f);
	return (kib);
}

TEST(a_mix_of_good_and_hostile_requests_is_answered_right_and_costs_nothing)
{
	unsigned fds, threads;
	struct rig rig;
	long before;

	NEED_KVM();
	CHECK_RIG(&rig, rig_probe(&rig, "\"concurrency\": 3"));
	CHECK_RIG(&rig, rig_limit(&rig, 0.3));
	/* Every machine has once had all that a request may have. */
	CHECK_EQ(round_of(&rig, 1000, 1), 0);
	fds = entries("fd");
	threads = entries("task");
	before = resident();
	CHECK_EQ(round_of(&rig, wanted, 1000), 0);
	printf("%lu requests: resident %ld KiB, before %ld KiB\n", wanted,
	    resident(), before);
	CHECK_EQ(entries("fd"), fds);
	CHECK_EQ(entries("task"), threads);
	/* What one machine may hold at one time and not at another. */
	CHECK(resident() < before + 3 * 8 * 1024);
	CHECK_EQ(rig_counters(&rig, "probe").idle, 3);
	CHECK_EQ(rig_counters(&rig, "probe").replaced, 0);
	rig_end(&rig);
}

/* Starting and stopping, too. */
TEST(libraries_that_come_and_go_leave_nothing)
{
	unsigned fds = 0, threads = 0;
	struct rig rig;
	long before = 0;

	NEED_KVM();
	for (unsigned i = 0; i < 30; i++) {
		if (i == 10) {
			fds = entries("fd");
			threads = entries("task");
			before = resident();
		}
		CHECK_RIG(&rig, rig_probe(&rig, i % 3 == 0 ?
		    "\"main_arguments\": [\"exit\"]" : ""));
		rig.lib->own_threads = i % 2 == 0;
		CHECK_EQ(rig_call(&rig, "probe", "/dirty/2", ""), i % 3 == 0 ?
		    TKVM_EGUEST : 0);
		rig_end(&rig);
	}
	CHECK_EQ(entries("fd"), fds);
	CHECK_EQ(entries("task"), threads);
	CHECK(resident() < before + 4 * 1024);
}

int
main(int argc, char **argv)
{
	if (argc > 1)
		wanted = strtoul(argv[1], NULL, 10);
	return (test_run_all(1, argv));
}
