/* SPDX-License-Identifier: BSD-2-Clause */
/* Programs that compute on several CPUs, as intended and otherwise. */
#include "program_rig.h"

#define START(rig, settings) rig_one(rig, \
    "build/tests/guests/parallel_probe", \
    "\"address_space\": 128, \"concurrency\": 1" settings)

/* The next one is as good as new. */
#define CHECK_STOPS(rig, url, arg, reason) do { \
	CHECK_ENDS(rig, url, arg, reason); \
	CHECK_GET(rig, "/plain", "", "0"); \
	CHECK_GET(rig, "/sum", "4", "0 4999950000"); \
} while (0)

TEST(several_cpus_compute_one_result)
{
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, START(&rig, ", \"smp\": 4"));
	for (unsigned i = 0; i < 50; i++) {
		CHECK_GET(&rig, "/sum", "2", "0 4999950000");
		CHECK_GET(&rig, "/sum", "4", "0 4999950000");
	}
	CHECK_GET(&rig, "/array", "4", "0 aaabbbcccddd");
	CHECK_GET(&rig, "/array", "2", "0 aaabbb");
	rig_end(&rig);
}

TEST(main_computes_on_several_cpus)
{
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, START(&rig, ", \"smp\": 4"));
	CHECK_GET(&rig, "/start", "", "499500");
	rig_end(&rig);
	CHECK_RIG(&rig, START(&rig, ""));
	CHECK_GET(&rig, "/start", "", "0");
	rig_end(&rig);
}

TEST(each_cpu_has_its_number_and_all_the_machines)
{
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, START(&rig, ", \"smp\": 16"));
	CHECK_GET(&rig, "/ids", "16", "0 16 16");
	CHECK_GET(&rig, "/ids", "3", "0 3 3");
	CHECK_GET(&rig, "/plain", "", "0");
	rig_end(&rig);
}

/* Whatever the number of CPUs: vcpureqid() is of a machine alone. */
TEST(no_two_machines_have_the_same_number)
{
	struct tkvm_reply *reply[4];
	struct tkvm_link link;
	unsigned seen = 0;
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_one(&rig, "build/tests/guests/parallel_probe",
	    "\"address_space\": 128, \"concurrency\": 4"));
	link = rig_link(&rig, "probe", "/who", "");
	for (unsigned i = 0; i < 4; i++) {
		CHECK_RIG(&rig, tkvm_chain_call(&link, 1, rig_get(), &reply[i],
		    &rig.err));
		seen |= 1u << atoi(reply[i]->body);
	}
	CHECK_EQ(seen, 15);
	for (unsigned i = 0; i < 4; i++)
		tkvm_reply_release(&reply[i]);
	rig_end(&rig);
}

TEST(clones_go_on_behind_the_call)
{
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, START(&rig, ", \"smp\": 4"));
	CHECK_GET(&rig, "/clone", "4", "0 1 2 3");
	CHECK_GET(&rig, "/clone", "2", "0 1 0 0");
	/* Stacks of no size, and where there is no memory. */
	CHECK_GET(&rig, "/clone", "04", "-1 0 0 0");
	CHECK_GET(&rig, "/clone", "-4", "-1 0 0 0");
	rig_end(&rig);
}

/* Beyond what the setting allows the program is told to compute alone. */
TEST(the_number_of_cpus_is_the_settings)
{
	static const char *const none[] = {"0", "1", "5", "17", "0x80000000",
	    "0x100000002", "-1"};
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, START(&rig, ", \"smp\": 4"));
	for (unsigned i = 0; i < sizeof none / sizeof none[0]; i++)
		CHECK_GET(&rig, "/many", none[i], "-1");
	CHECK_GET(&rig, "/many", "4", "0");
	rig_end(&rig);
	for (unsigned i = 0; i < 2; i++) {
		CHECK_RIG(&rig, i == 0 ? START(&rig, "") :
		    START(&rig, ", \"smp\": 1"));
		CHECK_GET(&rig, "/many", "2", "-1");
		CHECK_GET(&rig, "/sum", "2", "-1 4999950000");
		rig_end(&rig);
	}
	CHECK_RIG(&rig, START(&rig, ", \"smp\": 999"));
	CHECK_GET(&rig, "/many", "16", "0");
	CHECK_GET(&rig, "/many", "17", "-1");
	rig_end(&rig);
}

TEST(a_crash_on_any_cpu_ends_the_request_with_its_reason)
{
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, START(&rig, ", \"smp\": 4"));
	CHECK_STOPS(&rig, "/crash", "w", "a null pointer");
	CHECK_HAS(rig.log, "on its CPU ");
	CHECK_HAS(rig.log, "#0 0x");
	/* The first CPU does not wait but loops. */
	CHECK_STOPS(&rig, "/crash", "s", "a null pointer");
	CHECK_STOPS(&rig, "/ud2", "s", "invalid opcode");
	/* No function, but data. */
	CHECK_STOPS(&rig, "/data", "", "execution of");
	rig_end(&rig);
}

/* on_error runs in the failed machine, and may compute on several CPUs. */
TEST(a_failure_of_another_cpu_has_its_second_chance)
{
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, START(&rig, ", \"smp\": 4, "
	    "\"main_arguments\": [\"on_error\"]"));
	for (unsigned i = 0; i < 5; i++) {
		CHECK_CALL(&rig, "probe", "/crash", "w", 555);
		CHECK_HAS(rig.reply->error.text, "a null pointer");
		CHECK_BODY(&rig, "4999950000");
		CHECK_GET(&rig, "/plain", "", "0");
	}
	rig_end(&rig);
}

