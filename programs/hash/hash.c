/* SPDX-License-Identifier: BSD-2-Clause */
/* hash: digests, and signatures by a secret that VCL knows (HMAC). */
#include <nettle/hmac.h>
#include <nettle/memops.h>
#include <nettle/nettle-meta.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base64.h"
#include "job.h"

struct options {
	int op, algorithm, encoding, key_encoding;
	int64_t length, expires;
	const char *key, *signature;
};

#define SIGNATURE_MAX 256
#define KEY_MAX 1024

enum op { DIGEST, SIGN, VERIFY };
enum encoding { HEX, BASE64URL, BASE64 };
enum key_encoding { KEY_TEXT, KEY_HEX, KEY_BASE64 };

static const struct job_option options[] = {
	JOB_CHOICE(struct options, op, DIGEST, "digest|sign|verify",
	    "sign and verify need a key"),
	JOB_CHOICE(struct options, algorithm, 0,
	    "sha256|sha512|sha384|sha1|md5", "sha1 and md5 only for digests"),
	JOB_CHOICE(struct options, encoding, HEX, "hex|base64url|base64",
	    "how the result, and the signature to verify, is written"),
	JOB_INT(struct options, length, 0, 0, 64,
	    "bytes of the result, at least 10 of a signature; 0: all"),
	JOB_STR(struct options, key, NULL, KEY_MAX, "the secret"),
	JOB_CHOICE(struct options, key_encoding, KEY_TEXT, "text|hex|base64",
	    "what the secret is written in"),
	JOB_INT(struct options, expires, 0, 0, (int64_t)1 << 40,
	    "sign and verify: until when, in seconds since 1970, signed with "
	    "the input; 0: for ever"),
	JOB_STR(struct options, signature, NULL, SIGNATURE_MAX,
	    "verify: what it must be"),
	JOB_END
};

static const struct nettle_hash *
hash_of(int algorithm)
{
	switch (algorithm) {
	case 0: return (&nettle_sha256);
	case 1: return (&nettle_sha512);
	case 2: return (&nettle_sha384);
	case 3: return (&nettle_sha1);
	default: return (&nettle_md5);
	}
}

#define STATE_MAX 4096
#define DIGEST_MAX 64

static void
digest(const struct nettle_hash *h, const struct job *job, uint8_t *to)
{
	static _Alignas(16) uint8_t state[STATE_MAX];

	h->init(state);
	h->update(state, job->in_len, job->in);
	h->digest(state, h->digest_size, to);
}

/* Bytes of the secret; 0: it is not written so. */
static size_t
read_key(const struct options *o, uint8_t to[KEY_MAX])
{
	size_t len = strlen(o->key), wrong, n;
	char digits[3] = "";

	switch (o->key_encoding) {
	case KEY_TEXT:
		memcpy(to, o->key, len);
		return (len);
	case KEY_BASE64:
		return (base64_decode(o->key, len, to, &n, &wrong) ? n : 0);
	default:
		if (len % 2 != 0 || o->key[strspn(o->key,
		    "0123456789abcdefABCDEF")] != '\0')
			return (0);
		for (n = 0; n < len / 2; n++) {
			memcpy(digits, o->key + 2 * n, 2);
			to[n] = (uint8_t)strtoul(digits, NULL, 16);
		}
		return (n);
	}
}

/* HMAC of the input; with `expires` of "INPUT\nSECONDS". */
static int
sign(const struct nettle_hash *h, struct job *job, const struct options *o,
    uint8_t *to)
{
	static _Alignas(16) uint8_t outer[STATE_MAX], inner[STATE_MAX],
	    state[STATE_MAX];
	uint8_t key[KEY_MAX];
	size_t len = read_key(o, key);
	char until[32];
	int n;

	if (len == 0)
		return (job_fail(job, 400, "option \"key\" is not written in "
		    "what \"key_encoding\" says"));
	hmac_set_key(outer, inner, state, h, len, key);
	hmac_update(state, h, job->in_len, job->in);
	if (o->expires != 0) {
		n = snprintf(until, sizeof until, "\n%jd",
		    (intmax_t)o->expires);
		hmac_update(state, h, (size_t)n, (const uint8_t *)until);
	}
	hmac_digest(outer, inner, state, h, h->digest_size, to);
	return (0);
}

