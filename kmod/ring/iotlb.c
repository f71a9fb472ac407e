// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOVA translations. Workers look up without a lock; who changes the tree takes the mutex.
 *
 * An entry is immutable and freed after a grace period. The generation is bumped after each
 * change that takes an entry away, so whoever loads it before a look-up (a hint, the areas of a
 * ring) and finds it unchanged later holds what is still true.
 *
 * What a VMM takes away must go, memory or not: so the tree's nodes lie in the entries, and a
 * change needs none but the entry, which is there before anything is changed. It is two trees, of
 * which one is whole at any time; a look-up that met a change under way is made anew.
 */
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rbtree_latch.h>
#include <linux/rcupdate.h>
#include <linux/seqlock.h>
#include <linux/slab.h>
#include "gmem.h"
#include "iotlb.h"

/**
 * struct iotlb_entry - a translation
 * @node: in the tree
 * @iova: first address
 * @last: the last
 * @uaddr: what it is translated to
 * @perm: SLUICE_GMEM_*
 * @age: in sluice_iotlb.ages, while it is in the tree; the lock
 * @rcu: frees it
 */
struct iotlb_entry {
	struct latch_tree_node node;
	u64 iova;
	u64 last;
	u64 uaddr;
	u8 perm;
	union {
		struct list_head age;
		struct rcu_head rcu;
	};
};

struct iotlb_range {
	u64 iova;
	u64 last;
};

/**
 * struct iotlb - translations of one device
 * @pub: what others see of it
 * @tree: struct iotlb_entry by range; not overlapping
 * @ages: struct iotlb_entry.age, the oldest first
 * @nr: length of @ages
 * @max: how many may be there, 0: whatever the owner says
 * @lock: serializes changes
 * @miss: told of what is missing
 * @ctx: its argument
 */
struct iotlb {
	struct sluice_iotlb pub;
	struct latch_tree_root tree;
	struct list_head ages;
	unsigned int nr;
	unsigned int max;
	struct mutex lock;	/* all above, changes of the generation */
	sluice_iotlb_miss_t miss;
	void *ctx;
};

static struct iotlb *iotlb_of(struct sluice_iotlb *pub)
{
	return container_of(pub, struct iotlb, pub);
}

static bool iotlb_less(struct latch_tree_node *a, struct latch_tree_node *b)
{
	return container_of(a, struct iotlb_entry, node)->iova <
	       container_of(b, struct iotlb_entry, node)->iova;
}

/* Entries do not overlap, so any that meets the range is as good as the next. */
static int iotlb_compare(void *key, struct latch_tree_node *node)
{
	const struct iotlb_entry *e = container_of(node, struct iotlb_entry, node);
	const struct iotlb_range *r = key;

	return r->last < e->iova ? -1 : r->iova > e->last;
}

static const struct latch_tree_ops iotlb_ops = {
	.less = iotlb_less,
	.comp = iotlb_compare,
};

/* Context: RCU read side, or the lock. */
static struct iotlb_entry *iotlb_meet(struct iotlb *t, u64 iova, u64 last)
{
	struct iotlb_range r = { .iova = iova, .last = last };
	struct latch_tree_node *node = latch_tree_find(&r, &t->tree, &iotlb_ops);

	return node ? container_of(node, struct iotlb_entry, node) : NULL;
}

struct sluice_iotlb *sluice_iotlb_new(sluice_iotlb_miss_t miss, void *ctx, unsigned int max)
{
	struct iotlb *t;

	t = kzalloc(sizeof(*t), GFP_KERNEL_ACCOUNT);
	if (!t)
		return NULL;
	seqcount_latch_init(&t->tree.seq);
	mutex_init(&t->lock);
	INIT_LIST_HEAD(&t->ages);
	t->max = max;
	t->pub.gen = 1;
	t->miss = miss;
	t->ctx = ctx;
	return &t->pub;
}
SLUICE_EXPORT(sluice_iotlb_new);

static void iotlb_changed(struct iotlb *t)
{
	/* After the change; pairs with sluice_iotlb_gen(). */
	smp_store_release(&t->pub.gen, t->pub.gen + 1);
}

static void iotlb_drop(struct iotlb *t, struct iotlb_entry *e)
{
	latch_tree_erase(&e->node, &t->tree, &iotlb_ops);
	list_del(&e->age);
	t->nr--;
	kfree_rcu(e, rcu);
}

/*
 * Whole entries go, as they came: an owner that names a part of one will be asked again for the
 * rest. Were there any?
 */
static bool iotlb_remove(struct iotlb *t, u64 iova, u64 last)
{
	struct iotlb_entry *e;
	bool any = false;

	lockdep_assert_held(&t->lock);
	while ((e = iotlb_meet(t, iova, last))) {
		iotlb_drop(t, e);
		any = true;
	}
	return any;
}

/*
 * Make room for one. What goes is still true, but its owner may take it back later without finding
 * it here, so it is void from now on. Was there none?
 */
static bool iotlb_retire(struct iotlb *t)
{
	if (!t->max || t->nr < t->max)
		return false;
	iotlb_drop(t, list_first_entry(&t->ages, struct iotlb_entry, age));
	return true;
}

int sluice_iotlb_update(struct sluice_iotlb *pub, u64 iova, u64 last, u64 uaddr, u8 perm)
{
	struct iotlb *t = iotlb_of(pub);
	struct iotlb_entry *e;
	bool went;

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
	went = iotlb_remove(t, iova, last);
	went |= iotlb_retire(t);
	latch_tree_insert(&e->node, &t->tree, &iotlb_ops);
	list_add_tail(&e->age, &t->ages);
	t->nr++;
	if (went)
		iotlb_changed(t);
	mutex_unlock(&t->lock);
	return 0;
}
SLUICE_EXPORT(sluice_iotlb_update);

void sluice_iotlb_invalidate(struct sluice_iotlb *pub, u64 iova, u64 last)
{
	struct iotlb *t = iotlb_of(pub);

	if (last < iova)
		return;
	mutex_lock(&t->lock);
	if (iotlb_remove(t, iova, last))
		iotlb_changed(t);
	mutex_unlock(&t->lock);
}
SLUICE_EXPORT(sluice_iotlb_invalidate);

void sluice_iotlb_free(struct sluice_iotlb *pub)
{
	struct iotlb *t;

	if (!pub)
		return;
	t = iotlb_of(pub);
	sluice_iotlb_invalidate(pub, 0, U64_MAX);
	mutex_destroy(&t->lock);
	kfree(t);
}
SLUICE_EXPORT(sluice_iotlb_free);

int sluice_iotlb_find(struct sluice_iotlb *pub, u64 iova, u8 perm, struct sluice_gmem_hint *h)
{
	u64 gen = sluice_iotlb_gen(pub);
	struct iotlb *t = iotlb_of(pub);
	struct iotlb_entry *e;

	rcu_read_lock();
	e = iotlb_meet(t, iova, iova);
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
