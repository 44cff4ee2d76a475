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
};

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

static void
scan_segments(const uint8_t *file, size_t size, struct found *f)
{
	Elf64_Ehdr e;
	Elf64_Phdr p;

	if (size < sizeof e)
		return;
	memcpy(&e, file, sizeof e);
	for (unsigned i = 0; i < e.e_phnum; i++) {
		uint64_t at = e.e_phoff + i * sizeof p;

		if (at > size || size - at < sizeof p)
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

	scan_segments(elf, size, &f);
	hp->extra_valid = true;
	hp->extra_by_stack = false;
	hp->request_size = 88;
	/* No stub of the header's form: another binding, which is newer. */
	if (f.responses == 0 || (f.adns == 0 && f.paused == 0))
		return;
	/* Until 21 March 2025 the stub did not return: r9 is junk. */
	if (f.old_storage != 0 || (f.adns != 0 && f.returning == 0))
		hp->extra_valid = false;
	/* The ten days after cannot be told from the four with a valid r9. */
	else if (f.adns != 0)
		hp->extra_by_stack = true;
	/* Before sockets came back, the request ended after content_len. */
	if (f.paused != 0 && f.sockets == 0)
		hp->request_size = 56;
}
