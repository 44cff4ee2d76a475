/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROGRAM_CONFIG_SERVER_H
#define PROGRAM_CONFIG_SERVER_H

#include <json-c/json.h>

#include "program/program_priv.h"

/*
 * Replace *s by what a server's object says; {} and null are none. False when
 * it is wrong: then *s is as before and expected completes "must be".
 */
bool server_settings_parse(json_object *v, struct server_settings *s,
    char *expected, size_t size);

#endif
