// SPDX-License-Identifier: GPL-2.0-only
/* The flow table: look-up, and the index by id. */
#include <linux/err.h>
#include <linux/overflow.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include "flow.h"
#include "flow_mask.h"

struct sluice_flow *sluice_flow_lookup(const struct sluice_flow_table *t,
				       const struct sluice_flow_key *key)
{
	const struct sluice_flow_masks *masks = rcu_dereference(t->masks);
	struct sluice_flow *best = NULL;
	u64 words[SLUICE_FLOW_KEY_WORDS];
	u32 i;

	for (i = 0; masks && i < masks->nr; i++) {
		const struct sluice_flow_mask_slot *slot = &masks->slot[i];
		struct sluice_flow *flow;

		if (best && best->prio >= slot->max_prio)
			break;
		sluice_flow_mask_apply(slot->mask, key, words);
		flow = sluice_flow_mask_lookup(slot->mask, words);
		if (flow && (!best || flow->prio > best->prio))
			best = flow;
	}
	return best;
}

void sluice_flow_table_init(struct sluice_flow_table *t)
{
	RCU_INIT_POINTER(t->masks, NULL);
	xa_init_flags(&t->ids, XA_FLAGS_ALLOC1 | XA_FLAGS_ACCOUNT);
	t->next_id = 1;
	t->nr = 0;
}

void sluice_flow_table_exit(struct sluice_flow_table *t)
{
	xa_destroy(&t->ids);
}

struct sluice_flow *sluice_flow_alloc(const struct sluice_flow_spec *spec)
{
	unsigned int nr_words = sluice_flow_mask_count(&spec->mask);
	struct sluice_flow *flow;

	flow = kzalloc(struct_size(flow, act, spec->nr_act) + nr_words * sizeof(u64),
		       GFP_KERNEL_ACCOUNT);
	if (!flow)
		return NULL;
	flow->nr_act = spec->nr_act;
	flow->nr_words = nr_words;
	flow->prio = spec->prio;
	return flow;
}

static int id_take(struct sluice_flow_table *t, struct sluice_flow *flow, u32 wanted)
{
	int err;

	if (!wanted) {
		err = xa_alloc_cyclic(&t->ids, &flow->id, flow, XA_LIMIT(1, U32_MAX), &t->next_id,
				      GFP_KERNEL);
		return err < 0 ? err : 0;
	}
	flow->id = wanted;
	return xa_insert(&t->ids, wanted, flow, GFP_KERNEL);
}

int sluice_flow_insert(struct sluice_flow_table *t, struct sluice_flow *flow,
		       struct sluice_flow_spec *spec, struct netlink_ext_ack *extack)
{
	struct sluice_flow_mask *mask;
	int err;

	err = id_take(t, flow, spec->id);
	if (err == -EBUSY) {
		NL_SET_ERR_MSG(extack,
			       "this flow id is taken: choose another, or none to be given one");
		return spec->id ? -EEXIST : -ENOSPC;
	}
	if (err)
		return err;
	mask = sluice_flow_mask_get(t, &spec->mask);
	if (IS_ERR(mask)) {
		err = PTR_ERR(mask);
		if (err == -ENOSPC)
			NL_SET_ERR_MSG(extack,
				       "too many masks: let flows match on the same fields");
		goto out_id;
	}
	flow->mask = mask;
	sluice_flow_mask_apply(mask, &spec->key, sluice_flow_words(flow));
	err = sluice_flow_mask_insert(t, mask, flow);
	if (err) {
		if (err == -EEXIST)
			NL_SET_ERR_MSG(extack, "a flow with the same match and priority is there");
		goto out_mask;
	}
	spec->id = flow->id;
	t->nr++;
	return 0;

out_mask:
	sluice_flow_mask_put(t, mask);
out_id:
	xa_erase(&t->ids, flow->id);
	return err;
}

static void flow_release(struct sluice_reclaim *r)
{
	kfree(container_of(r, struct sluice_flow, reclaim));
}

void sluice_flow_unlink(struct sluice_flow_table *t, struct sluice_flow *flow)
{
	struct sluice_flow_mask *mask = flow->mask;

	sluice_flow_mask_remove(t, mask, flow);
	sluice_flow_mask_put(t, mask);
	xa_erase(&t->ids, flow->id);
	t->nr--;
	WRITE_ONCE(flow->dead, true);
	/* Takes the place of what only the table needed. */
	flow->reclaim.release = flow_release;
}

struct sluice_flow *sluice_flow_find(const struct sluice_flow_table *t, u32 id)
{
	return xa_load((struct xarray *)&t->ids, id);
}

void sluice_flow_match(const struct sluice_flow *flow, struct sluice_flow_key *key,
		       struct sluice_flow_key *mask)
{
	sluice_flow_mask_expand(flow->mask, sluice_flow_words(flow), key);
	sluice_flow_mask_expand(flow->mask, flow->mask->bits, mask);
}
