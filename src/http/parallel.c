/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parallel.c: calls about computing on several CPUs, and what those may call.
 */
#include <string.h>

#include "http/http_priv.h"

/* Without it the program computes alone; what the host lacks is told. */
static enum tkvm_next
start(struct http_state *s, struct tkvm_machine *m, struct tkvm_call *c,
    const struct tkvm_parallel *p)
{
	struct tkvm_err err;
	int r;

	r = tkvm_machine_parallel(m, p, &err);
	if (r != 0 && r != TKVM_EGUEST)
		http_log(s, err.text, strlen(err.text));
	c->ret = r == 0 ? 0 : UINT64_MAX;
	return (TKVM_RESUME);
}

enum tkvm_next
http_multiprocess(struct http_state *s, struct tkvm_machine *m,
    struct tkvm_call *c, struct tkvm_err *err)
{
	const struct tkvm_parallel p = {
		.cpus = c->arg[0], .function = c->arg[1],
		.arg = {c->arg[2], c->arg[3], c->arg[4], c->arg[5]},
	};

	(void)err;
	c->ret = UINT64_MAX;
	return (p.function == 0 ? TKVM_RESUME : start(s, m, c, &p));
}

enum tkvm_next
http_multiprocess_array(struct http_state *s, struct tkvm_machine *m,
    struct tkvm_call *c, struct tkvm_err *err)
{
	const struct tkvm_parallel p = {
		.cpus = c->arg[0], .function = c->arg[1],
		.arg = {c->arg[2], (uint32_t)c->arg[3]},
		.step = (uint32_t)c->arg[3],
	};

	(void)err;
	c->ret = UINT64_MAX;
	return (p.function == 0 ? TKVM_RESUME : start(s, m, c, &p));
}

enum tkvm_next
http_multiprocess_clone(struct http_state *s, struct tkvm_machine *m,
    struct tkvm_call *c, struct tkvm_err *err)
{
	const struct tkvm_parallel p = {
		.cpus = c->arg[0],
		.stack = c->arg[1], .stack_bytes = c->arg[2],
	};

	(void)err;
	/* 0 bytes would be stacks of ours, whose end nobody knows. */
	c->ret = UINT64_MAX;
	return (p.stack_bytes == 0 ? TKVM_RESUME : start(s, m, c, &p));
}

enum tkvm_next
http_multiprocess_wait(struct http_state *s, struct tkvm_machine *m,
    struct tkvm_call *c, struct tkvm_err *err)
{
	(void)s;
	/* Another CPU has nobody to wait for: its part is done. */
	if (c->cpu != 0)
		return (TKVM_STOP);
	c->ret = 0;
	return (tkvm_machine_parallel_wait(m, err) == 0 ? TKVM_RESUME :
	    TKVM_ABORT);
}
