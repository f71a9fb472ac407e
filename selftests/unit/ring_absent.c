// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages that are not there, at each place where a ring touches memory: what the driver sees is all
 * or nothing, and what was held back follows.
 */
#include "ring.h"

static struct drv drv;
static struct sluice_vring *vr;
static struct sluice_chain chain[SLUICE_VRING_BURST];
static struct sluice_vring_seg seg[2 * SLUICE_CHAIN_MAX_SEGS];
static u8 dirty[4096] __attribute__((aligned(4096)));

/* What is absent, and how many accesses to it pass before. */
static uintptr_t absent_at;
static size_t absent_len;
static unsigned int absent_after;

static bool hook(uintptr_t addr, size_t len, bool write)
{
	if (addr + len <= absent_at || addr >= absent_at + absent_len)
		return true;
	if (!absent_after)
		return false;
	absent_after--;
	return true;
}

static void take_away(u64 uaddr, size_t len)
{
	absent_at = uaddr;
	absent_len = len;
	absent_after = 0;
}

static void give_back(void)
{
	absent_len = 0;
}

static void begin(bool packed, bool event_idx)
{
	struct drv_conf conf = {
		.num = 16, .packed = packed, .event_idx = event_idx, .start = packed ? 0x8000 : 0,
	};

	guest_reset();
	drv_init(&drv, &conf);
	vr = drv_vring(&drv);
	give_back();
	shim_user_hook = hook;
	shim_pagefault_disabled = true;
}

static int fetch(void)
{
	return sluice_vring_fetch(vr, chain, SLUICE_VRING_BURST, seg, ARRAY_SIZE(seg));
}

static void add(int token)
{
	struct drv_buf buf = { GUEST_LOW + 0x100000 + 64 * token, 32 };

	drv_add(&drv, &buf, 1, 0, false, token);
	drv_publish(&drv);
}

static bool waits_for(u64 from, u64 len, bool write, enum sluice_vring_error why)
{
	struct sluice_gmem_absent a;
	enum sluice_vring_error w;

	if (!sluice_vring_absent(vr, &a, &w))
		return false;
	/* Told once. */
	return a.uaddr < from + len && a.uaddr + a.len > from && a.write == write && w == why &&
	       !sluice_vring_absent(vr, &a, &w);
}

/* Where completions are written, and the field that shows them. */
static u64 used_addr(void)
{
	return guest_uaddr(drv.conf.packed ? drv.desc : drv.device);
}

static void fetch_and_buffer(bool packed)
{
	u64 buf = guest_uaddr(GUEST_LOW + 0x100000), desc;
	u8 b[32];

	begin(packed, false);
	desc = guest_uaddr(drv.desc);
	add(0);
	take_away(desc, 16);
	CHECK_EQ(-EAGAIN, fetch());
	CHECK(waits_for(desc, 16, false, SLUICE_VRING_ERR_RING));
	CHECK_EQ(-EAGAIN, fetch());
	CHECK(waits_for(desc, 16, false, SLUICE_VRING_ERR_RING));
	give_back();
	CHECK_EQ(1, fetch());
	take_away(buf, 4096);
	CHECK_EQ(-EAGAIN, sluice_chain_read(vr, chain, 0, b, 32));
	CHECK(waits_for(buf, 32, false, SLUICE_VRING_ERR_ADDRESS));
	CHECK_EQ(SLUICE_VRING_ERR_NONE, sluice_vring_error(vr));
	sluice_vring_unfetch(vr, chain, 1);
	give_back();
	CHECK_EQ(1, fetch());
	CHECK_EQ(0, sluice_chain_read(vr, chain, 0, b, 32));
	/* Where faults are taken it is just not mapped. */
	take_away(buf, 4096);
	shim_pagefault_disabled = false;
	CHECK_EQ(-EFAULT, sluice_chain_read(vr, chain, 0, b, 32));
	CHECK_EQ(SLUICE_VRING_ERR_ADDRESS, sluice_vring_error(vr));
	CHECK(!waits_for(buf, 32, false, SLUICE_VRING_ERR_ADDRESS));
	sluice_vring_free(vr);
}

