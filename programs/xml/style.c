/* SPDX-License-Identifier: BSD-2-Clause */
/* Schemas and style sheets. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>
#include <libxml/xmlschemas.h>
#include <libxslt/transform.h>
#include <libxslt/variables.h>
#include <libxslt/xsltInternals.h>
#include <libxslt/xsltutils.h>

#include "xml.h"

/* Steps of XPath in one style sheet: seconds. */
#define STEPS_MAX 50000000u

static xmlChar *transformed;

void
style_free(void)
{
	xmlFree(transformed);
	transformed = NULL;
}

static int
validate(struct job *job, xmlSchema *schema, xmlDoc *doc)
{
	xmlSchemaValidCtxt *valid = xmlSchemaNewValidCtxt(schema);
	int r;

	if (valid == NULL)
		return (job_fail(job, 413, "there is not enough memory"));
	errors_clear();
	r = xmlSchemaValidateDoc(valid, doc);
	xmlSchemaFreeValidCtxt(valid);
	if (r != 0)
		return (job_fail(job, r > 0 ? 422 : 500, "the document is not "
		    "what the schema wants: %s", errors_first()));
	return (job_answer(job, job->in_type, job->in, job->in_len));
}

int
style_xsd(struct job *job, const struct xml_options *o, xmlDoc *doc)
{
	xmlSchemaParserCtxt *parser;
	xmlSchema *schema;
	const void *data;
	xmlDoc *source;
	size_t len;
	int r;

	if (document_option(job, "xsd", o->xsd, &data, &len) != 0 ||
	    document_read(job, data, len, &(struct xml_options){ 0 }, true,
	    "the schema", 400, &source) != 0)
		return (-1);
	parser = xmlSchemaNewDocParserCtxt(source);
	schema = parser != NULL ? xmlSchemaParse(parser) : NULL;
	r = schema != NULL ? validate(job, schema, doc) : job_fail(job, 400,
	    "the schema is none: %s", errors_first());
	xmlSchemaFree(schema);
	xmlSchemaFreeParserCtxt(parser);
	xmlFreeDoc(source);
	return (r);
}

/*--- style sheets ---------------------------------------------------------*/

/* "params"; libxslt takes the values as strings, not as expressions. */
static int
parameters(struct job *job, const char *params, xsltTransformContext *context)
{
	struct json_object *all;
	int r = 0;

	if (params == NULL)
		return (0);
	all = json_tokener_parse(params);
	if (!json_object_is_type(all, json_type_object))
		r = job_fail(job, 400, "option \"params\" is no object");
	if (r == 0) {
		json_object_object_foreach(all, name, value)
			if (xsltQuoteOneUserParam(context, (xmlChar *)name,
			    (const xmlChar *)json_object_get_string(value)) !=
			    0)
				r = job_fail(job, 400, "option \"params\" has "
				    "no name \"%.100s\"", name);
	}
	json_object_put(all);
	return (r);
}

static const char *
content_type(const xsltStylesheet *sheet, const xmlDoc *result)
{
	const char *method = (const char *)sheet->method;

	if (sheet->mediaType != NULL)
		return (strdup((const char *)sheet->mediaType));
	if (method != NULL && strcmp(method, "text") == 0)
		return ("text/plain; charset=utf-8");
	if ((method != NULL && strcmp(method, "html") == 0) ||
	    result->type == XML_HTML_DOCUMENT_NODE)
		return ("text/html; charset=utf-8");
	return ("application/xml");
}

static int
transform(struct job *job, const struct xml_options *o, xsltStylesheet *sheet,
    xmlDoc *doc)
{
	xsltTransformContext *context = xsltNewTransformContext(sheet, doc);
	xmlDoc *result;
	int len = 0, r;

	if (context == NULL)
		return (job_fail(job, 413, "there is not enough memory"));
	context->opLimit = STEPS_MAX;
	errors_clear();
	r = parameters(job, o->params, context);
	result = r == 0 ? xsltApplyStylesheetUser(sheet, doc, NULL, NULL, NULL,
	    context) : NULL;
	if (r == 0 && (result == NULL || context->state != XSLT_STATE_OK ||
	    xsltSaveResultToString(&transformed, &len, result, sheet) != 0))
		r = job_fail(job, 422, "the style sheet failed: %s",
		    errors_first());
	if (r == 0)
		r = job_answer(job, content_type(sheet, result),
		    len > 0 ? transformed : (xmlChar *)(uintptr_t)"",
		    (size_t)len);
	xmlFreeDoc(result);
	xsltFreeTransformContext(context);
	return (r);
}

int
style_xslt(struct job *job, const struct xml_options *o, xmlDoc *doc)
{
	xsltStylesheet *sheet;
	const void *data;
	xmlDoc *source;
	size_t len;
	int r;

	if (document_option(job, "xslt", o->xslt, &data, &len) != 0 ||
	    document_read(job, data, len, &(struct xml_options){
	    .entities = true }, true, "the style sheet", 400, &source) != 0)
		return (-1);
	sheet = xsltParseStylesheetDoc(source);
	if (sheet == NULL) {
		xmlFreeDoc(source);
		return (job_fail(job, 400, "the style sheet is none: %s",
		    errors_first()));
	}
	r = sheet->errors != 0 ? job_fail(job, 400, "the style sheet is wrong: "
	    "%s", errors_first()) : transform(job, o, sheet, doc);
	xsltFreeStylesheet(sheet);
	return (r);
}
