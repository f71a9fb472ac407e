// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOVA translations. Workers look up without a lock; who changes the tree takes the mutex.
 *
 * An entry is immutable and freed after a grace period. The generation is bumped after each
 * change that takes an entry away, so whoever loads it before a look-up (a hint, the areas of a
 * ring) and finds it unchanged later holds what is still true.
 */
#include <linux/maple_tree.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include "gmem.h"
#include "iotlb.h"

struct iotlb_entry {
	u64 iova;
	u64 last;
	u64 uaddr;
	u8 perm;
	struct rcu_head rcu;
};

/**
 * struct sluice_iotlb - translations of one device
 * @tree: struct iotlb_entry by range; not overlapping
 * @lock: serializes changes
 * @gen: generation
 * @miss: told of what is missing
 * @ctx: its argument
 */
struct sluice_iotlb {
	struct maple_tree tree;
	struct mutex lock;	/* changes of @tree and @gen */
	u64 gen;
	sluice_iotlb_miss_t miss;
	void *ctx;
};

struct sluice_iotlb *sluice_iotlb_new(sluice_iotlb_miss_t miss, void *ctx)
{
	struct sluice_iotlb *t;

	/* Keys are longs. */
	BUILD_BUG_ON(sizeof(unsigned long) < sizeof(u64));
	t = kzalloc(sizeof(*t), GFP_KERNEL_ACCOUNT);
	if (!t)
		return NULL;
	mt_init_flags(&t->tree, MT_FLAGS_USE_RCU);
	mutex_init(&t->lock);
	t->gen = 1;
	t->miss = miss;
	t->ctx = ctx;
	return t;
}
SLUICE_EXPORT(sluice_iotlb_new);

u64 sluice_iotlb_gen(const struct sluice_iotlb *t)
{
	/* Before the look-up that follows; pairs with iotlb_changed(). */
	return smp_load_acquire(&t->gen);
}
SLUICE_EXPORT(sluice_iotlb_gen);

static void iotlb_changed(struct sluice_iotlb *t)
{
	/* After the change; pairs with sluice_iotlb_gen(). */
	smp_store_release(&t->gen, t->gen + 1);
}

/*
 * Whole entries go, as they came: an owner that names a part of one will be asked again for the
 * rest. Were there any?
 */
static bool iotlb_remove(struct sluice_iotlb *t, u64 iova, u64 last)
{
	unsigned long at = iova;
	struct iotlb_entry *e;
	bool any = false;

	lockdep_assert_held(&t->lock);
	while ((e = mt_find(&t->tree, &at, last))) {
		mtree_erase(&t->tree, e->iova);
		kfree_rcu(e, rcu);
		any = true;
		/* Behind the last address comes the first. */
		if (!at)
			break;
	}
	return any;
}

int sluice_iotlb_update(struct sluice_iotlb *t, u64 iova, u64 last, u64 uaddr, u8 perm)
{
	struct iotlb_entry *e;
	bool replaced;
	int err;

	if (last < iova || uaddr + (last - iova) < uaddr || !perm || (perm & ~SLUICE_GMEM_RW))
		return -EINVAL;
	e = kmalloc(sizeof(*e), GFP_KERNEL_ACCOUNT);
	if (!e)
		return -ENOMEM;
	e->iova = iova;
	e->last = last;
	e->uaddr = uaddr;
	e->perm = perm;

	mutex_lock(&t->lock);
	replaced = iotlb_remove(t, iova, last);
	err = mtree_store_range(&t->tree, iova, last, e, GFP_KERNEL_ACCOUNT);
	if (replaced)
		iotlb_changed(t);
	mutex_unlock(&t->lock);
	if (err)
		kfree(e);
	return err;
}
SLUICE_EXPORT(sluice_iotlb_update);

void sluice_iotlb_invalidate(struct sluice_iotlb *t, u64 iova, u64 last)
{
	if (last < iova)
		return;
	mutex_lock(&t->lock);
	if (iotlb_remove(t, iova, last))
		iotlb_changed(t);
	mutex_unlock(&t->lock);
}
SLUICE_EXPORT(sluice_iotlb_invalidate);

void sluice_iotlb_free(struct sluice_iotlb *t)
{
	if (!t)
		return;
	sluice_iotlb_invalidate(t, 0, U64_MAX);
	mtree_destroy(&t->tree);
	mutex_destroy(&t->lock);
	kfree(t);
}
SLUICE_EXPORT(sluice_iotlb_free);

int sluice_iotlb_find(struct sluice_iotlb *t, u64 iova, u8 perm, struct sluice_gmem_hint *h)
{
	u64 gen = sluice_iotlb_gen(t);
	struct iotlb_entry *e;

	rcu_read_lock();
	e = mtree_load(&t->tree, iova);
	if (e) {
		h->start = e->iova;
		h->size = e->last - e->iova + 1 ?: U64_MAX;
		h->uaddr = e->uaddr;
		h->perm = e->perm;
		h->gen = gen;
	}
	rcu_read_unlock();
	if (!e) {
		h->size = 0;
		t->miss(t->ctx, iova, perm);
		return -EAGAIN;
	}
	return (h->perm & perm) == perm ? 0 : -EPERM;
}
SLUICE_EXPORT(sluice_iotlb_find);

int sluice_iotlb_lookup(struct sluice_iotlb *t, u64 iova, u64 len, u8 perm, u64 *uaddr, u64 *run)
{
	struct sluice_gmem_hint h = {};
	int err;

	err = sluice_iotlb_find(t, iova, perm, &h);
	if (err)
		return err;
	/* An entry for all there is has one byte more than a size can say. */
	if (iova - h.start >= h.size)
		return -EFAULT;
	*uaddr = h.uaddr + (iova - h.start);
	*run = min(len, h.size - (iova - h.start));
	return 0;
}
SLUICE_EXPORT(sluice_iotlb_lookup);
