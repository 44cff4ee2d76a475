/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Computes on several CPUs as the URL says, well and in bad faith; arg is a
 * number. main() computes once, too.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kvm_api.h"

#define PATTERN 0x5ec2e7a15ec2e7a1ull
#define WORDS 65536
#define CPUS 16

static uint64_t block[WORDS];		/* 512 KiB */
static volatile char big[64 << 20];
static volatile uint64_t total;
static volatile int cpu[CPUS], request[CPUS], more;
static volatile long result[8];
static char text[512];
static long at_start;

/* What one CPU finds when it begins; written by the assembly below. */
struct state {
	uint64_t gpr[13], flags, selectors, unused;
	__attribute__((aligned(64))) unsigned char xsave[4096];
} entry __attribute__((aligned(64)));
_Static_assert(__builtin_offsetof(struct state, xsave) == 128, "asm");
static volatile uint64_t found, selectors_at_start;

void scan_entry(void *, void *, void *, void *);
void scan(uint64_t rsp);

__asm__(
"	.globl scan_entry\n"
"scan_entry:\n"
"	mov %rax, entry+0(%rip)\n"
"	mov %rbx, entry+8(%rip)\n"
"	mov %rcx, entry+16(%rip)\n"
"	mov %rdx, entry+24(%rip)\n"
"	mov %rbp, entry+32(%rip)\n"
"	mov %r8, entry+40(%rip)\n"
"	mov %r9, entry+48(%rip)\n"
"	mov %r10, entry+56(%rip)\n"
"	mov %r11, entry+64(%rip)\n"
"	mov %r12, entry+72(%rip)\n"
"	mov %r13, entry+80(%rip)\n"
"	mov %r14, entry+88(%rip)\n"
"	mov %r15, entry+96(%rip)\n"
"	pushf\n"
"	popq entry+104(%rip)\n"
"	mov %ds, entry+112(%rip)\n"
"	mov %es, entry+114(%rip)\n"
"	mov %fs, entry+116(%rip)\n"
"	mov %gs, entry+118(%rip)\n"
"	cld\n"
"	xor %ecx, %ecx\n"
"	xgetbv\n"
"	xsave64 entry+128(%rip)\n"
"	mov %rsp, %rdi\n"
"	jmp scan\n");

static void
look(const void *at, size_t bytes)
{
	uint64_t v;

	for (size_t i = 0; i + 8 <= bytes; i += 8) {
		memcpy(&v, (const char *)at + i, 8);
		found += v == PATTERN;
	}
}

void
scan(uint64_t rsp)
{
	uint32_t mxcsr;

	look(entry.gpr, sizeof entry.gpr);
	look(entry.xsave, sizeof entry.xsave);
	memcpy(&mxcsr, entry.xsave + 24, sizeof mxcsr);
	found += mxcsr != 0x1f80;
	found += (entry.flags & 0x400) != 0;
	found += entry.selectors != selectors_at_start;
	look(block, sizeof block);
	/* All of the stack that lies below, less what we use ourselves. */
	look((const void *)(rsp - 500 * 1024), 496 * 1024);
}

/* Leaves the pattern wherever a CPU can put it. */
static void
fill(void *a, void *b, void *c, void *d)
{
	static const uint64_t pattern[4] = {PATTERN, PATTERN, PATTERN,
	    PATTERN};
	static const uint32_t mxcsr = 0x9fc0;
	volatile uint64_t deep[50000];

	(void)a, (void)b, (void)c, (void)d;
	for (unsigned i = 0; i < 50000; i++)
		deep[i] = PATTERN + (deep[i] & 0);
	for (unsigned i = 0; i < WORDS; i++)
		block[i] = PATTERN;
	more = 1;
#define Y(n) "vmovdqu (%0), %%ymm" #n "\n"
	__asm__ volatile(Y(0) Y(1) Y(2) Y(3) Y(4) Y(5) Y(6) Y(7) Y(8) Y(9)
	    Y(10) Y(11) Y(12) Y(13) Y(14) Y(15)
	    "ldmxcsr %1\n"
	    "mov (%0), %%rbx\nmov %%rbx, %%rcx\nmov %%rbx, %%rdx\n"
	    "mov %%rbx, %%r8\nmov %%rbx, %%r9\nmov %%rbx, %%r10\n"
	    "mov %%rbx, %%r11\nmov %%rbx, %%r12\nmov %%rbx, %%r13\n"
	    "mov %%rbx, %%r14\nmov %%rbx, %%r15\n"
	    "movq %%rbx, %%mm0\nmovq %%rbx, %%mm7\n"
	    "mov $0x2b, %%eax\nmov %%eax, %%es\nmov %%eax, %%ds\n"
	    "mov %%eax, %%fs\nmov %%eax, %%gs\n"
	    "std\n"
	    "1: pause\njmp 1b\n"
	    : : "r"(pattern), "m"(mxcsr)
	    : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12",
	    "r13", "r14", "r15", "memory");
}

