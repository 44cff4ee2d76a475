/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * image: pictures to the size, section, look and format that are wanted. The
 * order is fixed: decode, to sRGB, upright, crop, trim, rotate and flip, fit,
 * adjust, draw, encode.
 */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "image.h"

struct options {
	int64_t width, height, speed, rotate, max_bytes;
	int64_t max_pixels, max_memory, trim_threshold;
	double dpr, blur, sharpen, brightness, contrast, gamma, saturation;
	int fit, format, flip, metadata;
	int64_t max_frames, frame;
	bool lossless, progressive, trim, anim, grayscale;
	const char *quality, *gravity, *background, *draw, *text, *crop;
};

/* Another name of FORMAT_JPEG, behind all formats. */
enum { FORMAT_JPG = FORMAT_PNG + 1 };

static const struct job_option options[] = {
	JOB_INT(struct options, width, 0, 0, SIDE_MAX,
	    "pixels; 0: as the height has it"),
	JOB_INT(struct options, height, 0, 0, SIDE_MAX,
	    "pixels; 0: as the width has it"),
	JOB_NUM(struct options, dpr, 1, 0.1, 10,
	    "device pixels: width and height times this"),
	JOB_CHOICE(struct options, fit, FIT_SCALE_DOWN,
	    "scale-down|contain|cover|crop|pad",
	    "scale-down never enlarges; contain fits inside; cover fills and "
	    "cuts; crop is cover that never enlarges; pad is contain on a "
	    "background"),
	JOB_JSON(struct options, gravity,
	    "what stays when it is cut: center, left, right, top, bottom, "
	    "attention (or entropy), or {x, y} from 0 to 1"),
	JOB_CHOICE(struct options, format, FORMAT_AUTO,
	    "auto|webp|avif|jpeg|png|jpg",
	    "auto: what Accept allows, AVIF before WebP, else JPEG or PNG"),
	JOB_JSON(struct options, quality,
	    "1 is small, 100 good; {webp, avif, jpeg}: of each format"),
	JOB_BOOL(struct options, lossless, false, "WebP and AVIF without loss"),
	JOB_INT(struct options, speed, 5, 0, 10,
	    "0 is small, 10 fast; for AVIF 8 is a good choice"),
	JOB_BOOL(struct options, progressive, true, "JPEG in several scans"),
	JOB_INT(struct options, max_bytes, 0, 0, 1 << 30,
	    "the best quality, up to quality, that is not larger; 0: any"),
	JOB_BOOL(struct options, anim, true,
	    "animations stay some when the format is WebP"),
	JOB_INT(struct options, max_frames, 500, 1, 10000,
	    "animations end after as many"),
	JOB_INT(struct options, frame, 0, 0, 10000,
	    "which frame of an animation a still picture is made of"),
	JOB_CHOICE(struct options, metadata, KEEP_COPYRIGHT,
	    "copyright|keep|none",
	    "what stays of the EXIF: artist and copyright, all, nothing"),
	JOB_JSON(struct options, crop,
	    "the part of it to begin with, {x, y, width, height} in pixels"),
	JOB_BOOL(struct options, trim, false, "cut a border of one colour"),
	JOB_INT(struct options, trim_threshold, 10, 0, 255,
	    "how much a border may differ from its corner"),
	JOB_INT(struct options, rotate, 0, -270, 270,
	    "90, 180 or 270 degrees clockwise, below 0 the other way"),
	JOB_CHOICE(struct options, flip, 0, "none|h|v|hv",
	    "mirrored from left to right, from top to bottom, both"),
	JOB_NUM(struct options, blur, 0, 0, 250, "sigma of a bell, pixels"),
	JOB_NUM(struct options, sharpen, 0, 0, 10, "1 is clearly visible"),
	JOB_NUM(struct options, brightness, 1, 0, 10, "factor"),
	JOB_NUM(struct options, contrast, 1, 0, 10, "factor"),
	JOB_NUM(struct options, gamma, 1, 0.1, 10, "above 1 is brighter"),
	JOB_NUM(struct options, saturation, 1, 0, 10, "factor; 0 is grey"),
	JOB_BOOL(struct options, grayscale, false, "no colours"),
	JOB_JSON(struct options, draw,
	    "pictures and words on top: [{url or text, font, size, color, "
	    "gravity, margin, top, left, bottom, right, width, scale, opacity, "
	    "repeat}]"),
	JOB_JSON(struct options, text,
	    "words on top: {text, font, size, color, gravity and so on}, as in "
	    "draw"),
	JOB_STR(struct options, background, NULL, 20,
	    "#rgb, #rrggbb, #rrggbbaa or a name, behind what is transparent; "
	    "for formats without transparency and pad it is white"),
	JOB_INT(struct options, max_pixels, 40000000, 1, 400000000,
	    "pictures with more are refused before they are decoded"),
	JOB_INT(struct options, max_memory, 440, 16, 65536,
	    "MiB; what needs more is refused, before the machine's own limit "
	    "ends it"),
	JOB_END
};

