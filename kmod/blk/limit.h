/* SPDX-License-Identifier: GPL-2.0-only */
/* Limits of a volume, shared by its queues without a lock. */
#ifndef _SLUICE_BLK_LIMIT_H
#define _SLUICE_BLK_LIMIT_H

#include <linux/atomic.h>
#include <linux/types.h>

/**
 * struct sluice_limit_rate - one rate, by the generic cell rate algorithm
 * @rate: units per second, 0: no limit
 * @burst: ns that may be spent in advance
 * @paid: until when what was taken is paid for: a time of the caller's clock, ns
 * @owed: the same when something last passed that had to
 *
 * @rate and @burst are written by control while workers read them: whoever sees one of them changed
 * and not the other errs for one request. @owed is written by both; no more than @paid counts.
 */
struct sluice_limit_rate {
	u64 rate;
	u64 burst;
	atomic64_t paid;
	u64 owed;
};

/**
 * struct sluice_limit - requests and bytes per second
 * @requests: of the former
 * @bytes: of the latter
 */
struct sluice_limit {
	struct sluice_limit_rate requests;
	struct sluice_limit_rate bytes;
};

/**
 * struct sluice_limit_cost - what is charged for a request
 * @requests: how many it counts as
 * @seconds: its bytes count as no more than so many seconds bring; 0: as they are
 * @bytes: that it moves or changes
 */
struct sluice_limit_cost {
	u32 requests;
	u32 seconds;
	u64 bytes;
};

/*
 * Control context; workers may be using @l. What was spent is forgotten. Bursts are in units, at
 * least one.
 */
void sluice_limit_set(struct sluice_limit *l, u64 iops, u64 iops_burst, u64 bps, u64 bps_burst);

/**
 * sluice_limit_take() - may a request pass?
 * @l: limit
 * @now: the time, ns; the same clock always
 * @cost: its cost
 *
 * A request that costs more than the burst passes if nothing is owed, and what comes after it
 * waits for longer. Context: any. Return: 0: it may, and was charged; else after how many ns to
 * ask again.
 */
u64 sluice_limit_take(struct sluice_limit *l, u64 now, const struct sluice_limit_cost *cost);

/* It passes, whatever it costs; those that come after it wait for longer. Context: any. */
void sluice_limit_owe(struct sluice_limit *l, u64 now, const struct sluice_limit_cost *cost);

/*
 * For how many ns from now on does nothing pass on account of what had to? 0: there is no such
 * debt. Who begins nothing meanwhile will have nothing that has to pass. Context: any.
 */
u64 sluice_limit_debt(const struct sluice_limit *l, u64 now);

#endif /* _SLUICE_BLK_LIMIT_H */
