/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * streaming: answers and bodies of any size in a machine of a few MiB. GET of
 * /lines/N answers N numbered lines, made as the client takes them, with their
 * length told before; /count/N the same without a length. A body that is sent
 * is counted as it comes, like wc(1).
 */
#include <ctype.h>
#include <stdio.h>

#include "kvm_api.h"

#define LINE 8			/* bytes, "1234567\n" */
#define LINES_MAX 9999999

/*--- an answer in pieces --------------------------------------------------*/

/* Bytes from number written on, at most max: the cache asks until the end. */
static struct streaming_content
more_lines(void *arg, size_t max, size_t written, size_t total)
{
	static char piece[LINE * 4096 + 1];
	const size_t *lines = arg;
	size_t want = *lines * LINE - written, at = written / LINE, n = 0;

	(void)total;
	/* A piece begins inside a line when the last one ended there. */
	size_t skip = written % LINE;

	if (want > max)
		want = max;
	if (want > sizeof piece - 1 - skip)
		want = sizeof piece - 1 - skip;
	while (n < want + skip) {
		at++;
		n += (size_t)sprintf(piece + n, "%7zu\n", at);
	}
	return ((struct streaming_content){piece + skip, want});
}

static void
on_get(const char *url, const char *arg)
{
	size_t lines = 0;

	(void)arg;
	if (sscanf(url, "/lines/%zu", &lines) != 1 &&
	    sscanf(url, "/count/%zu", &lines) != 1)
		backend_response_str(404, "text/plain", "/lines/N\n");
	if (lines < 1 || lines > LINES_MAX)
		backend_response_str(400, "text/plain", "1 to 9999999\n");
	/* Variables of this function are there as long as pieces are asked. */
	begin_streaming_response(200, "text/plain", 10, url[1] == 'c' ?
	    KVM_LENGTH_UNKNOWN : lines * LINE, more_lines, &lines);
}

/*--- a body in pieces -----------------------------------------------------*/

static size_t lines, words;
static bool in_word;

static long
on_piece(const char *url, const char *arg, const char *type,
    const uint8_t *data, size_t len, size_t offset)
{
	(void)url;
	(void)arg;
	(void)type;
	(void)offset;
	for (size_t i = 0; i < len; i++) {
		lines += data[i] == '\n';
		words += !in_word && !isspace(data[i]);
		in_word = !isspace(data[i]);
	}
	return ((long)len);
}

/* Behind the last piece: data is NULL, len the sum of all. */
static void
on_post(const char *url, const char *arg, const char *type,
    const uint8_t *data, size_t len)
{
	char text[80];
	int n;

	(void)url;
	(void)arg;
	(void)type;
	(void)data;
	n = snprintf(text, sizeof text, "%zu lines, %zu words, %zu bytes\n",
	    lines, words, len);
	backend_response(200, "text/plain", 10, text, (size_t)n);
}

int
main(void)
{
	if (IS_LINUX_MAIN()) {
		fprintf(stderr, "streaming runs in a machine only\n");
		return (2);
	}
	set_backend_get(on_get);
	set_backend_stream_post(on_piece);
	set_backend_post(on_post);
	wait_for_requests();
}
