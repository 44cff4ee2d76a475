/* SPDX-License-Identifier: BSD-2-Clause */
/* Whose a snapshot is: of several libraries, of updates, of failures. */
#include <time.h>

#include "kept_rig.h"
#include "program/storage_priv.h"

#define STORED PROGRAMS "storage_counter"
#define KEPT_SOMETIMES "\"storage\": true, \"storage_snapshot\": 1000"

static struct tkvm_program *
probe(struct rig *rig)
{
	return (tkvm_library_find(rig->lib, "probe"));
}

/* Files that were put aside. */
static unsigned
refused(void)
{
	char name[128];
	unsigned n = 0;

	do {
		n++;
		(void)snprintf(name, sizeof name, n == 1 ? "%s.refused" :
		    "%s.refused%u", snapshot, n);
	} while (access(name, F_OK) == 0);
	return (n - 1);
}

/* One byte more behind all that counts: another program that does the same. */
static int
update(struct rig *rig)
{
	char *elf, *more;
	size_t size;
	bool stored;
	int r;

	if (load_file(path, &elf, &size, &err) != 0 ||
	    (more = realloc(elf, size + 1)) == NULL)
		abort();
	more[size] = '\0';
	r = tkvm_program_update(probe(rig), more, size + 1, &stored, &err);
	free(more);
	return (r);
}

static void
sleep_ms(unsigned ms)
{
	const struct timespec t = {ms / 1000, ms % 1000 * 1000000L};

	(void)nanosleep(&t, NULL);
}

/*--- two libraries, as of two VCLs ----------------------------------------*/

static void
two_count(const char *settings)
{
	struct rig a, b, *turn[] = {&a, &a, &b, &b, &a, &b, &a};
	char body[32];

	fresh("two", STORAGE_PROBE);
	CHECK_RIG(&a, load(&a, settings));
	CHECK_CALL(&a, "probe", "/", "", 200);
	CHECK_BODY(&a, "8 6");
	CHECK_RIG(&b, load(&b, settings));
	CHECK_EQ(tkvm_program_start(probe(&b), false, &err), 0);
	for (unsigned i = 0; i < sizeof turn / sizeof turn[0]; i++) {
		CHECK_CALL(turn[i], "probe", "/", "", 200);
		(void)snprintf(body, sizeof body, "8 %u", 13 + 7 * i);
		CHECK_BODY(turn[i], body);
	}
	/* The last one is alone again, and so is the next. */
	rig_end(&b);
	CHECK_CALL(&a, "probe", "/", "", 200);
	CHECK_BODY(&a, "8 62");
	rig_end(&a);
	CHECK_RIG(&a, load(&a, settings));
	CHECK_CALL(&a, "probe", "/", "", 200);
	CHECK_BODY(&a, "8 69");
	rig_end(&a);
	CHECK_EQ(refused(), 0);
	CHECK_EQ(unlink(snapshot), 0);
}

TEST(state_goes_with_requests_from_one_library_to_another)
{
	NEED_KVM();
	two_count(KEPT);
	two_count(KEPT_SOMETIMES);
}

#define CLIENTS 4
#define CALLS 40

struct client {
	pthread_t thread;
	struct rig *rig;
	unsigned long got[CALLS];
	unsigned n;			/* calls that were acknowledged */
};

static void *
count(void *arg)
{
	struct client *c = arg;
	struct tkvm_link link = rig_link(c->rig, "probe", "/", "");
	struct tkvm_reply *reply;
	struct tkvm_err e;

	for (unsigned i = 0; i < CALLS; i++) {
		if (tkvm_chain_call(&link, 1, rig_get(), &reply, &e) != 0)
			continue;
		if (reply->status == 200)
			c->got[c->n++] = strtoul(reply->body, NULL, 10);
		tkvm_reply_release(&reply);
	}
	return (NULL);
}

static void *
end_rig(void *rig)
{
	rig_end(rig);
	return (NULL);
}

