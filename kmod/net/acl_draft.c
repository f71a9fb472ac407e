// SPDX-License-Identifier: GPL-2.0-only
/* What a transaction makes of access lists: see acl_draft.h. */
#include <linux/err.h>
#include <linux/list.h>
#include <linux/rtnetlink.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/xarray.h>
#include "acl.h"
#include "acl_draft.h"
#include "net.h"

/**
 * struct acl_draft - a list as it will be
 * @node: in drafts
 * @port: whose; it lives until the transaction ends, since ports are removed after that
 * @dir: of which direction
 * @item: struct sluice_acl_item by priority; those of the list in force, and new ones
 * @nr: how many
 * @counted: how many more (or, less than 0, fewer) than in force the namespace's count has by it
 * @list: the same as packets want it; after the build
 * @old: what was in force; after the switch
 * @switched: it is in force
 *
 * All under RTNL.
 */
struct acl_draft {
	struct list_head node;
	struct sluice_port *port;
	u8 dir;
	struct xarray item;
	u32 nr;
	int counted;
	struct sluice_acl_list *list;
	struct sluice_acl_list *old;
	bool switched;
};

static LIST_HEAD(drafts);

static struct sluice_acl *draft_acl(const struct acl_draft *d)
{
	struct sluice_net_port *np = d->port->engine;

	return &np->acl[d->dir];
}

static struct sluice_acl_list *draft_in_force(const struct acl_draft *d)
{
	return rtnl_dereference(draft_acl(d)->list);
}

/* Packets may see it: it is freed as they allow. */
static bool draft_shared(const struct acl_draft *d, const struct sluice_acl_item *item)
{
	return sluice_acl_find(draft_in_force(d), item->rule.prio) == item;
}

/* At once, so that a limit holds for what the transaction adds; taken back without a switch. */
static void draft_count(struct acl_draft *d, int change)
{
	d->counted += change;
	sluice_net_count_rules(d->port, change);
}

static void draft_free(struct acl_draft *d)
{
	list_del(&d->node);
	xa_destroy(&d->item);
	kfree(d);
}

static struct acl_draft *draft_new(struct sluice_port *port, u8 dir)
{
	struct acl_draft *d = kzalloc(sizeof(*d), GFP_KERNEL_ACCOUNT);
	struct sluice_acl_list *list;
	u32 i;

	if (!d)
		return NULL;
	d->port = port;
	d->dir = dir;
	xa_init_flags(&d->item, XA_FLAGS_ACCOUNT);
	list_add_tail(&d->node, &drafts);
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
static struct acl_draft *draft_of(struct sluice_port *port, u8 dir)
{
	struct acl_draft *d;

	ASSERT_RTNL();
	/* Changes of a list come one after another: the last is the likeliest. */
	list_for_each_entry_reverse(d, &drafts, node) {
		if (d->port == port && d->dir == dir)
			return d;
	}
	return draft_new(port, dir);
}

int sluice_acl_draft_add(struct sluice_port *port, const struct sluice_acl_rule *rule,
			 struct netlink_ext_ack *extack)
{
	struct acl_draft *d = draft_of(port, rule->dir);
	struct sluice_acl_item *item;
	int err;

	if (!d)
		return -ENOMEM;
	err = sluice_acl_may_add(d->nr, xa_load(&d->item, rule->prio), extack);
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
	return 0;
}

static void draft_remove(struct acl_draft *d, struct sluice_acl_item *item)
{
	xa_erase(&d->item, item->rule.prio);
	d->nr--;
	draft_count(d, -1);
	if (!draft_shared(d, item))
		kfree(item);
}

int sluice_acl_draft_del(struct sluice_port *port, u8 dir, u32 prio,
			 struct netlink_ext_ack *extack)
{
	struct acl_draft *d = draft_of(port, dir);
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
	struct acl_draft *d;
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

static int draft_build(struct acl_draft *d)
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
	struct acl_draft *d;
	int err;

	list_for_each_entry(d, &drafts, node) {
		err = draft_build(d);
		if (err)
			return err;
	}
	return 0;
}

void sluice_acl_draft_switch(void)
{
	struct acl_draft *d;

	list_for_each_entry(d, &drafts, node) {
		d->old = draft_in_force(d);
		rcu_assign_pointer(draft_acl(d)->list, d->list);
		d->switched = true;
		sluice_net_changed(d->port->inst->engine);
	}
}

/* What was in force and is no more. */
static void draft_free_old(struct acl_draft *d)
{
	u32 i;

	for (i = 0; d->old && i < d->old->nr; i++) {
		struct sluice_acl_item *item = d->old->entry[i].item;

		if (xa_load(&d->item, item->rule.prio) != item)
			sluice_reclaim(&item->reclaim);
		cond_resched();
	}
	if (d->old)
		kvfree_rcu(d->old, rcu);
}

/* What nobody has seen. */
static void draft_free_new(struct acl_draft *d)
{
	struct sluice_acl_item *item;
	unsigned long prio;

	draft_count(d, -d->counted);
	kvfree(d->list);
	xa_for_each(&d->item, prio, item) {
		if (!draft_shared(d, item))
			kfree(item);
		cond_resched();
	}
}

void sluice_acl_draft_end(void)
{
	struct acl_draft *d, *tmp;

	list_for_each_entry_safe(d, tmp, &drafts, node) {
		if (d->switched)
			draft_free_old(d);
		else
			draft_free_new(d);
		draft_free(d);
		cond_resched();
	}
}
