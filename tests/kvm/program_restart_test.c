/* SPDX-License-Identifier: BSD-2-Clause */
/* Programs that start anew when a file that they have read has changed. */
#include <sys/stat.h>

#include "program_rig.h"

#define RESTARTS "build/tests/guests/restart_probe"

static char folder[] = "/tmp/tinykvm-restart.XXXXXX";

static char *
name_of(const char *file)
{
	static char path[128];

	(void)snprintf(path, sizeof path, "%s/%s", folder, file);
	return (path);
}

/* As an editor puts it there. */
static void
put(const char *file, const char *text)
{
	struct tkvm_err err;

	if (save_file(name_of(file), text, strlen(text), &err) != 0)
		abort();
}

/* The same file, size and name. */
static void
overwrite(const char *file, const char *text)
{
	FILE *f = fopen(name_of(file), "r+");

	if (f == NULL || fwrite(text, 1, strlen(text), f) != strlen(text) ||
	    fclose(f) != 0)
		abort();
}

/* With the folder at /f, these arguments and settings. */
static int
rig_files(struct rig *rig, const char *arguments, const char *more)
{
	char settings[1024];

	(void)snprintf(settings, sizeof settings, "\"allowed_paths\": [{"
	    "\"real\": \"%s\", \"virtual\": \"/f\", \"prefix\": true, "
	    "\"writable\": true}], \"main_arguments\": [%s]%s", folder,
	    arguments, more);
	return (rig_one(rig, RESTARTS, settings));
}

#define SAYS(rig, body) CHECK_GET(rig, "/", "", body)

TEST(no_request_sees_what_was_read_before_a_change)
{
	struct rig rig;

	NEED_KVM();
	put("a", "1");
	CHECK_RIG(&rig, rig_files(&rig, "\"/f/a\"", ""));
	SAYS(&rig, "0:1 ");
	SAYS(&rig, "0:1 ");
	CHECK_EQ(rig.lines, 0);
	put("a", "22");
	SAYS(&rig, "0:22 ");
	SAYS(&rig, "0:22 ");
	CHECK_EQ(rig.lines, 1);
	CHECK_STR(rig.log, "/f/a has changed: it starts anew\n");
	overwrite("a", "33");
	SAYS(&rig, "0:33 ");
	CHECK_EQ(unlink(name_of("a")), 0);
	SAYS(&rig, "0:none ");
	put("a", "4");
	SAYS(&rig, "0:4 ");
	CHECK_EQ(rig.lines, 4);
	rig_end(&rig);
}

TEST(each_of_several_files_counts_and_others_do_not)
{
	struct rig rig;

	NEED_KVM();
	put("a", "a");
	put("b", "b");
	put("c", "c");
	CHECK_RIG(&rig, rig_files(&rig, "\"/f/a\", \"/f/b\"", ""));
	SAYS(&rig, "0:a 0:b ");
	put("b", "B");
	SAYS(&rig, "0:a 0:B ");
	put("a", "A");
	SAYS(&rig, "0:A 0:B ");
	put("c", "C");
	SAYS(&rig, "0:A 0:B ");
	CHECK_EQ(rig.lines, 2);
	rig_end(&rig);
}

TEST(names_reach_the_log_without_control_characters)
{
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_files(&rig, "\"/f/a\\u001b[2J\\nb\"",
	    ", \"verbose\": true"));
	SAYS(&rig, "0:none ");
	put("a\033[2J\nb", "1");
	SAYS(&rig, "0:1 ");
	CHECK_HAS(rig.log, "\nstarts anew when /f/a?[2J?b changes\n");
	CHECK_HAS(rig.log, "\n/f/a?[2J?b has changed: it starts anew\n");
	CHECK_EQ(unlink(name_of("a\033[2J\nb")), 0);
	rig_end(&rig);
}

TEST(where_state_or_connections_would_be_lost_there_is_no_new_start)
{
	static const struct {
		const char *arguments, *more;	/* %s: the folder */
	} with[] = {
		{"\"/f/a\"", ", \"storage\": true"},
		{"\"/f/a\"", ", \"cold_start_file\": \"%s/c\""},
		{"\"/f/a\", \"@\"", ", \"server\": {\"path\": \"%s/s\"}"},
	};
	char more[160];
	struct rig rig;

	NEED_KVM();
	for (unsigned i = 0; i < sizeof with / sizeof with[0]; i++) {
		put("a", "1");
		(void)snprintf(more, sizeof more, with[i].more, folder);
		CHECK_RIG(&rig, rig_files(&rig, with[i].arguments, more));
		SAYS(&rig, "-1:1 ");
		put("a", "2");
		SAYS(&rig, "-1:1 ");
		rig_end(&rig);
	}
	CHECK_RIG(&rig, rig_files(&rig, "\"/etc/hostname\"", ""));
	SAYS(&rig, "-1:none ");
	rig_end(&rig);
}