static void t_fetch(void)
{
	fetch_and_buffer(false);
	CHECK_OK();
	fetch_and_buffer(true);
}

/* Completions that cannot be written: they follow, with their interrupt, once. */
static void held_back(bool packed, unsigned int after)
{
	u32 len;

	begin(packed, false);
	drv_enable_cb(&drv, 1);
	add(0);
	add(1);
	CHECK_EQ(2, fetch());
	sluice_vring_push(vr, &chain[0], 0);
	sluice_vring_push(vr, &chain[1], 0);
	take_away(used_addr(), 64);
	absent_after = after;
	CHECK_EQ(-EAGAIN, sluice_vring_flush(vr));
	CHECK(sluice_vring_owes(vr));
	CHECK(waits_for(used_addr(), 64, true, SLUICE_VRING_ERR_RING));
	CHECK_EQ(-1, drv_get(&drv, &len));
	CHECK(!sluice_vring_want_signal(vr));
	CHECK_EQ(-EAGAIN, fetch());
	give_back();
	add(2);
	/* A fetch publishes them; that the driver is to be told is not forgotten. */
	CHECK_EQ(1, fetch());
	CHECK(sluice_vring_owes(vr));
	CHECK_EQ(0, drv_get(&drv, &len));
	CHECK_EQ(1, drv_get(&drv, &len));
	CHECK_EQ(-1, drv_get(&drv, &len));
	CHECK(sluice_vring_want_signal(vr));
	CHECK(!sluice_vring_owes(vr));
	sluice_vring_free(vr);
}

static void t_held_back(void)
{
	held_back(false, 0);
	CHECK_OK();
	/* Of a packed ring what was stored before is there: see ring_stop. */
	held_back(true, 0);
	CHECK_OK();
	held_back(false, 1);
}

/* The ring is stopped with completions that nobody saw: the next one fetches those chains again. */
static void stopped(bool packed)
{
	struct sluice_vring_config cfg;
	u32 len;
	int i;

	begin(packed, false);
	drv_config(&drv, &cfg);
	for (i = 0; i < 5; i++)
		add(i);
	CHECK_EQ(5, fetch());
	sluice_vring_unfetch(vr, &chain[4], 1);
	sluice_vring_push(vr, &chain[0], 0);
	CHECK_EQ(0, sluice_vring_flush(vr));
	for (i = 1; i < 4; i++)
		sluice_vring_push(vr, &chain[i], 0);
	take_away(used_addr(), 256);
	CHECK_EQ(-EAGAIN, sluice_vring_flush(vr));
	sluice_vring_state(vr, &cfg.avail, &cfg.used);
	CHECK_EQ(cfg.avail, cfg.used);
	CHECK_EQ(packed ? 0x8001 : 1, cfg.avail);
	sluice_vring_free(vr);

	give_back();
	vr = sluice_vring_new(&cfg, &guest);
	CHECK(!IS_ERR(vr));
	CHECK_EQ(0, sluice_vring_start(vr));
	CHECK_EQ(4, fetch());
	for (i = 0; i < 4; i++)
		sluice_vring_push(vr, &chain[i], 0);
	CHECK_EQ(0, sluice_vring_flush(vr));
	for (i = 0; i < 5; i++)
		CHECK_EQ(i, drv_get(&drv, &len));
	sluice_vring_free(vr);
}

static void t_stopped(void)
{
	stopped(false);
	CHECK_OK();
	stopped(true);
}

static unsigned int nr_dirty(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < sizeof(dirty); i++)
		n += __builtin_popcount(dirty[i]);
	memset(dirty, 0, sizeof(dirty));
	return n;
}

/*
 * The dirty log's page goes before, or after, or while the store is logged that shows completions.
 * The driver sees them once, whatever it does with what it got, and they are logged.
 */
