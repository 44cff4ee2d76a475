/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * svg_host.c: stands in for the JavaScript that resvg's WebAssembly expects
 * around it: a few objects by number, and none that reaches a file or network.
 */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <resvg.h>

#include "svg.h"

#define PAGE 65536u
#define OBJECTS 64
#define FIRST_OBJECT 132	/* below it are JavaScript's own values */

struct object {
	enum {
		FREE, BYTES,	/* data and len, malloc'ed when owned */
		VIEW,		/* len bytes at `at` of its memory */
		MEMORY, LIST, ITERATOR, RESULT
	} kind;
	uint8_t *data;
	bool owned;
	uint32_t at, len;
};

struct Z_wbg_instance_t {
	Z_resvg_instance_t module;
	struct object objects[OBJECTS];
	struct bytes font;
	size_t memory_max;
	bool live, spent;
	char said[256];
	jmp_buf out;
};
typedef struct Z_wbg_instance_t host;

/* Beside the reasons of its runtime to end. */
enum { SAID = 1000 };

static host the_host;

/*--- what can go wrong ----------------------------------------------------*/

/* resvg.c and wasm-rt-impl.c call these in place of their own. */
void resvg_trap(wasm_rt_trap_t code);
uint32_t resvg_grow(wasm_rt_memory_t *memory, uint32_t pages);

void
resvg_trap(wasm_rt_trap_t code)
{
	longjmp(the_host.out, (int)code);
}

static void
give_up(host *h, const uint8_t *why, size_t len)
{
	(void)snprintf(h->said, sizeof h->said, "%.*s", (int)(len > 200 ? 200 :
	    len), (const char *)why);
	longjmp(h->out, SAID);
}

uint32_t
resvg_grow(wasm_rt_memory_t *memory, uint32_t pages)
{
	if (pages > the_host.memory_max / PAGE ||
	    (uint64_t)(memory->pages + pages) * PAGE > the_host.memory_max) {
		the_host.spent = true;
		return (UINT32_MAX);
	}
	return (wasm_rt_grow_memory(memory, pages));
}

void
resvg_memory(size_t bytes)
{
	the_host.memory_max = bytes;
}

int
resvg_run(struct job *job, int (*f)(struct job *, void *), void *arg)
{
	int code = setjmp(the_host.out);

	if (code == 0)
		return (f(job, arg));
	if (the_host.spent)
		return (job_fail(job, 413, "the SVG needs too much memory"));
	if (code == WASM_RT_TRAP_EXHAUSTION)
		return (job_fail(job, 422, "the SVG is nested too deeply"));
	return (job_fail(job, 422, "broken SVG%s%s", code == SAID ? ": " : "",
	    code == SAID ? the_host.said : ""));
}

/*--- objects --------------------------------------------------------------*/

static uint32_t
add(host *h, struct object o)
{
	for (uint32_t i = 0; i < OBJECTS; i++)
		if (h->objects[i].kind == FREE) {
			h->objects[i] = o;
			return (FIRST_OBJECT + i);
		}
	give_up(h, (const uint8_t *)"too many objects", 16);
	return (0);
}

/* An object, or one of no kind. */
static struct object *
at(host *h, uint32_t number)
{
	static struct object none;

	none = (struct object){.kind = FREE};
	return (number - FIRST_OBJECT < OBJECTS ?
	    &h->objects[number - FIRST_OBJECT] : &none);
}

static void
drop(host *h, uint32_t number)
{
	struct object *o = at(h, number);

	if (o->owned)
		free(o->data);
	*o = (struct object){.kind = FREE};
}

/* That part of resvg's memory; it traps when there is none. */
static uint8_t *
memory(host *h, uint32_t from, uint32_t len)
{
	const wasm_rt_memory_t *m = &h->module.w2c_memory;

	if (from > m->size || len > m->size - from)
		resvg_trap(WASM_RT_TRAP_OOB);
	return (m->data + from);
}

static uint8_t *
data_of(host *h, const struct object *o)
{
	return (o->kind == BYTES ? o->data :
	    o->kind == VIEW ? memory(h, o->at, o->len) : NULL);
}

