// SPDX-License-Identifier: GPL-2.0-only
/*
 * The other end of the packet path: from a queue's inbox into the guest's ring, or to a reader. As
 * in datapath.c no lock is taken and nothing waits for guest memory.
 */
#include <linux/skbuff.h>
#include "burst.h"
#include "segment.h"

/* A visit ends with so many keys that are not in the cache: lists may be long. */
#define DP_MISSES	8

/*
 * Policy for a frame that the host's stack sent. Its program is one step, to the port itself: so it
 * tells only whether the frame may go on.
 */
static enum sluice_drop dp_police(struct burst *b, struct sluice_pkt *pkt)
{
	struct sluice_datapath *dp = b->dp;
	struct sluice_flow_key *key = &dp->key[0];
	struct sluice_cache_entry *e;
	enum sluice_drop why;

	dp->pkt[0] = *pkt;
	why = dp_parse(dp, 0, b->port->index | SLUICE_KEY_TO_GUEST);
	*pkt = dp->pkt[0];
	if (why)
		return why;
	e = sluice_cache_lookup(&dp->cache, b->gen, pkt->hash, key);
	if (!e)
		e = sluice_datapath_miss(b, key, pkt->hash);
	/* One output is never too long for the cache. */
	if (WARN_ON_ONCE(!e))
		return SLUICE_DROP_NOMEM;
	sluice_cache_count(&dp->cache, e, pkt->frame.segs, sluice_pkt_wire_bytes(pkt));
	return e->op[0].type == SLUICE_OP_COUNT_DROP ? e->op[0].why : SLUICE_DROP_NONE;
}

/*
 * One visit to a receive ring: the port's limit and what that leaves, chains that were fetched for
 * it, and what became of frames.
 */
struct rx_visit {
	struct sluice_queue *q;
	struct burst *b;
	struct sluice_output *out;
	struct sluice_net_meter *limit;
	struct sluice_meter_room room;
	unsigned int have;
	unsigned int used;
	unsigned int frames;
	unsigned int packets;
	unsigned int bytes;
	int done;
};

/*
 * Too few chains for the frame at hand: those that lie behind them, or what keeps them back, be it
 * absent memory or a chain that is none. A fetch that found some tells only of these. -ENOBUFS: the
 * guest has no more.
 */
static int rx_fetch_more(struct rx_visit *v)
{
	const struct sluice_chain *last = &v->out->chain[v->have - 1];
	unsigned int segs = last->seg + last->nr_out + last->nr_in - v->out->seg;
	unsigned int left = ARRAY_SIZE(v->out->seg) - segs;
	int n;

	/* Not even a full fetch holds it, so no later one will. */
	if (v->have == SLUICE_VRING_BURST || v->have >= v->q->cfg.ring.num ||
	    left < SLUICE_CHAIN_MAX_SEGS)
		return -EMSGSIZE;
	n = sluice_vring_fetch(v->q->vr, v->out->chain + v->have, SLUICE_VRING_BURST - v->have,
			       v->out->seg + segs, left);
	if (n <= 0)
		return n ?: -ENOBUFS;
	v->have += n;
	return 0;
}

/* The last one may be more than there is room for. */
static void rx_charge(struct rx_visit *v, const struct sluice_pkt *pkt)
{
	dp_charge(v->b, v->limit, pkt);
	v->room.bytes -= min(v->room.bytes, sluice_pkt_wire_bytes(pkt));
	v->room.packets -= min_t(u32, v->room.packets, pkt->frame.segs);
}

static bool rx_has_room(const struct rx_visit *v)
{
	return v->room.bytes && v->room.packets;
}

/* Did it wait for the limit longer than is good for its connection? */
static bool rx_too_late(const struct rx_visit *v, struct sk_buff *skb)
{
	u64 since = sluice_skb_cb(skb)->since;

	return v->limit && since && sluice_meter_waited(&v->q->turn, dp_now(v->b)) &&
	       (s64)(dp_now(v->b) - since) > (s64)v->limit->patience;
}

/* Who has used some chains begins anew with the next visit if the rest is too few. */
static int rx_write_chains(struct rx_visit *v, struct sluice_pkt *pkt, unsigned int *nr)
{
	int err;

	do {
		*nr = v->have - v->used;
		err = sluice_output_write(v->q, pkt, v->out->chain + v->used, nr);
		if (likely(err != -ENOBUFS) || v->used)
			return err;
		err = rx_fetch_more(v);
	} while (!err);
	return err;
}

