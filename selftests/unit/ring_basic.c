// SPDX-License-Identifier: GPL-2.0-only
/* Chains in, completions out: what both layouts do, and what it costs. */
#include "ring.h"

static struct drv drv;
static struct sluice_vring *vr;
static struct sluice_chain chain[SLUICE_VRING_BURST];
static struct sluice_vring_seg seg[2 * SLUICE_CHAIN_MAX_SEGS];

static void begin(const struct drv_conf *conf)
{
	drv_init(&drv, conf);
	vr = drv_vring(&drv);
}

static void end(void)
{
	sluice_vring_free(vr);
	vr = NULL;
}

static int fetch(unsigned int max)
{
	return sluice_vring_fetch(vr, chain, max, seg, ARRAY_SIZE(seg));
}

/* One buffer to read and one to write, both new. */
static int add(int token, bool indirect)
{
	struct drv_buf buf[2] = { { GUEST_HIGH + 0x100000 + 64 * (token % 4096), 32 } };

	buf[1] = (struct drv_buf) { buf[0].addr + 32, 32 };
	memset(guest_ptr(buf[0].addr, 32), token, 32);
	return drv_add(&drv, buf, 1, 1, indirect, token);
}

static void complete(unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		sluice_vring_push(vr, &chain[i], i + 1);
	CHECK_EQ(0, sluice_vring_flush(vr));
}

/* Once round, and more, in bursts of @burst. */
static void laps(const struct drv_conf *conf, unsigned int burst, bool indirect)
{
	unsigned int todo = 5 * conf->num + 3, put = 0, got = 0, i;
	u8 data[32], answer[32];

	begin(conf);
	while (got < todo) {
		u32 len;
		int n, token;

		for (i = 0; i < burst && put < todo && !add(put, indirect); i++)
			put++;
		drv_publish(&drv);
		n = fetch(burst);
		CHECK(n >= 0);
		CHECK_EQ(min(put - got, burst), n);
		for (i = 0; i < n; i++) {
			CHECK_EQ(1, chain[i].nr_out);
			CHECK_EQ(1, chain[i].nr_in);
			CHECK_EQ(32, chain[i].out_len);
			CHECK_EQ(32, chain[i].in_len);
			CHECK_EQ(0, sluice_chain_read(vr, &chain[i], 0, data, 32));
			CHECK_EQ((u8)(got + i), data[0]);
			CHECK_EQ((u8)(got + i), data[31]);
			memset(answer, ~(got + i), sizeof(answer));
			CHECK_EQ(0, sluice_chain_write(vr, &chain[i], 0, answer, 32));
		}
		complete(n);
		CHECK_OK();
		for (i = 0; i < n; i++) {
			token = drv_get(&drv, &len);
			CHECK_EQ(got, token);
			CHECK_EQ(i + 1, len);
			CHECK_EQ((u8)~got,
				 *(u8 *)guest_ptr(GUEST_HIGH + 0x100020 + 64 * (got % 4096), 1));
			got++;
		}
		CHECK_EQ(-1, drv_get(&drv, &len));
	}
	CHECK_EQ(0, fetch(1));
	end();
}

static void all_laps(bool packed, bool indirect, bool shuffle, bool big)
{
	static const u32 split_sizes[] = { 2, 4, 8, 64, 256, 1024 };
	static const u32 packed_sizes[] = { 2, 3, 5, 7, 16, 100, 256, 1000 };
	unsigned int i, burst, n = packed ? ARRAY_SIZE(packed_sizes) : ARRAY_SIZE(split_sizes);

	for (i = 0; i < n; i++) {
		for (burst = 1; burst <= 64; burst = burst * 3 + 1) {
			u32 num = packed ? packed_sizes[i] : split_sizes[i];
			struct drv_conf conf = {
				.num = num,
				.packed = packed,
				.indirect = indirect,
				.shuffle = shuffle,
				.big = big,
				.high = i & 1,
				/* Near the end of the index, or in the second lap. */
				.start = packed ? (num - 1) | (i & 1 ? 0x8000 : 0) :
						  65536 - num / 2 - 1,
			};

			if (burst > num / (indirect ? 1 : 2))
				continue;
			guest_reset();
			laps(&conf, burst, indirect);
			if (test_failed) {
				printf("# size %u burst %u\n", num, burst);
				return;
			}
		}
	}
}

