/* SPDX-License-Identifier: BSD-2-Clause */
/* Programs made with each age of kvm_api.h, and registers around all calls. */
#include "http_rig.h"

#define REGS "build/tests/guests/http_regs"
#define OLD "build/tests/guests/http_old_"

/* extra: the sixth argument of its backend_response means something. */
static const struct {
	const char *file;
	bool extra;
} ages[] = {
	{OLD "2024", false},
	{OLD "250310", false},
	{OLD "250311", false},
	{OLD "250320", false},
	{OLD "250321", false},
	{OLD "250401", true},
	{OLD "250405", true},
	{OLD "250414", true},
	{OLD "250417", true},
	{OLD "250427", true},
	{OLD "250830", true},
};
#define N_AGES (sizeof ages / sizeof ages[0])

/* One request, and how many header lines its answer adds. */
static void
check_answer(struct rig *rig, const char *url, unsigned lines)
{
	CHECK_RIG(rig, rig_get(rig, url, ""));
	CHECK_EQ(rig->reply.status, 200);
	CHECK_STR(rig->body, "old");
	CHECK_EQ(rig->lines.n[TKVM_RESPONSE], lines);
}

TEST(programs_of_every_age_answer)
{
	struct rig rig;

	NEED_KVM();
	for (unsigned i = 0; i < N_AGES; i++) {
		CHECK_RIG(&rig, rig_start(&rig, ages[i].file, NULL));
		for (unsigned n = 0; n < 3; n++)
			check_answer(&rig, "/x", 0);
		rig_end(&rig);
	}
}

/* Name service was in the header until April 2025, and never served. */
TEST(calls_that_were_never_served_are_minus_38)
{
	struct rig rig;

	NEED_KVM();
	for (unsigned i = 0; i < N_AGES; i++) {
		CHECK_RIG(&rig, rig_start(&rig, ages[i].file, NULL));
		check_answer(&rig, "/dns", 0);
		rig_end(&rig);
	}
}

TEST(the_sixth_argument_of_old_programs_is_junk)
{
	struct rig rig;

	NEED_KVM();
	for (unsigned i = 0; i < N_AGES; i++) {
		CHECK_RIG(&rig, rig_start(&rig, ages[i].file, NULL));
		check_answer(&rig, "/extra", ages[i].extra);
		if (!ages[i].extra)
			check_answer(&rig, "/junk", 0);
		rig_end(&rig);
	}
}

static void
check_registers(const char *arg, const char *url, const char *want)
{
	struct rig rig;

	CHECK_RIG(&rig, rig_start(&rig, REGS, arg));
	for (unsigned i = 0; i < 3; i++) {
		rig_request(&rig, url, "");
		strcpy(rig.lines.text[TKVM_REQUEST][0], "Host: a.b.c.d");
		rig.lines.n[TKVM_REQUEST] = 1;
		CHECK_RIG(&rig, rig_send(&rig));
		CHECK_STR(rig.body, want);
	}
	rig_end(&rig);
}

TEST(calls_change_no_register_but_their_results)
{
	NEED_KVM();
	check_registers(NULL, "/x", "22 calls\n");
}

TEST(paused_programs_resume_with_all_registers)
{
	NEED_KVM();
	check_registers("paused", "/paused", "2 calls\n");
}

TEST_MAIN()
