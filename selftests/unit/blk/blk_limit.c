// SPDX-License-Identifier: GPL-2.0-only
/* Limits of a volume over simulated time: rates, bursts, both limits, changes, extremes. */
#include "tap.h"
#include "blk/limit.h"

#define SECOND 1000000000ULL

static void set(struct sluice_limit *l, u64 iops, u64 iops_burst, u64 bps, u64 bps_burst)
{
	const struct sluice_volume_limit limit = {
		.iops = { .rate = iops, .burst = iops_burst },
		.bps = { .rate = bps, .burst = bps_burst },
	};

	sluice_limit_set(l, &limit);
}

/* 0: it passes; else it does not, and is not charged. */
static u64 take_cost(struct sluice_limit *l, u64 now, const struct sluice_limit_cost *cost)
{
	u64 wait = sluice_limit_charge(l, now, cost);

	if (wait)
		sluice_limit_refund(l, cost);
	return wait;
}

/* A request with data. */
static u64 take(struct sluice_limit *l, u64 now, u32 bytes)
{
	const struct sluice_limit_cost cost = { .requests = 1, .bytes = bytes };

	return take_cost(l, now, &cost);
}

static void owe(struct sluice_limit *l, u64 now, u32 bytes)
{
	const struct sluice_limit_cost cost = { .requests = 1, .bytes = bytes };

	sluice_limit_owe(l, now, &cost);
}

static bool within(u64 got, double want, double part)
{
	return got >= want * (1 - part) && got <= want * (1 + part);
}

/* Requests of @len that pass in @time ns, each asking again when it was told to. */
static u64 served(struct sluice_limit *l, u64 *now, u64 time, u32 len)
{
	u64 end = *now + time, n = 0, wait;

	while (*now < end) {
		wait = take(l, *now, len);
		if (wait)
			*now += wait;
		else
			n++;
	}
	return n;
}

static void test_none(void)
{
	struct sluice_limit l = {};
	unsigned int i, passed = 0;

	for (i = 0; i < 1000; i++)
		passed += !take(&l, 1, 1 << 20);
	tap_ok(passed == 1000, "without a limit all pass");
}

static void test_iops(void)
{
	static const u64 rates[] = { 1, 7, 100, 12345, 1000000 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rates); i++) {
		u64 now = 5 * SECOND, n, time = 1000 * SECOND / rates[i] + 10 * SECOND;
		struct sluice_limit l = {};

		set(&l, rates[i], 1, 0, 0);
		n = served(&l, &now, time, 4096);
		tap_ok(within(n, (double)rates[i] * time / SECOND, 0.05),
		       "%llu a second: %llu in %llu ms", (unsigned long long)rates[i],
		       (unsigned long long)n, (unsigned long long)time / 1000000);
	}
}

static void test_bps(void)
{
	static const u64 rates[] = { 65536, 1000000, 123456789, 10000000000ULL };
	static const u32 sizes[] = { 512, 4096, 131072, 1048576 };
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(rates); i++)
		for (j = 0; j < ARRAY_SIZE(sizes); j++) {
			u64 time = 1000.0 * sizes[j] / rates[i] * SECOND, now = 77, n;
			struct sluice_limit l = {};

			set(&l, 0, 0, rates[i], 1);
			n = served(&l, &now, time, sizes[j]);
			tap_ok(within(n, (double)rates[i] * time / SECOND / sizes[j], 0.05),
			       "%llu bytes a second in requests of %u: %llu",
			       (unsigned long long)rates[i], sizes[j], (unsigned long long)n);
		}
}

static void test_burst(void)
{
	struct sluice_limit l = {};
	u64 now = 9 * SECOND, n;

	set(&l, 100, 50, 0, 0);
	for (n = 0; !take(&l, now, 512); n++)
		;
	tap_ok(n >= 49 && n <= 51, "a burst of 50: %llu", (unsigned long long)n);
	now += SECOND / 10;
	for (n = 0; !take(&l, now, 512); n++)
		;
	tap_ok(n >= 9 && n <= 11, "what a tenth of a second brings: %llu", (unsigned long long)n);
	now += 1000 * SECOND;
	for (n = 0; !take(&l, now, 512); n++)
		;
	tap_ok(n >= 49 && n <= 51, "no more than the burst is saved: %llu", (unsigned long long)n);
}

