/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * debugging.c: when a program meets its debugger, and what its log says about
 * a failure.
 */
#include <stdio.h>

#include "debug/debug.h"
#include "program/program_priv.h"

#define IDLE_NS 60000000000u
/* Instead of max_request_time, each time that it goes on. */
#define RUN_NS 120000000000u

struct debuggee {
	struct generation *g;
	struct http_state *http;
};

/*
 * At once, and not with the transaction, whose lines may show only when it is
 * over.
 */
static void
log_now(void *priv, const char *text)
{
	const struct debuggee *d = priv;
	struct tkvm_program *p = d->g->program;

	library_log(p->library, p->name, text);
}

static bool
paused(void *priv)
{
	const struct debuggee *d = priv;

	return (http_at_breakpoint(d->http));
}

int
program_debug(struct generation *g, struct tkvm_machine *m,
    struct http_state *http, int code, struct tkvm_err *err)
{
	struct debuggee d = {g, http};
	const struct settings *s = &g->settings;
	const struct debug_options o = {
		.where = s->debug_socket, .program = g->program->name,
		.file = g->exe_path,
		.wait_ns = (uint64_t)(s->debug_wait * 1e9),
		.idle_ns = IDLE_NS, .run_ns = RUN_NS,
		.log = log_now, .paused = paused, .priv = &d,
	};
	struct debug_end end = {false, code};
	uint64_t deadline;
	int r;

	debug_session(m, &o, &end, err);
	if (end.finished || end.code != 0)
		return (end.code);
	/* One session for each request: later breakpoints do not stop it. */
	deadline = tkvm_now_ns() + RUN_NS;
	do
		r = tkvm_machine_run(m, deadline, err);
	while (r == 0 && http_at_breakpoint(http));
	return (r);
}

int
program_after_run(struct generation *g, struct tkvm_machine *m,
    struct http_state *http, int code, struct tkvm_err *err)
{
	if ((code == 0 && http_at_breakpoint(http)) ||
	    (code == TKVM_EGUEST && g->settings.debug_on_exception))
		return (program_debug(g, m, http, code, err));
	return (code);
}

void
program_report(const struct tkvm_machine *m, int code,
    void (*line)(void *priv, const char *text), void *priv)
{
	if (code == TKVM_EGUEST || code == TKVM_ETIMEOUT ||
	    code == TKVM_EWORKMEM)
		tkvm_machine_report(m, line, priv);
}
