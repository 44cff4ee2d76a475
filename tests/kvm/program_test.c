/* SPDX-License-Identifier: BSD-2-Clause */
/* Programs: their life, their answers, their failures. */
#include <json-c/json.h>

#include "program_rig.h"

/*--- life -----------------------------------------------------------------*/

TEST(the_first_call_starts_a_program_and_stop_makes_it_start_again)
{
	struct tkvm_counters c;
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_probe(&rig, ""));
	c = rig_counters(&rig, "probe");
	CHECK_EQ(c.machines, 0);
	CHECK_CALL(&rig, "probe", "/x", "y", 200);
	CHECK_BODY(&rig, "/x y 1");
	CHECK_STR(rig.reply->content_type, "text/plain");
	CHECK(!rig.reply->by_on_error);
	CHECK_EQ(rig.reply->error.code, 0);
	c = rig_counters(&rig, "probe");
	CHECK(c.machines >= 1);
	CHECK(c.image_bytes > 0);
	CHECK(c.start_ns > 0);
	tkvm_program_stop(tkvm_library_find(rig.lib, "probe"));
	c = rig_counters(&rig, "probe");
	CHECK_EQ(c.machines, 0);
	CHECK_EQ(c.invocations, 1);
	CHECK_CALL(&rig, "probe", "/x", "z", 200);
	CHECK_BODY(&rig, "/x z 1");
	CHECK_EQ(rig_counters(&rig, "probe").invocations, 2);
	rig_end(&rig);
}

TEST(start_waits_or_not_and_twice_is_once)
{
	struct tkvm_program *p;
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_probe(&rig, "\"main_arguments\": [\"slow\"]"));
	p = tkvm_library_find(rig.lib, "probe");
	CHECK_RIG(&rig, tkvm_program_start(p, true, &rig.err));
	CHECK_RIG(&rig, tkvm_program_start(p, true, &rig.err));
	CHECK_RIG(&rig, tkvm_program_start(p, false, &rig.err));
	CHECK(p->state == PROGRAM_READY);
	CHECK_CALL(&rig, "probe", "/", "", 200);
	CHECK_EQ(tkvm_library_configure(rig.lib, "probe",
	    "{\"concurrency\": 3}", &rig.err), TKVM_ECONFIG);
	CHECK_HAS(rig.err.text, "has been started");
	rig_end(&rig);
}

TEST(a_library_can_be_destroyed_while_a_program_starts)
{
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_probe(&rig, "\"main_arguments\": [\"slow\"], "
	    "\"concurrency\": 40"));
	CHECK_RIG(&rig, tkvm_program_start(tkvm_library_find(rig.lib,
	    "probe"), true, &rig.err));
	rig_end(&rig);
}

TEST(arguments_and_environment_are_the_published_ones)
{
	const char *const more[] = {"on_error", "a b"};
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_probe(&rig, "\"main_arguments\": [\"one\", \"\"], "
	    "\"environment\": [\"EXTRA=x=y\", \"USER=other\"]"));
	CHECK_CALL(&rig, "probe", "/env", "", 200);
	CHECK_BODY(&rig, "<probe><one><> USER=root KVM_NAME=probe "
	    "KVM_GROUP=test KVM_TYPE=request KVM_STATE=state KVM_DEBUG=0 "
	    "EXTRA=x=y HOME=-");
	CHECK_RIG(&rig, tkvm_program_set_arguments(tkvm_library_find(rig.lib,
	    "probe"), more, 2, &rig.err));
	CHECK_CALL(&rig, "probe", "/env", "", 200);
	CHECK(strncmp(rig.reply->body, "<probe><one><> ", 15) == 0);
	tkvm_program_stop(tkvm_library_find(rig.lib, "probe"));
	CHECK_CALL(&rig, "probe", "/env", "", 200);
	CHECK(strncmp(rig.reply->body, "<probe><on_error><a b> ", 23) == 0);
	rig_end(&rig);
}

/*--- starts that fail -------------------------------------------------------*/

struct bad_start {
	const char *json;	/* of the program "bad" */
	int code;
	const char *reason;
};

