// SPDX-License-Identifier: GPL-2.0-only
/* Guest memory: regions, translation, copies, dirty log. */
#include "ring.h"

static struct sluice_gmem_table *table(const struct sluice_gmem_region *r, unsigned int n)
{
	return sluice_gmem_table_new(r, n);
}

/* Without what was remembered. */
static int gmem_read(struct sluice_gmem *g, u64 addr, void *dst, size_t len)
{
	struct sluice_gmem_view v = {};

	return sluice_gmem_copy_from(g, &v, addr, dst, len);
}

static int gmem_write(struct sluice_gmem *g, u64 addr, const void *src, size_t len)
{
	struct sluice_gmem_view v = {};

	return sluice_gmem_copy_to(g, &v, addr, src, len);
}

static struct sluice_gmem_view view;

static bool refused(u64 s1, u64 n1, u64 s2, u64 n2)
{
	struct sluice_gmem_region r[2] = { { s1, n1, 0x1000 }, { s2, n2, 0x100000 } };
	struct sluice_gmem_table *t = table(r, 2);

	if (IS_ERR(t))
		return PTR_ERR(t) == -EINVAL;
	sluice_gmem_table_free(t);
	return false;
}

static void t_table(void)
{
	struct sluice_gmem_region r[3] = {
		{ 0x3000, 0x1000, 0x10000 },
		{ 0x1000, 0x1000, 0x20000 },
		{ 0x2000, 0x1000, 0x30000 },
	};
	struct sluice_gmem_table *t;

	t = table(r, 3);
	CHECK(!IS_ERR(t));
	CHECK_EQ(0x1000, t->region[0].start);
	CHECK_EQ(0x2000, t->region[1].start);
	CHECK_EQ(0x3000, t->region[2].start);
	CHECK_EQ(0x10000, t->region[2].uaddr);
	sluice_gmem_table_free(t);
	t = table(NULL, 0);
	CHECK(!IS_ERR(t));
	sluice_gmem_table_free(t);

	CHECK(refused(0x1000, 0x1001, 0x2000, 0x1000));
	CHECK(refused(0x1000, 0x1000, 0x1000, 0x1000));
	CHECK(refused(0x1000, 0, 0x2000, 0x1000));
	CHECK(refused(0x1000, 0x1000, ~0xfffULL, 0x1001));
	CHECK(!refused(0x1000, 0x1000, ~0xfffULL, 0x1000));
	r[0].uaddr = ~0xfffULL + 1;
	CHECK_EQ(-EINVAL, PTR_ERR(table(r, 3)));
	shim_alloc_fail = 0;
	CHECK_EQ(-ENOMEM, PTR_ERR(table(r, 1)));
}

static void t_copy(void)
{
	u64 end = GUEST_LOW + GUEST_SIZE;
	u8 out[300], in[300];
	unsigned int i;

	for (i = 0; i < sizeof(out); i++)
		out[i] = i;
	CHECK_EQ(0, gmem_write(&guest, GUEST_LOW, out, sizeof(out)));
	CHECK_EQ(0, gmem_write(&guest, end - sizeof(out), out, sizeof(out)));
	CHECK_EQ(0, gmem_write(&guest, GUEST_HIGH + 77, out, sizeof(out)));
	CHECK_EQ(0, gmem_read(&guest, GUEST_LOW, in, sizeof(in)));
	CHECK(!memcmp(in, out, sizeof(in)));
	CHECK_EQ(0, gmem_read(&guest, GUEST_HIGH + 77, in, sizeof(in)));
	CHECK(!memcmp(in, out, sizeof(in)));
	CHECK(!memcmp(guest_ptr(end - sizeof(out), sizeof(out)), out, sizeof(out)));

	CHECK_EQ(-EFAULT, gmem_read(&guest, GUEST_LOW - 1, in, 1));
	CHECK_EQ(-EFAULT, gmem_read(&guest, end, in, 1));
	CHECK_EQ(-EFAULT, gmem_read(&guest, end - 1, in, 2));
	CHECK_EQ(-EFAULT, gmem_write(&guest, end - 1, in, 2));
	CHECK_EQ(-EFAULT, gmem_read(&guest, 0, in, 1));
	CHECK_EQ(-EFAULT, gmem_read(&guest, U64_MAX, in, 2));
	CHECK_EQ(0, gmem_read(&guest, U64_MAX, in, 0));
}

