// SPDX-License-Identifier: GPL-2.0-only
/* Limits of a volume: see limit.h. Compiles in userspace too. */
#include <linux/compiler.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include "limit.h"

#define LIMIT_SECOND	1000000000ULL
/*
 * However far the clock may have been left behind: who set a limit waits no longer than this, 24
 * days. A power of two, as it divides on the path.
 */
#define LIMIT_AHEAD_SECONDS	(1ULL << 21)
#define LIMIT_AHEAD_MAX		(LIMIT_AHEAD_SECONDS * LIMIT_SECOND)
/* What had to pass may be as much as all rings of a volume hold; times stay far from wrapping. */
#define LIMIT_OWED_MAX		(256 * LIMIT_AHEAD_MAX)

/*
 * What @units take, in ns; rounded up, so that no number of small ones is free. The quotient must
 * fit, or the processor complains.
 */
static u64 rate_cost(u64 rate, u64 units)
{
	if (unlikely(units / LIMIT_AHEAD_SECONDS >= rate))
		return LIMIT_AHEAD_MAX;
	return mul_u64_u64_div_u64(units, LIMIT_SECOND, rate) + 1;
}

static void rate_set(struct sluice_limit_rate *r, u64 rate, u64 burst)
{
	WRITE_ONCE(r->burst, rate_cost(rate, max(burst, 1ULL)));
	WRITE_ONCE(r->rate, rate);
	WRITE_ONCE(r->owed, 0);
	atomic64_set(&r->paid, 0);
}

/* 0 if there is no limit. @seconds: 0, or the most that it is. */
static u64 rate_price(const struct sluice_limit_rate *r, u64 units, u32 seconds)
{
	u64 rate = READ_ONCE(r->rate), cost;

	if (!rate)
		return 0;
	cost = rate_cost(rate, units);
	return unlikely(seconds) ? min(cost, seconds * LIMIT_SECOND) : cost;
}

/* 0 and charged, or how long to wait. */
static u64 rate_take(struct sluice_limit_rate *r, u64 now, u64 cost)
{
	u64 burst = READ_ONCE(r->burst), base;
	s64 paid = atomic64_read(&r->paid);

	if (!cost)
		return 0;
	do {
		base = max_t(u64, paid, now);
		/* Owed beyond the burst; a request by itself always fits. */
		if (base > now && base - now + cost > burst)
			return min(base - now, base - now + cost - burst);
	} while (!atomic64_try_cmpxchg(&r->paid, &paid, base + cost));
	return 0;
}

static void rate_owe(struct sluice_limit_rate *r, u64 now, u64 cost)
{
	s64 paid = atomic64_read(&r->paid);
	u64 next;

	if (!cost)
		return;
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

u64 sluice_limit_take(struct sluice_limit *l, u64 now, const struct sluice_limit_cost *cost)
{
	u64 requests = rate_price(&l->requests, cost->requests, 0);
	u64 bytes = rate_price(&l->bytes, cost->bytes, cost->seconds);
	u64 wait = rate_take(&l->requests, now, requests);

	if (wait)
		return wait;
	wait = rate_take(&l->bytes, now, bytes);
	/* What others took in the meantime stays theirs. */
	if (wait && requests)
		atomic64_sub(requests, &l->requests.paid);
	return wait;
}

void sluice_limit_owe(struct sluice_limit *l, u64 now, const struct sluice_limit_cost *cost)
{
	rate_owe(&l->requests, now, rate_price(&l->requests, cost->requests, 0));
	rate_owe(&l->bytes, now, rate_price(&l->bytes, cost->bytes, cost->seconds));
}

u64 sluice_limit_debt(const struct sluice_limit *l, u64 now)
{
	return max(rate_debt(&l->requests, now), rate_debt(&l->bytes, now));
}