static void t_split(void)
{
	all_laps(false, false, false, false);
}

static void t_split_shuffled(void)
{
	all_laps(false, false, true, false);
}

static void t_split_indirect(void)
{
	all_laps(false, true, true, false);
}

static void t_split_big(void)
{
	all_laps(false, false, true, true);
	CHECK_OK();
	all_laps(false, true, false, true);
}

static void t_packed(void)
{
	all_laps(true, false, true, false);
}

static void t_packed_indirect(void)
{
	all_laps(true, true, true, false);
}

/* What was given back comes again, also when more came in the meantime. */
static void unfetch(bool packed)
{
	struct drv_conf conf = { .num = 64,
				 .packed = packed,
				 .start = packed ? 0x8000 | 61 : 65530 };
	unsigned int next = 0, put = 0, round;

	begin(&conf);
	for (round = 0; round < 300; round++) {
		unsigned int keep;
		u8 data;
		u32 len;
		int n, i;

		while (rnd_below(8) && !add(put, false))
			put++;
		drv_publish(&drv);
		n = fetch(1 + rnd_below(20));
		CHECK(n >= 0);
		for (i = 0; i < n; i++) {
			CHECK_EQ(0, sluice_chain_read(vr, &chain[i], 5, &data, 1));
			CHECK_EQ((u8)(next + i), data);
		}
		CHECK(n || next == put);
		keep = rnd_below(n + 1);
		complete(keep);
		CHECK_OK();
		sluice_vring_unfetch(vr, chain + keep, n - keep);
		CHECK_EQ(next + keep != put, sluice_vring_more(vr));
		while (keep--)
			CHECK_EQ(next++, drv_get(&drv, &len));
	}
	CHECK(next > 300);
	end();
}

/*
 * Who had some of them in hand is no more: those that he pushed are the driver's, the rest comes
 * again.
 */
static void rewound(bool packed)
{
	struct drv_conf conf = { .num = 16, .packed = packed, .indirect = true };
	unsigned int i;
	u32 len;

	begin(&conf);
	for (i = 0; i < 6; i++)
		CHECK_EQ(0, add(i, i & 1));
	drv_publish(&drv);
	CHECK_EQ(5, fetch(5));
	sluice_vring_push(vr, &chain[0], 1);
	sluice_vring_push(vr, &chain[1], 1);
	sluice_vring_unfetch(vr, &chain[4], 1);
	CHECK(sluice_vring_rewind(vr));
	CHECK(sluice_vring_rewind(vr));
	CHECK_EQ(4, fetch(16));
	complete(4);
	for (i = 0; i < 6; i++)
		CHECK_EQ(i, drv_get(&drv, &len));
	CHECK_EQ(-1, drv_get(&drv, &len));
	CHECK_EQ(0, fetch(1));
	CHECK_OK();
	end();
}

static void t_rewound_split(void)
{
	rewound(false);
}

static void t_rewound_packed(void)
{
	rewound(true);
}

static void t_unfetch_split(void)
{
	unfetch(false);
}

static void t_unfetch_packed(void)
{
	unfetch(true);
}

/* Stop anywhere, go on with a new ring. */
static void state(bool packed)
{
	struct drv_conf conf = { .num = 8, .packed = packed, .start = packed ? 0x8000 : 65534 };
	struct sluice_vring_config cfg;
	unsigned int token = 0, i, j;
	u32 avail, used, len;

	begin(&conf);
	drv_config(&drv, &cfg);
	for (i = 0; i < 40; i++) {
		int n;

		for (j = 0; j < 1 + i % 3; j++)
			CHECK_EQ(0, add(token + j, false));
		drv_publish(&drv);
		n = fetch(64);
		CHECK_EQ(1 + i % 3, n);
		sluice_vring_unfetch(vr, chain + 1, n - 1);
		complete(1);
		sluice_vring_state(vr, &cfg.avail, &cfg.used);
		end();
		if (!packed) {
			CHECK_EQ((u16)(65534 + token + 1), cfg.avail);
			CHECK_EQ(cfg.avail, cfg.used);
			/* Unknown is as good: it stands in the used ring. */
			if (i & 1)
				cfg.used = ~0U;
		}
		vr = sluice_vring_new(&cfg, &guest);
		CHECK(!IS_ERR(vr));
		CHECK_EQ(0, sluice_vring_start(vr));
		n = fetch(64);
		CHECK_EQ(i % 3, n);
		complete(n);
		for (j = 0; j < 1 + i % 3; j++)
			CHECK_EQ(token++, drv_get(&drv, &len));
	}
	sluice_vring_state(vr, &avail, &used);
	CHECK_EQ(avail, used);
	end();
}

