/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * filter.h: expressions of jq.
 */
#ifndef FILTER_H
#define FILTER_H

#include <stdbool.h>
#include <stddef.h>

#include "job.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * What a filter makes of a document, and of the documents behind it: one
 * result per line; "input" takes the next document. args: an object of
 * variables, or NULL. raw: strings without quotes. slurp: of all documents as
 * an array. 0, or -1 after job_fail(): 400 when the filter is wrong, 422 when
 * the input is, or what the filter does with it.
 */
int filter_run(struct job *job, const char *filter, const char *args, bool raw,
    bool slurp);

/* Read jq's own functions, for whatever will be compiled. */
void filter_start(void);

/* Compile what will be run: 0, or -1 after job_fail(). */
int filter_prepare(struct job *job, const char *filter, const char *args);

/* Frees the answer. */
void filter_free(void);

#ifdef __cplusplus
}
#endif
#endif
