/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * text.h: text of guests on its way to people.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

/* Control characters, which a terminal would obey, become '?'; tabs stay. */
static inline void
text_plain(char *s)
{
	for (; *s != '\0'; s++)
		if (((unsigned char)*s < ' ' && *s != '\t') || *s == 127)
			*s = '?';
}

#endif
