// SPDX-License-Identifier: GPL-2.0-only
/*
 * The packet path, in the order that a packet travels. All of it runs on the worker that owns the
 * queue, in bursts: copy, parse, look up, act, hand over. No lock is taken and nothing waits for
 * guest memory, at either end: what is not there ends the visit with -EAGAIN, and it is tried
 * again. What burst.h has is of all bursts; how frames get into a guest's ring, receive.c tells.
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
#include <linux/skbuff.h>
#include <linux/slab.h>
#include "../trace.h"
#include "burst.h"
#include "hops.h"
#include "rewrite.h"

/*
 * A burst ends early when it holds this much: long frames stay in the core's cache from copy to
 * copy.
 */
#define DP_BURST_BYTES	(128 << 10)

/* --- 1: from the guest's ring into packets --- */

/*
 * It is charged when policy has let it pass: until then by what it says that it will be. False:
 * nothing is left for another.
 */
static bool dp_use_room(struct sluice_meter_room *room, const struct sluice_pkt *pkt)
{
	u32 segs, bytes;

	/* Without a limit: see dp_must_wait(). */
	if (likely((room->bytes & room->packets) == U32_MAX))
		return true;
	bytes = sluice_frame_claims(&pkt->frame, pkt->len, &segs);
	room->bytes -= min(room->bytes, bytes);
	room->packets -= min(room->packets, segs);
	return room->bytes && room->packets;
}

/* A chain of @len bytes that did not even become a packet: it may be less than a header. */
static void dp_refuse(struct sluice_queue *q, enum sluice_drop why, u32 len)
{
	sluice_port_count(q->port, SLUICE_DIR_FROM_GUEST, 1, len - min(len, q->cfg.hdr_len));
	sluice_port_count_drop(q->port, why, 1);
}

/*
 * Copies what the chains hold and completes them: a guest gets its buffers back before anything is
 * decided. With the frame that fills @room, or makes it a burst's bytes, it is enough. Returns the
 * number of packets, or a negative errno when the first one stalled or broke the ring.
 */
static int dp_read_ring(struct sluice_datapath *dp, struct sluice_queue *q, int nr_chain,
			struct sluice_meter_room *room)
{
	enum sluice_drop why;
	unsigned int bytes = 0;
	int i, err = 0, nr = 0;
	bool more = room->bytes && room->packets;

	for (i = 0; i < nr_chain && bytes < DP_BURST_BYTES && more; i++) {
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
		if (unlikely(why)) {
			dp_refuse(q, why, c->out_len);
		} else {
			more = dp_use_room(room, &dp->pkt[nr]);
			bytes += dp->pkt[nr++].len;
		}
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

/* --- 2: parse (burst.h), and act --- */

static void dp_drop(struct sluice_port *port, struct sluice_pkt *pkt, enum sluice_drop why)
{
	sluice_port_count_drop(port, why, pkt->frame.segs);
	sluice_pkt_free(pkt);
}

/* Another output follows, so this one gets a copy. */
static void dp_output_copy(struct sluice_port *port, struct sluice_pkt *pkt)
{
	struct sluice_pkt copy;

	if (sluice_pkt_copy(pkt, &copy))
		sluice_output_copy(port, &copy);
	else
		sluice_port_count_drop(port, SLUICE_DROP_NOMEM, pkt->frame.segs);
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
		sluice_port_count_drop(b->port, SLUICE_DROP_NOMEM, pkt->frame.segs);
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
				b->fast += pkt->frame.segs;
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
			sluice_port_count_drop(op->port, op->why, pkt->frame.segs);
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

/* RCU covers the tables that are read. */
struct sluice_cache_entry *sluice_datapath_miss(struct burst *b, const struct sluice_flow_key *key,
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
		sluice_counter_add(prog->hit[i], pkt->frame.segs, sluice_pkt_wire_bytes(pkt));
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
		e = sluice_datapath_miss(b, key, pkt->hash);
		if (!e) {
			dp_run_uncached(b, pkt, key);
			return;
		}
	}
	sluice_cache_count(&dp->cache, e, pkt->frame.segs, sluice_pkt_wire_bytes(pkt));
	dp_run_program(b, pkt, key, e->op, e->nr_op);
}

/* --- a whole burst --- */

/* One more frame of it came in; what it is on the wire is known, or it is dropped. */
static void burst_add(struct burst *b, const struct sluice_pkt *pkt)
{
	b->frames++;
	b->packets += pkt->frame.segs;
	b->bytes += sluice_pkt_wire_bytes(pkt);
}

static void burst_count(struct burst *b, enum sluice_dir dir)
{
	struct sluice_port_stats *s = get_cpu_ptr(b->port->stats);

	u64_stats_update_begin(&s->syncp);
	u64_stats_add(&s->packets[dir], b->packets);
	u64_stats_add(&s->bytes[dir], b->bytes);
	u64_stats_add(&s->fast_packets, b->fast);
	u64_stats_update_end(&s->syncp);
	put_cpu_ptr(b->port->stats);
	trace_sluice_burst(b->port, b->w->cpu, b->frames, b->dp->misses);
}

/* The port is set down: what came by it is for nobody. */
static void dp_run_down(struct burst *b, unsigned int nr, enum sluice_dir dir)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		/* Only for what it is on the wire. */
		dp_parse(b->dp, i, b->port->index);
		burst_add(b, &b->dp->pkt[i]);
		dp_drop(b->port, &b->dp->pkt[i], SLUICE_DROP_DOWN);
	}
	b->why = SLUICE_DROP_DOWN;
	burst_count(b, dir);
}

