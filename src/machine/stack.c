/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stack.c: argc, argv, envp and the auxiliary vector, as a Linux process finds
 * them. System V ABI, AMD64 supplement, 3.4.1.
 */
#include <elf.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/random.h>

#include "machine/machine_priv.h"

#define ARGS_MAX 512
#define AUX_MAX 20
#define PHDR_MAX 64

struct stack {
	struct tkvm_machine *m;
	uint64_t sp;
	bool failed;
};

static uint64_t
put(struct stack *st, const void *data, size_t len, uint64_t align)
{
	if (len > st->sp - st->m->shape.layout.stack_low) {
		st->failed = true;
		return (0);
	}
	st->sp = num_down(st->sp - len, align);
	if (tkvm_copy_out(st->m, st->sp, data, len) != 0)
		st->failed = true;
	return (st->sp);
}

static unsigned
put_strings(struct stack *st, const char *const *strings, uint64_t *at)
{
	unsigned n = 0;

	for (; strings[n] != NULL; n++) {
		if (n == ARGS_MAX) {
			st->failed = true;
			break;
		}
		at[n] = put(st, strings[n], strlen(strings[n]) + 1, 1);
	}
	at[n] = 0;
	return (n);
}

/* Without a loaded copy of the program headers, put one here. */
static uint64_t
phdr_address(struct stack *st, const struct elf *elf,
    const struct tkvm_boot *boot)
{
	Elf64_Ehdr e;

	if (elf->phdr != 0)
		return (elf->phdr);
	memcpy(&e, boot->elf, sizeof e);
	return (put(st, (const char *)boot->elf + e.e_phoff,
	    elf->phnum * sizeof(Elf64_Phdr), 8));
}

static unsigned
make_auxv(struct stack *st, const struct elf *elf,
    const struct tkvm_boot *boot, uint64_t (*aux)[2])
{
	static const char platform[] = "x86_64";
	unsigned char random[16];
	unsigned n = 0;

	/* Without kernel entropy there is no canary worth having. */
	if (getrandom(random, sizeof random, 0) != sizeof random)
		st->failed = true;
#define AUX(type, value) do { \
	aux[n][0] = (type); \
	aux[n++][1] = (value); \
} while (0)
	AUX(AT_PHDR, phdr_address(st, elf, boot));
	AUX(AT_PHENT, sizeof(Elf64_Phdr));
	AUX(AT_PHNUM, elf->phnum);
	AUX(AT_PAGESZ, TKVM_PAGE);
	AUX(AT_BASE, 0);
	AUX(AT_FLAGS, 0);
	AUX(AT_ENTRY, elf->entry);
	AUX(AT_UID, 1000);
	AUX(AT_EUID, 0);
	AUX(AT_GID, 0);
	AUX(AT_EGID, 0);
	AUX(AT_SECURE, 0);
	AUX(AT_CLKTCK, 100);
	AUX(AT_HWCAP, getauxval(AT_HWCAP));
	/* Bit 1 tells glibc that FSGSBASE may be used: it may. */
	AUX(AT_HWCAP2, 2);
	AUX(AT_PLATFORM, put(st, platform, sizeof platform, 1));
	AUX(AT_SYSINFO_EHDR, st->m->shape.base + OFF_VDSO);
	AUX(AT_RANDOM, put(st, random, sizeof random, 16));
	AUX(AT_NULL, 0);
#undef AUX
	ASSERT(n <= AUX_MAX);
	return (n);
}

int
stack_build(struct tkvm_machine *m, const struct elf *elf,
    const struct tkvm_boot *boot, uint64_t *rsp, struct tkvm_err *err)
{
	struct stack st = {m, m->shape.layout.stack_top, false};
	uint64_t aux[AUX_MAX][2], at[ARGS_MAX + 1], env[ARGS_MAX + 1];
	uint64_t argc, words;
	unsigned n_aux, n_env;

	argc = put_strings(&st, boot->argv, at);
	n_env = put_strings(&st, boot->envp, env);
	n_aux = make_auxv(&st, elf, boot, aux);
	words = 1 + argc + 1 + n_env + 1 + 2 * n_aux;
	st.sp = num_down(st.sp, 16) - (words % 2) * 8;
	(void)put(&st, aux, n_aux * sizeof aux[0], 8);
	(void)put(&st, env, (n_env + 1) * sizeof env[0], 8);
	(void)put(&st, at, (argc + 1) * sizeof at[0], 8);
	*rsp = put(&st, &argc, sizeof argc, 8);
	if (st.failed)
		return (tkvm_fail(err, TKVM_ECONFIG,
		    "arguments and environment are too long "
		    "(%d strings each, %u MiB)", ARGS_MAX,
		    STACK_BYTES >> 20));
	return (0);
}
