/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * builtins.h: jq's own functions, read before they are needed.
 */
#ifndef JQ_BUILTINS_H
#define JQ_BUILTINS_H

#include <jq.h>

/* For the next filter, unless they are there. */
void jq_builtins_make(jq_state *jq);

#endif
