/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * http_bench PORT ROUNDS PATH LABEL ...: one keep-alive connection to loopback;
 * asks for each path in turn, ROUNDS times; a row for each. Ends with a failure
 * when an answer is not 200.
 */
#include "bench.h"
#include "client.h"

#define PATHS_MAX 8
static struct samples samples[PATHS_MAX];

static uint64_t
ask(int fd, const char *path)
{
	static struct answer a;
	uint64_t t = tkvm_now_ns();

	if (client_ask(fd, path, &a) != 0)
		die("varnishd closed the connection, or an answer has no "
		    "Content-Length");
	t = tkvm_now_ns() - t;
	if (a.status != 200) {
		fprintf(stderr, "bench: %s: %d\n", path, a.status);
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
	fd = client_connect(atoi(argv[1]));
	if (fd < 0)
		die("cannot connect to varnishd");
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
