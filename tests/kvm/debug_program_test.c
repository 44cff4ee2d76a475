/* SPDX-License-Identifier: BSD-2-Clause */
/* When programs wait for a debugger, and that nothing of it stays. */
#include <sys/socket.h>
#include <sys/un.h>

#include "program_rig.h"
#include "tinykvm/machine_debug.h"

#define SOCKET "/tmp/tinykvm-debug-test.sock"

static struct rig rig;

static int
load(const char *settings)
{
	char json[512];

	(void)unlink(SOCKET);
	(void)snprintf(json, sizeof json, "{\"probe\": {\"filename\": "
	    "\"build/tests/guests/debug_target\", \"concurrency\": 1, "
	    "\"max_memory\": 64, \"max_request_memory\": 8, "
	    "\"debug_socket\": \"" SOCKET "\", %s}}", settings);
	return (rig_load(&rig, json));
}

/* A debugger that sends one text when it has connected, and waits. */
static void *
debugger(void *text)
{
	const struct sockaddr_un a = {AF_UNIX, SOCKET};
	const struct timespec pause = {.tv_nsec = 20000000};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char c[256];

	for (unsigned i = 0; i < 3000; i++) {
		if (connect(fd, (const struct sockaddr *)&a, sizeof a) == 0)
			break;
		(void)nanosleep(&pause, NULL);
	}
	(void)send(fd, text, strlen(text), MSG_NOSIGNAL);
	while (recv(fd, c, sizeof c, 0) > 0)
		continue;
	(void)close(fd);
	return (NULL);
}

TEST(a_breakpoint_without_permission_does_nothing)
{
	NEED_KVM();
	CHECK_RIG(&rig, load("\"allow_debug\": false"));
	CHECK_CALL(&rig, "probe", "/break", "", 200);
	CHECK_BODY(&rig, "10 9");
	CHECK(strstr(rig.log, "debugger") == NULL);
	CHECK_CALL(&rig, "probe", "/asks", "", 200);
	CHECK_BODY(&rig, "debug=0");
	rig_end(&rig);
}

TEST(nobody_comes_and_the_request_goes_on)
{
	NEED_KVM();
	CHECK_RIG(&rig, load("\"allow_debug\": true, \"debug_wait\": 0.1, "
	    "\"remote_debug_on_exception\": true"));
	CHECK_CALL(&rig, "probe", "/break", "", 200);
	CHECK_BODY(&rig, "10 9");
	CHECK_HAS(rig.log, "target remote " SOCKET);
	rig.log[0] = '\0';
	CHECK_CALL(&rig, "probe", "/crash", "", 500);
	CHECK_HAS(rig.log, "no debugger came");
	CHECK_HAS(rig.log, "page fault, vector 14, error 0x6, address 0x0");
	CHECK_HAS(rig.log, "crash+0x");
	CHECK_HAS(rig.log, "on_get+0x");
	CHECK(rig.lines < 2 + 2 + 1 + TKVM_REPORT_LINES + 1);
	CHECK_CALL(&rig, "probe", "/", "", 200);
	CHECK_BODY(&rig, "10 9");
	rig_end(&rig);
}

TEST(no_debugging_sticks_to_a_machine)
{
	static char stop_and_go[] = "$Z0,401000,1#00$?#3f$D#44";
	pthread_t peer;

	NEED_KVM();
	CHECK_RIG(&rig, load("\"allow_debug\": true, \"debug_wait\": 60, "
	    "\"ephemeral\": false"));
	CHECK_RIG(&rig, rig_limit(&rig, 0.2));
	CHECK_EQ(pthread_create(&peer, NULL, debugger, stop_and_go), 0);
	CHECK_CALL(&rig, "probe", "/break", "", 200);
	CHECK_BODY(&rig, "10 9");
	(void)pthread_join(peer, NULL);
	/* Not 120 seconds any more. */
	CHECK_CALL(&rig, "probe", "/loop", "", 500);
	CHECK_EQ(rig.reply->error.code, TKVM_ETIMEOUT);
	CHECK(rig.reply->run_ns < 60000000000u);
	CHECK_CALL(&rig, "probe", "/", "", 200);
	CHECK_BODY(&rig, "10 9");
	rig_end(&rig);
}

TEST(a_start_waits_for_its_debugger)
{
	static char go[] = "$?#3f$c#63";
	pthread_t peer;

	NEED_KVM();
	CHECK_RIG(&rig, load("\"debug_wait\": 60"));
	tkvm_program_set_debug(tkvm_library_find(rig.lib, "probe"), true);
	CHECK_EQ(pthread_create(&peer, NULL, debugger, go), 0);
	CHECK_CALL(&rig, "probe", "/asks", "", 200);
	CHECK_BODY(&rig, "debug=1");
	(void)pthread_join(peer, NULL);
	CHECK_HAS(rig.log, "target remote " SOCKET);
	rig_end(&rig);
}

/* Left by the debugger of main(), it must not be in the image. */
TEST(a_breakpoint_of_the_start_is_not_frozen)
{
	static char text[64];
	unsigned char sum = 0;
	char packet[40];
	unsigned long at = 0;
	pthread_t peer;
	FILE *nm;

	NEED_KVM();
	nm = popen("nm build/tests/guests/debug_target | grep ' leaf$'", "r");
	CHECK(nm != NULL);
	if (fscanf(nm, "%lx", &at) != 1)
		at = 0;
	(void)pclose(nm);
	CHECK(at != 0);
	(void)snprintf(packet, sizeof packet, "Z0,%lx,1", at);
	for (const char *c = packet; *c != '\0'; c++)
		sum = (unsigned char)(sum + (unsigned char)*c);
	(void)snprintf(text, sizeof text, "$%s#%02x$c#63", packet, sum);
	CHECK_RIG(&rig, load("\"debug_wait\": 60"));
	tkvm_program_set_debug(tkvm_library_find(rig.lib, "probe"), true);
	CHECK_EQ(pthread_create(&peer, NULL, debugger, text), 0);
	CHECK_CALL(&rig, "probe", "/", "", 200);
	CHECK_BODY(&rig, "10 9");
	(void)pthread_join(peer, NULL);
	rig_end(&rig);
}

TEST(a_start_that_waits_can_be_stopped)
{
	const struct timespec pause = {.tv_nsec = 10000000};
	struct tkvm_program *p;

	NEED_KVM();
	CHECK_RIG(&rig, load("\"debug_wait\": 3600"));
	p = tkvm_library_find(rig.lib, "probe");
	tkvm_program_set_debug(p, true);
	CHECK_RIG(&rig, tkvm_program_start(p, true, &rig.err));
	for (unsigned i = 0; i < 3000 && access(SOCKET, F_OK) != 0; i++)
		(void)nanosleep(&pause, NULL);
	CHECK_EQ(access(SOCKET, F_OK), 0);
	tkvm_program_stop(p);
	rig_end(&rig);
	CHECK(access(SOCKET, F_OK) != 0);
}

TEST_MAIN()
