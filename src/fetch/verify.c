/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verify.c: is this what was asked for?
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "fetch/fetch.h"

int
fetch_sha256(const void *data, size_t len, unsigned char sum[32],
    struct tkvm_err *err)
{
	if (EVP_Digest(data, len, sum, NULL, EVP_sha256(), NULL) == 1)
		return (0);
	return (tkvm_fail(err, TKVM_EHOST, "cannot compute a SHA-256"));
}

static int
verify(const EVP_MD *md, const char *of[2], const void *data, size_t len,
    const char *hex, const char *name, struct tkvm_err *err)
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	char is[2 * EVP_MAX_MD_SIZE + 1] = "";

	if (EVP_Digest(data, len, sum, &n, md, NULL) != 1)
		return (tkvm_fail(err, TKVM_EHOST, "cannot compute a %s",
		    of[0]));
	for (unsigned i = 0; i < n; i++)
		(void)snprintf(is + 2 * i, 3, "%02x", sum[i]);
	if (strcasecmp(is, hex) == 0)
		return (0);
	return (tkvm_fail(err, TKVM_EFILE, "%.150s has the %s %s, not the "
	    "\"%s\" of its settings", name, of[0], is, of[1]));
}

int
fetch_verify(const void *data, size_t len, const char *hex, const char *name,
    struct tkvm_err *err)
{
	const char *of[2] = {"SHA-256", "sha256"};

	return (verify(EVP_sha256(), of, data, len, hex, name, err));
}

int
fetch_verify_md5(const void *data, size_t len, const char *hex,
    const char *name, struct tkvm_err *err)
{
	const char *of[2] = {"MD5", "md5"};

	return (verify(EVP_md5(), of, data, len, hex, name, err));
}

static int
hex_digit(char c)
{
	return (c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ?
	    c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1);
}

static bool
from_hex(const char *hex, unsigned char out[32])
{
	if (strlen(hex) != 64)
		return (false);
	for (unsigned i = 0; i < 32; i++) {
		int high = hex_digit(hex[2 * i]);
		int low = hex_digit(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return (false);
		out[i] = (unsigned char)(16 * high + low);
	}
	return (true);
}

int
fetch_verify_signature(const void *data, size_t len, const void *sig,
    size_t sig_len, const char *key, const char *name, struct tkvm_err *err)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY *public = NULL;
	unsigned char raw[32];
	int good = 0;

	if (from_hex(key, raw))
		public = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL,
		    raw, sizeof raw);
	if (ctx != NULL && public != NULL && sig_len == 64 &&
	    EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, public) == 1)
		good = EVP_DigestVerify(ctx, sig, sig_len, data, len) == 1;
	EVP_PKEY_free(public);
	EVP_MD_CTX_free(ctx);
	return (good ? 0 : tkvm_fail(err, TKVM_EFILE, "%.150s.sig is not its "
	    "signature by the \"signature_key\" of its settings", name));
}
