/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * machine.h: station 3 of 6, memory and a CPU that can run a program.
 *
 *   gets    an ELF image to boot, or a frozen image to fork; the deadline of
 *           each run; two handlers for the calls the guest makes
 *   gives   "a handler stopped it", or an error with a sentence
 *   owns    guest memory, page tables, the vCPU, the list of dirtied pages
 *   never   knows what a call number means; never reads a file; knows neither
 *           Linux nor HTTP
 *
 * Life of a machine:
 *
 *   boot --run--> waiting --freeze--> struct tkvm_image (shared, immutable)
 *                                       |
 *        fork <-------------------------'
 *          |
 *          +--> call or resume --run--> stopped --reset--+
 *          ^                                             |
 *          '---------------------------------------------'
 *
 * Threads: a machine is used by one thread at a time; an image by any number.
 * While several CPUs run (tkvm_machine_parallel()) its handlers are called from
 * threads of its own, too, but never two at once.
 * After boot and fork it may be handed to another thread, see
 * tkvm_host.move_ns for what the first run there costs.
 */
#ifndef TINYKVM_MACHINE_H
#define TINYKVM_MACHINE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "tinykvm/clock.h"
#include "tinykvm/error.h"

struct tkvm_machine;
struct tkvm_image;
struct blob;
struct blob_in;

#define TKVM_PAGE 4096u

/* Registers of the guest's user mode, as far as handlers may see them. */
struct tkvm_regs {
	uint64_t rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp;
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t rip, rflags, fs_base, gs_base;
};

/*--- calls the guest makes ------------------------------------------------*/

/* What happens after a call was handled. */
enum tkvm_next {
	TKVM_RESUME,	/* the guest goes on after the instruction */
	TKVM_STOP,	/* tkvm_machine_run() returns 0 */
	TKVM_ABORT,	/* tkvm_machine_run() returns the error in *err */
};

/*
 * One call. Numbers below 512 are Linux system calls and carry Linux
 * argument registers (rdi rsi rdx r10 r8 r9); all others are calls of
 * kvm_api.h and carry C ones (rdi rsi rdx rcx r8 r9).
 */
struct tkvm_call {
	uint32_t number;
	unsigned cpu;	/* that made it; 0 but in tkvm_machine_parallel() */
	uint64_t arg[6];
	uint64_t ret;	/* becomes RAX; holds RAX at entry, so leaving it */
			/* alone is how a void call is made */
	uint64_t rdx;	/* becomes RDX; holds RDX at entry */
};

/*
 * Handle a call. err must be filled (tkvm_fail) when TKVM_ABORT is returned.
 * A handler that blocks must come back by tkvm_machine_deadline(); the
 * deadline's signal interrupts blocking system calls with EINTR.
 */
typedef enum tkvm_next tkvm_call_f(void *state, struct tkvm_machine *m,
    struct tkvm_call *call, struct tkvm_err *err);

/* The two handlers of a machine and what they are called with. */
struct tkvm_calls {
	tkvm_call_f *linux_call;	/* number < 512 */
	void *linux_state;
	tkvm_call_f *http_call;		/* every other number */
	void *http_state;
};

/*--- making machines ------------------------------------------------------*/

/*
 * More memory at an address of the program's choice, in units of 2 MiB, or a
 * hole in the memory for mmap(), in pages. Memory: outside of the machine's own
 * and of each other; not together with shared memory.
 */
#define TKVM_AREAS_MAX 16
struct tkvm_area {
	uint64_t start, len;		/* guest address, bytes */
	enum tkvm_area_kind {
		TKVM_AREA_MEMORY, TKVM_AREA_CODE, TKVM_AREA_HOLE
	} kind;
};