static void test_both(void)
{
	struct sluice_limit l = {};
	u64 now = SECOND, n;

	set(&l, 1000, 1, 1 << 20, 1);
	n = served(&l, &now, 10 * SECOND, 512);
	tap_ok(within(n, 10000, 0.05), "small requests meet the one: %llu", (unsigned long long)n);
	now += SECOND;
	n = served(&l, &now, 10 * SECOND, 65536);
	tap_ok(within(n, 160, 0.05), "large ones the other: %llu", (unsigned long long)n);
}

static void test_changes(void)
{
	struct sluice_limit l = {};
	u64 now = SECOND, n;

	set(&l, 1, 1, 0, 0);
	take(&l, now, 0);
	tap_ok(take(&l, now, 0) > SECOND / 2, "one a second");
	set(&l, 1000, 1, 0, 0);
	n = served(&l, &now, SECOND, 0);
	tap_ok(within(n, 1000, 0.05), "a thousand, at once: %llu", (unsigned long long)n);
	set(&l, 0, 0, 0, 0);
	tap_ok(!take(&l, now, 0) && !take(&l, now, 0), "none any more");
}

/* Whom it is given back may have looked before it was set anew. */
static void test_late_refund(void)
{
	const struct sluice_limit_cost cost = { .requests = 100 };
	struct sluice_limit l = {};
	u64 now = SECOND, n;

	set(&l, 100, 10, 0, 0);
	sluice_limit_charge(&l, now, &cost);
	set(&l, 100, 10, 0, 0);
	sluice_limit_refund(&l, &cost);
	tap_ok(!sluice_limit_debt(&l, now), "given back too late: nothing is owed");
	n = served(&l, &now, 10 * SECOND, 0);
	tap_ok(within(n, 1010, 0.05), "nobody waits for ever: %llu", (unsigned long long)n);
}

static void test_debt(void)
{
	struct sluice_limit l = {};
	u64 now = SECOND, n, i;

	set(&l, 100, 10, 0, 0);
	tap_ok(!sluice_limit_debt(&l, now), "nothing is owed");
	for (n = 0; !take(&l, now, 0); n++)
		;
	tap_ok(!sluice_limit_debt(&l, now), "nor is a burst");
	for (i = 0; i < 500; i++)
		owe(&l, now, 0);
	tap_ok(within(sluice_limit_debt(&l, now), 5 * SECOND, 0.05), "500 passed: %llu ms",
	       (unsigned long long)sluice_limit_debt(&l, now) / 1000000);
	n += i + served(&l, &now, 20 * SECOND, 0);
	tap_ok(within(n, 2010, 0.05), "they count among those of 20 seconds: %llu",
	       (unsigned long long)n);
	tap_ok(!sluice_limit_debt(&l, now), "and are paid for");
	owe(&l, now, 0);
	owe(&l, now, 0);
	set(&l, 100, 10, 0, 0);
	i = l.terms;
	set(&l, 100, 10, 0, 0);
	tap_ok(!sluice_limit_debt(&l, now) && !take(&l, now, 0) && l.terms != i, "a new limit");
}

/* Requests of several ranges, of which each may be as long as a disk. */
static void test_ranges(void)
{
	struct sluice_limit_cost cost = { .requests = 16 };
	struct sluice_limit l = {};
	u64 now = SECOND, n;

	set(&l, 160, 16, 0, 0);
	for (n = 0; !take_cost(&l, now, &cost); n++)
		;
	tap_ok(n == 1 && within(take_cost(&l, now, &cost), SECOND / 10, 0.05),
	       "16 ranges are 16 requests");
	set(&l, 0, 0, 65536, 1);
	cost.bytes = 32ULL << 30;
	tap_ok(!take_cost(&l, now, &cost) &&
	       within(take(&l, now, 1), 524288.0 * SECOND, 0.05), "32 GiB are paid for in full");
	set(&l, 0, 0, 65536, 1);
	cost.seconds = 16;
	tap_ok(!take_cost(&l, now, &cost) && within(take(&l, now, 1), 16.0 * SECOND, 0.05),
	       "or in 16 seconds");
	set(&l, 0, 0, ~0ULL >> 1, 1);
	tap_ok(!take_cost(&l, now, &cost) && take(&l, now, 1) < SECOND, "and no more");
}

