/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * debug.c: a machine under a debugger. Single steps use the guest's own trap
 * flag and software breakpoints its int3: both come as exceptions through its
 * IDT, on every kind of KVM. Debug registers are KVM's (KVM_SET_GUEST_DEBUG);
 * while they are in use, steps come from there as well. Where they have no
 * effect although KVM takes them (PVM; SVM as QEMU emulates it), watching for
 * writes means comparing after each step.
 */
#include <stdlib.h>
#include <string.h>

#include "machine/machine_priv.h"

#define VECTOR_DB 1
#define VECTOR_BP 3
#define RFLAGS_TF 0x100u
#define INT3 0xcc

static struct debug *
get_debug(struct tkvm_machine *m)
{
	if (m->debug == NULL)
		m->debug = calloc(1, sizeof *m->debug);
	m->debugged |= m->debug != NULL;
	return (m->debug);
}

const struct tkvm_fault *
tkvm_machine_fault(const struct tkvm_machine *m)
{
	return (&m->fault);
}

bool
tkvm_machine_cancelled(const struct tkvm_machine *m)
{
	return (atomic_load(&m->cancelled));
}

/*--- memory and registers -------------------------------------------------*/

int
tkvm_debug_read(const struct tkvm_machine *m, void *dst, uint64_t gva,
    uint64_t len)
{
	const struct debug *d = m->debug;
	uint8_t *to = dst;

	if (tkvm_copy_in(m, dst, gva, len) != 0)
		return (-1);
	for (unsigned i = 0; d != NULL && i < d->n_soft; i++)
		if (d->soft[i].gva - gva < len)
			to[d->soft[i].gva - gva] = d->soft[i].original;
	return (0);
}

static int
poke(struct tkvm_machine *m, uint64_t gva, const void *src, uint64_t len)
{
	uint64_t at;

	if (len == 0)
		return (0);
	at = gmem_find(m, gva, len);
	if (at == UINT64_MAX || gmem_mark(m, at, len) != 0)
		return (-1);
	m->debugged = true;
	memcpy(m->mem + at, src, len);
	return (0);
}

int
tkvm_debug_write(struct tkvm_machine *m, uint64_t gva, const void *src,
    uint64_t len)
{
	static const uint8_t int3 = INT3;
	struct debug *d = m->debug;
	const uint8_t *from = src;
	int r;

	r = poke(m, gva, src, len);
	for (unsigned i = 0; r == 0 && d != NULL && i < d->n_soft; i++) {
		struct soft *s = &d->soft[i];

		if (s->gva - gva >= len)
			continue;
		s->original = from[s->gva - gva];
		r = poke(m, s->gva, &int3, 1);
	}
	return (r);
}

void
tkvm_debug_set_regs(struct tkvm_machine *m, const struct tkvm_regs *regs)
{
	*vcpu_regs(m->vcpu) = *regs;
	vcpu_forget(m->vcpu);
}

int
tkvm_debug_get_xsave(struct tkvm_machine *m, void *page, struct tkvm_err *err)
{
	return (vcpu_get_xsave(m->vcpu, page, err));
}

int
tkvm_debug_set_xsave(struct tkvm_machine *m, const void *page,
    struct tkvm_err *err)
{
	return (vcpu_set_xsave(m->vcpu, page, err));
}

uint64_t
tkvm_debug_components(const struct tkvm_machine *m)
{
	return (m->xcr0);
}

/*--- do debug registers work? ---------------------------------------------*/

/*
 * Step over one harmless instruction of our own stub that has a breakpoint. If
 * it works, the breakpoint comes first. Registers are put back.
 */
