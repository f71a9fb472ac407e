// SPDX-License-Identifier: GPL-2.0-only
/*
 * Masks. A table's masks are in an array that look-ups walk from the highest priority down, so that
 * they stop when what they have cannot be surpassed. The array holds a bound of each mask's
 * priorities: too high costs time only, so where it sinks, a failure to allocate is no failure.
 */
#include <linux/err.h>
#include <linux/jhash.h>
#include <linux/overflow.h>
#include <linux/rhashtable.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include "flow_mask.h"

/* How often an insertion waits for a hash table to become twice as large. */
#define GROW_TRIES	20

/* One priority that flows of a mask have. */
struct flow_prio {
	struct rb_node node;
	u32 prio;
	u32 nr;
};

static u32 words_hash(const void *words, u32 len, u32 seed)
{
	return jhash2(words, len / sizeof(u32), seed);
}

static u32 flow_hash(const void *obj, u32 len, u32 seed)
{
	return words_hash(sluice_flow_words(obj), len, seed);
}

static int flow_compare(struct rhashtable_compare_arg *arg, const void *obj)
{
	return memcmp(sluice_flow_words(obj), arg->key, arg->ht->p.key_len);
}

/* Without key_len, which each mask has of its own. */
static const struct rhashtable_params flow_params = {
	.head_offset = offsetof(struct sluice_flow, node),
	.hashfn = words_hash,
	.obj_hashfn = flow_hash,
	.obj_cmpfn = flow_compare,
	.automatic_shrinking = true,
};

size_t sluice_flow_mask_memory(void)
{
	return kmalloc_size_roundup(sizeof(struct sluice_flow_mask)) + SLUICE_FLOW_TABLE_MEMORY +
	       2 * sizeof(struct sluice_flow_mask_slot);
}

unsigned int sluice_flow_mask_count(const struct sluice_flow_key *mask)
{
	const u64 *bits = (const u64 *)mask;
	unsigned int i, nr = 0;

	for (i = 0; i < SLUICE_FLOW_KEY_WORDS; i++)
		nr += !!bits[i];
	return nr;
}

void sluice_flow_mask_apply(const struct sluice_flow_mask *mask, const struct sluice_flow_key *key,
			    u64 *words)
{
	const u64 *from = (const u64 *)key;
	unsigned int i;

	for (i = 0; i < mask->nr_words; i++)
		words[i] = from[mask->word[i]] & mask->bits[i];
}

void sluice_flow_mask_expand(const struct sluice_flow_mask *mask, const u64 *words,
			     struct sluice_flow_key *key)
{
	u64 *to = (u64 *)key;
	unsigned int i;

	memset(key, 0, sizeof(*key));
	for (i = 0; i < mask->nr_words; i++)
		to[mask->word[i]] = words[i];
}

struct sluice_flow *sluice_flow_mask_lookup(struct sluice_flow_mask *mask, const u64 *words)
{
	return rhashtable_lookup(&mask->flows, words, flow_params);
}

static int prio_compare(const void *prio, const struct rb_node *node)
{
	const struct flow_prio *p = rb_entry(node, struct flow_prio, node);

	return *(const u32 *)prio > p->prio ? -1 : *(const u32 *)prio < p->prio;
}

static bool prio_before(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct flow_prio, node)->prio >
	       rb_entry(b, struct flow_prio, node)->prio;
}

static struct flow_prio *prio_find(struct sluice_flow_mask *mask, u32 prio)
{
	return rb_entry_safe(rb_find(&prio, &mask->prios.rb_root, prio_compare), struct flow_prio,
			     node);
}

static int prio_add(struct sluice_flow_mask *mask, u32 prio)
{
	struct flow_prio *p = prio_find(mask, prio);

	if (p) {
		p->nr++;
		return 0;
	}
	p = kmalloc(sizeof(*p), GFP_KERNEL_ACCOUNT);
	if (!p)
		return -ENOMEM;
	p->prio = prio;
	p->nr = 1;
	rb_add_cached(&p->node, &mask->prios, prio_before);
	return 0;
}

static void prio_drop(struct sluice_flow_mask *mask, u32 prio)
{
	struct flow_prio *p = prio_find(mask, prio);

	if (--p->nr)
		return;
	rb_erase_cached(&p->node, &mask->prios);
	kfree(p);
}

static u32 prio_max(const struct sluice_flow_mask *mask)
{
	const struct rb_node *first = rb_first_cached(&mask->prios);

	return first ? rb_entry(first, struct flow_prio, node)->prio : 0;
}

static void mask_release(struct sluice_reclaim *r)
{
	struct sluice_flow_mask *mask = container_of(r, struct sluice_flow_mask, reclaim);

	rhashtable_destroy(&mask->flows);
	kfree(mask);
}