static int rx_write(struct rx_visit *v, struct sluice_pkt *pkt)
{
	unsigned int nr;
	int err = rx_write_chains(v, pkt, &nr);

	if (err)
		return err;
	v->used += nr;
	v->frames++;
	v->packets += pkt->frame.segs;
	v->bytes += sluice_pkt_wire_bytes(pkt);
	v->done++;
	if (unlikely(v->limit))
		rx_charge(v, pkt);
	return 0;
}

static void rx_drop(struct rx_visit *v, struct sk_buff *skb, enum sluice_drop why)
{
	sluice_port_drop_skb(v->q->port, why, skb);
	v->done++;
}

/* As policy, or the proof before it, said of it. */
static void rx_deny(struct rx_visit *v, struct sluice_pkt *pkt, enum sluice_drop why)
{
	sluice_port_count_drop(v->q->port, why, pkt->frame.segs);
	sluice_pkt_free(pkt);
	v->done++;
}

/*
 * A frame that the guest's driver would not take as it is becomes its segments; one of very many
 * becomes a few long frames first, so that nobody waits for all of them. NULL: dropped and counted.
 */
static struct sk_buff *rx_adapt(struct rx_visit *v, struct sk_buff *skb)
{
	struct sk_buff *list = sluice_segment_split(skb, SLUICE_VRING_BURST);
	struct sluice_pkt pkt = {};

	if (IS_ERR(list)) {
		rx_drop(v, skb, SLUICE_DROP_NOMEM);
		return NULL;
	}
	if (list != skb)
		return list;
	list = sluice_output_adapt(v->q->port, skb);
	if (!list) {
		v->done++;
		return NULL;
	}
	sluice_pkt_recall(&pkt, list);
	if (likely(list != skb || !sluice_output_must_adapt(v->q->port, &pkt)))
		return list;
	/* Nobody could. */
	rx_drop(v, list, SLUICE_DROP_ACTION);
	return NULL;
}

/* Put @list, if there is one, in front of what waits in q->rest. */
static void rx_put_rest(struct sluice_queue *q, struct sk_buff *list)
{
	struct sk_buff *last = list;

	if (!list)
		return;
	while (last->next)
		last = last->next;
	last->next = q->rest;
	q->rest = list;
}

/*
 * The first of q->rest, frames that have left the inbox: it is adapted, or written and gone. Else
 * it stays, and waits as those in the inbox do.
 */
static int rx_next_rest(struct rx_visit *v)
{
	struct sluice_queue *q = v->q;
	struct sk_buff *skb = q->rest;
	struct sluice_pkt pkt = {};
	bool adapt;
	int err = 0;

	sluice_pkt_recall(&pkt, skb);
	adapt = sluice_output_must_adapt(q->port, &pkt);
	if (!adapt)
		err = rx_write(v, &pkt);
	if (err && err != -EMSGSIZE)
		return err;
	q->rest = skb->next;
	skb_mark_not_on_list(skb);
	if (adapt)
		rx_put_rest(q, rx_adapt(v, skb));
	else if (err)
		rx_drop(v, skb, SLUICE_DROP_TOO_LONG);
	else
		consume_skb(skb);
	return 0;
}

/* 0: the frame at the head of the inbox is dealt with; else it stays. */
static int rx_next(struct burst *b, struct rx_visit *v, struct sk_buff *skb)
{
	struct sluice_pkt pkt = {};
	enum sluice_drop why = SLUICE_DROP_NONE;
	int err;

	if (unlikely(rx_too_late(v, skb))) {
		why = SLUICE_DROP_RATE;
		goto drop;
	}
	if (sluice_skb_cb(skb)->policed) {
		sluice_pkt_recall(&pkt, skb);
	} else {
		sluice_pkt_from_skb(&pkt, skb);
		why = dp_police(b, &pkt);
		if (why) {
			__ptr_ring_consume(&v->q->inbox);
			rx_deny(v, &pkt, why);
			return 0;
		}
		/* A frame that finds no buffer comes by again and must not be counted twice. */
		sluice_skb_cb(skb)->policed = true;
	}
	if (sluice_output_must_adapt(v->q->port, &pkt)) {
		__ptr_ring_consume(&v->q->inbox);
		rx_put_rest(v->q, skb);
		return 0;
	}
	err = rx_write(v, &pkt);
	if (err == -EMSGSIZE) {
		why = SLUICE_DROP_TOO_LONG;
		goto drop;
	}
	if (err)
		return err;
	__ptr_ring_consume(&v->q->inbox);
	consume_skb(skb);
	return 0;

drop:
	__ptr_ring_consume(&v->q->inbox);
	rx_drop(v, skb, why);
	return 0;
}

