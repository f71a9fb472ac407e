// SPDX-License-Identifier: GPL-2.0-only
/*
 * The last stage of a burst. Uplinks and the host's stack get skbs; a guest whose queue this worker
 * owns gets its packets written into its ring at once; any other queue gets them through its inbox.
 */
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/netdevice.h>
#include <net/gso.h>
#include "output.h"

static void out_drop(struct sluice_port *port, struct sluice_pkt *pkt, enum sluice_drop why)
{
	sluice_port_count_drop(port, why, pkt->frame.segs);
	sluice_pkt_free(pkt);
}

static void out_drop_all(struct sluice_output_stage *st, enum sluice_drop why)
{
	unsigned int i;

	for (i = 0; i < st->nr; i++)
		out_drop(st->port, st->pkt[i], why);
}

/* --- guests --- */

/* A position in the writable bytes of several chains. */
struct out_cursor {
	struct sluice_queue *q;
	const struct sluice_chain *chain;
	unsigned int nr;
	unsigned int cur;
	u32 off;
	int err;
};

static void out_put(struct out_cursor *c, const void *data, u32 len)
{
	while (len && !c->err) {
		const struct sluice_chain *chain = &c->chain[c->cur];
		u32 n = min(len, chain->in_len - c->off);

		if (!n) {
			c->cur++;
			c->off = 0;
			continue;
		}
		c->err = sluice_chain_write(c->q->vr, chain, c->off, data, n);
		c->off += n;
		data += n;
		len -= n;
	}
}

static void out_put_one(struct out_cursor *c, const struct sk_buff *skb)
{
	unsigned int i;

	out_put(c, skb->data, skb_headlen(skb));
	for (i = 0; i < skb_shinfo(skb)->nr_frags; i++) {
		const skb_frag_t *f = &skb_shinfo(skb)->frags[i];

		/* 64-bit kernels only: every page has an address. */
		out_put(c, skb_frag_address(f), skb_frag_size(f));
	}
}

static void out_put_skb(struct out_cursor *c, const struct sk_buff *skb)
{
	const struct sk_buff *frag;

	out_put_one(c, skb);
	/* GRO hangs skbs on a list that has no deeper level than one. */
	skb_walk_frags(skb, frag)
		out_put_one(c, frag);
}

static __virtio16 out_hdr16(const struct sluice_queue *q, u16 v)
{
	return __cpu_to_virtio16(!q->cfg.hdr_big_endian, v);
}

static u8 out_gso_type(const struct sluice_frame *f)
{
	u8 ecn = f->flags & SLUICE_FRAME_ECN ? VIRTIO_NET_HDR_GSO_ECN : 0;

	switch (f->gso) {
	case SLUICE_GSO_TCPV4:
		return VIRTIO_NET_HDR_GSO_TCPV4 | ecn;
	case SLUICE_GSO_TCPV6:
		return VIRTIO_NET_HDR_GSO_TCPV6 | ecn;
	case SLUICE_GSO_UDP:
		return VIRTIO_NET_HDR_GSO_UDP_L4;
	}
	return VIRTIO_NET_HDR_GSO_NONE;
}

/* Of what the driver takes: the rest was adapted. */
void sluice_output_header(const struct sluice_queue *q, const struct sluice_pkt *pkt,
			  unsigned int nr_buf, struct virtio_net_hdr_mrg_rxbuf *hdr)
{
	const struct sluice_frame *f = &pkt->frame;

	memset(hdr, 0, sizeof(*hdr));
	/* Without VERSION_1 or mergeable buffers there is no such field; it is not copied then. */
	hdr->num_buffers = out_hdr16(q, nr_buf);
	if (f->csum) {
		hdr->hdr.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		hdr->hdr.csum_start = out_hdr16(q, f->csum_start);
		hdr->hdr.csum_offset = out_hdr16(q, f->csum_offset);
	} else if (pkt->skb && pkt->skb->ip_summed == CHECKSUM_UNNECESSARY &&
		   READ_ONCE(q->port->offloads) & NETIF_F_CSUM_MASK) {
		hdr->hdr.flags = VIRTIO_NET_HDR_F_DATA_VALID;
	}
	if (f->gso) {
		hdr->hdr.gso_type = out_gso_type(f);
		hdr->hdr.gso_size = out_hdr16(q, f->gso_size);
		hdr->hdr.hdr_len = out_hdr16(q, f->hdrs);
	}
}

