/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * debug_target.c: a program to look at with a debugger. Its URL says what it
 * does: "/break" calls sys_breakpoint(), "/crash" crashes, "/loop" runs on.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kvm_api.h"

#define KEEP __attribute__((noinline, noclone))

volatile int counter = 5;
volatile uint64_t watched = 1;
volatile double half = 0.5;

KEEP int
leaf(int n)
{
	counter += n;
	watched = (uint64_t)counter * 2;
	__asm__ volatile("nop");
	return (counter);
}

KEEP int
middle(int n)
{
	int r = leaf(n + 1);

	half *= 3;
	return (r + 1);
}

KEEP void
crash(volatile int *p)
{
	*p = 1;
	counter++;
}

KEEP void
system_call(void)
{
	(void)getpid();
	counter++;
}

static void
on_get(const char *url, const char *arg)
{
	char out[128];
	int n;

	(void)arg;
	if (strcmp(url, "/break") == 0)
		sys_breakpoint();
	if (strcmp(url, "/crash") == 0)
		crash((volatile int *)(uintptr_t)(counter - 5));
	while (strcmp(url, "/loop") == 0 && counter != 0)
		continue;
	system_call();
	n = middle(2);
	n = snprintf(out, sizeof out, "%d %d", n, counter);
	if (strcmp(url, "/asks") == 0)
		n = snprintf(out, sizeof out, "debug=%d", sys_is_debug());
	backend_response(200, "text/plain", 10, out, (size_t)n);
}

int
main(void)
{
	set_backend_get(on_get);
	wait_for_requests();
}
