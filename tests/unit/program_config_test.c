/* SPDX-License-Identifier: BSD-2-Clause */
/* Settings: what is taken, what is refused, and with which sentence. */
#include "config_rig.h"

TEST(defaults_are_the_published_ones)
{
	const struct settings *s;

	CHECK_OK(load("{\"p\": {\"filename\": \"/bin/p\"}}"));
	s = settings_of("p");
	CHECK(s != NULL);
	CHECK_EQ(s->concurrency, 2);
	CHECK_EQ(s->max_boot_time, 16);
	CHECK_EQ(s->max_request_time, 8);
	CHECK_EQ(s->max_queue_time, 60);
	CHECK_EQ(s->max_memory_mib, 256);
	CHECK_EQ(s->address_space_mib, 256);
	CHECK_EQ(s->max_request_mib, 64);
	CHECK_STR(s->group, "test");
	CHECK(s->ephemeral);
	CHECK(!s->start);
}

/* Every row of the table with a value that it takes. */
TEST(every_key_of_the_table_takes_a_good_value)
{
	static const char *const good[] = {
		[SETTING_UINT] = "7", [SETTING_EVEN] = "8",
		[SETTING_SECONDS] = "0.5",
		[SETTING_BOOL] = "true", [SETTING_STRING] = "\"/x\"",
		[SETTING_STRINGS] = "[\"a\", \"\"]",
		[SETTING_PATHS] = "[\"/etc/hosts\"]",
		[SETTING_SERVER] = "{\"port\": 80}",
		[SETTING_AREAS] = "[\"0xc000000000\", 2]",
		[SETTING_IGNORED] = "true",
	};
	char json[256];

	for (unsigned i = 0; i < settings_n; i++) {
		const struct setting *k = &settings_table[i];
		const char *value = good[k->type];

		if (strcmp(k->name, "group") == 0)
			value = "\"test\"";
		if (strcmp(k->name, "uri") == 0)
			value = "\"https://example.com/p\"";
		if (strcmp(k->name, "warmup") == 0)
			value = "{\"num_requests\": 3}";
		if (strcmp(k->name, "download") == 0)
			value = "[{\"uri\": \"http://a/\", "
			    "\"filepath\": \"/b\"}]";
		if (strcmp(k->name, "allow_fetch") == 0)
			value = "\"self\"";
		if (strcmp(k->name, "md5") == 0)
			value = "\"0123456789abcdef0123456789ABCDEF\"";
		if (strcmp(k->name, "sha256") == 0 ||
		    strcmp(k->name, "signature_key") == 0)
			value = "\"" HEX64 "\"";
		(void)snprintf(json, sizeof json, "{\"p\": {\"filename\": "
		    "\"/bin/p\", \"%s\": %s}}", k->name, value);
		if (load(json) != 0)
			TEST_FAIL("%s: %s", json, err.text);
	}
}

/* No type is taken for another, whatever the key. */
TEST(every_key_of_the_table_refuses_a_wrong_type)
{
	static const char *const bad[][4] = {
		[SETTING_UINT] = {"\"7\"", "true", "1.5", "[1]"},
		[SETTING_EVEN] = {"\"8\"", "true", "7", "[2]"},
		[SETTING_SECONDS] = {"\"7\"", "true", "{}", "null"},
		[SETTING_BOOL] = {"1", "\"true\"", "[]", "null"},
		[SETTING_STRING] = {"1", "[\"a\"]", "\"\"", "\"a\\u0000b\""},
		[SETTING_STRINGS] = {"\"a\"", "[1]", "{}", "[[\"a\"]]"},
		[SETTING_PATHS] = {"\"/a\"", "[1]", "[{}]", "[\"\"]"},
		[SETTING_SERVER] = {"1", "[]", "\"/x\"",
		    "{\"port\": 0}"},
		[SETTING_WARMUP] = {"1", "[]", "{\"exact\": 1}",
		    "{\"headers\": [\"x\"]}"},
		[SETTING_DOWNLOADS] = {"{}", "[1]", "[{}]",
		    "[{\"uri\": \"http://a/\", \"filepath\": \"b\"}]"},
		[SETTING_AREAS] = {"1", "[1, 2]", "{\"a\": 1}",
		    "[\"0xc000000000\", true]"},
		[SETTING_IGNORED] = {"1", "{\"a\": 1}", "null", "\"true\""},
	};
	char json[256];

	for (unsigned i = 0; i < settings_n; i++)
		for (unsigned j = 0; j < 4; j++) {
			const struct setting *k = &settings_table[i];

			/* Some strings may be empty. */
			if (k->type == SETTING_STRING && k->max != 0 && j == 2)
				continue;
			(void)snprintf(json, sizeof json, "{\"p\": {"
			    "\"filename\": \"/bin/p\", \"%s\": %s}}", k->name,
			    bad[k->type][j]);
			if (load(json) != TKVM_ECONFIG)
				TEST_FAIL("%s was taken", json);
			CHECK_HAS(err.text, "doc: p: ");
			CHECK_HAS(err.text, k->name);
			CHECK_EQ(tkvm_library_count(lib), 0);
		}
}

