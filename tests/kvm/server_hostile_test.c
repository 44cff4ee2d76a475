/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections of programs that crash, loop and lie: they lose their
 * connections and their memory, the process and its other programs nothing.
 */
#include <fcntl.h>
#include <sys/file.h>

#include "server_rig.h"

/* One misdeed ends this connection with this reason, and the next is served. */
static bool
misdeed(struct rig *rig, const char *what, const char *reason)
{
	int fd = dial(), by = dial();
	bool ok;

	ok = fd >= 0 && by >= 0 && tell(by, "x") && hears(by, "x") &&
	    tell(fd, what);
	/* A bystander shares the machine, and so its fate. */
	ok = ok && ended(by) && logs(rig, reason);
	(void)close(fd);
	(void)close(by);
	if (!ok) {
		printf("%s: not \"%s\" but: %s\n", what, reason, rig->log);
		return (false);
	}
	fd = dial();
	ok = tell(fd, "well") && hears(fd, "well");
	(void)close(fd);
	return (ok);
}

TEST(a_failed_program_starts_anew)
{
	static const struct {
		const char *what, *reason;
	} m[] = {
		{"crash", "probe failed: "},
		{"loop", "time-out: "},
		{"array", "it waits for socket events at 0x123456789000"},
		{"constant", "where they cannot be written"},
		{"badwrite", "sys_sockets_write with events at an unmapped"},
		{"greedy", "out of working memory"},
		{"exit", "it stopped instead of waiting for socket events"},
		{"return", "returned without"},
		{"wait", "waits for requests a second time"},
		{"header", "http_append is called while there is no request"},
		{"answer", "it stopped instead of"},
	};
	const unsigned n = sizeof m / sizeof m[0];
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, serve_rig(&rig, MISDEEDS, "", ""));
	for (unsigned i = 0; i < n; i++) {
		(void)pthread_mutex_lock(&rig.lock);
		rig.log[0] = '\0';
		(void)pthread_mutex_unlock(&rig.lock);
		if (!misdeed(&rig, m[i].what, m[i].reason))
			TEST_FAIL("after %s", m[i].what);
	}
	CHECK_EQ(rig_counters(&rig, "probe").server_restarts, n);
	rig_end(&rig);
}

TEST(descriptors_of_others_are_out_of_reach)
{
	struct rig rig;
	const char *line;
	int fd;

	NEED_KVM();
	CHECK_RIG(&rig, serve_rig(&rig, MISDEEDS,
	    ", \"max_connections\": 100", ""));
	fd = dial();
	CHECK(tell(fd, "foreign"));
	/* -1 and EBADF (9) each time; -EFAULT is -1 for the C library. */
	line = hear_line(fd);
	CHECK_STR(line, "-1 9 -9 -1 9 -9 -1 9 -9 -1 9 -9 -1 9 -9 -1 9 -9 "
	    "-1 -1");
	(void)close(fd);
	rig_end(&rig);
}

TEST(endless_output_ends_in_time)
{
	static char buf[65536];
	struct rig rig;
	int fd, slow_one;

	NEED_KVM();
	CHECK_RIG(&rig, serve_rig(&rig, MISDEEDS, "", ""));
	slow_one = dial();
	CHECK(tell(slow_one, "endless"));
	CHECK(logs(&rig, "time-out: "));
	fd = dial();
	CHECK(tell(fd, "endless"));
	while (hear(fd, buf, sizeof buf) == sizeof buf)
		;
	(void)close(fd);
	fd = dial();
	CHECK(tell(fd, "well"));
	CHECK(hears(fd, "well"));
	(void)close(fd);
	(void)close(slow_one);
	rig_end(&rig);
}

TEST(a_program_that_never_gets_ready_is_tried_once_a_second)
{
	struct rig rig;
	uint64_t n;

	NEED_KVM();
	CHECK_RIG(&rig, serve_rig(&rig, MISDEEDS, "",
	    ", \"environment\": [\"EARLY=1\"]"));
	CHECK(logs(&rig, "system 0 starts anew"));
	pause_ms(2500);
	n = rig_counters(&rig, "probe").server_restarts;
	CHECK(n >= 1);
	CHECK(n <= 5);
	rig_end(&rig);
}

TEST(nothing_is_left_behind)
{
	struct rig rig;
	unsigned fds, threads;
	struct stat st;
	int fd[20];

	NEED_KVM();
	/* The host was probed: what that keeps is open by now. */
	fds = entries("fd");
	threads = entries("task");
	for (int round = 0; round < 3; round++) {
		CHECK_RIG(&rig, serve_rig(&rig, MISDEEDS, ", \"systems\": 3",
		    ""));
		for (int i = 0; i < 20; i++) {
			fd[i] = dial();
			CHECK(tell(fd[i], i % 7 == 3 && round == 1 ? "crash" :
			    round == 2 ? "loop" : "x"));
		}
		/* Stopped while it is busy, looping or starting anew. */
		rig_end(&rig);
		for (int i = 0; i < 20; i++)
			(void)close(fd[i]);
		CHECK(stat(socket_path(), &st) != 0);
	}
	CHECK_EQ(entries("fd"), fds);
	CHECK_EQ(entries("task"), threads);
}

