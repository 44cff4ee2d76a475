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
	bool inside;	/* and one that fits inside, too */
};

/*
 * All functions: 0, or -1 after job_fail(). A decoder checks the header's
 * size by picture_check() or picture_new() before it asks for memory.
 */
int picture_check(struct job *job, uint64_t max_pixels, uint64_t w,
    uint64_t h);
int picture_new(struct job *job, uint64_t max_pixels, uint64_t w, uint64_t h,
    struct picture *p);
/* Replace the pixels of p by those of q, which becomes empty. */
void picture_replace(struct picture *p, struct picture *q);
/* Look whether some pixel is transparent. */
void find_alpha(struct picture *p);
/* The same of colours that are multiplied by it, which are no longer. */
void unmultiply(struct picture *p);

/* exif.c: by a TIFF header and its directory. */
#define EXIF_MAX 65000
enum keep { KEEP_COPYRIGHT, KEEP_ALL, KEEP_NONE };
/* 1 to 8. */
int exif_orientation(const uint8_t *t, size_t len);
/* The value of a tag of bytes or text, in the directory itself; or NULL. */
const uint8_t *exif_bytes(const uint8_t *t, size_t len, unsigned tag,
    size_t *size);
/* What is kept of it, malloc'ed and upright; NULL: nothing. */
uint8_t *exif_kept(const uint8_t *t, size_t len, enum keep keep,
    size_t *out_len);

/* metadata.c: what a file says beside its pixels. */
struct metadata {
	const uint8_t *exif;		/* a TIFF header and on; the file's */
	size_t exif_len;
	uint8_t *unpacked;		/* malloc'ed: may have EXIF in it */
	bool whole;			/* which is the whole file */
	uint8_t *icc;			/* malloc'ed */
	size_t icc_len;
};
void metadata_read(const uint8_t *data, size_t len, struct metadata *m);
void metadata_set_profile(struct metadata *m, const uint8_t *icc, size_t len);
void avif_metadata(const uint8_t *data, size_t len, struct metadata *m);

/* icc.c: nothing happens for profiles that are not understood. */
void icc_to_srgb(struct picture *p, const uint8_t *icc, size_t len);
/* By the numbers of ITU-T H.273 for primaries and transfer. */
void cicp_to_srgb(struct picture *p, unsigned primaries, unsigned transfer);
/* Light to the number of sRGB, both from 0 to 1. */
double to_srgb(double light);

/*
 * decode.c: any format, in sRGB; *format is what all clients can show of it,
 * PNG or JPEG; of *meta there is the EXIF, which is a part of the data.
 */
int decode(struct job *job, const void *data, size_t len,
    const struct wanted *wanted, struct picture *p, enum format *format,
    struct metadata *meta);
/* png.c, jpeg.c, tiff.c, avif_read.c, jxl.c */
int decode_png(struct job *job, const uint8_t *data, size_t len,
    const struct wanted *wanted, struct picture *p);
int decode_jpeg(struct job *job, const uint8_t *data, size_t len,
    const struct wanted *wanted, struct picture *p);
int decode_tiff(struct job *job, const uint8_t *data, size_t len,
    const struct wanted *wanted, struct picture *p);
int decode_avif(struct job *job, const uint8_t *data, size_t len,
    const struct wanted *wanted, struct picture *p);
int decode_jxl(struct job *job, const uint8_t *data, size_t len,
    const struct wanted *wanted, struct picture *p);

/* svg.c; to be prepared once, or else the first picture prepares it. */
int svg_prepare(struct job *job);
bool is_svg(const uint8_t *data, size_t len);
int decode_svg(struct job *job, const uint8_t *data, size_t len,
    const struct wanted *wanted, struct picture *p);

/* heic.c; refuses, in a build without HEIC. */
bool is_heic(const uint8_t *data, size_t len);
int decode_heic(struct job *job, const uint8_t *data, size_t len,
    const struct wanted *wanted, struct picture *p);

