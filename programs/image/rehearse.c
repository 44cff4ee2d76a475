/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rehearse.c: the codecs and the stations make tables when they are first used.
 * A small picture passes them before the first request, which then finds them
 * made.
 */
#include <stdlib.h>

#include "image.h"

enum { SIDE = 64, SMALLER = 40 };

static int
make_picture(struct job *job, struct picture *p)
{
	if (picture_new(job, SIDE * SIDE, SIDE, SIDE, p) != 0)
		return (-1);
	for (int i = 0; i < SIDE * SIDE; i++) {
		uint8_t *px = p->px + 4 * (size_t)i;

		px[0] = (uint8_t)(i % SIDE * 4);
		px[1] = (uint8_t)(i / SIDE * 4);
		px[2] = (uint8_t)(px[0] ^ px[1]);
		px[3] = 255;
	}
	/* Display P3, as telephones have it. */
	cicp_to_srgb(p, 12, 13);
	if (resize(job, p, SMALLER, SMALLER) == 0)
		return (0);
	free(p->px);
	return (-1);
}

/* There and back. */
static int
pass(struct job *job, const struct picture *p, enum format format)
{
	const struct encoding e = {.format = format, .quality = 75, .speed = 8};
	const struct wanted wanted = {.max_pixels = SIDE * SIDE};
	struct metadata meta = {0};
	struct picture back;
	enum format was;
	uint8_t *out;
	size_t len;
	int r;

	if (encode(job, p, &e, &out, &len) != 0)
		return (-1);
	r = decode(job, out, len, &wanted, &back, &was, &meta);
	free(out);
	free(meta.unpacked);
	free(meta.icc);
	if (r == 0)
		free(back.px);
	return (r);
}

int
rehearse(struct job *job)
{
	static const enum format formats[] = {
		FORMAT_WEBP, FORMAT_AVIF, FORMAT_JPEG, FORMAT_PNG,
	};
	struct picture p;
	int r = make_picture(job, &p);

	if (r != 0)
		return (-1);
	for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
		if (r == 0)
			r = pass(job, &p, formats[i]);
	free(p.px);
	return (r);
}
