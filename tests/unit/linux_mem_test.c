/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory calls: what is given is zero, what is asked wrongly is refused. */
#include <sys/mman.h>
#include <sys/syscall.h>

#include "linux_fake.h"

#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)
#define RW (PROT_READ | PROT_WRITE)

static char dir[64], file[100], virtual_file[] = "/f", virtual_rw[] = "/w";
static struct linux_path paths[] = {
	{.virtual_path = virtual_file, .real_path = file},
	{.virtual_path = virtual_rw, .real_path = file, .writable = true},
};
static const struct linux_rules rules = {
	.paths = paths, .n_paths = 2, .output = fake_output,
};
static struct linux_state *s;
static struct tkvm_err err;

static void
begin(void)
{
	FILE *f;

	fake_start();
	if (dir[0] == '\0') {
		temp_dir(dir, sizeof dir);
		snprintf(file, sizeof file, "%s/f", dir);
		f = fopen(file, "w");
		for (int i = 0; f != NULL && i < 10000; i++)
			fputc('a' + i % 26, f);
		if (f == NULL || fclose(f) != 0)
			abort();
	}
	linux_destroy(&s);
	if (linux_new(&rules, NULL, &s, &err) != 0)
		abort();
}

static int64_t
map(uint64_t len)
{
	return (SYS(s, SYS_mmap, 0, len, RW, PRIVATE, -1, 0));
}

static char *
mem(int64_t at)
{
	return (fake.mem + (at - FAKE_IMAGE));
}

static bool
all_zero(int64_t at, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (mem(at)[i] != 0)
			return (false);
	return (true);
}

TEST(brk_grows_zeroed_and_shrinks)
{
	int64_t b = FAKE_BRK;

	begin();
	CHECK_EQ(SYS(s, SYS_brk, 0), b);
	CHECK_EQ(SYS(s, SYS_brk, b + 10000), b + 10000);
	memset(mem(b), 'x', 12288);
	CHECK_EQ(SYS(s, SYS_brk, b + 100), b + 100);
	CHECK_EQ(SYS(s, SYS_brk, b + 12000), b + 12000);
	CHECK(all_zero(b + 4096, 8192));
	CHECK_EQ(mem(b)[50], 'x');
	CHECK_EQ(SYS(s, SYS_brk, FAKE_ARENA), FAKE_ARENA);
}

TEST(brk_outside_its_limits_changes_nothing)
{
	int64_t b = FAKE_BRK;

	begin();
	CHECK_EQ(SYS(s, SYS_brk, b + 100), b + 100);
	CHECK_EQ(SYS(s, SYS_brk, b - 1), b + 100);
	CHECK_EQ(SYS(s, SYS_brk, FAKE_ARENA + 1), b + 100);
	CHECK_EQ(SYS(s, SYS_brk, UINT64_MAX), b + 100);
	CHECK_EQ(SYS(s, SYS_brk, 1ull << 63), b + 100);
}

TEST(reset_restores_brk)
{
	struct linux_state *f;

	begin();
	CHECK_EQ(SYS(s, SYS_brk, FAKE_BRK + 100), FAKE_BRK + 100);
	linux_freeze(s);
	CHECK_OK(linux_fork(s, NULL, &f, &err));
	CHECK_EQ(SYS(f, SYS_brk, FAKE_BRK + 5000), FAKE_BRK + 5000);
	linux_reset(f);
	CHECK_EQ(SYS(f, SYS_brk, 0), FAKE_BRK + 100);
	linux_destroy(&f);
}

TEST(mmap_gives_zeroed_pages_again_and_again)
{
	int64_t at;

	begin();
	for (int i = 0; i < 3; i++) {
		at = map(5000);
		CHECK(at >= FAKE_ARENA && at % 4096 == 0);
		CHECK(all_zero(at, 8192));
		memset(mem(at), 'x', 8192);
		CHECK_EQ(SYS(s, SYS_munmap, at, 5000), 0);
	}
}

