/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * config_server.c: the object of the settings server and websocket_server.
 */
#include <arpa/inet.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program/config_server.h"

#define FIELD(f) offsetof(struct server_settings, f)

static const struct key {
	const char *name;
	enum { KEY_UINT, KEY_SECONDS, KEY_STRING } type;
	size_t offset;
	double min, max;
} keys[] = {
	{"port", KEY_UINT, FIELD(port), 1, 65535},
	{"systems", KEY_UINT, FIELD(systems), 1, SERVER_SYSTEMS_MAX},
	{"max_connections", KEY_UINT, FIELD(max_connections), 1,
	    SERVER_CONNECTIONS_MAX},
	{"socket_event_read", KEY_UINT, FIELD(read_event), 1, 2},
	{"idle_timeout", KEY_SECONDS, FIELD(idle_timeout), 0.001, 1e6},
	{"path", KEY_STRING, FIELD(path), 0, 0},
	{"address", KEY_STRING, FIELD(address), 0, 0},
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
set_string(char **field, json_object *v)
{
	if (!json_object_is_type(v, json_type_string) ||
	    json_object_get_string_len(v) == 0 ||
	    strlen(json_object_get_string(v)) !=
	    (size_t)json_object_get_string_len(v))
		return (false);
	free(*field);
	*field = strdup(json_object_get_string(v));
	return (*field != NULL);
}

static bool
set_key(const char *name, struct server_settings *s, json_object *v,
    char *expected, size_t size)
{
	const struct key *k = NULL;
	char *field;

	for (unsigned i = 0; i < sizeof keys / sizeof keys[0]; i++)
		if (strcmp(keys[i].name, name) == 0)
			k = &keys[i];
	if (k == NULL) {
		(void)snprintf(expected, size, "an object of port, path, "
		    "address, systems, max_connections, idle_timeout and "
		    "socket_event_read, without \"%.40s\"", name);
		return (false);
	}
	field = (char *)s + k->offset;
	if (k->type == KEY_STRING ? set_string((char **)(void *)field, v) :
	    set_number(k, field, v))
		return (true);
	if (k->type == KEY_STRING)
		(void)snprintf(expected, size, "an object whose %s is a "
		    "string that is not empty", name);
	else
		(void)snprintf(expected, size, "an object whose %s is a %s "
		    "from %g to %g", name, k->type == KEY_UINT ?
		    "whole number" : "number", k->min, k->max);
	return (false);
}

static bool
is_address(const char *text)
{
	unsigned char bytes[16];

	return (inet_pton(AF_INET, text, bytes) == 1 ||
	    inet_pton(AF_INET6, text, bytes) == 1);
}

/* What no key alone can tell. */
static const char *
complaint(const struct server_settings *s)
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
    char *expected, size_t size)
{
	struct server_settings new = {
		.systems = 1, .max_connections = 1024, .idle_timeout = 300,
		.read_event = 1,
	};
	const char *what = "an object with a port or a path";
	bool ok = v == NULL || json_object_is_type(v, json_type_object);

	(void)snprintf(expected, size, "%s", what);
	if (ok && (v == NULL || json_object_object_length(v) == 0)) {
		server_settings_free(s);
		return (true);
	}
	if (ok) {
		json_object_object_foreach(v, name, value) {
			ok = set_key(name, &new, value, expected, size);
			if (!ok)
				break;
		}
	}
	if (ok && (what = complaint(&new)) != NULL) {
		(void)snprintf(expected, size, "%s", what);
		ok = false;
	}
	if (!ok) {
		server_settings_free(&new);
		return (false);
	}
	server_settings_free(s);
	*s = new;
	return (true);
}
