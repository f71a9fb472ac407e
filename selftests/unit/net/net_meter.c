// SPDX-License-Identifier: GPL-2.0-only
/* Meters: rates over simulated time, bursts, both limits, extremes. */
#include "frame.h"
#include "tap.h"
#include "net/meter.h"

#define SECOND 1000000000ULL

/*
 * What passes of packets of @len that come every @gap ns for @time ns, after the burst is used up.
 */
static u64 offered(struct sluice_meter *m, u64 *now, u64 time, u64 gap, u32 len)
{
	u64 end = *now + time, passed = 0;

	for (; *now < end; *now += gap)
		passed += sluice_meter_pass(m, *now, 1, len);
	return passed;
}

static bool within(u64 got, double want)
{
	return got >= want * 0.99 && got <= want * 1.01;
}

static void test_bps(void)
{
	static const u64 rates[] = { 100000,	      1000000,		123456789,
				     1000000000,      10000000000ULL,	100000000000ULL,
				     400000000000ULL, 12345678901234ULL };
	static const u32 sizes[] = { 60, 1514, 65550 };
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(rates); i++)
		for (j = 0; j < ARRAY_SIZE(sizes); j++) {
			struct sluice_rate r = { .bps = rates[i], .burst = rates[i] / 80000 };
			u64 now = 12345 * SECOND, n, passed;
			double want;
			struct sluice_meter m;

			/* Time for 10,000 packets to conform, four times as many offered. */
			double time = 10000.0 * sizes[j] * 8 / rates[i] * SECOND;
			u64 steps = time > 20000 ? 20000 : (u64)time, k;

			sluice_meter_init(&m, &r);
			while (sluice_meter_pass(&m, now, 1, sizes[j]))
				;
			passed = 0;
			for (k = 1; k <= steps; k++)
				for (n = 0; n < 40000 / steps; n++) {
					u64 at = now + (u64)(time * k / steps);

					passed += sluice_meter_pass(&m, at, 1, sizes[j]);
				}
			want = (u64)time * (double)rates[i] / 8 / SECOND / sizes[j];
			tap_ok(within(passed, want), "%llu bit/s in packets of %u: %llu of %.0f",
			       (unsigned long long)rates[i], sizes[j], (unsigned long long)passed,
			       want);
		}
}

static void test_pps(void)
{
	static const u64 rates[] = { 1, 7, 1000, 123456, 14880952, 148809523, 1000000000 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rates); i++) {
		struct sluice_rate r = { .pps = rates[i], .pburst = rates[i] < 1000 ? 1 : 100 };
		u64 now = SECOND, passed = 0, k, n, time = 10000 * SECOND / rates[i];
		struct sluice_meter m;

		sluice_meter_init(&m, &r);
		while (sluice_meter_pass(&m, now, 1, 60))
			;
		for (k = 1; k <= 1000; k++)
			for (n = 0; n < 20; n++)
				passed += sluice_meter_pass(&m, now + time * k / 1000, 1, 60);
		if (rates[i] < 1000) {
			struct sluice_meter again;

			/* A burst of one needs the packets to come evenly. */
			sluice_meter_init(&again, &r);
			now = SECOND;
			passed = offered(&again, &now, time, time / 2000000, 60);
		}
		tap_ok(within(passed, 10000), "%llu packet/s: %llu of 10000",
		       (unsigned long long)rates[i], (unsigned long long)passed);
	}
}

static void test_burst(void)
{
	struct sluice_rate r = { .bps = 8000, .burst = 10000 };
	struct sluice_meter m;
	u64 n = 0;

	sluice_meter_init(&m, &r);
	while (sluice_meter_pass(&m, SECOND, 1, 100))
		n++;
	tap_ok(n == 100, "a burst of bytes: %llu", (unsigned long long)n);
	tap_ok(!sluice_meter_pass(&m, SECOND + SECOND / 20, 1, 100) &&
	       sluice_meter_pass(&m, SECOND + SECOND / 10, 1, 100), "earned back in time");
	tap_ok(!sluice_meter_pass(&m, 11 * SECOND, 1, 50000),
	       "longer than the burst, something is owed");
	tap_ok(sluice_meter_pass(&m, 12 * SECOND, 1, 50000),
	       "longer than the burst, nothing is owed");
	tap_ok(!sluice_meter_pass(&m, 52 * SECOND, 1, 100) &&
	       sluice_meter_pass(&m, 52 * SECOND + SECOND / 10, 1, 100),
	       "and paid for afterwards");

	r = (struct sluice_rate){ .pps = 10, .pburst = 5 };
	sluice_meter_init(&m, &r);
	for (n = 0; sluice_meter_pass(&m, SECOND, 1, 1500); n++)
		;
	tap_ok(n == 5, "a burst of packets");
	tap_ok(!sluice_meter_pass(&m, SECOND + SECOND / 3, 5, 1500), "segments are packets");
	tap_ok(sluice_meter_pass(&m, 2 * SECOND, 5, 1500) &&
	       !sluice_meter_pass(&m, 2 * SECOND, 1, 1500),
	       "as many as the burst");

	r = (struct sluice_rate){ .bps = 1000000, .pps = 1000 };
	sluice_rate_defaults(&r);
	tap_ok(r.burst == 131072 && r.pburst == 128, "least default bursts");
	r = (struct sluice_rate){ .bps = 10000000000ULL, .pps = 1000000 };
	sluice_rate_defaults(&r);
	tap_ok(r.burst == 125000000 && r.pburst == 100000, "a tenth of a second");
	r = (struct sluice_rate){ 0 };
	sluice_rate_defaults(&r);
	tap_ok(!r.burst && !r.pburst, "no default without a rate");
}

