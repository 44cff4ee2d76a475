/* SPDX-License-Identifier: BSD-2-Clause */
/* The debugger's server with a good peer, a bad one, and one that leaves. */
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "debug/debug_priv.h"
#include "mini.h"

#define TARGET "build/tests/guests/debug_target"
#define SEC 1000000000u

static struct mini mini;
static struct tkvm_err err;
static struct debug_end end;
static struct debug_options options;
static struct rsp_in in;
static char log_text[2048];
static int fds[2];
static pthread_t server;

static void
keep_log(void *priv, const char *text)
{
	size_t n = strlen(log_text);

	(void)priv;
	(void)snprintf(log_text + n, sizeof log_text - n, "%s\n", text);
}

static uint64_t
symbol(const char *name)
{
	char text[128];
	uint64_t at = tkvm_machine_layout(mini.fork)->image_start;

	/* Functions begin at multiples of 16. */
	for (; at < tkvm_machine_layout(mini.fork)->image_end; at += 16) {
		(void)tkvm_machine_symbol(mini.fork, at, text, sizeof text);
		if (strncmp(text, name, strlen(name)) == 0 &&
		    strcmp(text + strlen(name), "+0x0") == 0)
			return (at);
	}
	return (0);
}

static int
set_request(const char *url)
{
	uint64_t arg[6] = {0};

	arg[0] = tkvm_machine_push(mini.fork, url, strlen(url));
	arg[1] = arg[0] + strlen(url);
	return (tkvm_machine_call(mini.fork, mini.callback[1], arg, &err));
}

static void *
serve(void *arg)
{
	(void)arg;
	debug_serve(mini.fork, fds[1], &options, &end, &err);
	(void)shutdown(fds[1], SHUT_RDWR);
	return (NULL);
}

static int
connect_peer(void)
{
	memset(&in, 0, sizeof in);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
		return (tkvm_fail(&err, TKVM_EHOST, "socketpair"));
	return (pthread_create(&server, NULL, serve, NULL));
}

/* A machine at the beginning of a request, and a server with a peer. */
static int
begin(const char *url)
{
	int r = mini_start(&mini, TARGET, 96 << 20, 16 << 20, &err);

	options = (struct debug_options){
		.program = "target", .file = TARGET, .wait_ns = SEC,
		.idle_ns = 20ull * SEC, .run_ns = 20ull * SEC, .log = keep_log,
	};
	memset(&end, 0, sizeof end);
	log_text[0] = '\0';
	if (r == 0)
		r = set_request(url);
	return (r);
}

