/* SPDX-License-Identifier: BSD-2-Clause */
/* From a schema to plans: all of it is read and checked here. */
#include <cstring>

#include "schema.h"
#include "schema_priv.h"

namespace {

/* As deep as documents may be, and then some: $ref may go around. */
const unsigned LEVELS_MAX = 4 * DEPTH_MAX;
/* Schemas times parts of the document: some seconds. */
const uint64_t STEPS_MAX = 20000000;

const struct {
	const char *uri;
	enum draft draft;
} drafts[] = {
	{ "http://json-schema.org/draft-04/schema", DRAFT4 },
	{ "http://json-schema.org/draft-06/schema", DRAFT6 },
	{ "http://json-schema.org/draft-07/schema", DRAFT7 },
	{ "https://json-schema.org/draft/2019-09/schema", DRAFT2019 },
	{ "https://json-schema.org/draft/2020-12/schema", DRAFT2020 },
};

[[noreturn]] void
bad(const std::string &key, const std::string &why)
{
	throw refused{ 400, "the schema's \"" + key.substr(0, 100) + "\" " +
	    why };
}

bool
is_schema(const json &value)
{
	return (value.is_object() || value.is_boolean());
}

bool
is_count(const json &value)
{
	return (tree_is_number(value) && decimal(tree_number_of(value)).whole()
	    && tree_number_of(value)[0] != '-');
}

bool
is_positive(const json &value)
{
	return (tree_is_number(value) &&
	    number_compare(tree_number_of(value), "0") > 0);
}

bool
are_strings(const json &value)
{
	if (!value.is_array())
		return (false);
	for (const json &item : value)
		if (!item.is_string())
			return (false);
	return (true);
}

bool
are_types(const json &value)
{
	static const char *const types[] = { "null", "boolean", "integer",
		"number", "string", "array", "object" };

	if (value.is_array()) {
		for (const json &item : value)
			if (!item.is_string() || !are_types(item))
				return (false);
		return (true);
	}
	for (const char *type : types)
		if (value.is_string() && value == type)
			return (true);
	return (false);
}

bool
all_members(const json &value, bool (*good)(const json &))
{
	if (!value.is_object())
		return (false);
	for (const auto &member : value.get_ref<const json::object_t &>())
		if (!good(member.second))
			return (false);
	return (true);
}

bool
all_items(const json &value)
{
	if (!value.is_array())
		return (false);
	for (const json &item : value)
		if (!is_schema(item))
			return (false);
	return (true);
}

bool
anything(const json &)
{
	return (true);
}

/* By form: whether the value looks like that, and how it should. */
const struct {
	enum form form;
	bool (*good)(const json &);
	const char *want;
} forms[] = {
	{ ANYTHING, anything, "" },
	{ TYPES, are_types, "is none of the types" },
	{ LIST, [](const json &v) { return (v.is_array()); },
	    "is no list" },
	{ NUMBER, [](const json &v) { return (tree_is_number(v)); },
	    "is no number" },
	{ POSITIVE, is_positive, "is no number above 0" },
	{ NUMBER_OR_BOOL, [](const json &v) { return (tree_is_number(v) ||
	    v.is_boolean()); }, "is no number" },
	{ COUNT, is_count, "is no whole number" },
	{ BOOL, [](const json &v) { return (v.is_boolean()); },
	    "is neither true nor false" },
	{ STRING, [](const json &v) { return (v.is_string()); },
	    "is no string" },
	{ STRINGS, are_strings, "is no list of strings" },
	{ REGEX, [](const json &v) { return (v.is_string()); },
	    "is no string" },
	{ REGEXES, [](const json &v) { return (all_members(v, is_schema)); },
	    "is no object of schemas" },
	{ ONE, is_schema, "is no schema" },
	{ MANY, all_items, "is no list of schemas" },
	{ NAMED, [](const json &v) { return (all_members(v, is_schema)); },
	    "is no object of schemas" },
	{ ITEMS, [](const json &v) { return (is_schema(v) || all_items(v)); },
	    "is neither a schema nor a list of schemas" },
	{ DEPENDENCIES, [](const json &v) { return (all_members(v,
	    [](const json &m) { return (is_schema(m) || are_strings(m));
	    })); }, "is no object of schemas or lists of strings" },
	{ STRING_LISTS, [](const json &v) { return (all_members(v,
	    are_strings)); }, "is no object of lists of strings" },
	{ REFERENCE, [](const json &v) { return (v.is_string()); },
	    "is no string" },
	{ REFUSED, [](const json &) { return (false); }, "is not supported" },
};

}