static void
add(void *low, void *high, void *unused1, void *unused2)
{
	uint64_t sum = 0, n = (uintptr_t)high - (uintptr_t)low;
	uint64_t me = (uint64_t)vcpuid(), all = (uint64_t)more;

	(void)unused1, (void)unused2;
	for (uint64_t i = me * n / all; i < (me + 1) * n / all; i++)
		sum += (uintptr_t)low + i;
	__atomic_fetch_add(&total, sum, __ATOMIC_SEQ_CST);
}

static void
who(void *a, void *b, void *c, void *d)
{
	int id = vcpuid();

	cpu[id] = a == (void *)1 && b == (void *)2 && c == (void *)3 &&
	    d == (void *)4 ? id : -1;
	request[id] = vcpureqid();
}

static void
spin(void *a, void *b, void *c, void *d)
{
	(void)a, (void)b, (void)c, (void)d;
	for (;;)
		more++;
}

static void
crash(void *a, void *b, void *c, void *d)
{
	(void)b, (void)c, (void)d;
	*(volatile int *)a = 1;
}

/* Calls without end. */
static void
storm(void *a, void *b, void *c, void *d)
{
	(void)a, (void)b, (void)c, (void)d;
	for (;;) {
		more = 1;
		sys_log("storm", 5);
	}
}

static void
no_value(void *a, void *b, void *c, void *d)
{
	(void)a, (void)b, (void)c, (void)d;
	__asm__ volatile("ud2");
}

/* a: bytes that each CPU writes, all to places of their own. */
static void
eat(void *a, void *b, void *c, void *d)
{
	size_t n = (uintptr_t)a, me = (size_t)vcpuid();

	(void)b, (void)c, (void)d;
	for (size_t i = 0; i < n; i += 4096)
		big[me * n + i] = 1;
}

static void
calls(void *a, void *b, void *c, void *d)
{
	(void)b, (void)c, (void)d;
	result[0] = multiprocess(2, who, NULL, NULL, NULL, NULL);
	result[1] = sys_is_storage();
	__asm__ volatile("out %%eax, $0" : "=a"(result[2])
	    : "a"(0x10010L), "D"(200L), "S"(text), "d"(0L) : "memory");
	__asm__ volatile("syscall" : "=a"(result[3])
	    : "a"((long)SYS_write), "D"(1L), "S"(text), "d"(1L)
	    : "rcx", "r11", "memory");
	__asm__ volatile("syscall" : "=a"(result[4])
	    : "a"((long)SYS_exit_group), "D"(0L)
	    : "rcx", "r11", "memory");
	result[5] = 7;
	if (a == NULL)
		multiprocess_wait();
	else
		return;
	result[5] = 8;
}

static void
element(void *at, size_t size)
{
	memset(at, 'a' + vcpuid(), size);
}

static char stacks[3 * 16384] __attribute__((aligned(16)));

__attribute__((noinline, noreturn))
static void
cloned(long n)
{
	cpu[n] = vcpuid();
	multiprocess_wait();
	abort();
}

static void
answer(void)
{
	backend_response_str(200, "text/plain", text);
}

static long
number(const char *s)
{
	return (strtol(s, NULL, 0));
}

static void
on_sum(const char *arg)
{
	long n = number(arg), r;

	total = 0;
	more = (int)n;
	r = multiprocess((size_t)n, add, NULL, (void *)100000, NULL, NULL);
	if (r != 0)
		more = 1;
	add(NULL, (void *)100000, NULL, NULL);
	r += multiprocess_wait();
	snprintf(text, sizeof text, "%ld %lu", r, (unsigned long)total);
	answer();
}

static void
on_ids(const char *arg)
{
	int n = (int)number(arg), same = 0, right = 0;
	long r = multiprocess((size_t)n, who, (void *)1, (void *)2, (void *)3,
	    (void *)4);

	who((void *)1, (void *)2, (void *)3, (void *)4);
	multiprocess_wait();
	for (int i = 0; i < n; i++) {
		right += cpu[i] == i;
		same += request[i] == vcpureqid();
	}
	snprintf(text, sizeof text, "%ld %d %d", r, right, same);
	answer();
}

