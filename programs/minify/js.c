/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * JavaScript without comments and blanks. No tree is built: slash.h says
 * whether "/" divides or begins a regular expression, and where it cannot the
 * rest stays as it is. A line's end stays where a semicolon might be inserted
 * for it.
 */
#include "minify.h"
#include "slash.h"

enum last { START, WORD, NUMBER, PUNCT, STRING, REGEX };

struct js {
	struct job *job;
	struct source text;
	struct out *out;
	size_t at;
	enum last last;
	unsigned char end, end2;	/* the last token's last two bytes */
	struct slash slash;
	bool blank, newline;	/* what stands before the token */
	bool parted;		/* so does a comment, in the output */
	bool licenses;
};

/* What words are made of, and what may stand between tokens. */
static const bool word_bytes[256] = { ['a' ... 'z'] = true,
	['A' ... 'Z'] = true, ['0' ... '9'] = true, ['_'] = true, ['$'] = true,
	['\\'] = true, ['#'] = true, [0x80 ... 0xff] = true };
static const bool gap_bytes[256] = { [' '] = true, ['\t'] = true,
	['\v'] = true, ['\f'] = true, ['\n'] = true, ['\r'] = true,
	['/'] = true, ['<'] = true, ['-'] = true, [0xc2 ... 0xef] = true };

static bool
word_byte(unsigned char c)
{
	return (word_bytes[c]);
}

static unsigned char
byte(const struct js *js, size_t ahead)
{
	return (js->at + ahead < js->text.len ? js->text.in[js->at + ahead] :
	    0);
}

static int
wrong(struct js *js, const char *why)
{
	return (text_wrong(js->job, js->text, js->at, why));
}

/*
 * Blanks beyond ASCII: their length in bytes, 0 when there is none. U+2028 and
 * U+2029 end lines.
 */
static size_t
wide_blank(struct source t, size_t at, bool *line)
{
	static const struct {
		const char *bytes;
		bool line;
	} blanks[] = {
		{ "\xe2\x80\xa8", true }, { "\xe2\x80\xa9", true },
		{ "\xc2\xa0", false }, { "\xef\xbb\xbf", false },
		{ "\xe3\x80\x80", false }, { "\xe1\x9a\x80", false },
		{ "\xe2\x81\x9f", false }, { "\xe2\x80\xaf", false },
	};

	for (size_t i = 0; i < sizeof blanks / sizeof *blanks; i++)
		if (text_has(t, at, blanks[i].bytes)) {
			*line |= blanks[i].line;
			return (strlen(blanks[i].bytes));
		}
	if (text_has(t, at, "\xe2\x80") && at + 2 < t.len &&
	    t.in[at + 2] >= 0x80 && t.in[at + 2] <= 0x8a)
		return (3);
	return (0);
}

/*--- what stands between tokens -------------------------------------------*/

/* Up to the end of the line, which is not part of it. */
static size_t
line_end(const struct js *js, size_t at)
{
	bool line = false;

	for (; at < js->text.len && !one_of(js->text.in[at], "\r\n"); at++)
		if (js->text.in[at] == 0xe2 &&
		    wide_blank(js->text, at, &line) != 0 && line)
			break;
	return (at);
}

static bool
has_line_end(struct source t, size_t at, size_t till)
{
	bool line = false;

	for (; at < till && !line; at++)
		line = one_of(t.in[at], "\r\n") || (t.in[at] == 0xe2 &&
		    wide_blank(t, at, &line) != 0 && line);
	return (line);
}

static bool
is_license(struct source t, size_t at, size_t till)
{
	struct source comment = { t.in + at, till - at };

	return (text_has(comment, 2, "!") ||
	    text_find(comment, 0, "@license") != comment.len ||
	    text_find(comment, 0, "@preserve") != comment.len);
}

static int
block_comment(struct js *js)
{
	size_t end = text_find(js->text, js->at + 2, "*/");
	bool lines;

	if (end >= js->text.len)
		return (wrong(js, "a comment is not closed"));
	end += 2;
	lines = has_line_end(js->text, js->at, end);
	if (js->licenses && is_license(js->text, js->at, end)) {
		/* It parts tokens itself, and lines when it has some. */
		if (js->newline && js->out->len != 0 && js->end != '\n')
			out_put(js->out, '\n');
		out_add(js->out, js->text.in + js->at, end - js->at);
		js->newline = js->blank = false;
		js->parted = true;
	} else {
		js->newline |= lines;
		js->blank = true;
	}
	js->at = end;
	return (0);
}

/*
 * In a page, "<!--" and, at the begin of a line, "-->" are comments to the end
 * of the line; in a module they are not. Such a line stays as it is.
 */
static void
html_comment(struct js *js)
{
	size_t end = line_end(js, js->at);

	if (js->out->len != 0)
		out_put(js->out, js->newline ? '\n' : ' ');
	out_add(js->out, js->text.in + js->at, end - js->at);
	js->at = end;
	if (js->at < js->text.len)
		out_put(js->out, '\n');
	js->newline = js->blank = false;
	js->last = PUNCT;
	js->end = '\n';
}

