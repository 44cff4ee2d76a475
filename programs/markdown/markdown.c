/* SPDX-License-Identifier: BSD-2-Clause */
/* markdown: CommonMark with GitHub's extensions to HTML, or to plain text. */
#include <cmark-gfm.h>
#include <cmark-gfm-core-extensions.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "job.h"

struct options {
	int html, format;
	bool gfm, footnotes, smart, hardbreaks, document;
	const char *title, *stylesheet;
};

enum html { ESCAPE, OMIT, ALLOW };
enum format { HTML, TEXT };

static const struct job_option options[] = {
	JOB_CHOICE(struct options, html, ESCAPE, "escape|omit|allow",
	    "HTML in the input; but for allow, links that could run a script "
	    "lose their address"),
	JOB_CHOICE(struct options, format, HTML, "html|text",
	    "text: headings, emphasis and links lose their marks"),
	JOB_BOOL(struct options, gfm, true, "tables, strikethrough, task "
	    "lists, and links of plain URLs"),
	JOB_BOOL(struct options, footnotes, true, "[^1] and [^1]: text"),
	JOB_BOOL(struct options, smart, false,
	    "typographic quotes and dashes"),
	JOB_BOOL(struct options, hardbreaks, false,
	    "the end of a line is a line break"),
	JOB_BOOL(struct options, document, false,
	    "a whole HTML document, not only what is in its body"),
	JOB_STR(struct options, title, NULL, 1024,
	    "document: its title; else the first heading"),
	JOB_STR(struct options, stylesheet, NULL, 1024,
	    "document: the URL of its style sheet"),
	JOB_END
};

/* What `again` frees. */
static cmark_node *doc;
static char *rendered;
static struct text page;

static int
flags(const struct options *o)
{
	return (CMARK_OPT_VALIDATE_UTF8 |
	    (o->html == ALLOW ? CMARK_OPT_UNSAFE : 0) |
	    (o->footnotes ? CMARK_OPT_FOOTNOTES : 0) |
	    (o->smart ? CMARK_OPT_SMART : 0) |
	    (o->hardbreaks ? CMARK_OPT_HARDBREAKS : 0));
}

static cmark_parser *
new_parser(const struct options *o)
{
	static const char *const names[] = {"table", "strikethrough",
	    "autolink", "tasklist"};
	cmark_parser *parser = cmark_parser_new(flags(o));

	if (!o->gfm)
		return (parser);
	/* In a machine they are since it was prepared. */
	cmark_gfm_core_extensions_ensure_registered();
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		(void)cmark_parser_attach_syntax_extension(parser,
		    cmark_find_syntax_extension(names[i]));
	return (parser);
}

/*--- HTML of the input becomes text ----------------------------------------*/

static void
replace(cmark_node *html, bool block)
{
	cmark_node *text = cmark_node_new(CMARK_NODE_TEXT), *around = text;

	(void)cmark_node_set_literal(text, cmark_node_get_literal(html));
	if (block) {
		around = cmark_node_new(CMARK_NODE_PARAGRAPH);
		(void)cmark_node_append_child(around, text);
	}
	if (cmark_node_replace(html, around))
		cmark_node_free(html);
	else
		cmark_node_free(around);
}

static void
escape_html(cmark_node *root)
{
	cmark_iter *i = cmark_iter_new(root);
	cmark_node_type type;
	cmark_node *node;
	cmark_event_type event;

	while ((event = cmark_iter_next(i)) != CMARK_EVENT_DONE) {
		node = cmark_iter_get_node(i);
		type = cmark_node_get_type(node);
		/* They are leaves: the iterator is behind them already. */
		if (event == CMARK_EVENT_ENTER &&
		    (type == CMARK_NODE_HTML_BLOCK ||
		    type == CMARK_NODE_HTML_INLINE))
			replace(node, type == CMARK_NODE_HTML_BLOCK);
	}
	cmark_iter_free(i);
}

/*--- a whole document ------------------------------------------------------*/

/* The text of the first heading. */
static void
add_heading(struct text *b, cmark_node *root)
{
	cmark_node *node = cmark_node_first_child(root), *heading;
	cmark_event_type event;
	cmark_iter *i;
	const char *text;

	while (node != NULL && cmark_node_get_type(node) != CMARK_NODE_HEADING)
		node = cmark_node_next(node);
	if (node == NULL)
		return;
	heading = node;
	i = cmark_iter_new(heading);
	while ((event = cmark_iter_next(i)) != CMARK_EVENT_DONE) {
		node = cmark_iter_get_node(i);
		if (event != CMARK_EVENT_ENTER ||
		    (cmark_node_get_type(node) != CMARK_NODE_TEXT &&
		    cmark_node_get_type(node) != CMARK_NODE_CODE))
			continue;
		text = cmark_node_get_literal(node);
		text_html(b, text, strlen(text));
	}
	cmark_iter_free(i);
}

static void
add_document(struct text *b, const struct options *o)
{
	text_str(b, "<!DOCTYPE html>\n<html>\n<head>\n"
	    "<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
	    "content=\"width=device-width, initial-scale=1\">\n<title>");
	if (o->title != NULL)
		text_html(b, o->title, strlen(o->title));
	else
		add_heading(b, doc);
	text_str(b, "</title>\n");
	if (o->stylesheet != NULL) {
		text_str(b, "<link rel=\"stylesheet\" href=\"");
		text_html(b, o->stylesheet, strlen(o->stylesheet));
		text_str(b, "\">\n");
	}
	text_str(b, "</head>\n<body>\n");
	text_str(b, rendered);
	text_str(b, "</body>\n</html>\n");
}

static int
run(struct job *job, const void *chosen)
{
	const struct options *o = chosen;
	cmark_parser *parser = new_parser(o);

	cmark_parser_feed(parser, job->in, job->in_len);
	doc = cmark_parser_finish(parser);
	if (o->html == ESCAPE && o->format == HTML)
		escape_html(doc);
	rendered = o->format == TEXT ?
	    cmark_render_plaintext(doc, flags(o), 0) :
	    cmark_render_html(doc, flags(o),
	    cmark_parser_get_syntax_extensions(parser));
	cmark_parser_free(parser);
	if (o->format == TEXT)
		return (job_answer(job, "text/plain; charset=utf-8", rendered,
		    strlen(rendered)));
	if (!o->document)
		return (job_answer(job, "text/html; charset=utf-8", rendered,
		    strlen(rendered)));
	add_document(&page, o);
	if (page.failed)
		return (job_fail(job, 413, "not enough memory"));
	return (job_answer(job, "text/html; charset=utf-8", page.data,
	    page.len));
}

static void
again(void)
{
	if (doc != NULL)
		cmark_node_free(doc);
	free(rendered);
	free(page.data);
	doc = NULL;
	rendered = NULL;
	memset(&page, 0, sizeof page);
}

static int
prepare(struct job *job, const void *chosen)
{
	(void)job;
	(void)chosen;
	cmark_gfm_core_extensions_ensure_registered();
	return (0);
}

static const struct job_program program = {
	.name = "markdown",
	.summary = "Markdown (CommonMark, with GitHub's extensions) to HTML.",
	.options = options,
	.options_size = sizeof(struct options),
	.run = run,
	.prepare = prepare,
	.again = again,
};

int
main(int argc, char **argv)
{
	return (job_main(&program, argc, argv));
}
