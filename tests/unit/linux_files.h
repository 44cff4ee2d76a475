/* SPDX-License-Identifier: BSD-2-Clause */
/* linux_files.h: rules over a small tree of real files, for two tests. */
#ifndef LINUX_FILES_H
#define LINUX_FILES_H

#include <sys/stat.h>
#include <sys/syscall.h>

#include "linux/linux_priv.h"
#include "linux_fake.h"

static char dir[64];
static struct linux_path paths[6];
static struct linux_rules rules = {
	.paths = paths, .output = fake_output, .unknown = fake_count_unknown,
	.exe_path = "/opt/program",
};
static struct linux_state *s, *f;	/* booting (then frozen), its fork */
static struct tkvm_err err;

static inline struct linux_path
rule(const char *virtual_path, const char *real)
{
	struct linux_path p = {.virtual_path = strdup(virtual_path)};

	if (asprintf(&p.real_path, "%s/%s", dir, real) < 0)
		abort();
	return (p);
}

/* ro and rw are files, /d a directory with a, sub/ and link -> a. */
static inline void
begin(void)
{
	fake_start();
	if (dir[0] == '\0') {
		temp_dir(dir, sizeof dir);
		if (chdir(dir) != 0 || mkdir("d", 0755) != 0 ||
		    mkdir("d/sub", 0755) != 0 || symlink("a", "d/link") != 0)
			abort();
		make_file("d/a", "in a");
		paths[0] = rule("/ro", "ro");
		paths[1] = rule("/rw", "rw");
		paths[1].writable = true;
		paths[2] = rule("/d", "d");
		paths[2].prefix = true;
		paths[3] = rule("/deep/er/new", "new");
		paths[3].writable = true;
		paths[4] = rule("/lnk", "ro");
		paths[4].symlink = true;
		rules.n_paths = 5;
	}
	make_file("ro", "0123456789");
	make_file("rw", "abcdefghij");
	(void)unlink("new");
	linux_destroy(&f);
	linux_destroy(&s);
	if (linux_new(&rules, NULL, &s, &err) != 0)
		abort();
}

static inline void
freeze(void)
{
	linux_freeze(s);
	if (linux_fork(s, NULL, &f, &err) != 0)
		abort();
	fake.booting = false;
}

static inline int64_t
open_(struct linux_state *st, const char *path, int flags)
{
	return (SYS(st, SYS_openat, AT_FDCWD, put_str(AT0, path), flags, 0644));
}

static inline int64_t
read_(struct linux_state *st, int64_t fd, size_t n)
{
	int64_t r = SYS(st, SYS_read, fd, AT1, n);

	if (r >= 0)
		fake.mem[AT1 - FAKE_IMAGE + (uint64_t)r] = '\0';
	return (r);
}

static inline const char *
at1(void)
{
	return (fake.mem + (AT1 - FAKE_IMAGE));
}

#endif
