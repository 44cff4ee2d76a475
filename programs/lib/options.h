/* SPDX-License-Identifier: BSD-2-Clause */
/* The options of a program: from JSON into its struct, and as JSON Schema. */
#ifndef JOB_OPTIONS_H
#define JOB_OPTIONS_H

#include "job.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Set every option to its default. */
void options_start(const struct job_program *program, void *options);

/*
 * Apply a JSON object, or a bare value if the program has an option for it; ""
 * changes nothing. 0, or -1 after job_fail() with status 400. *original is set
 * by the option `onerror`, which every program has; NULL: it is none here.
 */
int options_apply(const struct job_program *program, struct job *job,
    void *options, const char *text, bool *original);

/* The JSON Schema of the options, malloc'ed. */
char *options_schema(const struct job_program *program);

#ifdef __cplusplus
}
#endif
#endif
