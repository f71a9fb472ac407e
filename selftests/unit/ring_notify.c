// SPDX-License-Identifier: GPL-2.0-only
/* Who is told of what, and who is left alone. */
#include <endian.h>
#include "ring.h"

static struct drv drv;
static struct sluice_vring *vr;
static struct sluice_chain chain[SLUICE_VRING_BURST];
static struct sluice_vring_seg seg[2 * SLUICE_CHAIN_MAX_SEGS];

static void begin(u32 num, bool packed, bool event_idx)
{
	struct drv_conf conf = {
		.num = num,
		.packed = packed,
		.event_idx = event_idx,
		.start = packed ? 0x8000 | (num - 1) : 65536 - 2,
	};

	drv_init(&drv, &conf);
	vr = drv_vring(&drv);
}

static void end(void)
{
	sluice_vring_free(vr);
}

static int fetch(unsigned int max)
{
	return sluice_vring_fetch(vr, chain, max, seg, ARRAY_SIZE(seg));
}

/* @slots: how many descriptors a chain has. Returns whether the driver notifies. */
static bool put(unsigned int n, unsigned int slots)
{
	struct drv_buf buf[8];
	unsigned int i;

	for (i = 0; i < slots; i++)
		buf[i] = (struct drv_buf) { GUEST_LOW + 0x100000, 64 };
	while (n--)
		if (drv_add(&drv, buf, slots, 0, false, 1))
			abort();
	return drv_publish(&drv);
}

/* Complete and publish @n; does the driver want to know? */
static bool done(unsigned int from, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		sluice_vring_push(vr, &chain[from + i], 0);
	if (sluice_vring_flush(vr))
		abort();
	return sluice_vring_want_signal(vr);
}

static void take(unsigned int n)
{
	u32 len;

	while (n--)
		if (drv_get(&drv, &len) < 0)
			abort();
}

/* Without event index a flag says it all. */
static void signal_flag(bool packed)
{
	begin(8, packed, false);
	put(4, 1);
	CHECK_EQ(4, fetch(64));
	CHECK(!sluice_vring_want_signal(vr));
	drv_enable_cb(&drv, 0);
	CHECK(done(0, 1));
	CHECK(!sluice_vring_want_signal(vr));
	drv_disable_cb(&drv);
	CHECK(!done(1, 2));
	drv_enable_cb(&drv, 0);
	CHECK(!sluice_vring_want_signal(vr));
	CHECK(done(3, 1));
	take(4);
	end();
}

static void t_signal_flag_split(void)
{
	signal_flag(false);
}

static void t_signal_flag_packed(void)
{
	signal_flag(true);
}

/* With it, exactly the burst that passes the index is signalled, wherever in the ring that is. */
static void signal_event(bool packed, u32 num, unsigned int slots)
{
	unsigned int round;

	guest_reset();
	begin(num, packed, true);
	drv_enable_cb(&drv, 1);
	/* Nobody knows what was signalled before. */
	put(1, slots);
	CHECK_EQ(1, fetch(1));
	CHECK(done(0, 1));
	take(1);
	for (round = 0; round < 500; round++) {
		unsigned int n = 1 + rnd_below(num / slots), first = 1 + rnd_below(n),
			     want = 1 + rnd_below(n + 2);

		/* No index lies further ahead than the ring is long. */
		want = min(want, num / slots + 1);
		put(n, slots);
		CHECK_EQ(n, fetch(64));
		/*
		 * Interrupt with the completion that is the @want-th from now, counted by the
		 * driver; a packed ring counts descriptors.
		 */
		drv_enable_cb(&drv, packed ? (want - 1) * slots + 1 : want);
		CHECK_EQ(want <= first, done(0, first));
		CHECK_EQ(n > first && want > first && want <= n, done(first, n - first));
		take(n);
		/* Whatever was asked for is over, or the next round would be told. */
		drv_disable_cb(&drv);
	}
	end();
}

static void t_signal_event_split(void)
{
	static const u32 num[] = { 2, 4, 32, 64 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(num); i++) {
		signal_event(false, num[i], 1);
		CHECK_OK();
	}
}

static void t_signal_event_packed(void)
{
	static const u32 num[] = { 2, 3, 7, 32, 61 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(num); i++) {
		signal_event(true, num[i], 1);
		CHECK_OK();
		signal_event(true, num[i], num[i] > 2 ? 3 : 2);
		CHECK_OK();
	}
}

/* Asleep we are woken by the first buffer, awake by none. */
static void wake(bool packed, bool event_idx, u32 num)
{
	unsigned int round;

	guest_reset();
	begin(num, packed, event_idx);
	CHECK(!put(1, 1));
	CHECK_EQ(1, sluice_vring_enable_notify(vr));
	for (round = 0; round < 300; round++) {
		unsigned int n = 1 + rnd_below(num - 1);

		CHECK(fetch(64) > 0);
		done(0, 1);
		take(1);
		CHECK_EQ(0, fetch(64));
		CHECK(!sluice_vring_more(vr));
		CHECK_EQ(0, sluice_vring_enable_notify(vr));
		CHECK(put(n, 1));
		CHECK(sluice_vring_more(vr));
		sluice_vring_disable_notify(vr);
		if (n > 1) {
			CHECK_EQ(n, fetch(64));
			done(0, n - 1);
			take(n - 1);
			CHECK(!put(1, 1));
			sluice_vring_unfetch(vr, &chain[n - 1], 1);
			CHECK_EQ(2, fetch(64));
			done(0, 1);
			take(1);
			sluice_vring_unfetch(vr, &chain[1], 1);
		}
	}
	end();
}

