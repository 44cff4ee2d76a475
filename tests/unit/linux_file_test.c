/* SPDX-License-Identifier: BSD-2-Clause */
/* Files: what may be opened how, and what reading and writing them gives. */
#include <sys/ioctl.h>
#include <sys/uio.h>

#include "linux_files.h"

/*--- open: every flag on every kind of rule, booting and in a fork ---------*/

#define TMPFILE 020200000

/* Expected: open on no rule, on a read-only rule, on a writable rule. */
static const struct {
	int flags;
	int none, ro, rw;	/* 0 is success */
} open_table[] = {
	{O_RDONLY, -EACCES, 0, 0},
	{O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, -EACCES, 0, 0},
	{O_PATH, -EACCES, 0, 0},
	{O_NOFOLLOW, -EACCES, 0, 0},
	{O_DIRECTORY, -EACCES, -ENOTDIR, -ENOTDIR},
	{O_WRONLY, -EACCES, -EACCES, 0},
	{O_RDWR, -EACCES, -EACCES, 0},
	{O_CREAT, -EACCES, -EACCES, 0},
	{O_TRUNC, -EACCES, -EACCES, 0},
	{O_APPEND, -EACCES, -EACCES, 0},
	{O_CREAT | O_EXCL, -EACCES, -EACCES, -EEXIST},
	{O_WRONLY | O_TRUNC, -EACCES, -EACCES, 0},
	{O_RDWR | O_CREAT | O_TRUNC, -EACCES, -EACCES, 0},
	{O_RDWR | TMPFILE, -EACCES, -EACCES, -EACCES},
	{O_ACCMODE, -EINVAL, -EINVAL, -EINVAL},
	{(int)0x80000000, -EINVAL, -EINVAL, -EINVAL},
	{0x40000000 | O_RDONLY, -EINVAL, -EINVAL, -EINVAL},
};
#define OPENS (sizeof open_table / sizeof open_table[0])

static bool
mutates(int flags)
{
	return ((flags & O_ACCMODE) != 0 ||
	    (flags & (O_CREAT | O_TRUNC | O_APPEND | 020000000)) != 0);
}

TEST(open_obeys_rules_and_flags_while_booting)
{
	int64_t r;

	for (unsigned i = 0; i < OPENS; i++) {
		begin();
		r = open_(s, "/etc/passwd", open_table[i].flags);
		CHECK_EQ(r < 0 ? r : 0, open_table[i].none);
		r = open_(s, "/ro", open_table[i].flags);
		CHECK_EQ(r < 0 ? r : 0, open_table[i].ro);
		r = open_(s, "/rw", open_table[i].flags);
		CHECK_EQ(r < 0 ? r : 0, open_table[i].rw);
	}
}

TEST(a_fork_can_open_nothing_for_writing)
{
	struct stat st;
	int64_t r;

	begin();
	freeze();
	for (unsigned i = 0; i < OPENS; i++) {
		int flags = open_table[i].flags;

		r = open_(f, "/rw", flags);
		if (mutates(flags))
			CHECK_EQ(r, -EPERM);
		else
			CHECK_EQ(r < 0 ? r : 0, open_table[i].rw);
		if (mutates(flags))
			CHECK_EQ(open_(f, "/etc/passwd", flags), -EPERM);
	}
	CHECK_EQ(SYS(f, SYS_creat, put_str(AT0, "/rw"), 0644), -EPERM);
	CHECK_EQ(stat("rw", &st), 0);
	CHECK_EQ(st.st_size, 10);	/* nothing was truncated */
}

TEST(a_refused_open_does_not_change_the_file)
{
	struct stat st;

	begin();
	CHECK_EQ(open_(s, "/ro", O_RDWR | O_TRUNC), -EACCES);
	CHECK_EQ(open_(s, "/ro", O_TRUNC), -EACCES);
	CHECK_EQ(stat("ro", &st), 0);
	CHECK_EQ(st.st_size, 10);
}

TEST(a_writable_rule_creates_its_file_while_booting)
{
	struct stat st;

	begin();
	CHECK_EQ(SYS(s, SYS_umask, 027), 022);
	CHECK_EQ(SYS(s, SYS_open, put_str(AT0, "/deep/er/new"),
	    O_CREAT | O_WRONLY, 07777), 3);
	CHECK_EQ(stat("new", &st), 0);
	CHECK_EQ(st.st_mode & 07777 & ~0640u, 0);	/* never executable */
}