static int
gap(struct js *js)
{
	size_t wide;

	js->blank = js->newline = js->parted = false;
	while (js->at < js->text.len) {
		unsigned char c = byte(js, 0);

		if (!gap_bytes[c])
			break;
		if (c == '\n' || c == '\r') {
			js->newline = true;
			js->at++;
		} else if (c == ' ' || c == '\t' || c == '\v' || c == '\f') {
			js->blank = true;
			js->at++;
		} else if (c == '/' && byte(js, 1) == '/') {
			js->at = line_end(js, js->at);
		} else if (c == '/' && byte(js, 1) == '*') {
			if (block_comment(js) != 0)
				return (-1);
		} else if (text_has(js->text, js->at, "<!--") ||
		    (text_has(js->text, js->at, "-->") &&
		    (js->newline || js->last == START))) {
			html_comment(js);
		} else if (c >= 0xc2 && (wide = wide_blank(js->text, js->at,
		    &js->newline)) != 0) {
			js->blank = true;
			js->at += wide;
		} else {
			break;
		}
	}
	return (0);
}

/* Whether no semicolon can be inserted between the last token and this one. */
static bool
joins(const struct js *js)
{
	unsigned char b = byte(js, 0);

	if (js->last == PUNCT && one_of(js->end, "{;,([=:?&|<>!~^%*"))
		return (true);
	if (b == '.')
		return (byte(js, 1) < '0' || byte(js, 1) > '9');
	return (one_of(b, ";,)]:?=&|^%<>}"));
}

/* Whether the last token and this one would be read as something else. */
static bool
merges(const struct js *js)
{
	unsigned char a = js->end, b = byte(js, 0);

	switch (a) {
	case '+':
	case '-':
		return (a == b);
	case '/':
		return (one_of(b, "/*") || (js->last == REGEX && word_byte(b)));
	case '<':
		/* "<!--" begins a comment, "</script" ends a page's script. */
		return (b == '/' || (b == '!' && byte(js, 1) == '-'));
	case '!':
		return (b == '-' && js->end2 == '<');
	case '?':
		return (one_of(b, ".?"));
	case '.':
		return (word_byte(b) && js->end2 >= '0' &&
		    js->end2 <= '9');
	default:
		return (word_byte(a) && (word_byte(b) || (b == '.' &&
		    js->last == NUMBER)) && (js->last != STRING));
	}
}

static void
part(struct js *js)
{
	if (js->last == START || js->end == '\n' ||
	    !(js->newline || js->blank))
		return;
	if (js->newline && !joins(js))
		out_put(js->out, '\n');
	else if (!js->parted && merges(js))
		out_put(js->out, ' ');
}

/*--- tokens ---------------------------------------------------------------*/

static int
string(struct js *js)
{
	size_t from = js->at, i = from + 1;
	unsigned char quote = byte(js, 0);

	for (; i < js->text.len && js->text.in[i] != quote; i++) {
		if (js->text.in[i] == '\n' || js->text.in[i] == '\r')
			break;
		if (js->text.in[i] == '\\' && text_has(js->text, i, "\\\r\n"))
			i++;
		if (js->text.in[i] == '\\' || js->text.in[i] == '\r')
			i++;
	}
	if (i >= js->text.len || js->text.in[i] != quote)
		return (wrong(js, "a string is not closed"));
	out_add(js->out, js->text.in + from, i + 1 - from);
	js->at = i + 1;
	js->last = STRING;
	slash_operand(&js->slash);
	return (0);
}

static int
opening(struct js *js, char c)
{
	if (slash_open(&js->slash, c, js->newline) != 0)
		return (job_fail(js->job, 413, "brackets are nested more "
		    "than %d deep", SLASH_DEPTH_MAX));
	return (0);
}

/* The text of a template, from "`" or "}" up to "`" or "${". */
static int
template(struct js *js)
{
	size_t from = js->at, i = from + 1;

	for (; i < js->text.len && js->text.in[i] != '`'; i++) {
		if (js->text.in[i] == '\\') {
			i++;
		} else if (text_has(js->text, i, "${")) {
			out_add(js->out, js->text.in + from, i + 2 - from);
			js->at = i + 2;
			js->last = PUNCT;
			return (opening(js, '`'));
		}
	}
	if (i >= js->text.len)
		return (wrong(js, "a template is not closed"));
	out_add(js->out, js->text.in + from, i + 1 - from);
	js->at = i + 1;
	js->last = STRING;
	slash_operand(&js->slash);
	return (0);
}

