/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LINUX_LINUX_PRIV_H
#define LINUX_LINUX_PRIV_H

#include <limits.h>
#include <sys/stat.h>

#include "base/blob.h"
#include "base/check.h"
#include "base/num.h"
#include "linux/change.h"
#include "linux/fds.h"
#include "linux/linux.h"

/* No file of the host grows beyond this by what a program writes: 1 GiB. */
#define LINUX_FILE_MAX ((int64_t)1 << 30)

/*--- the state of one program ---------------------------------------------*/

/* The kernel's struct sigaction. */
struct sig_action {
	uint64_t handler, flags, restorer, mask;
};
#define SIGNALS 64

/* The kernel's stack_t. */
struct sig_stack {
	uint64_t sp;
	int32_t flags;
	uint32_t unused;
	uint64_t size;
};

/* So small that every reset copies it without asking whether it changed. */
struct vars {
	uint64_t brk;		/* 0: never moved */
	uint64_t blocked, pending;	/* signals, bit 0 is number 1 */
	struct sig_stack alt;
	uint32_t umask;
	char name[16];
};

/* What a name led to; all else is 0 with an error. */
struct look {
	int error;
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec written, changed;
};
struct watched {
	char *path;			/* the guest's, normalised */
	struct look was;
};

struct linux_state {
	const struct linux_rules *rules;
	void *priv;
	const struct linux_state *of;	/* the frozen state of a fork */
	bool frozen;
	bool exited;
	int status;
	struct vars vars;
	struct sig_action action[SIGNALS];
	bool action_changed;
	char *cwd;			/* absolute, normalised */
	bool cwd_own;			/* not the frozen state's string */
	struct fds fds;
	struct scratch *scratch;	/* made at the first use */
	struct watched *watched;	/* NULL: none; forks have none */
	unsigned n_watched;
};

/* Path buffers: too big for the stack of a Varnish worker. */
struct scratch {
	char raw[PATH_MAX];		/* as the guest wrote it */
	char path[PATH_MAX];		/* absolute, normalised */
};

/* The one process and thread. */
#define LINUX_OWN_ID 1

/* The end of the lower half: no page of a user program lies beyond. */
#define USER_END (1ull << 47)

/*--- a call ---------------------------------------------------------------*/

struct linux_ctx {
	struct linux_state *s;
	struct tkvm_machine *m;
	const uint64_t *a;		/* six arguments */
	uint32_t number;
	enum tkvm_next next;		/* TKVM_RESUME unless changed */
};

/* A handler returns what RAX gets: a result or -errno. */
typedef int64_t linux_f(struct linux_ctx *c);

/*--- state.c --------------------------------------------------------------*/

struct scratch *linux_scratch(struct linux_state *s);	/* NULL: no memory */
bool linux_late(const struct linux_ctx *c);
bool linux_booting(const struct linux_ctx *c);
void linux_stop(struct linux_ctx *c, int status);

/*--- paths.c: which host paths may be opened ------------------------------*/

/*
 * Make an absolute path without ".", ".." and "//" out of path, which is
 * relative to base (absolute, normalised). Textual: the names are the rules',
 * not the host's. *dir: the path ends so that only a directory will do.
 * 0, -ENOENT (empty), -ENAMETOOLONG. out has PATH_MAX bytes.
 */
int paths_normalise(const char *base, const char *path, char *out, bool *dir);

/*
 * The first rule that allows a normalised path; with write set, the first one
 * that allows writing. *rest is what stands behind a prefix, "" if nothing.
 */
const struct linux_path *paths_find(const struct linux_rules *rules,
    const char *path, bool write, const char **rest);

/* Is this a directory on the way to a path of some rule? */
bool paths_leads_on(const struct linux_rules *rules, const char *path);

/*
 * Open the host path of a normalised guest path: a host descriptor or -errno,
 * -EACCES when no rule allows it. Without O_PATH in flags only regular files
 * and directories are opened.
 */
int paths_open(const struct linux_rules *rules, const char *path, int flags,
    mode_t mode, bool write);

/*--- watch.c --------------------------------------------------------------*/

void watch_free(struct linux_state *s);