int sluice_output_write(struct sluice_queue *q, struct sluice_pkt *pkt,
			const struct sluice_chain *chain, unsigned int *nr)
{
	struct out_cursor c = { .q = q, .chain = chain };
	u32 want = q->cfg.hdr_len + pkt->len, room = 0;
	struct virtio_net_hdr_mrg_rxbuf hdr;
	unsigned int i;

	BUILD_BUG_ON(sizeof(hdr) != 12);
	while (room < want) {
		if (c.nr == *nr)
			return -ENOBUFS;
		if (unlikely(chain[c.nr].nr_out)) {
			sluice_vring_break(q->vr, SLUICE_VRING_ERR_DIRECTION);
			return -EIO;
		}
		room += chain[c.nr++].in_len;
		if (!q->cfg.mergeable && room < want)
			return -EMSGSIZE;
	}
	sluice_output_header(q, pkt, c.nr, &hdr);
	if (!pkt->skb) {
		/* The header goes in front of the frame, so that one copy does. */
		memcpy(pkt->data - q->cfg.hdr_len, &hdr, q->cfg.hdr_len);
		out_put(&c, pkt->data - q->cfg.hdr_len, want);
	} else {
		out_put(&c, &hdr, q->cfg.hdr_len);
		out_put_skb(&c, pkt->skb);
	}
	if (c.err)
		return c.err == -EAGAIN ? -EAGAIN : -EIO;

	for (i = 0; i < c.nr; i++) {
		u32 n = min(want, chain[i].in_len);

		sluice_vring_push(q->vr, &chain[i], n);
		want -= n;
	}
	*nr = c.nr;
	return 0;
}

static netdev_features_t out_guest_features(const struct sluice_port *port)
{
	netdev_features_t f = READ_ONCE(port->offloads);

	if (f & NETIF_F_CSUM_MASK)
		f |= NETIF_F_HW_CSUM;
	/* Whether a segmented packet is to be trusted is the guest's driver's own question. */
	return f | NETIF_F_SG | NETIF_F_FRAGLIST | NETIF_F_HIGHDMA | NETIF_F_GSO_ROBUST;
}

static bool out_takes_gso(netdev_features_t f, const struct sluice_pkt *pkt)
{
	const struct sluice_frame *frame = &pkt->frame;
	netdev_features_t want;

	switch (frame->gso) {
	case SLUICE_GSO_TCPV4:
		want = NETIF_F_TSO;
		break;
	case SLUICE_GSO_TCPV6:
		want = NETIF_F_TSO6;
		break;
	case SLUICE_GSO_UDP:
		want = NETIF_F_GSO_UDP_L4;
		break;
	default:
		return false;
	}
	if (frame->flags & SLUICE_FRAME_ECN)
		want |= NETIF_F_TSO_ECN;
	return (f & want) == want && f & NETIF_F_HW_CSUM && !(frame->flags & SLUICE_FRAME_HOST) &&
	       pkt->len <= SLUICE_FRAME_MAX_GUEST;
}

bool sluice_output_must_adapt(const struct sluice_port *port, const struct sluice_pkt *pkt)
{
	netdev_features_t f;

	if (!(pkt->frame.csum | pkt->frame.gso))
		return false;
	f = out_guest_features(port);
	if (pkt->frame.gso)
		return !out_takes_gso(f, pkt);
	return !(f & NETIF_F_HW_CSUM) || pkt->frame.flags & SLUICE_FRAME_HOST;
}

struct sk_buff *sluice_output_adapt(struct sluice_port *port, struct sk_buff *skb)
{
	netdev_features_t f = out_guest_features(port);
	struct sk_buff *segs;

