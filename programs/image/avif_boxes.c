/* SPDX-License-Identifier: BSD-2-Clause */
/* avif_boxes.c: boxes of the ISO base media file format (23008-12). */
#include <string.h>

#include "avif.h"

#define BOXES_MAX 256

uint32_t
avif_get(struct part *p, unsigned n)
{
	uint32_t v = 0;

	if (p->failed || n > p->len - p->at) {
		p->failed = true;
		return (0);
	}
	while (n-- > 0)
		v = v << 8 | p->data[p->at++];
	return (v);
}

/* A number of 0, 4 or 8 bytes; files are smaller than 4 GiB. */
static uint32_t
get_sized(struct part *p, unsigned n)
{
	if (n == 8 && avif_get(p, 4) != 0)
		p->failed = true;
	return (n == 0 ? 0 : avif_get(p, 4));
}

/* The next box of a part, its content in *in; false at the end. */
static bool
next_box(struct part *p, char type[4], struct part *in)
{
	uint32_t size;

	if (p->failed || p->len - p->at < 8)
		return (false);
	size = avif_get(p, 4);
	memcpy(type, p->data + p->at, 4);
	p->at += 4;
	if (size == 0)			/* to the end */
		size = (uint32_t)(p->len - p->at + 8);
	if (size < 8 || size - 8 > p->len - p->at)
		return (false);
	*in = (struct part){p->data + p->at, size - 8, 0, false};
	p->at += size - 8;
	return (true);
}

/* The first box of that type in a part, past its version; -1: none. */
static int
find_box(struct part p, const char *name, bool full, struct part *in)
{
	char type[4];
	int version = 0;

	p.at = 0;
	for (unsigned i = 0; i < BOXES_MAX && next_box(&p, type, in); i++) {
		if (memcmp(type, name, 4) != 0)
			continue;
		if (full)
			version = (int)(avif_get(in, 4) >> 24);
		return (in->failed ? -1 : version);
	}
	return (-1);
}

static unsigned
read_iloc(struct part *b, int version, struct item *items)
{
	unsigned sizes = avif_get(b, 2), id_bytes = version < 2 ? 2 : 4;
	unsigned offset = sizes >> 12, length = sizes >> 8 & 15;
	unsigned base = sizes >> 4 & 15, index = version > 0 ? sizes & 15 : 0;
	unsigned n, kept = 0, method, extents;

	n = avif_get(b, id_bytes);
	for (unsigned i = 0; i < n && i < ITEMS_MAX && !b->failed; i++) {
		struct item it = {.id = avif_get(b, id_bytes)};
		uint32_t from;

		method = version > 0 ? avif_get(b, 2) & 15 : 0;
		(void)avif_get(b, 2);
		from = get_sized(b, base);
		extents = avif_get(b, 2);
		for (unsigned k = 0; k < extents && !b->failed; k++) {
			(void)get_sized(b, index);
			it.at = get_sized(b, offset);
			it.len = get_sized(b, length);
		}
		it.inside = method == 1;
		if (__builtin_add_overflow(it.at, from, &it.at) ||
		    method > 1 || extents != 1)
			continue;
		items[kept++] = it;
	}
	return (b->failed ? 0 : kept);
}

bool
avif_items(const uint8_t *data, size_t len, struct items *all)
{
	struct part box;
	int version;

	*all = (struct items){.file = {data, len, 0, false}};
	if (len > UINT32_MAX ||
	    find_box(all->file, "meta", true, &all->meta) < 0)
		return (false);
	all->meta = (struct part){all->meta.data + 4, all->meta.len - 4, 0,
	    false};
	version = find_box(all->meta, "pitm", true, &box);
	all->primary = version < 0 ? 0 : avif_get(&box, version == 0 ? 2 : 4);
	if (find_box(all->meta, "idat", false, &all->idat) < 0)
		all->idat = (struct part){data, 0, 0, true};
	version = find_box(all->meta, "iloc", true, &box);
	all->n = version < 0 || version > 2 ? 0 :
	    read_iloc(&box, version, all->list);
	return (true);
}

