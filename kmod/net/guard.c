// SPDX-License-Identifier: GPL-2.0-only
/*
 * The spoof guard. Every place where a packet names its sender must name one that the port was
 * given: the Ethernet source, the IP source, the sender in ARP, the target and link-layer address
 * in neighbour discovery.
 */
#include <linux/etherdevice.h>
#include <linux/if_arp.h>
#include <linux/in.h>
#include "guard.h"
#include "prefix.h"

#define MLD_REPORT	131
#define MLD_DONE	132
#define ND_RS		133
#define ND_RA		134
#define ND_NS		135
#define ND_NA		136
#define ND_REDIRECT	137
#define MLD2_REPORT	143

#define PORT_BOOTPS	67
#define PORT_BOOTPC	68

static bool mac_listed(const struct sluice_guard *g, const u8 *mac)
{
	unsigned int i;

	for (i = 0; i < g->nr_mac; i++)
		if (!memcmp(g->mac[i], mac, ETH_ALEN))
			return true;
	return false;
}

static bool addr_listed(const struct sluice_guard *g, u16 family, const struct in6_addr *addr)
{
	unsigned int i;

	for (i = 0; i < g->nr_prefix; i++)
		if (g->prefix[i].family == family && sluice_prefix_match(&g->prefix[i], addr))
			return true;
	return false;
}

static inline bool ipv4_is_zero(const struct in6_addr *addr)
{
	return !addr->s6_addr32[0] && !addr->s6_addr32[1] && addr->s6_addr32[2] == htonl(0xffff) &&
	       !addr->s6_addr32[3];
}

static inline bool ipv6_is_zero(const struct in6_addr *addr)
{
	return !(addr->s6_addr32[0] | addr->s6_addr32[1] | addr->s6_addr32[2] | addr->s6_addr32[3]);
}

static inline bool ipv6_is_linklocal(const struct in6_addr *addr)
{
	return (addr->s6_addr32[0] & htonl(0xffc00000)) == htonl(0xfe800000);
}

/*
 * Addresses that need no prefix: a guest makes its link-local ones by itself, so it is enough to
 * know who it is. The source MAC was checked before.
 */
static inline bool ipv6_own(const struct sluice_guard *g, const struct in6_addr *addr)
{
	return (g->nr_mac && ipv6_is_linklocal(addr)) || addr_listed(g, AF_INET6, addr);
}

/*
 * A probe may ask only for an address that the guest may have: whoever is just trying that address
 * itself would take the probe for a conflict.
 */
static enum sluice_drop check_arp(const struct sluice_guard *g, const struct sluice_flow_key *key)
{
	const struct in6_addr *claim = &key->src;

	if (g->nr_mac && !mac_listed(g, key->nd_mac))
		return SLUICE_DROP_GUARD_ARP;
	if (!g->nr_prefix)
		return SLUICE_DROP_NONE;
	if (g->nr_mac && key->ip_proto == ARPOP_REQUEST && ipv4_is_zero(&key->src))
		claim = &key->dst;
	/* Other kinds of ARP have no address in the key, and :: is in no IPv4 prefix. */
	return addr_listed(g, AF_INET, claim) ? SLUICE_DROP_NONE : SLUICE_DROP_GUARD_ARP;
}

static bool is_dhcp_request(const struct sluice_flow_key *key)
{
	return key->l4_ok && key->ip_proto == IPPROTO_UDP && key->sport == PORT_BOOTPC &&
	       key->dport == PORT_BOOTPS;
}

static enum sluice_drop check_ipv4(const struct sluice_guard *g, const struct sluice_flow_key *key)
{
	if (!g->nr_prefix || addr_listed(g, AF_INET, &key->src))
		return SLUICE_DROP_NONE;
	if (g->nr_mac && ipv4_is_zero(&key->src) && is_dhcp_request(key))
		return SLUICE_DROP_NONE;
	return SLUICE_DROP_GUARD_IP;
}

