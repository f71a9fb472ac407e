// SPDX-License-Identifier: GPL-2.0-only
/*
 * The spoof guard. Every place where a packet names its sender must name one that the port was
 * given: the Ethernet source, the IP source, the sender in ARP, the target and link-layer address
 * in neighbour discovery, the client in DHCP.
 *
 * A loose guard stops there. A strict one denies what it was not told to allow: tags, EtherTypes, a
 * family of which no address is listed, link-local addresses that are not made of a listed MAC,
 * messages of routers and of DHCP servers, options by which a packet comes from or goes elsewhere
 * than its addresses say.
 *
 * A verdict is kept for all packets with the same key, so nothing but the key is looked at.
 */
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/if_arp.h>
#include <linux/in.h>
#include "control.h"
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
#define PORT_DHCP6C	546
#define PORT_DHCP6S	547

#define RARPOP_REQUEST	3

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

static enum sluice_drop check_loose(const struct sluice_guard *g, const struct sluice_flow_key *key)
{
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

/* --- strict ---------------------------------------------------------------------------------- */

static bool family_listed(const struct sluice_guard *g, u16 family)
{
	unsigned int i;

	for (i = 0; i < g->nr_prefix; i++)
		if (g->prefix[i].family == family)
			return true;
	return !g->nr_prefix;
}

static bool vlan_allowed(const struct sluice_guard *g, const struct sluice_flow_key *key)
{
	u16 id = key->vlan[0] & VLAN_VID_MASK;
	unsigned int i;

	if (!key->vlan[0])
		return g->untagged || !g->nr_vlan;
	/* Tag 10 of 802.1ad is another network than tag 10 of 802.1Q. */
	if ((key->vlan[1] || key->vlan_proto) && !(g->roles & SLUICE_GUARD_QINQ))
		return false;
	for (i = 0; i < g->nr_vlan; i++)
		if (id >= g->vlan[i].first && id <= g->vlan[i].last)
			return true;
	return false;
}

static bool type_allowed(const struct sluice_guard *g, const struct sluice_flow_key *key)
{
	unsigned int i;

	/* Whether they pass was asked of the port's words for them, and of ours. */
	if (sluice_control_kind(key) & SLUICE_CONTROL_ALL)
		return true;
	for (i = 0; i < g->nr_type; i++)
		if (g->type[i] == key->eth_type)
			return true;
	switch (key->eth_type) {
	case ETH_P_IP:
	case ETH_P_ARP:
		return family_listed(g, AF_INET);
	case ETH_P_IPV6:
		return family_listed(g, AF_INET6);
	case ETH_P_RARP:
		/* By this a VMM tells switches where a guest is now. */
		return true;
	}
	return false;
}

/* The link-local address that a host makes of its MAC (RFC 4291, appendix A). */
static bool ipv6_is_eui64(const struct in6_addr *addr, const u8 *mac)
{
	const u8 id[8] = { mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5] };

	return addr->s6_addr32[0] == htonl(0xfe800000) && !addr->s6_addr32[1] &&
	       !memcmp(&addr->s6_addr[8], id, sizeof(id));
}

static bool ipv4_owned(const struct sluice_guard *g, const struct in6_addr *addr)
{
	return !g->nr_prefix || addr_listed(g, AF_INET, addr);
}

static bool ipv6_owned(const struct sluice_guard *g, const struct in6_addr *addr)
{
	unsigned int i;

	for (i = 0; i < g->nr_mac; i++)
		if (ipv6_is_eui64(addr, g->mac[i]))
			return true;
	return !g->nr_prefix || addr_listed(g, AF_INET6, addr);
}

static inline bool mac_owned(const struct sluice_guard *g, const u8 *mac)
{
	return !g->nr_mac || mac_listed(g, mac);
}

static bool strict_arp(const struct sluice_guard *g, const struct sluice_flow_key *key)
{
	if (!mac_owned(g, key->nd_mac))
		return false;
	switch (key->ip_proto) {
	case ARPOP_REQUEST:
		/* A probe: the target is the claim. */
		return ipv4_owned(g, ipv4_is_zero(&key->src) ? &key->dst : &key->src);
	case ARPOP_REPLY:
		return ipv4_owned(g, &key->src);
	}
	return false;
}

static bool strict_rarp(const struct sluice_guard *g, const struct sluice_flow_key *key)
{
	return key->ip_proto == RARPOP_REQUEST && mac_owned(g, key->nd_mac) &&
	       (ipv4_is_zero(&key->src) || ipv4_owned(g, &key->src));
}

static inline bool is_udp(const struct sluice_flow_key *key)
{
	return key->l4_ok && key->ip_proto == IPPROTO_UDP;
}

/*
 * Clients go by the port that an answer is sent to, relays by the one that it comes from. What is
 * sent to servers must be a request that names the guest: a relay or a server would answer to
 * whomever it names.
 */
static bool dhcp_allowed(const struct sluice_guard *g, const struct sluice_flow_key *key)
{
	if (!is_udp(key) || (g->roles & SLUICE_GUARD_DHCP_SERVER))
		return true;
	if (key->sport == PORT_BOOTPS || key->dport == PORT_BOOTPC)
		return false;
	return key->dport != PORT_BOOTPS ||
	       ((key->option & SLUICE_OPTION_DHCP) && mac_owned(g, key->nd_mac));
}

