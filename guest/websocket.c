/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * websocket: an echo server that speaks WebSocket (RFC 6455), to copy from.
 *
 *	"websocket": {
 *		"filename": "/usr/local/lib/tinykvm/programs/websocket",
 *		"websocket_server": { "port": 8088 }
 *	}
 *
 * A connection first sends an HTTP request that asks for an upgrade, then
 * frames. Messages of up to MESSAGE_MAX bytes, in any number of fragments, come
 * back as they were. What a client may not do (unmasked frames, reserved bits,
 * fragments out of order, text that is not UTF-8) closes its connection with
 * the code that the RFC has for it.
 *
 * Output that the other side does not take is kept, at most OUT_MAX bytes per
 * connection, until it is writable again.
 */
#define _GNU_SOURCE		/* memmem() */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "kvm_api.h"

#define CONNS 65536
#define FIRST_FD 0x1000
#define REQUEST_MAX 8192		/* the HTTP request with its fields */
#define MESSAGE_MAX (256 << 10)
#define OUT_MAX (1 << 20)

enum { OP_MORE, OP_TEXT, OP_BINARY, OP_CLOSE = 8, OP_PING, OP_PONG };
enum { BAD_PROTOCOL = 1002, BAD_TEXT = 1007, TOO_BIG = 1009 };

struct bytes {
	uint8_t *p;
	size_t n, room;
};

struct conn {
	int fd;
	bool upgraded;		/* the handshake is done */
	bool closing;		/* close it when all is written */
	bool dead;		/* no memory, or the other side is gone */
	int op;			/* of the message under way; 0: none */
	struct bytes in, message, out;
	size_t used;		/* of in: small frames are many */
};

static struct conn *conns[CONNS];

/*--- bytes ----------------------------------------------------------------*/

static bool
add(struct bytes *b, const void *data, size_t n)
{
	size_t room = b->room;
	uint8_t *p;

	while (b->n + n > room)
		room = room == 0 ? 1024 : room * 2;
	if (room != b->room) {
		p = realloc(b->p, room);
		if (p == NULL)
			return (false);
		b->p = p;
		b->room = room;
	}
	if (n > 0)
		memcpy(b->p + b->n, data, n);
	b->n += n;
	return (true);
}

static void
drop(struct bytes *b, size_t n)
{
	memmove(b->p, b->p + n, b->n - n);
	b->n -= n;
}

/* Large buffers of rare messages are not kept. */
static void
clear(struct bytes *b)
{
	b->n = 0;
	if (b->room > 4096) {
		free(b->p);
		memset(b, 0, sizeof *b);
	}
}

/*--- the handshake's arithmetic -------------------------------------------*/

static uint32_t
rotate(uint32_t v, int n)
{
	return (v << n | v >> (32 - n));
}

static void
sha1_block(uint32_t h[5], const uint8_t *p)
{
	uint32_t w[80], v[5], f, k, t;

	for (int i = 0; i < 16; i++)
		w[i] = (uint32_t)p[4 * i] << 24 | (uint32_t)p[4 * i + 1] << 16 |
		    (uint32_t)p[4 * i + 2] << 8 | p[4 * i + 3];
	for (int i = 16; i < 80; i++)
		w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
	memcpy(v, h, sizeof v);
	for (int i = 0; i < 80; i++) {
		if (i < 20)
			f = (v[1] & v[2]) | (~v[1] & v[3]), k = 0x5a827999;
		else if (i < 40)
			f = v[1] ^ v[2] ^ v[3], k = 0x6ed9eba1;
		else if (i < 60)
			f = (v[1] & v[2]) | (v[1] & v[3]) | (v[2] & v[3]),
			k = 0x8f1bbcdc;
		else
			f = v[1] ^ v[2] ^ v[3], k = 0xca62c1d6;
		t = rotate(v[0], 5) + f + v[4] + k + w[i];
		v[4] = v[3];
		v[3] = v[2];
		v[2] = rotate(v[1], 30);
		v[1] = v[0];
		v[0] = t;
	}
	for (int i = 0; i < 5; i++)
		h[i] += v[i];
}