/* What budget and chains allow; @budget counts what the guest gets, segments too. */
static int rx_run(struct burst *b, struct rx_visit *v, int budget)
{
	int err = 0;

	while (!err && v->done < budget && b->dp->misses < DP_MISSES && rx_has_room(v) &&
	       sluice_queue_backlog(v->q)) {
		if (unlikely(v->q->rest))
			err = rx_next_rest(v);
		else
			err = rx_next(b, v, __ptr_ring_peek(&v->q->inbox));
	}
	return err;
}

/* Of what waits for a port that is set down: it needs no buffers to go. */
static int rx_discard(struct sluice_queue *q, int budget)
{
	unsigned int packets = 0;
	struct sk_buff *skb;
	int nr;

	for (nr = 0; nr < budget; nr++) {
		skb = q->rest;
		if (skb) {
			q->rest = skb->next;
			skb_mark_not_on_list(skb);
		} else {
			skb = __ptr_ring_consume(&q->inbox);
		}
		if (!skb)
			break;
		packets += sluice_wire_of(skb).packets;
		kfree_skb(skb);
	}
	sluice_port_count_drop(q->port, SLUICE_DROP_DOWN, packets);
	return nr;
}

int sluice_datapath_guest_rx(struct sluice_worker *w, struct sluice_queue *q, int budget)
{
	struct sluice_datapath *dp = w->engine;
	struct burst b;
	struct rx_visit v = { .q = q, .b = &b, .out = &dp->out };
	int have, err;

	sluice_assert_worker(w);
	if (unlikely(!sluice_port_is_up(q->port)))
		return rx_discard(q, budget);
	v.limit = dp_limit_of(q, SLUICE_DIR_TO_GUEST);
	if (dp_must_wait(q, v.limit, &v.room))
		return 0;
	have = sluice_vring_fetch(q->vr, dp->out.chain, SLUICE_VRING_BURST, dp->out.seg,
				  ARRAY_SIZE(dp->out.seg));
	if (have <= 0)
		return have;
	v.have = have;
	burst_begin(&b, w, q->port);
	b.turn = &q->turn;
	err = rx_run(&b, &v, budget);
	sluice_vring_unfetch(q->vr, dp->out.chain + v.used, v.have - v.used);
	if (v.used && !sluice_vring_flush(q->vr))
		sluice_queue_notify(q, v.frames);
	sluice_port_count(q->port, SLUICE_DIR_TO_GUEST, v.packets, v.bytes);
	/* Too few buffers for the next frame: as good as none, the caller waits for more. */
	return v.done ?: err == -ENOBUFS ? 0 : err;
}

/* The head of what waits, made q->rest if policy lets it. */
static void rx_start_rest(struct burst *b, struct rx_visit *v)
{
	struct sk_buff *skb = __ptr_ring_consume(&v->q->inbox);
	enum sluice_drop why = SLUICE_DROP_NONE;
	struct sluice_pkt pkt = {};

	if (!sluice_skb_cb(skb)->policed) {
		sluice_pkt_from_skb(&pkt, skb);
		why = dp_police(b, &pkt);
	}
	if (why)
		rx_deny(v, &pkt, why);
	else
		rx_put_rest(v->q, skb);
}

/*
 * A reader is not made to wait for the port's limit: what exceeds it is dropped. Nor does the
 * worker look for a frame for him longer than a visit to a ring would take.
 */
bool sluice_datapath_guest_read(struct sluice_worker *w, struct sluice_queue *q,
				struct virtio_net_hdr *hdr)
{
	struct virtio_net_hdr_mrg_rxbuf h;
	struct sluice_net_meter *limit = dp_limit_of(q, SLUICE_DIR_TO_GUEST);
	struct rx_visit v = { .q = q };
	struct sluice_pkt pkt = {};
	struct sk_buff *skb;
	struct burst b;
	bool adapt;

	sluice_assert_worker(w);
	if (unlikely(!sluice_port_is_up(q->port))) {
		rx_discard(q, SLUICE_VRING_BURST);
		return false;
	}
	burst_begin(&b, w, q->port);
	while (v.done < SLUICE_VRING_BURST && b.dp->misses < DP_MISSES && sluice_queue_backlog(q)) {
		skb = q->rest;
		if (!skb) {
			rx_start_rest(&b, &v);
			continue;
		}
		sluice_pkt_recall(&pkt, skb);
		adapt = sluice_output_must_adapt(q->port, &pkt);
		if (!adapt && (!limit || dp_limit(&b, limit, &pkt))) {
			sluice_output_header(q, &pkt, 1, &h);
			*hdr = h.hdr;
			return true;
		}
		q->rest = skb->next;
		skb_mark_not_on_list(skb);
		if (adapt)
			rx_put_rest(q, rx_adapt(&v, skb));
		else
			rx_drop(&v, skb, SLUICE_DROP_RATE);
	}
	return false;
}
