/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verify.c: is this what was asked for?
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <strings.h>

#include "fetch/fetch.h"

int
fetch_verify(const void *data, size_t len, const char *hex, const char *name,
    struct tkvm_err *err)
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	char is[2 * EVP_MAX_MD_SIZE + 1] = "";

	if (EVP_Digest(data, len, sum, &n, EVP_sha256(), NULL) != 1)
		return (tkvm_fail(err, TKVM_EHOST, "cannot compute a SHA-256"));
	for (unsigned i = 0; i < n; i++)
		(void)snprintf(is + 2 * i, 3, "%02x", sum[i]);
	if (strcasecmp(is, hex) == 0)
		return (0);
	return (tkvm_fail(err, TKVM_EFILE, "%.150s has the SHA-256 %s, not the "
	    "\"sha256\" of its settings", name, is));
}