static const struct bad_start bad_starts[] = {
	{"\"filename\": \"/nonexistent/x\"", TKVM_EFILE, "/nonexistent/x"},
	{"\"filename\": \"/etc/passwd\"", TKVM_EFILE, "bad does not start"},
	{"\"filename\": \"" PROBE "\", \"main_arguments\": [\"exit\"]",
	    TKVM_EGUEST, "status 3"},
	{"\"filename\": \"" PROBE "\", \"main_arguments\": [\"exit\"]",
	    TKVM_EGUEST, "it printed: no ?such\tluck"},
	{"\"filename\": \"" PROBE "\", \"main_arguments\": [\"crash\"]",
	    TKVM_EGUEST, "invalid opcode"},
	{"\"filename\": \"" PROBE "\", \"main_arguments\": [\"spin\"], "
	    "\"max_boot_time\": 0.2", TKVM_ETIMEOUT, "time-out"},
	{"\"filename\": \"build/tests/guests/paused_keep\", "
	    "\"main_arguments\": [\"both\"], \"ephemeral\": false",
	    TKVM_ECONFIG, "\"ephemeral\" to true"},
};

TEST(a_start_that_fails_says_why_once_to_the_log_and_to_every_call)
{
	char json[512];
	struct rig rig;
	unsigned lines;

	NEED_KVM();
	for (unsigned i = 0; i < sizeof bad_starts / sizeof bad_starts[0];
	    i++) {
		const struct bad_start *b = &bad_starts[i];

		(void)snprintf(json, sizeof json, "{\"bad\": {%s}}", b->json);
		CHECK_RIG(&rig, rig_load(&rig, json));
		if (rig_call(&rig, "bad", "/", "") != b->code ||
		    strstr(rig.err.text, b->reason) == NULL)
			TEST_FAIL("%s: %d %s", json, rig.err.code,
			    rig.err.text);
		CHECK(rig.reply == NULL);
		CHECK_HAS(rig.log, rig.err.text);
		lines = rig.lines;
		CHECK_EQ(rig_call(&rig, "bad", "/", ""), b->code);
		CHECK_HAS(rig.err.text, b->reason);
		/* Unless the machine is so slow that a second has passed. */
		if (tkvm_now_ns() - tkvm_library_find(rig.lib,
		    "bad")->failed_ns < 900000000u)
			CHECK_EQ(rig.lines, lines);
		rig_end(&rig);
	}
}

TEST(a_failed_start_is_tried_again_later_or_after_stop)
{
	char path[] = "/tmp/program_test_XXXXXX", json[256], probe[512];
	struct rig rig;
	int r;

	NEED_KVM();
	CHECK(realpath(PROBE, probe) != NULL);
	CHECK(mkdtemp(path) != NULL);
	(void)snprintf(json, sizeof json, "{\"p\": {\"filename\": "
	    "\"%s/p\"}, \"q\": {\"filename\": \"%s/p\"}}", path, path);
	CHECK_RIG(&rig, rig_load(&rig, json));
	CHECK_EQ(rig_call(&rig, "p", "/", ""), TKVM_EFILE);
	CHECK_EQ(rig_call(&rig, "q", "/", ""), TKVM_EFILE);
	CHECK_EQ(chdir(path), 0);
	r = symlink(probe, "p");
	CHECK_EQ(r, 0);
	tkvm_program_stop(tkvm_library_find(rig.lib, "q"));
	CHECK_CALL(&rig, "q", "/", "", 200);
	while (rig_call(&rig, "p", "/", "") != 0) {
		CHECK_EQ(rig.err.code, TKVM_EFILE);
		(void)usleep(20000);
	}
	rig_end(&rig);
	(void)unlink("p");
	(void)rmdir(path);
	*strstr(probe, "/" PROBE) = '\0';
	CHECK_EQ(chdir(probe), 0);
}

/*--- one request ----------------------------------------------------------*/

TEST(a_request_leaves_nothing_behind)
{
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_probe(&rig, "\"concurrency\": 1"));
	for (unsigned i = 0; i < 20; i++) {
		CHECK_CALL(&rig, "probe", "/n", "", 200);
		CHECK_BODY(&rig, "/n  1");
	}
	CHECK_EQ(rig_counters(&rig, "probe").resets, 20);
	rig_end(&rig);
}

struct failure {
	const char *url, *reason;
	int code;
};

static const struct failure failures[] = {
	{"/crash", "null pointer", TKVM_EGUEST},
	{"/ud2", "invalid opcode", TKVM_EGUEST},
	{"/loop", "time-out", TKVM_ETIMEOUT},
	{"/oom", "out of working memory", TKVM_EWORKMEM},
	{"/exit", "without giving an answer", TKVM_EGUEST},
	{"/badbody", "not mapped", TKVM_EGUEST},
	{"/status/199", "199", TKVM_EGUEST},
	{"/status/600", "600", TKVM_EGUEST},
};
#define FAILURES (sizeof failures / sizeof failures[0])

