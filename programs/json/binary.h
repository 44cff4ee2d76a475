/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * binary.h: CBOR (RFC 8949) and MessagePack, as far as JSON can say the same.
 */
#ifndef BINARY_H
#define BINARY_H

#include <cstdint>
#include <vector>

#include "job.h"
#include "tree.h"

/*
 * One item, and nothing behind it. Bytes become base64url, a key that is a
 * number or bytes becomes its text, undefined and NaN are null, tags go. 0, or
 * -1 after job_fail(): 422 when it is broken or JSON cannot say it, 413 when it
 * is nested too deep.
 */
int cbor_read(struct job *job, json *to);
int msgpack_read(struct job *job, json *to);

/* The same the other way; 422: a number that is too large for MessagePack. */
int cbor_write(struct job *job, const json &from, std::vector<uint8_t> *to);
int msgpack_write(struct job *job, const json &from, std::vector<uint8_t> *to);

#endif
