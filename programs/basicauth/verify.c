/* SPDX-License-Identifier: BSD-2-Clause */
/* Hashes of htpasswd: those of crypt(), and those that only it has. */
#include <crypt.h>
#include <nettle/md5.h>
#include <nettle/memops.h>
#include <nettle/sha1.h>
#include <string.h>

#include "base64.h"
#include "verify.h"

#define APR1 "$apr1$"
#define APR1_SALT 8
#define APR1_ROUNDS 1000
#define APR1_TEXT 23
/* A digest and a salt of up to some 70 bytes. */
#define SHA_TEXT_MAX 124

static void
add(struct md5_ctx *ctx, const void *data, size_t len)
{
	md5_update(ctx, len, data);
}

/* Sixteen bytes as 22 characters, in the order that MD5-crypt has. */
static void
write_apr1(const uint8_t d[16], char *to)
{
	static const char digits[] = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz";
	static const uint8_t order[] = {0, 6, 12, 1, 7, 13, 2, 8, 14, 3, 9, 15,
	    4, 10, 5};
	uint32_t v;

	for (size_t i = 0; i < sizeof order; i += 3) {
		v = (uint32_t)d[order[i]] << 16 | (uint32_t)d[order[i + 1]] <<
		    8 | d[order[i + 2]];
		for (int j = 0; j < 4; j++, v >>= 6)
			*to++ = digits[v & 63];
	}
	*to++ = digits[d[11] & 63];
	*to++ = digits[d[11] >> 6];
	*to = '\0';
}

static void
apr1(const char *password, const char *salt, size_t salt_len, char *to)
{
	size_t len = strlen(password), i, n;
	uint8_t digest[16];
	struct md5_ctx ctx;

	md5_init(&ctx);
	add(&ctx, password, len);
	add(&ctx, salt, salt_len);
	add(&ctx, password, len);
	md5_digest(&ctx, sizeof digest, digest);
	add(&ctx, password, len);
	add(&ctx, APR1, strlen(APR1));
	add(&ctx, salt, salt_len);
	for (i = len; i > 0; i -= n) {
		n = i < sizeof digest ? i : sizeof digest;
		add(&ctx, digest, n);
	}
	for (i = len; i > 0; i >>= 1)
		add(&ctx, (i & 1) != 0 ? "" : password, 1);
	md5_digest(&ctx, sizeof digest, digest);
	for (i = 0; i < APR1_ROUNDS; i++) {
		if ((i & 1) != 0)
			add(&ctx, password, len);
		else
			add(&ctx, digest, sizeof digest);
		if (i % 3 != 0)
			add(&ctx, salt, salt_len);
		if (i % 7 != 0)
			add(&ctx, password, len);
		if ((i & 1) != 0)
			add(&ctx, digest, sizeof digest);
		else
			add(&ctx, password, len);
		md5_digest(&ctx, sizeof digest, digest);
	}
	write_apr1(digest, to);
}

static bool
same(const char *a, const char *b)
{
	size_t len = strlen(a);

	return (strlen(b) == len && memeql_sec(a, b, len));
}

/* {SHA}, and {SSHA}: base64 of the digest and of the salt behind it. */
static bool
verify_sha1(const char *text, const char *password, bool salted)
{
	uint8_t sha1[SHA1_DIGEST_SIZE], is[BASE64_DECODED(SHA_TEXT_MAX)];
	size_t len = strlen(text), wrong;
	struct sha1_ctx ctx;

	if (len > SHA_TEXT_MAX ||
	    !base64_decode(text, len, is, &len, &wrong) ||
	    len < sizeof sha1 || (!salted && len != sizeof sha1))
		return (false);
	sha1_init(&ctx);
	sha1_update(&ctx, strlen(password), (const uint8_t *)password);
	sha1_update(&ctx, len - sizeof sha1, is + sizeof sha1);
	sha1_digest(&ctx, sizeof sha1, sha1);
	return (memeql_sec(is, sha1, sizeof sha1));
}

static bool
verify_apr1(const char *salt, const char *password)
{
	char text[APR1_TEXT];
	size_t salt_len = strcspn(salt, "$");

	if (salt_len > APR1_SALT || salt[salt_len] != '$')
		return (false);
	apr1(password, salt, salt_len, text);
	return (same(text, salt + salt_len + 1));
}

bool
verify(const char *hash, const char *password)
{
	static struct crypt_data data;

	if (strncmp(hash, "{SHA}", 5) == 0)
		return (verify_sha1(hash + 5, password, false));
	if (strncmp(hash, "{SSHA}", 6) == 0)
		return (verify_sha1(hash + 6, password, true));
	if (strncmp(hash, APR1, strlen(APR1)) == 0)
		return (verify_apr1(hash + strlen(APR1), password));
	if (hash[0] != '$')
		return (false);
	memset(&data, 0, sizeof data);
	return (crypt_r(password, hash, &data) != NULL &&
	    same(data.output, hash));
}
