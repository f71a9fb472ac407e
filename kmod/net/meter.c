// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rate limits, by the generic cell rate algorithm: a meter is one number, the time until which it
 * is paid for. So one compare-and-exchange charges it, from any number of workers, and nothing has
 * to be refilled.
 *
 * That time runs in units of 2^-shift ns, chosen such that the smallest charge is many units: slow
 * meters have the range, fast ones the resolution. It wraps around; since it never runs further
 * ahead than the horizon, what seems to lie beyond is long past.
 */
#include <linux/bits.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include "meter.h"

#define METER_FRACTION		10
#define METER_SHIFT_MAX		20
/* Units that the smallest charge has at least: a byte of many in its packet, a packet. */
#define METER_BYTE_UNITS	8
#define METER_PACKET_UNITS	512
/* More than any frame is on the wire with all its segments: see SLUICE_FRAME_MAX_SEGS. */
#define METER_BYTES_MAX		((u32)BIT(22))
#define METER_PACKETS_MAX	((u32)BIT(17))
#define METER_AHEAD_MAX		BIT_ULL(61)
/* Largest charges that may be owed beyond a burst: each queue of a port may have gone at once. */
#define METER_CHARGES_MAX	64
/* Who waits is woken that often at most, or at least, if there is that much in a burst. */
#define METER_STEP_MIN		(100ULL * NSEC_PER_USEC)
#define METER_STEP_MAX		((u64)NSEC_PER_MSEC)
/* By so much may be late who waited within such a time, and still get the rate. */
#define METER_LATE		(10 * NSEC_PER_MSEC)
#define METER_RECENT		(100 * NSEC_PER_MSEC)

/* Two packets of 64 KiB, and the segments of one. */
#define RATE_BURST_MIN		(128U << 10)
#define RATE_PBURST_MIN		128
/* Peers have a tenth of a second and more: with less TCP does not get the rate. */
#define RATE_BURST_PARTS	10

/* As one product it would not fit into 64 bits. */
static inline u64 limit_cost(const struct sluice_meter_limit *l, u32 amount)
{
	u64 whole = l->mult >> METER_FRACTION, part = l->mult & (BIT_ULL(METER_FRACTION) - 1);

	return amount * whole + ((amount * part + (1 << (METER_FRACTION - 1))) >> METER_FRACTION);
}

/*
 * @ns: what one byte or packet takes, times @rate. @max bounds later charges, such that with @ns
 *	and the shift at their largest nothing exceeds 64 bits: 2^33 << 30 here, 2^33 * 2^22 in
 *	limit_cost(), and all that may be owed is 2^62.
 */
static void limit_init(struct sluice_meter_limit *l, u64 ns, u64 rate, u64 burst,
		       unsigned int units, u32 max)
{
	atomic64_set(&l->tat, 0);
	l->burst = 0;
	l->step = 0;
	l->horizon = 0;
	l->mult = 0;
	l->shift = 0;
	if (!rate)
		return;
	while (div_u64(ns << l->shift, units) < rate) {
		/* Faster than any machine. */
		if (l->shift == METER_SHIFT_MAX)
			return;
		l->shift++;
	}
	l->mult = div64_u64(ns << (l->shift + METER_FRACTION), rate);
	if (burst < div64_u64(METER_AHEAD_MAX, l->mult >> METER_FRACTION))
		l->burst = min(mul_u64_u64_shr(burst, l->mult, METER_FRACTION), METER_AHEAD_MAX);
	else
		l->burst = METER_AHEAD_MAX;
	l->step = clamp(l->burst / 2, METER_STEP_MIN << l->shift, METER_STEP_MAX << l->shift);
	l->horizon = l->burst + METER_CHARGES_MAX * limit_cost(l, max) +
		     ((u64)NSEC_PER_SEC << l->shift);
}

static bool limit_charge(struct sluice_meter_limit *l, u64 now_ns, u64 cost)
{
	s64 old = atomic64_read(&l->tat);
	u64 now = now_ns << l->shift;
	u64 base, tat;

	do {
		/* How far ahead of the clock; the clocks of two CPUs may differ a little. */
		s64 ahead = (u64)old - now;

		base = !old || ahead < 0 || ahead > l->horizon ? now : old;
		tat = base + cost;
		if (base != now && tat - now > l->burst)
			return false;
		/* 0 has a meaning of its own. */
		tat = tat ?: 1;
	} while (!atomic64_try_cmpxchg(&l->tat, &old, tat));
	return true;
}

bool sluice_meter_pass(struct sluice_meter *m, u64 now_ns, u32 packets, u32 bytes)
{
	u64 cost = 0;

	if (m->bytes.mult) {
		cost = limit_cost(&m->bytes, min(bytes, METER_BYTES_MAX));
		if (!limit_charge(&m->bytes, now_ns, cost))
			return false;
	}
	if (!m->packets.mult ||
	    limit_charge(&m->packets, now_ns,
			 limit_cost(&m->packets, min(packets, METER_PACKETS_MAX))))
		return true;
	/* What was charged in the meantime by others stays. */
	if (cost)
		atomic64_sub(cost, &m->bytes.tat);
	return false;
}