/*
 * budget.c: run(job, arg) with no more memory than this in use: its result, or
 * -1 after job_fail() when it needs more (413) or calls abort (422), both also
 * from C++. It may raise the limit itself. A run within another one has no more
 * than that has left.
 */
int budget_run(struct job *job, const char *what, size_t bytes,
    int (*run)(struct job *, void *), void *arg);
void budget_more(size_t bytes);
/* From here on, what malloc() gives is zero: for who does not write to all. */
void budget_zeroed(void);
size_t budget_left(void);

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

/* adjust.c: colours and sharpness. Flatten: lay a colour below. */
void flatten(struct picture *p, const uint8_t background[4]);
/* The pixel s over d, neither of them premultiplied; opacity: 255 is all. */
void over(uint8_t *d, const uint8_t *s, unsigned opacity);
void adjust(struct picture *p, double brightness, double contrast,
    double gamma);
/* 0: grey, 1: as it is. */
void saturate(struct picture *p, double factor);
int blur(struct job *job, struct picture *p, double sigma);
int sharpen(struct job *job, struct picture *p, double amount);

/* encode.c, png.c, avif_write.c: malloc'ed bytes. */
struct encoding {
	enum format format;
	int quality;			/* 1 to 100 */
	int speed;			/* 0 slow to 10 fast */
	bool lossless, progressive;
	uint8_t *exif;			/* goes into the file; NULL: none */
	size_t exif_len;
};
int encode(struct job *job, const struct picture *p, const struct encoding *e,
    uint8_t **out, size_t *len);
int encode_png(struct job *job, const struct picture *p,
    const struct encoding *e, uint8_t **out, size_t *len);
int encode_avif(struct job *job, const struct picture *p,
    const struct encoding *e, uint8_t **out, size_t *len);

/* metadata.c: e->exif into encoded bytes, which are replaced. */
int metadata_write(struct job *job, const struct encoding *e, uint8_t **out,
    size_t *len);

/* parse.c: "left", or {"x": 0, "y": 0.5}, or NULL, which is the middle. */
int parse_gravity(struct job *job, const char *json, struct gravity *g);

/* The part that {"x": 0, "y": 0, "width": 9, "height": 9} says, if any is. */
int crop_part(struct job *job, struct picture *p, const char *json);

/* "#fff", "#rrggbbaa", "red" of that option; NULL is white. */
int parse_colour(struct job *job, const char *option, const char *text,
    uint8_t colour[4]);

/*
 * draw.c: read what is to lie on top, once: a list of layers, and one layer of
 * text, either of which may be NULL; put it on a picture.
 */
int draw_load(struct job *job, const char *list, const char *text,
    uint64_t max_pixels);
int draw(struct job *job, struct picture *p);

/* text.c: words as a picture that is transparent but for them. */
struct text_style {
	const char *font;	/* a file's name; NULL: the one built in */
	int size;			/* pixels of an em */
	double align;			/* of short lines: 0 left, 1 right */
	uint8_t colour[4];
};
int text_prepare(struct job *job);
const uint8_t *built_in_font(size_t *len);
int text_picture(struct job *job, const char *utf8, const struct text_style *s,
    uint64_t max_pixels, struct picture *p);

/* rehearse.c: once, before the first picture. */
int rehearse(struct job *job);

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
/* After its last frame: was that the end (422: no), and was there one? */
int animation_ended(struct job *job, int last, bool any);
void animation_close(struct animation *a);
struct animator *animator_new(struct job *job, const struct animation *a,
    const struct picture *first, const struct encoding *e);
int animator_add(struct job *job, struct animator *to, const struct picture *p,
    int ms);
/* The frame of that number, counted from 0, or the last one. */
int animation_still(struct job *job, const uint8_t *data, size_t len,
    const struct wanted *wanted, int64_t number, struct picture *p);
int animator_end(struct job *job, struct animator *to, bool wanted,
    uint8_t **out, size_t *len);

#endif
