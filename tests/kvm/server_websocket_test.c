/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * guest/websocket.c with a WebSocket library's client and with clients that
 * break its rules; tests/cli/websocket_client.py says what is exchanged.
 */
#include <sys/wait.h>

#include "server_rig.h"

#define WEBSOCKET "build/programs/websocket"

static int
client(const char *url, const char *where)
{
	char command[400];
	int status;

	(void)snprintf(command, sizeof command,
	    "/usr/bin/python3 tests/cli/websocket_client.py %s %s 2>&1", url,
	    where);
	status = system(command);
	return (WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

TEST(a_client_of_a_library_is_served)
{
	char json[400], url[64];
	unsigned port = free_port();
	struct rig rig;
	int r;

	NEED_KVM();
	(void)snprintf(json, sizeof json, "{\"probe\": {\"filename\": \"%s\", "
	    "\"max_memory\": 64, \"concurrency\": 1, \"websocket_server\": "
	    "{\"port\": %u}}}", WEBSOCKET, port);
	CHECK_RIG(&rig, rig_load(&rig, json));
	CHECK_RIG(&rig, tkvm_program_start(tkvm_library_find(rig.lib,
	    "probe"), false, &rig.err));
	(void)snprintf(url, sizeof url, "ws://127.0.0.1:%u/", port);
	r = client(url, "");
	CHECK_EQ(rig_counters(&rig, "probe").server_restarts, 0);
	rig_end(&rig);
	if (r == 77)
		SKIP("python3-websockets is not installed");
	CHECK_EQ(r, 0);
}

TEST(the_same_at_a_path)
{
	char where[120];
	struct rig rig;
	int r;

	NEED_KVM();
	CHECK_RIG(&rig, serve_rig(&rig, WEBSOCKET, ", \"systems\": 2", ""));
	(void)snprintf(where, sizeof where, "unix:%s", socket_path());
	r = client("ws://localhost/", where);
	CHECK_EQ(rig_counters(&rig, "probe").server_restarts, 0);
	rig_end(&rig);
	if (r == 77)
		SKIP("python3-websockets is not installed");
	CHECK_EQ(r, 0);
}

TEST_MAIN()
