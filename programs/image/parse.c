/* SPDX-License-Identifier: BSD-2-Clause */
/* parse.c: options that are more than a number or a word. */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image.h"

/*--- gravity --------------------------------------------------------------*/

static const struct {
	const char *name;
	double x, y;
	bool attention;
} gravities[] = {
	{"center", 0.5, 0.5, false}, {"left", 0, 0.5, false},
	{"right", 1, 0.5, false}, {"top", 0.5, 0, false},
	{"bottom", 0.5, 1, false}, {"top-left", 0, 0, false},
	{"top-right", 1, 0, false}, {"bottom-left", 0, 1, false},
	{"bottom-right", 1, 1, false}, {"attention", 0.5, 0.5, true},
	{"auto", 0.5, 0.5, true}, {"entropy", 0.5, 0.5, true},
};

static bool
named_gravity(const char *name, struct gravity *g)
{
	for (size_t i = 0; i < sizeof gravities / sizeof gravities[0]; i++)
		if (strcmp(gravities[i].name, name) == 0) {
			*g = (struct gravity){gravities[i].attention,
			    gravities[i].x, gravities[i].y};
			return (true);
		}
	return (false);
}

int
parse_gravity(struct job *job, const char *json, struct gravity *g)
{
	static const struct job_option point[] = {
		JOB_NUM(struct gravity, x, -1, 0, 1, "0 left, 1 right"),
		JOB_NUM(struct gravity, y, -1, 0, 1, "0 top, 1 bottom"),
		JOB_END
	};
	struct json_object *v;
	bool known;

	*g = (struct gravity){.x = 0.5, .y = 0.5};
	if (json == NULL)
		return (0);
	if (*json == '{') {
		if (job_options(job, "gravity", json, point, g, sizeof *g) !=
		    0)
			return (-1);
		if (g->x >= 0 && g->y >= 0)
			return (0);
		return (job_fail(job, 400, "option \"gravity\" needs both x "
		    "and y, from 0 to 1"));
	}
	v = json_tokener_parse(json);
	known = json_object_is_type(v, json_type_string) &&
	    named_gravity(json_object_get_string(v), g);
	json_object_put(v);
	return (known ? 0 : job_fail(job, 400, "option \"gravity\" is center, "
	    "left, right, top, bottom, top-left and so on, attention or "
	    "{\"x\": 0.5, \"y\": 0.5}"));
}

/*--- a part ---------------------------------------------------------------*/

int
crop_part(struct job *job, struct picture *p, const char *json)
{
	struct rectangle {
		int64_t x, y, width, height;
	} r;
	static const struct job_option sides[] = {
		JOB_INT(struct rectangle, x, 0, 0, SIDE_MAX, "from the left"),
		JOB_INT(struct rectangle, y, 0, 0, SIDE_MAX, "from the top"),
		JOB_INT(struct rectangle, width, 0, 0, SIDE_MAX,
		    "0: to the right"),
		JOB_INT(struct rectangle, height, 0, 0, SIDE_MAX,
		    "0: to the bottom"),
		JOB_END
	};

	if (*json != '{')
		return (job_fail(job, 400, "option \"crop\" is {\"x\": 0, "
		    "\"y\": 0, \"width\": 100, \"height\": 100}"));
	if (job_options(job, "crop", json, sides, &r, sizeof r) != 0)
		return (-1);
	if (r.x >= p->w || r.y >= p->h)
		return (job_fail(job, 422, "option \"crop\" begins outside "
		    "the picture's %dx%d pixels", p->w, p->h));
	if (r.width == 0 || r.width > p->w - r.x)
		r.width = p->w - r.x;
	if (r.height == 0 || r.height > p->h - r.y)
		r.height = p->h - r.y;
	return (crop(job, p, (int)r.x, (int)r.y, (int)r.width,
	    (int)r.height));
}

/*--- colours --------------------------------------------------------------*/

/* Those of HTML, and what CSS has beside them. */
static const struct {
	const char *name;
	uint8_t colour[4];
} names[] = {
	{"transparent", {0, 0, 0, 0}}, {"black", {0, 0, 0, 255}},
	{"white", {255, 255, 255, 255}}, {"gray", {128, 128, 128, 255}},
	{"grey", {128, 128, 128, 255}}, {"silver", {192, 192, 192, 255}},
	{"red", {255, 0, 0, 255}}, {"maroon", {128, 0, 0, 255}},
	{"yellow", {255, 255, 0, 255}}, {"olive", {128, 128, 0, 255}},
	{"lime", {0, 255, 0, 255}}, {"green", {0, 128, 0, 255}},
	{"aqua", {0, 255, 255, 255}}, {"teal", {0, 128, 128, 255}},
	{"blue", {0, 0, 255, 255}}, {"navy", {0, 0, 128, 255}},
	{"fuchsia", {255, 0, 255, 255}}, {"purple", {128, 0, 128, 255}},
	{"orange", {255, 165, 0, 255}},
};

/* Behind the #: 3, 4, 6 or 8 digits. */
static bool
read_digits(const char *hex, uint8_t colour[4])
{
	size_t n = strlen(hex), each = n > 4 ? 2 : 1;

	if ((n != 3 && n != 4 && n != 6 && n != 8) ||
	    strspn(hex, "0123456789abcdefABCDEF") != n)
		return (false);
	colour[3] = 255;
	for (size_t i = 0; i < n / each; i++) {
		char part[3] = {hex[i * each], hex[i * each + each - 1]};

		colour[i] = (uint8_t)strtoul(part, NULL, 16);
	}
	return (true);
}

int
parse_colour(struct job *job, const char *option, const char *text,
    uint8_t colour[4])
{
	if (text == NULL)
		text = "white";
	if (text[0] == '#' && read_digits(text + 1, colour))
		return (0);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(names[i].name, text) == 0) {
			memcpy(colour, names[i].colour, 4);
			return (0);
		}
	return (job_fail(job, 400, "option \"%s\" is #rgb, #rrggbb, "
	    "#rrggbbaa, transparent, or one of HTML's 16 names", option));
}