static void t_state_split(void)
{
	state(false);
}

static void t_state_packed(void)
{
	state(true);
}

/* How often the owner's memory is touched is what a burst costs. */
static void t_cost_split(void)
{
	struct drv_conf conf = { .num = 256, .indirect = true, .event_idx = true };
	unsigned int lap, i;
	u32 len;

	begin(&conf);
	for (lap = 0; lap < 9; lap++) {
		struct drv_buf buf = { GUEST_LOW + 0x100000, 64 };

		for (i = 0; i < 64; i++)
			drv_add(&drv, &buf, 1, 0, false, i);
		drv_publish(&drv);
		shim_user_accesses = 0;
		CHECK_EQ(64, fetch(64));
		/* Index, heads, descriptors: in falling order from the second lap on. */
		CHECK_EQ(3, shim_user_accesses);
		complete(64);
		CHECK_EQ(5, shim_user_accesses);
		sluice_vring_want_signal(vr);
		CHECK(shim_user_accesses <= 6);
		for (i = 0; i < 64; i++)
			CHECK_EQ(i, drv_get(&drv, &len));
	}
	/* Given back, and fetched again: nothing is looked at but whether there is more. */
	for (i = 0; i < 64; i++)
		CHECK_EQ(0, add(i, true));
	drv_publish(&drv);
	CHECK_EQ(64, fetch(64));
	sluice_vring_unfetch(vr, chain, 64);
	shim_user_accesses = 0;
	CHECK_EQ(10, fetch(10));
	CHECK_EQ(10, shim_user_accesses);
	end();
}

static void t_cost_packed(void)
{
	struct drv_conf conf = { .num = 256, .packed = true, .event_idx = true, .start = 0x8000 };
	struct drv_buf buf = { GUEST_LOW + 0x100000, 64 };
	unsigned int lap, i;
	u32 len;

	begin(&conf);
	for (lap = 0; lap < 12; lap++) {
		for (i = 0; i < 64; i++)
			drv_add(&drv, &buf, 1, 0, false, i);
		drv_publish(&drv);
		shim_user_accesses = 0;
		CHECK_EQ(64, fetch(64));
		if (lap > 3)
			CHECK_EQ(2, shim_user_accesses);
		complete(64);
		if (lap > 3)
			CHECK_EQ(3, shim_user_accesses);
		sluice_vring_want_signal(vr);
		for (i = 0; i < 64; i++)
			CHECK_EQ(i, drv_get(&drv, &len));
	}
	end();
}

static bool seen_early;

static bool look_as_driver(uintptr_t addr, size_t len, bool write)
{
	seen_early |= drv_pending(&drv);
	return true;
}

/* Until the last store of a burst the driver of a split ring sees none of it. */
static void t_at_once(void)
{
	unsigned int i, j, lap;
	u32 len;

	for (i = 0; i < 2; i++) {
		struct drv_conf conf = { .num = 16, .indirect = true };

		guest_reset();
		begin(&conf);
		for (lap = 0; lap < 20; lap++) {
			for (j = 0; j < 6; j++)
				CHECK_EQ(0, add(j, i));
			drv_publish(&drv);
			CHECK_EQ(6, fetch(64));
			for (j = 0; j < 6; j++)
				sluice_vring_push(vr, &chain[j], 0);
			shim_user_hook = look_as_driver;
			CHECK_EQ(0, sluice_vring_flush(vr));
			CHECK(!seen_early);
			for (j = 0; j < 6; j++)
				CHECK_EQ(j, drv_get(&drv, &len));
			shim_user_hook = NULL;
		}
		end();
	}
}

