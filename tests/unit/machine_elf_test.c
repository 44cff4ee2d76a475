/* SPDX-License-Identifier: BSD-2-Clause */
/* No file, however malformed, is loaded wrongly or reads beyond itself. */
#include <elf.h>

#include "machine/machine_priv.h"
#include "test.h"

struct file {
	Elf64_Ehdr e;
	Elf64_Phdr p[3];
	char data[512];
};

static void
good(struct file *f)
{
	memset(f, 0, sizeof *f);
	memcpy(f->e.e_ident, ELFMAG, SELFMAG);
	f->e.e_ident[EI_CLASS] = ELFCLASS64;
	f->e.e_ident[EI_DATA] = ELFDATA2LSB;
	f->e.e_type = ET_EXEC;
	f->e.e_machine = EM_X86_64;
	f->e.e_entry = 0x400010;
	f->e.e_phoff = sizeof f->e;
	f->e.e_phentsize = sizeof f->p[0];
	f->e.e_phnum = 2;
	f->p[0] = (Elf64_Phdr){PT_LOAD, PF_R | PF_X, 0, 0x400000, 0x400000,
	    512, 512, 4096};
	f->p[1] = (Elf64_Phdr){PT_LOAD, PF_R | PF_W, 256, 0x402000, 0x402000,
	    100, 10000, 4096};
}

static int
parse(const struct file *f, size_t size, struct elf *elf, struct tkvm_err *err)
{
	return (elf_parse(f, size, elf, err));
}

TEST(a_good_file_is_accepted)
{
	struct tkvm_err err = {0};
	struct file f;
	struct elf elf;

	good(&f);
	CHECK_OK(parse(&f, sizeof f, &elf, &err));
	CHECK_EQ(elf.n, 2);
	CHECK_EQ(elf.entry, 0x400010);
	CHECK_EQ(elf.base, 0);
	CHECK_EQ(elf.start, 0x400000);
	CHECK_EQ(elf.end, 0x405000);
	CHECK_EQ(elf.phdr, 0x400040);
}

TEST(code_on_the_stack_is_for_who_asks)
{
	struct tkvm_err err = {0};
	struct file f;
	struct elf elf;

	good(&f);
	f.e.e_phnum = 3;
	f.p[2] = (Elf64_Phdr){.p_type = PT_GNU_STACK,
	    .p_flags = PF_R | PF_W | PF_X};
	CHECK_OK(parse(&f, sizeof f, &elf, &err));
	CHECK(elf.stack_x);
	f.p[2].p_flags = PF_R | PF_W;
	CHECK_OK(parse(&f, sizeof f, &elf, &err));
	CHECK(!elf.stack_x);
	f.e.e_phnum = 2;
	CHECK_OK(parse(&f, sizeof f, &elf, &err));
	CHECK(!elf.stack_x);
}

TEST(position_independent_programs_go_to_2_mib)
{
	struct tkvm_err err = {0};
	struct file f;
	struct elf elf;

	good(&f);
	f.e.e_type = ET_DYN;
	CHECK_OK(parse(&f, sizeof f, &elf, &err));
	CHECK_EQ(elf.entry, 0x600010);
}

TEST(a_link_address_above_1_gib_moves_the_base)
{
	struct tkvm_err err = {0};
	struct file f;
	struct elf elf;

	good(&f);
	f.e.e_entry += 0x40000000;
	f.p[0].p_vaddr += 0x40000000;
	f.p[1].p_vaddr += 0x40000000;
	CHECK_OK(parse(&f, sizeof f, &elf, &err));
	CHECK_EQ(elf.base, 0x40000000);
}

#define BAD(name, change, says) \
	TEST(refused_##name) \
	{ \
		struct tkvm_err err = {0}; \
		struct file f; \
		struct elf elf; \
		good(&f); \
		change; \
		CHECK_EQ(parse(&f, sizeof f, &elf, &err), TKVM_EFILE); \
		CHECK_HAS(err.text, says); \
	}

BAD(wrong_magic, f.e.e_ident[0] = 'X', "not an ELF")
BAD(32_bit, f.e.e_ident[EI_CLASS] = ELFCLASS32, "64-bit")
BAD(other_machine, f.e.e_machine = EM_ARM, "64-bit x86")
BAD(object_file, f.e.e_type = ET_REL, "not an executable")
BAD(no_headers, f.e.e_phnum = 0, "malformed")
BAD(many_headers, f.e.e_phnum = 64, "malformed")
BAD(headers_outside, f.e.e_phoff = UINT64_MAX - 7, "cut off")
BAD(headers_odd, f.e.e_phoff = 65, "malformed")
BAD(dynamic, f.p[1].p_type = PT_INTERP, "-static")
BAD(nothing_to_load, f.p[0].p_type = f.p[1].p_type = PT_NULL, "nothing")
BAD(file_too_short, f.p[0].p_filesz = f.p[0].p_memsz = 1 << 20, "cut off")
BAD(offset_wraps, f.p[0].p_offset = UINT64_MAX - 10, "cut off")
BAD(more_file_than_memory, f.p[0].p_memsz = 1, "cut off")
BAD(address_wraps, f.p[0].p_vaddr = UINT64_MAX - 10, "address")
BAD(size_wraps, f.p[1].p_memsz = UINT64_MAX, "address")
BAD(low_address, f.p[1].p_vaddr = 0x1000, "start at")
BAD(writable_code, f.p[0].p_flags |= PF_W, "writable and executable")
BAD(overlap, f.p[1].p_vaddr = 0x400100, "overlap")
BAD(entry_outside, f.e.e_entry = 0x500000, "entry point")
BAD(entry_in_data, f.e.e_entry = 0x402010, "entry point")
BAD(entry_too_high, f.e.e_entry = (uint64_t)64 << 30, "64 GiB")

TEST(truncated_anywhere_is_refused)
{
	struct tkvm_err err = {0};
	struct file f;
	struct elf elf;
	char *copy;

	good(&f);
	for (size_t n = 0; n < 512; n++) {
		/* On the heap, so that reading beyond it is seen by ASan. */
		copy = malloc(n + 1);
		memcpy(copy, &f, n);
		CHECK_EQ(elf_parse(copy, n, &elf, &err), TKVM_EFILE);
		free(copy);
	}
}

/* Accepted or refused; what is accepted lies inside the file. */
TEST(random_changes_never_leave_the_file)
{
	struct tkvm_err err = {0};
	unsigned seed = 7, accepted = 0;
	struct file f;
	struct elf elf;

	for (unsigned i = 0; i < 300000; i++) {
		unsigned char *b = (unsigned char *)&f;

		good(&f);
		for (unsigned k = rand_r(&seed) % 4 + 1; k > 0; k--)
			b[(unsigned)rand_r(&seed) % 176] =
			    (unsigned char)rand_r(&seed);
		if (parse(&f, sizeof f, &elf, &err) != 0)
			continue;
		accepted++;
		for (unsigned s = 0; s < elf.n; s++) {
			CHECK(elf.seg[s].file_offset + elf.seg[s].file_len <=
			    sizeof f);
			CHECK(elf.seg[s].start >= elf.base + OFF_PROGRAM);
			CHECK(!(elf.seg[s].w && elf.seg[s].x));
		}
	}
	CHECK(accepted > 100);
}

TEST_MAIN()
