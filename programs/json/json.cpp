/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * json: checks, rewrites, changes and converts JSON. simdjson finds the tokens
 * of what has to be fast, RapidJSON reads for schemas, nlohmann's library does
 * the rest.
 */
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>
#include <rapidjson/document.h>
#include <rapidjson/error/en.h>
#include <rapidjson/prettywriter.h>
#include <rapidjson/schema.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include "filter.h"
#include "job.h"
#include "readable.h"
#include "squeeze.h"

using nlohmann::json;

/* Deeper ones would need more stack than there is. */
#define DEPTH_MAX SQUEEZE_DEPTH_MAX

struct options {
	int op, to, from;
	bool raw;
	int64_t indent;
	const char *path, *schema, *with, *filter, *args;
};

enum op { VALIDATE, MINIFY, PRETTY, POINTER, PATCH, MERGE, DIFF, SCHEMA,
	CONVERT, JQ };

enum format { JSON, CBOR, MSGPACK, YAML, AUTO };

static const struct job_option options[] = {
	JOB_CHOICE(struct options, op, MINIFY, "validate|minify|pretty|pointer|"
	    "patch|merge|diff|schema|convert|jq", "what is done"),
	JOB_INT(struct options, indent, 2, 0, 16, "pretty: blanks per level"),
	JOB_STR(struct options, path, "", 4096,
	    "pointer: which part, as RFC 6901 has it, /a/0/b"),
	JOB_JSON(struct options, with,
	    "patch: a JSON Patch (RFC 6902); merge: a merge patch (RFC 7396); "
	    "diff: the other document"),
	JOB_JSON(struct options, schema,
	    "schema: a JSON Schema (draft 4), or the URL of one"),
	JOB_CHOICE(struct options, to, JSON, "json|cbor|msgpack|yaml",
	    "convert: into what"),
	JOB_CHOICE(struct options, from, AUTO, "json|cbor|msgpack|yaml|auto",
	    "convert: from what; auto goes by Content-Type"),
	JOB_STR(struct options, filter, NULL, 65536,
	    "jq: the expression (jq 1.6)"),
	JOB_JSON(struct options, args,
	    "jq: an object of variables, $name in the expression"),
	JOB_BOOL(struct options, raw, false,
	    "jq: strings as they are, without quotes"),
	JOB_END
};

/*--- reading --------------------------------------------------------------*/

/* How deep brackets are nested, outside of strings. */
static bool
too_deep(const char *text, size_t len)
{
	unsigned depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && (c == '{' || c == '[') &&
		    ++depth > DEPTH_MAX)
			return (true);
		else if (!quoted && (c == '}' || c == ']') && depth > 0)
			depth--;
	}
	return (false);
}

static int
deep(struct job *job)
{
	return (job_fail(job, 413, "the document is nested more than %d deep",
	    DEPTH_MAX));
}

static int
line_of(const char *text, size_t at)
{
	int line = 1;

	for (size_t i = 0; i < at; i++)
		line += text[i] == '\n';
	return (line);
}

static const char *
text_of(const struct job *job)
{
	return (static_cast<const char *>(job->in));
}

static int
wrong_syntax(struct job *job, const char *text, size_t at, const char *why)
{
	return (job_fail(job, 422, "no JSON: line %d, byte %zu: %s",
	    line_of(text, at), at, why));
}

/* 0, or -1 with the place that is wrong. */
static int
read_document(struct job *job, const char *text, size_t len, json *to)
{
	if (too_deep(text, len))
		return (deep(job));
	try {
		*to = json::parse(text, text + len);
	} catch (const json::parse_error &e) {
		return (wrong_syntax(job, text, e.byte > 0 ? e.byte - 1 : 0,
		    "a value, a comma or a bracket is missing or too much"));
	} catch (const json::exception &e) {
		return (job_fail(job, 422, "no JSON: %.200s", e.what()));
	}
	return (0);
}

/*--- answering ------------------------------------------------------------*/

static std::string out_text;
static std::vector<uint8_t> out_bytes;

static int
answer_text(struct job *job, std::string text)
{
	out_text = std::move(text);
	return (job_answer(job, "application/json", out_text.data(),
	    out_text.size()));
}

static int
answer_bytes(struct job *job, const char *type, std::vector<uint8_t> bytes)
{
	out_bytes = std::move(bytes);
	return (job_answer(job, type, out_bytes.data(), out_bytes.size()));
}

/*--- at RapidJSON's speed -------------------------------------------------*/

#define FLAGS (rapidjson::kParseFullPrecisionFlag | \
    rapidjson::kParseValidateEncodingFlag | \
    rapidjson::kParseNumbersAsStringsFlag)

