/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * image.h: the stations of a picture: decode, turn, fit, adjust, encode. Each
 * is a file; image.c has the options and the order.
 */
#ifndef IMAGE_H
#define IMAGE_H

#include "job.h"

/* Pixels of four bytes, R G B A, not premultiplied, row by row. */
struct picture {
	uint8_t *px;
	int w, h;
	bool alpha;			/* some pixel may be transparent */
	int orientation;		/* as EXIF has it, 1 to 8 */
};

#define SIDE_MAX 32767
enum format { FORMAT_AUTO, FORMAT_WEBP, FORMAT_AVIF, FORMAT_JPEG, FORMAT_PNG };

/* What is wanted of a decoder. */
struct wanted {
	uint64_t max_pixels;
	int w, h;	/* a picture this large is enough; 0: as it is */
};

/*
 * All functions: 0, or -1 after job_fail(). A decoder checks the header's
 * size by picture_new() before it asks for memory.
 */
int picture_new(struct job *job, uint64_t max_pixels, uint64_t w, uint64_t h,
    struct picture *p);
/* Replace the pixels of p by those of q, which becomes empty. */
void picture_replace(struct picture *p, struct picture *q);
/* Look whether some pixel is transparent. */
void find_alpha(struct picture *p);

/* decode.c: any format; *format is what it was, as far as we write it. */
int decode(struct job *job, const void *data, size_t len,
    const struct wanted *wanted, struct picture *p, enum format *format);
/* jpeg.c, tiff.c, avif.c */
int decode_jpeg(struct job *job, const uint8_t *data, size_t len,
    const struct wanted *wanted, struct picture *p);
int decode_tiff(struct job *job, const uint8_t *data, size_t len,
    const struct wanted *wanted, struct picture *p);
int decode_avif(struct job *job, const uint8_t *data, size_t len,
    const struct wanted *wanted, struct picture *p);

/*
 * gif.c: frames in turn, as what is then seen, which stays the GIF's; 1: *seen
 * and *ms are set, 0: there are no more, -1: it is broken.
 */
struct gif;
struct gif *gif_open(struct job *job, const uint8_t *data, size_t len,
    const struct wanted *wanted);
int gif_next(struct gif *g, const struct picture **seen, int *ms);
void gif_close(struct gif *g);
int decode_gif(struct job *job, const uint8_t *data, size_t len,
    const struct wanted *wanted, struct picture *p);

/* exif.c: 1 to 8 by a TIFF header and its directory; by a PNG's or a WebP's. */
int exif_orientation(const uint8_t *t, size_t len);
int chunk_orientation(const uint8_t *data, size_t len, bool png);

/* turn.c: whole turns and mirrors; what is only a border. */
int turn_upright(struct job *job, struct picture *p);
int turn(struct job *job, struct picture *p, int degrees, bool mirror_x,
    bool mirror_y);
int trim(struct job *job, struct picture *p, int threshold);

/* resize.c: by Lanczos' kernel in linear light. */
int resize(struct job *job, struct picture *p, int w, int h);

/* fit.c: to a size. */
enum fit { FIT_SCALE_DOWN, FIT_CONTAIN, FIT_COVER, FIT_CROP, FIT_PAD };
struct gravity {
	bool attention;			/* where there is most to see */
	double x, y;			/* 0 left and top, 1 right and bottom */
};
int crop(struct job *job, struct picture *p, int x, int y, int w, int h);
int fit(struct job *job, struct picture *p, enum fit how, int w, int h,
    const struct gravity *g, const uint8_t background[4],
    uint64_t max_pixels);

/* adjust.c: colours and sharpness. */
void flatten(struct picture *p, const uint8_t background[4]);
void adjust(struct picture *p, double brightness, double contrast,
    double gamma);
int blur(struct job *job, struct picture *p, double sigma);
int sharpen(struct job *job, struct picture *p, double amount);

/* encode.c, avif.c: malloc'ed bytes. */
struct encoding {
	enum format format;
	int quality;			/* 1 to 100 */
	int speed;			/* 0 slow to 10 fast */
	bool lossless, progressive;
};
int encode(struct job *job, const struct picture *p, const struct encoding *e,
    uint8_t **out, size_t *len);
int encode_avif(struct job *job, const struct picture *p,
    const struct encoding *e, uint8_t **out, size_t *len);

/* image.c: "left", or {"x": 0, "y": 0.5}, or NULL, which is the middle. */
int parse_gravity(struct job *job, const char *json, struct gravity *g);

/* draw.c: read what is to lie on top, once; put it on a picture. */
int draw_load(struct job *job, const char *json, uint64_t max_pixels);
void draw(struct picture *p);

/* encode.c: libwebp's settings of e. */
struct WebPConfig;
int webp_config(struct WebPConfig *c, const struct encoding *e);

/* anim.c: more than one frame? Then each, as a picture of the caller's. */
struct animation;
struct animator;
bool is_animation(const uint8_t *data, size_t len);
struct animation *animation_open(struct job *job, const uint8_t *data,
    size_t len, const struct wanted *wanted);
int animation_next(struct animation *a, struct picture *frame, int *ms);
void animation_close(struct animation *a);
struct animator *animator_new(struct job *job, const struct animation *a,
    const struct picture *first, const struct encoding *e);
int animator_add(struct job *job, struct animator *to, const struct picture *p,
    int ms);
int animator_end(struct job *job, struct animator *to, bool wanted,
    uint8_t **out, size_t *len);

#endif
