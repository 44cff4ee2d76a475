/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Uses memory at addresses of its choice, executes what it wrote, touches
 * holes, as the URL says; arg is an address.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "kvm_api.h"

#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define STEP (2ul << 20)

static char text[256];

/* mov $42, %eax; ret */
static const unsigned char code[] = {0xb8, 42, 0, 0, 0, 0xc3};

static int
execute(void *at)
{
	memcpy(at, code, sizeof code);
	/* What a call reads there is no business of the compiler's. */
	__asm__ volatile("" : : "r"(at) : "memory");
	return (((int (*)(void))(uintptr_t)at)());
}

static long
map(uint64_t at, size_t len, int prot, int flags)
{
	void *p = mmap((void *)at, len, prot, ANON | flags, -1, 0);

	return (p == MAP_FAILED ? -1 : (long)(uintptr_t)p);
}

/* Each request finds what main() left there, at both ends. */
static void
on_count(uint64_t at)
{
	volatile uint32_t *first = (void *)at;
	volatile uint32_t *last = (void *)(at + 64 * (1 << 20) - 4);

	snprintf(text, sizeof text, "%u %u", ++*first, ++*last);
}

/* What is free is given; what is taken, is not; what is given back, is. */
static void
on_map(uint64_t at)
{
	long a = map(at + STEP, STEP, RW, 0), b = map(at + STEP, STEP, RW, 0);
	long c, d;

	*(volatile char *)a = 'a';
	*(volatile char *)b = 'b';
	munmap((void *)(at + STEP), STEP);
	c = map(at + STEP, STEP, RW, 0);
	d = *(volatile char *)c;
	*(volatile char *)c = 'c';
	map(at + STEP, 4096, RW, MAP_FIXED);
	snprintf(text, sizeof text, "%d %d %d %ld %d %d",
	    a == (long)(at + STEP), b != a && b != -1, c == a, d,
	    *(volatile char *)c, mprotect((void *)at, STEP, RW));
}

static void
on_heap(uint64_t unused)
{
	long a = map(0, 4096, RW | PROT_EXEC, 0);

	(void)unused;
	if (a == -1)
		snprintf(text, sizeof text, "refused %d", mprotect((void *)
		    (map(0, 4096, RW, 0)), 4096, PROT_EXEC));
	else
		snprintf(text, sizeof text, "%d %d %d", execute((void *)a),
		    execute(malloc(100)), mprotect((void *)a, 4096,
		    PROT_READ | PROT_EXEC));
}

/* Takes all memory there is: none of it in [at, at + 4 MiB). */
static void
on_avoid(uint64_t at)
{
	unsigned n = 0, inside = 0;
	long a;

	munmap((void *)at, 2 * STEP);
	while ((a = map(0, 1 << 20, RW, 0)) != -1) {
		n++;
		inside += (uint64_t)a + (1 << 20) > at &&
		    (uint64_t)a < at + 2 * STEP;
	}
	snprintf(text, sizeof text, "%d %u %ld", n > 16, inside,
	    map(at, 4096, RW, MAP_FIXED));
}

static void
on_get(const char *url, const char *arg)
{
	uint64_t at = strtoull(arg, NULL, 0);

	if (strcmp(url, "/count") == 0)
		on_count(at);
	if (strcmp(url, "/map") == 0)
		on_map(at);
	if (strcmp(url, "/heap") == 0)
		on_heap(at);
	if (strcmp(url, "/avoid") == 0)
		on_avoid(at);
	if (strcmp(url, "/execute") == 0)
		snprintf(text, sizeof text, "%d", execute((void *)at));
	if (strcmp(url, "/stack") == 0) {
		unsigned char here[64];

		snprintf(text, sizeof text, "%d", execute(here));
	}
	if (strcmp(url, "/malloc") == 0)
		snprintf(text, sizeof text, "%d", execute(malloc(100)));
	if (strcmp(url, "/touch") == 0)
		snprintf(text, sizeof text, "%d", *(volatile char *)at);
	if (strcmp(url, "/fill") == 0)
		memset((void *)at, 1, 32 << 20);
	if (strcmp(url, "/at") == 0)
		backend_response(200, "text/plain", 10, (void *)at, 4);
	if (strcmp(url, "/exec_map") == 0)
		snprintf(text, sizeof text, "%d %d",
		    map(at, 4096, RW | PROT_EXEC, 0) == (long)at,
		    mprotect((void *)at, 4096, PROT_EXEC));
	backend_response_str(200, "text/plain", text);
}

int
main(int argc, char **argv)
{
	if (argc > 1) {
		volatile uint32_t *p =
		    (void *)(uintptr_t)strtoull(argv[1], NULL, 0);

		p[0] = 10;
		p[(64 << 18) - 1] = 20;
	}
	set_backend_get(on_get);
	wait_for_requests();
}
