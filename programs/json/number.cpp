/* SPDX-License-Identifier: BSD-2-Clause */
#include <algorithm>
#include <cstdlib>

#include "number.h"

/* Beyond this no exponent is told from another; sums of it do not overflow. */
static const int64_t EXPONENT_MAX = 1000000000000000;

static int64_t
exponent_of(const char *text)
{
	int64_t value = strtoll(text, nullptr, 10);

	return (std::clamp(value, -EXPONENT_MAX, EXPONENT_MAX));
}

decimal::decimal(const std::string &text)
{
	bool fraction = false;
	size_t first, i;

	for (i = 0; i < text.size() && (text[i] | 0x20) != 'e'; i++) {
		if (text[i] == '-')
			negative = true;
		else if (text[i] == '.')
			fraction = true;
		else {
			digits += text[i];
			exponent -= fraction;
		}
	}
	if (i < text.size())
		exponent += exponent_of(text.c_str() + i + 1);
	while (!digits.empty() && digits.back() == '0') {
		digits.pop_back();
		exponent++;
	}
	first = digits.find_first_not_of('0');
	digits.erase(0, first);
	if (digits.empty()) {
		negative = false;
		exponent = 0;
	}
}

std::string
decimal::text() const
{
	return ((negative ? "-" : "") + digits + "e" +
	    std::to_string(exponent));
}

bool
number::operator==(const number &other) const
{
	return (number_compare(*this, other) == 0);
}

/* Both are positive or zero. */
static int
compare_size(const decimal &a, const decimal &b)
{
	int64_t a_top = static_cast<int64_t>(a.digits.size()) + a.exponent;
	int64_t b_top = static_cast<int64_t>(b.digits.size()) + b.exponent;

	if (a.digits.empty() || b.digits.empty())
		return (static_cast<int>(b.digits.empty()) -
		    static_cast<int>(a.digits.empty()));
	if (a_top != b_top)
		return (a_top < b_top ? -1 : 1);
	return (a.digits.compare(b.digits));
}

int
number_compare(const std::string &a, const std::string &b)
{
	decimal x(a), y(b);

	if (x.negative != y.negative)
		return (x.negative ? -1 : 1);
	return (x.negative ? -compare_size(x, y) : compare_size(x, y));
}

/* 10 to the power, modulo. */
static uint64_t
power_of_ten(uint64_t power, uint64_t modulo)
{
	unsigned __int128 result = 1 % modulo, base = 10 % modulo;

	for (; power != 0; power >>= 1) {
		if ((power & 1) != 0)
			result = result * base % modulo;
		base = base * base % modulo;
	}
	return (static_cast<uint64_t>(result));
}

bool
number_multiple(const std::string &a, const std::string &b)
{
	decimal x(a), y(b);
	int64_t power = x.exponent - y.exponent;
	unsigned __int128 rest = 0;
	uint64_t by;

	if (x.digits.empty() || x.digits == y.digits)
		return (x.digits.empty() || power >= 0);
	/* x.digits does not end in 0: y times 10 is no part of it. */
	if (power < 0)
		return (false);
	/* A divisor of more than 18 digits: only itself is known to fit. */
	if (y.digits.size() > 18)
		return (false);
	by = strtoull(y.digits.c_str(), nullptr, 10);
	for (char digit : x.digits)
		rest = (rest * 10 + static_cast<unsigned>(digit - '0')) % by;
	return (rest * power_of_ten(static_cast<uint64_t>(power), by) % by ==
	    0);
}

std::string
number_from(const std::string &from, unsigned base, unsigned plus)
{
	std::string digits = "0";

	/* From the lowest on, times the base and more for each; then plus. */
	for (size_t i = 0; i <= from.size(); i++) {
		bool last = i == from.size();
		unsigned carry = last ? plus : static_cast<uint8_t>(from[i]);

		for (char &digit : digits) {
			carry += static_cast<unsigned>(digit - '0') *
			    (last ? 1 : base);
			digit = static_cast<char>('0' + carry % 10);
			carry /= 10;
		}
		for (; carry != 0; carry /= 10)
			digits += static_cast<char>('0' + carry % 10);
	}
	return (std::string(digits.rbegin(), digits.rend()));
}
