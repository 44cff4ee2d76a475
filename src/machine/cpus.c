/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cpus.c: the CPUs of a machine beyond its first, for programs that compute on
 * several at once.
 *
 * Each is made when it is first needed and keeps its thread. They run only
 * within a run of the first one: when that ends, all are stopped, so nothing
 * else in the machine has to know of them. A start loads every register and
 * enters by a stub that restores the extended state, as a request does.
 *
 * Lock: one per machine, held by whoever deals with an exit (handlers, page
 * set, arena) and never while a guest runs or a thread waits.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/thread.h"
#include "machine/machine_priv.h"

#define STACK_EACH KIB(512)
#define LONGEST_NS 8000000000u
/* How often who waits for the others looks at memory and deadline. */
#define LOOK_NS 5000000

struct cpu {
	struct tkvm_machine *m;
	unsigned number;		/* from 1 */
	struct vcpu *vcpu;
	pthread_t thread;
	pthread_cond_t wake;
	bool running;
	uint64_t deadline_ns;
};

struct cpus {
	pthread_mutex_t lock;
	pthread_cond_t done;		/* one less runs, or one failed */
	unsigned n;			/* of cpu, made so far */
	unsigned running;
	bool active;			/* from start to wait */
	bool stop;			/* whoever runs is to end */
	bool quit;			/* and its thread, too */
	uint64_t stacks, stacks_len;	/* from the arena; 0: none */
	struct cpu *culprit;		/* why the run ends; NULL: none */
	struct tkvm_err err;
	struct cpu cpu[TKVM_CPUS_MAX - 1];
};

void
cpus_lock(struct tkvm_machine *m)
{
	if (m->cpus != NULL)
		(void)pthread_mutex_lock(&m->cpus->lock);
}

void
cpus_begin(struct tkvm_machine *m)
{
	cpus_lock(m);
	if (m->cpus != NULL)
		m->cpus->culprit = NULL;
}

void
cpus_unlock(struct tkvm_machine *m)
{
	if (m->cpus != NULL)
		(void)pthread_mutex_unlock(&m->cpus->lock);
}

int
cpus_failed(struct tkvm_machine *m, struct tkvm_err *err)
{
	struct cpus *c = m->cpus;

	if (c == NULL || c->culprit == NULL)
		return (0);
	*err = c->err;
	return (err->code);
}

struct vcpu *
cpus_culprit(const struct tkvm_machine *m, unsigned *cpu)
{
	if (m->cpus == NULL || m->cpus->culprit == NULL)
		return (NULL);
	*cpu = m->cpus->culprit->number;
	return (m->cpus->culprit->vcpu);
}

int
cpus_harvest(struct tkvm_machine *m, struct tkvm_err *err)
{
	int r = 0;

	for (unsigned i = 0; m->cpus != NULL && i < m->cpus->n && r == 0; i++)
		r = machine_harvest_ring(m, m->cpus->cpu[i].vcpu, err);
	return (r);
}

/*--- one of them runs -----------------------------------------------------*/

static void
stop_others(struct cpus *c)
{
	c->stop = true;
	for (unsigned i = 0; i < c->n; i++)
		if (c->cpu[i].running)
			vcpu_kick(c->cpu[i].vcpu);
}

static void
failed(struct cpu *cpu, const struct tkvm_err *err)
{
	struct cpus *c = cpu->m->cpus;

	c->culprit = cpu;
	c->err = *err;
	stop_others(c);
	vcpu_kick(cpu->m->vcpu);
}

static int
too_long(const struct cpu *cpu, struct tkvm_err *err)
{
	return (tkvm_fail(err, TKVM_ETIMEOUT,
	    "time-out: its CPU %u is not done in time", cpu->number));
}

/* Locked, but for the time in the guest. */
static void
run(struct cpu *cpu)
{
	struct tkvm_machine *m = cpu->m;
	enum tkvm_next next = TKVM_RESUME;
	struct vcpu_exit e;
	struct tkvm_err err;
	int r = 0;

	vcpu_arm(cpu->vcpu, cpu->deadline_ns);
	while (next == TKVM_RESUME && r == 0 && !m->cpus->stop) {
		cpus_unlock(m);
		vcpu_run(cpu->vcpu, &e);
		cpus_lock(m);
		m->stats.exits++;
		/* It is late because it was told to end: not its fault. */
		if (m->cpus->stop)
			break;
		if (e.kind == VCPU_INTERRUPTED &&
		    tkvm_now_ns() >= cpu->deadline_ns) {
			r = too_long(cpu, &err);
			break;
		}
		next = machine_handle(m, cpu->vcpu, cpu->number, &e, &err);
		if (next != TKVM_ABORT)
			r = machine_harvest(m, &err);
	}
	vcpu_disarm(cpu->vcpu);
	if ((next == TKVM_ABORT || r != 0) && !m->cpus->stop)
		failed(cpu, &err);
}

