/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MACHINE_MACHINE_PRIV_H
#define MACHINE_MACHINE_PRIV_H

#include <stdatomic.h>

#include "base/blob.h"
#include "base/check.h"
#include "base/num.h"
#include "machine/layout.h"
#include "tinykvm/host.h"
#include "tinykvm/machine.h"
#include "tinykvm/machine_debug.h"
#include "vcpu/vcpu.h"

/*--- elf.c ----------------------------------------------------------------*/

#define ELF_SEGMENTS 16
struct elf_segment {
	uint64_t start, len;		/* guest addresses */
	uint64_t file_offset, file_len;
	bool r, w, x;
};
struct elf {
	struct elf_segment seg[ELF_SEGMENTS];
	unsigned n;
	uint64_t entry, bias;
	uint64_t base;			/* 1 GiB aligned */
	uint64_t start, end;		/* of all segments, page aligned */
	uint64_t phdr;			/* guest address, 0 if not loaded */
	uint16_t phnum;
	bool stack_x;			/* it wants code on its stack */
};

/* Check a file; no side effects. TKVM_EFILE says what is wrong with it. */
int elf_parse(const void *file, size_t size, struct elf *elf,
    struct tkvm_err *err) TKVM_MUST_CHECK;

/* Function symbols, sorted, for symbol names; owned by an image. */
struct symbols;
struct symbols *symbols_new(const void *file, size_t size, uint64_t bias);
void symbols_free(struct symbols **sp);
const char *symbols_name(const struct symbols *s, uint64_t addr, char *buf,
    size_t size);

/*--- regions: what the guest may touch ------------------------------------*/

/* Sorted, disjoint, page aligned. Offsets from base, as physical addresses. */
struct region {
	uint64_t start, end;
	bool w, x;
};
#define REGIONS 40

/*--- pages.c: which pages the next reset copies ---------------------------*/

struct pages {
	uint32_t *list;			/* page numbers */
	uint32_t n, room;
	uint32_t n_before;		/* n when the request began */
	uint64_t *in_set;		/* bitmap over all pages */
	uint64_t shared;		/* pages from here on are never in it */
};
int pages_init(struct pages *p, uint64_t n_pages, uint64_t shared,
    struct tkvm_err *err);
void pages_free(struct pages *p);
/* Add a page; false when the host is out of memory. */
bool pages_add(struct pages *p, uint32_t page);
bool pages_has(const struct pages *p, uint32_t page);
void pages_clear(struct pages *p);

/*--- arena.c --------------------------------------------------------------*/

/* Free ranges of the mmap arena, sorted, disjoint; offsets from base. */
struct span {
	uint64_t start, end;
};
#define ARENA_SPANS 4096
struct shape;
struct arena {
	struct span *free;
	uint32_t n, room;
	bool changed;			/* differs from the image's */
};
int arena_init(struct arena *a, uint64_t start, uint64_t end,
    struct tkvm_err *err);
/* All that a machine of this shape may hand out. */
int arena_fill(struct arena *a, const struct shape *s, struct tkvm_err *err);
int arena_copy(struct arena *to, const struct arena *from,
    struct tkvm_err *err);
void arena_save(const struct arena *a, struct blob *to);
/* -1: no list of free ranges inside [start, end). */
int arena_load(struct arena *a, uint64_t start, uint64_t end,
    struct blob_in *from);
void arena_free(struct arena *a);

/*--- the machine ----------------------------------------------------------*/

/* By the CPU's counter, CLOCK_MONOTONIC and CLOCK_REALTIME. */
struct instant {
	uint64_t tsc, steady_ns, real_ns;
};

/* Two pages of each machine's own for each CPU: trap stack and record. */
#define OWN_BYTES (2 * TKVM_PAGE)

/* Memory at an address of its own, areas.c. */
struct area {
	uint64_t gva, len, offset;
	bool x;
};

/*
 * What a booted machine, its image and all forks agree on.
 * memory: [0, size) is mapped for the guest at base, then come areas;
 * [paging_at, total) are page tables.
 */
struct shape {
	uint64_t base, size, paging_at, total;
	unsigned more_cpus;		/* that it may have beyond the first */
	struct tkvm_layout layout;	/* guest addresses */
	struct region region[REGIONS];
	unsigned n_regions;
	struct area area[TKVM_AREAS_MAX];
	struct span hole[TKVM_AREAS_MAX];	/* of the arena */
	unsigned n_areas, n_holes;
	struct vcpu_tables tables;	/* host pointer is the machine's */
};

