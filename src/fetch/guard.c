/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * guard.c: which addresses are hosts in the public Internet (IANA's registries
 * of special-purpose addresses, RFC 6890).
 */
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "fetch/fetch.h"

static const struct range {
	uint32_t net;
	unsigned bits;
} special4[] = {
	{0x00000000, 8},	/* this network */
	{0x0a000000, 8},	/* private */
	{0x64400000, 10},	/* carrier-grade NAT */
	{0x7f000000, 8},	/* loopback */
	{0xa9fe0000, 16},	/* link-local */
	{0xac100000, 12},	/* private */
	{0xc0000000, 24},	/* protocol assignments */
	{0xc0000200, 24},	/* documentation */
	{0xc0586300, 24},	/* 6to4 relays */
	{0xc0a80000, 16},	/* private */
	{0xc6120000, 15},	/* benchmarks */
	{0xc6336400, 24},	/* documentation */
	{0xcb007100, 24},	/* documentation */
	{0xe0000000, 4},	/* multicast */
	{0xf0000000, 4},	/* reserved, broadcast */
};

static bool
is_public4(uint32_t addr)
{
	for (size_t i = 0; i < sizeof special4 / sizeof special4[0]; i++)
		if ((addr ^ special4[i].net) >> (32 - special4[i].bits) == 0)
			return (false);
	return (true);
}

static uint32_t
be32(const uint8_t *p)
{
	return ((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3]);
}

static bool
is_public6(const uint8_t a[16])
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff,
	    0xff};
	static const uint8_t nat64[12] = {0, 0x64, 0xff, 0x9b};

	if (memcmp(a, mapped, 12) == 0 || memcmp(a, nat64, 12) == 0)
		return (is_public4(be32(a + 12)));
	if (a[0] == 0x20 && a[1] == 0x02)		/* 6to4 */
		return (is_public4(be32(a + 2)));
	if (be32(a) == 0x20010000 || be32(a) == 0x20010db8)
		return (false);		/* Teredo, documentation */
	/* What is given out is 2000::/3; the rest is local or reserved. */
	return ((a[0] & 0xe0) == 0x20);
}

bool
fetch_is_public(const struct sockaddr *addr)
{
	struct sockaddr_in6 in6;
	struct sockaddr_in in4;

	switch (addr->sa_family) {
	case AF_INET:
		memcpy(&in4, addr, sizeof in4);
		return (is_public4(ntohl(in4.sin_addr.s_addr)));
	case AF_INET6:
		memcpy(&in6, addr, sizeof in6);
		return (is_public6(in6.sin6_addr.s6_addr));
	default:
		return (false);
	}
}