struct qualities {
	int64_t webp, avif, jpeg;
};

static const struct job_option qualities[] = {
	JOB_INT(struct qualities, webp, 75, 1, 100, "of WebP"),
	JOB_INT(struct qualities, avif, 75, 1, 100, "of AVIF"),
	JOB_INT(struct qualities, jpeg, 75, 1, 100, "of JPEG"),
	JOB_END
};

/* What is to be done, and what is known of the input. */
struct task {
	const struct options *o;
	struct qualities quality;
	uint8_t background[4];
	struct wanted wanted;
	struct metadata meta;
};

/*--- options that need a look ---------------------------------------------*/

/* One number for all, or an object. */
static int
parse_quality(struct job *job, const char *json, struct qualities *q)
{
	long all = 75;
	char *end = "";

	if (json != NULL && *json == '{')
		return (job_options(job, "quality", json, qualities, q,
		    sizeof *q));
	if (json != NULL)
		all = strtol(json, &end, 10);
	if (*end != '\0' || all < 1 || all > 100)
		return (job_fail(job, 400, "option \"quality\" is between 1 "
		    "and 100, or {\"webp\": 80, \"avif\": 60, \"jpeg\": 85}"));
	*q = (struct qualities){all, all, all};
	return (0);
}

/* Does an Accept header name this type, and not with a quality of 0? */
static bool
accepts(const char *accept, const char *type)
{
	const char *at = accept == NULL ? NULL : strcasestr(accept, type);
	const char *q;
	size_t n;

	if (at == NULL)
		return (false);
	at += strlen(type);
	n = strcspn(at, ",");
	q = memmem(at, n, "q=", 2);
	return (q == NULL || strtod(q + 2, NULL) > 0);
}

static enum format
choose_format(const struct options *o, enum format was)
{
	char *accept;

	if (o->format != FORMAT_AUTO)
		return ((enum format)o->format);
	job_set_header("Vary: Accept");
	accept = job_header("Accept");
	if (accepts(accept, "image/avif"))
		return (FORMAT_AVIF);
	return (accepts(accept, "image/webp") ? FORMAT_WEBP : was);
}

/* Of an animation, which no other format that we write can be. */
static bool
wants_webp(const struct options *o)
{
	char *accept;
	bool yes;

	if (o->format != FORMAT_AUTO)
		return (o->format == FORMAT_WEBP);
	accept = job_header("Accept");
	yes = accepts(accept, "image/webp");
	free(accept);
	if (yes)
		job_set_header("Vary: Accept");
	return (yes);
}

/*--- the way of a picture -------------------------------------------------*/

static int
scaled(int64_t v, double dpr)
{
	double d = (double)v * dpr;

	return (d > SIDE_MAX ? SIDE_MAX : d < 1 && v != 0 ? 1 :
	    (int)lround(d));
}

static int
shape(struct job *job, const struct task *t, struct picture *p)
{
	/* What is padded is transparent until look() lays the colour below. */
	static const uint8_t clear[4], white[4] = {255, 255, 255, 255};
	const struct options *o = t->o;
	struct gravity g;

	if (o->rotate % 90 != 0)
		return (job_fail(job, 400,
		    "option \"rotate\" is 0, 90, 180, 270, -90 and so on"));
	if (parse_gravity(job, o->gravity, &g) != 0 ||
	    turn_upright(job, p) != 0 ||
	    (o->crop != NULL && crop_part(job, p, o->crop) != 0) ||
	    (o->trim && trim(job, p, (int)o->trim_threshold) != 0) ||
	    turn(job, p, (int)o->rotate, o->flip & 1, o->flip & 2) != 0)
		return (-1);
	return (fit(job, p, (enum fit)o->fit, scaled(o->width, o->dpr),
	    scaled(o->height, o->dpr), &g,
	    o->background != NULL ? clear : white, (uint64_t)o->max_pixels));
}