/* From event to event: no document is built, numbers stay as they are. */
template <typename Handler> static int
stream(struct job *job, Handler &to)
{
	rapidjson::MemoryStream in(text_of(job), job->in_len);
	rapidjson::EncodedInputStream<rapidjson::UTF8<>,
	    rapidjson::MemoryStream> utf8(in);
	rapidjson::Reader reader;

	if (too_deep(text_of(job), job->in_len))
		return (deep(job));
	if (reader.Parse<FLAGS>(utf8, to))
		return (0);
	return (wrong_syntax(job, text_of(job), reader.GetErrorOffset(),
	    rapidjson::GetParseError_En(reader.GetParseErrorCode())));
}

/* Numbers as they were written; the library would quote them. */
template <typename Base> struct exact : Base {
	using Base::Base;
	bool RawNumber(const char *text, rapidjson::SizeType len, bool)
	{
		return (this->RawValue(text, len, rapidjson::kNumberType));
	}
};

static rapidjson::StringBuffer rewritten;

static int
pretty(struct job *job, const struct options *o)
{
	exact<rapidjson::PrettyWriter<rapidjson::StringBuffer>> w(rewritten);

	rewritten.Clear();
	w.SetIndent(' ', static_cast<unsigned>(o->indent));
	if (stream(job, w) != 0)
		return (-1);
	return (job_answer(job, "application/json", rewritten.GetString(),
	    rewritten.GetSize()));
}

static int
minify(struct job *job)
{
	size_t len = 0;

	out_bytes.resize(job->in_len + SQUEEZE_SLACK);
	if (squeeze(job, text_of(job), job->in_len,
	    reinterpret_cast<char *>(out_bytes.data()), &len) != 0)
		return (-1);
	return (job_answer(job, "application/json", out_bytes.data(), len));
}

static int
validate(struct job *job)
{
	if (squeeze(job, text_of(job), job->in_len, nullptr, nullptr) != 0)
		return (-1);
	return (job_answer(job, job->in_type, job->in, job->in_len));
}

/*--- schemas --------------------------------------------------------------*/

static int
find_schema(struct job *job, const char *option, const char **text,
    size_t *len)
{
	const void *data;
	const char *type;
	json value;

	if (option == nullptr)
		return (job_fail(job, 400, "option \"schema\" is missing"));
	value = json::parse(option, nullptr, false);
	if (!value.is_string()) {
		*text = option;
		*len = strlen(option);
		return (0);
	}
	if (job_fetch(job, value.get<std::string>().c_str(), &data, len,
	    &type) != 0)
		return (-1);
	*text = static_cast<const char *>(data);
	return (0);
}

static int
check_schema(struct job *job, const struct options *o)
{
	rapidjson::Document schema, document;
	const char *text = "";
	size_t len = 0;

	if (find_schema(job, o->schema, &text, &len) != 0)
		return (-1);
	if (too_deep(text, len) || too_deep(text_of(job), job->in_len))
		return (deep(job));
	if (schema.Parse(text, len).HasParseError())
		return (job_fail(job, 400, "the schema is no JSON: byte %zu: "
		    "%s", schema.GetErrorOffset(),
		    rapidjson::GetParseError_En(schema.GetParseError())));
	if (document.Parse<rapidjson::kParseValidateEncodingFlag>(text_of(job),
	    job->in_len).HasParseError())
		return (wrong_syntax(job, text_of(job),
		    document.GetErrorOffset(),
		    rapidjson::GetParseError_En(document.GetParseError())));
	rapidjson::SchemaDocument compiled(schema);
	rapidjson::SchemaValidator validator(compiled);
	if (!document.Accept(validator)) {
		rapidjson::StringBuffer where;

		validator.GetInvalidDocumentPointer()
		    .StringifyUriFragment(where);
		return (job_fail(job, 422, "%.300s is not what the schema "
		    "wants: \"%.60s\"", where.GetString(),
		    validator.GetInvalidSchemaKeyword()));
	}
	return (job_answer(job, job->in_type, job->in, job->in_len));
}

/*--- changes --------------------------------------------------------------*/

static int
change(struct job *job, const struct options *o)
{
	json document, with, result;

	if (read_document(job, text_of(job), job->in_len, &document) != 0)
		return (-1);
	if (o->with == nullptr)
		return (job_fail(job, 400, "option \"with\" is missing"));
	if (read_document(job, o->with, strlen(o->with), &with) != 0)
		return (-1);
	try {
		if (o->op == PATCH) {
			result = document.patch(with);
		} else if (o->op == MERGE) {
			document.merge_patch(with);
			result = std::move(document);
		} else {
			result = json::diff(document, with);
		}
	} catch (const json::exception &e) {
		return (job_fail(job, 422, "the patch does not fit: %.300s",
		    e.what()));
	}
	return (answer_text(job, result.dump()));
}

static int
part(struct job *job, const struct options *o)
{
	json document;

	if (read_document(job, text_of(job), job->in_len, &document) != 0)
		return (-1);
	try {
		return (answer_text(job,
		    document.at(json::json_pointer(o->path)).dump()));
	} catch (const json::parse_error &) {
		return (job_fail(job, 400, "option \"path\" is no pointer: "
		    "%.200s", o->path));
	} catch (const json::exception &) {
		return (job_fail(job, 404, "there is nothing at \"%.200s\"",
		    o->path));
	}
}

