/* SPDX-License-Identifier: GPL-2.0-only */
/* A packet on its way through a worker. */
#ifndef _SLUICE_PACKET_H
#define _SLUICE_PACKET_H

#include <linux/skbuff.h>
#include <linux/types.h>
#include <linux/virtio_net.h>
#include "../drop.h"
#include "parse.h"
#include "pool.h"

struct sluice_chain;
struct sluice_queue;

/*
 * Longest frame that is copied into one piece; what is longer, or is to be segmented, becomes an
 * skb at once.
 */
#define SLUICE_PKT_LINEAR	9216
/* An Ethernet frame with two tags around the longest IP packet. */
#define SLUICE_PKT_MAX		(65535 + ETH_HLEN + 2 * VLAN_HLEN)
/* In front of a frame: room for a virtio_net_hdr, or what a driver below pushes. */
#define SLUICE_PKT_HEADROOM	(NET_SKB_PAD + NET_IP_ALIGN + 2 * VLAN_HLEN)

/**
 * struct sluice_pkt - one packet of a burst; belongs to one worker
 * @skb: when set, the packet; its data starts at the Ethernet header
 * @data: else the Ethernet header, in a page fragment with SLUICE_PKT_HEADROOM in front and
 *	room for skb_shared_info behind
 * @len: bytes of the frame
 * @hash: of its key; chooses queues
 * @segs: packets that it will be on the wire
 * @truesize: bytes of the page fragment
 * @needs_csum: the L4 checksum is yet to be computed...
 * @csum_start: ... from here on ...
 * @csum_offset: ... and to be put there, relative to @csum_start
 * @off: where its headers are
 */
struct sluice_pkt {
	struct sk_buff *skb;
	u8 *data;
	u32 len;
	u32 hash;
	u16 segs;
	u16 truesize;
	bool needs_csum;
	u16 csum_start;
	u16 csum_offset;
	struct sluice_parsed off;
};

/*
 * Worker context, the queue's mm in use. Copies one transmitted frame out of the guest. 0 with
 * pkt->len 0 and *why set: dropped. -EAGAIN, -EIO as sluice_chain_read().
 */
int sluice_pkt_read(struct sluice_pool *pool, struct sluice_queue *q,
		    const struct sluice_chain *c, struct sluice_pkt *pkt, enum sluice_drop *why);
void sluice_pkt_from_skb(struct sluice_pkt *pkt, struct sk_buff *skb);
/*
 * Make it an skb, if it is not one yet. False: no memory, the packet is freed. Context: BH may be
 * on or off.
 */
bool sluice_pkt_to_skb(struct sluice_pkt *pkt);
/* An skb of its own with the same content, the packet stays; NULL: no memory. */
struct sk_buff *sluice_pkt_copy(struct sluice_pkt *pkt);
void sluice_pkt_free(struct sluice_pkt *pkt);

#endif /* _SLUICE_PACKET_H */
