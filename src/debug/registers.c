/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * registers.c: the registers as gdb numbers them, one row or a run of rows
 * each. Extended state is in the standard format of XSAVE (Intel SDM volume 1,
 * 13.4), where features of gdb's target descriptions find their fields.
 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "debug/debug_priv.h"

#define XSTATE_BV 512
#define XCR0_AVX 4u
#define AT_TAG 4	/* of XSAVE: one bit for each x87 register */

enum where { IN_REGS, IN_XSAVE, FIXED };
struct row {
	const char *feature;	/* set where another one begins */
	const char *name;	/* with %u when count is not 1 */
	const char *type;
	unsigned count, size;
	enum where where;
	uint32_t at;		/* offset of the first; FIXED: its value */
	uint8_t len, stride;	/* IN_XSAVE */
};
#define REG(n, type) {NULL, #n, type, 1, 8, IN_REGS, \
	offsetof(struct tkvm_regs, n), 8, 0}
#define SEGMENT(n, v) {NULL, #n, "int32", 1, 4, FIXED, v, 0, 0}
#define X87(n, at, len) {NULL, #n, "int", 1, 4, IN_XSAVE, at, len, 0}

static const struct row rows[] = {
	{"core", "rax", "int64", 1, 8, IN_REGS, offsetof(struct tkvm_regs, rax),
	    8, 0},
	REG(rbx, "int64"), REG(rcx, "int64"), REG(rdx, "int64"),
	REG(rsi, "int64"), REG(rdi, "int64"), REG(rbp, "data_ptr"),
	REG(rsp, "data_ptr"), REG(r8, "int64"), REG(r9, "int64"),
	REG(r10, "int64"), REG(r11, "int64"), REG(r12, "int64"),
	REG(r13, "int64"), REG(r14, "int64"), REG(r15, "int64"),
	REG(rip, "code_ptr"),
	{NULL, "eflags", "int32", 1, 4, IN_REGS,
	    offsetof(struct tkvm_regs, rflags), 4, 0},
	SEGMENT(cs, 0x2b), SEGMENT(ss, 0x23), SEGMENT(ds, 0x23),
	SEGMENT(es, 0x23), SEGMENT(fs, 0), SEGMENT(gs, 0),
	{NULL, "st%u", "i387_ext", 8, 10, IN_XSAVE, 32, 10, 16},
	X87(fctrl, 0, 2), X87(fstat, 2, 2), X87(ftag, AT_TAG, 1),
	X87(fiseg, 12, 2), X87(fioff, 8, 4), X87(foseg, 20, 2),
	X87(fooff, 16, 4), X87(fop, 6, 2),
	{"sse", "xmm%u", "vec128", 16, 16, IN_XSAVE, 160, 16, 16},
	{NULL, "mxcsr", "int", 1, 4, IN_XSAVE, 24, 4, 0},
	{"linux", "orig_rax", "int64", 1, 8, FIXED, UINT32_MAX, 0, 0},
	{"segments", "fs_base", "int", 1, 8, IN_REGS,
	    offsetof(struct tkvm_regs, fs_base), 8, 0},
	REG(gs_base, "int"),
	{"avx", "ymm%uh", "uint128", 16, 16, IN_XSAVE, 576, 16, 16},
};
#define ROWS (sizeof rows / sizeof rows[0])

static const struct row *
find(unsigned n, unsigned *i)
{
	for (unsigned r = 0; r < ROWS; r++) {
		if (n < rows[r].count) {
			*i = n;
			return (&rows[r]);
		}
		n -= rows[r].count;
	}
	return (NULL);
}

unsigned
registers_n(const struct registers *r)
{
	unsigned n = 0, last = ROWS;

	if ((r->components & XCR0_AVX) == 0)
		last--;
	for (unsigned i = 0; i < last; i++)
		n += rows[i].count;
	return (n);
}

size_t
registers_size(unsigned n)
{
	unsigned i;
	const struct row *row = find(n, &i);

	return (row == NULL ? 0 : row->size);
}

/* The tag word: two bits for each register, 0 in use, 3 empty. */
static uint16_t
wide_tags(uint8_t tags)
{
	uint16_t w = 0;

	for (unsigned i = 0; i < 8; i++)
		if ((tags >> i & 1) == 0)
			w |= (uint16_t)(3u << 2 * i);
	return (w);
}