/* Of a text of at most 119 bytes: that is two blocks with what belongs to it */
static void
sha1(const char *text, uint8_t out[20])
{
	uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476,
	    0xc3d2e1f0};
	uint8_t block[128] = {0};
	size_t n = strlen(text), end = n < 56 ? 64 : 128;

	memcpy(block, text, n);
	block[n] = 0x80;
	block[end - 2] = (uint8_t)(n * 8 >> 8);
	block[end - 1] = (uint8_t)(n * 8);
	for (size_t at = 0; at < end; at += 64)
		sha1_block(h, block + at);
	for (int i = 0; i < 20; i++)
		out[i] = (uint8_t)(h[i / 4] >> (24 - 8 * (i % 4)));
}

static void
base64(const uint8_t *p, size_t n, char *out)
{
	static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)p[i] << 16 |
		    (i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0) |
		    (i + 2 < n ? p[i + 2] : 0);

		*out++ = digit[v >> 18];
		*out++ = digit[v >> 12 & 63];
		*out++ = i + 1 < n ? digit[v >> 6 & 63] : '=';
		*out++ = i + 2 < n ? digit[v & 63] : '=';
	}
	*out = '\0';
}

/*--- output ---------------------------------------------------------------*/

static void
flush(struct conn *c)
{
	ssize_t n;

	while (c->out.n > 0) {
		n = write(c->fd, c->out.p, c->out.n);
		if (n <= 0)
			return;	/* SOCKET_WRITABLE or _DISCONNECTED follows */
		drop(&c->out, (size_t)n);
	}
	clear(&c->out);
	if (c->closing)
		c->dead = true;
}

static void
put(struct conn *c, const void *data, size_t n)
{
	if (c->out.n + n > OUT_MAX || !add(&c->out, data, n))
		c->dead = true;
}

static void
put_frame(struct conn *c, int op, const void *data, size_t n)
{
	uint8_t head[10] = {(uint8_t)(0x80 | op)};
	size_t len = 2;

	if (n < 126) {
		head[1] = (uint8_t)n;
	} else if (n < 65536) {
		head[1] = 126;
		len = 4;
	} else {
		head[1] = 127;
		len = 10;
	}
	for (size_t i = 2; i < len; i++)
		head[i] = (uint8_t)(n >> 8 * (len - 1 - i));
	put(c, head, len);
	put(c, data, n);
}

static void
end(struct conn *c, int code)
{
	const uint8_t reason[2] = {(uint8_t)(code >> 8), (uint8_t)code};

	put_frame(c, OP_CLOSE, reason, sizeof reason);
	c->closing = true;
}

/*--- the handshake --------------------------------------------------------*/

/* The value of a field of the request in buf, or NULL. */
static const char *
field(const char *request, const char *name, char *buf, size_t size)
{
	size_t len = strlen(name), n;
	const char *line = request;

	while ((line = strstr(line, "\r\n")) != NULL) {
		line += 2;
		if (strncasecmp(line, name, len) != 0 || line[len] != ':')
			continue;
		line += len + 1;
		line += strspn(line, " \t");
		n = strcspn(line, "\r\n");
		while (n > 0 && (line[n - 1] == ' ' || line[n - 1] == '\t'))
			n--;
		if (n >= size)
			return (NULL);
		memcpy(buf, line, n);
		buf[n] = '\0';
		return (buf);
	}
	return (NULL);
}

static void
refuse(struct conn *c, const char *status)
{
	char text[200];

	put(c, text, (size_t)snprintf(text, sizeof text, "HTTP/1.1 %s\r\n"
	    "Sec-WebSocket-Version: 13\r\nContent-Length: 0\r\n"
	    "Connection: close\r\n\r\n", status));
	c->closing = true;
}