static void *
serve(void *arg)
{
	struct cpu *cpu = arg;
	struct cpus *c = cpu->m->cpus;

	(void)pthread_mutex_lock(&c->lock);
	for (;;) {
		while (!cpu->running && !c->quit)
			(void)pthread_cond_wait(&cpu->wake, &c->lock);
		if (c->quit)
			break;
		run(cpu);
		cpu->running = false;
		c->running--;
		(void)pthread_cond_signal(&c->done);
	}
	(void)pthread_mutex_unlock(&c->lock);
	return (NULL);
}

/*--- making and freeing ---------------------------------------------------*/

/* Locked when it is made: its first call is made in a handler. */
static int
make(struct tkvm_machine *m, struct tkvm_err *err)
{
	struct cpus *c = calloc(1, sizeof *c);
	pthread_condattr_t attr;

	if (c == NULL)
		return (tkvm_fail(err, TKVM_ENOMEM, "no memory for CPUs"));
	(void)pthread_mutex_init(&c->lock, NULL);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&c->done, &attr);
	(void)pthread_condattr_destroy(&attr);
	(void)pthread_mutex_lock(&c->lock);
	m->cpus = c;
	return (0);
}

static int
add(struct tkvm_machine *m, struct tkvm_err *err)
{
	struct cpus *c = m->cpus;
	struct cpu *cpu = &c->cpu[c->n];
	struct vcpu_tables t = tables_of_cpu(&m->shape, c->n);
	int r;

	cpu->m = m;
	cpu->number = c->n + 1;
	t.trap_stack_top_host = m->own + cpu->number * OWN_BYTES + TKVM_PAGE;
	r = vcpu_add(m->vcpu, cpu->number, &t, &cpu->vcpu, err);
	if (r != 0)
		return (r);
	(void)pthread_cond_init(&cpu->wake, NULL);
	r = thread_start(&cpu->thread, serve, cpu);
	if (r != 0) {
		(void)pthread_cond_destroy(&cpu->wake);
		vcpu_destroy(&cpu->vcpu);
		return (tkvm_fail(err, TKVM_EHOST,
		    "cannot start a CPU's thread: %s", strerror(r)));
	}
	c->n++;
	return (0);
}

void
cpus_free(struct tkvm_machine *m)
{
	struct cpus *c = m->cpus;

	if (c == NULL)
		return;
	(void)pthread_mutex_lock(&c->lock);
	c->quit = true;
	for (unsigned i = 0; i < c->n; i++)
		(void)pthread_cond_signal(&c->cpu[i].wake);
	(void)pthread_mutex_unlock(&c->lock);
	for (unsigned i = 0; i < c->n; i++) {
		(void)pthread_join(c->cpu[i].thread, NULL);
		(void)pthread_cond_destroy(&c->cpu[i].wake);
		vcpu_destroy(&c->cpu[i].vcpu);
	}
	(void)pthread_cond_destroy(&c->done);
	(void)pthread_mutex_destroy(&c->lock);
	m->cpus = NULL;
	free(c);
}

/*--- starting and ending them ---------------------------------------------*/

/* It is over, one way or the other. */
static void
finish(struct tkvm_machine *m)
{
	struct cpus *c = m->cpus;

	c->active = false;
	/* It fails when the arena is in too many pieces: they stay taken. */
	if (c->stacks != 0 &&
	    tkvm_arena_give(m, c->stacks, c->stacks_len) != 0)
		c->stacks_len = 0;
	c->stacks = 0;
}

void
cpus_stop(struct tkvm_machine *m)
{
	struct cpus *c = m->cpus;

	if (c == NULL)
		return;
	if (c->active) {
		stop_others(c);
		while (c->running > 0)
			(void)pthread_cond_wait(&c->done, &c->lock);
		finish(m);
	}
	(void)pthread_mutex_unlock(&c->lock);
}

/* What CPU begins with; false: its stack is none. */
static bool
set_up(struct tkvm_machine *m, const struct tkvm_parallel *p,
    struct cpu *cpu)
{
	const struct tkvm_regs *first = vcpu_regs(m->vcpu);
	uint64_t back = tables_return_stub(&m->shape), n = cpu->number;
	struct tkvm_regs regs = {
		.rdi = p->arg[0] + n * p->step, .rsi = p->arg[1],
		.rdx = p->arg[2], .rcx = p->arg[3], .rip = p->function,
		.fs_base = first->fs_base,
	};

