/* SPDX-License-Identifier: BSD-2-Clause */
/* The keywords of JSON Schema. */
#include <algorithm>
#include <unordered_set>

#include "schema_priv.h"

namespace {

using object = json::object_t;

const object &
members(const json &value)
{
	return (value.get_ref<const object &>());
}

const std::string &
string_of(const json &value)
{
	return (value.get_ref<const std::string &>());
}

/* A count of the schema and one of the document. */
int
compare(size_t have, const json &want)
{
	return (number_compare(std::to_string(have), tree_number_of(want)));
}

/*--- any value ------------------------------------------------------------*/

/* To draft 4 it is how a number is written that makes it whole. */
bool
is_whole(const visit &v)
{
	const number &text = tree_number_of(v.value);

	return (v.by.all.draft == DRAFT4 ? text.find_first_of(".eE") ==
	    std::string::npos : decimal(text).whole());
}

bool
is_of_type(const visit &v, const std::string &type)
{
	const json &value = v.value;

	switch (value.type()) {
	case json::value_t::null: return (type == "null");
	case json::value_t::boolean: return (type == "boolean");
	case json::value_t::string: return (type == "string");
	case json::value_t::array: return (type == "array");
	case json::value_t::object: return (type == "object");
	default: return (type == "number" || (type == "integer" &&
	    is_whole(v)));
	}
}

bool
type(visit &v, const json &want)
{
	bool good = false;

	if (want.is_string())
		return (is_of_type(v, string_of(want)) || v.wrong());
	for (const json &one : want)
		good = good || is_of_type(v, string_of(one));
	return (good || v.wrong());
}

bool
one_of_list(visit &v, const json &want)
{
	v.by.step(want.size());
	for (const json &one : want)
		if (one == v.value)
			return (true);
	return (v.wrong());
}

bool
constant(visit &v, const json &want)
{
	return (v.value == want || v.wrong());
}

/*--- numbers --------------------------------------------------------------*/

bool
multiple(visit &v, const json &want)
{
	return (!tree_is_number(v.value) || number_multiple(
	    tree_number_of(v.value), tree_number_of(want)) || v.wrong());
}

/* Draft 4 has true beside the limit. */
bool
is_exclusive(const visit &v, const char *key)
{
	const json *sibling = v.sibling(key);

	return (sibling != nullptr && sibling->is_boolean() &&
	    sibling->get<bool>());
}

bool
limit(visit &v, const json &want, int sign, bool exclusive)
{
	int order;

	if (!tree_is_number(v.value) || !tree_is_number(want))
		return (true);
	order = sign * number_compare(tree_number_of(v.value),
	    tree_number_of(want));
	return (order < 0 || (order == 0 && !exclusive) || v.wrong());
}

bool
maximum(visit &v, const json &want)
{
	return (limit(v, want, 1, is_exclusive(v, "exclusiveMaximum")));
}

bool
minimum(visit &v, const json &want)
{
	return (limit(v, want, -1, is_exclusive(v, "exclusiveMinimum")));
}

bool
exclusive_maximum(visit &v, const json &want)
{
	return (limit(v, want, 1, true));
}

bool
exclusive_minimum(visit &v, const json &want)
{
	return (limit(v, want, -1, true));
}

/*--- strings --------------------------------------------------------------*/

size_t
characters(const json &text)
{
	const std::string &s = string_of(text);

	return (static_cast<size_t>(std::count_if(s.begin(), s.end(),
	    [](char c) { return ((c & 0xc0) != 0x80); })));
}

bool
max_length(visit &v, const json &want)
{
	return (!v.value.is_string() || compare(characters(v.value), want) <= 0
	    || v.wrong());
}

bool
min_length(visit &v, const json &want)
{
	return (!v.value.is_string() || compare(characters(v.value), want) >= 0
	    || v.wrong());
}

bool
pattern_(visit &v, const json &want)
{
	return (!v.value.is_string() || v.by.pattern_of(string_of(want)).finds(
	    string_of(v.value)) || v.wrong());
}

/*--- lists ----------------------------------------------------------------*/

bool
max_items(visit &v, const json &want)
{
	return (!v.value.is_array() || compare(v.value.size(), want) <= 0 ||
	    v.wrong());
}

bool
min_items(visit &v, const json &want)
{
	return (!v.value.is_array() || compare(v.value.size(), want) >= 0 ||
	    v.wrong());
}

/* The same text for equal values. */
void
canonical(walker &by, const json &value, std::string *to)
{
	by.step(1);
	if (tree_is_number(value)) {
		*to += decimal(tree_number_of(value)).text();
	} else if (value.is_string()) {
		*to += '"' + std::to_string(string_of(value).size()) + '"' +
		    string_of(value);
	} else if (value.is_array()) {
		*to += '[';
		for (const json &item : value) {
			canonical(by, item, to);
			*to += ',';
		}
		*to += ']';
	} else if (value.is_object()) {
		std::vector<const object::value_type *> sorted;

		for (const auto &member : members(value))
			sorted.push_back(&member);
		std::sort(sorted.begin(), sorted.end(),
		    [](const auto *a, const auto *b) {
			return (a->first < b->first); });
		*to += '{';
		for (const auto *member : sorted) {
			canonical(by, member->first, to);
			canonical(by, member->second, to);
		}
		*to += '}';
	} else {
		*to += value.is_null() ? "n" : value.get<bool>() ? "t" : "f";
	}
}

bool
unique_items(visit &v, const json &want)
{
	std::unordered_set<std::string> there;

	if (!v.value.is_array() || !want.get<bool>())
		return (true);
	for (const json &item : v.value) {
		std::string text;

		canonical(v.by, item, &text);
		if (!there.insert(std::move(text)).second)
			return (v.wrong());
	}
	return (true);
}

bool
item_fits(visit &v, const json &want, size_t i)
{
	const place at = { &v.at, nullptr, i };

	if (!v.fits(want, v.value[i], at))
		return (false);
	v.saw(i);
	return (true);
}

/* One schema for each of the first items. */
bool
first_items(visit &v, const json &want)
{
	if (v.value.is_array())
		for (size_t i = 0; i < want.size() && i < v.value.size(); i++)
			if (!item_fits(v, want[i], i))
				return (false);
	return (true);
}

bool
items_from(visit &v, const json &want, size_t from)
{
	if (v.value.is_array())
		for (size_t i = from; i < v.value.size(); i++)
			if (!item_fits(v, want, i))
				return (false);
	return (true);
}

bool
items(visit &v, const json &want)
{
	const json *first = v.sibling("prefixItems");

	if (want.is_array())
		return (first_items(v, want));
	return (items_from(v, want, first != nullptr ? first->size() : 0));
}

/* Only behind a list. */
bool
additional_items(visit &v, const json &want)
{
	const json *first = v.sibling("items");

	return (first == nullptr || !first->is_array() ||
	    items_from(v, want, first->size()));
}

bool
contains(visit &v, const json &want)
{
	const json *least = v.sibling("minContains");
	const json *most = v.sibling("maxContains");
	size_t found = 0;

	if (!v.value.is_array())
		return (true);
	for (size_t i = 0; i < v.value.size(); i++) {
		const place at = { &v.at, nullptr, i };

		if (!v.would_fit(want, v.value[i], at))
			continue;
		found++;
		if (v.by.all.draft >= DRAFT2020)
			v.saw(i);
	}
	if (least != nullptr ? compare(found, *least) < 0 : found == 0)
		return (v.wrong());
	return (most == nullptr || compare(found, *most) <= 0 || v.wrong());
}

bool
unevaluated_items(visit &v, const json &want)
{
	if (v.value.is_array())
		for (size_t i = 0; i < v.value.size(); i++)
			if (!v.own->has(i) && !item_fits(v, want, i))
				return (false);
	return (true);
}

/*--- objects --------------------------------------------------------------*/

bool
max_properties(visit &v, const json &want)
{
	return (!v.value.is_object() || compare(v.value.size(), want) <= 0 ||
	    v.wrong());
}

bool
min_properties(visit &v, const json &want)
{
	return (!v.value.is_object() || compare(v.value.size(), want) >= 0 ||
	    v.wrong());
}

bool
required(visit &v, const json &want)
{
	if (v.value.is_object())
		for (const json &name : want)
			if (members(v.value).count(string_of(name)) == 0)
				return (v.wrong());
	return (true);
}

bool
member_fits(visit &v, const json &want, size_t i)
{
	const auto &member = members(v.value).data()[i];
	const place at = { &v.at, &member.first, 0 };

	if (!v.fits(want, member.second, at))
		return (false);
	v.saw(i);
	return (true);
}

bool
properties(visit &v, const json &want)
{
	if (!v.value.is_object())
		return (true);
	for (const auto &property : members(want)) {
		const auto found = members(v.value).find(property.first);

		v.by.step(1);
		if (found != members(v.value).end() && !member_fits(v,
		    property.second, static_cast<size_t>(found -
		    members(v.value).begin())))
			return (false);
	}
	return (true);
}

bool
pattern_properties(visit &v, const json &want)
{
	if (!v.value.is_object())
		return (true);
	for (const auto &property : members(want)) {
		const pattern &p = v.by.pattern_of(property.first);

		for (size_t i = 0; i < v.value.size(); i++) {
			v.by.step(1);
			if (p.finds(members(v.value).data()[i].first) &&
			    !member_fits(v, property.second, i))
				return (false);
		}
	}
	return (true);
}

/* Those that neither "properties" nor "patternProperties" names. */
bool
additional_properties(visit &v, const json &want)
{
	const json *names = v.sibling("properties");
	const json *patterns = v.sibling("patternProperties");

	for (size_t i = 0; v.value.is_object() && i < v.value.size(); i++) {
		const std::string &key = members(v.value).data()[i].first;
		bool named = names != nullptr &&
		    members(*names).count(key) != 0;

		if (!named && patterns != nullptr)
			for (const auto &property : members(*patterns))
				named = named || v.by.pattern_of(
				    property.first).finds(key);
		if (named)
			continue;
		/* The keyword says more than the "false" behind it. */
		if (want.is_boolean() && !want.get<bool>())
			return (v.wrong());
		if (!member_fits(v, want, i))
			return (false);
	}
	return (true);
}

bool
unevaluated_properties(visit &v, const json &want)
{
	for (size_t i = 0; v.value.is_object() && i < v.value.size(); i++)
		if (!v.own->has(i) && !member_fits(v, want, i))
			return (false);
	return (true);
}

bool
property_names(visit &v, const json &want)
{
	if (v.value.is_object())
		for (const auto &member : members(v.value))
			if (!v.would_fit(want, json(member.first), v.at))
				return (v.wrong());
	return (true);
}

bool
dependencies(visit &v, const json &want)
{
	if (!v.value.is_object())
		return (true);
	for (const auto &one : members(want)) {
		if (members(v.value).count(one.first) == 0)
			continue;
		if (one.second.is_array() ? !required(v, one.second) :
		    !v.fits(one.second, v.value, v.at, v.own))
			return (false);
	}
	return (true);
}

/*--- schemas of schemas ---------------------------------------------------*/

bool
reference(visit &v, const json &)
{
	return (v.by.fits(*v.schema.ref, v.value, v.at, v.own));
}

bool
all_of(visit &v, const json &want)
{
	for (const json &one : want)
		if (!v.fits(one, v.value, v.at, v.own))
			return (false);
	return (true);
}

/* How many fit. Each may have seen something: then all are tried. */
size_t
fitting(visit &v, const json &want, size_t most)
{
	size_t n = 0;

	for (const json &one : want) {
		n += v.would_fit(one, v.value, v.at, v.own);
		if (n == most && v.own == nullptr)
			break;
	}
	return (n);
}

bool
any_of(visit &v, const json &want)
{
	return (fitting(v, want, 1) != 0 || v.wrong());
}

bool
one_of(visit &v, const json &want)
{
	return (fitting(v, want, 2) == 1 || v.wrong());
}

bool
not_(visit &v, const json &want)
{
	return (!v.would_fit(want, v.value, v.at) || v.wrong());
}

bool
if_(visit &v, const json &want)
{
	const json *next = v.sibling(v.would_fit(want, v.value, v.at, v.own) ?
	    "then" : "else");

	return (next == nullptr || v.fits(*next, v.value, v.at, v.own));
}

const unsigned SINCE6 = ANY_DRAFT & ~DRAFT4, SINCE7 = SINCE6 & ~DRAFT6,
    SINCE2019 = SINCE7 & ~DRAFT7, TILL2019 = ANY_DRAFT & ~DRAFT2020;

const keyword keywords[] = {
	{ "$ref", ANY_DRAFT, REFERENCE, reference, 0 },
	{ "$dynamicRef", ANY_DRAFT, REFUSED, nullptr, 0 },
	{ "$recursiveRef", ANY_DRAFT, REFUSED, nullptr, 0 },
	{ "$id", ANY_DRAFT, STRING, nullptr, 0 },
	{ "$anchor", ANY_DRAFT, STRING, nullptr, 0 },
	{ "$dynamicAnchor", ANY_DRAFT, STRING, nullptr, 0 },
	{ "$defs", ANY_DRAFT, NAMED, nullptr, 0 },
	{ "definitions", ANY_DRAFT, NAMED, nullptr, 0 },
	{ "type", ANY_DRAFT, TYPES, type, 0 },
	{ "enum", ANY_DRAFT, LIST, one_of_list, 0 },
	{ "const", SINCE6, ANYTHING, constant, 0 },
	{ "multipleOf", ANY_DRAFT, POSITIVE, multiple, 0 },
	{ "maximum", ANY_DRAFT, NUMBER, maximum, 0 },
	{ "minimum", ANY_DRAFT, NUMBER, minimum, 0 },
	{ "exclusiveMaximum", ANY_DRAFT, NUMBER_OR_BOOL, exclusive_maximum,
	    0 },
	{ "exclusiveMinimum", ANY_DRAFT, NUMBER_OR_BOOL, exclusive_minimum,
	    0 },
	{ "maxLength", ANY_DRAFT, COUNT, max_length, 0 },
	{ "minLength", ANY_DRAFT, COUNT, min_length, 0 },
	{ "pattern", ANY_DRAFT, REGEX, pattern_, 0 },
	{ "maxItems", ANY_DRAFT, COUNT, max_items, 0 },
	{ "minItems", ANY_DRAFT, COUNT, min_items, 0 },
	{ "uniqueItems", ANY_DRAFT, BOOL, unique_items, 0 },
	{ "prefixItems", DRAFT2020, MANY, first_items, 0 },
	{ "items", ANY_DRAFT, ITEMS, items, 0 },
	{ "additionalItems", TILL2019, ONE, additional_items, 0 },
	{ "contains", SINCE6, ONE, contains, 0 },
	{ "minContains", SINCE2019, COUNT, nullptr, 0 },
	{ "maxContains", SINCE2019, COUNT, nullptr, 0 },
	{ "unevaluatedItems", SINCE2019, ONE, unevaluated_items, 2 },
	{ "maxProperties", ANY_DRAFT, COUNT, max_properties, 0 },
	{ "minProperties", ANY_DRAFT, COUNT, min_properties, 0 },
	{ "required", ANY_DRAFT, STRINGS, required, 0 },
	{ "properties", ANY_DRAFT, NAMED, properties, 0 },
	{ "patternProperties", ANY_DRAFT, REGEXES, pattern_properties, 0 },
	{ "additionalProperties", ANY_DRAFT, ONE, additional_properties, 1 },
	{ "unevaluatedProperties", SINCE2019, ONE, unevaluated_properties, 2 },
	{ "propertyNames", SINCE6, ONE, property_names, 0 },
	{ "dependencies", ANY_DRAFT, DEPENDENCIES, dependencies, 0 },
	{ "dependentRequired", SINCE2019, STRING_LISTS, dependencies, 0 },
	{ "dependentSchemas", SINCE2019, NAMED, dependencies, 0 },
	{ "allOf", ANY_DRAFT, MANY, all_of, 0 },
	{ "anyOf", ANY_DRAFT, MANY, any_of, 0 },
	{ "oneOf", ANY_DRAFT, MANY, one_of, 0 },
	{ "not", ANY_DRAFT, ONE, not_, 0 },
	{ "if", SINCE7, ONE, if_, 0 },
	{ "then", SINCE7, ONE, nullptr, 0 },
	{ "else", SINCE7, ONE, nullptr, 0 },
};

}

const keyword *
keyword_named(const std::string &name)
{
	static const auto by_name = [] {
		std::unordered_map<std::string, const keyword *> all;

		for (const keyword &k : keywords)
			all.emplace(k.name, &k);
		return (all);
	}();
	const auto found = by_name.find(name);

	return (found != by_name.end() ? found->second : nullptr);
}
