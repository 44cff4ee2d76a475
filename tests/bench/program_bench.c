/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * program_bench PROGRAM INPUT OPTIONS ROUNDS LABEL: a program of the library as
 * a process of its own and in a machine with reset, in turn, the same file and
 * the same work; two rows.
 */
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "tinykvm/program.h"

#define FIRST 3			/* rounds that are not counted */

extern char **environ;
static struct samples inside, outside;
static struct tkvm_err err;

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
define(const char *program)
{
	struct tkvm_library *lib;
	char json[512];

	(void)snprintf(json, sizeof json, "{\"filename\": \"%s\", "
	    "\"concurrency\": 1, \"max_request_memory\": 1024, "
	    "\"address_space\": 2048, \"max_request_time\": 60}", program);
	MUST(tkvm_library_new(NULL, &lib, &err));
	MUST(tkvm_library_configure(lib, "bench", json, &err));
	return (lib);
}

static uint64_t
machine_once(struct tkvm_library *lib, const char *options, const void *body,
    size_t len)
{
	const struct tkvm_link link = {
		.program = tkvm_library_find(lib, "bench"), .url = "/",
		.arg = options, .error_threshold = 400,
	};
	const struct tkvm_request req = {
		.method = "POST", .url = "/", .arg = options,
		.content_type = "", .body = body, .body_len = len,
	};
	uint64_t t = tkvm_now_ns();
	struct tkvm_reply *reply;

	MUST(tkvm_chain_call(&link, 1, &req, &reply, &err));
	if (reply->status != 200)
		die("the program's answer is not 200");
	tkvm_reply_release(&reply);
	return (tkvm_now_ns() - t);
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

int
main(int argc, char **argv)
{
	struct tkvm_library *lib;
	struct native native;
	char *data, what[128];
	uint64_t t;
	size_t len;

	if (argc != 6)
		die("usage: program_bench PROGRAM INPUT OPTIONS ROUNDS LABEL");
	data = read_input(argv[2], &len);
	native_start(&native, argv[1], argv[2], argv[3]);
	lib = define(argv[1]);
	for (int i = 0; i < atoi(argv[4]) + FIRST; i++) {
		t = native_once(&native);
		if (i >= FIRST)
			sample(&outside, t);
		t = machine_once(lib, argv[3], data, len);
		if (i >= FIRST)
			sample(&inside, t);
	}
	(void)snprintf(what, sizeof what, "%s, natively", argv[5]);
	row_of(argv[5], what, &outside, 1);
	row_of(argv[5], "  the same in its machine, with reset", &inside, 1);
	(void)fclose(native.ask);
	(void)fclose(native.answer);
	(void)waitpid(native.pid, NULL, 0);
	free(data);
	tkvm_library_destroy(&lib);
	return (0);
}
