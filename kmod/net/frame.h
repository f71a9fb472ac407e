/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is known of a frame, besides its bytes. Its sender (a guest's virtio_net_hdr, the host's
 * stack or a device, in the skb) asks for a checksum to be filled in and for segmentation;
 * sluice_frame_check() proves that against the headers, once, where the frame comes in. Whatever
 * comes behind uses the result and asks nobody again.
 */
#ifndef _SLUICE_NET_FRAME_H
#define _SLUICE_NET_FRAME_H

#include <linux/compiler.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/minmax.h>
#include <linux/types.h>
#include "parse.h"

/* A frame that a guest sends: Ethernet with two tags around the longest IP packet. */
#define SLUICE_FRAME_MAX	(65535 + ETH_HLEN + 2 * 4)
/* The longest that virtio lets a driver expect, without its header. */
#define SLUICE_FRAME_MAX_GUEST	65550
/*
 * No stack makes segments smaller than 48 bytes (who asked for such would have the worker make
 * thousands of frames of one).
 */
#define SLUICE_FRAME_MAX_SEGS	(SLUICE_FRAME_MAX / 48 + 1)
/*
 * Where a checksum must have its place: no headers are longer. An skb says where a sum begins in 16
 * bits from the start of its buffer, to which every header in front adds; what does not fit there
 * would be found in front of the frame.
 */
#define SLUICE_FRAME_CSUM_WITHIN	2048

/* The longest L4 header, which is TCP's. */
#define SLUICE_FRAME_L4_MAX	60

enum sluice_csum {
	SLUICE_CSUM_NONE,
	SLUICE_CSUM_L4,		/* of the L4 header that the parser found */
	SLUICE_CSUM_INNER,	/* behind all that the parser looks at: inside of a tunnel */
};

enum sluice_gso {
	SLUICE_GSO_NONE,
	SLUICE_GSO_TCPV4,
	SLUICE_GSO_TCPV6,
	SLUICE_GSO_UDP,		/* datagrams of gso_size each */
	SLUICE_GSO_UFO,		/* one datagram, to be fragmented */
	SLUICE_GSO_SCTP,	/* the host's: packets of any size, in the skb's list */
	SLUICE_GSO_UNKNOWN,
};

/* frame.flags */
#define SLUICE_FRAME_GUEST	0x1	/* its sender is not trusted */
#define SLUICE_FRAME_TUNNEL	0x2	/* the kernel knows how to segment the tunnel that it is */
#define SLUICE_FRAME_LIST	0x4	/* its segments hang on the skb, each with its checksum */
#define SLUICE_FRAME_ECN	0x8	/* TCP's CWR is for the first segment only */
#define SLUICE_FRAME_HOST	0x10	/* what it asks for no virtio_net_hdr can say */

/**
 * struct sluice_frame - what was proved of one frame
 * @at: where its headers are
 * @csum_start: with @csum: sum from here to the end of the frame...
 * @csum_offset: ... and put it there, relative to @csum_start
 * @gso_size: with @gso: payload of a segment; of SCTP GSO_BY_FRAGS
 * @hdrs: bytes of headers that each segment has; 0 without @gso
 * @segs: packets that it is on the wire
 * @csum: enum sluice_csum; as claimed, NONE or anything else
 * @gso: enum sluice_gso
 * @flags: SLUICE_FRAME_*
 *
 * Before sluice_frame_check() @csum_start, @csum_offset, @gso_size, @csum, @gso and @flags are
 * claims (and @segs, of SCTP), and the rest is not defined.
 */
struct sluice_frame {
	struct sluice_parsed at;
	u16 csum_start;
	u16 csum_offset;
	u16 gso_size;
	u16 hdrs;
	u16 segs;
	u8 csum;
	u8 gso;
	u8 flags;
};

bool sluice_frame_prove(struct sluice_frame *f, const struct sluice_flow_key *key, const u8 *data,
			u32 seen, u32 len);

/**
 * sluice_frame_check() - prove what a frame's sender asks for
 * @f: the claims, and @f->at as sluice_parse() left it; becomes what was proved
 * @key: what the frame was parsed to
 * @data: its first bytes, from the Ethernet header on
 * @seen: how many of them can be read
 * @len: bytes of the whole frame
 *
 * Context: any. Return: SLUICE_DROP_NONE, or SLUICE_DROP_HDR: claims and headers contradict each
 * other; then @f is not to be used.
 */
static inline enum sluice_drop sluice_frame_check(struct sluice_frame *f,
						  const struct sluice_flow_key *key,
						  const u8 *data, u32 seen, u32 len)
{
	if (!(f->csum | f->gso | f->at.unsized)) {
		f->hdrs = 0;
		f->segs = 1;
		return SLUICE_DROP_NONE;
	}
	return sluice_frame_prove(f, key, data, seen, len) ? SLUICE_DROP_NONE : SLUICE_DROP_HDR;
}

/**
 * sluice_frame_claims() - packets and bytes that a frame is on the wire at most
 * @f: claims, before they were proved
 * @len: bytes of the frame
 * @segs: result, at least 1
 *
 * If what it claims is true, that is; else it is refused, and is nothing. Context: any. Return:
 * bytes.
 */
static inline u32 sluice_frame_claims(const struct sluice_frame *f, u32 len, u32 *segs)
{
	*segs = 1;
	if (likely(!f->gso || !f->gso_size))
		return len;
	*segs = min_t(u32, DIV_ROUND_UP(len, f->gso_size), SLUICE_FRAME_MAX_SEGS);
	/* Of each the headers: as far as the L4 header, which is where the checksum begins. */
	return len + (*segs - 1) * min_t(u32, f->csum_start + SLUICE_FRAME_L4_MAX,
					 SLUICE_FRAME_CSUM_WITHIN + SLUICE_FRAME_L4_MAX);
}

/* A tag came in front of all that is described (@by > 0), or went. */
void sluice_frame_shift(struct sluice_frame *f, int by);

static inline u64 sluice_frame_flow_l2(const struct sluice_flow_key *key)
{
	u64 flow = key->eth_type;
	unsigned int i;

	for (i = 0; i < ETH_ALEN; i++)
		flow = flow << 8 ^ key->eth_src[i] ^ key->eth_dst[i];
	return flow;
}

/**
 * sluice_frame_flow() - the connection that a frame belongs to, as a number
 * @key: what it was parsed to
 *
 * The same for both directions, for every frame of a connection whatever its flags, and for all
 * fragments of a datagram; so it is what chooses queues. Addresses, protocol and ports; of
 * fragments, and where there are no ports, addresses and protocol; of other frames than IP and ARP
 * the MAC addresses. Context: any.
 */
static inline u32 sluice_frame_flow(const struct sluice_flow_key *key)
{
	static const u64 k = 0x9e3779b97f4a7c15ULL;
	const u64 *src = (const u64 *)&key->src, *dst = (const u64 *)&key->dst;
	u64 a = src[0] ^ dst[0], b = src[1] ^ dst[1], ports = key->ip_proto;

	/* ICMP has its type and code in the place of ports: a question's are not its answer's. */
	if (!key->frag && ports != IPPROTO_ICMP && ports != IPPROTO_ICMPV6)
		ports |= (u64)(key->sport ^ key->dport) << 16 |
			 (u64)(key->sport + key->dport) << 32;
	if (unlikely(!(src[1] | dst[1])))
		b = sluice_frame_flow_l2(key);
	a = (a ^ ports) * k;
	b = (b ^ a ^ a >> 32) * k;
	return b >> 32;
}

#endif /* _SLUICE_NET_FRAME_H */