static void
answer_upgrade(struct conn *c, const char *request)
{
	char key[120], value[120], text[200];
	uint8_t hash[20];

	if (strncmp(request, "GET ", 4) != 0 ||
	    field(request, "Upgrade", value, sizeof value) == NULL ||
	    strcasecmp(value, "websocket") != 0 ||
	    field(request, "Sec-WebSocket-Version", value, sizeof value) ==
	    NULL || strcmp(value, "13") != 0) {
		refuse(c, "426 Upgrade Required");
		return;
	}
	/* 16 bytes in base64. */
	if (field(request, "Sec-WebSocket-Key", key, sizeof key) == NULL ||
	    strlen(key) != 24) {
		refuse(c, "400 Bad Request");
		return;
	}
	strcat(key, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
	sha1(key, hash);
	base64(hash, sizeof hash, value);
	put(c, text, (size_t)snprintf(text, sizeof text,
	    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
	    "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", value));
	c->upgraded = true;
}

/* True when the request was complete and is used up. */
static bool
handshake(struct conn *c)
{
	uint8_t *at;

	at = memmem(c->in.p, c->in.n, "\r\n\r\n", 4);
	if (at == NULL || (size_t)(at - c->in.p) > REQUEST_MAX) {
		if (c->in.n > REQUEST_MAX)
			refuse(c, "431 Request Header Fields Too Large");
		return (false);
	}
	at[2] = '\0';		/* a NUL before it only ends the text sooner */
	answer_upgrade(c, (const char *)c->in.p);
	c->used = (size_t)(at + 4 - c->in.p);
	return (true);
}

/*--- frames ---------------------------------------------------------------*/

static bool
is_utf8(const uint8_t *p, size_t n)
{
	for (size_t i = 0, more; i < n; i += more + 1) {
		uint32_t v = p[i];
		static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};

		more = v < 0x80 ? 0 : v >> 5 == 6 ? 1 : v >> 4 == 14 ? 2 :
		    v >> 3 == 30 ? 3 : n;
		if (more > n - i - 1)
			return (false);
		v &= more == 0 ? 0x7f : 0x3fu >> more;
		for (size_t k = 1; k <= more; k++) {
			if (p[i + k] >> 6 != 2)
				return (false);
			v = v << 6 | (p[i + k] & 0x3f);
		}
		if (v < least[more] || v > 0x10ffff || v >> 11 == 0x1b)
			return (false);
	}
	return (true);
}

static void
message(struct conn *c)
{
	if (c->op == OP_TEXT && !is_utf8(c->message.p, c->message.n))
		end(c, BAD_TEXT);
	else
		put_frame(c, c->op, c->message.p, c->message.n);
	clear(&c->message);
	c->op = 0;
}

static void
closed_by_client(struct conn *c, const uint8_t *data, size_t n)
{
	int code = n < 2 ? 0 : data[0] << 8 | data[1];

	/* Its own code goes back, if it may be sent at all. */
	if (n == 1 || (n >= 2 && (code < 1000 || code > 4999 ||
	    (code > 1003 && code < 1007) || (code > 1014 && code < 3000) ||
	    !is_utf8(data + 2, n - 2)))) {
		end(c, BAD_PROTOCOL);
		return;
	}
	put_frame(c, OP_CLOSE, data, n < 2 ? 0 : 2);
	c->closing = true;
}

static void
control(struct conn *c, int op, const uint8_t *data, size_t n)
{
	if (op == OP_CLOSE)
		closed_by_client(c, data, n);
	else if (op == OP_PING)
		put_frame(c, OP_PONG, data, n);
	else if (op != OP_PONG)
		end(c, BAD_PROTOCOL);
}

