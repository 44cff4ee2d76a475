/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench: rows for everything below Varnish. From the checkout's folder.
 */
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../kvm/mini.h"
#include "bench.h"
#include "tinykvm/program.h"

#define PAGES "build/tests/guests/bench_pages"
#define HELLO "build/programs/hello"
#define CALLS "build/tests/guests/bench_calls"

static struct samples s, s2;
static struct tkvm_err err;

#define MUST(call) do { \
	if ((call) != 0) \
		die(err.text); \
} while (0)

/*--- machines -------------------------------------------------------------*/

/* mini's handler, but call 0x1f000 does nothing and goes on. */
static enum tkvm_next
answer_empty(void *state, struct tkvm_machine *m, struct tkvm_call *c,
    struct tkvm_err *e)
{
	if (c->number == 0x1f000)
		return (TKVM_RESUME);
	return (mini_call(state, m, c, e));
}

static void
start_pages(struct mini *mini)
{
	struct tkvm_calls calls;

	MUST(mini_start(mini, PAGES, 64 << 20, 16 << 20, &err));
	tkvm_machine_destroy(&mini->fork);
	calls = mini_calls(mini);
	calls.http_call = answer_empty;
	MUST(tkvm_machine_fork(mini->image, &calls, 1, 16 << 20, &mini->fork,
	    &err));
}

static void
bench_exit(struct mini *mini)
{
	const unsigned n = 500;
	uint64_t t;

	for (int i = 0; i < 61; i++) {
		t = tkvm_now_ns();
		MUST(mini_enter(mini, mini->fork, 2, n, 0, mini_soon(), &err));
		if (i >= 10)
			sample(&s, tkvm_now_ns() - t);
		MUST(tkvm_machine_reset(mini->fork, &err));
	}
	row_of("call", "raw exit round trip", &s, n + 1);
}

/* Pages of two resident ranges, in turn, as a reset copies them. */
static void
bench_copy(void)
{
	const size_t pages = 1000;
	char *from = malloc(pages * TKVM_PAGE), *to = malloc(pages * TKVM_PAGE);
	uint64_t t;

	if (from == NULL || to == NULL)
		die("no memory");
	memset(from, 1, pages * TKVM_PAGE);
	for (int i = 0; i < 211; i++) {
		t = tkvm_now_ns();
		for (size_t p = 0; p < pages; p++) {
			memcpy(to + p * TKVM_PAGE, from + p * TKVM_PAGE,
			    TKVM_PAGE);
			__asm__ volatile("" ::: "memory");
		}
		if (i >= 10)
			sample(&s, tkvm_now_ns() - t);
	}
	row_of("reset", "a resident page copied", &s, (double)pages);
	free(from);
	free(to);
}

static void
bench_reset(struct mini *mini, unsigned pages)
{
	char what[80];
	uint64_t t, copied = 0;

	for (int i = 0; i < 501; i++) {
		MUST(mini_enter(mini, mini->fork, 1, pages, 0, mini_soon(),
		    &err));
		copied = tkvm_machine_stats(mini->fork)->pages_copied;
		t = tkvm_now_ns();
		MUST(tkvm_machine_reset(mini->fork, &err));
		t = tkvm_now_ns() - t;
		copied = tkvm_machine_stats(mini->fork)->pages_copied - copied;
		if (i >= 50)
			sample(&s, t);
	}
	(void)snprintf(what, sizeof what, "reset of %u dirty pages "
	    "(%ju copied)", pages, (uintmax_t)copied);
	row_of("reset", what, &s, 1);
}

/*--- programs -------------------------------------------------------------*/

static struct tkvm_library *
define(const char *name, const char *file, const char *more)
{
	struct tkvm_library *lib;
	char json[512];

	(void)snprintf(json, sizeof json, "{\"filename\": \"%s\", "
	    "\"concurrency\": 1%s}", file, more);
	MUST(tkvm_library_new(NULL, &lib, &err));
	MUST(tkvm_library_configure(lib, name, json, &err));
	return (lib);
}

static void
call(struct tkvm_program *p)
{
	const struct tkvm_link link = {
		.program = p, .url = "/", .arg = "", .error_threshold = 400,
	};
	const struct tkvm_request req = {
		.method = "GET", .url = "/", .arg = "", .content_type = "",
	};
	struct tkvm_reply *reply;

	MUST(tkvm_chain_call(&link, 1, &req, &reply, &err));
	if (reply->status != 200)
		die("a program's answer is not 200");
	tkvm_reply_release(&reply);
}

/* Both kinds in turn, so that both meet the same machine. */
static void
bench_hello(void)
{
	struct tkvm_library *with = define("hello", HELLO, "");
	struct tkvm_library *without = define("hello", HELLO,
	    ", \"ephemeral\": false");
	struct tkvm_program *a = tkvm_library_find(with, "hello");
	struct tkvm_program *b = tkvm_library_find(without, "hello");
	uint64_t t;

	for (int i = 0; i < 6000; i++) {
		t = tkvm_now_ns();
		call(a);
		if (i >= 1000)
			sample(&s, tkvm_now_ns() - t);
		t = tkvm_now_ns();
		call(b);
		if (i >= 1000)
			sample(&s2, tkvm_now_ns() - t);
	}
	row_of("call", "hello, with reset", &s, 1);
	row_of("call", "hello, without reset", &s2, 1);
	tkvm_library_destroy(&with);
	tkvm_library_destroy(&without);
}

#define OFTEN 1000
#define VERY_OFTEN 100000

