/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * loop.c: run; exit; handle; run. What a run costs is here and in vcpu_run().
 */
#include <string.h>

#include "machine/machine_priv.h"

/*
 * Pages of earlier requests in the set that this one has changed, too. Only
 * asked when the set has outgrown the limit, and once per request: what is
 * changed later escapes, but then the set is at most twice the limit.
 */
static uint32_t
count_changed(const struct tkvm_machine *m)
{
	static const char zeros[TKVM_PAGE];
	const struct tkvm_image *image = m->image;
	uint32_t n = 0;

	for (uint32_t i = 0; i < m->pages.n_before; i++) {
		uint64_t page = m->pages.list[i], at = page * TKVM_PAGE;
		bool data = image->has_data[page / 64] >> (page % 64) & 1;

		n += memcmp(m->mem + at, data ? image->mem + at : zeros,
		    TKVM_PAGE) != 0;
	}
	return (n);
}

static bool
over_limit(struct tkvm_machine *m)
{
	const struct pages *p = &m->pages;

	if (p->n <= m->limit_now)
		return (false);
	if (!m->owned_known) {
		m->owned_before = count_changed(m);
		m->owned_known = true;
	}
	return (p->n - p->n_before + m->owned_before > m->limit_now);
}

int
machine_harvest_ring(struct tkvm_machine *m, struct vcpu *v,
    struct tkvm_err *err)
{
	uint64_t gpa;

	while (vcpu_ring_next(v, &gpa)) {
		m->stats.faults++;
		if (gpa < m->shape.total &&
		    !pages_add(&m->pages, (uint32_t)(gpa / TKVM_PAGE)))
			return (tkvm_fail(err, TKVM_EHOST,
			    "no memory for the page set of a machine"));
	}
	if (vcpu_ring_taken(v) > 256 && vcpu_ring_release(v, err) != 0)
		return (TKVM_EHOST);
	return (0);
}

int
machine_harvest(struct tkvm_machine *m, struct tkvm_err *err)
{
	int r;

	r = machine_harvest_ring(m, m->vcpu, err);
	if (r == 0)
		r = cpus_harvest(m, err);
	if (r != 0)
		return (r);
	m->stats.dirty_pages = m->pages.n;
	if (over_limit(m))
		return (tkvm_fail(err, TKVM_EWORKMEM,
		    "out of working memory: more than %ju KiB written",
		    (uintmax_t)m->limit_pages * (TKVM_PAGE / 1024)));
	return (0);
}

/* A function that we called came back; the stub moved its RAX to RDI. */
static enum tkvm_next
returned(struct tkvm_machine *m, struct tkvm_err *err)
{
	const struct tkvm_regs *r = vcpu_regs(m->vcpu);

	if (m->asked) {
		m->value[0] = r->rdi;
		m->value[1] = r->rdx;
		m->asked = false;
		m->answered = true;
		return (TKVM_STOP);
	}
	(void)tkvm_fail(err, TKVM_EGUEST, "the program's function returned "
	    "without giving an answer");
	return (TKVM_ABORT);
}

static enum tkvm_next
call(struct tkvm_machine *m, struct vcpu *v, unsigned cpu, uint32_t number,
    struct tkvm_err *err)
{
	struct tkvm_regs *r = vcpu_regs(v);
	bool is_linux = number < 512;
	struct tkvm_call c = {
		.number = number,
		.cpu = cpu,
		.arg = {r->rdi, r->rsi, r->rdx, is_linux ? r->r10 : r->rcx,
		    r->r8, r->r9},
		.ret = r->rax,
		.rdx = r->rdx,
	};
	enum tkvm_next next;

	m->stats.calls++;
	if (is_linux)
		next = m->calls.linux_call(m->calls.linux_state, m, &c, err);
	else if (number == CALL_RETURNED)
		return (cpu != 0 ? TKVM_STOP : returned(m, err));
	else
		next = m->calls.http_call(m->calls.http_state, m, &c, err);
	r->rax = c.ret;
	r->rdx = c.rdx;
	vcpu_dirty(v);
	return (next);
}

/* A call through the old vsyscall page: do it and return to the caller. */
static enum tkvm_next
call_vsyscall(struct tkvm_machine *m, struct vcpu *v, unsigned cpu,
    uint32_t number, struct tkvm_err *err)
{
	struct tkvm_regs *r = vcpu_regs(v);
	uint64_t back;

	if (tkvm_copy_in(m, &back, r->rsp, sizeof back) != 0) {
		(void)tkvm_fail(err, TKVM_EGUEST,
		    "vsyscall without a return address");
		return (TKVM_ABORT);
	}
	r->rsp += sizeof back;
	r->rip = back;
	return (call(m, v, cpu, number, err));
}

