/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * config_object.h: settings whose value is an object with keys of its own:
 * server, warmup, and each element of download.
 */
#ifndef PROGRAM_CONFIG_OBJECT_H
#define PROGRAM_CONFIG_OBJECT_H

#include <json-c/json.h>

#include "program/program_priv.h"

/* What is wrong with an object, to complete "must be". */
struct complaint {
	char expected[200];
	const char *sub;	/* the key that is wrong, or NULL */
};

/*
 * Replace *s by what the object says; {} and null are none. False when it is
 * wrong: then *s is as before.
 */
bool server_settings_parse(json_object *v, struct server_settings *s,
    struct complaint *c);
/* Adds areas of this kind. */
bool areas_parse(json_object *v, enum tkvm_area_kind kind, struct settings *s,
    struct complaint *c);
bool warmup_parse(json_object *v, struct warmup *w, struct complaint *c);

/* The same for one element of an array; *d has been zeroed. */
bool download_parse(json_object *v, struct download *d, struct complaint *c);

#endif
