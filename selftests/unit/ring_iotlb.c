// SPDX-License-Identifier: GPL-2.0-only
/* Translations: what is found, what goes, and what becomes of them when there is no memory. */
#include "ring.h"
#include "gmem.h"
#include "iotlb.h"

#define PAGES	64

/* What each page of the model translates to, 0: to nothing; and the first page of its entry. */
static struct {
	u64 uaddr;
	unsigned int first, last;
	u8 perm;
} model[PAGES];

static u64 page(unsigned int i)
{
	return (u64)i << PAGE_SHIFT;
}

/* Is what is there what the model says? */
static void check_model(struct sluice_iotlb *t)
{
	unsigned int i;

	for (i = 0; i < PAGES; i++) {
		struct sluice_gmem_hint h = {};
		int err = sluice_iotlb_find(t, page(i) + 0x123, SLUICE_GMEM_RO, &h);

		if (!model[i].uaddr) {
			CHECK_EQ(-EAGAIN, err);
			continue;
		}
		CHECK_EQ(model[i].perm & SLUICE_GMEM_RO ? 0 : -EPERM, err);
		CHECK_EQ(page(model[i].first), h.start);
		CHECK_EQ(page(model[i].last - model[i].first + 1), h.size);
		CHECK_EQ(model[i].uaddr, h.uaddr);
		CHECK_EQ(sluice_iotlb_gen(t), h.gen);
		CHECK_OK();
	}
}

/* Whole entries go. True if there were any. */
static bool model_remove(unsigned int first, unsigned int last)
{
	bool any = false;
	unsigned int i, j;

	for (i = first; i <= last; i++) {
		unsigned int from = model[i].first, to = model[i].last;

		if (!model[i].uaddr)
			continue;
		any = true;
		for (j = from; j <= to; j++)
			model[j].uaddr = 0;
	}
	return any;
}

static void model_set(unsigned int first, unsigned int last, u64 uaddr, u8 perm)
{
	unsigned int i;

	for (i = first; i <= last; i++) {
		model[i].uaddr = uaddr;
		model[i].first = first;
		model[i].last = last;
		model[i].perm = perm;
	}
}

static void one_change(struct sluice_iotlb *t)
{
	unsigned int first = rnd_below(PAGES), last = min(first + rnd_below(9), PAGES - 1U);
	u64 gen = sluice_iotlb_gen(t), uaddr = 0x100000 + page(rnd_below(PAGES));
	u64 from = page(first), to = page(last + 1) - 1;
	u8 perm = 1 + rnd_below(3);
	bool went;

	if (rnd_below(3)) {
		/* Now and then there is no memory: then it is as it was. */
		shim_alloc_fail = rnd_below(4) ? -1 : 0;
		if (!shim_alloc_fail) {
			CHECK_EQ(-ENOMEM, sluice_iotlb_update(t, from, to, uaddr, perm));
			CHECK_EQ(gen, sluice_iotlb_gen(t));
			return;
		}
		CHECK_EQ(0, sluice_iotlb_update(t, from, to, uaddr, perm));
		went = model_remove(first, last);
		model_set(first, last, uaddr, perm);
	} else {
		/* Taking away has none to wait for. */
		shim_alloc_fail = 0;
		sluice_iotlb_invalidate(t, page(first) + 7, page(last) + 7);
		CHECK_EQ(0, shim_alloc_fail);
		shim_alloc_fail = -1;
		went = model_remove(first, last);
	}
	CHECK_EQ(went, gen != sluice_iotlb_gen(t));
}

static void t_random(void)
{
	struct sluice_iotlb *t = guest_iotlb();
	unsigned int i;

	rnd_seed(14);
	memset(model, 0, sizeof(model));
	for (i = 0; i < 20000; i++) {
		one_change(t);
		CHECK_OK();
		if (i % 16)
			continue;
		check_model(t);
		CHECK_OK();
	}
}

/* Each allocation of a life fails once: nothing is left of it, nor lost that was there. */
static void t_no_memory(void)
{
	struct sluice_gmem_hint h = {};
	struct sluice_iotlb *t;
	u64 gen;

	shim_alloc_fail = 0;
	CHECK(!guest_iotlb());
	t = guest_iotlb();
	CHECK_EQ(0, sluice_iotlb_update(t, 0x1000, 0x1fff, 0x10000, SLUICE_GMEM_RW));
	CHECK_EQ(0, sluice_iotlb_update(t, 0x2000, 0x2fff, 0x20000, SLUICE_GMEM_RW));
	gen = sluice_iotlb_gen(t);
	/* One that lies over both, and one beside them. */
	shim_alloc_fail = 0;
	CHECK_EQ(-ENOMEM, sluice_iotlb_update(t, 0x1800, 0x27ff, 0x30000, SLUICE_GMEM_RO));
	shim_alloc_fail = 0;
	CHECK_EQ(-ENOMEM, sluice_iotlb_update(t, 0x3000, 0x3fff, 0x30000, SLUICE_GMEM_RO));
	CHECK_EQ(gen, sluice_iotlb_gen(t));
	CHECK_EQ(0, sluice_iotlb_find(t, 0x1800, SLUICE_GMEM_WO, &h));
	CHECK_EQ(0x10000, h.uaddr);
	CHECK_EQ(0, sluice_iotlb_find(t, 0x27ff, SLUICE_GMEM_WO, &h));
	CHECK_EQ(0x20000, h.uaddr);
	CHECK_EQ(-EAGAIN, sluice_iotlb_find(t, 0x3000, SLUICE_GMEM_RO, &h));
}

