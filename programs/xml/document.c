/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading; all is closed through which more than the text could come. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libexslt/exslt.h>
#include <libxml/HTMLparser.h>
#include <libxml/parserInternals.h>
#include <libxml/xpath.h>
#include <libxslt/security.h>
#include <libxslt/xslt.h>
#include <libxslt/xsltutils.h>

#include "xml.h"

/* What is kept of errors: libxslt says where in one line, and what next. */
#define LINES 2

static char first[400];
static size_t first_len, first_lines;

void
errors_clear(void)
{
	first[0] = '\0';
	first_len = first_lines = 0;
}

const char *
errors_first(void)
{
	char *p;

	while (first_len > 0 && first[first_len - 1] == '\n')
		first[--first_len] = '\0';
	for (p = first; (p = strchr(p, '\n')) != NULL;)
		*p = ' ';
	return (first);
}

void
errors_add(void *unused, const char *format, ...)
{
	size_t room = sizeof first - first_len;
	va_list ap;
	int n;

	(void)unused;
	if (first_lines == LINES)
		return;
	va_start(ap, format);
	n = vsnprintf(first + first_len, room, format, ap);
	va_end(ap);
	if (n > 0)
		first_len += (size_t)n < room ? (size_t)n : room - 1;
	if (first_len > 0 && first[first_len - 1] == '\n')
		first_lines++;
}

static void
structured(void *unused, xmlError *e)
{
	(void)unused;
	if (first_len != 0 || e->level < XML_ERR_ERROR)
		return;
	errors_add(NULL, "line %d: %s", e->line, e->message != NULL ?
	    e->message : "broken");
	first_lines = LINES;
}

/* No entity, no schema and no style sheet is loaded from anywhere. */
static xmlParserInput *
refuse(const char *url, const char *id, xmlParserCtxt *context)
{
	(void)id;
	(void)context;
	errors_add(NULL, "\"%.200s\" is not loaded: no file and no network "
	    "is\n", url != NULL ? url : "");
	return (NULL);
}

int
document_prepare(void)
{
	static const xsltSecurityOption all[] = { XSLT_SECPREF_READ_FILE,
		XSLT_SECPREF_WRITE_FILE, XSLT_SECPREF_CREATE_DIRECTORY,
		XSLT_SECPREF_READ_NETWORK, XSLT_SECPREF_WRITE_NETWORK };
	static bool prepared;
	xsltSecurityPrefs *none;

	if (prepared)
		return (0);
	none = xsltNewSecurityPrefs();
	if (none == NULL)
		return (-1);
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (xsltSetSecurityPrefs(none, all[i], xsltSecurityForbid) != 0)
			return (-1);
	xmlInitParser();
	if (encoding_prepare() != 0)
		return (-1);
	xmlSetExternalEntityLoader(refuse);
	xmlSetStructuredErrorFunc(NULL, structured);
	xmlSetGenericErrorFunc(NULL, errors_add);
	xsltSetGenericErrorFunc(NULL, errors_add);
	xsltInit();
	exsltRegisterAll();
	xsltSetDefaultSecurityPrefs(none);
	prepared = true;
	return (0);
}

/*--- entities -------------------------------------------------------------*/

static bool entities_allowed;

static void
entity(void *closure, const xmlChar *name, int type, const xmlChar *public_id,
    const xmlChar *system_id, xmlChar *content)
{
	bool external = type == XML_EXTERNAL_GENERAL_PARSED_ENTITY ||
	    type == XML_EXTERNAL_GENERAL_UNPARSED_ENTITY ||
	    type == XML_EXTERNAL_PARAMETER_ENTITY;

	if (!external && entities_allowed) {
		xmlSAX2EntityDecl(closure, name, type, public_id, system_id,
		    content);
		return;
	}
	errors_add(NULL, external ? "entity \"%.100s\" lies outside of the "
	    "document\n" : "entity \"%.100s\" is declared; the option "
	    "\"entities\" allows it\n", (const char *)name);
	xmlStopParser(closure);
}

static void
unparsed(void *closure, const xmlChar *name, const xmlChar *public_id,
    const xmlChar *system_id, const xmlChar *notation)
{
	(void)notation;
	entity(closure, name, XML_EXTERNAL_GENERAL_UNPARSED_ENTITY, public_id,
	    system_id, NULL);
}

/*
 * XHTML's names are in a file that is not loaded: libxml2 would leave them out
 * without a word. In an attribute it takes one byte of a predefined entity.
 */
