/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fetch.h: beside station 2, bytes from a URL.
 *
 *   gets    a URL, limits of time and size, who may be asked
 *   gives   status, headers that matter, the body; or a sentence
 *   owns    connections to servers, kept for the next request
 *   never   knows what the bytes are for; follows a URL out of http and https
 *
 * Threads: every function from any thread. No signals are used or changed.
 */
#ifndef FETCH_FETCH_H
#define FETCH_FETCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tinykvm/error.h"

struct fetch_request {
	const char *url;		/* http:// or https:// */
	const char *method;		/* NULL: GET, or POST with a body */
	const char *const *headers;	/* "Name: value", NULL-terminated */
	const void *body;		/* NULL: none */
	size_t body_len;
	const char *etag;		/* If-None-Match, or NULL */
	const char *unix_socket;	/* connect there instead, or NULL */
	double connect_s, total_s;	/* time-outs; at least 1 ms */
	unsigned redirects;		/* to follow at most */
	uint64_t max_bytes;		/* of the answer's body */
	size_t max_headers;		/* of its header, raw; 0: not wanted */
	bool any_host;			/* a certificate may name another */
	/*
	 * May the server's address be private, loopback or link-local? Checked
	 * for each connection, so neither names nor redirects get around it.
	 */
	bool allow_private;
	const _Atomic bool *cancel;	/* becomes true: give up; or NULL */
};

struct fetch_reply {
	int status;
	char *body;			/* with a NUL behind it; NULL: empty */
	size_t body_len;
	char *content_type, *etag;	/* NULL: the server sent none */
	char *headers;			/* of all hops, with a NUL; or NULL */
	size_t headers_len;
	int failure;			/* a CURLcode, after a failure */
};

/*
 * One transfer. 0 with any status, and a reply for
 * fetch_reply_free(); or TKVM_EFILE with a sentence that names the URL (without
 * its password).
 */
int fetch_url(const struct fetch_request *req, struct fetch_reply *reply,
    struct tkvm_err *err) TKVM_MUST_CHECK;
void fetch_reply_free(struct fetch_reply *reply);

/* Is this the address of a host in the public Internet? guard.c. */
struct sockaddr;
bool fetch_is_public(const struct sockaddr *addr);

int fetch_sha256(const void *data, size_t len, unsigned char sum[32],
    struct tkvm_err *err) TKVM_MUST_CHECK;

/* Is hex (64 digits) the SHA-256 of the data? 0, or a sentence. */
int fetch_verify(const void *data, size_t len, const char *hex,
    const char *name, struct tkvm_err *err) TKVM_MUST_CHECK;
/* The same with 32 digits of its MD5, which says nothing to an enemy. */
int fetch_verify_md5(const void *data, size_t len, const char *hex,
    const char *name, struct tkvm_err *err) TKVM_MUST_CHECK;

/*
 * Is this the Ed25519 signature (RFC 8032, 64 bytes) of the data by the owner
 * of the public key (64 hexadecimal digits)? 0, or a sentence.
 */
int fetch_verify_signature(const void *data, size_t len, const void *sig,
    size_t sig_len, const char *key, const char *name, struct tkvm_err *err)
    TKVM_MUST_CHECK;

/* A program's file, and its storage program's if that came with it. */
struct fetch_program {
	char *data;			/* malloc()ed */
	size_t len;
	char *storage;			/* or NULL */
	size_t storage_len;
};
void fetch_program_free(struct fetch_program *p);

/*
 * Data that is no ELF file may be an archive or a compressed file of any kind
 * that libarchive knows: put its one program in place of it. A member whose
 * name ends in "storage" is the storage program. At most max_bytes unpacked, of
 * all members together. 0, or TKVM_EFILE with *p as it was.
 */
int fetch_unpack(struct fetch_program *p, uint64_t max_bytes,
    const char *name, struct tkvm_err *err) TKVM_MUST_CHECK;

#endif
