/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptors: slots, files behind them, and what forks share. */
#include "linux/fds.h"
#include "linux_fake.h"

static struct fds t, u;

/* A new host descriptor on /dev/null, as a regular file. */
static struct file
some_file(void)
{
	return ((struct file){
		.host = open("/dev/null", O_RDONLY | O_CLOEXEC),
		.kind = FILE_REGULAR,
	});
}

static int
add(struct fds *to)
{
	struct file f = some_file();
	int fd = fds_add(to, &f, false);

	if (fd < 0)
		(void)close(f.host);
	return (fd);
}

TEST(the_first_file_is_number_3)
{
	fds_init(&t, false);
	CHECK_EQ(add(&t), 3);
	CHECK_EQ(add(&t), 4);
	fds_close_all(&t);
}

TEST(the_lowest_free_number_is_taken)
{
	fds_init(&t, false);
	for (int i = 3; i < 6; i++)
		CHECK_EQ(add(&t), i);
	CHECK_EQ(fds_close(&t, 4), 0);
	CHECK_EQ(fds_close(&t, 1), 0);
	CHECK_EQ(add(&t), 1);
	CHECK_EQ(add(&t), 4);
	CHECK_EQ(add(&t), 6);
	fds_close_all(&t);
}

TEST(numbers_beyond_the_table_are_closed)
{
	fds_init(&t, false);
	CHECK(fds_get(&t, 3) == NULL);
	CHECK(fds_get(&t, 255) == NULL);
	CHECK(fds_get(&t, 256) == NULL);
	CHECK(fds_get(&t, (uint64_t)-1) == NULL);
	CHECK(fds_get(&t, 1ull << 63 | 1000) == NULL);
	CHECK(fds_get(&t, 1ull << 32 | 1) != NULL);	/* an int */
	CHECK_EQ(fds_close(&t, 3), -EBADF);
	CHECK_EQ(fds_close(&t, (uint64_t)-1), -EBADF);
}

TEST(there_are_256_descriptors_and_no_leak_when_full)
{
	unsigned before = host_fds();
	struct file f;

	fds_init(&t, false);
	for (int i = 3; i < FDS_MAX; i++)
		CHECK_EQ(add(&t), i);
	f = some_file();
	CHECK_EQ(fds_add(&t, &f, false), -EMFILE);
	CHECK_EQ(close(f.host), 0);
	CHECK_EQ(fds_dup(&t, 3, 0, false), -EMFILE);
	fds_close_all(&t);
	CHECK_EQ(host_fds(), before);
}

TEST(dup_shares_the_file_until_both_are_closed)
{
	unsigned before = host_fds();

	fds_init(&t, false);
	CHECK_EQ(add(&t), 3);
	CHECK_EQ(fds_dup(&t, 3, 0, true), 4);
	CHECK(fds_get(&t, 3) == fds_get(&t, 4));
	CHECK(!t.cloexec[3] && t.cloexec[4]);
	CHECK_EQ(fds_close(&t, 3), 0);
	CHECK_EQ(host_fds(), before + 1);
	CHECK(fds_get(&t, 4) != NULL);
	CHECK_EQ(fds_close(&t, 4), 0);
	CHECK_EQ(host_fds(), before);
}

TEST(dup_takes_the_lowest_number_from_a_minimum)
{
	fds_init(&t, false);
	CHECK_EQ(fds_dup(&t, 1, 10, false), 10);
	CHECK_EQ(fds_dup(&t, 1, 10, false), 11);
	CHECK_EQ(fds_dup(&t, 1, 256, false), -EINVAL);
	CHECK_EQ(fds_dup(&t, 1, (uint64_t)-1, false), -EINVAL);
	CHECK_EQ(fds_dup(&t, 9, 0, false), -EBADF);
}

