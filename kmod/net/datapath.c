// SPDX-License-Identifier: GPL-2.0-only
/*
 * The packet path, in the order that a packet travels. All of it runs on the worker that owns the
 * queue, in bursts: copy, parse, look up, act, hand over. No lock is taken and nothing waits for
 * guest memory, at either end: what is not there ends the visit with -EAGAIN, and it is tried
 * again.
 *
 * DOC: Limits
 *
 * A port's limit drops nothing that can wait. What a guest sends stays in its ring until it is its
 * turn, where the guest's own queues see it; it is asked for before chains are fetched, and each
 * frame that policy lets pass is charged, without asking again. What is sent to a guest waits in
 * the inboxes of its queues, for as long as a usual burst takes; what waited for longer is dropped
 * where it is taken out. Either way the last frame of a visit may cost more than was left, and the
 * next pays for it: so segmented frames need no larger burst than others.
 */
#include <linux/sched/clock.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include "../trace.h"
#include "datapath.h"
#include "hops.h"
#include "rewrite.h"
#include "segment.h"

/*
 * A burst ends early when it holds this much: long frames stay in the core's cache from copy to
 * copy.
 */
#define DP_BURST_BYTES	(128 << 10)
/* And a visit of a receive queue with so many keys that are not in the cache: lists may be long. */
#define DP_MISSES	8
/* A limit is asked again that often, for it may be another by then. */
#define DP_WAIT_MAX	(100 * NSEC_PER_MSEC)

/* What one burst did for the port that it came in by. */
struct burst {
	struct sluice_worker *w;
	struct sluice_datapath *dp;
	struct sluice_port *port;
	/* of the ring that it came from, NULL: from none */
	struct sluice_turn *turn;
	u64 gen;
	u64 now;
	unsigned int fast;
	/* why the last frame that did not parse was refused */
	enum sluice_drop why;
};

/* --- 1: from the guest's ring into packets --- */

/*
 * Copies what the chains hold and completes them: a guest gets its buffers back before anything is
 * decided. With the frame that makes it @most bytes it is enough. Returns the number of packets, or
 * a negative errno when the first one stalled or broke the ring.
 */
static int dp_read_ring(struct sluice_datapath *dp, struct sluice_queue *q, int nr_chain,
			unsigned int most)
{
	enum sluice_drop why;
	unsigned int bytes = 0;
	int i, err = 0, nr = 0;

	for (i = 0; i < nr_chain && bytes < most; i++) {
		const struct sluice_chain *c = &dp->chain[i];

		if (unlikely(c->nr_in)) {
			sluice_vring_break(q->vr, SLUICE_VRING_ERR_DIRECTION);
			err = -EIO;
			break;
		}
		if (unlikely(c->out_len < q->cfg.hdr_len)) {
			sluice_vring_break(q->vr, SLUICE_VRING_ERR_SIZE);
			err = -EIO;
			break;
		}
		err = sluice_pkt_read(&dp->pool, q, c, &dp->pkt[nr], &why);
		if (unlikely(err))
			break;
		if (unlikely(why))
			sluice_port_count_drop(q->port, why, 1);
		else
			bytes += dp->pkt[nr++].len;
		sluice_vring_push(q->vr, c, 0);
	}
	if (i < nr_chain && err != -EIO)
		sluice_vring_unfetch(q->vr, &dp->chain[i], nr_chain - i);
	/* Chains that go back are read again: fetch about as many as the bytes of a burst allow. */
	q->burst = i < nr_chain ? max(i, 1) : min(2 * i, SLUICE_VRING_BURST);
	if (!sluice_vring_flush(q->vr))
		sluice_queue_notify(q, i);
	return nr ?: err;
}

/* --- 2: parse --- */

static enum sluice_drop dp_parse(struct sluice_datapath *dp, unsigned int i, u32 in_port)
{
	struct sluice_pkt *pkt = &dp->pkt[i];
	struct sluice_flow_key *key = &dp->key[i];
	enum sluice_drop why;