static bool
try_registers(struct tkvm_machine *m)
{
	struct tkvm_regs *regs = vcpu_regs(m->vcpu), saved = *regs;
	struct vcpu_hard hard[VCPU_HARD] = {{0}};
	struct vcpu_exit e;
	bool works;

	hard[0].address = tables_return_stub(&m->shape);
	hard[0].when = VCPU_EXECUTED;
	hard[0].len = 1;
	if (vcpu_set_hard(m->vcpu, hard, NULL) != 0)
		return (false);
	regs->rip = hard[0].address;
	regs->rflags |= RFLAGS_TF;
	vcpu_forget(m->vcpu);
	vcpu_arm(m->vcpu, tkvm_now_ns() + 1000000000);
	vcpu_run(m->vcpu, &e);
	vcpu_disarm(m->vcpu);
	m->stats.exits++;
	works = e.kind == VCPU_DEBUG && regs->rip == hard[0].address &&
	    (e.error & 1) != 0;
	memset(hard, 0, sizeof hard);
	if (vcpu_set_hard(m->vcpu, hard, NULL) != 0)
		works = false;
	tkvm_debug_set_regs(m, &saved);
	return (works);
}

/* Found out once per process. */
static bool
have_registers(struct tkvm_machine *m)
{
	static _Atomic int known;	/* 0: not yet */

	if (atomic_load(&known) == 0)
		atomic_store(&known, try_registers(m) ? 1 : -1);
	return (atomic_load(&known) > 0);
}

/*--- breakpoints ----------------------------------------------------------*/

static struct soft *
find_soft(struct debug *d, uint64_t gva)
{
	for (unsigned i = 0; d != NULL && i < d->n_soft; i++)
		if (d->soft[i].gva == gva)
			return (&d->soft[i]);
	return (NULL);
}

static int
set_soft(struct tkvm_machine *m, uint64_t gva, bool on)
{
	static const uint8_t int3 = INT3;
	struct debug *d = m->debug;
	struct soft *s = find_soft(d, gva);
	uint8_t original;

	if (on == (s != NULL))
		return (0);
	if (!on) {
		if (poke(m, gva, &s->original, 1) != 0)
			return (-1);
		*s = d->soft[--d->n_soft];
		return (0);
	}
	if (d == NULL || d->n_soft == SOFT_BREAKS ||
	    tkvm_copy_in(m, &original, gva, 1) != 0 ||
	    poke(m, gva, &int3, 1) != 0)
		return (-1);
	d->soft[d->n_soft++] = (struct soft){gva, original};
	return (0);
}

static int
set_hard(struct tkvm_machine *m, const struct vcpu_hard *want, bool on)
{
	struct debug *d = m->debug;
	struct vcpu_hard *same = NULL, *room = NULL, old;

	for (unsigned i = 0; i < VCPU_HARD; i++) {
		struct vcpu_hard *h = &d->hard[i];

		if (h->len == 0)
			room = h;
		else if (h->address == want->address && h->len == want->len &&
		    h->when == want->when)
			same = h;
	}
	if (on == (same != NULL))
		return (0);
	if (on)
		same = room;
	if (same == NULL)
		return (-1);
	old = *same;
	*same = *want;
	if (!on)
		same->len = 0;
	d->stepping = !have_registers(m);
	if (d->stepping)
		return (0);
	if (vcpu_set_hard(m->vcpu, d->hard, NULL) != 0) {
		*same = old;
		return (-1);
	}
	d->hard_set = true;
	return (0);
}

int
tkvm_debug_break(struct tkvm_machine *m, enum tkvm_break kind, uint64_t gva,
    uint64_t len, bool on)
{
	struct vcpu_hard hard = {.address = gva, .len = 1};

	if (get_debug(m) == NULL)
		return (-1);
	if (kind == TKVM_BREAK_SOFT ||
	    (kind == TKVM_BREAK_HARD && !have_registers(m)))
		return (set_soft(m, gva, on));
	if (kind == TKVM_BREAK_ACCESS && !have_registers(m))
		return (-1);
	if (kind != TKVM_BREAK_HARD) {
		if ((len != 1 && len != 2 && len != 4 && len != 8) ||
		    gva % len != 0)
			return (-1);
		hard.len = (uint8_t)len;
		hard.when = kind == TKVM_BREAK_WRITE ? VCPU_WRITTEN :
		    VCPU_ACCESSED;
	}
	/* The CPU must never stop in our own pages. */
	if (gmem_find(m, gva, hard.len) == UINT64_MAX)
		return (-1);
	return (set_hard(m, &hard, on));
}