static u64 midway_addr;

static void add_at(u64 addr)
{
	struct drv_buf buf = { addr, 8 };

	drv_add(&drv, &buf, 1, 0, false, (addr / 8) % 4);
}

static void publish_midway(void)
{
	shim_user_midway = NULL;
	add_at(midway_addr);
	drv_publish(&drv);
}

/*
 * A driver makes a descriptor available while it is being copied, so that the copy has old content
 * and new flags. What is fetched is the new content, now or later.
 */
static void t_torn(void)
{
	struct drv_conf conf = { .num = 4, .packed = true, .start = 0x8000 };
	u64 addr = GUEST_HIGH + 0x100000;
	unsigned int lap, i;
	u32 len;
	int n;

	begin(&conf);
	for (lap = 0; lap < 10; lap++) {
		for (i = 0; i < 3; i++, addr += 8)
			add_at(addr);
		drv_publish(&drv);
		midway_addr = addr;
		shim_user_midway = publish_midway;
		n = fetch(64);
		CHECK(!shim_user_midway);
		if (n == 3)
			n += sluice_vring_fetch(vr, chain + 3, 1, seg + 3, SLUICE_CHAIN_MAX_SEGS);
		CHECK_EQ(4, n);
		CHECK_EQ(addr, chain[3].seg[0].addr);
		addr += 8;
		complete(4);
		for (i = 0; i < 4; i++)
			CHECK_EQ(i, drv_get(&drv, &len));
	}
	end();
}

/* One ring lies in the owner's memory as it says, another is scattered by an IOMMU. */
static void t_user_addr(void)
{
	struct drv_conf conf = { .num = 16 };
	struct sluice_vring_config cfg;
	u32 len;

	drv_init(&drv, &conf);
	drv_config(&drv, &cfg);
	cfg.user_addr = true;
	cfg.desc = guest_uaddr(cfg.desc);
	cfg.driver = guest_uaddr(cfg.driver);
	cfg.device = guest_uaddr(cfg.device);
	vr = sluice_vring_new(&cfg, &guest);
	CHECK(!IS_ERR(vr));
	CHECK_EQ(0, sluice_vring_start(vr));
	CHECK_EQ(0, add(3, false));
	drv_publish(&drv);
	CHECK_EQ(1, fetch(64));
	sluice_vring_unmap(vr);
	complete(1);
	CHECK_EQ(3, drv_get(&drv, &len));
	end();

	cfg.device = 4;
	vr = sluice_vring_new(&cfg, &guest);
	CHECK_EQ(-EFAULT, sluice_vring_start(vr));
	CHECK_EQ(-EIO, fetch(1));
	CHECK_EQ(SLUICE_VRING_ERR_RING, sluice_vring_error(vr));
	end();
}

/*
 * Serve a miss with one page. What the driver takes for one piece of memory lies in falling
 * order in the owner's, so that no area of the ring is contiguous there.
 */
static void serve(u64 offset)
{
	u64 at = guest_miss_iova & PAGE_MASK;

	/* Now and then everything is forgotten, in the middle of something. */
	if (!(guest_misses % 37))
		sluice_iotlb_invalidate(guest.iotlb, 0, U64_MAX);
	sluice_iotlb_update(guest.iotlb, at, at | ~PAGE_MASK, guest_scattered(at - offset),
			    SLUICE_GMEM_RW);
}