static size_t
write_hex(const uint8_t *from, size_t len, char *to)
{
	for (size_t i = 0; i < len; i++)
		(void)snprintf(to + 2 * i, 3, "%02x", from[i]);
	return (2 * len);
}

/* Digits of hexadecimal in either case, and base64 with its padding or not. */
static size_t
plain(const char *signature, int encoding, char to[SIGNATURE_MAX + 1])
{
	size_t len = strlen(signature), pad = 0;

	for (size_t i = 0; i < len; i++)
		to[i] = encoding == HEX && signature[i] >= 'A' &&
		    signature[i] <= 'F' ? (char)(signature[i] | 32) :
		    signature[i];
	if (encoding != HEX)
		while (pad < 2 && pad < len && to[len - pad - 1] == '=')
			pad++;
	/* All of the padding or none. */
	return (pad != 0 && len % 4 == 0 ? len - pad : len);
}

/* The same time whatever differs: an answer's time must not tell. */
static bool
matches(const char *is, size_t len, const struct options *o)
{
	char must[SIGNATURE_MAX + 1];

	while (len > 0 && is[len - 1] == '=')
		len--;
	return (plain(o->signature, o->encoding, must) == len &&
	    memeql_sec(is, must, len));
}

static int
check(struct job *job, const struct options *o, const struct nettle_hash *h)
{
	if (h->context_size > STATE_MAX ||
	    h->digest_size > DIGEST_MAX)
		return (job_fail(job, 500, "nettle is of another version"));
	if ((size_t)o->length > h->digest_size)
		return (job_fail(job, 400, "option \"length\" of this "
		    "algorithm is at most %u", h->digest_size));
	if (o->op == DIGEST)
		return (o->expires == 0 ? 0 : job_fail(job, 400,
		    "option \"expires\" is of signatures"));
	if (o->key == NULL || *o->key == '\0')
		return (job_fail(job, 400, "option \"key\" is missing"));
	if (h == &nettle_sha1 || h == &nettle_md5)
		return (job_fail(job, 400, "option \"algorithm\" is too weak "
		    "to sign with"));
	if (o->length != 0 && o->length < 10)
		return (job_fail(job, 400, "option \"length\" of a signature "
		    "is at least 10"));
	if (o->op == VERIFY && o->signature == NULL)
		return (job_fail(job, 403, "there is no signature"));
	return (0);
}

static int
run(struct job *job, const void *chosen)
{
	static char text[2 * DIGEST_MAX + 1];
	uint8_t raw[DIGEST_MAX];
	const struct options *o = chosen;
	const struct nettle_hash *h = hash_of(o->algorithm);
	size_t len = h->digest_size;

	if (check(job, o, h) != 0)
		return (-1);
	if (o->op == DIGEST)
		digest(h, job, raw);
	else if (sign(h, job, o, raw) != 0)
		return (-1);
	if (o->length != 0)
		len = (size_t)o->length;
	len = o->encoding == HEX ? write_hex(raw, len, text) :
	    base64_encode(raw, len, o->encoding == BASE64URL, text);
	if (o->op != VERIFY)
		return (job_answer(job, "text/plain", text, len));
	if (!matches(text, len, o))
		return (job_fail(job, 403, "the signature is wrong"));
	if (o->expires != 0 && o->expires < (int64_t)time(NULL))
		return (job_fail(job, 403, "the signature has expired"));
	return (job_answer(job, "text/plain", "valid", 5));
}

static const struct job_program program = {
	.name = "hash",
	.summary = "Digests and signatures (HMAC) of bytes.",
	.options = options,
	.options_size = sizeof(struct options),
	.run = run,
	.bare = "algorithm",
	.url = JOB_URL_IS_INPUT,
};

int
main(int argc, char **argv)
{
	return (job_main(&program, argc, argv));
}