	key->in_port = in_port;
	why = sluice_pkt_prove(pkt, key);
	if (unlikely(why))
		return why;
	pkt->hash = sluice_cache_hash(&dp->cache, key);
	sluice_cache_prefetch(&dp->cache, pkt->hash);
	return SLUICE_DROP_NONE;
}

/* --- 3: act --- */

/* As on the wire: each segment has the headers again. */
static u32 dp_wire_bytes(const struct sluice_pkt *pkt)
{
	return pkt->len + (pkt->frame.segs - 1) * pkt->frame.hdrs;
}

/* One reading of the clock for a burst is fine enough, and costs only those who have limits. */
static u64 dp_now(struct burst *b)
{
	if (!b->now)
		b->now = local_clock();
	return b->now;
}

static bool dp_limit(struct burst *b, struct sluice_net_meter *meter, const struct sluice_pkt *pkt)
{
	if (sluice_meter_pass(&meter->m, dp_now(b), pkt->frame.segs, dp_wire_bytes(pkt))) {
		sluice_counter_add(&meter->passed, pkt->frame.segs, pkt->len);
		return true;
	}
	sluice_counter_add(&meter->dropped, pkt->frame.segs, pkt->len);
	return false;
}

static void dp_charge(struct burst *b, struct sluice_net_meter *meter, const struct sluice_pkt *pkt)
{
	sluice_meter_charge(&meter->m, b->turn, dp_now(b), pkt->frame.segs, dp_wire_bytes(pkt));
	sluice_counter_add(&meter->passed, pkt->frame.segs, pkt->len);
}

/*
 * The limit of @q's port, or NULL. It is not freed before this visit has ended: see struct
 * sluice_reclaim.
 */
static struct sluice_net_meter *dp_limit_of(const struct sluice_queue *q, enum sluice_dir dir)
{
	const struct sluice_net_port *np = q->port->engine;
	struct sluice_net_meter *meter;

	rcu_read_lock();
	meter = rcu_dereference(np->rate[dir]);
	rcu_read_unlock();
	return meter;
}

/* True: the queue must wait for it. Else @room is what may go. */
static bool dp_must_wait(struct sluice_queue *q, struct sluice_net_meter *meter,
			 struct sluice_meter_room *room)
{
	u64 now, wait;

	room->bytes = U32_MAX;
	room->packets = U32_MAX;
	if (likely(!meter))
		return false;
	now = local_clock();
	wait = sluice_meter_turn(&meter->m, &q->turn, now, room);
	if (wait)
		q->wait_until = now + min_t(u64, wait, DP_WAIT_MAX);
	return wait;
}

static void dp_drop(struct sluice_port *port, struct sluice_pkt *pkt, enum sluice_drop why)
{
	sluice_port_count_drop(port, why, 1);
	sluice_pkt_free(pkt);
}

/* Another output follows, so this one gets a copy. */
static void dp_output_copy(struct sluice_port *port, struct sluice_pkt *pkt)
{
	struct sluice_pkt copy;

	if (sluice_pkt_copy(pkt, &copy))
		sluice_output_copy(port, &copy);
	else
		sluice_port_count_drop(port, SLUICE_DROP_NOMEM, 1);
}

/*
 * A copy to the host's stack while the packet goes on: rare enough to take the way of a burst of
 * one.
 */
static void dp_slow_copy(struct burst *b, struct sluice_pkt *pkt)
{
	struct sluice_pkt copy;

	if (sluice_pkt_copy(pkt, &copy))
		sluice_output_slow(b->port, &copy);
	else
		sluice_port_count_drop(b->port, SLUICE_DROP_NOMEM, 1);
}

static int dp_rewrite(struct sluice_pkt *pkt, const struct sluice_flow_key *key,
		      const struct sluice_flow_act *act)
{
	return sluice_pkt_to_skb(pkt) ? sluice_rewrite(pkt, key, act) : -ENOMEM;
}

