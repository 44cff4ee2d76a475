/* SPDX-License-Identifier: BSD-2-Clause */
/* Parts of a document, by XPath, and documents as JSON. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>
#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <libxml/xpathInternals.h>

#include "xml.h"

/* Steps of XPath: a second or so. */
#define STEPS_MAX 20000000u

static xmlBuffer *text_out;
static struct json_object *json_out;

void
query_free(void)
{
	xmlBufferFree(text_out);
	json_object_put(json_out);
	text_out = NULL;
	json_out = NULL;
}

static int
answer_json(struct job *job)
{
	const char *text = json_object_to_json_string_ext(json_out,
	    JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);

	if (text == NULL)
		return (job_fail(job, 413, "there is not enough memory"));
	return (job_answer(job, "application/json", text, strlen(text)));
}

/*--- to JSON --------------------------------------------------------------*/

/* Add a member; with another one of its name it makes a list. */
static void
add(struct json_object *to, const char *before, const xmlNode *node,
    const xmlNs *ns, struct json_object *value)
{
	bool prefixed = ns != NULL && ns->prefix != NULL;
	struct json_object *there, *list;
	char *name = NULL;

	if (asprintf(&name, "%s%s%s%s", before, prefixed ?
	    (const char *)ns->prefix : "", prefixed ? ":" : "", node->name) < 0)
		return;
	if (!json_object_object_get_ex(to, name, &there)) {
		json_object_object_add(to, name, value);
	} else if (json_object_is_type(there, json_type_array)) {
		json_object_array_add(there, value);
	} else {
		list = json_object_new_array();
		json_object_array_add(list, json_object_get(there));
		json_object_array_add(list, value);
		json_object_object_add(to, name, list);
	}
	free(name);
}

static bool
has_text(const xmlNode *element)
{
	const xmlNode *n;

	for (n = element->children; n != NULL; n = n->next)
		if ((n->type == XML_TEXT_NODE && !xmlIsBlankNode(n)) ||
		    n->type == XML_CDATA_SECTION_NODE ||
		    n->type == XML_ENTITY_REF_NODE)
			return (true);
	return (false);
}

/* All text that stands in the element itself, not in its children. */
static struct json_object *
own_text(xmlNode *element)
{
	xmlBuffer *all = xmlBufferCreate();
	struct json_object *text;
	xmlNode *n;

	for (n = element->children; n != NULL; n = n->next)
		if (n->type == XML_TEXT_NODE ||
		    n->type == XML_CDATA_SECTION_NODE)
			xmlBufferCat(all, n->content);
	text = json_object_new_string((const char *)xmlBufferContent(all));
	xmlBufferFree(all);
	return (text);
}

/*
 * An element without attributes and children is its text, or null; else an
 * object of "@attribute", children and "#text". libxml2 bounds the depth.
 */
static struct json_object *
element_json(xmlNode *element)
{
	struct json_object *object = json_object_new_object(), *text;
	xmlChar *value;
	xmlAttr *a;
	xmlNode *n;

	for (a = element->properties; a != NULL; a = a->next) {
		value = xmlNodeListGetString(element->doc, a->children, 1);
		add(object, "@", (xmlNode *)a, a->ns,
		    json_object_new_string(value != NULL ?
		    (const char *)value : ""));
		xmlFree(value);
	}
	for (n = element->children; n != NULL; n = n->next)
		if (n->type == XML_ELEMENT_NODE)
			add(object, "", n, n->ns, element_json(n));
	text = has_text(element) ? own_text(element) : NULL;
	if (json_object_object_length(object) == 0) {
		json_object_put(object);
		return (text);
	}
	if (text != NULL)
		json_object_object_add(object, "#text", text);
	return (object);
}

int
query_json(struct job *job, xmlDoc *doc)
{
	xmlNode *root = xmlDocGetRootElement(doc);

	json_out = json_object_new_object();
	add(json_out, "", root, root->ns, element_json(root));
	return (answer_json(job));
}

/*--- XPath ----------------------------------------------------------------*/