TEST(paths_that_climb_or_do_not_exist_are_refused)
{
	begin();
	CHECK_EQ(open_(s, "/d/../etc/passwd", O_RDONLY), -EACCES);
	CHECK_EQ(open_(s, "/d/../../d/a", O_RDONLY), 3);
	CHECK_EQ(open_(s, "/dX", O_RDONLY), -EACCES);
	CHECK_EQ(open_(s, "", O_RDONLY), -ENOENT);
	CHECK_EQ(open_(s, "/ro/", O_RDONLY), -ENOTDIR);
	CHECK_EQ(open_(s, "/d/a/", O_RDONLY), -ENOTDIR);
	CHECK_EQ(open_(s, "/d/none", O_RDONLY), -ENOENT);
	CHECK_EQ(SYS(s, SYS_openat, AT_FDCWD, BAD, 0, 0), -EFAULT);
	CHECK_EQ(SYS(s, SYS_openat, AT_FDCWD, 0, 0, 0), -EFAULT);
	CHECK_EQ(SYS(s, SYS_openat, 77, put_str(AT0, "a"), 0, 0), -EBADF);
}

TEST(names_are_relative_to_directories)
{
	int64_t d;

	begin();
	d = open_(s, "/d", O_RDONLY | O_DIRECTORY);
	CHECK_EQ(d, 3);
	CHECK_EQ(SYS(s, SYS_openat, d, put_str(AT0, "a"), 0, 0), 4);
	CHECK_EQ(SYS(s, SYS_openat, d, put_str(AT0, "sub/../a"), 0, 0), 5);
	CHECK_EQ(SYS(s, SYS_openat, d, put_str(AT0, "../ro"), 0, 0), 6);
	CHECK_EQ(SYS(s, SYS_openat, d, put_str(AT0, "../etc"), 0, 0), -EACCES);
	CHECK_EQ(SYS(s, SYS_openat, 4, put_str(AT0, "a"), 0, 0), -ENOTDIR);
	CHECK_EQ(SYS(s, SYS_chdir, put_str(AT0, "/d")), 0);
	CHECK_EQ(SYS(s, SYS_getcwd, AT1, 100), 3);
	CHECK_STR(at1(), "/d");
	CHECK_EQ(SYS(s, SYS_getcwd, AT1, 2), -ERANGE);
	CHECK_EQ(open_(s, "a", O_RDONLY), 7);
	CHECK_EQ(SYS(s, SYS_chdir, put_str(AT0, "/etc")), -EACCES);
	CHECK_EQ(SYS(s, SYS_chdir, put_str(AT0, "/d/a")), -ENOTDIR);
	CHECK_EQ(SYS(s, SYS_chdir, put_str(AT0, "/deep")), 0);
	CHECK_EQ(SYS(s, SYS_fchdir, d), 0);
	CHECK_EQ(SYS(s, SYS_fchdir, 4), -ENOTDIR);
}

TEST(there_are_256_open_files_at_most)
{
	unsigned before;

	begin();
	before = host_fds();
	for (int i = 3; i < 256; i++)
		CHECK_EQ(open_(s, i % 2 ? "/ro" : "/d", O_RDONLY), i);
	CHECK_EQ(open_(s, "/ro", O_RDONLY), -EMFILE);
	CHECK_EQ(open_(s, "/d", O_RDONLY), -EMFILE);
	CHECK_EQ(host_fds(), before + 253);
	linux_destroy(&s);
	CHECK_EQ(host_fds(), before);
}

/*--- read and write -------------------------------------------------------*/

TEST(reads_go_on_where_the_last_one_ended)
{
	int64_t fd;

	begin();
	fd = open_(s, "/ro", O_RDONLY);
	CHECK_EQ(read_(s, fd, 4), 4);
	CHECK_STR(at1(), "0123");
	CHECK_EQ(SYS(s, SYS_pread64, fd, AT1, 3, 7), 3);
	CHECK_EQ(read_(s, fd, 100), 6);
	CHECK_STR(at1(), "456789");
	CHECK_EQ(read_(s, fd, 100), 0);
	CHECK_EQ(SYS(s, SYS_lseek, fd, -2, SEEK_END), 8);
	CHECK_EQ(SYS(s, SYS_lseek, fd, 1, SEEK_CUR), 9);
	CHECK_EQ(read_(s, fd, 100), 1);
	CHECK_EQ(SYS(s, SYS_lseek, fd, 1ll << 40, SEEK_SET), 1ll << 40);
	CHECK_EQ(read_(s, fd, 100), 0);
}

