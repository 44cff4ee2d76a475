/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Both formats are a byte that says what comes, a length and what it is of.
 * nlohmann's library reads neither keys that are numbers nor undefined nor
 * numbers of any size.
 */
#include <charconv>
#include <cmath>
#include <cstring>
#include <ctime>

extern "C" {
#include "base64.h"
#include "text.h"
}
#include "binary.h"
#include "refused.h"

namespace {

/* The length that a "break" ends. */
const uint64_t ENDLESS = UINT64_MAX;

struct cursor {
	const char *format;
	const uint8_t *at, *start, *end;
	unsigned depth = 0;

	[[noreturn]] void broken(const std::string &why) const
	{
		throw refused{ 422, std::string("broken ") + format +
		    ": byte " + std::to_string(at - start) + ": " + why };
	}

	const uint8_t *take(uint64_t n)
	{
		const uint8_t *from = at;

		if (n > static_cast<uint64_t>(end - at))
			broken("it ends too early");
		at += n;
		return (from);
	}

	/* Big-endian. */
	uint64_t number(unsigned bytes)
	{
		const uint8_t *from = take(bytes);
		uint64_t value = 0;

		while (bytes-- > 0)
			value = value << 8 | *from++;
		return (value);
	}

	void down()
	{
		if (++depth > DEPTH_MAX)
			throw refused{ 413, "the document is nested more than "
			    + std::to_string(DEPTH_MAX) + " deep" };
	}

	std::string text(uint64_t len)
	{
		const char *from = reinterpret_cast<const char *>(take(len));

		if (!utf8_valid(from, len))
			broken("a string is no UTF-8");
		return (std::string(from, len));
	}

