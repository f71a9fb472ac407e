/* SPDX-License-Identifier: GPL-2.0-only */
/* Access lists: rules of one port and direction, looked at in order of priority. */
#ifndef _SLUICE_NET_ACL_H
#define _SLUICE_NET_ACL_H

#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/types.h>
#include "../engine.h"
#include "counter.h"
#include "reclaim.h"

/* Rules per port and direction: a look-up on a miss stays below a millisecond. */
#define SLUICE_ACL_MAX	16384

/**
 * struct sluice_acl_item - one rule in place
 * @rule: as it was given
 * @hits: cache entries point here
 * @reclaim: after removal
 */
struct sluice_acl_item {
	struct sluice_acl_rule rule;
	struct sluice_counter hits;
	struct sluice_reclaim reclaim;
};

/**
 * struct sluice_acl_list - rules, sorted; replaced as a whole, but for what comes last
 * @rcu: the list is freed by it; items live longer
 * @room: length of @entry
 * @nr: how many there are; packets see it grow, and each entry before it is counted
 * @entry: @value and @mask over a digest of the packet's key refuse most rules without a look at
 *	@item
 */
struct sluice_acl_list {
	struct rcu_head rcu;
	u32 room;
	u32 nr;
	struct sluice_acl_entry {
		u64 value;
		u64 mask;
		struct sluice_acl_item *item;
	} entry[] __counted_by(room);
};

/**
 * struct sluice_acl - access list of one direction; all zero: allow everything
 * @list: NULL when empty; written under RTNL
 * @default_deny: verdict when no rule matches
 * @default_hits: packets that no rule matched
 */
struct sluice_acl {
	struct sluice_acl_list __rcu *list;
	bool default_deny;
	struct sluice_counter default_hits;
};

/**
 * sluice_acl_check() - verdict for a packet
 * @acl: list of the packet's direction
 * @key: the packet
 * @hits: set to the counter to charge: the rule's or the default's
 * @why: set when denied
 *
 * Context: RCU read side; @hits stays valid as struct sluice_reclaim says. Return: true to let it
 * pass.
 */
bool sluice_acl_check(const struct sluice_acl *acl, const struct sluice_flow_key *key,
		      struct sluice_counter **hits, enum sluice_drop *why);

/* Is the rule sensible? 0 or -EINVAL with an explanation. */
int sluice_acl_rule_check(const struct sluice_acl_rule *rule, struct netlink_ext_ack *extack);

/*
 * Bytes that a rule takes: itself, and its place in a list, which has an eighth more of them than
 * rules, and half of it at most is the allocator's.
 */
static inline size_t sluice_acl_rule_memory(void)
{
	return kmalloc_size_roundup(sizeof(struct sluice_acl_item)) +
	       3 * sizeof(struct sluice_acl_entry);
}

/* For those who build a list: all under RTNL; NULL: no memory, or not there. */
struct sluice_acl_list *sluice_acl_list_new(u32 nr);
struct sluice_acl_item *sluice_acl_item_new(const struct sluice_acl_rule *rule);
void sluice_acl_entry_set(struct sluice_acl_entry *e, struct sluice_acl_item *item);
struct sluice_acl_item *sluice_acl_find(const struct sluice_acl_list *list, u32 prio);
/* May one more rule come to @nr, with @taken at its place? 0, -EEXIST, -ENOSPC. */
int sluice_acl_may_add(u32 nr, const struct sluice_acl_item *taken,
		       struct netlink_ext_ack *extack);
/* -ENOENT, with words. */
int sluice_acl_not_there(struct netlink_ext_ack *extack);

/* Changes: RTNL. -EEXIST, -ENOSPC, -ENOMEM; -ENOENT. */
int sluice_acl_add(struct sluice_acl *acl, const struct sluice_acl_rule *rule,
		   struct netlink_ext_ack *extack);
/*
 * Unlink a rule: the caller bumps the generation, then gives the item's @reclaim to
 * sluice_reclaim(). ERR_PTR: -ENOENT, -ENOMEM.
 */
struct sluice_acl_item *sluice_acl_unlink(struct sluice_acl *acl, u32 prio);
/*
 * Unlink all: the caller bumps the generation, then calls sluice_acl_list_reclaim(). NULL if there
 * was none.
 */
struct sluice_acl_list *sluice_acl_unlink_all(struct sluice_acl *acl);
void sluice_acl_list_reclaim(struct sluice_acl_list *list);

#endif /* _SLUICE_NET_ACL_H */
