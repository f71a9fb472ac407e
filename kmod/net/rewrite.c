// SPDX-License-Identifier: GPL-2.0-only
/* Actions that change a packet's headers, and every checksum that covers what they change. */
#include <linux/crc32.h>
#include <linux/etherdevice.h>
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

static int rewrite_pop_vlan(struct sluice_pkt *pkt)
{
	struct sk_buff *skb = pkt->skb;
	u16 tci;

	if (!eth_type_vlan(eth_hdr(skb)->h_proto))
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

/*
 * Where the checksum that covers the pseudo header lies, or NULL. *@udp: an all-zero result must be
 * sent as ones.
 */
static __sum16 *rewrite_l4_sum(struct sluice_pkt *pkt, u8 proto, bool *udp)
{
	u8 *l4 = pkt->skb->data + pkt->frame.at.l4;

	*udp = false;
	if (!pkt->frame.at.l4)
		return NULL;
	switch (proto) {
	case IPPROTO_TCP:
		return &((struct tcphdr *)l4)->check;
	case IPPROTO_UDP:
		/* Zero on the wire means that the sender computed none. */
		if (!((struct udphdr *)l4)->check && pkt->skb->ip_summed != CHECKSUM_PARTIAL)
			return NULL;
		*udp = true;
		return &((struct udphdr *)l4)->check;
	case IPPROTO_ICMPV6:
		return (__sum16 *)(l4 + 2);
	}
	return NULL;
}

static void rewrite_udp_mangle(__sum16 *sum, bool udp)
{
	if (udp && !*sum)
		*sum = CSUM_MANGLED_0;
}

static int rewrite_v4_addr(struct sluice_pkt *pkt, bool src, __be32 to, u8 proto)
{
	struct iphdr *ip = (struct iphdr *)(pkt->skb->data + pkt->frame.at.l3);
	__be32 *addr = src ? &ip->saddr : &ip->daddr, from = *addr;
	bool udp;
	__sum16 *sum = rewrite_l4_sum(pkt, proto, &udp);

	if (sum) {
		inet_proto_csum_replace4(sum, pkt->skb, from, to, true);
		rewrite_udp_mangle(sum, udp && pkt->skb->ip_summed != CHECKSUM_PARTIAL);
	}
	csum_replace4(&ip->check, from, to);
	*addr = to;
	return 0;
}

static int rewrite_v6_addr(struct sluice_pkt *pkt, bool src, const struct in6_addr *to, u8 proto)
{
	struct ipv6hdr *ip6 = (struct ipv6hdr *)(pkt->skb->data + pkt->frame.at.l3);
	struct in6_addr *addr = src ? &ip6->saddr : &ip6->daddr;
	bool udp;
	__sum16 *sum = rewrite_l4_sum(pkt, proto, &udp);

	if (sum) {
		inet_proto_csum_replace16(sum, pkt->skb, addr->s6_addr32, to->s6_addr32, true);
		rewrite_udp_mangle(sum, udp && pkt->skb->ip_summed != CHECKSUM_PARTIAL);
	}
	*addr = *to;
	return 0;
}

static int rewrite_addr(struct sluice_pkt *pkt, const struct sluice_flow_key *key,
			const struct sluice_flow_act *act)
{
	bool src = act->type == SLUICE_ACT_SET_SRC;

	if (key->eth_type == ETH_P_IP)
		return rewrite_v4_addr(pkt, src, act->ip.s6_addr32[3], key->ip_proto);
	if (key->eth_type == ETH_P_IPV6)
		return rewrite_v6_addr(pkt, src, &act->ip, key->ip_proto);
	return -EPROTO;
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
 * A CRC does not patch, so it is computed anew, over all of the packet. crc32.h's function is in
 * every kernel's image; crypto's would make the module depend on another.
 */
static int rewrite_sctp_sum(struct sluice_pkt *pkt)
{
	struct sctphdr *sctp;

	if (skb_linearize(pkt->skb))
		return -ENOMEM;
	sctp = (struct sctphdr *)(pkt->skb->data + pkt->frame.at.l4);
	sctp->checksum = 0;
	sctp->checksum = cpu_to_le32(~__crc32c_le(~0, (u8 *)sctp, pkt->skb->len - pkt->frame.at.l4));
	return 0;
}

static int rewrite_l4_port(struct sluice_pkt *pkt, u8 proto, const struct sluice_flow_act *act)
{
	bool src = act->type == SLUICE_ACT_SET_SPORT;
	__be16 *port, to = htons(act->l4_port);
	__sum16 *sum;
	bool udp;

	if (!pkt->frame.at.l4 || (proto != IPPROTO_TCP && proto != IPPROTO_UDP && proto != IPPROTO_SCTP))
		return -EPROTO;
	/* All three start with source and destination port. */
	port = (__be16 *)(pkt->skb->data + pkt->frame.at.l4) + !src;
	sum = rewrite_l4_sum(pkt, proto, &udp);
	if (sum) {
		inet_proto_csum_replace2(sum, pkt->skb, *port, to, false);
		rewrite_udp_mangle(sum, udp && pkt->skb->ip_summed != CHECKSUM_PARTIAL);
	}
	*port = to;
	if (proto == IPPROTO_SCTP && pkt->skb->ip_summed != CHECKSUM_PARTIAL &&
	    !skb_is_gso(pkt->skb))
		return rewrite_sctp_sum(pkt);
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
		return rewrite_pop_vlan(pkt);
	case SLUICE_ACT_SET_VLAN:
		return rewrite_set_vlan(pkt, act->vlan);
	}

	/* What follows writes within the headers that were parsed. */
	if (skb_ensure_writable(skb, min_t(u32, skb->len, pkt->frame.at.min_len + 2 * VLAN_HLEN)))
		return -ENOMEM;
	switch (act->type) {
	case SLUICE_ACT_SET_ETH_SRC:
		ether_addr_copy(eth_hdr(skb)->h_source, act->mac);
		return 0;
	case SLUICE_ACT_SET_ETH_DST:
		ether_addr_copy(eth_hdr(skb)->h_dest, act->mac);
		return 0;
	}
	if (!pkt->frame.at.l3)
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
		return rewrite_l4_port(pkt, key->ip_proto, act);
	}
	return -EPROTO;
}
