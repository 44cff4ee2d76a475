/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * self.c: self-requests: a chain's first link may be a request to the cache
 * itself instead of a program.
 *
 * Loops. Each self-request carries a random token in a header field; a table
 * knows the tokens on their way and how deep each is nested. A request that
 * comes in with a known token is one deeper; a token that is not in the table
 * means nothing. So a client can neither pretend to be nested nor not to be,
 * and a token is worthless when its request is over.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "program/program_priv.h"

#define FIELD "Tinykvm-Self"
#define TOKEN_BYTES 16
#define TOKEN_HEX (2 * TOKEN_BYTES)
#define CONNECT_SECONDS 5
#define TOTAL_SECONDS 30
#define HEADERS_MAX 62

struct token {
	struct token *next;
	char hex[TOKEN_HEX + 1];
	unsigned depth;
};

static struct {
	pthread_mutex_t lock;
	struct token *first;		/* at most as many as self-requests */
} tokens = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int
token_issue(struct token *t, unsigned depth, struct tkvm_err *err)
{
	unsigned char random[TOKEN_BYTES];

	if (getrandom(random, sizeof random, 0) != sizeof random)
		return (tkvm_fail(err, TKVM_EHOST,
		    "the host has no random numbers"));
	for (unsigned i = 0; i < TOKEN_BYTES; i++)
		(void)snprintf(t->hex + 2 * i, 3, "%02x", random[i]);
	t->depth = depth;
	(void)pthread_mutex_lock(&tokens.lock);
	t->next = tokens.first;
	tokens.first = t;
	(void)pthread_mutex_unlock(&tokens.lock);
	return (0);
}

static void
token_revoke(struct token *t)
{
	struct token **at = &tokens.first;

	(void)pthread_mutex_lock(&tokens.lock);
	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	(void)pthread_mutex_unlock(&tokens.lock);
}

/* How deep is this request nested? 0: it is a client's. */
static unsigned
depth_of(const struct tkvm_request *req)
{
	const char *line = NULL, *hex;
	unsigned depth = 0;
	size_t len = 0;

	if (req != NULL && req->ops != NULL && req->ops->find != NULL)
		line = req->ops->find(req->priv, TKVM_REQUEST, FIELD,
		    strlen(FIELD), &len);
	if (line == NULL || len < sizeof FIELD + TOKEN_HEX)
		return (0);
	hex = line + len - TOKEN_HEX;
	(void)pthread_mutex_lock(&tokens.lock);
	for (const struct token *t = tokens.first; t != NULL; t = t->next)
		if (memcmp(t->hex, hex, TOKEN_HEX) == 0)
			depth = t->depth;
	(void)pthread_mutex_unlock(&tokens.lock);
	return (depth);
}

/*--- settings -------------------------------------------------------------*/

int
tkvm_library_set_self(struct tkvm_library *lib, const char *unix_socket,
    const char *prefix, unsigned max_concurrent, unsigned max_depth,
    struct tkvm_err *err)
{
	struct self *self = &lib->self;
	char *socket = NULL, *text;
	size_t n = strlen(prefix);

	if (strncmp(prefix, "http://", 7) != 0 &&
	    strncmp(prefix, "https://", 8) != 0)
		return (tkvm_fail(err, TKVM_ECONFIG, "the prefix must begin "
		    "with http:// or https://"));
	if (max_concurrent == 0 || max_depth == 0)
		return (tkvm_fail(err, TKVM_ECONFIG, "the numbers of requests "
		    "at once and of levels must be 1 or more"));
	if (unix_socket != NULL && *unix_socket != '\0')
		socket = strdup(unix_socket);
	text = strdup(prefix);
	if (text == NULL || (unix_socket != NULL && *unix_socket != '\0' &&
	    socket == NULL)) {
		free(socket);
		free(text);
		return (tkvm_fail(err, TKVM_ENOMEM, "no memory"));
	}
	while (n > 0 && text[n - 1] == '/')
		text[--n] = '\0';
	self_free(self);
	self->unix_socket = socket;
	self->prefix = text;
	self->max_concurrent = max_concurrent;
	self->max_depth = max_depth;
	return (0);
}