static void scattered(bool packed, unsigned int burst)
{
	struct drv_conf conf = {
		.num = 1024, .packed = packed, .event_idx = true, .start = packed ? 0x8000 : 0
	};
	unsigned int got = 0, put = 0, i;
	struct sluice_vring_config cfg;
	u64 offset = 0x7000000;
	u32 len;

	guest_reset();
	drv_init(&drv, &conf);
	drv_config(&drv, &cfg);
	guest_iotlb();
	cfg.desc += offset;
	cfg.driver += offset;
	cfg.device += offset;
	vr = sluice_vring_new(&cfg, &guest);
	CHECK(!IS_ERR(vr));
	CHECK_EQ(-EAGAIN, sluice_vring_start(vr));
	while (got < 3000) {
		int n;

		while (put < got + burst && !add(put, false))
			put++;
		drv_publish(&drv);
		n = fetch(64);
		if (n == -EAGAIN) {
			serve(offset);
			CHECK(guest_misses < 5000);
			continue;
		}
		CHECK(n > 0);
		for (i = 0; i < n; i++)
			sluice_vring_push(vr, &chain[i], 1);
		if (got % 1000 < n)
			sluice_iotlb_invalidate(guest.iotlb, 0, U64_MAX);
		while (sluice_vring_flush(vr) == -EAGAIN)
			serve(offset);
		for (i = 0; i < n; i++)
			CHECK_EQ(got++, drv_get(&drv, &len));
	}
	CHECK(guest_misses > 20);
	end();
}

static void t_iotlb(void)
{
	static const struct { bool packed; unsigned int burst; } runs[] = {
		{ false, 100 }, { true, 100 }, { false, 1 }, { true, 1 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(runs); i++) {
		scattered(runs[i].packed, runs[i].burst);
		CHECK_OK();
	}
}

static u8 dirty[4096] __attribute__((aligned(4096)));

static bool is_dirty(u64 gpa)
{
	return dirty[gpa / 4096 / 8] >> (gpa / 4096 % 8) & 1;
}

static unsigned int nr_dirty(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < sizeof(dirty); i++)
		n += __builtin_popcount(dirty[i]);
	memset(dirty, 0, sizeof(dirty));
	return n;
}

/* What the device writes of a ring, and nothing else, is logged; by address of the guest. */
static void logged(bool packed, bool user_addr, bool iotlb)
{
	struct drv_conf conf = { .num = 256, .packed = packed, .start = packed ? 0x8000 : 0 };
	struct sluice_vring_config cfg;
	u64 written;
	u32 len;

	guest_reset();
	guest_alloc(0x1000, 0x1000, false);
	drv_init(&drv, &conf);
	drv_config(&drv, &cfg);
	written = packed ? cfg.desc : cfg.device;
	if (user_addr) {
		cfg.user_addr = true;
		cfg.desc = guest_uaddr(cfg.desc);
		cfg.driver = guest_uaddr(cfg.driver);
		cfg.device = guest_uaddr(cfg.device);
	}
	if (iotlb) {
		guest_iotlb();
		CHECK_EQ(0, sluice_iotlb_update(guest.iotlb, GUEST_LOW, GUEST_LOW + GUEST_SIZE - 1,
						guest_uaddr(GUEST_LOW), SLUICE_GMEM_RW));
	}
	vr = sluice_vring_new(&cfg, &guest);
	CHECK(!IS_ERR(vr));
	CHECK_EQ(0, sluice_vring_start(vr));
	guest.log = dirty;
	guest.log_size = sizeof(dirty);
	nr_dirty();
	add(0, false);
	drv_publish(&drv);
	CHECK_EQ(1, fetch(64));
	complete(1);
	CHECK_EQ(0, nr_dirty());
	CHECK_EQ(0, drv_get(&drv, &len));

	sluice_vring_set_log(vr, true, packed ? 0 : drv.device);
	add(1, false);
	drv_publish(&drv);
	CHECK_EQ(1, fetch(64));
	complete(1);
	CHECK_EQ(1, drv_get(&drv, &len));
	CHECK(is_dirty(written));
	CHECK_EQ(1, nr_dirty());
	CHECK_EQ(0, sluice_vring_enable_notify(vr));
	CHECK(is_dirty(drv.device));
	CHECK_EQ(1, nr_dirty());
	/* The log's owner takes it away. */
	sluice_vring_set_log(vr, true, GUEST_HIGH);
	guest.log_size = 1;
	add(2, false);
	drv_publish(&drv);
	CHECK_EQ(1, fetch(64));
	sluice_vring_push(vr, chain, 0);
	CHECK_EQ(-EIO, sluice_vring_flush(vr));
	end();
}

