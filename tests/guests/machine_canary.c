/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fills everything it can reach with a pattern (call-back 1, or resumed with
 * mode 1), or looks for the pattern everywhere (call-back 2, or resumed with
 * mode 2) and reports how often it was found and where first.
 */
#pragma GCC target("fsgsbase")
#include <immintrin.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#define PATTERN 0x5ec2e7a15ec2e7a1ull	/* canonical when cut to 47 bits */
#define FS_PATTERN (PATTERN & 0x7fffffffffffull)

static inline long
call(long n, long a, long b, long c)
{
	long r;

	__asm__ volatile("out %%eax, $0" : "=a"(r)
	    : "a"(n), "D"(a), "S"(b), "d"(c) : "memory");
	return (r);
}

static uint64_t block[65536];		/* 512 KiB */
static uint64_t *mapped;
#define MAPPED_WORDS 32768
static uint64_t saved_fs, saved_gs, saved_selectors;

/* Written by the assembly below before anything else runs. */
struct entry_state {
	uint64_t gpr[15], flags, fs, gs, selectors;
	__attribute__((aligned(64))) unsigned char xsave[8192];
};
struct entry_state state __attribute__((aligned(64)));

void entry_scan(void);
void scan(uint64_t rsp);

/* rdi and rsi carry arguments and are not part of what is looked at. */
__asm__(
"	.globl entry_scan\n"
"entry_scan:\n"
"	mov %rax, state+0(%rip)\n"
"	mov %rbx, state+8(%rip)\n"
"	mov %rcx, state+16(%rip)\n"
"	mov %rdx, state+24(%rip)\n"
"	mov %rbp, state+32(%rip)\n"
"	mov %r8, state+40(%rip)\n"
"	mov %r9, state+48(%rip)\n"
"	mov %r10, state+56(%rip)\n"
"	mov %r11, state+64(%rip)\n"
"	mov %r12, state+72(%rip)\n"
"	mov %r13, state+80(%rip)\n"
"	mov %r14, state+88(%rip)\n"
"	mov %r15, state+96(%rip)\n"
"	pushf\n"
"	pop %rax\n"
"	mov %rax, state+120(%rip)\n"
"	rdfsbase %rax\n"
"	mov %rax, state+128(%rip)\n"
"	rdgsbase %rax\n"
"	mov %rax, state+136(%rip)\n"
"	mov %ds, state+144(%rip)\n"
"	mov %es, state+146(%rip)\n"
"	mov %fs, state+148(%rip)\n"
"	mov %gs, state+150(%rip)\n"
"	cld\n"
"	xor %ecx, %ecx\n"
"	xgetbv\n"
"	xsave64 state+192(%rip)\n"
"	mov %rsp, %rdi\n"
"	jmp scan\n");
_Static_assert(__builtin_offsetof(struct entry_state, xsave) == 192, "asm");

volatile uint32_t spin;		/* the host sets it: never answer */
static uint64_t found, first;

static void
look(const void *at, size_t bytes, uint64_t place)
{
	const unsigned char *p = at;
	uint64_t v;

	/* Vector contents lie at any multiple of 8, registers too. */
	for (size_t i = 0; i + 8 <= bytes; i += 8) {
		memcpy(&v, p + i, 8);
		if (v == PATTERN || v == FS_PATTERN) {
			if (found++ == 0)
				first = place + i;
		}
	}
}

static void
expect(uint64_t is, uint64_t want, uint64_t place)
{
	if (is != want && found++ == 0)
		first = place;
}

void
scan(uint64_t rsp)
{
	uint32_t mxcsr;

	look(&state.gpr, sizeof state.gpr, 0x1000000);
	look(state.xsave, sizeof state.xsave, 0x2000000);
	memcpy(&mxcsr, state.xsave + 24, sizeof mxcsr);
	expect(mxcsr, 0x1f80, 0x3000000);
	expect(state.flags & 0x400, 0, 0x3000001);	/* direction */
	expect(state.fs, saved_fs, 0x3000002);
	expect(state.gs, saved_gs, 0x3000003);
	expect(state.selectors, saved_selectors, 0x3000004);
	look(block, sizeof block, 0x4000000);
	look(mapped, MAPPED_WORDS * 8, 0x5000000);
	/* Below us: what an earlier request left on the stack. */
	look((const void *)(rsp - 65536), 65536 - 4096, 0x6000000);
	call(0x10010, (long)found, (long)first, 0);
}

