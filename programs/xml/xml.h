/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * xml.h: the parts of xml. What returns int: 0, or -1 after job_fail(). Nothing
 * is read but what the request brings: no file, no network, no external entity.
 */
#ifndef XML_H
#define XML_H

#include <libxml/tree.h>

#include "job.h"

enum op { WELLFORMED, XSD, XPATH, XSLT, PRETTY, MINIFY, JSON };
enum as { AS_XML, AS_TEXT, AS_JSON };

struct xml_options {
	int op, as;
	int64_t indent;
	bool html, entities;
	const char *xpath, *namespaces, *xsd, *xslt, *params;
};

/*
 * The libraries, once: before the machine is frozen, or with the first request.
 * 0 or -1.
 */
int document_prepare(void);

/*
 * Read a document; `what` names it and `status` is its failure's. blanks: keep
 * those that only indent. The document is freed with xmlFreeDoc().
 */
int document_read(struct job *job, const void *data, size_t len,
    const struct xml_options *o, bool blanks, const char *what, int status,
    xmlDoc **doc);

/* Encodings that libxml2 lacks, once: 0 or -1. */
int encoding_prepare(void);
/*
 * A page as UTF-8, by its content type, its BOM or its <meta>; *to is
 * malloc'ed, or left as it is when the page is UTF-8. 415: another encoding.
 */
int encoding_html(struct job *job, const char *data, size_t len, char **to,
    size_t *to_len);

/* What an option gives, the text itself or the URL of one. */
int document_option(struct job *job, const char *name, const char *value,
    const void **data, size_t *len);

/* What libxml2 and libxslt said first since errors_clear(); "" for nothing. */
void errors_clear(void);
const char *errors_first(void);
/* libxslt's and libxml2's way to say it, as a generic error function. */
void errors_add(void *unused, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

int query_xpath(struct job *, const struct xml_options *, xmlDoc *);
int query_json(struct job *, xmlDoc *);
int style_xsd(struct job *, const struct xml_options *, xmlDoc *);
int style_xslt(struct job *, const struct xml_options *, xmlDoc *);

/* Free what the last answer was made of. */
void query_free(void);
void style_free(void);

#endif
