/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parser finds in a packet, and what flow rules and the cache match on. */
#ifndef _SLUICE_FLOW_KEY_H
#define _SLUICE_FLOW_KEY_H

#include <linux/build_bug.h>
#include <linux/if_ether.h>
#include <linux/in6.h>
#include <linux/types.h>

/* key.frag: a mask can tell fragments from whole packets, and what has an L4 header from others */
#define SLUICE_FRAG_ANY		0x1	/* a fragment */
#define SLUICE_FRAG_LATER	0x2	/* not the first one: without the L4 header */
#define SLUICE_FRAG_MASK	(SLUICE_FRAG_ANY | SLUICE_FRAG_LATER)

/*
 * key.vlan[]: a tag is there. The tag's PCP and id are in the other bits; DEI is this bit's place,
 * as elsewhere in the kernel.
 */
#define SLUICE_VLAN_PRESENT	0x1000

/* key.option: what few packets have, and those who see only addresses and ports overlook */
#define SLUICE_OPTION_ANY	0x01	/* an IPv4 option, or an IPv6 extension (not: a fragment) */
#define SLUICE_OPTION_ROUTE	0x02	/* source route, routing header: dst is only the next hop */
#define SLUICE_OPTION_RH0	0x04	/* a routing header of type 0 */
#define SLUICE_OPTION_HOME	0x08	/* a home address: src is not who the receiver answers */
#define SLUICE_OPTION_DHCP	0x10	/* a DHCPv4 request, whole; chaddr is in nd_mac */

/**
 * struct sluice_flow_key - headers of one packet
 * @in_port: in a packet's key the port's index (struct sluice_port); in a flow_spec the netdev's
 *	ifindex
 * @vlan: outer and inner tag, host order, with SLUICE_VLAN_PRESENT; 0 if none
 * @vlan_proto: bit 0, 1: the outer, inner tag is 802.1ad (else 802.1Q)
 * @eth_type: host order; of what follows the tags; for an 802.3 length field 0x05ff
 * @eth_dst: destination MAC
 * @eth_src: source MAC
 * @ip_proto: protocol after IPv6 extension headers; ARP: operation (clamped to 255)
 * @tos: TOS, or traffic class
 * @ttl: TTL or hop limit
 * @frag: SLUICE_FRAG_*
 * @src: IPv6 source, or IPv4 as ::ffff:a.b.c.d; ARP: sender protocol address
 * @dst: likewise; ARP: target protocol address
 * @sport: host order; ICMP, ICMPv6: type
 * @dport: host order; ICMP, ICMPv6: code
 * @tcp_flags: low 8 flag bits
 * @l4_ok: an L4 header was there and parsed
 * @option: SLUICE_OPTION_*
 * @nd_mac: ARP, RARP: sender MAC; ND: link-layer address option (source of NS/RS/RA, target of NA);
 *	DHCPv4 request: client hardware address; zero if none
 * @nd_target: ND: target of NS and NA; zero otherwise
 *
 * No implicit padding: compared and hashed as SLUICE_FLOW_KEY_WORDS 64-bit words.
 */
struct sluice_flow_key {
	u32 in_port;
	u16 vlan[2];
	u8 eth_dst[ETH_ALEN];
	u8 eth_src[ETH_ALEN];
	u16 eth_type;
	u8 vlan_proto;
	u8 ip_proto;
	u8 tos;
	u8 ttl;
	u8 frag;
	u8 tcp_flags;
	u16 sport;
	u16 dport;
	u8 l4_ok;
	u8 option;
	u8 nd_mac[ETH_ALEN];
	u8 reserved2[8];
	struct in6_addr src;
	struct in6_addr dst;
	struct in6_addr nd_target;
} __aligned(8);

#define SLUICE_FLOW_KEY_WORDS	(sizeof(struct sluice_flow_key) / sizeof(u64))

static_assert(sizeof(struct sluice_flow_key) == 96);

#endif /* _SLUICE_FLOW_KEY_H */
