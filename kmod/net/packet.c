// SPDX-License-Identifier: GPL-2.0-only
/* Packets: copied from a guest, turned into skbs where something outside wants one. */
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include "../port.h"
#include "packet.h"

/* Smallest piece of a long frame, so that MAX_SKB_FRAGS of them are enough. */
#define PKT_PIECE_MIN	4096U

/*
 * No stack makes segments smaller than 48 bytes (a guest that did would have the worker make
 * thousands of frames of one, with BH off).
 */
#define PKT_SEGS_MAX	(SLUICE_PKT_MAX / 48 + 1)

static unsigned int pkt_truesize(u32 len)
{
	return SKB_DATA_ALIGN(SLUICE_PKT_HEADROOM + len) +
	       SKB_DATA_ALIGN(sizeof(struct skb_shared_info));
}

void sluice_pkt_free(struct sluice_pkt *pkt)
{
	if (pkt->skb)
		kfree_skb(pkt->skb);
	else if (pkt->data)
		page_frag_free(pkt->data - SLUICE_PKT_HEADROOM);
	pkt->skb = NULL;
	pkt->data = NULL;
}

void sluice_pkt_from_skb(struct sluice_pkt *pkt, struct sk_buff *skb)
{
	pkt->skb = skb;
	pkt->data = NULL;
	pkt->len = skb->len;
	pkt->segs = 1;
	/* Their number is 0 when somebody untrusted asked for them. */
	if (skb_is_gso(skb))
		pkt->segs = skb_shinfo(skb)->gso_segs ?:
			    min(DIV_ROUND_UP(skb->len, skb_shinfo(skb)->gso_size), U16_MAX);
}

static u16 pkt_hdr16(const struct sluice_queue *q, __virtio16 v)
{
	return __virtio16_to_cpu(!q->cfg.hdr_big_endian, v);
}

/* What an skb knows of the frame that it was made of. */
static void pkt_describe(const struct sluice_pkt *pkt, struct sk_buff *skb)
{
	skb_reset_mac_header(skb);
	skb->protocol = eth_hdr(skb)->h_proto;
	skb_set_network_header(skb, pkt->off.l3 ?: ETH_HLEN);
	if (pkt->off.l4)
		skb_set_transport_header(skb, pkt->off.l4);
	/* Bounds were checked when the header was read. */
	if (pkt->needs_csum)
		skb_partial_csum_set(skb, pkt->csum_start, pkt->csum_offset);
}

bool sluice_pkt_to_skb(struct sluice_pkt *pkt)
{
	struct sk_buff *skb;

	if (pkt->skb)
		return true;
	/* With BH off the core's own store of skb heads can be used, which is filled in bulk. */
	if (in_softirq())
		skb = napi_build_skb(pkt->data - SLUICE_PKT_HEADROOM, pkt->truesize);
	else
		skb = build_skb(pkt->data - SLUICE_PKT_HEADROOM, pkt->truesize);
	if (unlikely(!skb)) {
		sluice_pkt_free(pkt);
		return false;
	}
	skb_reserve(skb, SLUICE_PKT_HEADROOM);
	__skb_put(skb, pkt->len);
	pkt_describe(pkt, skb);
	pkt->skb = skb;
	pkt->data = NULL;
	return true;
}

struct sk_buff *sluice_pkt_copy(struct sluice_pkt *pkt)
{
	struct sk_buff *skb;

	if (pkt->skb)
		return skb_copy(pkt->skb, GFP_ATOMIC | __GFP_NOWARN);
	skb = alloc_skb(SLUICE_PKT_HEADROOM + pkt->len, GFP_ATOMIC | __GFP_NOWARN);
	if (!skb)
		return NULL;
	skb_reserve(skb, SLUICE_PKT_HEADROOM);
	skb_put_data(skb, pkt->data, pkt->len);
	pkt_describe(pkt, skb);
	return skb;
}

/* A header whose claims do not fit the frame is not repaired. */
static bool pkt_take_csum(struct sluice_pkt *pkt, const struct sluice_queue *q,
			  const struct virtio_net_hdr *hdr)
{
	pkt->needs_csum = hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;
	if (!pkt->needs_csum)
		return true;
	pkt->csum_start = pkt_hdr16(q, hdr->csum_start);
	pkt->csum_offset = pkt_hdr16(q, hdr->csum_offset);
	return pkt->csum_start >= ETH_HLEN &&
	       pkt->csum_start + pkt->csum_offset + sizeof(__sum16) <= pkt->len;
}

/*
 * Context: pkt is an skb; the kernel's own converter checks the header against the headers of the
 * frame.
 */
static bool pkt_take_gso(struct sluice_pkt *pkt, const struct sluice_queue *q,
			 const struct virtio_net_hdr *hdr)
{
	struct sk_buff *skb = pkt->skb;

	skb->protocol = eth_type_trans(skb, q->port->dev);
	__skb_push(skb, ETH_HLEN);
	if (virtio_net_hdr_to_skb(skb, hdr, !q->cfg.hdr_big_endian))
		return false;
	skb->protocol = eth_hdr(skb)->h_proto;
	skb_reset_mac_header(skb);
	if (skb_is_gso(skb)) {
		unsigned int segs =
			DIV_ROUND_UP(pkt->len, max_t(u16, skb_shinfo(skb)->gso_size, 1));

		if (segs > PKT_SEGS_MAX)
			return false;
		pkt->segs = segs;
	}
	return true;
}