static xmlEntity *
known_entity(void *closure, const xmlChar *name)
{
	static xmlChar text[8];
	static xmlEntity known = { .type = XML_ENTITY_DECL, .content = text,
	    .orig = text };
	xmlParserCtxt *context = closure;
	xmlEntity *declared = xmlSAX2GetEntity(closure, name);
	const htmlEntityDesc *html;
	const xmlDtd *dtd = context->myDoc != NULL ?
	    context->myDoc->intSubset : NULL;

	if (declared != NULL || dtd == NULL || dtd->ExternalID == NULL)
		return (declared);
	html = xmlStrncmp(dtd->ExternalID, BAD_CAST "-//W3C//DTD XHTML", 17) ==
	    0 ? htmlEntityLookup(name) : NULL;
	if (html == NULL)
		return (NULL);
	known.length = xmlCopyChar(0, text, (int)html->value);
	text[known.length] = '\0';
	known.name = name;
	known.checked = 1;
	known.etype = XML_INTERNAL_PREDEFINED_ENTITY;
	if (context->instate == XML_PARSER_ATTRIBUTE_VALUE) {
		known.etype = XML_INTERNAL_GENERAL_ENTITY;
		context->replaceEntities = 1;
	}
	return (&known);
}

/* One that is in no text that is read. */
static void
unknown_entity(void *closure, const xmlChar *name)
{
	errors_add(NULL, "entity \"%.100s\" is not declared in the document\n",
	    (const char *)name);
	xmlStopParser(closure);
}

static xmlDoc *
read_html(struct job *job, const char *data, size_t len, bool blanks)
{
	char *text = NULL;
	xmlDoc *doc;

	if (encoding_html(job, data, len, &text, &len) != 0) {
		free(text);
		return (NULL);
	}
	doc = htmlReadMemory(text != NULL ? text : data, (int)len, NULL,
	    "utf-8", HTML_PARSE_RECOVER | HTML_PARSE_NOERROR |
	    HTML_PARSE_NOWARNING | HTML_PARSE_NONET | HTML_PARSE_IGNORE_ENC |
	    (blanks ? 0 : HTML_PARSE_NOBLANKS));
	free(text);
	return (doc);
}

static xmlDoc *
read_xml(const void *data, size_t len, int flags)
{
	xmlParserCtxt *context = xmlCreateMemoryParserCtxt(data, (int)len);
	xmlDoc *doc = NULL;

	if (context == NULL)
		return (NULL);
	(void)xmlCtxtUseOptions(context, flags);
	context->sax->entityDecl = entity;
	context->sax->unparsedEntityDecl = unparsed;
	context->sax->getEntity = known_entity;
	context->sax->reference = unknown_entity;
	(void)xmlParseDocument(context);
	doc = context->myDoc;
	if (!context->wellFormed || !context->nsWellFormed ||
	    context->disableSAX != 0) {
		xmlFreeDoc(doc);
		doc = NULL;
	}
	xmlFreeParserCtxt(context);
	return (doc);
}

int
document_read(struct job *job, const void *data, size_t len,
    const struct xml_options *o, bool blanks, const char *what, int status,
    xmlDoc **doc)
{
	int flags = XML_PARSE_NONET | (blanks ? 0 : XML_PARSE_NOBLANKS) |
	    (o->entities ? XML_PARSE_NOENT : 0);

	errors_clear();
	if (len > INT32_MAX)
		return (job_fail(job, 413, "%s has more than 2 GB", what));
	entities_allowed = o->entities;
	job->status = 200;
	*doc = o->html ? read_html(job, data, len, blanks) :
	    read_xml(data, len, flags);
	if (*doc != NULL && xmlDocGetRootElement(*doc) != NULL)
		return (0);
	xmlFreeDoc(*doc);
	*doc = NULL;
	if (job->status != 200)
		return (-1);
	return (job_fail(job, status, "%s is not well-formed: %s", what,
	    *errors_first() != '\0' ? first : "there is no element"));
}

int
document_option(struct job *job, const char *name, const char *value,
    const void **data, size_t *len)
{
	const char *type;

	if (value == NULL || *value == '\0')
		return (job_fail(job, 400, "option \"%s\" is missing", name));
	if (value[strspn(value, " \t\r\n")] != '<')
		return (job_fetch(job, value, data, len, &type));
	*data = value;
	*len = strlen(value);
	return (0);
}
