/* SPDX-License-Identifier: BSD-2-Clause */
/* Text that grows: what programs that write formats of text answer with. */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Starts as all zero. When memory ends, `failed` is set and stays, and what is
 * added from then on is left out: one look at the end is enough.
 */
struct text {
	char *data;
	size_t len, size;
	bool failed;
};

/* Room for `more` bytes at data + len, or NULL; the caller adds to len. */
char *text_room(struct text *, size_t more);
void text_add(struct text *, const void *from, size_t len);
void text_str(struct text *, const char *text);
void text_char(struct text *, char c);
void text_printf(struct text *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * A JSON string with its quotes. What is not UTF-8 (also surrogates and what
 * lies above U+10FFFF) becomes U+FFFD, byte by byte.
 */
void text_json(struct text *, const char *text, size_t len);
/* Text for HTML, SVG and XML, also between double quotes. */
void text_html(struct text *, const char *text, size_t len);
/* A field of CSV, in quotes when it needs them (RFC 4180). */
void text_csv(struct text *, const char *text, size_t len, char delimiter);

/* Bytes of the UTF-8 character that text begins with, 0: it is none. */
size_t utf8_len(const char *text, size_t len);
bool utf8_valid(const char *text, size_t len);

#ifdef __cplusplus
}
#endif
#endif
