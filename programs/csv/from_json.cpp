/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From JSON to CSV in two runs over the text, of which the first finds the
 * columns: no document is kept, one row is.
 */
#include <cstring>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include "csv.h"

namespace {

using Length = rapidjson::SizeType;

struct Cell {
	std::string text;
	bool quoted = false;		/* an empty string, and not nothing */
};

/*
 * Rows are objects or arrays: those of an array, or several in a row. What is
 * in them is a cell; if it is an object or array, its JSON is.
 */
class Rows {
public:
	Rows(struct job *job_, const std::vector<std::string> &chosen) :
	    job(job_), fixed(!chosen.empty())
	{
		for (auto &name : chosen)
			add_column(name);
	}
	virtual ~Rows() = default;

	/* Events of RapidJSON: false ends the run. */
	bool Null() { return inner ? writer.Null() && nested() : value("", 0); }
	bool Bool(bool b)
	{
		if (inner)
			return writer.Bool(b) && nested();
		return b ? value("true", 4) : value("false", 5);
	}
	bool RawNumber(const char *s, Length len, bool)
	{
		return inner ? writer.RawValue(s, len, rapidjson::kNumberType)
		    && nested() : value(s, len);
	}
	bool String(const char *s, Length len, bool)
	{
		return inner ? writer.String(s, len) && nested() :
		    value(s, len, len == 0);
	}
	bool StartObject() { return start(true); }
	bool StartArray() { return start(false); }
	bool EndObject(Length) { return end(true); }
	bool EndArray(Length) { return end(false); }
	bool Key(const char *s, Length len, bool)
	{
		if (inner)
			return writer.Key(s, len);
		return at_key(std::string_view(s, len));
	}
	/* Never called: numbers come as they are written. */
	bool Int(int) { return false; }
	bool Uint(unsigned) { return false; }
	bool Int64(int64_t) { return false; }
	bool Uint64(uint64_t) { return false; }
	bool Double(double) { return false; }

	std::vector<std::string> names;
	size_t rows = 0, widest = 0;
	bool objects = false, arrays = false;

protected:
	virtual void put(size_t to, const char *s, size_t len,
	    bool quoted) = 0;
	virtual void end_row() = 0;

private:
	struct Hash {
		using is_transparent = void;
		size_t operator()(std::string_view s) const
		{
			return std::hash<std::string_view>()(s);
		}
	};

	bool add_column(std::string_view name)
	{
		if (names.size() == COLUMNS_MAX)
			return (job_fail(job, 413, "there are more than %d "
			    "columns", COLUMNS_MAX), false);
		index.emplace(name, names.size());
		names.emplace_back(name);
		return true;
	}

	bool at_key(std::string_view key)
	{
		/* Mostly the one behind the last. */
		if (++column < names.size() && names[column] == key)
			return true;
		auto found = index.find(key);
		if (found != index.end()) {
			column = found->second;
			return true;
		}
		column = names.size();
		return fixed || add_column(key);
	}

	bool start(bool object)
	{
		if (inner != 0 || in_row) {
			inner++;
			return object ? writer.StartObject() :
			    writer.StartArray();
		}
		if (!object && !in_list) {
			in_list = true;
			return true;
		}
		in_row = true;
		is_object = object;
		objects |= object;
		arrays |= !object;
		column = object ? SIZE_MAX : 0;
		if (objects && arrays)
			return (job_fail(job, 422, "row %zu is %s, unlike "
			    "those before", rows + 1, object ? "an object" :
			    "an array"), false);
		return true;
	}

	bool end(bool object)
	{
		if (inner != 0) {
			inner--;
			return (object ? writer.EndObject() :
			    writer.EndArray()) && nested();
		}
		if (!in_row) {
			in_list = false;
			return true;
		}
		in_row = false;
		rows++;
		end_row();
		return true;
	}

	/* Behind each part of a cell's JSON: is it all? */
	bool nested()
	{
		if (inner != 0)
			return true;
		bool r = value(text.GetString(), text.GetSize());
		text.Clear();
		writer.Reset(text);
		return r;
	}

