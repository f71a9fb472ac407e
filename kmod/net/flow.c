// SPDX-License-Identifier: GPL-2.0-only
/* The flow table: look-up, and the index by id. */
#include <linux/err.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/overflow.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include "flow.h"
#include "flow_mask.h"
#include "index.h"

struct sluice_flow *sluice_flow_lookup(const struct sluice_flow_table *t,
				       const struct sluice_flow_key *key)
{
	const struct sluice_flow_masks *masks = rcu_dereference(t->masks);
	const u8 epoch = READ_ONCE(t->epoch);
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
		/* Of one key there may be many, but hidden ones only while a transaction runs. */
		while (flow && unlikely(!sluice_flow_seen(flow, epoch)))
			flow = rcu_dereference(flow->lower);
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
	t->memory = 0;
	t->epoch = 0;
}

void sluice_flow_table_exit(struct sluice_flow_table *t)
{
	xa_destroy(&t->ids);
}

/* Eth types whose addresses have the form ::ffff:a.b.c.d. */
static bool mask_pins_ipv4(const struct sluice_flow_key *key, const struct sluice_flow_key *mask)
{
	return mask->eth_type == U16_MAX &&
	       (key->eth_type == ETH_P_IP || key->eth_type == ETH_P_ARP);
}

/* A port that is not 0 is one of an L4 header. */
static bool mask_pins_port(const struct sluice_flow_key *key, const struct sluice_flow_key *mask)
{
	return mask->ip_proto == U8_MAX &&
	       (key->ip_proto == IPPROTO_TCP || key->ip_proto == IPPROTO_UDP ||
		key->ip_proto == IPPROTO_SCTP) &&
	       ((mask->sport == U16_MAX && key->sport) || (mask->dport == U16_MAX && key->dport));
}

static void addr_compact(struct in6_addr *mask)
{
	if (mask->s6_addr32[2] == htonl(U32_MAX)) {
		mask->s6_addr32[0] = 0;
		mask->s6_addr32[1] = 0;
	}
}

static void addr_restore(struct in6_addr *mask)
{
	if (mask->s6_addr32[2] == htonl(U32_MAX)) {
		mask->s6_addr32[0] = htonl(U32_MAX);
		mask->s6_addr32[1] = htonl(U32_MAX);
	}
}

/*
 * Leave out of a match what its other parts imply, so that a typical one fits into five words: the
 * first half of IPv4 addresses, and that there is an L4 header where a port is matched.
 */
static void match_compact(const struct sluice_flow_spec *spec, struct sluice_flow_key *key,
			  struct sluice_flow_key *mask)
{
	*key = spec->key;
	*mask = spec->mask;
	if (mask_pins_ipv4(key, mask)) {
		addr_compact(&mask->src);
		addr_compact(&mask->dst);
	}
	if (mask->l4_ok == U8_MAX && key->l4_ok == 1 && mask_pins_port(key, mask)) {
		mask->l4_ok = 0;
		key->l4_ok = 0;
	}
}

static void match_restore(struct sluice_flow_key *key, struct sluice_flow_key *mask)
{
	if (mask_pins_ipv4(key, mask)) {
		addr_restore(&mask->src);
		addr_restore(&mask->dst);
	}
	if (mask_pins_port(key, mask)) {
		mask->l4_ok = U8_MAX;
		key->l4_ok = 1;
	}
}

static size_t flow_size(unsigned int nr_act, unsigned int nr_words)
{
	struct sluice_flow *flow;

	return struct_size(flow, act, nr_act) + nr_words * sizeof(u64);
}

size_t sluice_flow_memory(const struct sluice_flow *flow)
{
	return kmalloc_size_roundup(flow_size(flow->nr_act, flow->nr_words)) +
	       SLUICE_FLOW_HASHED_MEMORY;
}

size_t sluice_flow_memory_most(const struct sluice_flow *flow)
{
	return sluice_flow_memory(flow) + SLUICE_INDEX_MEMORY + sluice_flow_mask_memory();
}

struct sluice_flow *sluice_flow_alloc(const struct sluice_flow_spec *spec)
{
	struct sluice_flow_key key, mask;
	struct sluice_flow *flow;
	unsigned int nr_words;

	match_compact(spec, &key, &mask);
	nr_words = sluice_flow_mask_count(&mask);
	flow = kzalloc(flow_size(spec->nr_act, nr_words), GFP_KERNEL_ACCOUNT);
	if (!flow)
		return NULL;
	flow->nr_act = spec->nr_act;
	flow->nr_words = nr_words;
	flow->prio = spec->prio;
	return flow;
}

