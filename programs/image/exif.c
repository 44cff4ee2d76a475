/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * exif.c: a TIFF header and its directory, as the camera wrote it: which side
 * was up, whose picture it is.
 */
#include <stdlib.h>
#include <string.h>

#include "image.h"

#define TAG_ORIENTATION 0x0112
#define TAG_ARTIST 0x013b
#define TAG_COPYRIGHT 0x8298
#define TYPE_ASCII 2
#define TEXT_MAX 4000

static unsigned
get(const uint8_t *p, unsigned n, bool big)
{
	unsigned v = 0;

	for (unsigned i = 0; i < n; i++)
		v |= (unsigned)p[i] << 8 * (big ? n - 1 - i : i);
	return (v);
}

/* Where the first directory's entry of a tag is, 0: there is none. */
static size_t
find_entry(const uint8_t *t, size_t len, unsigned tag, size_t *end)
{
	bool big;
	unsigned n;
	size_t at, found = 0;

	if (len < 14 || (memcmp(t, "II", 2) != 0 && memcmp(t, "MM", 2) != 0))
		return (0);
	big = t[0] == 'M';
	at = get(t + 4, 4, big);
	if (at > len - 2)
		return (0);
	n = get(t + at, 2, big);
	for (at += 2; n > 0 && at + 12 <= len; n--, at += 12)
		if (found == 0 && get(t + at, 2, big) == tag)
			found = at;
	*end = n == 0 ? at : 0;
	return (found);
}

int
exif_orientation(const uint8_t *t, size_t len)
{
	size_t end, at = find_entry(t, len, TAG_ORIENTATION, &end);
	unsigned v = at == 0 ? 1 : get(t + at + 8, 2, t[0] == 'M');

	return (v >= 1 && v <= 8 ? (int)v : 1);
}

const uint8_t *
exif_bytes(const uint8_t *t, size_t len, unsigned tag, size_t *size)
{
	static const uint8_t sizes[] = {0, 1, 1, 2, 4, 8, 1, 1};
	size_t end, at = find_entry(t, len, tag, &end), from;
	unsigned type = at == 0 ? 0 : get(t + at + 2, 2, t[0] == 'M');
	uint64_t n;

	if (type == 0 || type >= sizeof sizes)
		return (NULL);
	n = (uint64_t)sizes[type] * get(t + at + 4, 4, t[0] == 'M');
	from = n <= 4 ? at + 8 : get(t + at + 8, 4, t[0] == 'M');
	if (n == 0 || from > len || n > len - from)
		return (NULL);
	*size = (size_t)n;
	return (t + from);
}

/*--- what is kept ---------------------------------------------------------*/

/* Upright now; and the thumbnail, if any, is that of another picture. */
static uint8_t *
keep_all(const uint8_t *exif, size_t len)
{
	uint8_t *t = malloc(len);
	size_t end = 0, at;

	if (t == NULL)
		return (NULL);
	memcpy(t, exif, len);
	at = find_entry(t, len, TAG_ORIENTATION, &end);
	if (at != 0) {
		t[at + 8] = t[0] == 'M' ? 0 : 1;
		t[at + 9] = t[0] == 'M' ? 1 : 0;
	}
	if (end != 0 && end + 4 <= len)
		memset(t + end, 0, 4);
	return (t);
}

static void
put_le(uint8_t **at, uint32_t v, unsigned n)
{
	for (; n > 0; n--, v >>= 8)
		*(*at)++ = (uint8_t)v;
}

/* A directory of artist and copyright alone. */
static uint8_t *
keep_copyright(const uint8_t *exif, size_t len, size_t *out_len)
{
	static const unsigned tags[2] = {TAG_ARTIST, TAG_COPYRIGHT};
	const uint8_t *text[2];
	size_t size[2], data = 8 + 2 + 4;
	uint8_t *t, *at;
	unsigned n = 0;

	for (int i = 0; i < 2; i++) {
		text[i] = exif_bytes(exif, len, tags[i], &size[i]);
		if (text[i] != NULL && (size[i] <= 4 || size[i] > TEXT_MAX))
			text[i] = NULL;
		n += text[i] != NULL;
	}
	if (n == 0)
		return (NULL);
	data += n * 12;
	at = t = malloc(data + 2 * TEXT_MAX);
	if (t == NULL)
		return (NULL);
	memcpy(at, "II*\0\10\0\0\0", 8);
	at += 8;
	put_le(&at, n, 2);
	for (int i = 0; i < 2; i++) {
		if (text[i] == NULL)
			continue;
		put_le(&at, tags[i], 2);
		put_le(&at, TYPE_ASCII, 2);
		put_le(&at, (uint32_t)size[i], 4);
		put_le(&at, (uint32_t)data, 4);
		memcpy(t + data, text[i], size[i]);
		t[data + size[i] - 1] = '\0';
		data += size[i];
	}
	put_le(&at, 0, 4);
	*out_len = data;
	return (t);
}

uint8_t *
exif_kept(const uint8_t *exif, size_t len, enum keep keep, size_t *out_len)
{
	*out_len = len;
	/* JPEG has room for less than 64 KiB; what is whole is a TIFF. */
	if (keep == KEEP_ALL && len <= EXIF_MAX)
		return (keep_all(exif, len));
	return (keep == KEEP_NONE ? NULL :
	    keep_copyright(exif, len, out_len));
}