/* Two regions side by side, in the owner's memory or not. */
static void t_map(void)
{
	u64 base = guest_uaddr(GUEST_LOW), ua = 0;
	struct sluice_gmem_region r[3] = {
		{ 0, 0x1000, base },
		{ 0x1000, 0x1000, base + 0x1000 },
		{ 0x2000, 0x1000, base + 0x8000 },
	};
	struct sluice_gmem g = { .table = table(r, 3) };
	u8 out[0x3000], in[0x3000];

	memset(out, 0x11, 0x1000);
	memset(out + 0x1000, 0x22, 0x1000);
	memset(out + 0x2000, 0x33, 0x1000);
	CHECK(!IS_ERR(g.table));
	CHECK_EQ(0, sluice_gmem_map(&g, &view, 0x800, 0x1000, SLUICE_GMEM_RW, &ua));
	CHECK_EQ(base + 0x800, ua);
	CHECK_EQ(0, sluice_gmem_map(&g, &view, 0, 0x2000, SLUICE_GMEM_RW, &ua));
	CHECK_EQ(-ERANGE, sluice_gmem_map(&g, &view, 0, 0x2001, SLUICE_GMEM_RW, &ua));
	CHECK_EQ(-EFAULT, sluice_gmem_map(&g, &view, 0, 0x3001, SLUICE_GMEM_RW, &ua));
	CHECK_EQ(-EFAULT, sluice_gmem_map(&g, &view, 0, 0, SLUICE_GMEM_RW, &ua));
	CHECK_EQ(-EFAULT, sluice_gmem_map(&g, &view, 0x10, U64_MAX, SLUICE_GMEM_RW, &ua));
	CHECK_EQ(0, gmem_write(&g, 0, out, sizeof(out)));
	CHECK_EQ(0, gmem_read(&g, 0, in, sizeof(in)));
	CHECK(!memcmp(in, out, sizeof(in)));
	CHECK_EQ(0x33, *(u8 *)guest_ptr(GUEST_LOW + 0x8000, 1));
	sluice_gmem_table_free(g.table);
	g.table = NULL;
	CHECK_EQ(-EFAULT, gmem_read(&g, 0, in, 1));
}

static void t_hint(void)
{
	struct sluice_gmem_view v = {};
	u32 val = 7;

	CHECK_EQ(0, sluice_gmem_copy_to(&guest, &v, GUEST_LOW, &val, 4));
	CHECK_EQ(GUEST_LOW, v.hint.start);
	CHECK_EQ(0, sluice_gmem_copy_to(&guest, &v, GUEST_HIGH, &val, 4));
	CHECK_EQ(GUEST_HIGH, v.hint.start);
	CHECK_EQ(-EFAULT, sluice_gmem_copy_to(&guest, &v, GUEST_HIGH - 1, &val, 4));
	CHECK_EQ(0, sluice_gmem_copy_from(&guest, &v, GUEST_LOW, &val, 4));
	CHECK_EQ(7, val);
}

static void t_iotlb(void)
{
	struct sluice_iotlb *t = guest_iotlb();
	u64 ua = guest_uaddr(GUEST_LOW);
	struct sluice_gmem_view v = {};
	u8 b[0x2000];

	CHECK_EQ(-EAGAIN, sluice_gmem_copy_from(&guest, &v, 0x5000, b, 1));
	CHECK_EQ(1, guest_misses);
	CHECK_EQ(0x5000, guest_miss_iova);
	CHECK_EQ(SLUICE_GMEM_RO, guest_miss_perm);
	CHECK_EQ(0, sluice_iotlb_update(t, 0x5000, 0x5fff, ua, SLUICE_GMEM_RO));
	CHECK_EQ(0, sluice_gmem_copy_from(&guest, &v, 0x5000, b, 0x1000));
	CHECK_EQ(-EAGAIN, sluice_gmem_copy_from(&guest, &v, 0x5000, b, 0x1001));
	CHECK_EQ(0x6000, guest_miss_iova);
	CHECK_EQ(-EPERM, sluice_gmem_copy_to(&guest, &v, 0x5000, b, 1));

	/* What is remembered goes with the entry. */
	CHECK_EQ(0, sluice_gmem_copy_from(&guest, &v, 0x5000, b, 1));
	sluice_iotlb_invalidate(t, 0x5800, 0x5800);
	CHECK_EQ(-EAGAIN, sluice_gmem_copy_from(&guest, &v, 0x5000, b, 1));
	CHECK_EQ(0, sluice_iotlb_update(t, 0x5000, 0x5fff, ua + 0x3000, SLUICE_GMEM_RW));
	CHECK_EQ(0, sluice_iotlb_update(t, 0x6000, 0x6fff, ua + 0x1000, SLUICE_GMEM_WO));
	memset(b, 0x44, sizeof(b));
	CHECK_EQ(0, sluice_gmem_copy_to(&guest, &v, 0x5000, b, 0x2000));
	CHECK_EQ(0x44, *(u8 *)guest_ptr(GUEST_LOW + 0x3fff, 1));
	CHECK_EQ(0x44, *(u8 *)guest_ptr(GUEST_LOW + 0x1fff, 1));
	CHECK_EQ(0xa5, *(u8 *)guest_ptr(GUEST_LOW + 0x2000, 1));
	CHECK_EQ(-EPERM, sluice_gmem_copy_from(&guest, &v, 0x5000, b, 0x2000));

	/* All addresses there are. */
	CHECK_EQ(0, sluice_iotlb_update(t, 0, U64_MAX, 0, SLUICE_GMEM_RW));
	CHECK_EQ(0, sluice_gmem_copy_to(&guest, &v, ua, b, 16));
	CHECK_EQ(0x44, *(u8 *)guest_ptr(GUEST_LOW, 1));
	CHECK_EQ(-EFAULT, sluice_gmem_copy_to(&guest, &v, U64_MAX, b, 1));
}

