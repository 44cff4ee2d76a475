/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * regex: the cache's regular expressions (PCRE2). POST gives a text of up to
 * 1 MiB back with its e-mail addresses and card numbers hidden. GET tells the
 * parts of a URL like /2024/a-title, and copies all X-Trace headers.
 */
#include <stdio.h>

#include "kvm_api.h"

#define TEXT_MAX (1 << 20)

/* Numbers of patterns, compiled once by main(), there in every request. */
static int mail, card, article, trace;
static char text[TEXT_MAX + 1], half[2 * TEXT_MAX], whole[2 * TEXT_MAX];

static int
compile(const char *pattern)
{
	return (regex_compile(pattern, strlen(pattern)));
}

static void
on_get(const char *url, const char *arg)
{
	int len;

	(void)arg;
	regex_copyto(trace, BEREQ, BERESP);
	/* A length of 0 means up to the NUL; what is returned counts it. */
	if (regex_match(article, url, 0) < 0)
		backend_response_str(404, "text/plain", "no article\n");
	len = regex_subst(article, url, "\\2 of \\1\n", whole, sizeof whole, 0);
	if (len <= 0)
		backend_response_str(500, "text/plain", "it does not fit\n");
	backend_response(200, "text/plain", 10, whole, (size_t)len - 1);
}

static void
on_post(const char *url, const char *arg, const char *type,
    const uint8_t *data, size_t len)
{
	int n;

	(void)url;
	(void)arg;
	if (len > TEXT_MAX) {
		backend_response_str(413, "text/plain", "larger than 1 MiB\n");
		return;
	}
	memcpy(text, data, len);
	text[len] = '\0';
	/* Flag 1: all matches. Negative: too much work, or no room. */
	n = regex_subst(mail, text, "(e-mail)", half, sizeof half, 1);
	if (n > 0)
		n = regex_subst(card, half, "**** \\1", whole, sizeof whole, 1);
	if (n <= 0)
		backend_response_str(422, "text/plain", "cannot be done\n");
	backend_response(200, type, strlen(type), whole, (size_t)n - 1);
}

int
main(void)
{
	if (IS_LINUX_MAIN()) {
		fprintf(stderr, "regex runs in a machine only\n");
		return (2);
	}
	mail = compile("[\\w.+-]+@\\w[\\w-]*(?:\\.[\\w-]+)+");
	card = compile("\\b(?:\\d{4}[ -]?){3}(\\d{4})\\b");
	article = compile("^/(\\d{4})/([\\w-]+)$");
	trace = compile("(?i)^x-trace-[a-z]+:");
	set_backend_get(on_get);
	set_backend_post(on_post);
	wait_for_requests();
}
