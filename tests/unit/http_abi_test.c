/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The date of a program's header, from the stubs in it; and the layout of our
 * own header, number by number.
 */
#include <elf.h>

#include "http/http.h"
#include "test.h"

/* An ELF file with one executable segment of stubs. */
struct file {
	Elf64_Ehdr e;
	Elf64_Phdr p;
	unsigned char code[512];
	unsigned n;
};

static void
begin(struct file *f)
{
	memset(f, 0, sizeof *f);
	f->e.e_phoff = sizeof f->e;
	f->e.e_phnum = 1;
	f->p.p_type = PT_LOAD;
	f->p.p_flags = PF_R | PF_X;
	f->p.p_offset = sizeof f->e + sizeof f->p;
	f->p.p_filesz = sizeof f->code;
}

/* mov $number, %eax; out %eax, $0; and a ret or the next stub. */
static void
stub(struct file *f, uint32_t number, bool ret)
{
	unsigned char *c = f->code + f->n;

	c[0] = 0xb8;
	memcpy(c + 1, &number, sizeof number);
	c[5] = 0xe7;
	c[6] = 0;
	if (ret)
		c[7] = 0xc3;
	f->n += ret ? 8 : 7;
}

struct row {
	const char *date;
	bool old_storage, adns;
	unsigned paused;
	bool sockets, ret;
	/* What follows from it. */
	bool extra, by_stack;
	unsigned size;
};

static const struct row rows[] = {
	{"before 2025", true, true, 0, false, false, false, false, 88},
	{"2025-03-10", false, true, 0, false, false, false, false, 88},
	{"2025-03-20", false, true, 1, false, false, false, false, 56},
	{"2025-03-21", false, true, 1, false, true, true, true, 56},
	{"2025-04-01", false, true, 1, false, true, true, true, 56},
	{"2025-04-05", false, false, 1, false, true, true, false, 56},
	{"2025-04-14", false, false, 2, false, true, true, false, 56},
	{"2025-04-17 and later", false, false, 2, true, true, true, false, 88},
};

TEST(each_version_of_the_header_is_recognised)
{
	struct http_program hp;
	struct file f;

	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct row *r = &rows[i];

		begin(&f);
		stub(&f, 0x10000, true);
		for (unsigned k = 0; k < r->paused; k++)
			stub(&f, 0x10002, true);
		stub(&f, 0x10010, r->ret);
		if (r->adns)
			stub(&f, 0x10200, true);
		if (r->old_storage)
			stub(&f, 0x1070b, true);
		if (r->sockets)
			stub(&f, 0x10500, true);
		memset(&hp, 0, sizeof hp);
		http_scan_abi(&f, sizeof f, &hp);
		if (hp.extra_valid != r->extra ||
		    hp.extra_by_stack != r->by_stack ||
		    hp.old_storage != r->old_storage ||
		    hp.request_size != r->size)
			TEST_FAIL("%s: extra %d, by stack %d, size %u",
			    r->date, hp.extra_valid, hp.extra_by_stack,
			    hp.request_size);
	}
}

TEST(bindings_without_the_stubs_count_as_new)
{
	struct http_program hp = {.request_size = 0};
	struct file f;

	begin(&f);
	http_scan_abi(&f, sizeof f, &hp);
	CHECK(hp.extra_valid && !hp.extra_by_stack);
	CHECK_EQ(hp.request_size, 88);
}

/* Stubs in data are no stubs. */
TEST(only_executable_segments_count)
{
	struct http_program hp;
	struct file f;

	begin(&f);
	stub(&f, 0x10010, false);
	stub(&f, 0x10200, false);
	f.p.p_flags = PF_R;
	http_scan_abi(&f, sizeof f, &hp);
	CHECK(hp.extra_valid);
	f.p.p_flags = PF_R | PF_X;
	http_scan_abi(&f, sizeof f, &hp);
	CHECK(!hp.extra_valid);
}

TEST(malformed_files_are_survived)
{
	struct http_program hp;
	unsigned seed = 5;
	struct file f;

	for (unsigned i = 0; i < 100000; i++) {
		unsigned char *b = (unsigned char *)&f;

		begin(&f);
		stub(&f, 0x10010, true);
		for (unsigned k = 0; k < 4; k++)
			b[(unsigned)rand_r(&seed) % 120] =
			    (unsigned char)rand_r(&seed);
		http_scan_abi(&f, (unsigned)rand_r(&seed) % sizeof f, &hp);
		CHECK(hp.request_size == 56 || hp.request_size == 88);
	}
}

TEST_MAIN()
