/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * check.h: assertions about our own code, always on.
 *
 * Never on anything that a guest, a file or a user controls, and never with
 * work inside the condition.
 */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

_Noreturn void check_failed(const char *expr, const char *file, int line);

#define ASSERT(expr) \
	((expr) ? (void)0 : check_failed(#expr, __FILE__, __LINE__))

#endif
