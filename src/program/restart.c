/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * restart.c: programs that start anew when a file that they read while they
 * started has changed. Requests look: nothing else has to notice in time.
 */
#include <stdio.h>
#include <string.h>

#include "program/program_priv.h"

/*
 * State and connections would end with it, and a program that starts cold has
 * not read the file at all.
 */
static bool
may_restart(const struct settings *s)
{
	return (!s->storage && !settings_serve(s) &&
	    s->cold_start_file == NULL);
}

int
generation_watch(void *priv, const char *path)
{
	struct generation *g = priv;
	int r = may_restart(&g->settings) ?
	    linux_watch(g->linux_master, path) : -1;

	verbose(g->program, &g->settings, "%s when %.250s changes",
	    r == 0 ? "starts anew" : "does not start anew", path);
	return (r == 0 ? 0 : -1);
}

bool
generation_outdated(const struct generation *g)
{
	const char *path = linux_changed(g->linux_master);
	struct tkvm_program *p = g->program;
	char line[400];

	if (path == NULL)
		return (false);
	(void)snprintf(line, sizeof line, "%.250s has changed: it starts "
	    "anew", path);
	text_plain(line);
	if (program_end(p, g))
		library_log(p->library, p->name, line);
	return (true);
}