TEST(bad_reads_are_errors)
{
	int64_t fd, d;

	begin();
	fd = open_(s, "/ro", O_RDONLY);
	d = open_(s, "/d", O_RDONLY);
	CHECK_EQ(SYS(s, SYS_read, fd, BAD, 10), -EFAULT);
	CHECK_EQ(SYS(s, SYS_read, fd, READ_ONLY, 10), -EFAULT);
	CHECK_EQ(SYS(s, SYS_read, fd, FAKE_END - 5, 10), -EFAULT);
	CHECK_EQ(SYS(s, SYS_read, fd, AT1, UINT64_MAX), 10);
	CHECK_EQ(SYS(s, SYS_read, fd, (uint64_t)-4096, 10), -EFAULT);
	CHECK_EQ(SYS(s, SYS_read, fd, AT1, 0), 0);
	CHECK_EQ(SYS(s, SYS_read, d, AT1, 10), -EISDIR);
	CHECK_EQ(SYS(s, SYS_read, 1, AT1, 10), -EBADF);
	CHECK_EQ(SYS(s, SYS_read, 99, AT1, 10), -EBADF);
	CHECK_EQ(SYS(s, SYS_write, fd, AT1, 10), -EBADF);
	CHECK_EQ(SYS(s, SYS_pread64, fd, AT1, 10, -1), -EINVAL);
	CHECK_EQ(SYS(s, SYS_pread64, fd, AT1, 10, INT64_MAX), -EINVAL);
	CHECK_EQ(SYS(s, SYS_pread64, 0, AT1, 10, 0), -ESPIPE);
	CHECK_EQ(SYS(s, SYS_lseek, fd, -1, SEEK_SET), -EINVAL);
	CHECK_EQ(SYS(s, SYS_lseek, fd, INT64_MAX, SEEK_END), -EOVERFLOW);
	CHECK_EQ(SYS(s, SYS_lseek, fd, 0, 99), -EINVAL);
	CHECK_EQ(SYS(s, SYS_lseek, 1, 0, SEEK_CUR), -ESPIPE);
}

TEST(forks_have_offsets_of_their_own)
{
	struct linux_state *g;
	int64_t fd;

	begin();
	fd = open_(s, "/ro", O_RDONLY);
	CHECK_EQ(read_(s, fd, 2), 2);
	freeze();
	CHECK_OK(linux_fork(s, NULL, &g, &err));
	CHECK_EQ(read_(f, fd, 3), 3);
	CHECK_STR(at1(), "234");
	CHECK_EQ(read_(g, fd, 5), 5);
	CHECK_STR(at1(), "23456");
	CHECK_EQ(SYS(f, SYS_close, fd), 0);
	CHECK_EQ(read_(f, fd, 3), -EBADF);
	CHECK_EQ(read_(g, fd, 1), 1);
	CHECK_STR(at1(), "7");
	linux_reset(f);
	linux_reset(g);
	CHECK_EQ(read_(f, fd, 1), 1);
	CHECK_STR(at1(), "2");
	linux_destroy(&g);
	linux_reset(f);
	CHECK_EQ(read_(f, fd, 1), 1);
	CHECK_STR(at1(), "2");
}

TEST(writes_reach_files_while_booting_only)
{
	char text[32] = "";
	int64_t fd;
	FILE *file;

	begin();
	fd = open_(s, "/rw", O_RDWR);
	put_str(AT1, "XYZ");
	CHECK_EQ(SYS(s, SYS_write, fd, AT1, 2), 2);
	CHECK_EQ(SYS(s, SYS_pwrite64, fd, AT1, 3, 7), 3);
	CHECK_EQ(SYS(s, SYS_write, fd, BAD, 2), -EFAULT);
	CHECK_EQ(SYS(s, SYS_fsync, fd), 0);
	CHECK_EQ(SYS(s, SYS_ftruncate, fd, -1), -EINVAL);
	freeze();
	CHECK_EQ(SYS(f, SYS_write, fd, AT1, 2), -EPERM);
	CHECK_EQ(SYS(f, SYS_pwrite64, fd, AT1, 2, 0), -EPERM);
	CHECK_EQ(SYS(f, SYS_ftruncate, fd, 0), -EPERM);
	CHECK_EQ(SYS(f, SYS_fsync, fd), 0);
	CHECK_EQ(read_(f, fd, 2), 2);
	file = fopen("rw", "r");
	CHECK(file != NULL && fgets(text, sizeof text, file) != NULL);
	CHECK_EQ(fclose(file), 0);
	CHECK_STR(text, "XYcdefgXYZ");
}

