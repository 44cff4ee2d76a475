/* SPDX-License-Identifier: BSD-2-Clause */
/* The queue of storage, and what becomes of state when programs change. */
#include <elf.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>

#include "program_rig.h"
#include "program/storage_priv.h"

#define STORED PROGRAMS "storage_counter"
#define STORAGE_PROBE "build/tests/guests/storage_probe"

/* The address of a function of a static executable, or 0. */
static uint64_t
symbol(const char *path, const char *name)
{
	struct tkvm_err err;
	uint64_t at = 0;
	Elf64_Shdr *sh;
	Elf64_Ehdr *e;
	Elf64_Sym *sym;
	size_t size;
	char *f;

	if (load_file(path, &f, &size, &err) != 0)
		return (0);
	e = (Elf64_Ehdr *)(void *)f;
	sh = (Elf64_Shdr *)(void *)(f + e->e_shoff);
	for (unsigned i = 0; i < e->e_shnum; i++) {
		if (sh[i].sh_type != SHT_SYMTAB)
			continue;
		sym = (Elf64_Sym *)(void *)(f + sh[i].sh_offset);
		for (unsigned j = 0; j < sh[i].sh_size / sizeof *sym; j++)
			if (strcmp(f + sh[sh[i].sh_link].sh_offset +
			    sym[j].st_name, name) == 0)
				at = sym[j].st_value;
	}
	free(f);
	return (at);
}

/* The probe with storage, started; its storage. */
static struct storage *
start_probe(struct rig *rig, const char *settings)
{
	char json[512];

	(void)snprintf(json, sizeof json, "{\"probe\": {\"filename\": \"%s\", "
	    "\"storage\": true, %s}}", STORAGE_PROBE, settings);
	if (rig_load(rig, json) != 0 ||
	    tkvm_program_start(tkvm_library_find(rig->lib, "probe"), false,
	    &rig->err) != 0)
		return (NULL);
	return (tkvm_library_find(rig->lib, "probe")->generation->storage);
}

/*--- the queue ------------------------------------------------------------*/

struct caller {
	struct storage *st;
	uint64_t function;
	pthread_t thread;
	uint64_t value;			/* what storage gave back */
	int r;
};

static void *
call_storage(void *arg)
{
	char one[] = "\1";
	struct caller *c = arg;
	struct http_storage_call call = {
		.function = c->function, .n = 1, .len = {1}, .data = one,
		.dst_len = 8, .room = 8,
	};

	c->r = storage_ops.call(c->st, &call, UINT64_MAX / 2);
	if (c->r == 0 && call.result != NULL && call.result_len == 8)
		memcpy(&c->value, call.result, 8);
	free(call.result);
	return (NULL);
}

static unsigned
queue_length(struct storage *st)
{
	unsigned n = 0;

	(void)pthread_mutex_lock(&st->lock);
	for (const struct turn *t = st->first; t != NULL; t = t->next)
		n++;
	(void)pthread_mutex_unlock(&st->lock);
	return (n);
}

/* All callers stand in the queue, in their order; then it begins to move. */
static int
queue_up(struct caller *c, unsigned n)
{
	pthread_attr_t attr;

	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setstacksize(&attr, 64 << 10);
	if (storage_take(c->st, UINT64_MAX / 2) != 0)
		return (-1);
	for (unsigned i = 0; i < n; i++) {
		if (pthread_create(&c[i].thread, &attr, call_storage, &c[i]))
			return (-1);
		while (queue_length(c->st) != i + 1)
			(void)sched_yield();
	}
	storage_give(c->st);
	for (unsigned i = 0; i < n; i++)
		(void)pthread_join(c[i].thread, NULL);
	return (pthread_attr_destroy(&attr));
}

/* add() counts what it is given, and one more behind its result. */
TEST(a_thousand_callers_are_served_in_their_order)
{
	static struct caller c[1000];
	struct storage *st;
	struct rig rig;

	NEED_KVM();
	st = start_probe(&rig, "\"max_storage_time\": 60");
	CHECK(st != NULL);
	for (unsigned i = 0; i < 1000; i++)
		c[i] = (struct caller){.st = st,
		    .function = symbol(STORAGE_PROBE, "add")};
	CHECK(c[0].function != 0);
	CHECK_EQ(queue_up(c, 1000), 0);
	for (unsigned i = 0; i < 1000; i++) {
		CHECK_EQ(c[i].r, 0);
		CHECK_EQ(c[i].value, 2 * i + 1);
	}
	rig_end(&rig);
}

TEST(a_function_that_hangs_costs_the_others_its_limit_and_is_named)
{
	static struct caller c[6];
	struct storage *st;
	struct rig rig;
	char *at;

	NEED_KVM();
	st = start_probe(&rig, "\"max_storage_time\": 0.1");
	CHECK(st != NULL);
	for (unsigned i = 0; i < 6; i++)
		c[i] = (struct caller){.st = st, .function =
		    symbol(STORAGE_PROBE, i % 2 == 0 ? "loop" : "add")};
	CHECK_EQ(queue_up(c, 6), 0);
	at = rig.log;
	for (unsigned i = 0; i < 6; i++) {
		CHECK_EQ(c[i].r, i % 2 == 0 ? -1 : 0);
		CHECK_EQ(c[i].value, i % 2 == 0 ? 0 : i);
		if (i % 2 == 0) {
			at = strstr(at, "storage: loop+0x");
			CHECK(at != NULL);
			CHECK_HAS(at, "time-out");
			at++;
		}
	}
	rig_end(&rig);
}

/*--- live update ----------------------------------------------------------*/

struct user {
	struct rig *rig;
	pthread_t thread;
	unsigned failed;
	uint64_t *seen;			/* counts, that nobody else got */
	unsigned n;
};

