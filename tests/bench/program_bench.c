/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * program_bench PROGRAM INPUT OPTIONS ROUNDS LABEL [FILE]: a program of the
 * library as a process and in machines with the settings that it comes with,
 * the same file and the same work, in turn on one CPU.
 *
 * Rows: its work alone, by its own account, as a process and in a machine, both
 * started several times. Then with all that a request is: an input goes in (to
 * the process through a socket), an answer comes out, and memory is as it was
 * before. As many machines at once as there are CPUs. The memory that this
 * takes.
 *
 * FILE: what it may read.
 */
#include <fcntl.h>
#include <json-c/json.h>
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "tinykvm/program.h"

#define FIRST 3			/* rounds that are not counted */
/* Where memory comes to lie differs from start to start, and so do times. */
#define STARTS 5
#define CLIENTS_MAX 64
#define BODY_MAX ((size_t)64 << 20)
#define LIBRARY "build/compute.json"

extern char **environ;
static struct tkvm_err err;

#define MUST(call) do { \
	if ((call) != 0) \
		die(err.text); \
} while (0)

/* What each request is. */
struct work {
	struct tkvm_program *program;	/* in machines */
	const char *options;
	const char *body;
	size_t len;
	int rounds;
};

/* What one was. */
struct cost {
	uint64_t ns;			/* from answer to answer */
	uint64_t ticks;			/* of the work, if the program tells */
	uint64_t pages;			/* that the machine had of its own */
};

/*--- as a process ---------------------------------------------------------*/

struct native {
	pid_t pid;
	int fd;
	char *answer;
};

static void
native_start(struct native *n, char *program, char *options)
{
	char *argv[] = {program, (char *)(uintptr_t)"--serve", options, NULL};
	posix_spawn_file_actions_t fa;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		die("no socket");
	(void)posix_spawn_file_actions_init(&fa);
	(void)posix_spawn_file_actions_adddup2(&fa, pair[1], 0);
	(void)posix_spawn_file_actions_adddup2(&fa, pair[1], 1);
	if (posix_spawn(&n->pid, program, &fa, NULL, argv, environ) != 0)
		die("the program cannot be started as a process");
	(void)posix_spawn_file_actions_destroy(&fa);
	(void)close(pair[1]);
	n->fd = pair[0];
	n->answer = malloc(BODY_MAX);
	if (n->answer == NULL)
		die("no memory");
}

static void
native_stop(struct native *n)
{
	(void)close(n->fd);
	(void)waitpid(n->pid, NULL, 0);
	free(n->answer);
}

static void
receive(const struct native *n, void *to, size_t len)
{
	if (len > BODY_MAX || recv(n->fd, to, len, MSG_WAITALL) != (ssize_t)len)
		die("the program failed as a process");
}

static void
native_once(const struct native *n, const struct work *w, struct cost *cost)
{
	uint64_t t = tkvm_now_ns(), len = w->len, head[2];

	if (send(n->fd, &len, sizeof len, MSG_MORE) != sizeof len ||
	    send(n->fd, w->body, w->len, 0) != (ssize_t)w->len)
		die("the program takes no input as a process");
	receive(n, head, sizeof head);
	receive(n, n->answer, head[1]);
	receive(n, n->answer, 1);
	cost->ns = tkvm_now_ns() - t;
	cost->ticks = head[0];
}

/*--- in machines ----------------------------------------------------------*/

static void
add_text(struct json_object *object, const char *name, const char *text)
{
	struct json_object *list = NULL;

	if (!json_object_object_get_ex(object, name, &list)) {
		list = json_object_new_array();
		json_object_object_add(object, name, list);
	}
	json_object_array_add(list, json_object_new_string(text));
}

/* timed: the program answers how many ticks its work took. */
static struct tkvm_library *
define(struct work *w, char **argv, int machines, bool timed)
{
	const char *name = strrchr(argv[1], '/') + 1;
	struct json_object *json = json_object_new_object();
	struct tkvm_library *lib;

	/* Slow computers take longer. */
	json_object_object_add(json, "max_request_time",
	    json_object_new_int(60));
	json_object_object_add(json, "concurrency",
	    json_object_new_int(machines));
	/* As the process does, it knows its options when it starts. */
	add_text(json, "main_arguments", argv[3]);
	if (argv[6] != NULL)
		add_text(json, "allowed_paths", argv[6]);
	if (timed)
		add_text(json, "main_arguments", "--timed");
	MUST(tkvm_library_new(NULL, &lib, &err));
	MUST(tkvm_library_load_uri(lib, LIBRARY, &err));
	MUST(tkvm_library_configure(lib, name,
	    json_object_to_json_string(json), &err));
	(void)json_object_put(json);
	w->program = tkvm_library_find(lib, name);
	MUST(tkvm_program_start(w->program, false, &err));
	return (lib);
}