static unsigned char log_pages[2 * 4096] __attribute__((aligned(4096)));

static unsigned int log_count(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < sizeof(log_pages); i++)
		n += __builtin_popcount(log_pages[i]);
	return n;
}

static bool logged(u64 page)
{
	return log_pages[page / 8] >> (page % 8) & 1;
}

static void t_log(void)
{
	u8 b[0x3000] = {};

	memset(log_pages, 0, sizeof(log_pages));
	CHECK_EQ(0, sluice_gmem_log(&guest, &view, GUEST_LOW, 1));
	guest.log = log_pages;
	guest.log_size = sizeof(log_pages);
	CHECK_EQ(0, sluice_gmem_log(&guest, &view, 0x5fff, 0));
	CHECK_EQ(0, log_count());
	CHECK_EQ(0, sluice_gmem_log(&guest, &view, 0x5fff, 1));
	CHECK(logged(5));
	CHECK_EQ(0, sluice_gmem_log(&guest, &view, 0x6fff, 2));
	CHECK(logged(6) && logged(7));
	CHECK_EQ(3, log_count());
	/* Across two pages of the log. */
	CHECK_EQ(0, sluice_gmem_log(&guest, &view, 4096ULL * 8 * 4096 - 0x2000, 0x5000));
	CHECK_EQ(8, log_count());
	CHECK(logged(4096 * 8 - 2) && logged(4096 * 8 + 2) && !logged(4096 * 8 + 3));
	CHECK_EQ(0, sluice_gmem_log(&guest, &view, 2ULL * 4096 * 8 * 4096 - 1, 1));
	CHECK_EQ(9, log_count());
	CHECK_EQ(-EFAULT, sluice_gmem_log(&guest, &view, 2ULL * 4096 * 8 * 4096 - 1, 2));
	CHECK_EQ(-EFAULT, sluice_gmem_log(&guest, &view, U64_MAX, 2));
	CHECK_EQ(9, log_count());

	memset(log_pages, 0, sizeof(log_pages));
	CHECK_EQ(0, gmem_write(&guest, GUEST_LOW + 0x1800, b, 0x1000));
	CHECK(logged((GUEST_LOW + 0x1800) >> 12) && logged((GUEST_LOW + 0x2000) >> 12));
	CHECK_EQ(2, log_count());
	CHECK_EQ(0, gmem_read(&guest, GUEST_LOW + 0x8000, b, 0x1000));
	CHECK_EQ(2, log_count());
	CHECK_EQ(-EFAULT, gmem_write(&guest, GUEST_HIGH, b, 1));
}

/* A log that begins in the middle of a page, and memory that shows in two places. */
static void t_log_user(void)
{
	u64 ua = guest_uaddr(GUEST_LOW);
	struct sluice_gmem_region r[2] = { { 0, 0x4000, ua }, { 0x10000, 0x2000, ua + 0x1000 } };
	struct sluice_gmem g = { .table = table(r, 2), .log = log_pages + 100, .log_size = 1000 };
	u8 b = 0;

	guest.log = log_pages;
	memset(log_pages, 0, sizeof(log_pages));
	CHECK(!IS_ERR(g.table));
	CHECK_EQ(0, sluice_gmem_log_user(&g, &view, ua + 0x2fff, 2));
	CHECK_EQ(3, log_count());
	CHECK(logged(800 + 2) && logged(800 + 3) && logged(800 + 0x11));
	CHECK_EQ(0, sluice_gmem_log_user(&g, &view, ua + 0x4000, 0x1000));
	CHECK_EQ(3, log_count());
	CHECK_EQ(-EFAULT, sluice_gmem_log_user(&g, &view, U64_MAX, 2));

	/* With an IOTLB the log still counts guest-physical pages. */
	memset(log_pages, 0, sizeof(log_pages));
	g.iotlb = guest_iotlb();
	CHECK_EQ(0, sluice_iotlb_update(g.iotlb, 0x77000, 0x77fff, ua + 0x1000, SLUICE_GMEM_RW));
	CHECK_EQ(0, gmem_write(&g, 0x77123, &b, 1));
	CHECK_EQ(2, log_count());
	CHECK(logged(800 + 1) && logged(800 + 0x10));
	sluice_gmem_table_free(g.table);
}