static void
all_count(const char *settings)
{
	static bool seen[CLIENTS * CALLS + 1];
	struct client clients[CLIENTS];
	unsigned n = 0;
	struct rig rig[2];

	fresh("both", STORED);
	memset(seen, 0, sizeof seen);
	memset(clients, 0, sizeof clients);
	CHECK_RIG(&rig[0], load(&rig[0], settings));
	CHECK_RIG(&rig[1], load(&rig[1], settings));
	for (unsigned i = 0; i < CLIENTS; i++) {
		clients[i].rig = &rig[i % 2];
		CHECK_EQ(pthread_create(&clients[i].thread, NULL, count,
		    &clients[i]), 0);
	}
	for (unsigned i = 0; i < CLIENTS; i++)
		CHECK_EQ(pthread_join(clients[i].thread, NULL), 0);
	for (unsigned i = 0; i < CLIENTS; i++)
		for (unsigned j = 0; j < clients[i].n; j++, n++) {
			CHECK(clients[i].got[j] <= CLIENTS * CALLS);
			CHECK(!seen[clients[i].got[j]]);
			seen[clients[i].got[j]] = true;
		}
	CHECK_EQ(n, CLIENTS * CALLS);
	rig_end(&rig[0]);
	rig_end(&rig[1]);
	CHECK_EQ(refused(), 0);
	CHECK_EQ(unlink(snapshot), 0);
}

TEST(two_libraries_at_once_lose_nothing)
{
	NEED_KVM();
	all_count(KEPT);
	all_count(KEPT_SOMETIMES);
}

/* What it has changed is in its memory, and a task runs there. */
TEST(a_library_that_ends_hands_its_state_to_one_that_is_asked)
{
	struct rig a, b;
	pthread_t end;

	NEED_KVM();
	fresh("hands", STORAGE_PROBE);
	CHECK_RIG(&a, load(&a, KEPT_SOMETIMES ", \"max_storage_time\": 60"));
	CHECK_CALL(&a, "probe", "/", "", 200);
	CHECK_RIG(&b, load(&b, KEPT_SOMETIMES ", \"max_storage_time\": 60, "
	    "\"max_request_time\": 60"));
	CHECK_EQ(tkvm_program_start(probe(&b), false, &err), 0);
	CHECK_CALL(&a, "probe", "/task/slow", "", 200);
	CHECK_EQ(pthread_create(&end, NULL, end_rig, &a), 0);
	sleep_ms(300);
	CHECK_CALL(&b, "probe", "/", "", 200);
	CHECK_EQ(pthread_join(end, NULL), 0);
	CHECK_BODY(&b, "8 13");
	CHECK_CALL(&b, "probe", "/journal", "", 200);
	CHECK_BODY(&b, "<>");
	rig_end(&b);
}

TEST(a_library_that_nobody_asks_takes_nothing)
{
	struct rig a, b;

	NEED_KVM();
	fresh("idle", STORAGE_PROBE);
	CHECK_RIG(&a, load(&a, KEPT));
	CHECK_CALL(&a, "probe", "/", "", 200);
	CHECK_RIG(&b, load(&b, KEPT ", \"environment\": [\"A=1\"]"));
	CHECK_EQ(tkvm_program_start(probe(&b), false, &err), 0);
	CHECK_HAS(b.log, "the file stays another VCL's");
	CHECK_CALL(&a, "probe", "/", "", 200);
	CHECK_BODY(&a, "8 13");
	CHECK_EQ(refused(), 0);
	/* With other settings it is another program, and the newer one. */
	CHECK_CALL(&b, "probe", "/", "", 200);
	CHECK_BODY(&b, "8 6");
	CHECK_EQ(refused(), 1);
	CHECK_CALL(&a, "probe", "/", "", 200);
	CHECK_BODY(&a, "-1 0");
	CHECK_HAS(a.log, "is written by another one");
	/* Back to the old one: nothing of either is lost. */
	rig_end(&b);
	CHECK_CALL(&a, "probe", "/", "", 200);
	CHECK_BODY(&a, "8 20");
	CHECK_EQ(refused(), 2);
	rig_end(&a);
}