TEST(a_failure_is_a_500_with_a_reason_and_the_next_request_is_fine)
{
	struct tkvm_counters c;
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_probe(&rig, "\"concurrency\": 1"));
	CHECK_RIG(&rig, rig_limit(&rig, 0.3));
	for (unsigned i = 0; i < FAILURES; i++) {
		CHECK_CALL(&rig, "probe", failures[i].url, "", 500);
		CHECK_EQ(rig.reply->body_len, 0);
		CHECK(rig.reply->content_type == NULL);
		CHECK_EQ(rig.reply->error.code, failures[i].code);
		CHECK_HAS(rig.reply->error.text, failures[i].reason);
		CHECK_CALL(&rig, "probe", "/fine", "", 200);
		CHECK_BODY(&rig, "/fine  1");
	}
	c = rig_counters(&rig, "probe");
	CHECK_EQ(c.invocations, 2 * FAILURES);
	CHECK_EQ(c.timeouts, 1);
	CHECK_EQ(c.out_of_memory, 1);
	CHECK_EQ(c.exceptions, FAILURES - 2);
	CHECK_EQ(c.status_2xx, FAILURES);
	CHECK_EQ(c.status_5xx, FAILURES);
	CHECK_EQ(c.replaced, 0);
	CHECK_EQ(c.on_error, 0);
	rig_end(&rig);
}

TEST(statuses_pass_through_and_are_counted)
{
	static const char *const urls[] = {"/status/200", "/status/304",
	    "/status/404", "/status/503", "/status/599"};
	struct tkvm_counters c;
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_probe(&rig, ""));
	for (unsigned i = 0; i < 5; i++)
		CHECK_CALL(&rig, "probe", urls[i], "", atoi(urls[i] + 8));
	c = rig_counters(&rig, "probe");
	CHECK_EQ(c.status_2xx, 1);
	CHECK_EQ(c.status_3xx, 1);
	CHECK_EQ(c.status_4xx, 1);
	CHECK_EQ(c.status_5xx, 2);
	CHECK_EQ(c.exceptions, 0);
	rig_end(&rig);
}

TEST(on_error_answers_with_the_reason_and_has_one_chance)
{
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_probe(&rig, "\"concurrency\": 1, "
	    "\"main_arguments\": [\"on_error\"]"));
	CHECK_RIG(&rig, rig_limit(&rig, 0.3));
	for (unsigned i = 0; i < FAILURES; i++) {
		CHECK_CALL(&rig, "probe", failures[i].url, "", 555);
		CHECK(rig.reply->by_on_error);
		CHECK_EQ(rig.reply->error.code, failures[i].code);
		CHECK(memmem(rig.reply->body, rig.reply->body_len,
		    failures[i].reason, strlen(failures[i].reason)) != NULL);
	}
	CHECK_CALL(&rig, "probe", "/crash", "crash again", 500);
	CHECK(!rig.reply->by_on_error);
	CHECK_EQ(rig.reply->body_len, 0);
	CHECK_CALL(&rig, "probe", "/loop", "loop again", 500);
	CHECK_CALL(&rig, "probe", "/fine", "", 200);
	CHECK_BODY(&rig, "/fine  1");
	CHECK_EQ(rig_counters(&rig, "probe").on_error, FAILURES + 2);
	rig_end(&rig);
}

TEST(without_ephemeral_state_stays_until_something_fails)
{
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_probe(&rig, "\"concurrency\": 1, "
	    "\"ephemeral\": false"));
	CHECK_RIG(&rig, rig_limit(&rig, 0.3));
	for (unsigned i = 1; i <= 300; i++) {
		char text[32];

		CHECK_CALL(&rig, "probe", "/n", "", 200);
		(void)snprintf(text, sizeof text, "/n  %u", i);
		CHECK_BODY(&rig, text);
	}
	CHECK_EQ(rig_counters(&rig, "probe").resets, 0);
	for (unsigned i = 0; i < FAILURES; i++) {
		CHECK_CALL(&rig, "probe", "/n", "", 200);
		CHECK_CALL(&rig, "probe", failures[i].url, "", 500);
		CHECK_CALL(&rig, "probe", "/n", "", 200);
		CHECK_BODY(&rig, "/n  1");
	}
	/* Of 8 MiB for a request it may keep 4. */
	CHECK_CALL(&rig, "probe", "/n", "", 200);
	CHECK_CALL(&rig, "probe", "/dirty/5", "", 200);
	CHECK_CALL(&rig, "probe", "/n", "", 200);
	CHECK_BODY(&rig, "/n  1");
	for (unsigned i = 0; i < 20; i++)
		CHECK_CALL(&rig, "probe", "/dirty/3", "", 200);
	rig_end(&rig);
}

