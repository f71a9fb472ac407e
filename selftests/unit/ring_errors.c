// SPDX-License-Identifier: GPL-2.0-only
/* What a hostile driver can do: each violation is named, nothing is written afterwards. */
#include <endian.h>
#include "ring.h"

#define NEXT		1
#define WRITE		2
#define INDIRECT	4

#define NUM		16
#define BUF		(GUEST_LOW + 0x100000)
#define TABLE		(GUEST_HIGH + 0x100000)

static struct drv drv;
static struct sluice_vring *vr;
static struct sluice_chain chain[SLUICE_VRING_BURST];
static struct sluice_vring_seg seg[2 * SLUICE_CHAIN_MAX_SEGS];
static bool packed, with_indirect;

static int fetch(void)
{
	return sluice_vring_fetch(vr, chain, SLUICE_VRING_BURST, seg, ARRAY_SIZE(seg));
}

static void begin_num(u32 num)
{
	struct drv_conf conf = {
		.num = num,
		.packed = packed,
		.indirect = with_indirect,
		.start = packed ? 0x8000 : 0,
	};

	guest_reset();
	drv_init(&drv, &conf);
	vr = drv_vring(&drv);
}

static void begin(void)
{
	begin_num(NUM);
}

/* A descriptor at @at; in a packed ring the last field is its flags and the one before its id. */
static void desc(u64 at, u64 addr, u32 len, u16 flags, u16 next)
{
	u8 *p = guest_ptr(at, 16);

	*(u64 *)p = htole64(addr);
	*(u32 *)(p + 8) = htole32(len);
	*(u16 *)(p + 12) = htole16(packed ? next : flags);
	*(u16 *)(p + 14) = htole16(packed ? flags | 0x80 : next);
}

static void ring_desc(u32 i, u64 addr, u32 len, u16 flags, u16 next)
{
	desc(drv.desc + 16 * i, addr, len, flags, next);
}

static void table_desc(u32 i, u64 addr, u32 len, u16 flags, u16 next)
{
	desc(TABLE + 16 * i, addr, len, flags, next);
}

/* Heads 0, 1, ... of a split ring; a packed one needs no more than its descriptors. */
static void publish_heads(const u16 *head, u16 n)
{
	u16 i;

	if (packed)
		return;
	for (i = 0; i < n; i++)
		*(u16 *)guest_ptr(drv.driver + 4 + 2 * (i % drv.conf.num), 2) = htole16(head[i]);
	*(u16 *)guest_ptr(drv.driver + 2, 2) = htole16(n);
}

static void publish(u16 n)
{
	static const u16 heads[] = { 0, 1, 2, 3, 4, 5, 6, 7 };

	publish_heads(heads, n);
}

static bool no_writes(uintptr_t addr, size_t len, bool write)
{
	return !write;
}

static void broken(enum sluice_vring_error why)
{
	u32 avail, used;
	u8 b = 0;

	CHECK_EQ(-EIO, fetch());
	if (sluice_vring_error(vr) != why)
		printf("# %s\n", sluice_vring_strerror(sluice_vring_error(vr)));
	CHECK_EQ(why, sluice_vring_error(vr));
	/* From now on not even a try to write. */
	shim_user_hook = no_writes;
	CHECK_EQ(-EIO, fetch());
	chain[0] = (struct sluice_chain) { .seg = seg, .nr_desc = 1 };
	sluice_vring_push(vr, &chain[0], 0);
	CHECK_EQ(-EIO, sluice_vring_flush(vr));
	CHECK(!sluice_vring_want_signal(vr));
	CHECK_EQ(-EIO, sluice_vring_enable_notify(vr));
	CHECK(!sluice_vring_more(vr));
	sluice_vring_disable_notify(vr);
	sluice_vring_break(vr, SLUICE_VRING_ERR_SIZE);
	CHECK_EQ(why, sluice_vring_error(vr));
	CHECK_EQ(-EIO, sluice_chain_read(vr, &chain[0], 0, &b, 1));
	CHECK_EQ(-EIO, sluice_chain_write(vr, &chain[0], 0, &b, 1));
	sluice_vring_state(vr, &avail, &used);
	sluice_vring_free(vr);
}

#define BROKEN(why) do { \
	broken(SLUICE_VRING_ERR_##why); \
	CHECK_OK(); \
} while (0)

static void t_index(void)
{
	begin();
	publish(0);
	*(u16 *)guest_ptr(drv.driver + 2, 2) = htole16(NUM + 1);
	BROKEN(INDEX);
	begin();
	*(u16 *)guest_ptr(drv.driver + 2, 2) = htole16(0xffff);
	BROKEN(INDEX);
}

