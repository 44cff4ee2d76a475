/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * http_bench PORT ROUNDS PATH LABEL ...: one keep-alive connection to loopback;
 * asks for each path in turn, ROUNDS times; a row for each. Ends with a failure
 * when an answer is not 200.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "bench.h"

#define PATHS_MAX 8
static struct samples samples[PATHS_MAX];

static int
connect_to(int port)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	const struct timeval limit = {.tv_sec = 20};
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
		die("cannot connect to varnishd");
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	return (fd);
}

/* Bytes of the whole answer once its header is in buf; 0: not yet. */
static size_t
answer_size(const char *buf)
{
	const char *end = strstr(buf, "\r\n\r\n");
	const char *length = strcasestr(buf, "\r\ncontent-length:");

	if (end == NULL)
		return (0);
	if (length == NULL || length > end)
		die("an answer has no Content-Length");
	return ((size_t)(end + 4 - buf) + strtoul(length + 17, NULL, 10));
}

static uint64_t
ask(int fd, const char *path)
{
	static char buf[65536];
	uint64_t t = tkvm_now_ns();
	size_t have = 0, want = 0;
	ssize_t n;
	int len = snprintf(buf, sizeof buf,
	    "GET %s HTTP/1.1\r\nHost: bench\r\n\r\n", path);

	if (write(fd, buf, (size_t)len) != len)
		die("varnishd closed the connection");
	buf[0] = '\0';
	do {
		n = read(fd, buf + have, sizeof buf - 1 - have);
		if (n <= 0)
			die("varnishd does not answer");
		have += (size_t)n;
		buf[have] = '\0';
		if (want == 0)
			want = answer_size(buf);
	} while (want == 0 || have < want);
	t = tkvm_now_ns() - t;
	if (strncmp(buf, "HTTP/1.1 200 ", 13) != 0) {
		buf[strcspn(buf, "\r")] = '\0';
		fprintf(stderr, "bench: %s: %s\n", path, buf);
		exit(1);
	}
	return (t);
}

int
main(int argc, char **argv)
{
	int fd, paths = (argc - 3) / 2;
	long rounds;

	if (argc < 5 || paths > PATHS_MAX)
		die("usage: http_bench PORT ROUNDS PATH LABEL ...");
	fd = connect_to(atoi(argv[1]));
	rounds = atol(argv[2]);
	for (long i = -rounds / 10; i < rounds; i++)
		for (int p = 0; p < paths; p++) {
			uint64_t ns = ask(fd, argv[3 + 2 * p]);

			if (i >= 0)
				sample(&samples[p], ns);
		}
	for (int p = 0; p < paths; p++)
		row_of("varnish", argv[4 + 2 * p], &samples[p], 1);
	(void)close(fd);
	return (0);
}
