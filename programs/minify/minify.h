/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * minify.h: the parts of minify. Each reads a text of its kind and writes what
 * means the same with fewer bytes: 0, or -1 after job_fail() with the line that
 * it cannot read. No output is longer than its input.
 */
#ifndef MINIFY_H
#define MINIFY_H

#include <stdbool.h>
#include <string.h>

#include "job.h"

enum kind { KIND_AUTO, KIND_JSON, KIND_JS, KIND_CSS, KIND_HTML, KIND_SVG,
	KIND_XML };
enum level { LEVEL_WHITESPACE, LEVEL_MANGLE, LEVEL_COMPRESS };

struct options {
	int type, level;
	bool check, licenses, module, toplevel, drop_console;
};

struct source {
	const unsigned char *in;
	size_t len;
};

/* Where the result goes; has room for the whole input. */
struct out {
	char *data;
	size_t len, size;
};

typedef int minify_f(struct job *, const struct options *, struct source,
    struct out *);
minify_f json_minify, js_minify, js_compress, css_minify, html_minify,
    xml_minify;

/* Terser, before the machine is frozen or when it is first used; 0 or -1. */
int js_prepare(void);

/* The kind that a content type names; KIND_AUTO when none that is known. */
enum kind kind_of_type(const char *type, size_t len);

/* job_fail() with status 422 and the line of the byte `at`; -1. */
int text_wrong(struct job *job, struct source text, size_t at, const char *why);

static inline void
out_put(struct out *out, unsigned char c)
{
	if (out->len < out->size)
		out->data[out->len++] = (char)c;
}

static inline void
out_add(struct out *out, const unsigned char *data, size_t len)
{
	if (len > out->size - out->len)
		len = out->size - out->len;
	memcpy(out->data + out->len, data, len);
	out->len += len;
}

/* The byte that was written n bytes ago; 1 is the last one; 0 when none. */
static inline unsigned char
out_last(const struct out *out, size_t n)
{
	return (out->len >= n ? (unsigned char)out->data[out->len - n] : 0);
}

static inline bool
text_has(struct source text, size_t at, const char *what)
{
	size_t len = strlen(what);

	return (at <= text.len && text.len - at >= len &&
	    memcmp(text.in + at, what, len) == 0);
}

/* The same, whatever the case; what is in lower case. */
static inline bool
text_has_nocase(struct source text, size_t at, const char *what)
{
	size_t i;

	for (i = 0; what[i] != '\0'; i++)
		if (at + i >= text.len || (text.in[at + i] >= 'A' &&
		    text.in[at + i] <= 'Z' ? text.in[at + i] | 0x20 :
		    text.in[at + i]) != (unsigned char)what[i])
			return (false);
	return (true);
}

/* Where `what` stands at or behind `at`; text.len when nowhere. */
static inline size_t
text_find(struct source text, size_t at, const char *what)
{
	const unsigned char *p;

	if (at >= text.len)
		return (text.len);
	p = memmem(text.in + at, text.len - at, what, strlen(what));
	return (p != NULL ? (size_t)(p - text.in) : text.len);
}

/* Whether c is one of `set`; never for NUL. */
static inline bool
one_of(unsigned char c, const char *set)
{
	return (c != 0 && strchr(set, c) != NULL);
}

#endif