static int
namespaces(struct job *job, const char *option, xmlXPathContext *context)
{
	struct json_object *all;
	int r = 0;

	if (option == NULL)
		return (0);
	all = json_tokener_parse(option);
	if (!json_object_is_type(all, json_type_object))
		r = job_fail(job, 400, "option \"namespaces\" is no object");
	if (r == 0) {
		json_object_object_foreach(all, prefix, uri)
			if (xmlXPathRegisterNs(context, (xmlChar *)prefix,
			    (const xmlChar *)json_object_get_string(uri)) != 0)
				r = job_fail(job, 400, "option \"namespaces\" "
				    "has no prefix \"%.100s\"", prefix);
	}
	json_object_put(all);
	return (r);
}

static void
add_text(xmlNode *node)
{
	xmlChar *text = xmlXPathCastNodeToString(node);

	xmlBufferCat(text_out, text);
	xmlFree(text);
}

static void
add_node(const struct xml_options *o, xmlDoc *doc, xmlNode *node)
{
	xmlNode *copy;
	xmlChar *text;

	if (o->as == AS_JSON && node->type == XML_ELEMENT_NODE) {
		json_object_array_add(json_out, element_json(node));
	} else if (o->as == AS_JSON) {
		text = xmlXPathCastNodeToString(node);
		json_object_array_add(json_out,
		    json_object_new_string((const char *)text));
		xmlFree(text);
	} else if (o->as == AS_TEXT || node->type == XML_NAMESPACE_DECL ||
	    node->type == XML_ATTRIBUTE_NODE) {
		add_text(node);
	} else {
		/* A copy declares the namespaces that it needs. */
		copy = xmlDocCopyNode(node, doc, 1);
		(void)xmlNodeDump(text_out, doc, copy, 0, 0);
		xmlFreeNode(copy);
	}
	if (o->as != AS_JSON)
		xmlBufferCCat(text_out, "\n");
}

static struct json_object *
number_json(double number)
{
	if (fabs(number) < 1e15 && number == floor(number))
		return (json_object_new_int64((int64_t)number));
	return (isfinite(number) ? json_object_new_double(number) : NULL);
}

static struct json_object *
value_json(const xmlXPathObject *found)
{
	switch (found->type) {
	case XPATH_BOOLEAN: return (json_object_new_boolean(found->boolval));
	case XPATH_NUMBER: return (number_json(found->floatval));
	default: return (json_object_new_string(
	    found->stringval != NULL ? (const char *)found->stringval : ""));
	}
}

static int
answer(struct job *job, const struct xml_options *o, xmlDoc *doc,
    xmlXPathObject *found)
{
	const xmlNodeSet *nodes = found->nodesetval;
	bool set = found->type == XPATH_NODESET ||
	    found->type == XPATH_XSLT_TREE;
	xmlChar *value;

	if (set && (nodes == NULL || nodes->nodeNr == 0))
		return (job_fail(job, 404, "nothing is found by \"%.300s\"",
		    o->xpath));
	text_out = xmlBufferCreate();
	if (text_out == NULL)
		return (job_fail(job, 413, "there is not enough memory"));
	if (o->as == AS_JSON)
		json_out = set ? json_object_new_array() : value_json(found);
	for (int i = 0; set && i < nodes->nodeNr; i++)
		add_node(o, doc, nodes->nodeTab[i]);
	if (o->as == AS_JSON)
		return (answer_json(job));
	if (!set) {
		value = xmlXPathCastToString(found);
		xmlBufferCat(text_out, value);
		xmlFree(value);
	}
	return (job_answer(job, set && o->as == AS_XML ? "application/xml" :
	    "text/plain; charset=utf-8", xmlBufferContent(text_out),
	    (size_t)xmlBufferLength(text_out)));
}

int
query_xpath(struct job *job, const struct xml_options *o, xmlDoc *doc)
{
	xmlXPathContext *context = xmlXPathNewContext(doc);
	xmlXPathObject *found;
	int r;

	if (context == NULL)
		return (job_fail(job, 413, "there is not enough memory"));
	context->opLimit = STEPS_MAX;
	if (o->xpath == NULL || *o->xpath == '\0')
		return (job_fail(job, 400, "option \"xpath\" is missing"));
	r = namespaces(job, o->namespaces, context);
	errors_clear();
	found = r == 0 ? xmlXPathEval((const xmlChar *)o->xpath, context) :
	    NULL;
	if (found != NULL)
		r = answer(job, o, doc, found);
	else if (r == 0)
		r = job_fail(job, 400, "option \"xpath\": %s", errors_first());
	xmlXPathFreeObject(found);
	xmlXPathFreeContext(context);
	return (r);
}
