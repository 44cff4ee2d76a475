/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the files of basicauth. */
#ifndef VERIFY_H
#define VERIFY_H

#include <stdbool.h>

/*
 * Is it the password of this hash: $2y$ (bcrypt), $5$, $6$ (SHA-2), $y$
 * (yescrypt), $1$, $apr1$ (MD5), {SHA}, {SSHA}? The same time wherever they
 * differ. DES and bare text are never right.
 */
bool verify(const char *hash, const char *password);

#endif