/*--- other formats --------------------------------------------------------*/

/*
 * Binary formats nest without brackets: a handler that counts comes before
 * the document is built.
 */
struct depth_counter : nlohmann::json_sax<json> {
	unsigned depth = 0;

	bool down() { return (++depth <= DEPTH_MAX); }
	bool up() { depth--; return (true); }
	bool null() override { return (true); }
	bool boolean(bool) override { return (true); }
	bool number_integer(number_integer_t) override { return (true); }
	bool number_unsigned(number_unsigned_t) override { return (true); }
	bool number_float(number_float_t, const string_t &) override
	    { return (true); }
	bool string(string_t &) override { return (true); }
	bool binary(binary_t &) override { return (true); }
	bool key(string_t &) override { return (true); }
	bool start_object(std::size_t) override { return (down()); }
	bool end_object() override { return (up()); }
	bool start_array(std::size_t) override { return (down()); }
	bool end_array() override { return (up()); }
	bool parse_error(std::size_t, const std::string &,
	    const nlohmann::detail::exception &) override { return (false); }
};

static int
format_of(const struct job *job, const struct options *o)
{
	static const struct {
		const char *part;
		enum format format;
	} types[] = { { "cbor", CBOR }, { "msgpack", MSGPACK },
		{ "yaml", YAML } };

	if (o->from != AUTO)
		return (o->from);
	for (const auto &type : types)
		if (strcasestr(job->in_type, type.part) != nullptr)
			return (type.format);
	return (JSON);
}

static int
read_binary(struct job *job, bool cbor, json *to)
{
	const uint8_t *in = static_cast<const uint8_t *>(job->in);
	const char *name = cbor ? "CBOR" : "MessagePack";
	depth_counter counter;

	try {
		if (!json::sax_parse(in, in + job->in_len, &counter, cbor ?
		    json::input_format_t::cbor :
		    json::input_format_t::msgpack))
			return (counter.depth > DEPTH_MAX ? deep(job) :
			    job_fail(job, 422, "broken %s", name));
		*to = cbor ? json::from_cbor(in, in + job->in_len) :
		    json::from_msgpack(in, in + job->in_len);
	} catch (const json::exception &e) {
		return (job_fail(job, 422, "broken %s: %.200s", name,
		    e.what()));
	}
	return (0);
}

static int
read_any(struct job *job, const struct options *o, json *to)
{
	switch (format_of(job, o)) {
	case CBOR: return (read_binary(job, true, to));
	case MSGPACK: return (read_binary(job, false, to));
	case YAML: return (yaml_read(job, text_of(job), job->in_len,
	    DEPTH_MAX, to));
	default: return (read_document(job, text_of(job), job->in_len, to));
	}
}

static int
convert(struct job *job, const struct options *o)
{
	json document;

	if (read_any(job, o, &document) != 0)
		return (-1);
	try {
		switch (o->to) {
		case CBOR:
			return (answer_bytes(job, "application/cbor",
			    json::to_cbor(document)));
		case MSGPACK:
			return (answer_bytes(job, "application/msgpack",
			    json::to_msgpack(document)));
		case YAML:
			if (yaml_write(job, document, &out_text) != 0)
				return (-1);
			return (job_answer(job, "application/yaml",
			    out_text.data(), out_text.size()));
		default:
			return (answer_text(job, document.dump()));
		}
	} catch (const json::exception &) {
		return (job_fail(job, 422, "it has what \"to\" cannot say, "
		    "such as text that is no UTF-8"));
	}
}

/* A filter that the program itself has is compiled before the first request. */
static int
prepare(struct job *job, const void *chosen)
{
	const struct options *o = static_cast<const struct options *>(chosen);

	if (squeeze_prepare(job, chosen) != 0)
		return (-1);
	return (o->filter != nullptr ? filter_prepare(job, o->filter,
	    o->args) : 0);
}

static int
run(struct job *job, const void *chosen)
{
	const struct options *o = static_cast<const struct options *>(chosen);

	switch (o->op) {
	case VALIDATE: return (validate(job));
	case MINIFY: return (minify(job));
	case PRETTY: return (pretty(job, o));
	case POINTER: return (part(job, o));
	case SCHEMA: return (check_schema(job, o));
	case JQ: return (filter_run(job, o->filter, o->args, o->raw));
	case CONVERT: return (convert(job, o));
	default: return (change(job, o));
	}
}

int
main(int argc, char **argv)
{
	static const struct job_program program = {
		.name = "json",
		.summary = "Checks, rewrites, changes and converts JSON.",
		.options = options,
		.options_size = sizeof(struct options),
		.run = run,
		.bare = "op",
		.url = JOB_URL_FETCH,
		.prepare = prepare,
		.again = filter_free,
	};

	return (job_main(&program, argc, argv));
}