TEST(numbers_out_of_range_name_the_range)
{
	CHECK_OK(load_with("\"concurrency\": 255"));
	CHECK_EQ(load_with("\"concurrency\": 256"), TKVM_ECONFIG);
	CHECK_STR(err.text, "doc: p: \"concurrency\" must be a whole number "
	    "from 1 to 255");
	CHECK_EQ(load_with("\"concurrency\": 0"), TKVM_ECONFIG);
	CHECK_EQ(load_with("\"concurrency\": -1"), TKVM_ECONFIG);
	CHECK_EQ(load_with("\"concurrency\": 1e300"), TKVM_ECONFIG);
	CHECK_EQ(load_with("\"max_request_time\": 0"), TKVM_ECONFIG);
	CHECK_EQ(load_with("\"max_request_time\": NaN"), TKVM_ECONFIG);
	CHECK_EQ(load_with("\"max_request_memory\": 99999999999"),
	    TKVM_ECONFIG);
	CHECK_OK(load_with("\"max_request_memory\": 4096"));
	CHECK_EQ(settings_of("p")->max_request_mib, 4096);
}

TEST(an_unknown_key_is_refused_with_the_nearest_one)
{
	CHECK_EQ(load_with("\"concurency\": 4"), TKVM_ECONFIG);
	CHECK_STR(err.text, "doc: p: there is no setting \"concurency\"; did "
	    "you mean \"concurrency\"?");
	CHECK_EQ(load_with("\"max_request_tiem\": 4"), TKVM_ECONFIG);
	CHECK_HAS(err.text, "\"max_request_time\"?");
	CHECK_EQ(load_with("\"zzzzzzzzzzzz\": 4"), TKVM_ECONFIG);
	CHECK_STR(err.text, "doc: p: there is no setting \"zzzzzzzzzzzz\"");
	CHECK_EQ(load_with("\"\": 4"), TKVM_ECONFIG);
}

/* The search for the nearest key has a buffer of fixed size. */
TEST(a_key_of_any_length_is_only_unknown)
{
	char json[600] = "\"";

	for (unsigned n = 1; n < 500; n += 7) {
		memset(json + 1, 'a', n);
		strcpy(json + 1 + n, "\": 1");
		CHECK_EQ(load_with(json), TKVM_ECONFIG);
		CHECK_HAS(err.text, "there is no setting");
	}
}

TEST(more_cpus_than_there_can_be_are_allowed)
{
	CHECK_OK(load_with("\"smp\": 0"));
	CHECK_EQ(settings_of("p")->cpus, 0);
	CHECK_OK(load_with("\"smp\": 16"));
	CHECK_EQ(settings_of("p")->cpus, 16);
	CHECK_OK(load_with("\"smp\": 1024"));
	CHECK_EQ(load_with("\"smp\": 1025"), TKVM_ECONFIG);
	CHECK_HAS(err.text, "smp");
	CHECK_EQ(load_with("\"smp\": -1"), TKVM_ECONFIG);
	CHECK_EQ(load_with("\"smp\": \"2\""), TKVM_ECONFIG);
}

TEST(comments_are_allowed_everywhere)
{
	CHECK_OK(load("/* head */ // line\n{\"p\": /* a */ {\n\"filename\": "
	    "\"/bin/p\" // why\n}} // tail"));
	CHECK_OK(load("{\"p\": {\"filename\": \"/bin/p\"}}\n/* tail */\n// x"));
	CHECK(settings_of("p") != NULL);
}

TEST(a_broken_document_is_refused_with_its_line)
{
	CHECK_EQ(load("{\n\"p\": {\n\"filename\" \"/bin/p\"}}"), TKVM_ECONFIG);
	CHECK_HAS(err.text, "doc: line 3: ");
	CHECK_EQ(load("{\"p\": {"), TKVM_ECONFIG);
	CHECK_HAS(err.text, "cut off");
	CHECK_EQ(load(""), TKVM_ECONFIG);
	CHECK_EQ(load("[]"), TKVM_ECONFIG);
	CHECK_HAS(err.text, "must be an object");
	CHECK_EQ(load("17"), TKVM_ECONFIG);
	CHECK_EQ(load("{} x"), TKVM_ECONFIG);
	CHECK_HAS(err.text, "text behind");
	CHECK_EQ(load("{} /"), TKVM_ECONFIG);
	CHECK_EQ(load("{\"p\": 1}"), TKVM_ECONFIG);
	CHECK_HAS(err.text, "\"p\"");
	CHECK_OK(load("{}"));
}