int
debug_off(struct tkvm_machine *m, struct tkvm_err *err)
{
	struct debug *d = m->debug;

	m->debugged = false;
	if (d == NULL)
		return (0);
	d->n_soft = 0;		/* their pages are marked */
	memset(d->hard, 0, sizeof d->hard);
	if (!d->hard_set)
		return (0);
	d->hard_set = false;
	return (vcpu_set_hard(m->vcpu, d->hard, err));
}

int
tkvm_debug_end(struct tkvm_machine *m, struct tkvm_err *err)
{
	struct debug *d = m->debug;
	bool debugged = m->debugged;
	int r;

	if (d == NULL)
		return (0);
	while (d->n_soft > 0)
		if (set_soft(m, d->soft[d->n_soft - 1].gva, false) != 0)
			d->n_soft--;	/* unmapped since; nothing to undo */
	r = debug_off(m, err);
	if (r != 0)
		m->state = MACHINE_BROKEN;
	/* The next reset still has pages to discard. */
	m->debugged = debugged;
	return (r);
}

bool
tkvm_machine_debugged(const struct tkvm_machine *m)
{
	return (m->debugged);
}

/*--- running --------------------------------------------------------------*/

/* Which debug register fired. */
static bool
by_register(const struct debug *d, uint32_t dr6, struct tkvm_stop *stop)
{
	for (unsigned i = 0; d != NULL && i < VCPU_HARD; i++) {
		const struct vcpu_hard *h = &d->hard[i];

		if ((dr6 >> i & 1) == 0 || h->len == 0)
			continue;
		stop->kind = h->when == VCPU_EXECUTED ? TKVM_STOP_BREAK :
		    TKVM_STOP_WATCH;
		stop->by = h->when == VCPU_EXECUTED ? TKVM_BREAK_HARD :
		    h->when == VCPU_WRITTEN ? TKVM_BREAK_WRITE :
		    TKVM_BREAK_ACCESS;
		stop->address = h->address;
		return (true);
	}
	return (false);
}

/* Is this exit the debugger's? Then *stop says what it is. */
static bool
debug_exit(struct tkvm_machine *m, const struct vcpu_exit *e, bool step,
    struct tkvm_stop *stop)
{
	struct tkvm_regs *regs = vcpu_regs(m->vcpu);

	if (e->kind == VCPU_DEBUG) {
		if (by_register(m->debug, e->error, stop))
			return (true);
		stop->kind = step ? TKVM_STOP_STEPPED : TKVM_STOP_TRAP;
		return (true);
	}
	if (e->kind != VCPU_FAULT)
		return (false);
	if (e->vector == VECTOR_DB && step) {
		stop->kind = TKVM_STOP_STEPPED;
		return (true);
	}
	if (e->vector != VECTOR_BP)
		return (false);
	stop->kind = TKVM_STOP_TRAP;
	if (find_soft(m->debug, regs->rip - 1) != NULL) {
		regs->rip--;
		stop->kind = TKVM_STOP_BREAK;
		stop->by = TKVM_BREAK_SOFT;
	}
	return (true);
}

/* One entry: TKVM_RESUME when nothing has happened that stops it. */
static enum tkvm_next
enter_once(struct tkvm_machine *m, bool step, uint64_t until_ns,
    struct tkvm_stop *stop, struct tkvm_err *err)
{
	struct tkvm_regs *regs = vcpu_regs(m->vcpu);
	struct vcpu_exit e;
	enum tkvm_next next;