/* Nearly sorted already: one mask moves. */
static void masks_sort(struct sluice_flow_masks *masks)
{
	u32 i, j;

	for (i = 1; i < masks->nr; i++) {
		struct sluice_flow_mask_slot slot = masks->slot[i];

		for (j = i; j && masks->slot[j - 1].max_prio < slot.max_prio; j--)
			masks->slot[j] = masks->slot[j - 1];
		masks->slot[j] = slot;
	}
}

/* Masks that have flows, and @add. */
static u32 masks_used(const struct sluice_flow_masks *old, const struct sluice_flow_mask *add)
{
	u32 i, nr = 0;

	for (i = 0; old && i < old->nr; i++)
		nr += old->slot[i].mask != add && old->slot[i].mask->nr_flows;
	return nr + !!add;
}

static void masks_fill(struct sluice_flow_masks *masks, const struct sluice_flow_masks *old,
		       struct sluice_flow_mask *add)
{
	u32 i, nr = 0;

	for (i = 0; old && i < old->nr; i++) {
		struct sluice_flow_mask *mask = old->slot[i].mask;

		if (mask != add && mask->nr_flows)
			masks->slot[nr++] = (struct sluice_flow_mask_slot){ mask, mask->max_prio };
	}
	if (add)
		masks->slot[nr] = (struct sluice_flow_mask_slot){ add, add->max_prio };
	masks_sort(masks);
}

/*
 * Renew the array: without masks that became empty, with @add (which may be in it already), in
 * order.
 */
static int masks_publish(struct sluice_flow_table *t, struct sluice_flow_mask *add)
{
	struct sluice_flow_masks *old = rtnl_dereference(t->masks), *masks = NULL;
	u32 i, nr = masks_used(old, add);

	if (nr) {
		masks = kmalloc(struct_size(masks, slot, nr), GFP_KERNEL_ACCOUNT);
		if (!masks)
			return -ENOMEM;
		masks->nr = nr;
		masks_fill(masks, old, add);
	}
	rcu_assign_pointer(t->masks, masks);
	t->memory += ((s64)nr - (old ? old->nr : 0)) * sluice_flow_mask_memory();
	if (!old)
		return 0;
	for (i = 0; i < old->nr; i++)
		if (old->slot[i].mask != add && !old->slot[i].mask->nr_flows)
			sluice_reclaim(&old->slot[i].mask->reclaim);
	kfree_rcu(old, rcu);
	return 0;
}

static struct sluice_flow_mask *mask_alloc(const struct sluice_flow_key *bits)
{
	struct rhashtable_params params = flow_params;
	const u64 *from = (const u64 *)bits;
	struct sluice_flow_mask *mask;
	unsigned int i;
	int err;

	mask = kzalloc(sizeof(*mask), GFP_KERNEL_ACCOUNT);
	if (!mask)
		return ERR_PTR(-ENOMEM);
	for (i = 0; i < SLUICE_FLOW_KEY_WORDS; i++) {
		if (!from[i])
			continue;
		mask->word[mask->nr_words] = i;
		mask->bits[mask->nr_words++] = from[i];
	}
	params.key_len = mask->nr_words * sizeof(u64);
	err = rhashtable_init(&mask->flows, &params);
	if (err) {
		kfree(mask);
		return ERR_PTR(err);
	}
	mask->prios = RB_ROOT_CACHED;
	mask->reclaim.release = mask_release;
	return mask;
}

static bool mask_equal(const struct sluice_flow_mask *mask, const u64 *bits, unsigned int nr_words)
{
	unsigned int i;

	if (mask->nr_words != nr_words)
		return false;
	for (i = 0; i < nr_words; i++)
		if (bits[mask->word[i]] != mask->bits[i])
			return false;
	return true;
}

/* Is there room for one more? What a transaction takes away leaves room for what it brings. */
static bool masks_room(const struct sluice_flow_masks *masks)
{
	u32 i, nr = 0;

	for (i = 0; masks && i < masks->nr; i++)
		nr += !!masks->slot[i].mask->nr_current;
	return nr < SLUICE_FLOW_MASKS_MAX && (!masks || masks->nr < SLUICE_FLOW_MASKS_DRAFT);
}

struct sluice_flow_mask *sluice_flow_mask_get(struct sluice_flow_table *t,
					      const struct sluice_flow_key *bits)
{
	const struct sluice_flow_masks *masks = rtnl_dereference(t->masks);
	unsigned int i, nr = masks ? masks->nr : 0, nr_words = sluice_flow_mask_count(bits);
	struct sluice_flow_mask *mask;
	int err;

	for (i = 0; i < nr; i++)
		if (mask_equal(masks->slot[i].mask, (const u64 *)bits, nr_words))
			return masks->slot[i].mask;
	if (!masks_room(masks))
		return ERR_PTR(-ENOSPC);
	mask = mask_alloc(bits);
	if (IS_ERR(mask))
		return mask;
	err = masks_publish(t, mask);
	if (err) {
		mask_release(&mask->reclaim);
		return ERR_PTR(err);
	}
	return mask;
}

