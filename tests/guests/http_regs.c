/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * http_regs.c: makes calls with every register full of a pattern and looks at
 * all of them afterwards, red zone and flags included. With the argument
 * "paused" it does so around wait_for_requests_paused().
 */
#include <stdio.h>

#include "kvm_api.h"

enum { RAX, RBX, RCX, RDX, RSI, RDI, RBP, R8, R9, R10, R11, R12, R13, R14,
	R15, GPRS };
static const char *const names[GPRS] = {"rax", "rbx", "rcx", "rdx", "rsi",
    "rdi", "rbp", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"};

struct regs {
	uint64_t gpr[GPRS];
	uint64_t flags;
	uint64_t red[16];	/* the 128 bytes below RSP */
	uint64_t xmm[16][2];
};
__attribute__((used)) struct regs regs_in, regs_out;
extern void try_call(void);

/* Carry, parity, adjust, zero, sign, direction, overflow. */
#define FLAGS 0xcd5u

__asm__(".pushsection .text\n"
	"try_call:\n"
	"	push %rbx\n	push %rbp\n	push %r12\n"
	"	push %r13\n	push %r14\n	push %r15\n"
	"	pushq regs_in+120(%rip)\n	popfq\n"
	".set i, 0\n"
	".rept 16\n"
	"	mov regs_in+128+8*i(%rip), %rax\n"
	"	mov %rax, -128+8*i(%rsp)\n"
	"	.set i, i+1\n"
	".endr\n"
	".set i, 0\n"
	".irp r,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
	"	movups regs_in+256+16*i(%rip), %xmm\\r\n"
	"	.set i, i+1\n"
	".endr\n"
	".set i, 0\n"
	".irp r,rax,rbx,rcx,rdx,rsi,rdi,rbp,r8,r9,r10,r11,r12,r13,r14,r15\n"
	"	mov regs_in+8*i(%rip), %\\r\n"
	"	.set i, i+1\n"
	".endr\n"
	"	out %eax, $0\n"
	".set i, 0\n"
	".irp r,rax,rbx,rcx,rdx,rsi,rdi,rbp,r8,r9,r10,r11,r12,r13,r14,r15\n"
	"	mov %\\r, regs_out+8*i(%rip)\n"
	"	.set i, i+1\n"
	".endr\n"
	".set i, 0\n"
	".irp r,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
	"	movups %xmm\\r, regs_out+256+16*i(%rip)\n"
	"	.set i, i+1\n"
	".endr\n"
	".set i, 0\n"
	".rept 16\n"
	"	mov -128+8*i(%rsp), %rax\n"
	"	mov %rax, regs_out+128+8*i(%rip)\n"
	"	.set i, i+1\n"
	".endr\n"
	"	pushfq\n	popq regs_out+120(%rip)\n	cld\n"
	"	pop %r15\n	pop %r14\n	pop %r13\n"
	"	pop %r12\n	pop %rbp\n	pop %rbx\n"
	"	ret\n"
	".popsection");
_Static_assert(offsetof(struct regs, flags) == 120, "asm");
_Static_assert(offsetof(struct regs, red) == 128, "asm");
_Static_assert(offsetof(struct regs, xmm) == 256, "asm");

static char report[4096];
static size_t report_len;
static unsigned made;

static void
differs(const char *what, uint64_t is, uint64_t want)
{
	if (is != want && report_len < sizeof report - 100)
		report_len += (size_t)snprintf(report + report_len, 100,
		    "call 0x%lx: %s is 0x%lx, not 0x%lx\n",
		    regs_in.gpr[RAX] & 0xffffffff, what, is, want);
}

/* Patterns everywhere but in the arguments given. */
static void
fill(uint64_t number, const uint64_t arg[6])
{
	static const int place[6] = {RDI, RSI, RDX, RCX, R8, R9};
	unsigned char *p = (unsigned char *)&regs_in;

	for (size_t i = 0; i < sizeof regs_in; i++)
		p[i] = (unsigned char)(i * 37 + number + 1);
	regs_in.flags = FLAGS | 2;
	/* The number is EAX; what stands above it is the guest's. */
	regs_in.gpr[RAX] = 0xabcdef0100000000 | number;
	for (int i = 0; i < 6; i++)
		regs_in.gpr[place[i]] = arg[i];
}

static void
compare(uint64_t rax, uint64_t rdx)
{
	for (int i = 0; i < GPRS; i++)
		differs(names[i], regs_out.gpr[i], i == RAX ? rax :
		    i == RDX ? rdx : regs_in.gpr[i]);
	differs("flags", regs_out.flags & FLAGS, FLAGS);
	for (int i = 0; i < 16; i++) {
		differs("red zone", regs_out.red[i], regs_in.red[i]);
		differs("xmm low", regs_out.xmm[i][0], regs_in.xmm[i][0]);
		differs("xmm high", regs_out.xmm[i][1], regs_in.xmm[i][1]);
	}
	made++;
}

#define VOID 0xabcdef0100000000	/* RAX stays as it was */

static void
try(uint64_t number, uint64_t rax, uint64_t a, uint64_t b, uint64_t c,
    uint64_t d, uint64_t e)
{
	fill(number, (const uint64_t[6]){a, b, c, d, e, 0x99});
	try_call();
	compare(rax == VOID ? VOID | number : rax,
	    number == 0x10700 ? ~(uint64_t)0 : c);
}

#define AT(p) (uint64_t)(uintptr_t)(p)

static void
try_all(void)
{
	static const char line[] = "X-Line: 1", host[] = "Host";
	static char buf[100];
	static struct meminfo info;

	try(0x10005, 0, 1, 1000, 2000, 3000, 4);
	try(0x10020, 5, 1, AT(line), 9, 4, 5);
	try(0x10021, 5, 1, AT(line), 9, 4, 5);
	try(0x10022, 13, 0, AT(host), 4, AT(buf), 100);
	differs("line", memcmp(buf, "Host: a.b.c.d", 13) != 0, 0);
	try(0x10023, 3, AT(buf), 100, 3, 4, 5);
	try(0x10100, VOID, 1, 2, 3, 4, 5);
	try(0x10700, ~(uint64_t)0, 1, 2, 3, 4, 5);
	try(0x10706, 0, 1, 2, 3, 4, 5);
	try(0x10707, ~(uint64_t)0, 1, 2, 3, 4, 5);
	try(0x10709, 0, AT(try), AT(buf), 3, 100, 5);
	try(0x1070a, 1, 0, 2, 3, 4, 5);
	try(0x10710, ~(uint64_t)0, 1, 2, 3, 4, 5);
	try(0x10711, ~(uint64_t)0, 1, 2, 3, 4, 5);
	try(0x10712, ~(uint64_t)0, 1, 2, 3, 4, 5);
	try(0x10713, 0, 1, 2, 3, 4, 5);
	try(0x10a00, VOID, AT(&info), 2, 3, 4, 5);
	try(0x7f000, VOID, AT(line), 9, 3, 4, 5);
	try(0x7f7f7, VOID, 1, 2, 3, 4, 5);
	try(0x7fdeb, 0, 1, 2, 3, 4, 5);
	try(0x12345, (uint64_t)-38, 1, 2, 3, 4, 5);
	try(0x20001, (uint64_t)-38, 1, 2, 3, 4, 5);
}

static void
finish(void)
{
	report_len += (size_t)snprintf(report + report_len, 100,
	    "%u calls\n", made);
	backend_response(200, "text/plain", 10, report, report_len);
}

static void
on_get(const char *url, const char *arg)
{
	(void)url;
	(void)arg;
	try_all();
	finish();
}

/* The request between canaries: of its 104 bytes the last 16 are no one's. */
static struct {
	uint64_t before;
	struct kvm_request req;
	uint64_t after;
} paused;

static void
check_paused(void)
{
	compare(VOID | 0x10002, 0x33);
	differs("before", paused.before, 0x5a5a5a5a5a5a5a5a);
	differs("reserved", paused.req.reserved1[0], 0x5a5a5a5a5a5a5a5a);
	differs("reserved", paused.req.reserved1[1], 0x5a5a5a5a5a5a5a5a);
	differs("after", paused.after, 0x5a5a5a5a5a5a5a5a);
	differs("url", (uint64_t)strcmp(paused.req.url, "/paused"), 0);
	differs("headers", paused.req.num_headers, 1);
	differs("header", (uint64_t)strcmp(paused.req.headers[0].field,
	    "Host: a.b.c.d"), 0);
}

int
main(int argc, char **argv)
{
	int stays = 42;

	int paused_mode = argc > 1 && strcmp(argv[1], "paused") == 0;

	/* A function nobody calls, where the request is to resume. */
	try(0x10000, VOID, paused_mode ? 8 : 1, AT(on_get), 3, 4, 5);
	if (report_len != 0) {
		puts(report);
		return (1);
	}
	if (!paused_mode)
		wait_for_requests();
	memset(&paused, 0x5a, sizeof paused);
	for (;;) {
		fill(0x10002, (const uint64_t[6]){AT(&paused.req), 0x22, 0x33,
		    0x44, 0x55, 0x66});
		try_call();
		check_paused();
		differs("stack", (uint64_t)stays++, 42);
		finish();
	}
}
