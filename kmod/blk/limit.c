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
	/* @ahead goes on: who waits compares it with what it was. */
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

/*
 * When one passes with which @base + @cost is paid for: when no more than the burst is owed; it may
 * be long ago. A request by itself always fits.
 */
static s64 rate_turn(const struct sluice_limit_rate *r, s64 base, u64 cost)
{
	return base + min_t(s64, cost - READ_ONCE(r->burst), 0);
}

/* If it asked now. */
static s64 rate_peek(const struct sluice_limit_rate *r, u64 now, u64 cost)
{
	return cost ? rate_turn(r, max_t(s64, atomic64_read(&r->paid), now), cost) : (s64)now;
}

/* It does. */
static s64 rate_charge(struct sluice_limit_rate *r, u64 now, u64 cost)
{
	s64 paid = atomic64_read(&r->paid), base;

	if (!cost)
		return now;
	do {
		base = max_t(s64, paid, now);
	} while (!atomic64_try_cmpxchg(&r->paid, &paid, base + cost));
	return rate_turn(r, base, cost);
}

static void rate_refund(struct sluice_limit_rate *r, u64 cost)
{
	if (cost)
		atomic64_sub(cost, &r->paid);
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
	rate_set(&l->sure[SLUICE_LIMIT_REQUESTS], limit->iops.min, limit->iops.min / 10);
	rate_set(&l->sure[SLUICE_LIMIT_BYTES], limit->bps.min, limit->bps.min / 10);
	WRITE_ONCE(l->guarantees, limit->iops.min || limit->bps.min);
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
	u64 price[SLUICE_LIMIT_KINDS];
	s64 at = now;
	unsigned int i;

	if (!READ_ONCE(l->on))
		return 0;
	limit_price(l, cost, price);
	for (i = 0; i < SLUICE_LIMIT_KINDS; i++)
		at = max(at, rate_charge(&l->rate[i], now, price[i]));
	return at - now;
}

