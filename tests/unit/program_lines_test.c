/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages about a document name the line of what is wrong. */
#include "program/document.h"
#include "program/program_priv.h"
#include "test.h"

static struct tkvm_err err;

static void
says(const char *json, const char *start)
{
	struct tkvm_library *lib;

	if (tkvm_library_new(NULL, &lib, &err) != 0)
		abort();
	memset(&err, 0, sizeof err);
	if (tkvm_library_load(lib, json, strlen(json), "doc", &err) !=
	    TKVM_ECONFIG)
		TEST_FAIL("taken: %s", json);
	if (strncmp(err.text, start, strlen(start)) != 0)
		TEST_FAIL("%s: it says: %s", json, err.text);
	tkvm_library_destroy(&lib);
}

TEST(a_wrong_key_is_named_with_its_line)
{
	says("{\n\"p\": {\n\"filename\": \"/p\",\n\"concurrency\": 0\n}}",
	    "doc: line 4: p: \"concurrency\" must be");
	says("{\n\"p\": {\n\"filename\": \"/p\",\n\n\"concurency\": 1\n}}",
	    "doc: line 5: p: there is no setting \"concurency\"; did you");
	says("{\n/* \"p\": { \"start\": 1\n*/ \"q\": { \"filename\":\n\"/\" },"
	    "\n\"p\": { // }\n\"uri\": \"{}\\\"\", 'start': 1\n}}",
	    "doc: line 6: p: \"start\" must be");
}

TEST(a_groups_key_is_named_where_the_group_is)
{
	says("{\n\"p\": {\"filename\": \"/p\", \"group\": \"g\"},\n\"g\": {"
	    "\n\"start\": 3}}", "doc: line 4: g: \"start\" must be");
	says("{\n\"p\": {\"filename\": \"/p\",\n\"group\": \"none\"}}",
	    "doc: line 3: p: there is no group \"none\"");
	says("{\n\n\"g\": 3}", "doc: line 3: \"g\" must be an object");
}

TEST(what_is_within_a_value_has_its_own_line)
{
	says("{\"p\": {\"filename\": \"/p\", \"allowed_paths\": [\n\"/a\",\n"
	    "{ \"real\": \"/b\",\n\"reel\": \"/c\" }]}}",
	    "doc: line 4: p: allowed_paths does not know \"reel\"");
	says("{\"p\": {\"filename\": \"/p\", \"allowed_paths\": [\n\"/a\",\n"
	    "[1, {}, \"]\"],\n2]}}", "doc: line 3: p: \"allowed_paths\" must");
	says("{\"p\": {\"filename\": \"/p\", \"server\": {\n\"port\": 80,\n"
	    "\"systems\": 17}}}", "doc: line 3: p: \"server\" must be an "
	    "object whose systems is");
	says("{\"p\": {\"filename\": \"/p\", \"warmup\": {\n\"exact\": true,\n"
	    "\"num_request\": 17}}}", "doc: line 3: p: \"warmup\" must be an "
	    "object of num_requests, exact, url, method and headers, without "
	    "\"num_request\"");
	says("{\"p\": {\"filename\": \"/p\", \"download\": [\n{\"uri\": "
	    "\"http://a/\", \"filepath\": \"/b\"},\n{\"uri\": \"ftp://a/\",\n"
	    "\"filepath\": \"/b\"}]}}", "doc: line 3: p: \"download\" must be");
}

TEST(a_document_of_one_line_needs_no_number)
{
	says("{\"p\": {\"filename\": \"/p\", \"start\": 3}}", "doc: p: ");
}

/* Whatever the text is, looking for a line ends within it. */
TEST(the_scanner_stays_within_any_text)
{
	static const char *const texts[] = {
		"", "{", "\n{", "{\n\"", "{\n\"a", "{\n\"a\\", "{\n\"a\"",
		"{\n\"a\":", "{\n\"a\": [", "{\n\"a\": [1,", "{\n\"a\": {\"b",
		"{\n'a': [[[[{{{{", "{\n\"a\": ]]]]", "{\n//", "{\n/*", "{\n/",
		"{\n\"a\": [1, 2\n], \"a\": [{\n\"b\": \"\\\\\"",
	};
	const struct trail t = {"a", NULL, 0, "b"}, u = {"a", "b", -1, NULL};

	for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++)
		for (size_t len = 0; len <= strlen(texts[i]); len++) {
			/* Its own memory, for sanitizers. */
			char *text = malloc(len + 1);

			memcpy(text, texts[i], len);
			CHECK(document_line(text, len, &t) <= 4);
			CHECK(document_line(text, len, &u) <= 4);
			free(text);
		}
}

TEST_MAIN()
