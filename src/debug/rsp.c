/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rsp.c: packets of gdb's remote serial protocol (gdb's manual, appendix E):
 * $data#checksum, with } before bytes that are escaped by 0x20.
 */
#include <string.h>

#include "debug/debug_priv.h"

static int
digit(char c)
{
	if (c >= '0' && c <= '9')
		return (c - '0');
	if (c >= 'a' && c <= 'f')
		return (c - 'a' + 10);
	if (c >= 'A' && c <= 'F')
		return (c - 'A' + 10);
	return (-1);
}

static void
add(struct rsp_in *in, unsigned char c)
{
	if (in->n < RSP_MAX)
		in->data[in->n++] = (char)c;
	else
		in->too_long = true;
}

static void
begin(struct rsp_in *in)
{
	in->state = RSP_DATA;
	in->n = 0;
	in->sum = 0;
	in->too_long = false;
}

static enum rsp_event
finish(struct rsp_in *in, int low)
{
	in->state = RSP_IDLE;
	if (low < 0 || in->too_long || in->sum != (in->want | low))
		return (RSP_BAD);
	in->data[in->n] = '\0';
	return (RSP_PACKET);
}

enum rsp_event
rsp_feed(struct rsp_in *in, unsigned char c)
{
	int d;

	switch (in->state) {
	case RSP_IDLE:
		if (c == '$')
			begin(in);
		return (c == 3 ? RSP_INTERRUPT : RSP_NOTHING);
	case RSP_DATA:
	case RSP_ESCAPE:
		if (c == '#') {
			in->state = RSP_SUM1;
		} else if (c == '$') {
			begin(in);	/* the one before was cut off */
		} else {
			in->sum = (uint8_t)(in->sum + c);
			if (in->state == RSP_ESCAPE)
				add(in, c ^ 0x20);
			else if (c != '}')
				add(in, c);
			in->state = in->state == RSP_DATA && c == '}' ?
			    RSP_ESCAPE : RSP_DATA;
		}
		return (RSP_NOTHING);
	case RSP_SUM1:
		d = digit((char)c);
		in->state = d < 0 ? RSP_IDLE : RSP_SUM2;
		if (d < 0)
			return (RSP_BAD);
		in->want = (uint8_t)(d << 4);
		return (RSP_NOTHING);
	case RSP_SUM2:
		break;
	}
	return (finish(in, digit((char)c)));
}

size_t
rsp_frame(const char *data, size_t n, char *out)
{
	static const char hex[] = "0123456789abcdef";
	uint8_t sum = 0;
	size_t at = 0;

	out[at++] = '$';
	for (size_t i = 0; i < n; i++) {
		char c = data[i];

		if (c == '#' || c == '$' || c == '}' || c == '*') {
			out[at++] = '}';
			c ^= 0x20;
		}
		out[at++] = c;
	}
	for (size_t i = 1; i < at; i++)
		sum = (uint8_t)(sum + (uint8_t)out[i]);
	out[at++] = '#';
	out[at++] = hex[sum >> 4];
	out[at++] = hex[sum & 15];
	return (at);
}

bool
rsp_hex(const char **p, uint64_t *v)
{
	unsigned n = 0;
	int d;

	*v = 0;
	while ((d = digit(**p)) >= 0) {
		if (++n > 16)
			return (false);
		*v = *v << 4 | (unsigned)d;
		(*p)++;
	}
	return (n > 0);
}

bool
rsp_char(const char **p, char c)
{
	if (**p != c)
		return (false);
	(*p)++;
	return (true);
}

bool
rsp_bytes(const char **p, uint8_t *to, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int high = digit((*p)[0]), low = high < 0 ? -1 : digit((*p)[1]);

		if (low < 0)
			return (false);
		to[i] = (uint8_t)(high << 4 | low);
		*p += 2;
	}
	return (true);
}

void
rsp_to_hex(const void *from, size_t n, char *to)
{
	static const char hex[] = "0123456789abcdef";
	const uint8_t *b = from;

	for (size_t i = 0; i < n; i++) {
		*to++ = hex[b[i] >> 4];
		*to++ = hex[b[i] & 15];
	}
	*to = '\0';
}
