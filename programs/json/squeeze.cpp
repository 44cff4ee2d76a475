/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * simdjson finds where tokens begin, outside of strings, and checks UTF-8 and
 * control characters. What is left is the grammar over these places, by a
 * table, and copying from one blank to the next. No number is converted: none
 * is too large, and none changes.
 */
#include <cstdint>
#include <cstring>
#include <memory>

#include "simdjson.h"
#include "squeeze.h"

namespace {

/* What a token is by its first byte. */
enum kind : uint8_t { OTHER, OBJECT, OBJECT_END, ARRAY, ARRAY_END, COLON,
	COMMA, STRING, NUMBER, WORD, KINDS };

/* What may come next. The two that follow a value come in pairs. */
enum state : uint8_t { VALUE, FIRST_VALUE, FIRST_KEY, KEY, AFTER_KEY,
	IN_OBJECT, IN_ARRAY, DONE, STATES, WRONG = STATES, UP, DOWN_OBJECT,
	DOWN_ARRAY, LEAF };

const uint8_t next_of[STATES][KINDS] = {
	/*              other  {            }      [           ]      :      ,
	 *              "          number  word */
	/* VALUE */	{ WRONG, DOWN_OBJECT, WRONG, DOWN_ARRAY, WRONG, WRONG,
			  WRONG, LEAF, LEAF, LEAF },
	/* FIRST_VALUE */ { WRONG, DOWN_OBJECT, WRONG, DOWN_ARRAY, UP, WRONG,
			  WRONG, LEAF, LEAF, LEAF },
	/* FIRST_KEY */	{ WRONG, WRONG, UP, WRONG, WRONG, WRONG,
			  WRONG, AFTER_KEY, WRONG, WRONG },
	/* KEY */	{ WRONG, WRONG, WRONG, WRONG, WRONG, WRONG,
			  WRONG, AFTER_KEY, WRONG, WRONG },
	/* AFTER_KEY */	{ WRONG, WRONG, WRONG, WRONG, WRONG, VALUE,
			  WRONG, WRONG, WRONG, WRONG },
	/* IN_OBJECT */	{ WRONG, WRONG, UP, WRONG, WRONG, WRONG,
			  KEY, WRONG, WRONG, WRONG },
	/* IN_ARRAY */	{ WRONG, WRONG, WRONG, WRONG, UP, WRONG,
			  VALUE, WRONG, WRONG, WRONG },
	/* DONE */	{ WRONG, WRONG, WRONG, WRONG, WRONG, WRONG,
			  WRONG, WRONG, WRONG, WRONG },
};

struct kinds {
	uint8_t of[256] = {};

