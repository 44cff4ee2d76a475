/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the files of programs/lib. */
#ifndef LIB_PRIV_H
#define LIB_PRIV_H

#include "job.h"

/* Does the URL ask for the schema of the options? */
bool job_wants_schema(const char *url);
/* Options, input, run: 0 or -1 with status and reason in *job. */
int job_run(const struct job_program *, struct job *, const char *arg);
/*
 * Before it, for a body in pieces: the options once, then each piece, whose
 * bytes need not stay. 0, or -1 from the first failure on, which job_run() then
 * returns, too.
 */
int job_begin(const struct job_program *, struct job *, const char *arg);
int job_feed(const struct job_program *, struct job *, const void *data,
    size_t len);
/* After a failure: is the input the answer? */
bool job_delivers_original(const struct job *);

/* The program as a command of the shell: its exit status. */
int shell_main(const struct job_program *, int argc, char **argv);
int shell_fetch(struct job *, const char *url, const void **data, size_t *len,
    const char **type);
int shell_stream(struct job *, const char *type, size_t len,
    struct job_piece (*next)(void *arg, size_t max), void *arg);
/*
 * The program in a machine: waits for requests; *job is the one it works on.
 * timed: in place of an answer, how long it took, see job_ticks().
 */
void machine_main(const struct job_program *, struct job *job, bool in_pieces,
    bool timed);

/* The time stamp counter, which machines share with the computer. */
static inline uint64_t
job_ticks(void)
{
	return (__builtin_ia32_rdtsc());
}

#endif
