/* SPDX-License-Identifier: BSD-2-Clause */
/* refused.h: what is thrown to leave a recursion that cannot go on. */
#ifndef REFUSED_H
#define REFUSED_H

#include <string>

#include "job.h"

struct refused {
	int status;
	std::string why;
};

/* What it says, as job_fail() says it; -1. */
inline int
refused_by(struct job *job, const refused &r)
{
	return (job_fail(job, r.status, "%.400s", r.why.c_str()));
}

#endif