TEST(timers_run_where_the_state_is)
{
	struct rig a, b;
	size_t n;

	NEED_KVM();
	fresh("timers", STORAGE_PROBE);
	CHECK_RIG(&a, load(&a, KEPT));
	CHECK_CALL(&a, "probe", "/task/often", "x", 200);
	sleep_ms(100);
	CHECK_CALL(&a, "probe", "/journal", "", 200);
	CHECK_RIG(&b, load(&b, KEPT));
	CHECK_CALL(&b, "probe", "/task/stop", "0", 200);
	CHECK_CALL(&b, "probe", "/number", "", 200);
	sleep_ms(100);
	CHECK_CALL(&b, "probe", "/journal", "", 200);
	n = b.reply->body_len;
	sleep_ms(300);
	CHECK_CALL(&b, "probe", "/journal", "", 200);
	CHECK_EQ(b.reply->body_len, n);
	rig_end(&a);
	rig_end(&b);
}

/*--- what is of no use ----------------------------------------------------*/

TEST(a_state_that_does_not_fit_is_put_aside_and_stays_there)
{
	struct rig rig;

	NEED_KVM();
	fresh("fit", STORAGE_PROBE);
	for (unsigned i = 0; i < 3; i++) {
		CHECK_RIG(&rig, load(&rig, i % 2 == 0 ? KEPT : KEPT
		    ", \"remapping\": [\"0xc000000000\", 2]"));
		CHECK_CALL(&rig, "probe", "/", "", 200);
		CHECK_BODY(&rig, "8 6");
		CHECK_EQ(refused(), i);
		if (i > 0)
			CHECK_HAS(rig.log, "another layout of memory");
		rig_end(&rig);
	}
}

/*--- updates --------------------------------------------------------------*/

TEST(an_update_of_a_program_that_does_not_run_takes_its_state_along)
{
	struct rig rig;

	NEED_KVM();
	fresh("sleeps", STORED);
	CHECK_RIG(&rig, load(&rig, KEPT));
	CHECK_CALL(&rig, "probe", "/", "", 200);
	CHECK_CALL(&rig, "probe", "/", "", 200);
	CHECK_BODY(&rig, "2\n");
	rig_end(&rig);
	CHECK_RIG(&rig, load(&rig, KEPT));
	/* Loading had an end, and is over. */
	tkvm_library_hurry(rig.lib, 0.001);
	sleep_ms(10);
	tkvm_library_hurry(rig.lib, 0);
	CHECK_EQ(update(&rig), 0);
	CHECK_CALL(&rig, "probe", "/", "", 200);
	CHECK_BODY(&rig, "3\n");
	CHECK_EQ(refused(), 0);
	rig_end(&rig);
}

TEST(a_state_that_does_not_move_is_put_aside)
{
	struct rig rig;

	NEED_KVM();
	fresh("stays", STORAGE_PROBE);
	CHECK_RIG(&rig, load(&rig, KEPT));
	CHECK_CALL(&rig, "probe", "/", "", 200);
	CHECK_EQ(update(&rig), 0);
	CHECK_HAS(rig.log, "storage starts empty");
	CHECK_CALL(&rig, "probe", "/", "", 200);
	CHECK_BODY(&rig, "8 6");
	CHECK_EQ(refused(), 1);
	rig_end(&rig);
}

TEST(an_update_waits_for_a_task_and_moves_the_state)
{
	struct rig rig;

	NEED_KVM();
	fresh("task", STORAGE_PROBE);
	CHECK_RIG(&rig, load(&rig, "\"storage\": true, \"max_storage_time\": "
	    "0.5, \"main_arguments\": [\"moves\"]"));
	CHECK_CALL(&rig, "probe", "/", "", 200);
	CHECK_CALL(&rig, "probe", "/task/slow", "", 200);
	sleep_ms(50);
	CHECK_EQ(update(&rig), 0);
	CHECK_CALL(&rig, "probe", "/", "", 200);
	CHECK_BODY(&rig, "8 13");
	rig_end(&rig);
}