	bool value(const char *s, size_t len, bool quoted = false)
	{
		if (!in_row)
			return (job_fail(job, 422, "row %zu is no object and "
			    "no array", rows + 1), false);
		size_t to = is_object ? column : column++;
		if (!is_object && to >= COLUMNS_MAX)
			return (job_fail(job, 413, "row %zu has more than %d "
			    "cells", rows + 1, COLUMNS_MAX), false);
		if (to >= widest)
			widest = to + 1;
		if (!is_object || to < names.size())
			put(to, s, len, quoted);
		return true;
	}

	struct job *job;
	bool fixed, in_list = false, in_row = false, is_object = false;
	std::unordered_map<std::string, size_t, Hash, std::equal_to<>> index;
	rapidjson::StringBuffer text;
	rapidjson::Writer<rapidjson::StringBuffer> writer{text};
	size_t column = 0;
	unsigned inner = 0;
};

class Finder final : public Rows {
public:
	using Rows::Rows;
protected:
	void put(size_t, const char *, size_t, bool) override {}
	void end_row() override {}
};

class Printer final : public Rows {
public:
	Printer(struct job *j, const std::vector<std::string> &c,
	    size_t width, char delimiter_, struct text *out_) :
	    Rows(j, c), cells(width), delimiter(delimiter_), out(out_) {}
protected:
	void put(size_t to, const char *s, size_t len, bool quoted) override
	{
		if (to >= cells.size())
			return;
		cells[to].text.assign(s, len);
		cells[to].quoted = quoted;
	}
	void end_row() override
	{
		for (size_t i = 0; i < cells.size(); i++) {
			if (i != 0)
				text_char(out, delimiter);
			/* A line of nothing would be none. */
			if (cells[i].quoted ||
			    (cells.size() == 1 && cells[i].text.empty()))
				text_str(out, "\"\"");
			else
				text_csv(out, cells[i].text.data(),
				    cells[i].text.size(), delimiter);
			cells[i].text.clear();
			cells[i].quoted = false;
		}
		text_str(out, "\r\n");
	}
private:
	std::vector<Cell> cells;
	char delimiter;
	struct text *out;
};

int
parse(struct job *job, Rows &rows)
{
	constexpr unsigned how = rapidjson::kParseStopWhenDoneFlag |
	    rapidjson::kParseIterativeFlag |
	    rapidjson::kParseNumbersAsStringsFlag;
	const char *in = static_cast<const char *>(job->in);
	rapidjson::MemoryStream stream(in, job->in_len);
	rapidjson::Reader reader;
	rapidjson::ParseResult r;
	size_t line = 1;

	job->why[0] = '\0';
	for (;;) {
		r = reader.Parse<how>(stream, rows);
		if (!r)
			break;
	}
	if (r.Code() == rapidjson::kParseErrorDocumentEmpty &&
	    stream.Tell() == job->in_len)
		return 0;
	if (job->why[0] != '\0')
		return -1;
	for (size_t i = 0; i < r.Offset() && i < job->in_len; i++)
		line += in[i] == '\n';
	return job_fail(job, 422, "no JSON: line %zu: %s", line,
	    rapidjson::GetParseError_En(r.Code()));
}

void
add_header(struct text *out, const std::vector<std::string> &names,
    char delimiter)
{
	for (size_t i = 0; i < names.size(); i++) {
		if (i != 0)
			text_char(out, delimiter);
		text_csv(out, names[i].data(), names[i].size(), delimiter);
	}
	text_str(out, "\r\n");
}

} /* namespace */

int
csv_from_json(struct job *job, const struct options *o,
    const struct columns *chosen, char delimiter, struct text *out)
{
	std::vector<std::string> names;

	/* Faster than RapidJSON does it, and once. */
	if (!utf8_valid(static_cast<const char *>(job->in), job->in_len))
		return job_fail(job, 422, "no JSON: it is not UTF-8");
	try {
		for (size_t i = 0; i < chosen->n; i++)
			names.emplace_back(chosen->name[i]);
		Finder finder(job, names);
		if (parse(job, finder) != 0)
			return -1;
		names = finder.names;
		if (o->header && !names.empty())
			add_header(out, names, delimiter);
		Printer printer(job, names, names.empty() ? finder.widest :
		    names.size(), delimiter, out);
		return parse(job, printer);
	} catch (const std::bad_alloc &) {
		return job_fail(job, 413, "not enough memory");
	}
}
