/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * error.h: the one way in which anything in this project reports a failure.
 *
 * Every function that can fail returns 0 or a negative enum tkvm_code and
 * takes a struct tkvm_err, which it fills with one sentence for a human.
 */
#ifndef TINYKVM_ERROR_H
#define TINYKVM_ERROR_H

#include <stdarg.h>
#include <stddef.h>

#define TKVM_MUST_CHECK __attribute__((warn_unused_result))
#define TKVM_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define TKVM_API __attribute__((visibility("default")))

enum tkvm_code {
	TKVM_OK = 0,
	TKVM_ENOMEM = -1,	/* the host has no memory left */
	TKVM_EHOST = -2,	/* KVM or another host service refused */
	TKVM_EFILE = -3,	/* a program file is missing or malformed */
	TKVM_ECONFIG = -4,	/* a setting is wrong; the text names it */
	TKVM_EGUEST = -5,	/* the program faulted or broke the ABI */
	TKVM_ETIMEOUT = -6,	/* the program ran past its deadline */
	TKVM_EWORKMEM = -7,	/* the program ran past its memory limit */
	TKVM_EBUSY = -8,	/* no machine became free in time */
	TKVM_ENOTFOUND = -9,	/* no program of that name */
	TKVM_EBODY = -10,	/* the request body could not be delivered */
	TKVM_ETOOLARGE = -11,	/* the request body is larger than allowed */
};

/* A failure. Small enough for a worker's stack; nothing in it to free. */
struct tkvm_err {
	int code;		/* enum tkvm_code */
	char text[300];		/* one sentence, NUL-terminated, no newline */
};

/*
 * Fill *err (which may be NULL) and return code, so that a caller can write
 * `return (tkvm_fail(err, TKVM_EFILE, "..."))`. Text beyond the field is cut.
 */
TKVM_API int tkvm_fail(struct tkvm_err *err, int code, const char *fmt, ...)
    TKVM_PRINTF(3, 4);

/* A short fixed name of a code, "time-out" for example; never NULL. */
TKVM_API const char *tkvm_code_name(int code);

#endif
