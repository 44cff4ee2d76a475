/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli.h: the tool's commands. Exit status: 0, 1 failure, 2 wrong usage.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stddef.h>

int cmd_call(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_push(int argc, char **argv);
int cmd_run(int argc, char **argv);

/* Print "tinykvm: " and a sentence to stderr; returns status. */
int complain(int status, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Whole file ("-": stdin), malloc'ed, with a NUL behind; NULL: complained. */
char *read_input(const char *path, size_t *len);

#endif
