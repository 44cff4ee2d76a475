/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * library.c: the programs of one configuration.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program/program_priv.h"

int
tkvm_library_new(const struct tkvm_log *log, struct tkvm_library **lp,
    struct tkvm_err *err)
{
	struct tkvm_library *lib = calloc(1, sizeof *lib);

	*lp = lib;
	if (lib == NULL)
		return (tkvm_fail(err, TKVM_ENOMEM, "no memory for a library"));
	if (log != NULL)
		lib->log = *log;
	lib->last = &lib->first;
	lib->self.max_concurrent = 50;
	lib->self.max_depth = 5;
	lib->load_until_ns = UINT64_MAX;
	(void)pthread_mutex_init(&lib->lock, NULL);
	(void)pthread_cond_init(&lib->gone, NULL);
	return (0);
}

void
tkvm_library_destroy(struct tkvm_library **lp)
{
	struct tkvm_library *lib = *lp;
	struct tkvm_program *p;

	*lp = NULL;
	if (lib == NULL)
		return;
	for (p = lib->first; p != NULL; p = p->next)
		tkvm_program_stop(p);
	/* Running calls hold generations; wait until the last is gone. */
	(void)pthread_mutex_lock(&lib->lock);
	while (lib->generations != 0)
		(void)pthread_cond_wait(&lib->gone, &lib->lock);
	(void)pthread_mutex_unlock(&lib->lock);
	while ((p = lib->first) != NULL) {
		lib->first = p->next;
		program_free(p);
	}
	(void)pthread_mutex_destroy(&lib->lock);
	(void)pthread_cond_destroy(&lib->gone);
	self_free(&lib->self);
	free(lib);
}

void
library_log(struct tkvm_library *lib, const char *program, const char *text)
{
	char line[1024];

	if (lib->log.line == NULL)
		return;
	(void)snprintf(line, sizeof line, "%s", text);
	text_plain(line);
	lib->log.line(lib->log.priv, program, line);
}

void
library_failed(struct tkvm_library *lib, const char *program,
    const struct tkvm_err *err)
{
	if (lib->log.failed != NULL)
		lib->log.failed(lib->log.priv, program, err->text);
	else
		library_log(lib, program, err->text);
}

struct tkvm_program *
tkvm_library_find(struct tkvm_library *lib, const char *name)
{
	struct tkvm_program *p;

	(void)pthread_mutex_lock(&lib->lock);
	for (p = lib->first; p != NULL; p = p->next)
		if (strcmp(p->name, name) == 0)
			break;
	(void)pthread_mutex_unlock(&lib->lock);
	return (p);
}

unsigned
tkvm_library_count(const struct tkvm_library *lib)
{
	return (lib->n);
}

struct tkvm_program *
tkvm_library_at(struct tkvm_library *lib, unsigned i)
{
	struct tkvm_program *p;

	(void)pthread_mutex_lock(&lib->lock);
	for (p = lib->first; p != NULL && i > 0; p = p->next)
		i--;
	(void)pthread_mutex_unlock(&lib->lock);
	return (p);
}

static bool
known(void *priv, const char *name)
{
	return (tkvm_library_find(priv, name) != NULL);
}

/* Another thread may have defined the same name since known() was asked. */
static int
append(struct tkvm_library *lib, struct tkvm_program *list, unsigned n,
    struct tkvm_err *err)
{
	struct tkvm_program **last = &list, *p;
	int r = 0;

	(void)pthread_mutex_lock(&lib->lock);
	for (; *last != NULL && r == 0; last = &(*last)->next)
		for (p = lib->first; p != NULL && r == 0; p = p->next)
			if (strcmp(p->name, (*last)->name) == 0)
				r = tkvm_fail(err, TKVM_ECONFIG, "a program "
				    "\"%s\" is defined already", p->name);
	if (r == 0) {
		*lib->last = list;
		lib->last = last;
		lib->n += n;
	}
	(void)pthread_mutex_unlock(&lib->lock);
	return (r);
}

/* Turn definitions into programs; they are all good, memory apart. */
static int
adopt(struct tkvm_library *lib, struct definition *list, struct tkvm_err *err)
{
	struct tkvm_program *first = NULL, **last = &first, *p;
	struct definition *d;
	unsigned n = 0;
	int r = 0;

	for (d = list; d != NULL && r == 0; d = d->next) {
		r = program_new(lib, d->name, &p, err);
		if (r == 0) {
			*last = p;
			last = &p->next;
			n++;
			r = settings_copy(&p->settings, &d->settings, err);
		}
	}
	if (first == NULL)
		return (r);
	if (r == 0)
		r = append(lib, first, n, err);
	while (r != 0 && (p = first) != NULL) {
		first = p->next;
		program_free(p);
	}
	return (r);
}

void
tkvm_library_hurry(struct tkvm_library *lib, double seconds)
{
	lib->load_seconds = seconds;
	lib->load_until_ns = seconds > 0 ? in_seconds(seconds) : UINT64_MAX;
}

int
tkvm_library_load(struct tkvm_library *lib, const char *json, size_t len,
    const char *origin, struct tkvm_err *err)
{
	struct definition *list = NULL;
	int r;

	r = config_parse(json, len, origin, known, lib, &list, err);
	if (r == 0)
		r = adopt(lib, list, err);
	definitions_free(&list);
	return (r);
}

int
tkvm_library_load_uri(struct tkvm_library *lib, const char *uri,
    struct tkvm_err *err)
{
	double left = ((double)lib->load_until_ns - (double)tkvm_now_ns()) *
	    1e-9;
	size_t size;
	char *json;
	int r;

	if (left <= 0)
		return (tkvm_fail(err, TKVM_ETIMEOUT, "no time is left to load "
		    "%.150s: all of this may take %.3g seconds", uri,
		    lib->load_seconds));
	r = load_uri(uri, left, &json, &size, err);
	if (r != 0)
		return (r);
	r = tkvm_library_load(lib, json, size,
	    strncmp(uri, "file://", 7) == 0 ? uri + 7 : uri, err);
	free(json);
	return (r);
}

static int
override(struct tkvm_program *p, const char *json, struct tkvm_err *err)
{
	struct settings s, old;
	int r;

	(void)pthread_mutex_lock(&p->lock);
	if (p->state != PROGRAM_IDLE) {
		(void)pthread_mutex_unlock(&p->lock);
		return (tkvm_fail(err, TKVM_ECONFIG,
		    "%s has been started; configure it before", p->name));
	}
	r = config_override(json, p->name, &p->settings, &s, err);
	if (r == 0) {
		old = p->settings;
		p->settings = s;
		settings_free(&old);
	}
	(void)pthread_mutex_unlock(&p->lock);
	return (r);
}

int
tkvm_library_configure(struct tkvm_library *lib, const char *program,
    const char *json, struct tkvm_err *err)
{
	struct tkvm_program *p = tkvm_library_find(lib, program);
	struct definition d = {.name = NULL};
	struct settings none;
	int r;

	if (p != NULL)
		return (override(p, json, err));
	settings_init(&none);
	r = config_override(json, program, &none, &d.settings, err);
	settings_free(&none);
	if (r != 0)
		return (r);
	d.name = strdup(program);
	if (d.name == NULL)
		r = tkvm_fail(err, TKVM_ENOMEM, "no memory for a program");
	else if (d.settings.filename == NULL && d.settings.uri == NULL)
		r = tkvm_fail(err, TKVM_ECONFIG, "%s is not defined yet, and "
		    "its settings have no \"filename\" or \"uri\"", program);
	else
		r = adopt(lib, &d, err);
	settings_free(&d.settings);
	free(d.name);
	return (r);
}
