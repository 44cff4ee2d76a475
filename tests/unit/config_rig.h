/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * config_rig.h: a library of one document, and what its programs' settings are.
 */
#ifndef CONFIG_RIG_H
#define CONFIG_RIG_H

#include <unistd.h>

#include "program/program_priv.h"
#include "test.h"

static struct tkvm_library *lib;
static struct tkvm_err err;

static int
load(const char *json)
{
	tkvm_library_destroy(&lib);
	if (tkvm_library_new(NULL, &lib, &err) != 0)
		abort();
	memset(&err, 0, sizeof err);
	return (tkvm_library_load(lib, json, strlen(json), "doc", &err));
}

/* One program "p" with these settings besides its filename. */
static int
load_with(const char *settings)
{
	char json[1024];

	(void)snprintf(json, sizeof json,
	    "{\"p\": {\"filename\": \"/bin/p\", %s}}", settings);
	return (load(json));
}

static const struct settings *
settings_of(const char *name)
{
	const struct tkvm_program *p = tkvm_library_find(lib, name);

	return (p == NULL ? NULL : &p->settings);
}

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789ABCDEF"

#endif
