/* SPDX-License-Identifier: BSD-2-Clause */
/* Files that change whole or not at all. */
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include "linux_files.h"

/* In place of libc's: what the kernel was asked to make durable, in order. */
static char order[128];

int
fsync(int fd)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && strlen(order) < 100)
		strcat(order, S_ISDIR(st.st_mode) ? "folder " : "file ");
	return ((int)syscall(SYS_fsync, fd));
}

int
rename(const char *from, const char *to)
{
	if (strlen(order) < 100)
		strcat(order, "rename ");
	return ((int)syscall(SYS_rename, from, to));
}

/* The tree with /rw and /deep/er/new atomic, in a machine that may write. */
static void
begin_atomic(void)
{
	begin();
	paths[1].atomic = paths[3].atomic = true;
	(void)unlink("rw.new");
	(void)unlink("new.new");
}

static int64_t
write_(struct linux_state *st, int64_t fd, const char *text)
{
	put_str(AT1, text);
	return (SYS(st, SYS_write, fd, AT1, strlen(text)));
}

static const char *
on_host(const char *name)
{
	static char text[64];
	FILE *file = fopen(name, "r");

	if (file == NULL)
		return (NULL);
	text[fread(text, 1, sizeof text - 1, file)] = '\0';
	(void)fclose(file);
	return (text);
}

TEST(what_is_written_shows_when_the_file_is_closed)
{
	int64_t fd, reader;

	begin_atomic();
	reader = open_(s, "/rw", O_RDONLY);
	fd = open_(s, "/rw", O_WRONLY | O_CREAT | O_TRUNC);
	CHECK_EQ(write_(s, fd, "ne"), 2);
	CHECK_EQ(write_(s, fd, "w"), 1);
	CHECK_STR(on_host("rw"), "abcdefghij");
	CHECK_EQ(read_(s, reader, 4), 4);
	CHECK_STR(at1(), "abcd");
	CHECK_EQ(SYS(s, SYS_close, fd), 0);
	CHECK_STR(on_host("rw"), "new");
	CHECK(on_host("rw.new") == NULL);
	/* Who had the old one goes on with the old one. */
	CHECK_EQ(read_(s, reader, 4), 4);
	CHECK_STR(at1(), "efgh");
}

TEST(each_sync_shows_all_up_to_it)
{
	int64_t fd;

	begin_atomic();
	fd = open_(s, "/rw", O_RDWR);
	CHECK_EQ(SYS(s, SYS_fsync, fd), 0);
	CHECK_EQ(write_(s, fd, "ABC"), 3);
	CHECK_STR(on_host("rw"), "abcdefghij");
	CHECK_EQ(SYS(s, SYS_fdatasync, fd), 0);
	CHECK_STR(on_host("rw"), "ABCdefghij");
	CHECK_EQ(SYS(s, SYS_ftruncate, fd, 5), 0);
	CHECK_EQ(write_(s, fd, "D"), 1);
	CHECK_STR(on_host("rw"), "ABCdefghij");
	CHECK_EQ(SYS(s, SYS_lseek, fd, 0, SEEK_SET), 0);
	CHECK_EQ(read_(s, fd, 20), 5);
	CHECK_STR(at1(), "ABCDe");
	CHECK_EQ(SYS(s, SYS_fsync, fd), 0);
	CHECK_STR(on_host("rw"), "ABCDe");
	CHECK_EQ(SYS(s, SYS_close, fd), 0);
}

TEST(a_new_file_is_there_when_it_is_complete)
{
	struct stat st;
	int64_t fd;

	begin_atomic();
	fd = open_(s, "/deep/er/new", O_WRONLY | O_CREAT | O_EXCL);
	CHECK(fd >= 0);
	CHECK_EQ(write_(s, fd, "x"), 1);
	CHECK(on_host("new") == NULL);
	CHECK_EQ(SYS(s, SYS_close, fd), 0);
	CHECK_STR(on_host("new"), "x");
	CHECK_EQ(stat("new", &st), 0);
	CHECK_EQ(st.st_mode & 0777, 0644);
	CHECK_EQ(open_(s, "/deep/er/new", O_WRONLY | O_CREAT | O_EXCL),
	    -EEXIST);
	CHECK_EQ(chmod("new", 0600), 0);
	fd = open_(s, "/deep/er/new", O_WRONLY | O_TRUNC);
	CHECK_EQ(SYS(s, SYS_close, fd), 0);
	CHECK_STR(on_host("new"), "");
	CHECK_EQ(stat("new", &st), 0);
	CHECK_EQ(st.st_mode & 0777, 0600);
	(void)unlink("new");
	CHECK_EQ(open_(s, "/deep/er/new", O_WRONLY), -ENOENT);
}

