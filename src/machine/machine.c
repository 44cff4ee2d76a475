/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * machine.c: the parts that booted machines and forks have in common.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "machine/machine_priv.h"

struct tkvm_machine *
machine_alloc(const struct shape *s, const struct tkvm_calls *calls,
    struct tkvm_err *err)
{
	struct tkvm_machine *m = calloc(1, sizeof *m);

	if (m == NULL) {
		(void)tkvm_fail(err, TKVM_ENOMEM, "no memory for a machine");
		return (NULL);
	}
	m->shape = *s;
	m->calls = *calls;
	m->memfd = m->shared_fd = -1;
	/* Behind shared memory there is nothing that a guest can write. */
	if (pages_init(&m->pages, s->total / TKVM_PAGE, (s->n_areas != 0 ?
	    s->paging_at : s->layout.shared_start - s->base) / TKVM_PAGE,
	    err) != 0) {
		free(m);
		return (NULL);
	}
	return (m);
}

void
tkvm_machine_destroy(struct tkvm_machine **mp)
{
	struct tkvm_machine *m = *mp;

	*mp = NULL;
	if (m == NULL)
		return;
	cpus_free(m);
	vcpu_destroy(&m->vcpu);
	if (m->mem != NULL)
		(void)munmap(m->mem, shape_bytes(&m->shape));
	if (m->memfd >= 0)
		(void)close(m->memfd);
	if (m->shared_fd >= 0)
		(void)close(m->shared_fd);
	symbols_free(&m->symbols);
	free(m->debug);
	arena_free(&m->arena);
	pages_free(&m->pages);
	free(m->as_loaded);
	free(m);
}

static void
add_slot(struct tkvm_machine *m, struct vcpu_slot *slots, unsigned *n,
    uint64_t start, uint64_t end, bool logged, bool readonly)
{
	if (start == end)
		return;
	slots[(*n)++] = (struct vcpu_slot){
		.gpa = start, .len = end - start, .host = m->mem + start,
		.logged = logged, .readonly = readonly,
	};
}

/*
 * Forks get what the guest may not write as read-only slots, as far as slots
 * suffice: then even ring 0 cannot write there.
 */
static unsigned
make_slots(struct tkvm_machine *m, struct vcpu_slot *slots, bool split_readonly)
{
	const struct shape *s = &m->shape;
	uint64_t at = 0, shared = s->layout.shared_start - s->base;
	unsigned n = 0;

	for (unsigned i = 0; split_readonly && i < s->n_regions; i++) {
		const struct region *r = &s->region[i];

		if (r->w || n + 6 > VCPU_SLOTS)
			continue;
		add_slot(m, slots, &n, at, r->start, true, false);
		add_slot(m, slots, &n, r->start, r->end, false, true);
		at = r->end;
	}
	/* Writes to shared memory are nobody's to undo: not logged. */
	add_slot(m, slots, &n, at, shared, true, false);
	add_slot(m, slots, &n, shared, s->size, false, false);
	add_slot(m, slots, &n, s->size, s->total, true, false);
	add_slot(m, slots, &n, s->total, shape_bytes(s), false, false);
	return (n);
}

int
machine_add_vcpu(struct tkvm_machine *m, bool split_readonly,
    struct tkvm_err *err)
{
	const struct vcpu_caps *caps;
	struct vcpu_slot slots[VCPU_SLOTS];
	unsigned n;
	int r;

	r = vcpu_caps(&caps, err);
	if (r != 0)
		return (r);
	m->xcr0 = caps->xcr0;
	m->shape.tables.trap_stack_top_host = m->own + TKVM_PAGE;
	n = make_slots(m, slots, split_readonly);
	machine_write_record(m, 0);
	return (vcpu_new(slots, n, &m->shape.tables, &m->vcpu, err));
}

static void
put32(char *at, uint32_t v)
{
	memcpy(at, &v, sizeof v);
}

void
machine_write_record(struct tkvm_machine *m, unsigned cpu)
{
	char *own = m->own + cpu * OWN_BYTES, *rec = own + TKVM_PAGE;

	memset(own, 0, OWN_BYTES);
	put32(rec + REC_CPU_ID, cpu);
	put32(rec + REC_FORK_ID, m->index);
	put32(rec + REC_XCR0_LO, (uint32_t)m->xcr0);
	put32(rec + REC_XCR0_HI, (uint32_t)(m->xcr0 >> 32));
}

uint64_t
tkvm_machine_deadline(const struct tkvm_machine *m)
{
	return (atomic_load(&m->cancelled) ? 0 : m->deadline_ns);
}

/* In this order: a run that begins meanwhile arms first and looks then. */
void
tkvm_machine_cancel(struct tkvm_machine *m)
{
	atomic_store(&m->cancelled, true);
	vcpu_hurry(m->vcpu);
}

const struct tkvm_regs *
tkvm_machine_regs(const struct tkvm_machine *m)
{
	return (vcpu_regs(m->vcpu));
}

void
tkvm_machine_set_fs(struct tkvm_machine *m, uint64_t base)
{
	vcpu_regs(m->vcpu)->fs_base = base;
	vcpu_dirty(m->vcpu);
}

bool
tkvm_machine_booting(const struct tkvm_machine *m)
{
	return (m->state == MACHINE_BOOTING);
}

const struct tkvm_layout *
tkvm_machine_layout(const struct tkvm_machine *m)
{
	return (&m->shape.layout);
}

const struct tkvm_machine_stats *
tkvm_machine_stats(const struct tkvm_machine *m)
{
	return (&m->stats);
}
