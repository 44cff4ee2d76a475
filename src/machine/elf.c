/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * elf.c: is this file a program we can load? Pure: reads the file's bytes,
 * each header copied before it is looked at. ELF-64 Object File Format 1.5;
 * System V ABI, AMD64 supplement.
 */
#include <elf.h>
#include <string.h>

#include "machine/machine_priv.h"

#define PHNUM_MAX 63
/* Where position-independent programs are put, see the guest ABI. */
#define PIE_BASE 0x200000u

static int
check_header(const Elf64_Ehdr *e, size_t size, struct tkvm_err *err)
{
	uint64_t end;

	if (memcmp(e->e_ident, ELFMAG, SELFMAG) != 0)
		return (tkvm_fail(err, TKVM_EFILE,
		    "not an ELF file; a program is a Linux executable"));
	if (e->e_ident[EI_CLASS] != ELFCLASS64 ||
	    e->e_ident[EI_DATA] != ELFDATA2LSB || e->e_machine != EM_X86_64)
		return (tkvm_fail(err, TKVM_EFILE,
		    "not a 64-bit x86 program"));
	if (e->e_type != ET_EXEC && e->e_type != ET_DYN)
		return (tkvm_fail(err, TKVM_EFILE,
		    "not an executable (ELF type %u); link it", e->e_type));
	if (e->e_phentsize != sizeof(Elf64_Phdr) || e->e_phnum == 0 ||
	    e->e_phnum > PHNUM_MAX || e->e_phoff % 8 != 0)
		return (tkvm_fail(err, TKVM_EFILE,
		    "malformed ELF program headers"));
	if (__builtin_add_overflow(e->e_phoff,
	    (uint64_t)e->e_phnum * sizeof(Elf64_Phdr), &end) || end > size)
		return (tkvm_fail(err, TKVM_EFILE,
		    "the file is cut off inside its program headers"));
	return (0);
}

static int
add_segment(struct elf *elf, const Elf64_Phdr *p, size_t size, uint64_t bias,
    struct tkvm_err *err)
{
	struct elf_segment *s;
	uint64_t start, end, file_end;

	if (p->p_memsz == 0)
		return (0);
	if (elf->n == ELF_SEGMENTS)
		return (tkvm_fail(err, TKVM_EFILE,
		    "more than %d segments", ELF_SEGMENTS));
	if (p->p_filesz > p->p_memsz ||
	    __builtin_add_overflow(p->p_offset, p->p_filesz, &file_end) ||
	    file_end > size)
		return (tkvm_fail(err, TKVM_EFILE,
		    "the file is cut off inside segment %u", elf->n));
	if (__builtin_add_overflow(p->p_vaddr, bias, &start) ||
	    __builtin_add_overflow(start, p->p_memsz, &end) ||
	    end > GIB(128))
		return (tkvm_fail(err, TKVM_EFILE,
		    "segment %u has an impossible address", elf->n));
	if ((p->p_flags & PF_W) && (p->p_flags & PF_X))
		return (tkvm_fail(err, TKVM_EFILE, "segment %u is writable "
		    "and executable; link with -z separate-code and without -N",
		    elf->n));
	s = &elf->seg[elf->n++];
	s->start = start;
	s->len = p->p_memsz;
	s->file_offset = p->p_offset;
	s->file_len = p->p_filesz;
	s->r = p->p_flags & PF_R;
	s->w = p->p_flags & PF_W;
	s->x = p->p_flags & PF_X;
	return (0);
}

static int
add_segments(struct elf *elf, const char *file, size_t size,
    const Elf64_Ehdr *e, struct tkvm_err *err)
{
	uint64_t bias = elf->bias;
	Elf64_Phdr p;
	int r;

	for (unsigned i = 0; i < e->e_phnum; i++) {
		memcpy(&p, file + e->e_phoff + i * sizeof p, sizeof p);
		if (p.p_type == PT_INTERP)
			return (tkvm_fail(err, TKVM_EFILE,
			    "dynamically linked; link it with -static"));
		/* A nested function's address is code on the stack. */
		if (p.p_type == PT_GNU_STACK)
			elf->stack_x = p.p_flags & PF_X;
		if (p.p_type == PT_PHDR)
			elf->phdr = p.p_vaddr + bias;
		if (p.p_type != PT_LOAD)
			continue;
		r = add_segment(elf, &p, size, bias, err);
		if (r != 0)
			return (r);
		/* Most linkers write no PT_PHDR into static programs. */
		if (elf->phdr == 0 && p.p_offset <= e->e_phoff &&
		    e->e_phoff - p.p_offset < p.p_filesz)
			elf->phdr = p.p_vaddr + bias + e->e_phoff - p.p_offset;
	}
	return (0);
}

static int
check_layout(struct elf *elf, struct tkvm_err *err)
{
	bool entry_ok = false;

	if (elf->n == 0)
		return (tkvm_fail(err, TKVM_EFILE, "nothing to load"));
	elf->base = num_down(elf->entry, GIB(1));
	elf->start = UINT64_MAX;
	for (unsigned i = 0; i < elf->n; i++) {
		const struct elf_segment *s = &elf->seg[i];

		if (s->start < elf->base + OFF_PROGRAM)
			return (tkvm_fail(err, TKVM_EFILE, "segment %u lies at "
			    "0x%jx; programs start at 0x%jx or above", i,
			    (uintmax_t)s->start,
			    (uintmax_t)(elf->base + OFF_PROGRAM)));
		for (unsigned j = 0; j < i; j++)
			if (s->start < elf->seg[j].start + elf->seg[j].len &&
			    elf->seg[j].start < s->start + s->len)
				return (tkvm_fail(err, TKVM_EFILE,
				    "segments %u and %u overlap", j, i));
		if (num_down(s->start, TKVM_PAGE) < elf->start)
			elf->start = num_down(s->start, TKVM_PAGE);
		if (num_up(s->start + s->len, TKVM_PAGE) > elf->end)
			elf->end = num_up(s->start + s->len, TKVM_PAGE);
		if (s->x && elf->entry >= s->start &&
		    elf->entry < s->start + s->len)
			entry_ok = true;
	}
	if (!entry_ok)
		return (tkvm_fail(err, TKVM_EFILE, "the entry point 0x%jx is "
		    "not in an executable segment", (uintmax_t)elf->entry));
	return (0);
}

int
elf_parse(const void *file, size_t size, struct elf *elf, struct tkvm_err *err)
{
	Elf64_Ehdr e;
	int r;

	memset(elf, 0, sizeof *elf);
	if (size < sizeof e)
		return (tkvm_fail(err, TKVM_EFILE,
		    "too short for an ELF file (%zu bytes)", size));
	memcpy(&e, file, sizeof e);
	r = check_header(&e, size, err);
	if (r != 0)
		return (r);
	elf->bias = e.e_type == ET_DYN ? PIE_BASE : 0;
	if (__builtin_add_overflow(e.e_entry, elf->bias, &elf->entry) ||
	    elf->entry >= GIB(64))
		return (tkvm_fail(err, TKVM_EFILE,
		    "the entry point lies above 64 GiB"));
	elf->phnum = e.e_phnum;
	r = add_segments(elf, file, size, &e, err);
	if (r != 0)
		return (r);
	return (check_layout(elf, err));
}
