/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "cli.h"
#include "tinykvm/program.h"

extern char **environ;

int
cmd_run(int argc, char **argv)
{
	struct tkvm_err err;
	int i = 1, status;

	if (i < argc && strcmp(argv[i], "--") == 0)
		i++;
	if (i >= argc || (i == 1 && argv[i][0] == '-'))
		return (complain(2, "usage: tinykvm run -- PROGRAM ARGS; it "
		    "reads standard input and writes standard output"));
	status = tkvm_run_program(argv[i], (const char *const *)(argv + i),
	    (const char *const *)environ, &err);
	if (status >= 0)
		return (status);
	return (complain(1, "%s", err.text));
}
