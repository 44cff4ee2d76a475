/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "base64.h"

static const char standard[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

size_t
base64_encode(const void *from, size_t len, bool url_safe, char *to)
{
	const char *alphabet = url_safe ? url_alphabet : standard;
	const unsigned char *in = from;
	char *start = to;

	for (; len >= 3; in += 3, len -= 3) {
		*to++ = alphabet[in[0] >> 2];
		*to++ = alphabet[(in[0] & 3) << 4 | in[1] >> 4];
		*to++ = alphabet[(in[1] & 15) << 2 | in[2] >> 6];
		*to++ = alphabet[in[2] & 63];
	}
	if (len != 0) {
		unsigned second = len == 2 ? in[1] : 0;

		*to++ = alphabet[in[0] >> 2];
		*to++ = alphabet[(in[0] & 3) << 4 | second >> 4];
		if (len == 2)
			*to++ = alphabet[(second & 15) << 2];
		else if (!url_safe)
			*to++ = '=';
		if (!url_safe)
			*to++ = '=';
	}
	*to = '\0';
	return ((size_t)(to - start));
}

enum { BLANK = 64, PADDING = 65, NONE = 255 };

/* Values of all characters, filled once. */
static const unsigned char *
values(void)
{
	static unsigned char table[256];
	static bool filled;

	if (filled)
		return (table);
	memset(table, NONE, sizeof table);
	for (unsigned char i = 0; i < 64; i++) {
		table[(unsigned char)standard[i]] = i;
		table[(unsigned char)url_alphabet[i]] = i;
	}
	table[' '] = table['\t'] = table['\r'] = table['\n'] = BLANK;
	table['='] = PADDING;
	filled = true;
	return (table);
}

bool
base64_decode(const char *from, size_t len, void *to, size_t *to_len,
    size_t *wrong)
{
	unsigned bits = 0, have = 0, count = 0, padding = 0, v;
	const unsigned char *value = values();
	unsigned char *out = to;

	*to_len = 0;
	for (*wrong = 0; *wrong < len; ++*wrong) {
		v = value[(unsigned char)from[*wrong]];
		if (v == BLANK || (v == PADDING && ++padding <= 2))
			continue;
		if (v >= 64 || padding != 0)
			return (false);
		bits = bits << 6 | v;
		have += 6;
		count++;
		if (have >= 8) {
			have -= 8;
			out[(*to_len)++] = (unsigned char)(bits >> have);
			bits &= (1u << have) - 1;
		}
	}
	return (count % 4 != 1 && bits == 0 &&
	    (padding == 0 || (count + padding) % 4 == 0));
}