/* What is owed by @tat, in units; negative: what was earned and not used, for somebody is late. */
static s64 limit_ahead(const struct sluice_meter_limit *l, u64 tat, u64 now, bool waited)
{
	s64 late = waited ? METER_LATE << l->shift : 0, ahead = tat - now;

	if (!tat)
		return 0;
	return ahead > (s64)l->horizon ? -late : max(ahead, -late);
}

/* What @ahead leaves, as bytes or packets. */
static u32 limit_room(const struct sluice_meter_limit *l, s64 ahead)
{
	u64 units = min_t(u64, l->burst - ahead, U64_MAX >> METER_FRACTION);

	return clamp(div64_u64(units << METER_FRACTION, l->mult), 1ULL, (u64)U32_MAX);
}

/* 0, or how many ns to wait. @turn: the time until which was paid when the caller began to. */
static u64 limit_turn(struct sluice_meter_limit *l, u64 *turn, u64 now_ns, bool waited, u32 *room)
{
	u64 tat, line, now = now_ns << l->shift;
	s64 ahead;

	*room = U32_MAX;
	if (!l->mult)
		return 0;
	line = atomic64_read(&l->tat);
	/* One that is not before it is of another limit. */
	tat = *turn && (s64)(line - *turn) > 0 ? *turn : line;
	ahead = limit_ahead(l, tat, now, waited);
	if (ahead >= (s64)l->burst) {
		*turn = tat;
		return ((ahead - l->burst + l->step) >> l->shift) + 1;
	}
	/* Its turn is that much; what others were charged since is not to be had. */
	if (tat != line)
		ahead = min(limit_ahead(l, line, now, waited), (s64)(l->burst - l->step));
	*room = limit_room(l, ahead);
	return 0;
}

bool sluice_meter_waited(const struct sluice_turn *t, u64 now_ns)
{
	return t->until && (s64)(now_ns - t->until) < METER_RECENT;
}

u64 sluice_meter_turn(struct sluice_meter *m, struct sluice_turn *t, u64 now_ns,
		      struct sluice_meter_room *room)
{
	bool waited = sluice_meter_waited(t, now_ns);
	u64 wait = limit_turn(&m->bytes, &t->bytes, now_ns, waited, &room->bytes);

	wait = max(wait, limit_turn(&m->packets, &t->packets, now_ns, waited, &room->packets));
	if (wait) {
		t->until = now_ns + wait;
		return wait;
	}
	/* The next turn is behind all who wait now. */
	t->bytes = 0;
	t->packets = 0;
	return 0;
}

static void limit_pay(struct sluice_meter_limit *l, u64 now_ns, bool waited, u32 amount)
{
	s64 old = atomic64_read(&l->tat);
	u64 now = now_ns << l->shift, tat;

	if (!l->mult)
		return;
	do {
		s64 ahead = limit_ahead(l, old, now, waited) + limit_cost(l, amount);

		/* Beyond that it would be taken for nothing. */
		tat = now + min_t(s64, ahead, l->horizon);
		/* 0 has a meaning of its own. */
		tat = tat ?: 1;
	} while (!atomic64_try_cmpxchg(&l->tat, &old, tat));
}

void sluice_meter_charge(struct sluice_meter *m, const struct sluice_turn *t, u64 now_ns,
			 u32 packets, u32 bytes)
{
	bool waited = sluice_meter_waited(t, now_ns);

	limit_pay(&m->bytes, now_ns, waited, min(bytes, METER_BYTES_MAX));
	limit_pay(&m->packets, now_ns, waited, min(packets, METER_PACKETS_MAX));
}

void sluice_rate_defaults(struct sluice_rate *r)
{
	if (r->bps && !r->burst)
		r->burst = max_t(u64, r->bps / 8 / RATE_BURST_PARTS, RATE_BURST_MIN);
	if (r->pps && !r->pburst)
		r->pburst = max_t(u64, r->pps / RATE_BURST_PARTS, RATE_PBURST_MIN);
}

/* The time that @amount of it takes; an hour is as good as for ever. */
static u64 rate_time(u64 rate, u64 amount)
{
	if (!rate)
		return 0;
	return min(mul_u64_u64_div_u64(amount, NSEC_PER_SEC, rate), 3600ULL * NSEC_PER_SEC);
}

u64 sluice_rate_patience(const struct sluice_rate *r)
{
	struct sluice_rate d = { .bps = r->bps, .pps = r->pps };

	sluice_rate_defaults(&d);
	return max(rate_time(d.bps, 8 * d.burst), rate_time(d.pps, d.pburst));
}

void sluice_meter_init(struct sluice_meter *m, const struct sluice_rate *r)
{
	struct sluice_rate rate = *r;

	sluice_rate_defaults(&rate);
	limit_init(&m->bytes, 8ULL * NSEC_PER_SEC, rate.bps, rate.burst, METER_BYTE_UNITS,
		   METER_BYTES_MAX);
	limit_init(&m->packets, NSEC_PER_SEC, rate.pps, rate.pburst, METER_PACKET_UNITS,
		   METER_PACKETS_MAX);
}

int sluice_rate_check(const struct sluice_rate *r, struct netlink_ext_ack *extack)
{
	if ((r->burst && !r->bps) || (r->pburst && !r->pps)) {
		NL_SET_ERR_MSG(extack, "a burst needs its rate: say bps or pps too");
		return -EINVAL;
	}
	return 0;
}