	if (skb_is_gso(skb)) {
		if (!(f & NETIF_F_HW_CSUM) || skb->len > SLUICE_FRAME_MAX_GUEST)
			f &= ~NETIF_F_GSO_MASK;
		segs = skb_gso_segment(skb, f);
		if (!IS_ERR_OR_NULL(segs)) {
			consume_skb(skb);
			return segs;
		}
		if (IS_ERR(segs))
			goto drop;
	}
	if (skb->ip_summed == CHECKSUM_PARTIAL && skb_csum_hwoffload_help(skb, f))
		goto drop;
	return skb;

drop:
	sluice_port_drop_skb(port, SLUICE_DROP_NOMEM, skb);
	return NULL;
}

static void out_post(struct sluice_port *port, struct sluice_pkt *pkt)
{
	if (sluice_pkt_to_skb(pkt)) {
		sluice_port_post(port, pkt->skb, pkt->flow, true);
		pkt->skb = NULL;
	} else {
		sluice_port_count_drop(port, SLUICE_DROP_NOMEM, pkt->frame.segs);
	}
}

/*
 * Fetched chains that are not used cost something too. Drivers' buffers hold a frame of the usual
 * size; for longer ones take what there is. Where that guess is wrong the inbox takes over.
 */
static unsigned int out_want_chains(const struct sluice_output_stage *st)
{
	unsigned int i;

	for (i = 0; i < st->nr; i++) {
		if (st->pkt[i]->len > VLAN_ETH_FRAME_LEN)
			return SLUICE_VRING_BURST;
	}
	return st->nr;
}

/* Write what fits. Returns how many packets were taken (written, or dropped for good). */
static unsigned int out_write_ring(struct sluice_output *out, struct sluice_output_stage *st)
{
	struct sluice_queue *q = st->queue;
	unsigned int i, used = 0, frames = 0, bytes = 0, packets = 0;
	int have;

	have = sluice_vring_fetch(q->vr, out->chain, out_want_chains(st), out->seg,
				  ARRAY_SIZE(out->seg));
	if (have <= 0)
		return 0;
	for (i = 0; i < st->nr; i++) {
		struct sluice_pkt *pkt = st->pkt[i];
		unsigned int nr = have - used;
		int err;

		/* Segments are many: they go through the inbox. */
		if (sluice_output_must_adapt(st->port, pkt))
			break;
		err = sluice_output_write(q, pkt, out->chain + used, &nr);
		if (err == -EMSGSIZE) {
			out_drop(st->port, pkt, SLUICE_DROP_TOO_LONG);
			continue;
		}
		if (err)
			break;
		used += nr;
		frames++;
		packets += pkt->frame.segs;
		bytes += sluice_pkt_wire_bytes(pkt);
		sluice_pkt_free(pkt);
	}
	sluice_vring_unfetch(q->vr, out->chain + used, have - used);
	if (used && !sluice_vring_flush(q->vr))
		sluice_queue_notify(q, frames);
	sluice_port_count(st->port, SLUICE_DIR_TO_GUEST, packets, bytes);
	return i;
}

static void out_flush_guest(struct sluice_worker *w, struct sluice_output *out,
			    struct sluice_output_stage *st)
{
	struct sluice_queue *q = st->queue;
	unsigned int done = 0, n;

	/* Frames that wait already go first, and those that are to wait go there. */
	if (q->owner == w && !q->broken && !q->stalled && !sluice_queue_backlog(q) &&
	    !READ_ONCE(st->port->paced) && !sluice_port_held_back(st->port)) {
		sluice_queue_use_mm(w, q);
		/* If the thread dies in it, that ring is not to blame, but left in the midst. */
		WRITE_ONCE(w->peer, q);
		do {
			n = out_write_ring(out, st);
			done += n;
			memmove(st->pkt, st->pkt + n, (st->nr - n) * sizeof(st->pkt[0]));
			st->nr -= n;
		} while (n && st->nr);
		WRITE_ONCE(w->peer, NULL);
	}
	for (n = 0; n < st->nr; n++)
		out_post(st->port, st->pkt[n]);
}

/* --- uplinks --- */

/*
 * The devices below trust those above to keep to the MTU, and some stop when they do not. Tags do
 * not count.
 */
