/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sys_info.c: who the program is, what its computer looks like, random bytes.
 *
 * The program is process 1, thread 1, of root, alone on one CPU. Nothing of
 * the host's identity is shown.
 */
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include "linux/linux_priv.h"

static int64_t
out(struct linux_ctx *c, uint64_t gva, const void *data, size_t size)
{
	return (tkvm_copy_out(c->m, gva, data, size) != 0 ? -EFAULT : 0);
}

int64_t
sys_getpid(struct linux_ctx *c)
{
	(void)c;
	return (LINUX_OWN_ID);
}

int64_t
sys_gettid(struct linux_ctx *c)
{
	(void)c;
	return (LINUX_OWN_ID);
}

int64_t
sys_getpgrp(struct linux_ctx *c)
{
	(void)c;
	return (LINUX_OWN_ID);
}

int64_t
sys_getppid(struct linux_ctx *c)
{
	(void)c;
	return (0);
}

int64_t
sys_getuid(struct linux_ctx *c)
{
	(void)c;
	return (0);
}

int64_t
sys_geteuid(struct linux_ctx *c)
{
	(void)c;
	return (0);
}

int64_t
sys_getgid(struct linux_ctx *c)
{
	(void)c;
	return (0);
}

int64_t
sys_getegid(struct linux_ctx *c)
{
	(void)c;
	return (0);
}

int64_t
sys_getgroups(struct linux_ctx *c)
{
	return ((int32_t)c->a[0] < 0 ? -EINVAL : 0);
}

int64_t
sys_uname(struct linux_ctx *c)
{
	static const struct utsname name = {
		.sysname = "Linux",
		.nodename = "tinykvm",
		.release = "6.1.0-tinykvm",
		.version = "#1 tinykvm",
		.machine = "x86_64",
		.domainname = "(none)",
	};
	_Static_assert(sizeof name == 6 * 65, "struct new_utsname");

	return (out(c, c->a[0], &name, sizeof name));
}

int64_t
sys_sysinfo(struct linux_ctx *c)
{
	const struct tkvm_layout *l = tkvm_machine_layout(c->m);
	struct sysinfo info;

	memset(&info, 0, sizeof info);
	info.uptime = (long)(tkvm_now_ns() / 1000000000);
	info.totalram = l->arena_end - l->image_start;
	info.freeram = l->arena_end - l->arena_start;
	info.procs = 1;
	info.mem_unit = 1;
	return (out(c, c->a[0], &info, sizeof info));
}

/*--- limits ---------------------------------------------------------------*/

static int
limit_of(struct linux_ctx *c, uint64_t resource, uint64_t limit[2])
{
	const struct tkvm_layout *l = tkvm_machine_layout(c->m);

	limit[0] = limit[1] = UINT64_MAX;
	switch ((uint32_t)resource) {
	case RLIMIT_STACK:
		limit[0] = limit[1] = l->stack_top - l->stack_low;
		break;
	case RLIMIT_NOFILE:
		limit[0] = limit[1] = FDS_MAX;
		break;
	case RLIMIT_CORE:
		limit[0] = limit[1] = 0;
		break;
	default:
		if ((uint32_t)resource >= RLIM_NLIMITS)
			return (-EINVAL);
	}
	return (0);
}

/* A limit may be lowered, without effect, but not raised. */
static int64_t
limits(struct linux_ctx *c, uint64_t resource, uint64_t set_gva,
    uint64_t get_gva)
{
	uint64_t limit[2], set[2];
	int r = limit_of(c, resource, limit);

	if (r != 0)
		return (r);
	if (set_gva != 0) {
		if (tkvm_copy_in(c->m, set, set_gva, sizeof set) != 0)
			return (-EFAULT);
		if (set[0] > set[1])
			return (-EINVAL);
		if (set[1] > limit[1])
			return (-EPERM);
	}
	return (get_gva == 0 ? 0 : out(c, get_gva, limit, sizeof limit));
}

