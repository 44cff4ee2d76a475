/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * avif.h: the boxes of an AVIF file: which items there are, where their bytes
 * are, and what is told about them. Nothing is read beyond the file's end.
 */
#ifndef IMAGE_AVIF_H
#define IMAGE_AVIF_H

#include "image.h"

#define ITEMS_MAX 256

/* A part of the file; nothing is read beyond its end. */
struct part {
	const uint8_t *data;
	size_t len, at;
	bool failed;			/* read past the end; sticks */
};

struct item {
	uint32_t id, at, len;
	bool inside;			/* of the box idat, not of the file */
};

struct items {
	struct part file, meta, idat;
	uint32_t primary;
	unsigned n;
	struct item list[ITEMS_MAX];
};

/* Big-endian, n bytes of at most 4; 0 when there are no more. */
uint32_t avif_get(struct part *p, unsigned n);

/* False: there is no box meta. */
bool avif_items(const uint8_t *data, size_t len, struct items *all);

/* The type of an item, four letters; NULL: it is not listed. */
const uint8_t *avif_type(const struct items *all, uint32_t id);

/* The first item of a type; 0: none. */
uint32_t avif_of_type(const struct items *all, const char *type);

/* Bytes of an item; false: they are missing or in several pieces. */
bool avif_bytes(const struct items *all, uint32_t id, struct part *in);

/* Whom an item refers to, in that way: how many, ITEMS_MAX at most. */
unsigned avif_references(const struct items *all, const char *type,
    uint32_t from, uint32_t to[ITEMS_MAX]);

/* Who refers to an item in that way; as many. */
unsigned avif_referrers(const struct items *all, const char *type, uint32_t to,
    uint32_t from[ITEMS_MAX]);

/*
 * The first property of an item that has such a type and begins with such
 * bytes, behind them.
 */
bool avif_property(const struct items *all, uint32_t id, const char *type,
    const char *begin, struct part *in);

/* Of an item that is a grid of others (ISO 23008-12, 6.6.2.3). */
struct grid_shape {
	uint32_t rows, columns, w, h;	/* w, h: of all together */
};
/* False: it is cut off. */
bool avif_grid(const struct items *all, uint32_t id, struct grid_shape *g);

/* As EXIF counts. */
int avif_orientation(const struct items *all, uint32_t id);

#endif
