/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kept_rig.h: a program "probe" in a file of its own, beside which its state is
 * kept.
 */
#ifndef TKVM_KEPT_RIG_H
#define TKVM_KEPT_RIG_H

#include "base/file.h"
#include "program_rig.h"

#define STORAGE_PROBE "build/tests/guests/storage_probe"
#define KEPT "\"storage\": true, \"storage_snapshot\": 0"

/* The template of test_run_all_in(). */
static char folder[] = "/tmp/tinykvm-kept.XXXXXX";
/* The program, its snapshot, and the first one that was put aside. */
static char path[96], snapshot[112], aside[128];
static struct tkvm_err err;

static void
copy_program(const char *from, const char *to)
{
	size_t size;
	char *elf;

	if (load_file(from, &elf, &size, &err) != 0 ||
	    save_file(to, elf, size, &err) != 0)
		abort();
	free(elf);
}

/* Nothing is kept of it yet. */
static void
fresh(const char *name, const char *program)
{
	char state[112];

	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	(void)snprintf(state, sizeof state, "%s.state", path);
	(void)snprintf(snapshot, sizeof snapshot, "%s.snapshot", path);
	(void)snprintf(aside, sizeof aside, "%s.refused", snapshot);
	copy_program(program, path);
	(void)unlink(state);
	(void)unlink(snapshot);
	(void)unlink(aside);
}

static int
load(struct rig *rig, const char *settings)
{
	char json[512];

	(void)snprintf(json, sizeof json, "{\"probe\": {\"filename\": \"%s\", "
	    "%s}}", path, settings);
	return (rig_load(rig, json));
}

#endif