/*--- reading --------------------------------------------------------------*/

schemas::schemas(const json &from) : root(from)
{
	if (!is_schema(root))
		throw refused{ 400, "the schema is neither an object nor true "
		    "nor false" };
	choose_draft();
	walk(root, "", 0);
	/* Where one leads to there may be more of them. */
	for (size_t i = 0; i < refs.size(); i++) {
		pending ref = refs[i];
		std::string base;
		const json *to = target(ref.base, (*ref.from)["$ref"].
		    get_ref<const std::string &>(), &base);

		if (!is_schema(*to))
			bad("$ref", "leads to what is no schema");
		walk(*to, base, 0);
		plans[ref.from].ref = &plans[to];
	}
}

void
schemas::choose_draft()
{
	const auto found = root.is_object() ? root.find("$schema") : root.end();
	std::string uri;

	if (!root.is_object() || found == root.end())
		return;
	if (!found->is_string())
		bad("$schema", "is no string");
	uri = found->get<std::string>();
	if (!uri.empty() && uri.back() == '#')
		uri.pop_back();
	for (const auto &known : drafts)
		if (uri == known.uri)
			draft = known.draft;
	if (draft == ANY_DRAFT)
		bad("$schema", "\"" + uri.substr(0, 200) + "\" is none of "
		    "drafts 4, 6, 7, 2019-09 and 2020-12");
}

/* What the schema is called, and what its parts are relative to. */
void
schemas::name(const json &schema, std::string *base)
{
	const auto id = schema.find(draft == DRAFT4 ? "id" : "$id");
	bool alone = ignores_siblings() && schema.contains("$ref");

	if (id != schema.end() && id->is_string() && !alone) {
		std::string uri = uri_resolve(*base, id->get<std::string>());
		size_t fragment = uri.find('#');

		/* "#name" was what $anchor is now. */
		if (fragment != std::string::npos && fragment + 1 < uri.size())
			anchors.emplace(uri_resolve(*base, uri), &schema);
		if (fragment != 0 && id->get<std::string>()[0] != '#')
			*base = uri.substr(0, fragment);
	}
	resources.emplace(*base, &schema);
	for (const char *key : { "$anchor", "$dynamicAnchor" }) {
		const auto anchor = schema.find(key);

		if (anchor != schema.end() && anchor->is_string())
			anchors.emplace(*base + "#" +
			    anchor->get<std::string>(), &schema);
	}
}

void
schemas::walk(const json &schema, const std::string &around, unsigned depth)
{
	std::string base = around;
	plan *to;

	if (!plans.emplace(&schema, plan()).second)
		return;
	to = &plans[&schema];
	to->schema = &schema;
	if (schema.is_boolean()) {
		to->boolean = true;
		to->allows = schema.get<bool>();
		return;
	}
	if (depth > DEPTH_MAX)
		throw refused{ 413, "the schema is nested too deep" };
	name(schema, &base);
	for (const auto &member : schema.get_ref<const json::object_t &>()) {
		const keyword *k = keyword_named(member.first);

		if (k == nullptr)
			continue;
		/* Old drafts: what stands beside it does not count. */
		if (ignores_siblings() && k->form != REFERENCE &&
		    k->check != nullptr && schema.contains("$ref"))
			continue;
		add(to, member.first, member.second);
		if (k->form == REFERENCE)
			refs.push_back({ &schema, base });
		walk_into(*k, member.second, base, depth + 1);
	}
	std::stable_sort(to->checks.begin(), to->checks.end(),
	    [](const auto &a, const auto &b) {
		return (a.first->round < b.first->round); });
}

/* A keyword's value, as far as the keyword itself says how it must be. */
void
schemas::add(plan *to, const std::string &key, const json &value)
{
	const keyword *k = keyword_named(key);

	/* Silence would let documents through. */
	if ((k->drafts & draft) == 0)
		bad(key, "is none of its draft's keywords");
	look(*k, value);
	if (k->check != nullptr)
		to->checks.emplace_back(k, &value);
	unevaluated = unevaluated || k->round == 2;
}