static bool dhcp6_allowed(const struct sluice_guard *g, const struct sluice_flow_key *key)
{
	return !is_udp(key) || (g->roles & SLUICE_GUARD_DHCP_SERVER) ||
	       (key->sport != PORT_DHCP6S && key->dport != PORT_DHCP6C);
}

static enum sluice_drop strict_ipv4(const struct sluice_guard *g, const struct sluice_flow_key *key)
{
	if (!dhcp_allowed(g, key))
		return SLUICE_DROP_GUARD_DHCP;
	if (ipv4_owned(g, &key->src))
		return SLUICE_DROP_NONE;
	if (g->nr_mac && ipv4_is_zero(&key->src) && is_dhcp_request(key))
		return SLUICE_DROP_NONE;
	return SLUICE_DROP_GUARD_IP;
}

static bool strict_nd(const struct sluice_guard *g, const struct sluice_flow_key *key)
{
	bool nobody = ipv6_is_zero(&key->src);

	if (!is_zero_ether_addr(key->nd_mac) && !mac_owned(g, key->nd_mac))
		return false;
	switch (key->sport) {
	case ND_RA:
	case ND_REDIRECT:
		return (g->roles & SLUICE_GUARD_RA) && ipv6_owned(g, &key->src);
	case ND_NA:
		return ipv6_owned(g, &key->src) && ipv6_owned(g, &key->nd_target);
	case ND_NS:
		return ipv6_owned(g, nobody ? &key->nd_target : &key->src);
	}
	return nobody || ipv6_owned(g, &key->src);
}

static enum sluice_drop strict_ipv6(const struct sluice_guard *g, const struct sluice_flow_key *key)
{
	bool icmp = key->l4_ok && key->ip_proto == IPPROTO_ICMPV6;

	if (icmp && key->sport >= ND_RS && key->sport <= ND_REDIRECT)
		return strict_nd(g, key) ? SLUICE_DROP_NONE : SLUICE_DROP_GUARD_ND;
	if (!dhcp6_allowed(g, key))
		return SLUICE_DROP_GUARD_DHCP;
	if (ipv6_owned(g, &key->src))
		return SLUICE_DROP_NONE;
	/* A host joins groups before it has an address. */
	if (ipv6_is_zero(&key->src) && icmp && is_mld_report(key))
		return SLUICE_DROP_NONE;
	return SLUICE_DROP_GUARD_IP;
}

static enum sluice_drop check_strict(const struct sluice_guard *g,
				     const struct sluice_flow_key *key)
{
	if (!vlan_allowed(g, key))
		return SLUICE_DROP_GUARD_VLAN;
	if (!type_allowed(g, key))
		return SLUICE_DROP_GUARD_TYPE;
	if ((key->option & (SLUICE_OPTION_ROUTE | SLUICE_OPTION_HOME)) &&
	    !(g->roles & SLUICE_GUARD_SOURCE_ROUTE))
		return SLUICE_DROP_GUARD_OPTION;

	switch (key->eth_type) {
	case ETH_P_IP:
		return strict_ipv4(g, key);
	case ETH_P_IPV6:
		return strict_ipv6(g, key);
	case ETH_P_ARP:
		return strict_arp(g, key) ? SLUICE_DROP_NONE : SLUICE_DROP_GUARD_ARP;
	case ETH_P_RARP:
		return strict_rarp(g, key) ? SLUICE_DROP_NONE : SLUICE_DROP_GUARD_ARP;
	}
	return SLUICE_DROP_NONE;
}

enum sluice_drop sluice_guard_check(const struct sluice_guard *g, const struct sluice_flow_key *key)
{
	if (g->nr_mac && !mac_listed(g, key->eth_src))
		return SLUICE_DROP_GUARD_MAC;
	return g->strict ? check_strict(g, key) : check_loose(g, key);
}

/* --- is a guard sensible? -------------------------------------------------------------------- */

/* What would be behind such a tag nobody looks at. */
static bool is_tag_type(u16 type)
{
	return type == ETH_P_8021Q || type == ETH_P_8021AD || type == ETH_P_QINQ1;
}

static const char *strict_trouble(const struct sluice_guard *g)
{
	unsigned int i;

	if (!g->strict && (g->untagged || g->nr_vlan || g->nr_type || g->roles))
		return "untagged, vlan, eth-type and role mean nothing to a loose guard";
	if (g->nr_vlan > SLUICE_GUARD_VLANS || g->nr_type > SLUICE_GUARD_TYPES)
		return "a guard takes 16 ranges of VLANs and 16 EtherTypes";
	for (i = 0; i < g->nr_vlan; i++)
		if (g->vlan[i].first > g->vlan[i].last || g->vlan[i].last >= VLAN_VID_MASK)
			return "VLANs go from the lower id to the higher, 4094 at most";
	for (i = 0; i < g->nr_type; i++)
		if (is_tag_type(g->type[i]))
			return "that EtherType is a VLAN tag: say vlan, or role qinq";
	return NULL;
}

int sluice_guard_verify(const struct sluice_guard *g, struct netlink_ext_ack *extack)
{
	const char *trouble = strict_trouble(g);
	unsigned int i;

	if (trouble) {
		NL_SET_ERR_MSG_FMT(extack, "%s", trouble);
		return -EINVAL;
	}

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
