/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * number.h: numbers as they are written, whatever their size: none is rounded
 * and none overflows.
 */
#ifndef NUMBER_H
#define NUMBER_H

#include <cstdint>
#include <string>

/* A number of JSON. Equal is what has the same value: 1.50 and 15e-1. */
struct number : std::string {
	using std::string::string;
	number(std::string text) : std::string(std::move(text)) { }
	bool operator==(const number &) const;
};

/* Its value: digits, without zeros around them, times 10 to the exponent. */
struct decimal {
	bool negative = false;
	std::string digits;		/* "": zero */
	int64_t exponent = 0;

	decimal() = default;
	explicit decimal(const std::string &text);
	bool whole() const { return (digits.empty() || exponent >= 0); }
	/* The same text for the same value. */
	std::string text() const;
};

/* Below 0, 0, above 0. */
int number_compare(const std::string &a, const std::string &b);
/* Whether a is a whole number of times b, which is not 0. */
bool number_multiple(const std::string &a, const std::string &b);

/*
 * A whole number in tens: digits of a base up to 256, the highest first, and
 * `plus` more, at most 1. It takes the square of their number: no more than
 * this of them.
 */
#define NUMBER_FROM_MAX 512
std::string number_from(const std::string &digits, unsigned base,
    unsigned plus);

#endif