/* The server has come back; the peer is closed. */
static void
join(void)
{
	(void)pthread_join(server, NULL);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

static void
send_packet(const char *text)
{
	char frame[RSP_FRAME];
	size_t n = rsp_frame(text, strlen(text), frame);

	(void)!send(fds[0], frame, n, MSG_NOSIGNAL);
}

/* The next packet from the server; "(gone)" when it has hung up. */
static const char *
answer(void)
{
	char c;

	while (recv(fds[0], &c, 1, 0) == 1)
		if (rsp_feed(&in, (unsigned char)c) == RSP_PACKET)
			return (in.data);
	return ("(gone)");
}

static const char *
ask(const char *text)
{
	send_packet(text);
	return (answer());
}

static const char *
askf(const char *fmt, uint64_t v)
{
	char text[64];

	(void)snprintf(text, sizeof text, fmt, (uintmax_t)v);
	return (ask(text));
}

/* After a reset the machine answers as if nothing had been. */
static int
still_good(void)
{
	char text[16];
	int r = tkvm_machine_reset(mini.fork, &err);

	if (r == 0)
		r = set_request("/");
	if (r == 0)
		r = tkvm_machine_run(mini.fork, mini_soon(), &err);
	if (r == 0 && (tkvm_copy_in(mini.fork, text,
	    tkvm_machine_regs(mini.fork)->rcx, 4) != 0 ||
	    memcmp(text, "10 9", 4) != 0))
		r = tkvm_fail(&err, TKVM_EGUEST, "another answer");
	return (r);
}

TEST(registers_and_memory_are_read_and_written)
{
	uint64_t at;
	char want[64];

	NEED_KVM();
	CHECK_OK(begin("/"));
	CHECK_OK(connect_peer());
	CHECK_HAS(ask("qSupported:swbreak+"), "PacketSize=1000;swbreak+");
	CHECK_STR(ask("?"), "T05thread:1;");
	CHECK(strlen(ask("g")) > 1000);
	(void)snprintf(want, sizeof want, "%.60s", ask("p11"));
	CHECK_STR(ask("P0=1122334455667788"), "OK");
	CHECK_STR(ask("p0"), "1122334455667788");
	/* xmm0, number 40, and the upper half of ymm0, 60. */
	CHECK_STR(ask("P28=000102030405060708090a0b0c0d0e0f"), "OK");
	CHECK_STR(ask("P3c=f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"), "OK");
	CHECK_STR(ask("p28"), "000102030405060708090a0b0c0d0e0f");
	CHECK_STR(ask("p3c"), "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
	CHECK_STR(ask("p11"), want);
	/* Code, which the program itself may not write. */
	at = symbol("leaf");
	CHECK(at != 0);
	(void)snprintf(want, sizeof want, "%.60s", askf("m%jx,4", at));
	CHECK_EQ(strlen(want), 8);
	CHECK_STR(askf("M%jx,4:01020304", at), "OK");
	CHECK_STR(askf("m%jx,4", at), "01020304");
	CHECK_STR(ask("m0,4"), "E01");
	CHECK_STR(ask("M0,4:01020304"), "E01");
	CHECK_HAS(ask("qXfer:features:read:target.xml:0,800"), "m<?xml");
	CHECK_STR(ask("qXfer:exec-file:read:1:0,800"), "l" TARGET);
	CHECK_STR(ask("vMustReplyEmpty"), "");
	CHECK_STR(ask("D"), "OK");
	join();
	CHECK_EQ(end.finished, false);
	CHECK_EQ(end.code, 0);
	CHECK_OK(still_good());
	mini_stop(&mini);
}

TEST(breakpoints_steps_and_the_end)
{
	uint64_t leaf;

	NEED_KVM();
	CHECK_OK(begin("/"));
	leaf = symbol("leaf");
	CHECK_OK(connect_peer());
	CHECK_HAS(ask("qSupported:swbreak+"), "PacketSize");
	CHECK_STR(askf("Z0,%jx,1", leaf), "OK");
	CHECK_STR(ask("vCont;c"), "T05thread:1;swbreak:;");
	CHECK_STR(askf("z0,%jx,1", leaf), "OK");
	CHECK_STR(ask("vCont;s:1;c"), "T05thread:1;");
	CHECK_STR(askf("Z1,%jx,1", leaf), "OK");
	CHECK_STR(ask("c"), "W00");
	join();
	CHECK_EQ(end.finished, true);
	CHECK_EQ(end.code, 0);
	CHECK_OK(still_good());
	mini_stop(&mini);
}

TEST(a_crash_is_shown_and_stands_unless_it_is_mended)
{
	NEED_KVM();
	CHECK_OK(begin("/crash"));
	end.code = tkvm_machine_run(mini.fork, mini_soon(), &err);
	CHECK_EQ(end.code, TKVM_EGUEST);
	CHECK_OK(connect_peer());
	CHECK_STR(ask("?"), "T0bthread:1;");
	CHECK_STR(ask("c"), "T0bthread:1;");
	CHECK_STR(ask("D"), "OK");
	join();
	CHECK_EQ(end.code, TKVM_EGUEST);
	CHECK_HAS(err.text, "null pointer");
	/* The same once more; then rdi, number 5, points to the stack. */
	CHECK_OK(connect_peer());
	CHECK_STR(askf("P5=%016jx", __builtin_bswap64(
	    tkvm_machine_regs(mini.fork)->rsp - 64)), "OK");
	CHECK_STR(ask("c"), "W00");
	join();
	CHECK_EQ(end.finished, true);
	CHECK_OK(still_good());
	mini_stop(&mini);
}

TEST(a_running_program_is_interrupted_and_killed)
{
	NEED_KVM();
	CHECK_OK(begin("/loop"));
	CHECK_OK(connect_peer());
	send_packet("c");
	CHECK_EQ(send(fds[0], "\003", 1, MSG_NOSIGNAL), 1);
	CHECK_STR(answer(), "T02thread:1;");
	send_packet("k");
	join();
	CHECK_EQ(end.code, TKVM_EGUEST);
	CHECK_HAS(err.text, "killed by its debugger");
	CHECK_OK(still_good());
	mini_stop(&mini);
}

TEST(a_peer_that_vanishes_ends_its_session)
{
	NEED_KVM();
	CHECK_OK(begin("/loop"));
	CHECK_OK(connect_peer());
	CHECK_STR(askf("Z0,%jx,1", symbol("leaf")), "OK");
	send_packet("c");
	(void)shutdown(fds[0], SHUT_RDWR);
	join();
	CHECK_EQ(end.finished, false);
	CHECK_EQ(end.code, 0);
	CHECK_OK(still_good());
	mini_stop(&mini);
}

TEST(silence_and_long_runs_end)
{
	NEED_KVM();
	CHECK_OK(begin("/loop"));
	options.idle_ns = SEC / 10;
	options.run_ns = SEC / 10;
	CHECK_OK(connect_peer());
	CHECK_STR(ask("c"), "T0ethread:1;");
	join();		/* we say nothing */
	CHECK_EQ(end.code, TKVM_ETIMEOUT);
	CHECK_OK(still_good());
	mini_stop(&mini);
}

TEST(without_a_debugger_it_goes_on_and_leaves_no_socket)
{
	char *at, *stop;
	struct stat st;

	NEED_KVM();
	CHECK_OK(begin("/"));
	options.wait_ns = SEC / 10;
	debug_session(mini.fork, &options, &end, &err);
	CHECK_EQ(end.finished, false);
	CHECK_EQ(end.code, 0);
	CHECK_HAS(log_text, "-ex \"target remote /");
	CHECK_HAS(log_text, "no debugger came");
	at = strstr(log_text, "remote /") + 7;
	stop = strchr(at, '"');
	CHECK(stop != NULL);
	*stop = '\0';
	CHECK(stat(at, &st) != 0);
	*strrchr(at, '/') = '\0';
	CHECK(stat(at, &st) != 0);
	/* An existing file is not touched. */
	options.where = TARGET;
	log_text[0] = '\0';
	debug_session(mini.fork, &options, &end, &err);
	CHECK_HAS(log_text, "no debugger can connect");
	CHECK_EQ(stat(TARGET, &st), 0);
	options.where = "tcp:99999999";
	debug_session(mini.fork, &options, &end, &err);
	CHECK_HAS(log_text, "is no port");
	CHECK_OK(still_good());
	mini_stop(&mini);
}

TEST(sockets_are_for_their_owner_only)
{
	struct listener l;
	struct stat st;

	CHECK_OK(listener_open(&l, NULL, "a/b", &err));
	CHECK_EQ(stat(l.path, &st), 0);
	CHECK_EQ(st.st_mode & 0777, 0600);
	CHECK_EQ(stat(l.folder, &st), 0);
	CHECK_EQ(st.st_mode & 0777, 0700);
	listener_close(&l);
	CHECK(stat(l.path, &st) != 0);
	CHECK_OK(listener_open(&l, "tcp:2159", "x", &err));
	CHECK_STR(l.target, "127.0.0.1:2159");
	listener_close(&l);
}

/* One random packet: mostly a known beginning, then anything. */
static void
send_random(uint32_t *x)
{
	static const char *const heads[] = {"g", "G", "p", "P", "m", "M", "X",
	    "c", "s", "C", "S", "vCont", "vCont;s", "Z0,", "Z1,", "Z2,", "z0,",
	    "Z4,", "H", "T", "qXfer:features:read:target.xml:",
	    "qXfer:auxv:read::", "qSupported", "?", "qOffsets", "m401", "M401"};
	static const char tail[] = "0123456789abcdef,;:=-";
	char text[600];
	size_t n, at;

#define RANDOM(n) ((*x = *x * 1664525 + 1013904223) >> 8) % (n)
	at = (size_t)snprintf(text, sizeof text, "%s",
	    heads[RANDOM(sizeof heads / sizeof heads[0])]);
	n = at + RANDOM(16);
	if (RANDOM(16) == 0)
		n = sizeof text - 1;
	for (; at < n; at++)
		text[at] = tail[RANDOM(sizeof tail - 1)];
	text[at] = '\0';
	send_packet(text);
}

/* Take what comes, until nothing more does. */
static void
drain(void)
{
	char c[512];

	while (recv(fds[0], c, sizeof c, 0) > 0)
		continue;
}

TEST(hostile_peers_harm_only_their_request)
{
	uint32_t x = 4711;

	NEED_KVM();
	CHECK_OK(begin("/"));
	options.run_ns = SEC / 20;
	options.idle_ns = SEC / 20;
	for (unsigned i = 0; i < 20; i++) {
		memset(&end, 0, sizeof end);
		CHECK_OK(set_request("/"));
		CHECK_OK(connect_peer());
		for (unsigned k = 0; k < 100; k++)
			send_random(&x);
		(void)send(fds[0], "$$$}}}###\377\377\0\0", 13, MSG_NOSIGNAL);
		drain();
		join();
		if (end.code == TKVM_EHOST) {
			mini_stop(&mini);
			CHECK_OK(begin("/"));
			options.run_ns = options.idle_ns = SEC / 20;
		}
		CHECK_OK(still_good());
		CHECK_OK(tkvm_machine_reset(mini.fork, &err));
	}
	mini_stop(&mini);
}

TEST_MAIN()
