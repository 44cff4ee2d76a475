/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"

/* The one place that writes to stderr: the process is about to die anyway. */
_Noreturn void
check_failed(const char *expr, const char *file, int line)
{
	fprintf(stderr, "tinykvm: %s:%d: broken invariant: %s\n", file, line,
	    expr);
	abort();
}
