/* SPDX-License-Identifier: GPL-2.0-only */
/* Freeing what cache entries may still point to. */
#ifndef _SLUICE_NET_RECLAIM_H
#define _SLUICE_NET_RECLAIM_H

#include <linux/llist.h>

/**
 * struct sluice_reclaim - something that cache entries may still point to
 * @node: on the way to @release
 * @release: frees the object. Process context, RTNL not held
 *
 * Cache entries hold plain pointers to rules, meters and ports. So an object that was unlinked is
 * given to sluice_reclaim(), after the generation was bumped. It is released when every worker has
 * flushed (which drops all entries of old generations that still have counts to deliver) and an RCU
 * grace period has passed: from then on no entry that points to it can be used, since its
 * generation no longer matches.
 */
struct sluice_reclaim {
	struct llist_node node;
	void (*release)(struct sluice_reclaim *r);
};

void sluice_reclaim(struct sluice_reclaim *r);
/* Wait until all that was given before is released. No RTNL held. */
void sluice_reclaim_sync(void);

#endif /* _SLUICE_NET_RECLAIM_H */