/* The place of an id, if it is one more (1), or one less (-1). */
static void id_charge(struct sluice_flow_table *t, u32 id, int change)
{
	t->memory += change * (s64)sluice_index_memory(&t->ids, id);
}

static int id_take(struct sluice_flow_table *t, struct sluice_flow *flow, u32 wanted,
		   struct sluice_flow **covered)
{
	int err;

	*covered = NULL;
	if (!wanted) {
		err = xa_alloc_cyclic(&t->ids, &flow->id, flow, XA_LIMIT(1, U32_MAX), &t->next_id,
				      GFP_KERNEL);
		if (err >= 0)
			id_charge(t, flow->id, 1);
		return err < 0 ? err : 0;
	}
	flow->id = wanted;
	*covered = xa_load(&t->ids, wanted);
	if (*covered && sluice_flow_current(t, *covered))
		return -EBUSY;
	err = xa_err(xa_store(&t->ids, wanted, flow, GFP_KERNEL));
	if (!err && !*covered)
		id_charge(t, wanted, 1);
	return err;
}

/* Needs no memory: the place of @covered is there. */
static void id_give(struct sluice_flow_table *t, struct sluice_flow *flow,
		    struct sluice_flow *covered)
{
	if (xa_load(&t->ids, flow->id) != flow)
		return;
	if (covered) {
		xa_store(&t->ids, flow->id, covered, GFP_KERNEL);
		return;
	}
	id_charge(t, flow->id, -1);
	xa_erase(&t->ids, flow->id);
}

int sluice_flow_insert(struct sluice_flow_table *t, struct sluice_flow *flow,
		       struct sluice_flow_spec *spec, struct sluice_flow **covered,
		       struct netlink_ext_ack *extack)
{
	struct sluice_flow_key key, bits;
	struct sluice_flow_mask *mask;
	int err;

	match_compact(spec, &key, &bits);
	err = id_take(t, flow, spec->id, covered);
	if (err == -EBUSY) {
		NL_SET_ERR_MSG(extack,
			       "this flow id is taken: choose another, or none to be given one");
		return spec->id ? -EEXIST : -ENOSPC;
	}
	if (err)
		return err;
	mask = sluice_flow_mask_get(t, &bits);
	if (IS_ERR(mask)) {
		err = PTR_ERR(mask);
		if (err == -ENOSPC)
			NL_SET_ERR_MSG(extack,
				       "too many masks: let flows match on the same fields");
		goto out_id;
	}
	flow->mask = mask;
	sluice_flow_mask_apply(mask, &key, sluice_flow_words(flow));
	err = sluice_flow_mask_insert(t, mask, flow);
	if (err) {
		if (err == -EEXIST)
			NL_SET_ERR_MSG(extack, "a flow with the same match and priority is there");
		goto out_mask;
	}
	spec->id = flow->id;
	t->nr++;
	t->memory += sluice_flow_memory(flow);
	return 0;

out_mask:
	sluice_flow_mask_put(t, mask);
out_id:
	id_give(t, flow, *covered);
	return err;
}

static void flow_release(struct sluice_reclaim *r)
{
	kfree(container_of(r, struct sluice_flow, reclaim));
}

void sluice_flow_hide(struct sluice_flow_table *t, struct sluice_flow *flow)
{
	WRITE_ONCE(flow->seen, flow->seen & ~BIT(!t->epoch));
	flow->mask->nr_current--;
}

void sluice_flow_show(struct sluice_flow_table *t, struct sluice_flow *flow)
{
	WRITE_ONCE(flow->seen, flow->seen | BIT(!t->epoch));
	flow->mask->nr_current++;
}

void sluice_flow_unlink(struct sluice_flow_table *t, struct sluice_flow *flow,
			struct sluice_flow *covered)
{
	struct sluice_flow_mask *mask = flow->mask;

	sluice_flow_mask_remove(t, mask, flow);
	sluice_flow_mask_put(t, mask);
	id_give(t, flow, covered);
	t->nr--;
	t->memory -= sluice_flow_memory(flow);
	/* Takes the place of what only the table needed. */
	flow->reclaim.release = flow_release;
}

struct sluice_flow *sluice_flow_find(const struct sluice_flow_table *t, u32 id)
{
	struct sluice_flow *flow = xa_load((struct xarray *)&t->ids, id);

	return flow && sluice_flow_current(t, flow) ? flow : NULL;
}

void sluice_flow_match(const struct sluice_flow *flow, struct sluice_flow_key *key,
		       struct sluice_flow_key *mask)
{
	sluice_flow_mask_expand(flow->mask, sluice_flow_words(flow), key);
	sluice_flow_mask_expand(flow->mask, flow->mask->bits, mask);
	match_restore(key, mask);
}