/* All that is mapped for a machine: memory, page tables, its own pages. */
static inline size_t
shape_bytes(const struct shape *s)
{
	return (s->total + (1 + s->more_cpus) * OWN_BYTES);
}

struct tkvm_image {
	struct shape shape;
	int memfd, shared_fd;		/* shared_fd -1: nothing is */
	char *mem;			/* all of it, read-only, shared */
	uint64_t *has_data;		/* bitmap: page is not all zero */
	uint64_t *as_loaded;		/* bitmap: as in the file; or NULL */
	struct span *extent;		/* where it has data */
	unsigned n_extents;
	uint64_t data_bytes;
	struct tkvm_regs regs;		/* behind the waiting instruction */
	struct arena arena;
	struct symbols *symbols;
	bool tells_time;		/* as its forks begin */
	double ns_per_tick;
};

/* A debugger's breakpoints, debug.c; made by the first one. */
#define SOFT_BREAKS 64
struct debug {
	struct soft {
		uint64_t gva;
		uint8_t original;
	} soft[SOFT_BREAKS];
	unsigned n_soft;
	struct vcpu_hard hard[VCPU_HARD];
	bool hard_set;			/* KVM knows of some */
	bool stepping;			/* they do not work: compare */
	uint64_t seen[VCPU_HARD];	/* and with what */
};

/*
 * BOOTING until it is frozen, a FORK from its birth; BROKEN: the vCPU cannot
 * go on, only destroy.
 */
enum machine_state { MACHINE_BOOTING, MACHINE_FROZEN, MACHINE_FORK,
	MACHINE_BROKEN };

struct tkvm_machine {
	enum machine_state state;
	struct tkvm_image *image;	/* forks */
	struct shape shape;
	struct tkvm_calls calls;
	char *mem;			/* [0, total) */
	char *own;			/* trap stacks, records */
	int memfd, shared_fd;		/* booting */
	struct vcpu *vcpu;		/* the first */
	struct cpus *cpus;		/* all others; NULL: none yet */
	struct pages pages;
	uint64_t *as_loaded;		/* see tkvm_machine_compare() */
	bool restored;			/* booting: extended state is there */
	struct arena arena;
	struct symbols *symbols;	/* booting; the image's otherwise */
	uint64_t limit_pages, keep_pages;
	uint64_t limit_now;		/* more for on_error, enter.c */
	bool owned_known;		/* of the current request, loop.c */
	uint32_t owned_before;
	uint64_t deadline_ns;
	_Atomic bool cancelled;
	uint64_t push_sp;		/* call stack; 0: nothing pushed */
	uint64_t stack;			/* calls begin below; 0: the image's */
	bool asked, answered;		/* tkvm_machine_ask() */
	uint64_t value[2];
	struct tkvm_machine_stats stats;
	uint32_t index;			/* gs:4 */
	uint64_t xcr0;
	uint32_t resets_since_discard;
	enum tkvm_trap last_trap;	/* for the self-test */
	struct tkvm_fault fault;	/* the last fatal one */
	struct debug *debug;		/* NULL: never debugged */
	bool debugged;			/* since the last reset */
	bool tells_time;		/* to the vDSO, time.c */
	struct instant time_since;	/* of measuring; tsc 0: not begun */
	double ns_per_tick;		/* of the CPU's counter; 0: unknown */
};

/* paging.c: tables for all regions; call when shape is complete. */
void paging_build(const struct shape *s, char *mem);
uint64_t paging_bytes(const struct shape *s);

/* areas.c: both, once the layout is known; the holes, once regions are. */
int areas_place(struct shape *s, const struct tkvm_boot *boot,
    struct tkvm_err *err);
int areas_punch(struct shape *s, struct tkvm_err *err);
const struct area *areas_find(const struct shape *s, uint64_t gva,
    uint64_t len);

/* tables.c: descriptor tables, stubs, addresses for the vCPU. */
void tables_write(const struct shape *s, char *mem);
void tables_describe(struct shape *s);
uint64_t tables_return_stub(const struct shape *s);
uint64_t tables_return_out(const struct shape *s);	/* its out */
/* Of the CPUs beyond the first, from 0: tables, way in. */
struct vcpu_tables tables_of_cpu(const struct shape *s, unsigned i);
uint64_t tables_cpu_stub(const struct shape *s);

