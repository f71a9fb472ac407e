// SPDX-License-Identifier: GPL-2.0-only
/* Packets: copied from a guest, turned into skbs where something outside wants one. */
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include "../port.h"
#include "packet.h"

/* Smallest piece of a long frame, so that MAX_SKB_FRAGS of them are enough. */
#define PKT_PIECE_MIN	4096U

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

/* --- what a frame's sender claims --- */

/* What segmentation knows of tunnels. */
#define PKT_GSO_TUNNEL	(SKB_GSO_GRE | SKB_GSO_GRE_CSUM | SKB_GSO_IPXIP4 | SKB_GSO_IPXIP6 | \
			 SKB_GSO_UDP_TUNNEL | SKB_GSO_UDP_TUNNEL_CSUM)
/* What does not change how it is segmented, or is said by flags. */
#define PKT_GSO_PLAIN	(SKB_GSO_TCPV4 | SKB_GSO_TCPV6 | SKB_GSO_UDP_L4 | SKB_GSO_UDP | \
			 SKB_GSO_SCTP | SKB_GSO_DODGY | SKB_GSO_TCP_ECN)

static u8 pkt_gso_kind(unsigned int type)
{
	switch (type & (SKB_GSO_TCPV4 | SKB_GSO_TCPV6 | SKB_GSO_UDP_L4 | SKB_GSO_UDP |
			SKB_GSO_SCTP)) {
	case SKB_GSO_TCPV4:
		return SLUICE_GSO_TCPV4;
	case SKB_GSO_TCPV6:
		return SLUICE_GSO_TCPV6;
	case SKB_GSO_UDP_L4:
		return SLUICE_GSO_UDP;
	case SKB_GSO_UDP:
		return SLUICE_GSO_UFO;
	case SKB_GSO_SCTP:
		return SLUICE_GSO_SCTP;
	}
	return SLUICE_GSO_UNKNOWN;
}

static void pkt_claim_skb_gso(struct sluice_frame *f, const struct sk_buff *skb)
{
	const struct skb_shared_info *info = skb_shinfo(skb);

	f->gso = pkt_gso_kind(info->gso_type);
	f->gso_size = info->gso_size;
	f->segs = info->gso_segs;
	if (info->gso_type & SKB_GSO_DODGY)
		f->flags |= SLUICE_FRAME_GUEST;
	if (info->gso_type & SKB_GSO_TCP_ECN)
		f->flags |= SLUICE_FRAME_ECN;
	if (info->gso_type & ~PKT_GSO_PLAIN)
		f->flags |= SLUICE_FRAME_HOST;
	if (info->gso_type & SKB_GSO_FRAGLIST)
		f->flags |= SLUICE_FRAME_LIST;
	if (info->gso_type & PKT_GSO_TUNNEL) {
		f->flags |= SLUICE_FRAME_TUNNEL;
		/* Both must name one place: segmentation goes by this one, we by the other. */
		if (!skb->encapsulation || !f->csum ||
		    skb_inner_transport_offset(skb) != f->csum_start)
			f->gso = SLUICE_GSO_UNKNOWN;
	}
}

void sluice_pkt_from_skb(struct sluice_pkt *pkt, struct sk_buff *skb)
{
	struct sluice_frame *f = &pkt->frame;

	pkt->skb = skb;
	pkt->data = NULL;
	pkt->len = skb->len;
	f->csum = SLUICE_CSUM_NONE;
	f->gso = SLUICE_GSO_NONE;
	f->flags = 0;
	if (skb->ip_summed == CHECKSUM_PARTIAL) {
		int start = skb_checksum_start_offset(skb);

		/* One that is nowhere in the frame is refused wherever else it cannot be. */
		f->csum_start = start >= 0 && start < U16_MAX ? start : U16_MAX;
		f->csum_offset = skb->csum_offset;
		f->csum = SLUICE_CSUM_L4;
		if (skb_csum_is_sctp(skb))
			f->flags |= SLUICE_FRAME_HOST;
	}
	if (skb_is_gso(skb))
		pkt_claim_skb_gso(f, skb);
}