static void dp_run_program(struct burst *b, struct sluice_pkt *pkt,
			   const struct sluice_flow_key *key, const struct sluice_op *op,
			   unsigned int nr_op)
{
	unsigned int i;

	for (i = 0; i < nr_op; i++, op++) {
		bool last = i == nr_op - 1;

		switch (op->type) {
		case SLUICE_OP_OUTPUT:
			if (last) {
				b->fast++;
				sluice_output_add(b->w, &b->dp->out, op->port, false, pkt);
				return;
			}
			dp_output_copy(op->port, pkt);
			break;
		case SLUICE_OP_SLOW:
			if (last) {
				sluice_output_add(b->w, &b->dp->out, b->port, true, pkt);
				return;
			}
			dp_slow_copy(b, pkt);
			break;
		case SLUICE_OP_PACE:
			if (b->turn) {
				dp_charge(b, op->meter, pkt);
				break;
			}
			fallthrough;
		case SLUICE_OP_LIMIT:
			if (!dp_limit(b, op->meter, pkt)) {
				dp_drop(b->port, pkt, op->why);
				return;
			}
			break;
		case SLUICE_OP_COUNT_DROP:
			sluice_port_count_drop(op->port, op->why, 1);
			break;
		case SLUICE_OP_REWRITE:
			if (dp_rewrite(pkt, key, op->act)) {
				dp_drop(b->port, pkt, SLUICE_DROP_ACTION);
				return;
			}
			break;
		case SLUICE_OP_DROP:
			dp_drop(b->port, pkt, op->why);
			return;
		}
	}
	/* Every output was a copy, or was denied and counted. */
	sluice_pkt_free(pkt);
}

/* A key that the cache does not know. RCU covers the tables that are read. */
static struct sluice_cache_entry *dp_miss(struct burst *b, const struct sluice_flow_key *key,
					  u32 hash)
{
	b->dp->misses++;
	rcu_read_lock();
	sluice_program_compile(&b->dp->prog, b->port, key);
	rcu_read_unlock();
	return sluice_cache_insert(&b->dp->cache, b->gen, hash, key, &b->dp->prog);
}

static void dp_run_uncached(struct burst *b, struct sluice_pkt *pkt,
			    const struct sluice_flow_key *key)
{
	const struct sluice_program *prog = &b->dp->prog;
	unsigned int i;

	for (i = 0; i < prog->nr_hit; i++)
		sluice_counter_add(prog->hit[i], pkt->frame.segs, pkt->len);
	dp_run_program(b, pkt, key, prog->op, prog->nr_op);
}

static void dp_act(struct burst *b, unsigned int i)
{
	struct sluice_datapath *dp = b->dp;
	struct sluice_flow_key *key = &dp->key[i];
	struct sluice_pkt *pkt = &dp->pkt[i];
	struct sluice_cache_entry *e;

	e = sluice_cache_lookup(&dp->cache, b->gen, pkt->hash, key);
	if (unlikely(!e)) {
		e = dp_miss(b, key, pkt->hash);
		if (!e) {
			dp_run_uncached(b, pkt, key);
			return;
		}
	}
	sluice_cache_count(&dp->cache, e, pkt->frame.segs, pkt->len);
	dp_run_program(b, pkt, key, e->op, e->nr_op);
}

/* --- a whole burst --- */

static void burst_begin(struct burst *b, struct sluice_worker *w, struct sluice_port *port)
{
	struct sluice_net_instance *ni = port->inst->engine;

	b->w = w;
	b->dp = w->engine;
	b->port = port;
	b->turn = NULL;
	/* Pairs with sluice_net_changed(). */
	b->gen = smp_load_acquire(&ni->gen);
	b->now = 0;
	b->fast = 0;
	b->why = SLUICE_DROP_NONE;
	b->dp->misses = 0;
}