	void add(json *object, const json &key, json value) const;
};

std::string
base64url(const std::string &bytes)
{
	std::string text(BASE64_ENCODED(bytes.size()), '\0');

	text.resize(base64_encode(bytes.data(), bytes.size(), true,
	    text.data()));
	return (text);
}

std::string
bytes_of(cursor *c, uint64_t len)
{
	return (std::string(reinterpret_cast<const char *>(c->take(len)),
	    len));
}

/* -0.0 and 5.0 stay what they are; what is no number is null. */
json
from_double(double value)
{
	char text[40];
	std::string all(text, std::to_chars(text, text + sizeof text,
	    value).ptr);

	if (!std::isfinite(value))
		return (nullptr);
	if (all.find_first_of(".e") == std::string::npos)
		all += ".0";
	return (tree_number(all));
}

json
from_float(uint32_t bits)
{
	float value;

	memcpy(&value, &bits, sizeof value);
	return (from_double(value));
}

json
from_bits(uint64_t bits)
{
	double value;

	memcpy(&value, &bits, sizeof value);
	return (from_double(value));
}

/* RFC 8949, appendix D. */
json
from_half(unsigned bits)
{
	int exponent = static_cast<int>(bits >> 10 & 31);
	double part = bits & 1023, value;

	value = exponent == 0 ? ldexp(part, -24) : exponent != 31 ?
	    ldexp(part + 1024, exponent - 25) : part == 0 ? INFINITY : NAN;
	return (from_double((bits & 0x8000) != 0 ? -value : value));
}

json
from_signed(int64_t value)
{
	return (tree_number(std::to_string(value)));
}

void
cursor::add(json *object, const json &key, json value) const
{
	auto &members = object->get_ref<json::object_t &>();
	std::string text;

	if (key.is_structured())
		broken("a key is a list or a map");
	if (key.is_string())
		text = key.get<std::string>();
	else
		(void)tree_write(key, &text);
	if (!members.emplace(text, std::move(value)).second)
		broken("the key \"" + text.substr(0, 100) + "\" comes twice");
}

/*--- CBOR -----------------------------------------------------------------*/

json cbor(cursor *c);

uint64_t
cbor_argument(cursor *c, unsigned info)
{
	if (info < 24)
		return (info);
	if (info < 28)
		return (c->number(1u << (info - 24)));
	if (info != 31)
		c->broken("there is no such length");
	return (ENDLESS);
}

/* Whether an item follows; n counts what is left. */
bool
cbor_more(cursor *c, uint64_t *n)
{
	if (*n != ENDLESS)
		return ((*n)-- != 0);
	if (c->at >= c->end)
		c->broken("it ends too early");
	if (*c->at != 0xff)
		return (true);
	c->at++;
	return (false);
}

/* A string in one piece, or in many of the same kind. */
std::string
cbor_string(cursor *c, unsigned major, uint64_t len)
{
	std::string all;

	if (len != ENDLESS)
		return (major == 3 ? c->text(len) : bytes_of(c, len));
	while (cbor_more(c, &len)) {
		unsigned head = *c->take(1);
		uint64_t part = cbor_argument(c, head & 31);

		if (head >> 5 != major || part == ENDLESS)
			c->broken("a string has a piece that is none");
		all += cbor_string(c, major, part);
	}
	return (all);
}

json
cbor_array(cursor *c, uint64_t n)
{
	json all = json::array();

	c->down();
	while (cbor_more(c, &n))
		all.push_back(cbor(c));
	c->depth--;
	return (all);
}

json
cbor_map(cursor *c, uint64_t n)
{
	json all = json::object();

	c->down();
	while (cbor_more(c, &n)) {
		json key = cbor(c);

		c->add(&all, key, cbor(c));
	}
	c->depth--;
	return (all);
}

json
cbor_bignum(cursor *c, bool below)
{
	unsigned head = *c->take(1);
	std::string bytes;

	if (head >> 5 != 2)
		c->broken("a big number is no string of bytes");
	bytes = cbor_string(c, 2, cbor_argument(c, head & 31));
	if (bytes.size() > NUMBER_FROM_MAX)
		c->broken("a number has more than " +
		    std::to_string(NUMBER_FROM_MAX) + " bytes");
	return (tree_number((below ? "-" : "") + number_from(bytes, 256,
	    below)));
}

/* An exponent of ten and what it is of. */
json
cbor_decimal(cursor *c)
{
	json both = cbor(c);

	if (!both.is_array() || both.size() != 2 ||
	    !tree_is_number(both[0]) || !tree_is_number(both[1]) ||
	    !decimal(tree_number_of(both[0])).whole() ||
	    tree_number_of(both[1]).find_first_of(".e") != std::string::npos)
		c->broken("a decimal fraction is no pair of numbers");
	return (tree_number(tree_number_of(both[1]) + "e" +
	    tree_number_of(both[0])));
}

json
cbor_tagged(cursor *c, uint64_t tag)
{
	json value;

	if (tag == 2 || tag == 3)
		return (cbor_bignum(c, tag == 3));
	if (tag == 5)
		throw refused{ 422, "CBOR's tag 5, a binary fraction, is not "
		    "read" };
	c->down();
	value = tag == 4 ? cbor_decimal(c) : cbor(c);
	c->depth--;
	return (value);
}

json
cbor_simple(cursor *c, unsigned info)
{
	switch (info) {
	case 20: return (false);
	case 21: return (true);
	case 22: case 23: return (nullptr);
	case 25: return (from_half(static_cast<unsigned>(c->number(2))));
	case 26: return (from_float(static_cast<uint32_t>(c->number(4))));
	case 27: return (from_bits(c->number(8)));
	default: c->broken("a simple value that is not known");
	}
}

json
cbor(cursor *c)
{
	unsigned head = *c->take(1), major = head >> 5;
	uint64_t n;

	if (major == 7)
		return (cbor_simple(c, head & 31));
	n = cbor_argument(c, head & 31);
	if (n == ENDLESS && (head & 31) == 31 && (major < 2 || major == 6))
		c->broken("there is no such length");
	switch (major) {
	case 0: return (tree_number(std::to_string(n)));
	case 1: return (n < INT64_MAX ? from_signed(-1 -
	    static_cast<int64_t>(n)) : tree_number(n == UINT64_MAX ?
	    "-18446744073709551616" : "-" + std::to_string(n + 1)));
	case 2: return (base64url(cbor_string(c, 2, n)));
	case 3: return (cbor_string(c, 3, n));
	case 4: return (cbor_array(c, n));
	case 5: return (cbor_map(c, n));
	default: return (cbor_tagged(c, n));
	}
}

/*--- MessagePack ----------------------------------------------------------*/

json msgpack(cursor *c);

json
msgpack_array(cursor *c, uint64_t n)
{
	json all = json::array();

	c->down();
	while (n-- > 0)
		all.push_back(msgpack(c));
	c->depth--;
	return (all);
}

json
msgpack_map(cursor *c, uint64_t n)
{
	json all = json::object();

	c->down();
	while (n-- > 0) {
		json key = msgpack(c);

		c->add(&all, key, msgpack(c));
	}
	c->depth--;
	return (all);
}

/* A timestamp of 4, 8 or 12 bytes is RFC 3339's text. */
json
msgpack_extension(cursor *c, uint64_t len)
{
	int type = static_cast<int8_t>(*c->take(1));
	uint64_t nanoseconds = 0, bits;
	char text[64], part[16] = "";
	struct tm tm;
	time_t at;

	if (type != -1 || (len != 4 && len != 8 && len != 12))
		throw refused{ 422, "MessagePack's extension " +
		    std::to_string(type) + " is not known" };
	if (len == 12)
		nanoseconds = c->number(4);
	bits = c->number(len == 4 ? 4 : 8);
	if (len == 8)
		nanoseconds = bits >> 34;
	at = static_cast<time_t>(len == 8 ? bits & 0x3ffffffff : bits);
	if (nanoseconds > 999999999 || gmtime_r(&at, &tm) == nullptr ||
	    tm.tm_year < -1900 || tm.tm_year > 8099)
		c->broken("a time is none");
	if (nanoseconds != 0)
		(void)snprintf(part, sizeof part, ".%09u",
		    static_cast<unsigned>(nanoseconds));
	(void)snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d%sZ",
	    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
	    tm.tm_min, tm.tm_sec, part);
	return (text);
}

