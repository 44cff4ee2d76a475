/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HTML without comments, with one blank where there were several. No element,
 * no attribute, no quote goes: what a style sheet makes of blanks between
 * elements cannot be known here. Scripts, styles and JSON in it are made
 * smaller by their own means, or left alone. Broken HTML is copied as it is.
 */
#include <stdio.h>
#include <stdlib.h>

#include "minify.h"

#define NAME_MAX_LEN 32

struct html {
	struct job *job;
	const struct options *options;
	struct source text;
	struct out *out;
	size_t at;
	bool head;			/* blanks say nothing here */
	bool space;			/* a blank was written last */
	unsigned foreign;		/* depth of <svg> and <math> */
	char keep[NAME_MAX_LEN + 1];	/* blanks stay up to its end */
	unsigned keep_depth;
};

/* A tag: its name in lower case, and what its attributes say. */
struct tag {
	char name[NAME_MAX_LEN + 1];
	bool closing, empty, keeps;
	struct source type;		/* the attribute's value */
};

/* Elements whose content is text up to their end tag. */
static const char *const raw[] = { "script", "style", "textarea", "title",
	"xmp", "iframe", "noembed", "noframes", NULL };
/* Elements whose blanks are seen. */
static const char *const keeping[] = { "pre", "listing", "textarea", NULL };
/* What may stand in a head, besides raw text. */
static const char *const heads[] = { "title", "meta", "link", "base", "script",
	"style", "noscript", NULL };
/* Beginnings of comments that somebody reads. */
static const char *const read_comments[] = { "<!--[if", "<!--<!", "<!--!",
	"<!--#", "<!--esi", "<!-- ko", "<!-- /ko", "<!--ko", "<!--/ko",
	"<!--[", "<!--]", "<!--$", "<!--/$", "<!--?", NULL };

static bool
html_blank(unsigned char c)
{
	return (one_of(c, " \t\r\n\f"));
}

