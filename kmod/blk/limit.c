// SPDX-License-Identifier: GPL-2.0-only
/* Limits of a volume: see limit.h. Compiles in userspace too. */
#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include "limit.h"

#define LIMIT_SECOND	1000000000ULL
/*
 * However far the clock may have been left behind: who set a limit waits no longer than this, 24
 * days. A power of two, as it divides on the path.
 */
#define LIMIT_AHEAD_SECONDS	BIT_ULL(21)
#define LIMIT_AHEAD_MAX		(LIMIT_AHEAD_SECONDS * LIMIT_SECOND)
/* What had to pass may be as much as all rings of a volume hold; times stay far from wrapping. */
#define LIMIT_OWED_MAX		(256 * LIMIT_AHEAD_MAX)

/* The last that were given. */
static atomic64_t limit_terms;

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

/* How long to wait. */
static u64 rate_charge(struct sluice_limit_rate *r, u64 now, u64 cost)
{
	u64 burst = READ_ONCE(r->burst), base;
	s64 paid = atomic64_read(&r->paid);

	if (!cost)
		return 0;
	do {
		base = max_t(s64, paid, now);
	} while (!atomic64_try_cmpxchg(&r->paid, &paid, base + cost));
	/* Owed beyond the burst; a request by itself always fits. */
	if (base > now && base - now + cost > burst)
		return min(base - now, base - now + cost - burst);
	return 0;
}

static void rate_owe(struct sluice_limit_rate *r, u64 now, u64 cost)
{
	s64 paid = atomic64_read(&r->paid);
	u64 next;

	if (!cost)
		return;
	do {
		next = min_t(u64, max_t(s64, paid, now) + cost, now + LIMIT_OWED_MAX);
	} while (!atomic64_try_cmpxchg(&r->paid, &paid, next));
	WRITE_ONCE(r->owed, next);
}

static u64 rate_debt(const struct sluice_limit_rate *r, u64 now)
{
	/* A limit that was set anew is not owed what was noted a moment too late. */
	u64 owed = max(min_t(s64, READ_ONCE(r->owed), atomic64_read(&r->paid)), 0LL);
	u64 paid = now + READ_ONCE(r->burst);

	return owed > paid ? owed - paid : 0;
}

/* A burst is spent in pieces of what a tenth of a second brings. */
static void rate_set_peak(struct sluice_limit_rate *r, u64 peak)
{
	rate_set(r, peak, peak / 10);
}

void sluice_limit_set(struct sluice_limit *l, const struct sluice_volume_limit *limit)
{
	rate_set(&l->rate[SLUICE_LIMIT_REQUESTS], limit->iops.rate, limit->iops.burst);
	rate_set(&l->rate[SLUICE_LIMIT_BYTES], limit->bps.rate, limit->bps.burst);
	rate_set_peak(&l->rate[SLUICE_LIMIT_REQUESTS_PEAK], limit->iops.peak);
	rate_set_peak(&l->rate[SLUICE_LIMIT_BYTES_PEAK], limit->bps.peak);
	WRITE_ONCE(l->unit, limit->unit);
	WRITE_ONCE(l->on, limit->iops.rate || limit->bps.rate);
	/* Who reads these has the rest: pairs with charge_terms(). */
	smp_store_release(&l->terms, atomic64_inc_return(&limit_terms));
}

static u64 limit_requests(const struct sluice_limit *l, const struct sluice_limit_cost *cost)
{
	u32 unit = READ_ONCE(l->unit);

	if (!unit || cost->seconds)
		return cost->requests;
	return max_t(u64, cost->requests, div_u64(cost->bytes + unit - 1, unit));
}

/* For each rate in ns; 0 where there is none. */
static void limit_price(const struct sluice_limit *l, const struct sluice_limit_cost *cost,
			u64 *price)
{
	u64 requests = limit_requests(l, cost);
	const struct sluice_limit_rate *r = l->rate;

	price[SLUICE_LIMIT_REQUESTS] = rate_price(&r[SLUICE_LIMIT_REQUESTS], requests, 0);
	price[SLUICE_LIMIT_REQUESTS_PEAK] = rate_price(&r[SLUICE_LIMIT_REQUESTS_PEAK], requests,
						       0);
	price[SLUICE_LIMIT_BYTES] = rate_price(&r[SLUICE_LIMIT_BYTES], cost->bytes,
					       cost->seconds);
	price[SLUICE_LIMIT_BYTES_PEAK] = rate_price(&r[SLUICE_LIMIT_BYTES_PEAK], cost->bytes,
						    cost->seconds);
}

u64 sluice_limit_charge(struct sluice_limit *l, u64 now, const struct sluice_limit_cost *cost)
{
	u64 price[SLUICE_LIMIT_KINDS], wait = 0;
	unsigned int i;

	if (!READ_ONCE(l->on))
		return 0;
	limit_price(l, cost, price);
	for (i = 0; i < SLUICE_LIMIT_KINDS; i++)
		wait = max(wait, rate_charge(&l->rate[i], now, price[i]));
	return wait;
}

void sluice_limit_refund(struct sluice_limit *l, const struct sluice_limit_cost *cost)
{
	u64 price[SLUICE_LIMIT_KINDS];
	unsigned int i;

	limit_price(l, cost, price);
	for (i = 0; i < SLUICE_LIMIT_KINDS; i++) {
		if (price[i])
			atomic64_sub(price[i], &l->rate[i].paid);
	}
}

void sluice_limit_owe(struct sluice_limit *l, u64 now, const struct sluice_limit_cost *cost)
{
	u64 price[SLUICE_LIMIT_KINDS];
	unsigned int i;

	limit_price(l, cost, price);
	for (i = 0; i < SLUICE_LIMIT_KINDS; i++)
		rate_owe(&l->rate[i], now, price[i]);
}

u64 sluice_limit_debt(const struct sluice_limit *l, u64 now)
{
	unsigned int i;
	u64 debt = 0;

	if (!READ_ONCE(l->on))
		return 0;
	for (i = 0; i < SLUICE_LIMIT_KINDS; i++)
		debt = max(debt, rate_debt(&l->rate[i], now));
	return debt;
}