/* The best quality whose result is small enough, by halving. */
static int
encode_within(struct job *job, const struct picture *p, struct encoding *e,
    int64_t max_bytes, uint8_t **out, size_t *len)
{
	int low = 1, high = e->quality;
	uint8_t *best = NULL;
	size_t best_len = 0;

	if (encode(job, p, e, out, len) != 0)
		return (-1);
	if (max_bytes == 0 || *len <= (size_t)max_bytes)
		return (0);
	free(*out);
	for (high--; low <= high;) {
		e->quality = (low + high) / 2;
		if (encode(job, p, e, out, len) != 0)
			return (-1);
		if (*len <= (size_t)max_bytes) {
			free(best);
			best = *out;
			best_len = *len;
			low = e->quality + 1;
		} else {
			free(*out);
			high = e->quality - 1;
		}
	}
	if (best == NULL)
		return (job_fail(job, 422, "no quality makes it as small as "
		    "max_bytes; make it smaller in pixels"));
	*out = best;
	*len = best_len;
	return (0);
}

/* What changes the pixels but not their number. */
static int
look(struct job *job, const struct task *t, struct picture *p,
    enum format format)
{
	static const uint8_t white[4] = {255, 255, 255, 255};
	const struct options *o = t->o;

	if (o->background != NULL)
		flatten(p, t->background);
	if (format == FORMAT_JPEG)
		flatten(p, white);
	adjust(p, o->brightness, o->contrast, o->gamma);
	saturate(p, o->grayscale ? 0 : o->saturation);
	if (blur(job, p, o->blur) != 0)
		return (-1);
	if (sharpen(job, p, o->sharpen) != 0)
		return (-1);
	return (draw(job, p));
}

/* With EXIF that is malloc'ed. */
static struct encoding
encoding_of(const struct task *t, enum format format)
{
	const struct options *o = t->o;
	struct encoding e = {
		.format = format, .speed = (int)o->speed,
		.lossless = o->lossless, .progressive = o->progressive,
	};
	enum keep keep = (enum keep)o->metadata;

	e.quality = (int)(format == FORMAT_AVIF ? t->quality.avif :
	    format == FORMAT_JPEG ? t->quality.jpeg : t->quality.webp);
	if (t->meta.whole && keep == KEEP_ALL)
		keep = KEEP_COPYRIGHT;
	if (t->meta.exif != NULL)
		e.exif = exif_kept(t->meta.exif, t->meta.exif_len, keep,
		    &e.exif_len);
	return (e);
}

static int
finish(struct job *job, const struct task *t, struct picture *p,
    enum format was)
{
	static const char *const types[] = {
		[FORMAT_WEBP] = "image/webp", [FORMAT_AVIF] = "image/avif",
		[FORMAT_JPEG] = "image/jpeg", [FORMAT_PNG] = "image/png",
	};
	struct encoding e = encoding_of(t, choose_format(t->o, was));
	uint8_t *out;
	size_t len;
	int r;

	r = look(job, t, p, e.format);
	if (r == 0)
		r = encode_within(job, p, &e, t->o->lossless ||
		    e.format == FORMAT_PNG ? 0 : t->o->max_bytes, &out, &len);
	free(e.exif);
	return (r != 0 ? -1 : job_answer(job, types[e.format], out, len));
}

/* For again(). */
static struct picture last;
static const void *last_out;

/*--- animations: each frame goes the same way ------------------------------*/

static int
add_frames(struct job *job, const struct task *t, struct animation *a,
    const struct encoding *e, struct animator **to)
{
	struct picture p;
	int64_t n;
	int ms, r = 0, next = 1;

	for (n = 0; n < t->o->max_frames && r == 0; n++) {
		next = animation_next(a, &p, &ms);
		if (next != 1)
			break;
		icc_to_srgb(&p, t->meta.icc, t->meta.icc_len);
		if (shape(job, t, &p) != 0 ||
		    look(job, t, &p, FORMAT_WEBP) != 0 ||
		    (*to == NULL &&
		    (*to = animator_new(job, a, &p, e)) == NULL))
			r = -1;
		else
			r = animator_add(job, *to, &p, ms);
		free(p.px);
	}
	return (r != 0 ? -1 : animation_ended(job, next, n != 0));
}

