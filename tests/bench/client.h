/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * client.h: a keep-alive connection to varnishd on loopback that asks for a
 * path and waits for the whole answer. Answers need a Content-Length.
 */
#ifndef CLIENT_H
#define CLIENT_H

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* An answer, header and body, with a NUL behind. */
struct answer {
	char text[65536];
	const char *body;
	int status;
};

/* A socket, or -1. Nothing takes longer than 20 s. */
static inline int
client_connect(int port)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	const struct timeval limit = {.tv_sec = 20};
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	if (fd < 0)
		return (-1);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
		return (fd);
	(void)close(fd);
	return (-1);
}

/* Bytes of the whole answer once its header is there; 0: not yet, -1: never. */
static inline ssize_t
client_size(struct answer *a)
{
	const char *end = strstr(a->text, "\r\n\r\n");
	const char *length = strcasestr(a->text, "\r\ncontent-length:");

	if (end == NULL)
		return (0);
	if (length == NULL || length > end)
		return (-1);
	a->body = end + 4;
	return (end + 4 - a->text + strtol(length + 17, NULL, 10));
}

/* 0, or -1 when the connection broke or the answer is too large or odd. */
static inline int
client_ask(int fd, const char *path, struct answer *a)
{
	size_t have = 0;
	ssize_t n, want = 0;
	int len = snprintf(a->text, sizeof a->text,
	    "GET %s HTTP/1.1\r\nHost: bench\r\n\r\n", path);

	if (send(fd, a->text, (size_t)len, MSG_NOSIGNAL) != len)
		return (-1);
	a->text[0] = '\0';
	do {
		n = read(fd, a->text + have, sizeof a->text - 1 - have);
		if (n <= 0)
			return (-1);
		have += (size_t)n;
		a->text[have] = '\0';
		if (want == 0)
			want = client_size(a);
	} while (want == 0 || (want > 0 && have < (size_t)want));
	if (want < 0 || sscanf(a->text, "HTTP/1.1 %3d ", &a->status) != 1)
		return (-1);
	return (0);
}

#endif
