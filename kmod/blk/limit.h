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
 *
 * @rate and @burst are written by control while workers read them: whoever sees one of them changed
 * and not the other errs for one request.
 */
struct sluice_limit_rate {
	u64 rate;
	u64 burst;
	atomic64_t paid;
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

/*
 * Control context; workers may be using @l. What was spent is forgotten. Bursts are in units, at
 * least one.
 */
void sluice_limit_set(struct sluice_limit *l, u64 iops, u64 iops_burst, u64 bps, u64 bps_burst);

/**
 * sluice_limit_take() - may a request pass?
 * @l: limit
 * @now: the time, ns; the same clock always
 * @bytes: of data
 *
 * A request that costs more than the burst passes if nothing is owed, and what comes after it
 * waits for longer. Context: any. Return: 0: it may, and was charged; else after how many ns to
 * ask again.
 */
u64 sluice_limit_take(struct sluice_limit *l, u64 now, u32 bytes);

#endif /* _SLUICE_BLK_LIMIT_H */
