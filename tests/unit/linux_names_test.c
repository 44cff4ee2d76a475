/* SPDX-License-Identifier: BSD-2-Clause */
/* What a program is told about names, links, directories and descriptors. */
#include <sys/ioctl.h>

#include "linux_files.h"

/*--- names ----------------------------------------------------------------*/

static int64_t
stat_(const char *path, int flags, struct stat *st)
{
	int64_t r = SYS(s, SYS_newfstatat, AT_FDCWD, put_str(AT0, path), AT1,
	    flags);

	get_bytes(st, AT1, sizeof *st);
	return (r);
}

TEST(stat_tells_about_allowed_names_only)
{
	struct stat st;

	begin();
	CHECK_EQ(stat_("/ro", 0, &st), 0);
	CHECK(S_ISREG(st.st_mode) && st.st_size == 10);
	CHECK_EQ(stat_("/d/link", AT_SYMLINK_NOFOLLOW, &st), 0);
	CHECK(S_ISLNK(st.st_mode));
	CHECK_EQ(stat_("/d/link", 0, &st), 0);
	CHECK(S_ISREG(st.st_mode));
	CHECK_EQ(stat_("/lnk", AT_SYMLINK_NOFOLLOW, &st), 0);
	CHECK(S_ISLNK(st.st_mode));
	CHECK_EQ(stat_("/etc/passwd", 0, &st), -ENOENT);
	CHECK_EQ(stat_("/etc", 0, &st), -ENOENT);
	CHECK_EQ(stat_("/ro/", 0, &st), -ENOTDIR);
	CHECK_EQ(stat_("/d/none", 0, &st), -ENOENT);
	CHECK_EQ(stat_("/ro", 0x10000, &st), -EINVAL);
	CHECK_EQ(stat_("", 0, &st), -ENOENT);
	CHECK_EQ(SYS(s, SYS_newfstatat, AT_FDCWD, put_str(AT0, "/ro"), BAD, 0),
	    -EFAULT);
	CHECK_EQ(SYS(s, SYS_stat, put_str(AT0, "/ro"), READ_ONLY), -EFAULT);
}

TEST(directories_on_the_way_look_like_directories)
{
	struct stat st, other;

	begin();
	CHECK_EQ(stat_("/", 0, &st), 0);
	CHECK(S_ISDIR(st.st_mode));
	CHECK_EQ(stat_("/deep/er", 0, &st), 0);
	CHECK(S_ISDIR(st.st_mode));
	CHECK_EQ(stat_("/deep", 0, &other), 0);
	CHECK(st.st_ino != other.st_ino);
	CHECK_EQ(open_(s, "/deep", O_RDONLY), -EACCES);
}

TEST(a_descriptor_is_asked_by_an_empty_path)
{
	struct statx x;
	struct stat st;
	int64_t fd;

	begin();
	fd = open_(s, "/ro", O_RDONLY);
	put_str(AT0, "");
	CHECK_EQ(SYS(s, SYS_newfstatat, fd, AT0, AT1, AT_EMPTY_PATH), 0);
	get_bytes(&st, AT1, sizeof st);
	CHECK_EQ(st.st_size, 10);
	CHECK_EQ(SYS(s, SYS_statx, fd, AT0, AT_EMPTY_PATH, 0x7ff, AT1), 0);
	get_bytes(&x, AT1, sizeof x);
	CHECK_EQ(x.stx_size, 10);
	CHECK_EQ(x.stx_ino, st.st_ino);
	CHECK_EQ(SYS(s, SYS_statx, fd, AT0, 0x80000000u, 0, AT1), -EINVAL);
	CHECK_EQ(SYS(s, SYS_statx, fd, 0, 0, 0, 0), -EFAULT);
	CHECK_EQ(SYS(s, SYS_newfstatat, 55, AT0, AT1, AT_EMPTY_PATH), -EBADF);
	CHECK_EQ(SYS(s, SYS_fstat, 1, AT1), 0);
	get_bytes(&st, AT1, sizeof st);
	CHECK(S_ISCHR(st.st_mode));
	CHECK_EQ(SYS(s, SYS_fstat, 77, AT1), -EBADF);
	CHECK_EQ(SYS(s, SYS_fstat, fd, BAD), -EFAULT);
}

static int64_t
access_(struct linux_state *st, const char *path, int mode)
{
	return (SYS(st, SYS_faccessat2, AT_FDCWD, put_str(AT0, path), mode, 0));
}