static int
encode_frames(struct job *job, const struct task *t, struct animation *a,
    uint8_t **out, size_t *len)
{
	struct encoding e = encoding_of(t, FORMAT_WEBP);
	struct animator *to = NULL;
	int r = add_frames(job, t, a, &e, &to);

	if (to != NULL && animator_end(job, to, r == 0, out, len) != 0)
		r = -1;
	if (r == 0)
		r = metadata_write(job, &e, out, len);
	free(e.exif);
	return (r);
}

static int
animate(struct job *job, const struct task *t)
{
	struct options o = *t->o;
	struct task same = *t;
	struct animation *a = animation_open(job, job->in, job->in_len,
	    &t->wanted);
	struct gravity g;
	uint8_t *out = NULL;
	size_t len = 0;
	int r;

	if (a == NULL)
		return (-1);
	/* What looks at the pixels would differ from frame to frame. */
	o.trim = false;
	if (parse_gravity(job, o.gravity, &g) == 0 && g.attention)
		o.gravity = NULL;
	same.o = &o;
	metadata_read(job->in, job->in_len, &same.meta);
	r = encode_frames(job, &same, a, &out, &len);
	animation_close(a);
	free(same.meta.icc);
	if (r == 0 && o.max_bytes != 0 && len > (size_t)o.max_bytes)
		r = job_fail(job, 422, "the animation is larger than "
		    "max_bytes");
	if (r != 0) {
		free(out);
		return (-1);
	}
	last_out = out;
	return (job_answer(job, "image/webp", out, len));
}

/*--- one picture ----------------------------------------------------------*/

/* How large the picture has to be; with a border to cut off, all of it. */
static void
find_wanted(const struct options *o, struct wanted *wanted)
{
	int w = scaled(o->width, o->dpr), h = scaled(o->height, o->dpr);
	bool swap = o->rotate == 90 || o->rotate == 270;

	wanted->max_pixels = (uint64_t)o->max_pixels;
	/* Pixels are counted, or looked at, before it is made smaller. */
	if (o->trim || o->crop != NULL)
		return;
	wanted->w = swap ? h : w;
	wanted->h = swap ? w : h;
	wanted->inside = o->fit != FIT_COVER && o->fit != FIT_CROP;
}

static int
answer(struct job *job, void *chosen)
{
	const struct options *o = chosen;
	struct task t = {.o = o};
	enum format was = FORMAT_PNG;
	struct picture p;
	bool animation;
	int r;

	find_wanted(o, &t.wanted);
	if (parse_quality(job, o->quality, &t.quality) != 0 ||
	    parse_colour(job, "background", o->background,
	    t.background) != 0 ||
	    draw_load(job, o->draw, o->text, t.wanted.max_pixels) != 0)
		return (-1);
	animation = is_animation(job->in, job->in_len);
	if (o->anim && animation && wants_webp(o))
		return (animate(job, &t));
	if ((o->frame > 0 && animation ?
	    animation_still(job, job->in, job->in_len, &t.wanted, o->frame,
	    &p) : decode(job, job->in, job->in_len, &t.wanted, &p, &was,
	    &t.meta)) != 0)
		return (-1);
	r = shape(job, &t, &p) != 0 ? -1 : finish(job, &t, &p, was);
	free(t.meta.unpacked);
	if (r != 0) {
		free(p.px);
		return (-1);
	}
	last = p;
	last_out = job->out;
	return (0);
}

static int
run(struct job *job, const void *chosen)
{
	struct options o = *(const struct options *)chosen;
	size_t limit = (size_t)o.max_memory << 20, in = job->in_len;

	if (o.format == FORMAT_JPG)
		o.format = FORMAT_JPEG;
	o.rotate = (o.rotate + 360) % 360;
	return (budget_run(job, "picture", limit > in ? limit - in : 0,
	    answer, &o));
}

/* What is made once here, every request has. */
static int
prepare(struct job *job, const void *chosen)
{
	(void)chosen;
	return (text_prepare(job) != 0 || svg_prepare(job) != 0 ? -1 :
	    rehearse(job));
}

static void
again(void)
{
	free(last.px);
	free((void *)(uintptr_t)last_out);
	last.px = NULL;
	last_out = NULL;
}

static const struct job_program program = {
	.name = "image",
	.summary = "Pictures to the size, section, look and format wanted.",
	.options = options,
	.options_size = sizeof(struct options),
	.run = run,
	.bare = "quality",
	.prepare = prepare,
	.again = again,
};

int
main(int argc, char **argv)
{
	return (job_main(&program, argc, argv));
}
