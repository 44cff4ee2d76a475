/* SPDX-License-Identifier: BSD-2-Clause */
/* State that outlives a failure, a restart and a kill. */
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "kept_rig.h"

#define VMOD_PROBE "build/tests/guests/vmod_probe"

/*--- going back -----------------------------------------------------------*/

TEST(a_call_that_fails_leaves_no_trace_if_settings_say_so)
{
	struct rig rig;

	NEED_KVM();
	fresh("back", STORAGE_PROBE);
	CHECK_RIG(&rig, load(&rig, "\"storage\": true, \"max_storage_time\": "
	    "4, \"storage_rollback\": true"));
	CHECK_CALL(&rig, "probe", "/", "", 200);
	CHECK_BODY(&rig, "8 6");
	CHECK_CALL(&rig, "probe", "/crash", "", 200);
	CHECK_BODY(&rig, "-1 0");
	CHECK_CALL(&rig, "probe", "/", "", 200);
	CHECK_BODY(&rig, "8 13");
	CHECK_CALL(&rig, "probe", "/loop", "", 200);
	CHECK_BODY(&rig, "-1 0");
	CHECK_CALL(&rig, "probe", "/large", "", 200);
	CHECK_BODY(&rig, "8 3145742");
	CHECK_CALL(&rig, "probe", "/crash", "", 200);
	CHECK_CALL(&rig, "probe", "/", "", 200);
	CHECK_BODY(&rig, "8 3145749");
	rig_end(&rig);
	/* Otherwise it stays as the call left it. */
	CHECK_RIG(&rig, load(&rig, "\"storage\": true"));
	CHECK_CALL(&rig, "probe", "/crash", "", 200);
	CHECK_CALL(&rig, "probe", "/", "", 200);
	CHECK_BODY(&rig, "8 1006");
	rig_end(&rig);
}

/*--- going on -------------------------------------------------------------*/

static void
storage_goes_on(const char *settings)
{
	struct rig rig;
	char body[32];

	fresh("on", STORAGE_PROBE);
	for (unsigned i = 0; i < 3; i++) {
		CHECK_RIG(&rig, load(&rig, settings));
		CHECK_CALL(&rig, "probe", "/", "", 200);
		(void)snprintf(body, sizeof body, "8 %u", 14 * i + 6);
		CHECK_BODY(&rig, body);
		CHECK_CALL(&rig, "probe", "/", "", 200);
		rig_end(&rig);
		CHECK(access(aside, F_OK) != 0);
	}
}

TEST(storage_goes_on_after_a_restart)
{
	struct stat a, b;
	struct rig rig;

	NEED_KVM();
	storage_goes_on(KEPT);
	storage_goes_on("\"storage\": true, \"storage_snapshot\": 1000");
	/* What changes nothing is not written. */
	CHECK_RIG(&rig, load(&rig, KEPT));
	CHECK_CALL(&rig, "probe", "/number", "", 200);
	CHECK_CALL(&rig, "probe", "/number", "", 200);
	CHECK_EQ(stat(snapshot, &a), 0);
	CHECK_CALL(&rig, "probe", "/number", "", 200);
	CHECK_EQ(stat(snapshot, &b), 0);
	CHECK_EQ(a.st_ino, b.st_ino);
	CHECK(a.st_size < 200000);
	CHECK_EQ(a.st_mode & 0777, 0600);
	rig_end(&rig);
}

TEST(an_area_of_its_own_goes_on_too)
{
	struct rig rig;

	NEED_KVM();
	fresh("far", STORAGE_PROBE);
	for (unsigned i = 1; i < 4; i++) {
		CHECK_RIG(&rig, load(&rig, KEPT ", \"remapping\": "
		    "[\"0xc000000000\", 2]"));
		CHECK_CALL(&rig, "probe", "/far", "", 200);
		CHECK_BODY(&rig, i == 1 ? "8 1" : i == 2 ? "8 2" : "8 3");
		rig_end(&rig);
		CHECK(access(aside, F_OK) != 0);
	}
}

TEST(timers_go_on_after_a_restart)
{
	const struct timespec pause = {.tv_nsec = 100000000};
	unsigned before = 0;
	struct rig rig;

	NEED_KVM();
	fresh("timers", STORAGE_PROBE);
	for (unsigned i = 0; i < 2; i++) {
		CHECK_RIG(&rig, load(&rig, KEPT));
		if (i == 0)
			CHECK_CALL(&rig, "probe", "/task/often", "x", 200);
		/* As long as it takes, or as the test may. */
		do {
			(void)nanosleep(&pause, NULL);
			CHECK_CALL(&rig, "probe", "/journal", "", 200);
		} while (rig.reply->body_len <= before);
		before = (unsigned)rig.reply->body_len + 1;
		rig_end(&rig);
	}
}