void sluice_pkt_recall(struct sluice_pkt *pkt, struct sk_buff *skb)
{
	struct sluice_frame *f = &pkt->frame;
	struct sluice_wire wire;

	sluice_pkt_from_skb(pkt, skb);
	if (!f->gso) {
		f->hdrs = 0;
		f->segs = 1;
		return;
	}
	/* The stack's headers are what was proved. */
	wire = sluice_wire_of(skb);
	f->hdrs = wire.headers;
	f->segs = min_t(u32, wire.packets, U16_MAX);
}

static void pkt_claim_gso(struct sluice_pkt *pkt, u8 type, u16 size, u16 hdr_len)
{
	struct sluice_frame *f = &pkt->frame;

	f->gso = SLUICE_GSO_UNKNOWN;
	f->gso_size = size;
	if (type & VIRTIO_NET_HDR_GSO_ECN)
		f->flags |= SLUICE_FRAME_ECN;
	/* It is a hint, and none that could be followed. */
	if (hdr_len > pkt->len)
		return;
	switch (type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
		f->gso = SLUICE_GSO_TCPV4;
		break;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		f->gso = SLUICE_GSO_TCPV6;
		break;
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		f->gso = SLUICE_GSO_UDP;
		break;
	case VIRTIO_NET_HDR_GSO_UDP:
		f->gso = SLUICE_GSO_UFO;
		break;
	}
}

static __always_inline void pkt_claim_hdr(struct sluice_pkt *pkt,
					  const struct virtio_net_hdr *hdr, bool le)
{
	struct sluice_frame *f = &pkt->frame;

	f->csum = SLUICE_CSUM_NONE;
	f->gso = SLUICE_GSO_NONE;
	f->flags = SLUICE_FRAME_GUEST;
	if (hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		f->csum = SLUICE_CSUM_L4;
		f->csum_start = __virtio16_to_cpu(le, hdr->csum_start);
		f->csum_offset = __virtio16_to_cpu(le, hdr->csum_offset);
	}
	if (hdr->gso_type != VIRTIO_NET_HDR_GSO_NONE)
		pkt_claim_gso(pkt, hdr->gso_type, __virtio16_to_cpu(le, hdr->gso_size),
			      __virtio16_to_cpu(le, hdr->hdr_len));
}

void sluice_pkt_claim(struct sluice_pkt *pkt, const struct virtio_net_hdr *hdr)
{
	pkt_claim_hdr(pkt, hdr, true);
}

/* --- what the stack is told of it --- */

__be16 sluice_pkt_protocol(const struct sk_buff *skb)
{
	__be16 type = eth_hdr(skb)->h_proto;

	return eth_proto_is_802_3(type) ? type : htons(ETH_P_802_2);
}

static unsigned int pkt_gso_type(const struct sluice_frame *f)
{
	/* Others need not trust our proof. */
	unsigned int type = SKB_GSO_DODGY;

	if (f->flags & SLUICE_FRAME_ECN)
		type |= SKB_GSO_TCP_ECN;
	switch (f->gso) {
	case SLUICE_GSO_TCPV4:
		return type | SKB_GSO_TCPV4;
	case SLUICE_GSO_TCPV6:
		return type | SKB_GSO_TCPV6;
	case SLUICE_GSO_UDP:
		return type | SKB_GSO_UDP_L4;
	}
	return type | SKB_GSO_UDP;
}

static unsigned int pkt_transport(const struct sluice_frame *f, const struct sk_buff *skb)
{
	/* The stack has one notion of where the transport header is and where its sum begins. */
	if (f->csum && !skb->encapsulation)
		return f->csum_start;
	return f->at.l4 ?: f->at.min_len;
}

/* What an skb knows of its frame is what was proved, whoever made the skb. */
static void pkt_describe(const struct sluice_pkt *pkt, struct sk_buff *skb)
{
	const struct sluice_frame *f = &pkt->frame;

	skb_reset_mac_header(skb);
	skb->protocol = sluice_pkt_protocol(skb);
	skb_set_network_header(skb, f->at.l2);
	skb_reset_mac_len(skb);
	skb_set_transport_header(skb, pkt_transport(f, skb));
	if (f->csum) {
		skb->ip_summed = CHECKSUM_PARTIAL;
		skb->csum_start = skb_headroom(skb) + f->csum_start;
		skb->csum_offset = f->csum_offset;
	}
	if (f->gso && !skb_is_gso(skb)) {
		skb_shinfo(skb)->gso_size = f->gso_size;
		skb_shinfo(skb)->gso_segs = f->segs;
		skb_shinfo(skb)->gso_type = pkt_gso_type(f);
	}
}

