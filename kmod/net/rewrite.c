// SPDX-License-Identifier: GPL-2.0-only
/* Actions that change a packet's headers, and every checksum that covers what they change. */
#include <linux/crc32.h>
#include <linux/etherdevice.h>
#include <linux/icmpv6.h>
#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/sctp.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/checksum.h>
#include <net/dsfield.h>
#include <net/inet_ecn.h>
#include "rewrite.h"

/* Where DCCP has its checksum; not every kernel has the structure. */
#define REWRITE_DCCP_SUM	6

/* A tag came or went: the Ethernet header begins elsewhere. */
static void rewrite_moved(struct sluice_pkt *pkt, int by)
{
	struct sk_buff *skb = pkt->skb;

	skb_reset_mac_header(skb);
	skb->protocol = sluice_pkt_protocol(skb);
	pkt->len = skb->len;
	sluice_frame_shift(&pkt->frame, by);
	skb_set_network_header(skb, pkt->frame.at.l2);
	skb_reset_mac_len(skb);
}

static int rewrite_push_vlan(struct sluice_pkt *pkt, u16 tci)
{
	struct sk_buff *skb = pkt->skb;

	if (skb_cow_head(skb, VLAN_HLEN) || __vlan_insert_tag(skb, htons(ETH_P_8021Q), tci))
		return -ENOMEM;
	rewrite_moved(pkt, VLAN_HLEN);
	return 0;
}

static int rewrite_pop_vlan(struct sluice_pkt *pkt, const struct sluice_flow_key *key)
{
	struct sk_buff *skb = pkt->skb;
	u16 tci;

	if (!eth_type_vlan(eth_hdr(skb)->h_proto))
		return -EPROTO;
	/* Nobody looked behind a third tag: the receiver's list would not see what he will. */
	if (unlikely(eth_type_vlan(htons(key->eth_type))))
		return -EPROTO;
	if (__skb_vlan_pop(skb, &tci))
		return -ENOMEM;
	rewrite_moved(pkt, -VLAN_HLEN);
	return 0;
}

static int rewrite_set_vlan(struct sluice_pkt *pkt, u16 tci)
{
	if (!eth_type_vlan(eth_hdr(pkt->skb)->h_proto))
		return -EPROTO;
	if (skb_ensure_writable(pkt->skb, VLAN_ETH_HLEN))
		return -ENOMEM;
	((struct vlan_ethhdr *)pkt->skb->data)->h_vlan_TCI = htons(tci);
	return 0;
}

/* --- the L4 header's checksum --- */

/*
 * Does the L4 header's sum cover the pseudo header only, until somebody sums up the rest? So it is
 * in a frame with that request, and in the outer header of a tunnel that is to be segmented. In one
 * that asks for an inner sum the outer one is final: what it will be once the inner one is there.
 */
static bool rewrite_sum_is_pseudo(const struct sluice_pkt *pkt)
{
	const struct sluice_frame *f = &pkt->frame;

	return f->csum == SLUICE_CSUM_L4 || f->flags & SLUICE_FRAME_TUNNEL;
}

/* Where the checksum that covers the pseudo header lies, or NULL. */
static __sum16 *rewrite_l4_sum(struct sluice_pkt *pkt, u8 proto)
{
	u8 *l4 = pkt->skb->data + pkt->frame.at.l4;
	__sum16 *sum;

	if (!pkt->frame.at.l4)
		return NULL;
	switch (proto) {
	case IPPROTO_TCP:
		return &((struct tcphdr *)l4)->check;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		sum = &((struct udphdr *)l4)->check;
		/* Zero on the wire means that the sender computed none. */
		return *sum || pkt->frame.csum == SLUICE_CSUM_L4 ? sum : NULL;
	case IPPROTO_DCCP:
		return (__sum16 *)(l4 + REWRITE_DCCP_SUM);
	case IPPROTO_ICMPV6:
		return &((struct icmp6hdr *)l4)->icmp6_cksum;
	}
	return NULL;
}

