/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the files of csv. */
#ifndef CSV_PROGRAM_H
#define CSV_PROGRAM_H

#include "text.h"
#include "job.h"

#ifdef __cplusplus
extern "C" {
#endif

#define COLUMNS_MAX 4096

struct options {
	int to;
	bool header, types, lines, ragged;
	const char *delimiter, *quote, *columns;
};

/* The option `columns`: n is 0 without it. */
struct columns {
	char **name;
	size_t n;
};

/* Both: 0 with the text in *out, or -1 after job_fail(). */
int csv_to_json(struct job *job, const struct options *o,
    const struct columns *chosen, char delimiter, struct text *out);
int csv_from_json(struct job *job, const struct options *o,
    const struct columns *chosen, char delimiter, struct text *out);

#ifdef __cplusplus
}
#endif
#endif
