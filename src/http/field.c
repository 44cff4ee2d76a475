/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * field.c: is this header line legal? The one place that lets guest bytes
 * become header text. Pure. RFC 9110, 5.1 and 5.5; the guest ABI's own rules on
 * colon and spaces.
 */
#include <string.h>
#include <strings.h>

#include "http/http.h"

/* tchar of RFC 9110, 5.6.2. */
static bool
is_token(unsigned char c)
{
	if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	    (c >= 'A' && c <= 'Z'))
		return (true);
	return (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool
is_text(unsigned char c)
{
	return (c == '\t' || (c >= 0x20 && c != 0x7f));
}

bool
http_name_ok(const char *name, size_t len)
{
	if (len == 0 || len > HTTP_LINE_MAX)
		return (false);
	for (size_t i = 0; i < len; i++)
		if (!is_token((unsigned char)name[i]))
			return (false);
	return (true);
}

/* By these one message could be made to look like two. */
static const char *const framing[] = {
	"Connection", "Content-Length", "Expect", "Keep-Alive",
	"Proxy-Connection", "TE", "Trailer", "Transfer-Encoding", "Upgrade",
};

bool
tkvm_header_frames(const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len);

	if (colon != NULL)
		len = (size_t)(colon - line);
	for (unsigned i = 0; i < sizeof framing / sizeof framing[0]; i++)
		if (strlen(framing[i]) == len &&
		    strncasecmp(framing[i], line, len) == 0)
			return (true);
	return (false);
}

bool
http_line_ok(const char *line, size_t len)
{
	const char *colon;

	if (len < 4 || len > HTTP_LINE_MAX)
		return (false);
	colon = memchr(line, ':', len);
	if (colon == NULL || colon == line || colon == line + len - 1 ||
	    colon[1] != ' ' || line[0] == ' ' || line[len - 1] == ' ')
		return (false);
	if (!http_name_ok(line, (size_t)(colon - line)))
		return (false);
	for (const char *p = colon + 1; p < line + len; p++)
		if (!is_text((unsigned char)*p))
			return (false);
	return (true);
}

bool
http_value_ok(const char *value, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!is_text((unsigned char)value[i]))
			return (false);
	return (true);
}
