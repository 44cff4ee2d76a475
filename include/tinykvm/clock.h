/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TINYKVM_CLOCK_H
#define TINYKVM_CLOCK_H

#include <stdint.h>

#include "tinykvm/error.h"

/*
 * Nanoseconds of CLOCK_MONOTONIC, the clock of every deadline here. No system
 * call where the vDSO has the clock.
 */
TKVM_API uint64_t tkvm_now_ns(void);

#endif