/* Longer ones count as several. */
static void test_unit(void)
{
	static const struct {
		u32 len;
		u64 requests;
	} c[] = { { 0, 1 }, { 512, 1 }, { 16384, 1 }, { 16385, 2 }, { 4 << 20, 256 } };
	struct sluice_volume_limit limit = { .iops = { .rate = 1000, .burst = 1 }, .unit = 16384 };
	struct sluice_limit_cost forget = { .requests = 1, .bytes = 4 << 20, .seconds = 1 };
	struct sluice_limit l = {};
	u64 now = SECOND, n, i;

	for (i = 0; i < ARRAY_SIZE(c); i++) {
		sluice_limit_set(&l, &limit);
		now += SECOND;
		n = served(&l, &now, 100 * SECOND, c[i].len);
		tap_ok(within(n * c[i].requests, 100000, 0.05), "of %u bytes, in 100 s: %llu",
		       c[i].len, (unsigned long long)n);
	}
	sluice_limit_set(&l, &limit);
	take_cost(&l, now, &forget);
	tap_ok(take(&l, now, 0) < SECOND / 100, "what is forgotten is one");
}

/* A bucket of 1000, filled at 100 a second and spent at 300. */
static void test_peak(void)
{
	struct sluice_volume_limit limit = { .iops = { .rate = 100, .burst = 1000, .peak = 300 } };
	struct sluice_limit l = {};
	u64 now = 50 * SECOND, n;

	sluice_limit_set(&l, &limit);
	for (n = 0; !take(&l, now, 0); n++)
		;
	tap_ok(n <= 31, "not at once: %llu", (unsigned long long)n);
	n += served(&l, &now, 4 * SECOND, 0);
	tap_ok(within(n, 1230, 0.05), "in 4 s at the peak: %llu", (unsigned long long)n);
	n += served(&l, &now, 16 * SECOND, 0);
	tap_ok(within(n, 1000 + 2000, 0.05), "in 20 s all of it, and no more: %llu",
	       (unsigned long long)n);
	n = served(&l, &now, 10 * SECOND, 0);
	tap_ok(within(n, 1000, 0.05), "then as it comes: %llu", (unsigned long long)n);
	now += 5 * SECOND;
	n = served(&l, &now, 10 * SECOND, 0);
	tap_ok(within(n, 1500, 0.05), "what 5 idle seconds saved comes on top: %llu",
	       (unsigned long long)n);
	/* gp2: 5.4 million at 3000 a second, which 100 a second fill in 15 hours. */
	limit = (struct sluice_volume_limit){
		.iops = { .rate = 100, .burst = 5400000, .peak = 3000 } };
	sluice_limit_set(&l, &limit);
	n = served(&l, &now, 1800 * SECOND, 0);
	tap_ok(within(n, 1800 * 3000.0, 0.05), "half an hour at the peak: %llu",
	       (unsigned long long)n);
	n += served(&l, &now, 1800 * SECOND, 0);
	tap_ok(within(n, 5400000 + 3600 * 100, 0.05), "and the rest: %llu", (unsigned long long)n);
}

/* Both peaks, and both rates: what one of them refuses none has charged. */
static void test_peaks(void)
{
	struct sluice_volume_limit limit = {
		.iops = { .rate = 1000, .burst = 10000, .peak = 5000 },
		.bps = { .rate = 4096 * 100, .burst = 4096 * 1000, .peak = 4096 * 200 } };
	struct sluice_limit l = {};
	u64 now = SECOND, n;

	sluice_limit_set(&l, &limit);
	n = served(&l, &now, 100 * SECOND, 4096);
	tap_ok(within(n, 1000 + 100 * 100, 0.05), "bytes are what is met: %llu",
	       (unsigned long long)n);
	n = served(&l, &now, 2 * SECOND, 0);
	tap_ok(within(n, 2 * 5000, 0.06), "requests were not spent on it: %llu",
	       (unsigned long long)n);
}

