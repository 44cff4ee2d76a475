/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pattern.h: regular expressions of ECMA 262, as JSON Schema has them, by
 * PCRE2. What the two read differently is translated or refused.
 */
#ifndef PATTERN_H
#define PATTERN_H

#include <memory>
#include <string>

struct pattern {
	/* Throws refused, with status 400: it is none. */
	explicit pattern(const std::string &text);
	/* Whether it fits anywhere. Throws refused, 413: it takes too long. */
	bool finds(const std::string &subject) const;

private:
	std::string text;
	std::shared_ptr<void> code, match;
};

#endif