bool
avif_bytes(const struct items *all, uint32_t id, struct part *in)
{
	for (unsigned i = 0; i < all->n; i++) {
		const struct item *it = &all->list[i];
		const struct part *of = it->inside ? &all->idat : &all->file;

		if (it->id != id || it->at >= of->len ||
		    it->len > of->len - it->at)
			continue;
		/* Of no length: to the end. */
		*in = (struct part){of->data + it->at, it->len != 0 ? it->len :
		    of->len - it->at, 0, false};
		return (true);
	}
	return (false);
}

/*--- what an item is ------------------------------------------------------*/

/* The next entry of iinf: whose it is, and its type; false at the end. */
static bool
next_entry(struct part *iinf, uint32_t *id, const uint8_t **type)
{
	struct part infe;
	char name[4];
	unsigned version;

	if (!next_box(iinf, name, &infe))
		return (false);
	version = avif_get(&infe, 4) >> 24;
	*id = avif_get(&infe, version < 3 ? 2 : 4);
	(void)avif_get(&infe, 2);
	*type = version >= 2 && !infe.failed && infe.len - infe.at >= 4 ?
	    infe.data + infe.at : (const uint8_t *)"    ";
	return (true);
}

static bool
open_entries(const struct items *all, struct part *iinf)
{
	int version = find_box(all->meta, "iinf", true, iinf);

	if (version >= 0)
		(void)avif_get(iinf, version == 0 ? 2 : 4);
	return (version >= 0);
}

const uint8_t *
avif_type(const struct items *all, uint32_t id)
{
	const uint8_t *type;
	struct part iinf;
	uint32_t now;

	if (!open_entries(all, &iinf))
		return (NULL);
	for (unsigned i = 0; i < BOXES_MAX && next_entry(&iinf, &now, &type);
	    i++)
		if (now == id)
			return (type);
	return (NULL);
}

uint32_t
avif_of_type(const struct items *all, const char *name)
{
	const uint8_t *type;
	struct part iinf;
	uint32_t id;

	if (!open_entries(all, &iinf))
		return (0);
	for (unsigned i = 0; i < BOXES_MAX && next_entry(&iinf, &id, &type);
	    i++)
		if (memcmp(type, name, 4) == 0)
			return (id);
	return (0);
}

/*
 * References of a type: those of an item (to is 0), or the one that goes to it
 * (from is 0); the ids of the other side.
 */
static unsigned
references(const struct items *all, const char *name, uint32_t from,
    uint32_t to, uint32_t *ids, unsigned max)
{
	struct part iref, ref;
	unsigned id_bytes, n, count = 0;
	uint32_t a, b;
	char type[4];
	int version = find_box(all->meta, "iref", true, &iref);

	if (version < 0)
		return (0);
	id_bytes = version == 0 ? 2 : 4;
	for (unsigned i = 0; i < 2 * BOXES_MAX && next_box(&iref, type, &ref);
	    i++) {
		a = avif_get(&ref, id_bytes);
		n = avif_get(&ref, 2);
		for (; memcmp(type, name, 4) == 0 && n > 0 && count < max;
		    n--) {
			b = avif_get(&ref, id_bytes);
			if (ref.failed)
				break;
			if (to == 0 ? a == from : b == to)
				ids[count++] = to == 0 ? b : a;
		}
	}
	return (count);
}

unsigned
avif_references(const struct items *all, const char *type, uint32_t from,
    uint32_t to[ITEMS_MAX])
{
	return (references(all, type, from, 0, to, ITEMS_MAX));
}

unsigned
avif_referrers(const struct items *all, const char *type, uint32_t to,
    uint32_t from[ITEMS_MAX])
{
	return (to == 0 ? 0 :
	    references(all, type, 0, to, from, ITEMS_MAX));
}

