/* SPDX-License-Identifier: GPL-2.0-only */
/* Address prefixes: both families in one form. */
#ifndef _SLUICE_NET_PREFIX_H
#define _SLUICE_NET_PREFIX_H

#include <asm/byteorder.h>
#include <linux/if_ether.h>
#include <linux/in6.h>
#include <linux/socket.h>
#include <linux/types.h>
#include "../engine.h"

static inline bool sluice_prefix_valid(const struct sluice_prefix *p)
{
	switch (p->family) {
	case AF_INET:
		return p->len <= 32 && !p->addr.s6_addr32[0] && !p->addr.s6_addr32[1] &&
		       p->addr.s6_addr32[2] == htonl(0xffff);
	case AF_INET6:
		return p->len <= 128;
	}
	return false;
}

/* The Ethernet type of packets with such addresses. */
static inline u16 sluice_prefix_eth_type(const struct sluice_prefix *p)
{
	return p->family == AF_INET ? ETH_P_IP : ETH_P_IPV6;
}

/* @addr has the prefix's family. */
static inline bool sluice_prefix_match(const struct sluice_prefix *p, const struct in6_addr *addr)
{
	int bits = p->len + (p->family == AF_INET ? 96 : 0);
	unsigned int i;

	for (i = 0; bits > 0; i++, bits -= 32) {
		__be32 diff = addr->s6_addr32[i] ^ p->addr.s6_addr32[i];

		if (bits < 32)
			diff &= htonl(~0U << (32 - bits));
		if (diff)
			return false;
	}
	return true;
}

#endif /* _SLUICE_NET_PREFIX_H */
