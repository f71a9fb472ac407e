/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counters of a rule. Workers count in their own cache entries and add up here from time to time
 * (flush).
 */
#ifndef _SLUICE_COUNTER_H
#define _SLUICE_COUNTER_H

#include <linux/atomic.h>
#include <linux/types.h>

struct sluice_counter {
	atomic64_t packets;
	atomic64_t bytes;
};

static inline void sluice_counter_add(struct sluice_counter *c, u64 packets, u64 bytes)
{
	atomic64_add(packets, &c->packets);
	atomic64_add(bytes, &c->bytes);
}

#endif /* _SLUICE_COUNTER_H */
