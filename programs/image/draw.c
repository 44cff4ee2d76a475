/* SPDX-License-Identifier: BSD-2-Clause */
/* draw.c: other pictures and words on top, such as a watermark. */
#include <json-c/json.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "image.h"

#define LAYERS_MAX 8
#define NOWHERE (-1000000)		/* of a side that is not given */

struct layer_options {
	const char *url, *text, *font, *color, *gravity, *repeat;
	int64_t width, margin, size, top, left, bottom, right;
	double opacity, scale;
};

static const struct job_option layer_options[] = {
	JOB_STR(struct layer_options, url, NULL, 1 << 20,
	    "where the picture is, or data:image/png;base64,..."),
	JOB_STR(struct layer_options, text, NULL, 1000, "words"),
	JOB_STR(struct layer_options, font, NULL, 1000,
	    "a font's file, one of allowed_paths"),
	JOB_INT(struct layer_options, size, 32, 4, 2000,
	    "of the words, pixels"),
	JOB_STR(struct layer_options, color, NULL, 20, "of the words"),
	JOB_JSON(struct layer_options, gravity, "as of the picture"),
	JOB_INT(struct layer_options, margin, 0, 0, SIDE_MAX,
	    "between it and the sides, or its repetitions"),
	JOB_INT(struct layer_options, top, NOWHERE, -SIDE_MAX, SIDE_MAX,
	    "pixels from there"),
	JOB_INT(struct layer_options, left, NOWHERE, -SIDE_MAX, SIDE_MAX,
	    "pixels from there"),
	JOB_INT(struct layer_options, bottom, NOWHERE, -SIDE_MAX, SIDE_MAX,
	    "pixels from there"),
	JOB_INT(struct layer_options, right, NOWHERE, -SIDE_MAX, SIDE_MAX,
	    "pixels from there"),
	JOB_INT(struct layer_options, width, 0, 0, SIDE_MAX, "pixels"),
	JOB_NUM(struct layer_options, scale, 0, 0, 1,
	    "its width as a part of the picture's"),
	JOB_NUM(struct layer_options, opacity, 1, 0, 1, "0: invisible"),
	JOB_JSON(struct layer_options, repeat, "true, \"x\" or \"y\""),
	JOB_END
};

static struct layer {
	struct layer_options o;
	struct gravity at;
	bool repeat_x, repeat_y;
	struct picture source;		/* as it came; none of words */
	uint64_t max_pixels;
	int for_width;			/* p is for pictures so wide */
	struct picture p;
} layers[LAYERS_MAX + 1];
static int count;

/*--- where it comes from --------------------------------------------------*/

/* What stands behind "data:TYPE;base64,". */
static int
read_data_url(struct job *job, const char *url, const void **data, size_t *len)
{
	const char *text = strstr(url, ";base64,");
	size_t n = text == NULL ? 0 : strlen(text += 8), wrong;
	void *out = malloc(BASE64_DECODED(n));

	if (text == NULL || out == NULL ||
	    !base64_decode(text, n, out, len, &wrong)) {
		free(out);
		return (job_fail(job, 400, "option \"draw\": a data: URL is "
		    "data:image/png;base64,..."));
	}
	*data = out;
	return (0);
}

static int
load_picture(struct job *job, struct layer *l)
{
	const struct wanted wanted = {.max_pixels = l->max_pixels,
	    .w = (int)l->o.width};
	const char *url = l->o.url, *type = "";
	struct metadata meta;
	const void *data;
	enum format was;
	size_t len;

	if ((strncmp(url, "data:", 5) == 0 ?
	    read_data_url(job, url, &data, &len) :
	    job_fetch(job, url, &data, &len, &type)) != 0 ||
	    decode(job, data, len, &wanted, &l->source, &was, &meta) != 0)
		return (-1);
	free(meta.unpacked);
	return (turn_upright(job, &l->source));
}

/* A copy of the source, as wide. */
static int
resized(struct job *job, const struct layer *l, int width, struct picture *p)
{
	const struct picture *s = &l->source;
	int64_t h;

	if (picture_new(job, l->max_pixels, (uint64_t)s->w, (uint64_t)s->h,
	    p) != 0)
		return (-1);
	memcpy(p->px, s->px, (size_t)s->w * (size_t)s->h * 4);
	p->alpha = s->alpha;
	if (width == 0)
		return (0);
	h = ((int64_t)s->h * width + s->w / 2) / s->w;
	if (h < 1)
		h = 1;
	if (h > SIDE_MAX || (uint64_t)width * (uint64_t)h > l->max_pixels)
		return (job_fail(job, 413, "option \"draw\": a picture would "
		    "have more than max_pixels"));
	return (resize(job, p, width, (int)h));
}

/* Words of their size, or of the one at which they are as wide. */
static int
written(struct job *job, const struct layer *l, int width, struct picture *p)
{
	struct text_style s = {.font = l->o.font, .size = (int)l->o.size,
	    .align = l->at.attention ? 0.5 : l->at.x};
	double size;

	if (parse_colour(job, "color", l->o.color, s.colour) != 0)
		return (-1);
	if (width != 0) {
		s.size = 100;
		if (text_picture(job, l->o.text, &s, l->max_pixels, p) != 0)
			return (-1);
		size = 100.0 * width / p->w;
		s.size = size < 4 ? 4 : size > 2000 ? 2000 : (int)size;
		free(p->px);
		p->px = NULL;
	}
	return (text_picture(job, l->o.text, &s, l->max_pixels, p));
}