/* machine.c */
struct tkvm_machine *machine_alloc(const struct shape *s,
    const struct tkvm_calls *calls, struct tkvm_err *err);
int machine_add_vcpu(struct tkvm_machine *m, bool split_readonly,
    struct tkvm_err *err);
/* Pages of a CPU's own as every start finds them; the first one is 0. */
void machine_write_record(struct tkvm_machine *m, unsigned cpu);

/*
 * time.c: for the self-test, some milliseconds: can guests read the time by the
 * CPU's counter? Then, at the start of each run of a machine that asked for it,
 * what its vDSO needs.
 */
enum tkvm_clock time_known(bool same_in_guests);
void time_tell(struct tkvm_machine *m);

/* enter.c: let a CPU begin there, by one of the entry stubs. */
void machine_enter(struct tkvm_machine *m, struct vcpu *v, unsigned cpu,
    const struct tkvm_regs *want);

/* boot.c: without the self-test, which uses it. */
/* boot.c: put shared memory where it belongs. */
int map_shared(struct tkvm_machine *m, int fd, struct tkvm_err *err);
int machine_boot(const struct tkvm_boot *boot, struct tkvm_machine **mp,
    struct tkvm_err *err);

/* stack.c: what main() is called with; where its stack pointer begins. */
int stack_build(struct tkvm_machine *m, const struct elf *elf,
    const struct tkvm_boot *boot, uint64_t *rsp, struct tkvm_err *err);

/* image.c: put extended state where entries take it from. */
int save_extended_state(struct tkvm_machine *m, struct tkvm_err *err);
/* image.c: of it keep what the entry stub restores. */
void clean_extended_state(const struct tkvm_machine *m);

/* save.c: registers, extended state, books and pages; TKVM_EFILE. */
int machine_restore(struct tkvm_machine *m, struct blob_in *from,
    struct tkvm_err *err);

/* gmem.c: mark [offset, offset+len) as written by the host. */
int gmem_mark(struct tkvm_machine *m, uint64_t offset, uint64_t len);
/* Offset of a range that the guest may read; UINT64_MAX: it may not. */
uint64_t gmem_find(const struct tkvm_machine *m, uint64_t gva, uint64_t len);

/* loop.c: take what the rings have; TKVM_EWORKMEM over the limit. */
int machine_harvest(struct tkvm_machine *m, struct tkvm_err *err);
int machine_harvest_ring(struct tkvm_machine *m, struct vcpu *v,
    struct tkvm_err *err);
/* loop.c: deal with one exit of a CPU; 0: the first. */
enum tkvm_next machine_handle(struct tkvm_machine *m, struct vcpu *v,
    unsigned cpu, const struct vcpu_exit *e, struct tkvm_err *err);

/*
 * cpus.c. While others may run, whoever deals with an exit holds the lock; all
 * of these are free for machines that never had others.
 */
void cpus_lock(struct tkvm_machine *m);
/* The same for a new run, which knows of no failure. */
void cpus_begin(struct tkvm_machine *m);
void cpus_unlock(struct tkvm_machine *m);
/* Locked: did one of them fail? 0, or the code and the sentence of the run. */
int cpus_failed(struct tkvm_machine *m, struct tkvm_err *err);
/* Locked, the run is over: none of them goes on; unlocks. */
void cpus_stop(struct tkvm_machine *m);
/* Take what their rings have, as machine_harvest() does. */
int cpus_harvest(struct tkvm_machine *m, struct tkvm_err *err);
/* The one that ended the run, or NULL. */
struct vcpu *cpus_culprit(const struct tkvm_machine *m, unsigned *cpu);
void cpus_free(struct tkvm_machine *m);

/* debug.c: no trace of a debugger is left but pages, which are marked. */
int debug_off(struct tkvm_machine *m, struct tkvm_err *err);

/* trap.c: what an exception means. */
enum trap_kind { TRAP_CALL, TRAP_SKIP, TRAP_VSYSCALL, TRAP_FATAL };
enum trap_kind trap_decode(struct tkvm_machine *m, struct tkvm_regs *regs,
    const struct vcpu_exit *e, uint32_t *vsyscall);
int trap_describe(struct tkvm_machine *m, const struct tkvm_regs *regs,
    const struct vcpu_exit *e, struct tkvm_err *err);
/* Length of an in or out instruction at the start of code; 0: it is none. */
unsigned trap_io_length(const uint8_t *code, unsigned len, bool *is_call);

#endif
