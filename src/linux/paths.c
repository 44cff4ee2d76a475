/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * paths.c: which host paths may be opened, and how.
 *
 * Guest paths are made absolute and normalised as text before any rule sees
 * them, and rules match whole components: "/etc/ssl" allows neither
 * "/etc/sslX" nor "/etc/ssl/../passwd". The kernel is then asked with
 * openat2(2), whose RESOLVE_ flags hold whatever happens on the host meanwhile:
 *
 * - Below a prefix, symbolic links are followed while they stay below it
 *   (RESOLVE_BENEATH); a link that leads out is refused with -EACCES.
 * - An exact rule names one host file, which may be a link, because the
 *   administrator named it: /etc/resolv.conf often is one.
 * - "Magic" links of /proc are never followed.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux/linux_priv.h"

/* Append one component to out[0..n); the new length or -ENAMETOOLONG. */
static int
append(char *out, size_t n, const char *part, size_t len)
{
	if (len == 0 || (len == 1 && part[0] == '.'))
		return ((int)n);
	if (len == 2 && part[0] == '.' && part[1] == '.') {
		while (n > 0 && out[n - 1] != '/')
			n--;
		return (n > 0 ? (int)n - 1 : 0);
	}
	if (n + 1 + len >= PATH_MAX)
		return (-ENAMETOOLONG);
	out[n] = '/';
	memcpy(out + n + 1, part, len);
	return ((int)(n + 1 + len));
}

int
paths_normalise(const char *base, const char *path, char *out, bool *dir)
{
	const char *part = path;
	size_t len;
	int n = 0;

	if (path[0] == '\0')
		return (-ENOENT);
	if (path[0] != '/' && base[1] != '\0') {
		n = (int)strlen(base);
		memcpy(out, base, (size_t)n);
	}
	while (*part != '\0' && n >= 0) {
		len = strcspn(part, "/");
		n = append(out, (size_t)n, part, len);
		/* The last non-empty part decides, or a slash behind it. */
		*dir = len == 0 || part[len] == '/' ||
		    (len == 1 && part[0] == '.') ||
		    (len == 2 && part[0] == '.' && part[1] == '.');
		part += len;
		part += *part == '/';
	}
	if (n < 0)
		return (n);
	if (n == 0)
		out[n++] = '/';
	out[n] = '\0';
	return (0);
}

/* A rule's virtual path without slashes at its ends; its length. */
static size_t
rule_name(const struct linux_path *r, const char **name)
{
	size_t len;

	*name = r->virtual_path + strspn(r->virtual_path, "/");
	len = strlen(*name);
	while (len > 0 && (*name)[len - 1] == '/')
		len--;
	return (len);
}

/* What stands behind the rule's path, or NULL when it does not match. */
static const char *
match(const struct linux_path *r, const char *path)
{
	const char *name, *rest;
	size_t len = rule_name(r, &name);

	path++;			/* normalised: starts with a slash */
	if (strncmp(path, name, len) != 0)
		return (NULL);
	rest = path + len;
	if (*rest == '\0')
		return (rest);
	if (!r->prefix)
		return (NULL);
	if (len == 0)
		return (rest);	/* the prefix "/" */
	return (*rest == '/' ? rest + 1 : NULL);
}

const struct linux_path *
paths_find(const struct linux_rules *rules, const char *path, bool write,
    const char **rest)
{
	for (unsigned i = 0; i < rules->n_paths; i++) {
		if (write && !rules->paths[i].writable)
			continue;
		*rest = match(&rules->paths[i], path);
		if (*rest != NULL)
			return (&rules->paths[i]);
	}
	return (NULL);
}

bool
paths_leads_on(const struct linux_rules *rules, const char *path)
{
	size_t len = strlen(path + 1);
	const char *name;

	for (unsigned i = 0; i < rules->n_paths; i++) {
		if (rule_name(&rules->paths[i], &name) <= len)
			continue;
		if (len == 0 || (strncmp(name, path + 1, len) == 0 &&
		    name[len] == '/'))
			return (true);
	}
	return (false);
}

static int
host_open(int dir, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
		.mode = flags & O_CREAT ? mode : 0,
		.resolve = resolve | RESOLVE_NO_MAGICLINKS,
	};
	long fd = -1;

	/* EAGAIN: a rename elsewhere made the kernel unsure; openat2(2). */
	for (int i = 0; i < 16 && fd < 0; i++) {
		fd = syscall(SYS_openat2, dir, path, &how, sizeof how);
		if (fd < 0 && errno != EAGAIN && errno != EINTR)
			break;
	}
	if (fd >= 0)
		return ((int)fd);
	switch (errno) {
	case EXDEV:		/* it leads out of the prefix */
	case ENXIO:		/* a pipe or device */
	case EAGAIN:
	case ENOSYS:		/* a kernel before 5.6: nothing may be opened */
		return (-EACCES);
	default:
		return (-errno);
	}
}

static int
open_below(const char *real, const char *rest, int flags, mode_t mode)
{
	int dir, fd;

	dir = open(real, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return (-errno);
	fd = host_open(dir, rest[0] != '\0' ? rest : ".", flags, mode,
	    RESOLVE_BENEATH);
	(void)close(dir);
	return (fd);
}

int
paths_open(const struct linux_rules *rules, const char *path, int flags,
    mode_t mode, bool write)
{
	const struct linux_path *r;
	const char *rest;
	struct stat st;
	int fd;

	r = paths_find(rules, path, write, &rest);
	if (r == NULL)
		return (-EACCES);
	if (!(flags & O_PATH))	/* never wait for the other end of a pipe */
		flags |= O_NONBLOCK | O_NOCTTY;
	if (r->prefix)
		fd = open_below(r->real_path, rest, flags, mode);
	else
		fd = host_open(AT_FDCWD, r->real_path, flags, mode, 0);
	if (fd < 0 || (flags & O_PATH))
		return (fd);
	if (fstat(fd, &st) != 0 ||
	    !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))) {
		(void)close(fd);
		return (-EACCES);
	}
	return (fd);
}
