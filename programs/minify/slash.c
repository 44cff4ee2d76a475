/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "slash.h"


/*
 * '(' a parenthesis, 'c' behind "if" and its like, 'f' behind "for", 'e' of a
 * function that is an operand; '['; '{' a block or another body behind which
 * statements begin, 'o' an object, 'x' a body that ends an operand; '`' an
 * expression in a template.
 */
struct slash_level {
	char kind;
	char class;		/* its body comes: 'd' declared, 'e' operand */
	bool heading;		/* more than the word "class" was there */
	unsigned questions;	/* "?" without their ":" */
};

enum what { OPERAND, OPERATOR, STATEMENT, CONTROL, FOR, FUNCTION, CLASS,
	DEFAULT, OF, ASYNC, UNSURE, DECLARES, EXPORT };

static const struct {
	const char *word;
	enum what what;
} words[] = {
	{ "return", OPERATOR }, { "typeof", OPERATOR },
	{ "instanceof", OPERATOR }, { "in", OPERATOR }, { "new", OPERATOR },
	{ "delete", OPERATOR }, { "void", OPERATOR }, { "throw", OPERATOR },
	{ "case", OPERATOR }, { "extends", OPERATOR },
	/* Behind the last three a semicolon is meant. */
	{ "do", STATEMENT }, { "else", STATEMENT }, { "break", STATEMENT },
	{ "continue", STATEMENT }, { "debugger", STATEMENT },
	{ "if", CONTROL }, { "while", CONTROL }, { "with", CONTROL },
	{ "for", FOR }, { "function", FUNCTION }, { "class", CLASS },
	{ "default", DEFAULT }, { "of", OF }, { "async", ASYNC },
	/* Names, but for some functions. */
	{ "yield", UNSURE }, { "await", UNSURE },
	{ "let", DECLARES }, { "const", DECLARES }, { "var", DECLARES },
	{ "export", EXPORT }, { "import", EXPORT }, { "from", EXPORT },
};

static struct slash_level *
top(const struct slash *s)
{
	return (&s->levels[s->depth]);
}

static int
push(struct slash *s, char kind)
{
	struct slash_level *more;

	if (s->depth + 1 >= s->room) {
		if (s->depth >= SLASH_DEPTH_MAX)
			return (-1);
		s->room = s->room * 2 + 64;
		more = realloc(s->levels, s->room * sizeof *more);
		if (more == NULL)
			return (-1);
		s->levels = more;
	}
	s->levels[++s->depth] = (struct slash_level){ .kind = kind };
	return (0);
}

int
slash_begin(struct slash *s)
{
	*s = (struct slash){ .regex = true, .statement = true, .room = 64 };
	s->levels = malloc(s->room * sizeof *s->levels);
	if (s->levels == NULL)
		return (-1);
	s->levels[0] = (struct slash_level){ .kind = '{' };
	return (0);
}

void
slash_end(struct slash *s)
{
	free(s->levels);
}

/* What every token says, until it says more. */
static void
is_now(struct slash *s, bool regex, bool statement)
{
	s->regex = regex;
	s->statement = statement;
	s->unsure = s->arguments = false;
	s->word = NULL;
}

static bool
is_body(const struct slash_level *l)
{
	return (l->kind == '{' || l->kind == 'x');
}

static bool
was(const struct slash *s, const char *word)
{
	return (s->word != NULL && strcmp(s->word, word) == 0);
}

void
slash_operand(struct slash *s)
{
	bool import = was(s, "import") || was(s, "from");

	/* What is imported ends a statement, but "from" may be a name. */
	is_now(s, import, import);
	s->unsure = import;
}

/* "of" in "for (x of y)", not where it is a name. */
static bool
is_of(const struct slash *s, bool operand)
{
	return (top(s)->kind == 'f' && !was(s, "let") && !was(s, "const") &&
	    !was(s, "var") && (operand || s->statement));
}

/* Whether a function or class begins a statement, and is no operand. */
static bool
declared(const struct slash *s, bool operand, bool newline)
{
	if (was(s, "async") && !newline)
		return (s->began);
	/* A semicolon is missing before it. */
	return (s->statement || operand || was(s, "export"));
}

/*
 * Where a line's end stands before what cannot go on with the operand, a
 * semicolon is meant: a statement begins there, too.
 */
