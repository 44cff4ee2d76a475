/* SPDX-License-Identifier: BSD-2-Clause */
/* nlohmann's library holds the documents, RapidJSON writes them. */
#include <vector>

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include "events.h"
#include "tree.h"

namespace {

/* From events to a document. */
struct builder {
	json root;
	std::vector<json *> open;	/* the containers around */
	json *member = nullptr;		/* where an object's value goes */

	json *put(json value)
	{
		if (open.empty()) {
			root = std::move(value);
			return (&root);
		}
		if (open.back()->is_array()) {
			open.back()->push_back(std::move(value));
			return (&open.back()->back());
		}
		*member = std::move(value);
		return (member);
	}

	bool Null() { return (put(nullptr) != nullptr); }
	bool Bool(bool value) { return (put(value) != nullptr); }
	bool RawNumber(const char *text, unsigned len, bool)
	    { return (put(tree_number(std::string(text, len))) != nullptr); }
	bool String(const char *text, unsigned len, bool)
	    { return (put(std::string(text, len)) != nullptr); }
	bool Key(const char *text, unsigned len, bool)
	{
		member = &(*open.back())[std::string(text, len)];
		return (true);
	}
	bool StartObject() { return (down(json::object())); }
	bool StartArray() { return (down(json::array())); }
	bool EndObject(unsigned) { return (up()); }
	bool EndArray(unsigned) { return (up()); }

	bool down(json container)
	{
		open.push_back(put(std::move(container)));
		return (true);
	}

	bool up()
	{
		open.pop_back();
		return (true);
	}
};

using writer = rapidjson::Writer<rapidjson::StringBuffer, rapidjson::UTF8<>,
    rapidjson::UTF8<>, rapidjson::CrtAllocator,
    rapidjson::kWriteValidateEncodingFlag>;

bool
write_string(writer &to, const std::string &text)
{
	return (to.String(text.data(),
	    static_cast<rapidjson::SizeType>(text.size())));
}

bool
write_value(writer &to, const json &from)
{
	bool good = true;

	switch (from.type()) {
	case json::value_t::object:
		to.StartObject();
		for (const auto &member : from.get_ref<
		    const json::object_t &>())
			good = good && write_string(to, member.first) &&
			    write_value(to, member.second);
		return (to.EndObject() && good);
	case json::value_t::array:
		to.StartArray();
		for (const json &item : from)
			good = good && write_value(to, item);
		return (to.EndArray() && good);
	case json::value_t::string:
		return (write_string(to, from.get_ref<const std::string &>()));
	case json::value_t::boolean: return (to.Bool(from.get<bool>()));
	case json::value_t::binary: {
		const number &text = tree_number_of(from);

		return (to.RawValue(text.data(), text.size(),
		    rapidjson::kNumberType));
	}
	default: return (to.Null());
	}
}

}

int
tree_check(struct job *job, const char *text, size_t len, int status,
    const char *what)
{
	std::string why;

	if (squeeze(job, text, len, nullptr, nullptr) == 0)
		return (0);
	if (job->status != 422)
		return (-1);
	/* Behind its own name for it. */
	why = job->why;
	return (job_fail(job, status, "%s%s", what,
	    why.c_str() + why.find(':')));
}

int
tree_wrong(struct job *job, int status, const char *what, const char *text,
    const char *at)
{
	int line = 1;

	for (const char *p = text; p < at; p++)
		line += *p == '\n';
	return (job_fail(job, status, "%s: line %d, byte %zu: half of a "
	    "character stands alone", what, line, static_cast<size_t>(at -
	    text)));
}

int
tree_read(struct job *job, const char *text, size_t len, int status,
    const char *what, json *to)
{
	const char *wrong;
	builder all;

	if (tree_check(job, text, len, status, what) != 0)
		return (-1);
	wrong = events(text, text + len, all);
	if (wrong != nullptr)
		return (tree_wrong(job, status, what, text, wrong));
	*to = std::move(all.root);
	return (0);
}

bool
tree_write(const json &from, std::string *to)
{
	rapidjson::StringBuffer text;
	writer w(text);

	if (!write_value(w, from))
		return (false);
	to->assign(text.GetString(), text.GetSize());
	return (true);
}