/* @diff: what the sum of the bytes that it covers grew by. */
static void rewrite_final_sum(__sum16 *sum, __wsum diff, u8 proto)
{
	*sum = csum_fold(csum_add(diff, ~csum_unfold(*sum)));
	if ((proto == IPPROTO_UDP || proto == IPPROTO_UDPLITE) && !*sum)
		*sum = CSUM_MANGLED_0;
}

/* An address of @len bytes changes: the pseudo header has it. */
static void rewrite_addr_sum(struct sluice_pkt *pkt, u8 proto, const void *from, const void *to,
			     int len)
{
	__wsum diff = csum_sub(csum_partial(to, len, 0), csum_partial(from, len, 0));
	__sum16 *sum = rewrite_l4_sum(pkt, proto);

	if (!sum)
		return;
	if (rewrite_sum_is_pseudo(pkt))
		*sum = ~csum_fold(csum_add(csum_unfold(*sum), diff));
	else
		rewrite_final_sum(sum, diff, proto);
}

static int rewrite_v4_addr(struct sluice_pkt *pkt, bool src, __be32 to, u8 proto)
{
	struct iphdr *ip = (struct iphdr *)(pkt->skb->data + pkt->frame.at.l3);
	__be32 *addr = src ? &ip->saddr : &ip->daddr;

	rewrite_addr_sum(pkt, proto, addr, &to, sizeof(to));
	csum_replace4(&ip->check, *addr, to);
	*addr = to;
	return 0;
}

static int rewrite_v6_addr(struct sluice_pkt *pkt, bool src, const struct in6_addr *to, u8 proto)
{
	struct ipv6hdr *ip6 = (struct ipv6hdr *)(pkt->skb->data + pkt->frame.at.l3);
	struct in6_addr *addr = src ? &ip6->saddr : &ip6->daddr;

	rewrite_addr_sum(pkt, proto, addr, to, sizeof(*to));
	*addr = *to;
	return 0;
}

/*
 * What an ICMP error quotes stays as it came: who sent it is asked by nobody whose addresses are
 * rewritten one by one, without a memory of connections.
 */
static int rewrite_addr(struct sluice_pkt *pkt, const struct sluice_flow_key *key,
			const struct sluice_flow_act *act)
{
	bool src = act->type == SLUICE_ACT_SET_SRC;

	if (key->eth_type == ETH_P_IP)
		return rewrite_v4_addr(pkt, src, act->ip.s6_addr32[3], key->ip_proto);
	return rewrite_v6_addr(pkt, src, &act->ip, key->ip_proto);
}

static int rewrite_ttl(struct sluice_pkt *pkt, u8 ttl)
{
	u8 *l3 = pkt->skb->data + pkt->frame.at.l3;
	struct iphdr *ip = (struct iphdr *)l3;

	if (ip->version == 4) {
		csum_replace2(&ip->check, htons(ip->ttl << 8), htons(ttl << 8));
		ip->ttl = ttl;
	} else {
		((struct ipv6hdr *)l3)->hop_limit = ttl;
	}
	return 0;
}

static int rewrite_dscp(struct sluice_pkt *pkt, u8 dscp)
{
	u8 *l3 = pkt->skb->data + pkt->frame.at.l3;

	/* Keep ECN: it is not the operator's. */
	if (((struct iphdr *)l3)->version == 4)
		ipv4_change_dsfield((struct iphdr *)l3, INET_ECN_MASK, dscp << 2);
	else
		ipv6_change_dsfield((struct ipv6hdr *)l3, INET_ECN_MASK, dscp << 2);
	return 0;
}

/*
 * A CRC does not patch, so it is computed anew, over all of the packet and none of the padding.
 * crc32.h's function is in every kernel's image; crypto's would make the module depend on another.
 */
