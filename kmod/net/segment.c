// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frames of very many segments, in parts.
 *
 * The kernel segments a frame as a whole. A guest chooses how many segments that is, up to more
 * than a thousand, and each costs about what a frame costs. So a long frame is first cut into parts
 * of a few segments each, by the same code, which is told that segments are that much longer.
 */
#include <linux/ip.h>
#include <linux/netdevice.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/checksum.h>
#include <net/gso.h>
#include "segment.h"

/* Kinds that are one TCP or UDP header in front of a payload that may be cut anywhere. */
#define SEGMENT_KINDS	(SKB_GSO_TCPV4 | SKB_GSO_TCPV6 | SKB_GSO_TCP_ECN | \
			 SKB_GSO_TCP_FIXEDID | SKB_GSO_UDP_L4 | SKB_GSO_DODGY)

/* What a part may be left with: all but segments to be made. */
#define SEGMENT_FEATURES	(NETIF_F_SG | NETIF_F_HW_CSUM | NETIF_F_HIGHDMA)

static bool segment_may_split(const struct sk_buff *skb)
{
	const struct skb_shared_info *info = skb_shinfo(skb);

	return skb_is_gso(skb) && !(info->gso_type & ~SEGMENT_KINDS) &&
	       info->gso_size != GSO_BY_FRAGS && skb->ip_summed == CHECKSUM_PARTIAL &&
	       !skb->encapsulation && !skb_has_frag_list(skb) &&
	       skb_transport_header_was_set(skb) &&
	       skb_headlen(skb) >= skb_transport_offset(skb) + sizeof(struct tcphdr);
}

/* Bytes behind the TCP or UDP header; not positive where the headers are not what they say. */
static int segment_payload(const struct sk_buff *skb, unsigned int type)
{
	int l4 = type & SKB_GSO_UDP_L4 ? sizeof(struct udphdr) : tcp_hdrlen(skb);

	return (int)skb->len - skb_transport_offset(skb) - l4;
}

/* Parts were numbered one after the other; but each of their segments has a number. */
static void segment_renumber(struct sk_buff *part, unsigned int skipped)
{
	struct iphdr *ip = ip_hdr(part);
	__be16 id = htons(ntohs(ip->id) + skipped);

	csum_replace2(&ip->check, ip->id, id);
	ip->id = id;
}

/* What each part says of its segments: @most of @size bytes each, but the last has the rest. */
static void segment_describe(struct sk_buff *parts, unsigned int type, unsigned int size,
			     unsigned int most)
{
	unsigned int skipped = 0;
	struct sk_buff *part;

	for (part = parts; part; part = part->next) {
		struct skb_shared_info *info = skb_shinfo(part);
		int payload = segment_payload(part, type);

		if (ip_hdr(part)->version == 4 && !(type & SKB_GSO_TCP_FIXEDID))
			segment_renumber(part, skipped);
		skipped += most - 1;
		if (payload <= (int)size)
			continue;
		info->gso_size = size;
		info->gso_type = type;
		info->gso_segs = DIV_ROUND_UP(payload, size);
	}
}

struct sk_buff *sluice_segment_split(struct sk_buff *skb, unsigned int most)
{
	unsigned int type = skb_shinfo(skb)->gso_type, size = skb_shinfo(skb)->gso_size;
	struct sk_buff *parts;
	int err;

	if (!segment_may_split(skb))
		return skb;
	/* Frames of the host may be longer than the 64 KiB that a size can say. */
	most = min(most, (GSO_BY_FRAGS - 1) / size);
	if (segment_payload(skb, type) <= (int)(most * size))
		return skb;
	/* The size is noted where others with the same data look too. */
	err = skb_unclone(skb, GFP_ATOMIC | __GFP_NOWARN);
	if (err)
		return ERR_PTR(err);
	skb_shinfo(skb)->gso_size = most * size;
	parts = skb_gso_segment(skb, SEGMENT_FEATURES);
	skb_shinfo(skb)->gso_size = size;
	if (IS_ERR_OR_NULL(parts))
		return parts ?: ERR_PTR(-EINVAL);
	segment_describe(parts, type, size, most);
	consume_skb(skb);
	return parts;
}