static void t_head(void)
{
	u16 head = NUM, two[] = { 0, 0xffff };

	begin();
	publish_heads(&head, 1);
	BROKEN(HEAD);
	/* Behind a good one, which is had first. */
	begin();
	ring_desc(0, BUF, 1, 0, 0);
	publish_heads(two, 2);
	CHECK_EQ(1, fetch());
	BROKEN(HEAD);
	begin();
	ring_desc(0, BUF, 1, NEXT, NUM);
	publish(1);
	BROKEN(NEXT);
	begin();
	ring_desc(0, BUF, 1, NEXT, 0xffff);
	publish(1);
	BROKEN(NEXT);
}

static void loops(void)
{
	u32 i;

	begin();
	for (i = 0; i < NUM; i++)
		ring_desc(i, BUF, 1, NEXT, (i + 1) % NUM);
	publish(1);
	BROKEN(LOOP);
	begin();
	for (i = 0; i < NUM; i++)
		ring_desc(i, BUF, 1, NEXT, 0);
	publish(1);
	BROKEN(LOOP);
	/* As long as a chain can be. */
	begin();
	for (i = 0; i < NUM; i++)
		ring_desc(i, BUF, 1, i < NUM - 1 ? NEXT : 0, i + 1);
	publish(1);
	CHECK_EQ(1, fetch());
	CHECK_EQ(NUM, chain[0].nr_out);
	sluice_vring_free(vr);

	begin_num(1024);
	for (i = 0; i < 1024; i++)
		ring_desc(i, BUF, 1, NEXT, (i + 1) % 1024);
	publish(1);
	BROKEN(LOOP);
}

static void t_loop_split(void)
{
	packed = false;
	loops();
}

static void t_loop_packed(void)
{
	packed = true;
	loops();
	packed = false;
}

static void lengths(void)
{
	begin();
	ring_desc(0, BUF, 0, 0, 0);
	publish(1);
	BROKEN(ZERO_LEN);
	begin();
	ring_desc(0, BUF, 4, NEXT, 1);
	ring_desc(1, BUF, 0, WRITE, 0);
	publish(1);
	BROKEN(ZERO_LEN);
	begin();
	ring_desc(0, BUF, 4, NEXT | WRITE, 1);
	ring_desc(1, BUF, 4, 0, 0);
	publish(1);
	BROKEN(ORDER);
	begin();
	ring_desc(0, BUF, U32_MAX, NEXT, 1);
	ring_desc(1, BUF, 1, 0, 0);
	publish(1);
	BROKEN(SIZE);
	begin();
	ring_desc(0, BUF, U32_MAX, NEXT | WRITE, 1);
	ring_desc(1, BUF, U32_MAX, WRITE, 0);
	publish(1);
	BROKEN(SIZE);
	begin();
	ring_desc(0, U64_MAX, 2, 0, 0);
	publish(1);
	BROKEN(ADDRESS);
}

static void t_lengths(void)
{
	lengths();
	CHECK_OK();
	packed = true;
	lengths();
	packed = false;
}

static void indirects(void)
{
	u32 i;

	with_indirect = false;
	begin();
	ring_desc(0, TABLE, 16, INDIRECT, 0);
	table_desc(0, BUF, 1, 0, 0);
	publish(1);
	BROKEN(INDIRECT);

	with_indirect = true;
	begin();
	ring_desc(0, TABLE, 16, INDIRECT | WRITE, 0);
	table_desc(0, BUF, 1, 0, 0);
	publish(1);
	CHECK_EQ(1, fetch());
	CHECK_EQ(1, chain[0].nr_out);
	sluice_vring_free(vr);
	begin();
	ring_desc(0, TABLE, 16, INDIRECT | NEXT, 1);
	ring_desc(1, BUF, 1, 0, 0);
	table_desc(0, BUF, 1, 0, 0);
	publish(1);
	BROKEN(INDIRECT);
	for (i = 0; i < 40; i += i < 15 ? 15 : 1) {
		if (i % 16 == 0 && i)
			continue;
		begin();
		ring_desc(0, TABLE, i, INDIRECT, 0);
		publish(1);
		BROKEN(INDIRECT);
	}
	begin();
	ring_desc(0, TABLE, 32, INDIRECT, 0);
	table_desc(0, BUF, 1, NEXT, 1);
	table_desc(1, TABLE, 16, INDIRECT, 0);
	publish(1);
	BROKEN(INDIRECT);
	begin();
	ring_desc(0, TABLE, U32_MAX & ~15, INDIRECT, 0);
	for (i = 0; i < 2000; i++)
		table_desc(i, BUF, 1, packed ? 0 : NEXT, i + 1);
	publish(1);
	if (packed)
		BROKEN(TOO_LONG);
	else
		BROKEN(INDIRECT);
	/* One too many, and just as many as can be. */
	begin();
	ring_desc(0, TABLE, 1025 * 16, INDIRECT, 0);
	for (i = 0; i < 1025; i++)
		table_desc(i, BUF, 1, packed || i == 1024 ? 0 : NEXT, i + 1);
	publish(1);
	BROKEN(TOO_LONG);
	begin();
	ring_desc(0, TABLE, 1024 * 16, INDIRECT, 0);
	for (i = 0; i < 1024; i++)
		table_desc(i, BUF + i, 1, packed || i == 1023 ? 0 : NEXT, i + 1);
	publish(1);
	CHECK_EQ(1, fetch());
	CHECK_EQ(1024, chain[0].nr_out);
	CHECK_EQ(BUF + 1023, chain[0].seg[1023].addr);
	sluice_vring_free(vr);

	begin();
	ring_desc(0, 0x10, 16, INDIRECT, 0);
	publish(1);
	BROKEN(ADDRESS);
	begin();
	ring_desc(0, U64_MAX - 15, 32, INDIRECT, 0);
	publish(1);
	BROKEN(ADDRESS);
	begin();
	ring_desc(0, GUEST_HIGH + GUEST_SIZE - 16, 32, INDIRECT, 0);
	desc(GUEST_HIGH + GUEST_SIZE - 16, BUF, 1, 0, 0);
	publish(1);
	BROKEN(ADDRESS);

	/* Behind direct ones. */
	begin();
	ring_desc(0, BUF, 1, NEXT, 1);
	ring_desc(1, TABLE, 16, INDIRECT, 0);
	table_desc(0, BUF + 7, 9, WRITE, 0);
	publish(1);
	CHECK_EQ(1, fetch());
	CHECK_EQ(1, chain[0].nr_out);
	CHECK_EQ(1, chain[0].nr_in);
	CHECK_EQ(BUF + 7, chain[0].seg[1].addr);
	sluice_vring_free(vr);
}