static int
has_avx512(void)
{
	uint32_t a = 0, d;

	__asm__("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
	return ((a & 0xe0) == 0xe0);
}

__attribute__((target("avx512f,avx512bw")))
static void
fill_avx512(void)
{
#define Z(n) "vpbroadcastq %0, %%zmm" #n "\n"
	__asm__ volatile(Z(16) Z(17) Z(18) Z(19) Z(20) Z(21) Z(22) Z(23)
	    Z(24) Z(25) Z(26) Z(27) Z(28) Z(29) Z(30) Z(31)
	    Z(0) Z(1) Z(2) Z(3) Z(4) Z(5) Z(6) Z(7) Z(8) Z(9) Z(10) Z(11)
	    Z(12) Z(13) Z(14) Z(15)
	    "kmovq %0, %%k0\nkmovq %0, %%k1\nkmovq %0, %%k2\n"
	    "kmovq %0, %%k3\nkmovq %0, %%k4\nkmovq %0, %%k5\n"
	    "kmovq %0, %%k6\nkmovq %0, %%k7\n"
	    : : "r"((uint64_t)PATTERN));
}

__attribute__((target("avx2")))
static void
fill_avx(const uint64_t *p)
{
#define Y(n) "vpbroadcastq (%0), %%ymm" #n "\n"
	__asm__ volatile(Y(0) Y(1) Y(2) Y(3) Y(4) Y(5) Y(6) Y(7) Y(8) Y(9)
	    Y(10) Y(11) Y(12) Y(13) Y(14) Y(15) : : "r"(p));
}

/* Ends with everything the program can set holding the pattern. */
static void
fill(void)
{
	static uint64_t pattern = PATTERN;
	uint64_t on_stack[7000];
	uint32_t mxcsr = 0x9fc0;	/* flush to zero, denormals are zero */

	for (size_t i = 0; i < sizeof block / 8; i++)
		block[i] = PATTERN;
	for (size_t i = 0; i < MAPPED_WORDS; i++)
		mapped[i] = PATTERN;
	for (size_t i = 0; i < 7000; i++)
		((volatile uint64_t *)on_stack)[i] = PATTERN;
	if (has_avx512())
		fill_avx512();
	else
		fill_avx(&pattern);
	__asm__ volatile(
	    "movq %0, %%mm0\nmovq %0, %%mm1\nmovq %0, %%mm2\nmovq %0, %%mm3\n"
	    "movq %0, %%mm4\nmovq %0, %%mm5\nmovq %0, %%mm6\nmovq %0, %%mm7\n"
	    "ldmxcsr %1\n"
	    "mov $0x2b, %%ecx\n"
	    "mov %%ecx, %%ds\n"
	    "mov %%ecx, %%es\n"
	    "mov %%ecx, %%fs\n"
	    "mov %%ecx, %%gs\n"
	    "mov %0, %%rbx\nmov %0, %%rcx\nmov %0, %%rdx\nmov %0, %%rsi\n"
	    "mov %0, %%r8\nmov %0, %%r9\nmov %0, %%r10\nmov %0, %%r11\n"
	    "mov %0, %%r12\nmov %0, %%r13\nmov %0, %%r14\nmov %0, %%r15\n"
	    "mov %2, %%rdi\n"
	    "wrfsbase %%rdi\nwrgsbase %%rdi\n"
	    "std\n"
	    "cmpl $0, spin(%%rip)\n"
	    "1: jne 1b\n"
	    "mov $0x10010, %%eax\n"
	    "out %%eax, $0\n"
	    : : "a"((uint64_t)PATTERN), "m"(mxcsr), "D"(FS_PATTERN)
	    : "rbx", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "r12",
	    "r13", "r14", "r15", "memory");
}

volatile uint64_t mode;	/* the host writes it before a resume */

int
main(void)
{
	mapped = mmap(NULL, MAPPED_WORDS * 8, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	saved_fs = _readfsbase_u64();
	saved_gs = _readgsbase_u64();
	__asm__("mov %%ds, %0\nmov %%es, 2+%0\nmov %%fs, 4+%0\n"
	    "mov %%gs, 6+%0" : "+m"(saved_selectors));
	call(0x10000, 1, (long)fill, 0);
	call(0x10000, 2, (long)entry_scan, 0);
	call(0x10000, 3, (long)&mode, 0);
	call(0x10000, 4, (long)&spin, 0);
	call(0x10002, 0, 0, 0);
	/* Resumed. The jump keeps all registers as they came. */
	__asm__ volatile(
	    "cmpq $2, mode(%rip)\n"
	    "je entry_scan\n");
	fill();
	return (0);
}