static bool
letter(unsigned char c)
{
	return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static bool
in_list(const char *name, const char *const *list)
{
	for (; *list != NULL; list++)
		if (strcmp(name, *list) == 0)
			return (true);
	return (false);
}

static unsigned char
byte(const struct html *h, size_t at)
{
	return (at < h->text.len ? h->text.in[at] : 0);
}

static void
copy_to(struct html *h, size_t end)
{
	out_add(h->out, h->text.in + h->at, end - h->at);
	h->at = end;
	h->space = false;
}

/*--- text -----------------------------------------------------------------*/

static void
blank(struct html *h)
{
	size_t from = h->at;
	bool line = false;

	for (; html_blank(byte(h, h->at)); h->at++)
		line |= one_of(h->text.in[h->at], "\r\n");
	if (h->keep_depth != 0)
		out_add(h->out, h->text.in + from, h->at - from);
	else if (!h->space && !h->head)
		out_put(h->out, line ? '\n' : ' ');
	h->space = true;
}

static void
plain(struct html *h)
{
	size_t end = h->at + 1;

	while (end < h->text.len && h->text.in[end] != '<' &&
	    !html_blank(h->text.in[end]))
		end++;
	h->head = false;
	copy_to(h, end);
}

/*--- comments -------------------------------------------------------------*/

/* Where a comment ends; 0 when it does not. */
static size_t
comment_end(const struct html *h)
{
	size_t i = h->at + 4;

	if (text_has(h->text, i, ">"))
		return (i + 1);
	if (text_has(h->text, i, "->"))
		return (i + 2);
	for (;; i++) {
		i = text_find(h->text, i, "--");
		if (i >= h->text.len)
			return (0);
		if (text_has(h->text, i + 2, ">"))
			return (i + 3);
		if (text_has(h->text, i + 2, "!>"))
			return (i + 4);
	}
}

/* Whether something would come of what stands before and behind it. */
static bool
comment_parts(const struct html *h)
{
	for (size_t i = 1; i <= 40; i++) {
		unsigned char c = out_last(h->out, i);

		if (c == '<' || c == '&')
			return (true);
		if (c == 0 || c == '>' || c == ';' || html_blank(c))
			return (false);
	}
	return (false);
}

static bool
comment_stays(const struct html *h, size_t end)
{
	bool says = false;

	for (const char *const *p = read_comments; *p != NULL; p++)
		if (text_has_nocase(h->text, h->at, *p))
			return (true);
	/* Frameworks part texts by comments of nothing. */
	for (size_t i = h->at + 4; i < end && !says; i++)
		says = letter(h->text.in[i]) || h->text.in[i] >= 0x80;
	return (!says || h->keep_depth != 0 || comment_parts(h));
}

/* "<!" and "<?" that begin no element. */
static void
declaration(struct html *h)
{
	size_t end;

	if (text_has(h->text, h->at, "<!--")) {
		end = comment_end(h);
		if (end != 0 && !comment_stays(h, end)) {
			h->at = end;
			return;
		}
	} else if (h->foreign != 0 && text_has(h->text, h->at, "<![CDATA[")) {
		end = text_find(h->text, h->at, "]]>") + 3;
	} else {
		end = text_find(h->text, h->at, ">") + 1;
		h->head |= text_has_nocase(h->text, h->at, "<!doctype");
	}
	copy_to(h, end == 0 || end > h->text.len ? h->text.len : end);
}

/*--- tags -----------------------------------------------------------------*/

/* What an attribute says about blanks or about the text behind its tag. */
static void
note(struct tag *tag, struct source name, struct source value)
{
	if (name.len == 4 && text_has_nocase(name, 0, "type"))
		tag->type = value;
	if ((name.len == 9 && text_has_nocase(name, 0, "xml:space")) ||
	    (name.len == 5 && text_has_nocase(name, 0, "style") &&
	    text_find(value, 0, "white-space") != value.len))
		tag->keeps = true;
}

/* Write the attribute at h->at, without blanks around "=". */
static void
attribute(struct html *h, struct tag *tag)
{
	struct source name = { h->text.in + h->at, 1 }, value;
	size_t end = h->at + 1;

	while (end < h->text.len && !html_blank(h->text.in[end]) &&
	    !one_of(h->text.in[end], "/>="))
		end++;
	name.len = end - h->at;
	copy_to(h, end);
	while (html_blank(byte(h, end)))
		end++;
	if (byte(h, end) != '=')
		return;
	for (end++; html_blank(byte(h, end));)
		end++;
	out_put(h->out, '=');
	h->at = end;
	value.in = h->text.in + end;
	if (one_of(byte(h, end), "\"'")) {
		char quote[2] = { (char)byte(h, end), 0 };

		end = text_find(h->text, end + 1, quote);
		value.in++;
		value.len = end - (size_t)(value.in - h->text.in);
		end += end < h->text.len;
	} else {
		while (end < h->text.len && !html_blank(h->text.in[end]) &&
		    h->text.in[end] != '>')
			end++;
		value.len = end - h->at;
	}
	copy_to(h, end);
	note(tag, name, value);
}

static void
attributes(struct html *h, struct tag *tag)
{
	while (h->at < h->text.len && h->text.in[h->at] != '>') {
		bool apart = false;
		size_t i = h->at;

		for (; html_blank(byte(h, i)); i++)
			apart = true;
		/* A slash behind a value without quotes is not part of it. */
		if (apart && i < h->text.len && h->text.in[i] != '>' &&
		    !(h->text.in[i] == '/' && one_of(out_last(h->out, 1),
		    "\"'")))
			out_put(h->out, ' ');
		h->at = i;
		tag->empty = byte(h, i) == '/';
		if (byte(h, i) == '/')
			copy_to(h, i + 1);
		else if (i < h->text.len && h->text.in[i] != '>')
			attribute(h, tag);
	}
	if (h->at < h->text.len)
		copy_to(h, h->at + 1);
}

static void
read_tag(struct html *h, struct tag *tag)
{
	size_t len = 0, i = h->at + 1;

	memset(tag, 0, sizeof *tag);
	tag->closing = byte(h, i) == '/';
	i += tag->closing;
	for (; i < h->text.len && !html_blank(h->text.in[i]) &&
	    !one_of(h->text.in[i], "/>"); i++)
		if (len < NAME_MAX_LEN)
			tag->name[len++] = (char)(letter(h->text.in[i]) ?
			    h->text.in[i] | 0x20 : h->text.in[i]);
	copy_to(h, i);
	attributes(h, tag);
}

/*--- text that is no HTML -------------------------------------------------*/

/*
 * The end of raw text: where "</NAME" stands. A script may have a comment with
 * tags of scripts in it.
 */
static size_t
raw_end(const struct html *h, const char *name)
{
	bool script = strcmp(name, "script") == 0, comment = false;
	size_t len = strlen(name), i = h->at;
	bool inner = false;

	for (; i < h->text.len; i++) {
		unsigned char after;

		if (script && text_has(h->text, i, "<!--"))
			comment = true;
		if (comment && text_has(h->text, i, "-->"))
			comment = inner = false;
		if (h->text.in[i] != '<')
			continue;
		after = byte(h, i + 1 + len);
		if (comment && text_has_nocase(h->text, i + 1, name) &&
		    (html_blank(after) || one_of(after, "/>")))
			inner = true;
		if (byte(h, i + 1) != '/' ||
		    !text_has_nocase(h->text, i + 2, name))
			continue;
		after = byte(h, i + 2 + len);
		if (!html_blank(after) && !one_of(after, "/>"))
			continue;
		if (!inner)
			return (i);
		inner = false;
	}
	return (h->text.len);
}

static minify_f *
minifier(const struct tag *tag)
{
	enum kind kind = tag->type.len == 0 ? KIND_AUTO :
	    kind_of_type((const char *)tag->type.in, tag->type.len);

	if (strcmp(tag->name, "style") == 0)
		return (tag->type.len == 0 || kind == KIND_CSS ? css_minify :
		    NULL);
	if (strcmp(tag->name, "script") != 0)
		return (NULL);
	if (tag->type.len == 0 || kind == KIND_JS || (tag->type.len == 6 &&
	    text_has_nocase(tag->type, 0, "module")))
		return (js_minify);
	return (kind == KIND_JSON ? json_minify : NULL);
}

static void
raw_text(struct html *h, const struct tag *tag)
{
	static struct job ignored;
	size_t end = raw_end(h, tag->name), before = h->out->len;
	struct source inner = { h->text.in + h->at, end - h->at };
	/* In <svg> it is text as any, with its character references. */
	minify_f *f = h->foreign == 0 && end < h->text.len ?
	    minifier(tag) : NULL;

	/* A script within "<!--" is for browsers that know no scripts. */
	if (f == NULL || text_find(inner, 0, "<!--") != inner.len ||
	    f(&ignored, h->options, inner, h->out) != 0) {
		h->out->len = before;
		copy_to(h, end);
	}
	h->at = end;
}

/* An element begins or ends, whose blanks are seen. */
static void
keep(struct html *h, const struct tag *tag)
{
	if (h->keep_depth == 0 && !tag->closing && !tag->empty &&
	    (tag->keeps || in_list(tag->name, keeping))) {
		memcpy(h->keep, tag->name, sizeof h->keep);
		h->keep_depth = 1;
	} else if (h->keep_depth != 0 && strcmp(h->keep, tag->name) == 0) {
		if (!tag->closing)
			h->keep_depth++;
		else
			h->keep_depth--;
	}
}

static void
element(struct html *h)
{
	bool is_raw;
	struct tag tag;

	read_tag(h, &tag);
	is_raw = in_list(tag.name, raw);
	if (strcmp(tag.name, "svg") == 0 || strcmp(tag.name, "math") == 0) {
		if (!tag.closing)
			h->foreign += !tag.empty;
		else if (h->foreign != 0)
			h->foreign--;
	}
	/* Blanks before a body, at its begin and behind it say nothing. */
	if (strcmp(tag.name, "html") == 0 || strcmp(tag.name, "head") == 0 ||
	    strcmp(tag.name, "body") == 0)
		h->head = true;
	else if (!in_list(tag.name, heads))
		h->head = false;
	keep(h, &tag);
	if (strcmp(tag.name, "plaintext") == 0)
		copy_to(h, h->text.len);
	else if (is_raw && !tag.closing && !(h->foreign != 0 && tag.empty))
		raw_text(h, &tag);
}

int
html_minify(struct job *job, const struct options *o, struct source text,
    struct out *out)
{
	struct html h = { .job = job, .options = o, .text = text, .out = out };

	while (h.at < text.len) {
		unsigned char c = text.in[h.at], next = byte(&h, h.at + 1);

		if (html_blank(c))
			blank(&h);
		else if (c == '<' && (letter(next) || (next == '/' &&
		    letter(byte(&h, h.at + 2)))))
			element(&h);
		else if (c == '<' && one_of(next, "!?/"))
			declaration(&h);
		else
			plain(&h);
	}
	return (0);
}
