// SPDX-License-Identifier: GPL-2.0-only
/*
 * A ring that is stopped while memory is absent, at each access there is (item 1.3): whoever goes
 * on from the state that it left finds each buffer completed once or offered again, never both,
 * never neither, and nothing of the guest's memory was written but what belongs to the device.
 */
#include "ring.h"

#define NUM	16
#define BUFS	7
#define BUF_LEN	64

enum how {
	PLAIN,		/* areas at one address each */
	LOGGED,		/* and all writes are logged */
	SCATTERED,	/* by an IOTLB, each page elsewhere */
	KERNEL,		/* that, and the kernel maps the pages */
	HOWS
};

struct stop {
	bool packed;
	enum how how;
	u32 start;	/* where the ring stands, see struct drv_conf */
	bool once;	/* the page comes back at once, and the device tries again first */
	unsigned int at;	/* the access that finds it absent */
};

static struct drv drv;
static struct sluice_vring *vr;
static struct sluice_chain chain[SLUICE_VRING_BURST];
static struct sluice_vring_seg seg[2 * SLUICE_CHAIN_MAX_SEGS];
static u8 dirty[8192] __attribute__((aligned(4096)));
static u8 before[GUEST_SIZE], skip[GUEST_SIZE];
static unsigned int seen[BUFS], accesses;
static bool failed;
static const struct stop *now;

static u64 buf_addr(int token)
{
	return GUEST_LOW + 0x100000 + token * BUF_LEN;
}

static bool absent(void)
{
	bool gone = now->once ? accesses == now->at : accesses >= now->at;

	accesses++;
	failed |= gone;
	return gone;
}

static bool hook(uintptr_t addr, size_t len, bool write)
{
	return !absent();
}

/* Pages of a mediated device are there or are not, by their translation. */
static void map(void)
{
	u64 at;

	for (at = GUEST_LOW; at < GUEST_LOW + GUEST_SIZE; at += PAGE_SIZE)
		CHECK_EQ(0, sluice_iotlb_update(guest.iotlb, at, at + PAGE_SIZE - 1,
						guest_scattered(at), SLUICE_GMEM_RW));
	/* Where tables of indirect chains may be. */
	CHECK_EQ(0, sluice_iotlb_update(guest.iotlb, GUEST_HIGH, GUEST_HIGH + GUEST_SIZE - 1,
					guest_uaddr(GUEST_HIGH), SLUICE_GMEM_RW));
}

static void begin(const struct stop *s)
{
	struct drv_conf conf = {
		.num = NUM, .packed = s->packed, .indirect = true, .event_idx = true,
		.start = s->start,
	};

	guest_reset();
	/* The ring lies across the end of a page. */
	guest_alloc(PAGE_SIZE - 6 * 16, 16, false);
	if (s->how >= SCATTERED) {
		guest_iotlb();
		map();
	}
	guest.kernel = s->how == KERNEL;
	drv_init(&drv, &conf);
	if (s->how == LOGGED) {
		guest.log = dirty;
		guest.log_size = sizeof(dirty);
	}
	vr = drv_vring(&drv);
	sluice_vring_set_log(vr, s->how == LOGGED, s->packed ? 0 : drv.device);
	memset(seen, 0, sizeof(seen));
	accesses = 0;
	failed = false;
	now = s;
}

/* Chains of one, of three, and indirect ones. */
static void offer(void)
{
	int i;

	for (i = 0; i < BUFS; i++) {
		struct drv_buf buf[3] = {
			{ buf_addr(i), 16 }, { buf_addr(i) + 16, 16 }, { buf_addr(i) + 32, 32 }
		};

		CHECK_EQ(0, i % 3 == 1 ? drv_add(&drv, buf, 1, 2, false, i) :
				i % 3 == 2 ? drv_add(&drv, buf, 1, 2, true, i) :
				drv_add(&drv, buf, 0, 1, false, i));
	}
	drv_publish(&drv);
}

static int fetch(void)
{
	return sluice_vring_fetch(vr, chain, 4, seg, ARRAY_SIZE(seg));
}

/* One visit: some buffers are written to, and given back. Did all of it work? */
static bool visit(void)
{
	int n = fetch(), i;
	u32 mark;

	if (n <= 0)
		return !n;
	for (i = 0; i < n; i++) {
		mark = chain[i].seg[0].addr;
		if (sluice_chain_write(vr, &chain[i], 0, &mark, 4)) {
			sluice_vring_unfetch(vr, chain + i, n - i);
			break;
		}
		sluice_vring_push(vr, &chain[i], 4);
	}
	if (sluice_vring_flush(vr) || i < n)
		return false;
	sluice_vring_want_signal(vr);
	return true;
}

static void reap(void)
{
	int token;
	u32 len;

	while ((token = drv_get(&drv, &len)) >= 0) {
		CHECK_EQ(4, len);
		seen[token]++;
	}
}

