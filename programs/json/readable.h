/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * readable.h: YAML, as far as JSON can say the same.
 */
#ifndef READABLE_H
#define READABLE_H

#include <string>

#include "job.h"
#include "tree.h"

/*
 * The documents of a text (YAML 1.2, core schema): one as it is, several as an
 * array. 0, or -1 after job_fail(): 422 when it is broken, 413 when it is
 * nested deeper than depth_max or its aliases multiply. A key that comes twice
 * is refused; "<<" takes the members of other mappings.
 */
int yaml_read(struct job *job, const char *text, size_t len,
    unsigned depth_max, json *to);

/* The same the other way; what other versions take for no string is quoted. */
int yaml_write(struct job *job, const json &from, std::string *to);

#endif
