// SPDX-License-Identifier: GPL-2.0-only
/* Guest memory: regions, translation, copies, dirty log. */
#include "ring.h"

static struct sluice_gmem_table *table(const struct sluice_gmem_region *r, unsigned int n)
{
	return sluice_gmem_table_new(r, n);
}

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
	CHECK_EQ(0, sluice_gmem_write(&guest, GUEST_LOW, out, sizeof(out)));
	CHECK_EQ(0, sluice_gmem_write(&guest, end - sizeof(out), out, sizeof(out)));
	CHECK_EQ(0, sluice_gmem_write(&guest, GUEST_HIGH + 77, out, sizeof(out)));
	CHECK_EQ(0, sluice_gmem_read(&guest, GUEST_LOW, in, sizeof(in)));
	CHECK(!memcmp(in, out, sizeof(in)));
	CHECK_EQ(0, sluice_gmem_read(&guest, GUEST_HIGH + 77, in, sizeof(in)));
	CHECK(!memcmp(in, out, sizeof(in)));
	CHECK(!memcmp(guest_ptr(end - sizeof(out), sizeof(out)), out, sizeof(out)));

	CHECK_EQ(-EFAULT, sluice_gmem_read(&guest, GUEST_LOW - 1, in, 1));
	CHECK_EQ(-EFAULT, sluice_gmem_read(&guest, end, in, 1));
	CHECK_EQ(-EFAULT, sluice_gmem_read(&guest, end - 1, in, 2));
	CHECK_EQ(-EFAULT, sluice_gmem_write(&guest, end - 1, in, 2));
	CHECK_EQ(-EFAULT, sluice_gmem_read(&guest, 0, in, 1));
	CHECK_EQ(-EFAULT, sluice_gmem_read(&guest, U64_MAX, in, 2));
	CHECK_EQ(0, sluice_gmem_read(&guest, U64_MAX, in, 0));
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
	CHECK_EQ(0, sluice_gmem_map(&g, 0x800, 0x1000, SLUICE_GMEM_RW, &ua));
	CHECK_EQ(base + 0x800, ua);
	CHECK_EQ(0, sluice_gmem_map(&g, 0, 0x2000, SLUICE_GMEM_RW, &ua));
	CHECK_EQ(-ERANGE, sluice_gmem_map(&g, 0, 0x2001, SLUICE_GMEM_RW, &ua));
	CHECK_EQ(-EFAULT, sluice_gmem_map(&g, 0, 0x3001, SLUICE_GMEM_RW, &ua));
	CHECK_EQ(-EFAULT, sluice_gmem_map(&g, 0, 0, SLUICE_GMEM_RW, &ua));
	CHECK_EQ(-EFAULT, sluice_gmem_map(&g, 0x10, U64_MAX, SLUICE_GMEM_RW, &ua));
	CHECK_EQ(0, sluice_gmem_write(&g, 0, out, sizeof(out)));
	CHECK_EQ(0, sluice_gmem_read(&g, 0, in, sizeof(in)));
	CHECK(!memcmp(in, out, sizeof(in)));
	CHECK_EQ(0x33, *(u8 *)guest_ptr(GUEST_LOW + 0x8000, 1));
	sluice_gmem_table_free(g.table);
	g.table = NULL;
	CHECK_EQ(-EFAULT, sluice_gmem_read(&g, 0, in, 1));
}

static void t_hint(void)
{
	struct sluice_gmem_hint h = {};
	u32 v = 7;

	CHECK_EQ(0, sluice_gmem_copy_to(&guest, &h, GUEST_LOW, &v, 4));
	CHECK_EQ(GUEST_LOW, h.start);
	CHECK_EQ(0, sluice_gmem_copy_to(&guest, &h, GUEST_HIGH, &v, 4));
	CHECK_EQ(GUEST_HIGH, h.start);
	CHECK_EQ(-EFAULT, sluice_gmem_copy_to(&guest, &h, GUEST_HIGH - 1, &v, 4));
	CHECK_EQ(0, sluice_gmem_copy_from(&guest, &h, GUEST_LOW, &v, 4));
	CHECK_EQ(7, v);
}