/* The device as it is started anew, with all memory there. */
static void go_on(const struct stop *s)
{
	unsigned int i, next = 0;
	struct sluice_vring_config cfg;
	int n;

	drv_config(&drv, &cfg);
	sluice_vring_state(vr, &cfg.avail, &cfg.used);
	CHECK_EQ(cfg.avail, cfg.used);
	sluice_vring_free(vr);
	reap();
	CHECK_OK();
	while (next < BUFS && seen[next])
		next++;
	for (i = 0; i < BUFS; i++)
		CHECK_EQ(i < next, seen[i]);
	vr = sluice_vring_new(&cfg, &guest);
	CHECK(!IS_ERR(vr));
	CHECK_EQ(0, sluice_vring_start(vr));
	/* Just those that did not come back are there again, whole. */
	while ((n = fetch()) > 0) {
		for (i = 0; i < n; i++, next++) {
			CHECK_EQ(buf_addr(next), chain[i].seg[0].addr);
			CHECK_EQ(next % 3 ? 16 : 0, chain[i].out_len);
			CHECK_EQ(next % 3 ? 48 : 16, chain[i].in_len);
			sluice_vring_push(vr, &chain[i], 4);
		}
		CHECK_EQ(0, sluice_vring_flush(vr));
		sluice_vring_want_signal(vr);
	}
	CHECK_EQ(0, n);
	CHECK_EQ(BUFS, next);
	reap();
	for (i = 0; i < BUFS; i++)
		CHECK_EQ(1, seen[i]);
	sluice_vring_free(vr);
}

/* What belongs to the device: the ring, where it is written, and the buffers. */
static void ours(u64 addr, size_t len)
{
	memset(skip + (addr - GUEST_LOW), 1, len);
}

static void remember(void)
{
	int i;

	memset(skip, 0, sizeof(skip));
	if (drv.conf.packed)
		ours(drv.desc, 16 * NUM);
	ours(drv.device, drv.conf.packed ? 4 : 4 + 8 * NUM + 2);
	for (i = 0; i < BUFS; i++)
		ours(buf_addr(i) + (i % 3 ? 16 : 0), i % 3 ? 48 : 16);
	memcpy(before, guest_ptr(GUEST_LOW, GUEST_SIZE), GUEST_SIZE);
}

static bool intact(void)
{
	const u8 *mem = guest_ptr(GUEST_LOW, GUEST_SIZE);
	size_t i;

	for (i = 0; i < GUEST_SIZE; i++)
		if (mem[i] != before[i] && !skip[i])
			return false;
	return true;
}

/* Was there an access left that could fail? */
static bool stopped(const struct stop *s)
{
	bool (*whole)(uintptr_t addr, size_t len, bool write);
	int i;

	begin(s);
	if (test_failed)
		return false;
	offer();
	remember();
	whole = shim_user_hook;
	shim_user_hook = hook;
	shim_pagefault_disabled = true;
	for (i = 0; i < 3 && (visit() || s->once); i++)
		;
	sluice_vring_enable_notify(vr);
	shim_user_hook = whole;
	shim_pagefault_disabled = false;
	go_on(s);
	if (!test_failed && !intact()) {
		printf("# memory of the guest was written to\n");
		test_failed = true;
	}
	if (test_failed)
		printf("# access %u, ring at 0x%x, %s\n", s->at, s->start,
		       s->once ? "once" : "for good");
	return failed;
}

static void all(bool packed, enum how how)
{
	/* In the first lap, in the second, and over the end of the ring. */
	static const u32 start[][2] = { { 0, 0x8000 }, { NUM - 5, 5 }, { 65530, 0x800c } };
	unsigned int i, n = 0;

	for (i = 0; i < 2 * ARRAY_SIZE(start); i++) {
		struct stop s = {
			.packed = packed, .how = how, .start = start[i / 2][packed], .once = i & 1,
		};

		while (stopped(&s)) {
			CHECK_OK();
			s.at++;
			n++;
		}
		CHECK_OK();
	}
	printf("# %u accesses failed\n", n);
	CHECK(how == KERNEL || n > 60);
}

static void t_split(void)
{
	all(false, PLAIN);
}

static void t_packed(void)
{
	all(true, PLAIN);
}

static void t_split_logged(void)
{
	all(false, LOGGED);
}

static void t_packed_logged(void)
{
	all(true, LOGGED);
}

static void t_split_scattered(void)
{
	all(false, SCATTERED);
}

static void t_packed_scattered(void)
{
	all(true, SCATTERED);
}

/* The translation of a page goes while buffers are out: of each page of the ring in turn. */
static void unmapped(bool packed)
{
	unsigned int page, pages = 2;

	for (page = 0; page < 2 * pages; page++) {
		struct stop s = {
			.packed = packed, .how = KERNEL, .start = packed ? 0x8003 : 3, .at = -1,
		};
		u64 at;
		int n, i;

		begin(&s);
		CHECK_OK();
		offer();
		remember();
		n = fetch();
		CHECK_EQ(4, n);
		at = (packed || page & 2 ? drv.desc : drv.device) + page % 2 * PAGE_SIZE;
		at &= PAGE_MASK;
		sluice_iotlb_invalidate(guest.iotlb, at, at);
		for (i = 0; i < n; i++)
			sluice_vring_push(vr, &chain[i], 4);
		sluice_vring_flush(vr);
		map();
		go_on(&s);
		CHECK_OK();
		CHECK(intact());
	}
}

static void t_split_unmapped(void)
{
	unmapped(false);
}

static void t_packed_unmapped(void)
{
	unmapped(true);
}

int main(void)
{
	static const struct test tests[] = {
		{ "1.3 split: stopped at any access", t_split },
		{ "1.3 packed: stopped at any access", t_packed },
		{ "1.3 split: with a dirty log", t_split_logged },
		{ "1.3 packed: with a dirty log", t_packed_logged },
		{ "1.3 split: pages that lie apart", t_split_scattered },
		{ "1.3 packed: pages that lie apart", t_packed_scattered },
		{ "1.3 split: a page without translation", t_split_unmapped },
		{ "1.3 packed: a page without translation", t_packed_unmapped },
	};

	return test_main(tests, ARRAY_SIZE(tests));
}