static void logged(bool packed, unsigned int after)
{
	/* Logged are: a split ring's completion; and what shows completions, before and after. */
	unsigned int show = packed ? 1 : 2;
	bool shown;
	u32 len;
	int err;

	begin(packed, false);
	guest.log = dirty;
	guest.log_size = sizeof(dirty);
	sluice_vring_set_log(vr, true, packed ? 0 : drv.device);
	add(0);
	CHECK_EQ(1, fetch());
	sluice_vring_push(vr, &chain[0], 0);
	take_away((uintptr_t)dirty, sizeof(dirty));
	absent_after = after;
	nr_dirty();
	err = sluice_vring_flush(vr);
	shown = !drv_get(&drv, &len);
	CHECK_EQ(shown ? 0 : -EAGAIN, err);
	CHECK_EQ(shown, after >= show);
	sluice_vring_want_signal(vr);
	CHECK_EQ(after <= show, sluice_vring_owes(vr));
	/* The driver takes the slot for its next buffer at once. */
	if (shown)
		add(1);
	nr_dirty();
	give_back();
	CHECK_EQ(0, sluice_vring_flush(vr));
	if (after <= show)
		CHECK_EQ(1, nr_dirty());
	if (!shown) {
		CHECK_EQ(0, drv_get(&drv, &len));
		add(1);
	}
	CHECK_EQ(1, fetch());
	CHECK_EQ(GUEST_LOW + 0x100000 + 64, chain[0].seg[0].addr);
	sluice_vring_push(vr, &chain[0], 0);
	CHECK_EQ(0, sluice_vring_flush(vr));
	CHECK_EQ(1, drv_get(&drv, &len));
	sluice_vring_free(vr);
}

static void t_logged(void)
{
	unsigned int i;

	for (i = 0; i < 8; i++) {
		logged(i & 1, i / 2);
		CHECK_OK();
	}
}

/* Asking for notifications, and whether to interrupt. */
static void asked(bool packed)
{
	u64 device, driver;

	begin(packed, true);
	device = guest_uaddr(drv.device);
	driver = guest_uaddr(drv.driver);
	take_away(device, packed ? 4 : 4 + 8 * 16 + 2);
	CHECK_EQ(-EAGAIN, sluice_vring_enable_notify(vr));
	CHECK(waits_for(absent_at, absent_len, true, SLUICE_VRING_ERR_RING));
	give_back();
	CHECK_EQ(0, sluice_vring_enable_notify(vr));
	add(0);
	CHECK_EQ(1, sluice_vring_enable_notify(vr));
	CHECK_EQ(1, fetch());
	sluice_vring_push(vr, &chain[0], 0);
	CHECK_EQ(0, sluice_vring_flush(vr));
	/* Where nobody can tell, one too many. */
	drv_disable_cb(&drv);
	take_away(driver, packed ? 4 : 4 + 2 * 16 + 2);
	CHECK(sluice_vring_want_signal(vr));
	CHECK(!sluice_vring_owes(vr));
	sluice_vring_free(vr);
}

static void t_asked(void)
{
	asked(false);
	CHECK_OK();
	asked(true);
}

/* A ring in memory that the kernel maps. */
static void t_config(void)
{
	struct drv_conf conf = { .num = 16 };
	struct sluice_vring_config cfg;

	drv_init(&drv, &conf);
	drv_config(&drv, &cfg);
	guest.kernel = true;
	CHECK_EQ(-EINVAL, PTR_ERR(sluice_vring_new(&cfg, &guest)));
	guest_iotlb();
	cfg.user_addr = true;
	CHECK_EQ(-EINVAL, PTR_ERR(sluice_vring_new(&cfg, &guest)));
	cfg.user_addr = false;
	shim_alloc_fail = 1;
	CHECK_EQ(-ENOMEM, PTR_ERR(sluice_vring_new(&cfg, &guest)));
	shim_alloc_fail = -1;
	vr = sluice_vring_new(&cfg, &guest);
	CHECK(!IS_ERR(vr));
	sluice_vring_free(vr);
}

int main(void)
{
	static const struct test tests[] = {
		{ "descriptors and buffers", t_fetch },
		{ "completions are held back", t_held_back },
		{ "stopped with completions held back", t_stopped },
		{ "the log of what shows completions", t_logged },
		{ "notifications and interrupts", t_asked },
		{ "configurations of kernel memory", t_config },
	};

	return test_main(tests, ARRAY_SIZE(tests));
}
