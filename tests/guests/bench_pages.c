/* SPDX-License-Identifier: BSD-2-Clause */
/* For measuring: call-back 1 dirties ARG pages, 2 makes ARG empty calls. */
#include "kvm_api.h"

#define PAGES_MAX 2048
static volatile char memory[PAGES_MAX][4096];

static long
empty_call(long number)
{
	long r;

	__asm__ volatile("out %%eax, $0" : "=a"(r) : "a"(number) : "memory");
	return (r);
}

static void
stop(void)
{
	(void)empty_call(0x10010);
}

static void
on_pages(const char *n, const char *unused)
{
	(void)unused;
	for (long i = 0; i < (long)(intptr_t)n && i < PAGES_MAX; i++)
		memory[i][0] = 1;
	stop();
}

static void
on_calls(const char *n, const char *unused)
{
	(void)unused;
	for (long i = 0; i < (long)(intptr_t)n; i++)
		(void)empty_call(0x1f000);
	stop();
}

int
main(void)
{
	register_func(1, (void (*)(void))on_pages);
	register_func(2, (void (*)(void))on_calls);
	wait_for_requests();
}
