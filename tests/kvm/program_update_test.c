/* SPDX-License-Identifier: BSD-2-Clause */
/* Programs that are replaced while they serve. */
#include <sys/stat.h>

#include "program_rig.h"

#define HELLO PROGRAMS "hello"

struct elf {
	char *data;
	size_t size;
};

static void
give_up(const char *why)
{
	fprintf(stderr, "%s\n", why);
	abort();
}

static struct elf
read_elf(const char *path)
{
	struct tkvm_err err;
	struct elf e;

	if (load_file(path, &e.data, &e.size, &err) != 0)
		give_up(err.text);
	return (e);
}

static char folder[] = "/tmp/tinykvm-update.XXXXXX";

/* A program in a file of its own. */
static int
rig_file(struct rig *rig, const char *name)
{
	struct elf probe = read_elf(PROBE);
	char json[512], path[64];
	struct tkvm_err err;

	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	if (save_file(path, probe.data, probe.size, &err) != 0)
		give_up(err.text);
	free(probe.data);
	(void)snprintf(json, sizeof json, "{\"probe\": {\"filename\": \"%s\", "
	    "\"key\": \"secret\", \"max_memory\": 64, "
	    "\"max_request_memory\": 8}}", path);
	return (rig_load(rig, json));
}

TEST(a_key_is_all_of_it_or_nothing)
{
	static const char *const wrong[] = {"", "s", "secre", "secrets",
	    "secretsecret", "Secret", "xecret", "secrex"};
	struct tkvm_program *p;
	struct rig rig;

	NEED_KVM();
	CHECK_RIG(&rig, rig_file(&rig, "key"));
	p = tkvm_library_find(rig.lib, "probe");
	CHECK(tkvm_program_key_ok(p, "secret"));
	for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		CHECK(!tkvm_program_key_ok(p, wrong[i]));
	rig_end(&rig);
	CHECK_RIG(&rig, rig_probe(&rig, ""));
	p = tkvm_library_find(rig.lib, "probe");
	CHECK(!tkvm_program_key_ok(p, ""));
	CHECK(!tkvm_program_key_ok(p, "secret"));
	rig_end(&rig);
}

TEST(an_update_serves_at_once_and_after_a_restart)
{
	struct elf hello = read_elf(HELLO);
	struct tkvm_program *p;
	struct rig rig;
	struct stat st;
	char path[64];
	bool stored;

	NEED_KVM();
	CHECK_RIG(&rig, rig_file(&rig, "good"));
	(void)snprintf(path, sizeof path, "%s/good", folder);
	CHECK_EQ(chmod(path, 0640), 0);
	p = tkvm_library_find(rig.lib, "probe");
	for (unsigned i = 0; i < 2; i++) {
		CHECK_RIG(&rig, tkvm_program_update(p, hello.data, hello.size,
		    &stored, &rig.err));
		CHECK(stored);
		CHECK(tkvm_program_ready(p));
		CHECK_CALL(&rig, "probe", "/x", "", 200);
		CHECK(strncmp(rig.reply->body, "Hello", 5) == 0);
		CHECK_EQ(rig_counters(&rig, "probe").live_updates, i + 1);
		tkvm_reply_release(&rig.reply);
	}
	tkvm_program_stop(p);
	CHECK_CALL(&rig, "probe", "/x", "", 200);
	CHECK(strncmp(rig.reply->body, "Hello", 5) == 0);
	CHECK_EQ(stat(path, &st), 0);
	CHECK_EQ(st.st_mode & 0777, 0640);
	CHECK_EQ((size_t)st.st_size, hello.size);
	free(hello.data);
	rig_end(&rig);
}

TEST(a_bad_update_leaves_the_program_and_its_file)
{
	struct elf hello = read_elf(HELLO);
	struct elf cat = read_elf("build/tests/guests/cli_cat");
	struct tkvm_program *p;
	struct rig rig;
	bool stored;

	NEED_KVM();
	CHECK_RIG(&rig, rig_file(&rig, "bad"));
	p = tkvm_library_find(rig.lib, "probe");
	CHECK_CALL(&rig, "probe", "/x", "", 200);
	CHECK_BODY(&rig, "/x  1");
	CHECK_EQ(tkvm_program_update(p, "", 0, &stored, &rig.err),
	    TKVM_ECONFIG);
	CHECK_EQ(tkvm_program_update(p, hello.data, 3000, &stored, &rig.err),
	    TKVM_EFILE);
	CHECK_EQ(tkvm_program_update(p, "#!/bin/sh\n", 10, &stored, &rig.err),
	    TKVM_EFILE);
	CHECK_EQ(tkvm_program_update(p, cat.data, cat.size, &stored,
	    &rig.err), TKVM_EGUEST);
	CHECK_EQ(tkvm_program_update_file(p, "/nonexistent", &stored,
	    &rig.err), TKVM_EFILE);
	CHECK(!stored);
	CHECK_EQ(rig_counters(&rig, "probe").live_updates, 0);
	CHECK_CALL(&rig, "probe", "/x", "", 200);
	CHECK_BODY(&rig, "/x  1");
	tkvm_program_stop(p);
	CHECK_CALL(&rig, "probe", "/x", "", 200);
	free(hello.data);
	free(cat.data);
	rig_end(&rig);
}

TEST(of_two_updates_at_once_one_is_refused)
{
	struct elf hello = read_elf(HELLO);
	struct tkvm_program *p;
	struct rig rig;
	bool stored;

	NEED_KVM();
	CHECK_RIG(&rig, rig_file(&rig, "two"));
	p = tkvm_library_find(rig.lib, "probe");
	/* As if another one were under way. */
	CHECK_EQ(pthread_mutex_lock(&p->updating), 0);
	CHECK_EQ(tkvm_program_update(p, hello.data, hello.size, &stored,
	    &rig.err), TKVM_EBUSY);
	CHECK_HAS(rig.err.text, "probe is being updated by someone else");
	CHECK_EQ(pthread_mutex_unlock(&p->updating), 0);
	CHECK_EQ(tkvm_program_update(p, hello.data, hello.size, &stored,
	    &rig.err), 0);
	free(hello.data);
	rig_end(&rig);
}

TEST(a_held_answer_outlives_an_update)
{
	struct elf hello = read_elf(HELLO);
	struct tkvm_reply *held = NULL;
	struct tkvm_link link;
	struct rig rig;
	bool stored;

	NEED_KVM();
	CHECK_RIG(&rig, rig_file(&rig, "held"));
	link = rig_link(&rig, "probe", "/big/50000", "");
	CHECK_RIG(&rig, tkvm_chain_call(&link, 1, rig_get(), &held,
	    &rig.err));
	CHECK_RIG(&rig, tkvm_program_update(link.program, hello.data,
	    hello.size, &stored, &rig.err));
	CHECK_EQ(held->body_len, 50000);
	CHECK(((const char *)held->body)[49999] != '\0');
	tkvm_reply_release(&held);
	CHECK_CALL(&rig, "probe", "/x", "", 200);
	CHECK(strncmp(rig.reply->body, "Hello", 5) == 0);
	free(hello.data);
	rig_end(&rig);
}

static int
clean_folder(void)
{
	static const char *const names[] = {"key", "good", "bad", "two",
	    "held"};
	char path[64];

	for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
		(void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		(void)unlink(path);
	}
	/* Fails when something else is left there. */
	return (rmdir(folder));
}

TEST(nothing_is_left_beside_the_files)
{
	CHECK_EQ(clean_folder(), 0);
}

int
main(int argc, char **argv)
{
	if (mkdtemp(folder) == NULL)
		return (2);
	return (test_run_all(argc, argv));
}