static bool no_access(uintptr_t addr, size_t len, bool write)
{
	return false;
}

/* The owner has it unmapped. */
static void t_unmapped(void)
{
	u8 b = 0;

	shim_user_hook = no_access;
	CHECK_EQ(-EFAULT, gmem_read(&guest, GUEST_LOW, &b, 1));
	CHECK_EQ(-EFAULT, gmem_write(&guest, GUEST_LOW, &b, 1));
	CHECK_EQ(-EFAULT, sluice_gmem_load(&guest, &view, guest_uaddr(GUEST_LOW), &b, 1));
	CHECK_EQ(-EFAULT, sluice_gmem_store(&guest, &view, guest_uaddr(GUEST_LOW), &b, 1));
	guest.log = log_pages;
	guest.log_size = sizeof(log_pages);
	CHECK_EQ(-EFAULT, sluice_gmem_log(&guest, &view, GUEST_LOW, 1));
	CHECK_EQ(0, view.absent.len);
}

static bool no_high(uintptr_t addr, size_t len, bool write)
{
	return addr + len <= guest_uaddr(GUEST_HIGH) ||
	       addr >= guest_uaddr(GUEST_HIGH) + GUEST_SIZE;
}

/* A page that is not there, where nobody may wait for it: what was wanted of it is remembered. */
static void t_absent(void)
{
	struct sluice_gmem_view v = {};
	u8 b[300] = {};

	shim_user_hook = no_high;
	shim_pagefault_disabled = true;
	CHECK_EQ(0, sluice_gmem_copy_from(&guest, &v, GUEST_LOW, b, sizeof(b)));
	CHECK_EQ(0, v.absent.len);
	CHECK_EQ(-EAGAIN, sluice_gmem_copy_from(&guest, &v, GUEST_HIGH + 5, b, sizeof(b)));
	CHECK_EQ(guest_uaddr(GUEST_HIGH) + 5, v.absent.uaddr);
	CHECK_EQ(sizeof(b), v.absent.len);
	CHECK(!v.absent.write);
	CHECK_EQ(-EAGAIN, sluice_gmem_copy_to(&guest, &v, GUEST_HIGH + 6, b, 2));
	CHECK_EQ(guest_uaddr(GUEST_HIGH) + 6, v.absent.uaddr);
	CHECK_EQ(2, v.absent.len);
	CHECK(v.absent.write);
	/* No address of a user at all; and outside of guest memory there is nothing to wait for. */
	CHECK_EQ(-EFAULT, sluice_gmem_load(&guest, &v, ~0ULL - 20, b, 10));
	CHECK_EQ(-EFAULT, sluice_gmem_copy_to(&guest, &v, GUEST_HIGH + GUEST_SIZE, b, 1));

	/* The log's word. */
	v.absent.len = 0;
	guest.log = (void *)guest_uaddr(GUEST_HIGH);
	guest.log_size = 4096;
	CHECK_EQ(-EAGAIN, sluice_gmem_copy_to(&guest, &v, GUEST_LOW + 0x35000, b, 1));
	CHECK_EQ(guest_uaddr(GUEST_HIGH) + 0x45 / 32 * 4, v.absent.uaddr);
	CHECK_EQ(4, v.absent.len);
	CHECK(v.absent.write);
}

static bool no_user(uintptr_t addr, size_t len, bool write)
{
	test_failed = true;
	return false;
}