/* A process that counts and tells what was acknowledged, until it is killed. */
static _Noreturn void
count_for_ever(int to)
{
	struct rig rig;
	uint64_t n;

	if (load(&rig, KEPT) != 0)
		_exit(1);
	for (;;) {
		if (rig_call(&rig, "probe", "/", "") != 0 ||
		    rig.reply->status != 200)
			_exit(2);
		n = strtoull((const char *)rig.reply->body + 2, NULL, 10);
		if (write(to, &n, sizeof n) != sizeof n)
			_exit(3);
	}
}

/* TKVM_KILLS of them, 12 otherwise. */
TEST(no_acknowledged_count_is_lost_when_the_process_is_killed)
{
	const char *kills = getenv("TKVM_KILLS");
	unsigned rounds = kills != NULL ? (unsigned)atoi(kills) : 12;
	uint64_t last = 0, n, in_round;
	struct timespec pause;
	int fd[2], status;
	pid_t pid;

	NEED_KVM();
	fresh("kill", STORAGE_PROBE);
	for (unsigned i = 0; i < rounds; i++) {
		CHECK_EQ(pipe(fd), 0);
		pid = fork();
		if (pid == 0)
			count_for_ever(fd[1]);
		(void)close(fd[1]);
		/* At an instant that differs, behind the first counts. */
		for (in_round = 0; in_round < 1 + i % 5 &&
		    read(fd[0], &n, sizeof n) == sizeof n; in_round++) {
			/* Six each, and one behind each result. */
			CHECK((n + 1) % 7 == 0 && n > last);
			last = n;
		}
		CHECK_EQ(in_round, 1 + i % 5);
		pause.tv_sec = 0;
		pause.tv_nsec = (long)(i * 7919 % 3000) * 1000;
		(void)nanosleep(&pause, NULL);
		CHECK_EQ(kill(pid, SIGKILL), 0);
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		while (read(fd[0], &n, sizeof n) == sizeof n) {
			CHECK(n > last);
			last = n;
		}
		(void)close(fd[0]);
	}
	CHECK(access(aside, F_OK) != 0);
}

/*--- what is refused ------------------------------------------------------*/

static void
change_file(const char *name, long at, const void *data, size_t len)
{
	FILE *f = fopen(name, "r+");

	if (f == NULL || fseek(f, at, at < 0 ? SEEK_END : SEEK_SET) != 0 ||
	    fwrite(data, 1, len, f) != len || fclose(f) != 0)
		abort();
}

static void
cut(const char *name, long by)
{
	struct stat st;

	if (stat(name, &st) != 0 || truncate(name, st.st_size - by) != 0)
		abort();
}

/* Each damages the file, or its surroundings. */
static void cut_tail(const char *f) { cut(f, 100); }
static void cut_all(const char *f) { if (truncate(f, 0) != 0) abort(); }
static void flip_head(const char *f) { change_file(f, 17, "?", 1); }
static void flip_data(const char *f) { change_file(f, -5000, "?!", 2); }
static void version(const char *f) { change_file(f, 8, "\x63", 1); }
static void magic(const char *f) { change_file(f, 0, "x", 1); }

static void
other_program(const char *f)
{
	(void)f;
	/* One byte more behind all that counts. */
	FILE *p = fopen(path, "a");

	if (p == NULL || fputc('x', p) == EOF || fclose(p) != 0)
		abort();
}

static const struct {
	void (*damage)(const char *file);
	const char *why;
} damages[] = {
	{cut_tail, "it is damaged"}, {cut_all, "it is no snapshot"},
	{flip_head, "it is damaged"}, {flip_data, "it is damaged"},
	{version, "another version of this software made it"},
	{magic, "it is no snapshot"},
	{other_program, "it was made of another program"},
};

TEST(what_storage_cannot_go_on_with_is_put_aside)
{
	struct rig rig;

	NEED_KVM();
	for (unsigned i = 0; i < sizeof damages / sizeof damages[0]; i++) {
		fresh("refused", STORAGE_PROBE);
		CHECK_RIG(&rig, load(&rig, KEPT));
		CHECK_CALL(&rig, "probe", "/", "", 200);
		rig_end(&rig);
		damages[i].damage(snapshot);
		CHECK_RIG(&rig, load(&rig, KEPT));
		CHECK_CALL(&rig, "probe", "/", "", 200);
		CHECK_BODY(&rig, "8 6");
		CHECK_HAS(rig.log, damages[i].why);
		CHECK_HAS(rig.log, ".refused behind");
		CHECK_EQ(access(aside, F_OK), 0);
		rig_end(&rig);
	}
	CHECK_RIG(&rig, load(&rig, KEPT ", \"environment\": [\"A=1\"]"));
	CHECK_CALL(&rig, "probe", "/", "", 200);
	CHECK_BODY(&rig, "8 6");
	CHECK_HAS(rig.log, "other settings");
	rig_end(&rig);
}