/* A document nested so deep that a recursive reader would overflow. */
TEST(a_deep_document_is_refused)
{
	size_t n = 100000;
	char *deep = malloc(n + 1);

	CHECK(deep != NULL);
	memset(deep, '[', n);
	deep[n] = '\0';
	CHECK_EQ(load(deep), TKVM_ECONFIG);
	free(deep);
}

/* Cut anywhere, a document is an error and nothing else. */
TEST(every_beginning_of_a_document_is_refused)
{
	static const char whole[] = "{\"g\": {\"concurrency\": 3}, /* c */ "
	    "\"p\": {\"group\": \"g\", \"filename\": \"/bin/p\", "
	    "\"allowed_paths\": [{\"real\": \"/a\", \"prefix\": true}]}}";

	for (size_t n = 0; n < sizeof whole - 1; n++) {
		char *cut = malloc(n + 1);

		CHECK(cut != NULL);
		memcpy(cut, whole, n);	/* its end is the allocation's */
		cut[n] = '\0';
		if (load(cut) != TKVM_ECONFIG)
			TEST_FAIL("the first %zu bytes were taken", n);
		free(cut);
	}
	CHECK_OK(load(whole));
}

TEST(groups_count_wherever_they_stand)
{
	CHECK_OK(load("{\"a\": {\"group\": \"g\", \"filename\": \"/bin/a\", "
	    "\"max_request_time\": 3}, \"g\": {\"concurrency\": 5, "
	    "\"max_request_time\": 2}, \"b\": {\"group\": \"g\", "
	    "\"filename\": \"/bin/b\"}}"));
	CHECK_EQ(tkvm_library_count(lib), 2);
	CHECK_EQ(settings_of("a")->concurrency, 5);
	CHECK_EQ(settings_of("a")->max_request_time, 3);
	CHECK_EQ(settings_of("b")->max_request_time, 2);
	CHECK_STR(settings_of("b")->group, "g");
	CHECK(settings_of("g") == NULL);
}

TEST(the_group_test_is_always_there)
{
	CHECK_OK(load("{\"p\": {\"group\": \"test\", \"filename\": \"/p\"}}"));
	CHECK_OK(load("{\"p\": {\"filename\": \"/p\"}, "
	    "\"test\": {\"concurrency\": 9}}"));
	CHECK_EQ(settings_of("p")->concurrency, 9);
	CHECK_EQ(load("{\"p\": {\"group\": \"none\", \"filename\": \"/p\"}}"),
	    TKVM_ECONFIG);
	CHECK_STR(err.text,
	    "doc: p: there is no group \"none\" in this document");
}

TEST(a_group_nobody_uses_is_checked_too)
{
	CHECK_EQ(load("{\"g\": {\"concurrency\": \"two\"}}"), TKVM_ECONFIG);
	CHECK_HAS(err.text, "doc: g: \"concurrency\"");
	CHECK_OK(load("{\"g\": {\"concurrency\": 2}}"));
	CHECK_EQ(tkvm_library_count(lib), 0);
}

TEST(a_library_is_as_before_when_a_document_is_bad)
{
	static const char bad[] = "{\"b\": {\"filename\": \"/b\"}, "
	    "\"c\": {\"filename\": \"/c\", \"concurrency\": 0}}";
	static const char twice[] = "{\"n\": {\"filename\": \"/n\"}, "
	    "\"a\": {\"filename\": \"/other\"}}";

	CHECK_OK(load("{\"a\": {\"filename\": \"/a\"}}"));
	CHECK_EQ(tkvm_library_load(lib, bad, sizeof bad - 1, "doc", &err),
	    TKVM_ECONFIG);
	CHECK_EQ(tkvm_library_load(lib, twice, sizeof twice - 1, "doc",
	    &err), TKVM_ECONFIG);
	CHECK_HAS(err.text, "\"a\" is defined already");
	CHECK_EQ(tkvm_library_count(lib), 1);
	CHECK_STR(settings_of("a")->filename, "/a");
	CHECK(tkvm_library_find(lib, "b") == NULL);
}

