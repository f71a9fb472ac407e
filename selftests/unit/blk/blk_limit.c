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

int main(void)
{
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