static bool out_fits(const struct net_device *lower, const struct sluice_pkt *pkt)
{
	const struct sluice_frame *f = &pkt->frame;
	unsigned int mtu = READ_ONCE(lower->mtu);

	if (!f->gso)
		return pkt->len - f->at.l2 <= mtu;
	if (f->gso_size == GSO_BY_FRAGS)
		return skb_gso_validate_network_len(pkt->skb, mtu);
	return f->hdrs - f->at.l2 + f->gso_size <= mtu;
}

/*
 * Give a frame, an skb, to the VF; it is consumed. What the device that it came from noted is not
 * true of sending it. Context: BH off.
 */
static enum sluice_drop out_xmit(struct net_device *lower, struct sluice_pkt *pkt)
{
	struct sk_buff *skb = pkt->skb;
	int rc;

	pkt->skb = NULL;
	if (unlikely(!out_fits(lower, pkt))) {
		kfree_skb(skb);
		return SLUICE_DROP_TOO_LONG;
	}
	skb->dev = lower;
	/* The connection alone chooses the VF's queue, and its qdisc's. */
	skb_set_queue_mapping(skb, 0);
	__skb_set_sw_hash(skb, pkt->flow, true);
	skb_forward_csum(skb);
	skb_clear_tstamp(skb);
	rc = dev_queue_xmit(skb);
	return rc == NET_XMIT_SUCCESS || rc == NET_XMIT_CN ? SLUICE_DROP_NONE :
							     SLUICE_DROP_UPLINK_BUSY;
}

/* Why nothing is sent by an uplink; DROP_NONE: it is. */
static enum sluice_drop out_uplink_why(const struct sluice_port *uplink,
				       const struct net_device *lower)
{
	if (unlikely(sluice_port_held_back(uplink)))
		return SLUICE_DROP_HELD;
	if (unlikely(!lower || !netif_running(lower) || !netif_carrier_ok(lower)))
		return SLUICE_DROP_UPLINK_DOWN;
	return SLUICE_DROP_NONE;
}

/* BH is off for the burst: that is also the RCU read side for port->lower. */
static void out_flush_uplink(struct sluice_output_stage *st)
{
	unsigned int i, bytes = 0, packets = 0;
	struct net_device *lower;
	enum sluice_drop why;

	local_bh_disable();
	lower = rcu_dereference_bh(st->port->lower);
	why = out_uplink_why(st->port, lower);
	if (unlikely(why))
		goto down;
	for (i = 0; i < st->nr; i++) {
		struct sluice_pkt *pkt = st->pkt[i];

		if (likely(sluice_pkt_to_skb(pkt)))
			why = out_xmit(lower, pkt);
		else
			why = SLUICE_DROP_NOMEM;
		if (unlikely(why)) {
			sluice_port_count_drop(st->port, why, pkt->frame.segs);
		} else {
			packets += pkt->frame.segs;
			bytes += sluice_pkt_wire_bytes(pkt);
		}
	}
	local_bh_enable();
	sluice_port_count(st->port, SLUICE_DIR_FROM_GUEST, packets, bytes);
	return;

down:
	local_bh_enable();
	out_drop_all(st, why);
}

/* --- the host's stack --- */

static void out_flush_slow(struct sluice_output_stage *st)
{
	struct net_device *dev = st->port->dev;
	struct sluice_port_stats *s;
	unsigned int i, packets = 0;
	LIST_HEAD(list);

	/* Looked at with BH off: whoever takes the netdev down waits for those who saw it up. */
	local_bh_disable();
	if (unlikely(!netif_running(dev))) {
		local_bh_enable();
		out_drop_all(st, SLUICE_DROP_DOWN);
		return;
	}
	for (i = 0; i < st->nr; i++) {
		struct sluice_pkt *pkt = st->pkt[i];

		if (unlikely(!sluice_pkt_to_skb(pkt))) {
			sluice_port_count_drop(st->port, SLUICE_DROP_NOMEM, pkt->frame.segs);
			continue;
		}
		packets += pkt->frame.segs;
		/* Judged by this netdev's address, not by that of the VF it came from. */
		pkt->skb->pkt_type = PACKET_HOST;
		pkt->skb->protocol = eth_type_trans(pkt->skb, dev);
		list_add_tail(&pkt->skb->list, &list);
		pkt->skb = NULL;
	}
	netif_receive_skb_list(&list);
	s = this_cpu_ptr(st->port->stats);
	u64_stats_update_begin(&s->syncp);
	u64_stats_add(&s->slow_packets, packets);
	u64_stats_update_end(&s->syncp);
	local_bh_enable();
}