static void
machine_once(const struct work *w, struct cost *cost)
{
	const struct tkvm_link link = {
		.program = w->program, .url = "/", .arg = w->options,
		.error_threshold = 400,
	};
	const struct tkvm_request req = {
		.method = "POST", .url = "/", .arg = w->options,
		.content_type = "", .body = w->body, .body_len = w->len,
	};
	uint64_t t = tkvm_now_ns();
	struct tkvm_reply *reply;
	struct tkvm_err e;

	if (tkvm_chain_call(&link, 1, &req, &reply, &e) != 0)
		die(e.text);
	if (reply->status != 200)
		die("the program's answer is not 200");
	if (reply->body_len == sizeof cost->ticks)
		memcpy(&cost->ticks, reply->body, sizeof cost->ticks);
	tkvm_reply_finish(reply);
	cost->pages = reply->pages_copied;
	tkvm_reply_release(&reply);
	cost->ns = tkvm_now_ns() - t;
}

static void *
client(void *arg)
{
	const struct work *w = arg;
	struct cost cost;

	for (int i = 0; i < w->rounds; i++)
		machine_once(w, &cost);
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

/*--- both -----------------------------------------------------------------*/

/* To the CPU that it is on, or to all again; also what is started meanwhile. */
static void
pin(bool one)
{
	static cpu_set_t all;
	cpu_set_t set;

	if (one)
		(void)sched_getaffinity(0, sizeof all, &all);
	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	if (sched_setaffinity(0, sizeof set, one ? &set : &all) != 0)
		die("no CPU can be chosen");
}

static char *
read_input(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	char *data = malloc(BODY_MAX);

	*len = f == NULL || data == NULL ? 0 : fread(data, 1, BODY_MAX, f);
	if (*len == 0)
		die("the input cannot be read");
	(void)fclose(f);
	return (data);
}

/* What a program and its machines took, all starts together. */
static struct {
	struct samples process, process_work, machine, machine_work;
	uint64_t ns, ticks;		/* that it lasted */
	uint64_t pages;			/* the most of a machine */
} took;

static void
in_turn(const struct native *native, const struct work *w,
    const struct work *timed)
{
	uint64_t t = tkvm_now_ns(), tick = __builtin_ia32_rdtsc();
	struct cost cost;

	for (int i = 0; i < w->rounds + FIRST; i++) {
		native_once(native, w, &cost);
		if (i >= FIRST) {
			sample(&took.process, cost.ns);
			sample(&took.process_work, cost.ticks);
		}
		machine_once(timed, &cost);
		if (i >= FIRST)
			sample(&took.machine_work, cost.ticks);
		machine_once(w, &cost);
		if (i >= FIRST)
			sample(&took.machine, cost.ns);
		took.pages = cost.pages > took.pages ? cost.pages : took.pages;
	}
	took.ticks += __builtin_ia32_rdtsc() - tick;
	took.ns += tkvm_now_ns() - t;
}

/* One start of all, of several, each with its part of the rounds. */
static void
start(struct work w, char **argv)
{
	struct work timed;
	struct tkvm_library *lib, *timed_lib;
	struct native native;

	w.rounds = (w.rounds + STARTS - 1) / STARTS;
	timed = w;
	lib = define(&w, argv, 1, false);
	timed_lib = define(&timed, argv, 1, true);
	pin(true);
	native_start(&native, argv[1], argv[3]);
	in_turn(&native, &w, &timed);
	native_stop(&native);
	pin(false);
	tkvm_library_destroy(&timed_lib);
	tkvm_library_destroy(&lib);
}

static void
tell_starts(const char *label)
{
	double ticks_per_ns = (double)took.ticks / (double)took.ns;
	char what[128];

	(void)snprintf(what, sizeof what, "%s, as a process", label);
	row_of(label, what, &took.process_work, ticks_per_ns);
	row_of(label, "  in a machine", &took.machine_work, ticks_per_ns);
	row_of(label, "  a request, to the process", &took.process, 1);
	row_of(label, "  a request, to the machine, with reset", &took.machine,
	    1);
}

/* As many machines as there are CPUs, and all that they take. */
static void
tell_together(struct work w, char **argv, int n)
{
	struct tkvm_library *lib = define(&w, argv, n, false);
	struct work few = w;
	struct tkvm_counters counters;
	char what[128];

	few.rounds = FIRST;
	(void)together(&few, n);
	(void)snprintf(what, sizeof what, "  requests, %d at a time", n);
	row(argv[5], what, together(&w, n), "ns");
	tkvm_program_counters(w.program, &counters);
	row(argv[5], "  memory: the frozen program, shared by all",
	    (double)counters.image_bytes, "B");
	row(argv[5], "  memory: each machine, at most",
	    (double)(took.pages << 12), "B");
	tkvm_library_destroy(&lib);
}

int
main(int argc, char **argv)
{
	struct work w;
	int n = (int)sysconf(_SC_NPROCESSORS_ONLN);

	if ((argc != 6 && argc != 7) || strchr(argv[1], '/') == NULL)
		die("usage: program_bench PROGRAM INPUT OPTIONS ROUNDS LABEL "
		    "[FILE]");
	w.body = read_input(argv[2], &w.len);
	w.options = argv[3];
	w.rounds = atoi(argv[4]);
	for (int i = 0; i < STARTS; i++)
		start(w, argv);
	tell_starts(argv[5]);
	tell_together(w, argv, n > CLIENTS_MAX ? CLIENTS_MAX : n);
	free((char *)(uintptr_t)w.body);
	return (0);
}
