/* SPDX-License-Identifier: BSD-2-Clause */
/* exif.c: which side was up, as the camera wrote it. */
#include <string.h>

#include "image.h"

#define TAG_ORIENTATION 0x0112

static unsigned
get(const uint8_t *p, unsigned n, bool big)
{
	unsigned v = 0;

	for (unsigned i = 0; i < n; i++)
		v |= (unsigned)p[i] << 8 * (big ? n - 1 - i : i);
	return (v);
}

int
exif_orientation(const uint8_t *t, size_t len)
{
	unsigned n, v;
	size_t at;
	bool big;

	if (len < 14 || (memcmp(t, "II", 2) != 0 && memcmp(t, "MM", 2) != 0))
		return (1);
	big = t[0] == 'M';
	at = get(t + 4, 4, big);
	if (at > len - 2)
		return (1);
	n = get(t + at, 2, big);
	for (at += 2; n > 0 && at + 12 <= len; n--, at += 12) {
		if (get(t + at, 2, big) != TAG_ORIENTATION)
			continue;
		v = get(t + at + 8, 2, big);
		return (v >= 1 && v <= 8 ? (int)v : 1);
	}
	return (1);
}

/* PNG: length, name, data, sum. WebP: name, length, data to an even length. */
int
chunk_orientation(const uint8_t *data, size_t len, bool png)
{
	const char *name = png ? "eXIf" : "EXIF";
	size_t at = png ? 8 : 12, n;
	const uint8_t *p;

	while (at + 8 <= len) {
		p = data + at;
		n = get(p + (png ? 0 : 4), 4, png);
		if (n > len - at - 8)
			break;
		if (memcmp(p + (png ? 4 : 0), name, 4) == 0) {
			p += 8;
			/* Some write the JPEG's marker before it, too. */
			if (n > 6 && memcmp(p, "Exif\0\0", 6) == 0)
				return (exif_orientation(p + 6, n - 6));
			return (exif_orientation(p, n));
		}
		at += 8 + n + (png ? 4 : n & 1);
	}
	return (1);
}
