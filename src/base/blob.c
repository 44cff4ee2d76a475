/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "base/blob.h"

void
blob_put(struct blob *b, const void *data, size_t len)
{
	size_t room = b->room == 0 ? 4096 : b->room;
	char *more;

	if (b->failed || len == 0)
		return;
	while (room - b->len < len && room < SIZE_MAX / 4)
		room *= 2;
	more = room == b->room ? b->data : realloc(b->data, room);
	if (more == NULL || room - b->len < len) {
		b->failed = true;
		return;
	}
	b->data = more;
	b->room = room;
	memcpy(b->data + b->len, data, len);
	b->len += len;
}

void
blob_put64(struct blob *b, uint64_t value)
{
	blob_put(b, &value, sizeof value);
}

void
blob_put_text(struct blob *b, const char *text)
{
	size_t len = text == NULL ? 0 : strlen(text);

	blob_put64(b, len);
	blob_put(b, text, len);
}

void
blob_free(struct blob *b)
{
	free(b->data);
	memset(b, 0, sizeof *b);
}

const void *
blob_get(struct blob_in *b, size_t len)
{
	const char *at = b->data;

	if (b->failed || len > b->len) {
		b->failed = true;
		return (NULL);
	}
	b->data += len;
	b->len -= len;
	return (at);
}

void
blob_get_to(struct blob_in *b, void *to, size_t len)
{
	const void *from = blob_get(b, len);

	if (from != NULL)
		memcpy(to, from, len);
	else
		memset(to, 0, len);
}

uint64_t
blob_get64(struct blob_in *b)
{
	uint64_t value;

	blob_get_to(b, &value, sizeof value);
	return (value);
}

char *
blob_get_text(struct blob_in *b)
{
	uint64_t len = blob_get64(b);
	const char *from = blob_get(b, len);
	char *text = from == NULL ? NULL : strndup(from, len);

	if (text == NULL)
		b->failed = true;
	return (text);
}
