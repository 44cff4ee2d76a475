/* SPDX-License-Identifier: BSD-2-Clause */
/* Settings one by one: their defaults, their limits, what they refuse. */
#include "config_rig.h"

TEST(debugging_is_off_and_can_be_configured)
{
	const struct settings *s;

	CHECK_OK(load_with("\"key\": \"k\""));
	s = settings_of("p");
	CHECK(!s->allow_debug && !s->debug_on_exception && !s->debug);
	CHECK(s->debug_socket == NULL);
	CHECK_EQ(s->debug_wait, 10);
	CHECK_OK(load_with("\"allow_debug\": true, \"debug_wait\": 1.5, "
	    "\"remote_debug_on_exception\": true, "
	    "\"debug_socket\": \"tcp:2159\""));
	s = settings_of("p");
	CHECK(s->allow_debug && s->debug_on_exception && !s->debug);
	CHECK_STR(s->debug_socket, "tcp:2159");
	CHECK(s->debug_wait == 1.5);
	CHECK_EQ(load_with("\"debug_wait\": -1"), TKVM_ECONFIG);
	CHECK_EQ(load_with("\"debug_socket\": 2159"), TKVM_ECONFIG);
	CHECK_EQ(load_with("\"allow_debug\": 1"), TKVM_ECONFIG);
}

/* Both bounds of each number are taken, what lies beyond is not. */
TEST(every_number_of_the_table_has_its_bounds)
{
	for (unsigned i = 0; i < settings_n; i++) {
		const struct setting *k = &settings_table[i];
		double step = k->type == SETTING_SECONDS ? k->min / 2 :
		    k->type == SETTING_EVEN ? 2 : 1;
		const double good[] = {k->min, k->max};
		const double bad[] = {k->min - step, k->max + 2,
		    -k->max - 1, 1e19, 1e300};
		char text[400];

		if (k->max == 0 || k->type == SETTING_STRING)
			continue;
		for (unsigned j = 0; j < 2; j++) {
			(void)snprintf(text, sizeof text, "\"%s\": %.17g",
			    k->name, good[j]);
			if (load_with(text) != 0)
				TEST_FAIL("%s: %s", text, err.text);
		}
		for (unsigned j = k->min == 0; j < 5; j++) {
			(void)snprintf(text, sizeof text, "\"%s\": %.17g",
			    k->name, bad[j]);
			if (load_with(text) != TKVM_ECONFIG)
				TEST_FAIL("%s was taken", text);
			CHECK_HAS(err.text, " from ");
		}
	}
}

/* The limits of huge pages are the published ones. */
TEST(huge_pages_come_in_pairs_of_mib)
{
	CHECK_OK(load_with("\"hugepage_arena_size\": 0"));
	CHECK_OK(load_with("\"hugepage_arena_size\": 2"));
	CHECK_OK(load_with("\"request_hugepages\": 524288"));
	CHECK_EQ(settings_of("p")->request_huge_mib, 524288);
	CHECK_OK(load_with("\"request_hugepage_arena_size\": 4"));
	CHECK_EQ(settings_of("p")->request_huge_mib, 4);
	CHECK_EQ(load_with("\"request_hugepages\": 1"), TKVM_ECONFIG);
	CHECK_STR(err.text, "doc: p: \"request_hugepages\" must be an even "
	    "number from 0 to 524288");
	CHECK_EQ(load_with("\"hugepage_arena_size\": 524290"), TKVM_ECONFIG);
	CHECK_EQ(load_with("\"hugepage_arena_size\": 3"), TKVM_ECONFIG);
	CHECK_EQ(load_with("\"request_hugepages\": true"), TKVM_ECONFIG);
}

/* Whatever their order, as the published module sorts its keys. */
TEST(keeping_memory_makes_a_program_ephemeral)
{
	CHECK_OK(load_with("\"ephemeral_keep_working_memory\": true, "
	    "\"ephemeral\": false"));
	CHECK(settings_of("p")->ephemeral && settings_of("p")->keep_memory);
	CHECK_OK(load_with("\"ephemeral_keep_working_memory\": false, "
	    "\"ephemeral\": false"));
	CHECK(!settings_of("p")->ephemeral && !settings_of("p")->keep_memory);
	CHECK_OK(load_with("\"ephemeral\": false"));
	CHECK(!settings_of("p")->ephemeral && settings_of("p")->keep_memory);
}

