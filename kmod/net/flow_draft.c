// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a transaction makes of flows and meters: see flow_draft.h.
 *
 * Each change is kept. After the switch they are gone through in order, and what was removed is
 * unlinked and freed as packets allow; without one they are taken back, last first. Neither needs
 * memory, so neither can fail.
 */
#include <linux/list.h>
#include <linux/rtnetlink.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include "config.h"
#include "flow_draft.h"

/**
 * struct flow_change - a flow or a meter that was added or removed
 * @node: in changes
 * @added: or removed
 * @flow: NULL: it is a meter
 * @meter: NULL: it is a flow
 * @covered: what had the id of one that was added and is removed by the same transaction; or NULL
 */
struct flow_change {
	struct list_head node;
	bool added;
	struct sluice_flow *flow;
	struct sluice_net_meter *meter;
	void *covered;
};

/* All of it RTNL. A transaction is one namespace's. */
static LIST_HEAD(changes);
static struct sluice_net_instance *of;

static struct flow_change *change_new(struct sluice_net_instance *ni, bool added)
{
	struct flow_change *c = kzalloc(sizeof(*c), GFP_KERNEL_ACCOUNT);

	ASSERT_RTNL();
	if (!c)
		return NULL;
	WARN_ON_ONCE(of && of != ni);
	of = ni;
	c->added = added;
	return c;
}

static void change_keep(struct flow_change *c)
{
	list_add_tail(&c->node, &changes);
}

/* --- changes --- */

int sluice_flow_draft_add(struct sluice_net_instance *ni, struct sluice_flow *flow,
			  struct sluice_flow_spec *spec, struct netlink_ext_ack *extack)
{
	struct flow_change *c = change_new(ni, true);
	struct sluice_flow *covered;
	int err;

	if (!c)
		return -ENOMEM;
	flow->seen = BIT(!ni->flows.epoch);
	err = sluice_flow_insert(&ni->flows, flow, spec, &covered, extack);
	if (err) {
		kfree(c);
		return err;
	}
	c->flow = flow;
	c->covered = covered;
	sluice_config_flow_count(ni, flow, 1);
	change_keep(c);
	return 0;
}

int sluice_flow_draft_del(struct sluice_net_instance *ni, struct sluice_flow *flow)
{
	struct flow_change *c = change_new(ni, false);

	if (!c)
		return -ENOMEM;
	c->flow = flow;
	sluice_flow_hide(&ni->flows, flow);
	sluice_config_flow_count(ni, flow, -1);
	change_keep(c);
	return 0;
}

int sluice_flow_draft_add_meter(struct sluice_net_instance *ni, struct sluice_net_meter *meter)
{
	struct flow_change *c = change_new(ni, true);
	void *covered;

	if (!c)
		return -ENOMEM;
	covered = xa_store(&ni->meters, meter->id, meter, GFP_KERNEL);
	if (xa_is_err(covered)) {
		kfree(c);
		return xa_err(covered);
	}
	c->meter = meter;
	c->covered = covered;
	sluice_tenant_count(ni->inst, 0, 1);
	sluice_config_meter_charge(ni, meter->id, !covered, 1);
	change_keep(c);
	return 0;
}

int sluice_flow_draft_del_meter(struct sluice_net_instance *ni, struct sluice_net_meter *meter)
{
	struct flow_change *c = change_new(ni, false);

	if (!c)
		return -ENOMEM;
	c->meter = meter;
	meter->removed = true;
	sluice_tenant_count(ni->inst, 0, -1);
	change_keep(c);
	return 0;
}

/* --- the end, with a switch --- */

void sluice_flow_draft_switch(void)
{
	if (!of)
		return;
	WRITE_ONCE(of->flows.epoch, !of->flows.epoch);
	sluice_net_changed(of);
}

/* What comes next to be configured is for the other epoch again. One that is hidden goes soon. */
static void added_settle(const struct flow_change *c)
{
	if (c->flow && sluice_flow_seen(c->flow, of->flows.epoch))
		WRITE_ONCE(c->flow->seen, SLUICE_FLOW_SEEN_ALWAYS);
}

/* Its place, if it has that, is @covered's, or nobody's. */
static void meter_free(struct sluice_net_meter *meter, struct sluice_net_meter *covered)
{
	bool there = xa_load(&of->meters, meter->id) == meter;

	sluice_config_meter_charge(of, meter->id, there && !covered, -1);
	if (there && covered)
		xa_store(&of->meters, meter->id, covered, GFP_KERNEL);
	else if (there)
		xa_erase(&of->meters, meter->id);
	sluice_reclaim(&meter->reclaim);
}

static void removed_free(const struct flow_change *c)
{
	if (c->flow) {
		sluice_flow_unlink(&of->flows, c->flow, NULL);
		sluice_reclaim(&c->flow->reclaim);
		return;
	}
	meter_free(c->meter, NULL);
}

static void changes_settle(void)
{
	struct flow_change *c, *tmp;

	list_for_each_entry_safe(c, tmp, &changes, node) {
		if (c->added)
			added_settle(c);
		else
			removed_free(c);
		kfree(c);
		cond_resched();
	}
}

/* --- the end, without one --- */

/*
 * No packet was matched by it, but a look-up may be passing it: so it is reclaimed as the others
 * are.
 */
static void added_undo(const struct flow_change *c)
{
	if (c->flow) {
		sluice_config_flow_count(of, c->flow, -1);
		sluice_flow_hide(&of->flows, c->flow);
		sluice_flow_unlink(&of->flows, c->flow, c->covered);
		sluice_reclaim(&c->flow->reclaim);
		return;
	}
	sluice_tenant_count(of->inst, 0, -1);
	meter_free(c->meter, c->covered);
}

static void removed_undo(const struct flow_change *c)
{
	if (c->flow) {
		sluice_flow_show(&of->flows, c->flow);
		sluice_config_flow_count(of, c->flow, 1);
		return;
	}
	c->meter->removed = false;
	sluice_tenant_count(of->inst, 0, 1);
}

static void changes_undo(void)
{
	struct flow_change *c, *tmp;

	list_for_each_entry_safe_reverse(c, tmp, &changes, node) {
		if (c->added)
			added_undo(c);
		else
			removed_undo(c);
		kfree(c);
		cond_resched();
	}
}

void sluice_flow_draft_end(bool switched)
{
	if (switched)
		changes_settle();
	else
		changes_undo();
	if (of)
		sluice_net_charge_flows(of);
	INIT_LIST_HEAD(&changes);
	of = NULL;
}
