/* SPDX-License-Identifier: BSD-2-Clause */
/* Settings that show in the log, on standard output, or in costs of memory. */
#include "program_rig.h"

#define STORED PROGRAMS "storage_counter"

/* Started, and nothing of it goes on in the background. */
static void
start_and_stop(struct rig *rig, const char *program)
{
	struct tkvm_program *p = tkvm_library_find(rig->lib, program);

	if (tkvm_program_start(p, false, &rig->err) != 0)
		TEST_FAIL("%s", rig->err.text);
	tkvm_program_stop(p);
}

static unsigned
lines_with(struct rig *rig, const char *part)
{
	unsigned n = 0;

	(void)pthread_mutex_lock(&rig->lock);
	for (const char *at = rig->log; (at = strstr(at, part)) != NULL; at++)
		n++;
	(void)pthread_mutex_unlock(&rig->lock);
	return (n);
}

TEST(a_silent_program_is_silent)
{
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_probe(&rig, "\"verbose\": false, "
	    "\"verbose_syscalls\": false, \"verbose_pagetables\": false"));
	start_and_stop(&rig, "probe");
	CHECK_STR(rig.log, "");
	rig_end(&rig);
}

TEST(verbose_tells_where_things_are_and_what_may_be_opened)
{
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_probe(&rig, "\"verbose\": true, "
	    "\"allowed_paths\": [{\"real\": \"/etc\", \"virtual\": \"/e\", "
	    "\"prefix\": true}]"));
	start_and_stop(&rig, "probe");
	CHECK_HAS(rig.log, "static, ");
	CHECK_HAS(rig.log, "; segments 0x");
	CHECK_HAS(rig.log, "path /e is /etc and what is below it");
	CHECK_HAS(rig.log, "ready after ");
	CHECK_EQ(lines_with(&rig, "main: "), 0);
	rig_end(&rig);
}

/* Of requests there are none, they are many; the answers are the same. */
TEST(verbose_syscalls_tells_the_start_and_not_the_requests)
{
	struct rig rig;
	unsigned n;

	NEED_KVM();
	CHECK_RIG(&rig, rig_probe(&rig, "\"verbose_syscalls\": true"));
	CHECK_CALL(&rig, "probe", "/status/200", "", 200);
	n = lines_with(&rig, "main: ");
	CHECK(n > 5);
	CHECK_HAS(rig.log, "main: brk(0x");
	CHECK_HAS(rig.log, "main: readlink(\"/proc/self/exe\", ");
	CHECK_HAS(rig.log, " = -38 (Function not implemented)");
	CHECK_HAS(rig.log, "main: register_func(0x1, ");
	CHECK_EQ(lines_with(&rig, "stops it"), 1);
	CHECK_CALL(&rig, "probe", "/print", "", 200);
	CHECK_CALL(&rig, "probe", "/unknown", "", 200);
	CHECK_EQ(lines_with(&rig, "main: "), n);
	rig_end(&rig);
}

TEST(verbose_requests_tells_the_calls_of_requests_alone)
{
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_probe(&rig, "\"verbose_requests\": true"));
	CHECK_CALL(&rig, "probe", "/status/200", "", 200);
	CHECK_EQ(lines_with(&rig, "main: "), 0);
	CHECK_EQ(lines_with(&rig, "probe: "), 1);
	CHECK_HAS(rig.log, "probe: backend_response(0xc8, ");
	CHECK_CALL(&rig, "probe", "/print", "", 200);
	CHECK_HAS(rig.log, "probe: write(0x1, ");
	rig_end(&rig);
	CHECK_RIG(&rig, rig_probe(&rig, "\"verbose_syscalls\": true"));
	CHECK_CALL(&rig, "probe", "/print", "", 200);
	CHECK_EQ(lines_with(&rig, "probe: "), 0);
	rig_end(&rig);
}

TEST(verbose_syscalls_tells_all_that_storage_does)
{
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_load(&rig, "{\"s\": {\"filename\": \"" STORED "\", "
	    "\"storage\": true, \"verbose_syscalls\": true}}"));
	CHECK_CALL(&rig, "s", "/", "", 200);
	CHECK_HAS(rig.log, "storage: register_func(");
	CHECK_HAS(rig.log, "main: register_func(");
	CHECK_HAS(rig.log, "storage: storage_return(");
	CHECK_CALL(&rig, "s", "/", "", 200);
	CHECK(lines_with(&rig, "storage: storage_return(") >= 2);
	rig_end(&rig);
}

TEST(verbose_pagetables_shows_no_page_both_writable_and_executable)
{
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_probe(&rig, "\"verbose_pagetables\": true"));
	start_and_stop(&rig, "probe");
	CHECK(lines_with(&rig, " r-x user") >= 2);
	CHECK(lines_with(&rig, " rw- user") >= 1);
	CHECK(lines_with(&rig, " kernel") >= 3);
	CHECK_EQ(lines_with(&rig, " rwx "), 0);
	/* A null pointer is nowhere. */
	CHECK_EQ(lines_with(&rig, "pages 0x0-"), 0);
	rig_end(&rig);
}

static void
count_output(void *priv, const char *program, const char *text)
{
	unsigned *n = priv;

	if (strcmp(program, "loud") == 0 && strstr(text, "loud says: ") == text)
		__atomic_add_fetch(n, 1, __ATOMIC_RELAXED);
	else
		__atomic_add_fetch(n, 1000, __ATOMIC_RELAXED);
}

