// SPDX-License-Identifier: GPL-2.0-only
/* What a transaction makes of access lists: see acl_draft.h. */
#include <linux/err.h>
#include <linux/rtnetlink.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/xarray.h>
#include "acl.h"
#include "acl_draft.h"
#include "net.h"
#include "port_draft.h"

/**
 * struct sluice_acl_draft - a list as it will be
 * @port: whose
 * @dir: of which direction
 * @item: struct sluice_acl_item by priority; those of the list in force, and new ones
 * @nr: how many
 * @counted: how many more (or, less than 0, fewer) than in force the namespace's count has by it
 * @list: the same as packets want it; after the build
 * @old: what was in force; after the switch
 *
 * All under RTNL.
 */
struct sluice_acl_draft {
	struct sluice_port *port;
	u8 dir;
	struct xarray item;
	u32 nr;
	int counted;
	struct sluice_acl_list *list;
	struct sluice_acl_list *old;
};

static struct sluice_acl *draft_acl(const struct sluice_acl_draft *d)
{
	struct sluice_net_port *np = d->port->engine;

	return &np->acl[d->dir];
}

static struct sluice_acl_list *draft_in_force(const struct sluice_acl_draft *d)
{
	return rtnl_dereference(draft_acl(d)->list);
}

/* Packets may see it: it is freed as they allow. */
static bool draft_shared(const struct sluice_acl_draft *d, const struct sluice_acl_item *item)
{
	return sluice_acl_find(draft_in_force(d), item->rule.prio) == item;
}

/* At once, so that a limit holds for what the transaction adds; taken back without a switch. */
static void draft_count(struct sluice_acl_draft *d, int change)
{
	d->counted += change;
	sluice_net_count_rules(d->port, change);
}

/* Nobody has seen it. */
static void draft_free_item(struct sluice_acl_draft *d, struct sluice_acl_item *item)
{
	sluice_net_charge(d->port, -(s64)sluice_acl_rule_memory());
	kfree(item);
}

static void draft_free(struct sluice_acl_draft *d)
{
	xa_destroy(&d->item);
	kfree(d);
}

static struct sluice_acl_draft *draft_new(struct sluice_port *port, u8 dir)
{
	struct sluice_acl_draft *d = kzalloc(sizeof(*d), GFP_KERNEL_ACCOUNT);
	struct sluice_acl_list *list;
	u32 i;

	if (!d)
		return NULL;
	d->port = port;
	d->dir = dir;
	xa_init_flags(&d->item, XA_FLAGS_ACCOUNT);
	list = draft_in_force(d);
	for (i = 0; list && i < list->nr; i++, d->nr++) {
		struct sluice_acl_item *item = list->entry[i].item;

		if (xa_insert(&d->item, item->rule.prio, item, GFP_KERNEL_ACCOUNT)) {
			draft_free(d);
			return NULL;
		}
	}
	return d;
}

/* The list's draft, made if need be. NULL: no memory. */
static struct sluice_acl_draft *draft_of(struct sluice_port *port, u8 dir)
{
	struct sluice_port_draft *pd = sluice_port_draft_of(port);

	if (!pd)
		return NULL;
	if (!pd->acl[dir])
		pd->acl[dir] = draft_new(port, dir);
	return pd->acl[dir];
}

int sluice_acl_draft_add(struct sluice_port *port, const struct sluice_acl_rule *rule,
			 struct netlink_ext_ack *extack)
{
	struct sluice_acl_draft *d = draft_of(port, rule->dir);
	struct sluice_acl_item *item;
	int err;

	if (!d)
		return -ENOMEM;
	err = sluice_acl_may_add(d->nr, xa_load(&d->item, rule->prio), extack) ?:
	      sluice_tenant_check_memory(port->inst, sluice_acl_rule_memory(), extack);
	if (err)
		return err;
	item = sluice_acl_item_new(rule);
	if (!item)
		return -ENOMEM;
	err = xa_insert(&d->item, rule->prio, item, GFP_KERNEL_ACCOUNT);
	if (err) {
		kfree(item);
		return err;
	}
	d->nr++;
	draft_count(d, 1);
	sluice_net_charge(port, sluice_acl_rule_memory());
	return 0;
}

