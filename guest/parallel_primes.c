/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parallel_primes: how many primes there are up to arg, counted on as many
 * CPUs at once as the URL says, "/4" if nothing; on one when the setting smp
 * does not give as many.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "kvm_api.h"

#define CPUS_MAX 16
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

/* On the other CPUs. No call is possible there; all it does is compute. */
static void
share(void *last, void *cpus, void *unused1, void *unused2)
{
	(void)unused1;
	(void)unused2;
	count((unsigned long)vcpuid(), (unsigned long)cpus,
	    (unsigned long)last);
}

static void
on_get(const char *url, const char *arg)
{
	static char text[64];
	unsigned long last = strtoul(arg, NULL, 10);
	unsigned long cpus = strtoul(url + (*url == '/'), NULL, 10);
	int len;

	if (cpus == 0)
		cpus = 4;
	if (last > MOST || cpus > CPUS_MAX)
		backend_response_str(400, "text/plain", "that is too many\n");
	if (multiprocess(cpus, share, (void *)last, (void *)cpus, NULL,
	    NULL) != 0)
		cpus = 1;
	count(0, cpus, last);
	multiprocess_wait();
	len = snprintf(text, sizeof text, "%lu primes, CPUs: %lu\n",
	    (unsigned long)primes, cpus);
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
