/* SPDX-License-Identifier: BSD-2-Clause */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <cstring>

#include "pattern.h"
#include "refused.h"

namespace {

/* Steps for one string: some milliseconds. */
const uint32_t STEPS_MAX = 200000;
const uint32_t HEAP_MAX = 16384;	/* KiB */
const uint32_t GROUPS_MAX = 200;	/* inside of each other */

/* What has another meaning, or none, to one of both. */
const struct {
	char letter;
	const char *means, *in_set;
} escapes[] = {
	{ 'v', "\\x0b", "\\x0b" },
	{ 's', "[\\s\\xa0\\ufeff\\u2028\\u2029\\p{Zs}]",
	  "\\s\\xa0\\ufeff\\u2028\\u2029\\p{Zs}" },
	{ 'S', "[^\\s\\xa0\\ufeff\\u2028\\u2029\\p{Zs}]", nullptr },
};
const char *const SAME_ESCAPES = "dDwWbBtnrfcxupPk0123456789";
/* What may follow "(?". */
const char *const groups[] = { ":", "=", "!", "<=", "<!" };

/* From one language to the other, from left to right. */
struct translation {
	const std::string &from;
	std::string to;
	size_t at = 0;
	bool set = false;		/* between [ and ] */
	bool quantified = false;	/* what stands before repeats */

	explicit translation(const std::string &text) : from(text) { }

	[[noreturn]] void wrong(const std::string &why) const
	{
		throw refused{ 400, "the schema's regular expression \"" +
		    from.substr(0, 100) + "\": " + why };
	}

	char next(size_t ahead) const
	{
		return (at + ahead < from.size() ? from[at + ahead] : '\0');
	}

	void escape()
	{
		char c = next(1);

		for (const auto &e : escapes) {
			const char *means = set ? e.in_set : e.means;

			if (c != e.letter)
				continue;
			if (means == nullptr)
				wrong("\\S within brackets is not read");
			to += means;
			at += 2;
			return;
		}
		if (isalnum(static_cast<unsigned char>(c)) &&
		    strchr(SAME_ESCAPES, c) == nullptr)
			wrong(std::string("ECMA 262 has no \\") + c);
		to.append(from, at, 2);
		at += 2;
	}

	/* "(?i)", "(?>", "(?P<" and "(*" are Perl's. */
	void group()
	{
		bool known = next(1) != '?' && next(1) != '*';

		for (const char *start : groups)
			known = known || from.compare(at + 2, strlen(start),
			    start) == 0;
		/* A name. */
		known = known || (next(1) == '?' && next(2) == '<' &&
		    (isalpha(static_cast<unsigned char>(next(3))) ||
		    next(3) == '_' || next(3) == '$'));
		if (!known)
			wrong("ECMA 262 has no group \"" + from.substr(at, 3) +
			    "\"");
		to += from[at++];
	}

	/* "a++" never goes back, to Perl. */
	void quantifier()
	{
		bool braces = false;
		size_t end = at + 1;

		if (from[at] == '{') {
			while (end < from.size() && (isdigit(
			    static_cast<unsigned char>(from[end])) ||
			    from[end] == ','))
				end++;
			braces = end < from.size() && from[end] == '}' &&
			    isdigit(static_cast<unsigned char>(next(1)));
			end = braces ? end + 1 : at + 1;
		}
		if (from[at] == '+' && quantified)
			wrong("there is nothing that \"+\" could repeat");
		to.append(from, at, end - at);
		at = end;
		quantified = from[at - 1] != '{' || braces;
	}

	void in_set()
	{
		char c = from[at];

		if (c == '[' && (next(1) == ':' || next(1) == '.' ||
		    next(1) == '=')) {
			to += "\\[";
			at++;
			return;
		}
		set = c != ']';
		to += from[at++];
	}

	void outside()
	{
		char c = from[at];

		if (c == '*' || c == '+' || c == '?' || c == '{') {
			quantifier();
			return;
		}
		quantified = false;
		if (c == '(') {
			group();
			return;
		}
		set = c == '[';
		to += from[at++];
		if (set && next(0) == '^')
			to += from[at++];
		/* "[]" is empty, "[^]" is all. */
	}

	std::string all()
	{
		while (at < from.size()) {
			if (from[at] == '\\') {
				escape();
				quantified = false;
			} else if (set) {
				in_set();
			} else {
				outside();
			}
		}
		return (to);
	}
};

}

pattern::pattern(const std::string &from) : text(from)
{
	pcre2_compile_context *how = pcre2_compile_context_create(nullptr);
	std::string ours = translation(from).all();
	PCRE2_UCHAR why[200];
	PCRE2_SIZE at = 0;
	int error = 0;
	pcre2_code *made;

	(void)pcre2_set_compile_extra_options(how, PCRE2_EXTRA_ALT_BSUX);
	(void)pcre2_set_newline(how, PCRE2_NEWLINE_ANYCRLF);
	(void)pcre2_set_parens_nest_limit(how, GROUPS_MAX);
	made = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(ours.data()),
	    ours.size(), PCRE2_UTF | PCRE2_DOLLAR_ENDONLY |
	    PCRE2_ALLOW_EMPTY_CLASS | PCRE2_MATCH_UNSET_BACKREF |
	    PCRE2_NEVER_BACKSLASH_C, &error, &at, how);
	pcre2_compile_context_free(how);
	if (made == nullptr) {
		(void)pcre2_get_error_message(error, why, sizeof why);
		throw refused{ 400, "the schema's regular expression \"" +
		    from.substr(0, 100) + "\": " +
		    reinterpret_cast<const char *>(why) };
	}
	code.reset(made, [](void *p) {
		pcre2_code_free(static_cast<pcre2_code *>(p)); });
	match.reset(pcre2_match_data_create(1, nullptr), [](void *p) {
		pcre2_match_data_free(static_cast<pcre2_match_data *>(p)); });
}

bool
pattern::finds(const std::string &subject) const
{
	pcre2_match_context *how = pcre2_match_context_create(nullptr);
	int r;

	(void)pcre2_set_match_limit(how, STEPS_MAX);
	(void)pcre2_set_heap_limit(how, HEAP_MAX);
	r = pcre2_match(static_cast<pcre2_code *>(code.get()),
	    reinterpret_cast<PCRE2_SPTR>(subject.data()), subject.size(), 0, 0,
	    static_cast<pcre2_match_data *>(match.get()), how);
	pcre2_match_context_free(how);
	if (r >= 0)
		return (true);
	if (r != PCRE2_ERROR_NOMATCH)
		throw refused{ 413, "the schema's regular expression \"" +
		    text.substr(0, 100) + "\" takes too long" };
	return (false);
}