/* How to boot a program. Pointers need to live only during the call. */
struct tkvm_boot {
	const void *elf;		/* static or static-PIE ELF64 file */
	size_t elf_size;
	const char *const *argv;	/* NULL-terminated */
	const char *const *envp;	/* NULL-terminated */
	uint64_t address_space_bytes;	/* rounded up to 2 MiB */
	uint64_t max_memory_bytes;	/* pages it may touch while booting */
	/*
	 * Memory behind the arena that the machine and all forks of its image
	 * share: coherent, never reset, not counted; 0: none.
	 */
	uint64_t shared_bytes;
	unsigned cpus;			/* at most, see below; 0 and 1: one */
	const struct tkvm_area *area;
	unsigned n_areas;
	bool executable_heap;		/* what brk() and mmap() give */
	/*
	 * NULL, or an image with as much shared memory at the same address:
	 * then it is the same memory, as long as one of them lives.
	 */
	const struct tkvm_image *shared_with;
	/*
	 * What tkvm_machine_save() put there, or NULL: the machine stands where
	 * that one stood, and argv and envp are not looked at.
	 */
	struct blob_in *saved;
	struct tkvm_calls calls;
};

/*
 * Load a program, ready to start at its entry point.
 * Returns 0 and a machine that tkvm_machine_destroy() frees, or TKVM_EFILE
 * (malformed program, or what was saved is of another one, of another CPU or
 * damaged), TKVM_ECONFIG (areas, or shared_with does not fit), TKVM_EHOST (no
 * usable KVM), TKVM_ENOMEM.
 */
TKVM_API int tkvm_machine_boot(const struct tkvm_boot *boot,
    struct tkvm_machine **mp, struct tkvm_err *err) TKVM_MUST_CHECK;

/*
 * Freeze a booted machine into an image. The machine's memory becomes the
 * image's; of the machine only tkvm_machine_destroy() may be called after it.
 * The image continues after the instruction that stopped the machine.
 */
TKVM_API int tkvm_machine_freeze(struct tkvm_machine *m,
    struct tkvm_image **ip, struct tkvm_err *err) TKVM_MUST_CHECK;

/* Free an image. All its forks must have been destroyed before. */
TKVM_API void tkvm_image_destroy(struct tkvm_image **ip);

/* Bytes of the image that hold data (all forks share them). */
TKVM_API uint64_t tkvm_image_bytes(const struct tkvm_image *image);

/*
 * Make a copy-on-write fork of an image.
 * index: what the guest reads as vcpureqid(), gs:4.
 * max_request_bytes: memory one request may dirty; beyond that
 * tkvm_machine_run() returns TKVM_EWORKMEM.
 */
TKVM_API int tkvm_machine_fork(struct tkvm_image *image,
    const struct tkvm_calls *calls, uint32_t index, uint64_t max_request_bytes,
    struct tkvm_machine **mp, struct tkvm_err *err) TKVM_MUST_CHECK;

/*
 * Find out which pages of a booted machine are as its file has them: those are
 * not saved, nor those of its forks that are still so. 0, TKVM_EFILE,
 * TKVM_ENOMEM.
 */
TKVM_API int tkvm_machine_compare(struct tkvm_machine *m, const void *elf,
    size_t size, struct tkvm_err *err) TKVM_MUST_CHECK;

/*
 * Put all that a booted machine which waits, or a fork between two calls, needs
 * to be made again: registers, extended state, the arena's books, and the
 * pages that are neither zero, nor free, nor as the program's file has them.
 * Of the same state it puts the same bytes. Shared memory is saved of booted
 * machines only. TKVM_ENOMEM, TKVM_EHOST.
 */
TKVM_API int tkvm_machine_save(struct tkvm_machine *m, struct blob *to,
    struct tkvm_err *err) TKVM_MUST_CHECK;

/*
 * Bring a fork to what was saved of it, or of another fork of its image, or of
 * another image of the same file with the same arguments.
 * TKVM_EFILE; after that, and TKVM_EHOST: destroy it.
 */
TKVM_API int tkvm_machine_load(struct tkvm_machine *m, struct blob_in *from,
    struct tkvm_err *err) TKVM_MUST_CHECK;

/* Free a machine in any state; *mp becomes NULL. NULL is fine. */
TKVM_API void tkvm_machine_destroy(struct tkvm_machine **mp);