void sluice_flow_mask_put(struct sluice_flow_table *t, struct sluice_flow_mask *mask)
{
	/* Failing that, it stays for the next change to take out. */
	if (!mask->nr_flows)
		masks_publish(t, NULL);
}

/*
 * The table grows by work of its own; when rules come in faster than it does, an insertion fails
 * for the moment. That work needs no RTNL and waits for nobody: what is waited for is no longer
 * than the mask's own rules take to be moved, and nothing where no work is to come.
 */
static int hash_insert(struct sluice_flow_mask *mask, struct sluice_flow *flow)
{
	unsigned int i;
	int err;

	for (i = 0; i < GROW_TRIES; i++) {
		err = rhashtable_insert_fast(&mask->flows, &flow->node, flow_params);
		if (err != -EBUSY && err != -ENOMEM)
			break;
		flush_work(&mask->flows.run_work);
	}
	return err;
}

/* The last flow with the same key and a higher priority than @prio. NULL: there is none. RTNL. */
static struct sluice_flow *chain_above(struct sluice_flow *head, u32 prio)
{
	struct sluice_flow *above = NULL;

	while (head && head->prio > prio) {
		above = head;
		head = rtnl_dereference(head->lower);
	}
	return above;
}

/* The one whose @lower is @flow. NULL: it is the first. RTNL. */
static struct sluice_flow *chain_before(struct sluice_flow *head, const struct sluice_flow *flow)
{
	struct sluice_flow *before = NULL;

	while (head != flow) {
		before = head;
		head = rtnl_dereference(head->lower);
	}
	return before;
}

/* Is one of this priority, in the chain from @flow on, configured? RTNL. */
static bool chain_has(const struct sluice_flow_table *t, const struct sluice_flow *flow, u32 prio)
{
	for (; flow && flow->prio == prio; flow = rtnl_dereference(flow->lower))
		if (sluice_flow_current(t, flow))
			return true;
	return false;
}

static struct sluice_flow *chain_head(struct sluice_flow_mask *mask, const struct sluice_flow *flow)
{
	struct sluice_flow *head;

	rcu_read_lock();
	head = sluice_flow_mask_lookup(mask, sluice_flow_words(flow));
	rcu_read_unlock();
	return head;
}

static int chain_add(struct sluice_flow_mask *mask, struct sluice_flow *flow,
		     struct sluice_flow *head, struct sluice_flow *above)
{
	if (above) {
		rcu_assign_pointer(flow->lower, rtnl_dereference(above->lower));
		rcu_assign_pointer(above->lower, flow);
		return 0;
	}
	rcu_assign_pointer(flow->lower, head);
	if (head)
		return rhashtable_replace_fast(&mask->flows, &head->node, &flow->node, flow_params);
	return hash_insert(mask, flow);
}

int sluice_flow_mask_insert(struct sluice_flow_table *t, struct sluice_flow_mask *mask,
			    struct sluice_flow *flow)
{
	struct sluice_flow *head = chain_head(mask, flow);
	struct sluice_flow *above = chain_above(head, flow->prio);
	struct sluice_flow *next = above ? rtnl_dereference(above->lower) : head;
	int err;

	if (chain_has(t, next, flow->prio))
		return -EEXIST;
	err = prio_add(mask, flow->prio);
	if (err)
		return err;
	if (prio_max(mask) != mask->max_prio) {
		mask->max_prio = prio_max(mask);
		err = masks_publish(t, mask);
	}
	if (!err)
		err = chain_add(mask, flow, head, above);
	if (err) {
		prio_drop(mask, flow->prio);
		mask->max_prio = prio_max(mask);
		return err;
	}
	mask->nr_flows++;
	mask->nr_current++;
	return 0;
}

void sluice_flow_mask_remove(struct sluice_flow_table *t, struct sluice_flow_mask *mask,
			     struct sluice_flow *flow)
{
	struct sluice_flow *before = chain_before(chain_head(mask, flow), flow);
	struct sluice_flow *lower = rtnl_dereference(flow->lower);

	if (before)
		rcu_assign_pointer(before->lower, lower);
	else if (lower)
		rhashtable_replace_fast(&mask->flows, &flow->node, &lower->node, flow_params);
	else
		rhashtable_remove_fast(&mask->flows, &flow->node, flow_params);
	mask->nr_flows--;
	prio_drop(mask, flow->prio);
	if (!mask->nr_flows || prio_max(mask) == mask->max_prio)
		return;
	mask->max_prio = prio_max(mask);
	masks_publish(t, mask);
}
