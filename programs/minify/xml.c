/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * XML and SVG without comments and without blanks that only indent: those that
 * have a line's end, stand between two tags, and in an element that has no text
 * of its own. What xml:space, <text> of SVG or a page of XHTML keeps, stays.
 */
#include <stdlib.h>

#include "minify.h"

#define DEPTH_MAX 65536

struct element {
	size_t name, name_len;
	bool keeps;		/* blanks, by xml:space or by its name */
	size_t number;		/* of all elements */
};

struct xml {
	struct job *job;
	struct source text;
	struct out *out;	/* NULL: look for text only */
	bool svg;
	size_t at;
	struct element *stack;
	size_t depth, room;
	size_t elements;	/* begun so far */
	unsigned char *mixed;	/* by number: it has text of its own */
	size_t mixed_room;
};

/* Elements of SVG in which blanks count, or may. */
static const char *const svg_keeping[] = { "text", "style", "script", "title",
	"desc", "foreignObject", NULL };

static int
wrong(struct xml *x, size_t at, const char *why)
{
	return (text_wrong(x->job, x->text, at, why));
}

static bool
xml_blank(unsigned char c)
{
	return (one_of(c, " \t\r\n"));
}

static void
copy_to(struct xml *x, size_t end)
{
	if (x->out != NULL)
		out_add(x->out, x->text.in + x->at, end - x->at);
	x->at = end;
}

static struct element *
top(struct xml *x)
{
	return (x->depth != 0 ? &x->stack[x->depth - 1] : NULL);
}

static bool
named(const struct xml *x, const struct element *e, const char *name)
{
	return (e->name_len == strlen(name) &&
	    memcmp(x->text.in + e->name, name, e->name_len) == 0);
}

/*--- elements -------------------------------------------------------------*/

/* Room for a bit more of the stack and of the marks. */
static int
grow(struct xml *x)
{
	void *more;

	if (x->depth == x->room) {
		x->room = x->room * 2 + 64;
		more = x->depth < DEPTH_MAX ? realloc(x->stack,
		    x->room * sizeof *x->stack) : NULL;
		if (more == NULL)
			return (job_fail(x->job, 413, "elements are nested "
			    "more than %d deep", DEPTH_MAX));
		x->stack = more;
	}
	if (x->out == NULL && x->elements == x->mixed_room) {
		x->mixed_room = x->mixed_room * 2 + 1024;
		more = realloc(x->mixed, x->mixed_room);
		if (more == NULL)
			return (job_fail(x->job, 413,
			    "there is not enough memory"));
		x->mixed = more;
	}
	return (0);
}

static int
push(struct xml *x, struct element e)
{
	/* In a page words stand in elements of their own: no blank can go. */
	e.keeps |= top(x) != NULL ? top(x)->keeps : named(x, &e, "html");
	if (grow(x) != 0)
		return (-1);
	for (const char *const *p = svg_keeping; x->svg && *p != NULL; p++)
		e.keeps |= named(x, &e, *p);
	e.number = x->elements;
	if (x->out == NULL)
		x->mixed[e.number] = 0;
	x->elements++;
	x->stack[x->depth++] = e;
	return (0);
}

static size_t
name_end(const struct xml *x, size_t at)
{
	while (at < x->text.len && !xml_blank(x->text.in[at]) &&
	    !one_of(x->text.in[at], "/>=<\"'"))
		at++;
	return (at);
}

/* An attribute, without blanks around "="; the values of xml:space. */
static int
attribute(struct xml *x, struct element *e)
{
	size_t from = x->at, end = name_end(x, from);
	bool space = end - from == 9 && text_has(x->text, from, "xml:space");
	char quote[2] = "";

	if (end == from)
		return (wrong(x, from, "an attribute has no name"));
	copy_to(x, end);
	while (end < x->text.len && xml_blank(x->text.in[end]))
		end++;
	if (end >= x->text.len || x->text.in[end] != '=')
		return (wrong(x, from, "an attribute has no value"));
	for (end++; end < x->text.len && xml_blank(x->text.in[end]);)
		end++;
	if (end >= x->text.len || !one_of(x->text.in[end], "\"'"))
		return (wrong(x, from, "a value has no quotes"));
	quote[0] = (char)x->text.in[end];
	if (x->out != NULL)
		out_put(x->out, '=');
	x->at = end;
	e->keeps |= space && text_has(x->text, end + 1, "preserve");
	end = text_find(x->text, end + 1, quote);
	if (end >= x->text.len)
		return (wrong(x, from, "a value is not closed"));
	copy_to(x, end + 1);
	return (0);
}