static void draft_remove(struct sluice_acl_draft *d, struct sluice_acl_item *item)
{
	xa_erase(&d->item, item->rule.prio);
	d->nr--;
	draft_count(d, -1);
	if (!draft_shared(d, item))
		draft_free_item(d, item);
}

int sluice_acl_draft_del(struct sluice_port *port, u8 dir, u32 prio,
			 struct netlink_ext_ack *extack)
{
	struct sluice_acl_draft *d = draft_of(port, dir);
	struct sluice_acl_item *item;

	if (!d)
		return -ENOMEM;
	item = xa_load(&d->item, prio);
	if (!item)
		return sluice_acl_not_there(extack);
	draft_remove(d, item);
	return 0;
}

int sluice_acl_draft_flush(struct sluice_port *port)
{
	struct sluice_acl_item *item;
	struct sluice_acl_draft *d;
	unsigned long prio;
	u8 dir;

	for (dir = 0; dir < SLUICE_DIRS; dir++) {
		d = draft_of(port, dir);
		if (!d)
			return -ENOMEM;
		xa_for_each(&d->item, prio, item) {
			draft_remove(d, item);
			cond_resched();
		}
	}
	return 0;
}

/* Call @fn for each list of the transaction, until one fails. */
static int drafts_each(int (*fn)(struct sluice_acl_draft *d))
{
	struct sluice_port_draft *pd;
	unsigned int dir;
	int err = 0;

	list_for_each_entry(pd, &sluice_port_drafts, node) {
		for (dir = 0; dir < SLUICE_DIRS && !err; dir++)
			if (pd->acl[dir])
				err = fn(pd->acl[dir]);
	}
	return err;
}

static int draft_build(struct sluice_acl_draft *d)
{
	struct sluice_acl_item *item;
	unsigned long prio;
	u32 i = 0;

	if (!d->nr)
		return 0;
	d->list = sluice_acl_list_new(d->nr);
	if (!d->list)
		return -ENOMEM;
	xa_for_each(&d->item, prio, item) {
		sluice_acl_entry_set(&d->list->entry[i++], item);
		cond_resched();
	}
	return 0;
}

int sluice_acl_draft_build(void)
{
	return drafts_each(draft_build);
}

static int draft_switch(struct sluice_acl_draft *d)
{
	d->old = draft_in_force(d);
	rcu_assign_pointer(draft_acl(d)->list, d->list);
	return 0;
}

void sluice_acl_draft_switch(void)
{
	drafts_each(draft_switch);
}

/* What was in force and is no more. */
static void draft_free_old(struct sluice_acl_draft *d)
{
	u32 i;

	for (i = 0; d->old && i < d->old->nr; i++) {
		struct sluice_acl_item *item = d->old->entry[i].item;

		cond_resched();
		if (xa_load(&d->item, item->rule.prio) == item)
			continue;
		sluice_net_charge(d->port, -(s64)sluice_acl_rule_memory());
		sluice_reclaim(&item->reclaim);
	}
	if (d->old)
		kvfree_rcu(d->old, rcu);
}

/* What nobody has seen. */
static void draft_free_new(struct sluice_acl_draft *d)
{
	struct sluice_acl_item *item;
	unsigned long prio;

	draft_count(d, -d->counted);
	kvfree(d->list);
	xa_for_each(&d->item, prio, item) {
		if (!draft_shared(d, item))
			draft_free_item(d, item);
		cond_resched();
	}
}

static int draft_end_old(struct sluice_acl_draft *d)
{
	draft_free_old(d);
	draft_free(d);
	return 0;
}

static int draft_end_new(struct sluice_acl_draft *d)
{
	draft_free_new(d);
	draft_free(d);
	return 0;
}

void sluice_acl_draft_end(bool switched)
{
	drafts_each(switched ? draft_end_old : draft_end_new);
}