static void t_wake(void)
{
	static const u32 num[] = { 2, 8, 64 };
	unsigned int i;

	for (i = 0; i < 4 * ARRAY_SIZE(num); i++) {
		wake(i & 1, i & 2, num[i / 4]);
		if (test_failed)
			printf("# packed %u event_idx %u size %u\n", i & 1, !!(i & 2), num[i / 4]);
		CHECK_OK();
	}
}

/*
 * Buffers that were fetched and given back, because one packet needs more than there are: only
 * new ones are news.
 */
static void short_of(bool packed, bool event_idx)
{
	guest_reset();
	begin(8, packed, event_idx);
	put(3, 1);
	CHECK_EQ(1, sluice_vring_enable_notify(vr));
	CHECK_EQ(2, fetch(2));
	sluice_vring_unfetch(vr, chain, 2);
	/* The third was not looked at. */
	CHECK_EQ(1, sluice_vring_enable_notify(vr));
	CHECK_EQ(3, fetch(64));
	sluice_vring_unfetch(vr, chain, 3);
	CHECK(sluice_vring_more(vr));
	CHECK_EQ(0, sluice_vring_enable_notify(vr));
	CHECK(put(1, 1));
	sluice_vring_disable_notify(vr);
	CHECK_EQ(4, fetch(64));
	done(0, 4);
	take(4);
	CHECK_EQ(0, sluice_vring_enable_notify(vr));
	/* As many as there can be. */
	sluice_vring_disable_notify(vr);
	put(8, 1);
	CHECK_EQ(8, fetch(64));
	sluice_vring_unfetch(vr, chain, 8);
	CHECK_EQ(0, sluice_vring_enable_notify(vr));
	CHECK_EQ(8, fetch(64));
	end();
}

static void t_short(void)
{
	unsigned int i;

	for (i = 0; i < 4; i++) {
		short_of(i & 1, i & 2);
		CHECK_OK();
	}
}

/* A driver that asks for nonsense gets its interrupts and breaks nothing. */
static void t_nonsense(void)
{
	begin(8, true, true);
	put(4, 1);
	CHECK_EQ(4, fetch(64));
	CHECK_EQ(true, done(0, 1) || true);
	*(u32 *)guest_ptr(drv.driver, 4) = htole32(2 << 16 | 8);
	CHECK(done(1, 1));
	*(u32 *)guest_ptr(drv.driver, 4) = htole32(3 << 16);
	CHECK(done(2, 1));
	CHECK_EQ(SLUICE_VRING_ERR_NONE, sluice_vring_error(vr));
	end();
}

/* While awake nothing is written for the sake of not being notified. */
static void t_quiet(void)
{
	unsigned long before;

	begin(8, false, true);
	put(1, 1);
	CHECK_EQ(1, fetch(64));
	CHECK_EQ(0, sluice_vring_enable_notify(vr));
	before = shim_user_accesses;
	sluice_vring_disable_notify(vr);
	sluice_vring_disable_notify(vr);
	CHECK_EQ(before, shim_user_accesses);
	end();
	guest_reset();
	begin(8, false, false);
	CHECK_EQ(1, *(u16 *)guest_ptr(drv.device, 2));
	CHECK_EQ(0, sluice_vring_enable_notify(vr));
	CHECK_EQ(0, *(u16 *)guest_ptr(drv.device, 2));
	sluice_vring_disable_notify(vr);
	CHECK_EQ(1, *(u16 *)guest_ptr(drv.device, 2));
	before = shim_user_accesses;
	sluice_vring_disable_notify(vr);
	CHECK_EQ(before, shim_user_accesses);
	end();
}

/* A ring that was used up is told of, to who wants to know nothing too. */
static void t_on_empty(void)
{
	struct drv_conf conf = { .num = 8, .notify_on_empty = true };
	unsigned int event;

	for (event = 0; event < 2; event++) {
		conf.event_idx = event;
		guest_reset();
		drv_init(&drv, &conf);
		vr = drv_vring(&drv);
		drv_disable_cb(&drv);
		put(4, 1);
		CHECK_EQ(2, fetch(2));
		/* The first one with an event index may be told of. */
		done(0, 1);
		CHECK(!done(1, 1));
		CHECK_EQ(2, fetch(2));
		CHECK(done(0, 1));
		CHECK(done(1, 1));
		CHECK(!sluice_vring_want_signal(vr));
		end();
	}
}

int main(void)
{
	static const struct test tests[] = {
		{ "split: interrupt flag", t_signal_flag_split },
		{ "packed: interrupt flag", t_signal_flag_packed },
		{ "split: interrupt index", t_signal_event_split },
		{ "packed: interrupt index", t_signal_event_packed },
		{ "notifications while asleep", t_wake },
		{ "notifications while short of buffers", t_short },
		{ "split: a ring that was used up", t_on_empty },
		{ "packed: event of no meaning", t_nonsense },
		{ "split: few stores", t_quiet },
	};

	return test_main(tests, ARRAY_SIZE(tests));
}