/* Of a server's object every key is checked, and what does not fit together. */
TEST(a_server_needs_an_address_that_can_be)
{
	static const struct {
		const char *object, *expected;
	} bad[] = {
		{"{\"systems\": 2}", "either a port or a path"},
		{"{\"port\": 1, \"path\": \"/x\"}", "either a port or a"},
		{"{\"path\": \"x\"}", "starts with /"},
		{"{\"path\": \"/x\", \"address\": \"::1\"}",
		    "address belongs to a port"},
		{"{\"port\": 1, \"address\": \"localhost\"}",
		    "address is a number"},
		{"{\"port\": 65536}", "whole number from 1 to 65535"},
		{"{\"port\": 1.5}", "port is a whole number"},
		{"{\"port\": \"80\"}", "port is a whole number"},
		{"{\"port\": 1, \"systems\": 17}", "from 1 to 16"},
		{"{\"port\": 1, \"max_connections\": 0}", "from 1 to 65536"},
		{"{\"port\": 1, \"idle_timeout\": 0}", "number from 0.001"},
		{"{\"port\": 1, \"socket_event_read\": 3}", "from 1 to 2"},
		{"{\"port\": 1, \"backlog\": 3}", "without \"backlog\""},
	};
	char text[200];

	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		(void)snprintf(text, sizeof text, "\"server\": %s",
		    bad[i].object);
		CHECK_EQ(load_with(text), TKVM_ECONFIG);
		CHECK_HAS(err.text, "doc: p: \"server\" must be an object");
		CHECK_HAS(err.text, bad[i].expected);
	}
	(void)snprintf(text, sizeof text, "\"server\": {\"path\": \"/%0107d\"}",
	    0);
	CHECK_EQ(load_with(text), TKVM_ECONFIG);
	CHECK_HAS(err.text, "at most 107 bytes");
}

TEST(a_server_has_defaults_and_can_be_taken_back)
{
	const struct server_settings *v;

	CHECK_OK(load_with("\"server\": {\"port\": 80}, "
	    "\"websocket_server\": {\"path\": \"/x\", \"systems\": 16}"));
	v = settings_of("p")->server;
	CHECK_EQ(v[0].port, 80);
	CHECK_EQ(v[0].systems, 1);
	CHECK_EQ(v[0].max_connections, 1024);
	CHECK_EQ(v[0].idle_timeout, 300);
	CHECK_EQ(v[0].read_event, 1);
	CHECK_STR(v[1].path, "/x");
	CHECK_EQ(v[1].systems, 16);
	CHECK(tkvm_program_starts(tkvm_library_find(lib, "p")));
	CHECK_OK(tkvm_library_configure(lib, "p",
	    "{\"server\": {}, \"websocket_server\": null}", &err));
	CHECK(!tkvm_program_starts(tkvm_library_find(lib, "p")));
}

TEST(a_program_may_come_from_a_url)
{
	CHECK_OK(load("{\"p\": {\"uri\": \"https://example.com/p\"}}"));
	CHECK(settings_of("p")->filename == NULL);
	CHECK_EQ(load("{\"p\": {\"uri\": \"ftp://example.com/p\"}}"),
	    TKVM_ECONFIG);
	CHECK_HAS(err.text, "must begin with http://");
	CHECK_OK(load_with("\"sha256\": \"" HEX64 "\""));
	CHECK_EQ(load_with("\"sha256\": \"" HEX64 "0\""), TKVM_ECONFIG);
	CHECK_EQ(load_with("\"sha256\": \"x\""), TKVM_ECONFIG);
	CHECK_HAS(err.text, "64 hexadecimal digits");
	CHECK_EQ(load_with("\"md5\": \"0123\""), TKVM_ECONFIG);
	CHECK_HAS(err.text, "\"md5\" must be 32 hexadecimal digits");
	/* No server there: a sentence that names the URL. */
	CHECK_EQ(tkvm_library_load_uri(lib, "http://127.0.0.1:1/x", &err),
	    TKVM_EFILE);
	CHECK_HAS(err.text, "cannot fetch http://127.0.0.1:1/x: ");
	CHECK_EQ(tkvm_library_load_uri(lib, "ftp://127.0.0.1:1/x", &err),
	    TKVM_EFILE);
}

TEST_MAIN()
