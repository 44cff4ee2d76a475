/* SPDX-License-Identifier: BSD-2-Clause */
/* Does one forbidden or odd thing per call, chosen by the first argument. */
#include <stdint.h>

static inline long
call(long n, long a, long b, long c)
{
	long r;

	__asm__ volatile("out %%eax, $0" : "=a"(r)
	    : "a"(n), "D"(a), "S"(b), "d"(c) : "memory");
	return (r);
}

static int variable = 1;
static const int constant = 1;
static char big[32 << 20];

static void
done(long value)
{
	call(0x10010, value, 0, 0);
}

static int
deep(int n)
{
	volatile char frame[4096];

	frame[0] = (char)n;
	return (n == 0 ? 0 : deep(n + 1) + frame[0]);
}

static void
write_pages(uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		((volatile char *)big)[i * 4096] = 1;
	done((long)n);
}

/* What the flags, a port, a selector do; each must be survivable. */
static void
on_call(uint64_t what, uint64_t arg)
{
	switch (what) {
	case 0: done(42); break;
	case 1: *(volatile int *)0 = 1; break;
	case 2: *(volatile int *)(uintptr_t)on_call = 1; break;
	case 3: *(volatile int *)(uintptr_t)&constant = 2; break;
	case 4: ((void (*)(void))(uintptr_t)&variable)(); break;
	case 5: done(deep(1)); break;
	case 6: __asm__ volatile("ud2"); break;
	case 7:
		__asm__ volatile("xor %%ecx,%%ecx\ndivl %%ecx"
		    ::: "eax", "ecx", "edx");
		break;
	case 8: __asm__ volatile("int3"); break;
	case 9: __asm__ volatile("hlt"); break;
	case 10:
		__asm__ volatile("mov $0x4000000000000000,%%rax\njmp *%%rax"
		    ::: "rax");
		break;
	case 11:
		__asm__ volatile("xor %%esp,%%esp\npush %%rax" ::: "memory");
		break;
	case 12:
		__asm__ volatile("pushf\norl $0x100,(%%rsp)\npopf\nnop\nnop"
		    ::: "memory");
		break;
	case 13: __asm__ volatile("int $0x80" ::: "memory"); break;
	case 14: __asm__ volatile("mov %%cr3,%%rax" ::: "rax"); break;
	case 15:
		__asm__ volatile("wrmsr" :: "a"(0), "d"(0), "c"(0xc0000082));
		break;
	case 16: __asm__ volatile("lidt (%0)" :: "r"(&big)); break;
	case 17: *(volatile char *)0x2000 = 1; break;
	case 18: done(*(volatile char *)0x3000); break;
	case 19: __asm__ volatile("out %%eax,$0x8e" :: "a"(0)); break;
	case 20: for (;;) continue;
	case 21: for (;;) call(0x10000, 15, 0, 0);
	case 22: write_pages(arg); break;
	case 23:
		__asm__ volatile("mov $0x2000,%%eax\njmp *%%rax" ::: "rax");
		break;
	case 24: __asm__ volatile("sysenter" ::: "memory", "rcx", "rdx"); break;
	case 25:
		__asm__ volatile("mov $0x33,%%eax\nmov %%eax,%%ss" ::: "rax");
		break;
	case 26: __asm__ volatile("xsetbv" :: "a"(1), "d"(0), "c"(0)); break;
	case 27: __asm__ volatile("mov $0x18,%%eax\nltr %%ax" ::: "rax"); break;
	case 28: return;
	case 29: __asm__ volatile("mov %%rax,%%dr7" :: "a"(0x401)); break;
	case 30: *(volatile char *)0x8000 = 1; break;	/* the vDSO */
	case 31: *(volatile char *)0x6080 = 1; break;	/* its clock */
	/* From here on: allowed, ends with done(). */
	case 40:
		__asm__ volatile("out %%al,$0x55\nout %%eax,%%dx"
		    :: "a"(1), "d"(0x1234));
		done(42);
		break;
	case 41:
		__asm__ volatile("in $0x60,%%al\nin %%dx,%%eax"
		    : "=a"(what) : "d"(0x71));
		done(42);
		break;
	case 42:
		__asm__ volatile("pushf\norl $0x40000,(%%rsp)\npopf"
		    ::: "memory");
		done(42);
		break;
	case 43:
		__asm__ volatile("mov %0,%%ds\nmov %0,%%es" :: "r"(0x2b));
		done(42); break;
	case 44:
		__asm__ volatile("mov $-1,%%rsp\nmov $0x10010,%%eax\n"
		    "mov $42,%%edi\nout %%eax,$0"
		    ::: "memory");
		break;
	default: break;
	}
	done(-1);
}

int
main(void)
{
	call(0x10000, 1, (long)on_call, 0);
	call(0x10001, 0, 0, 0);
	return (constant);
}