TEST(a_program_that_waits_paused_answers)
{
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_probe(&rig, "\"main_arguments\": [\"paused\"]"));
	CHECK_CALL(&rig, "probe", "/", "", 200);
	CHECK_BODY(&rig, "paused");
	CHECK_CALL(&rig, "probe", "/", "", 200);
	rig_end(&rig);
}

TEST(a_body_that_does_not_fit_is_an_error_and_the_next_request_is_fine)
{
	struct tkvm_request post = *rig_get();
	struct tkvm_link link;
	struct rig rig;
	char *body;

	NEED_KVM();
	CHECK_RIG(&rig, rig_probe(&rig, "\"concurrency\": 1, "
	    "\"main_arguments\": [\"on_error\"]"));
	link = rig_link(&rig, "probe", "/p", "");
	body = calloc(1, 300u << 20);
	CHECK(body != NULL);
	post.method = "POST";
	post.content_type = "x/y";
	post.body = body;
	post.body_len = 300u << 20;
	CHECK_EQ(tkvm_chain_call(&link, 1, &post, &rig.reply, &rig.err),
	    TKVM_ETOOLARGE);
	CHECK(rig.reply == NULL);
	/* Not the program's fault: on_error is not asked, nothing counted. */
	CHECK_EQ(rig_counters(&rig, "probe").exceptions, 0);
	CHECK_EQ(rig_counters(&rig, "probe").on_error, 0);
	post.body_len = 3;
	CHECK_RIG(&rig, tkvm_chain_call(&link, 1, &post, &rig.reply,
	    &rig.err));
	CHECK_EQ(rig.reply->body_len, strlen("/p(,x/y,3,1)") + 3);
	free(body);
	CHECK_CALL(&rig, "probe", "/fine", "", 200);
	CHECK_BODY(&rig, "/fine  1");
	rig_end(&rig);
}

TEST(a_machine_that_is_gone_is_made_anew)
{
	struct tkvm_program *p;
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_probe(&rig, "\"concurrency\": 1"));
	CHECK_CALL(&rig, "probe", "/a", "", 200);
	p = tkvm_library_find(rig.lib, "probe");
	tkvm_machine_destroy(&p->generation->idle->machine);
	CHECK_CALL(&rig, "probe", "/a", "", 200);
	CHECK_BODY(&rig, "/a  1");
	CHECK_EQ(rig_counters(&rig, "probe").idle, 1);
	rig_end(&rig);
}

/*--- log and statistics ---------------------------------------------------*/

static void
append_log(void *priv, const char *text, size_t len)
{
	char line[1100];

	(void)snprintf(line, sizeof line, "T:%.*s", (int)len, text);
	rig_log(priv, "", line);
}

TEST(lines_go_to_the_transaction_or_else_to_the_library)
{
	const struct tkvm_transaction_ops ops = {.log = append_log};
	struct tkvm_request get = *rig_get();
	struct tkvm_link link;
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_probe(&rig, "\"main_arguments\": [\"hello\"]"));
	CHECK_CALL(&rig, "probe", "/print", "one", 200);
	CHECK_HAS(rig.log, "probe says: hello from main\n");
	CHECK_HAS(rig.log, "\nprobe says: one\nprobe says: second\n"
	    "probe says: by sys_log\n");
	rig.log[0] = '\0';
	link = rig_link(&rig, "probe", "/print", "two");
	get.ops = &ops;
	get.priv = &rig;
	tkvm_reply_release(&rig.reply);
	CHECK_RIG(&rig, tkvm_chain_call(&link, 1, &get, &rig.reply,
	    &rig.err));
	CHECK_STR(rig.log, "T:probe says: two\nT:probe says: second\n"
	    "T:probe says: by sys_log\n");
	link.url = "/crash";
	tkvm_reply_release(&rig.reply);
	CHECK_RIG(&rig, tkvm_chain_call(&link, 1, &get, &rig.reply,
	    &rig.err));
	CHECK_HAS(rig.reply->error.text, "page fault");
	rig_end(&rig);
}

