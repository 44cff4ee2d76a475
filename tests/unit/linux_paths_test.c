/* SPDX-License-Identifier: BSD-2-Clause */
/* Which host paths a guest can reach: only those of its rules. */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "linux/linux_priv.h"
#include "linux_fake.h"

static char out[PATH_MAX];

static const char *
norm(const char *base, const char *path)
{
	bool dir;
	int r = paths_normalise(base, path, out, &dir);

	return (r == 0 ? out : r == -ENOENT ? "ENOENT" : "ENAMETOOLONG");
}

TEST(a_path_becomes_absolute_and_normal)
{
	CHECK_STR(norm("/", "a"), "/a");
	CHECK_STR(norm("/w", "a/b"), "/w/a/b");
	CHECK_STR(norm("/w", "/a//b/./c/"), "/a/b/c");
	CHECK_STR(norm("/w/x", "../y"), "/w/y");
	CHECK_STR(norm("/", ".."), "/");
	CHECK_STR(norm("/a", "../../../b"), "/b");
	CHECK_STR(norm("/", "/a/../../etc/passwd"), "/etc/passwd");
	CHECK_STR(norm("/", "//"), "/");
	CHECK_STR(norm("/", "..."), "/...");
	CHECK_STR(norm("/", "/a/..b/.c"), "/a/..b/.c");
	CHECK_STR(norm("/", ""), "ENOENT");
}

TEST(a_path_that_must_be_a_directory_is_known)
{
	static const struct {
		const char *path;
		bool dir;
	} t[] = {
		{"/a", false}, {"/a/", true}, {"/a//", true}, {"/a/.", true},
		{"/a/..", true}, {"/", true}, {".", true}, {"a", false},
		{"a/..b", false}, {"//a", false},
	};
	bool dir;

	for (unsigned i = 0; i < sizeof t / sizeof t[0]; i++) {
		CHECK_EQ(paths_normalise("/", t[i].path, out, &dir), 0);
		CHECK_EQ(dir, t[i].dir);
	}
}

TEST(a_path_too_long_is_refused)
{
	char base[PATH_MAX], part[PATH_MAX];

	memset(part, 'x', sizeof part);
	part[sizeof part - 1] = '\0';
	CHECK_STR(norm("/", part), "ENAMETOOLONG");
	memset(base, 'b', sizeof base);
	base[0] = '/';
	base[4000] = '\0';
	part[95] = '\0';
	CHECK_STR(norm(base, part), "ENAMETOOLONG");
	part[94] = '\0';
	CHECK_EQ(strlen(norm(base, part)), 4095);
}

/* Random paths: the result has no "", "." or ".." and is a fixed point. */
TEST(random_paths_have_normal_forms)
{
	static const char *const parts[] = {
		"", ".", "..", "a", "ssl", "..a", "etc",
	};
	char path[512], again[PATH_MAX], *start;
	bool dir;

	srand(1);
	for (int round = 0; round < 20000; round++) {
		path[0] = '\0';
		for (int n = rand() % 12; n >= 0; n--) {
			strcat(path, "/");
			strcat(path, parts[rand() % 7]);
		}
		/* With and without the first slash, but never empty. */
		start = path + (path[1] != '\0' ? rand() % 2 : 0);
		CHECK_EQ(paths_normalise("/b", start, out, &dir), 0);
		CHECK(out[0] == '/');
		CHECK(strstr(out, "//") == NULL);
		strcpy(again, out);
		strcat(again, "/");
		CHECK(strstr(again, "/../") == NULL);
		CHECK(strstr(again, "/./") == NULL);
		strcpy(again, out);
		CHECK_EQ(paths_normalise("/zz", again, out, &dir), 0);
		CHECK_STR(out, again);
	}
}

/*--- rules ----------------------------------------------------------------*/

static char v_ssl[] = "/etc/ssl/", v_hosts[] = "/etc/hosts", v_state[] =
    "state", v_data[] = "/data", r_any[] = "/nowhere";

static const struct linux_path some[] = {
	{.virtual_path = v_ssl, .real_path = r_any, .prefix = true},
	{.virtual_path = v_hosts, .real_path = r_any},
	{.virtual_path = v_state, .real_path = r_any, .writable = true},
	{.virtual_path = v_data, .real_path = r_any, .prefix = true},
	{.virtual_path = v_data, .real_path = r_any, .prefix = true,
	    .writable = true},
};
static const struct linux_rules some_rules = {
	.paths = some, .n_paths = sizeof some / sizeof some[0],
	.output = fake_output,
};