static int
begin(struct xml *x)
{
	struct element e = { .name = x->at + 1 };
	size_t from = x->at;
	bool apart;

	e.name_len = name_end(x, e.name) - e.name;
	if (e.name_len == 0)
		return (wrong(x, from, "an element has no name"));
	copy_to(x, e.name + e.name_len);
	for (;;) {
		for (apart = false; x->at < x->text.len &&
		    xml_blank(x->text.in[x->at]); x->at++)
			apart = true;
		if (text_has(x->text, x->at, ">")) {
			copy_to(x, x->at + 1);
			return (push(x, e));
		}
		if (text_has(x->text, x->at, "/>")) {
			copy_to(x, x->at + 2);
			x->elements += x->out != NULL;
			if (x->out != NULL)
				return (0);
			/* It has a number, as in the second round. */
			if (push(x, e) != 0)
				return (-1);
			x->depth--;
			return (0);
		}
		if (!apart)
			return (wrong(x, from, "a tag is not closed"));
		if (x->out != NULL)
			out_put(x->out, ' ');
		if (attribute(x, &e) != 0)
			return (-1);
	}
}

static int
finish(struct xml *x)
{
	const struct element *e = top(x);
	size_t from = x->at, end;

	if (e == NULL || !text_has(x->text, from, "</") ||
	    x->text.len - from - 2 < e->name_len ||
	    memcmp(x->text.in + from + 2, x->text.in + e->name,
	    e->name_len) != 0)
		return (wrong(x, from, "an end tag has no begin"));
	end = from + 2 + e->name_len;
	copy_to(x, end);
	while (end < x->text.len && xml_blank(x->text.in[end]))
		end++;
	x->at = end;
	if (!text_has(x->text, end, ">"))
		return (wrong(x, from, "an end tag has no begin"));
	copy_to(x, end + 1);
	x->depth--;
	return (0);
}

/*--- all the rest ---------------------------------------------------------*/

/* Text is no blank: blanks beside it count. */
static void
text(struct xml *x, size_t from, size_t end)
{
	bool blank = true, line = false, goes;
	const struct element *e = top(x);

	for (size_t i = from; i < end; i++) {
		blank &= xml_blank(x->text.in[i]);
		line |= one_of(x->text.in[i], "\r\n");
	}
	if (x->out == NULL) {
		if (e != NULL)
			x->mixed[e->number] |= !blank;
		x->at = end;
		return;
	}
	goes = blank && (e == NULL || (!e->keeps && !x->mixed[e->number] &&
	    (line || x->svg)));
	if (goes)
		x->at = end;
	else
		copy_to(x, end);
}

/* Up to the ">" of a document type; its inner part stays as it is. */
static size_t
doctype_end(const struct xml *x)
{
	unsigned depth = 0;
	char quote[2] = "";
	size_t i = x->at;

	while (i < x->text.len) {
		unsigned char c = x->text.in[i];

		if (text_has(x->text, i, "<!--")) {
			i = text_find(x->text, i + 4, "-->") + 3;
		} else if (text_has(x->text, i, "<?")) {
			i = text_find(x->text, i + 2, "?>") + 2;
		} else if (one_of(c, "\"'")) {
			quote[0] = (char)c;
			i = text_find(x->text, i + 1, quote) + 1;
		} else {
			depth += c == '<';
			i++;
			if (c == '>' && --depth == 0)
				return (i);
		}
	}
	return (x->text.len + 1);
}

static int
special(struct xml *x)
{
	size_t end;

	if (text_has(x->text, x->at, "<!--")) {
		end = text_find(x->text, x->at + 4, "-->") + 3;
		if (end <= x->text.len) {
			x->at = end;
			return (0);
		}
	} else if (text_has(x->text, x->at, "<![CDATA[")) {
		end = text_find(x->text, x->at, "]]>") + 3;
		if (top(x) != NULL && x->out == NULL)
			x->mixed[top(x)->number] = 1;
	} else if (text_has(x->text, x->at, "<?")) {
		end = text_find(x->text, x->at, "?>") + 2;
	} else {
		end = doctype_end(x);
	}
	if (end > x->text.len)
		return (wrong(x, x->at, "this is not closed"));
	copy_to(x, end);
	return (0);
}

static int
walk(struct xml *x)
{
	int r = 0;

	x->at = text_has(x->text, 0, "\xef\xbb\xbf") ? 3 : 0;
	x->depth = x->elements = 0;
	while (r == 0 && x->at < x->text.len) {
		if (x->text.in[x->at] != '<')
			text(x, x->at, text_find(x->text, x->at, "<"));
		else if (x->at + 1 < x->text.len &&
		    one_of(x->text.in[x->at + 1], "!?"))
			r = special(x);
		else if (x->at + 1 < x->text.len &&
		    x->text.in[x->at + 1] == '/')
			r = finish(x);
		else
			r = begin(x);
	}
	if (r == 0 && x->depth != 0)
		r = wrong(x, x->at, "an element is not closed");
	return (r);
}

int
xml_minify(struct job *job, const struct options *o, struct source text,
    struct out *out)
{
	struct xml x = { .job = job, .text = text,
	    .svg = o->type == KIND_SVG };
	int r = walk(&x);

	/* The second round knows which elements have text. */
	x.out = out;
	if (r == 0)
		r = walk(&x);
	free(x.stack);
	free(x.mixed);
	return (r);
}