void
self_free(struct self *self)
{
	free(self->unix_socket);
	free(self->prefix);
	self->unix_socket = self->prefix = NULL;
}

/*--- a request ------------------------------------------------------------*/

/* Header lines to send: those of the link's JSON and our own. */
struct lines {
	json_object *json;
	const char *line[HEADERS_MAX + 2];	/* NULL behind the last */
	unsigned n;
};

static int
add_line(struct lines *l, json_object *v, struct tkvm_err *err)
{
	const char *line = json_object_get_string(v);
	size_t len = (size_t)json_object_get_string_len(v);

	if (!json_object_is_type(v, json_type_string) ||
	    !http_line_ok(line, len))
		return (tkvm_fail(err, TKVM_ECONFIG, "a header of the fetch is "
		    "no \"Name: value\""));
	if (strncasecmp(line, FIELD ":", sizeof FIELD) == 0 ||
	    tkvm_header_frames(line, len))
		return (tkvm_fail(err, TKVM_ECONFIG, "the header %.*s cannot "
		    "be set", (int)strcspn(line, ":"), line));
	if (l->n == HEADERS_MAX)
		return (tkvm_fail(err, TKVM_ECONFIG, "more than %d headers to "
		    "fetch with", HEADERS_MAX));
	l->line[l->n++] = line;
	return (0);
}

static int
parse_lines(struct lines *l, const char *json, struct tkvm_err *err)
{
	int r = 0;

	if (*json == '\0')
		return (0);
	l->json = json_tokener_parse(json);
	if (!json_object_is_type(l->json, json_type_object))
		return (tkvm_fail(err, TKVM_ECONFIG, "the third argument of a "
		    "fetch is no JSON object"));
	json_object_object_foreach(l->json, key, v) {
		if (strcmp(key, "headers") != 0)
			return (tkvm_fail(err, TKVM_ECONFIG, "a fetch has no "
			    "option \"%.50s\"; there is \"headers\"", key));
		if (!json_object_is_type(v, json_type_array))
			return (tkvm_fail(err, TKVM_ECONFIG, "\"headers\" of a "
			    "fetch is no array"));
		for (size_t i = 0; i < json_object_array_length(v) && r == 0;
		    i++)
			r = add_line(l, json_object_array_get_idx(v, i), err);
	}
	return (r);
}

static bool
is_path(const char *path)
{
	if (*path != '/')
		return (false);
	for (; *path != '\0'; path++)
		if ((unsigned char)*path <= ' ' || *path == 127)
			return (false);
	return (true);
}

/* lines has room for one more, and for its end. */
static int
ask(struct tkvm_library *lib, const char *path, const char **line,
    unsigned depth, struct fetch_request *req, struct fetch_reply *reply,
    struct tkvm_err *err)
{
	const struct self *self = &lib->self;
	char field[sizeof FIELD + 2 + TOKEN_HEX], *url;
	struct token token;
	int r;

	r = token_issue(&token, depth + 1, err);
	if (r != 0)
		return (r);
	(void)snprintf(field, sizeof field, FIELD ": %s", token.hex);
	*line = field;
	req->unix_socket = self->unix_socket;
	req->allow_private = true;
	/* Through the socket they cannot lead elsewhere. */
	if (self->unix_socket == NULL)
		req->redirects = 0;
	if (asprintf(&url, "%s%s", self->prefix == NULL ? SELF_PREFIX :
	    self->prefix, path) < 0) {
		r = tkvm_fail(err, TKVM_ENOMEM, "no memory to fetch");
	} else {
		req->url = url;
		r = fetch_url(req, reply, err);
		free(url);
	}
	*line = NULL;
	token_revoke(&token);
	return (r);
}

