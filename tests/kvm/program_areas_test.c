/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory where a program wants it, and where it wants none. */
#include "program_rig.h"

#define START(rig, settings) rig_one(rig, "build/tests/guests/areas_probe", \
    "\"concurrency\": 1" settings)
#define GO "0xc000000000"
#define GO_MEMORY ", \"remapping\": [\"" GO "\", 64]"

/* A start that is refused with this in its reason. */
#define CHECK_REFUSED(settings, reason) do { \
	CHECK_RIG(&rig, START(&rig, settings)); \
	CHECK(rig_call(&rig, "probe", "/", "") != 0); \
	CHECK_HAS(rig.err.text, reason); \
	rig_end(&rig); \
} while (0)

TEST(a_remapping_is_memory_as_any_other)
{
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, START(&rig, GO_MEMORY
	    ", \"main_arguments\": [\"" GO "\"]"));
	CHECK_RIG(&rig, rig_limit(&rig, 8));
	/* As main() left it, in every request. */
	for (unsigned i = 0; i < 20; i++)
		CHECK_GET(&rig, "/count", GO, "11 21");
	/* Answers from there; requests that write too much there. */
	CHECK_CALL(&rig, "probe", "/at", GO, 200);
	CHECK(rig.reply->body_len == 4 &&
	    memcmp(rig.reply->body, "\n\0\0\0", 4) == 0);
	CHECK_ENDS(&rig, "/fill", GO, "out of working memory");
	CHECK_GET(&rig, "/count", GO, "11 21");
	CHECK_ENDS(&rig, "/touch", "0xc004000000", "outside its memory");
	CHECK_ENDS(&rig, "/touch", "0xbfffffffff", "outside its memory");
	CHECK_ENDS(&rig, "/at", "0xc003fffffd", "not mapped");
	CHECK_GET(&rig, "/count", GO, "11 21");
	rig_end(&rig);
}

TEST(mmap_in_a_remapping_gives_what_is_asked_for)
{
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, START(&rig, GO_MEMORY));
	for (unsigned i = 0; i < 5; i++)
		CHECK_GET(&rig, "/map", GO, "1 1 1 0 0 0");
	rig_end(&rig);
}

TEST(only_what_the_settings_say_is_executed)
{
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, START(&rig, GO_MEMORY ", \"executable_remapping\": "
	    "{\"jit\": [\"0x7f0000000000\", \"0x7f0000400000\"], "
	    "\"more\": [\"550000000000\", 2]}"));
	CHECK_GET(&rig, "/execute", "0x7f0000000000", "42");
	CHECK_GET(&rig, "/execute", "0x7f00003fff00", "42");
	CHECK_GET(&rig, "/execute", "0x550000000000", "42");
	CHECK_GET(&rig, "/exec_map", "0x550000000000", "1 0");
	CHECK_ENDS(&rig, "/execute", GO, "execution of 0xc000000000");
	CHECK_ENDS(&rig, "/malloc", "", "execution of");
	CHECK_ENDS(&rig, "/stack", "", "execution of");
	CHECK_GET(&rig, "/heap", "", "refused -1");
	CHECK_GET(&rig, "/exec_map", GO, "0 -1");
	rig_end(&rig);
	CHECK_RIG(&rig, START(&rig, ", \"executable_heap\": true"));
	CHECK_GET(&rig, "/heap", "", "42 42 0");
	CHECK_ENDS(&rig, "/stack", "", "execution of");
	rig_end(&rig);
}

TEST(nothing_is_in_a_blackout_area)
{
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, START(&rig, ", \"blackout_area\": "
	    "[\"0x3000000\", 4]"));
	CHECK_ENDS(&rig, "/touch", "0x3000000", "page fault");
	CHECK_ENDS(&rig, "/touch", "0x33fffff", "page fault");
	CHECK_ENDS(&rig, "/at", "0x2fffffd", "not mapped");
	CHECK_GET(&rig, "/touch", "0x2ffffff", "0");
	CHECK_GET(&rig, "/touch", "0x3400000", "0");
	for (unsigned i = 0; i < 3; i++)
		CHECK_GET(&rig, "/avoid", "0x3000000", "1 0 -1");
	rig_end(&rig);
	/* Not on the bounds of large pages; beyond all memory. */
	CHECK_RIG(&rig, START(&rig, ", \"blackout_area\": {\"a\": "
	    "[\"0x3123000\", 1], \"b\": [\"0x2f00000\", 1], "
	    "\"c\": [\"0xc000000000\", 64], \"d\": [\"0x3f00000\", 64]}"));
	CHECK_GET(&rig, "/touch", "0x3122fff", "0");
	CHECK_ENDS(&rig, "/touch", "0x3123000", "page fault");
	CHECK_ENDS(&rig, "/touch", "0x2f00000", "page fault");
	CHECK_ENDS(&rig, "/touch", "0x3ffffff", "page fault");
	rig_end(&rig);
}

TEST(areas_that_cannot_be_are_refused_with_a_reason)
{
	char many[1024] = "\"remapping\": {";
	struct rig rig;

	NEED_KVM();
	CHECK_REFUSED(", \"remapping\": [\"0x400000\", 2]",
	    "lies in the program's memory");
	CHECK_REFUSED(GO_MEMORY ", \"executable_remapping\": "
	    "[\"0xc003e00000\", 2]", "lies in another one");
	CHECK_REFUSED(GO_MEMORY ", \"shared_memory\": 2", "exclude");
	CHECK_REFUSED(", \"remapping\": [\"0x800000000000\", 2]",
	    "no range of addresses");
	CHECK_REFUSED(", \"remapping\": [\"0xffffffffff600000\", 2]",
	    "no range of addresses");
	CHECK_REFUSED(", \"remapping\": [\"0x7fffffc00000\", 4]",
	    "no range of addresses");
	CHECK_REFUSED(", \"blackout_area\": [\"0x400000\", 2]",
	    "lies over the program");
	CHECK_REFUSED(", \"remapping\": {\"a\": [\"0x100000000000\", 524288], "
	    "\"b\": [\"0x200000000000\", 524288]}", "512 GiB");
	for (unsigned i = 0; i < 16; i++)
		(void)snprintf(many + strlen(many), sizeof many - strlen(many),
		    "%s\"%u\": [\"%x00000000\", 2]", i ? ", " : "", i, i + 1);
	strcat(many, "}");
	CHECK_RIG(&rig, rig_one(&rig, "build/tests/guests/areas_probe", many));
	CHECK_GET(&rig, "/touch", "0x1000000000", "0");
	rig_end(&rig);
}

TEST_MAIN()
