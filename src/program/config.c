/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * config.c: from JSON to settings. Every error names the document, the program
 * and the key, and says what was expected.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "program/config_object.h"
#include "program/document.h"
#include "program/program_priv.h"

/* Where we are in a document, for messages. */
struct place {
	const char *origin, *object, *key;
	struct trail *within;		/* item and sub of the key's value */
	struct tkvm_err *err;
};

static int
wrong(const struct place *at, const char *expected)
{
	return (tkvm_fail(at->err, TKVM_ECONFIG, "%s: %s: \"%s\" must be %s",
	    at->origin, at->object, at->key, expected));
}

static int
no_memory(const struct place *at)
{
	return (tkvm_fail(at->err, TKVM_ENOMEM, "no memory for settings"));
}

/* $HOME and $PWD, the first of each. */
static char *
expand_one(char *text, const char *name, const char *value)
{
	char *at = text == NULL ? NULL : strstr(text, name), *out;

	if (at == NULL || value == NULL)
		return (text);
	if (asprintf(&out, "%.*s%s%s", (int)(at - text), text, value,
	    at + strlen(name)) < 0)
		out = NULL;
	free(text);
	return (out);
}

static char *
expand(const char *text)
{
	char *cwd = getcwd(NULL, 0), *out;

	out = expand_one(strdup(text), "$HOME", getenv("HOME"));
	out = expand_one(out, "$PWD", cwd);
	free(cwd);
	return (out);
}

/*--- values ---------------------------------------------------------------*/

static int
set_number(const struct place *at, const struct setting *k, void *field,
    json_object *v)
{
	char expected[80];
	double d;

	(void)snprintf(expected, sizeof expected, "%s from %g to %g",
	    k->type == SETTING_SECONDS ? "a number" : k->type == SETTING_EVEN ?
	    "an even number" : "a whole number", k->min, k->max);
	if (!json_object_is_type(v, json_type_int) &&
	    !json_object_is_type(v, json_type_double))
		return (wrong(at, expected));
	d = json_object_get_double(v);
	if (!(d >= k->min && d <= k->max) || (k->type != SETTING_SECONDS &&
	    d != (double)(uint64_t)d) ||
	    (k->type == SETTING_EVEN && (uint64_t)d % 2 != 0))
		return (wrong(at, expected));
	if (k->type == SETTING_SECONDS)
		*(double *)field = d;
	else
		*(uint64_t *)field = (uint64_t)d;
	return (0);
}

static int
set_string(const struct place *at, char **field, json_object *v)
{
	char *s;

	if (!json_object_is_type(v, json_type_string) ||
	    json_object_get_string_len(v) == 0 ||
	    strlen(json_object_get_string(v)) !=
	    (size_t)json_object_get_string_len(v))
		return (wrong(at, "a string that is not empty"));
	s = strcmp(at->key, "uri") == 0 ? strdup(json_object_get_string(v)) :
	    expand(json_object_get_string(v));
	if (s == NULL)
		return (no_memory(at));
	free(*field);
	*field = s;
	return (0);
}

static int
set_strings(const struct place *at, bool replace, struct strings *field,
    json_object *v)
{
	struct place inner = *at;
	char *s = NULL;
	bool ok;
	int r;

	if (!json_object_is_type(v, json_type_array))
		return (wrong(at, "an array of strings"));
	if (replace)
		strings_free(field);
	for (size_t i = 0; i < json_object_array_length(v); i++) {
		json_object *e = json_object_array_get_idx(v, i);

		if (!json_object_is_type(e, json_type_string))
			return (wrong(at, "an array of strings"));
		/* An empty argument is an argument. */
		if (json_object_get_string_len(e) == 0) {
			if (!strings_add(field, ""))
				return (no_memory(at));
			continue;
		}
		r = set_string(&inner, &s, e);
		if (r != 0)
			return (r);
		ok = strings_add(field, s);
		free(s);
		s = NULL;
		if (!ok)
			return (no_memory(at));
	}
	return (0);
}

