/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * json: checks, rewrites, changes and converts JSON. simdjson finds the tokens
 * of what has to be fast; what is changed or converted is a tree, which
 * RapidJSON reads and nlohmann's library changes.
 */
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include <rapidjson/prettywriter.h>
#include <rapidjson/stringbuffer.h>

#include "binary.h"
#include "events.h"
#include "filter.h"
#include "job.h"
#include "readable.h"
#include "schema.h"
#include "squeeze.h"
#include "tree.h"

struct options {
	int op, to, from;
	bool raw, slurp;
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
	    "schema: a JSON Schema (draft 4 to 2020-12), or the URL of one"),
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
	JOB_BOOL(struct options, slurp, false,
	    "jq: all documents of the input as one array"),
	JOB_END
};

static const char *
text_of(const struct job *job)
{
	return (static_cast<const char *>(job->in));
}

static int
read_input(struct job *job, json *to)
{
	return (tree_read(job, text_of(job), job->in_len, 422, "no JSON", to));
}

/*--- answering ------------------------------------------------------------*/

static std::string out_text;
static std::vector<uint8_t> out_bytes;

static int
answer(struct job *job, const json &from)
{
	if (!tree_write(from, &out_text))
		return (job_fail(job, 422, "a string is no UTF-8"));
	return (job_answer(job, "application/json", out_text.data(),
	    out_text.size()));
}

/*--- without a tree -------------------------------------------------------*/

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
	const char *wrong;

	rewritten.Clear();
	w.SetIndent(' ', static_cast<unsigned>(o->indent));
	if (tree_check(job, text_of(job), job->in_len, 422, "no JSON") != 0)
		return (-1);
	wrong = events(text_of(job), text_of(job) + job->in_len, w);
	if (wrong != nullptr)
		return (tree_wrong(job, 422, "no JSON", text_of(job), wrong));
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
read_schema(struct job *job, const char *option, json *to)
{
	const void *data;
	const char *type;
	size_t len = 0;

	if (option == nullptr)
		return (job_fail(job, 400, "option \"schema\" is missing"));
	if (tree_read(job, option, strlen(option), 400, "the schema is no "
	    "JSON", to) != 0)
		return (-1);
	if (!to->is_string())
		return (0);
	if (job_fetch(job, to->get<std::string>().c_str(), &data, &len,
	    &type) != 0)
		return (-1);
	return (tree_read(job, static_cast<const char *>(data), len, 400,
	    "the schema is no JSON", to));
}

static int
check_schema(struct job *job, const struct options *o)
{
	json schema, document;

	if (read_schema(job, o->schema, &schema) != 0 ||
	    read_input(job, &document) != 0 ||
	    schema_check(job, schema, document) != 0)
		return (-1);
	return (job_answer(job, job->in_type, job->in, job->in_len));
}

/*--- changes --------------------------------------------------------------*/

static int
change(struct job *job, const struct options *o)
{
	json document, with, result;

	if (read_input(job, &document) != 0)
		return (-1);
	if (o->with == nullptr)
		return (job_fail(job, 400, "option \"with\" is missing"));
	if (tree_read(job, o->with, strlen(o->with), 400,
	    "option \"with\"", &with) != 0)
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
	return (answer(job, result));
}

static int
part(struct job *job, const struct options *o)
{
	json document;

	if (read_input(job, &document) != 0)
		return (-1);
	try {
		return (answer(job,
		    document.at(json::json_pointer(o->path))));
	} catch (const json::parse_error &) {
		return (job_fail(job, 400, "option \"path\" is no pointer: "
		    "%.200s", o->path));
	} catch (const json::exception &) {
		return (job_fail(job, 404, "there is nothing at \"%.200s\"",
		    o->path));
	}
}

/*--- other formats --------------------------------------------------------*/

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
read_any(struct job *job, const struct options *o, json *to)
{
	switch (format_of(job, o)) {
	case CBOR: return (cbor_read(job, to));
	case MSGPACK: return (msgpack_read(job, to));
	case YAML: return (yaml_read(job, text_of(job), job->in_len,
	    DEPTH_MAX, to));
	default: return (read_input(job, to));
	}
}

static int
convert(struct job *job, const struct options *o)
{
	json document;
	int r;

	if (read_any(job, o, &document) != 0)
		return (-1);
	switch (o->to) {
	case CBOR:
	case MSGPACK:
		r = o->to == CBOR ? cbor_write(job, document, &out_bytes) :
		    msgpack_write(job, document, &out_bytes);
		return (r != 0 ? r : job_answer(job, o->to == CBOR ?
		    "application/cbor" : "application/msgpack",
		    out_bytes.data(), out_bytes.size()));
	case YAML:
		if (yaml_write(job, document, &out_text) != 0)
			return (-1);
		return (job_answer(job, "application/yaml", out_text.data(),
		    out_text.size()));
	default:
		return (answer(job, document));
	}
}

/* A filter that the program itself has is compiled before the first request. */
static int
prepare(struct job *job, const void *chosen)
{
	const struct options *o = static_cast<const struct options *>(chosen);

	if (squeeze_prepare(job, chosen) != 0)
		return (-1);
	if (o->filter != nullptr &&
	    filter_prepare(job, o->filter, o->args) != 0)
		return (-1);
	filter_start();
	return (0);
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
	case JQ: return (filter_run(job, o->filter, o->args, o->raw,
	    o->slurp));
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
		.in_pieces = nullptr,
		.piece = nullptr,
	};

	return (job_main(&program, argc, argv));
}
