/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * selftest.c: how does this host behave? A guest of a dozen instructions
 * makes a call, a system call, and calls in a loop; we look at how they arrive
 * and what they cost.
 */
#include <elf.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "machine/machine_priv.h"

extern const char selftest_code[], selftest_code_end[], selftest_out[];

#define PROBE_CALL 0x20001u
#define LOOP_CALL 0x20002u
#define PROBE_SYSCALL 500u
#define CODE_AT 0x400000u
#define BEHIND_CALL (CODE_AT + 2 + (uint64_t)(selftest_out - selftest_code))
#define ROUNDS 51
#define MOVES 3
/* Dearer than this and every machine keeps a thread of its own. */
#define MOVE_CHEAP_NS 50000

struct probe {
	struct tkvm_host host;
	struct tkvm_machine *m;
	struct tkvm_err err;
	bool got_call, got_syscall;
	uint64_t before;		/* the CPU's counter */
	bool same_counter;
	int failed;
	uint64_t ns;
};

static struct {
	pthread_mutex_t lock;
	bool ready;
	struct tkvm_host host;
} known = {.lock = PTHREAD_MUTEX_INITIALIZER};

static size_t
make_elf(char *file)
{
	size_t code = (size_t)(selftest_code_end - selftest_code);
	const Elf64_Ehdr e = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
		    ELFDATA2LSB, EV_CURRENT},
		.e_type = ET_EXEC, .e_machine = EM_X86_64,
		.e_version = EV_CURRENT, .e_entry = CODE_AT,
		.e_phoff = sizeof e, .e_ehsize = sizeof e,
		.e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 1,
	};
	const Elf64_Phdr p = {
		.p_type = PT_LOAD, .p_flags = PF_R | PF_X,
		.p_offset = sizeof e + sizeof p, .p_vaddr = CODE_AT,
		.p_filesz = code, .p_memsz = code, .p_align = 1,
	};

	memcpy(file, &e, sizeof e);
	memcpy(file + sizeof e, &p, sizeof p);
	memcpy(file + sizeof e + sizeof p, selftest_code, code);
	return (sizeof e + sizeof p + code);
}

static enum tkvm_next
on_linux(void *state, struct tkvm_machine *m, struct tkvm_call *c,
    struct tkvm_err *err)
{
	struct probe *p = state;

	(void)err;
	p->got_syscall = c->number == PROBE_SYSCALL;
	p->same_counter = p->before <= c->arg[0] &&
	    c->arg[0] <= __builtin_ia32_rdtsc();
	p->host.syscall_trap = m->last_trap;
	return (TKVM_RESUME);
}

/* Of the first call: where it is not right yet, from now on it will be. */
static enum tkvm_next
look_at_rip(struct probe *p, struct tkvm_regs *r, struct tkvm_err *err)
{
	p->host.out_rip_advanced = r->rip == BEHIND_CALL + 2;
	vcpu_set_out_rip_advanced(p->host.out_rip_advanced);
	if (p->host.out_rip_advanced)
		r->rip -= 2;
	if (r->rip == BEHIND_CALL)
		return (TKVM_RESUME);
	(void)tkvm_fail(err, TKVM_EHOST, "on this host an out instruction "
	    "leaves RIP at an unexpected place");
	return (TKVM_ABORT);
}

static enum tkvm_next
on_call(void *state, struct tkvm_machine *m, struct tkvm_call *c,
    struct tkvm_err *err)
{
	struct probe *p = state;

	if (c->number != PROBE_CALL)
		return (TKVM_STOP);
	p->got_call = true;
	p->host.out_trap = m->last_trap;
	return (look_at_rip(p, vcpu_regs(m->vcpu), err));
}

static int
run_once(struct probe *p)
{
	uint64_t t = tkvm_now_ns();
	int r;

	r = tkvm_machine_run(p->m, t + 2000000000u, &p->err);
	p->ns = tkvm_now_ns() - t;
	return (r);
}

static int
boot_probe(struct probe *p)
{
	static const char *const none[] = {NULL};
	char file[512];
	struct tkvm_boot boot = {
		.elf = file, .argv = none, .envp = none,
		.address_space_bytes = MIB(16), .max_memory_bytes = MIB(16),
		.calls = {on_linux, p, on_call, p},
	};
	int r;

	boot.elf_size = make_elf(file);
	r = machine_boot(&boot, &p->m, &p->err);
	if (r != 0)
		return (r);
	p->before = __builtin_ia32_rdtsc();
	r = run_once(p);
	if (r != 0)
		return (r);
	if (!p->got_call)
		return (tkvm_fail(&p->err, TKVM_EHOST, "on this host a "
		    "program's out instruction does not reach us"));
	if (!p->got_syscall)
		return (tkvm_fail(&p->err, TKVM_EHOST, "on this host a "
		    "program's syscall instruction does not reach us"));
	return (0);
}

static int
by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x < y ? -1 : x > y);
}

static int
measure_exit(struct probe *p)
{
	uint64_t ns[ROUNDS];

	for (unsigned i = 0; i < ROUNDS; i++) {
		if (run_once(p) != 0)
			return (TKVM_EHOST);
		ns[i] = p->ns;
	}
	qsort(ns, ROUNDS, sizeof ns[0], by_value);
	p->host.exit_ns = ns[ROUNDS / 2];
	return (0);
}

static void *
run_in_thread(void *arg)
{
	struct probe *p = arg;

	p->failed = run_once(p);
	return (NULL);
}

/*
 * Before Linux 6.13 a vCPU's first run in another thread waits for RCU, for
 * milliseconds and each time. So the least of them tells: a host with other
 * work delays one or the other.
 */
static int
measure_move(struct probe *p)
{
	uint64_t least = UINT64_MAX;
	pthread_t t;

	for (unsigned i = 0; i < MOVES; i++) {
		if (pthread_create(&t, NULL, run_in_thread, p) != 0)
			return (tkvm_fail(&p->err, TKVM_EHOST,
			    "cannot start a thread"));
		(void)pthread_join(t, NULL);
		if (p->failed != 0)
			return (p->failed);
		least = p->ns < least ? p->ns : least;
	}
	p->host.move_ns = least > p->host.exit_ns ? least - p->host.exit_ns : 0;
	p->host.move_is_cheap = p->host.move_ns < MOVE_CHEAP_NS;
	return (0);
}

static int
probe(struct probe *p)
{
	const struct vcpu_caps *caps;
	int r;

	r = vcpu_caps(&caps, &p->err);
	if (r != 0)
		return (r);
	p->host.xcr0 = caps->xcr0;
	p->host.cr4 = caps->cr4;
	p->host.ring_entries = caps->ring_entries;
	r = boot_probe(p);
	if (r == 0)
		r = measure_exit(p);
	if (r == 0)
		r = measure_move(p);
	tkvm_machine_destroy(&p->m);
	if (r == 0)
		p->host.clock = time_known(p->same_counter);
	return (r == 0 ? 0 : TKVM_EHOST);
}

int
tkvm_host_probe(const struct tkvm_host **host, struct tkvm_err *err)
{
	struct probe p = {.failed = 0};
	int r = 0;

	(void)pthread_mutex_lock(&known.lock);
	if (!known.ready) {
		r = probe(&p);
		known.host = p.host;
		known.ready = r == 0;
	}
	*host = &known.host;
	(void)pthread_mutex_unlock(&known.lock);
	if (r != 0)
		return (tkvm_fail(err, r, "%s", p.err.text));
	return (0);
}
