/* SPDX-License-Identifier: BSD-2-Clause */
/* Connections that a program serves: what well-behaved programs rely on. */
#include "server_rig.h"

#define MANY 100

TEST(data_comes_back)
{
	struct rig rig;
	int fd;

	NEED_KVM();
	CHECK_RIG(&rig, serve_rig(&rig, ECHO, "", ""));
	fd = dial();
	CHECK(fd >= 0);
	CHECK(tell(fd, "hello"));
	CHECK(hears(fd, "hello"));
	CHECK(tell(fd, "!remote"));
	CHECK_STR(hear_line(fd), "unix");
	CHECK(tell(fd, "!stats"));
	CHECK_HAS(hear_line(fd), "id 0 gs 0 ");
	(void)close(fd);
	/* Requests are served beside it, as ever. */
	CHECK_CALL(&rig, "probe", "/", "", 200);
	CHECK_BODY(&rig, "hello\n");
	rig_end(&rig);
}

TEST(port_and_remote_address)
{
	struct sockaddr_in in;
	socklen_t len = sizeof in;
	unsigned port = free_port();
	char json[400], want[64];
	struct rig rig;
	int fd;

	NEED_KVM();
	(void)snprintf(json, sizeof json, "{\"probe\": {\"filename\": \"%s\", "
	    "\"max_memory\": 64, \"server\": {\"port\": %u}}}", ECHO, port);
	CHECK_RIG(&rig, rig_load(&rig, json));
	CHECK(tkvm_program_starts(tkvm_library_find(rig.lib, "probe")));
	CHECK_RIG(&rig, tkvm_program_start(tkvm_library_find(rig.lib,
	    "probe"), false, &rig.err));
	fd = dial_port(port);
	CHECK(fd >= 0);
	CHECK_EQ(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	(void)snprintf(want, sizeof want, "127.0.0.1:%u", ntohs(in.sin_port));
	CHECK(tell(fd, "!remote"));
	CHECK_STR(hear_line(fd), want);
	(void)close(fd);
	rig_end(&rig);
	CHECK_EQ(dial_port(port), -1);
}

TEST(two_addresses_one_of_them_ipv6)
{
	struct sockaddr_in6 in6 = {
		.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT,
	};
	socklen_t len = sizeof in6;
	struct rig rig;
	char more[200];
	int fd, path;

	NEED_KVM();
	fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&in6, sizeof in6) != 0)
		SKIP("this computer has no ::1");
	CHECK_EQ(getsockname(fd, (struct sockaddr *)&in6, &len), 0);
	(void)close(fd);
	(void)snprintf(more, sizeof more, ", \"websocket_server\": "
	    "{\"port\": %u, \"address\": \"::1\"}", ntohs(in6.sin6_port));
	CHECK_RIG(&rig, serve_rig(&rig, ECHO, "", more));
	fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK_EQ(connect(fd, (struct sockaddr *)&in6, sizeof in6), 0);
	CHECK(tell(fd, "!remote"));
	CHECK_HAS(hear_line(fd), "[::1]:");
	path = dial();
	CHECK(tell(path, "!remote"));
	CHECK_STR(hear_line(path), "unix");
	(void)close(fd);
	(void)close(path);
	rig_end(&rig);
}

TEST(many_connections_at_once)
{
	struct rig rig;
	struct tkvm_counters c;
	char text[32];
	int fd[MANY];

	NEED_KVM();
	CHECK_RIG(&rig, serve_rig(&rig, ECHO, "",
	    ", \"main_arguments\": [\"4\"]"));
	for (int i = 0; i < MANY; i++)
		CHECK((fd[i] = dial()) >= 0);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < MANY; i++) {
			(void)snprintf(text, sizeof text, "%d of %d;", i,
			    round);
			CHECK(tell(fd[i], text));
		}
		for (int i = MANY - 1; i >= 0; i--) {
			(void)snprintf(text, sizeof text, "%d of %d;", i,
			    round);
			CHECK(hears(fd[i], text));
		}
	}
	/* Never more events than the array holds, which the guest checks. */
	CHECK(tell(fd[0], "!stats"));
	CHECK_HAS(hear_line(fd[0]), "most 4 connects 100 ");
	for (int i = 0; i < MANY; i++)
		(void)close(fd[i]);
	c = rig_counters(&rig, "probe");
	CHECK_EQ(c.server_connections, MANY);
	CHECK_EQ(c.server_refused, 0);
	CHECK_EQ(c.server_restarts, 0);
	CHECK(c.server_events > 400);
	CHECK(c.server_input_bytes >= 3 * MANY * 7);
	/* Output is counted when it may have been read already. */
	CHECK(c.server_output_bytes >= 2 * MANY * 7);
	rig_end(&rig);
}

TEST(a_slow_reader_gets_every_byte)
{
	static unsigned char buf[100000];
	const size_t big = 20000000;
	struct rig rig;
	size_t at = 0, n;
	int fd, other;

	NEED_KVM();
	CHECK_RIG(&rig, serve_rig(&rig, ECHO, "", ""));
	fd = dial();
	other = dial();
	CHECK(tell(fd, "!big 20000000"));
	/* Nobody reads: others are served all the same. */
	CHECK(tell(other, "still there?"));
	CHECK(hears(other, "still there?"));
	while (at < big) {
		n = hear(fd, buf, big - at < sizeof buf ? big - at :
		    sizeof buf);
		CHECK(n > 0);
		for (size_t i = 0; i < n; i++, at++)
			if (buf[i] != at % 251)
				TEST_FAIL("byte %zu is %u", at, buf[i]);
	}
	CHECK(tell(fd, "end"));
	CHECK(hears(fd, "end"));
	CHECK(rig_counters(&rig, "probe").server_output_bytes >= big);
	(void)close(fd);
	(void)close(other);
	rig_end(&rig);
}