static void t_indirect_split(void)
{
	indirects();
	CHECK_OK();
	/* Only a linked table can loop, or leave its bounds. */
	begin();
	ring_desc(0, TABLE, 32, INDIRECT, 0);
	table_desc(0, BUF, 1, NEXT, 1);
	table_desc(1, BUF, 1, NEXT, 0);
	publish(1);
	BROKEN(LOOP);
	begin();
	ring_desc(0, TABLE, 32, INDIRECT, 0);
	table_desc(0, BUF, 1, NEXT, 2);
	publish(1);
	BROKEN(INDIRECT);
	/* In falling order, and far apart. */
	begin();
	ring_desc(0, TABLE, 4096, INDIRECT, 0);
	table_desc(0, BUF, 1, NEXT, 255);
	table_desc(255, BUF + 1, 1, NEXT, 254);
	table_desc(254, BUF + 2, 1, NEXT, 100);
	table_desc(100, BUF + 3, 1, 0, 0);
	publish(1);
	CHECK_EQ(1, fetch());
	CHECK_EQ(4, chain[0].nr_out);
	CHECK_EQ(BUF + 3, chain[0].seg[3].addr);
	sluice_vring_free(vr);
}

static void t_indirect_packed(void)
{
	packed = true;
	indirects();
	packed = false;
}

static void t_too_long(void)
{
	u32 i;

	begin_num(2048);
	for (i = 0; i < 2048; i++)
		ring_desc(i, BUF, 1, NEXT, i + 1);
	publish(1);
	BROKEN(TOO_LONG);
	packed = true;
	begin_num(2048);
	for (i = 0; i < 2048; i++)
		ring_desc(i, BUF, 1, NEXT, i + 1);
	BROKEN(TOO_LONG);
	packed = false;
}

/* Buffers are looked at when they are used. */
static void t_buffers(void)
{
	struct sluice_chain c;
	u8 b[64] = {};
	u32 i;

	for (i = 0; i < 4; i++) {
		packed = i & 1;
		begin();
		if (i & 2) {
			ring_desc(0, GUEST_LOW + GUEST_SIZE - 1, 2, WRITE, 0);
			publish(1);
			CHECK_EQ(1, fetch());
			c = chain[0];
			CHECK_EQ(0, sluice_chain_write(vr, &c, 0, b, 1));
			CHECK_EQ(-EINVAL, sluice_chain_write(vr, &c, 1, b, 2));
			CHECK_EQ(-EINVAL, sluice_chain_write(vr, &c, U32_MAX, b, 2));
			CHECK_EQ(-EINVAL, sluice_chain_read(vr, &c, 0, b, 1));
			CHECK_EQ(SLUICE_VRING_ERR_NONE, sluice_vring_error(vr));
			CHECK_EQ(-EFAULT, sluice_chain_write(vr, &c, 1, b, 1));
		} else {
			ring_desc(0, BUF, 4, NEXT, 1);
			ring_desc(1, 0x10, 4, 0, 0);
			publish(1);
			CHECK_EQ(1, fetch());
			c = chain[0];
			CHECK_EQ(-EINVAL, sluice_chain_read(vr, &c, 8, b, 1));
			CHECK_EQ(0, sluice_chain_read(vr, &c, 8, b, 0));
			CHECK_EQ(0, sluice_chain_read(vr, &c, 0, b, 4));
			CHECK_EQ(-EFAULT, sluice_chain_read(vr, &c, 0, b, 5));
		}
		BROKEN(ADDRESS);
	}
	packed = false;
}