static enum tkvm_next
fault(struct tkvm_machine *m, struct vcpu *v, unsigned cpu,
    const struct vcpu_exit *e, struct tkvm_err *err)
{
	struct tkvm_regs *regs = vcpu_regs(v);
	uint32_t number;

	switch (trap_decode(m, regs, e, &number)) {
	case TRAP_CALL:
		return (call(m, v, cpu, (uint32_t)regs->rax, err));
	case TRAP_VSYSCALL:
		return (call_vsyscall(m, v, cpu, number, err));
	case TRAP_SKIP:
		return (TKVM_RESUME);
	case TRAP_FATAL:
		break;
	}
	(void)trap_describe(m, regs, e, err);
	return (TKVM_ABORT);
}

static enum tkvm_next
late(const struct tkvm_machine *m, struct vcpu *v, struct tkvm_err *err)
{
	char at[128];

	if (tkvm_now_ns() < tkvm_machine_deadline(m))
		return (TKVM_RESUME);	/* some other signal */
	if (atomic_load(&m->cancelled)) {
		(void)tkvm_fail(err, TKVM_ETIMEOUT, "it was stopped");
		return (TKVM_ABORT);
	}
	(void)tkvm_fail(err, TKVM_ETIMEOUT,
	    "time-out: still running when its time was over, at %s",
	    tkvm_machine_symbol(m, vcpu_regs(v)->rip, at, sizeof at));
	return (TKVM_ABORT);
}

enum tkvm_next
machine_handle(struct tkvm_machine *m, struct vcpu *v, unsigned cpu,
    const struct vcpu_exit *e, struct tkvm_err *err)
{
	m->last_trap = e->trap;
	switch (e->kind) {
	case VCPU_CALL:
	case VCPU_SYSCALL:
		return (call(m, v, cpu, (uint32_t)vcpu_regs(v)->rax, err));
	case VCPU_FAULT:
		return (fault(m, v, cpu, e, err));
	case VCPU_INTERRUPTED:
		return (late(m, v, err));
	case VCPU_DEBUG:	/* left over from a debugger */
	case VCPU_RING_FULL:
		return (TKVM_RESUME);
	case VCPU_PORT:
		/* Only our ring-0 stubs may report on these. */
		if (e->port < 0x80 || e->port >= 0x80 + 32)
			return (TKVM_RESUME);
		(void)tkvm_fail(err, TKVM_EGUEST,
		    "the program used the reserved port 0x%x", e->port);
		return (TKVM_ABORT);
	case VCPU_BROKEN:
		break;
	}
	m->state = MACHINE_BROKEN;
	(void)tkvm_fail(err, TKVM_EHOST, "the machine broke: %s", e->text);
	return (TKVM_ABORT);
}

int
tkvm_machine_run(struct tkvm_machine *m, uint64_t deadline_ns,
    struct tkvm_err *err)
{
	enum tkvm_next next = TKVM_RESUME;
	struct vcpu_exit e;
	struct tkvm_err local;
	int r = 0;

	ASSERT(m->state == MACHINE_BOOTING || m->state == MACHINE_FORK);
	if (err == NULL)
		err = &local;
	m->stats.runs++;
	m->fault.name = NULL;
	m->deadline_ns = deadline_ns;
	vcpu_arm(m->vcpu, deadline_ns);
	cpus_begin(m);
	if (atomic_load(&m->cancelled))
		next = late(m, m->vcpu, err);
	while (next == TKVM_RESUME && r == 0) {
		cpus_unlock(m);
		vcpu_run(m->vcpu, &e);
		cpus_lock(m);
		m->stats.exits++;
		next = machine_handle(m, m->vcpu, 0, &e, err);
		if (next != TKVM_ABORT)
			r = machine_harvest(m, err);
		if (next != TKVM_ABORT && r == 0)
			r = cpus_failed(m, err);
	}
	cpus_stop(m);
	/* What they had written by then counts, too. */
	if (m->cpus != NULL && next == TKVM_STOP && r == 0)
		r = machine_harvest(m, err);
	vcpu_disarm(m->vcpu);
	if (next == TKVM_ABORT)
		r = err->code;
	if (r != 0)
		vcpu_forget(m->vcpu);
	return (r);
}
