/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What ordinary static programs do: memory, files, output, time, signals.
 * Exit status 0, or the line of the first thing that went wrong on stderr.
 *
 * Expects the rules of linux_test.c: /data (prefix), /out (writable), /link.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MUST(cond) do { \
	if (!(cond)) { \
		fprintf(stderr, "line %d: %s (errno %d)\n", __LINE__, #cond, \
		    errno); \
		exit(1); \
	} \
} while (0)

/* Random sizes, contents checked, both brk and mmap sized. */
static void
memory(void)
{
	static unsigned char *p[200];
	static size_t n[200];

	srand(7);
	for (int round = 0; round < 5000; round++) {
		int i = rand() % 200;

		for (size_t k = 0; k < n[i]; k += 97)
			MUST(p[i][k] == (unsigned char)i);
		n[i] = (size_t)rand() % (rand() % 50 ? 3000 : 300000);
		p[i] = realloc(p[i], n[i] + 1);
		MUST(p[i] != NULL);
		memset(p[i], i, n[i] + 1);
	}
	for (int i = 0; i < 200; i++)
		free(p[i]);
	for (int i = 0; i < 5; i++) {
		char *big = calloc(1, 8 << 20);

		MUST(big != NULL);
		for (size_t k = 0; k < 8 << 20; k += 4096)
			MUST(big[k] == 0);
		memset(big, 'x', 8 << 20);
		free(big);
	}
	MUST(malloc((size_t)1 << 40) == NULL && errno == ENOMEM);
}

