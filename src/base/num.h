/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * num.h: arithmetic on sizes and addresses.
 */
#ifndef BASE_NUM_H
#define BASE_NUM_H

#include <stdbool.h>
#include <stdint.h>

#define KIB(n) ((uint64_t)(n) << 10)
#define MIB(n) ((uint64_t)(n) << 20)
#define GIB(n) ((uint64_t)(n) << 30)

/* align is a power of two; the caller has checked that up cannot wrap. */
static inline uint64_t
num_down(uint64_t v, uint64_t align)
{
	return (v & ~(align - 1));
}

static inline uint64_t
num_up(uint64_t v, uint64_t align)
{
	return ((v + align - 1) & ~(align - 1));
}

/* Is [at, at+len) inside [low, high)? No input makes it wrap. */
static inline bool
num_inside(uint64_t at, uint64_t len, uint64_t low, uint64_t high)
{
	uint64_t end;

	if (__builtin_add_overflow(at, len, &end))
		return (false);
	return (at >= low && end <= high);
}

#endif