TEST(dup_to_replaces_what_was_there)
{
	unsigned before = host_fds();

	fds_init(&t, false);
	CHECK_EQ(add(&t), 3);
	CHECK_EQ(add(&t), 4);
	CHECK_EQ(fds_dup_to(&t, 3, 4, false), 4);
	CHECK_EQ(host_fds(), before + 1);
	CHECK_EQ(fds_dup_to(&t, 3, 3, false), 3);
	CHECK_EQ(fds_dup_to(&t, 9, 3, false), -EBADF);
	CHECK_EQ(fds_dup_to(&t, 3, 256, false), -EBADF);
	CHECK_EQ(fds_dup_to(&t, 3, 1, false), 1);
	fds_close_all(&t);
	CHECK_EQ(host_fds(), before);
}

TEST(a_fork_closes_nothing_of_the_frozen_table)
{
	unsigned before = host_fds();

	fds_init(&t, false);
	CHECK_EQ(add(&t), 3);
	fds_fork(&u, &t);
	CHECK_EQ(fds_get(&u, 3)->host, fds_get(&t, 3)->host);
	CHECK_EQ(fds_close(&u, 3), 0);
	CHECK(fds_get(&u, 3) == NULL);
	CHECK(fds_get(&t, 3) != NULL);
	CHECK_EQ(host_fds(), before + 1);
	fds_reset(&u, &t);
	CHECK_EQ(fds_get(&u, 3)->host, fds_get(&t, 3)->host);
	fds_close_all(&u);
	CHECK_EQ(host_fds(), before + 1);
	fds_close_all(&t);
	CHECK_EQ(host_fds(), before);
}

TEST(reset_closes_what_the_fork_opened_and_restores_offsets)
{
	unsigned before;

	fds_init(&t, false);
	CHECK_EQ(add(&t), 3);
	fds_get(&t, 3)->offset = 7;
	fds_fork(&u, &t);
	before = host_fds();
	CHECK_EQ(add(&u), 4);
	CHECK_EQ(fds_close(&u, 0), 0);
	CHECK_EQ(add(&u), 0);
	fds_get(&u, 3)->offset = 99;
	fds_reset(&u, &t);
	CHECK_EQ(host_fds(), before);
	CHECK_EQ(fds_get(&u, 3)->offset, 7);
	CHECK_EQ(fds_get(&u, 0)->kind, FILE_STDIO);
	CHECK(fds_get(&u, 4) == NULL);
	CHECK(!u.changed);
	fds_close_all(&t);
}

/* Random operations on a table and a simple model of it. */
TEST(random_operations_agree_with_a_model)
{
	unsigned before = host_fds();
	int model[FDS_MAX], files = 0, a, b, r;

	srand(3);
	fds_init(&t, false);
	for (int i = 0; i < FDS_MAX; i++)
		model[i] = i < 3 ? i : -1;
	files = 3;
	for (int round = 0; round < 20000; round++) {
		a = rand() % 300;
		b = rand() % 300;
		switch (rand() % 3) {
		case 0:
			r = add(&t);
			if (r >= 0) {
				CHECK_EQ(model[r], -1);
				model[r] = files++;
			}
			break;
		case 1:
			r = fds_close(&t, (uint64_t)a);
			CHECK_EQ(r == 0, a < FDS_MAX && model[a] >= 0);
			if (r == 0)
				model[a] = -1;
			break;
		default:
			r = fds_dup_to(&t, (uint64_t)a, (uint64_t)b, false);
			CHECK_EQ(r >= 0, a < FDS_MAX && model[a] >= 0 &&
			    b < FDS_MAX);
			if (r >= 0)
				model[b] = model[a];
		}
		for (int i = 0; i < FDS_MAX; i += 17)
			CHECK_EQ(fds_get(&t, (uint64_t)i) != NULL,
			    model[i] >= 0);
	}
	for (int i = 0; i < FDS_MAX; i++)
		for (int j = 0; j < i; j++)
			if (model[i] >= 0 && model[j] >= 0)
				CHECK_EQ(fds_get(&t, (uint64_t)i) ==
				    fds_get(&t, (uint64_t)j),
				    model[i] == model[j]);
	fds_close_all(&t);
	CHECK_EQ(host_fds(), before);
}

TEST_MAIN()
