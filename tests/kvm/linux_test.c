/* SPDX-License-Identifier: BSD-2-Clause */
/* Real programs on src/linux, under KVM: friendly, forked and hostile. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "linux/linux.h"
#include "test.h"
#include "tinykvm/host.h"

#define GUEST "build/tests/guests/"
#define SPACE (256ull << 20)
#define REGISTER 0x10000
#define WAIT 0x10001
#define ANSWER 0x10010

#define NEED_KVM() do { \
	static struct tkvm_err skip_; \
	const struct tkvm_host *host_; \
	if (tkvm_host_probe(&host_, &skip_) != 0) \
		SKIP(skip_.text); \
} while (0)

/*--- rules: /data with a (two lines) and sub, /out, /link ------------------*/

static char dir[64], real_data[80], real_out[80];
static char v_data[] = "/data", v_out[] = "/out", v_link[] = "/link";
static struct linux_path paths[] = {
	{.virtual_path = v_data, .real_path = real_data, .prefix = true},
	{.virtual_path = v_out, .real_path = real_out, .writable = true},
	{.virtual_path = v_link, .real_path = real_data, .symlink = true},
};
static char output[4096];
static size_t output_len;
static unsigned unknown;

static void
take_output(void *priv, int fd, const void *data, size_t len)
{
	(void)priv;
	(void)fd;
	if (len < sizeof output - output_len) {
		memcpy(output + output_len, data, len);
		output_len += len;
		output[output_len] = '\0';
	}
}

static void
count_unknown(void *priv, uint32_t number)
{
	(void)priv;
	(void)number;
	unknown++;
}

static const struct linux_rules rules = {
	.paths = paths, .n_paths = 3, .output = take_output,
	.unknown = count_unknown, .exe_path = "/bin/program",
};

static void
clean_up(void)
{
	char command[128];

	snprintf(command, sizeof command, "rm -rf '%s'", dir);
	if (system(command) != 0)
		fprintf(stderr, "cannot remove %s\n", dir);
}

static void
make_files(void)
{
	char path[128];
	FILE *f;

	output_len = 0;
	output[0] = '\0';
	unknown = 0;
	if (dir[0] != '\0')
		return;
	strcpy(dir, "/tmp/linux_test_XXXXXX");
	if (mkdtemp(dir) == NULL)
		abort();
	atexit(clean_up);
	snprintf(real_data, sizeof real_data, "%s/data", dir);
	snprintf(real_out, sizeof real_out, "%s/out", dir);
	snprintf(path, sizeof path, "%s/a", real_data);
	if (mkdir(real_data, 0755) != 0)
		abort();
	f = fopen(path, "w");
	if (f == NULL || fputs("line 1\nline 2\n", f) < 0 || fclose(f) != 0)
		abort();
	snprintf(path, sizeof path, "%s/sub", real_data);
	if (mkdir(path, 0755) != 0)
		abort();
}

/*--- a program ------------------------------------------------------------*/

struct prog {
	struct linux_state *state, *fork_state;
	struct tkvm_machine *boot, *fork;
	struct tkvm_image *image;
	uint64_t callback;
	uint32_t last;		/* call that stopped it */
	uint64_t answer;
};

static enum tkvm_next
http_call(void *priv, struct tkvm_machine *m, struct tkvm_call *c,
    struct tkvm_err *err)
{
	struct prog *p = priv;

	(void)m;
	(void)err;
	if (c->number == REGISTER) {
		p->callback = c->arg[1];
		return (TKVM_RESUME);
	}
	p->last = c->number;
	p->answer = c->arg[0];
	return (TKVM_STOP);
}

static uint64_t
soon(void)
{
	return (tkvm_now_ns() + 60000000000u);
}

/* Boot a program and run it until it stops. */
static int
start(struct prog *p, const char *path, const char *arg, struct tkvm_err *err)
{
	const char *const argv[] = {"test", arg, NULL};
	const char *const envp[] = {"KVM_NAME=test", NULL};
	struct tkvm_boot boot = {
		.argv = argv, .envp = envp, .address_space_bytes = SPACE,
		.max_memory_bytes = SPACE,
	};
	struct stat st;
	int fd, r;
	void *elf;

	memset(p, 0, sizeof *p);
	make_files();
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0)
		return (tkvm_fail(err, TKVM_EFILE, "cannot open %s", path));
	elf = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	(void)close(fd);
	if (elf == MAP_FAILED)
		return (tkvm_fail(err, TKVM_EFILE, "cannot map %s", path));
	boot.elf = elf;
	boot.elf_size = (size_t)st.st_size;
	r = linux_new(&rules, NULL, &p->state, err);
	boot.calls = (struct tkvm_calls){linux_call, p->state, http_call, p};
	if (r == 0)
		r = tkvm_machine_boot(&boot, &p->boot, err);
	(void)munmap(elf, (size_t)st.st_size);
	return (r == 0 ? tkvm_machine_run(p->boot, soon(), err) : r);
}

