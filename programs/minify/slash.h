/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * slash.h: whether "/" divides or begins a regular expression in JavaScript,
 * by the tokens before it and the brackets around it. After a block, a
 * declaration or an operator it begins one; after an operand, and what a
 * function, class or object as an operand ends with, it divides.
 */
#ifndef SLASH_H
#define SLASH_H

#include <stdbool.h>
#include <stddef.h>

#define SLASH_DEPTH_MAX 65536

struct slash {
	bool regex;		/* an operand comes next: "/" begins one */
	bool statement;		/* so may a statement */
	bool unsure;		/* one of both, by the function around */
	bool lost;		/* from here on nothing is known */
	/* What the last token was, beyond that. */
	const char *word;	/* a word that says something, or NULL */
	bool began;		/* that word stands where statements begin */
	bool arguments;		/* of a function that is an operand */
	char function;		/* its parenthesis comes: 'd', 'e' or 0 */
	/* Brackets around; the first is the script itself. */
	struct slash_level *levels;
	size_t depth, room;
};

/* 0 or -1: there is no memory. */
int slash_begin(struct slash *);
void slash_end(struct slash *);

/* A string, a number, a regular expression or a whole template. */
void slash_operand(struct slash *);
/* A word; member: a dot is before it; newline: the end of a line. */
void slash_word(struct slash *, const char *word, size_t len, bool member,
    bool newline);
/* "=>", "++", "--", "?", "??", "?." and single characters; no brackets. */
void slash_sign(struct slash *, const char *sign, size_t len, bool newline);
/* "(", "[", "{", or '`' for "${". 0, or -1: nested too deep. */
int slash_open(struct slash *, char c, bool newline);
/* Its end, '`' for that of "${". 0, or -1: it is another bracket's. */
int slash_close(struct slash *, char c);
/* Whether what is open is "${". */
bool slash_in_template(const struct slash *);
/* Whether nothing is open. */
bool slash_closed(const struct slash *);

#endif