static void t_log(void)
{
	unsigned int i;

	for (i = 0; i < 6; i++) {
		logged(i & 1, i == 2 || i == 3, i >= 4);
		CHECK_OK();
	}
}

/* More completions than can be queued go out in between. */
static void t_many(void)
{
	struct drv_conf conf = { .num = 256 };
	unsigned int i;
	u32 len;

	begin(&conf);
	for (i = 0; i < 100; i++)
		CHECK_EQ(0, add(i, false));
	drv_publish(&drv);
	CHECK_EQ(64, fetch(64));
	for (i = 0; i < 64; i++)
		sluice_vring_push(vr, &chain[i], 0);
	CHECK_EQ(-1, drv_get(&drv, &len));
	/* A fetch publishes what was left. */
	CHECK_EQ(36, fetch(64));
	for (i = 0; i < 64; i++)
		CHECK_EQ(i, drv_get(&drv, &len));
	for (i = 0; i < 36; i++)
		sluice_vring_push(vr, &chain[i], 0);
	for (i = 0; i < 28; i++)
		CHECK_EQ(0, add(i, false));
	drv_publish(&drv);
	for (i = 0; i < 40; i++)
		sluice_vring_push(vr, &chain[0], 0);
	CHECK_EQ(64, drv.next - drv.used);
	CHECK(drv_pending(&drv));
	end();
}

static void t_config(void)
{
	struct sluice_vring_config good = { .num = 8,
					    .desc = 0x1000,
					    .driver = 0x2000,
					    .device = 0x3000 },
				   c;

#define BAD(change) do { \
	c = good; \
	change; \
	CHECK_EQ(-EINVAL, PTR_ERR(sluice_vring_new(&c, &guest))); \
} while (0)
	BAD(c.num = 0);
	BAD(c.num = 3);
	BAD(c.num = 65536);
	BAD(c.num = ~0U);
	BAD(c.desc = 0x1008);
	BAD(c.driver = 0x2001);
	BAD(c.device = 0x3002);
	BAD(c.avail = 65536);
	BAD(c.used = 65536);
	good.packed = true;
	BAD(c.num = 0);
	BAD(c.num = 32769);
	BAD(c.driver = 0x2002);
	BAD(c.big_endian = true);
	BAD(c.avail = 8);
	BAD(c.used = 0x8008);
#undef BAD
	shim_alloc_fail = 0;
	CHECK_EQ(-ENOMEM, PTR_ERR(sluice_vring_new(&good, &guest)));
	good.num = 7;
	vr = sluice_vring_new(&good, &guest);
	CHECK(!IS_ERR(vr));
	CHECK_EQ(-EFAULT, sluice_vring_start(vr));
	end();
	CHECK(!strcmp("ok", sluice_vring_strerror(SLUICE_VRING_ERR_NONE)));
	CHECK(!strcmp("unknown", sluice_vring_strerror(-1)));
	CHECK(!strcmp("unknown", sluice_vring_strerror(SLUICE_VRING_ERR_MAX)));
}

int main(void)
{
	static const struct test tests[] = {
		{ "split", t_split },
		{ "split, descriptors in no order", t_split_shuffled },
		{ "split, indirect", t_split_indirect },
		{ "split, big endian", t_split_big },
		{ "packed", t_packed },
		{ "packed, indirect", t_packed_indirect },
		{ "split: unfetch", t_unfetch_split },
		{ "split: rewind", t_rewound_split },
		{ "packed: rewind", t_rewound_packed },
		{ "packed: unfetch", t_unfetch_packed },
		{ "split: save and restore", t_state_split },
		{ "packed: save and restore", t_state_packed },
		{ "split: accesses for a burst", t_cost_split },
		{ "packed: accesses for a burst", t_cost_packed },
		{ "completions appear at once", t_at_once },
		{ "packed: published while it is copied", t_torn },
		{ "owner's addresses", t_user_addr },
		{ "iotlb: misses everywhere", t_iotlb },
		{ "dirty log", t_log },
		{ "completions without number", t_many },
		{ "configurations", t_config },
	};

	return test_main(tests, ARRAY_SIZE(tests));
}