static int
set_path_key(const struct place *at, struct linux_path *p, const char *key,
    json_object *v)
{
	const struct { const char *name; bool *field; } flags[] = {
		{"prefix", &p->prefix}, {"writable", &p->writable},
		{"symlink", &p->symlink},
	};

	at->within->sub = key;
	if (strcmp(key, "real") == 0)
		return (set_string(at, &p->real_path, v));
	if (strcmp(key, "virtual") == 0)
		return (set_string(at, &p->virtual_path, v));
	for (unsigned i = 0; i < 3; i++) {
		if (strcmp(key, flags[i].name) != 0)
			continue;
		if (!json_object_is_type(v, json_type_boolean))
			return (wrong(at, "an array whose prefix, writable "
			    "and symlink are true or false"));
		*flags[i].field = json_object_get_boolean(v);
		return (0);
	}
	return (tkvm_fail(at->err, TKVM_ECONFIG, "%s: %s: allowed_paths does "
	    "not know \"%s\", only real, virtual, prefix, writable and symlink",
	    at->origin, at->object, key));
}

/* One element: "path", or an object. */
static int
set_path(const struct place *at, struct linux_path *p, json_object *e)
{
	int r = 0;

	if (json_object_is_type(e, json_type_string)) {
		r = set_string(at, &p->real_path, e);
	} else if (json_object_is_type(e, json_type_object)) {
		json_object_object_foreach(e, key, v) {
			r = set_path_key(at, p, key, v);
			if (r != 0)
				break;
		}
	} else {
		r = wrong(at, "an array of strings and objects");
	}
	if (r != 0)
		return (r);
	at->within->sub = NULL;
	if (p->real_path == NULL)
		return (wrong(at, "an array whose objects have a \"real\""));
	if (p->virtual_path == NULL)
		p->virtual_path = strdup(p->real_path);
	if (p->virtual_path == NULL)
		return (no_memory(at));
	if (p->symlink && strcmp(p->virtual_path, p->real_path) == 0)
		return (wrong(at, "an array whose symlinks have a virtual "
		    "path that differs from the real one"));
	if (p->real_path[0] != '/' || p->virtual_path[0] != '/')
		return (wrong(at, "an array of absolute paths"));
	return (0);
}

static int
set_paths(const struct place *at, struct paths *field, json_object *v)
{
	struct linux_path *p;
	int r;

	if (!json_object_is_type(v, json_type_array))
		return (wrong(at, "an array of strings and objects"));
	for (size_t i = 0; i < json_object_array_length(v); i++) {
		p = realloc(field->p, (field->n + 1) * sizeof *p);
		if (p == NULL)
			return (no_memory(at));
		field->p = p;
		p += field->n++;	/* counted at once: freed if bad */
		memset(p, 0, sizeof *p);
		at->within->item = (int)i;
		r = set_path(at, p, json_object_array_get_idx(v, i));
		if (r != 0)
			return (r);
	}
	return (0);
}

static int
set_unknown(const struct place *at)
{
	const char *near = settings_nearest(at->key);

	return (tkvm_fail(at->err, TKVM_ECONFIG,
	    "%s: %s: there is no setting \"%.60s\"%s%s%s", at->origin,
	    at->object, at->key, near ? "; did you mean \"" : "",
	    near ? near : "", near ? "\"?" : ""));
}

/* A value that was parsed by config_object.c, or not. */
static int
taken(const struct place *at, bool ok, const struct complaint *c)
{
	if (ok)
		return (0);
	at->within->sub = c->sub;
	return (wrong(at, c->expected));
}

static int
set_downloads(const struct place *at, struct downloads *field, json_object *v)
{
	struct complaint c;
	struct download *d;
	int r = 0;

	if (!json_object_is_type(v, json_type_array))
		return (wrong(at, "an array of objects"));
	for (size_t i = 0; i < json_object_array_length(v) && r == 0; i++) {
		d = realloc(field->d, (field->n + 1) * sizeof *d);
		if (d == NULL)
			return (no_memory(at));
		field->d = d;
		d += field->n++;	/* counted at once: freed if bad */
		memset(d, 0, sizeof *d);
		at->within->item = (int)i;
		r = taken(at, download_parse(json_object_array_get_idx(v, i),
		    d, &c), &c);
	}
	return (r);
}

static int
set_bool(const struct place *at, bool *field, json_object *v)
{
	if (!json_object_is_type(v, json_type_boolean))
		return (wrong(at, "true or false"));
	if (field != NULL)
		*field = json_object_get_boolean(v);
	return (0);
}