TEST(mmap_refuses_nonsense)
{
	const uint64_t a = FAKE_ARENA;

	begin();
	CHECK_EQ(map(0), -EINVAL);
	CHECK_EQ(map(UINT64_MAX), -ENOMEM);
	CHECK_EQ(map(1ull << 63), -ENOMEM);
	CHECK_EQ(map(FAKE_END - FAKE_ARENA + 1), -ENOMEM);
	CHECK_EQ(SYS(s, SYS_mmap, 0, 1, RW, MAP_ANONYMOUS, -1, 0), -EINVAL);
	CHECK_EQ(SYS(s, SYS_mmap, 0, 1, RW, PRIVATE, -1, 1), -EINVAL);
	CHECK_EQ(SYS(s, SYS_mmap, 0, 1, RW | PROT_EXEC, PRIVATE, -1, 0),
	    -EACCES);
	CHECK_EQ(SYS(s, SYS_mmap, 0, 1, RW, PRIVATE | MAP_HUGETLB, -1, 0),
	    -ENOMEM);
	CHECK_EQ(SYS(s, SYS_mmap, a + 1, 1, RW, PRIVATE | MAP_FIXED, -1, 0),
	    -EINVAL);
	CHECK_EQ(SYS(s, SYS_mmap, FAKE_STACK, 1, RW, PRIVATE | MAP_FIXED, -1,
	    0), -ENOMEM);
	CHECK_EQ(SYS(s, SYS_mmap, FAKE_IMAGE, 1, RW, PRIVATE | MAP_FIXED, -1,
	    0), -ENOMEM);
	CHECK_EQ(SYS(s, SYS_mmap, FAKE_END, 1, RW, PRIVATE | MAP_FIXED, -1,
	    0), -ENOMEM);
	CHECK_EQ(SYS(s, SYS_mmap, (uint64_t)-4096, 8192, RW,
	    PRIVATE | MAP_FIXED, -1, 0), -ENOMEM);
	CHECK_EQ(SYS(s, SYS_mmap, a, UINT64_MAX - 4095, RW,
	    PRIVATE | MAP_FIXED, -1, 0), -ENOMEM);
	CHECK_EQ(SYS(s, SYS_mmap, 0, 1, RW, MAP_PRIVATE, 99, 0), -EBADF);
	CHECK_EQ(SYS(s, SYS_mmap, 0, 1, RW, MAP_PRIVATE, 1, 0), -ENODEV);
}

TEST(a_wished_address_is_not_an_order)
{
	int64_t at;

	begin();
	at = SYS(s, SYS_mmap, 0x12345, 4096, RW, PRIVATE, -1, 0);
	CHECK(at >= FAKE_ARENA && at < FAKE_END);
	at = SYS(s, SYS_mmap, UINT64_MAX, 4096, RW, PRIVATE, -1, 0);
	CHECK(at >= FAKE_ARENA && at < FAKE_END);
}

TEST(fixed_mappings_replace_memory_of_the_arena_and_the_brk_heap)
{
	int64_t at;

	begin();
	at = map(8192);
	memset(mem(at), 'x', 8192);
	CHECK_EQ(SYS(s, SYS_mmap, at + 4096, 4096, RW, PRIVATE | MAP_FIXED, -1,
	    0), at + 4096);
	CHECK_EQ(mem(at)[4095], 'x');
	CHECK(all_zero(at + 4096, 4096));
	CHECK_EQ(SYS(s, SYS_mmap, FAKE_BRK, 4096, PROT_NONE,
	    PRIVATE | MAP_FIXED, -1, 0), -ENOMEM);
	CHECK_EQ(SYS(s, SYS_brk, FAKE_BRK + 8192), FAKE_BRK + 8192);
	CHECK_EQ(SYS(s, SYS_mmap, FAKE_BRK, 4096, PROT_NONE,
	    PRIVATE | MAP_FIXED, -1, 0), FAKE_BRK);
}

