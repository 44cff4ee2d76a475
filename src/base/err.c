/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>

#include "base/text.h"
#include "tinykvm/error.h"

static const char *const code_names[] = {
	[-TKVM_OK] = "ok",
	[-TKVM_ENOMEM] = "out of host memory",
	[-TKVM_EHOST] = "host",
	[-TKVM_EFILE] = "program file",
	[-TKVM_ECONFIG] = "configuration",
	[-TKVM_EGUEST] = "exception",
	[-TKVM_ETIMEOUT] = "time-out",
	[-TKVM_EWORKMEM] = "out of working memory",
	[-TKVM_EBUSY] = "busy",
	[-TKVM_ENOTFOUND] = "not found",
	[-TKVM_EBODY] = "request body",
	[-TKVM_ETOOLARGE] = "request body too large",
};

const char *
tkvm_code_name(int code)
{
	unsigned i = -(unsigned)code;

	if (i >= sizeof code_names / sizeof code_names[0])
		return ("unknown");
	return (code_names[i]);
}

int
tkvm_fail(struct tkvm_err *err, int code, const char *fmt, ...)
{
	va_list ap;

	if (err == NULL)
		return (code);
	err->code = code;
	va_start(ap, fmt);
	(void)vsnprintf(err->text, sizeof err->text, fmt, ap);
	va_end(ap);
	text_plain(err->text);
	return (code);
}