/*--- sys_file.c -----------------------------------------------------------*/

/*
 * Open a normalised guest path: 0 and *f with its host descriptor, path and
 * change, or -errno. flags: of the guest's, what the host may see.
 */
int file_open(struct linux_state *s, const char *path, int flags, mode_t mode,
    bool write, struct file *f);

/*--- sys_stat.c -----------------------------------------------------------*/

/* What a call names: an open file, or a path in the scratch buffer. */
struct target {
	struct file *file;
	const char *path;
	bool dir;		/* must be a directory */
};
int target_get(struct linux_ctx *c, uint64_t dirfd, uint64_t gva, bool empty,
    struct target *t);

/*--- sys_io.c -------------------------------------------------------------*/

/* Read at an offset into guest memory, in parts; bytes or -errno. */
int64_t io_read_at(struct linux_ctx *c, const struct file *f, uint64_t gva,
    uint64_t len, int64_t at);

/*--- sys_time.c -----------------------------------------------------------*/

/* Saturating nanoseconds of a guest timespec: 0, -EFAULT or -EINVAL. */
int time_get(const struct linux_ctx *c, uint64_t gva, uint64_t *ns);
/* now + ns, saturating. */
uint64_t time_after(uint64_t ns);
/* Sleep on the host: 0, or -EINTR when the deadline comes first. */
int time_sleep_until(const struct linux_ctx *c, uint64_t until_ns);
/* The host instant at which a guest clock shows ns; -EINVAL: no such clock. */
int time_on_clock(uint64_t clock, uint64_t ns, uint64_t *until_ns);

/*--- sys_signal.c ---------------------------------------------------------*/

/* The guest sends itself a signal (1 to SIGNALS). May stop the program. */
void signal_raise(struct linux_ctx *c, unsigned sig);

/*--- handlers, one for each row of table.c --------------------------------*/

/* sys_io.c */
linux_f sys_read, sys_write, sys_pread64, sys_pwrite64, sys_readv, sys_writev;
linux_f sys_preadv, sys_pwritev;
/* sys_file.c */
linux_f sys_open, sys_openat, sys_creat, sys_close, sys_lseek, sys_dup;
linux_f sys_dup2, sys_dup3, sys_fcntl, sys_ioctl, sys_fsync, sys_fdatasync;
linux_f sys_ftruncate, sys_flock, sys_fadvise64;
/* sys_stat.c */
linux_f sys_stat, sys_lstat, sys_fstat, sys_newfstatat, sys_statx, sys_access;
linux_f sys_faccessat, sys_faccessat2, sys_readlink, sys_readlinkat;
/* sys_dir.c */
linux_f sys_getdents64, sys_getcwd, sys_chdir, sys_fchdir;
/* sys_poll.c */
linux_f sys_poll, sys_ppoll, sys_select, sys_pselect6;
/* sys_mem.c */
linux_f sys_mmap, sys_munmap, sys_mremap, sys_mprotect, sys_madvise, sys_brk;
linux_f sys_msync;
/* sys_time.c */
linux_f sys_clock_gettime, sys_clock_getres, sys_gettimeofday, sys_time;
linux_f sys_nanosleep, sys_clock_nanosleep, sys_times, sys_getrusage;
/* sys_info.c */
linux_f sys_getpid, sys_gettid, sys_getppid, sys_getpgrp, sys_getuid;
linux_f sys_geteuid, sys_getgid, sys_getegid, sys_getgroups, sys_uname;
linux_f sys_sysinfo, sys_getrlimit, sys_setrlimit, sys_prlimit64, sys_umask;
linux_f sys_sched_getaffinity, sys_sched_yield, sys_getcpu, sys_prctl;
linux_f sys_getrandom;
/* sys_proc.c */
linux_f sys_exit, sys_exit_group, sys_arch_prctl, sys_set_tid_address;
linux_f sys_set_robust_list, sys_rseq, sys_futex;
/* sys_signal.c */
linux_f sys_rt_sigaction, sys_rt_sigprocmask, sys_rt_sigpending;
linux_f sys_sigaltstack, sys_kill, sys_tkill, sys_tgkill;

#endif