static int
set_key(const struct place *at, struct settings *s, json_object *v)
{
	const struct setting *k = settings_find(at->key);
	struct complaint c;
	char *field;

	*at->within = (struct trail){.item = -1};
	if (k == NULL)
		return (set_unknown(at));
	field = (char *)s + k->offset;
	switch (k->type) {
	case SETTING_UINT:
	case SETTING_EVEN:
	case SETTING_SECONDS:
		return (set_number(at, k, field, v));
	case SETTING_BOOL:
		return (set_bool(at, (bool *)field, v));
	case SETTING_IGNORED:
		return (set_bool(at, NULL, v));
	case SETTING_STRING:
		/* Of this one the empty string is the default. */
		if (k->max != 0 && json_object_is_type(v, json_type_string) &&
		    json_object_get_string_len(v) == 0) {
			free(*(char **)(void *)field);
			*(char **)(void *)field = NULL;
			return (0);
		}
		return (set_string(at, (char **)(void *)field, v));
	case SETTING_STRINGS:
		return (set_strings(at, k->replace,
		    (struct strings *)(void *)field, v));
	case SETTING_PATHS:
		return (set_paths(at, (struct paths *)(void *)field, v));
	case SETTING_SERVER:
		return (taken(at, server_settings_parse(v,
		    (struct server_settings *)(void *)field, &c), &c));
	case SETTING_AREAS:
		return (taken(at, areas_parse(v, (enum tkvm_area_kind)k->min,
		    s, &c), &c));
	case SETTING_WARMUP:
		return (taken(at, warmup_parse(v,
		    (struct warmup *)(void *)field, &c), &c));
	case SETTING_DOWNLOADS:
		return (set_downloads(at,
		    (struct downloads *)(void *)field, v));
	}
	ASSERT(false);
	return (TKVM_EHOST);
}

static int
set_all(struct place *at, struct settings *s, json_object *o)
{
	int r;

	json_object_object_foreach(o, key, v) {
		at->key = key;
		r = set_key(at, s, v);
		if (r != 0)
			return (r);
	}
	/* Of two that contradict each other the published module takes this. */
	if (json_object_object_get_ex(o, "ephemeral_keep_working_memory",
	    NULL) && s->keep_memory)
		s->ephemeral = true;
	if (s->address_space_mib < s->max_memory_mib)
		s->address_space_mib = s->max_memory_mib;
	return (0);
}

/*--- documents ------------------------------------------------------------*/

/* "origin: ..." becomes "origin: line 7: ...". object: see struct trail. */
static void
name_line(const struct place *at, const char *json, size_t len,
    const char *object)
{
	struct trail t = *at->within;
	struct tkvm_err why = *at->err;
	size_t n = strlen(at->origin);
	unsigned line;

	t.object = object;
	t.key = at->key;
	line = document_line(json, len, &t);
	if (line == 0 || strncmp(why.text, at->origin, n) != 0)
		return;
	(void)tkvm_fail(at->err, why.code, "%s: line %u%s", at->origin, line,
	    why.text + n);
}

static bool
is_program(json_object *o)
{
	return (json_object_object_get_ex(o, "group", NULL) ||
	    json_object_object_get_ex(o, "filename", NULL) ||
	    json_object_object_get_ex(o, "uri", NULL));
}

/* The settings a program starts from: its group's. */
static int
from_group(struct place *at, json_object *root, const char *name,
    json_object *o, struct settings *s)
{
	json_object *g = NULL, *group = NULL;
	const char *of = "test";

	at->object = name;
	at->key = "group";
	if (json_object_object_get_ex(o, "group", &g)) {
		if (!json_object_is_type(g, json_type_string))
			return (wrong(at, "a string"));
		of = json_object_get_string(g);
	}
	/* A group "test" always exists. */
	if (!json_object_object_get_ex(root, of, &group) ||
	    is_program(group)) {
		if (strcmp(of, "test") != 0)
			return (tkvm_fail(at->err, TKVM_ECONFIG,
			    "%s: %s: there is no group \"%s\" in this document",
			    at->origin, name, of));
		group = NULL;
	}
	s->group = strdup(of);
	if (s->group == NULL)
		return (no_memory(at));
	at->object = of;
	return (group == NULL ? 0 : set_all(at, s, group));
}

