/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The flow table: tuple space search, one hash table for each mask in use. Documentation/flows.md
 * has the costs.
 */
#ifndef _SLUICE_NET_FLOW_H
#define _SLUICE_NET_FLOW_H

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

/**
 * struct sluice_flow - one rule in place
 * @node: in its mask's table, if no flow with the same mask and key has a higher priority
 * @lower: next lower priority with the same mask and key; RTNL
 * @mask: what is compared; RTNL
 * @reclaim: after removal
 * @hits: cache entries point here
 * @id: unique in the namespace
 * @prio: highest wins
 * @nr_act: length of @act
 * @nr_words: words of masked key that follow @act
 * @dead: was unlinked
 * @act: actions, in order; sluice_flow_check() holds for them
 *
 * Small, because there may be a million: of the key only those words are kept in which the mask has
 * bits; and what only the table needs gives its place to @reclaim.
 */
struct sluice_flow {
	struct rhash_head node;
	union {
		struct {
			struct sluice_flow *lower;
			struct sluice_flow_mask *mask;
		};
		struct sluice_reclaim reclaim;
	};
	struct sluice_counter hits;
	u32 id;
	u32 prio;
	u8 nr_act;
	u8 nr_words;
	bool dead;
	struct sluice_flow_act act[] __counted_by(nr_act);
};

/**
 * struct sluice_flow_table - flows of one namespace
 * @masks: masks in use, that with the highest priority first; NULL when empty. Written under RTNL
 * @ids: struct sluice_flow by id; RTNL
 * @next_id: where the search for a free id goes on; RTNL
 * @nr: flows; RTNL
 */
struct sluice_flow_table {
	struct sluice_flow_masks __rcu *masks;
	struct xarray ids;
	u32 next_id;
	u32 nr;
};

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
/*
 * Put @flow, with actions filled in, into the table as @spec says (key.in_port: the port's index).
 * Sets spec->id if it was 0. -EEXIST: the id, or a flow with the same mask, key and priority, is
 * there; -ENOSPC; -ENOMEM.
 */
int sluice_flow_insert(struct sluice_flow_table *t, struct sluice_flow *flow,
		       struct sluice_flow_spec *spec, struct netlink_ext_ack *extack);
/* Unlink; the caller bumps the generation, then gives @flow->reclaim to sluice_reclaim(). */
void sluice_flow_unlink(struct sluice_flow_table *t, struct sluice_flow *flow);
struct sluice_flow *sluice_flow_find(const struct sluice_flow_table *t, u32 id);
/* Key and mask as they were inserted. Not for a dead flow. */
void sluice_flow_match(const struct sluice_flow *flow, struct sluice_flow_key *key,
		       struct sluice_flow_key *mask);

static_assert(!(offsetof(struct sluice_flow, act) % sizeof(u64)) &&
	      !(sizeof(struct sluice_flow_act) % sizeof(u64)));

#endif /* _SLUICE_NET_FLOW_H */