void
schemas::look(const keyword &k, const json &value)
{
	for (const auto &form : forms)
		if (form.form == k.form && !form.good(value))
			bad(k.name, form.want);
	if (k.form == NUMBER_OR_BOOL && ((draft == DRAFT4 &&
	    !value.is_boolean()) || (draft != DRAFT4 && draft != ANY_DRAFT &&
	    value.is_boolean())))
		bad(k.name, draft == DRAFT4 ? "is neither true nor false" :
		    "is no number");
	if (k.form == ITEMS && draft == DRAFT2020 && value.is_array())
		bad(k.name, "is a list, which is \"prefixItems\" in its draft");
	if (k.form == ONE && draft == DRAFT4 && value.is_boolean() &&
	    strncmp(k.name, "additional", 10) != 0)
		bad(k.name, "is no schema");
	if (k.form == REGEX)
		patterns.try_emplace(value.get<std::string>(),
		    value.get<std::string>());
	if (k.form == REGEXES)
		for (const auto &member : value.get_ref<
		    const json::object_t &>())
			patterns.try_emplace(member.first, member.first);
}

void
schemas::walk_into(const keyword &k, const json &value,
    const std::string &base, unsigned depth)
{
	bool one = k.form == ONE || (k.form == ITEMS && is_schema(value));

	if (one)
		walk(value, base, depth);
	else if (k.form == MANY || k.form == ITEMS)
		for (const json &item : value)
			walk(item, base, depth);
	else if (k.form == NAMED || k.form == REGEXES ||
	    k.form == DEPENDENCIES)
		for (const auto &member : value.get_ref<
		    const json::object_t &>())
			if (is_schema(member.second))
				walk(member.second, base, depth);
}

/* Nothing is fetched: it stands in the schema itself. */
const json *
schemas::target(const std::string &base, const std::string &ref,
    std::string *target_base) const
{
	std::string uri = uri_resolve(base, ref), fragment;
	size_t hash = uri.find('#');
	const auto named = anchors.find(uri);

	*target_base = uri.substr(0, hash);
	if (hash != std::string::npos)
		fragment = uri_decode(uri.substr(hash + 1));
	if (named != anchors.end())
		return (named->second);
	const auto resource = resources.find(*target_base);
	if (resource == resources.end())
		bad("$ref", "\"" + ref.substr(0, 200) + "\" leads out of the "
		    "schema, and nothing is fetched");
	if (fragment.empty())
		return (resource->second);
	try {
		if (fragment[0] == '/')
			return (&resource->second->at(
			    json::json_pointer(fragment)));
	} catch (const json::exception &) {
	}
	bad("$ref", "\"" + ref.substr(0, 200) + "\" leads nowhere");
}

/*--- walking --------------------------------------------------------------*/

void
walker::step(uint64_t n)
{
	steps += n;
	if (steps > STEPS_MAX)
		throw refused{ 413, "the schema needs more than " +
		    std::to_string(STEPS_MAX) + " steps for the document" };
}

/* Remembers where, as a pointer; false. */
bool
walker::wrong(const place &at, const char *name)
{
	if (quiet != 0 || !keyword.empty())
		return (false);
	keyword = name;
	for (const place *p = &at; p->up != nullptr; p = p->up) {
		std::string part;

		if (p->key == nullptr)
			part = std::to_string(p->index);
		else
			for (char c : *p->key)
				part += c == '~' ? "~0" : c == '/' ? "~1" :
				    std::string(1, c);
		where = "/" + part + where;
	}
	return (false);
}

bool
walker::fits(const plan &schema, const json &value, const place &at,
    seen *into)
{
	seen mine;
	visit v = { *this, schema, value, at, all.unevaluated ? &mine :
	    nullptr, "" };

	step(1 + schema.checks.size());
	if (schema.boolean)
		return (schema.allows || wrong(at, "false"));
	if (++depth > LEVELS_MAX)
		throw refused{ 413, "the schema and the document are nested "
		    "more than " + std::to_string(LEVELS_MAX) + " deep; does "
		    "a \"$ref\" go round in circles?" };
	for (const auto &check : schema.checks) {
		v.name = check.first->name;
		if (!check.first->check(v, *check.second)) {
			depth--;
			return (false);
		}
	}
	depth--;
	if (into != nullptr)
		into->add(mine);
	return (true);
}

int
schema_check(struct job *job, const json &schema, const json &document)
{
	const place top = { nullptr, nullptr, 0 };

	try {
		const schemas all(schema);
		walker w(all);

		if (w.fits(all.at(schema), document, top, nullptr))
			return (0);
		return (job_fail(job, 422, "#%.300s is not what the schema "
		    "wants: \"%.60s\"", w.where.c_str(), w.keyword.c_str()));
	} catch (const refused &r) {
		return (refused_by(job, r));
	}
}