/* Where a regular expression that begins here ends; 0 when it does not. */
static size_t
regex_end(const struct js *js)
{
	const unsigned char *in = js->text.in;
	bool set = false;
	size_t i = js->at + 1;

	for (; i < js->text.len && !one_of(in[i], "\r\n"); i++) {
		if (in[i] == '\\' && i + 1 < js->text.len &&
		    !one_of(in[i + 1], "\r\n"))
			i++;
		else if (in[i] == '[')
			set = true;
		else if (in[i] == ']')
			set = false;
		else if (in[i] == '/' && !set)
			return (i + 1);
	}
	return (0);
}

static int
regex(struct js *js, size_t end)
{
	while (end < js->text.len && word_byte(js->text.in[end]))
		end++;
	out_add(js->out, js->text.in + js->at, end - js->at);
	js->at = end;
	js->last = REGEX;
	slash_operand(&js->slash);
	return (0);
}

static size_t
word_end(const struct js *js, size_t at)
{
	bool line = false;

	while (at < js->text.len && word_byte(js->text.in[at]) &&
	    (js->text.in[at] < 0xc2 || wide_blank(js->text, at, &line) == 0))
		at++;
	return (at);
}

static void
word(struct js *js)
{
	const unsigned char *from = js->text.in + js->at;
	bool member = js->last == PUNCT && js->end == '.' &&
	    js->end2 != '.';
	size_t end = word_end(js, js->at), len;

	if (*from >= '0' && *from <= '9') {
		/* The dot of "1." is no member's; "0x1.a" has one. */
		if (end < js->text.len && js->text.in[end] == '.' &&
		    (*from != '0' || end == js->at + 1) &&
		    memchr(from, 'n', end - js->at) == NULL)
			end = word_end(js, end + 1);
		slash_operand(&js->slash);
		js->last = NUMBER;
	} else {
		slash_word(&js->slash, (const char *)from, end - js->at,
		    member, js->newline);
		js->last = WORD;
	}
	len = end - js->at;
	out_add(js->out, from, len);
	js->at += len;
}

/* Signs of two characters that are more than one and the other. */
static size_t
sign_len(const struct js *js)
{
	unsigned char a = byte(js, 0), b = byte(js, 1), c = byte(js, 2);

	if ((a == '+' || a == '-') && b == a)
		return (2);
	if (a == '=' && b == '>')
		return (2);
	return (a == '?' && (b == '?' || (b == '.' && !(c >= '0' &&
	    c <= '9'))) ? 2 : 1);
}

static int
punctuator(struct js *js)
{
	const unsigned char *from = js->text.in + js->at;
	size_t len = 1;

	if (one_of(*from, "([{")) {
		if (opening(js, (char)*from) != 0)
			return (-1);
	} else if (one_of(*from, ")]}")) {
		if (slash_close(&js->slash, (char)*from) != 0)
			return (wrong(js, "a bracket is too much or missing"));
	} else {
		len = sign_len(js);
		slash_sign(&js->slash, (const char *)from, len, js->newline);
	}
	out_add(js->out, from, len);
	js->at += len;
	js->last = PUNCT;
	return (0);
}

/* All that follows, as it is. */
static int
leave(struct js *js)
{
	out_add(js->out, js->text.in + js->at, js->text.len - js->at);
	js->at = js->text.len;
	js->slash.lost = true;
	return (0);
}

static int
slash(struct js *js)
{
	size_t end = regex_end(js);

	if (js->slash.unsure || (js->slash.regex && end == 0))
		return (leave(js));
	return (js->slash.regex ? regex(js, end) : punctuator(js));
}

static int
token(struct js *js)
{
	unsigned char c = byte(js, 0);

	part(js);
	if (js->slash.lost)
		return (leave(js));
	if (c == '"' || c == '\'')
		return (string(js));
	if (c == '`')
		return (template(js));
	if (c == '}' && slash_in_template(&js->slash)) {
		(void)slash_close(&js->slash, '`');
		return (template(js));
	}
	if (word_byte(c)) {
		word(js);
		return (0);
	}
	return (c == '/' ? slash(js) : punctuator(js));
}

int
js_minify(struct job *job, const struct options *o, struct source text,
    struct out *out)
{
	/* What stands before in the output is none of this script's. */
	struct out own = { out->data + out->len, 0, out->size - out->len };
	struct js js = { .job = job, .text = text, .out = &own,
	    .licenses = o->licenses };
	int r = 0;

	if (slash_begin(&js.slash) != 0)
		return (job_fail(job, 413, "there is not enough memory"));
	if (text_has(text, 0, "#!")) {
		js.at = line_end(&js, 0);
		out_add(&own, text.in, js.at);
		out_put(&own, '\n');
		js.end = '\n';
	}
	while (r == 0 && (r = gap(&js)) == 0 && js.at < text.len) {
		r = token(&js);
		js.end = out_last(&own, 1);
		js.end2 = out_last(&own, 2);
	}
	if (r == 0 && !slash_closed(&js.slash) && !js.slash.lost)
		r = wrong(&js, "a bracket is not closed");
	slash_end(&js.slash);
	if (r == 0)
		out->len += own.len;
	return (r);
}