int64_t
sys_getrlimit(struct linux_ctx *c)
{
	return (c->a[1] == 0 ? -EFAULT : limits(c, c->a[0], 0, c->a[1]));
}

int64_t
sys_setrlimit(struct linux_ctx *c)
{
	return (c->a[1] == 0 ? -EFAULT : limits(c, c->a[0], c->a[1], 0));
}

int64_t
sys_prlimit64(struct linux_ctx *c)
{
	uint32_t pid = (uint32_t)c->a[0];

	if (pid != 0 && pid != LINUX_OWN_ID)
		return (-ESRCH);
	return (limits(c, c->a[1], c->a[2], c->a[3]));
}

/*--- the one CPU ----------------------------------------------------------*/

int64_t
sys_sched_getaffinity(struct linux_ctx *c)
{
	uint32_t pid = (uint32_t)c->a[0], len = (uint32_t)c->a[1];
	const uint64_t cpus = 1;

	if (pid != 0 && pid != LINUX_OWN_ID)
		return (-ESRCH);
	if (len < sizeof cpus || len % sizeof cpus != 0)
		return (-EINVAL);
	if (tkvm_copy_out(c->m, c->a[2], &cpus, sizeof cpus) != 0)
		return (-EFAULT);
	return (sizeof cpus);
}

int64_t
sys_sched_yield(struct linux_ctx *c)
{
	(void)c;
	return (0);
}

int64_t
sys_getcpu(struct linux_ctx *c)
{
	const uint32_t zero = 0;
	int64_t r = 0;

	if (c->a[0] != 0)
		r = out(c, c->a[0], &zero, sizeof zero);
	if (r == 0 && c->a[1] != 0)
		r = out(c, c->a[1], &zero, sizeof zero);
	return (r);
}

/*--- small settings -------------------------------------------------------*/

int64_t
sys_umask(struct linux_ctx *c)
{
	uint32_t old = c->s->vars.umask;

	c->s->vars.umask = (uint32_t)c->a[0] & 0777;
	return (old);
}

int64_t
sys_prctl(struct linux_ctx *c)
{
	char *name = c->s->vars.name, copy[sizeof c->s->vars.name];

	switch ((uint32_t)c->a[0]) {
	case PR_SET_NAME:
		memset(copy, 0, sizeof copy);
		if (tkvm_copy_in_str(c->m, copy, c->a[1], sizeof copy) == -1)
			return (-EFAULT);
		copy[sizeof copy - 1] = '\0';
		/* What stands behind the NUL is not part of the name. */
		memset(name, 0, sizeof copy);
		memcpy(name, copy, strlen(copy));
		return (0);
	case PR_GET_NAME:
		return (out(c, c->a[1], name, sizeof copy));
	default:
		return (-EINVAL);
	}
}

/*--- random ---------------------------------------------------------------*/

#define RANDOM_BYTES KIB(256)	/* of one call; more is a short read */
#define RANDOM_FLAGS (GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE)

int64_t
sys_getrandom(struct linux_ctx *c)
{
	uint64_t len = c->a[1], flags = (uint32_t)c->a[2], done = 0;
	ssize_t n;
	char *p;

	if ((flags & ~(uint64_t)RANDOM_FLAGS) != 0 ||
	    (flags & (GRND_RANDOM | GRND_INSECURE)) ==
	    (GRND_RANDOM | GRND_INSECURE))
		return (-EINVAL);
	if (len > RANDOM_BYTES)
		len = RANDOM_BYTES;
	if (len == 0)
		return (0);
	p = tkvm_view_write(c->m, c->a[0], len);
	if (p == NULL)
		return (-EFAULT);
	while (done < len) {
		n = getrandom(p + done, len - done, 0);
		if (n < 0 && (errno != EINTR || linux_late(c)))
			return (done > 0 ? (int64_t)done : -errno);
		done += n > 0 ? (uint64_t)n : 0;
	}
	return ((int64_t)done);
}
