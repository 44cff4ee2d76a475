/* SPDX-License-Identifier: BSD-2-Clause */
/* Files of which a program wants to know whether they have changed. */
#include <utime.h>

#include "linux_files.h"

static const char *
changed(void)
{
	const char *path = linux_changed(s);

	return (path == NULL ? "nothing" : path);
}

/* Put bytes where they are, so that size, name and inode stay. */
static void
overwrite(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		abort();
	(void)close(fd);
}

static void
watch(const char *path)
{
	CHECK_EQ(linux_watch(s, path), 0);
	CHECK_STR(changed(), "nothing");
}

TEST(what_nobody_changes_is_as_it_was)
{
	begin();
	watch("/ro");
	watch("/rw");
	watch("/d/sub");
	watch("/deep/er/new");
	freeze();
	CHECK_EQ(open_(f, "/ro", O_RDONLY), 3);
	CHECK_EQ(read_(f, 3, 10), 10);
	CHECK_STR(changed(), "nothing");
	CHECK(linux_changed(f) == NULL);
}

TEST(each_way_to_change_a_file_is_seen)
{
	begin();
	watch("/ro");
	overwrite("ro", "9876543210");
	CHECK_STR(changed(), "/ro");
	begin();
	watch("/ro");
	CHECK_EQ(truncate("ro", 5), 0);
	CHECK_STR(changed(), "/ro");
	begin();
	watch("/ro");
	make_file("other", "0123456789");
	CHECK_STR(changed(), "nothing");
	CHECK_EQ(rename("other", "ro"), 0);
	CHECK_STR(changed(), "/ro");
	begin();
	watch("/ro");
	CHECK_EQ(unlink("ro"), 0);
	CHECK_STR(changed(), "/ro");
	begin();
	watch("/ro");
	CHECK_EQ(utime("ro", NULL), 0);
	CHECK_STR(changed(), "/ro");
}

TEST(a_file_of_another_name_is_not_seen)
{
	begin();
	watch("/ro");
	overwrite("rw", "0123456789");
	make_file("new", "x");
	CHECK_STR(changed(), "nothing");
}

TEST(what_comes_and_goes_is_seen)
{
	begin();
	watch("/deep/er/new");
	make_file("new", "");
	CHECK_STR(changed(), "/deep/er/new");
	CHECK_EQ(unlink("new"), 0);
	CHECK_STR(changed(), "nothing");
	watch("/d/none");
	make_file("d/none", "x");
	CHECK_STR(changed(), "/d/none");
	CHECK_EQ(unlink("d/none"), 0);
}

TEST(a_link_that_leads_elsewhere_is_seen)
{
	begin();
	make_file("d/b", "in b");
	watch("/d/link");
	watch("/d/a");
	CHECK_EQ(symlink("b", "d/link.new"), 0);
	CHECK_EQ(rename("d/link.new", "d/link"), 0);
	CHECK_STR(changed(), "/d/link");
	/* Out of what the rules allow: there is nothing, and it stays so. */
	begin();
	CHECK_EQ(symlink("../ro", "d/out"), 0);
	watch("/d/out");
	overwrite("ro", "9876543210");
	CHECK_STR(changed(), "nothing");
	CHECK_EQ(unlink("d/out"), 0);
	CHECK_EQ(unlink("d/link"), 0);
	CHECK_EQ(symlink("a", "d/link"), 0);
}

/* A clock that only ticks shows both changes at the same time. */
TEST(a_change_behind_another_in_the_same_tick_is_seen)
{
	for (unsigned i = 0; i < 50; i++) {
		begin();
		overwrite("ro", "aaaaaaaaaa");
		watch("/ro");
		overwrite("ro", "bbbbbbbbbb");
		CHECK_STR(changed(), "/ro");
	}
}

TEST(names_are_the_rules_and_relative_to_the_working_directory)
{
	char path[PATH_MAX + 1];

	begin();
	CHECK_EQ(linux_watch(s, "/etc/passwd"), -EACCES);
	CHECK_EQ(linux_watch(s, "/d/../etc/passwd"), -EACCES);
	CHECK_EQ(linux_watch(s, ""), -ENOENT);
	memset(path, 'x', PATH_MAX);
	path[PATH_MAX] = '\0';
	CHECK_EQ(linux_watch(s, path), -ENAMETOOLONG);
	watch("../ro");
	CHECK_EQ(SYS(s, SYS_chdir, put_str(AT0, "/d")), 0);
	watch("a");
	make_file("d/a", "changed");
	CHECK_STR(changed(), "/d/a");
	make_file("d/a", "in a");
	CHECK_STR(changed(), "/d/a");
}

TEST(only_so_many_names_and_each_once)
{
	char path[32];

	begin();
	for (unsigned i = 0; i < LINUX_WATCHED_MAX; i++) {
		(void)snprintf(path, sizeof path, "/d/%u", i);
		watch(path);
		watch(path);
	}
	CHECK_EQ(linux_watch(s, "/d/more"), -ENOSPC);
	CHECK_EQ(linux_watch(s, "/d/./0"), 0);
	make_file("d/15", "x");
	CHECK_STR(changed(), "/d/15");
	CHECK_EQ(unlink("d/15"), 0);
}

TEST_MAIN()