#define USER_REQUESTS 20000		/* at most */
#define USERS 4
static _Atomic bool enough;

static void *
use(void *arg)
{
	struct user *u = arg;
	struct tkvm_link link = rig_link(u->rig, "counter", "/", "");
	struct tkvm_reply *reply;
	struct tkvm_err err;

	for (unsigned i = 0; i < USER_REQUESTS && !enough; i++) {
		if (tkvm_chain_call(&link, 1, rig_get(), &reply, &err) != 0) {
			u->failed++;
			continue;
		}
		if (reply->status != 200)
			u->failed++;
		else
			u->seen[u->n++] = strtoull(reply->body, NULL, 10);
		tkvm_reply_release(&reply);
	}
	return (NULL);
}

static int
by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x < y ? -1 : x > y);
}

TEST(no_count_is_lost_while_the_program_is_replaced)
{
	static uint64_t seen[USERS * USER_REQUESTS];
	struct user user[USERS];
	struct tkvm_program *p;
	unsigned n = 0;
	struct rig rig;
	bool stored;

	NEED_KVM();
	enough = false;
	CHECK_RIG(&rig, rig_load(&rig, "{\"counter\": {\"filename\": \""
	    STORED "\", \"storage\": true, \"concurrency\": 3}}"));
	p = tkvm_library_find(rig.lib, "counter");
	for (unsigned i = 0; i < USERS; i++) {
		user[i] = (struct user){.rig = &rig,
		    .seen = seen + i * USER_REQUESTS};
		CHECK_EQ(pthread_create(&user[i].thread, NULL, use, &user[i]),
		    0);
	}
	for (unsigned i = 0; i < 12; i++) {
		if (i % 3 == 0)
			tkvm_program_invalidate(p);
		else
			CHECK_RIG(&rig, tkvm_program_update_file(p, STORED,
			    &stored, &rig.err));
	}
	enough = true;
	for (unsigned i = 0; i < USERS; i++) {
		CHECK_EQ(pthread_join(user[i].thread, NULL), 0);
		CHECK_EQ(user[i].failed, 0);
		memmove(seen + n, user[i].seen, user[i].n * sizeof seen[0]);
		n += user[i].n;
	}
	qsort(seen, n, sizeof seen[0], by_value);
	for (unsigned i = 0; i < n; i++)
		CHECK_EQ(seen[i], i + 1);
	rig_end(&rig);
}

/*--- shared memory --------------------------------------------------------*/

TEST(storage_sees_shared_memory_if_settings_say_so)
{
	struct rig rig;

	NEED_KVM();
	CHECK(start_probe(&rig, "\"shared_memory\": 2, "
	    "\"storage_shares_memory\": true") != NULL);
	CHECK_CALL(&rig, "probe", "/shared", "", 200);
	CHECK_BODY(&rig, "8 2");
	CHECK_CALL(&rig, "probe", "/shared", "", 200);
	CHECK_BODY(&rig, "8 4");
	rig_end(&rig);
	CHECK(start_probe(&rig, "\"shared_memory\": 2") != NULL);
	CHECK_CALL(&rig, "probe", "/shared", "", 200);
	CHECK_BODY(&rig, "0 0");
	rig_end(&rig);
	CHECK(rig_load(&rig, "{\"probe\": {\"filename\": \"" STORAGE_PROBE
	    "\", \"storage\": true, \"cold_start_file\": \"/x\", "
	    "\"storage_shares_memory\": true}}") != 0);
	CHECK_HAS(rig.err.text, "cannot both be");
	rig_end(&rig);
}

/*--- the state file -------------------------------------------------------*/

static char folder[] = "/tmp/tinykvm-storage.XXXXXX";

/* The counter in a file of its own, and its state: a count with this sum. */
static int
make_counter(const char *name, const char *sum, char path[64])
{
	struct tkvm_err err;
	char state[80], text[96];
	struct stat st;
	size_t size;
	char *elf;

	(void)snprintf(path, 64, "%s/%s", folder, name);
	(void)snprintf(state, sizeof state, "%s.state", path);
	if (load_file(STORED, &elf, &size, &err) != 0 ||
	    save_file(path, elf, size, &err) != 0 ||
	    save_file(state, "5\n", 2, &err) != 0 || stat(state, &st) != 0)
		abort();
	free(elf);
	(void)snprintf(text, sizeof text, "1 %s 2 %jd.%09ld", sum,
	    (intmax_t)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	return (setxattr(state, "user.tinykvm.sum", text, strlen(text), 0));
}

TEST(a_damaged_state_is_put_aside)
{
	char json[256], path[64], aside[96];
	struct rig rig;

	NEED_KVM();
	for (unsigned i = 0; i < 2; i++) {
		/* CRC-32C of "5\n", and not. */
		if (make_counter("count", i == 0 ? "87e5b4c2" : "00000000",
		    path) != 0)
			SKIP("this file system keeps no extended attributes");
		(void)snprintf(json, sizeof json, "{\"probe\": {\"filename\": "
		    "\"%s\", \"storage\": true}}", path);
		CHECK_RIG(&rig, rig_load(&rig, json));
		CHECK_CALL(&rig, "probe", "/", "", 200);
		CHECK_BODY(&rig, i == 0 ? "6\n" : "1\n");
		CHECK_EQ(strstr(rig.log, "is damaged") != NULL, i == 1);
		(void)snprintf(aside, sizeof aside, "%s.state.damaged", path);
		CHECK_EQ(access(aside, F_OK), i == 0 ? -1 : 0);
		rig_end(&rig);
	}
}

int
main(int argc, char **argv)
{
	return (test_run_all_in(folder, argc, argv));
}