TEST(access_answers_by_the_rules)
{
	begin();
	CHECK_EQ(access_(s, "/ro", F_OK), 0);
	CHECK_EQ(access_(s, "/ro", R_OK), 0);
	CHECK_EQ(access_(s, "/ro", W_OK), -EACCES);
	CHECK_EQ(access_(s, "/ro", X_OK), -EACCES);
	CHECK_EQ(access_(s, "/rw", R_OK | W_OK), 0);
	CHECK_EQ(access_(s, "/deep", R_OK | X_OK), 0);
	CHECK_EQ(access_(s, "/deep", W_OK), -EACCES);
	CHECK_EQ(access_(s, "/etc/passwd", F_OK), -ENOENT);
	CHECK_EQ(access_(s, "/d/none", F_OK), -ENOENT);
	CHECK_EQ(access_(s, "/ro", 8), -EINVAL);
	CHECK_EQ(SYS(s, SYS_access, BAD, R_OK), -EFAULT);
	CHECK_EQ(SYS(s, SYS_faccessat, AT_FDCWD, put_str(AT0, "/ro"), R_OK), 0);
	freeze();
	CHECK_EQ(access_(f, "/rw", R_OK), 0);
	CHECK_EQ(access_(f, "/rw", W_OK), -EACCES);
}

static int64_t
link_(const char *path, size_t size)
{
	int64_t r = SYS(s, SYS_readlink, put_str(AT0, path), AT1, size);

	if (r >= 0)
		fake.mem[AT1 - FAKE_IMAGE + (uint64_t)r] = '\0';
	return (r);
}

TEST(links_are_read)
{
	char real[128];

	begin();
	CHECK_EQ(link_("/proc/self/exe", 100), 12);
	CHECK_STR(at1(), "/opt/program");
	CHECK_EQ(link_("/proc/self/exe", 4), 4);
	CHECK_STR(at1(), "/opt");
	CHECK_EQ(link_("/d/link", 100), 1);
	CHECK_STR(at1(), "a");
	snprintf(real, sizeof real, "%s/ro", dir);
	CHECK_EQ(link_("/lnk", 100), (int64_t)strlen(real));
	CHECK_STR(at1(), real);
	CHECK_EQ(link_("/ro", 100), -EINVAL);
	CHECK_EQ(link_("/deep", 100), -EINVAL);
	CHECK_EQ(link_("/d/none", 100), -ENOENT);
	CHECK_EQ(link_("/etc/mtab", 100), -ENOENT);
	CHECK_EQ(link_("/ro", 0), -EINVAL);
	CHECK_EQ(link_("/d/link", (size_t)-1), -EINVAL);
	CHECK_EQ(SYS(s, SYS_readlink, AT0, BAD, 10), -EFAULT);
	/* In requests, too. */
	freeze();
	CHECK_EQ(SYS(f, SYS_readlink, put_str(AT0, "/lnk"), AT1, 100),
	    (int64_t)strlen(real));
	CHECK_EQ(memcmp(at1(), real, strlen(real)), 0);
}

/* Names in a listing, in a fixed order: "." and ".." and others sorted out. */
static unsigned
list(struct linux_state *st, int64_t fd, size_t size)
{
	struct {
		uint64_t ino, off;
		uint16_t len;
		uint8_t type;
	} __attribute__((packed)) e;
	unsigned n = 0;
	int64_t r;

	while ((r = SYS(st, SYS_getdents64, fd, AT1, size)) > 0)
		for (int64_t at = 0; at < r; at += e.len, n++)
			get_bytes(&e, AT1 + (uint64_t)at, sizeof e);
	return (r == 0 ? n : 1000);
}

TEST(directories_are_listed_by_each_fork_from_its_own_place)
{
	unsigned before;
	int64_t d, r;
	off_t shared;

	begin();
	d = open_(s, "/d", O_RDONLY);
	CHECK_EQ(list(s, d, 32), 5);		/* . .. a sub link */
	CHECK_EQ(SYS(s, SYS_lseek, d, 0, SEEK_SET), 0);
	r = SYS(s, SYS_getdents64, d, AT1, 24);	/* one entry */
	CHECK_EQ(r, 24);
	freeze();
	before = host_fds();
	shared = lseek(fds_get(&s->fds, (uint64_t)d)->host, 0, SEEK_CUR);
	CHECK_EQ(list(f, d, 4096), 4);
	CHECK_EQ(lseek(fds_get(&s->fds, (uint64_t)d)->host, 0, SEEK_CUR),
	    shared);
	linux_reset(f);
	CHECK_EQ(host_fds(), before);
	CHECK_EQ(list(f, d, 4096), 4);
	CHECK_EQ(SYS(f, SYS_close, d), 0);
	CHECK_EQ(host_fds(), before);
	linux_reset(f);
	CHECK_EQ(SYS(f, SYS_fchdir, d), 0);
	CHECK_EQ(SYS(f, SYS_getdents64, d, AT1, 1), -EINVAL);
	CHECK_EQ(SYS(f, SYS_getdents64, d, BAD, 4096), -EFAULT);
	CHECK_EQ(SYS(f, SYS_getdents64, 1, AT1, 4096), -ENOTDIR);
	CHECK_EQ(SYS(f, SYS_getdents64, 88, AT1, 4096), -EBADF);
}

