/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run.c: an ordinary program, run to its end without HTTP.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "program/program_priv.h"

#define RUN_MEMORY GIB(2)
/* A program on a terminal has no deadline worth the name. */
#define RUN_NS (100ull * 365 * 24 * 3600 * 1000000000u)

static enum tkvm_next
no_calls(void *state, struct tkvm_machine *m, struct tkvm_call *c,
    struct tkvm_err *err)
{
	(void)state, (void)m, (void)err;
	c->ret = (uint64_t)-ENOSYS;
	return (TKVM_RESUME);
}

static void
no_output(void *priv, int fd, const void *data, size_t len)
{
	(void)priv, (void)fd, (void)data, (void)len;
}

int
tkvm_run_program(const char *path, const char *const *argv,
    const char *const *envp, struct tkvm_err *err)
{
	struct linux_rules rules = {
		.cwd = "/", .inherit_stdio = true, .output = no_output,
	};
	struct tkvm_boot boot = {
		.argv = argv, .envp = envp, .address_space_bytes = RUN_MEMORY,
		.max_memory_bytes = RUN_MEMORY,
		.calls = {linux_call, NULL, no_calls, NULL},
	};
	struct linux_state *state = NULL;
	struct tkvm_machine *m = NULL;
	char *elf, *exe_path;
	int r, status = 0;

	r = load_file(path, &elf, &boot.elf_size, err);
	if (r != 0)
		return (r);
	boot.elf = elf;
	rules.exe_path = exe_path = realpath(path, NULL);
	r = linux_new(&rules, NULL, &state, err);
	if (r == 0) {
		boot.calls.linux_state = state;
		r = tkvm_machine_boot(&boot, &m, err);
	}
	free(elf);
	if (r == 0)
		r = tkvm_machine_run(m, tkvm_now_ns() + RUN_NS, err);
	if (r == 0 && !linux_exited(state, &status))
		r = tkvm_fail(err, TKVM_EGUEST, "the program stopped without "
		    "an exit status");
	tkvm_machine_destroy(&m);
	if (state != NULL)
		linux_destroy(&state);
	free(exe_path);
	return (r == 0 ? status : r);
}