/* Bytes that the parser and the proof may want to see, linear. */
static enum sluice_drop pkt_pull(struct sluice_pkt *pkt)
{
	const struct sluice_frame *f = &pkt->frame;
	u32 want = SLUICE_PARSE_LEN;

	if (unlikely(!skb_frags_readable(pkt->skb)))
		return SLUICE_DROP_UNREADABLE;
	/* A checksum beyond is refused: nothing is copied for it. */
	if (f->csum && f->csum_start + f->csum_offset < SLUICE_FRAME_CSUM_WITHIN)
		want = max_t(u32, want, f->csum_start + f->csum_offset + sizeof(struct tcphdr));
	return pskb_may_pull(pkt->skb, min(pkt->len, want)) ? SLUICE_DROP_NONE :
							      SLUICE_DROP_NOMEM;
}

static enum sluice_drop pkt_refuse(struct sluice_pkt *pkt, enum sluice_drop why)
{
	/* What it would have been on the wire nobody knows. */
	pkt->frame.segs = 1;
	pkt->frame.hdrs = 0;
	return why;
}

enum sluice_drop sluice_pkt_prove_data(struct sluice_pkt *pkt, struct sluice_flow_key *key)
{
	struct sluice_frame *f = &pkt->frame;
	enum sluice_drop why = sluice_parse(pkt->data, pkt->len, pkt->len, key, &f->at);

	if (unlikely(why))
		return pkt_refuse(pkt, why);
	why = sluice_frame_check(f, key, pkt->data, pkt->len, pkt->len);
	if (unlikely(why))
		return pkt_refuse(pkt, why);
	pkt->flow = sluice_frame_flow(key);
	return SLUICE_DROP_NONE;
}

enum sluice_drop sluice_pkt_prove_skb(struct sluice_pkt *pkt, struct sluice_flow_key *key)
{
	struct sluice_frame *f = &pkt->frame;
	struct sk_buff *skb = pkt->skb;
	enum sluice_drop why = pkt_pull(pkt);

	if (likely(!why))
		why = sluice_parse(skb->data, skb_headlen(skb), pkt->len, key, &f->at);
	if (likely(!why))
		why = sluice_frame_check(f, key, skb->data, skb_headlen(skb), pkt->len);
	if (unlikely(why))
		return pkt_refuse(pkt, why);
	pkt->flow = sluice_frame_flow(key);
	pkt_describe(pkt, skb);
	return SLUICE_DROP_NONE;
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

bool sluice_pkt_copy(const struct sluice_pkt *pkt, struct sluice_pkt *copy)
{
	*copy = *pkt;
	copy->data = NULL;
	if (pkt->skb) {
		copy->skb = skb_copy(pkt->skb, GFP_ATOMIC | __GFP_NOWARN);
		return copy->skb;
	}
	copy->skb = alloc_skb(SLUICE_PKT_HEADROOM + pkt->len, GFP_ATOMIC | __GFP_NOWARN);
	if (!copy->skb)
		return false;
	skb_reserve(copy->skb, SLUICE_PKT_HEADROOM);
	skb_put_data(copy->skb, pkt->data, pkt->len);
	pkt_describe(copy, copy->skb);
	return true;
}

/* --- from a guest's ring --- */

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
	skb = alloc_skb(SLUICE_PKT_HEADROOM + linear, GFP_NOWAIT | __GFP_NOWARN);
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
	pkt->len = c->out_len - q->cfg.hdr_len;
	if (unlikely(c->out_len < q->cfg.hdr_len + ETH_HLEN)) {
		*why = SLUICE_DROP_MALFORMED;
		return 0;
	}
	if (unlikely(pkt->len > SLUICE_FRAME_MAX)) {
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

	pkt_claim_hdr(pkt, &hdr, !q->cfg.hdr_big_endian);
	return 0;
}
