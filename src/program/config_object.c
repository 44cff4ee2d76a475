/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * config_object.c: settings that are objects, a table of keys each.
 */
#include <arpa/inet.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program/config_object.h"

/* Of remapping and its like. */
#define AREA_MIB_MAX 524288
#define AREA_LOWEST 0x20000u

struct key {
	const char *name;
	enum { KEY_UINT, KEY_SECONDS, KEY_BOOL, KEY_STRING, KEY_LIST } type;
	size_t offset;
	double min, max;
};

#define SERVER(f) offsetof(struct server_settings, f)
static const struct key server_keys[] = {
	{"port", KEY_UINT, SERVER(port), 1, 65535},
	{"systems", KEY_UINT, SERVER(systems), 1, SERVER_SYSTEMS_MAX},
	{"max_connections", KEY_UINT, SERVER(max_connections), 1,
	    SERVER_CONNECTIONS_MAX},
	{"socket_event_read", KEY_UINT, SERVER(read_event), 1, 2},
	{"idle_timeout", KEY_SECONDS, SERVER(idle_timeout), 0.001, 1e6},
	{"path", KEY_STRING, SERVER(path), 0, 0},
	{"address", KEY_STRING, SERVER(address), 0, 0},
	{NULL, KEY_UINT, 0, 0, 0}
};

#define WARMUP(f) offsetof(struct warmup, f)
static const struct key warmup_keys[] = {
	{"num_requests", KEY_UINT, WARMUP(num_requests), 1, 65535},
	{"exact", KEY_BOOL, WARMUP(exact), 0, 0},
	{"url", KEY_STRING, WARMUP(url), 0, 0},
	{"method", KEY_STRING, WARMUP(method), 0, 0},
	{"headers", KEY_LIST, WARMUP(headers), 0, 0},
	{NULL, KEY_UINT, 0, 0, 0}
};

#define DOWNLOAD(f) offsetof(struct download, f)
static const struct key download_keys[] = {
	{"uri", KEY_STRING, DOWNLOAD(uri), 0, 0},
	{"filepath", KEY_STRING, DOWNLOAD(path), 0, 0},
	{"sha256", KEY_STRING, DOWNLOAD(sha256), 0, 0},
	{"md5", KEY_STRING, DOWNLOAD(md5), 0, 0},
	{NULL, KEY_UINT, 0, 0, 0}
};

static bool
set_number(const struct key *k, char *field, json_object *v)
{
	double d = json_object_get_double(v);

	if ((!json_object_is_type(v, json_type_int) &&
	    !json_object_is_type(v, json_type_double)) ||
	    !(d >= k->min && d <= k->max))
		return (false);
	if (k->type == KEY_SECONDS) {
		memcpy(field, &d, sizeof d);
		return (true);
	}
	if (d != (double)(unsigned)d)
		return (false);
	memcpy(field, &(unsigned){(unsigned)d}, sizeof(unsigned));
	return (true);
}

static bool
is_text(json_object *v)
{
	return (json_object_is_type(v, json_type_string) &&
	    json_object_get_string_len(v) != 0 &&
	    strlen(json_object_get_string(v)) ==
	    (size_t)json_object_get_string_len(v));
}

static bool
set_string(char **field, json_object *v)
{
	if (!is_text(v))
		return (false);
	free(*field);
	*field = strdup(json_object_get_string(v));
	return (*field != NULL);
}

static bool
set_list(struct strings *field, json_object *v)
{
	json_object *e;

	if (!json_object_is_type(v, json_type_array))
		return (false);
	for (size_t i = 0; i < json_object_array_length(v); i++) {
		e = json_object_array_get_idx(v, i);
		if (!is_text(e) ||
		    !strings_add(field, json_object_get_string(e)))
			return (false);
	}
	return (true);
}

static bool
set_key(const struct key *k, char *field, json_object *v)
{
	switch (k->type) {
	case KEY_STRING:
		return (set_string((char **)(void *)field, v));
	case KEY_LIST:
		return (set_list((struct strings *)(void *)field, v));
	case KEY_BOOL:
		*(bool *)field = json_object_get_boolean(v);
		return (json_object_is_type(v, json_type_boolean));
	case KEY_UINT:
	case KEY_SECONDS:
		break;
	}
	return (set_number(k, field, v));
}