/*--- descriptors ----------------------------------------------------------*/

TEST(fcntl_knows_the_usual_commands)
{
	int64_t fd;

	begin();
	fd = open_(s, "/ro", O_RDONLY | O_CLOEXEC);
	CHECK_EQ(SYS(s, SYS_fcntl, fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(SYS(s, SYS_fcntl, fd, F_SETFD, 0), 0);
	CHECK_EQ(SYS(s, SYS_fcntl, fd, F_GETFD), 0);
	CHECK_EQ(SYS(s, SYS_fcntl, fd, F_DUPFD, 9), 9);
	CHECK_EQ(SYS(s, SYS_fcntl, fd, F_DUPFD_CLOEXEC, 0), 4);
	CHECK_EQ(SYS(s, SYS_fcntl, 4, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(SYS(s, SYS_fcntl, fd, F_SETFL, O_NONBLOCK), 0);
	CHECK_EQ(SYS(s, SYS_fcntl, fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	CHECK_EQ(SYS(s, SYS_fcntl, fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	CHECK_EQ(SYS(s, SYS_fcntl, fd, F_GETLK, AT1), 0);
	CHECK_EQ(SYS(s, SYS_fcntl, fd, F_GETLK, BAD), -EFAULT);
	CHECK_EQ(SYS(s, SYS_fcntl, fd, 9999), -EINVAL);
	CHECK_EQ(SYS(s, SYS_fcntl, 99, F_GETFD), -EBADF);
	CHECK_EQ(SYS(s, SYS_dup3, 3, 3, 0), -EINVAL);
	CHECK_EQ(SYS(s, SYS_dup3, 3, 20, O_CLOEXEC), 20);
	CHECK_EQ(SYS(s, SYS_dup3, 3, 20, 1), -EINVAL);
	CHECK_EQ(SYS(s, SYS_dup2, 3, 3), 3);
	CHECK_EQ(SYS(s, SYS_dup2, 88, 3), -EBADF);
	CHECK_EQ(SYS(s, SYS_flock, 3, 2), 0);
	CHECK_EQ(SYS(s, SYS_flock, 3, 99), -EINVAL);
	CHECK_EQ(SYS(s, SYS_fadvise64, 99), -EBADF);
}

TEST(standard_descriptors_look_like_a_terminal)
{
	struct winsize w;
	int64_t fd;
	int n = 99;

	begin();
	fd = open_(s, "/ro", O_RDONLY);
	CHECK_EQ(SYS(s, SYS_ioctl, 1, TCGETS, AT1), 0);
	CHECK_EQ(SYS(s, SYS_ioctl, 1, TCGETS, BAD), -EFAULT);
	CHECK_EQ(SYS(s, SYS_ioctl, fd, TCGETS, AT1), -ENOTTY);
	CHECK_EQ(SYS(s, SYS_ioctl, 1, TIOCGWINSZ, AT1), 0);
	get_bytes(&w, AT1, sizeof w);
	CHECK_EQ(w.ws_col, 80);
	CHECK_EQ(read_(s, fd, 4), 4);
	CHECK_EQ(SYS(s, SYS_ioctl, fd, FIONREAD, AT1), 0);
	get_bytes(&n, AT1, sizeof n);
	CHECK_EQ(n, 6);
	CHECK_EQ(SYS(s, SYS_ioctl, fd, FIOCLEX), 0);
	CHECK_EQ(SYS(s, SYS_fcntl, fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(SYS(s, SYS_ioctl, fd, 0x1234), -ENOTTY);
	CHECK_EQ(SYS(s, SYS_ioctl, 77, TCGETS, AT1), -EBADF);
}

TEST_MAIN()