/*
 * One sends small requests, as fast as it may, the other large ones: each waits with its first, and
 * in turn.
 */
static void test_turns(void)
{
	const struct sluice_limit_cost small = { .requests = 1, .bytes = 4096 };
	const struct sluice_limit_cost large = { .requests = 1, .bytes = 1 << 20 };
	u64 now = SECOND, end = now + 100 * SECOND, at[2] = { now, now }, n[2] = {};
	struct sluice_limit l = {};
	unsigned int i;

	set(&l, 0, 0, 10 << 20, 1 << 20);
	while (now < end) {
		i = at[1] < at[0];
		now = at[i];
		n[i]++;
		at[i] += sluice_limit_charge(&l, now, i ? &large : &small);
		/* Into the burst, once. */
		at[i] += at[i] == now;
	}
	tap_ok(within((double)n[0] * 4096 + n[1] * 1048576.0, 1001 * 1048576.0, 0.05),
	       "both together have what there is");
	tap_ok(n[1] * 2 > n[0], "%llu small ones, %llu large ones", (unsigned long long)n[0],
	       (unsigned long long)n[1]);
}

/* As many as rings hold, each as dear as can be. */
static void test_debt_extremes(void)
{
	u64 now = ~0ULL >> 2, debt;
	struct sluice_limit l = {};
	unsigned int i;

	set(&l, 0, 0, 1, 1);
	for (i = 0; i < 100000; i++)
		owe(&l, now, ~0U);
	debt = sluice_limit_debt(&l, now);
	tap_ok(debt && debt < ~0ULL >> 3, "the largest debt: %llu days",
	       (unsigned long long)(debt / SECOND / 86400));
	tap_ok(take(&l, now, 1) > 0, "and all wait for it");
}

static void test_extremes(void)
{
	struct sluice_limit l = {};

	set(&l, 1, ~0ULL, 1, ~0ULL);
	tap_ok(!take(&l, SECOND, 0xffffffff), "slowest, largest burst");
	tap_ok(take(&l, SECOND, 0xffffffff) > 0, "and not twice");
	set(&l, ~0ULL, ~0ULL, ~0ULL, ~0ULL);
	tap_ok(!take(&l, SECOND, 0xffffffff), "fastest");
	set(&l, 1, 0, 0, 0);
	tap_ok(!take(&l, ~0ULL >> 2, 0), "late");
	tap_ok(take(&l, ~0ULL >> 2, 0) <= SECOND + 1, "no longer than it takes");
}

/* --- guarantees within a limit that several share --- */

#define MAX_ACTORS	40

/* A queue that always has something to do, of a volume that has @own. */
struct actor {
	struct sluice_limit *own;
	u32 len;
	u64 at;
	u64 own_at;
	bool asked;
	bool idle;
	struct sluice_limit_share share;
	u64 n;
};

static struct actor actor[MAX_ACTORS];
static unsigned int actors;
static struct sluice_limit shared;

static void shared_begin(u64 iops, u64 bps)
{
	const struct sluice_volume_limit limit = {
		.iops = { .rate = iops, .burst = iops / 10 },
		.bps = { .rate = bps, .burst = bps / 10 },
	};

	memset(actor, 0, sizeof(actor));
	actors = 0;
	shared = (struct sluice_limit){};
	sluice_limit_set(&shared, &limit);
}

static struct sluice_limit own(u64 iops_min, u64 bps_min, u64 iops)
{
	const struct sluice_volume_limit limit = {
		.iops = { .rate = iops, .burst = iops / 10, .min = iops_min },
		.bps = { .min = bps_min },
	};
	struct sluice_limit l = {};

	sluice_limit_set(&l, &limit);
	return l;
}

