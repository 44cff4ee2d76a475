/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * abi.c: which kvm_api.h was a program built with?
 *
 * The published header put every call's stub into every program, so the stubs
 * present (mov $NUMBER, %eax; out %eax, $0) date it, even when stripped. Two
 * things depend on the date: whether r9 of backend_response means anything
 * (since April 2025), and how large the program's request structure is.
 */
#include <elf.h>
#include <string.h>

#include "http/http_priv.h"

struct found {
	unsigned adns, old_storage, sockets, responses, returning, paused;
	bool with_extra, without_extra;	/* by the names of functions */
};

/* Of a file: more than that are not looked at. A program has few. */
#define SEGMENTS_MAX 64
#define SECTIONS_MAX 256

static void
scan(const uint8_t *p, size_t n, struct found *f)
{
	uint32_t number;

	/* b8 imm32 e7 00, and the byte behind it. */
	for (size_t i = 0; i + 7 <= n; i++) {
		if (p[i] != 0xb8 || p[i + 5] != 0xe7 || p[i + 6] != 0)
			continue;
		memcpy(&number, p + i + 1, sizeof number);
		switch (number) {
		case 0x10002:
			f->paused++;
			break;
		case 0x10010:
			f->responses++;
			f->returning += i + 7 < n && p[i + 7] == 0xc3;
			break;
		case 0x10200:
			f->adns++;
			break;
		case 0x10500:
			f->sockets++;
			break;
		case 0x1070b:
			f->old_storage++;
			break;
		default:
			break;
		}
	}
}

/* A section that lies inside the file, or false. */
static bool
section(const uint8_t *file, size_t size, unsigned i, Elf64_Shdr *sh)
{
	Elf64_Ehdr e;
	uint64_t at;

	memcpy(&e, file, sizeof e);
	if (i >= e.e_shnum || __builtin_add_overflow(e.e_shoff,
	    i * sizeof *sh, &at) || at > size || size - at < sizeof *sh)
		return (false);
	memcpy(sh, file + at, sizeof *sh);
	return (sh->sh_type != SHT_NOBITS && sh->sh_offset <= size &&
	    sh->sh_size <= size - sh->sh_offset);
}

static void
scan_names(const uint8_t *file, const Elf64_Shdr *syms,
    const Elf64_Shdr *names, struct found *f)
{
	static const char call[] = "sys_backend_response";
	const uint8_t *name;
	Elf64_Sym sym;

	for (uint64_t at = 0; syms->sh_size - at >= sizeof sym;
	    at += sizeof sym) {
		memcpy(&sym, file + syms->sh_offset + at, sizeof sym);
		if (sym.st_name >= names->sh_size ||
		    names->sh_size - sym.st_name < sizeof call)
			continue;
		name = file + names->sh_offset + sym.st_name;
		f->with_extra |= memcmp(name, call, sizeof call) == 0;
		f->without_extra |= memcmp(name, call + 4,
		    sizeof call - 4) == 0;
	}
}

/*
 * The name of the call's function tells apart what its stub cannot: it is
 * sys_backend_response since r9 is an argument. One symbol table is looked at.
 */
static void
scan_symbols(const uint8_t *file, size_t size, struct found *f)
{
	Elf64_Shdr syms, names;

	for (unsigned i = 0; i < SECTIONS_MAX; i++) {
		if (!section(file, size, i, &syms) ||
		    syms.sh_type != SHT_SYMTAB)
			continue;
		if (section(file, size, syms.sh_link, &names))
			scan_names(file, &syms, &names, f);
		return;
	}
}

static void
scan_segments(const uint8_t *file, size_t size, struct found *f)
{
	Elf64_Ehdr e;
	Elf64_Phdr p;

	memcpy(&e, file, sizeof e);
	for (unsigned i = 0; i < e.e_phnum && i < SEGMENTS_MAX; i++) {
		uint64_t at;

		if (__builtin_add_overflow(e.e_phoff, i * sizeof p, &at) ||
		    at > size || size - at < sizeof p)
			return;
		memcpy(&p, file + at, sizeof p);
		if (p.p_type == PT_LOAD && (p.p_flags & PF_X) != 0 &&
		    p.p_offset <= size && p.p_filesz <= size - p.p_offset)
			scan(file + p.p_offset, p.p_filesz, f);
	}
}

void
http_scan_abi(const void *elf, size_t size, struct http_program *hp)
{
	struct found f = {0};

	hp->extra_valid = true;
	hp->extra_by_stack = hp->old_storage = false;
	hp->request_size = 88;
	if (size < sizeof(Elf64_Ehdr))
		return;
	scan_segments(elf, size, &f);
	/* No stub of the header's form: another binding, which is newer. */
	if (f.responses == 0 || (f.adns == 0 && f.paused == 0))
		return;
	hp->old_storage = f.old_storage != 0;
	/* Until 21 March 2025 the stub did not return: r9 is junk. */
	if (f.old_storage != 0 || (f.adns != 0 && f.returning == 0))
		hp->extra_valid = false;
	/*
	 * The ten days after cannot be told from the four with a valid r9 but
	 * by name; in a stripped program by where r9 points.
	 */
	else if (f.adns != 0) {
		scan_symbols(elf, size, &f);
		hp->extra_valid = f.with_extra || !f.without_extra;
		hp->extra_by_stack = !f.with_extra && hp->extra_valid;
	}
	/* Before sockets came back, the request ended after content_len. */
	if (f.paused != 0 && f.sockets == 0)
		hp->request_size = 56;
}