static void
mappings(void)
{
	char *p = mmap(NULL, 100000, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	MUST(p != MAP_FAILED);
	memset(p, 'a', 100000);
	p = mremap(p, 100000, 900000, MREMAP_MAYMOVE);
	MUST(p != MAP_FAILED);
	MUST(p[99999] == 'a' && p[200000] == 0 && p[899999] == 0);
	MUST(madvise(p, 4096, MADV_DONTNEED) == 0 && p[0] == 0);
	MUST(munmap(p, 900000) == 0);
	MUST(mmap(NULL, 4096, PROT_READ | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
	MUST(errno == EACCES);
}

static void
files(void)
{
	char buf[64], *real;
	struct stat st;
	struct dirent *e;
	FILE *f;
	DIR *d;
	int n = 0, fd;

	f = fopen("/data/a", "r");
	MUST(f != NULL);
	MUST(fgets(buf, sizeof buf, f) != NULL && !strcmp(buf, "line 1\n"));
	MUST(fgets(buf, sizeof buf, f) != NULL && !strcmp(buf, "line 2\n"));
	MUST(fgets(buf, sizeof buf, f) == NULL && feof(f));
	MUST(fseek(f, 5, SEEK_SET) == 0 && fgetc(f) == '1');
	MUST(fclose(f) == 0);
	MUST(fopen("/etc/passwd", "r") == NULL && errno == EACCES);
	MUST(fopen("/data/../etc/passwd", "r") == NULL && errno == EACCES);
	MUST(fopen("/data/none", "r") == NULL && errno == ENOENT);
	MUST(stat("/data/a", &st) == 0 && st.st_size == 14);
	MUST(S_ISREG(st.st_mode));
	MUST(lstat("/data/sub", &st) == 0 && S_ISDIR(st.st_mode));
	MUST(access("/data/a", R_OK) == 0);
	MUST(access("/data/a", W_OK) == -1);
	d = opendir("/data");
	MUST(d != NULL);
	while ((e = readdir(d)) != NULL)
		n++;
	MUST(n == 4);		/* . .. a sub */
	MUST(closedir(d) == 0);
	real = realpath("/data/sub/../a", NULL);
	MUST(real != NULL && !strcmp(real, "/data/a"));
	free(real);
	MUST(chdir("/data") == 0);
	MUST(getcwd(buf, sizeof buf) != NULL && !strcmp(buf, "/data"));
	fd = open("a", O_RDONLY | O_CLOEXEC);
	MUST(fd == 3 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
	real = mmap(NULL, 14, PROT_READ, MAP_PRIVATE, fd, 0);
	MUST(real != MAP_FAILED && !memcmp(real, "line 1\nline 2\n", 15));
	MUST(close(fd) == 0);
	MUST(readlink("/link", buf, sizeof buf) > 0);
}

static void
writing(void)
{
	char buf[64] = "";
	FILE *f;

	f = fopen("/out", "w");
	MUST(f != NULL);
	MUST(fprintf(f, "%d %s\n", 42, "written") > 0);
	MUST(fclose(f) == 0);
	f = fopen("/out", "a+");
	MUST(f != NULL && fputs("more\n", f) >= 0 && fflush(f) == 0);
	rewind(f);
	MUST(fread(buf, 1, sizeof buf - 1, f) == 16);
	MUST(!strcmp(buf, "42 written\nmore\n"));
	MUST(fclose(f) == 0);
	MUST(fopen("/data/a", "r+") == NULL && errno == EACCES);
}

static void
times_and_chance(void)
{
	struct timespec a, b, wait = {0, 1000000};
	struct timeval tv;
	unsigned char x[64], y[64];
	struct pollfd none = {.fd = -1};

	MUST(clock_gettime(CLOCK_MONOTONIC, &a) == 0);
	MUST(nanosleep(&wait, NULL) == 0);
	MUST(usleep(1000) == 0);
	MUST(poll(&none, 1, 1) == 0);
	MUST(clock_gettime(CLOCK_MONOTONIC, &b) == 0);
	MUST((b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec - a.tv_nsec >=
	    3000000);
	MUST(gettimeofday(&tv, NULL) == 0 && tv.tv_sec > 1700000000);
	MUST(time(NULL) - tv.tv_sec <= 60);
	MUST(clock() != (clock_t)-1);
	MUST(getrandom(x, sizeof x, 0) == sizeof x);
	MUST(getentropy(y, sizeof y) == 0);
	MUST(memcmp(x, y, sizeof x) != 0);
}

static void
identity(void)
{
	struct rlimit limit;
	struct utsname name;

	MUST(getpid() == 1 && getppid() == 0 && getuid() == 0);
	MUST(uname(&name) == 0 && !strcmp(name.sysname, "Linux"));
	MUST(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == 256);
	MUST(sysconf(_SC_PAGESIZE) == 4096);
	MUST(sysconf(_SC_NPROCESSORS_ONLN) == 1);
	MUST(isatty(1));
}

static void
nothing(int sig)
{
	(void)sig;
}

static void
signals_and_locks(void)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
	struct sigaction old;
	struct timespec until;
	jmp_buf env;

	MUST(signal(SIGUSR1, nothing) == SIG_DFL);
	MUST(sigaction(SIGUSR1, NULL, &old) == 0);
	MUST(old.sa_handler == nothing);
	MUST(raise(SIGCHLD) == 0);
	MUST(raise(SIGUSR1) == 0);
	if (setjmp(env) == 0)
		longjmp(env, 1);
	MUST(pthread_mutex_lock(&lock) == 0);
	MUST(clock_gettime(CLOCK_REALTIME, &until) == 0);
	MUST(pthread_cond_timedwait(&cond, &lock, &until) == ETIMEDOUT);
	MUST(pthread_mutex_unlock(&lock) == 0);
	MUST(fork() == -1 && errno == ENOSYS);
}

int
main(int argc, char **argv)
{
	static char buffer[8192];

	if (argc > 1 && !strcmp(argv[1], "abort"))
		abort();
	if (argc > 1 && !strcmp(argv[1], "status"))
		return (77);
	memory();
	mappings();
	files();
	writing();
	times_and_chance();
	identity();
	signals_and_locks();
	MUST(getchar() == EOF);
	setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
	printf("%s %.3f\n", "pi is about", acos(-1));
	return (0);
}