TEST(files_are_mapped_as_copies)
{
	int64_t fd, at;

	begin();
	fd = SYS(s, SYS_open, put_str(AT0, "/f"), O_RDONLY);
	at = SYS(s, SYS_mmap, 0, 20000, RW, MAP_PRIVATE, fd, 4096);
	CHECK(at > 0);
	CHECK_EQ(mem(at)[0], 'a' + 4096 % 26);
	CHECK_EQ(mem(at)[10000 - 4096 - 1], 'a' + 9999 % 26);
	CHECK(all_zero(at + 10000 - 4096, 20480 - 10000 + 4096));
	at = SYS(s, SYS_mmap, 0, 4096, PROT_READ, MAP_SHARED, fd, 1 << 20);
	CHECK(at > 0 && all_zero(at, 4096));
	CHECK_EQ(SYS(s, SYS_mmap, 0, 4096, RW, MAP_SHARED, fd, 0), -EACCES);
	CHECK_EQ(SYS(s, SYS_mmap, 0, 4096, RW, MAP_PRIVATE, fd, 1ull << 63),
	    -EOVERFLOW);
	CHECK_EQ(SYS(s, SYS_lseek, fd, 0, SEEK_CUR), 0);
	fd = SYS(s, SYS_open, put_str(AT0, "/w"), O_WRONLY);
	CHECK_EQ(SYS(s, SYS_mmap, 0, 4096, PROT_READ, MAP_PRIVATE, fd, 0),
	    -EACCES);
}

TEST(munmap_accepts_what_linux_accepts)
{
	begin();
	CHECK_EQ(SYS(s, SYS_munmap, FAKE_ARENA, 0), -EINVAL);
	CHECK_EQ(SYS(s, SYS_munmap, FAKE_ARENA + 1, 4096), -EINVAL);
	CHECK_EQ(SYS(s, SYS_munmap, FAKE_ARENA, UINT64_MAX), -EINVAL);
	CHECK_EQ(SYS(s, SYS_munmap, (uint64_t)-4096, 8192), -EINVAL);
	CHECK_EQ(SYS(s, SYS_munmap, FAKE_IMAGE, 4096), 0);	/* ignored */
	CHECK_EQ(SYS(s, SYS_munmap, FAKE_IMAGE, FAKE_END), 0);
}

TEST(mremap_shrinks_grows_and_moves)
{
	int64_t at, moved;

	begin();
	at = map(16384);
	memset(mem(at), 'x', 16384);
	CHECK_EQ(SYS(s, SYS_mremap, at, 16384, 4096, 0), at);
	CHECK_EQ(SYS(s, SYS_mremap, at, 4096, 12000, 0), at);
	CHECK_EQ(mem(at)[4095], 'x');
	CHECK(all_zero(at + 4096, 8192));
	CHECK_EQ(map(4096), at + 12288);
	CHECK_EQ(SYS(s, SYS_mremap, at, 12288, 20000, 0), -ENOMEM);
	moved = SYS(s, SYS_mremap, at, 12288, 20000, MREMAP_MAYMOVE);
	CHECK(moved > at);
	CHECK_EQ(mem(moved)[4095], 'x');
	CHECK(all_zero(moved + 4096, 16384));
	CHECK_EQ(map(4096), at);	/* the old place is free */
}

