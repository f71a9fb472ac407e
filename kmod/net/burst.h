/* SPDX-License-Identifier: GPL-2.0-only */
/* A burst of packets under way: what all directions do in the same way. Worker context. */
#ifndef _SLUICE_NET_BURST_H
#define _SLUICE_NET_BURST_H

#include <linux/sched/clock.h>
#include "datapath.h"
#include "net.h"

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
	unsigned int frames;
	/* on the wire */
	unsigned int packets;
	unsigned int bytes;
	unsigned int fast;
	/* why the last frame that did not parse was refused */
	enum sluice_drop why;
};

static inline void burst_begin(struct burst *b, struct sluice_worker *w, struct sluice_port *port)
{
	struct sluice_net_instance *ni = port->inst->engine;

	b->w = w;
	b->dp = w->engine;
	b->port = port;
	b->turn = NULL;
	/* Pairs with sluice_net_changed(). */
	b->gen = smp_load_acquire(&ni->gen);
	b->now = 0;
	b->frames = 0;
	b->packets = 0;
	b->bytes = 0;
	b->fast = 0;
	b->why = SLUICE_DROP_NONE;
	b->dp->misses = 0;
}

/* --- parse --- */

static inline enum sluice_drop dp_parse(struct sluice_datapath *dp, unsigned int i, u32 in_port)
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

/* A key that the cache does not know: NULL if its program is in dp->prog only. */
struct sluice_cache_entry *sluice_datapath_miss(struct burst *b, const struct sluice_flow_key *key,
						u32 hash);

/* --- limits --- */

/* One reading of the clock for a burst is fine enough, and costs only those who have limits. */
static inline u64 dp_now(struct burst *b)
{
	if (!b->now)
		b->now = local_clock();
	return b->now;
}

static inline bool dp_limit(struct burst *b, struct sluice_net_meter *meter,
			    const struct sluice_pkt *pkt)
{
	u32 bytes = sluice_pkt_wire_bytes(pkt);

	if (sluice_meter_pass(&meter->m, dp_now(b), pkt->frame.segs, bytes)) {
		sluice_counter_add(&meter->passed, pkt->frame.segs, bytes);
		return true;
	}
	sluice_counter_add(&meter->dropped, pkt->frame.segs, bytes);
	return false;
}

static inline void dp_charge(struct burst *b, struct sluice_net_meter *meter,
			     const struct sluice_pkt *pkt)
{
	u32 bytes = sluice_pkt_wire_bytes(pkt);

	sluice_meter_charge(&meter->m, b->turn, dp_now(b), pkt->frame.segs, bytes);
	sluice_counter_add(&meter->passed, pkt->frame.segs, bytes);
}

/*
 * The limit of @q's port, or NULL. It is not freed before this visit has ended: see struct
 * sluice_reclaim.
 */
static inline struct sluice_net_meter *dp_limit_of(const struct sluice_queue *q,
						   enum sluice_dir dir)
{
	const struct sluice_net_port *np = q->port->engine;
	struct sluice_net_meter *meter;

	rcu_read_lock();
	meter = rcu_dereference(np->rate[dir]);
	rcu_read_unlock();
	return meter;
}

/*
 * A wait counts once, when something is in the queue: as it begins, when the limit is asked again,
 * or, at the latest, when it is over.
 */
static inline void dp_note_wait(struct sluice_queue *q, bool begins, bool ends)
{
	q->turn.empty |= begins;
	if (!q->turn.empty)
		return;
	if (q->dir == SLUICE_QUEUE_RX || sluice_vring_more(q->vr)) {
		WRITE_ONCE(q->throttled, q->throttled + 1);
		q->turn.empty = false;
	} else if (ends) {
		q->turn.empty = false;
	}
}

/* True: the queue must wait for it. Else @room is what may go. */
static inline bool dp_must_wait(struct sluice_queue *q, struct sluice_net_meter *meter,
				struct sluice_meter_room *room)
{
	bool waits = q->turn.bytes | q->turn.packets;
	u64 now, wait;

	room->bytes = U32_MAX;
	room->packets = U32_MAX;
	if (likely(!meter))
		return false;
	now = local_clock();
	wait = sluice_meter_turn(&meter->m, &q->turn, now, room);
	if (wait)
		q->wait_until = now + min_t(u64, wait, DP_WAIT_MAX);
	if (waits || wait)
		dp_note_wait(q, !waits, !wait);
	return wait;
}

#endif /* _SLUICE_NET_BURST_H */
