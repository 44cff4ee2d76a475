/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * table.c: the Linux system calls we serve, one row each. Whatever has no row
 * is answered with -ENOSYS and counted. docs/syscalls.md is made from this
 * file by tools/gen-syscalls, which wants the rows as they are written here.
 *
 * CALL	any time
 * BOOT	while the program starts; -EPERM in a fork
 * REFUSED	never: the errno, and counted
 */
#include <errno.h>

#include "linux/linux_priv.h"

#define CALLS 512

struct row {
	const char *name;
	linux_f *handler;
	bool boot_only;
	int refused;		/* errno, when there is no handler */
	const char *doc;
};

#define CALL(nr, name, doc) [nr] = {#name, sys_##name, false, 0, doc}
#define BOOT(nr, name, doc) [nr] = {#name, sys_##name, true, 0, doc}
#define REFUSED(nr, name, error, doc) [nr] = {#name, NULL, false, error, doc}

static const struct row rows[CALLS] = {
	CALL(0, read, "Files at the program's own offset; 0 is at its end "
	    "unless stdio is inherited."),
	CALL(1, write, "1 and 2: up to 64 KiB of one call become output. "
	    "Files: only while starting, -EPERM in a fork."),
	CALL(2, open, "As openat."),
	CALL(3, close, "In a fork, a descriptor of the frozen program is "
	    "closed until the next request."),
	CALL(4, stat, "As newfstatat."),
	CALL(5, fstat, "Without inherited stdio, 0 to 2 look like a terminal."),
	CALL(6, lstat, "As newfstatat."),
	CALL(7, poll, "At most 256 entries; files are always ready."),
	CALL(8, lseek, "Files and directories."),
	CALL(9, mmap, "Private memory. Files are copied when mapped; shared "
	    "writable file mappings are refused (-EACCES), and so is PROT_EXEC "
	    "without executable_heap or outside an executable_remapping. An "
	    "address is granted in a remapping."),
	CALL(10, mprotect, "No effect; PROT_EXEC is refused (-EACCES) where "
	    "nothing can be executed."),
	CALL(11, munmap, "Ranges of the mmap arena; others stay as they are."),
	CALL(12, brk, "Grows and shrinks; new memory is zero."),
	CALL(13, rt_sigaction, "Recorded; handlers are not run."),
	CALL(14, rt_sigprocmask, "Blocks signals the program sends itself."),
	CALL(16, ioctl, "TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIOCLEX, "
	    "FIONCLEX; else -ENOTTY."),
	CALL(17, pread64, "Files."),
	CALL(18, pwrite64, "Files, only while starting, -EPERM in a fork."),
	CALL(19, readv, "As read; at most 1024 elements."),
	CALL(20, writev, "As write; at most 1024 elements; for 1 and 2 they "
	    "are put out together."),
	CALL(21, access, "As faccessat2."),
	CALL(23, select, "Files are always ready; the timeout is not updated."),
	CALL(24, sched_yield, "Nothing to do."),
	CALL(25, mremap, "Shrinks, grows in place or moves within the arena; "
	    "only MREMAP_MAYMOVE is known."),
	CALL(26, msync, "Nothing to do."),
	REFUSED(27, mincore, ENOSYS, "Not served."),
	CALL(28, madvise, "MADV_DONTNEED zeroes memory outside the image; "
	    "other advice has no effect."),
	CALL(32, dup, "Shares the offset, as in Linux."),
	CALL(33, dup2, "As dup."),
	CALL(35, nanosleep, "Sleeps, at the longest until the deadline."),
	CALL(39, getpid, "1."),
	REFUSED(49, bind, EPERM, "Programs do not listen."),
	REFUSED(50, listen, EPERM, "Programs do not listen."),
	REFUSED(56, clone, ENOSYS, "One thread, one process."),
	REFUSED(57, fork, ENOSYS, "One thread, one process."),
	REFUSED(58, vfork, ENOSYS, "One thread, one process."),
	REFUSED(59, execve, ENOSYS, "One thread, one process."),
	CALL(60, exit, "Ends the program."),
	CALL(62, kill, "Only itself; see tgkill."),
	CALL(63, uname, "Linux tinykvm 6.1.0-tinykvm x86_64."),
	CALL(72, fcntl, "F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, "
	    "F_SETFL; locks are always granted."),
	CALL(73, flock, "Always granted: nobody else is there."),
	CALL(74, fsync, "Files open for writing."),
	CALL(75, fdatasync, "As fsync."),
	BOOT(77, ftruncate, "Files open for writing."),
	CALL(79, getcwd, "The program's own, virtual."),
	CALL(80, chdir, "To a directory that the rules allow or lead to."),
	CALL(81, fchdir, "As chdir."),
	CALL(85, creat, "As openat."),
	CALL(89, readlink, "Links that the rules define or allow, and "
	    "/proc/self/exe."),
	CALL(95, umask, "Applied to files created while starting."),
	CALL(96, gettimeofday, "The host's clock; UTC. By the vDSO no call at "
	    "all, from the second time on."),
	CALL(97, getrlimit, "As prlimit64."),
	CALL(98, getrusage, "CPU time of the thread that runs the machine."),
	CALL(99, sysinfo, "Memory of the machine; one process."),
	CALL(100, times, "CPU time of the thread that runs the machine."),
	CALL(102, getuid, "0."),
	CALL(104, getgid, "0."),
	CALL(107, geteuid, "0."),
	CALL(108, getegid, "0."),
	CALL(110, getppid, "0."),
	CALL(111, getpgrp, "1."),
	CALL(115, getgroups, "None."),
	CALL(127, rt_sigpending, "Signals sent while blocked."),
	CALL(131, sigaltstack, "Recorded."),
	CALL(157, prctl, "PR_SET_NAME and PR_GET_NAME; else -EINVAL."),
	CALL(158, arch_prctl, "ARCH_SET_FS, ARCH_GET_FS, ARCH_GET_GS; "
	    "ARCH_SET_GS is refused (-EPERM)."),
	CALL(160, setrlimit, "As prlimit64."),
	CALL(186, gettid, "1."),
	CALL(200, tkill, "As tgkill."),
	CALL(201, time, "The host's clock, as gettimeofday."),
	CALL(202, futex, "Nobody else is there: a wait without timeout forces "
	    "the lock open, one with a timeout sleeps; nobody is woken."),
	CALL(204, sched_getaffinity, "One CPU."),
	CALL(217, getdents64, "Directories that the rules allow."),
	CALL(218, set_tid_address, "1."),
	CALL(221, fadvise64, "No effect."),
	CALL(228, clock_gettime, "The host's clocks; both CPU-time clocks "
	    "show the thread that runs the machine. CLOCK_REALTIME and "
	    "CLOCK_MONOTONIC as gettimeofday."),
	CALL(229, clock_getres, "The host's clocks."),
	CALL(230, clock_nanosleep, "Sleeps, at the longest until the "
	    "deadline."),
	CALL(231, exit_group, "Ends the program."),
	CALL(234, tgkill, "Only itself. Fatal by default: ends the program "
	    "with status 128 + signal. With a handler: nothing."),
	CALL(257, openat, "Regular files and directories of allowed_paths, "
	    "else -EACCES. Writing: rules with writable, only while starting; "
	    "-EPERM in a fork."),
	CALL(262, newfstatat, "Names of allowed_paths; directories on the way "
	    "to them look empty; else -ENOENT."),
	CALL(267, readlinkat, "As readlink."),
	CALL(269, faccessat, "As faccessat2."),
	CALL(270, pselect6, "As select; the signal mask is not applied."),
	CALL(271, ppoll, "As poll; the signal mask is not applied."),
	CALL(273, set_robust_list, "Nobody would notice: nothing to do."),
	CALL(292, dup3, "As dup."),
	CALL(295, preadv, "As pread64; at most 1024 elements."),
	CALL(296, pwritev, "As pwrite64; at most 1024 elements."),
	CALL(302, prlimit64, "Stack, 256 descriptors, no core; limits can be "
	    "lowered, without effect."),
	CALL(309, getcpu, "CPU 0 of node 0."),
	CALL(318, getrandom, "Always the host's; at most 256 KiB per call."),
	REFUSED(322, execveat, ENOSYS, "One thread, one process."),
	CALL(332, statx, "As newfstatat, basic fields."),
	CALL(334, rseq, "Always -ENOSYS; C libraries go on without."),
	REFUSED(435, clone3, ENOSYS, "One thread, one process."),
	CALL(439, faccessat2, "Names of allowed_paths; W_OK as for openat."),
};

static int64_t
refuse(const struct linux_ctx *c, int error)
{
	const struct linux_state *s = c->s;

	if (s->rules->unknown != NULL)
		s->rules->unknown(s->priv, c->number);
	return (-error);
}

enum tkvm_next
linux_call(void *state, struct tkvm_machine *m, struct tkvm_call *call,
    struct tkvm_err *err)
{
	struct linux_ctx c = {
		.s = state, .m = m, .a = call->arg, .number = call->number,
		.next = TKVM_RESUME,
	};
	const struct row *row;
	int64_t r;

	(void)err;		/* no call ends in an error of ours */
	ASSERT(call->number < CALLS);
	ASSERT(!c.s->frozen);
	row = &rows[call->number];
	/* The other CPUs compute; system calls belong to the first. */
	if (call->cpu != 0)
		r = refuse(&c, ENOSYS);
	else if (row->handler == NULL)
		r = refuse(&c, row->refused != 0 ? row->refused : ENOSYS);
	else if (row->boot_only && !linux_booting(&c))
		r = -EPERM;
	else
		r = row->handler(&c);
	call->ret = (uint64_t)r;
	return (c.next);
}

const char *
linux_name(uint32_t number)
{
	return (number < CALLS ? rows[number].name : NULL);
}
