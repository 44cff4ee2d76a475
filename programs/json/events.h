/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * events.h: a document from left to right. squeeze() has found that it is one;
 * here it is taken apart for handlers as RapidJSON has them. Numbers are not
 * read: none is too large, and none changes.
 */
#ifndef EVENTS_H
#define EVENTS_H

#include <string>
#include <vector>

/*
 * A string between quotes, from the first quote on; *wrong is set where half of
 * a character stands (a surrogate alone). Returns what is behind it.
 */
const char *events_string(const char *from, std::string *to,
    const char **wrong);

/* NULL, or the place that is wrong. */
template <typename Handler> const char *
events(const char *p, const char *end, Handler &to)
{
	const char *wrong = nullptr;
	std::vector<char> open;
	std::string text;
	bool key = false;

	while (p < end && wrong == nullptr) {
		const char *from = p++;

		switch (*from) {
		case '{':
		case '[':
			key = *from == '{';
			open.push_back(*from);
			(void)(key ? to.StartObject() : to.StartArray());
			break;
		case '}':
		case ']':
			open.pop_back();
			(void)(*from == '}' ? to.EndObject(0) :
			    to.EndArray(0));
			break;
		case ',': key = open.back() == '{'; break;
		case ':': key = false; break;
		case ' ': case '\t': case '\n': case '\r': break;
		case '"':
			p = events_string(from, &text, &wrong);
			(void)(key ? to.Key(text.data(), static_cast<unsigned>(
			    text.size()), true) : to.String(text.data(),
			    static_cast<unsigned>(text.size()), true));
			break;
		case 'n': p += 3; (void)to.Null(); break;
		case 't': p += 3; (void)to.Bool(true); break;
		case 'f': p += 4; (void)to.Bool(false); break;
		default:
			while (p < end && (*p >= '+' && *p != ',' &&
			    *p != ']' && *p != '}'))
				p++;
			(void)to.RawNumber(from, static_cast<unsigned>(p -
			    from), true);
		}
	}
	return (wrong);
}

#endif
