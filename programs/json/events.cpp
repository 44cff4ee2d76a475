/* SPDX-License-Identifier: BSD-2-Clause */
#include <cstdint>
#include <cstring>

#include "events.h"

namespace {

unsigned
hex4(const char *p)
{
	unsigned value = 0;

	for (int i = 0; i < 4; i++)
		value = value << 4 | (p[i] <= '9' ? p[i] - '0' :
		    (p[i] | 0x20) - 'a' + 10u);
	return (value);
}

void
add(std::string *to, uint32_t c)
{
	if (c < 0x80) {
		*to += static_cast<char>(c);
	} else if (c < 0x800) {
		*to += static_cast<char>(0xc0 | c >> 6);
		*to += static_cast<char>(0x80 | (c & 63));
	} else {
		if (c < 0x10000) {
			*to += static_cast<char>(0xe0 | c >> 12);
		} else {
			*to += static_cast<char>(0xf0 | c >> 18);
			*to += static_cast<char>(0x80 | (c >> 12 & 63));
		}
		*to += static_cast<char>(0x80 | (c >> 6 & 63));
		*to += static_cast<char>(0x80 | (c & 63));
	}
}

/* From \u on; what is behind it. */
const char *
unicode(const char *p, std::string *to, const char **wrong)
{
	unsigned c = hex4(p + 2), low = 0;

	if (c >= 0xd800 && c < 0xdc00 && p[6] == '\\' && p[7] == 'u')
		low = hex4(p + 8);
	if (low >= 0xdc00 && low < 0xe000) {
		add(to, 0x10000 + ((c & 0x3ff) << 10) + (low & 0x3ff));
		return (p + 12);
	}
	if (c >= 0xd800 && c < 0xe000)
		*wrong = p;
	add(to, c);
	return (p + 6);
}

}

const char *
events_string(const char *from, std::string *to, const char **wrong)
{
	static const char escapes[] = "b\bf\fn\nr\rt\t";
	const char *p = from + 1, *end;

	to->clear();
	for (;;) {
		for (end = p; *end != '"' && *end != '\\'; end++)
			;
		to->append(p, end);
		p = end + 2;
		if (*end == '"')
			return (end + 1);
		if (end[1] == 'u') {
			p = unicode(end, to, wrong);
		} else {
			const char *known = strchr(escapes, end[1]);

			*to += known != nullptr ? known[1] : end[1];
		}
	}
}