TEST(a_file_grows_to_one_gibibyte_and_no_further)
{
	int64_t fd;

	begin();
	fd = open_(s, "/rw", O_WRONLY);
	CHECK(fd >= 0);
	CHECK_EQ(SYS(s, SYS_pwrite64, fd, AT1, 8, (1 << 30) - 3), 3);
	CHECK_EQ(SYS(s, SYS_pwrite64, fd, AT1, 8, 1 << 30), -EFBIG);
	CHECK_EQ(SYS(s, SYS_ftruncate, fd, (1 << 30) + 1), -EFBIG);
	CHECK_EQ(SYS(s, SYS_ftruncate, fd, 4), 0);
}

TEST(appending_writes_at_the_end)
{
	struct stat st;
	int64_t fd;

	begin();
	fd = open_(s, "/rw", O_WRONLY | O_APPEND);
	put_str(AT1, "XYZ");
	CHECK_EQ(SYS(s, SYS_write, fd, AT1, 3), 3);
	CHECK_EQ(SYS(s, SYS_lseek, fd, 0, SEEK_CUR), 13);
	CHECK_EQ(SYS(s, SYS_lseek, fd, 0, SEEK_SET), 0);
	CHECK_EQ(SYS(s, SYS_write, fd, AT1, 1), 1);
	CHECK_EQ(stat("rw", &st), 0);
	CHECK_EQ(st.st_size, 14);
}

TEST(output_is_handed_on_and_capped)
{
	begin();
	put_str(AT1, "hello\n");
	CHECK_EQ(SYS(s, SYS_write, 1, AT1, 6), 6);
	CHECK_EQ(SYS(s, SYS_write, 2, AT1, 6), 6);
	CHECK_STR(fake_out, "hello\nhello\n");
	CHECK_EQ(SYS(s, SYS_write, 1, AT1, 0), 0);
	CHECK_EQ(SYS(s, SYS_write, 1, BAD, 0), 0);
	CHECK_EQ(SYS(s, SYS_write, 1, BAD, 6), -EFAULT);
	CHECK_EQ(fake_out_calls, 2);
	CHECK_EQ(SYS(s, SYS_write, 1, FAKE_ARENA, 100000), 65536);
	CHECK_EQ(SYS(s, SYS_write, 1, FAKE_ARENA, UINT64_MAX), 65536);
	CHECK_EQ(SYS(s, SYS_write, 0, AT1, 6), -EBADF);
	CHECK_EQ(SYS(s, SYS_read, 0, AT1, 6), 0);	/* nobody is there */
}

static int64_t
vector(uint32_t number, int64_t fd, unsigned n, const struct iovec *v)
{
	put_bytes(AT0, v, n * sizeof *v);
	return (SYS(s, number, fd, AT0, n, 0));
}

#define IOV(at, n) {.iov_base = (void *)(uintptr_t)(at), .iov_len = (n)}

