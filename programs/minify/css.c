/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CSS without comments, without blanks that part nothing, without the last
 * semicolon of a block. Statement by statement: what ends one says what it is.
 * No value is rewritten: what a browser of any age reads stays what it was.
 */
#include "minify.h"

enum mode { SELECTOR, RULE, DECLARATION, CUSTOM };

struct css {
	struct job *job;
	struct source text;
	struct out *out;
	size_t at;
	bool licenses;
};

/* What opaque_end() returns after job_fail(). */
#define FAILED SIZE_MAX
/* How many closing brackets may be awaited in one statement. */
#define DEPTH_MAX 256

static int
wrong(struct css *css, size_t at, const char *why)
{
	return (text_wrong(css->job, css->text, at, why));
}

static bool
css_blank(unsigned char c)
{
	return (one_of(c, " \t\r\n\f"));
}

static bool
hex(unsigned char c)
{
	return ((c >= '0' && c <= '9') ||
	    ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'));
}

/*--- tokens that hide what else would have a meaning ----------------------*/

/* A backslash and what it takes with it, such as a blank behind digits. */
static size_t
escape_end(struct source t, size_t at)
{
	size_t i = at + 1, digits = 0;

	while (i < t.len && digits < 6 && hex(t.in[i])) {
		i++;
		digits++;
	}
	if (digits == 0)
		return (i < t.len ? i + 1 : i);
	if (text_has(t, i, "\r\n"))
		return (i + 2);
	return (i < t.len && css_blank(t.in[i]) ? i + 1 : i);
}

/* 0 when it is not closed in its line. */
static size_t
string_end(struct source t, size_t at)
{
	size_t i = at + 1;

	for (; i < t.len && t.in[i] != t.in[at]; i++) {
		if (one_of(t.in[i], "\r\n\f"))
			return (0);
		if (t.in[i] == '\\') {
			i++;
			if (text_has(t, i, "\r\n"))
				i++;
		}
	}
	return (i < t.len ? i + 1 : 0);
}

/* Where an address without quotes ends; 0: there is none at `at`. */
static size_t
url_end(struct source t, size_t at)
{
	size_t i = at + 4;

	if (!text_has_nocase(t, at, "url("))
		return (0);
	while (i < t.len && css_blank(t.in[i]))
		i++;
	if (i < t.len && one_of(t.in[i], "\"'"))
		return (0);
	for (; i < t.len && t.in[i] != ')'; i++)
		if (t.in[i] == '\\')
			i++;
	return (i < t.len ? i + 1 : t.len);
}

/*
 * The end of the string, comment, escape or address at `at`; `at` when there is
 * none; FAILED.
 */
static size_t
opaque_end(struct css *css, size_t at)
{
	struct source t = css->text;
	const char *why = NULL;
	size_t end = at;

	if (one_of(t.in[at], "\"'")) {
		if ((end = string_end(t, at)) == 0)
			why = "a string is not closed";
	} else if (text_has(t, at, "/*")) {
		end = text_find(t, at + 2, "*/") + 2;
		if (end > t.len)
			why = "a comment is not closed";
	} else if (t.in[at] == '\\') {
		end = escape_end(t, at);
	} else if ((t.in[at] | 0x20) == 'u' && (end = url_end(t, at)) == 0) {
		end = at;
	}
	if (why == NULL)
		return (end);
	(void)wrong(css, at, why);
	return (FAILED);
}

/*--- one statement --------------------------------------------------------*/

struct statement {
	struct css *css;
	enum mode mode;
	size_t start;		/* of it, in the output */
	unsigned depth;
	size_t colon;		/* DECLARATION: what follows it, or 0 */
	bool blank, comment;	/* what stands before the token */
	bool sticky;		/* the last token was an escape */
};

/* Whether a blank between a, what was written last, and b says nothing. */
static bool
droppable(const struct statement *s, unsigned char a, unsigned char b)
{
	if (s->mode == CUSTOM)
		return (false);
	if (one_of(a, "([,") || one_of(b, ")],"))
		return (true);
	if (s->mode == SELECTOR && s->depth == 0)
		return (one_of(a, ">~+") || one_of(b, ">~+"));
	if (s->mode == RULE && s->depth != 0)
		return (a == ':');
	if (s->mode == DECLARATION)
		return (a == '!' || b == '!' || (s->colon == 0 && b == ':') ||
		    s->css->out->len == s->colon);
	return (false);
}

/* Between tokens that would become one. */
static bool
must_part(unsigned char a, unsigned char b)
{
	return (!one_of(a, ",;(){}[]:>~\"'") && !one_of(b, ",;){}[]:>~\"'"));
}

static void
part(struct statement *s, unsigned char b)
{
	struct out *out = s->css->out;
	unsigned char a = out_last(out, 1);

	if (out->len == s->start || (!s->blank && !s->comment))
		return;
	/* The byte before may be escaped, and is then no punctuation. */
	if (s->sticky ? !one_of(b, ")],") || s->mode == CUSTOM :
	    !droppable(s, a, b)) {
		if (s->blank)
			out_put(out, ' ');
		else if (s->sticky || must_part(a, b))
			out_add(out, (const unsigned char *)"/**/", 4);
	}
}

static void
punctuation(struct statement *s, unsigned char c)
{
	s->sticky = false;
	out_put(s->css->out, c);
	if (one_of(c, "([{"))
		s->depth++;
	if (one_of(c, ")]}") && s->depth != 0)
		s->depth--;
	if (s->mode == DECLARATION && s->colon == 0 && c == ':' &&
	    s->depth == 0)
		s->colon = s->css->out->len;
}

static int
emit(struct css *css, size_t at, size_t end, enum mode mode)
{
	struct statement s = { .css = css, .mode = mode,
	    .start = css->out->len };
	struct source t = css->text;

	while (at < end) {
		size_t till = opaque_end(css, at);

		if (till == FAILED)
			return (-1);
		if (css_blank(t.in[at])) {
			s.blank = true;
			at++;
			continue;
		}
		if (text_has(t, at, "/*")) {
			s.comment = true;
			at = till;
			continue;
		}
		part(&s, t.in[at]);
		s.blank = s.comment = false;
		if (till > end)
			till = end;
		if (till > at) {
			out_add(css->out, t.in + at, till - at);
			s.sticky = t.in[at] == '\\';
			at = till;
		} else {
			punctuation(&s, t.in[at++]);
		}
	}
	/* A custom property may be a blank. */
	if (mode == CUSTOM && out_last(css->out, 1) == ':' && s.blank)
		out_put(css->out, ' ');
	return (0);
}

/* "--name:", whose value may hold anything that is balanced. */
static bool
is_custom(struct source t, size_t at)
{
	if (!text_has(t, at, "--"))
		return (false);
	while (at < t.len && !css_blank(t.in[at]) &&
	    !one_of(t.in[at], ":;{}()[]\"'/>"))
		at++;
	while (at < t.len && css_blank(t.in[at]))
		at++;
	return (at < t.len && t.in[at] == ':');
}

/*
 * What ends the statement at css->at: "{", ";", "}", or 0 at the end of the
 * text; -1 after job_fail().
 */
static int
statement_end(struct css *css, bool custom, size_t *end)
{
	char closing[DEPTH_MAX];
	size_t depth = 0, i = css->at, till;

	for (; i < css->text.len; i = till > i ? till : i + 1) {
		unsigned char c = css->text.in[i];

		if ((till = opaque_end(css, i)) == FAILED)
			return (-1);
		if (till > i)
			continue;
		*end = i;
		if (depth == 0 && (one_of(c, ";}") || (c == '{' && !custom)))
			return (c);
		if (one_of(c, "([{")) {
			if (depth == DEPTH_MAX)
				return (job_fail(css->job, 413, "brackets are "
				    "nested more than %d deep", DEPTH_MAX));
			closing[depth++] = c == '(' ? ')' : c == '[' ? ']' :
			    '}';
		} else if (one_of(c, ")]}") &&
		    (depth == 0 || closing[--depth] != (char)c)) {
			return (wrong(css, i, "a bracket is too much"));
		}
	}
	*end = css->text.len;
	return (depth != 0 ? wrong(css, css->at, "a bracket is not closed") :
	    0);
}

/* Blanks and comments between statements; licences are kept. */
static int
gap(struct css *css)
{
	size_t end;

	while (css->at < css->text.len) {
		if (css_blank(css->text.in[css->at])) {
			css->at++;
			continue;
		}
		if (!text_has(css->text, css->at, "/*"))
			return (0);
		if ((end = opaque_end(css, css->at)) == FAILED)
			return (-1);
		if (css->licenses && text_has(css->text, css->at, "/*!"))
			out_add(css->out, css->text.in + css->at,
			    end - css->at);
		css->at = end;
	}
	return (0);
}

static int
statement(struct css *css, size_t *depth)
{
	bool custom = *depth != 0 && is_custom(css->text, css->at);
	bool rule = css->text.in[css->at] == '@';
	size_t end = 0;
	int ends = statement_end(css, custom, &end);

	if (ends < 0 || emit(css, css->at, end, custom ? CUSTOM : rule ? RULE :
	    ends == '{' || *depth == 0 ? SELECTOR : DECLARATION) != 0)
		return (-1);
	css->at = end;
	if (ends != '{' && ends != ';')
		return (0);
	css->at++;
	*depth += ends == '{';
	if (ends == ';' && !rule) {
		/* Before "}" it is not needed. */
		if (gap(css) != 0)
			return (-1);
		if (css->at < css->text.len && css->text.in[css->at] == '}')
			return (0);
	}
	out_put(css->out, (unsigned char)ends);
	return (0);
}

int
css_minify(struct job *job, const struct options *o, struct source text,
    struct out *out)
{
	struct css css = { job, text, out, 0, o->licenses };
	size_t depth = 0;

	while (gap(&css) == 0) {
		if (css.at == text.len)
			return (depth == 0 ? 0 :
			    wrong(&css, css.at, "a block is not closed"));
		if (text.in[css.at] == '}') {
			if (depth-- == 0)
				return (wrong(&css, css.at,
				    "a \"}\" is too much"));
			out_put(out, '}');
			css.at++;
		} else if (text.in[css.at] == ';' && depth != 0) {
			css.at++;
		} else if (statement(&css, &depth) != 0) {
			return (-1);
		}
	}
	return (-1);
}