static uint32_t
copy(host *h, const uint8_t *from, uint32_t len)
{
	struct object o = {.kind = BYTES, .owned = true, .len = len};

	o.data = malloc((size_t)len + 1);
	h->spent = o.data == NULL;
	if (h->spent)
		resvg_trap(WASM_RT_TRAP_UNREACHABLE);
	if (len != 0)
		memcpy(o.data, from, len);
	return (add(h, o));
}

/*--- what resvg imports, by wasm-bindgen's names --------------------------*/

#define IMPORT(name) Z_wbgZ_##name

u32
IMPORT(__wbg_buffer_12d079cc21e14bdb)(host *h, u32 m)
{
	(void)m;
	return (add(h, (struct object){.kind = MEMORY}));
}

u32
IMPORT(__wbindgen_memory)(host *h)
{
	return (add(h, (struct object){.kind = MEMORY}));
}

/*
 * new Uint8Array(of): all of the memory; or what should be a copy, but nobody
 * changes the pixels that resvg gives away so.
 */
u32
IMPORT(__wbg_new_63b92bc8671ed464)(host *h, u32 of)
{
	struct object *o = at(h, of);

	if (o->kind == MEMORY)
		return (add(h, (struct object){.kind = VIEW,
		    .len = h->module.w2c_memory.size}));
	return (add(h, (struct object){.kind = o->kind, .data = o->data,
	    .at = o->at, .len = o->len}));
}

u32
IMPORT(__wbg_newwithbyteoffsetandlength_aa4a17c33a06e5cb)(host *h, u32 of,
    u32 from, u32 len)
{
	(void)of;
	(void)memory(h, from, len);
	return (add(h, (struct object){.kind = VIEW, .at = from, .len = len}));
}

u32
IMPORT(__wbg_instanceof_Uint8Array_2b3bbecd033d19f6)(host *h, u32 of)
{
	return (at(h, of)->kind == BYTES);
}

u32
IMPORT(__wbg_length_c20a40f15020d68a)(host *h, u32 of)
{
	return (at(h, of)->len);
}

void
IMPORT(__wbg_set_a47bac70306a19a7)(host *h, u32 to, u32 from, u32 offset)
{
	const struct object *a = at(h, to), *b = at(h, from);
	uint8_t *into = data_of(h, a), *data = data_of(h, b);

	if (into == NULL || data == NULL || offset > a->len ||
	    b->len > a->len - offset)
		resvg_trap(WASM_RT_TRAP_OOB);
	memmove(into + offset, data, b->len);
}

/* A list of at most one font, and the way through it. */
u32
IMPORT(__wbg_values_839f3396d5aac002)(host *h, u32 list)
{
	return (add(h, (struct object){.kind = ITERATOR,
	    .len = at(h, list)->len}));
}

u32
IMPORT(__wbg_next_196c84450b364254)(host *h, u32 iterator)
{
	struct object *o = at(h, iterator);

	if (o->len == 0)
		return (add(h, (struct object){.kind = RESULT}));
	o->len--;
	return (add(h, (struct object){.kind = RESULT, .len = 1}));
}

u32
IMPORT(__wbg_done_298b57d23c0fc80c)(host *h, u32 result)
{
	return (at(h, result)->len == 0);
}

u32
IMPORT(__wbg_value_d93c65011f51a456)(host *h, u32 result)
{
	(void)result;
	return (add(h, (struct object){.kind = BYTES,
	    .data = (uint8_t *)(uintptr_t)h->font.data,
	    .len = (uint32_t)h->font.len}));
}

/* Lists that resvg makes itself: of pictures elsewhere, which nobody gets. */
u32
IMPORT(__wbg_new_16b304a2cfa7ff4a)(host *h)
{
	return (add(h, (struct object){.kind = LIST}));
}

u32
IMPORT(__wbg_push_a5b05aedc7234f9f)(host *h, u32 list, u32 what)
{
	(void)h, (void)list, (void)what;
	return (0);
}