/* Pages that the kernel maps, one by one. */
static void t_kernel(void)
{
	static struct sluice_gmem_hint way[SLUICE_GMEM_WAYS];
	struct sluice_gmem_view v = { .way = way };
	struct sluice_iotlb *t = guest_iotlb();
	u64 i, base = 0x40000000, ua = 0;
	u8 out[0x3000], in[0x3000];
	u64 gen;

	guest.kernel = true;
	shim_user_hook = no_user;
	for (i = 0; i < sizeof(out); i++)
		out[i] = i / 7;
	CHECK_EQ(-EAGAIN, sluice_gmem_copy_to(&guest, &v, base + 0x800, out, 16));
	CHECK_EQ(base + 0x800, guest_miss_iova);
	CHECK_EQ(0, v.absent.len);
	/* Additions make nothing untrue; each is found by the next access. */
	gen = sluice_iotlb_gen(t);
	for (i = 0; i < 200; i++)
		CHECK_EQ(0, sluice_iotlb_update(t, base + i * 4096, base + i * 4096 + 4095,
						guest_scattered(GUEST_LOW + i * 4096),
						SLUICE_GMEM_RW));
	CHECK_EQ(gen, sluice_iotlb_gen(t));
	CHECK_EQ(0, sluice_gmem_copy_to(&guest, &v, base + 0x800, out, 0x2800));
	CHECK(!memcmp(guest_ptr(GUEST_LOW + 0x800, 0x2800), out, 0x2800));
	CHECK_EQ(0, sluice_gmem_copy_from(&guest, &v, base + 0x800, in, 0x2800));
	CHECK(!memcmp(in, out, 0x2800));
	CHECK_EQ(-ERANGE, sluice_gmem_map(&guest, &v, base, 0x1001, SLUICE_GMEM_RW, &ua));
	CHECK_EQ(0, sluice_gmem_map(&guest, &v, base + 0x1ff0, 16, SLUICE_GMEM_RW, &ua));
	CHECK_EQ(guest_scattered(GUEST_LOW + 0x1000) + 0xff0, ua);

	/* Buffers that lie in another page each: the tree is asked once for each. */
	for (i = 0; i < 200; i++)
		CHECK_EQ(0, sluice_gmem_copy_from(&guest, &v, base + i * 4096 + 9, in, 64));
	shim_latch_finds = 0;
	for (i = 0; i < 200 * 5; i++)
		CHECK_EQ(0, sluice_gmem_copy_from(&guest, &v, base + i * 37 % 200 * 4096, in, 64));
	CHECK(shim_latch_finds < 100);
	/* What is replaced is not used any more, whatever was remembered. */
	CHECK_EQ(0, sluice_iotlb_update(t, base, base + 4095, guest_scattered(GUEST_LOW + 0x5000),
					SLUICE_GMEM_RO));
	CHECK(gen != sluice_iotlb_gen(t));
	CHECK_EQ(-EPERM, sluice_gmem_copy_to(&guest, &v, base, out, 1));
	*(u8 *)guest_ptr(GUEST_LOW + 0x5000, 1) = 99;
	CHECK_EQ(0, sluice_gmem_copy_from(&guest, &v, base, in, 1));
	CHECK_EQ(99, in[0]);
	sluice_iotlb_invalidate(t, base + 4096 * 7, base + 4096 * 7);
	CHECK_EQ(-EAGAIN, sluice_gmem_copy_from(&guest, &v, base + 4096 * 7, in, 1));
}

/* A page of the guest's has an error: what lies there is lost, the host goes on. */
static void t_poison(void)
{
	struct sluice_gmem_view v = {};
	struct sluice_iotlb *t = guest_iotlb();
	u64 base = 0x40000000;
	u8 b[64] = {};

	guest.kernel = true;
	shim_user_hook = no_user;
	CHECK_EQ(0, sluice_iotlb_update(t, base, base + 4095, guest_scattered(GUEST_LOW),
					SLUICE_GMEM_RW));
	shim_poison = guest_scattered(GUEST_LOW) + 100;
	CHECK_EQ(-EFAULT, sluice_gmem_copy_from(&guest, &v, base + 64, b, sizeof(b)));
	CHECK_EQ(0, v.absent.len);
	CHECK_EQ(0, sluice_gmem_copy_from(&guest, &v, base, b, sizeof(b)));
	CHECK_EQ(0, sluice_gmem_copy_to(&guest, &v, base + 64, b, sizeof(b)));
	shim_poison = 0;
}

int main(void)
{
	static const struct test tests[] = {
		{ "table: sorted, validated", t_table },
		{ "copy: inside and across the ends of regions", t_copy },
		{ "map: contiguous or not", t_map },
		{ "hint: follows the access", t_hint },
		{ "iotlb: miss, permission, invalidation", t_iotlb },
		{ "log: pages by guest address", t_log },
		{ "log: pages by owner's address", t_log_user },
		{ "unmapped memory", t_unmapped },
		{ "absent memory", t_absent },
		{ "memory that the kernel maps", t_kernel },
		{ "4.4: memory with an error in it", t_poison },
	};

	return test_main(tests, ARRAY_SIZE(tests));
}
