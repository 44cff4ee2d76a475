/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * squeeze.h: JSON without blanks, checked, at simdjson's speed.
 */
#ifndef SQUEEZE_H
#define SQUEEZE_H

#include <stddef.h>

#include "job.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What the answer needs more than the input, and how deep brackets may nest. */
#define SQUEEZE_SLACK 64
#define SQUEEZE_DEPTH_MAX 1000

/*
 * Check all of a document (RFC 8259, UTF-8) and copy it without its blanks;
 * numbers and strings stay as they are written. `out` has room for len +
 * SQUEEZE_SLACK bytes; with NULL the document is only checked. 0, or -1 after
 * job_fail(): 413 when it is too deep or too long, 422 with the line and byte
 * that are wrong.
 */
int squeeze(struct job *job, const char *in, size_t len, char *out,
    size_t *out_len);

/*
 * The same as fast as memory is, of a document that is known to be right. Of
 * one that is not the answer is as broken, or 422: a string is not closed.
 */
int squeeze_unchecked(struct job *job, const char *in, size_t len, char *out,
    size_t *out_len);

/* Work that can be done before the first document; always 0. */
int squeeze_prepare(struct job *, const void *options);

#ifdef __cplusplus
}
#endif
#endif