TEST(a_cpu_that_never_ends_is_stopped_at_the_deadline)
{
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, START(&rig, ", \"smp\": 4"));
	CHECK_RIG(&rig, rig_limit(&rig, 0.2));
	CHECK_STOPS(&rig, "/spin", "w", "time-out");
	CHECK_STOPS(&rig, "/spin", "s", "time-out");
	CHECK_EQ(rig_counters(&rig, "probe").timeouts, 2);
	rig_end(&rig);
}

TEST(an_answer_stops_the_other_cpus)
{
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, START(&rig, ", \"smp\": 4"));
	for (unsigned i = 0; i < 50; i++) {
		/* And while they ran there was no second start. */
		CHECK_GET(&rig, "/spin", "l", "0 -1 0 0 0 0 0");
		CHECK_GET(&rig, "/sum", "3", "0 4999950000");
		/* Whatever they do: here they make calls. */
		CHECK_GET(&rig, "/storm", "l", "0 -1 0 0 0 0 0");
	}
	rig_end(&rig);
}

TEST(memory_of_all_cpus_counts)
{
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, START(&rig, ", \"smp\": 4"));
	CHECK_STOPS(&rig, "/eat", "0x300000", "out of working memory");
	CHECK_GET(&rig, "/eat", "0x100000", "0 0 0 0 0 0 0");
	/* Far beyond it, and beyond each ring. */
	CHECK_STOPS(&rig, "/eat", "0xf00000", "out of working memory");
	CHECK_EQ(rig_counters(&rig, "probe").out_of_memory, 2);
	rig_end(&rig);
}

/* -38, whichever call; and nobody answers in the first CPU's place. */
TEST(the_other_cpus_can_only_compute)
{
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, START(&rig, ", \"smp\": 4"));
	CHECK_GET(&rig, "/calls", "0", "0 0 -38 -38 -38 -38 7");
	CHECK_GET(&rig, "/calls", "1", "0 0 -38 -38 -38 -38 7");
	CHECK_HAS(rig.log, "on another CPU");
	CHECK(rig_counters(&rig, "probe").unknown_calls >= 10);
	rig_end(&rig);
}

/* Registers, stacks and memory of one request's CPUs, in the next request. */
TEST(requests_find_nothing_of_other_requests_cpus)
{
	const char *rounds = getenv("TKVM_ROUNDS");
	unsigned n = rounds != NULL ? 20 : 500;
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, START(&rig, ", \"smp\": 4"));
	for (unsigned i = 0; i < n; i++) {
		CHECK_GET(&rig, "/fill", "l", "0 -1 0 0 0 0 0");
		CHECK_GET(&rig, "/scan", "", "0");
	}
	rig_end(&rig);
}

/* The scan finds what is there: without a reset, in the same machine. */
TEST(without_a_reset_it_would_be_found)
{
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, START(&rig, ", \"smp\": 4, \"ephemeral\": false"));
	CHECK_GET(&rig, "/fill", "l", "0 -1 0 0 0 0 0");
	CHECK_CALL(&rig, "probe", "/scan", "", 200);
	CHECK(atoi(rig.reply->body) >= 65536);
	rig_end(&rig);
}

TEST(nothing_is_left_when_the_program_is_gone)
{
	unsigned fds, tasks;
	struct rig rig;

	NEED_KVM();
	/* What the process keeps for good is there after the first one. */
	CHECK_RIG(&rig, START(&rig, ""));
	CHECK_GET(&rig, "/plain", "", "0");
	rig_end(&rig);
	fds = entries("fd");
	tasks = entries("task");
	for (unsigned i = 0; i < 3; i++) {
		CHECK_RIG(&rig, START(&rig, ", \"smp\": 8"));
		CHECK_GET(&rig, "/sum", "8", "0 4999950000");
		CHECK(entries("task") >= tasks + 7);
		rig_end(&rig);
	}
	CHECK_EQ(entries("fd"), fds);
	CHECK_EQ(entries("task"), tasks);
}

/* Who never asks for more CPUs has none, whatever the setting. */
TEST(cpus_that_nobody_uses_cost_nothing)
{
	unsigned without[2], with[2];
	struct rig rig;

	NEED_KVM();
	for (unsigned i = 0; i < 2; i++) {
		unsigned *n = i == 0 ? without : with;

		CHECK_RIG(&rig, i == 0 ? START(&rig, "") :
		    START(&rig, ", \"smp\": 16"));
		CHECK_GET(&rig, "/plain", "", "0");
		n[0] = entries("fd");
		n[1] = entries("task");
		rig_end(&rig);
	}
	CHECK_EQ(with[0], without[0]);
	CHECK_EQ(with[1], without[1]);
}

/* The same request again: no page fault, no more exits than the first. */
TEST(the_steady_state_faults_nowhere)
{
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, START(&rig, ", \"smp\": 4"));
	for (unsigned i = 0; i < 20; i++)
		CHECK_GET(&rig, "/sum", "4", "0 4999950000");
	CHECK_EQ(rig.reply->faults, 0);
	rig_end(&rig);
}

TEST_MAIN()
