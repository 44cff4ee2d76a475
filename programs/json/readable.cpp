/* SPDX-License-Identifier: BSD-2-Clause */
/* YAML by libyaml. */
#include <algorithm>
#include <cstring>
#include <vector>

#include <yaml.h>

#include "readable.h"

#include "refused.h"

namespace {

/* How many times its nodes a document may be by its aliases, and at least. */
const size_t ALIASES_MAX = 10;
const size_t VALUES_MIN = 100000;

struct reader {
	struct job *job;
	yaml_document_t document;
	unsigned depth_max;
	size_t values, values_max;
	/* Of every node of every document, and where this document's begin. */
	std::vector<bool> tagged;
	size_t first;
};

bool
one_of(const std::string &text, std::initializer_list<const char *> list)
{
	for (const char *word : list)
		if (text == word)
			return (true);
	return (false);
}

bool
all_of(const std::string &text, size_t from, const char *set)
{
	return (from < text.size() &&
	    text.find_first_not_of(set, from) == std::string::npos);
}

/* A whole number of another base; "": it is none. */
std::string
whole(const std::string &text, const char *set)
{
	unsigned base = static_cast<unsigned>(strlen(set));
	std::string digits;

	for (char c : text) {
		const char *at = strchr(set, tolower(c));

		if (at == nullptr || c == '\0')
			return ("");
		digits += static_cast<char>(at - set);
	}
	digits.erase(0, std::min(digits.find_first_not_of('\0'),
	    digits.size()));
	if (digits.size() > NUMBER_FROM_MAX)
		throw refused{ 413, "a number has more than " +
		    std::to_string(NUMBER_FROM_MAX) + " digits" };
	return (text.empty() ? "" : number_from(digits, base, 0));
}

std::string
digits_at(const std::string &text, size_t *at)
{
	size_t from = *at;

	while (*at < text.size() && isdigit(static_cast<unsigned char>(
	    text[*at])))
		++*at;
	return (text.substr(from, *at - from));
}

/* What JSON has for a number of the core schema; "": it is none. */
std::string
number_text(const std::string &text)
{
	size_t at = text[0] == '-' || text[0] == '+' ? 1 : 0;
	std::string to = text[0] == '-' ? "-" : "", front, part;

	if (text.rfind("0x", 0) == 0)
		return (whole(text.substr(2), "0123456789abcdef"));
	if (text.rfind("0o", 0) == 0)
		return (whole(text.substr(2), "01234567"));
	front = digits_at(text, &at);
	if (at < text.size() && text[at] == '.')
		part = digits_at(text, &++at);
	if (front.empty() && part.empty())
		return ("");
	front.erase(0, std::min(front.find_first_not_of('0'), front.size()));
	to += front.empty() ? "0" : front;
	if (!part.empty())
		to += "." + part;
	else if (text.find('.') != std::string::npos)
		to += ".0";
	if (at < text.size() && (text[at] | 0x20) == 'e') {
		size_t sign = at + 1 < text.size() && (text[at + 1] == '-' ||
		    text[at + 1] == '+');

		if (!all_of(text, at + 1 + sign, "0123456789"))
			return ("");
		to += text.substr(at);
		at = text.size();
	}
	return (at == text.size() ? to : "");
}

/* What a scalar without quotes means. */
json
plain(const std::string &text)
{
	std::string number;

	if (one_of(text, { "", "~", "null", "Null", "NULL" }))
		return (nullptr);
	if (one_of(text, { "true", "True", "TRUE" }))
		return (true);
	if (one_of(text, { "false", "False", "FALSE" }))
		return (false);
	number = number_text(text);
	return (number.empty() ? json(text) : tree_number(number));
}

std::string
text_of(const yaml_node_t *node)
{
	return (std::string(reinterpret_cast<const char *>(
	    node->data.scalar.value), node->data.scalar.length));
}

/* libyaml gives a tag of its own to what has none. */
bool
is_plain(const struct reader *r, const yaml_node_t *node)
{
	size_t at = static_cast<size_t>(node - r->document.nodes.start);

	return (node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	    !r->tagged[r->first + at]);
}

/* The tag says what it is: it must be that. */
json
scalar(const struct reader *r, const yaml_node_t *node)
{
	static const struct {
		const char *tag;
		bool (*fits)(const json &);
	} tags[] = {
		{ YAML_INT_TAG, [](const json &v) { return (tree_is_number(v) &&
		    decimal(tree_number_of(v)).whole()); } },
		{ YAML_FLOAT_TAG, tree_is_number },
		{ YAML_BOOL_TAG, [](const json &v) {
		    return (v.is_boolean()); } },
		{ YAML_NULL_TAG, [](const json &v) { return (v.is_null()); } },
	};
	const char *tag = reinterpret_cast<const char *>(node->tag);
	std::string text = text_of(node);

	if (is_plain(r, node))
		return (plain(text));
	for (const auto &known : tags) {
		json value;

		if (strcmp(tag, known.tag) != 0)
			continue;
		value = plain(text);
		if (known.fits(value))
			return (value);
		throw refused{ 422, "no JSON: line " + std::to_string(
		    node->start_mark.line + 1) + ": \"" + text.substr(0, 60) +
		    "\" is not what its tag says" };
	}
	return (text);
}

int
too_deep(struct job *job, unsigned depth_max)
{
	return (job_fail(job, 413, "the document is nested more than %u deep",
	    depth_max));
}

int value(struct reader *r, int id, unsigned depth, json *to);

int
twice(struct reader *r, const yaml_node_t *key)
{
	return (job_fail(r->job, 422, "no JSON: line %zu: the key \"%.60s\" "
	    "comes twice", key->start_mark.line + 1, text_of(key).c_str()));
}

/* "<<": members of other mappings, as far as they are not there. */
int
merge(struct reader *r, const yaml_node_t *key, const json &from, json *to)
{
	if (from.is_array()) {
		for (const json &item : from)
			if (!item.is_object() || merge(r, key, item, to) != 0)
				return (job_fail(r->job, 422, "no JSON: line "
				    "%zu: \"<<\" is of mappings only",
				    key->start_mark.line + 1));
		return (0);
	}
	if (!from.is_object())
		return (job_fail(r->job, 422, "no JSON: line %zu: \"<<\" is of "
		    "mappings only", key->start_mark.line + 1));
	for (const auto &member : from.get_ref<const json::object_t &>())
		to->get_ref<json::object_t &>().emplace(member.first,
		    json(member.second));
	return (0);
}

int
mapping(struct reader *r, const yaml_node_t *node, unsigned depth, json *to)
{
	const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	const yaml_node_t *merged = nullptr;
	json others;

	*to = json::object();
	for (; pair < node->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = yaml_document_get_node(&r->document,
		    pair->key);
		json member;

		if (key->type != YAML_SCALAR_NODE)
			return (job_fail(r->job, 422, "no JSON: line %zu: a "
			    "key is a list or a mapping",
			    key->start_mark.line + 1));
		if (value(r, pair->value, depth, &member) != 0)
			return (-1);
		if (text_of(key) == "<<" && is_plain(r, key)) {
			if (merged != nullptr)
				return (twice(r, key));
			merged = key;
			others = std::move(member);
		} else if (!to->get_ref<json::object_t &>().emplace(
		    text_of(key), std::move(member)).second) {
			return (twice(r, key));
		}
	}
	return (merged != nullptr ? merge(r, merged, others, to) : 0);
}

int
sequence(struct reader *r, const yaml_node_t *node, unsigned depth, json *to)
{
	const yaml_node_item_t *item = node->data.sequence.items.start;

	*to = json::array();
	for (; item < node->data.sequence.items.top; item++) {
		json member;

		if (value(r, *item, depth, &member) != 0)
			return (-1);
		to->push_back(std::move(member));
	}
	return (0);
}

int
value(struct reader *r, int id, unsigned depth, json *to)
{
	const yaml_node_t *node = yaml_document_get_node(&r->document, id);

	/* An alias of what it stands in nests without end. */
	if (depth > r->depth_max)
		return (too_deep(r->job, r->depth_max));
	if (++r->values > r->values_max)
		return (job_fail(r->job, 413, "the document's aliases make it "
		    "more than %zu times as large", ALIASES_MAX));
	switch (node->type) {
	case YAML_MAPPING_NODE: return (mapping(r, node, depth + 1, to));
	case YAML_SEQUENCE_NODE: return (sequence(r, node, depth + 1, to));
	default:
		*to = scalar(r, node);
		return (0);
	}
}

int
broken(struct job *job, const yaml_parser_t *parser)
{
	return (job_fail(job, 422, "no YAML: line %zu: %.200s",
	    parser->problem_mark.line + 1, parser->problem != nullptr ?
	    parser->problem : "broken"));
}

/*
 * libyaml needs more and more time for each level: count them first. A document
 * does not say which scalars have tags: events do.
 */
int
check_depth(struct reader *r, yaml_parser_t *parser)
{
	unsigned depth = 0;
	yaml_event_t event;
	bool more = true;

	while (more && depth <= r->depth_max) {
		bool opens, scalar;

		if (yaml_parser_parse(parser, &event) == 0)
			return (broken(r->job, parser));
		opens = event.type == YAML_MAPPING_START_EVENT ||
		    event.type == YAML_SEQUENCE_START_EVENT;
		scalar = event.type == YAML_SCALAR_EVENT;
		/* The nodes of documents come in the same order. */
		if (opens || scalar)
			r->tagged.push_back(scalar &&
			    event.data.scalar.tag != nullptr);
		depth += opens;
		depth -= event.type == YAML_MAPPING_END_EVENT ||
		    event.type == YAML_SEQUENCE_END_EVENT;
		more = event.type != YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
	}
	return (more ? too_deep(r->job, r->depth_max) : 0);
}

/* The document is freed, whatever is thrown. */
int
root_value(struct reader *r, json *to)
{
	try {
		return (value(r, 1, 0, to));
	} catch (const refused &why) {
		return (refused_by(r->job, why));
	}
}

int
documents(struct reader *r, yaml_parser_t *parser, json *all)
{
	for (;;) {
		yaml_node_t *root;
		size_t nodes;
		json one;
		int result = 0;

		if (yaml_parser_load(parser, &r->document) == 0)
			return (broken(r->job, parser));
		root = yaml_document_get_root_node(&r->document);
		nodes = static_cast<size_t>(r->document.nodes.top -
		    r->document.nodes.start);
		r->values = 0;
		r->values_max = VALUES_MIN + ALIASES_MAX * nodes;
		if (root != nullptr)
			result = root_value(r, &one);
		r->first += nodes;
		yaml_document_delete(&r->document);
		if (root == nullptr || result != 0)
			return (result);
		all->push_back(std::move(one));
	}
}

/* One pass over the text. */
template <typename Pass> int
with_parser(struct job *job, const char *text, size_t len, Pass pass)
{
	yaml_parser_t parser;
	int r;

	if (yaml_parser_initialize(&parser) == 0)
		return (job_fail(job, 413, "there is not enough memory"));
	yaml_parser_set_input_string(&parser,
	    reinterpret_cast<const unsigned char *>(text), len);
	r = pass(&parser);
	yaml_parser_delete(&parser);
	return (r);
}

}