static int
parse_program(struct place *at, json_object *root, const char *name,
    json_object *o, struct definition *d)
{
	int r;

	settings_init(&d->settings);
	d->name = strdup(name);
	if (d->name == NULL)
		return (no_memory(at));
	r = from_group(at, root, name, o, &d->settings);
	if (r != 0)
		return (r);
	at->object = name;
	r = set_all(at, &d->settings, o);
	if (r == 0)
		r = settings_check(&d->settings, at->origin, at->object,
	    at->err);
	return (r);
}

/* Groups are checked even when no program uses them. */
static int
check_group(struct place *at, const char *name, json_object *o)
{
	struct settings s;
	int r;

	at->object = name;
	at->key = name;
	if (!json_object_is_type(o, json_type_object))
		return (tkvm_fail(at->err, TKVM_ECONFIG,
		    "%s: \"%s\" must be an object: a program or a group",
		    at->origin, name));
	settings_init(&s);
	r = set_all(at, &s, o);
	settings_free(&s);
	return (r);
}

void
definitions_free(struct definition **list)
{
	struct definition *d;

	while ((d = *list) != NULL) {
		*list = d->next;
		settings_free(&d->settings);
		free(d->name);
		free(d);
	}
}

static int
parse_entry(struct place *at, json_object *root, const char *name,
    json_object *o, bool (*known)(void *, const char *), void *priv,
    struct definition ***last)
{
	struct definition *d;

	/* Nobody could call it. */
	if (*name == '\0')
		return (tkvm_fail(at->err, TKVM_ECONFIG, "%s: the name of a "
		    "program or group is empty", at->origin));
	if (!json_object_is_type(o, json_type_object) || !is_program(o))
		return (check_group(at, name, o));
	if (known != NULL && known(priv, name))
		return (tkvm_fail(at->err, TKVM_ECONFIG,
		    "%s: a program \"%s\" is defined already", at->origin,
		    name));
	d = calloc(1, sizeof *d);
	if (d == NULL)
		return (no_memory(at));
	**last = d;
	*last = &d->next;
	return (parse_program(at, root, name, o, d));
}

int
config_parse(const char *json, size_t len, const char *origin,
    bool (*known)(void *priv, const char *name), void *priv,
    struct definition **list, struct tkvm_err *err)
{
	struct trail trail = {.item = -1};
	struct place at = {.origin = origin, .within = &trail, .err = err};
	struct definition **last = list;
	json_object *root;
	int r = 0;

	*list = NULL;
	root = document_parse(json, len, origin, err);
	if (root == NULL)
		return (TKVM_ECONFIG);
	json_object_object_foreach(root, name, o) {
		r = parse_entry(&at, root, name, o, known, priv, &last);
		if (r != 0)
			break;
	}
	if (r != 0)
		name_line(&at, json, len, at.object);
	json_object_put(root);
	if (r != 0)
		definitions_free(list);
	return (r);
}

int
config_override(const char *json, const char *program,
    const struct settings *base, struct settings *out, struct tkvm_err *err)
{
	struct trail trail = {.item = -1};
	struct place at = {.origin = "configure", .object = program,
	    .within = &trail, .err = err};
	json_object *o;
	int r;

	settings_init(out);
	o = document_parse(json, strlen(json), "configure", err);
	if (o == NULL)
		return (TKVM_ECONFIG);
	r = settings_copy(out, base, err);
	if (r == 0)
		r = set_all(&at, out, o);
	if (r == 0 && out->group == NULL && (out->group = strdup("test")) ==
	    NULL)
		r = no_memory(&at);
	/* The settings of a group are gone once its document is read. */
	if (r == 0 && strcmp(out->group, base->group == NULL ? "test" :
	    base->group) != 0)
		r = tkvm_fail(err, TKVM_ECONFIG, "configure: %s: \"group\" "
		    "cannot be changed here, only in the library that "
		    "defines the program", program);
	if (r == 0)
		r = settings_check(out, at.origin, at.object, at.err);
	if (r != 0)
		name_line(&at, json, strlen(json), NULL);
	json_object_put(o);
	if (r != 0)
		settings_free(out);
	return (r);
}