static void t_iotlb(void)
{
	struct sluice_iotlb *t = guest_iotlb();
	u64 ua = guest_uaddr(GUEST_LOW);
	struct sluice_gmem_hint h = {};
	u8 b[0x2000];

	CHECK_EQ(-EAGAIN, sluice_gmem_copy_from(&guest, &h, 0x5000, b, 1));
	CHECK_EQ(1, guest_misses);
	CHECK_EQ(0x5000, guest_miss_iova);
	CHECK_EQ(SLUICE_GMEM_RO, guest_miss_perm);
	CHECK_EQ(0, sluice_iotlb_update(t, 0x5000, 0x5fff, ua, SLUICE_GMEM_RO));
	CHECK_EQ(0, sluice_gmem_copy_from(&guest, &h, 0x5000, b, 0x1000));
	CHECK_EQ(-EAGAIN, sluice_gmem_copy_from(&guest, &h, 0x5000, b, 0x1001));
	CHECK_EQ(0x6000, guest_miss_iova);
	CHECK_EQ(-EPERM, sluice_gmem_copy_to(&guest, &h, 0x5000, b, 1));

	/* What is remembered goes with the entry. */
	CHECK_EQ(0, sluice_gmem_copy_from(&guest, &h, 0x5000, b, 1));
	sluice_iotlb_invalidate(t, 0x5800, 0x5800);
	CHECK_EQ(-EAGAIN, sluice_gmem_copy_from(&guest, &h, 0x5000, b, 1));
	CHECK_EQ(0, sluice_iotlb_update(t, 0x5000, 0x5fff, ua + 0x3000, SLUICE_GMEM_RW));
	CHECK_EQ(0, sluice_iotlb_update(t, 0x6000, 0x6fff, ua + 0x1000, SLUICE_GMEM_WO));
	memset(b, 0x44, sizeof(b));
	CHECK_EQ(0, sluice_gmem_copy_to(&guest, &h, 0x5000, b, 0x2000));
	CHECK_EQ(0x44, *(u8 *)guest_ptr(GUEST_LOW + 0x3fff, 1));
	CHECK_EQ(0x44, *(u8 *)guest_ptr(GUEST_LOW + 0x1fff, 1));
	CHECK_EQ(0xa5, *(u8 *)guest_ptr(GUEST_LOW + 0x2000, 1));
	CHECK_EQ(-EPERM, sluice_gmem_copy_from(&guest, &h, 0x5000, b, 0x2000));

	/* All addresses there are. */
	CHECK_EQ(0, sluice_iotlb_update(t, 0, U64_MAX, 0, SLUICE_GMEM_RW));
	CHECK_EQ(0, sluice_gmem_copy_to(&guest, &h, ua, b, 16));
	CHECK_EQ(0x44, *(u8 *)guest_ptr(GUEST_LOW, 1));
	CHECK_EQ(-EFAULT, sluice_gmem_copy_to(&guest, &h, U64_MAX, b, 1));
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
	CHECK_EQ(0, sluice_gmem_log(&guest, GUEST_LOW, 1));
	guest.log = log_pages;
	guest.log_size = sizeof(log_pages);
	CHECK_EQ(0, sluice_gmem_log(&guest, 0x5fff, 0));
	CHECK_EQ(0, log_count());
	CHECK_EQ(0, sluice_gmem_log(&guest, 0x5fff, 1));
	CHECK(logged(5));
	CHECK_EQ(0, sluice_gmem_log(&guest, 0x6fff, 2));
	CHECK(logged(6) && logged(7));
	CHECK_EQ(3, log_count());
	/* Across two pages of the log. */
	CHECK_EQ(0, sluice_gmem_log(&guest, 4096ULL * 8 * 4096 - 0x2000, 0x5000));
	CHECK_EQ(8, log_count());
	CHECK(logged(4096 * 8 - 2) && logged(4096 * 8 + 2) && !logged(4096 * 8 + 3));
	CHECK_EQ(0, sluice_gmem_log(&guest, 2ULL * 4096 * 8 * 4096 - 1, 1));
	CHECK_EQ(9, log_count());
	CHECK_EQ(-EFAULT, sluice_gmem_log(&guest, 2ULL * 4096 * 8 * 4096 - 1, 2));
	CHECK_EQ(-EFAULT, sluice_gmem_log(&guest, U64_MAX, 2));
	CHECK_EQ(9, log_count());

	memset(log_pages, 0, sizeof(log_pages));
	CHECK_EQ(0, sluice_gmem_write(&guest, GUEST_LOW + 0x1800, b, 0x1000));
	CHECK(logged((GUEST_LOW + 0x1800) >> 12) && logged((GUEST_LOW + 0x2000) >> 12));
	CHECK_EQ(2, log_count());
	CHECK_EQ(0, sluice_gmem_read(&guest, GUEST_LOW + 0x8000, b, 0x1000));
	CHECK_EQ(2, log_count());
	CHECK_EQ(-EFAULT, sluice_gmem_write(&guest, GUEST_HIGH, b, 1));
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
	CHECK_EQ(0, sluice_gmem_log_user(&g, ua + 0x2fff, 2));
	CHECK_EQ(3, log_count());
	CHECK(logged(800 + 2) && logged(800 + 3) && logged(800 + 0x11));
	CHECK_EQ(0, sluice_gmem_log_user(&g, ua + 0x4000, 0x1000));
	CHECK_EQ(3, log_count());
	CHECK_EQ(-EFAULT, sluice_gmem_log_user(&g, U64_MAX, 2));

	/* With an IOTLB the log still counts guest-physical pages. */
	memset(log_pages, 0, sizeof(log_pages));
	g.iotlb = guest_iotlb();
	CHECK_EQ(0, sluice_iotlb_update(g.iotlb, 0x77000, 0x77fff, ua + 0x1000, SLUICE_GMEM_RW));
	CHECK_EQ(0, sluice_gmem_write(&g, 0x77123, &b, 1));
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
	CHECK_EQ(-EFAULT, sluice_gmem_read(&guest, GUEST_LOW, &b, 1));
	CHECK_EQ(-EFAULT, sluice_gmem_write(&guest, GUEST_LOW, &b, 1));
	CHECK_EQ(-EFAULT, sluice_gmem_read_user(guest_uaddr(GUEST_LOW), &b, 1));
	CHECK_EQ(-EFAULT, sluice_gmem_write_user(guest_uaddr(GUEST_LOW), &b, 1));
	guest.log = log_pages;
	guest.log_size = sizeof(log_pages);
	CHECK_EQ(-EFAULT, sluice_gmem_log(&guest, GUEST_LOW, 1));
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
	};

	return test_main(tests, ARRAY_SIZE(tests));
}
