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
 * @ahead: ns of what passed ahead of its turn, since ever
 *
 * @rate and @burst are written by control while workers read them: whoever sees one of them changed
 * and not the other errs for one request. @owed is written by both; no more than @paid counts.
 */
struct sluice_limit_rate {
	u64 rate;
	u64 burst;
	atomic64_t paid;
	u64 owed;
	atomic64_t ahead;
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

/* Of the first so many kinds something may be guaranteed; the peak of each is as far behind it. */
#define SLUICE_LIMIT_SURE	SLUICE_LIMIT_REQUESTS_PEAK

/**
 * struct sluice_limit - all that limits a direction
 * @on: there is a limit; written by control, READ_ONCE elsewhere
 * @guarantees: there is something in @sure; likewise
 * @unit: bytes of a request that counts as one, 0: it does anyway; likewise
 * @terms: a number that no other has, and that is another when it was set anew; likewise
 * @rate: by enum sluice_limit_kind
 * @sure: what it has of a limit that it shares; likewise, the first of them
 */
struct sluice_limit {
	bool on;
	bool guarantees;
	u32 unit;
	u64 terms;
	struct sluice_limit_rate rate[SLUICE_LIMIT_KINDS];
	struct sluice_limit_rate sure[SLUICE_LIMIT_SURE];
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

/*
 * A limit that several share, each of which has a limit of its own, and in that maybe a guarantee.
 *
 * A request has its turn as above, and who has a guarantee has it pass at the time at which that
 * covers it, if that is earlier. The shared limit is charged for it all the same: all others that
 * wait, also those that have a turn already, wait for longer by what it costs. So the shared limit
 * is exceeded by no more than the bursts of the guarantees, a tenth of a second each, as long as
 * these are no more than it together; and nothing of a guarantee is spent, or kept from others,
 * while there is no need for it.
 */

/**
 * struct sluice_limit_share - of a request that waits for a shared limit
 * @at: when each rate has it pass, a time
 * @ahead: of each rate, when it was looked at last
 * @sure: ns that a guarantee was charged; 0: it has its turn. None is but while it waits
 */
struct sluice_limit_share {
	s64 at[SLUICE_LIMIT_KINDS];
	u64 ahead[SLUICE_LIMIT_KINDS];
	u64 sure[SLUICE_LIMIT_SURE];
};

/**
 * sluice_limit_share_ask() - when may a request pass?
 * @l: shared limit
 * @own: of who asks
 * @now: the time, ns; the same clock always
 * @cost: its cost
 * @s: is filled
 *
 * Context: any. Return: as sluice_limit_charge(), but that it may take longer in the end.
 */
u64 sluice_limit_share_ask(struct sluice_limit *l, struct sluice_limit *own, u64 now,
			   const struct sluice_limit_cost *cost, struct sluice_limit_share *s);

/* The same of one that did so before. */
u64 sluice_limit_share_wait(struct sluice_limit *l, struct sluice_limit *own, u64 now,
			    const struct sluice_limit_cost *cost, struct sluice_limit_share *s);

/* It passes, as it may: nothing more is to be waited for. */
void sluice_limit_share_pass(struct sluice_limit *l, u64 now, const struct sluice_limit_cost *cost,
			     struct sluice_limit_share *s);

/* It will not pass. @l, @own: NULL if the terms are others: see sluice_limit_refund(). */
void sluice_limit_share_refund(struct sluice_limit *l, struct sluice_limit *own,
			       const struct sluice_limit_cost *cost, struct sluice_limit_share *s);

/* It passes, whatever it costs; the guarantee pays too. */
void sluice_limit_share_owe(struct sluice_limit *l, struct sluice_limit *own, u64 now,
			    const struct sluice_limit_cost *cost);

/* Who has a guarantee waits for no more than that owes: no other's debt presses him below it. */
u64 sluice_limit_share_debt(const struct sluice_limit *l, const struct sluice_limit *own, u64 now);

#endif /* _SLUICE_BLK_LIMIT_H */