static int
make_fork(struct prog *p, struct tkvm_err *err)
{
	struct tkvm_calls calls;
	int r;

	r = tkvm_machine_freeze(p->boot, &p->image, err);
	linux_freeze(p->state);
	if (r == 0)
		r = linux_fork(p->state, NULL, &p->fork_state, err);
	calls = (struct tkvm_calls){linux_call, p->fork_state, http_call, p};
	return (r == 0 ? tkvm_machine_fork(p->image, &calls, 1, 64ull << 20,
	    &p->fork, err) : r);
}

static int
enter(struct prog *p, struct tkvm_err *err)
{
	const uint64_t none[6] = {0};
	int r = tkvm_machine_call(p->fork, p->callback, none, err);

	return (r == 0 ? tkvm_machine_run(p->fork, soon(), err) : r);
}

static void
stop(struct prog *p)
{
	tkvm_machine_destroy(&p->fork);
	linux_destroy(&p->fork_state);
	tkvm_machine_destroy(&p->boot);
	tkvm_image_destroy(&p->image);
	linux_destroy(&p->state);
}

static unsigned
host_fds(void)
{
	unsigned n = 0;

	for (int i = 0; i < 1024; i++)
		n += fcntl(i, F_GETFD) >= 0;
	return (n);
}

/* Run to the end; the exit status, or 999 with output telling why. */
static int
status_of(const char *path, const char *arg)
{
	struct tkvm_err err;
	struct prog p;
	int status = 999, r;

	r = start(&p, path, arg, &err);
	if (r != 0)
		snprintf(output, sizeof output, "%d: %s", r, err.text);
	else if (!linux_exited(p.state, &status))
		snprintf(output, sizeof output, "stopped by 0x%x", p.last);
	stop(&p);
	return (status);
}

/*--- tests ----------------------------------------------------------------*/

TEST(a_static_glibc_program_works)
{
	int status;

	NEED_KVM();
	status = status_of(GUEST "linux_work", NULL);
	CHECK_STR(output, "pi is about 3.142\n");
	CHECK_EQ(status, 0);
	CHECK_EQ(unknown, 1);	/* fork() */
}

TEST(a_static_musl_program_works)
{
	int status;

	NEED_KVM();
	status = status_of(GUEST "linux_work_musl", NULL);
	CHECK_STR(output, "pi is about 3.142\n");
	CHECK_EQ(status, 0);
}

TEST(the_exit_status_is_the_programs)
{
	NEED_KVM();
	CHECK_EQ(status_of(GUEST "linux_work", "status"), 77);
	CHECK_EQ(status_of(GUEST "linux_work_musl", "status"), 77);
}

TEST(abort_ends_with_134)
{
	NEED_KVM();
	CHECK_EQ(status_of(GUEST "linux_work", "abort"), 134);
	CHECK_EQ(status_of(GUEST "linux_work_musl", "abort"), 134);
}

TEST(a_fork_finds_everything_as_it_was_frozen)
{
	struct tkvm_err err;
	struct prog p;
	unsigned fds;

	NEED_KVM();
	CHECK_OK(start(&p, GUEST "linux_fork", NULL, &err));
	CHECK_EQ(p.last, WAIT);
	CHECK_OK(make_fork(&p, &err));
	fds = host_fds();
	for (int i = 0; i < 5; i++) {
		CHECK_OK(enter(&p, &err));
		CHECK_EQ(p.last, ANSWER);
		CHECK_EQ(p.answer, 0);
		CHECK_OK(tkvm_machine_reset(p.fork, &err));
		linux_reset(p.fork_state);
		CHECK_EQ(host_fds(), fds);
	}
	CHECK_STR(output, "said\nsaid\nsaid\nsaid\nsaid\n");
	stop(&p);
}

TEST(a_hostile_program_harms_neither_host_nor_its_forks)
{
	struct tkvm_err err;
	struct prog p;
	unsigned before, fds;

	NEED_KVM();
	make_files();
	before = host_fds();
	CHECK_OK(start(&p, GUEST "linux_hostile", NULL, &err));
	CHECK_EQ(p.last, WAIT);
	CHECK(unknown > 10000);
	CHECK_OK(make_fork(&p, &err));
	fds = host_fds();
	for (int i = 0; i < 2; i++) {
		CHECK_OK(enter(&p, &err));
		CHECK_EQ(p.last, ANSWER);
		CHECK_OK(tkvm_machine_reset(p.fork, &err));
		linux_reset(p.fork_state);
		CHECK_EQ(host_fds(), fds);
	}
	stop(&p);
	CHECK(host_fds() <= before + 1);	/* /dev/kvm may stay open */
}

TEST_MAIN()