static void join(struct sluice_limit *l, unsigned int queues, u32 len)
{
	while (queues--)
		actor[actors++] = (struct actor){ .own = l, .len = len };
}

static struct sluice_limit_cost cost_of(const struct actor *a)
{
	return (struct sluice_limit_cost){ .requests = 1, .bytes = a->len };
}

/* As charge.c has it. */
static u64 step(struct actor *a, u64 now)
{
	const struct sluice_limit_cost cost = cost_of(a);
	u64 wait, more;

	if (!a->asked) {
		a->own_at = now + sluice_limit_charge(a->own, now, &cost);
		more = sluice_limit_share_ask(&shared, a->own, now, &cost, &a->share);
	} else {
		more = sluice_limit_share_wait(&shared, a->own, now, &cost, &a->share);
	}
	wait = a->own_at > now ? a->own_at - now : 0;
	wait = wait > more ? wait : more;
	a->asked = wait;
	if (wait)
		return wait;
	sluice_limit_share_pass(&shared, now, &cost, &a->share);
	a->n++;
	return 0;
}

static void give_up(struct actor *a)
{
	const struct sluice_limit_cost cost = cost_of(a);

	if (a->asked) {
		sluice_limit_refund(a->own, &cost);
		sluice_limit_share_refund(&shared, a->own, &cost, &a->share);
	}
	a->asked = false;
}

static u64 total(const struct sluice_limit *own, bool bytes)
{
	unsigned int i;
	u64 n = 0;

	for (i = 0; i < actors; i++) {
		if (!own || actor[i].own == own)
			n += bytes ? actor[i].n * actor[i].len : actor[i].n;
	}
	return n;
}

/* From *@now on, counted anew. Return: the most by which the limit was exceeded, in seconds. */
static double contend(u64 *now, u64 time)
{
	u64 rate[] = { shared.rate[0].rate, shared.rate[1].rate };
	u64 begin = *now, end = *now + time;
	double over, most = 0;
	unsigned int i, k, next;
	u64 wait;

	for (i = 0; i < actors; i++) {
		actor[i].n = 0;
		actor[i].at = actor[i].at > begin ? actor[i].at : begin;
	}
	for (;;) {
		for (next = actors, i = 0; i < actors; i++) {
			if (!actor[i].idle && (next == actors || actor[i].at < actor[next].at))
				next = i;
		}
		if (next == actors || actor[next].at >= end)
			break;
		*now = actor[next].at;
		wait = step(&actor[next], *now);
		actor[next].at += wait;
		for (k = 0; k < 2 && !wait; k++) {
			over = (double)(*now - begin) / SECOND;
			over = rate[k] ? (double)total(NULL, k) / rate[k] - over : 0;
			most = over > most ? over : most;
		}
	}
	*now = end;
	return most;
}

/* Whatever there is of others, and of their queues: the sum is right too. */
static void test_sure_shares(void)
{
	static const struct {
		u64 min[2];
		unsigned int queues[3];
	} c[] = {
		{ { 500, 0 }, { 1, 0, 16 } },
		{ { 500, 0 }, { 4, 0, 32 } },
		{ { 200, 300 }, { 1, 1, 24 } },
		{ { 200, 300 }, { 8, 1, 24 } },
		{ { 500, 500 }, { 2, 8, 0 } },
		{ { 600, 400 }, { 1, 16, 16 } },
		{ { 1, 900 }, { 16, 1, 16 } },
	};
	u64 now = 3 * SECOND, n[3];
	struct sluice_limit l[3];
	unsigned int i, k;
	double over;

	for (i = 0; i < ARRAY_SIZE(c); i++) {
		shared_begin(1000, 0);
		for (k = 0; k < 3; k++) {
			l[k] = own(k < 2 ? c[i].min[k] : 0, 0, 0);
			join(&l[k], c[i].queues[k], 4096);
		}
		over = contend(&now, 100 * SECOND);
		for (k = 0; k < 3; k++)
			n[k] = total(&l[k], false);
		tap_ok(within(n[0] + n[1] + n[2], 100000, 0.01), "all of the limit: %llu",
		       (unsigned long long)(n[0] + n[1] + n[2]));
		for (k = 0; k < 2; k++)
			tap_ok(n[k] >= 99 * c[i].min[k], "guaranteed %llu, has %llu",
			       (unsigned long long)c[i].min[k], (unsigned long long)n[k] / 100);
		/* The burst, one of each guarantee, and requests. */
		tap_ok(over < 0.205, "never more than %.3f s of it ahead", over);
	}
}