TEST(vectors_are_read_and_written_in_order)
{
	const struct iovec in[] = {
		IOV(AT1, 2), IOV(BAD, 0), IOV(AT2, 3), IOV(AT1 + 100, 50),
	};
	const struct iovec out[] = {IOV(AT1, 2), IOV(BAD, 0), IOV(AT2, 3)};
	int64_t fd;

	begin();
	fd = open_(s, "/ro", O_RDONLY);
	CHECK_EQ(vector(SYS_readv, fd, 4, in), 10);
	CHECK_EQ(memcmp(at1(), "01", 3), 0);
	CHECK_EQ(memcmp(at1() + 100, "56789", 6), 0);
	CHECK_EQ(vector(SYS_readv, fd, 4, in), 0);
	CHECK_EQ(vector(SYS_preadv, fd, 1, in), 2);
	CHECK_EQ(vector(SYS_writev, 1, 3, out), 5);
	CHECK_STR(fake_out, "01234");
	CHECK_EQ(fake_out_calls, 1);	/* one line, not two */
	fd = open_(s, "/rw", O_RDWR);
	CHECK_EQ(vector(SYS_writev, fd, 3, out), 5);
	CHECK_EQ(vector(SYS_writev, fd, 1, out), 2);
	CHECK_EQ(SYS(s, SYS_lseek, fd, 0, SEEK_SET), 0);
	CHECK_EQ(read_(s, fd, 100), 10);
	CHECK_STR(at1(), "0123401hij");
}

TEST(bad_vectors_are_errors)
{
	const struct iovec huge[] = {IOV(AT1, (size_t)1 << 63)};
	const struct iovec late[] = {IOV(AT1, 3), IOV(BAD, 3)};
	int64_t fd;

	begin();
	fd = open_(s, "/ro", O_RDONLY);
	CHECK_EQ(SYS(s, SYS_readv, fd, AT0, 1025), -EINVAL);
	CHECK_EQ(SYS(s, SYS_readv, fd, AT0, UINT64_MAX), -EINVAL);
	CHECK_EQ(SYS(s, SYS_readv, fd, BAD, 1), -EFAULT);
	CHECK_EQ(SYS(s, SYS_writev, 1, BAD, 1), -EFAULT);
	CHECK_EQ(SYS(s, SYS_writev, 1, AT0, 1025), -EINVAL);
	CHECK_EQ(vector(SYS_readv, fd, 1, huge), -EINVAL);
	CHECK_EQ(vector(SYS_writev, 1, 1, huge), -EINVAL);
	CHECK_EQ(vector(SYS_readv, fd, 2, late), 3);
	CHECK_EQ(vector(SYS_writev, 1, 2, late), 3);
	CHECK_EQ(SYS(s, SYS_readv, fd, BAD, 0), 0);
	CHECK_EQ(SYS(s, SYS_preadv, fd, AT0, 1, -1), -EINVAL);
	CHECK_EQ(SYS(s, SYS_preadv, fd, AT0, 1, INT64_MAX), -EINVAL);
}

/* Standard descriptors 0, 1 and 2 of this process, replaced for a test. */
TEST(inherited_descriptors_are_the_hosts_and_a_broken_pipe_is_a_signal)
{
	int in[2], out[2], save[2] = {dup(0), dup(1)}, status = 0;
	int64_t r[4];
	char got[8] = "";

	begin();
	linux_destroy(&s);
	rules.inherit_stdio = true;
	CHECK_OK(linux_new(&rules, NULL, &s, &err));
	rules.inherit_stdio = false;
	CHECK(pipe(in) == 0 && pipe(out) == 0);
	CHECK_EQ(write(in[1], "question", 8), 8);
	CHECK(dup2(in[0], 0) == 0 && dup2(out[1], 1) == 1);
	put_str(AT0, "answer");
	r[0] = SYS(s, SYS_read, 0, AT1, 100);
	r[1] = SYS(s, SYS_write, 1, AT0, 6);
	r[2] = SYS(s, SYS_ioctl, 0, TCGETS, AT2);
	CHECK_EQ(read(out[0], got, 6), 6);
	CHECK_EQ(close(out[0]), 0);
	r[3] = SYS(s, SYS_write, 1, AT0, 6);
	CHECK(dup2(save[0], 0) == 0 && dup2(save[1], 1) == 1);
	for (int i = 0; i < 2; i++)
		CHECK(close(save[i]) == 0 && close(in[i]) == 0);
	CHECK_EQ(close(out[1]), 0);
	CHECK_EQ(r[0], 8);
	CHECK_EQ(memcmp(at1(), "question", 8), 0);
	CHECK_EQ(r[1], 6);
	CHECK_STR(got, "answer");
	CHECK_EQ(r[2], -ENOTTY);	/* a pipe is not a terminal */
	CHECK_EQ(r[3], -EPIPE);
	CHECK_EQ(fake_next, TKVM_STOP);
	CHECK(linux_exited(s, &status));
	CHECK_EQ(status, 128 + 13);
}

TEST_MAIN()