static void
known_word(struct slash *s, const char *word, enum what what, bool newline)
{
	bool operand = !s->regex, of = is_of(s, operand);
	bool began = s->statement || operand;
	char as = declared(s, operand, newline) ? 'd' : 'e';
	bool loop = was(s, "for");

	switch (what) {
	case OPERATOR: is_now(s, true, false); break;
	case STATEMENT: case DEFAULT: is_now(s, true, true); break;
	case OF: is_now(s, of, false); break;
	case FUNCTION:
		is_now(s, false, false);
		s->function = as;
		break;
	case CLASS:
		is_now(s, false, false);
		/* One in the heading of another: that is too much for here. */
		s->lost = s->lost || top(s)->class != 0;
		top(s)->class = as;
		top(s)->heading = false;
		break;
	case UNSURE:
		is_now(s, true, false);
		s->unsure = true;
		break;
	default: is_now(s, false, false); break;
	}
	s->word = loop && strcmp(word, "await") == 0 ? "for" : word;
	s->began = began;
}

void
slash_word(struct slash *s, const char *word, size_t len, bool member,
    bool newline)
{
	bool label = !newline && (was(s, "break") || was(s, "continue"));

	if (member) {
		is_now(s, false, false);
		return;
	}
	if (top(s)->class != 0)
		top(s)->heading = true;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (*words[i].word == *word && strlen(words[i].word) == len &&
		    memcmp(word, words[i].word, len) == 0) {
			known_word(s, words[i].word, words[i].what, newline);
			return;
		}
	/* Behind the label of "break", too. */
	is_now(s, label, label);
}

static void
colon(struct slash *s)
{
	struct slash_level *l = top(s);
	bool ternary = l->questions != 0;

	l->questions -= ternary;
	/* Behind a label or a case. */
	is_now(s, true, !ternary && is_body(l));
}

void
slash_sign(struct slash *s, const char *sign, size_t len, bool newline)
{
	struct slash_level *l = top(s);
	bool star = s->function != 0 && *sign == '*';

	/* These were names of members: "class:" or "function =". */
	if (l->class != 0 && !l->heading)
		l->class = 0;
	if (!star)
		s->function = 0;
	if (*sign == ':') {
		colon(s);
	} else if (len == 2 && (*sign == '+' || *sign == '-')) {
		/* Behind an operand it belongs to it. */
		is_now(s, s->regex || newline, false);
	} else if (*sign == ';') {
		l->questions = 0;
		is_now(s, true, is_body(l));
	} else {
		l->questions += *sign == '?' && len == 1;
		is_now(s, true, false);
		s->word = *sign == '=' && len == 2 ? "=>" : NULL;
	}
}

/* What "{" opens, by what stands before it. */
static char
brace(struct slash *s, bool newline)
{
	struct slash_level *l = top(s);
	char class = l->class;

	if (class != 0 && !s->regex) {
		l->class = 0;
		return (class == 'd' ? '{' : 'x');
	}
	if (s->arguments)
		return ('x');
	if (was(s, "default"))
		return ('o');
	if (was(s, "=>") || (newline && (was(s, "return") ||
	    was(s, "yield"))))
		return ('{');
	/* An object that is waited for, or a block behind a name. */
	s->lost = s->lost || (newline && was(s, "await"));
	return (s->regex && !s->statement ? 'o' : '{');
}

int
slash_open(struct slash *s, char c, bool newline)
{
	char kind = c;

	if (c == '{') {
		kind = brace(s, newline);
	} else if (c == '(') {
		kind = s->function == 'e' ? 'e' : was(s, "for") ? 'f' :
		    was(s, "if") || was(s, "while") || was(s, "with") ? 'c' :
		    '(';
		/* A method of that name. */
		if (top(s)->class != 0 && !top(s)->heading)
			top(s)->class = 0;
	}
	s->function = 0;
	if (push(s, kind) != 0)
		return (-1);
	is_now(s, true, is_body(top(s)));
	return (0);
}

int
slash_close(struct slash *s, char c)
{
	static const struct {
		char end;
		const char *kinds;
	} ends[] = { { ')', "(cfe" }, { ']', "[" }, { '}', "{ox" },
		{ '`', "`" } };
	char kind = top(s)->kind;
	bool statement = kind == 'c' || kind == 'f' || kind == '{';

	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
		if (ends[i].end == c && (s->depth == 0 ||
		    strchr(ends[i].kinds, kind) == NULL))
			return (-1);
	s->depth--;
	s->function = 0;
	is_now(s, statement, statement);
	s->arguments = kind == 'e';
	return (0);
}

bool
slash_in_template(const struct slash *s)
{
	return (top(s)->kind == '`');
}

bool
slash_closed(const struct slash *s)
{
	return (s->depth == 0);
}