	constexpr kinds()
	{
		of['{'] = OBJECT;
		of['}'] = OBJECT_END;
		of['['] = ARRAY;
		of[']'] = ARRAY_END;
		of[':'] = COLON;
		of[','] = COMMA;
		of['"'] = STRING;
		of['-'] = NUMBER;
		for (int c = '0'; c <= '9'; c++)
			of[c] = NUMBER;
		of['t'] = of['f'] = of['n'] = WORD;
	}
};
constexpr kinds kinds;

inline bool
blank(char c)
{
	return (c == ' ' || c == '\n' || c == '\r' || c == '\t');
}

/* What simdjson looks through at once. */
const size_t PIECE = 65536;

struct walk {
	struct job *job;
	const char *in, *end;
	char *out;			/* NULL: only check */
};

int
wrong(const struct walk *w, const char *at, const char *why)
{
	size_t line = 1;

	if (at > w->end)
		at = w->end;
	for (const char *p = w->in; p < at; p++)
		line += *p == '\n';
	return (job_fail(w->job, 422, "no JSON: line %zu, byte %zu: %s", line,
	    static_cast<size_t>(at - w->in), why));
}

/* Whether a number or word may end before p. */
inline bool
ends(const struct walk *w, const char *p)
{
	return (p == w->end || blank(*p) || *p == ',' || *p == '}' ||
	    *p == ']' || *p == ':');
}

inline const char *
digits(const struct walk *w, const char *p)
{
	while (p < w->end && *p >= '0' && *p <= '9')
		p++;
	return (p);
}

bool
number(const struct walk *w, const char *p)
{
	const char *from;

	p += *p == '-';
	from = p;
	p = digits(w, p);
	if (p == from || (*from == '0' && p - from > 1))
		return (false);
	if (p < w->end && *p == '.') {
		from = ++p;
		if ((p = digits(w, p)) == from)
			return (false);
	}
	if (p < w->end && (*p | 0x20) == 'e') {
		p++;
		p += p < w->end && (*p == '+' || *p == '-');
		from = p;
		if ((p = digits(w, p)) == from)
			return (false);
	}
	return (ends(w, p));
}

inline bool
word(const struct walk *w, const char *p)
{
	size_t left = static_cast<size_t>(w->end - p);

	if (left < 4)
		return (false);
	if (memcmp(p, "true", 4) == 0 || memcmp(p, "null", 4) == 0)
		return (ends(w, p + 4));
	return (left > 4 && memcmp(p, "false", 5) == 0 && ends(w, p + 5));
}

inline bool
hex(char c)
{
	return ((c >= '0' && c <= '9') ||
	    ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'));
}

/*
 * Backslashes only stand in strings here, the grammar has seen to that, so that
 * all can be looked at from left to right.
 */
int
escapes(const struct walk *w, const char *p, const char *till)
{
	while (p < till && (p = static_cast<const char *>(memchr(p, '\\',
	    static_cast<size_t>(till - p)))) != nullptr) {
		if (w->end - p < 2 || p[1] == '\0' ||
		    strchr("\"\\/bfnrtu", p[1]) == nullptr)
			return (wrong(w, p, "there is no such escape"));
		if (p[1] == 'u' && (w->end - p < 6 || !hex(p[2]) ||
		    !hex(p[3]) || !hex(p[4]) || !hex(p[5])))
			return (wrong(w, p, "\\u needs four hexadecimal "
			    "digits"));
		p += 2;
	}
	return (0);
}

/* May write up to 31 bytes more than it should, which SQUEEZE_SLACK allows. */
inline char *
copy(const struct walk *w, char *to, const char *from, const char *till)
{
	size_t len = static_cast<size_t>(till - from);

	if (static_cast<size_t>(w->end - from) < len + 32 || len > 256) {
		memcpy(to, from, len);
		return (to + len);
	}
	memcpy(to, from, 32);
	for (size_t i = 32; i < len; i += 32)
		memcpy(to + i, from + i, 32);
	return (to + len);
}

/* Tokens, from blank to blank. */
struct copier {
	const struct walk *w;
	const char *from;		/* what is not copied yet */
	char *to;

	/* A token begins at p, behind another one at `last`. */
	void token(const char *p, const char *last, bool one_byte)
	{
		const char *till = p;

		if (!blank(p[-1]))
			return;
		if (one_byte)
			till = last + 1;
		else
			while (blank(till[-1]))
				till--;
		to = copy(w, to, from, till);
		from = p;
	}
};

/* Where in the grammar it is. stack: a bit for each level, set in an object. */
struct grammar {
	uint64_t stack[SQUEEZE_DEPTH_MAX / 64 + 2] = {};
	copier c = {};
	const char *last = nullptr;	/* the token before; NULL: none was */
	uint8_t kind = OTHER, state = VALUE;
	unsigned depth = 0;

	template <bool writes> int tokens(const walk *w, const char *base,
	    const uint32_t *at, size_t n);
};

/* The tokens of a piece. */
template <bool writes> int
grammar::tokens(const walk *w, const char *base, const uint32_t *at, size_t n)
{
	if (last == nullptr)
		c = { w, base + at[0], w->out };
	for (size_t i = 0; i < n; i++) {
		const char *p = base + at[i];
		uint8_t before = kind, next;

		kind = kinds.of[static_cast<uint8_t>(*p)];
		next = next_of[state][kind];
		if (writes && last != nullptr)
			c.token(p, last, before < STRING);
		last = p;
		if (next < STATES) {
			state = next;
			continue;
		}
		if (next == LEAF) {
			if ((kind == NUMBER && !number(w, p)) ||
			    (kind == WORD && !word(w, p)))
				return (wrong(w, p, kind == NUMBER ?
				    "this is no number" : "this is no value"));
		} else if (next == UP) {
			depth--;
		} else if (next == WRONG) {
			return (wrong(w, p, state == AFTER_KEY ? "a colon is "
			    "missing" : state == KEY || state == FIRST_KEY ?
			    "a key is missing" : "a value, a comma or a "
			    "bracket is missing or too much"));
		} else {
			uint64_t bit = 1ull << (++depth % 64);

			if (depth > SQUEEZE_DEPTH_MAX)
				return (job_fail(w->job, 413, "the document is "
				    "nested more than %d deep",
				    SQUEEZE_DEPTH_MAX));
			state = next == DOWN_OBJECT ? FIRST_KEY : FIRST_VALUE;
			stack[depth / 64] &= ~bit;
			stack[depth / 64] |= next == DOWN_OBJECT ? bit : 0;
			continue;
		}
		state = depth == 0 ? DONE : (stack[depth / 64] >> depth % 64 &
		    1) != 0 ? IN_OBJECT : IN_ARRAY;
	}
	return (0);
}

/* Behind the last piece. */
int
finish(const walk *w, const grammar *g, size_t *out_len)
{
	const char *till = w->end;

	if (g->last == nullptr)
		return (wrong(w, w->in, "there is nothing"));
	if (g->state != DONE)
		return (wrong(w, w->end, "it ends too early"));
	if (w->out == nullptr)
		return (0);
	while (blank(till[-1]))
		till--;
	*out_len = static_cast<size_t>(copy(w, g->c.to, g->c.from, till) -
	    w->out);
	return (0);
}

/*
 * Pieces that end with a line, which no string may: places of tokens, which
 * take four bytes each, stay in the cache, and so does the text between the
 * two times it is read. One piece is all when there are no lines.
 */
const char *
piece_end(const walk *w, const char *from)
{
	size_t left = static_cast<size_t>(w->end - from);
	const void *end;

	if (left <= PIECE)
		return (w->end);
	end = memrchr(from, '\n', PIECE);
	if (end == nullptr)
		end = memchr(from + PIECE, '\n', left - PIECE);
	return (end != nullptr ? static_cast<const char *>(end) + 1 : w->end);
}

int
piece_wrong(const walk *w, const char *from, const char *till,
    simdjson::error_code error)
{
	if (error == simdjson::UTF8_ERROR)
		return (wrong(w, from, "the document is no UTF-8"));
	if (error == simdjson::UNCLOSED_STRING && till == w->end)
		return (wrong(w, w->end, "a string is not closed"));
	return (wrong(w, from, "a string has a control character"));
}

int
piece(const walk *w, grammar *g, const char *from, const char *till,
    simdjson::internal::dom_parser_implementation *stage)
{
	simdjson::error_code error = stage->stage1(
	    reinterpret_cast<const uint8_t *>(from), static_cast<size_t>(till -
	    from), simdjson::stage1_mode::regular);
	const uint32_t *at = stage->structural_indexes.get();
	size_t n = stage->n_structural_indexes;

	if (error == simdjson::EMPTY)
		return (0);
	if (error != simdjson::SUCCESS)
		return (piece_wrong(w, from, till, error));
	if ((w->out != nullptr ? g->tokens<true>(w, from, at, n) :
	    g->tokens<false>(w, from, at, n)) != 0)
		return (-1);
	return (escapes(w, from, till));
}

}

int
squeeze_prepare(struct job *, const void *)
{
	/* The first use finds out what the processor can do. */
	return (simdjson::validate_utf8("", 0) ? 0 : -1);
}

int
squeeze(struct job *job, const char *in, size_t len, char *out,
    size_t *out_len)
{
	using simdjson::internal::dom_parser_implementation;
	std::unique_ptr<dom_parser_implementation> stage;
	struct walk w = { job, in, in + len, out };
	const char *from = in, *till = in;
	size_t room = 0;
	grammar g;

	if (len >= UINT32_MAX - SQUEEZE_SLACK)
		return (job_fail(job, 413, "the document has more than 4 GB"));
	for (; from < w.end; from = till) {
		till = piece_end(&w, from);
		if (static_cast<size_t>(till - from) > room) {
			room = static_cast<size_t>(till - from);
			room = room < PIECE && len > PIECE ? PIECE : room;
			if (simdjson::get_active_implementation()
			    ->create_dom_parser_implementation(room, 1, stage)
			    != simdjson::SUCCESS)
				return (job_fail(job, 413, "there is not "
				    "enough memory for %zu bytes", len));
		}
		if (piece(&w, &g, from, till, stage.get()) != 0)
			return (-1);
	}
	return (finish(&w, &g, out_len));
}

/* That of AVX-512 stores bytes in a way that AMD's processors are slow at. */
static const simdjson::implementation *
minifier(void)
{
	const simdjson::implementation *avx2 =
	    simdjson::get_available_implementations()["haswell"];

	if (avx2 != nullptr && avx2->supported_by_runtime_system())
		return (avx2);
	return (simdjson::get_active_implementation());
}
static const simdjson::implementation *const plain = minifier();

int
squeeze_unchecked(struct job *job, const char *in, size_t len, char *out,
    size_t *out_len)
{
	/* Found before main(): CPUID leaves the machine. */
	return (plain->minify(reinterpret_cast<const uint8_t *>(in), len,
	    reinterpret_cast<uint8_t *>(out), *out_len) == simdjson::SUCCESS ?
	    0 : job_fail(job, 422, "no JSON: a string is not closed"));
}
