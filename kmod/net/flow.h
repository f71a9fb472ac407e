/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The flow table: tuple space search, one hash table for each mask in use. Documentation/flows.md
 * has the costs.
 */
#ifndef _SLUICE_NET_FLOW_H
#define _SLUICE_NET_FLOW_H

#include <linux/bits.h>
#include <linux/in6.h>
#include <linux/rcupdate.h>
#include <linux/rhashtable-types.h>
#include <linux/types.h>
#include <linux/xarray.h>
#include "../engine.h"
#include "counter.h"
#include "reclaim.h"

struct sluice_flow_mask;
struct sluice_flow_masks;
struct sluice_net_meter;
struct sluice_port;

/**
 * struct sluice_flow_act - one action, resolved
 * @type: SLUICE_ACT_*
 * @value: SET_TTL, SET_DSCP
 * @vlan: PUSH, SET: VLAN id | PCP << 13
 * @l4_port: SET_SPORT, SET_DPORT: host order
 * @port: OUTPUT: READ_ONCE: NULL from when the port is removed
 * @meter: METER: stays as long as the flow
 * @mac: SET_ETH_*
 * @ip: SET_SRC, SET_DST: of the family that the flow's eth_type says, IPv4 as ::ffff:a.b.c.d
 */
struct sluice_flow_act {
	u8 type;
	u8 value;
	u16 vlan;
	u16 l4_port;
	union {
		struct sluice_port *port;
		struct sluice_net_meter *meter;
		u8 mac[ETH_ALEN];
		struct in6_addr ip;
	};
};

/* Of a flow that is not part of a transaction under way. */
#define SLUICE_FLOW_SEEN_ALWAYS	(BIT(0) | BIT(1))

/**
 * struct sluice_flow - one rule in place
 * @node: in its mask's table, if it is the first with its mask and key
 * @lower: the next with the same mask and key, by falling priority; written under RTNL. It stays
 *	after removal, for look-ups that are at this flow
 * @mask: what is compared; RTNL
 * @reclaim: after removal
 * @hits: cache entries point here
 * @id: unique in the namespace
 * @prio: highest wins
 * @nr_act: length of @act
 * @nr_words: words of masked key that follow @act
 * @seen: bit n: look-ups see it in the table's epoch n. Written under RTNL
 * @act: actions, in order; sluice_flow_check() holds for them
 *
 * Small, because there may be a million: of the key only those words are kept in which the mask has
 * bits; and what only the table needs gives its place to @reclaim.
 */
struct sluice_flow {
	struct rhash_head node;
	struct sluice_flow __rcu *lower;
	union {
		struct sluice_flow_mask *mask;
		struct sluice_reclaim reclaim;
	};
	struct sluice_counter hits;
	u32 id;
	u32 prio;
	u8 nr_act;
	u8 nr_words;
	u8 seen;
	struct sluice_flow_act act[] __counted_by(nr_act);
};

/**
 * struct sluice_flow_table - flows of one namespace
 * @masks: masks in use, that with the highest priority first; NULL when empty. Written under RTNL
 * @ids: struct sluice_flow by id, those of a transaction that covers others for its time; RTNL
 * @next_id: where the search for a free id goes on; RTNL
 * @nr: flows; RTNL
 * @memory: bytes of flows, their ids' places, masks; RTNL
 * @epoch: 0 or 1: which bit of a flow's @seen counts for look-ups. Written under RTNL, while
 *	workers that look up here stand still: so no look-up has begun in another one
 *
 * A transaction makes its flows such that they are seen in the other epoch only, takes that bit
 * from those that it removes, and then changes the epoch: all of it comes into force by one store.
 * What is configured, for changes and under RTNL, is therefore what the other epoch sees.
 */
struct sluice_flow_table {
	struct sluice_flow_masks __rcu *masks;
	struct xarray ids;
	u32 next_id;
	u32 nr;
	size_t memory;
	u8 epoch;
};

/* Is it seen in this epoch? */
static inline bool sluice_flow_seen(const struct sluice_flow *flow, u8 epoch)
{
	return READ_ONCE(flow->seen) & BIT(epoch);
}

/* Is it configured? RTNL. */
static inline bool sluice_flow_current(const struct sluice_flow_table *t,
				       const struct sluice_flow *flow)
{
	return sluice_flow_seen(flow, !t->epoch);
}

void sluice_flow_table_init(struct sluice_flow_table *t);
/* It is empty. */
void sluice_flow_table_exit(struct sluice_flow_table *t);

/**
 * sluice_flow_lookup() - find the rule for a packet
 * @t: table
 * @key: the packet; in_port is the port's index
 *
 * Context: RCU read side; the flow stays valid as struct sluice_reclaim says. Return: the match of
 * highest priority, or NULL.
 */
struct sluice_flow *sluice_flow_lookup(const struct sluice_flow_table *t,
				       const struct sluice_flow_key *key);

/* Does the rule make sense, its objects apart? 0 or -EINVAL with an explanation. */
int sluice_flow_check(const struct sluice_flow_spec *spec, struct netlink_ext_ack *extack);

/* --- changes: RTNL --- */

struct sluice_flow *sluice_flow_alloc(const struct sluice_flow_spec *spec);
/* Bytes that it takes; and, with its place in a table, at most. */
size_t sluice_flow_memory(const struct sluice_flow *flow);
size_t sluice_flow_memory_most(const struct sluice_flow *flow);
/*
 * Put @flow, with actions and @seen filled in, into the table as @spec says (key.in_port: the
 * port's index). Sets spec->id if it was 0, and @covered to the flow that had the id and is not
 * configured any more, or NULL. -EEXIST: the id, or a flow with the same mask, key and priority, is
 * there; -ENOSPC; -ENOMEM.
 */
int sluice_flow_insert(struct sluice_flow_table *t, struct sluice_flow *flow,
		       struct sluice_flow_spec *spec, struct sluice_flow **covered,
		       struct netlink_ext_ack *extack);
/*
 * It is configured no more, or again: all that a transaction does before its switch, and what comes
 * ahead of sluice_flow_unlink().
 */
void sluice_flow_hide(struct sluice_flow_table *t, struct sluice_flow *flow);
void sluice_flow_show(struct sluice_flow_table *t, struct sluice_flow *flow);
/*
 * Unlink one that is hidden, give its id back to @covered; the caller bumps the generation if
 * look-ups saw it, then gives @flow->reclaim to sluice_reclaim().
 */
void sluice_flow_unlink(struct sluice_flow_table *t, struct sluice_flow *flow,
			struct sluice_flow *covered);
/* The one that is configured. */
struct sluice_flow *sluice_flow_find(const struct sluice_flow_table *t, u32 id);
/* Key and mask as they were inserted. Not for one that was unlinked. */
void sluice_flow_match(const struct sluice_flow *flow, struct sluice_flow_key *key,
		       struct sluice_flow_key *mask);

static_assert(!(offsetof(struct sluice_flow, act) % sizeof(u64)) &&
	      !(sizeof(struct sluice_flow_act) % sizeof(u64)));

#endif /* _SLUICE_NET_FLOW_H */