TEST(an_update_is_what_settings_say_the_program_must_be)
{
	char settings[256], other[112];
	struct rig rig;
	bool stored;

	NEED_KVM();
	fresh("must", STORED);
	(void)snprintf(other, sizeof other, "%s_storage", path);
	copy_program(path, other);
	CHECK_RIG(&rig, load(&rig, "\"storage\": true"));
	CHECK_CALL(&rig, "probe", "/", "", 200);
	CHECK_EQ(update(&rig), 0);
	/* Both machines run the new one after the next start, too. */
	CHECK(access(other, F_OK) != 0);
	rig_end(&rig);
	(void)snprintf(settings, sizeof settings, "\"sha256\": \"%064d\"", 7);
	CHECK_RIG(&rig, load(&rig, settings));
	CHECK_EQ(update(&rig), TKVM_EFILE);
	CHECK_HAS(err.text, "the update");
	rig_end(&rig);
	(void)snprintf(settings, sizeof settings, "\"signature_key\": "
	    "\"%064d\"", 7);
	CHECK_RIG(&rig, load(&rig, settings));
	CHECK_EQ(update(&rig), TKVM_ECONFIG);
	CHECK_HAS(err.text, "signature");
	CHECK_EQ(tkvm_program_update_file(probe(&rig), path, &stored, &err),
	    TKVM_EFILE);
	rig_end(&rig);
}

/*--- ends and failures ----------------------------------------------------*/

TEST(the_end_waits_for_a_task_whose_state_is_kept)
{
	struct rig rig;

	NEED_KVM();
	fresh("end", STORAGE_PROBE);
	CHECK_RIG(&rig, load(&rig, KEPT_SOMETIMES));
	CHECK_CALL(&rig, "probe", "/", "", 200);
	CHECK_CALL(&rig, "probe", "/task/slow", "", 200);
	sleep_ms(50);
	rig_end(&rig);
	CHECK_RIG(&rig, load(&rig, KEPT_SOMETIMES));
	CHECK_CALL(&rig, "probe", "/journal", "", 200);
	CHECK_BODY(&rig, "<>");
	rig_end(&rig);
}

TEST(it_ends_while_tasks_and_the_file_wait_for_it)
{
	struct rig rig;

	NEED_KVM();
	fresh("ends", STORAGE_PROBE);
	CHECK_RIG(&rig, load(&rig, "\"storage\": true, \"storage_snapshot\": "
	    "0.1"));
	for (unsigned i = 0; i < 3; i++)
		CHECK_CALL(&rig, "probe", "/task/slow", "", 200);
	sleep_ms(300);
	rig_end(&rig);
}

TEST(nobody_is_told_of_what_is_taken_back)
{
	struct rig rig;

	NEED_KVM();
	fresh("back", STORAGE_PROBE);
	CHECK_RIG(&rig, load(&rig, "\"storage\": true, \"storage_rollback\": "
	    "true"));
	CHECK_CALL(&rig, "probe", "/", "", 200);
	CHECK_CALL(&rig, "probe", "/crash-behind", "", 200);
	CHECK_BODY(&rig, "-1 0");
	CHECK_HAS(rig.log, "failed behind its result");
	CHECK_CALL(&rig, "probe", "/", "", 200);
	CHECK_BODY(&rig, "8 13");
	rig_end(&rig);
	/* Otherwise it has its result. */
	CHECK_RIG(&rig, load(&rig, "\"storage\": true"));
	CHECK_CALL(&rig, "probe", "/crash-behind", "", 200);
	CHECK_BODY(&rig, "8 0");
	CHECK_CALL(&rig, "probe", "/", "", 200);
	CHECK_BODY(&rig, "8 1006");
	rig_end(&rig);
}

TEST(storage_without_a_machine_gets_one_again)
{
	struct storage *st;
	struct rig rig;

	NEED_KVM();
	fresh("none", STORAGE_PROBE);
	CHECK_RIG(&rig, load(&rig, KEPT));
	CHECK_CALL(&rig, "probe", "/", "", 200);
	st = probe(&rig)->generation->storage;
	vm_destroy(&st->vm);
	CHECK_CALL(&rig, "probe", "/", "", 200);
	CHECK_BODY(&rig, "-1 0");
	CHECK_HAS(rig.log, "goes on with its last good state");
	CHECK_CALL(&rig, "probe", "/", "", 200);
	CHECK_BODY(&rig, "8 13");
	rig_end(&rig);
}

int
main(int argc, char **argv)
{
	return (test_run_all_in(folder, argc, argv));
}