int
yaml_read(struct job *job, const char *text, size_t len, unsigned depth_max,
    json *to)
{
	struct reader r = {};
	json all = json::array();

	r.job = job;
	r.depth_max = depth_max;
	if (with_parser(job, text, len, [&](yaml_parser_t *parser) {
		return (check_depth(&r, parser)); }) != 0 ||
	    with_parser(job, text, len, [&](yaml_parser_t *parser) {
		return (documents(&r, parser, &all)); }) != 0)
		return (-1);
	if (all.size() == 1)
		*to = std::move(all[0]);
	else
		*to = std::move(all);
	return (0);
}

/*--- writing --------------------------------------------------------------*/

namespace {

/* Words that some version of YAML takes for more than a string. */
bool
special(std::string text)
{
	for (char &c : text)
		c = static_cast<char>(tolower(c));
	return (one_of(text, { "", "~", "null", "true", "false", "yes", "no",
	    "on", "off", "y", "n", "=", "<<" }));
}

/* Strings that no version takes for anything else. */
bool
is_word(const std::string &text)
{
	if (special(text) || !(isalpha(static_cast<unsigned char>(text[0])) ||
	    text[0] == '_' || static_cast<unsigned char>(text[0]) >= 0x80))
		return (false);
	for (char c : text)
		if (static_cast<unsigned char>(c) < ' ')
			return (false);
	return (true);
}

bool
emit(yaml_emitter_t *to, yaml_event_t *event, int made)
{
	return (made != 0 && yaml_emitter_emit(to, event) != 0);
}

bool
write_scalar(yaml_emitter_t *to, const std::string &text, bool string)
{
	bool lines = text.find('\n') != std::string::npos;
	bool word = !string || is_word(text);
	yaml_event_t event;

	return (emit(to, &event, yaml_scalar_event_initialize(&event, nullptr,
	    nullptr, reinterpret_cast<const yaml_char_t *>(text.data()),
	    static_cast<int>(text.size()), word, 1, word ?
	    YAML_PLAIN_SCALAR_STYLE : lines ? YAML_LITERAL_SCALAR_STYLE :
	    YAML_DOUBLE_QUOTED_SCALAR_STYLE)));
}

/* "1e300" is a string to YAML 1.1, "1.0e+300" is not. */
std::string
plain_text(const json &from)
{
	std::string text;
	size_t at;

	(void)tree_write(from, &text);
	at = text.find_first_of("eE");
	if (!tree_is_number(from) || at == std::string::npos)
		return (text);
	if (isdigit(static_cast<unsigned char>(text[at + 1])))
		text.insert(at + 1, "+");
	if (text.find('.') == std::string::npos)
		text.insert(at, ".0");
	return (text);
}

bool
write_value(yaml_emitter_t *to, const json &from)
{
	yaml_event_t event;

	if (from.is_string())
		return (write_scalar(to, from.get_ref<const std::string &>(),
		    true));
	if (from.is_array()) {
		if (!emit(to, &event, yaml_sequence_start_event_initialize(
		    &event, nullptr, nullptr, 1, YAML_BLOCK_SEQUENCE_STYLE)))
			return (false);
		for (const json &member : from)
			if (!write_value(to, member))
				return (false);
		return (emit(to, &event,
		    yaml_sequence_end_event_initialize(&event)));
	}
	if (!from.is_object())
		return (write_scalar(to, plain_text(from), false));
	if (!emit(to, &event, yaml_mapping_start_event_initialize(&event,
	    nullptr, nullptr, 1, YAML_BLOCK_MAPPING_STYLE)))
		return (false);
	for (const auto &member : from.get_ref<const json::object_t &>())
		if (!write_scalar(to, member.first, true) ||
		    !write_value(to, member.second))
			return (false);
	return (emit(to, &event, yaml_mapping_end_event_initialize(&event)));
}

int
append(void *data, unsigned char *buffer, size_t size)
{
	static_cast<std::string *>(data)->append(
	    reinterpret_cast<const char *>(buffer), size);
	return (1);
}

}

int
yaml_write(struct job *job, const json &from, std::string *to)
{
	yaml_emitter_t emitter;
	yaml_event_t event;
	bool written;

	to->clear();
	if (yaml_emitter_initialize(&emitter) == 0)
		return (job_fail(job, 413, "there is not enough memory"));
	yaml_emitter_set_output(&emitter, append, to);
	yaml_emitter_set_unicode(&emitter, 1);
	yaml_emitter_set_width(&emitter, -1);
	written = emit(&emitter, &event, yaml_stream_start_event_initialize(
	    &event, YAML_UTF8_ENCODING)) &&
	    emit(&emitter, &event, yaml_document_start_event_initialize(&event,
	    nullptr, nullptr, nullptr, 1)) && write_value(&emitter, from) &&
	    emit(&emitter, &event, yaml_document_end_event_initialize(&event,
	    1)) && emit(&emitter, &event,
	    yaml_stream_end_event_initialize(&event)) &&
	    yaml_emitter_flush(&emitter) != 0;
	yaml_emitter_delete(&emitter);
	return (written ? 0 : job_fail(job, 422, "it cannot be said in YAML"));
}
