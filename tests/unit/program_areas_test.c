/* SPDX-License-Identifier: BSD-2-Clause */
/* The keys remapping, executable_remapping and blackout_area. */
#include <pthread.h>

#include "program/program_priv.h"
#include "test.h"

static struct tkvm_err err;
static struct settings got;

/* The keys of one object over the defaults. */
static int
load(const char *keys)
{
	struct settings base;
	char json[1200];
	int r;

	settings_free(&got);
	settings_init(&base);
	(void)snprintf(json, sizeof json, "{\"filename\": \"/bin/p\", "
	    "%s}", keys);
	r = config_override(json, "p", &base, &got, &err);
	settings_free(&base);
	return (r);
}

TEST(areas_are_arrays_of_two_or_objects_of_those)
{
	CHECK_OK(load("\"remapping\": [\"0xC000000000\", 64], "
	    "\"executable_remapping\": [\"20000\", \"0x400000\"], "
	    "\"blackout_area\": {\"a\": [\"0X1000000\", 0], "
	    "\"b\": [\"5000000\", 524288]}"));
	CHECK_EQ(got.n_areas, 4);
	for (unsigned i = 0; i < 4; i++) {
		const struct tkvm_area *a = &got.area[i];

		if (a->kind == TKVM_AREA_MEMORY)
			CHECK(a->start == 0xc000000000 && a->len == 64 << 20);
		else if (a->kind == TKVM_AREA_CODE)
			/* Whole MiB, rounded down. */
			CHECK(a->start == 0x20000 && a->len == 3 << 20);
		else if (a->start == 0x1000000)
			CHECK_EQ(a->len, 0);
		else
			CHECK(a->start == 0x5000000 && a->len == 1ull << 39);
	}
	CHECK_OK(load("\"remapping\": [], \"blackout_area\": {}"));
	CHECK_EQ(got.n_areas, 0);
}

TEST(areas_that_are_none_are_refused)
{
	static const char *const bad[] = {"1", "\"0x100000\"", "[1, 2]",
	    "[\"0x100000\"]", "[\"0x100000\", 2, 3]", "[\"\", 2]",
	    "[\"0x\", 2]", "[\"-1\", 2]", "[\"0x10000g\", 2]",
	    "[\"0x11112222333344445\", 2]", "[\"0x1ffff\", 2]",
	    "[\"0x100000\", -1]", "[\"0x100000\", 524289]",
	    "[\"0x100000\", 1.5]", "[\"0x100000\", true]",
	    "[\"0x100000\", \"0xfffff\"]", "[\"0x100000\", \"\"]",
	    "{\"a\": 1}", "{\"a\": {\"b\": [\"0x100000\", 1]}}",
	    "[[\"0x100000\", 2]]"};
	char json[900];

	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		(void)snprintf(json, sizeof json, "\"remapping\": %s", bad[i]);
		CHECK_EQ(load(json), TKVM_ECONFIG);
		CHECK_HAS(err.text, "remapping");
	}
	strcpy(json, "\"blackout_area\": {");
	for (unsigned i = 0; i < 17; i++)
		(void)snprintf(json + strlen(json), 80, "%s\"%u\": "
		    "[\"%u00000\", 1]", i ? ", " : "", i, i + 100);
	strcat(json, "}");
	CHECK_EQ(load(json), TKVM_ECONFIG);
	CHECK_HAS(err.text, "16 at most");
}

TEST_MAIN()