static void burst_count(struct burst *b, enum sluice_dir dir, unsigned int packets,
			unsigned int bytes)
{
	struct sluice_port_stats *s = get_cpu_ptr(b->port->stats);

	u64_stats_update_begin(&s->syncp);
	u64_stats_add(&s->packets[dir], packets);
	u64_stats_add(&s->bytes[dir], bytes);
	u64_stats_add(&s->fast_packets, b->fast);
	u64_stats_update_end(&s->syncp);
	put_cpu_ptr(b->port->stats);
	trace_sluice_burst(b->port, b->w->cpu, packets, b->dp->misses);
}

/* The port is set down: what came by it is for nobody. */
static void dp_run_down(struct burst *b, unsigned int nr, enum sluice_dir dir)
{
	unsigned int i, bytes = 0;

	b->why = SLUICE_DROP_DOWN;
	for (i = 0; i < nr; i++) {
		bytes += b->dp->pkt[i].len;
		sluice_pkt_free(&b->dp->pkt[i]);
	}
	sluice_port_count_drop(b->port, b->why, nr);
	burst_count(b, dir, nr, bytes);
}

static void dp_run(struct burst *b, unsigned int nr, enum sluice_dir dir)
{
	struct sluice_datapath *dp = b->dp;
	bool parsed[SLUICE_VRING_BURST];
	unsigned int i, bytes = 0;

	if (unlikely(!sluice_port_is_up(b->port))) {
		dp_run_down(b, nr, dir);
		return;
	}
	for (i = 0; i < nr; i++) {
		enum sluice_drop why = dp_parse(dp, i, b->port->index);

		bytes += dp->pkt[i].len;
		parsed[i] = !why;
		if (unlikely(why)) {
			b->why = why;
			dp_drop(b->port, &dp->pkt[i], why);
		}
	}
	for (i = 0; i < nr; i++)
		sluice_cache_prefetch_entry(&dp->cache, dp->pkt[i].hash);
	for (i = 0; i < nr; i++) {
		if (likely(parsed[i]))
			dp_act(b, i);
	}
	sluice_output_flush(b->w, &dp->out);
	burst_count(b, dir, nr, bytes);
}

int sluice_datapath_guest_tx(struct sluice_worker *w, struct sluice_queue *q, int budget)
{
	struct sluice_datapath *dp = w->engine;
	struct sluice_meter_room room;
	struct burst b;
	int nr_chain, nr, want;

	sluice_assert_worker(w);
	if (dp_must_wait(q, dp_limit_of(q, SLUICE_DIR_FROM_GUEST), &room))
		return 0;
	want = min3(budget, SLUICE_VRING_BURST, q->burst ?: SLUICE_VRING_BURST);
	want = min_t(u32, want, room.packets);
	nr_chain = sluice_vring_fetch(q->vr, dp->chain, want, dp->seg, ARRAY_SIZE(dp->seg));
	if (!nr_chain)
		sluice_meter_turn_end(&q->turn);
	if (nr_chain <= 0)
		return nr_chain;
	nr = dp_read_ring(dp, q, nr_chain, min_t(u32, room.bytes, DP_BURST_BYTES));
	if (nr < 0)
		return nr;
	burst_begin(&b, w, q->port);
	b.turn = &q->turn;
	dp_run(&b, nr, SLUICE_DIR_FROM_GUEST);
	return nr_chain;
}

int sluice_datapath_uplink_rx(struct sluice_worker *w, struct sluice_port *uplink, int budget)
{
	struct sluice_datapath *dp = w->engine;
	struct sk_buff *skb;
	struct burst b;
	int taken = 0, nr = 0;

	sluice_assert_worker(w);
	/* The worker is the inbox's only consumer. */
	while (taken < min(budget, SLUICE_VRING_BURST) &&
	       (skb = __ptr_ring_consume(&uplink->inbox))) {
		taken++;
		if (likely(sluice_hops_add(skb))) {
			sluice_pkt_from_skb(&dp->pkt[nr++], skb);
			continue;
		}
		sluice_port_count_drop(uplink, SLUICE_DROP_HOPS, 1);
		kfree_skb(skb);
	}
	if (!nr)
		return taken;
	burst_begin(&b, w, uplink);
	dp_run(&b, nr, SLUICE_DIR_TO_GUEST);
	return taken;
}