TEST(stop_ends_connections_and_start_serves_again)
{
	struct tkvm_program *p;
	struct rig rig;
	struct stat st;
	int fd;

	NEED_KVM();
	CHECK_RIG(&rig, serve_rig(&rig, ECHO, "", ""));
	p = tkvm_library_find(rig.lib, "probe");
	fd = dial();
	CHECK(tell(fd, "x"));
	CHECK(hears(fd, "x"));
	CHECK_EQ(stat(socket_path(), &st), 0);
	CHECK_EQ(st.st_mode & 0777, 0660);
	tkvm_program_stop(p);
	CHECK(ended(fd));
	(void)close(fd);
	CHECK_EQ(dial(), -1);
	CHECK(stat(socket_path(), &st) != 0);
	CHECK_RIG(&rig, tkvm_program_start(p, false, &rig.err));
	fd = dial();
	CHECK(tell(fd, "y"));
	CHECK(hears(fd, "y"));
	/* Invalidated: it comes back by itself. */
	tkvm_program_invalidate(p);
	CHECK(ended(fd));
	for (int i = 0; i < 1000; i++) {
		(void)close(fd);
		fd = dial();
		if (fd >= 0)
			break;
		pause_ms(20);
	}
	CHECK(tell(fd, "z"));
	CHECK(hears(fd, "z"));
	(void)close(fd);
	rig_end(&rig);
}

/* The next generation accepts; the one before serves what it has. */
TEST(a_newer_generation_takes_over)
{
	struct rig old, new;
	int a, b, c;

	NEED_KVM();
	CHECK_RIG(&old, serve_rig(&old, ECHO, "", ""));
	a = dial();
	CHECK(tell(a, "a"));
	CHECK(hears(a, "a"));
	CHECK_RIG(&new, serve_rig(&new, ECHO, "", ""));
	for (int i = 0; i < 20; i++) {
		b = dial();
		CHECK(tell(b, "b"));
		CHECK(hears(b, "b"));
		(void)close(b);
	}
	CHECK_EQ(rig_counters(&old, "probe").server_connections, 1);
	CHECK_EQ(rig_counters(&new, "probe").server_connections, 20);
	CHECK(tell(a, "again"));
	CHECK(hears(a, "again"));
	/* When the newer one goes first, the older one is the newest. */
	rig_end(&new);
	c = dial();
	CHECK(c >= 0);
	CHECK(tell(c, "c"));
	CHECK(hears(c, "c"));
	(void)close(a);
	(void)close(c);
	rig_end(&old);
	CHECK_EQ(dial(), -1);
}

/* Who cannot listen does not start, and says why. */
TEST(an_address_that_is_taken_is_a_sentence)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct rig rig;
	struct stat st;
	int fd;

	NEED_KVM();
	(void)snprintf(sun.sun_path, sizeof sun.sun_path, "%s", socket_path());
	/* A file is nobody's to remove. */
	fd = open(socket_path(), O_CREAT | O_WRONLY, 0600);
	CHECK(fd >= 0);
	(void)close(fd);
	CHECK(serve_rig(&rig, ECHO, "", "") != 0);
	CHECK_HAS(rig.err.text, "it exists and is no socket");
	CHECK_EQ(stat(socket_path(), &st), 0);
	rig_end(&rig);
	CHECK_EQ(unlink(socket_path()), 0);
	/* A socket that somebody listens at. */
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK_EQ(bind(fd, (struct sockaddr *)&sun, sizeof sun), 0);
	CHECK_EQ(listen(fd, 1), 0);
	CHECK(serve_rig(&rig, ECHO, "", "") != 0);
	CHECK_HAS(rig.err.text, "probe does not start: cannot listen at /tmp");
	CHECK_HAS(rig.err.text, "somebody listens there already");
	rig_end(&rig);
	/* One whose owner is gone. */
	(void)close(fd);
	CHECK_EQ(stat(socket_path(), &st), 0);
	CHECK_RIG(&rig, serve_rig(&rig, ECHO, "", ""));
	rig_end(&rig);
	CHECK(stat(socket_path(), &st) != 0);
}

TEST(two_programs_do_not_share_a_port)
{
	unsigned port = free_port();
	struct rig rig;
	char json[600];

	NEED_KVM();
	(void)snprintf(json, sizeof json, "{"
	    "\"a\": {\"filename\": \"%s\", \"max_memory\": 64, "
	    "\"server\": {\"port\": %u}},"
	    "\"b\": {\"filename\": \"%s\", \"max_memory\": 64, "
	    "\"websocket_server\": {\"port\": %u}}}", ECHO, port, ECHO, port);
	CHECK_RIG(&rig, rig_load(&rig, json));
	CHECK_RIG(&rig, tkvm_program_start(tkvm_library_find(rig.lib, "a"),
	    false, &rig.err));
	CHECK(tkvm_program_start(tkvm_library_find(rig.lib, "b"), false,
	    &rig.err) != 0);
	CHECK_HAS(rig.err.text, ": program a does");
	rig_end(&rig);
}

TEST(nor_do_two_servers_of_one_program)
{
	char more[200];
	struct rig rig;

	NEED_KVM();
	(void)snprintf(more, sizeof more,
	    ", \"websocket_server\": {\"path\": \"%s\"}", socket_path());
	CHECK(serve_rig(&rig, ECHO, "", more) != 0);
	CHECK_HAS(rig.err.text, "are at the same address");
	rig_end(&rig);
	CHECK_EQ(dial(), -1);
}

TEST(a_program_without_the_call_back_does_not_start)
{
	struct rig rig;

	NEED_KVM();
	CHECK(serve_rig(&rig, ECHO, "",
	    ", \"main_arguments\": [\"4\", \"plain\"]") != 0);
	CHECK_HAS(rig.err.text, "set_socket_prepare_for_pause()");
	rig_end(&rig);
	CHECK_EQ(dial(), -1);
}

TEST_MAIN()
