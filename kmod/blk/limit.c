// SPDX-License-Identifier: GPL-2.0-only
/* Limits of a volume: see limit.h. Compiles in userspace too. */
#include <linux/math64.h>
#include <linux/minmax.h>
#include "limit.h"

#define LIMIT_SECOND	1000000000ULL
/* However far the clock may have been left behind: who set a limit waits no longer than this. */
#define LIMIT_AHEAD_SECONDS	3600
#define LIMIT_AHEAD_MAX		(LIMIT_AHEAD_SECONDS * LIMIT_SECOND)
/* What had to pass may be as much as all rings of a volume hold; times stay far from wrapping. */
#define LIMIT_OWED_MAX		(1000 * LIMIT_AHEAD_MAX)

/*
 * What @units take, in ns; rounded up, so that no number of small ones is free. The quotient must
 * fit, or the processor complains: @units are 32 bits, or less than an hour's.
 */
static u64 rate_cost(u64 rate, u64 units)
{
	return mul_u64_u64_div_u64(units, LIMIT_SECOND, rate) + 1;
}

static void rate_set(struct sluice_limit_rate *r, u64 rate, u64 burst)
{
	u64 ns = LIMIT_AHEAD_MAX;

	if (rate && burst / LIMIT_AHEAD_SECONDS < rate)
		ns = rate_cost(rate, max(burst, 1ULL));
	WRITE_ONCE(r->burst, ns);
	WRITE_ONCE(r->rate, rate);
	WRITE_ONCE(r->owed, 0);
	atomic64_set(&r->paid, 0);
}

/* 0 and charged, or how long to wait. */
static u64 rate_take(struct sluice_limit_rate *r, u64 now, u32 units, u64 *cost)
{
	u64 rate = READ_ONCE(r->rate), burst = READ_ONCE(r->burst), base;
	s64 paid = atomic64_read(&r->paid);

	*cost = 0;
	if (!rate)
		return 0;
	*cost = min(rate_cost(rate, units), LIMIT_AHEAD_MAX);
	do {
		base = max_t(u64, paid, now);
		/* Owed beyond the burst; a request by itself always fits. */
		if (base > now && base - now + *cost > burst)
			return min(base - now, base - now + *cost - burst);
	} while (!atomic64_try_cmpxchg(&r->paid, &paid, base + *cost));
	return 0;
}

static void rate_owe(struct sluice_limit_rate *r, u64 now, u32 units)
{
	u64 rate = READ_ONCE(r->rate), cost, next;
	s64 paid = atomic64_read(&r->paid);

	if (!rate)
		return;
	cost = min(rate_cost(rate, units), LIMIT_AHEAD_MAX);
	do {
		next = min(max_t(u64, paid, now) + cost, now + LIMIT_OWED_MAX);
	} while (!atomic64_try_cmpxchg(&r->paid, &paid, next));
	WRITE_ONCE(r->owed, next);
}

static u64 rate_debt(const struct sluice_limit_rate *r, u64 now)
{
	/* A limit that was set anew is not owed what was noted a moment too late. */
	u64 owed = min_t(u64, READ_ONCE(r->owed), atomic64_read(&r->paid));
	u64 paid = now + READ_ONCE(r->burst);

	return owed > paid ? owed - paid : 0;
}

void sluice_limit_set(struct sluice_limit *l, u64 iops, u64 iops_burst, u64 bps, u64 bps_burst)
{
	rate_set(&l->requests, iops, iops_burst);
	rate_set(&l->bytes, bps, bps_burst);
}

u64 sluice_limit_take(struct sluice_limit *l, u64 now, u32 bytes)
{
	u64 wait, requests_cost, bytes_cost;

	wait = rate_take(&l->requests, now, 1, &requests_cost);
	if (wait)
		return wait;
	wait = rate_take(&l->bytes, now, bytes, &bytes_cost);
	/* What others took in the meantime stays theirs. */
	if (wait && requests_cost)
		atomic64_sub(requests_cost, &l->requests.paid);
	return wait;
}

void sluice_limit_owe(struct sluice_limit *l, u64 now, u32 bytes)
{
	rate_owe(&l->requests, now, 1);
	rate_owe(&l->bytes, now, bytes);
}

u64 sluice_limit_debt(const struct sluice_limit *l, u64 now)
{
	return max(rate_debt(&l->requests, now), rate_debt(&l->bytes, now));
}
