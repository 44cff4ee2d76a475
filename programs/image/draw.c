/* SPDX-License-Identifier: BSD-2-Clause */
/* draw.c: other pictures on top, such as a watermark. */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "image.h"

#define LAYERS_MAX 8

static struct layer {
	struct picture p;
	struct gravity at;
	double opacity;
	bool repeat;
	int margin;
} layers[LAYERS_MAX];
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
load_picture(struct job *job, const char *url, int64_t width,
    uint64_t max_pixels, struct picture *p)
{
	const struct wanted wanted = {.max_pixels = max_pixels,
	    .w = (int)width};
	const char *type = "";
	const void *data;
	enum format was;
	size_t len;
	int h;

	if ((strncmp(url, "data:", 5) == 0 ?
	    read_data_url(job, url, &data, &len) :
	    job_fetch(job, url, &data, &len, &type)) != 0 ||
	    decode(job, data, len, &wanted, p, &was) != 0 ||
	    turn_upright(job, p) != 0)
		return (-1);
	if (width == 0)
		return (0);
	h = (int)(((int64_t)p->h * width + p->w / 2) / p->w);
	if (h < 1)
		h = 1;
	if (h > SIDE_MAX || (uint64_t)width * (uint64_t)h > max_pixels)
		return (job_fail(job, 413, "option \"draw\": a picture would "
		    "have more than max_pixels"));
	return (resize(job, p, (int)width, h));
}

/*--- what is to be done ---------------------------------------------------*/

static int
load_layer(struct job *job, struct json_object *v, uint64_t max_pixels,
    struct layer *l)
{
	const char *url = NULL, *gravity = NULL;
	int64_t width = 0, margin = 0;
	bool known = true;

	*l = (struct layer){.opacity = 1};
	if (!json_object_is_type(v, json_type_object))
		return (job_fail(job, 400, "option \"draw\" is a list of "
		    "objects"));
	json_object_object_foreach(v, name, value) {
		if (strcmp(name, "url") == 0)
			url = json_object_get_string(value);
		else if (strcmp(name, "gravity") == 0)
			gravity = json_object_to_json_string(value);
		else if (strcmp(name, "width") == 0)
			width = json_object_get_int64(value);
		else if (strcmp(name, "margin") == 0)
			margin = json_object_get_int64(value);
		else if (strcmp(name, "opacity") == 0)
			l->opacity = json_object_get_double(value);
		else if (strcmp(name, "repeat") == 0)
			l->repeat = json_object_get_boolean(value);
		else
			known = false;
	}
	if (!known || url == NULL || width < 0 || width > SIDE_MAX ||
	    margin < 0 || margin > SIDE_MAX ||
	    !(l->opacity >= 0 && l->opacity <= 1))
		return (job_fail(job, 400, "option \"draw\" is a list of "
		    "{\"url\", \"gravity\", \"width\", \"margin\", "
		    "\"opacity\" from 0 to 1, \"repeat\"}"));
	l->margin = (int)margin;
	if (parse_gravity(job, gravity, &l->at) != 0)
		return (-1);
	return (load_picture(job, url, width, max_pixels, &l->p));
}

int
draw_load(struct job *job, const char *json, uint64_t max_pixels)
{
	struct json_object *all = json == NULL ? NULL :
	    json_tokener_parse(json);
	int r = 0, i;

	while (count > 0)
		free(layers[--count].p.px);
	if (json == NULL)
		return (0);
	if (!json_object_is_type(all, json_type_array) ||
	    json_object_array_length(all) > LAYERS_MAX)
		r = job_fail(job, 400, "option \"draw\" is a list of at most "
		    "%d pictures", LAYERS_MAX);
	for (i = 0; r == 0 && i < (int)json_object_array_length(all); i++) {
		r = load_layer(job, json_object_array_get_idx(all, (size_t)i),
		    max_pixels, &layers[i]);
		count = i + 1;
	}
	json_object_put(all);
	return (r);
}

/*--- pixels ---------------------------------------------------------------*/

/* s over d, of which neither is premultiplied. */
static void
over(uint8_t *d, const uint8_t *s, unsigned opacity)
{
	unsigned a = (s[3] * opacity + 127) / 255, b, sum;

	if (a == 0)
		return;
	b = d[3] * (255 - a) / 255;
	sum = a + b;
	for (int i = 0; i < 3; i++)
		d[i] = (uint8_t)((s[i] * a + d[i] * b + sum / 2) / sum);
	d[3] = (uint8_t)sum;
}

static void
paste(struct picture *p, const struct layer *l, int left, int top)
{
	unsigned opacity = (unsigned)(l->opacity * 255 + 0.5);
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

void
draw(struct picture *p)
{
	for (const struct layer *l = layers; l < layers + count; l++) {
		int w = p->w - l->p.w - 2 * l->margin, left, top;
		int h = p->h - l->p.h - 2 * l->margin;

		left = l->margin + (int)(w * l->at.x);
		top = l->margin + (int)(h * l->at.y);
		if (!l->repeat) {
			paste(p, l, left, top);
			continue;
		}
		for (top = 0; top < p->h; top += l->p.h + l->margin)
			for (left = 0; left < p->w; left += l->p.w + l->margin)
				paste(p, l, left, top);
	}
}
