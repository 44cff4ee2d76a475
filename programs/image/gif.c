/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gif.c: GIF in, frame by frame, each as the whole picture that is then seen:
 * frames may be parts, and may be taken away again before the next one.
 */
#include <stdlib.h>
#include <string.h>

#include <gif_lib.h>

#include "image.h"

struct gif {
	GifFileType *file;
	const uint8_t *data;
	size_t len, at;
	uint64_t max_pixels;
	struct picture canvas;
	uint8_t *saved;			/* what DISPOSE_PREVIOUS goes back to */
	GraphicsControlBlock control;	/* of the frame that is read */
	GifImageDesc last;		/* of the frame that is seen */
	int last_disposal;
};

static int
on_read(GifFileType *file, GifByteType *to, int n)
{
	struct gif *g = file->UserData;
	size_t left = g->len - g->at;

	if (n < 0)
		return (0);
	if ((size_t)n < left)
		left = (size_t)n;
	memcpy(to, g->data + g->at, left);
	g->at += left;
	return ((int)left);
}

void
gif_close(struct gif *g)
{
	(void)DGifCloseFile(g->file, NULL);
	free(g->canvas.px);
	free(g->saved);
	free(g);
}

struct gif *
gif_open(struct job *job, const uint8_t *data, size_t len,
    const struct wanted *wanted)
{
	struct gif *g = calloc(1, sizeof *g);

	if (g != NULL) {
		g->data = data;
		g->len = len;
		g->max_pixels = wanted->max_pixels;
		g->file = DGifOpen(g, on_read, NULL);
	}
	if (g == NULL || g->file == NULL) {
		free(g);
		(void)job_fail(job, 422, "broken GIF");
		return (NULL);
	}
	if (picture_new(job, g->max_pixels, (uint64_t)g->file->SWidth,
	    (uint64_t)g->file->SHeight, &g->canvas) != 0) {
		gif_close(g);
		return (NULL);
	}
	memset(g->canvas.px, 0, (size_t)g->canvas.w * (size_t)g->canvas.h * 4);
	g->canvas.alpha = true;
	return (g);
}

/* The pixels of a row that lie on the canvas. */
static void
draw_row(struct gif *g, const GifPixelType *row, int y)
{
	const GifImageDesc *d = &g->file->Image;
	const ColorMapObject *map = d->ColorMap != NULL ? d->ColorMap :
	    g->file->SColorMap;
	uint8_t *to;
	int x;

	if (y >= g->canvas.h)
		return;
	to = g->canvas.px + ((size_t)y * (size_t)g->canvas.w +
	    (size_t)d->Left) * 4;
	for (x = 0; x < d->Width && d->Left + x < g->canvas.w; x++, to += 4) {
		if (row[x] == g->control.TransparentColor ||
		    row[x] >= map->ColorCount)
			continue;
		to[0] = map->Colors[row[x]].Red;
		to[1] = map->Colors[row[x]].Green;
		to[2] = map->Colors[row[x]].Blue;
		to[3] = 255;
	}
}

/* What the frame before leaves behind. */
static void
dispose(struct gif *g)
{
	size_t size = (size_t)g->canvas.w * (size_t)g->canvas.h * 4;
	const GifImageDesc *d = &g->last;
	int right = d->Left + d->Width, y;

	if (g->last_disposal == DISPOSE_PREVIOUS && g->saved != NULL)
		memcpy(g->canvas.px, g->saved, size);
	if (g->last_disposal != DISPOSE_BACKGROUND)
		return;
	if (right > g->canvas.w)
		right = g->canvas.w;
	for (y = d->Top; y < d->Top + d->Height && y < g->canvas.h &&
	    d->Left < right; y++)
		memset(g->canvas.px + ((size_t)y * (size_t)g->canvas.w +
		    (size_t)d->Left) * 4, 0, (size_t)(right - d->Left) * 4);
}

/* 1: a frame begins; 0: the end; -1: broken. */
static int
find_frame(struct gif *g)
{
	GifFileType *f = g->file;
	GifRecordType type;
	GifByteType *ext;
	int code;

	g->control = (GraphicsControlBlock){.TransparentColor = -1};
	for (;;) {
		/* Some lack nothing but the byte that ends them. */
		if (g->at == g->len)
			return (0);
		if (DGifGetRecordType(f, &type) != GIF_OK)
			return (-1);
		if (type == TERMINATE_RECORD_TYPE)
			return (0);
		if (type == IMAGE_DESC_RECORD_TYPE)
			return (DGifGetImageDesc(f) == GIF_OK ? 1 : -1);
		if (type != EXTENSION_RECORD_TYPE ||
		    DGifGetExtension(f, &code, &ext) != GIF_OK)
			return (-1);
		if (code == GRAPHICS_EXT_FUNC_CODE && ext != NULL)
			(void)DGifExtensionToGCB(ext[0], ext + 1, &g->control);
		while (ext != NULL)
			if (DGifGetExtensionNext(f, &ext) != GIF_OK)
				return (-1);
	}
}

/* -1 when its rows end early; those that are there are drawn. */
static int
draw_frame(struct gif *g)
{
	static const int first[] = {0, 4, 2, 1, 0}, step[] = {8, 8, 4, 2, 1};
	const GifImageDesc *d = &g->file->Image;
	int pass = d->Interlace ? 0 : 4, end = d->Interlace ? 4 : 5, r = 0;
	GifPixelType *row = malloc((size_t)d->Width);

	for (; row != NULL && pass < end; pass++)
		for (int y = first[pass]; r == 0 && y < d->Height;
		    y += step[pass])
			if (DGifGetLine(g->file, row, d->Width) == GIF_OK)
				draw_row(g, row, d->Top + y);
			else
				r = -1;
	if (row == NULL)
		r = -1;
	free(row);
	return (r);
}

int
gif_next(struct gif *g, const struct picture **seen, int *ms)
{
	size_t size = (size_t)g->canvas.w * (size_t)g->canvas.h * 4;
	const GifImageDesc *d = &g->file->Image;
	int r = find_frame(g);

	if (r <= 0)
		return (r);
	if (d->Left < 0 || d->Top < 0 || d->Width <= 0 || d->Height <= 0 ||
	    (uint64_t)d->Width * (uint64_t)d->Height > g->max_pixels ||
	    (d->ColorMap == NULL && g->file->SColorMap == NULL))
		return (-1);
	dispose(g);
	if (g->control.DisposalMode == DISPOSE_PREVIOUS) {
		if (g->saved == NULL && (g->saved = malloc(size)) == NULL)
			return (-1);
		memcpy(g->saved, g->canvas.px, size);
	}
	g->last = *d;
	g->last_disposal = g->control.DisposalMode;
	r = draw_frame(g);
	*seen = &g->canvas;
	/* As browsers do: what wants to be faster than them is slow. */
	*ms = g->control.DelayTime <= 1 ? 100 : g->control.DelayTime * 10;
	return (r == 0 ? 1 : -1);
}

int
decode_gif(struct job *job, const uint8_t *data, size_t len,
    const struct wanted *wanted, struct picture *p)
{
	struct gif *g = gif_open(job, data, len, wanted);
	const struct picture *seen;
	int r = 0, ms;

	if (g == NULL)
		return (-1);
	if (gif_next(g, &seen, &ms) != 1 ||
	    (find_frame(g) < 0 && g->at == g->len))
		r = job_fail(job, 422, "the GIF is broken or cut off");
	else {
		*p = g->canvas;
		g->canvas.px = NULL;
		find_alpha(p);
	}
	gif_close(g);
	return (r);
}
