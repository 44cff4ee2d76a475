/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * state.c: the life of a program's Linux state: new -> frozen -> forks, and
 * each fork back to the frozen state after every request.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "linux/linux_priv.h"

static int
no_memory(struct tkvm_err *err)
{
	return (tkvm_fail(err, TKVM_ENOMEM,
	    "no memory for the Linux state of a program"));
}

int
linux_new(const struct linux_rules *rules, void *priv,
    struct linux_state **sp, struct tkvm_err *err)
{
	struct linux_state *s;
	struct scratch *scratch;
	bool dir;

	ASSERT(rules != NULL && rules->output != NULL);
	*sp = NULL;
	s = calloc(1, sizeof *s);
	if (s == NULL)
		return (no_memory(err));
	s->rules = rules;
	s->priv = priv;
	s->vars.umask = 022;
	s->vars.alt.flags = SS_DISABLE;
	memcpy(s->vars.name, "main", sizeof "main");
	fds_init(&s->fds, rules->inherit_stdio);
	scratch = linux_scratch(s);
	if (scratch == NULL) {
		linux_destroy(&s);
		return (no_memory(err));
	}
	if (rules->cwd == NULL ||
	    paths_normalise("/", rules->cwd, scratch->path, &dir) != 0)
		memcpy(scratch->path, "/", sizeof "/");
	s->cwd = strdup(scratch->path);
	s->cwd_own = true;
	if (s->cwd == NULL) {
		linux_destroy(&s);
		return (no_memory(err));
	}
	*sp = s;
	return (0);
}

int
linux_fork(const struct linux_state *of, void *priv, struct linux_state **sp,
    struct tkvm_err *err)
{
	struct linux_state *s;

	ASSERT(of->frozen);
	*sp = NULL;
	s = calloc(1, sizeof *s);
	if (s == NULL)
		return (no_memory(err));
	s->rules = of->rules;
	s->priv = priv;
	s->of = of;
	s->vars = of->vars;
	memcpy(s->action, of->action, sizeof s->action);
	s->cwd = of->cwd;
	fds_fork(&s->fds, &of->fds);
	*sp = s;
	return (0);
}

void
linux_freeze(struct linux_state *s)
{
	ASSERT(s->of == NULL);
	free(s->scratch);
	s->scratch = NULL;
	s->frozen = true;
}

void
linux_reset(struct linux_state *s)
{
	const struct linux_state *of = s->of;

	ASSERT(of != NULL);
	fds_reset(&s->fds, &of->fds);
	s->vars = of->vars;
	if (s->action_changed) {
		memcpy(s->action, of->action, sizeof s->action);
		s->action_changed = false;
	}
	if (s->cwd_own) {
		free(s->cwd);
		s->cwd = of->cwd;
		s->cwd_own = false;
	}
	s->exited = false;
	s->status = 0;
}

int
linux_settle(struct linux_state *s, bool good, struct tkvm_err *err)
{
	int r = fds_settle(&s->fds, good);

	return (r == 0 ? 0 : tkvm_fail(err, TKVM_EFILE, "what it wrote cannot "
	    "be put on disk: %s", strerror(-r)));
}

void
linux_destroy(struct linux_state **sp)
{
	struct linux_state *s = *sp;

	*sp = NULL;
	if (s == NULL)
		return;
	fds_close_all(&s->fds);
	watch_free(s);
	if (s->cwd_own)
		free(s->cwd);
	free(s->scratch);
	free(s);
}

bool
linux_exited(const struct linux_state *s, int *status)
{
	if (s->exited)
		*status = s->status;
	return (s->exited);
}

struct scratch *
linux_scratch(struct linux_state *s)
{
	if (s->scratch == NULL)
		s->scratch = malloc(sizeof *s->scratch);
	return (s->scratch);
}

bool
linux_late(const struct linux_ctx *c)
{
	return (tkvm_now_ns() >= tkvm_machine_deadline(c->m));
}

bool
linux_booting(const struct linux_ctx *c)
{
	return (tkvm_machine_booting(c->m) || c->s->rules->storage);
}

void
linux_stop(struct linux_ctx *c, int status)
{
	c->s->exited = true;
	c->s->status = status;
	c->next = TKVM_STOP;
}