TEST(a_program_needs_a_name)
{
	CHECK_EQ(load("{\"\": {\"filename\": \"/a\"}}"), TKVM_ECONFIG);
	CHECK_STR(err.text, "doc: the name of a program or group is empty");
	CHECK_EQ(load("{\"\": {}}"), TKVM_ECONFIG);
	CHECK_OK(load("{\" \": {\"filename\": \"/a\"}}"));
}

TEST(a_program_needs_a_file)
{
	CHECK_EQ(load("{\"p\": {\"group\": \"test\"}}"), TKVM_ECONFIG);
	CHECK_STR(err.text, "doc: p: a program needs a \"filename\" or a "
	    "\"uri\"");
	CHECK_OK(load("{\"p\": {\"uri\": \"file:///opt/p\"}}"));
	CHECK_STR(settings_of("p")->filename, "/opt/p");
}

TEST(address_space_is_at_least_max_memory)
{
	CHECK_OK(load_with("\"address_space\": 10, \"max_memory\": 512"));
	CHECK_EQ(settings_of("p")->address_space_mib, 512);
	CHECK_OK(load_with("\"max_memory\": 300, \"address_space\": 1000"));
	CHECK_EQ(settings_of("p")->address_space_mib, 1000);
}

TEST(lists_append_and_arguments_replace)
{
	const struct settings *s;

	CHECK_OK(load("{\"test\": {\"environment\": [\"A=1\"], "
	    "\"main_arguments\": [\"x\"], \"allowed_paths\": [\"/a\"]}, "
	    "\"p\": {\"filename\": \"/p\", \"environment\": [\"B=2\"], "
	    "\"main_arguments\": [\"y\", \"z\"], "
	    "\"allowed_paths\": [\"/b\"]}}"));
	s = settings_of("p");
	CHECK_EQ(s->environment.n, 2);
	CHECK_STR(s->environment.s[0], "A=1");
	CHECK_STR(s->environment.s[1], "B=2");
	CHECK_EQ(s->main_arguments.n, 2);
	CHECK_STR(s->main_arguments.s[0], "y");
	CHECK_EQ(s->allowed_paths.n, 2);
	CHECK_STR(s->allowed_paths.p[1].real_path, "/b");
}

TEST(home_and_pwd_are_expanded_once_and_uris_are_not)
{
	const struct settings *s;

	CHECK_EQ(setenv("HOME", "/home/me", 1), 0);
	CHECK_EQ(chdir("/"), 0);
	CHECK_OK(load("{\"p\": {\"filename\": \"$HOME/p$HOME\", "
	    "\"uri\": \"file://$HOME/p\", \"main_arguments\": [\"$PWD\"], "
	    "\"allowed_paths\": [{\"real\": \"$HOME/d\", "
	    "\"virtual\": \"/d\"}]}}"));
	s = settings_of("p");
	CHECK_STR(s->filename, "/home/me/p$HOME");
	CHECK_STR(s->uri, "file://$HOME/p");
	CHECK_STR(s->main_arguments.s[0], "/");
	CHECK_STR(s->allowed_paths.p[0].real_path, "/home/me/d");
	CHECK_STR(s->allowed_paths.p[0].virtual_path, "/d");
}

TEST(allowed_paths_takes_strings_and_objects)
{
	const struct linux_path *p;

	CHECK_OK(load_with("\"allowed_paths\": [\"/a\", {\"real\": \"/b\", "
	    "\"virtual\": \"/v\", \"prefix\": true, \"writable\": true}, "
	    "{\"real\": \"/c\", \"virtual\": \"/l\", \"symlink\": true}]"));
	p = settings_of("p")->allowed_paths.p;
	CHECK_EQ(settings_of("p")->allowed_paths.n, 3);
	CHECK_STR(p[0].virtual_path, "/a");
	CHECK(!p[0].prefix && !p[0].writable && !p[0].symlink);
	CHECK_STR(p[1].virtual_path, "/v");
	CHECK(p[1].prefix && p[1].writable && !p[1].symlink);
	CHECK(p[2].symlink);
}

TEST(bad_allowed_paths_are_refused)
{
	static const char *const bad[] = {
		"[{\"virtual\": \"/v\"}]", "[{\"real\": \"\"}]",
		"[{\"real\": \"/a\", \"symlink\": true}]",
		"[{\"real\": \"/a\", \"prefix\": 1}]",
		"[{\"real\": \"/a\", \"wrtable\": true}]", "[\"a\"]",
		"[{\"real\": 5}]", "[null]",
		"[\"/good\", {\"real\": \"/a\", \"virtual\": []}]",
		"[{\"real\": \"/a\", \"virtual\": \"v\"}]",
	};
	char json[200];

	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		(void)snprintf(json, sizeof json, "\"allowed_paths\": %s",
		    bad[i]);
		if (load_with(json) != TKVM_ECONFIG)
			TEST_FAIL("%s was taken", bad[i]);
		CHECK_HAS(err.text, "allowed_paths");
	}
}