TEST(mremap_refuses_nonsense)
{
	int64_t at;

	begin();
	at = map(8192);
	CHECK_EQ(SYS(s, SYS_mremap, at + 1, 4096, 8192, 1), -EINVAL);
	CHECK_EQ(SYS(s, SYS_mremap, at, 0, 8192, 1), -EINVAL);
	CHECK_EQ(SYS(s, SYS_mremap, at, 4096, 0, 1), -EINVAL);
	CHECK_EQ(SYS(s, SYS_mremap, at, 4096, UINT64_MAX, 1), -ENOMEM);
	CHECK_EQ(SYS(s, SYS_mremap, at, 4096, 1ull << 46, 1), -ENOMEM);
	CHECK_EQ(SYS(s, SYS_mremap, at, UINT64_MAX, 4096, 1), -EINVAL);
	CHECK_EQ(SYS(s, SYS_mremap, FAKE_STACK, 4096, 8192, 1), -EFAULT);
	CHECK_EQ(SYS(s, SYS_mremap, FAKE_END - 4096, 8192, 4096, 1), -EFAULT);
	CHECK_EQ(SYS(s, SYS_mremap, at, 4096, 8192, 3, at), -EINVAL);
}

TEST(nothing_but_the_image_is_executable)
{
	begin();
	CHECK_EQ(SYS(s, SYS_mprotect, FAKE_ARENA, 4096, PROT_READ), 0);
	CHECK_EQ(SYS(s, SYS_mprotect, FAKE_ARENA, 4096, PROT_EXEC), -EACCES);
	CHECK_EQ(SYS(s, SYS_mprotect, FAKE_STACK, 4096, RW | PROT_EXEC),
	    -EACCES);
	CHECK_EQ(SYS(s, SYS_mprotect, FAKE_IMAGE, 4096, PROT_EXEC), 0);
	CHECK_EQ(SYS(s, SYS_mprotect, FAKE_IMAGE + 1, 4096, RW), -EINVAL);
	CHECK_EQ(SYS(s, SYS_mprotect, FAKE_END, 4096, RW), -ENOMEM);
	CHECK_EQ(SYS(s, SYS_mprotect, FAKE_ARENA, UINT64_MAX, RW), -ENOMEM);
	CHECK_EQ(SYS(s, SYS_mprotect, 0, UINT64_MAX, PROT_EXEC), -ENOMEM);
}

TEST(an_executable_heap_may_be_executed_and_nothing_else)
{
	int64_t at;

	begin();
	fake_layout.executable_heap = true;
	at = SYS(s, SYS_mmap, 0, 4096, RW | PROT_EXEC, PRIVATE, -1, 0);
	CHECK(at > 0);
	CHECK_EQ(SYS(s, SYS_mprotect, at, 4096, PROT_READ | PROT_EXEC), 0);
	CHECK_EQ(SYS(s, SYS_mmap, at, 4096, PROT_EXEC, PRIVATE | MAP_FIXED, -1,
	    0), at);
	CHECK_EQ(SYS(s, SYS_mprotect, FAKE_STACK, 4096, RW | PROT_EXEC),
	    -EACCES);
	CHECK_EQ(SYS(s, SYS_mmap, FAKE_STACK, 4096, PROT_EXEC,
	    PRIVATE | MAP_FIXED, -1, 0), -EACCES);
	CHECK_EQ(SYS(s, SYS_mprotect, FAKE_END, 4096, PROT_EXEC), -EACCES);
	fake_layout.executable_heap = false;
}

