/* SPDX-License-Identifier: GPL-2.0-only */
/* Masks in use by flows, and the hash table that each has. */
#ifndef _SLUICE_NET_FLOW_MASK_H
#define _SLUICE_NET_FLOW_MASK_H

#include <linux/rbtree.h>
#include <linux/rhashtable-types.h>
#include "flow.h"

/*
 * A look-up visits each mask in the worst case: also those that a transaction takes away or brings.
 */
#define SLUICE_FLOW_MASKS_MAX	1024
#define SLUICE_FLOW_MASKS_DRAFT	(2 * SLUICE_FLOW_MASKS_MAX)

/**
 * struct sluice_flow_mask - flows with one mask
 * @flows: by masked key; of those with the same key, the first of those with the highest priority
 * @prios: struct flow_prio, highest first: priorities in use; RTNL
 * @nr_flows: all of them; RTNL
 * @nr_current: those that are configured; RTNL
 * @max_prio: the highest priority; RTNL
 * @nr_words: length of @word and @bits
 * @word: which words of a key have bits in the mask
 * @bits: these words of the mask
 * @reclaim: after the last flow
 */
struct sluice_flow_mask {
	struct rhashtable flows;
	struct rb_root_cached prios;
	u32 nr_flows;
	u32 nr_current;
	u32 max_prio;
	u8 nr_words;
	u8 word[SLUICE_FLOW_KEY_WORDS];
	u64 bits[SLUICE_FLOW_KEY_WORDS];
	struct sluice_reclaim reclaim;
};

/**
 * struct sluice_flow_masks - masks of a table; replaced as a whole
 * @rcu: frees it
 * @nr: length of @slot
 * @slot: by falling max_prio, which is at least the mask's
 */
struct sluice_flow_masks {
	struct rcu_head rcu;
	u32 nr;
	struct sluice_flow_mask_slot {
		struct sluice_flow_mask *mask;
		u32 max_prio;
	} slot[] __counted_by(nr);
};

/*
 * Of a hash table, to begin with; and what a flow has in it when most of it is empty, and of its
 * priority.
 */
#define SLUICE_FLOW_TABLE_MEMORY	1024
#define SLUICE_FLOW_HASHED_MEMORY	96

/* The words of masked key that follow a flow's actions. */
static inline u64 *sluice_flow_words(const struct sluice_flow *flow)
{
	return (u64 *)&flow->act[flow->nr_act];
}

/* Bytes that a mask takes with its hash table and its place among the others. */
size_t sluice_flow_mask_memory(void);
/* Words of a mask that have bits. */
unsigned int sluice_flow_mask_count(const struct sluice_flow_key *mask);
void sluice_flow_mask_apply(const struct sluice_flow_mask *mask, const struct sluice_flow_key *key,
			    u64 *words);
void sluice_flow_mask_expand(const struct sluice_flow_mask *mask, const u64 *words,
			     struct sluice_flow_key *key);

/* The first flow with this masked key. RCU read side or RTNL. */
struct sluice_flow *sluice_flow_mask_lookup(struct sluice_flow_mask *mask, const u64 *words);

/* --- changes: RTNL --- */

/*
 * The table's mask with these bits; made if it is new. ERR_PTR: -ENOSPC, -ENOMEM. Empty ones must
 * be put.
 */
struct sluice_flow_mask *sluice_flow_mask_get(struct sluice_flow_table *t,
					      const struct sluice_flow_key *bits);
/* Take the mask out of its table if no flow is left in it. */
void sluice_flow_mask_put(struct sluice_flow_table *t, struct sluice_flow_mask *mask);
/* flow->prio, the words and flow->seen are set. -EEXIST, -ENOMEM, -EBUSY. */
int sluice_flow_mask_insert(struct sluice_flow_table *t, struct sluice_flow_mask *mask,
			    struct sluice_flow *flow);
void sluice_flow_mask_remove(struct sluice_flow_table *t, struct sluice_flow_mask *mask,
			     struct sluice_flow *flow);

#endif /* _SLUICE_NET_FLOW_MASK_H */