/*--- running --------------------------------------------------------------*/

/*
 * Let calls begin below the stack pointer of the stopped fork, so that what its
 * stack holds stays; until the next reset. For call-backs within a request.
 */
TKVM_API void tkvm_machine_keep_stack(struct tkvm_machine *m);

/*
 * Give a fork 1 MiB beyond what it has written, until the next reset: a program
 * that ran out of memory may still say so.
 */
TKVM_API void tkvm_machine_spare(struct tkvm_machine *m);

/*
 * Put len bytes on the call stack of a stopped fork, followed by a NUL, at an
 * address that is a multiple of 8. Returns the guest address, or 0 when the
 * stack has no room (the caller reports TKVM_EGUEST).
 * Pushes belong to the next tkvm_machine_call().
 */
TKVM_API uint64_t tkvm_machine_push(struct tkvm_machine *m, const void *data,
    size_t len) TKVM_MUST_CHECK;

/*
 * Let the next run start in a function, on the call stack (below the stack
 * pointer and red zone of the waiting program), with a return address that
 * ends the run with TKVM_EGUEST "returned without an answer".
 */
TKVM_API int tkvm_machine_call(struct tkvm_machine *m, uint64_t function,
    const uint64_t arg[6], struct tkvm_err *err) TKVM_MUST_CHECK;

/*
 * The same for a function whose result counts: when it returns, the run ends
 * with 0. Afterwards tkvm_machine_value() is true and fills value with its RAX
 * and RDX; false: a handler stopped the run, or there was no such call.
 */
TKVM_API int tkvm_machine_ask(struct tkvm_machine *m, uint64_t function,
    const uint64_t arg[6], struct tkvm_err *err) TKVM_MUST_CHECK;
TKVM_API bool tkvm_machine_value(const struct tkvm_machine *m,
    uint64_t value[2]);

/* Let the next run continue where the frozen program waits. */
TKVM_API void tkvm_machine_resume(struct tkvm_machine *m);

/*
 * Let the next run go on behind the call that stopped the machine, with rax as
 * its result. Only after a run that returned 0, and before anything else of
 * the above.
 */
TKVM_API void tkvm_machine_continue(struct tkvm_machine *m, uint64_t rax);

/*
 * Run until a handler stops the machine, an error, or the deadline.
 * deadline_ns: on the clock of tkvm_now_ns().
 * Returns 0 (a handler said TKVM_STOP), TKVM_EGUEST, TKVM_ETIMEOUT,
 * TKVM_EWORKMEM or TKVM_EHOST; in the last case destroy the machine.
 */
TKVM_API int tkvm_machine_run(struct tkvm_machine *m, uint64_t deadline_ns,
    struct tkvm_err *err) TKVM_MUST_CHECK;

/*
 * End the current run and every later one with TKVM_ETIMEOUT. From any thread,
 * as long as the machine exists.
 */
TKVM_API void tkvm_machine_cancel(struct tkvm_machine *m);

/*
 * Bring a fork back to its image: memory, every register, extended state,
 * memory bookkeeping. Failure (TKVM_EHOST) means: destroy it.
 */
TKVM_API int tkvm_machine_reset(struct tkvm_machine *m, struct tkvm_err *err)
    TKVM_MUST_CHECK;

/*
 * A fork that has written more than this gives the memory back to the host at
 * its next resets, in place of keeping it for the next request: that costs a
 * fault at the next write to each page. No limit at first.
 */
TKVM_API void tkvm_machine_keep_at_most(struct tkvm_machine *m,
    uint64_t bytes);

/*
 * Ask the host for huge pages: in the first bytes of the memory of a machine
 * that boots, which its image then has, or of what a fork may write afresh. A
 * wish: -1 and a sentence in *err when the host cannot grant it. A huge page
 * counts for a fork's limit only as far as it is written.
 */
TKVM_API int tkvm_machine_huge(struct tkvm_machine *m, uint64_t bytes,
    struct tkvm_err *err) TKVM_MUST_CHECK;

