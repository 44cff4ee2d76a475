/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * schema.h: JSON Schema, drafts 4, 6, 7, 2019-09 and 2020-12.
 */
#ifndef SCHEMA_H
#define SCHEMA_H

#include "job.h"
#include "tree.h"

/*
 * Whether a document is what a schema wants: 0, or -1 after job_fail(): 400
 * when the schema is wrong or has what is not supported, which is named; 422
 * with the place in the document and the keyword; 413 when it takes too long.
 */
int schema_check(struct job *job, const json &schema, const json &document);

#endif