TEST(configure_changes_or_defines_or_leaves_alone)
{
	CHECK_OK(load("{\"a\": {\"filename\": \"/a\", \"concurrency\": 4}}"));
	CHECK_OK(tkvm_library_configure(lib, "a", "{\"concurrency\": 8}",
	    &err));
	CHECK_EQ(settings_of("a")->concurrency, 8);
	CHECK_STR(settings_of("a")->filename, "/a");
	CHECK_EQ(tkvm_library_configure(lib, "a",
	    "{\"concurrency\": 16, \"max_memory\": \"much\"}", &err),
	    TKVM_ECONFIG);
	CHECK_HAS(err.text, "\"max_memory\"");
	CHECK_EQ(settings_of("a")->concurrency, 8);
	CHECK_OK(tkvm_library_configure(lib, "n", "{\"filename\": \"/n\"}",
	    &err));
	CHECK_STR(settings_of("n")->filename, "/n");
	CHECK_EQ(tkvm_library_configure(lib, "o", "{\"concurrency\": 1}",
	    &err), TKVM_ECONFIG);
	CHECK(tkvm_library_find(lib, "o") == NULL);
	CHECK_EQ(tkvm_library_configure(lib, "a", "no json", &err),
	    TKVM_ECONFIG);
	CHECK_EQ(tkvm_library_configure(lib, "a", "", &err), TKVM_ECONFIG);
}

TEST(configure_knows_no_groups)
{
	CHECK_OK(load("{\"g\": {\"concurrency\": 3}, \"a\": {\"group\": \"g\","
	    " \"filename\": \"/a\"}}"));
	CHECK_OK(tkvm_library_configure(lib, "a", "{\"group\": \"g\"}", &err));
	CHECK_EQ(tkvm_library_configure(lib, "a", "{\"group\": \"h\"}", &err),
	    TKVM_ECONFIG);
	CHECK_HAS(err.text, "\"group\"");
	CHECK_EQ(tkvm_library_configure(lib, "b",
	    "{\"group\": \"g\", \"filename\": \"/b\"}", &err), TKVM_ECONFIG);
	CHECK_OK(tkvm_library_configure(lib, "b", "{\"filename\": \"/b\"}",
	    &err));
	CHECK_STR(settings_of("b")->group, "test");
}

TEST(names_are_compared_as_text_and_kept_in_order)
{
	CHECK_OK(load("{\"zeta\": {\"filename\": \"/z\"}, "
	    "\"alpha\": {\"filename\": \"/a\"}}"));
	CHECK_STR(tkvm_program_name(tkvm_library_at(lib, 0)), "zeta");
	CHECK_STR(tkvm_program_name(tkvm_library_at(lib, 1)), "alpha");
	CHECK(tkvm_library_at(lib, 2) == NULL);
	CHECK(tkvm_library_find(lib, "Zeta") == NULL);
	CHECK(tkvm_library_find(lib, "zet") == NULL);
	CHECK(tkvm_library_find(lib, "") == NULL);
}

TEST(a_library_file_that_is_not_there_is_an_error)
{
	CHECK_OK(load("{}"));
	CHECK_EQ(tkvm_library_load_uri(lib, "/nonexistent/x.json", &err),
	    TKVM_EFILE);
	CHECK_HAS(err.text, "/nonexistent/x.json");
	CHECK_EQ(tkvm_library_load_uri(lib, "file:///", &err), TKVM_EFILE);
	CHECK_EQ(tkvm_library_load_uri(lib, "/dev/zero", &err), TKVM_EFILE);
	CHECK_EQ(tkvm_library_load_uri(lib, "", &err), TKVM_EFILE);
}

TEST(statistics_of_programs_that_never_ran)
{
	char *text;

	CHECK_OK(load("{\"a\": {\"filename\": \"/a\"}}"));
	text = tkvm_library_stats(lib, NULL, NULL, -1);
	CHECK_HAS(text, "\"binary_type\":\"(not present)\"");
	CHECK_HAS(text, "\"machines\":[]");
	CHECK_HAS(text, "\"invocations\":0");
	free(text);
	tkvm_library_destroy(&lib);
}

TEST_MAIN()