static bool only_reads(uintptr_t addr, size_t len, bool write)
{
	return !write;
}

static bool nothing(uintptr_t addr, size_t len, bool write)
{
	return false;
}

/* Ring areas that go away while the ring runs. */
static void t_ring(void)
{
	u32 i;

	for (i = 0; i < 2; i++) {
		packed = i;
		begin();
		ring_desc(0, BUF, 4, 0, 0);
		publish(1);
		shim_user_hook = nothing;
		BROKEN(RING);
		begin();
		ring_desc(0, BUF, 4, 0, 0);
		publish(1);
		CHECK_EQ(1, fetch());
		sluice_vring_push(vr, &chain[0], 0);
		shim_user_hook = only_reads;
		CHECK_EQ(-EIO, sluice_vring_flush(vr));
		BROKEN(RING);
		begin();
		shim_user_hook = only_reads;
		CHECK_EQ(-EIO, sluice_vring_enable_notify(vr));
		BROKEN(RING);
	}
	packed = false;
	begin();
	sluice_vring_unmap(vr);
	guest_iotlb();
	CHECK_EQ(-EAGAIN, fetch());
	CHECK_EQ(-EAGAIN, sluice_vring_enable_notify(vr));
	CHECK(sluice_vring_more(vr));
	CHECK_EQ(SLUICE_VRING_ERR_NONE, sluice_vring_error(vr));
	sluice_iotlb_update(guest.iotlb, 0, GUEST_HIGH - 1, 0x1000, SLUICE_GMEM_RW);
	BROKEN(RING);
}

/* The caller breaks it. */
static void t_break(void)
{
	begin();
	sluice_vring_break(vr, SLUICE_VRING_ERR_DIRECTION);
	BROKEN(DIRECTION);
}

/* An IOTLB miss in the middle of a burst, and a buffer that may not be written. */
static void t_iotlb(void)
{
	struct sluice_iotlb *t;
	u8 b = 0;
	u32 i;

	for (i = 0; i < 2; i++) {
		packed = i;
		with_indirect = true;
		begin();
		t = guest_iotlb();
		sluice_iotlb_update(t, GUEST_LOW, BUF - 1, guest_uaddr(GUEST_LOW), SLUICE_GMEM_RW);
		sluice_vring_unmap(vr);
		CHECK_EQ(0, fetch());
		ring_desc(0, BUF, 1, WRITE, 0);
		ring_desc(1, TABLE, 16, INDIRECT, 0);
		table_desc(0, BUF, 1, 0, 0);
		publish(2);
		CHECK_EQ(1, fetch());
		CHECK_EQ(-EAGAIN, fetch());
		CHECK_EQ(TABLE, guest_miss_iova);
		sluice_iotlb_update(t, TABLE, TABLE + 15, guest_uaddr(TABLE), SLUICE_GMEM_RO);
		CHECK_EQ(1, fetch());
		sluice_vring_unfetch(vr, chain, 1);
		CHECK_EQ(-EAGAIN, sluice_chain_read(vr, &chain[0], 0, &b, 1));
		CHECK_EQ(BUF, guest_miss_iova);
		sluice_iotlb_update(t, BUF, BUF + 4095, guest_uaddr(BUF), SLUICE_GMEM_RO);
		CHECK_EQ(0, sluice_chain_read(vr, &chain[0], 0, &b, 1));
		chain[0] = (struct sluice_chain) { seg, 0, 1, 0, 1, 0, 1 };
		CHECK_EQ(-EPERM, sluice_chain_write(vr, &chain[0], 0, &b, 1));
		BROKEN(ADDRESS);
	}
	packed = false;
}

int main(void)
{
	static const struct test tests[] = {
		{ "split: available index", t_index },
		{ "split: head and next", t_head },
		{ "split: loop", t_loop_split },
		{ "packed: loop", t_loop_packed },
		{ "lengths and order", t_lengths },
		{ "split: indirect", t_indirect_split },
		{ "packed: indirect", t_indirect_packed },
		{ "chain too long", t_too_long },
		{ "buffer addresses", t_buffers },
		{ "ring areas", t_ring },
		{ "broken by the caller", t_break },
		{ "iotlb", t_iotlb },
	};

	return test_main(tests, ARRAY_SIZE(tests));
}
