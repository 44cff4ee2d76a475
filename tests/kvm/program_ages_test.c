/* SPDX-License-Identifier: BSD-2-Clause */
/* Storage of programs made before 2025, when its calls had other numbers. */
#include "program_rig.h"

#define LIBRARY(storage) "{\"old\": {\"filename\": " \
    "\"build/tests/guests/http_old_2024\", \"storage\": " storage \
    ", \"concurrency\": 2, \"max_memory\": 64}}"

TEST(programs_made_before_2025_keep_state)
{
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_load(&rig, LIBRARY("true")));
	CHECK_CALL(&rig, "old", "/count", "", 200);
	CHECK_BODY(&rig, "8 1");
	CHECK_CALL(&rig, "old", "/count", "", 200);
	CHECK_BODY(&rig, "8 2");
	rig_end(&rig);
}

TEST(their_calls_in_bad_faith_fail)
{
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_load(&rig, LIBRARY("true")));
	CHECK_CALL(&rig, "old", "/forbidden", "", 500);
	CHECK_CALL(&rig, "old", "/unmapped", "", 500);
	CHECK_CALL(&rig, "old", "/long", "", 500);
	CHECK_CALL(&rig, "old", "/wraps", "", 200);
	CHECK_BODY(&rig, "-1 0");
	CHECK_CALL(&rig, "old", "/count", "", 200);
	CHECK_BODY(&rig, "8 1");
	rig_end(&rig);
}

TEST(without_storage_they_are_told_so)
{
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_load(&rig, LIBRARY("false")));
	CHECK_CALL(&rig, "old", "/count", "", 500);
	CHECK_STR(rig.reply->error.text, "storage is not initialised; set "
	    "\"storage\" to true");
	rig_end(&rig);
}

TEST_MAIN()