/* Make the layer's picture as large as one so wide wants it. */
static int
suit(struct job *job, struct layer *l, int picture_width)
{
	int width = (int)l->o.width, r;

	if (l->p.px != NULL &&
	    (l->o.scale == 0 || l->for_width == picture_width))
		return (0);
	if (l->o.scale != 0)
		width = (int)ceil(l->o.scale * picture_width);
	free(l->p.px);
	l->p.px = NULL;
	l->for_width = picture_width;
	r = l->o.text != NULL ? written(job, l, width, &l->p) :
	    resized(job, l, width, &l->p);
	return (r);
}

/*--- what is to be done ---------------------------------------------------*/

static int
parse_repeat(struct job *job, struct layer *l)
{
	const char *how = l->o.repeat == NULL ? "false" : l->o.repeat;
	bool both = strcmp(how, "true") == 0;

	l->repeat_x = both || strcmp(how, "\"x\"") == 0;
	l->repeat_y = both || strcmp(how, "\"y\"") == 0;
	if (l->repeat_x || l->repeat_y || strcmp(how, "false") == 0)
		return (0);
	return (job_fail(job, 400, "option \"repeat\" of a layer is true, "
	    "false, \"x\" or \"y\""));
}

/* Words without a scale are read at once: a font that is none is told first. */
static int
load_layer(struct job *job, const char *option, const char *json,
    uint64_t max_pixels)
{
	struct layer *l = &layers[count];

	memset(l, 0, sizeof *l);
	l->max_pixels = max_pixels;
	if (json[0] != '{')
		return (job_fail(job, 400, "option \"%s\" is of objects",
		    option));
	if (job_options(job, option, json, layer_options, &l->o,
	    sizeof l->o) != 0)
		return (-1);
	count++;
	if ((l->o.url == NULL) == (l->o.text == NULL))
		return (job_fail(job, 400, "option \"%s\": each has a \"url\" "
		    "or a \"text\"", option));
	if (parse_gravity(job, l->o.gravity, &l->at) != 0 ||
	    parse_repeat(job, l) != 0 ||
	    (l->o.url != NULL && load_picture(job, l) != 0))
		return (-1);
	return (l->o.scale != 0 ? 0 : suit(job, l, 0));
}

int
draw_load(struct job *job, const char *list, const char *text,
    uint64_t max_pixels)
{
	struct json_object *all = list == NULL ? json_object_new_array() :
	    json_tokener_parse(list);
	int r = 0;

	for (; count > 0; count--) {
		free(layers[count - 1].source.px);
		free(layers[count - 1].p.px);
	}
	if (!json_object_is_type(all, json_type_array) ||
	    json_object_array_length(all) > LAYERS_MAX)
		r = job_fail(job, 400, "option \"draw\" is a list of at most "
		    "%d objects", LAYERS_MAX);
	for (size_t i = 0; r == 0 && i < json_object_array_length(all); i++)
		r = load_layer(job, "draw", json_object_to_json_string_ext(
		    json_object_array_get_idx(all, i), JSON_C_TO_STRING_PLAIN),
		    max_pixels);
	if (r == 0 && text != NULL)
		r = load_layer(job, "text", text, max_pixels);
	json_object_put(all);
	return (r);
}

/*--- pixels ---------------------------------------------------------------*/

static void
paste(struct picture *p, const struct layer *l, int left, int top)
{
	unsigned opacity = (unsigned)(l->o.opacity * 255 + 0.5);
	int x, y, px, py;

	for (y = 0; y < l->p.h; y++)
		for (x = 0; x < l->p.w; x++) {
			px = left + x;
			py = top + y;
			if (px < 0 || py < 0 || px >= p->w || py >= p->h)
				continue;
			over(p->px + ((size_t)py * (size_t)p->w +
			    (size_t)px) * 4, l->p.px + ((size_t)y *
			    (size_t)l->p.w + (size_t)x) * 4, opacity);
		}
}

/* Where it begins, of room pixels that it may move in. */
static int
start(int64_t near, int64_t far, int room, int margin, double gravity)
{
	if (near != NOWHERE)
		return ((int)near);
	if (far != NOWHERE)
		return (room - (int)far);
	return (margin + (int)((room - 2 * margin) * gravity));
}

static void
put_layer(struct picture *p, const struct layer *l)
{
	const struct layer_options *o = &l->o;
	int margin = (int)o->margin;
	int left = start(o->left, o->right, p->w - l->p.w, margin, l->at.x);
	int top = start(o->top, o->bottom, p->h - l->p.h, margin, l->at.y);
	int right = left + 1, bottom = top + 1, x;

	if (l->repeat_x) {
		left = 0;
		right = p->w;
	}
	if (l->repeat_y) {
		top = 0;
		bottom = p->h;
	}
	for (; top < bottom; top += l->p.h + margin)
		for (x = left; x < right; x += l->p.w + margin)
			paste(p, l, x, top);
}

int
draw(struct job *job, struct picture *p)
{
	for (struct layer *l = layers; l < layers + count; l++) {
		if (suit(job, l, p->w) != 0)
			return (-1);
		put_layer(p, l);
	}
	return (0);
}