/*--- what is told about it ------------------------------------------------*/

/* The item's properties, numbers from 1, in the order in which they apply. */
static unsigned
properties_of(struct part iprp, uint32_t id, unsigned numbers[ITEMS_MAX])
{
	struct part ipma;
	int version = find_box(iprp, "ipma", false, &ipma);
	unsigned flags, n, count = 0, wide;
	uint32_t whose;

	if (version < 0)
		return (0);
	flags = avif_get(&ipma, 4);
	wide = flags & 1 ? 2 : 1;
	n = avif_get(&ipma, 4);
	for (unsigned i = 0; i < n && i < ITEMS_MAX && !ipma.failed; i++) {
		whose = avif_get(&ipma, flags >> 24 == 0 ? 2 : 4);
		for (unsigned k = avif_get(&ipma, 1); k > 0; k--) {
			unsigned v = avif_get(&ipma, wide) &
			    (wide == 2 ? 0x7fff : 0x7f);

			if (whose == id && count < ITEMS_MAX && !ipma.failed)
				numbers[count++] = v;
		}
	}
	return (count);
}

/* The property of that number. */
static bool
find_property(struct part iprp, unsigned number, char type[4], struct part *in)
{
	struct part ipco;

	if (number == 0 || find_box(iprp, "ipco", false, &ipco) < 0)
		return (false);
	for (unsigned i = 0; i < BOXES_MAX && next_box(&ipco, type, in); i++)
		if (--number == 0)
			return (true);
	return (false);
}

bool
avif_property(const struct items *all, uint32_t id, const char *name,
    const char *begin, struct part *in)
{
	unsigned numbers[ITEMS_MAX], n, skip = (unsigned)strlen(begin);
	struct part iprp;
	char type[4];

	if (find_box(all->meta, "iprp", false, &iprp) < 0)
		return (false);
	n = properties_of(iprp, id, numbers);
	for (unsigned i = 0; i < n; i++)
		if (find_property(iprp, numbers[i], type, in) &&
		    memcmp(type, name, 4) == 0 && in->len >= skip &&
		    memcmp(in->data, begin, skip) == 0) {
			in->at = skip;
			return (true);
		}
	return (false);
}

/* By quarter turns to the left, and then a mirror. */
int
avif_orientation(const struct items *all, uint32_t id)
{
	/* ISO 23008-12, 6.5.10 and 6.5.12. */
	static const uint8_t by[3][4] = {
		{1, 8, 3, 6}, {4, 5, 2, 7}, {2, 7, 4, 5},
	};
	unsigned numbers[ITEMS_MAX], n, angle = 0, mirror = 0;
	struct part iprp, in;
	char type[4];

	if (find_box(all->meta, "iprp", false, &iprp) < 0)
		return (1);
	n = properties_of(iprp, id, numbers);
	for (unsigned i = 0; i < n; i++) {
		if (!find_property(iprp, numbers[i], type, &in))
			continue;
		if (memcmp(type, "irot", 4) == 0) {
			angle = avif_get(&in, 1) & 3;
			/* Mirrored first, it turns the other way round. */
			angle = mirror != 0 ? -angle & 3 : angle;
		} else if (memcmp(type, "imir", 4) == 0)
			mirror = 1 + (avif_get(&in, 1) & 1);
	}
	return (by[mirror][angle]);
}

bool
avif_grid(const struct items *all, uint32_t id, struct grid_shape *g)
{
	struct part in;
	unsigned wide;

	if (!avif_bytes(all, id, &in))
		return (false);
	wide = avif_get(&in, 2) & 1 ? 4 : 2;
	g->rows = avif_get(&in, 1) + 1;
	g->columns = avif_get(&in, 1) + 1;
	g->w = avif_get(&in, wide);
	g->h = avif_get(&in, wide);
	return (!in.failed);
}