void sluice_limit_refund(struct sluice_limit *l, const struct sluice_limit_cost *cost)
{
	u64 price[SLUICE_LIMIT_KINDS];
	unsigned int i;

	limit_price(l, cost, price);
	for (i = 0; i < SLUICE_LIMIT_KINDS; i++)
		rate_refund(&l->rate[i], price[i]);
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

/* --- what several share ---------------------------------------------------------------------- */

/* The peak that goes with a rate. */
static unsigned int limit_peak(unsigned int kind)
{
	return kind + SLUICE_LIMIT_SURE;
}

/*
 * What a guarantee is charged for what @l charges, in ns: the same units, whatever @l makes of the
 * request. 0 if there is none, or nothing that it would be of.
 */
static u64 sure_price(const struct sluice_limit *l, const struct sluice_limit *own,
		      unsigned int kind, const struct sluice_limit_cost *cost)
{
	u64 rate = READ_ONCE(l->rate[kind].rate), sure = READ_ONCE(own->sure[kind].rate);
	u64 units = cost->bytes;

	if (!rate || !sure)
		return 0;
	if (kind == SLUICE_LIMIT_REQUESTS)
		units = limit_requests(l, cost);
	else if (cost->seconds && div_u64(units, cost->seconds) > rate)
		units = rate * cost->seconds;
	return rate_cost(sure, units);
}

static void share_take_turn(struct sluice_limit *l, unsigned int kind, u64 now, u64 price,
			    struct sluice_limit_share *s)
{
	struct sluice_limit_rate *r = &l->rate[kind];

	/* Pairs with share_overtake(): what is missing here is behind it in @paid. */
	s->ahead[kind] = atomic64_read_acquire(&r->ahead);
	s->at[kind] = rate_charge(r, now, price);
}

static void share_take_sure(struct sluice_limit *own, unsigned int kind, u64 now, u64 sure,
			    struct sluice_limit_share *s)
{
	s->sure[kind] = sure;
	s->at[kind] = rate_charge(&own->sure[kind], now, sure);
	s->at[limit_peak(kind)] = now;
}

/* It passes before those that wait, and as if it were behind them. */
static void share_overtake(struct sluice_limit_rate *r, u64 now, u64 price)
{
	rate_charge(r, now, price);
	/* After that: a successful exchange is ordered. */
	atomic64_add(price, &r->ahead);
}

static bool share_sure_is_earlier(const struct sluice_limit *own, unsigned int kind, u64 now,
				  u64 sure, s64 turn)
{
	return sure && turn > (s64)now && rate_peek(&own->sure[kind], now, sure) < turn;
}

static u64 share_wait(const struct sluice_limit_share *s, u64 now)
{
	s64 at = now;
	unsigned int i;

	for (i = 0; i < SLUICE_LIMIT_KINDS; i++)
		at = max(at, s->at[i]);
	return at - now;
}

u64 sluice_limit_share_ask(struct sluice_limit *l, struct sluice_limit *own, u64 now,
			   const struct sluice_limit_cost *cost, struct sluice_limit_share *s)
{
	bool guarantees = READ_ONCE(own->guarantees);
	u64 price[SLUICE_LIMIT_KINDS], sure = 0;
	unsigned int i, peak;
	s64 turn;

	*s = (struct sluice_limit_share){};
	if (!READ_ONCE(l->on))
		return 0;
	limit_price(l, cost, price);
	for (i = 0; i < SLUICE_LIMIT_SURE; i++) {
		peak = limit_peak(i);
		if (unlikely(guarantees)) {
			sure = sure_price(l, own, i, cost);
			turn = max(rate_peek(&l->rate[i], now, price[i]),
				   rate_peek(&l->rate[peak], now, price[peak]));
			if (share_sure_is_earlier(own, i, now, sure, turn)) {
				share_take_sure(own, i, now, sure, s);
				continue;
			}
		}
		share_take_turn(l, i, now, price[i], s);
		share_take_turn(l, peak, now, price[peak], s);
	}
	return share_wait(s, now);
}

/* Who has a guarantee and waited for a turn that others went ahead of. */
static void share_look_again(struct sluice_limit *l, struct sluice_limit *own, unsigned int kind,
			     u64 now, const struct sluice_limit_cost *cost,
			     struct sluice_limit_share *s)
{
	s64 turn = max(s->at[kind], s->at[limit_peak(kind)]);
	u64 sure = sure_price(l, own, kind, cost), price[SLUICE_LIMIT_KINDS];

	if (!share_sure_is_earlier(own, kind, now, sure, turn))
		return;
	limit_price(l, cost, price);
	rate_refund(&l->rate[kind], price[kind]);
	rate_refund(&l->rate[limit_peak(kind)], price[limit_peak(kind)]);
	share_take_sure(own, kind, now, sure, s);
}

/* Who passed ahead of it put it off. */
static void share_put_off(const struct sluice_limit *l, unsigned int kind,
			  struct sluice_limit_share *s)
{
	u64 ahead = atomic64_read(&l->rate[kind].ahead);

	s->at[kind] += ahead - s->ahead[kind];
	s->ahead[kind] = ahead;
}

u64 sluice_limit_share_wait(struct sluice_limit *l, struct sluice_limit *own, u64 now,
			    const struct sluice_limit_cost *cost, struct sluice_limit_share *s)
{
	unsigned int i;

	if (!READ_ONCE(l->on))
		return 0;
	for (i = 0; i < SLUICE_LIMIT_SURE; i++) {
		if (s->sure[i])
			continue;
		share_put_off(l, i, s);
		share_put_off(l, limit_peak(i), s);
		if (READ_ONCE(own->guarantees))
			share_look_again(l, own, i, now, cost, s);
	}
	return share_wait(s, now);
}

void sluice_limit_share_pass(struct sluice_limit *l, u64 now, const struct sluice_limit_cost *cost,
			     struct sluice_limit_share *s)
{
	u64 price[SLUICE_LIMIT_KINDS];
	unsigned int i;

	for (i = 0; i < SLUICE_LIMIT_SURE; i++) {
		if (likely(!s->sure[i]))
			continue;
		s->sure[i] = 0;
		limit_price(l, cost, price);
		share_overtake(&l->rate[i], now, price[i]);
		share_overtake(&l->rate[limit_peak(i)], now, price[limit_peak(i)]);
	}
}

void sluice_limit_share_refund(struct sluice_limit *l, struct sluice_limit *own,
			       const struct sluice_limit_cost *cost, struct sluice_limit_share *s)
{
	u64 price[SLUICE_LIMIT_KINDS] = {};
	unsigned int i;

	if (l)
		limit_price(l, cost, price);
	for (i = 0; i < SLUICE_LIMIT_SURE; i++) {
		if (s->sure[i] && own) {
			rate_refund(&own->sure[i], s->sure[i]);
		} else if (!s->sure[i] && l) {
			rate_refund(&l->rate[i], price[i]);
			rate_refund(&l->rate[limit_peak(i)], price[limit_peak(i)]);
		}
		s->sure[i] = 0;
	}
}

void sluice_limit_share_owe(struct sluice_limit *l, struct sluice_limit *own, u64 now,
			    const struct sluice_limit_cost *cost)
{
	unsigned int i;

	sluice_limit_owe(l, now, cost);
	for (i = 0; i < SLUICE_LIMIT_SURE && READ_ONCE(own->guarantees); i++)
		rate_owe(&own->sure[i], now, sure_price(l, own, i, cost));
}

u64 sluice_limit_share_debt(const struct sluice_limit *l, const struct sluice_limit *own, u64 now)
{
	u64 debt, most = 0;
	unsigned int i;

	if (!READ_ONCE(l->on))
		return 0;
	for (i = 0; i < SLUICE_LIMIT_SURE; i++) {
		debt = max(rate_debt(&l->rate[i], now), rate_debt(&l->rate[limit_peak(i)], now));
		if (debt && READ_ONCE(own->sure[i].rate))
			debt = min(debt, rate_debt(&own->sure[i], now));
		most = max(most, debt);
	}
	return most;
}