/* The packet, which is dp->pkt[0], tells where the guest is. */
static void dp_announce(struct burst *b)
{
	struct sluice_datapath *dp = b->dp;
	unsigned int bytes = dp->pkt[0].len;

	b->why = sluice_port_is_up(b->port) ? dp_parse(dp, 0, b->port->index) : SLUICE_DROP_DOWN;
	if (b->why) {
		dp_drop(b->port, &dp->pkt[0], b->why);
	} else {
		rcu_read_lock();
		sluice_program_announce(&dp->prog, b->port, &dp->key[0]);
		rcu_read_unlock();
		dp_run_uncached(b, &dp->pkt[0], &dp->key[0]);
		sluice_output_flush(b->w, &dp->out);
	}
	burst_count(b, SLUICE_DIR_FROM_GUEST, 1, bytes);
}

void sluice_datapath_announce(struct sluice_worker *w, struct sluice_port *port,
			      struct sk_buff *skb)
{
	struct sluice_datapath *dp = w->engine;
	struct burst b;

	sluice_assert_worker(w);
	sluice_pkt_from_skb(&dp->pkt[0], skb);
	burst_begin(&b, w, port);
	dp_announce(&b);
}

/*
 * A VMM's own announcement of a guest that came: RARP about an address that the guard lists, which
 * says more than any access list, and by the node, which its guest does not have.
 */
static bool dp_is_announcement(const struct sluice_port *port, const struct sk_buff *skb)
{
	const struct sluice_net_port *np = port->engine;
	const struct sluice_guard_entry *guard;
	bool listed;

	if (((const struct ethhdr *)skb->data)->h_proto != htons(ETH_P_RARP))
		return false;
	rcu_read_lock();
	guard = rcu_dereference(np->guard);
	listed = guard && guard->g.nr_mac;
	rcu_read_unlock();
	return listed;
}

enum sluice_drop sluice_datapath_inject(struct sluice_worker *w, struct sluice_port *port,
					struct sk_buff *skb, const struct virtio_net_hdr *hdr)
{
	struct sluice_datapath *dp = w->engine;
	struct burst b;

	sluice_assert_worker(w);
	sluice_pkt_from_skb(&dp->pkt[0], skb);
	if (hdr)
		sluice_pkt_claim(&dp->pkt[0], hdr);
	burst_begin(&b, w, port);
	if (dp_is_announcement(port, skb))
		dp_announce(&b);
	else
		dp_run(&b, 1, SLUICE_DIR_FROM_GUEST);
	return b.why;
}

/* --- 4: from a queue's inbox into the guest's ring --- */

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
		e = dp_miss(b, key, pkt->hash);
	/* One output is never too long for the cache. */
	if (WARN_ON_ONCE(!e))
		return SLUICE_DROP_NOMEM;
	sluice_cache_count(&dp->cache, e, pkt->frame.segs, pkt->len);
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
	unsigned int packets;
	unsigned int bytes;
	int done;
};

/* Can there never be more chains than these? */
static bool rx_have_all(const struct rx_visit *v)
{
	return !v->used && (v->have == SLUICE_VRING_BURST || v->have >= v->q->cfg.ring.num);
}

/* The last one may be more than there is room for. */
static void rx_charge(struct rx_visit *v, const struct sluice_pkt *pkt)
{
	dp_charge(v->b, v->limit, pkt);
	v->room.bytes -= min(v->room.bytes, dp_wire_bytes(pkt));
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

	return v->limit && since && v->q->turn.waited &&
	       (s64)(dp_now(v->b) - since) > (s64)v->limit->patience;
}