static void
on_array(const char *arg)
{
	static char items[4][3];
	long r = multiprocess_array((size_t)number(arg), element, items, 3);

	element(items[0], 3);
	multiprocess_wait();
	snprintf(text, sizeof text, "%ld %.12s", r, (const char *)items);
	answer();
}

static void
on_clone(const char *arg)
{
	size_t size = *arg == '0' ? 0 : sizeof stacks / 3;
	long r = multiprocess_clone((size_t)number(arg), *arg == '-' ?
	    (void *)0x10 : stacks, size);

	if (r > 0)
		cloned(r);
	multiprocess_wait();
	snprintf(text, sizeof text, "%ld %d %d %d", r, cpu[1], cpu[2], cpu[3]);
	answer();
}

/* The function runs on all but us; we wait, or answer at once, or spin. */
static void
with(void (*func)(void *, void *, void *, void *), void *a, char how)
{
	long r = multiprocess(4, func, a, NULL, NULL, NULL);
	long again = 0;

	if (how == 's')
		for (;;)
			total++;
	if (how == 'l') {
		while (more == 0)
			continue;
		again = multiprocess(2, func, a, NULL, NULL, NULL);
	}
	if (how == 'w')
		multiprocess_wait();
	snprintf(text, sizeof text, "%ld %ld %ld %ld %ld %ld %ld", r, again,
	    result[0], result[2], result[3], result[4], result[5]);
	answer();
}

static void
on_scan(const char *arg)
{
	(void)arg;
	multiprocess(2, scan_entry, NULL, NULL, NULL, NULL);
	multiprocess_wait();
	snprintf(text, sizeof text, "%lu", (unsigned long)found);
	answer();
}

static void
on_get(const char *url, const char *arg)
{
	const long n = number(arg);

	if (strcmp(url, "/sum") == 0)
		on_sum(arg);
	if (strcmp(url, "/ids") == 0)
		on_ids(arg);
	if (strcmp(url, "/array") == 0)
		on_array(arg);
	if (strcmp(url, "/clone") == 0)
		on_clone(arg);
	if (strcmp(url, "/scan") == 0)
		on_scan(arg);
	if (strcmp(url, "/start") == 0)
		snprintf(text, sizeof text, "%ld", at_start);
	if (strcmp(url, "/who") == 0) {
		static char page[65536];

		/* Large enough for the machine to be held until it is read. */
		snprintf(page, sizeof page, "%d", vcpureqid());
		backend_response(200, "text/plain", 10, page, sizeof page);
	}
	if (strcmp(url, "/storm") == 0)
		with(storm, NULL, *arg);
	if (strcmp(url, "/plain") == 0)
		snprintf(text, sizeof text, "%d", vcpuid());
	if (strcmp(url, "/calls") == 0)
		with(calls, (void *)n, 'w');
	if (strcmp(url, "/spin") == 0)
		with(spin, NULL, *arg);
	if (strcmp(url, "/crash") == 0)
		with(crash, NULL, *arg);
	if (strcmp(url, "/ud2") == 0)
		with(no_value, NULL, *arg);
	if (strcmp(url, "/data") == 0)
		with((void (*)(void *, void *, void *, void *))
		    (uintptr_t)block, NULL, 'w');
	if (strcmp(url, "/eat") == 0)
		with(eat, (void *)n, 'w');
	if (strcmp(url, "/fill") == 0)
		with(fill, NULL, *arg);
	if (strcmp(url, "/many") == 0)
		snprintf(text, sizeof text, "%ld", multiprocess((size_t)n, who,
		    NULL, NULL, NULL, NULL));
	answer();
}

static void
on_error(const char *url, const char *arg, const char *reason)
{
	(void)url, (void)arg, (void)reason;
	total = 0;
	more = 4;
	multiprocess(4, add, NULL, (void *)100000, NULL, NULL);
	add(NULL, (void *)100000, NULL, NULL);
	multiprocess_wait();
	snprintf(text, sizeof text, "%lu", (unsigned long)total);
	backend_response_str(555, "text/plain", text);
}

int
main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "on_error") == 0)
		set_on_error(on_error);
	more = 4;
	if (multiprocess(4, add, NULL, (void *)1000, NULL, NULL) == 0) {
		add(NULL, (void *)1000, NULL, NULL);
		multiprocess_wait();
		at_start = (long)total;
		multiprocess(2, scan_entry, NULL, NULL, NULL, NULL);
		multiprocess_wait();
		selectors_at_start = entry.selectors;
		found = 0;
	}
	more = 0;
	set_backend_get(on_get);
	wait_for_requests();
}