static void
data_frame(struct conn *c, int op, bool last, const uint8_t *data, size_t n)
{
	/* The first has the kind, those that go on have none. */
	if (op > OP_BINARY || (op == OP_MORE) != (c->op != 0)) {
		end(c, BAD_PROTOCOL);
		return;
	}
	if (op != OP_MORE)
		c->op = op;
	if (!add(&c->message, data, n))
		c->dead = true;
	else if (last)
		message(c);
}

/* One frame, if it is there: true, and it is used up. */
static bool
frame(struct conn *c)
{
	uint8_t *p = c->in.p + c->used;
	size_t head, there = c->in.n - c->used;
	bool is_control, last;
	uint64_t n;

	if (there < 2)
		return (false);
	last = p[0] >> 7;
	is_control = (p[0] & 8) != 0;
	n = p[1] & 0x7f;
	if ((p[0] & 0x70) != 0 || p[1] >> 7 == 0 ||
	    (is_control && (n > 125 || !last))) {
		end(c, BAD_PROTOCOL);
		return (false);
	}
	head = n == 126 ? 4 : n == 127 ? 10 : 2;
	if (there < head)
		return (false);
	for (size_t i = 2; i < head; i++)
		n = i == 2 ? p[i] : n << 8 | p[i];
	if (n > MESSAGE_MAX || n + c->message.n > MESSAGE_MAX) {
		end(c, TOO_BIG);
		return (false);
	}
	if (there - head < 4 + n)
		return (false);
	for (size_t i = 0; i < n; i++)
		p[head + 4 + i] ^= p[head + i % 4];
	if (is_control)
		control(c, p[0] & 15, p + head + 4, n);
	else
		data_frame(c, p[0] & 15, last, p + head + 4, n);
	c->used += head + 4 + n;
	return (true);
}

/*--- connections ----------------------------------------------------------*/

static struct conn *
open_conn(int fd)
{
	struct conn *c = calloc(1, sizeof *c);

	if (c != NULL)
		c->fd = fd;
	else
		(void)close(fd);
	return (c);
}

static void
free_conn(int fd)
{
	struct conn **cp = &conns[fd - FIRST_FD];

	if (*cp == NULL)
		return;
	free((*cp)->in.p);
	free((*cp)->message.p);
	free((*cp)->out.p);
	free(*cp);
	*cp = NULL;
}

static void
data_came(struct conn *c, const uint8_t *data, size_t n)
{
	if (c->closing)
		return;		/* whatever it says now is too late */
	if (!add(&c->in, data, n)) {
		c->dead = true;
		return;
	}
	while (!c->closing && !c->dead &&
	    (c->upgraded ? frame(c) : handshake(c)))
		;
	drop(&c->in, c->used);
	c->used = 0;
	if (c->in.n == 0)
		clear(&c->in);
	flush(c);
}

static void
handle(const struct kvm_socket_event *e)
{
	struct conn **cp = &conns[e->fd - FIRST_FD];

	if (e->event == SOCKET_CONNECTED)
		*cp = open_conn(e->fd);
	else if (e->event == SOCKET_DISCONNECTED)
		free_conn(e->fd);
	else if (*cp != NULL && e->event == SOCKET_WRITABLE)
		flush(*cp);
	else if (*cp != NULL && e->event == SOCKET_READ)
		data_came(*cp, e->data, e->data_len);
	if (*cp != NULL && (*cp)->dead) {
		(void)close(e->fd);
		free_conn(e->fd);
	}
}

/* Each system begins here, with a machine of its own. */
static void
serve(int system_id)
{
	struct kvm_socket_event events[16];
	int n;

	(void)system_id;
	for (;;) {
		n = wait_for_socket_events_paused(events, 16);
		for (int i = 0; i < n; i++)
			handle(&events[i]);
	}
}

int
main(void)
{
	if (IS_LINUX_MAIN()) {
		fputs("websocket answers WebSocket connections; name it in a "
		    "library with a \"websocket_server\"\n", stderr);
		return (2);
	}
	set_socket_prepare_for_pause(serve);
	wait_for_requests();
}