TEST(stdout_is_for_programs_that_ask_for_it)
{
	static const char json[] = "{\"loud\": {\"filename\": \"" PROBE "\", "
	    "\"stdout\": true}, \"quiet\": {\"filename\": \"" PROBE "\"}}";
	unsigned n = 0;
	const struct tkvm_log log = {.output = count_output, .priv = &n};
	struct rig rig;

	NEED_KVM();
	memset(&rig, 0, sizeof rig);
	CHECK_RIG(&rig, tkvm_library_new(&log, &rig.lib, &rig.err));
	CHECK_RIG(&rig, tkvm_library_load(rig.lib, json, sizeof json - 1,
	    "test", &rig.err));
	CHECK_CALL(&rig, "quiet", "/print", "", 200);
	CHECK_EQ(n, 0);
	CHECK_CALL(&rig, "loud", "/print", "", 200);
	CHECK(n > 0 && n < 1000);
	rig_end(&rig);
}

/*--- memory ---------------------------------------------------------------*/

/* First writes to pages during the last of several equal requests. */
static uint64_t
faults_of_a_late_request(const char *settings)
{
	struct rig rig;
	uint64_t before, after;

	if (rig_probe(&rig, settings) != 0)
		return (UINT64_MAX);
	for (unsigned i = 0; i < 5; i++)
		if (rig_call(&rig, "probe", "/dirty/4", "") != 0)
			return (UINT64_MAX);
	tkvm_reply_release(&rig.reply);
	before = rig_counters(&rig, "probe").faults;
	if (rig_call(&rig, "probe", "/dirty/4", "") != 0)
		return (UINT64_MAX);
	tkvm_reply_release(&rig.reply);
	after = rig_counters(&rig, "probe").faults;
	rig_end(&rig);
	return (after - before);
}

TEST(working_memory_is_kept_or_given_back)
{
	NEED_KVM();
	CHECK_EQ(faults_of_a_late_request("\"concurrency\": 1"), 0);
	CHECK_EQ(faults_of_a_late_request("\"concurrency\": 1, "
	    "\"ephemeral_keep_working_memory\": true"), 0);
	CHECK(faults_of_a_late_request("\"concurrency\": 1, "
	    "\"ephemeral_keep_working_memory\": false") >= 1024);
	CHECK(faults_of_a_late_request("\"concurrency\": 1, "
	    "\"req_mem_limit_after_reset\": 0") >= 1024);
	/* The other name; enough for it, and not. */
	CHECK_EQ(faults_of_a_late_request("\"concurrency\": 1, "
	    "\"limit_workmem_after_req\": 5"), 0);
	CHECK(faults_of_a_late_request("\"concurrency\": 1, "
	    "\"limit_workmem_after_req\": 4") >= 1024);
}

/* Whatever the host grants: the same answers, the same exact limit. */
TEST(huge_pages_change_nothing_but_the_cost)
{
	static const char *const wishes[] = {
		"\"hugepages\": true", "\"transparent_hugepages\": true",
		"\"hugepage_arena_size\": 2, \"split_hugepages\": false",
		"\"request_hugepages\": 2", "\"request_hugepages\": 524288",
		"\"hugepages\": true, \"request_hugepage_arena_size\": 64, "
		    "\"ephemeral_keep_working_memory\": false",
	};
	struct rig rig;

	NEED_KVM();
	for (size_t i = 0; i < sizeof wishes / sizeof wishes[0]; i++) {
		CHECK_RIG(&rig, rig_probe(&rig, wishes[i]));
		for (unsigned j = 0; j < 5; j++) {
			CHECK_CALL(&rig, "probe", "/dirty/4", "", 200);
			CHECK_CALL(&rig, "probe", "/oom", "", 500);
			CHECK_EQ(rig.reply->error.code, TKVM_EWORKMEM);
			CHECK_CALL(&rig, "probe", "/big/100000", "", 200);
			CHECK_EQ(rig.reply->body_len, 100000);
		}
		/* At most one sentence each for image and machines. */
		CHECK(lines_with(&rig, "normal pages are used") <= 2);
		rig_end(&rig);
	}
}

/* Pages merged with those of others would tell by their time who has which. */
TEST(no_memory_is_offered_for_merging)
{
	struct rig rig;
	char line[512];
	unsigned flags = 0;
	FILE *f;

	NEED_KVM();
	CHECK_RIG(&rig, rig_probe(&rig, "\"concurrency\": 2"));
	CHECK_CALL(&rig, "probe", "/status/200", "", 200);
	f = fopen("/proc/self/smaps", "r");
	CHECK(f != NULL);
	while (fgets(line, sizeof line, f) != NULL) {
		if (strncmp(line, "VmFlags:", 8) != 0)
			continue;
		flags++;
		if (strstr(line, " mg") != NULL)
			TEST_FAIL("mergeable: %s", line);
	}
	(void)fclose(f);
	CHECK(flags > 0);
	rig_end(&rig);
}

/* Each start copies them: what one adds is not there in the next. */
TEST(starting_again_adds_no_path)
{
	struct tkvm_program *p;
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_probe(&rig, "\"verbose\": true, "
	    "\"allowed_paths\": [\"/etc/hosts\"]"));
	p = tkvm_library_find(rig.lib, "probe");
	start_and_stop(&rig, "probe");
	CHECK_EQ(lines_with(&rig, "path "), 2);
	for (unsigned i = 0; i < 4; i++)
		start_and_stop(&rig, "probe");
	CHECK_EQ(lines_with(&rig, "path "), 10);
	CHECK_EQ(p->settings.allowed_paths.n, 1);
	rig_end(&rig);
}

TEST_MAIN()
