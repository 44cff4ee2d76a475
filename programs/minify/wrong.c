/* SPDX-License-Identifier: BSD-2-Clause */
#include "minify.h"

int
text_wrong(struct job *job, struct source text, size_t at, const char *why)
{
	size_t i, line = 1;

	for (i = 0; i < at && i < text.len; i++)
		line += text.in[i] == '\n';
	return (job_fail(job, 422, "line %zu, byte %zu: %s", line, at, why));
}
