/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How often a frame came by here already. Two uplinks, a wire between them and a cable (or a veth
 * pair) between their devices are a loop in which a frame would go round for ever.
 *
 * The number travels in skb->tc_index: of all that is in an skb it is what devices like veth, and
 * the change of a namespace, leave alone, and what nobody else looks at on a frame's way but qdiscs
 * (gred, by the lower four bits, which stay zero). A device that classifies what it receives by
 * tc(8) may overwrite it: what loops by that costs its own worker's time.
 */
#ifndef _SLUICE_HOPS_H
#define _SLUICE_HOPS_H

#include <linux/skbuff.h>

#define SLUICE_HOPS_MAX		8

#define HOPS_MARK		0x5a00
#define HOPS_SHIFT		4
#define HOPS_MASK		(0xf << HOPS_SHIFT)

#ifdef CONFIG_NET_SCHED
/* One more, for a frame that an uplink received. False: it has been here too often. */
static inline bool sluice_hops_add(struct sk_buff *skb)
{
	unsigned int n = 0;

	if ((skb->tc_index & ~HOPS_MASK) == HOPS_MARK)
		n = (skb->tc_index & HOPS_MASK) >> HOPS_SHIFT;
	if (unlikely(n >= SLUICE_HOPS_MAX))
		return false;
	skb->tc_index = HOPS_MARK | (n + 1) << HOPS_SHIFT;
	return true;
}
#else
static inline bool sluice_hops_add(struct sk_buff *skb)
{
	return true;
}
#endif

#endif /* _SLUICE_HOPS_H */
