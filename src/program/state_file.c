/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * state_file.c: the file called "state" in a program's current directory, of
 * which KVM_STATE tells: FILENAME.state of the host.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "program/program_priv.h"

/* A damaged one is put aside, so that neither it nor the program is lost. */
static void
check(const struct generation *g, const char *path)
{
	struct tkvm_program *p = g->program;
	struct tkvm_err err;
	char line[600], *aside;

	if (linux_file_intact(path, &err) == 0 ||
	    asprintf(&aside, "%s.damaged", path) < 0)
		return;
	(void)snprintf(line, sizeof line, "%.350s; %s", err.text,
	    rename(path, aside) == 0 ?
	    "it is put aside under the same name with .damaged behind" :
	    "and it cannot be put aside");
	library_log(p->library, p->name, line);
	free(aside);
}

int
state_file_add(struct generation *g)
{
	const struct settings *s = &g->settings;
	const char *cwd = s->cwd == NULL ? "/" : s->cwd;
	struct linux_path *p;
	char *path;
	int r;

	if (s->filename == NULL || *s->filename != '/')
		return (0);
	if (asprintf(&path, "%s.state", s->filename) < 0)
		return (-1);
	check(g, path);
	r = paths_add(&g->settings.allowed_paths, path);
	free(path);
	if (r != 0)
		return (-1);
	p = &g->settings.allowed_paths.p[g->settings.allowed_paths.n - 1];
	p->writable = p->atomic = true;
	free(p->virtual_path);
	if (asprintf(&p->virtual_path, "%s%sstate", cwd,
	    cwd[strlen(cwd) - 1] == '/' ? "" : "/") < 0) {
		p->virtual_path = NULL;
		return (-1);
	}
	return (0);
}
