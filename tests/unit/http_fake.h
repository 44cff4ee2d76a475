/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * http_fake.h: a machine of plain memory, to test src/http without KVM. The
 * linker takes these functions and leaves the real ones in the library.
 */
#ifndef HTTP_FAKE_H
#define HTTP_FAKE_H

#include "http_lines.h"

#define FAKE_CODE 0x200000u		/* read-only */
#define FAKE_STACK 0x204000u		/* grows down to here */
#define FAKE_TOP 0x220000u
#define FAKE_ARENA 0x230000u		/* nothing below it */
#define FAKE_END 0x330000u
#define AT0 (FAKE_STACK + 0x1000u)
#define AT1 (FAKE_STACK + 0x2000u)
#define AT2 (FAKE_STACK + 0x14000u)
#define BAD 0x22f000u

struct tkvm_machine {
	char mem[FAKE_END - FAKE_CODE];
	struct tkvm_regs regs;
	struct tkvm_machine_stats stats;
	uint64_t sp, arena, taken, given;
	uint64_t called, arg[6];	/* by tkvm_machine_call() */
	bool late;			/* its deadline is over */
	bool resumed, spare, kept_stack, asked, answered;
	uint64_t value[2];		/* what the function returns */
	struct tkvm_parallel parallel;	/* the last start */
	int parallel_fails;		/* code of the next one */
};

static struct tkvm_machine fake;
static const struct tkvm_layout fake_layout = {
	.image_start = FAKE_CODE, .image_end = FAKE_STACK,
	.stack_low = FAKE_STACK, .stack_top = FAKE_TOP,
	.arena_start = FAKE_ARENA, .arena_end = FAKE_END,
};

static inline bool
fake_inside(uint64_t at, uint64_t len, uint64_t low, uint64_t high)
{
	return (at >= low && at <= high && len <= high - at);
}

const void *
tkvm_view(const struct tkvm_machine *m, uint64_t gva, uint64_t len)
{
	if (!fake_inside(gva, len, FAKE_CODE, FAKE_TOP) &&
	    !fake_inside(gva, len, FAKE_ARENA, FAKE_END))
		return (NULL);
	return (m->mem + (gva - FAKE_CODE));
}

int
tkvm_copy_in(const struct tkvm_machine *m, void *dst, uint64_t gva,
    uint64_t len)
{
	const void *p = len == 0 ? "" : tkvm_view(m, gva, len);

	if (p == NULL)
		return (-1);
	memcpy(dst, p, len);
	return (0);
}

int
tkvm_copy_out(struct tkvm_machine *m, uint64_t gva, const void *src,
    uint64_t len)
{
	if (len == 0)
		return (0);
	if (tkvm_view(m, gva, len) == NULL || gva < FAKE_STACK)
		return (-1);
	memcpy(m->mem + (gva - FAKE_CODE), src, len);
	return (0);
}

const struct tkvm_layout *
tkvm_machine_layout(const struct tkvm_machine *m)
{
	(void)m;
	return (&fake_layout);
}

const struct tkvm_regs *
tkvm_machine_regs(const struct tkvm_machine *m)
{
	return (&m->regs);
}

const struct tkvm_machine_stats *
tkvm_machine_stats(const struct tkvm_machine *m)
{
	return (&m->stats);
}

uint64_t
tkvm_arena_take(struct tkvm_machine *m, uint64_t len)
{
	uint64_t at = m->arena;

	if (len == 0 || len > FAKE_END - at)
		return (0);
	m->arena += (len + TKVM_PAGE - 1) & ~(uint64_t)(TKVM_PAGE - 1);
	m->taken += m->arena - at;
	memset(m->mem + (at - FAKE_CODE), 0, len);
	return (at);
}

int
tkvm_arena_give(struct tkvm_machine *m, uint64_t gva, uint64_t len)
{
	if (gva % TKVM_PAGE != 0 || len % TKVM_PAGE != 0 || len == 0)
		return (-1);
	m->given += len;
	if (m->given == m->taken)
		m->arena = FAKE_ARENA;
	return (0);
}

uint64_t
tkvm_machine_push(struct tkvm_machine *m, const void *data, size_t len)
{
	uint64_t sp;

	if (len + 1 > m->sp - FAKE_STACK)
		return (0);
	sp = (m->sp - len - 1) & ~(uint64_t)7;
	memcpy(m->mem + (sp - FAKE_CODE), data, len);
	m->mem[sp + len - FAKE_CODE] = '\0';
	m->sp = sp;
	return (sp);
}