/* The same, if it is not too deep and there are not too many. */
static int
ask_within_limits(struct tkvm_library *lib, const char *path,
    const char **line, const struct tkvm_request *of,
    struct fetch_request *req, struct fetch_reply *reply, struct tkvm_err *err)
{
	struct self *self = &lib->self;
	unsigned depth = depth_of(of);
	int r;

	if (depth >= self->max_depth) {
		reply->status = 508;
		return (tkvm_fail(err, TKVM_EGUEST, "self-requests are nested "
		    "%u deep, a loop", depth));
	}
	reply->status = 500;
	if (!is_path(path))
		return (tkvm_fail(err, TKVM_ECONFIG, "\"%.100s\" is no path to "
		    "fetch", path));
	if (__atomic_add_fetch(&self->active, 1, __ATOMIC_RELAXED) >
	    self->max_concurrent)
		r = tkvm_fail(err, TKVM_EBUSY, "more than %u self-requests at "
		    "once", self->max_concurrent);
	else
		r = ask(lib, path, line, depth, req, reply, err);
	(void)__atomic_sub_fetch(&self->active, 1, __ATOMIC_RELAXED);
	return (r);
}

int
self_fetch(struct tkvm_library *lib, const char *path, const char *json,
    const struct tkvm_request *req, struct fetch_reply *reply,
    struct tkvm_err *err)
{
	struct lines lines = {.json = NULL};
	struct fetch_request ours = {
		.headers = lines.line, .connect_s = CONNECT_SECONDS,
		.total_s = TOTAL_SECONDS, .max_bytes = BODY_MAX, .redirects = 5,
	};
	int r, status = 500;

	memset(reply, 0, sizeof *reply);
	r = parse_lines(&lines, json, err);
	if (r == 0) {
		r = ask_within_limits(lib, path, &lines.line[lines.n], req,
		    &ours, reply, err);
		if (reply->status == 508)
			status = 508;
	}
	json_object_put(lines.json);
	if (r != 0)
		reply->status = status;
	return (r);
}

/*--- sys_fetch() ----------------------------------------------------------*/

/* A CURLcode, unless we refused it before there was a transfer. */
static int
refused(const struct fetch_reply *reply)
{
	return (reply->failure > 0 ? -reply->failure : -1);
}

/* The program's header lines with room for one of ours. */
static int
copy_lines(struct lines *l, const char *const *from, struct tkvm_err *err)
{
	while (from[l->n] != NULL && l->n < HEADERS_MAX) {
		if (strncasecmp(from[l->n], FIELD ":", sizeof FIELD) == 0)
			return (tkvm_fail(err, TKVM_EGUEST, "the header " FIELD
			    " cannot be set"));
		l->line[l->n] = from[l->n];
		l->n++;
	}
	return (0);
}

int
program_fetch(void *priv, const struct tkvm_request *of,
    struct fetch_request *req, struct fetch_reply *reply, struct tkvm_err *err)
{
	const struct generation *g = priv;
	enum reach reach = g->settings.reach;
	struct lines lines = {.json = NULL};

	memset(reply, 0, sizeof *reply);
	if (reach == REACH_NONE || (reach == REACH_SELF && *req->url != '/')) {
		(void)tkvm_fail(err, TKVM_EGUEST, "cannot fetch %.200s: "
		    "allow_fetch is \"%s\"", req->url,
		    reach == REACH_NONE ? "none" : "self");
		return (-1);
	}
	if (*req->url != '/') {
		req->allow_private = reach == REACH_ANY;
		return (fetch_url(req, reply, err) == 0 ? 0 : refused(reply));
	}
	if (copy_lines(&lines, req->headers, err) != 0)
		return (-1);
	req->headers = lines.line;
	return (ask_within_limits(g->program->library, req->url,
	    &lines.line[lines.n], of, req, reply, err) == 0 ? 0 :
	    refused(reply));
}
