/* SPDX-License-Identifier: BSD-2-Clause */
/* Freestanding: waits, then answers call-backs. Calls: see machine_test.c. */
static long
call3(long n, long a, long b, long c)
{
	long r;

	__asm__ volatile("out %%eax, $0" : "=a"(r)
	    : "a"(n), "D"(a), "S"(b), "d"(c) : "memory");
	return (r);
}
static char greeting[32] = "hello";
static void
on_get(const char *url)
{
	greeting[0]++;
	call3(0x10010, (long)url, (long)greeting, 5);
}
int
main(void)
{
	call3(0x10000, 1, (long)on_get, 0);
	call3(0x10001, 0, 0, 0);
	return (0);
}