static uint8_t
narrow_tags(const uint8_t *from)
{
	unsigned w = from[0] | (unsigned)from[1] << 8;
	uint8_t tags = 0;

	for (unsigned i = 0; i < 8; i++)
		if ((w >> 2 * i & 3) != 3)
			tags |= (uint8_t)(1u << i);
	return (tags);
}

void
registers_get(const struct registers *r, unsigned n, uint8_t *to)
{
	unsigned i;
	const struct row *row = find(n, &i);
	uint16_t w;

	if (row == NULL)
		return;
	memset(to, 0, row->size);
	if (row->where == IN_REGS) {
		memcpy(to, (const char *)&r->regs + row->at, row->len);
	} else if (row->where == FIXED) {
		memcpy(to, &row->at, sizeof row->at);
		if (row->at == UINT32_MAX)
			memset(to, 0xff, row->size);
	} else if (row->at == AT_TAG) {
		w = wide_tags(r->xsave[AT_TAG]);
		memcpy(to, &w, sizeof w);
	} else {
		memcpy(to, r->xsave + row->at + i * row->stride, row->len);
	}
}

void
registers_set(struct registers *r, unsigned n, const uint8_t *from, bool *wide)
{
	unsigned i;
	const struct row *row = find(n, &i);
	uint8_t *to;

	if (row == NULL || row->where == FIXED)
		return;
	if (row->where == IN_REGS) {
		memcpy((char *)&r->regs + row->at, from, row->len);
		return;
	}
	to = r->xsave + row->at + i * row->stride;
	if (row->at == AT_TAG)
		*to = narrow_tags(from);
	else if (memcmp(to, from, row->len) == 0)
		return;
	else
		memcpy(to, from, row->len);
	/* Its component is not in its initial state any more. */
	r->xsave[XSTATE_BV] |= row->at >= 576 ? 4 :
	    row->at >= 160 || row->at == 24 ? 2 : 1;
	*wide = true;
}

static const char vec128[] =
    "<vector id=\"v4f\" type=\"ieee_single\" count=\"4\"/>"
    "<vector id=\"v2d\" type=\"ieee_double\" count=\"2\"/>"
    "<vector id=\"v16i8\" type=\"int8\" count=\"16\"/>"
    "<vector id=\"v8i16\" type=\"int16\" count=\"8\"/>"
    "<vector id=\"v4i32\" type=\"int32\" count=\"4\"/>"
    "<vector id=\"v2i64\" type=\"int64\" count=\"2\"/>"
    "<union id=\"vec128\"><field name=\"v4_float\" type=\"v4f\"/>"
    "<field name=\"v2_double\" type=\"v2d\"/>"
    "<field name=\"v16_int8\" type=\"v16i8\"/>"
    "<field name=\"v8_int16\" type=\"v8i16\"/>"
    "<field name=\"v4_int32\" type=\"v4i32\"/>"
    "<field name=\"v2_int64\" type=\"v2i64\"/>"
    "<field name=\"uint128\" type=\"uint128\"/></union>";

size_t
registers_xml(const struct registers *r, char *buf, size_t size)
{
	unsigned n = registers_n(r), i;
	FILE *f = fmemopen(buf, size, "w");
	long at;

	buf[0] = '\0';
	if (f == NULL)
		return (0);
	(void)fprintf(f, "<?xml version=\"1.0\"?>"
	    "<!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target>"
	    "<architecture>i386:x86-64</architecture>"
	    "<osabi>GNU/Linux</osabi>");
	for (unsigned k = 0; k < n; k++) {
		const struct row *row = find(k, &i);
		char name[16];

		if (row->feature != NULL && i == 0)
			(void)fprintf(f, "%s<feature name=\"org.gnu.gdb.i386."
			    "%s\">%s", k == 0 ? "" : "</feature>", row->feature,
			    strcmp(row->feature, "sse") == 0 ? vec128 : "");
		(void)snprintf(name, sizeof name, row->name, i);
		(void)fprintf(f, "<reg name=\"%s\" bitsize=\"%u\" "
		    "type=\"%s\"/>", name, row->size * 8, row->type);
	}
	(void)fprintf(f, "</feature></target>");
	at = ftell(f);
	(void)fclose(f);
	return (at < 0 || (size_t)at >= size ? 0 : (size_t)at);
}
