/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * linux.h: station 5a, what the guest asks of Linux.
 *
 *   gets    a machine and a call with a number below 512
 *   gives   a result or -errno; "stop" on exit, with a status
 *   owns    the program's descriptors, working directory, brk, identity
 *   never   knows HTTP; never opens a host path outside the rules it was given
 */
#ifndef LINUX_LINUX_H
#define LINUX_LINUX_H

#include "tinykvm/machine.h"

/*
 * One rule of allowed_paths; strings are owned by whoever made the rules. The
 * first rule that matches counts; for writing, the first writable one.
 */
struct linux_path {
	char *virtual_path;	/* as the guest names it, from "/" */
	char *real_path;	/* on the host */
	bool prefix;		/* the directory and everything below it */
	bool writable;
	bool symlink;		/* readlink(virtual) gives real */
	bool atomic;		/* changes whole or not at all, change.h */
};

/* What a program may use; const while any linux_state refers to it. */
struct linux_rules {
	const struct linux_path *paths;
	unsigned n_paths;
	const char *exe_path;	/* what /proc/self/exe resolves to, or NULL */
	const char *cwd;	/* virtual, where it starts; NULL means "/" */
	bool storage;		/* may write files for as long as it lives */
	bool inherit_stdio;	/* 0, 1 and 2 are the host's (tinykvm run) */
	/* Output to descriptors 1 and 2 otherwise; never NULL. */
	void (*output)(void *priv, int fd, const void *data, size_t len);
	/* Called once per unknown or refused call; may be NULL. */
	void (*unknown)(void *priv, uint32_t number);
};

struct linux_state;

/* State of a program about to boot. priv is passed to rules' functions. */
int linux_new(const struct linux_rules *rules, void *priv,
    struct linux_state **sp, struct tkvm_err *err) TKVM_MUST_CHECK;

/*
 * State of a fork of the frozen state *of: open files are shared, offsets and
 * everything else are the fork's own. of must outlive it.
 */
int linux_fork(const struct linux_state *of, void *priv,
    struct linux_state **sp, struct tkvm_err *err) TKVM_MUST_CHECK;

/* No more changes: from here on only linux_fork(). Called at freeze. */
void linux_freeze(struct linux_state *s);

/*
 * Back to the frozen state: closes what the request opened, restores offsets,
 * brk, cwd, signal tables. No system call when nothing was changed.
 */
void linux_reset(struct linux_state *s);

/*
 * At the end of main(), or of a function of storage: what it wrote to atomic
 * files takes their place, durably, or is given up when it failed. 0, or
 * TKVM_EFILE when anything was given up, also since that was not possible.
 */
int linux_settle(struct linux_state *s, bool good, struct tkvm_err *err)
    TKVM_MUST_CHECK;

/*
 * Is this atomic file, if it is there, as it was written? TKVM_EFILE: it is
 * not. Files that somebody else has written to, or whose file system keeps no
 * sums, are.
 */
int linux_file_intact(const char *path, struct tkvm_err *err) TKVM_MUST_CHECK;

/*
 * Before it is frozen, and before it reads the file: remember what a name of
 * the guest's leads to, also if that is nothing. May sleep for some ticks of
 * the host's clock when the file was just changed. 0; -EACCES: no rule allows
 * that name; -ENOSPC: there are LINUX_WATCHED_MAX already; -ENOENT,
 * -ENAMETOOLONG, -ENOMEM. A state that linux_load() made remembers none.
 */
#define LINUX_WATCHED_MAX 16
int linux_watch(struct linux_state *s, const char *path) TKVM_MUST_CHECK;
/*
 * The first of these names that leads to something else now, or to a file that
 * was changed since then; NULL: none. Of a frozen state, by any thread.
 */
const char *linux_changed(const struct linux_state *s);

/*
 * Put the state, open files by their names and offsets. TKVM_EFILE: one of them
 * cannot be opened again.
 */
int linux_save(struct linux_state *s, struct blob *to, struct tkvm_err *err)
    TKVM_MUST_CHECK;
/* Take it back in place of what the state is. TKVM_EFILE, TKVM_ENOMEM. */
int linux_load(struct linux_state *s, struct blob_in *from,
    struct tkvm_err *err) TKVM_MUST_CHECK;

void linux_destroy(struct linux_state **sp);

/* The handler for struct tkvm_calls; state is a struct linux_state. */
tkvm_call_f linux_call;

/* A system call's name, or NULL when it has no row in the table. */
const char *linux_name(uint32_t number);

/* After a stop: did the program exit? Its status is in *status then. */
bool linux_exited(const struct linux_state *s, int *status);

#endif