/* Member a.b.c of a document. */
static json_object *
member(json_object *o, const char *path)
{
	char name[64];
	size_t n;

	while (o != NULL && *path != '\0') {
		n = strcspn(path, ".");
		(void)snprintf(name, sizeof name, "%.*s", (int)n, path);
		o = json_object_object_get(o, name);
		path += n + (path[n] == '.');
	}
	return (o);
}

static bool
only_probe(void *priv, const char *name)
{
	(void)priv;
	return (strcmp(name, "probe") == 0);
}

TEST(statistics_count_by_program_and_by_machine)
{
	json_object *o, *list;
	struct rig rig;
	int64_t sum = 0;
	char *text;

	NEED_KVM();
	CHECK_RIG(&rig, rig_load(&rig, "{\"probe\": {\"filename\": \"" PROBE
	    "\", \"concurrency\": 3}, \"other\": {\"filename\": \"/x\"}}"));
	for (unsigned i = 0; i < 5; i++)
		CHECK_CALL(&rig, "probe", "/x", "", 200);
	CHECK_CALL(&rig, "probe", "/unknown", "", 200);
	CHECK_CALL(&rig, "probe", "/crash", "", 500);
	text = tkvm_library_stats(rig.lib, only_probe, NULL, 2);
	o = json_tokener_parse(text);
	free(text);
	CHECK(member(o, "other") == NULL);
	CHECK_STR(json_object_get_string(member(o,
	    "probe.program.binary_type")), "static");
	CHECK(json_object_get_int(member(o, "probe.program.binary_size")) >
	    1000);
	CHECK(json_object_get_int(member(o,
	    "probe.program.entry_points.backend_get")) != 0);
	CHECK_EQ(json_object_get_int(member(o,
	    "probe.program.entry_points.backend_error")), 0);
	CHECK_EQ(json_object_get_int(member(o,
	    "probe.request.totals.invocations")), 7);
	CHECK_EQ(json_object_get_int(member(o,
	    "probe.request.totals.exceptions")), 1);
	CHECK_EQ(json_object_get_int(member(o,
	    "probe.request.totals.unknown_calls")), 1);
	list = member(o, "probe.request.machines");
	CHECK(json_object_array_length(list) >= 1);
	for (size_t i = 0; i < json_object_array_length(list); i++)
		sum += json_object_get_int(member(json_object_array_get_idx(
		    list, i), "invocations"));
	CHECK_EQ(sum, 7);
	json_object_put(o);
	rig_end(&rig);
}

/* Start it and come back when main() runs. */
static void
start_main(struct rig *rig, struct tkvm_program *p)
{
	bool booting = false;

	CHECK_RIG(rig, tkvm_program_start(p, true, &rig->err));
	while (!booting) {
		(void)pthread_mutex_lock(&p->lock);
		booting = p->booting != NULL;
		(void)pthread_mutex_unlock(&p->lock);
		(void)sched_yield();
	}
}

static void *
stop_soon(void *arg)
{
	const struct timespec soon = {.tv_nsec = 20000000};

	(void)nanosleep(&soon, NULL);
	tkvm_program_stop(arg);
	return (NULL);
}

/* Its main() would run for an hour. */
TEST(a_program_can_be_stopped_while_it_starts)
{
	const char *spin = "spin";
	struct tkvm_program *p;
	pthread_t thread;
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_probe(&rig, "\"main_arguments\": [\"spin\"], "
	    "\"max_boot_time\": 3600"));
	p = tkvm_library_find(rig.lib, "probe");
	for (unsigned i = 0; i < 3; i++) {
		start_main(&rig, p);
		tkvm_program_stop(p);
	}
	/* A call that waits for the start gets the one after it. */
	start_main(&rig, p);
	CHECK_EQ(tkvm_program_set_arguments(p, NULL, 0, &rig.err), 0);
	CHECK_EQ(pthread_create(&thread, NULL, stop_soon, p), 0);
	CHECK_RIG(&rig, rig_call(&rig, "probe", "/", ""));
	(void)pthread_join(thread, NULL);
	tkvm_program_stop(p);
	CHECK_EQ(tkvm_program_set_arguments(p, &spin, 1, &rig.err), 0);
	/* Ending the library while it starts ends it, too. */
	CHECK_EQ(tkvm_program_start(p, true, &rig.err), 0);
	rig_end(&rig);
}

TEST_MAIN()