static void dp_run(struct burst *b, unsigned int nr, enum sluice_dir dir)
{
	struct sluice_datapath *dp = b->dp;
	bool parsed[SLUICE_VRING_BURST];
	unsigned int i;

	if (unlikely(!sluice_port_is_up(b->port))) {
		dp_run_down(b, nr, dir);
		return;
	}
	for (i = 0; i < nr; i++) {
		enum sluice_drop why = dp_parse(dp, i, b->port->index);

		burst_add(b, &dp->pkt[i]);
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
	burst_count(b, dir);
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
	if (nr_chain <= 0)
		return nr_chain;
	nr = dp_read_ring(dp, q, nr_chain, &room);
	if (nr < 0)
		return nr;
	burst_begin(&b, w, q->port);
	b.turn = &q->turn;
	dp_run(&b, nr, SLUICE_DIR_FROM_GUEST);
	return nr_chain;
}

static void dp_refuse_looping(struct sluice_port *uplink, struct sk_buff *skb)
{
	struct sluice_wire wire = sluice_wire_of(skb);

	sluice_port_count(uplink, SLUICE_DIR_TO_GUEST, wire.packets, wire.bytes);
	sluice_port_drop_skb(uplink, SLUICE_DROP_HOPS, skb);
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
		dp_refuse_looping(uplink, skb);
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

	b->why = dp_parse(dp, 0, b->port->index);
	burst_add(b, &dp->pkt[0]);
	if (!sluice_port_is_up(b->port))
		b->why = SLUICE_DROP_DOWN;
	if (b->why) {
		dp_drop(b->port, &dp->pkt[0], b->why);
	} else {
		rcu_read_lock();
		sluice_program_announce(&dp->prog, b->port, &dp->key[0]);
		rcu_read_unlock();
		dp_run_uncached(b, &dp->pkt[0], &dp->key[0]);
		sluice_output_flush(b->w, &dp->out);
	}
	burst_count(b, SLUICE_DIR_FROM_GUEST);
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

/*
 * Counts in entries, packets of the burst and the memory that they come from are lost: no list of a
 * dead thread is sound.
 */
void sluice_datapath_worker_abandon(struct sluice_worker *w)
{
	struct sluice_datapath *dp = w->engine;

	w->engine = NULL;
	sluice_cache_exit(&dp->cache);
	sluice_leak(sluice_pool_abandon(&dp->pool));
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
