/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

char *
text_room(struct text *b, size_t more)
{
	size_t size = b->size < 4096 ? 4096 : b->size, want;
	char *data;

	if (b->failed || __builtin_add_overflow(b->len, more, &want)) {
		b->failed = true;
		return (NULL);
	}
	if (want <= b->size)
		return (b->data + b->len);
	while (size < want)
		if (__builtin_add_overflow(size, size / 2, &size))
			size = want;
	data = realloc(b->data, size);
	if (data == NULL) {
		b->failed = true;
		return (NULL);
	}
	b->data = data;
	b->size = size;
	return (data + b->len);
}

void
text_add(struct text *b, const void *from, size_t len)
{
	char *to = text_room(b, len);

	if (to == NULL || len == 0)
		return;
	memcpy(to, from, len);
	b->len += len;
}

void
text_str(struct text *b, const char *text)
{
	text_add(b, text, strlen(text));
}

void
text_char(struct text *b, char c)
{
	if (b->len == b->size && text_room(b, 1) == NULL)
		return;
	b->data[b->len++] = c;
}

void
text_printf(struct text *b, const char *format, ...)
{
	va_list ap;
	char *to = text_room(b, 128);
	int n;

	if (to == NULL)
		return;
	va_start(ap, format);
	n = vsnprintf(to, b->size - b->len, format, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n >= b->size - b->len) {
		to = text_room(b, (size_t)n + 1);
		if (to == NULL)
			return;
		va_start(ap, format);
		n = vsnprintf(to, (size_t)n + 1, format, ap);
		va_end(ap);
	}
	if (n < 0)
		b->failed = true;
	else
		b->len += (size_t)n;
}

/*--- what must be escaped --------------------------------------------------*/

size_t
utf8_len(const char *text, size_t len)
{
	const uint8_t *p = (const uint8_t *)text;
	uint32_t c, least;
	size_t n;

	if (len == 0)
		return (0);
	if (p[0] < 0x80)
		return (1);
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return (0);
	n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (n > len)
		return (0);
	c = p[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return (0);
		c = c << 6 | (p[i] & 0x3f);
	}
	least = n == 2 ? 0x80 : n == 3 ? 0x800 : 0x10000;
	if (c < least || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return (0);
	return (n);
}

/* Eight bytes of ASCII at `text`? */
static bool
is_ascii(const char *text)
{
	uint64_t x;

	memcpy(&x, text, sizeof x);
	return ((x & 0x8080808080808080u) == 0);
}

bool
utf8_valid(const char *text, size_t len)
{
	size_t at = 0, n;

	while (at < len) {
		if (len - at >= 8 && is_ascii(text + at)) {
			at += 8;
			continue;
		}
		n = utf8_len(text + at, len - at);
		if (n == 0)
			return (false);
		at += n;
	}
	return (true);
}

static void
json_escape(struct text *b, char c)
{
	static const char shorts[] = "\"\"\\\\\bb\ff\nn\rr\tt";
	const char *s;

	for (s = shorts; *s != '\0'; s += 2)
		if (*s == c) {
			text_char(b, '\\');
			text_char(b, s[1]);
			return;
		}
	text_printf(b, "\\u%04x", (unsigned char)c);
}

void
text_json(struct text *b, const char *text, size_t len)
{
	size_t at = 0, from = 0, n;

	text_char(b, '"');
	while (at < len) {
		unsigned char c = (unsigned char)text[at];

		if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
			at++;
			continue;
		}
		n = utf8_len(text + at, len - at);
		if (n > 1) {
			at += n;
			continue;
		}
		text_add(b, text + from, at - from);
		if (n == 0)
			text_str(b, "\xef\xbf\xbd");
		else
			json_escape(b, text[at]);
		from = ++at;
	}
	text_add(b, text + from, at - from);
	text_char(b, '"');
}

void
text_html(struct text *b, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		switch (text[i]) {
		case '&': text_str(b, "&amp;"); break;
		case '<': text_str(b, "&lt;"); break;
		case '>': text_str(b, "&gt;"); break;
		case '"': text_str(b, "&quot;"); break;
		default: text_char(b, text[i]); break;
		}
	}
}

void
text_csv(struct text *b, const char *text, size_t len, char delimiter)
{
	bool quote = len != 0 && (text[0] == ' ' || text[len - 1] == ' ');

	for (size_t i = 0; i < len && !quote; i++)
		quote = text[i] == '"' || text[i] == delimiter ||
		    text[i] == '\n' || text[i] == '\r';
	if (!quote) {
		text_add(b, text, len);
		return;
	}
	text_char(b, '"');
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '"')
			text_char(b, '"');
		text_char(b, text[i]);
	}
	text_char(b, '"');
}