int
tkvm_machine_call(struct tkvm_machine *m, uint64_t function,
    const uint64_t arg[6], struct tkvm_err *err)
{
	(void)err;
	m->called = function;
	memcpy(m->arg, arg, sizeof m->arg);
	return (0);
}

ssize_t
tkvm_copy_in_str(const struct tkvm_machine *m, char *dst, uint64_t gva,
    size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (tkvm_copy_in(m, dst + i, gva + i, 1) != 0)
			return (-1);
		if (dst[i] == '\0')
			return ((ssize_t)i);
	}
	return (-2);
}

uint64_t
tkvm_machine_deadline(const struct tkvm_machine *m)
{
	return (m->late ? 0 : UINT64_MAX);
}

int
tkvm_machine_ask(struct tkvm_machine *m, uint64_t function,
    const uint64_t arg[6], struct tkvm_err *err)
{
	m->asked = true;
	return (tkvm_machine_call(m, function, arg, err));
}

bool
tkvm_machine_value(const struct tkvm_machine *m, uint64_t value[2])
{
	memcpy(value, m->value, sizeof m->value);
	return (m->answered);
}

void
tkvm_machine_keep_stack(struct tkvm_machine *m)
{
	m->kept_stack = true;
}

void
tkvm_machine_spare(struct tkvm_machine *m)
{
	m->spare = true;
}

void
tkvm_machine_resume(struct tkvm_machine *m)
{
	m->resumed = true;
}

void
tkvm_machine_continue(struct tkvm_machine *m, uint64_t rax)
{
	(void)rax;
	m->resumed = true;
}

int
tkvm_machine_parallel(struct tkvm_machine *m, const struct tkvm_parallel *p,
    struct tkvm_err *why)
{
	m->parallel = *p;
	return (m->parallel_fails == 0 ? 0 :
	    tkvm_fail(why, m->parallel_fails, "there are no CPUs"));
}

int
tkvm_machine_parallel_wait(struct tkvm_machine *m, struct tkvm_err *why)
{
	return (m->parallel_fails == 0 ? 0 :
	    tkvm_fail(why, m->parallel_fails, "a CPU has crashed"));
}

/*--- a request, a program and its state -----------------------------------*/

static struct lines lines;
static struct tkvm_request request;

static struct http_program program;
static struct http_state *http;
static struct tkvm_err err;
static const struct http_limits limits = {64 << 20, 8 << 20};

/* Fresh machine, transaction and a state of a fork, with a request on. */
static inline void
fake_start(void)
{
	memset(&fake, 0, sizeof fake);
	fake.sp = FAKE_TOP - 1024;
	fake.arena = FAKE_ARENA;
	fake.regs.rsp = FAKE_TOP - 2048;
	memset(&lines, 0, sizeof lines);
	lines.cacheable = -1;
	memset(&err, 0, sizeof err);
	request = (struct tkvm_request){.method = "GET", .url = "/u",
	    .arg = "a", .content_type = "", .ops = &lines_ops,
	    .priv = &lines};
	memset(&program, 0, sizeof program);
	program.extra_valid = true;
	program.request_size = 88;
	program.callback[1] = FAKE_CODE + 0x100;
	if (http != NULL)
		http_destroy(&http);
	if (http_fork(&program, &limits, &http, &err) != 0 ||
	    http_begin(http, &fake, &request, &err) != 0)
		abort();
}

static inline void
fake_boot(void)
{
	fake_start();
	http_destroy(&http);
	memset(&program, 0, sizeof program);
	if (http_new(&program, &limits, &http, &err) != 0)
		abort();
}

static inline enum tkvm_next
fake_call(uint32_t number, const uint64_t arg[6], struct tkvm_call *c)
{
	*c = (struct tkvm_call){.number = number, .ret = number,
	    .rdx = arg[2]};
	memcpy(c->arg, arg, sizeof c->arg);
	memset(&err, 0, sizeof err);
	return (http_call(http, &fake, c, &err));
}

/* Next step of call NUMBER with up to six arguments; its result is in CALL. */
static struct tkvm_call call __attribute__((unused));
#define DO(number, ...) \
	fake_call(number, (const uint64_t[6]){__VA_ARGS__}, &call)

/* A string in the guest's memory, without NUL. */
static inline uint64_t
poke(uint64_t at, const void *data, size_t len)
{
	if (tkvm_copy_out(&fake, at, data, len) != 0)
		abort();
	return (at);
}
#define STR(s) poke(AT0, s, sizeof(s) - 1), sizeof(s) - 1

static inline const char *
peek(uint64_t at)
{
	return (fake.mem + (at - FAKE_CODE));
}

#endif
