/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * document.c: json-c parses, and tells nothing of where its values came from.
 * For messages, a scanner finds a key again in a text that json-c has taken.
 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "program/document.h"

#define DEPTH_MAX 16

/* Where blanks and comments that start at `at` end; len when they are all. */
static size_t
skip_blanks(const char *json, size_t at, size_t len)
{
	const char *end;

	for (;;) {
		while (at < len && strchr(" \t\r\n", json[at]) != NULL &&
		    json[at] != '\0')
			at++;
		if (at >= len)
			return (len);
		if (len - at < 2 || json[at] != '/' ||
		    (json[at + 1] != '/' && json[at + 1] != '*'))
			return (at);
		if (json[at + 1] == '/')
			end = memchr(json + at, '\n', len - at);
		else
			end = memmem(json + at + 2, len - at - 2, "*/", 2);
		if (end == NULL)
			return (json[at + 1] == '/' ? len : at);
		at = (size_t)(end - json) + (*end == '*' ? 2 : 1);
	}
}

json_object *
document_parse(const char *json, size_t len, const char *origin,
    struct tkvm_err *err)
{
	struct json_tokener *t = json_tokener_new_ex(DEPTH_MAX);
	enum json_tokener_error e = json_tokener_error_depth;
	json_object *o = NULL;
	size_t at = 0;
	unsigned line = 1;

	if (t != NULL && len < INT32_MAX) {
		o = json_tokener_parse_ex(t, json, (int)len);
		e = json_tokener_get_error(t);
		at = json_tokener_get_parse_end(t);
		/* Within a comment, only a NUL tells it that this is all. */
		if (e == json_tokener_continue) {
			o = json_tokener_parse_ex(t, "", 1);
			e = json_tokener_get_error(t);
			at = len;
		}
	}
	for (size_t i = 0; i < at && i < len; i++)
		line += json[i] == '\n';
	if (o != NULL && skip_blanks(json, at, len) != len) {
		json_object_put(o);
		o = NULL;
	}
	if (o == NULL || !json_object_is_type(o, json_type_object))
		(void)tkvm_fail(err, TKVM_ECONFIG, "%s: line %u: %s", origin,
		    line, o != NULL ? "the document must be an object" :
		    e == json_tokener_success ? "text behind the document" :
		    at == len ? "the document is cut off" :
		    json_tokener_error_desc(e));
	if (o != NULL && !json_object_is_type(o, json_type_object)) {
		json_object_put(o);
		o = NULL;
	}
	json_tokener_free(t);
	return (o);
}

/*--- finding --------------------------------------------------------------*/

struct scan {
	const char *json;
	size_t at, len;
};

static void
blanks(struct scan *s)
{
	s->at = skip_blanks(s->json, s->at, s->len);
}

static char
peek(const struct scan *s)
{
	return (s->at < s->len ? s->json[s->at] : '\0');
}

/* json-c takes both kinds of quotes. */
static bool
at_string(const struct scan *s)
{
	return (peek(s) == '"' || peek(s) == '\'');
}

/* Past a string; does it read as word? One with escapes never does. */
static bool
string(struct scan *s, const char *word)
{
	char quote = peek(s);
	size_t start = ++s->at;

	while (s->at < s->len && s->json[s->at] != quote)
		s->at += s->json[s->at] == '\\' ? 2 : 1;
	if (s->at >= s->len) {
		s->at = s->len;
		return (false);
	}
	s->at++;
	return (word != NULL && strlen(word) == s->at - 1 - start &&
	    memcmp(word, s->json + start, strlen(word)) == 0);
}

/* Past a value, up to the comma or bracket behind it. */
static void
value(struct scan *s)
{
	unsigned depth = 0;
	char c;

	for (;;) {
		blanks(s);
		c = peek(s);
		if (s->at >= s->len || (depth == 0 &&
		    (c == ',' || c == '}' || c == ']')))
			return;
		if (at_string(s)) {
			(void)string(s, NULL);
			continue;
		}
		depth += c == '{' || c == '[';
		depth -= c == '}' || c == ']';
		s->at++;
	}
}

/* At an object: to the value of its last such key, and where the key is. */
static bool
enter_key(struct scan *s, const char *name, size_t *key)
{
	size_t found = 0, at;

	blanks(s);
	if (peek(s) != '{')
		return (false);
	s->at++;
	for (blanks(s); at_string(s); blanks(s)) {
		bool same;

		at = s->at;
		same = string(s, name);
		blanks(s);
		s->at++;		/* the colon */
		blanks(s);
		if (same) {
			*key = at;
			found = s->at;
		}
		value(s);
		if (peek(s) == ',')
			s->at++;
	}
	if (found != 0)
		s->at = found;
	return (found != 0);
}

/* At an array: to its item number n. */
static bool
enter_item(struct scan *s, int n, size_t *item)
{
	blanks(s);
	if (peek(s) != '[')
		return (false);
	s->at++;
	for (; n > 0 && s->at < s->len && peek(s) != ']'; n--) {
		value(s);
		if (peek(s) == ',')
			s->at++;
	}
	blanks(s);
	*item = s->at;
	return (n == 0);
}

unsigned
document_line(const char *json, size_t len, const struct trail *t)
{
	struct scan s = {.json = json, .len = len};
	size_t at = 0;
	unsigned line = 1;
	bool in = true;

	if (memchr(json, '\n', len) == NULL)
		return (0);
	if (t->object != NULL)
		in = enter_key(&s, t->object, &at);
	if (in && t->key != NULL)
		in = enter_key(&s, t->key, &at);
	if (in && t->item >= 0)
		in = enter_item(&s, t->item, &at);
	if (in && t->sub != NULL)
		(void)enter_key(&s, t->sub, &at);
	for (size_t i = 0; i < at && i < len; i++)
		line += json[i] == '\n';
	return (line);
}
