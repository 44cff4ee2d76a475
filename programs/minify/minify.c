/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * minify: what the web is made of, with fewer bytes and the same meaning. Which
 * part does it is chosen by the content type.
 */
#include <stdlib.h>

#include "minify.h"
#include "squeeze.h"

static const struct job_option options[] = {
	JOB_CHOICE(struct options, type, KIND_AUTO,
	    "auto|json|js|css|html|svg|xml",
	    "what the input is; auto goes by its Content-Type"),
	JOB_CHOICE(struct options, level, LEVEL_WHITESPACE,
	    "whitespace|mangle|compress",
	    "js: blanks and comments only; terser with short names; and with "
	    "all it knows"),
	JOB_BOOL(struct options, check, true,
	    "json: false is for what is known to be right, and faster"),
	JOB_BOOL(struct options, licenses, true,
	    "js, css: keep comments with ! or @license"),
	JOB_BOOL(struct options, module, false,
	    "js, mangle and compress: the input is a module"),
	JOB_BOOL(struct options, toplevel, false,
	    "js, mangle and compress: names of the outermost scope, too"),
	JOB_BOOL(struct options, drop_console, false,
	    "js, compress: without calls of console"),
	JOB_END
};

static const struct {
	const char *type;
	minify_f *f;
} kinds[] = {
	[KIND_JSON] = { "application/json", json_minify },
	[KIND_JS] = { "text/javascript", js_minify },
	[KIND_CSS] = { "text/css", css_minify },
	[KIND_HTML] = { "text/html", html_minify },
	[KIND_SVG] = { "image/svg+xml", xml_minify },
	[KIND_XML] = { "application/xml", xml_minify },
};

/* By parts of content types; the first that fits. */
static const struct {
	const char *part;
	enum kind kind;
} names[] = {
	{ "json", KIND_JSON }, { "importmap", KIND_JSON },
	{ "speculationrules", KIND_JSON },
	{ "javascript", KIND_JS }, { "ecmascript", KIND_JS },
	{ "text/css", KIND_CSS }, { "text/html", KIND_HTML },
	{ "svg", KIND_SVG }, { "xml", KIND_XML },
};

/* By the first bytes, where the content type says nothing. */
static const struct {
	const char *start;
	enum kind kind;
} starts[] = {
	{ "{", KIND_JSON }, { "[", KIND_JSON }, { "\"", KIND_JSON },
	{ "<!doctype svg", KIND_SVG }, { "<svg", KIND_SVG },
	{ "<!doctype html", KIND_HTML }, { "<html", KIND_HTML },
	{ "<?xml", KIND_XML },
};

enum kind
kind_of_type(const char *type, size_t len)
{
	struct source t = { (const unsigned char *)type, len };
	size_t i, at;

	for (i = 0; i < sizeof names / sizeof *names; i++)
		for (at = 0; at < len && type[at] != ';'; at++)
			if (text_has_nocase(t, at, names[i].part))
				return (names[i].kind);
	return (KIND_AUTO);
}

static enum kind
kind_of_text(struct source t)
{
	size_t i, at = 0;

	while (at < t.len && one_of(t.in[at], " \t\r\n"))
		at++;
	for (i = 0; i < sizeof starts / sizeof *starts; i++)
		if (text_has_nocase(t, at, starts[i].start))
			return (starts[i].kind);
	return (KIND_AUTO);
}

int
json_minify(struct job *job, const struct options *o, struct source text,
    struct out *out)
{
	int (*how)(struct job *, const char *, size_t, char *, size_t *) =
	    o->check ? squeeze : squeeze_unchecked;
	size_t len;

	if (out->size - out->len < text.len + SQUEEZE_SLACK)
		return (job_fail(job, 500, "there is no room for the answer"));
	if (how(job, (const char *)text.in, text.len, out->data + out->len,
	    &len) != 0)
		return (-1);
	out->len += len;
	return (0);
}

static struct out out;

static void
again(void)
{
	free(out.data);
}

static int
run(struct job *job, const void *chosen)
{
	struct options o = *(const struct options *)chosen;
	struct source text = { job->in, job->in_len };
	const char *type = job->in_type;
	minify_f *f;

	if (text_has(text, 0, "\xff\xfe") || text_has(text, 0, "\xfe\xff"))
		return (job_fail(job, 415, "UTF-16 is not read, UTF-8 is"));
	if (o.type == KIND_AUTO)
		o.type = (int)kind_of_type(type, strlen(type));
	else
		type = "";
	if (o.type == KIND_AUTO) {
		o.type = (int)kind_of_text(text);
		type = "";
	}
	if (o.type == KIND_AUTO)
		return (job_fail(job, 415, "\"%.100s\" is none of the types "
		    "that are known: give the option \"type\"", job->in_type));
	out = (struct out){ malloc(text.len + SQUEEZE_SLACK), 0,
	    text.len + SQUEEZE_SLACK };
	if (out.data == NULL)
		return (job_fail(job, 413, "there is not enough memory"));
	f = o.type == KIND_JS && o.level != LEVEL_WHITESPACE ? js_compress :
	    kinds[o.type].f;
	if (f(job, &o, text, &out) != 0)
		return (-1);
	return (job_answer(job, *type != '\0' ? type : kinds[o.type].type,
	    out.data, out.len));
}

static int
prepare(struct job *job, const void *chosen)
{
	if (squeeze_prepare(job, chosen) != 0)
		return (-1);
	return (js_prepare() == 0 ? 0 :
	    job_fail(job, 500, "terser cannot be started"));
}

int
main(int argc, char **argv)
{
	static const struct job_program program = {
		.name = "minify",
		.summary = "Makes JSON, JavaScript, CSS, HTML, SVG and XML "
		    "smaller.",
		.options = options,
		.options_size = sizeof(struct options),
		.run = run,
		.bare = "type",
		.prepare = prepare,
		.again = again,
	};

	return (job_main(&program, argc, argv));
}