static void
expect_key(const struct key *k, struct complaint *c)
{
	static const char *const what[] = {
		[KEY_STRING] = "a string that is not empty",
		[KEY_LIST] = "an array of strings that are not empty",
		[KEY_BOOL] = "true or false",
	};

	if (k->type == KEY_UINT || k->type == KEY_SECONDS)
		(void)snprintf(c->expected, sizeof c->expected, "an object "
		    "whose %s is a %s from %g to %g", k->name, k->type ==
		    KEY_UINT ? "whole number" : "number", k->min, k->max);
	else
		(void)snprintf(c->expected, sizeof c->expected, "an object "
		    "whose %s is %s", k->name, what[k->type]);
}

/* The keys there are, and the one that is none. */
static void
expect_keys(const struct key *keys, const char *name, struct complaint *c)
{
	size_t n = sizeof c->expected, at;

	at = (size_t)snprintf(c->expected, n, "an object of");
	for (const struct key *k = keys; k->name != NULL && at < n; k++)
		at += (size_t)snprintf(c->expected + at, n - at, "%s%s",
		    k == keys ? " " : k[1].name == NULL ? " and " : ", ",
		    k->name);
	if (at < n)
		(void)snprintf(c->expected + at, n - at, ", without \"%.40s\"",
		    name);
}

/* All keys of an object into a struct. */
static bool
set_keys(const struct key *keys, void *to, json_object *v, struct complaint *c)
{
	json_object_object_foreach(v, name, value) {
		const struct key *k = keys;

		while (k->name != NULL && strcmp(k->name, name) != 0)
			k++;
		c->sub = name;
		if (k->name == NULL) {
			expect_keys(keys, name, c);
			return (false);
		}
		if (!set_key(k, (char *)to + k->offset, value)) {
			expect_key(k, c);
			return (false);
		}
	}
	c->sub = NULL;
	return (true);
}

static bool
complain(struct complaint *c, const char *expected)
{
	(void)snprintf(c->expected, sizeof c->expected, "%s", expected);
	return (false);
}

static bool
is_none(json_object *v)
{
	return (v == NULL || (json_object_is_type(v, json_type_object) &&
	    json_object_object_length(v) == 0));
}

/*--- server ---------------------------------------------------------------*/

static bool
is_address(const char *text)
{
	unsigned char bytes[16];

	return (inet_pton(AF_INET, text, bytes) == 1 ||
	    inet_pton(AF_INET6, text, bytes) == 1);
}

/* What no key alone can tell. */
static const char *
server_complaint(const struct server_settings *s)
{
	if ((s->path != NULL) == (s->port != 0))
		return ("an object with either a port or a path");
	if (s->path != NULL && s->path[0] != '/')
		return ("an object whose path starts with /");
	if (s->path != NULL && strlen(s->path) > 107)
		return ("an object whose path has at most 107 bytes");
	if (s->path != NULL && s->address != NULL)
		return ("an object whose address belongs to a port");
	if (s->address != NULL && !is_address(s->address))
		return ("an object whose address is a number, as 127.0.0.1");
	return (NULL);
}

bool
server_settings_parse(json_object *v, struct server_settings *s,
    struct complaint *c)
{
	struct server_settings new = {
		.systems = 1, .max_connections = 1024, .idle_timeout = 300,
		.read_event = 1,
	};
	const char *what;
	bool ok = true;

	c->sub = NULL;
	if (is_none(v)) {
		server_settings_free(s);
		return (true);
	}
	if (!json_object_is_type(v, json_type_object))
		return (complain(c, "an object with a port or a path"));
	ok = set_keys(server_keys, &new, v, c);
	if (ok && (what = server_complaint(&new)) != NULL)
		ok = complain(c, what);
	if (!ok) {
		server_settings_free(&new);
		return (false);
	}
	server_settings_free(s);
	*s = new;
	return (true);
}

/*--- warmup ---------------------------------------------------------------*/

static const char *
warmup_complaint(struct warmup *w)
{
	if (w->url == NULL)
		w->url = strdup("/");
	if (w->method == NULL)
		w->method = strdup("GET");
	if (w->url == NULL || w->method == NULL)
		return ("less than what memory holds");
	for (unsigned i = 0; i < w->headers.n; i++)
		if (!http_line_ok(w->headers.s[i], strlen(w->headers.s[i])))
			return ("an object whose headers read \"Name: value\"");
	if (strings_add(&w->headers, "User-Agent: tinykvm"))
		return (NULL);
	return ("less than what memory holds");
}