	if (step) {
		regs->rflags |= RFLAGS_TF;
		vcpu_dirty(m->vcpu);
	}
	vcpu_run(m->vcpu, &e);
	m->stats.exits++;
	if (step) {
		regs->rflags &= ~(uint64_t)RFLAGS_TF;
		if (e.kind == VCPU_SYSCALL)
			regs->r11 &= ~(uint64_t)RFLAGS_TF;
		vcpu_dirty(m->vcpu);
	}
	if (debug_exit(m, &e, step, stop)) {
		vcpu_forget(m->vcpu);
		return (TKVM_STOP);
	}
	if (e.kind == VCPU_INTERRUPTED && tkvm_now_ns() >= until_ns &&
	    tkvm_now_ns() < tkvm_machine_deadline(m)) {
		stop->kind = TKVM_STOP_LATE;
		return (TKVM_STOP);
	}
	next = machine_handle(m, m->vcpu, 0, &e, err);
	if (next == TKVM_STOP)
		stop->kind = TKVM_STOP_ENDED;
	if (step && next == TKVM_RESUME && e.kind != VCPU_INTERRUPTED &&
	    e.kind != VCPU_RING_FULL) {
		stop->kind = TKVM_STOP_STEPPED;	/* over a call */
		next = TKVM_STOP;
	}
	return (next);
}

/*--- watching for writes without debug registers --------------------------*/

static bool
stepping(const struct debug *d)
{
	for (unsigned i = 0; d != NULL && d->stepping && i < VCPU_HARD; i++)
		if (d->hard[i].len != 0)
			return (true);
	return (false);
}

static void
look(struct tkvm_machine *m)
{
	struct debug *d = m->debug;

	for (unsigned i = 0; i < VCPU_HARD; i++)
		if (tkvm_copy_in(m, &d->seen[i], d->hard[i].address,
		    d->hard[i].len) != 0)
			d->seen[i] = 0;
}

/* Number of the watchpoint whose memory differs; VCPU_HARD: none. */
static unsigned
changed(const struct tkvm_machine *m)
{
	const struct debug *d = m->debug;
	uint64_t now;
	unsigned i;

	for (i = 0; i < VCPU_HARD; i++) {
		now = d->seen[i];
		if (tkvm_copy_in(m, &now, d->hard[i].address,
		    d->hard[i].len) == 0 && now != d->seen[i])
			break;
	}
	return (i);
}

static enum tkvm_next
once(struct tkvm_machine *m, bool step, uint64_t until_ns,
    struct tkvm_stop *stop, struct tkvm_err *err)
{
	enum tkvm_next next;
	unsigned i;

	if (!stepping(m->debug))
		return (enter_once(m, step, until_ns, stop, err));
	look(m);
	next = enter_once(m, true, until_ns, stop, err);
	if (next != TKVM_STOP || stop->kind != TKVM_STOP_STEPPED)
		return (next);
	i = changed(m);
	if (i < VCPU_HARD) {
		stop->kind = TKVM_STOP_WATCH;
		stop->by = TKVM_BREAK_WRITE;
		stop->address = m->debug->hard[i].address;
		return (TKVM_STOP);
	}
	if (!step && tkvm_now_ns() >= until_ns) {
		stop->kind = TKVM_STOP_LATE;
		return (TKVM_STOP);
	}
	return (step ? TKVM_STOP : TKVM_RESUME);
}

void
tkvm_debug_run(struct tkvm_machine *m, bool step, uint64_t until_ns,
    uint64_t deadline_ns, struct tkvm_stop *stop, struct tkvm_err *err)
{
	enum tkvm_next next = TKVM_RESUME;
	int r = 0;

	ASSERT(m->state == MACHINE_BOOTING || m->state == MACHINE_FORK);
	memset(stop, 0, sizeof *stop);
	m->debugged = true;
	m->stats.runs++;
	m->fault.name = NULL;
	m->deadline_ns = deadline_ns;
	vcpu_arm(m->vcpu, until_ns);
	if (atomic_load(&m->cancelled)) {
		r = tkvm_fail(err, TKVM_ETIMEOUT, "it was stopped");
		next = TKVM_ABORT;
	}
	while (next == TKVM_RESUME && r == 0) {
		next = once(m, step, until_ns, stop, err);
		if (next != TKVM_ABORT)
			r = machine_harvest(m, err);
	}
	vcpu_disarm(m->vcpu);
	if (next == TKVM_ABORT)
		r = err->code;
	if (r != 0) {
		vcpu_forget(m->vcpu);
		stop->kind = TKVM_STOP_FAILED;
		stop->code = r;
	}
}
