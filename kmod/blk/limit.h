/* SPDX-License-Identifier: GPL-2.0-only */
/* Limits of a volume, shared by its queues without a lock. */
#ifndef _SLUICE_BLK_LIMIT_H
#define _SLUICE_BLK_LIMIT_H

#include <linux/atomic.h>
#include <linux/types.h>
#include "../volume_limit.h"

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

/* What is limited, each by itself. */
enum sluice_limit_kind {
	SLUICE_LIMIT_REQUESTS,
	SLUICE_LIMIT_BYTES,
	/* How fast a burst of the former is spent. */
	SLUICE_LIMIT_REQUESTS_PEAK,
	SLUICE_LIMIT_BYTES_PEAK,
	SLUICE_LIMIT_KINDS
};

/**
 * struct sluice_limit - all that limits a direction
 * @on: there is a limit; written by control, READ_ONCE elsewhere
 * @unit: bytes of a request that counts as one, 0: it does anyway; likewise
 * @terms: a number that no other has, and that is another when it was set anew; likewise
 * @rate: by enum sluice_limit_kind
 */
struct sluice_limit {
	bool on;
	u32 unit;
	u64 terms;
	struct sluice_limit_rate rate[SLUICE_LIMIT_KINDS];
};

/**
 * struct sluice_limit_cost - what is charged for a request
 * @requests: how many it counts as, whatever bytes it has
 * @seconds: its bytes count as no more than so many seconds bring, and as no more requests; 0: as
 *	they are
 * @bytes: that it moves or changes
 */
struct sluice_limit_cost {
	u32 requests;
	u32 seconds;
	u64 bytes;
};

/* Control context; workers may be using @l. What was spent is forgotten. */
void sluice_limit_set(struct sluice_limit *l, const struct sluice_volume_limit *limit);

/**
 * sluice_limit_charge() - when may a request pass?
 * @l: limit
 * @now: the time, ns; the same clock always
 * @cost: its cost
 *
 * It is charged at once, and has its turn: who comes later, with whatever request, comes after it.
 * So whoever has requests that wait asks for the first of them only, and others have theirs in
 * between. One that costs more than the burst passes if nothing is owed, and what comes after it
 * waits for longer. Context: any. Return: after how many ns; 0: now.
 */
u64 sluice_limit_charge(struct sluice_limit *l, u64 now, const struct sluice_limit_cost *cost);

/*
 * One that was charged will not pass. Only if @l->terms are still those that were read before that;
 * what was charged by others is forgotten. Context: any.
 */
void sluice_limit_refund(struct sluice_limit *l, const struct sluice_limit_cost *cost);

/* It passes, whatever it costs; those that come after it wait for longer. Context: any. */
void sluice_limit_owe(struct sluice_limit *l, u64 now, const struct sluice_limit_cost *cost);

/*
 * For how many ns from now on does nothing pass on account of what had to? 0: there is no such
 * debt. Who begins nothing meanwhile will have nothing that has to pass. Context: any.
 */
u64 sluice_limit_debt(const struct sluice_limit *l, u64 now);

#endif /* _SLUICE_BLK_LIMIT_H */