TEST(large_input_arrives_in_order)
{
	static unsigned char out[400000], in[400000];
	struct rig rig;
	size_t sent = 0, got = 0;
	ssize_t n;
	int fd;

	NEED_KVM();
	CHECK_RIG(&rig, serve_rig(&rig, ECHO, "", ""));
	fd = dial();
	for (size_t i = 0; i < sizeof out; i++)
		out[i] = (unsigned char)(i * 7 / 5);
	while (got < sizeof out) {
		n = send(fd, out + sent, sizeof out - sent,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0)
			sent += (size_t)n;
		n = recv(fd, in + got, sizeof in - got, MSG_DONTWAIT);
		if (n > 0)
			got += (size_t)n;
		else if (n == 0 || errno != EAGAIN)
			TEST_FAIL("it ended after %zu bytes", got);
	}
	CHECK(memcmp(in, out, sizeof out) == 0);
	(void)close(fd);
	rig_end(&rig);
}

TEST(each_side_may_end_first)
{
	struct rig rig;
	int a, b, c, d;

	NEED_KVM();
	CHECK_RIG(&rig, serve_rig(&rig, ECHO, "", ""));
	a = dial();
	b = dial();
	c = dial();
	d = dial();
	CHECK(tell(b, "!close"));		/* the program */
	CHECK(ended(b));
	CHECK(tell(a, "last words"));		/* the client, unread */
	(void)close(a);
	CHECK(tell(c, "half"));			/* the client, half */
	(void)shutdown(c, SHUT_WR);
	CHECK(hears(c, "half"));
	CHECK(ended(c));
	for (int i = 0; i < 200; i++) {
		CHECK(tell(d, "!stats"));
		if (strstr(hear_line(d), "connects 4 disconnects 3 ") != NULL)
			break;
		CHECK(i < 199);
		pause_ms(20);
	}
	(void)close(b);
	(void)close(c);
	(void)close(d);
	rig_end(&rig);
}

TEST(too_many_are_closed_at_once)
{
	struct rig rig;
	int fd[5];

	NEED_KVM();
	CHECK_RIG(&rig, serve_rig(&rig, ECHO, ", \"max_connections\": 3", ""));
	for (int i = 0; i < 3; i++) {
		fd[i] = dial();
		CHECK(tell(fd[i], "x"));
		CHECK(hears(fd[i], "x"));
	}
	for (int i = 3; i < 5; i++) {
		fd[i] = dial();
		CHECK(fd[i] >= 0);
		CHECK(ended(fd[i]));
	}
	CHECK_EQ(rig_counters(&rig, "probe").server_refused, 2);
	(void)close(fd[0]);
	/* Its place is free as soon as the program was told. */
	for (int i = 0; i < 200; i++) {
		(void)close(fd[4]);
		fd[4] = dial();
		if (tell(fd[4], "y") && hears(fd[4], "y"))
			break;
		CHECK(i < 199);
		pause_ms(20);
	}
	for (int i = 1; i < 5; i++)
		(void)close(fd[i]);
	rig_end(&rig);
}

TEST(idle_connections_are_closed)
{
	struct rig rig;
	int idle, busy;

	NEED_KVM();
	CHECK_RIG(&rig, serve_rig(&rig, ECHO, ", \"idle_timeout\": 3", ""));
	idle = dial();
	busy = dial();
	for (int i = 0; i < 12; i++) {
		CHECK(tell(busy, "x"));
		CHECK(hears(busy, "x"));
		pause_ms(500);
	}
	CHECK(ended(idle));
	CHECK(tell(busy, "!stats"));
	CHECK_HAS(hear_line(busy), "disconnects 1 ");
	(void)close(idle);
	(void)close(busy);
	rig_end(&rig);
}

TEST(old_programs_get_data_as_event_2)
{
	struct rig rig;
	int fd;

	NEED_KVM();
	CHECK_RIG(&rig, serve_rig(&rig, ECHO, ", \"socket_event_read\": 2",
	    ""));
	fd = dial();
	CHECK(tell(fd, "hello"));
	CHECK(hears(fd, "hello"));
	CHECK(tell(fd, "!stats"));
	/* Writable at first, "hello" and this. */
	CHECK_HAS(hear_line(fd), "writables 3");
	(void)close(fd);
	rig_end(&rig);
}

TEST(systems_share_the_connections)
{
	struct rig rig;
	bool seen[2] = {false, false};
	int fd[64];
	unsigned n = 0, id, gs;

	NEED_KVM();
	CHECK_RIG(&rig, serve_rig(&rig, ECHO, ", \"systems\": 2", ""));
	while (!(seen[0] && seen[1]) && n < 64) {
		fd[n] = dial();
		CHECK(fd[n] >= 0);
		CHECK(tell(fd[n], "!stats"));
		CHECK_EQ(sscanf(hear_line(fd[n]), "id %u gs %u", &id, &gs), 2);
		CHECK_EQ(id, gs);
		CHECK(id < 2);
		seen[id] = true;
		n++;
	}
	/* Whether both get some is the kernel's choice; each may. */
	CHECK(seen[0] || seen[1]);
	while (n > 0)
		(void)close(fd[--n]);
	rig_end(&rig);
}

TEST_MAIN()