void sluice_output_slow(struct sluice_port *port, struct sluice_pkt *pkt)
{
	struct sluice_output_stage st = { .port = port, .nr = 1, .pkt = { pkt } };

	out_flush_slow(&st);
}

/* --- all --- */

void sluice_output_flush(struct sluice_worker *w, struct sluice_output *out)
{
	unsigned int i;

	for (i = 0; i < out->nr; i++) {
		struct sluice_output_stage *st = &out->stage[i];

		switch (st->kind) {
		case SLUICE_OUTPUT_GUEST:
			out_flush_guest(w, out, st);
			break;
		case SLUICE_OUTPUT_UPLINK:
			out_flush_uplink(st);
			break;
		case SLUICE_OUTPUT_SLOW:
			out_flush_slow(st);
			break;
		}
		st->nr = 0;
	}
	out->nr = 0;
}

static struct sluice_output_stage *out_stage(struct sluice_worker *w, struct sluice_output *out,
					     struct sluice_port *port, struct sluice_queue *q,
					     u8 kind)
{
	struct sluice_output_stage *st;
	unsigned int i;

	for (i = 0; i < out->nr; i++) {
		st = &out->stage[i];
		if (st->port == port && st->queue == q && st->kind == kind)
			return st;
	}
	if (out->nr == SLUICE_OUTPUT_STAGES)
		sluice_output_flush(w, out);
	st = &out->stage[out->nr++];
	st->port = port;
	st->queue = q;
	st->kind = kind;
	return st;
}

static bool out_wanted(const struct sluice_port *port, const struct sluice_pkt *pkt)
{
	return pkt->skb ? sluice_port_wants(port, pkt->skb->data, skb_headlen(pkt->skb)) :
			  sluice_port_wants(port, pkt->data, pkt->len);
}

void sluice_output_add(struct sluice_worker *w, struct sluice_output *out, struct sluice_port *port,
		       bool slow, struct sluice_pkt *pkt)
{
	struct sluice_output_stage *st;
	struct sluice_queue *q = NULL;
	u8 kind = SLUICE_OUTPUT_SLOW;

	if (unlikely(!sluice_port_is_up(port))) {
		out_drop(port, pkt, SLUICE_DROP_DOWN);
		return;
	}
	if (!slow && port->kind == SLUICE_PORT_UPLINK) {
		kind = SLUICE_OUTPUT_UPLINK;
	} else if (!slow) {
		kind = SLUICE_OUTPUT_GUEST;
		q = sluice_port_choose_rxq(port, pkt->flow);
		if (unlikely(!q)) {
			out_drop(port, pkt, SLUICE_DROP_RX_DOWN);
			return;
		}
		if (unlikely(!out_wanted(port, pkt))) {
			out_drop(port, pkt, SLUICE_DROP_RX_FILTER);
			return;
		}
	}
	st = out_stage(w, out, port, q, kind);
	st->pkt[st->nr++] = pkt;
}

void sluice_output_copy(struct sluice_port *port, struct sluice_pkt *pkt)
{
	struct net_device *lower;
	enum sluice_drop why;

	if (unlikely(!sluice_port_is_up(port))) {
		out_drop(port, pkt, SLUICE_DROP_DOWN);
		return;
	}
	if (port->kind != SLUICE_PORT_UPLINK) {
		sluice_port_post(port, pkt->skb, pkt->flow, true);
		return;
	}
	local_bh_disable();
	lower = rcu_dereference_bh(port->lower);
	why = out_uplink_why(port, lower);
	if (why)
		sluice_pkt_free(pkt);
	else
		why = out_xmit(lower, pkt);
	local_bh_enable();
	if (why)
		sluice_port_count_drop(port, why, pkt->frame.segs);
	else
		sluice_port_count(port, SLUICE_DIR_FROM_GUEST, pkt->frame.segs,
				  sluice_pkt_wire_bytes(pkt));
}