/* What a program's call costs, a clock that it reads, a file it watches. */
static void
bench_calls(void)
{
	static const char *const more[] = {
		", \"main_arguments\": [\"call\", \"0\"]",
		", \"allowed_paths\": [\"/etc/hostname\"], "
		    "\"main_arguments\": [\"watch\", \"/etc/hostname\"]",
		", \"main_arguments\": [\"call\", \"1000\"]",
		", \"main_arguments\": [\"clock\", \"100000\"]",
	};
	static struct samples s3, s4;
	struct samples *to[] = {&s, &s2, &s3, &s4};
	struct tkvm_library *lib[4];
	uint64_t t;

	for (int k = 0; k < 4; k++)
		lib[k] = define("calls", CALLS, more[k]);
	for (int i = 0; i < 2000; i++)
		for (int k = 0; k < (i % 100 == 0 ? 4 : 2); k++) {
			t = tkvm_now_ns();
			call(tkvm_library_find(lib[k], "calls"));
			if (i >= 200)
				sample(to[k], tkvm_now_ns() - t);
		}
	row_of("file", "a request", &s, 1);
	row_of("file", "the same, of a program that watches a file", &s2, 1);
	row_of("clock", "a program's system call", &s3, OFTEN);
	row_of("clock", "a clock that it reads", &s4, VERY_OFTEN);
	for (int k = 0; k < 4; k++)
		tkvm_library_destroy(&lib[k]);
}

/* What state costs: the same counter in shared memory and in storage. */
static void
bench_state(void)
{
	struct tkvm_library *plain = define("hello", HELLO, "");
	struct tkvm_library *shared = define("shared",
	    "build/programs/shared_counter", ", \"shared_memory\": 1");
	struct tkvm_library *stored = define("stored",
	    "build/programs/storage_counter", ", \"storage\": true");
	struct tkvm_program *p[] = {
		tkvm_library_find(plain, "hello"),
		tkvm_library_find(shared, "shared"),
		tkvm_library_find(stored, "stored"),
	};
	static struct samples s3;
	struct samples *to[] = {&s, &s2, &s3};
	uint64_t t;

	for (int i = 0; i < 3000; i++)
		for (int k = 0; k < 3; k++) {
			t = tkvm_now_ns();
			call(p[k]);
			if (i >= 500)
				sample(to[k], tkvm_now_ns() - t);
		}
	row_of("state", "hello, without state", &s, 1);
	row_of("state", "a counter in shared memory", &s2, 1);
	row_of("state", "a counter in storage", &s3, 1);
	tkvm_library_destroy(&plain);
	tkvm_library_destroy(&shared);
	tkvm_library_destroy(&stored);
}

static void
bench_start(void)
{
	char *argv[] = {(char *)(uintptr_t)"true", NULL};
	struct tkvm_library *lib;
	uint64_t t;
	pid_t pid;

	for (int i = 0; i < 25; i++) {
		t = tkvm_now_ns();
		if (posix_spawn(&pid, "/bin/true", NULL, NULL, argv, environ))
			die("cannot start /bin/true");
		(void)waitpid(pid, NULL, 0);
		if (i >= 4)
			sample(&s, tkvm_now_ns() - t);
		lib = define("hello", HELLO, "");
		t = tkvm_now_ns();
		MUST(tkvm_program_start(tkvm_library_find(lib, "hello"), false,
		    &err));
		if (i >= 4)
			sample(&s2, tkvm_now_ns() - t);
		tkvm_library_destroy(&lib);
	}
	row_of("start", "a native process, to its end (/bin/true)", &s, 1);
	row_of("start", "hello, from file to ready", &s2, 1);
}

/*--- memory ---------------------------------------------------------------*/

/* Memory of this process that nobody else has. */
static double
private_bytes(void)
{
	FILE *f = fopen("/proc/self/smaps_rollup", "r");
	double kb = 0, v;
	char line[128];

	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		if (sscanf(line, "Private_Clean: %lf", &v) == 1 ||
		    sscanf(line, "Private_Dirty: %lf", &v) == 1)
			kb += v;
	if (f != NULL)
		(void)fclose(f);
	return (kb * 1024);
}

/* Forks of hello that have each answered twice and wait again. */
static void
bench_memory(void)
{
	enum { FORKS = 64 };
	static struct tkvm_machine *fork[FORKS];
	struct tkvm_calls calls;
	struct mini mini;
	double before;

	MUST(mini_start(&mini, HELLO, 64 << 20, 16 << 20, &err));
	calls = mini_calls(&mini);
	before = private_bytes();
	for (int i = 0; i < FORKS; i++)
		MUST(tkvm_machine_fork(mini.image, &calls, 1, 16 << 20,
		    &fork[i], &err));
	for (int i = 0; i < 2 * FORKS; i++) {
		MUST(mini_enter(&mini, fork[i % FORKS], 1, 0, 0, mini_soon(),
		    &err));
		MUST(tkvm_machine_reset(fork[i % FORKS], &err));
	}
	row("memory", "hello's frozen image, shared by all",
	    (double)tkvm_image_bytes(mini.image), "B");
	row("memory", "each idle request machine of hello",
	    (private_bytes() - before) / FORKS, "B");
	for (int i = 0; i < FORKS; i++)
		tkvm_machine_destroy(&fork[i]);
	mini_stop(&mini);
}

int
main(void)
{
	const struct tkvm_host *host;
	struct mini mini;

	MUST(tkvm_host_probe(&host, &err));
	start_pages(&mini);
	bench_exit(&mini);
	bench_hello();
	bench_calls();
	bench_state();
	bench_copy();
	bench_reset(&mini, 10);
	bench_reset(&mini, 100);
	bench_reset(&mini, 1000);
	mini_stop(&mini);
	bench_start();
	bench_memory();
	return (0);
}
