/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * program_bench PROGRAM INPUT OPTIONS ROUNDS LABEL [FILE]: a program of the
 * library as a process of its own and in a machine with reset and the settings
 * that it comes with, in turn, the same file and the same work; then in as many
 * machines at once as there are CPUs; and the memory that this takes. FILE:
 * what it may read, with these options before it waits. Five rows.
 */
#include <fcntl.h>
#include <json-c/json.h>
#include <pthread.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "tinykvm/program.h"

#define FIRST 3			/* rounds that are not counted */
#define CLIENTS_MAX 64
#define LIBRARY "build/compute.json"

extern char **environ;
static struct samples inside, outside;
static struct tkvm_err err;

/* What each request is. */
struct work {
	struct tkvm_program *program;
	const char *options;
	const char *body;
	size_t len;
	int rounds;
};

#define MUST(call) do { \
	if ((call) != 0) \
		die(err.text); \
} while (0)

struct native {
	pid_t pid;
	FILE *ask, *answer;
};

static void
native_start(struct native *n, char *program, char *input, char *options)
{
	char *argv[] = {program, (char *)(uintptr_t)"--paced", options, input,
	    NULL};
	posix_spawn_file_actions_t fa;
	int to[2], from[2];

	if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0)
		die("no pipe");
	(void)posix_spawn_file_actions_init(&fa);
	(void)posix_spawn_file_actions_adddup2(&fa, to[0], 0);
	(void)posix_spawn_file_actions_adddup2(&fa, from[1], 1);
	if (posix_spawn(&n->pid, program, &fa, NULL, argv, environ) != 0)
		die("the program cannot be started as a process");
	(void)posix_spawn_file_actions_destroy(&fa);
	(void)close(to[0]);
	(void)close(from[1]);
	n->ask = fdopen(to[1], "w");
	n->answer = fdopen(from[0], "r");
}

static uint64_t
native_once(struct native *n)
{
	uintmax_t ns;

	if (fputc('x', n->ask) == EOF || fflush(n->ask) != 0 ||
	    fscanf(n->answer, "%ju", &ns) != 1)
		die("the program failed as a process");
	return (ns);
}

static struct tkvm_library *
define(const char *program, int machines, const char *options,
    const char *file)
{
	const char *name = strrchr(program, '/');
	struct json_object *json = json_object_new_object(), *list;
	struct tkvm_library *lib;

	/* Slow computers take longer. */
	json_object_object_add(json, "max_request_time",
	    json_object_new_int(60));
	json_object_object_add(json, "concurrency",
	    json_object_new_int(machines));
	if (file != NULL) {
		list = json_object_new_array();
		json_object_array_add(list, json_object_new_string(file));
		json_object_object_add(json, "allowed_paths", list);
		list = json_object_new_array();
		json_object_array_add(list, json_object_new_string(options));
		json_object_object_add(json, "main_arguments", list);
	}
	MUST(tkvm_library_new(NULL, &lib, &err));
	MUST(tkvm_library_load_uri(lib, LIBRARY, &err));
	MUST(tkvm_library_configure(lib, name + 1,
	    json_object_to_json_string(json), &err));
	(void)json_object_put(json);
	return (lib);
}

/* Returns how many pages the machine had of its own when it was wiped. */
static uint64_t
machine_once(const struct work *w)
{
	const struct tkvm_link link = {
		.program = w->program, .url = "/", .arg = w->options,
		.error_threshold = 400,
	};
	const struct tkvm_request req = {
		.method = "POST", .url = "/", .arg = w->options,
		.content_type = "", .body = w->body, .body_len = w->len,
	};
	struct tkvm_reply *reply;
	struct tkvm_err e;
	uint64_t pages;

	if (tkvm_chain_call(&link, 1, &req, &reply, &e) != 0)
		die(e.text);
	if (reply->status != 200)
		die("the program's answer is not 200");
	tkvm_reply_finish(reply);
	pages = reply->pages_copied;
	tkvm_reply_release(&reply);
	return (pages);
}

static void *
client(void *arg)
{
	const struct work *w = arg;

	for (int i = 0; i < w->rounds; i++)
		(void)machine_once(w);
	return (NULL);
}

/* Nanoseconds from answer to answer with n clients that never rest. */
static double
together(struct work *w, int n)
{
	pthread_t thread[CLIENTS_MAX];
	uint64_t t = tkvm_now_ns();

	for (int i = 0; i < n; i++)
		if (pthread_create(&thread[i], NULL, client, w) != 0)
			die("a thread cannot be started");
	for (int i = 0; i < n; i++)
		(void)pthread_join(thread[i], NULL);
	return ((double)(tkvm_now_ns() - t) / (w->rounds * n));
}

static char *
read_input(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	char *data = malloc(64 << 20);

	*len = f == NULL || data == NULL ? 0 : fread(data, 1, 64 << 20, f);
	if (*len == 0)
		die("the input cannot be read");
	(void)fclose(f);
	return (data);
}

/* In turn; the most pages that a request's machine had of its own. */
static uint64_t
in_turn(struct native *native, const struct work *w)
{
	uint64_t t, pages, most = 0;

	for (int i = 0; i < w->rounds + FIRST; i++) {
		t = native_once(native);
		if (i >= FIRST)
			sample(&outside, t);
		t = tkvm_now_ns();
		pages = machine_once(w);
		if (i >= FIRST)
			sample(&inside, tkvm_now_ns() - t);
		most = pages > most ? pages : most;
	}
	return (most);
}

int
main(int argc, char **argv)
{
	struct tkvm_counters counters;
	struct tkvm_library *lib;
	struct native native;
	struct work w;
	char *data, what[128];
	uint64_t pages;
	int n = (int)sysconf(_SC_NPROCESSORS_ONLN);

	if ((argc != 6 && argc != 7) || strchr(argv[1], '/') == NULL)
		die("usage: program_bench PROGRAM INPUT OPTIONS ROUNDS LABEL "
		    "[FILE]");
	n = n > CLIENTS_MAX ? CLIENTS_MAX : n;
	data = read_input(argv[2], &w.len);
	native_start(&native, argv[1], argv[2], argv[3]);
	lib = define(argv[1], n, argv[3], argv[6]);
	w.program = tkvm_library_find(lib, strrchr(argv[1], '/') + 1);
	w.options = argv[3];
	w.body = data;
	w.rounds = atoi(argv[4]);
	pages = in_turn(&native, &w);
	(void)snprintf(what, sizeof what, "%s, natively", argv[5]);
	row_of(argv[5], what, &outside, 1);
	row_of(argv[5], "  the same in its machine, with reset", &inside, 1);
	(void)together(&(struct work){w.program, w.options, data, w.len, FIRST},
	    n);
	(void)snprintf(what, sizeof what, "  %d at a time, with reset", n);
	row(argv[5], what, together(&w, n), "ns");
	tkvm_program_counters(w.program, &counters);
	row(argv[5], "  memory: the frozen program, shared by all",
	    (double)counters.image_bytes, "B");
	row(argv[5], "  memory: each machine, at most", (double)(pages << 12),
	    "B");
	(void)fclose(native.ask);
	(void)fclose(native.answer);
	(void)waitpid(native.pid, NULL, 0);
	free(data);
	tkvm_library_destroy(&lib);
	return (0);
}