	if (p->function == 0) {
		regs = *first;
		regs.rax = n;
		if (tkvm_copy_in(m, &back, first->rsp, sizeof back) != 0)
			return (false);
	}
	regs.gs_base = m->shape.base + OFF_CPU_RECORD(n - 1);
	/* As after a call instruction: (RSP + 8) is a multiple of 16. */
	regs.rsp = num_down(p->stack + n * p->stack_bytes, 16) - 8;
	if (tkvm_copy_out(m, regs.rsp, &back, sizeof back) != 0)
		return (false);
	machine_write_record(m, cpu->number);
	machine_enter(m, cpu->vcpu, cpu->number, &regs);
	return (true);
}

static int
take_stacks(struct tkvm_machine *m, struct tkvm_parallel *p,
    struct tkvm_err *err)
{
	struct cpus *c = m->cpus;
	uint64_t all;

	if (p->stack_bytes == 0) {
		c->stacks_len = (p->cpus - 1) * STACK_EACH;
		c->stacks = p->stack = tkvm_arena_take(m, c->stacks_len);
		p->stack_bytes = STACK_EACH;
		if (c->stacks == 0)
			return (tkvm_fail(err, TKVM_EGUEST,
			    "no room for the stacks of more CPUs"));
	}
	if (p->stack_bytes < TKVM_PAGE || __builtin_mul_overflow(p->cpus - 1,
	    p->stack_bytes, &all) || all > UINT64_MAX - p->stack)
		return (tkvm_fail(err, TKVM_EGUEST,
		    "a stack for more CPUs that is none"));
	return (0);
}

static int
may_start(const struct tkvm_machine *m, uint64_t n, struct tkvm_err *err)
{
	if (n < 2 || n > 1 + (uint64_t)m->shape.more_cpus)
		return (tkvm_fail(err, TKVM_EGUEST,
		    "%ju CPUs; it may have 2 to %u", (uintmax_t)n,
		    1 + m->shape.more_cpus));
	if (m->debugged)
		return (tkvm_fail(err, TKVM_EGUEST,
		    "a debugger sees one CPU only"));
	if (m->cpus != NULL && m->cpus->active)
		return (tkvm_fail(err, TKVM_EGUEST, "others still run"));
	return (0);
}

int
tkvm_machine_parallel(struct tkvm_machine *m, const struct tkvm_parallel *want,
    struct tkvm_err *err)
{
	struct tkvm_parallel p = *want;
	uint64_t deadline = tkvm_now_ns() + LONGEST_NS;
	struct cpus *c;
	int r;

	r = may_start(m, p.cpus, err);
	if (r == 0 && m->cpus == NULL)
		r = make(m, err);
	while (r == 0 && m->cpus->n < p.cpus - 1)
		r = add(m, err);
	if (r == 0)
		r = take_stacks(m, &p, err);
	c = m->cpus;
	for (unsigned i = 0; r == 0 && i < p.cpus - 1; i++)
		if (!set_up(m, &p, &c->cpu[i]))
			r = tkvm_fail(err, TKVM_EGUEST,
			    "the stack of CPU %u is not memory", i + 1);
	if (r != 0) {
		if (c != NULL && !c->active)
			finish(m);
		return (r);
	}
	if (deadline > m->deadline_ns)
		deadline = m->deadline_ns;
	c->active = true;
	c->stop = false;
	c->running = (unsigned)p.cpus - 1;
	for (unsigned i = 0; i < c->running; i++) {
		c->cpu[i].deadline_ns = deadline;
		c->cpu[i].running = true;
		(void)pthread_cond_signal(&c->cpu[i].wake);
	}
	return (0);
}

int
tkvm_machine_parallel_wait(struct tkvm_machine *m, struct tkvm_err *err)
{
	struct cpus *c = m->cpus;
	struct timespec t;
	uint64_t look;
	int r;

	if (c == NULL || !c->active)
		return (0);
	while (c->running > 0) {
		look = tkvm_now_ns() + LOOK_NS;
		t = (struct timespec){.tv_sec = (time_t)(look / 1000000000),
		    .tv_nsec = (long)(look % 1000000000)};
		(void)pthread_cond_timedwait(&c->done, &c->lock, &t);
		r = cpus_failed(m, err);
		if (r == 0)
			r = machine_harvest(m, err);
		if (r == 0 && tkvm_now_ns() >= tkvm_machine_deadline(m))
			r = tkvm_fail(err, TKVM_ETIMEOUT, "time-out: "
			    "its other CPUs are not done in time");
		if (r != 0)
			return (r);
	}
	r = cpus_failed(m, err);
	if (r == 0)
		finish(m);
	return (r);
}