/* Short frames: header and frame in one copy, contiguous as most drivers lay them out. */
static int pkt_read_linear(struct sluice_pool *pool, struct sluice_queue *q,
			   const struct sluice_chain *c, struct sluice_pkt *pkt,
			   struct virtio_net_hdr *hdr)
{
	unsigned int hdr_len = q->cfg.hdr_len;
	void *buf;
	int err;

	BUILD_BUG_ON(sizeof(struct virtio_net_hdr_v1_hash) > SLUICE_PKT_HEADROOM);
	pkt->truesize = pkt_truesize(pkt->len);
	buf = sluice_pool_alloc(pool, pkt->truesize);
	if (unlikely(!buf))
		return -ENOMEM;
	pkt->data = buf + SLUICE_PKT_HEADROOM;
	err = sluice_chain_read(q->vr, c, 0, pkt->data - hdr_len, hdr_len + pkt->len);
	if (unlikely(err)) {
		sluice_pkt_free(pkt);
		return err;
	}
	memcpy(hdr, pkt->data - hdr_len, sizeof(*hdr));
	return 0;
}

static int pkt_read_pieces(struct sluice_pool *pool, struct sluice_queue *q,
			   const struct sluice_chain *c, struct sk_buff *skb, u32 off, u32 left)
{
	while (left) {
		struct page *page;
		unsigned int n;
		void *piece;
		int err;

		if (skb_shinfo(skb)->nr_frags == MAX_SKB_FRAGS)
			return -ENOMEM;
		piece = sluice_pool_alloc_some(pool, min(left, PKT_PIECE_MIN), left, &n);
		if (!piece)
			return -ENOMEM;
		page = virt_to_head_page(piece);
		/* The skb owns the piece now, whatever is in it. */
		skb_add_rx_frag(skb, skb_shinfo(skb)->nr_frags, page, piece - page_address(page), n,
				n);
		err = sluice_chain_read(q->vr, c, off, piece, n);
		if (err)
			return err;
		off += n;
		left -= n;
	}
	return 0;
}

/* Long frames: headers linear, the rest in pages. */
static int pkt_read_paged(struct sluice_pool *pool, struct sluice_queue *q,
			  const struct sluice_chain *c, struct sluice_pkt *pkt,
			  struct virtio_net_hdr *hdr)
{
	const u32 linear = 256;
	struct sk_buff *skb;
	int err;

	err = sluice_chain_read(q->vr, c, 0, hdr, sizeof(*hdr));
	if (err)
		return err;
	skb = alloc_skb(SLUICE_PKT_HEADROOM + linear, GFP_KERNEL | __GFP_NOWARN);
	if (!skb)
		return -ENOMEM;
	skb_reserve(skb, SLUICE_PKT_HEADROOM);
	err = sluice_chain_read(q->vr, c, q->cfg.hdr_len, __skb_put(skb, linear), linear);
	if (!err)
		err = pkt_read_pieces(pool, q, c, skb, q->cfg.hdr_len + linear, pkt->len - linear);
	if (err) {
		kfree_skb(skb);
		return err;
	}
	skb_reset_mac_header(skb);
	skb->protocol = eth_hdr(skb)->h_proto;
	pkt->skb = skb;
	return 0;
}

int sluice_pkt_read(struct sluice_pool *pool, struct sluice_queue *q,
		    const struct sluice_chain *c, struct sluice_pkt *pkt, enum sluice_drop *why)
{
	struct virtio_net_hdr hdr;
	int err;

	*why = SLUICE_DROP_NONE;
	pkt->skb = NULL;
	pkt->data = NULL;
	pkt->segs = 1;
	pkt->needs_csum = false;
	pkt->off = (struct sluice_parsed){};
	pkt->len = c->out_len - q->cfg.hdr_len;
	if (unlikely(c->out_len < q->cfg.hdr_len + ETH_HLEN)) {
		*why = SLUICE_DROP_MALFORMED;
		return 0;
	}
	if (unlikely(pkt->len > SLUICE_PKT_MAX)) {
		*why = SLUICE_DROP_TOO_LONG;
		return 0;
	}

	if (likely(pkt->len <= SLUICE_PKT_LINEAR))
		err = pkt_read_linear(pool, q, c, pkt, &hdr);
	else
		err = pkt_read_paged(pool, q, c, pkt, &hdr);
	if (unlikely(err)) {
		if (err != -ENOMEM)
			return err;
		*why = SLUICE_DROP_NOMEM;
		return 0;
	}

	if (unlikely(!pkt_take_csum(pkt, q, &hdr))) {
		*why = SLUICE_DROP_HDR;
	} else if (hdr.gso_type != VIRTIO_NET_HDR_GSO_NONE || pkt->skb) {
		if (!sluice_pkt_to_skb(pkt))
			*why = SLUICE_DROP_NOMEM;
		else if (!pkt_take_gso(pkt, q, &hdr))
			*why = SLUICE_DROP_HDR;
	}
	if (unlikely(*why))
		sluice_pkt_free(pkt);
	return 0;
}
