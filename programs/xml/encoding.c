/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Encodings beyond those of libxml2: windows-1252, and the rules of HTML, where
 * ISO 8859-1 means that, too. What comes out is UTF-8.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <libxml/encoding.h>

#include "text.h"
#include "xml.h"

/* How far in a page its encoding may stand. */
#define META_MAX 1024

/* 0x80 to 0x9f; the others are ISO 8859-1's. Five are C1, as for browsers. */
static const unsigned short upper[32] = { 0x20ac, 0x81, 0x201a, 0x192, 0x201e,
	0x2026, 0x2020, 0x2021, 0x2c6, 0x2030, 0x160, 0x2039, 0x152, 0x8d,
	0x17d, 0x8f, 0x90, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013,
	0x2014, 0x2dc, 0x2122, 0x161, 0x203a, 0x153, 0x9d, 0x17e, 0x178 };

static int
put(unsigned char *to, unsigned c)
{
	if (c < 0x80) {
		to[0] = (unsigned char)c;
		return (1);
	}
	if (c < 0x800) {
		to[0] = (unsigned char)(0xc0 | c >> 6);
		to[1] = (unsigned char)(0x80 | (c & 63));
		return (2);
	}
	to[0] = (unsigned char)(0xe0 | c >> 12);
	to[1] = (unsigned char)(0x80 | (c >> 6 & 63));
	to[2] = (unsigned char)(0x80 | (c & 63));
	return (3);
}

/* As libxml2 wants it: both lengths are set to what was done. */
static int
windows_1252(unsigned char *out, int *out_len, const unsigned char *in,
    int *in_len)
{
	int i, n = 0;

	for (i = 0; i < *in_len && n + 3 <= *out_len; i++)
		n += put(out + n, in[i] >= 0x80 && in[i] < 0xa0 ?
		    upper[in[i] - 0x80] : in[i]);
	*in_len = i;
	*out_len = n;
	return (n);
}

int
encoding_prepare(void)
{
	static const char *const names[] = { "windows-1252", "cp1252",
		"x-cp1252" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (xmlNewCharEncodingHandler(names[i], windows_1252, NULL) ==
		    NULL)
			return (-1);
	return (0);
}

/* What stands behind "charset=", without quotes; false: it does not. */
static bool
charset(const char *text, size_t len, char *name, size_t size)
{
	size_t i, n = 0;

	for (i = 0; i + 8 < len; i++)
		if (strncasecmp(text + i, "charset=", 8) == 0)
			break;
	if (i + 8 >= len)
		return (false);
	i += 8;
	i += text[i] == '"' || text[i] == '\'';
	while (i < len && n + 1 < size && strchr(" \"'/>;\t\r\n", text[i]) ==
	    NULL)
		name[n++] = text[i++];
	name[n] = '\0';
	return (n != 0);
}

/* The text of all handlers is at most three times as long. */
static int
convert(struct job *job, xmlCharEncodingInputFunc f, const char *data,
    size_t len, char **to, size_t *to_len)
{
	int in = (int)len, out;

	if (len > INT32_MAX / 3 - 16 || (*to = malloc(len * 3 + 16)) == NULL)
		return (job_fail(job, 413, "the document is too large"));
	out = (int)len * 3 + 16;
	if (f((unsigned char *)*to, &out, (const unsigned char *)data, &in) <
	    0 || (size_t)in != len)
		return (job_fail(job, 422, "the document is not in its "
		    "encoding"));
	*to_len = (size_t)out;
	return (0);
}

/* What is no UTF-8 becomes U+FFFD. */
static int
repair(struct job *job, const char *data, size_t len, char **to,
    size_t *to_len)
{
	struct text t = { 0 };
	size_t i, n;

	for (i = 0; i < len; i += n) {
		n = utf8_len(data + i, len - i);
		if (n != 0)
			text_add(&t, data + i, n);
		else
			text_str(&t, "\xef\xbf\xbd");
		n += n == 0;
	}
	if (t.failed)
		return (job_fail(job, 413, "there is not enough memory"));
	*to = t.data;
	*to_len = t.len;
	return (0);
}

static bool
is_one_of(const char *name, const char *const *list)
{
	for (; *list != NULL; list++)
		if (strcasecmp(name, *list) == 0)
			return (true);
	return (false);
}

int
encoding_html(struct job *job, const char *data, size_t len, char **to,
    size_t *to_len)
{
	static const char *const utf8[] = { "utf-8", "utf8", NULL };
	static const char *const latin[] = { "iso-8859-1", "latin1", "l1",
		"iso8859-1", "us-ascii", "ascii", "windows-1252", NULL };
	xmlCharEncodingHandler *handler;
	char name[64] = "";
	bool told;

	if (len >= 2 && (memcmp(data, "\xff\xfe", 2) == 0 ||
	    memcmp(data, "\xfe\xff", 2) == 0))
		return (convert(job, xmlFindCharEncodingHandler(*data == '\xff'
		    ? "UTF-16LE" : "UTF-16BE")->input, data + 2, (len - 2) &
		    ~1ul, to, to_len));
	told = charset(job->in_type, strlen(job->in_type), name,
	    sizeof name) || charset(data, len < META_MAX ? len : META_MAX,
	    name, sizeof name);
	if (!told || is_one_of(name, utf8)) {
		if (utf8_valid(data, len))
			return (0);
		return (told ? repair(job, data, len, to, to_len) :
		    convert(job, windows_1252, data, len, to, to_len));
	}
	if (is_one_of(name, latin))
		return (convert(job, windows_1252, data, len, to, to_len));
	handler = xmlFindCharEncodingHandler(name);
	if (handler == NULL || handler->input == NULL ||
	    strncasecmp(name, "utf-16", 6) == 0)
		return (job_fail(job, 415, "the encoding \"%.60s\" is not "
		    "read: UTF-8, UTF-16, ISO 8859 and windows-1252 are",
		    name));
	return (convert(job, handler->input, data, len, to, to_len));
}
