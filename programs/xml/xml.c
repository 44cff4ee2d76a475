/* SPDX-License-Identifier: BSD-2-Clause */
/* xml: checks, queries, transforms and rewrites XML, and HTML as XML. */
#include <stdlib.h>
#include <string.h>

#include <libxml/HTMLtree.h>

#include "minify.h"
#include "xml.h"

static const struct job_option options[] = {
	JOB_CHOICE(struct xml_options, op, WELLFORMED,
	    "wellformed|xsd|xpath|xslt|pretty|minify|json", "what is done"),
	JOB_STR(struct xml_options, xpath, NULL, 4096,
	    "xpath: the expression (XPath 1.0)"),
	JOB_JSON(struct xml_options, namespaces,
	    "xpath: an object of prefixes and their namespaces"),
	JOB_CHOICE(struct xml_options, as, AS_XML, "xml|text|json",
	    "xpath: what the answer is"),
	JOB_STR(struct xml_options, xsd, NULL, 1 << 20,
	    "xsd: the schema (XML Schema 1.0), or the URL of one"),
	JOB_STR(struct xml_options, xslt, NULL, 1 << 20,
	    "xslt: the style sheet (XSLT 1.0, EXSLT), or the URL of one"),
	JOB_JSON(struct xml_options, params,
	    "xslt: an object of parameters, taken as strings"),
	JOB_INT(struct xml_options, indent, 2, 0, 16,
	    "pretty: blanks per level"),
	JOB_BOOL(struct xml_options, html, false,
	    "the input is HTML, which may be broken"),
	JOB_BOOL(struct xml_options, entities, false,
	    "entities may be declared in the document, and are replaced"),
	JOB_END
};

static xmlDoc *doc;
static xmlChar *printed;
static struct out out;

static void
again(void)
{
	query_free();
	style_free();
	xmlFreeDoc(doc);
	xmlFree(printed);
	free(out.data);
	doc = NULL;
	printed = NULL;
	out.data = NULL;
}

/* <meta charset>, of which libxml2 does not know. */
static void
name_charset(xmlNode *from)
{
	for (xmlNode *n = from; n != NULL; n = n->next)
		if (xmlStrcasecmp(n->name, BAD_CAST "head") == 0)
			name_charset(n->children);
		else if (xmlStrcasecmp(n->name, BAD_CAST "meta") == 0 &&
		    xmlHasProp(n, BAD_CAST "charset") != NULL)
			(void)xmlSetProp(n, BAD_CAST "charset",
			    BAD_CAST "utf-8");
}

/* In UTF-8, whatever a <meta> says, which then says so. */
static void
print_html(int *len)
{
	xmlOutputBuffer *to = xmlAllocOutputBuffer(NULL);

	if (to == NULL)
		return;
	if (htmlGetMetaEncoding(doc) != NULL)
		(void)htmlSetMetaEncoding(doc, BAD_CAST "utf-8");
	name_charset(xmlDocGetRootElement(doc)->children);
	htmlDocContentDumpFormatOutput(to, doc, "UTF-8", 1);
	*len = (int)xmlOutputBufferGetSize(to);
	printed = xmlStrndup(xmlOutputBufferGetContent(to), *len);
	(void)xmlOutputBufferClose(to);
}

static int
pretty(struct job *job, const struct xml_options *o)
{
	static char blanks[17];
	int len = 0;

	memset(blanks, ' ', (size_t)o->indent);
	blanks[o->indent] = '\0';
	xmlTreeIndentString = blanks;
	if (o->html)
		print_html(&len);
	else
		xmlDocDumpFormatMemoryEnc(doc, &printed, &len, "UTF-8", 1);
	if (printed == NULL)
		return (job_fail(job, 413, "there is not enough memory"));
	return (job_answer(job, o->html ? "text/html; charset=utf-8" :
	    "application/xml", printed, (size_t)len));
}

/* The document has been read: what the scanner does not check is right. */
static int
minify(struct job *job, const struct xml_options *o)
{
	const struct options how = { .type = KIND_XML };
	struct source text = { job->in, job->in_len };

	if (o->html)
		return (job_fail(job, 400, "the program \"minify\" is for "
		    "HTML"));
	if (text_has(text, 0, "\xff\xfe") || text_has(text, 0, "\xfe\xff"))
		return (job_fail(job, 415, "UTF-16 is not read, UTF-8 is"));
	out = (struct out){ malloc(text.len + 1), 0, text.len };
	if (out.data == NULL)
		return (job_fail(job, 413, "there is not enough memory"));
	if (xml_minify(job, &how, text, &out) != 0)
		return (-1);
	return (job_answer(job, job->in_type, out.data, out.len));
}

static int
run(struct job *job, const void *chosen)
{
	const struct xml_options *o = chosen;
	bool blanks = o->op != PRETTY && o->op != JSON;

	/* In a shell nothing was prepared. */
	if (document_prepare() != 0)
		return (job_fail(job, 500, "libxml2 cannot be started"));
	if (document_read(job, job->in, job->in_len, o, blanks, "the document",
	    422, &doc) != 0)
		return (-1);
	switch (o->op) {
	case XSD: return (style_xsd(job, o, doc));
	case XPATH: return (query_xpath(job, o, doc));
	case XSLT: return (style_xslt(job, o, doc));
	case PRETTY: return (pretty(job, o));
	case MINIFY: return (minify(job, o));
	case JSON: return (query_json(job, doc));
	default: return (job_answer(job, job->in_type, job->in, job->in_len));
	}
}

static int
prepare(struct job *job, const void *chosen)
{
	(void)chosen;
	return (document_prepare() == 0 ? 0 :
	    job_fail(job, 500, "libxml2 cannot be started"));
}

int
main(int argc, char **argv)
{
	static const struct job_program program = {
		.name = "xml",
		.summary = "Checks, queries, transforms and rewrites XML.",
		.options = options,
		.options_size = sizeof(struct xml_options),
		.run = run,
		.bare = "op",
		.prepare = prepare,
		.again = again,
	};

	return (job_main(&program, argc, argv));
}
