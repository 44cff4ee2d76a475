/* SPDX-License-Identifier: BSD-2-Clause */
/* http_lines.h: a transaction whose header fields are plain lines. */
#ifndef HTTP_LINES_H
#define HTTP_LINES_H

#include "http/http.h"
#include "test.h"

#define LINES 80
struct lines {
	char text[2][LINES][200];
	unsigned n[2];
	unsigned unset;			/* calls */
	bool full;
	double ttl, grace, keep;
	int cacheable;			/* -1: never asked */
	char log[256];
	unsigned logged;
};

static inline bool
same_name(const char *line, const char *name, size_t len)
{
	return (strncasecmp(line, name, len) == 0 && line[len] == ':');
}

static int
lines_append(void *priv, enum tkvm_where where, const char *line, size_t len)
{
	struct lines *l = priv;

	if (l->full || l->n[where] == LINES || len >= sizeof l->text[0][0])
		return (-1);
	memcpy(l->text[where][l->n[where]], line, len);
	l->text[where][l->n[where]][len] = '\0';
	return (5 + (int)l->n[where]++);
}

static const char *
lines_find(void *priv, enum tkvm_where where, const char *name, size_t len,
    size_t *line_len)
{
	struct lines *l = priv;

	for (unsigned i = 0; i < l->n[where]; i++) {
		if (!same_name(l->text[where][i], name, len))
			continue;
		*line_len = strlen(l->text[where][i]);
		return (l->text[where][i]);
	}
	return (NULL);
}

static int
lines_set(void *priv, enum tkvm_where where, const char *line, size_t len)
{
	struct lines *l = priv;
	size_t name = (size_t)((const char *)memchr(line, ':', len) - line);

	for (unsigned i = 0; i < l->n[where]; i++) {
		if (!same_name(l->text[where][i], line, name))
			continue;
		memcpy(l->text[where][i], line, len);
		l->text[where][i][len] = '\0';
		return (5 + (int)i);
	}
	return (lines_append(priv, where, line, len));
}

static int
lines_unset(void *priv, enum tkvm_where where, const char *name, size_t len)
{
	struct lines *l = priv;

	l->unset++;
	for (unsigned i = 0; i < l->n[where]; i++) {
		if (!same_name(l->text[where][i], name, len))
			continue;
		memmove(l->text[where][i], l->text[where][i + 1],
		    (--l->n[where] - i) * sizeof l->text[where][0]);
		return (1);
	}
	return (0);
}

static const char *
lines_field(void *priv, enum tkvm_where where, unsigned i, size_t *line_len)
{
	struct lines *l = priv;

	if (i >= l->n[where])
		return (NULL);
	*line_len = strlen(l->text[where][i]);
	return (l->text[where][i]);
}

static int
lines_cacheable(void *priv, bool cacheable, double ttl, double grace,
    double keep)
{
	struct lines *l = priv;

	l->cacheable = cacheable;
	l->ttl = ttl;
	l->grace = grace;
	l->keep = keep;
	return (0);
}

static void
lines_log(void *priv, const char *text, size_t len)
{
	struct lines *l = priv;

	l->logged++;
	snprintf(l->log, sizeof l->log, "%.*s", (int)len, text);
}

static const struct tkvm_transaction_ops lines_ops = {
	.append = lines_append, .set = lines_set, .unset = lines_unset,
	.find = lines_find, .field = lines_field,
	.set_cacheable = lines_cacheable, .log = lines_log,
};

#endif
