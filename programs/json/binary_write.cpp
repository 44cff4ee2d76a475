/* SPDX-License-Identifier: BSD-2-Clause */
/* nlohmann's library writes both formats, once it has numbers of its own. */
#include <cmath>
#include <cstdlib>

#include "binary.h"
#include "refused.h"

namespace {

/* A larger number takes too long to be said in bytes. */
const size_t DIGITS_MAX = 1000;

using plain = nlohmann::ordered_json;

/* CBOR's tag and bytes for a whole number beyond 64 bits. */
plain
bignum(const decimal &value)
{
	std::string digits = value.digits;
	std::vector<uint8_t> bytes;

	digits.append(static_cast<size_t>(value.exponent), '0');
	/* -1 - n: one less, and it has more than 18 digits. */
	for (size_t i = digits.size(); value.negative && i-- > 0;) {
		bool borrow = digits[i] == '0';

		digits[i] = borrow ? '9' : static_cast<char>(digits[i] - 1);
		if (!borrow)
			break;
	}
	while (!digits.empty()) {
		std::string quotient;
		unsigned rest = 0;

		for (char digit : digits) {
			rest = rest * 10 + static_cast<unsigned>(digit - '0');
			if (rest / 256 != 0 || !quotient.empty())
				quotient += static_cast<char>('0' + rest / 256);
			rest %= 256;
		}
		bytes.insert(bytes.begin(), static_cast<uint8_t>(rest));
		digits = std::move(quotient);
	}
	return (plain::binary(std::move(bytes), value.negative ? 3 : 2));
}

/* The nearest that the format has. */
plain
plain_number(const number &text, bool big)
{
	decimal value(text);
	bool fraction = text.find_first_of(".eE") != std::string::npos;
	double nearest = strtod(text.c_str(), nullptr);

	if (!fraction && number_compare(text, "18446744073709551615") <= 0 &&
	    !value.negative)
		return (static_cast<uint64_t>(strtoull(text.c_str(), nullptr,
		    10)));
	if (!fraction && value.negative &&
	    number_compare(text, "-9223372036854775808") >= 0)
		return (static_cast<int64_t>(strtoll(text.c_str(), nullptr,
		    10)));
	if (!fraction && big && value.digits.size() +
	    static_cast<size_t>(value.exponent) <= DIGITS_MAX)
		return (bignum(value));
	if (!std::isfinite(nearest))
		throw refused{ 422, "the number " + text.substr(0, 60) +
		    " is too large for \"to\"" };
	return (nearest);
}

plain
plain_of(const json &from, bool big)
{
	plain to;

	switch (from.type()) {
	case json::value_t::object:
		to = plain::object();
		/* No look at what is there: keys come once. */
		for (const auto &member : from.get_ref<
		    const json::object_t &>())
			static_cast<std::vector<plain::object_t::value_type> &>(
			    to.get_ref<plain::object_t &>()).emplace_back(
			    member.first, plain_of(member.second, big));
		return (to);
	case json::value_t::array:
		to = plain::array();
		for (const json &item : from)
			to.push_back(plain_of(item, big));
		return (to);
	case json::value_t::string: return (from.get<std::string>());
	case json::value_t::boolean: return (from.get<bool>());
	case json::value_t::binary:
		return (plain_number(tree_number_of(from), big));
	default: return (nullptr);
	}
}

}

int
cbor_write(struct job *job, const json &from, std::vector<uint8_t> *to)
{
	try {
		*to = plain::to_cbor(plain_of(from, true));
	} catch (const refused &r) {
		return (refused_by(job, r));
	}
	return (0);
}

int
msgpack_write(struct job *job, const json &from, std::vector<uint8_t> *to)
{
	try {
		*to = plain::to_msgpack(plain_of(from, false));
	} catch (const refused &r) {
		return (refused_by(job, r));
	}
	return (0);
}
