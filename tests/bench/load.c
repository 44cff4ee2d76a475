/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * load PORT PATH CONNECTIONS REQUESTS: asks for the path on so many keep-alive
 * connections at once until REQUESTS were answered, or, with 0, until standard
 * input ends. The answers are numbers, of a counter that nobody else counts:
 * each from 1 to the number of answers must come exactly once. Says so on
 * standard output; status 1 when it is not so or an answer was not 200.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "bench.h"
#include "client.h"

#define CONNECTIONS_MAX 64
#define NUMBERS_MAX (1u << 26)

static struct {
	const char *path;
	int port;
	unsigned long requests;			/* 0: until stop */
	atomic_ulong asked, answered, failed, twice, beyond;
	atomic_bool stop;
	_Atomic unsigned char seen[NUMBERS_MAX / 8];
} load;

static void
see(unsigned long n)
{
	unsigned char bit = (unsigned char)(1u << n % 8);

	if (n == 0 || n >= NUMBERS_MAX)
		atomic_fetch_add(&load.beyond, 1);
	else if ((atomic_fetch_or(&load.seen[n / 8], bit) & bit) != 0)
		atomic_fetch_add(&load.twice, 1);
}

static bool
go_on(void)
{
	unsigned long limit = load.requests != 0 ? load.requests :
	    NUMBERS_MAX - CONNECTIONS_MAX;

	return (!atomic_load(&load.stop) &&
	    atomic_fetch_add(&load.asked, 1) < limit);
}

static void *
client(void *arg)
{
	static _Thread_local struct answer a;
	int fd = client_connect(load.port);

	(void)arg;
	while (go_on()) {
		if (fd < 0 || client_ask(fd, load.path, &a) != 0) {
			atomic_fetch_add(&load.failed, 1);
			(void)close(fd);
			fd = client_connect(load.port);
		} else if (a.status != 200) {
			atomic_fetch_add(&load.failed, 1);
		} else {
			atomic_fetch_add(&load.answered, 1);
			see(strtoul(a.body, NULL, 10));
		}
	}
	(void)close(fd);
	return (NULL);
}

/* Numbers up to the number of answers that never came. */
static unsigned long
missing(void)
{
	unsigned long n = 0;

	for (unsigned long i = 1; i <= load.answered; i++)
		n += (load.seen[i / 8] >> i % 8 & 1) == 0;
	return (n);
}

static int
report(uint64_t ns)
{
	bool good = load.failed == 0 && load.twice == 0 && load.beyond == 0 &&
	    missing() == 0 && load.answered != 0;

	printf("%lu requests, %lu failed, %.1f us from answer to answer; ",
	    load.answered + load.failed, load.failed, (double)ns / 1e3 /
	    (double)(load.answered + load.failed));
	if (good)
		printf("each number from 1 to %lu once\n", load.answered);
	else
		printf("%lu numbers missing, %lu twice, %lu too large\n",
		    missing(), load.twice, load.beyond);
	return (good ? 0 : 1);
}

int
main(int argc, char **argv)
{
	pthread_t thread[CONNECTIONS_MAX];
	unsigned long n;
	uint64_t t;

	if (argc != 5)
		die("usage: load PORT PATH CONNECTIONS REQUESTS");
	load.port = atoi(argv[1]);
	load.path = argv[2];
	n = strtoul(argv[3], NULL, 10);
	load.requests = strtoul(argv[4], NULL, 10);
	if (n < 1 || n > CONNECTIONS_MAX || load.requests >= NUMBERS_MAX)
		die("too many connections or requests");
	t = tkvm_now_ns();
	for (unsigned i = 0; i < n; i++)
		if (pthread_create(&thread[i], NULL, client, NULL) != 0)
			die("no thread");
	if (load.requests == 0) {
		while (getchar() != EOF)
			continue;
		load.stop = true;
	}
	for (unsigned i = 0; i < n; i++)
		(void)pthread_join(thread[i], NULL);
	return (report(tkvm_now_ns() - t));
}