/* Index of the rule that matches, or -1. */
static int
found(const char *path, bool write)
{
	const char *rest;
	const struct linux_path *r = paths_find(&some_rules, path, write,
	    &rest);

	return (r == NULL ? -1 : (int)(r - some));
}

TEST(rules_match_whole_components)
{
	CHECK_EQ(found("/etc/ssl", false), 0);
	CHECK_EQ(found("/etc/ssl/a/b", false), 0);
	CHECK_EQ(found("/etc/sslX", false), -1);
	CHECK_EQ(found("/etc/ssl.conf", false), -1);
	CHECK_EQ(found("/etc", false), -1);
	CHECK_EQ(found("/", false), -1);
	CHECK_EQ(found("/etc/hosts", false), 1);
	CHECK_EQ(found("/etc/hosts/x", false), -1);
	CHECK_EQ(found("/etc/host", false), -1);
	CHECK_EQ(found("/state", false), 2);
	CHECK_EQ(found("/etc/passwd", false), -1);
}

TEST(the_first_rule_that_allows_it_counts)
{
	CHECK_EQ(found("/data/x", false), 3);
	CHECK_EQ(found("/data/x", true), 4);
	CHECK_EQ(found("/etc/hosts", true), -1);
	CHECK_EQ(found("/etc/ssl/x", true), -1);
	CHECK_EQ(found("/state", true), 2);
}

TEST(only_directories_on_the_way_lead_on)
{
	CHECK(paths_leads_on(&some_rules, "/"));
	CHECK(paths_leads_on(&some_rules, "/etc"));
	CHECK(!paths_leads_on(&some_rules, "/etc/ssl"));
	CHECK(!paths_leads_on(&some_rules, "/et"));
	CHECK(!paths_leads_on(&some_rules, "/etc/s"));
	CHECK(!paths_leads_on(&some_rules, "/usr"));
}

/*--- on a real tree -------------------------------------------------------*/

/*
 * tree/ok/file, ok/sub/deep, ok/inside -> sub/deep, ok/out -> ../secret,
 * ok/absolute -> /etc/passwd, ok/up -> .., ok/pipe, ok/socket, secret
 */
static char tree[64];
static struct linux_path tree_paths[2];
static struct linux_rules tree_rules = {
	.paths = tree_paths, .output = fake_output,
};

static bool
made(int r)
{
	return (r == 0 || errno == EEXIST);
}

static void
make_tree(void)
{
	static char real[128], file[128], virtual_dir[] = "/ok";
	static char virtual_file[] = "/one";
	struct sockaddr_un at = {
		.sun_family = AF_UNIX, .sun_path = "ok/socket",
	};
	int fd;

	if (tree[0] == '\0') {
		temp_dir(tree, sizeof tree);
		if (chdir(tree) != 0)
			abort();
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		if (!made(mkdir("ok", 0755)) || !made(mkdir("ok/sub", 0755)) ||
		    !made(symlink("sub/deep", "ok/inside")) ||
		    !made(symlink("../secret", "ok/out")) ||
		    !made(symlink("/etc/passwd", "ok/absolute")) ||
		    !made(symlink("..", "ok/up")) ||
		    !made(mkfifo("ok/pipe", 0600)) ||
		    !made(symlink("ok/file", "link")) || fd < 0 ||
		    bind(fd, (struct sockaddr *)&at, sizeof at) != 0)
			abort();
		(void)close(fd);
		make_file("ok/file", "file");
		make_file("ok/sub/deep", "deep");
		make_file("secret", "secret");
	}
	snprintf(real, sizeof real, "%s/ok", tree);
	snprintf(file, sizeof file, "%s/link", tree);
	tree_paths[0] = (struct linux_path){
		.virtual_path = virtual_dir, .real_path = real, .prefix = true,
	};
	tree_paths[1] = (struct linux_path){
		.virtual_path = virtual_file, .real_path = file,
	};
	tree_rules.n_paths = 2;
}

