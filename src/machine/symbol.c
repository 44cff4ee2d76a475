/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * symbol.c: names for addresses, for messages only. A malformed symbol table
 * gives fewer names, never an error.
 */
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine/machine_priv.h"

#define SYMBOLS_MAX 200000

struct symbol {
	uint64_t addr, size;
	uint32_t name;
};
struct symbols {
	struct symbol *sym;
	size_t n;
	char *strings;
	size_t strings_len;
};

static int
by_address(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	return (x->addr < y->addr ? -1 : x->addr > y->addr);
}

static bool
section(const char *file, size_t size, const Elf64_Ehdr *e, unsigned i,
    Elf64_Shdr *sh)
{
	uint64_t at;

	if (i >= e->e_shnum || e->e_shentsize != sizeof *sh)
		return (false);
	if (__builtin_add_overflow(e->e_shoff, i * sizeof *sh, &at) ||
	    !num_inside(at, sizeof *sh, 0, size))
		return (false);
	memcpy(sh, file + at, sizeof *sh);
	return (sh->sh_type == SHT_NOBITS ||
	    num_inside(sh->sh_offset, sh->sh_size, 0, size));
}

static void
read_table(struct symbols *s, const char *file, const Elf64_Shdr *sh,
    uint64_t bias)
{
	size_t n = sh->sh_size / sizeof(Elf64_Sym);
	Elf64_Sym sym;

	if (n > SYMBOLS_MAX)
		n = SYMBOLS_MAX;
	s->sym = calloc(n, sizeof *s->sym);
	if (s->sym == NULL)
		return;
	for (size_t i = 0; i < n; i++) {
		memcpy(&sym, file + sh->sh_offset + i * sizeof sym, sizeof sym);
		if (ELF64_ST_TYPE(sym.st_info) != STT_FUNC ||
		    sym.st_value == 0 || sym.st_name >= s->strings_len)
			continue;
		s->sym[s->n++] = (struct symbol){sym.st_value + bias,
		    sym.st_size, sym.st_name};
	}
	qsort(s->sym, s->n, sizeof *s->sym, by_address);
}

struct symbols *
symbols_new(const void *file, size_t size, uint64_t bias)
{
	struct symbols *s = calloc(1, sizeof *s);
	Elf64_Shdr sh, strings;
	Elf64_Ehdr e;

	if (s == NULL || size < sizeof e)
		return (s);
	memcpy(&e, file, sizeof e);
	for (unsigned i = 0; i < e.e_shnum; i++) {
		if (!section(file, size, &e, i, &sh))
			break;
		if (sh.sh_type != SHT_SYMTAB ||
		    !section(file, size, &e, sh.sh_link, &strings))
			continue;
		s->strings = malloc(strings.sh_size + 1);
		if (s->strings == NULL)
			break;
		memcpy(s->strings, (const char *)file + strings.sh_offset,
		    strings.sh_size);
		s->strings[strings.sh_size] = '\0';
		s->strings_len = strings.sh_size;
		read_table(s, file, &sh, bias);
		break;
	}
	return (s);
}

void
symbols_free(struct symbols **sp)
{
	struct symbols *s = *sp;

	*sp = NULL;
	if (s == NULL)
		return;
	free(s->sym);
	free(s->strings);
	free(s);
}

const char *
symbols_name(const struct symbols *s, uint64_t addr, char *buf, size_t size)
{
	size_t low = 0, high = s == NULL ? 0 : s->n, mid;

	while (low < high) {
		mid = (low + high) / 2;
		if (s->sym[mid].addr <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	if (low > 0 && addr - s->sym[low - 1].addr <= s->sym[low - 1].size)
		(void)snprintf(buf, size, "%s+0x%jx",
		    s->strings + s->sym[low - 1].name,
		    (uintmax_t)(addr - s->sym[low - 1].addr));
	else
		(void)snprintf(buf, size, "0x%jx", (uintmax_t)addr);
	return (buf);
}

const char *
tkvm_machine_symbol(const struct tkvm_machine *m, uint64_t addr, char *buf,
    size_t size)
{
	uint64_t vdso = m->shape.base + OFF_VDSO;

	if (addr - vdso < TKVM_PAGE) {
		(void)snprintf(buf, size, "vdso+0x%jx",
		    (uintmax_t)(addr - vdso));
		return (buf);
	}
	return (symbols_name(m->image ? m->image->symbols : m->symbols, addr,
	    buf, size));
}
