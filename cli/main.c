/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#ifndef TINYKVM_VERSION
#define TINYKVM_VERSION "0"
#endif

static int cmd_help(int argc, char **argv);
static int cmd_version(int argc, char **argv);

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *doc;
} commands[] = {
	{"call", cmd_call, "send one request to a program, without Varnish"},
	{"doctor", cmd_doctor, "can this computer run programs, and how well?"},
	{"push", cmd_push, "replace a program on many Varnish nodes at once"},
	{"run", cmd_run, "run an ordinary static program: run -- PROGRAM ARGS"},
	{"help", cmd_help, "this text"},
	{"--help", cmd_help, NULL},
	{"version", cmd_version, "the version"},
	{"--version", cmd_version, NULL},
};
#define N_COMMANDS (sizeof commands / sizeof commands[0])

int
complain(int status, const char *fmt, ...)
{
	va_list ap;

	fputs("tinykvm: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return (status);
}

char *
read_input(const char *path, size_t *len)
{
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
	size_t room = 65536, n;
	char *data = malloc(room), *more;

	*len = 0;
	if (f == NULL) {
		free(data);
		complain(1, "cannot open %s: %s", path, strerror(errno));
		return (NULL);
	}
	while (data != NULL &&
	    (n = fread(data + *len, 1, room - *len - 1, f)) > 0) {
		*len += n;
		if (room - *len > 1)
			continue;
		more = realloc(data, room *= 2);
		if (more == NULL)
			free(data);
		data = more;
	}
	if (f != stdin)
		fclose(f);
	if (data == NULL)
		complain(1, "no memory to read %s", path);
	else
		data[*len] = '\0';
	return (data);
}

static int
cmd_help(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	puts("usage: tinykvm COMMAND ...\n");
	for (unsigned i = 0; i < N_COMMANDS; i++)
		if (commands[i].doc != NULL)
			printf("  %-8s %s\n", commands[i].name,
			    commands[i].doc);
	puts("\ntinykvm COMMAND --help tells more; see also tinykvm(1).");
	return (0);
}

static int
cmd_version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	puts("tinykvm " TINYKVM_VERSION);
	return (0);
}

int
main(int argc, char **argv)
{
	if (argc < 2)
		return (complain(2, "no command; tinykvm help lists them"));
	for (unsigned i = 0; i < N_COMMANDS; i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return (commands[i].run(argc - 1, argv + 1));
	return (complain(2, "there is no command \"%s\"; tinykvm help lists "
	    "them", argv[1]));
}
