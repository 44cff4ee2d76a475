/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * svg.h: what svg.c knows of resvg, which svg_host.c makes a library of. It is
 * WebAssembly translated to C: whatever it does, it does within its own memory.
 */
#ifndef SVG_H
#define SVG_H

#include "image.h"

/* A fresh resvg: 0, or -1 after job_fail(). To be ended after one document. */
int resvg_begin(struct job *job);
void resvg_end(void);

/*
 * Run f(job, arg), which may call the functions below: its result; or -1 after
 * job_fail() when resvg gives up, or wants more than resvg_memory() allows.
 */
int resvg_run(struct job *job, int (*f)(struct job *, void *), void *arg);
void resvg_memory(size_t bytes);

/* A document, with a font or without one; options: resvg's, as JSON. */
struct bytes {
	const uint8_t *data;
	size_t len;
};
int resvg_open(struct job *job, const struct bytes *svg,
    const struct bytes *font, const char *options, uint32_t *document,
    double *w, double *h);

/* Its pixels, premultiplied, which stay resvg's. */
int resvg_draw(struct job *job, uint32_t document, const uint8_t **px,
    uint32_t *w, uint32_t *h);

#endif
