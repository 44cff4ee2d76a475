/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Opens files while starting; call-back 1 uses and changes all it can, and
 * answers with the number of what it found changed, 0 if nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static long
trap(long n, long a, long b)
{
	long r;

	__asm__ volatile("out %%eax, $0" : "=a"(r) : "a"(n), "D"(a), "S"(b)
	    : "memory");
	return (r);
}

static int data, out;
static void *top;

static void
answer(long what)
{
	(void)trap(0x10010, what, 0);
}

static void
handler(int sig)
{
	(void)sig;
}

static void
on_call(void)
{
	struct sigaction old;
	char buf[16] = "", cwd[64];

	if (read(data, buf, 5) != 5 || memcmp(buf, "1\nlin", 5) != 0)
		answer(1);
	if (sbrk(0) != top)
		answer(2);
	if (sigaction(SIGTERM, NULL, &old) != 0 || old.sa_handler != SIG_DFL)
		answer(3);
	if (getcwd(cwd, sizeof cwd) == NULL || strcmp(cwd, "/") != 0)
		answer(4);
	if (fcntl(out + 1, F_GETFD) != -1)
		answer(5);
	if (write(out, "x", 1) != -1 || errno != EPERM)
		answer(6);
	if (open("/out", O_WRONLY) != -1 || errno != EPERM)
		answer(7);
	if (umask(0) != 022)
		answer(8);
	if (write(1, "said\n", 5) != 5)
		answer(9);
	if (sbrk(100000) != top || chdir("/data") != 0 ||
	    open("a", O_RDONLY) != out + 1 || close(data) != 0 ||
	    close(1) != 0 || signal(SIGTERM, handler) == SIG_ERR)
		answer(10);
	answer(0);
}

int
main(void)
{
	char buf[5];

	data = open("/data/a", O_RDONLY);
	out = open("/out", O_WRONLY | O_CREAT, 0600);
	if (data < 0 || out < 0 || read(data, buf, 5) != 5)
		return (1);
	top = sbrk(0);
	(void)trap(0x10000, 1, (long)on_call);
	(void)trap(0x10001, 0, 0);
	return (2);
}
