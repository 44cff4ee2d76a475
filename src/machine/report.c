/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * report.c: what a failed program leaves for whoever has to mend it.
 *
 * Everything is read from the guest and may be nonsense: the walks are bounded,
 * and addresses are only ever looked up, never followed on the host.
 */
#include <stdio.h>
#include <string.h>

#include "machine/machine_priv.h"

#define FRAMES 11		/* TKVM_REPORT_LINES less all other lines */
#define SCAN_WORDS 512		/* of the stack */

struct report {
	const struct tkvm_machine *m;
	void (*line)(void *priv, const char *text);
	void *priv;
	unsigned frames;
};

static bool
executable(const struct tkvm_machine *m, uint64_t gva)
{
	const struct shape *s = &m->shape;
	const struct area *a = areas_find(s, gva, 1);
	uint64_t at = gva - s->base;

	if (a != NULL)
		return (a->x);
	for (unsigned i = 0; i < s->n_regions; i++)
		if (s->region[i].x && at >= s->region[i].start &&
		    at < s->region[i].end)
			return (true);
	return (false);
}

/* Is there a call before it? e8 with four bytes, or ff /2 of 2 to 7. */
static bool
behind_call(const struct tkvm_machine *m, uint64_t gva)
{
	uint8_t code[7];

	if (!executable(m, gva) || tkvm_copy_in(m, code, gva - sizeof code,
	    sizeof code) != 0)
		return (false);
	if (code[2] == 0xe8)
		return (true);
	for (unsigned i = 0; i + 2 <= sizeof code; i++)
		if (code[i] == 0xff && (code[i + 1] >> 3 & 7) == 2)
			return (true);
	return (false);
}

static void
frame(struct report *r, uint64_t gva, const char *mark)
{
	char name[128], text[200];

	(void)snprintf(text, sizeof text, "#%u 0x%jx %s%s", r->frames++,
	    (uintmax_t)gva, tkvm_machine_symbol(r->m, gva, name, sizeof name),
	    mark);
	r->line(r->priv, text);
}

/* The chain of frame pointers; how many frames it had. */
static unsigned
by_frame_pointers(struct report *r, const struct tkvm_regs *regs)
{
	uint64_t at = regs->rbp, pair[2];
	unsigned n = 0;

	while (r->frames < FRAMES && at >= regs->rsp && at % 8 == 0 &&
	    tkvm_copy_in(r->m, pair, at, sizeof pair) == 0 &&
	    behind_call(r->m, pair[1])) {
		frame(r, pair[1], "");
		n++;
		if (pair[0] <= at)
			break;
		at = pair[0];
	}
	return (n);
}

static void
by_looking(struct report *r, const struct tkvm_regs *regs)
{
	uint64_t at = num_up(regs->rsp, 8), v;

	for (unsigned i = 0; i < SCAN_WORDS && r->frames < FRAMES; i++)
		if (tkvm_copy_in(r->m, &v, at + 8 * i, sizeof v) != 0)
			break;
		else if (behind_call(r->m, v))
			frame(r, v, " ?");
}

static void
registers(const struct report *r, const struct tkvm_regs *g)
{
	const struct {
		const char *name[4];
		uint64_t v[4];
	} rows[] = {
		{{"rip", "rsp", "rbp", "flags"},
		    {g->rip, g->rsp, g->rbp, g->rflags}},
		{{"rax", "rbx", "rcx", "rdx"},
		    {g->rax, g->rbx, g->rcx, g->rdx}},
		{{"rsi", "rdi", "r8", "r9"}, {g->rsi, g->rdi, g->r8, g->r9}},
		{{"r10", "r11", "r12", "r13"},
		    {g->r10, g->r11, g->r12, g->r13}},
		{{"r14", "r15", "fs", "gs"},
		    {g->r14, g->r15, g->fs_base, g->gs_base}},
	};
	char text[160];

	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int n = 0;

		for (unsigned k = 0; k < 4; k++)
			n += snprintf(text + n, sizeof text - (size_t)n,
			    "%s%s %016jx", k == 0 ? "" : "  ", rows[i].name[k],
			    (uintmax_t)rows[i].v[k]);
		r->line(r->priv, text);
	}
}

void
tkvm_machine_report(const struct tkvm_machine *m,
    void (*line)(void *priv, const char *text), void *priv)
{
	struct report r = {m, line, priv, 0};
	const struct tkvm_regs *regs = tkvm_machine_regs(m);
	struct vcpu *culprit;
	char text[160];
	unsigned cpu;

	if (m->fault.name != NULL) {
		(void)snprintf(text, sizeof text, "%s, vector %u, error 0x%x, "
		    "address 0x%jx", m->fault.name, m->fault.vector,
		    m->fault.error, (uintmax_t)m->fault.address);
		line(priv, text);
	}
	culprit = cpus_culprit(m, &cpu);
	if (culprit != NULL) {
		regs = vcpu_regs(culprit);
		(void)snprintf(text, sizeof text, "on its CPU %u", cpu);
		line(priv, text);
	}
	registers(&r, regs);
	frame(&r, regs->rip, "");
	if (by_frame_pointers(&r, regs) == 0)
		by_looking(&r, regs);
}
