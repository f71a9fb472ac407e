/* SPDX-License-Identifier: GPL-2.0-only */
/* The spoof guard: is the sender whom the guest may claim to be? */
#ifndef _SLUICE_NET_GUARD_H
#define _SLUICE_NET_GUARD_H

#include <linux/rcupdate.h>
#include <linux/slab.h>
#include "../engine.h"

/**
 * struct sluice_guard_entry - a port's guard; replaced as a whole
 * @g: what is allowed
 * @rcu: frees it
 */
struct sluice_guard_entry {
	struct sluice_guard g;
	struct rcu_head rcu;
};

static inline size_t sluice_guard_memory(void)
{
	return kmalloc_size_roundup(sizeof(struct sluice_guard_entry));
}

/**
 * sluice_guard_check() - check a packet from a guest
 * @g: guard
 * @key: the packet
 *
 * Context: any. Return: SLUICE_DROP_NONE, or SLUICE_DROP_GUARD_*.
 */
enum sluice_drop sluice_guard_check(const struct sluice_guard *g,
				    const struct sluice_flow_key *key);

/* Is it sensible? 0 or -EINVAL with an explanation. */
int sluice_guard_verify(const struct sluice_guard *g, struct netlink_ext_ack *extack);

#endif /* _SLUICE_NET_GUARD_H */
