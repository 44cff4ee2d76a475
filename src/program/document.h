/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * document.h: the text of a library, and where something is in it.
 */
#ifndef PROGRAM_DOCUMENT_H
#define PROGRAM_DOCUMENT_H

#include <json-c/json.h>

#include "tinykvm/error.h"

/*
 * Parse JSON with comments whose root is an object; NULL, and a sentence with
 * the line, when it is none. json_object_put() it.
 */
json_object *document_parse(const char *json, size_t len, const char *origin,
    struct tkvm_err *err);

/* A way into a document; NULL or -1 ends it early. */
struct trail {
	const char *object;	/* of the root; NULL: the root is meant */
	const char *key;	/* of that object */
	int item;		/* of that array, from 0 */
	const char *sub;	/* of that object */
};

/*
 * The line, from 1, of the last thing of a trail that is there; 0 when the
 * document has one line only. Of equal keys the last counts, as in json-c.
 */
unsigned document_line(const char *json, size_t len, const struct trail *t);

#endif