/* 0 and closed again, or -errno. */
static int
try_open(const char *path, int flags)
{
	int fd = paths_open(&tree_rules, path, flags, 0, false);

	if (fd >= 0)
		(void)close(fd);
	return (fd < 0 ? fd : 0);
}

TEST(files_below_a_prefix_open)
{
	make_tree();
	CHECK_EQ(try_open("/ok/file", O_RDONLY), 0);
	CHECK_EQ(try_open("/ok/sub/deep", O_RDONLY), 0);
	CHECK_EQ(try_open("/ok", O_RDONLY | O_DIRECTORY), 0);
	CHECK_EQ(try_open("/ok/missing", O_RDONLY), -ENOENT);
	CHECK_EQ(try_open("/ok/file", O_RDONLY | O_DIRECTORY), -ENOTDIR);
	CHECK_EQ(try_open("/secret", O_RDONLY), -EACCES);
}

TEST(links_are_followed_only_while_they_stay_below)
{
	make_tree();
	CHECK_EQ(try_open("/ok/inside", O_RDONLY), 0);
	CHECK_EQ(try_open("/ok/inside", O_RDONLY | O_NOFOLLOW), -ELOOP);
	CHECK_EQ(try_open("/ok/out", O_RDONLY), -EACCES);
	CHECK_EQ(try_open("/ok/absolute", O_RDONLY), -EACCES);
	CHECK_EQ(try_open("/ok/up/secret", O_RDONLY), -EACCES);
	CHECK_EQ(try_open("/ok/up", O_PATH), -EACCES);
}

TEST(an_exact_rule_may_name_a_link)
{
	make_tree();
	CHECK_EQ(try_open("/one", O_RDONLY), 0);
}

TEST(pipes_sockets_and_devices_do_not_open)
{
	static char dev[] = "/dev", zero[] = "/dev/zero";

	make_tree();
	CHECK_EQ(try_open("/ok/pipe", O_RDONLY), -EACCES);
	CHECK_EQ(try_open("/ok/pipe", O_WRONLY), -EACCES);
	CHECK_EQ(try_open("/ok/socket", O_RDONLY), -EACCES);
	tree_paths[0] = (struct linux_path){
		.virtual_path = dev, .real_path = dev, .prefix = true,
	};
	CHECK_EQ(try_open(zero, O_RDONLY), -EACCES);
	CHECK_EQ(try_open("/dev/null", O_RDONLY), -EACCES);
}

TEST(magic_links_are_not_followed)
{
	static char proc[] = "/proc";

	make_tree();
	tree_paths[0] = (struct linux_path){
		.virtual_path = proc, .real_path = proc, .prefix = true,
	};
	CHECK_EQ(try_open("/proc/self/exe", O_RDONLY), -ELOOP);
	CHECK_EQ(try_open("/proc/self/cwd/secret", O_RDONLY), -ELOOP);
}

/*
 * Whatever a guest writes, what it gets is inside the tree: compare the inode
 * with those that are.
 */
TEST(random_paths_never_leave_the_tree)
{
	static const char *const parts[] = {
		"ok", "..", ".", "", "sub", "deep", "file", "inside", "out",
		"absolute", "up", "secret", "etc", "tmp",
	};
	const char *const inside[] = {"ok", "ok/sub", "ok/sub/deep", "ok/file"};
	char path[512];
	struct stat st, ok[4];
	unsigned opened = 0;
	bool dir, known;
	int fd;

	make_tree();
	for (int i = 0; i < 4; i++)
		CHECK_EQ(stat(inside[i], &ok[i]), 0);
	srand(2);
	for (int round = 0; round < 20000; round++) {
		strcpy(path, rand() % 3 ? "/ok" : "");
		for (int n = rand() % 6; n >= 0; n--) {
			strcat(path, "/");
			strcat(path, parts[rand() % 14]);
		}
		if (paths_normalise("/", path, out, &dir) != 0)
			continue;
		fd = paths_open(&tree_rules, out, O_RDONLY, 0, false);
		if (fd < 0)
			continue;
		opened++;
		CHECK_EQ(fstat(fd, &st), 0);
		(void)close(fd);
		known = false;
		for (int i = 0; i < 4; i++)
			known |= st.st_ino == ok[i].st_ino &&
			    st.st_dev == ok[i].st_dev;
		CHECK(known);
	}
	CHECK(opened > 100);
}

TEST_MAIN()