/* new Error(text), and texts. */
u32
IMPORT(__wbg_new_28c511d9baebfa89)(host *h, u32 from, u32 len)
{
	return (copy(h, memory(h, from, len), len));
}

u32
IMPORT(__wbindgen_string_new)(host *h, u32 from, u32 len)
{
	return (copy(h, memory(h, from, len), len));
}

/* Is it a text? No: documents are bytes. */
void
IMPORT(__wbindgen_string_get)(host *h, u32 to, u32 of)
{
	(void)of;
	memset(memory(h, to, 8), 0, 8);
}

void
IMPORT(__wbindgen_object_drop_ref)(host *h, u32 number)
{
	drop(h, number);
}

void
IMPORT(__wbindgen_throw)(host *h, u32 from, u32 len)
{
	give_up(h, memory(h, from, len), len);
}

/*--- what svg.c calls -----------------------------------------------------*/

void
resvg_end(void)
{
	host *h = &the_host;

	if (h->live)
		Z_resvg_free(&h->module);
	for (uint32_t i = 0; i < OBJECTS; i++)
		drop(h, FIRST_OBJECT + i);
	memset(h, 0, sizeof *h);
}

int
resvg_begin(struct job *job)
{
	static bool known;
	host *h = &the_host;

	if (!known)
		Z_resvg_init_module();
	known = true;
	wasm_rt_call_stack_depth = 0;
	if (setjmp(h->out) != 0)
		return (job_fail(job, 500, "resvg does not begin"));
	Z_resvg_instantiate(&h->module, h);
	h->live = true;
	return (0);
}

/* Three words that a function leaves on resvg's stack: a value or an error. */
static uint32_t
result(host *h, uint32_t stack)
{
	const struct object *o;
	uint32_t words[3];

	memcpy(words, memory(h, stack, sizeof words), sizeof words);
	if (words[2] == 0)
		return (words[0]);
	o = at(h, words[1]);
	give_up(h, data_of(h, o), o->kind == BYTES ? o->len : 0);
	return (0);
}

int
resvg_open(struct job *job, const struct bytes *svg, const struct bytes *font,
    const char *options, uint32_t *document, double *width, double *height)
{
	uint32_t stack, text, len = (uint32_t)strlen(options), in, fonts;
	host *h = &the_host;

	if (svg->len > UINT32_MAX / 4)
		return (job_fail(job, 413, "the SVG is too long"));
	h->font = *font;
	in = add(h, (struct object){.kind = BYTES,
	    .data = (uint8_t *)(uintptr_t)svg->data,
	    .len = (uint32_t)svg->len});
	fonts = add(h, (struct object){.kind = LIST, .len = font->len != 0});
	text = Z_resvgZ___wbindgen_malloc(&h->module, len, 1);
	memcpy(memory(h, text, len), options, len);
	stack = Z_resvgZ___wbindgen_add_to_stack_pointer(&h->module,
	    (u32)-16);
	Z_resvgZ_resvg_new(&h->module, stack, in, text, len, fonts);
	*document = result(h, stack);
	(void)Z_resvgZ___wbindgen_add_to_stack_pointer(&h->module, 16);
	*width = Z_resvgZ_resvg_width(&h->module, *document);
	*height = Z_resvgZ_resvg_height(&h->module, *document);
	return (0);
}

int
resvg_draw(struct job *job, uint32_t document, const uint8_t **px,
    uint32_t *width, uint32_t *height)
{
	const struct object *o;
	uint32_t stack, picture;
	host *h = &the_host;

	stack = Z_resvgZ___wbindgen_add_to_stack_pointer(&h->module,
	    (u32)-16);
	Z_resvgZ_resvg_render(&h->module, stack, document);
	picture = result(h, stack);
	*width = Z_resvgZ_renderedimage_width(&h->module, picture);
	*height = Z_resvgZ_renderedimage_height(&h->module, picture);
	o = at(h, Z_resvgZ_renderedimage_pixels(&h->module, picture));
	*px = data_of(h, o);
	if (*px == NULL || o->len != (uint64_t)*width * *height * 4)
		return (job_fail(job, 500, "resvg draws other pixels"));
	return (0);
}
