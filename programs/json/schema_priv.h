/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Before the document is looked at, all of the schema is: each object that is a
 * schema becomes a plan, a list of checks, and each $ref is found. All that
 * cannot be done is refused then, by throwing `refused` with status 400.
 */
#ifndef SCHEMA_PRIV_H
#define SCHEMA_PRIV_H

#include <string>
#include <unordered_map>
#include <vector>

#include "pattern.h"
#include "refused.h"
#include "tree.h"

enum draft { DRAFT4 = 1, DRAFT6 = 2, DRAFT7 = 4, DRAFT2019 = 8,
	DRAFT2020 = 16, ANY_DRAFT = 31 };

/* How the value of a keyword has to look. */
enum form { ANYTHING, TYPES, LIST, NUMBER, POSITIVE, NUMBER_OR_BOOL, COUNT,
	BOOL, STRING, STRINGS, REGEX, REGEXES, ONE, MANY, NAMED, ITEMS,
	DEPENDENCIES, STRING_LISTS, REFERENCE, REFUSED };

/* Where in the document one is; printed only when something is wrong. */
struct place {
	const place *up;
	const std::string *key;		/* NULL: an item */
	size_t index;
};

/* Members and items that some keyword has spoken of; for unevaluated...  */
struct seen {
	std::vector<bool> parts;

	void add(size_t at)
	{
		if (parts.size() <= at)
			parts.resize(at + 1);
		parts[at] = true;
	}
	bool has(size_t at) const { return (at < parts.size() && parts[at]); }
	void add(const seen &other)
	{
		for (size_t i = 0; i < other.parts.size(); i++)
			if (other.parts[i])
				add(i);
	}
};

struct plan;
struct visit;

struct keyword {
	const char *name;
	unsigned drafts;
	enum form form;
	/* Whether the document fits; NULL: it says nothing about documents. */
	bool (*check)(visit &, const json &value);
	int round;			/* 0 first; 1 needs what 0 has seen */
};

const keyword *keyword_named(const std::string &name);

/* A schema. */
struct plan {
	const json *schema = nullptr;
	bool boolean = false, allows = false;
	const plan *ref = nullptr;
	std::vector<std::pair<const keyword *, const json *>> checks;
};

/* All schemas of a document, by their place in it. */
struct schemas {
	unsigned draft = ANY_DRAFT;	/* several: $schema does not say */
	bool unevaluated = false;	/* something asks what has been seen */
	std::unordered_map<const json *, plan> plans;
	std::unordered_map<std::string, pattern> patterns;
	/* By absolute URI, and URI#anchor; what each is relative to. */
	std::unordered_map<std::string, const json *> resources, anchors;

	explicit schemas(const json &root);
	const plan &at(const json &schema) const
	    { return (plans.find(&schema)->second); }

private:
	/* A $ref that is looked for when all schemas are known. */
	struct pending {
		const json *from;
		std::string base;
	};
	const json &root;
	std::vector<pending> refs;

	bool ignores_siblings() const { return (draft <= DRAFT7); }
	void choose_draft();
	void walk(const json &schema, const std::string &base, unsigned depth);
	void name(const json &schema, std::string *base);
	void add(plan *to, const std::string &key, const json &value);
	void look(const keyword &k, const json &value);
	void walk_into(const keyword &k, const json &value,
	    const std::string &base, unsigned depth);
	const json *target(const std::string &base, const std::string &ref,
	    std::string *target_base) const;
};

/* RFC 3986, 5.2: what a reference is, seen from a base. */
std::string uri_resolve(const std::string &base, const std::string &ref);
/* A fragment without its %. */
std::string uri_decode(const std::string &text);

/* One walk over a document. */
struct walker {
	const schemas &all;
	unsigned depth = 0, quiet = 0;
	uint64_t steps = 0;
	std::string where, keyword;	/* the first that did not fit */

	explicit walker(const schemas &from) : all(from) { }
	bool fits(const plan &schema, const json &value, const place &at,
	    seen *seen);
	bool wrong(const place &at, const char *name);
	void step(uint64_t n);
	const pattern &pattern_of(const std::string &text) const
	    { return (all.patterns.find(text)->second); }
};

/* One schema and one value. */
struct visit {
	walker &by;
	const plan &schema;
	const json &value;
	const place &at;
	seen *own;			/* NULL: nobody asks */
	const char *name;		/* of the keyword */

	const json *sibling(const char *key) const
	{
		const auto found = schema.schema->find(key);

		return (found != schema.schema->end() ? &*found : nullptr);
	}
	bool fits(const json &subschema, const json &what, const place &where,
	    seen *into = nullptr)
	    { return (by.fits(by.all.at(subschema), what, where, into)); }
	/* The same without a word about what is wrong. */
	bool would_fit(const json &subschema, const json &what,
	    const place &where, seen *into = nullptr)
	{
		bool good;

		by.quiet++;
		good = fits(subschema, what, where, into);
		by.quiet--;
		return (good);
	}
	/* The part of the document does not fit. */
	bool wrong() { return (by.wrong(at, name)); }
	void saw(size_t part) { if (own != nullptr) own->add(part); }
};

#endif
