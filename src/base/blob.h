/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * blob.h: bytes that parts of a state put one behind the other, and take back
 * in the same order. A failure is remembered, so that only the end asks.
 */
#ifndef BASE_BLOB_H
#define BASE_BLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct blob {
	char *data;
	size_t len, room;
	bool failed;			/* no memory */
};

void blob_put(struct blob *b, const void *data, size_t len);
void blob_put64(struct blob *b, uint64_t value);
/* With its length in front; NULL is "". */
void blob_put_text(struct blob *b, const char *text);
void blob_free(struct blob *b);

struct blob_in {
	const char *data;
	size_t len;			/* that are left */
	bool failed;			/* there was less than was asked for */
};

/* NULL, and failed: there is less. */
const void *blob_get(struct blob_in *b, size_t len);
/* Copy: zeros when there is less. */
void blob_get_to(struct blob_in *b, void *to, size_t len);
uint64_t blob_get64(struct blob_in *b);
/* For free(). NULL, and failed: there is less, or no memory. */
char *blob_get_text(struct blob_in *b);

#endif