TEST(what_failed_leaves_the_old_file)
{
	int64_t fd;

	begin_atomic();
	fd = open_(s, "/rw", O_WRONLY | O_TRUNC);
	CHECK_EQ(write_(s, fd, "half"), 4);
	CHECK_EQ(linux_settle(s, false, &err), TKVM_EFILE);
	CHECK_STR(on_host("rw"), "abcdefghij");
	CHECK(on_host("rw.new") == NULL);
	/* Half of one and half of another is neither. */
	CHECK_EQ(write_(s, fd, "more"), -EIO);
	CHECK_EQ(linux_settle(s, true, &err), 0);
	CHECK_EQ(SYS(s, SYS_fsync, fd), -EIO);
	CHECK_EQ(SYS(s, SYS_close, fd), -EIO);
	CHECK_EQ(SYS(s, SYS_close, fd), -EBADF);
	CHECK_STR(on_host("rw"), "abcdefghij");
	fd = open_(s, "/rw", O_WRONLY | O_TRUNC);
	CHECK_EQ(write_(s, fd, "half"), 4);
	linux_destroy(&s);
	CHECK_STR(on_host("rw"), "abcdefghij");
	CHECK(on_host("rw.new") == NULL);
}

TEST(a_file_that_stays_open_is_settled_after_each_call)
{
	int64_t fd;

	begin_atomic();
	fd = open_(s, "/rw", O_RDWR | O_TRUNC);
	CHECK_EQ(write_(s, fd, "1"), 1);
	CHECK_EQ(linux_settle(s, true, &err), 0);
	CHECK_STR(on_host("rw"), "1");
	freeze();
	rules.storage = true;
	for (unsigned i = 2; i < 5; i++) {
		CHECK_EQ(write_(f, fd, i == 2 ? "2" : i == 3 ? "3" : "4"), 1);
		CHECK_EQ(strlen(on_host("rw")), i - 1);
		CHECK_EQ(linux_settle(f, true, &err), 0);
		CHECK_EQ(strlen(on_host("rw")), i);
	}
	CHECK_STR(on_host("rw"), "1234");
	CHECK_EQ(SYS(f, SYS_close, fd), 0);
	rules.storage = false;
}

TEST(copies_of_killed_writers_are_taken_over)
{
	int64_t fd, other;

	begin_atomic();
	make_file("rw.new", "left behind, and longer");
	fd = open_(s, "/rw", O_WRONLY | O_TRUNC);
	other = open_(s, "/rw", O_WRONLY | O_TRUNC);
	CHECK_EQ(write_(s, fd, "one"), 3);
	CHECK_EQ(write_(s, other, "two"), 3);
	CHECK(on_host("rw.new") != NULL && on_host("rw.new1") != NULL);
	CHECK_EQ(SYS(s, SYS_close, fd), 0);
	CHECK_STR(on_host("rw"), "one");
	CHECK_EQ(SYS(s, SYS_close, other), 0);
	CHECK_STR(on_host("rw"), "two");
	CHECK(on_host("rw.new") == NULL && on_host("rw.new1") == NULL);
}

/* A disk with room for so many bytes of each file. */
static int
room(rlim_t bytes)
{
	struct rlimit limit;

	(void)signal(SIGXFSZ, SIG_IGN);
	if (getrlimit(RLIMIT_FSIZE, &limit) != 0)
		return (-1);
	limit.rlim_cur = bytes;
	return (setrlimit(RLIMIT_FSIZE, &limit));
}