/*
 * Of a fork that is not reset: memory that its program has given back (munmap)
 * goes back to the host and counts no longer. Takes time for each page that it
 * wrote. Failure (TKVM_EHOST) means: destroy it.
 */
TKVM_API int tkvm_machine_trim(struct tkvm_machine *m, struct tkvm_err *err)
    TKVM_MUST_CHECK;

/* The deadline of the current run; long past when it was cancelled. */
TKVM_API uint64_t tkvm_machine_deadline(const struct tkvm_machine *m);

/* Registers of a machine inside a handler, or of one that has stopped. */
TKVM_API const struct tkvm_regs *tkvm_machine_regs(
    const struct tkvm_machine *m);

/* For arch_prctl: set the FS base; the guest sees it when it goes on. */
TKVM_API void tkvm_machine_set_fs(struct tkvm_machine *m, uint64_t base);

/*
 * In a handler: the program reads CLOCK_REALTIME or CLOCK_MONOTONIC. From now
 * on its vDSO, vdso(7), tells them without a call, where the host can
 * (clock in host.h).
 */
TKVM_API void tkvm_machine_tell_time(struct tkvm_machine *m);

/* True until the machine is frozen: the program is still initialising. */
TKVM_API bool tkvm_machine_booting(const struct tkvm_machine *m);

/*
 * A function's name and offset for an address, "main+0x12", or "0x401000"
 * without symbols. Returns buf. For reasons and crash reports only.
 */
TKVM_API const char *tkvm_machine_symbol(const struct tkvm_machine *m,
    uint64_t addr, char *buf, size_t size);

/*--- several CPUs ---------------------------------------------------------*/

#define TKVM_CPUS_MAX 16

/* What the CPUs 1 to cpus - 1 begin with. */
struct tkvm_parallel {
	uint64_t cpus;		/* with the one that makes the call */
	/*
	 * 0: each goes on behind the call, with its registers but its own
	 * stack and its number in RAX. The stack holds the return address.
	 */
	uint64_t function;
	uint64_t arg[4];
	uint64_t step;		/* arg[0] of CPU n is n times this more */
	/*
	 * CPU 1's stack and the size of each; size 0: from the arena, given
	 * back at the end.
	 */
	uint64_t stack, stack_bytes;
};

/*
 * In a handler of a call of CPU 0: start others, in threads that the machine
 * keeps for the next time. They run until their function returns or a handler
 * returns TKVM_STOP for them, at most 8 seconds, and no longer than the run.
 * Whatever ends a run ends this one when it happens to one of them. While they
 * run, one CPU's call is handled at a time. What they write counts as the
 * request's; each can be 4 MiB beyond the limit before that is noticed.
 * 0; TKVM_EGUEST: fewer than 2, more than boot.cpus, some still run, a debugger
 * is there, or there is no room for a stack; TKVM_EHOST, TKVM_ENOMEM: the host
 * has none to give.
 */
TKVM_API int tkvm_machine_parallel(struct tkvm_machine *m,
    const struct tkvm_parallel *p, struct tkvm_err *err) TKVM_MUST_CHECK;

/*
 * In a handler of a call of CPU 0: wait until the others are done. 0 (also
 * without any), or the code that ends the run.
 */
TKVM_API int tkvm_machine_parallel_wait(struct tkvm_machine *m,
    struct tkvm_err *err) TKVM_MUST_CHECK;

/*--- guest memory: the one door -------------------------------------------*/

/*
 * Copy from and to the guest. All or nothing: 0, or -1 when a byte of the
 * range is not mapped or (for writes) not writable by the guest itself.
 * len 0 succeeds with any address. Copy once, then validate the copy.
 */
TKVM_API int tkvm_copy_in(const struct tkvm_machine *m, void *dst,
    uint64_t gva, uint64_t len) TKVM_MUST_CHECK;
TKVM_API int tkvm_copy_out(struct tkvm_machine *m, uint64_t gva,
    const void *src, uint64_t len) TKVM_MUST_CHECK;

