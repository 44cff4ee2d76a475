/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tree.h: documents in memory. Members stay in their order, numbers as they
 * are written: what is not changed is not rewritten.
 */
#ifndef TREE_H
#define TREE_H

#include <string>

#include <nlohmann/json.hpp>

#include "indexed_map.h"
#include "job.h"
#include "number.h"
#include "squeeze.h"

/* Deeper ones would need more stack than there is. */
#define DEPTH_MAX SQUEEZE_DEPTH_MAX

/* Numbers are what the library has for binary data. */
using json = nlohmann::basic_json<indexed_map, std::vector, std::string, bool,
    int64_t, uint64_t, double, std::allocator, nlohmann::adl_serializer,
    number>;

inline json
tree_number(std::string text)
{
	return (json::binary(number(std::move(text))));
}

inline bool
tree_is_number(const json &value)
{
	return (value.is_binary());
}

/* The text of a number. */
inline const number &
tree_number_of(const json &value)
{
	return (value.get_binary());
}

/*
 * Read a document: 0, or -1 after job_fail(), 413 when it is too deep, else
 * `status` and the place that is wrong behind `what`, such as "no JSON".
 */
int tree_read(struct job *job, const char *text, size_t len, int status,
    const char *what, json *to);

/* The document without blanks. false: a string is no UTF-8. */
bool tree_write(const json &from, std::string *to);

/* Whether it is a document at all: as tree_read(). */
int tree_check(struct job *job, const char *text, size_t len, int status,
    const char *what);
/* What events() has found; -1. */
int tree_wrong(struct job *job, int status, const char *what, const char *text,
    const char *at);

#endif