TEST(wishes_are_granted_in_an_area_and_only_there)
{
	const int64_t area = FAKE_END - 16 * 4096, at = area + 4096;

	begin();
	fake.area = (uint64_t)area;
	CHECK_EQ(SYS(s, SYS_mmap, at, 4096, RW, PRIVATE, -1, 0), at);
	/* Taken, unaligned, too long: then elsewhere. */
	CHECK(SYS(s, SYS_mmap, at, 4096, RW, PRIVATE, -1, 0) < area);
	CHECK(SYS(s, SYS_mmap, at + 4097, 4096, RW, PRIVATE, -1, 0) < area);
	CHECK(SYS(s, SYS_mmap, at, 16 * 4096, RW, PRIVATE, -1, 0) < area);
	CHECK(SYS(s, SYS_mmap, FAKE_ARENA + 40960, 4096, RW, PRIVATE, -1, 0) !=
	    FAKE_ARENA + 40960);
	CHECK_EQ(SYS(s, SYS_munmap, at, 4096), 0);
	CHECK_EQ(SYS(s, SYS_mmap, at, 4096, RW, PRIVATE, -1, 0), at);
	/* Executed only when it may be. */
	CHECK_EQ(SYS(s, SYS_mmap, at, 4096, PROT_EXEC, PRIVATE, -1, 0),
	    -EACCES);
	CHECK_EQ(SYS(s, SYS_mprotect, at, 4096, PROT_EXEC), -EACCES);
	fake.area_x = true;
	CHECK_EQ(SYS(s, SYS_mprotect, at, 4096, PROT_EXEC), 0);
	CHECK_EQ(SYS(s, SYS_mmap, at + 4096, 4096, PROT_EXEC, PRIVATE, -1, 0),
	    at + 4096);
	/* Taken: elsewhere it could not be executed. */
	CHECK_EQ(SYS(s, SYS_mmap, at, 4096, PROT_EXEC, PRIVATE, -1, 0),
	    -ENOMEM);
	CHECK_EQ(SYS(s, SYS_mprotect, at, UINT64_MAX, PROT_EXEC), -ENOMEM);
}

TEST(madvise_dontneed_zeroes)
{
	int64_t at;

	begin();
	at = map(8192);
	memset(mem(at), 'x', 8192);
	CHECK_EQ(SYS(s, SYS_madvise, at, 4096, MADV_WILLNEED), 0);
	CHECK_EQ(mem(at)[0], 'x');
	CHECK_EQ(SYS(s, SYS_madvise, at, 4000, MADV_DONTNEED), 0);
	CHECK(all_zero(at, 4096));
	CHECK_EQ(mem(at)[4096], 'x');
	CHECK_EQ(SYS(s, SYS_madvise, at, 1ull << 44, MADV_DONTNEED), -ENOMEM);
	CHECK_EQ(SYS(s, SYS_madvise, at, UINT64_MAX, MADV_DONTNEED), -EINVAL);
	CHECK_EQ(SYS(s, SYS_madvise, at + 1, 4096, MADV_DONTNEED), -EINVAL);
	CHECK_EQ(SYS(s, SYS_madvise, FAKE_IMAGE, 4096, MADV_DONTNEED),
	    -EINVAL);
	CHECK_EQ(SYS(s, SYS_madvise, at, 4096, 12345), -EINVAL);
}

/* Random mmap and munmap: no two live mappings overlap, all are zero. */
TEST(random_mappings_never_overlap)
{
	static uint8_t owner[FAKE_PAGES];
	struct {
		int64_t at;
		uint64_t pages;
	} live[32] = {0};
	unsigned made = 0;

	begin();
	memset(owner, 0, sizeof owner);
	srand(4);
	for (int round = 0; round < 5000; round++) {
		unsigned i = (unsigned)rand() % 32;
		uint64_t first = (uint64_t)(live[i].at - FAKE_ARENA) / 4096;

		if (live[i].at != 0) {
			memset(owner + first, 0, live[i].pages);
			CHECK_EQ(SYS(s, SYS_munmap, live[i].at,
			    live[i].pages * 4096), 0);
			live[i].at = 0;
			continue;
		}
		live[i].pages = (uint64_t)rand() % 40 + 1;
		live[i].at = map(live[i].pages * 4096 -
		    (uint64_t)rand() % 4096);
		if (live[i].at < 0) {
			live[i].at = 0;
			continue;
		}
		made++;
		CHECK(all_zero(live[i].at, live[i].pages * 4096));
		memset(mem(live[i].at), 'x', live[i].pages * 4096);
		first = (uint64_t)(live[i].at - FAKE_ARENA) / 4096;
		for (uint64_t p = 0; p < live[i].pages; p++)
			CHECK_EQ(owner[first + p]++, 0);
	}
	CHECK(made > 1000);
}

TEST_MAIN()