static void test_both(void)
{
	struct sluice_rate r = { .bps = 8000000, .burst = 100000, .pps = 10, .pburst = 10 };
	struct sluice_meter m;
	s64 tat;
	int n;

	sluice_meter_init(&m, &r);
	for (n = 0; sluice_meter_pass(&m, SECOND, 1, 1000); n++)
		;
	tat = m.bytes.tat.counter;
	tap_ok(n == 10, "the tighter limit counts");
	tap_ok(!sluice_meter_pass(&m, SECOND, 1, 1000) && m.bytes.tat.counter == tat,
	       "one refusal charges neither");
	r = (struct sluice_rate){ 0 };
	sluice_meter_init(&m, &r);
	tap_ok(sluice_meter_pass(&m, 0, ~0U, ~0U), "no limit");
}

static void test_extremes(void)
{
	static const u64 ends[] = { 0, 1, 2, 1ULL << 32, 1ULL << 50, 1ULL << 63, ~0ULL };
	static const u64 times[] = { 0, 1, SECOND, 1ULL << 40, 1ULL << 62, 1ULL << 63, ~0ULL };
	bool good = true;
	unsigned int i, j, k;

	for (i = 0; i < ARRAY_SIZE(ends); i++)
		for (j = 0; j < ARRAY_SIZE(ends); j++)
			for (k = 0; k < ARRAY_SIZE(times); k++) {
				struct sluice_rate r = { ends[i], ends[j], ends[i], ends[j] };
				struct sluice_meter m;

				sluice_meter_init(&m, &r);
				/* Nothing is owed at first: anything passes once. */
				good &= sluice_meter_pass(&m, times[k], ~0U, ~0U);
				sluice_meter_pass(&m, times[k], 1, 1);
				sluice_meter_pass(&m, times[k] + 1, 0, 0);
				sluice_meter_pass(&m, times[k] - 1, 1, ~0U);
			}
	tap_ok(good, "rates, bursts and times from 0 to 2^64-1");

	{
		struct sluice_rate r = { .bps = ~0ULL, .pps = ~0ULL };
		struct sluice_meter m;

		sluice_meter_init(&m, &r);
		for (i = 0; i < 1000000; i++)
			good &= sluice_meter_pass(&m, SECOND, 64, 65536);
		tap_ok(good, "2^64-1 is no limit");
	}
	{
		struct sluice_rate r = { .bps = 1, .burst = ~0ULL };
		struct sluice_meter m;

		sluice_meter_init(&m, &r);
		for (i = 0; i < 1000; i++)
			good &= sluice_meter_pass(&m, SECOND, 1, 65536);
		tap_ok(good, "a burst of 2^64-1");
	}
}

/* A meter that nobody used until its clock came round. */
static void test_idle(void)
{
	struct sluice_rate r = { .bps = 400000000000ULL, .burst = 500000000,
				 .pps = 100000000, .pburst = 1000000 };
	struct sluice_meter m;
	bool good = true;
	u64 now = SECOND;
	int i;

	sluice_meter_init(&m, &r);
	for (i = 0; i < 200; i++) {
		while (sluice_meter_pass(&m, now, 1, 1500))
			;
		now += 4000000 * SECOND;
		/* At worst it is taken for the end of a burst. */
		good &= sluice_meter_pass(&m, now, 1, 1500) ||
			sluice_meter_pass(&m, now + 2 * SECOND, 1, 1500);
	}
	tap_ok(good, "idle for any time");
}

static void test_checks(void)
{
	struct netlink_ext_ack ack;
	struct sluice_rate r = { .burst = 1 };

	tap_ok(sluice_rate_check(&r, &ack) == -EINVAL, "a burst without its rate");
	r = (struct sluice_rate){ .bps = 1, .pburst = 1 };
	tap_ok(sluice_rate_check(&r, &ack) == -EINVAL, "a burst with the other rate");
	r = (struct sluice_rate){ .bps = 1, .burst = 1, .pps = 1 };
	tap_ok(!sluice_rate_check(&r, &ack), "a good rate");
}

int main(void)
{
	test_bps();
	test_pps();
	test_burst();
	test_both();
	test_extremes();
	test_idle();
	test_checks();
	return tap_done();
}