/* A modest one that is idle, or asks for less, leaves the rest, and comes when it comes. */
static void test_sure_idle(void)
{
	struct sluice_limit modest = own(400, 0, 0), greedy = own(0, 0, 0);
	u64 now = SECOND, n;

	shared_begin(1000, 0);
	join(&modest, 1, 4096);
	join(&greedy, 16, 4096);
	actor[0].idle = true;
	contend(&now, 50 * SECOND);
	n = total(&greedy, false);
	tap_ok(within(n, 50000, 0.01), "what is not asked for others have: %llu",
	       (unsigned long long)n);
	/* All that it saved is a tenth of a second. */
	actor[0].idle = false;
	contend(&now, SECOND / 2);
	n = total(&modest, false);
	tap_ok(n >= 235 && n <= 250, "what was not used is not saved: %llu in 0.5 s",
	       (unsigned long long)n);
	contend(&now, 50 * SECOND);
	n = total(&modest, false);
	tap_ok(n >= 50 * 400 && n < 50 * 480, "then as it comes: %llu", (unsigned long long)n);
	give_up(&actor[0]);
	actor[0].idle = true;
	contend(&now, SECOND);
	n = total(&greedy, false);
	tap_ok(within(n, 1000, 0.05), "and others at once when it rests: %llu",
	       (unsigned long long)n);
}

/* By itself it has all, or what its own limit says. */
static void test_sure_alone(void)
{
	struct sluice_limit a = own(100, 0, 0), b = own(100, 0, 300), c = own(0, 0, 0);
	u64 now = SECOND, n;

	shared_begin(1000, 0);
	join(&a, 2, 4096);
	contend(&now, 100 * SECOND);
	n = total(&a, false);
	tap_ok(within(n, 100000, 0.01), "alone: %llu", (unsigned long long)n);
	shared_begin(1000, 0);
	join(&b, 2, 4096);
	contend(&now, 100 * SECOND);
	n = total(&b, false);
	tap_ok(within(n, 30000, 0.01), "its own limit: %llu", (unsigned long long)n);
	join(&c, 8, 4096);
	contend(&now, 100 * SECOND);
	n = total(&b, false);
	tap_ok(n >= 9900 && n <= 30000, "both: %llu", (unsigned long long)n);
}

/* Large ones beside small ones, requests and bytes, each kind by itself. */
static void test_sure_mixes(void)
{
	struct sluice_limit a = own(0, 4 << 20, 0), b = own(0, 0, 0), c = own(800, 0, 0);
	u64 now = SECOND, n;

	shared_begin(0, 10 << 20);
	join(&a, 1, 4096);
	join(&b, 12, 1 << 20);
	contend(&now, 200 * SECOND);
	n = total(&a, true);
	tap_ok(n >= 0.95 * 200 * (4 << 20) && n <= 1.05 * 200 * (5 << 20),
	       "small ones beside large ones: %llu KiB", (unsigned long long)n >> 10);
	tap_ok(within(total(NULL, true), 200.0 * (10 << 20), 0.01), "the sum: %llu KiB",
	       (unsigned long long)total(NULL, true) >> 10);
	shared_begin(0, 10 << 20);
	join(&a, 1, 1 << 20);
	join(&b, 30, 4096);
	contend(&now, 200 * SECOND);
	n = total(&a, true);
	tap_ok(n >= 0.95 * 200 * (4 << 20), "large ones beside small ones: %llu KiB",
	       (unsigned long long)n >> 10);
	tap_ok(within(total(NULL, true), 200.0 * (10 << 20), 0.01), "the sum: %llu KiB",
	       (unsigned long long)total(NULL, true) >> 10);
	/* Requests are guaranteed, and bytes are not what is short. */
	shared_begin(1000, 100 << 20);
	join(&c, 1, 4096);
	join(&b, 12, 512);
	contend(&now, 100 * SECOND);
	n = total(&c, false);
	tap_ok(n >= 0.99 * 80000, "of two limits the one that is met: %llu", (unsigned long long)n);
	tap_ok(within(total(NULL, false), 100000, 0.01), "the sum: %llu",
	       (unsigned long long)total(NULL, false));
}