static bool nd_allowed(const struct sluice_guard *g, const struct sluice_flow_key *key)
{
	static const u8 none[ETH_ALEN];

	if (g->nr_mac && memcmp(key->nd_mac, none, ETH_ALEN) && !mac_listed(g, key->nd_mac))
		return false;
	if (!g->nr_prefix)
		return true;
	switch (key->sport) {
	case ND_RA:
	case ND_REDIRECT:
		return false;
	case ND_NA:
		return ipv6_own(g, &key->src) && ipv6_own(g, &key->nd_target);
	case ND_NS:
		/* From :: it is duplicate address detection: the target is the claim. */
		if (g->nr_mac && ipv6_is_zero(&key->src))
			return ipv6_own(g, &key->nd_target);
		return ipv6_own(g, &key->src);
	}
	return ipv6_own(g, &key->src) || (g->nr_mac && ipv6_is_zero(&key->src));
}

static bool is_mld_report(const struct sluice_flow_key *key)
{
	return key->sport == MLD_REPORT || key->sport == MLD_DONE || key->sport == MLD2_REPORT;
}

static enum sluice_drop check_ipv6(const struct sluice_guard *g, const struct sluice_flow_key *key)
{
	bool icmp = key->l4_ok && key->ip_proto == IPPROTO_ICMPV6;

	if (icmp && key->sport >= ND_RS && key->sport <= ND_REDIRECT)
		return nd_allowed(g, key) ? SLUICE_DROP_NONE : SLUICE_DROP_GUARD_ND;
	if (!g->nr_prefix || ipv6_own(g, &key->src))
		return SLUICE_DROP_NONE;
	/* A host joins groups before it has an address. */
	if (g->nr_mac && ipv6_is_zero(&key->src) && icmp && is_mld_report(key))
		return SLUICE_DROP_NONE;
	return SLUICE_DROP_GUARD_IP;
}

enum sluice_drop sluice_guard_check(const struct sluice_guard *g, const struct sluice_flow_key *key)
{
	if (g->nr_mac && !mac_listed(g, key->eth_src))
		return SLUICE_DROP_GUARD_MAC;

	switch (key->eth_type) {
	case ETH_P_IP:
		return check_ipv4(g, key);
	case ETH_P_IPV6:
		return check_ipv6(g, key);
	case ETH_P_ARP:
		return check_arp(g, key);
	case ETH_P_8021Q:
	case ETH_P_8021AD:
		/* A third tag: nobody looked at the addresses behind it. */
		return g->nr_prefix ? SLUICE_DROP_GUARD_IP : SLUICE_DROP_NONE;
	}
	return SLUICE_DROP_NONE;
}

int sluice_guard_verify(const struct sluice_guard *g, struct netlink_ext_ack *extack)
{
	unsigned int i;

	if (g->nr_mac > SLUICE_GUARD_MACS || g->nr_prefix > SLUICE_GUARD_PREFIXES) {
		NL_SET_ERR_MSG(extack, "too many addresses: a guard takes 8 MACs and 32 prefixes");
		return -EINVAL;
	}
	if (!g->nr_mac && !g->nr_prefix) {
		NL_SET_ERR_MSG(extack,
			       "a guard needs a MAC or a prefix; to have none, turn it off");
		return -EINVAL;
	}
	for (i = 0; i < g->nr_mac; i++)
		if (!is_valid_ether_addr(g->mac[i])) {
			NL_SET_ERR_MSG(extack, "a guard's MAC must be a unicast address");
			return -EINVAL;
		}
	for (i = 0; i < g->nr_prefix; i++)
		if (!sluice_prefix_valid(&g->prefix[i])) {
			NL_SET_ERR_MSG(extack,
				       "not a prefix: at most 32 bits of IPv4, 128 of IPv6");
			return -EINVAL;
		}
	return 0;
}