/*
 * Copy a NUL-terminated string. Returns its length without the NUL, or -1
 * when unmapped, or -2 when it does not fit in size bytes with its NUL.
 */
TKVM_API ssize_t tkvm_copy_in_str(const struct tkvm_machine *m, char *dst,
    uint64_t gva, size_t size) TKVM_MUST_CHECK;

/*
 * Host pointer to a readable guest range, for handing bytes on without a
 * copy (a body, a log line, a host system call's buffer). NULL when the range
 * is not mapped. Contiguous in host memory. Never parse or validate through
 * it. Valid until the machine runs, is reset or destroyed.
 */
TKVM_API const void *tkvm_view(const struct tkvm_machine *m, uint64_t gva,
    uint64_t len) TKVM_MUST_CHECK;

/*
 * The same for a host system call that fills a guest buffer: the range must
 * be writable by the guest; its pages are marked dirty.
 */
TKVM_API void *tkvm_view_write(struct tkvm_machine *m, uint64_t gva,
    uint64_t len) TKVM_MUST_CHECK;

/* Zero a guest range without touching pages that are still zero. */
TKVM_API int tkvm_zero(struct tkvm_machine *m, uint64_t gva, uint64_t len)
    TKVM_MUST_CHECK;

/*--- the mmap arena -------------------------------------------------------*/

/* Where things are; constant for an image and all its forks. */
struct tkvm_layout {
	uint64_t image_start, image_end;	/* lowest and highest segment */
	uint64_t entry;
	uint64_t bias;				/* added to the file's */
	uint64_t stack_low, stack_top;
	uint64_t brk_start, brk_end;		/* [start, end) may be brk'd */
	uint64_t arena_start, arena_end;	/* mmap */
	uint64_t shared_start, shared_end;	/* equal: none */
	bool executable_heap;
};
TKVM_API const struct tkvm_layout *tkvm_machine_layout(
    const struct tkvm_machine *m);

/*
 * Take len bytes (rounded up to pages) of zeroed, read-write memory from the
 * arena. Returns the guest address or 0 when there is no room.
 * Frozen with the image; reset restores what the image had.
 */
TKVM_API uint64_t tkvm_arena_take(struct tkvm_machine *m, uint64_t len)
    TKVM_MUST_CHECK;

/*
 * Take exactly [gva, gva+len), both multiples of 4096, whatever was there
 * before (MAP_FIXED). 0, or -1 when it is not inside the arena or an area.
 */
TKVM_API int tkvm_arena_take_at(struct tkvm_machine *m, uint64_t gva,
    uint64_t len) TKVM_MUST_CHECK;

/*
 * Give back pages; ranges that are not taken are ignored, as munmap does.
 * 0, or -1 when the range is not page-aligned, wraps, or lies outside the
 * arena.
 */
TKVM_API int tkvm_arena_give(struct tkvm_machine *m, uint64_t gva,
    uint64_t len) TKVM_MUST_CHECK;

/* The same, but only of what is not taken; an area's, too. */
TKVM_API int tkvm_arena_take_free(struct tkvm_machine *m, uint64_t gva,
    uint64_t len) TKVM_MUST_CHECK;

/* Does an area hold all of it? And may it be executed? */
TKVM_API bool tkvm_machine_area(const struct tkvm_machine *m, uint64_t gva,
    uint64_t len, bool *executable) TKVM_MUST_CHECK;

/*--- what it cost ---------------------------------------------------------*/

/* Sums since the machine was made. */
struct tkvm_machine_stats {
	uint64_t runs;		/* tkvm_machine_run() */
	uint64_t exits;		/* KVM_RUN that came back */
	uint64_t calls;		/* handlers called */
	uint64_t faults;	/* first writes to a page */
	uint64_t resets;
	uint64_t pages_copied;	/* by resets */
	uint64_t dirty_pages;	/* now: pages the next reset will copy */
};
TKVM_API const struct tkvm_machine_stats *tkvm_machine_stats(
    const struct tkvm_machine *m);

#endif
