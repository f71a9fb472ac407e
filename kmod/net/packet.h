/* SPDX-License-Identifier: GPL-2.0-only */
/* A packet on its way through a worker. */
#ifndef _SLUICE_PACKET_H
#define _SLUICE_PACKET_H

#include <linux/skbuff.h>
#include <linux/types.h>
#include <linux/virtio_net.h>
#include "../drop.h"
#include "frame.h"
#include "pool.h"

struct sluice_chain;
struct sluice_queue;

/*
 * Longest frame that is copied into one piece; what is longer, or is to be segmented, becomes an
 * skb at once.
 */
#define SLUICE_PKT_LINEAR	9216
/* In front of a frame: room for a virtio_net_hdr, or what a driver below pushes. */
#define SLUICE_PKT_HEADROOM	(NET_SKB_PAD + NET_IP_ALIGN + 2 * VLAN_HLEN)

/**
 * struct sluice_pkt - one packet of a burst; belongs to one worker
 * @skb: when set, the packet; its data starts at the Ethernet header
 * @data: else the Ethernet header, in a page fragment with SLUICE_PKT_HEADROOM in front and
 *	room for skb_shared_info behind
 * @len: bytes of the frame
 * @hash: of its key; finds its program
 * @flow: the connection that it belongs to; chooses queues
 * @truesize: bytes of the page fragment
 * @frame: what was proved of it
 */
struct sluice_pkt {
	struct sk_buff *skb;
	u8 *data;
	u32 len;
	u32 hash;
	u32 flow;
	u16 truesize;
	struct sluice_frame frame;
};

/*
 * Worker context, the queue's mm in use. Copies one transmitted frame out of the guest. 0 with
 * pkt->len 0 and *why set: dropped. -EAGAIN, -EIO as sluice_chain_read().
 */
int sluice_pkt_read(struct sluice_pool *pool, struct sluice_queue *q,
		    const struct sluice_chain *c, struct sluice_pkt *pkt, enum sluice_drop *why);
/* An skb from elsewhere, with its sender's claims. */
void sluice_pkt_from_skb(struct sluice_pkt *pkt, struct sk_buff *skb);
/* The same of an skb without any, whose sender's claims are in @hdr, little endian. */
void sluice_pkt_claim(struct sluice_pkt *pkt, const struct virtio_net_hdr *hdr);
/* An skb that was proved before, or is one of its segments: what its receiver must know. */
void sluice_pkt_recall(struct sluice_pkt *pkt, struct sk_buff *skb);
enum sluice_drop sluice_pkt_prove_data(struct sluice_pkt *pkt, struct sluice_flow_key *key);
enum sluice_drop sluice_pkt_prove_skb(struct sluice_pkt *pkt, struct sluice_flow_key *key);
/*
 * Parse it and prove its claims, before anything else is done with it. @key->in_port is set. Why it
 * must be dropped, as one packet, or SLUICE_DROP_NONE.
 */
static inline enum sluice_drop sluice_pkt_prove(struct sluice_pkt *pkt, struct sluice_flow_key *key)
{
	return pkt->skb ? sluice_pkt_prove_skb(pkt, key) : sluice_pkt_prove_data(pkt, key);
}

/*
 * Make it an skb, if it is not one yet. False: no memory, the packet is freed. Context: BH may be
 * on or off.
 */
bool sluice_pkt_to_skb(struct sluice_pkt *pkt);
/* An skb of its own with the same content in @copy, the packet stays. False: no memory. */
bool sluice_pkt_copy(const struct sluice_pkt *pkt, struct sluice_pkt *copy);
/* Bytes of the frame on the wire, where each segment has the headers again: see wire.h. */
static inline u32 sluice_pkt_wire_bytes(const struct sluice_pkt *pkt)
{
	if (likely(!pkt->frame.hdrs))
		return pkt->len;
	return pkt->len + (pkt->frame.segs - 1) * pkt->frame.hdrs;
}

/* What the skb's protocol is to be, by its Ethernet header. */
__be16 sluice_pkt_protocol(const struct sk_buff *skb);
void sluice_pkt_free(struct sluice_pkt *pkt);

#endif /* _SLUICE_PACKET_H */