enum what : uint8_t { NONE, NIL, FALSE, TRUE, BYTES, EXTENSION, FLOAT, DOUBLE,
	UNSIGNED, SIGNED, FIXED, STRING, LIST, MAP };

/* 0xc0 and on: what it is, and how many bytes its length or number has. */
const struct {
	what is;
	uint8_t bytes;
} heads[] = {
	{ NIL, 0 }, { NONE, 0 }, { FALSE, 0 }, { TRUE, 0 },
	{ BYTES, 1 }, { BYTES, 2 }, { BYTES, 4 },
	{ EXTENSION, 1 }, { EXTENSION, 2 }, { EXTENSION, 4 },
	{ FLOAT, 4 }, { DOUBLE, 8 },
	{ UNSIGNED, 1 }, { UNSIGNED, 2 }, { UNSIGNED, 4 }, { UNSIGNED, 8 },
	{ SIGNED, 1 }, { SIGNED, 2 }, { SIGNED, 4 }, { SIGNED, 8 },
	{ FIXED, 1 }, { FIXED, 2 }, { FIXED, 4 }, { FIXED, 8 }, { FIXED, 16 },
	{ STRING, 1 }, { STRING, 2 }, { STRING, 4 },
	{ LIST, 2 }, { LIST, 4 }, { MAP, 2 }, { MAP, 4 },
};

json
msgpack_long(cursor *c, what is, unsigned bytes)
{
	uint64_t n = is == FIXED ? bytes : c->number(bytes);

	switch (is) {
	case NIL: return (nullptr);
	case FALSE: return (false);
	case TRUE: return (true);
	case BYTES: return (base64url(bytes_of(c, n)));
	case EXTENSION: case FIXED: return (msgpack_extension(c, n));
	case FLOAT: return (from_float(static_cast<uint32_t>(n)));
	case DOUBLE: return (from_bits(n));
	case UNSIGNED: return (tree_number(std::to_string(n)));
	case SIGNED:
		/* The sign's bit to the top, and back again. */
		n <<= 64 - 8 * bytes;
		return (from_signed(static_cast<int64_t>(n) >>
		    (64 - 8 * bytes)));
	case STRING: return (c->text(n));
	case LIST: return (msgpack_array(c, n));
	case MAP: return (msgpack_map(c, n));
	default: c->broken("there is no such type");
	}
}

json
msgpack(cursor *c)
{
	unsigned head = *c->take(1);

	if (head < 0x80)
		return (from_signed(head));
	if (head < 0x90)
		return (msgpack_map(c, head & 15));
	if (head < 0xa0)
		return (msgpack_array(c, head & 15));
	if (head < 0xc0)
		return (c->text(head & 31));
	if (head < 0xe0)
		return (msgpack_long(c, heads[head - 0xc0].is,
		    heads[head - 0xc0].bytes));
	return (from_signed(static_cast<int8_t>(head)));
}

int
read(struct job *job, const char *format, json (*item)(cursor *), json *to)
{
	const uint8_t *in = static_cast<const uint8_t *>(job->in);
	cursor c = { format, in, in, in + job->in_len };

	try {
		*to = item(&c);
		if (c.at != c.end)
			c.broken("more follows");
	} catch (const refused &r) {
		return (refused_by(job, r));
	}
	return (0);
}

}

int
cbor_read(struct job *job, json *to)
{
	return (read(job, "CBOR", cbor, to));
}

int
msgpack_read(struct job *job, json *to)
{
	return (read(job, "MessagePack", msgpack, to));
}