TEST(what_finds_no_room_leaves_the_old_file)
{
	int64_t fd;

	begin_atomic();
	CHECK_EQ(room(3), 0);
	fd = open_(s, "/rw", O_WRONLY | O_TRUNC);
	CHECK_EQ(write_(s, fd, "0123456789"), 3);
	CHECK_EQ(write_(s, fd, "3456789"), -EIO);
	CHECK_EQ(SYS(s, SYS_close, fd), -EIO);
	CHECK_STR(on_host("rw"), "abcdefghij");
	/* Also when it does not look, and at the end of a function. */
	fd = open_(s, "/rw", O_WRONLY | O_TRUNC);
	CHECK_EQ(write_(s, fd, "012"), 3);
	CHECK_EQ(write_(s, fd, "3"), -EFBIG);
	CHECK_EQ(linux_settle(s, true, &err), 0);
	CHECK_STR(on_host("rw"), "abcdefghij");
	CHECK_EQ(SYS(s, SYS_close, fd), -EIO);
	CHECK_EQ(room(RLIM_INFINITY), 0);
	fd = open_(s, "/rw", O_WRONLY | O_TRUNC);
	CHECK_EQ(write_(s, fd, "0123"), 4);
	CHECK_EQ(SYS(s, SYS_close, fd), 0);
	CHECK_STR(on_host("rw"), "0123");
}

TEST(a_file_takes_its_place_when_it_is_on_disk)
{
	int64_t fd;

	begin_atomic();
	fd = open_(s, "/rw", O_WRONLY | O_TRUNC);
	CHECK_EQ(write_(s, fd, "new"), 3);
	order[0] = '\0';
	CHECK_EQ(SYS(s, SYS_close, fd), 0);
	CHECK_STR(order, "file rename folder ");
}

TEST(a_link_goes_on_leading_to_the_file)
{
	struct stat st;
	int64_t fd;

	begin_atomic();
	CHECK_EQ(symlink("d/real", "new"), 0);
	make_file("d/real", "old");
	fd = open_(s, "/deep/er/new", O_WRONLY | O_TRUNC);
	CHECK_EQ(write_(s, fd, "new"), 3);
	CHECK_EQ(SYS(s, SYS_close, fd), 0);
	CHECK_EQ(lstat("new", &st), 0);
	CHECK(S_ISLNK(st.st_mode));
	CHECK_STR(on_host("d/real"), "new");
	CHECK_EQ(unlink("d/real"), 0);
}

/* Change one byte as a failing disk does: nothing else shows it. */
static int
flip(const char *name)
{
	int fd = open(name, O_RDWR), r = -1;
	struct timespec times[2];
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0) {
		times[0] = st.st_atim;
		times[1] = st.st_mtim;
		r = pwrite(fd, "?", 1, 0) == 1 ? futimens(fd, times) : -1;
	}
	(void)close(fd);
	return (r);
}

TEST(damage_is_seen_and_editing_is_not_damage)
{
	int64_t fd;

	begin_atomic();
	CHECK_EQ(linux_file_intact("rw", &err), 0);
	CHECK_EQ(linux_file_intact("nowhere", &err), 0);
	fd = open_(s, "/rw", O_WRONLY | O_TRUNC);
	CHECK_EQ(write_(s, fd, "12345"), 5);
	CHECK_EQ(SYS(s, SYS_close, fd), 0);
	if (getxattr("rw", "user.tinykvm.sum", NULL, 0) < 0)
		SKIP("this file system keeps no extended attributes");
	CHECK_EQ(linux_file_intact("rw", &err), 0);
	CHECK_EQ(flip("rw"), 0);
	CHECK_EQ(linux_file_intact("rw", &err), TKVM_EFILE);
	CHECK_HAS(err.text, "is damaged");
	make_file("rw", "54321");
	CHECK_EQ(linux_file_intact("rw", &err), 0);
	CHECK_EQ(setxattr("rw", "user.tinykvm.sum", "2 of a later version", 20,
	    0), 0);
	CHECK_EQ(linux_file_intact("rw", &err), 0);
}

TEST_MAIN()
