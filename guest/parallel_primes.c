/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parallel_primes: how many primes there are up to arg, counted on four CPUs at
 * once when the setting smp gives as many, on one otherwise.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "kvm_api.h"

#define CPUS 4
#define MOST 20000000ul

static _Atomic unsigned long primes;

static int
is_prime(unsigned long n)
{
	if (n < 4 || n % 2 == 0)
		return (n == 2 || n == 3);
	for (unsigned long d = 3; d * d <= n; d += 2)
		if (n % d == 0)
			return (0);
	return (1);
}

/* Every step-th number from first: shares of about the same work. */
static void
count(unsigned long first, unsigned long step, unsigned long last)
{
	unsigned long n = 0;

	for (unsigned long i = first; i <= last; i += step)
		n += (unsigned long)is_prime(i);
	atomic_fetch_add(&primes, n);
}

/* On CPUs 1 to 3. No call is possible there; all it does is compute. */
static void
share(void *last, void *unused1, void *unused2, void *unused3)
{
	(void)unused1;
	(void)unused2;
	(void)unused3;
	count((unsigned long)vcpuid(), CPUS, (unsigned long)last);
}

static void
on_get(const char *url, const char *arg)
{
	static char text[64];
	unsigned long last = strtoul(arg, NULL, 10);
	int len, alone;

	(void)url;
	if (last > MOST)
		backend_response_str(400, "text/plain", "that is too many\n");
	alone = multiprocess(CPUS, share, (void *)last, NULL, NULL, NULL) != 0;
	if (alone) {
		count(0, 1, last);
	} else {
		count(0, CPUS, last);
		multiprocess_wait();
	}
	len = snprintf(text, sizeof text, "%lu primes, %s\n",
	    (unsigned long)primes, alone ? "one CPU" : "four CPUs");
	backend_response(200, "text/plain", 10, text, (size_t)len);
}

int
main(void)
{
	if (IS_LINUX_MAIN()) {
		fprintf(stderr, "parallel_primes runs in a machine only\n");
		return (2);
	}
	set_backend_get(on_get);
	wait_for_requests();
}