/* Where the new file is to be made there is something else. */
static void
block_writing(void)
{
	char name[128];

	(void)snprintf(name, sizeof name, "%s.new", snapshot);
	if (mkdir(name, 0700) != 0)
		abort();
}

TEST(storage_that_cannot_be_kept_does_not_start)
{
	struct rig rig;

	NEED_KVM();
	fresh("closed", STORAGE_PROBE);
	block_writing();
	CHECK_RIG(&rig, load(&rig, KEPT));
	CHECK(rig_call(&rig, "probe", "/", "") != 0);
	CHECK_HAS(rig.err.text, "cannot write");
	rig_end(&rig);
}

/*--- cold starts ----------------------------------------------------------*/

#define STARTS "probe says: probe starts"

static int
load_cold(struct rig *rig, const char *more)
{
	char settings[256];

	(void)snprintf(settings, sizeof settings,
	    "\"cold_start_file\": \"%s\"%s", snapshot, more);
	return (load(rig, settings));
}

TEST(a_program_that_was_started_once_starts_without_main)
{
	struct stat st;
	struct rig rig;

	NEED_KVM();
	fresh("cold", VMOD_PROBE);
	for (unsigned i = 0; i < 3; i++) {
		CHECK_RIG(&rig, load_cold(&rig, ""));
		CHECK_CALL(&rig, "probe", "/count", "", 200);
		CHECK_BODY(&rig, "1");
		CHECK_CALL(&rig, "probe", "/count", "", 200);
		CHECK_BODY(&rig, "1");
		CHECK_EQ(strstr(rig.log, STARTS) != NULL, i == 0);
		rig_end(&rig);
	}
	CHECK_EQ(stat(snapshot, &st), 0);
	CHECK_EQ(st.st_mode & 0777, 0600);
	CHECK(st.st_size < 200000);
}

TEST(what_cannot_be_begun_with_is_made_anew)
{
	struct rig rig;

	NEED_KVM();
	for (unsigned i = 0; i < sizeof damages / sizeof damages[0]; i++) {
		fresh("anew", VMOD_PROBE);
		CHECK_RIG(&rig, load_cold(&rig, ""));
		CHECK_CALL(&rig, "probe", "/count", "", 200);
		rig_end(&rig);
		damages[i].damage(snapshot);
		for (unsigned j = 0; j < 2; j++) {
			CHECK_RIG(&rig, load_cold(&rig, ""));
			CHECK_CALL(&rig, "probe", "/count", "", 200);
			CHECK_BODY(&rig, "1");
			CHECK_EQ(strstr(rig.log, STARTS) != NULL, j == 0);
			if (j == 0)
				CHECK_HAS(rig.log, damages[i].why);
			rig_end(&rig);
		}
	}
	/* Memory of another size. */
	CHECK_RIG(&rig, load_cold(&rig, ", \"address_space\": 300"));
	CHECK_CALL(&rig, "probe", "/count", "", 200);
	CHECK_HAS(rig.log, "other settings");
	rig_end(&rig);
	/* Nowhere to write it: that costs nothing but time. */
	(void)unlink(snapshot);
	block_writing();
	CHECK_RIG(&rig, load_cold(&rig, ""));
	CHECK_CALL(&rig, "probe", "/count", "", 200);
	CHECK_HAS(rig.log, "cannot write");
	rig_end(&rig);
}

/*
 * Bytes that differ although all sums are right: whatever they say, this
 * process goes on, and so does the program, from main() if need be.
 */
TEST(a_file_that_lies_harms_nobody)
{
	struct generation *g;
	struct blob b = {0};
	struct rig rig;
	size_t size;
	char *good;

	NEED_KVM();
	fresh("lies", VMOD_PROBE);
	CHECK_RIG(&rig, load_cold(&rig, ""));
	CHECK_CALL(&rig, "probe", "/count", "", 200);
	g = tkvm_library_find(rig.lib, "probe")->generation;
	CHECK_EQ(load_file(snapshot, &good, &size, &err), 0);
	for (unsigned i = 0; i < 150; i++) {
		struct rig other;
		unsigned at = 96 + i * 7919 % 6000;

		b.len = 0;
		blob_put(&b, good, size);
		if (i % 3 == 0)		/* the end has lengths, too */
			at = (unsigned)size - 1 - i * 7 % 2500;
		b.data[at] = (char)(b.data[at] ^ (1 << i % 8));
		CHECK_EQ(snapshot_write(&b, g, snapshot, &err), 0);
		CHECK_RIG(&other, load_cold(&other, ", \"concurrency\": 1, "
		    "\"max_request_time\": 0.2"));
		(void)rig_call(&other, "probe", "/count", "");
		rig_end(&other);
	}
	blob_free(&b);
	free(good);
	rig_end(&rig);
}

int
main(int argc, char **argv)
{
	return (test_run_all_in(folder, argc, argv));
}