static int rx_write(struct rx_visit *v, struct sluice_pkt *pkt)
{
	unsigned int nr = v->have - v->used;
	int err = sluice_output_write(v->q, pkt, v->out->chain + v->used, &nr);

	if (!err) {
		v->used += nr;
		v->packets++;
		v->bytes += pkt->len;
		v->done++;
		if (unlikely(v->limit))
			rx_charge(v, pkt);
	} else if (err == -ENOBUFS && rx_have_all(v)) {
		/* Not even a full fetch holds it, so no later one will. */
		err = -EMSGSIZE;
	}
	return err;
}

static void rx_drop(struct rx_visit *v, struct sk_buff *skb, enum sluice_drop why)
{
	sluice_port_count_drop(v->q->port, why, 1);
	kfree_skb(skb);
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
		if (why)
			goto drop;
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
		kfree_skb(skb);
	}
	sluice_port_count_drop(q->port, SLUICE_DROP_DOWN, nr);
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
	if (!sluice_queue_backlog(q))
		sluice_meter_turn_end(&q->turn);
	sluice_vring_unfetch(q->vr, dp->out.chain + v.used, v.have - v.used);
	if (v.used && !sluice_vring_flush(q->vr))
		sluice_queue_notify(q, v.packets);
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
		rx_drop(v, skb, why);
	else
		rx_put_rest(v->q, skb);
}

bool sluice_datapath_guest_read(struct sluice_worker *w, struct sluice_queue *q,
				struct virtio_net_hdr *hdr)
{
	struct virtio_net_hdr_mrg_rxbuf h;
	struct rx_visit v = { .q = q };
	struct sluice_pkt pkt = {};
	struct sk_buff *skb;
	struct burst b;

	sluice_assert_worker(w);
	if (unlikely(!sluice_port_is_up(q->port))) {
		rx_discard(q, SLUICE_VRING_BURST);
		return false;
	}
	burst_begin(&b, w, q->port);
	while (v.done < SLUICE_VRING_BURST && sluice_queue_backlog(q)) {
		skb = q->rest;
		if (!skb) {
			rx_start_rest(&b, &v);
			continue;
		}
		sluice_pkt_recall(&pkt, skb);
		if (!sluice_output_must_adapt(q->port, &pkt)) {
			sluice_output_header(q, &pkt, 1, &h);
			*hdr = h.hdr;
			return true;
		}
		q->rest = skb->next;
		skb_mark_not_on_list(skb);
		rx_put_rest(q, rx_adapt(&v, skb));
	}
	return false;
}

/* --- counters and lifetime --- */

void sluice_datapath_flush(struct sluice_worker *w)
{
	struct sluice_datapath *dp = w->engine;

	sluice_assert_worker(w);
	if (dp)
		sluice_cache_flush(&dp->cache);
}

void sluice_datapath_flush_call(struct sluice_worker *w, void *arg)
{
	sluice_datapath_flush(w);
}

int sluice_datapath_worker_add(struct sluice_worker *w)
{
	struct sluice_datapath *dp = kvzalloc(sizeof(*dp), GFP_KERNEL);
	int err;

	if (!dp)
		return -ENOMEM;
	err = sluice_cache_init(&dp->cache);
	if (err) {
		kvfree(dp);
		return err;
	}
	sluice_pool_init(&dp->pool);
	dp->worker = w;
	w->engine = dp;
	return 0;
}

/* Counts in entries and packets of the burst are lost: no list of a dead thread is sound. */
void sluice_datapath_worker_abandon(struct sluice_worker *w)
{
	struct sluice_datapath *dp = w->engine;

	w->engine = NULL;
	sluice_cache_exit(&dp->cache);
	kvfree(dp);
}

/* No port is left that would bring the worker here: it has none, or its thread has ended. */
void sluice_datapath_worker_del(struct sluice_worker *w)
{
	struct sluice_datapath *dp = w->engine;

	w->engine = NULL;
	sluice_cache_flush(&dp->cache);
	sluice_cache_exit(&dp->cache);
	sluice_pool_exit(&dp->pool);
	kvfree(dp);
}