bool
warmup_parse(json_object *v, struct warmup *w, struct complaint *c)
{
	struct warmup new = {.num_requests = 20, .wanted = true};
	const char *what;
	bool ok;

	c->sub = NULL;
	if (is_none(v)) {
		warmup_free(w);
		return (true);
	}
	if (!json_object_is_type(v, json_type_object))
		return (complain(c, "an object"));
	ok = set_keys(warmup_keys, &new, v, c);
	if (ok && (what = warmup_complaint(&new)) != NULL)
		ok = complain(c, what);
	warmup_free(ok ? w : &new);
	if (ok)
		*w = new;
	return (ok);
}

/*--- download -------------------------------------------------------------*/

static bool
is_hex(const char *text, size_t len)
{
	return (strlen(text) == len &&
	    strspn(text, "0123456789abcdefABCDEF") == len);
}

bool
download_parse(json_object *v, struct download *d, struct complaint *c)
{
	c->sub = NULL;
	if (!json_object_is_type(v, json_type_object))
		return (complain(c, "an array of objects"));
	if (!set_keys(download_keys, d, v, c))
		return (false);
	if (d->uri == NULL || d->path == NULL)
		return (complain(c, "an array of objects with a uri and a "
		    "filepath"));
	if (strncmp(d->uri, "http://", 7) != 0 &&
	    strncmp(d->uri, "https://", 8) != 0)
		return (complain(c, "an array of objects whose uri begins with "
		    "http:// or https://"));
	if (d->path[0] != '/')
		return (complain(c, "an array of objects whose filepath begins "
		    "with /"));
	if (d->sha256 != NULL && !is_hex(d->sha256, 64))
		return (complain(c, "an array of objects whose sha256 is 64 "
		    "hexadecimal digits"));
	return (true);
}

/*--- areas ----------------------------------------------------------------*/

static bool
is_number(const char *text, uint64_t *n)
{
	size_t digits;

	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
		text += 2;
	digits = strspn(text, "0123456789abcdefABCDEF");
	if (digits == 0 || digits > 16 || text[digits] != '\0')
		return (false);
	*n = strtoull(text, NULL, 16);
	return (true);
}

static bool
area_parse(json_object *v, enum tkvm_area_kind kind, struct settings *s,
    struct complaint *c)
{
	struct tkvm_area a = {.kind = kind};
	json_object *start, *size;
	uint64_t end;
	int64_t mib;

	if (!json_object_is_type(v, json_type_array) ||
	    json_object_array_length(v) != 2)
		return (complain(c, "an array of two, or an object of them"));
	start = json_object_array_get_idx(v, 0);
	size = json_object_array_get_idx(v, 1);
	if (!is_text(start) ||
	    !is_number(json_object_get_string(start), &a.start))
		return (complain(c, "an array whose first element is an "
		    "address, as \"0xc000000000\""));
	mib = json_object_is_type(size, json_type_int) ?
	    json_object_get_int64(size) : -1;
	if (mib >= 0 && mib <= AREA_MIB_MAX) {
		a.len = (uint64_t)mib << 20;
	} else if (is_text(size) &&
	    is_number(json_object_get_string(size), &end) && end >= a.start) {
		/* As MiB would be: whole ones. */
		a.len = (end - a.start) & ~(uint64_t)0xfffff;
	} else {
		return (complain(c, "an array whose second element is MiB, up "
		    "to 524288, or an address behind the first"));
	}
	if (a.start < AREA_LOWEST)
		return (complain(c, "an array whose address is 0x20000 or "
		    "above"));
	if (s->n_areas == TKVM_AREAS_MAX)
		return (complain(c, "not the seventeenth: there are 16 at "
		    "most"));
	s->area[s->n_areas++] = a;
	return (true);
}

bool
areas_parse(json_object *v, enum tkvm_area_kind kind, struct settings *s,
    struct complaint *c)
{
	c->sub = NULL;
	if (is_none(v) || (json_object_is_type(v, json_type_array) &&
	    json_object_array_length(v) == 0))
		return (true);
	if (!json_object_is_type(v, json_type_object))
		return (area_parse(v, kind, s, c));
	json_object_object_foreach(v, name, value) {
		c->sub = name;
		if (!area_parse(value, kind, s, c))
			return (false);
	}
	return (true);
}