/* Who has a guarantee of either kind is pressed by neither; of one kind, by the other. */
static void test_sure_kinds(void)
{
	struct sluice_limit a = own(900, 1 << 20, 0), b = own(0, 0, 0), c = own(900, 0, 0);
	u64 now = SECOND, n;

	shared_begin(1000, 10 << 20);
	join(&a, 1, 512);
	join(&b, 8, 1 << 20);
	contend(&now, 100 * SECOND);
	n = total(&a, false);
	tap_ok(n >= 0.99 * 90000 && n <= 100100, "of both kinds: %llu", (unsigned long long)n);
	tap_ok(within(total(NULL, true), 100.0 * (10 << 20), 0.01), "the sum: %llu KiB",
	       (unsigned long long)total(NULL, true) >> 10);
	shared_begin(1000, 10 << 20);
	join(&c, 1, 512);
	join(&b, 8, 1 << 20);
	contend(&now, 100 * SECOND);
	n = total(&c, false);
	tap_ok(n < 2000, "of one: %llu", (unsigned long long)n);
}

/* Each reset takes back what waits, and asks anew. */
static void test_sure_resets(void)
{
	struct sluice_limit a = own(300, 0, 0), b = own(0, 0, 0);
	u64 now = SECOND, n[2] = {};
	unsigned int i, k;

	shared_begin(1000, 0);
	join(&a, 2, 4096);
	join(&b, 16, 4096);
	for (i = 0; i < 1000; i++) {
		contend(&now, SECOND / 10);
		n[0] += total(&a, false);
		n[1] += total(&b, false);
		for (k = i % 3; k < actors; k += 3) {
			give_up(&actor[k]);
			actor[k].at = now;
		}
	}
	tap_ok(n[0] >= 0.95 * 30000, "guaranteed 300: %llu in 100 s", (unsigned long long)n[0]);
	tap_ok(within(n[0] + n[1], 100000, 0.05), "the sum: %llu",
	       (unsigned long long)(n[0] + n[1]));
}

/* What has to pass: others' debts do not press it down, and its own are paid by it. */
static void test_sure_debts(void)
{
	const struct sluice_limit_cost cost = { .requests = 1, .bytes = 4096 };
	struct sluice_limit a = own(300, 0, 0), b = own(0, 0, 0);
	u64 now = SECOND, n, i, begin = now;

	shared_begin(1000, 0);
	join(&a, 1, 4096);
	for (i = 0; i < 5000; i++)
		sluice_limit_share_owe(&shared, &b, now, &cost);
	tap_ok(within(sluice_limit_share_debt(&shared, &b, now), 4.9 * SECOND, 0.02),
	       "others wait for a debt");
	tap_ok(!sluice_limit_share_debt(&shared, &a, now), "who has a guarantee does not");
	contend(&now, 4 * SECOND);
	n = total(&a, false);
	tap_ok(within(n, 1230, 0.05), "and has it meanwhile: %llu", (unsigned long long)n);
	for (i = 0; i < 3000; i++)
		sluice_limit_share_owe(&shared, &a, now, &cost);
	tap_ok(sluice_limit_share_debt(&shared, &a, now) > 4 * SECOND, "its own it waits for");
	give_up(&actor[0]);
	actor[0].at = now;
	join(&b, 4, 4096);
	contend(&now, 100 * SECOND);
	n += total(NULL, false) + 8000;
	tap_ok(within(n, 1000.0 * (now - begin) / SECOND, 0.02), "the sum: %llu in 104 s",
	       (unsigned long long)n);
}

