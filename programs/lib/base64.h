/* SPDX-License-Identifier: BSD-2-Clause */
/* Base64 (RFC 4648), both alphabets, both ways. */
#ifndef BASE64_H
#define BASE64_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes that are enough for either way, NUL included. */
#define BASE64_ENCODED(len) ((len) / 3 * 4 + 5)
#define BASE64_DECODED(len) ((len) / 4 * 3 + 4)

/* url_safe: - and _, and no padding. The length; a NUL is behind it. */
size_t base64_encode(const void *from, size_t len, bool url_safe, char *to);

/*
 * Of both alphabets; blanks and ends of lines are skipped. True and the length;
 * or false and the place in *wrong, len when the last group is incomplete.
 */
bool base64_decode(const char *from, size_t len, void *to, size_t *to_len,
    size_t *wrong);

#endif
