/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every system call with every kind of bad argument, from raw instructions:
 * once while starting, then again in call-back 1 of each fork.
 */
#include <stdint.h>
#include <string.h>

#define REGISTER 0x10000
#define WAIT 0x10001
#define ANSWER 0x10010

static long
trap(long n, long a, long b)
{
	long r;

	__asm__ volatile("out %%eax, $0" : "=a"(r) : "a"(n), "D"(a), "S"(b)
	    : "memory");
	return (r);
}

static uint64_t
call(uint64_t nr, const uint64_t a[6])
{
	register uint64_t r10 __asm__("r10") = a[3];
	register uint64_t r8 __asm__("r8") = a[4];
	register uint64_t r9 __asm__("r9") = a[5];
	uint64_t ret;

	__asm__ volatile("syscall" : "=a"(ret) : "0"(nr), "D"(a[0]), "S"(a[1]),
	    "d"(a[2]), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
	return (ret);
}

static char area[3 * 4096] __attribute__((aligned(4096)));
extern char __executable_start[];

/* Also a very long time, for calls that want one. */
static const char path[] __attribute__((aligned(16))) = "/data/a";

/* They end or dismantle the program itself, which is its right. */
static int
spared(unsigned nr)
{
	static const unsigned char own[] = {
		11, 25, 28,	/* munmap, mremap, madvise */
		60, 62, 158,	/* exit, kill, arch_prctl */
		200, 231, 234,	/* tkill, exit_group, tgkill */
	};

	return (nr < 256 && memchr(own, (int)nr, sizeof own) != NULL);
}

/* Do not wait for ever, and do not map over ourselves. */
static void
soften(unsigned nr, uint64_t a[6])
{
	const uint64_t no_time = (uint64_t)(uintptr_t)area;
	const uint64_t some_time = (uint64_t)(uintptr_t)path;

	switch (nr) {
	case 7:			/* poll */
		a[2] = 0;
		break;
	case 271:		/* ppoll */
		a[2] = no_time;
		break;
	case 23:		/* select */
	case 270:		/* pselect6 */
		a[4] = no_time;
		break;
	case 35:		/* nanosleep */
		a[0] = a[0] == some_time ? no_time : a[0];
		break;
	case 230:		/* clock_nanosleep */
		a[2] = a[2] == some_time ? no_time : a[2];
		break;
	case 202:		/* futex */
		a[3] = a[3] == some_time ? no_time : a[3];
		break;
	case 9:			/* mmap: not MAP_FIXED */
		a[3] &= ~(uint64_t)0x10;
		break;
	}
}

static void
sweep(void)
{
	const uint64_t nasty[] = {
		0, 1, 3, 255, 4096, 1u << 31, 0xffffffff, 1ull << 47,
		1ull << 63, INT64_MAX, UINT64_MAX, UINT64_MAX - 4095, 0x1000,
		(uint64_t)(uintptr_t)(area + sizeof area - 4),
		(uint64_t)(uintptr_t)area + 1, (uint64_t)(uintptr_t)area,
		(uint64_t)(uintptr_t)__executable_start + 8,
		(uint64_t)(uintptr_t)path,
	};
	const unsigned n = sizeof nasty / sizeof nasty[0];
	uint64_t seed = 1, a[6];

	for (unsigned nr = 0; nr < 512; nr++) {
		if (spared(nr))
			continue;
		for (unsigned round = 0; round < 40; round++) {
			for (int i = 0; i < 6; i++) {
				seed = seed * 6364136223846793005u + 1;
				a[i] = nasty[(seed >> 33) % n];
				/* The first rounds: the same everywhere. */
				if (round < n)
					a[i] = nasty[round];
			}
			soften(nr, a);
			memset(area, 0, sizeof area);
			(void)call(nr, a);
		}
	}
}

static void
on_call(void)
{
	sweep();
	(void)trap(ANSWER, 200, 0);
}

int
main(void)
{
	sweep();
	(void)trap(REGISTER, 1, (long)on_call);
	(void)trap(WAIT, 0, 0);
	return (1);
}