/* One discard costs others a second; a guarantee of a tenth has one in ten seconds, not ten. */
static void test_sure_discards(void)
{
	const struct sluice_limit_cost all = { .requests = 1, .seconds = 1, .bytes = 1ULL << 40 };
	struct sluice_limit a = own(0, 1 << 20, 0);
	struct sluice_limit_share s;
	u64 now = SECOND, wait;

	shared_begin(0, 10 << 20);
	sluice_limit_owe(&shared, now, &(struct sluice_limit_cost){ .bytes = 1ULL << 30 });
	tap_ok(!sluice_limit_share_ask(&shared, &a, now, &all, &s), "the first passes");
	sluice_limit_share_pass(&shared, now, &all, &s);
	wait = sluice_limit_share_ask(&shared, &a, now, &all, &s);
	tap_ok(within(wait, 10.0 * SECOND, 0.05), "the next in %llu ms",
	       (unsigned long long)wait / 1000000);
}

/* With a unit of the group's, a guarantee counts as the group does. */
static void test_sure_unit(void)
{
	const struct sluice_volume_limit limit = {
		.iops = { .rate = 1000, .burst = 100 }, .unit = 4096 };
	struct sluice_limit a = own(400, 0, 0), b = own(0, 0, 0);
	u64 now = SECOND, n;

	shared_begin(0, 0);
	sluice_limit_set(&shared, &limit);
	join(&a, 1, 65536);
	join(&b, 30, 4096);
	contend(&now, 100 * SECOND);
	n = total(&a, false) * 16;
	tap_ok(n >= 0.95 * 40000 && n <= 1.3 * 40000, "as many as it has units: %llu",
	       (unsigned long long)n);
}

/* Terms, peaks and extremes. */
static void test_sure_extremes(void)
{
	struct sluice_volume_limit limit = {
		.iops = { .rate = 100, .burst = 1000, .peak = 300 } };
	struct sluice_limit a = own(50, 0, 0), b = own(0, 0, 0), most = own(~0ULL, ~0ULL, 0);
	const struct sluice_limit_cost cost = { .requests = ~0U, .seconds = 16, .bytes = ~0ULL };
	struct sluice_limit_share s;
	u64 now = SECOND, n;

	shared_begin(0, 0);
	sluice_limit_set(&shared, &limit);
	join(&a, 1, 512);
	join(&b, 16, 512);
	contend(&now, 4 * SECOND);
	n = total(NULL, false);
	tap_ok(within(n, 1230, 0.05), "a burst at the peak, with what is guaranteed: %llu",
	       (unsigned long long)n);
	contend(&now, 26 * SECOND);
	contend(&now, 100 * SECOND);
	n = total(&a, false);
	tap_ok(n >= 50 * 99, "then half of it: %llu", (unsigned long long)n);
	shared_begin(~0ULL, ~0ULL);
	tap_ok(!sluice_limit_share_ask(&shared, &most, now, &cost, &s), "fastest");
	sluice_limit_share_refund(NULL, &most, &cost, &s);
	shared_begin(1, 1);
	most = own(1, 1, 0);
	sluice_limit_share_owe(&shared, &most, now, &cost);
	tap_ok(sluice_limit_share_ask(&shared, &most, now, &cost, &s) > SECOND, "slowest");
	sluice_limit_share_refund(&shared, &most, &cost, &s);
	shared = (struct sluice_limit){};
	tap_ok(!sluice_limit_share_ask(&shared, &a, now, &cost, &s), "no limit, no wait");
}

int main(void)
{
	test_sure_shares();
	test_sure_idle();
	test_sure_alone();
	test_sure_mixes();
	test_sure_kinds();
	test_sure_resets();
	test_sure_debts();
	test_sure_discards();
	test_sure_unit();
	test_sure_extremes();
	test_none();
	test_iops();
	test_bps();
	test_burst();
	test_both();
	test_changes();
	test_late_refund();
	test_debt();
	test_debt_extremes();
	test_turns();
	test_ranges();
	test_unit();
	test_peak();
	test_peaks();
	test_extremes();
	return tap_done();
}