TEST(a_start_that_fails_is_told_and_tried_again)
{
	const struct timespec second = {.tv_sec = 1, .tv_nsec = 100000000};
	struct rig rig;

	NEED_KVM();
	put("a", "1");
	CHECK_RIG(&rig, rig_files(&rig, "\"/f/a\", \"!\"", ""));
	SAYS(&rig, "0:1 ");
	CHECK_EQ(unlink(name_of("a")), 0);
	CHECK(rig_call(&rig, "probe", "/", "") != 0);
	CHECK_HAS(rig.err.text, "it printed: /f/a is missing");
	put("a", "2");
	(void)nanosleep(&second, NULL);
	SAYS(&rig, "0:2 ");
	rig_end(&rig);
}

/* Each request costs it a start, and is answered. */
TEST(a_program_that_changes_its_own_file_starts_for_each_request)
{
	struct rig rig;

	NEED_KVM();
	put("a", "1");
	CHECK_RIG(&rig, rig_files(&rig, "\"/f/a\", \"=x\"", ""));
	SAYS(&rig, "0:x ");
	SAYS(&rig, "0:x ");
	SAYS(&rig, "0:x ");
	CHECK_EQ(rig.lines, 3);
	rig_end(&rig);
}

TEST(starts_leave_nothing_behind)
{
	unsigned fds, tasks;
	struct rig rig;
	char text[16], want[20];

	NEED_KVM();
	put("a", "0");
	CHECK_RIG(&rig, rig_files(&rig, "\"/f/a\"", ""));
	SAYS(&rig, "0:0 ");
	fds = entries("fd");
	tasks = entries("task");
	for (unsigned i = 1; i <= 30; i++) {
		(void)snprintf(text, sizeof text, "%u", i);
		(void)snprintf(want, sizeof want, "0:%u ", i);
		put("a", text);
		SAYS(&rig, want);
	}
	CHECK_EQ(entries("fd"), fds);
	CHECK_EQ(entries("task"), tasks);
	rig_end(&rig);
}

/*--- many at once ---------------------------------------------------------*/

#define CALLERS 6
#define CHANGES 40

static struct rig many;
static _Atomic unsigned written, failures;
static _Atomic bool done;

/* What is answered is what was written when it was asked, or later. */
static void *
ask(void *arg)
{
	struct tkvm_link link = rig_link(&many, "probe", "/", "");
	struct tkvm_reply *reply = NULL;
	struct tkvm_err err;
	char text[32];
	unsigned least;

	(void)arg;
	while (!atomic_load(&done)) {
		least = atomic_load(&written);
		if (tkvm_chain_call(&link, 1, rig_get(), &reply, &err) != 0 ||
		    reply->body_len >= sizeof text) {
			atomic_fetch_add(&failures, 1);
		} else {
			memcpy(text, reply->body, reply->body_len);
			text[reply->body_len] = '\0';
			if (strncmp(text, "0:", 2) != 0 ||
			    strtoul(text + 2, NULL, 10) < least)
				atomic_fetch_add(&failures, 1);
		}
		tkvm_reply_release(&reply);
	}
	return (NULL);
}

TEST(many_callers_see_each_change_at_once)
{
	const struct timespec pause = {.tv_nsec = 20000000};
	pthread_t callers[CALLERS];
	char text[16];

	NEED_KVM();
	put("a", "0");
	CHECK_RIG(&many, rig_files(&many, "\"/f/a\"",
	    ", \"concurrency\": 3"));
	for (unsigned i = 0; i < CALLERS; i++)
		if (pthread_create(&callers[i], NULL, ask, NULL) != 0)
			abort();
	for (unsigned i = 1; i <= CHANGES; i++) {
		(void)snprintf(text, sizeof text, "%u", i);
		put("a", text);
		atomic_store(&written, i);
		(void)nanosleep(&pause, NULL);
	}
	atomic_store(&done, true);
	for (unsigned i = 0; i < CALLERS; i++)
		(void)pthread_join(callers[i], NULL);
	CHECK_EQ(atomic_load(&failures), 0);
	rig_end(&many);
}

int
main(int argc, char **argv)
{
	static const char *const files[] = {"a", "b", "c", "s"};
	int r;

	if (mkdtemp(folder) == NULL)
		return (2);
	r = test_run_all(argc, argv);
	for (unsigned i = 0; i < sizeof files / sizeof files[0]; i++)
		(void)unlink(name_of(files[i]));
	(void)rmdir(folder);
	return (r);
}