static int rewrite_sctp_sum(struct sluice_pkt *pkt)
{
	const struct sluice_parsed *at = &pkt->frame.at;
	struct sctphdr *sctp;

	if (skb_linearize(pkt->skb))
		return -ENOMEM;
	sctp = (struct sctphdr *)(pkt->skb->data + at->l4);
	sctp->checksum = 0;
	sctp->checksum = cpu_to_le32(~__crc32c_le(~0, (u8 *)sctp, at->end - at->l4));
	return 0;
}

/* All that have ports start with source and destination port. */
static __be16 *rewrite_port_place(struct sluice_pkt *pkt, const struct sluice_flow_act *act)
{
	return (__be16 *)(pkt->skb->data + pkt->frame.at.l4) + (act->type == SLUICE_ACT_SET_DPORT);
}

static int rewrite_sctp_port(struct sluice_pkt *pkt, const struct sluice_flow_key *key,
			     const struct sluice_flow_act *act)
{
	/* The CRC is over what other fragments hold. */
	if (key->frag)
		return -EPROTO;
	*rewrite_port_place(pkt, act) = htons(act->l4_port);
	/* Otherwise whoever segments it, or is asked to, computes it. */
	return pkt->frame.csum || pkt->frame.gso ? 0 : rewrite_sctp_sum(pkt);
}

static int rewrite_l4_port(struct sluice_pkt *pkt, const struct sluice_flow_key *key,
			   const struct sluice_flow_act *act)
{
	__be16 *port, to = htons(act->l4_port);
	__sum16 *sum;

	if (!key->l4_ok)
		return -EPROTO;
	if (key->ip_proto == IPPROTO_SCTP)
		return rewrite_sctp_port(pkt, key, act);
	if (key->ip_proto != IPPROTO_TCP && key->ip_proto != IPPROTO_UDP)
		return -EPROTO;
	port = rewrite_port_place(pkt, act);
	sum = rewrite_l4_sum(pkt, key->ip_proto);
	if (sum && !rewrite_sum_is_pseudo(pkt))
		rewrite_final_sum(sum, csum_sub(csum_partial(&to, sizeof(to), 0),
						csum_partial(port, sizeof(to), 0)), key->ip_proto);
	*port = to;
	return 0;
}

int sluice_rewrite(struct sluice_pkt *pkt, const struct sluice_flow_key *key,
		   const struct sluice_flow_act *act)
{
	struct sk_buff *skb = pkt->skb;

	if (skb->ip_summed == CHECKSUM_COMPLETE)
		skb->ip_summed = CHECKSUM_NONE;
	switch (act->type) {
	case SLUICE_ACT_PUSH_VLAN:
		return rewrite_push_vlan(pkt, act->vlan);
	case SLUICE_ACT_POP_VLAN:
		return rewrite_pop_vlan(pkt, key);
	case SLUICE_ACT_SET_VLAN:
		return rewrite_set_vlan(pkt, act->vlan);
	}

	/* What follows writes within the headers that were parsed. */
	if (skb_ensure_writable(skb, pkt->frame.at.min_len))
		return -ENOMEM;
	switch (act->type) {
	case SLUICE_ACT_SET_ETH_SRC:
		ether_addr_copy(eth_hdr(skb)->h_source, act->mac);
		return 0;
	case SLUICE_ACT_SET_ETH_DST:
		ether_addr_copy(eth_hdr(skb)->h_dest, act->mac);
		return 0;
	}
	if (key->eth_type != ETH_P_IP && key->eth_type != ETH_P_IPV6)
		return -EPROTO;
	switch (act->type) {
	case SLUICE_ACT_SET_SRC:
	case SLUICE_ACT_SET_DST:
		return rewrite_addr(pkt, key, act);
	case SLUICE_ACT_SET_TTL:
		return rewrite_ttl(pkt, act->value);
	case SLUICE_ACT_SET_DSCP:
		return rewrite_dscp(pkt, act->value);
	case SLUICE_ACT_SET_SPORT:
	case SLUICE_ACT_SET_DPORT:
		return rewrite_l4_port(pkt, key, act);
	}
	return -EPROTO;
}
