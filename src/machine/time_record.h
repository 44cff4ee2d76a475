/* SPDX-License-Identifier: BSD-2-Clause */
/* time_record.h: what the host (time.c) tells the guest (vdso/vdso.c). */
#ifndef MACHINE_TIME_RECORD_H
#define MACHINE_TIME_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#define TIME_SHIFT 32

/*
 * At REC_TIME of the first CPU's record page. Programs that were frozen by an
 * older version may read it: fields keep their places.
 */
struct time_record {
	uint64_t mult;		/* ns << TIME_SHIFT of a tick; 0: unknown */
	uint64_t tsc;		/* then it was: */
	uint64_t steady_ns;	/* CLOCK_MONOTONIC */
	uint64_t real_ns;	/* CLOCK_REALTIME */
};

#endif