static void no_miss(void *ctx, u64 iova, u8 perm)
{
}

static void t_ends(void)
{
	struct sluice_iotlb *t = guest_iotlb();
	struct sluice_gmem_hint h = {};

	CHECK_EQ(-EINVAL, sluice_iotlb_update(t, 2, 1, 0x1000, SLUICE_GMEM_RW));
	CHECK_EQ(-EINVAL, sluice_iotlb_update(t, 0, 0xfff, U64_MAX - 0x100, SLUICE_GMEM_RW));
	CHECK_EQ(-EINVAL, sluice_iotlb_update(t, 0, 0xfff, 0x1000, 0));
	CHECK_EQ(0, sluice_iotlb_update(t, U64_MAX, U64_MAX, 0x1000, SLUICE_GMEM_RW));
	CHECK_EQ(0, sluice_iotlb_update(t, 0, 0, 0x2000, SLUICE_GMEM_RW));
	CHECK_EQ(0, sluice_iotlb_find(t, U64_MAX, SLUICE_GMEM_RW, &h));
	CHECK_EQ(1, h.size);
	CHECK_EQ(0, sluice_iotlb_find(t, 0, SLUICE_GMEM_RW, &h));
	CHECK_EQ(0x2000, h.uaddr);
	CHECK_EQ(-EAGAIN, sluice_iotlb_find(t, 1, SLUICE_GMEM_RW, &h));
	sluice_iotlb_invalidate(t, 1, U64_MAX);
	CHECK_EQ(0, sluice_iotlb_find(t, 0, SLUICE_GMEM_RW, &h));
	CHECK_EQ(-EAGAIN, sluice_iotlb_find(t, U64_MAX, SLUICE_GMEM_RW, &h));
	sluice_iotlb_invalidate(t, 5, 4);
	CHECK_EQ(0, sluice_iotlb_find(t, 0, SLUICE_GMEM_RW, &h));
}

#define MAX	8

/* As many as were asked for, the newest; who remembers one that went is told. */
static void t_bounded(void)
{
	struct sluice_iotlb *t = sluice_iotlb_new(no_miss, NULL, MAX);
	struct sluice_gmem_hint h = {};
	unsigned int i, k;
	u64 gen;

	for (i = 0; i < PAGES; i++) {
		gen = sluice_iotlb_gen(t);
		CHECK_EQ(0, sluice_iotlb_update(t, page(i), page(i + 1) - 1, 0x100000 + page(i),
						SLUICE_GMEM_RW));
		CHECK_EQ(i >= MAX, gen != sluice_iotlb_gen(t));
		for (k = 0; k <= i; k++)
			CHECK_EQ(k + MAX > i ? 0 : -EAGAIN,
				 sluice_iotlb_find(t, page(k), SLUICE_GMEM_RW, &h));
	}
	/* One in the place of others needs none. */
	CHECK_EQ(0, sluice_iotlb_update(t, page(PAGES - 2), page(PAGES) - 1, 0x100000,
					SLUICE_GMEM_RW));
	CHECK_EQ(0, sluice_iotlb_find(t, page(PAGES - MAX), SLUICE_GMEM_RW, &h));
	/* There is room for one again. */
	gen = sluice_iotlb_gen(t);
	CHECK_EQ(0, sluice_iotlb_update(t, 0, 0xfff, 0x200000, SLUICE_GMEM_RW));
	CHECK_EQ(gen, sluice_iotlb_gen(t));
	CHECK_EQ(0, sluice_iotlb_find(t, page(PAGES - MAX), SLUICE_GMEM_RW, &h));
	/* And what is refused takes nobody's place. */
	shim_alloc_fail = 0;
	CHECK_EQ(-ENOMEM, sluice_iotlb_update(t, page(1), page(2) - 1, 0x300000, SLUICE_GMEM_RW));
	CHECK_EQ(0, sluice_iotlb_find(t, page(PAGES - MAX), SLUICE_GMEM_RW, &h));
	sluice_iotlb_free(t);
}

int main(void)
{
	static const struct test tests[] = {
		{ "IOTLB: as a model of it, memory or not", t_random },
		{ "IOTLB: a failed update leaves no trace", t_no_memory },
		{ "IOTLB: first and last addresses", t_ends },
		{ "IOTLB: no more than so many", t_bounded },
	};

	return test_main(tests, ARRAY_SIZE(tests));
}
