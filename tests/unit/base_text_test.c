/* SPDX-License-Identifier: BSD-2-Clause */
/* What guests say reaches people without commands for their terminals. */
#include "base/text.h"
#include "program/program_priv.h"
#include "test.h"

TEST(control_characters_become_question_marks_and_tabs_stay)
{
	char all[256], *p = all;

	for (int c = 1; c < 256; c++)
		*p++ = (char)c;
	*p = '\0';
	text_plain(all);
	for (int c = 1; c < 256; c++)
		if (all[c - 1] != ((c < 32 && c != '\t') || c == 127 ? '?' :
		    (char)c))
			TEST_FAIL("0x%02x became 0x%02x", c, all[c - 1]);
}

TEST(reasons_are_plain)
{
	struct tkvm_err err;

	(void)tkvm_fail(&err, TKVM_EGUEST, "cannot fetch %s", "\033[2Jx\r\n");
	CHECK_STR(err.text, "cannot fetch ?[2Jx??");
}

static void
keep(void *priv, const char *program, const char *text)
{
	(void)program;
	(void)snprintf(priv, 64, "%s", text);
}

TEST(lines_of_the_log_are_plain)
{
	char seen[64];
	const struct tkvm_log log = {.line = keep, .priv = seen};
	struct tkvm_library *lib;
	struct tkvm_err err;

	CHECK_OK(tkvm_library_new(&log, &lib, &err));
	library_log(lib, "p", "p says: \033]0;title\a\tend");
	CHECK_STR(seen, "p says: ?]0;title?\tend");
	tkvm_library_destroy(&lib);
}

TEST_MAIN()
