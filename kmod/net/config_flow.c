// SPDX-License-Identifier: GPL-2.0-only
/* Configuration of a namespace: meters and flows. Changes end as those in config.c. */
#include <linux/err.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include "../ask.h"
#include "config.h"
#include "draft.h"
#include "flow.h"
#include "flow_draft.h"
#include "index.h"

/* --- meters --- */

static void meter_release(struct sluice_reclaim *r)
{
	kfree(container_of(r, struct sluice_net_meter, reclaim));
}

struct sluice_net_meter *sluice_config_meter_alloc(u32 id, const struct sluice_rate *rate)
{
	struct sluice_net_meter *meter = kzalloc(sizeof(*meter), GFP_KERNEL_ACCOUNT);

	if (!meter)
		return NULL;
	meter->id = id;
	meter->rate = *rate;
	sluice_rate_defaults(&meter->rate);
	sluice_meter_init(&meter->m, &meter->rate);
	meter->patience = sluice_rate_patience(&meter->rate);
	meter->reclaim.release = meter_release;
	return meter;
}

void sluice_config_meter_charge(struct sluice_net_instance *ni, u32 id, bool placed, int change)
{
	size_t bytes = sluice_net_meter_memory();

	if (placed)
		bytes += sluice_index_memory(&ni->meters, id);
	sluice_tenant_count_memory(ni->inst, change * (s64)bytes);
}

/* The one that is configured, or NULL. */
static struct sluice_net_meter *meter_find(struct sluice_net_instance *ni, u32 id)
{
	struct sluice_net_meter *meter = xa_load(&ni->meters, id);

	return meter && !meter->removed ? meter : NULL;
}

static int meter_insert(struct sluice_net_instance *ni, struct sluice_net_meter *meter)
{
	int err;

	if (sluice_drafting())
		return sluice_flow_draft_add_meter(ni, meter);
	err = xa_insert(&ni->meters, meter->id, meter, GFP_KERNEL);
	if (err)
		return err;
	sluice_tenant_count(ni->inst, 0, 1);
	sluice_config_meter_charge(ni, meter->id, true, 1);
	sluice_net_changed(ni);
	return 0;
}

int sluice_config_meter_add(struct sluice_instance *inst, u32 id, const struct sluice_rate *rate,
			    struct netlink_ext_ack *extack)
{
	struct sluice_net_instance *ni = sluice_config_of(inst);
	struct sluice_net_meter *meter;
	int err;

	err = sluice_rate_check(rate, extack);
	if (err)
		return err;
	if (!rate->bps && !rate->pps) {
		NL_SET_ERR_MSG(extack, "a meter needs a rate: bps or pps");
		return -EINVAL;
	}
	if (meter_find(ni, id)) {
		NL_SET_ERR_MSG(extack,
			       "this meter id is taken: choose another or delete the meter");
		return -EEXIST;
	}
	err = sluice_tenant_check_memory(inst, sluice_net_meter_memory() + SLUICE_INDEX_MEMORY,
					 extack);
	if (err)
		return err;
	meter = sluice_config_meter_alloc(id, rate);
	if (!meter)
		return -ENOMEM;
	err = meter_insert(ni, meter);
	if (err)
		kfree(meter);
	return err;
}

int sluice_config_meter_del(struct sluice_instance *inst, u32 id, struct netlink_ext_ack *extack)
{
	struct sluice_net_instance *ni = sluice_config_of(inst);
	struct sluice_net_meter *meter = meter_find(ni, id);

	if (!meter) {
		NL_SET_ERR_MSG(extack, "there is no meter with this id");
		return -ENOENT;
	}
	if (meter->users) {
		NL_SET_ERR_MSG_FMT(extack, "%u actions of flows use this meter: delete them first",
				   meter->users);
		return -EBUSY;
	}
	if (sluice_drafting())
		return sluice_flow_draft_del_meter(ni, meter);
	sluice_config_meter_charge(ni, id, true, -1);
	xa_erase(&ni->meters, id);
	sluice_tenant_count(inst, 0, -1);
	sluice_net_changed(ni);
	sluice_reclaim(&meter->reclaim);
	return 0;
}

int sluice_config_meter_dump(struct sluice_instance *inst, struct sluice_cursor *cur,
			     sluice_meter_emit_t emit, void *ctx)
{
	struct sluice_net_instance *ni = sluice_config_of(inst);
	struct sluice_net_meter *meter;
	unsigned long id;
	int err;

	if (cur->pos > U32_MAX)
		return 0;
	xa_for_each_start(&ni->meters, id, meter, cur->pos) {
		struct sluice_hits passed, dropped;

		cur->pos = id;
		sluice_config_hits(&meter->passed, &passed);
		sluice_config_hits(&meter->dropped, &dropped);
		err = emit(ctx, id, &meter->rate, &passed, &dropped);
		if (err)
			return err;
		cur->pos = (u64)id + 1;
	}
	return 0;
}

/* --- flows --- */

/* In the namespace, by its netdev. */
static struct sluice_port *flow_port(struct sluice_instance *inst, int ifindex,
				     struct netlink_ext_ack *extack)
{
	struct sluice_port *port = sluice_port_find_ifindex(inst->net, ifindex);

	if (!port)
		NL_SET_ERR_MSG_FMT(extack, "no port has interface index %d", ifindex);
	return port;
}

/* An ifindex of 0 is a port that is gone. */
static int act_resolve(struct sluice_instance *inst, const struct sluice_act *act,
		       struct sluice_flow_act *to, struct netlink_ext_ack *extack)
{
	to->type = act->type;
	switch (act->type) {
	case SLUICE_ACT_OUTPUT:
		if (!act->ifindex)
			return 0;
		to->port = flow_port(inst, act->ifindex, extack);
		return to->port ? 0 : -ENODEV;
	case SLUICE_ACT_METER:
		to->meter = meter_find(sluice_config_of(inst), act->meter);
		if (to->meter)
			return 0;
		NL_SET_ERR_MSG_FMT(extack, "there is no meter %u: add it first", act->meter);
		return -ENOENT;
	case SLUICE_ACT_PUSH_VLAN:
	case SLUICE_ACT_SET_VLAN:
		to->vlan = act->vlan;
		return 0;
	case SLUICE_ACT_SET_ETH_SRC:
	case SLUICE_ACT_SET_ETH_DST:
		memcpy(to->mac, act->mac, ETH_ALEN);
		return 0;
	case SLUICE_ACT_SET_SRC:
	case SLUICE_ACT_SET_DST:
		to->ip = act->ip.addr;
		return 0;
	case SLUICE_ACT_SET_TTL:
	case SLUICE_ACT_SET_DSCP:
		to->value = act->value;
		return 0;
	case SLUICE_ACT_SET_SPORT:
	case SLUICE_ACT_SET_DPORT:
		to->l4_port = act->port;
		return 0;
	}
	return 0;
}

/* The reverse. @ipv6: which family the flow's addresses are of. */
static void act_show(const struct sluice_flow_act *act, struct sluice_act *to, bool ipv6)
{
	to->type = act->type;
	switch (act->type) {
	case SLUICE_ACT_OUTPUT:
		to->ifindex = act->port ? act->port->dev->ifindex : 0;
		break;
	case SLUICE_ACT_METER:
		to->meter = act->meter->id;
		break;
	case SLUICE_ACT_PUSH_VLAN:
	case SLUICE_ACT_SET_VLAN:
		to->vlan = act->vlan;
		break;
	case SLUICE_ACT_SET_ETH_SRC:
	case SLUICE_ACT_SET_ETH_DST:
		memcpy(to->mac, act->mac, ETH_ALEN);
		break;
	case SLUICE_ACT_SET_SRC:
	case SLUICE_ACT_SET_DST:
		to->ip.addr = act->ip;
		to->ip.family = ipv6 ? AF_INET6 : AF_INET;
		to->ip.len = ipv6 ? 128 : 32;
		break;
	case SLUICE_ACT_SET_TTL:
	case SLUICE_ACT_SET_DSCP:
		to->value = act->value;
		break;
	case SLUICE_ACT_SET_SPORT:
	case SLUICE_ACT_SET_DPORT:
		to->port = act->l4_port;
		break;
	}
}

/* Where flows between the two are counted; NULL: no uplink and a guest are these. */
static struct xarray *flow_ties(struct sluice_port *in, struct sluice_port *out, u32 *index)
{
	struct sluice_port *uplink = in->kind == SLUICE_PORT_UPLINK ? in : out;
	struct sluice_port *guest = uplink == in ? out : in;

	if (uplink->kind != SLUICE_PORT_UPLINK || guest->kind != SLUICE_PORT_GUEST)
		return NULL;
	*index = guest->index;
	return &((struct sluice_net_port *)uplink->engine)->ties;
}

/* One flow more, or less, goes from @in to @out. It has its place: this cannot fail. */
static void flow_tie_ports(struct sluice_port *in, struct sluice_port *out, int change)
{
	struct xarray *ties;
	unsigned long nr;
	u32 index;

	ties = flow_ties(in, out, &index);
	if (!ties)
		return;
	nr = xa_to_value(xa_load(ties, index)) + change;
	xa_store(ties, index, xa_mk_value(nr), GFP_KERNEL);
	if (nr == (change > 0 ? 1 : 0))
		sluice_ask_changed();
}

/* The port that it matches, or NULL. */
static struct sluice_port *flow_in_port(const struct sluice_flow *flow)
{
	struct sluice_flow_key key, mask;

	sluice_flow_match(flow, &key, &mask);
	return mask.in_port ? xa_load(&sluice_ports, key.in_port) : NULL;
}

static void flow_tie(const struct sluice_flow *flow, int change)
{
	struct sluice_port *in = flow_in_port(flow);
	unsigned int i;

	for (i = 0; in && i < flow->nr_act; i++)
		if (flow->act[i].type == SLUICE_ACT_OUTPUT && flow->act[i].port)
			flow_tie_ports(in, flow->act[i].port, change);
}

/* A place for what flow_tie() will count, if @in is the port that @flow matches. */
static int flow_tie_prepare(const struct sluice_flow *flow, struct sluice_port *in)
{
	struct xarray *ties;
	unsigned int i;
	int err = 0;
	u32 index;

	for (i = 0; in && i < flow->nr_act && !err; i++) {
		if (flow->act[i].type != SLUICE_ACT_OUTPUT || !flow->act[i].port)
			continue;
		ties = flow_ties(in, flow->act[i].port, &index);
		if (ties && !xa_load(ties, index))
			err = xa_err(xa_store(ties, index, xa_mk_value(0), GFP_KERNEL));
	}
	return err;
}

void sluice_config_flow_count(struct sluice_net_instance *ni, const struct sluice_flow *flow,
			      int change)
{
	unsigned int i;

	for (i = 0; i < flow->nr_act; i++)
		if (flow->act[i].type == SLUICE_ACT_METER)
			flow->act[i].meter->users += change;
	flow_tie(flow, change);
	sluice_tenant_count(ni->inst, 0, change);
}

/* In place, for a change by itself. */
static int flow_put(struct sluice_net_instance *ni, struct sluice_flow *flow,
		    struct sluice_flow_spec *spec, struct netlink_ext_ack *extack)
{
	struct sluice_flow *covered;
	int err;

	flow->seen = SLUICE_FLOW_SEEN_ALWAYS;
	err = sluice_flow_insert(&ni->flows, flow, spec, &covered, extack);
	if (err)
		return err;
	sluice_config_flow_count(ni, flow, 1);
	sluice_net_changed(ni);
	return 0;
}

/* @spec has the port's index in its key for the time of the insertion only. */
static int flow_insert(struct sluice_instance *inst, struct sluice_flow *flow,
		       struct sluice_flow_spec *spec, struct netlink_ext_ack *extack)
{
	struct sluice_net_instance *ni = sluice_config_of(inst);
	u32 ifindex = spec->key.in_port;
	struct sluice_port *port = NULL;
	int err;

	if (spec->mask.in_port) {
		port = flow_port(inst, ifindex, extack);
		if (!port)
			return -ENODEV;
	}
	err = flow_tie_prepare(flow, port);
	if (err)
		return err;
	if (port)
		spec->key.in_port = port->index;
	if (sluice_drafting())
		err = sluice_flow_draft_add(ni, flow, spec, extack);
	else
		err = flow_put(ni, flow, spec, extack);
	spec->key.in_port = ifindex;
	return err;
}

int sluice_config_flow_add(struct sluice_instance *inst, struct sluice_flow_spec *spec,
			   struct netlink_ext_ack *extack)
{
	struct sluice_flow *flow;
	unsigned int i;
	int err;

	err = sluice_flow_check(spec, extack);
	if (err)
		return err;
	flow = sluice_flow_alloc(spec);
	if (!flow)
		return -ENOMEM;
	err = sluice_tenant_check_memory(inst, sluice_flow_memory_most(flow), extack);
	for (i = 0; i < spec->nr_act && !err; i++)
		err = act_resolve(inst, &spec->act[i], &flow->act[i], extack);
	if (!err)
		err = flow_insert(inst, flow, spec, extack);
	if (err)
		kfree(flow);
	sluice_net_charge_flows(sluice_config_of(inst));
	return err;
}

/* Unlink without the rest, which may be done for many at once. */
static void flow_unlink(struct sluice_net_instance *ni, struct sluice_flow *flow)
{
	sluice_config_flow_count(ni, flow, -1);
	sluice_flow_hide(&ni->flows, flow);
	sluice_flow_unlink(&ni->flows, flow, NULL);
}

int sluice_config_flow_del(struct sluice_instance *inst, u32 id, struct netlink_ext_ack *extack)
{
	struct sluice_net_instance *ni = sluice_config_of(inst);
	struct sluice_flow *flow = sluice_flow_find(&ni->flows, id);

	if (!flow) {
		NL_SET_ERR_MSG(extack, "there is no flow with this id");
		return -ENOENT;
	}
	if (sluice_drafting())
		return sluice_flow_draft_del(ni, flow);
	flow_unlink(ni, flow);
	sluice_net_charge_flows(ni);
	sluice_net_changed(ni);
	sluice_reclaim(&flow->reclaim);
	return 0;
}

/* Remove the flows that @drop picks, all if it is NULL. */
static void flows_remove(struct sluice_net_instance *ni,
			 bool (*drop)(struct sluice_flow *flow, void *arg), void *arg)
{
	LLIST_HEAD(gone);
	struct sluice_reclaim *r, *next;
	struct sluice_flow *flow;
	unsigned long id;

	xa_for_each(&ni->flows.ids, id, flow) {
		cond_resched();
		if (drop && !drop(flow, arg))
			continue;
		flow_unlink(ni, flow);
		__llist_add(&flow->reclaim.node, &gone);
	}
	sluice_net_charge_flows(ni);
	sluice_net_changed(ni);
	llist_for_each_entry_safe(r, next, __llist_del_all(&gone), node)
		sluice_reclaim(r);
}

static int flows_draft_flush(struct sluice_net_instance *ni)
{
	struct sluice_flow *flow;
	unsigned long id;
	int err = 0;

	xa_for_each(&ni->flows.ids, id, flow) {
		if (sluice_flow_current(&ni->flows, flow))
			err = sluice_flow_draft_del(ni, flow);
		if (err)
			break;
		cond_resched();
	}
	return err;
}

int sluice_config_flow_flush(struct sluice_instance *inst)
{
	if (sluice_drafting())
		return flows_draft_flush(sluice_config_of(inst));
	flows_remove(sluice_config_of(inst), NULL, NULL);
	return 0;
}

/* Outputs to the port lose it; true if the flow can match no more. */
static bool flow_forget_port(struct sluice_flow *flow, void *arg)
{
	struct sluice_port *port = arg, *in = flow_in_port(flow);
	unsigned int i;

	if (in == port)
		return true;
	for (i = 0; i < flow->nr_act; i++) {
		if (flow->act[i].type != SLUICE_ACT_OUTPUT || flow->act[i].port != port)
			continue;
		if (in)
			flow_tie_ports(in, port, -1);
		WRITE_ONCE(flow->act[i].port, NULL);
	}
	return false;
}

void sluice_config_flow_port_gone(struct sluice_net_instance *ni, struct sluice_port *port)
{
	flows_remove(ni, flow_forget_port, port);
}

static bool flow_show(const struct sluice_flow *flow, struct sluice_flow_spec *spec)
{
	const struct sluice_port *port;
	bool active = true;
	unsigned int i;

	memset(spec, 0, sizeof(*spec));
	spec->id = flow->id;
	spec->prio = flow->prio;
	spec->nr_act = flow->nr_act;
	sluice_flow_match(flow, &spec->key, &spec->mask);
	if (spec->mask.in_port) {
		port = xa_load(&sluice_ports, spec->key.in_port);
		spec->key.in_port = port ? port->dev->ifindex : 0;
	}
	for (i = 0; i < flow->nr_act; i++) {
		act_show(&flow->act[i], &spec->act[i], spec->key.eth_type == ETH_P_IPV6);
		if (flow->act[i].type == SLUICE_ACT_OUTPUT && !flow->act[i].port)
			active = false;
	}
	return active;
}

int sluice_config_flow_get(struct sluice_instance *inst, u32 id, struct sluice_flow_spec *spec,
			   struct sluice_hits *hits, bool *active)
{
	const struct sluice_flow *flow = sluice_flow_find(&sluice_config_of(inst)->flows, id);

	if (!flow)
		return -ENOENT;
	*active = flow_show(flow, spec);
	sluice_config_hits(&flow->hits, hits);
	return 0;
}

int sluice_config_flow_dump(struct sluice_instance *inst, struct sluice_cursor *cur,
			    sluice_flow_emit_t emit, void *ctx)
{
	struct sluice_net_instance *ni = sluice_config_of(inst);
	struct sluice_flow_spec *spec;
	struct sluice_flow *flow;
	unsigned long id;
	int err = 0;

	if (cur->pos > U32_MAX)
		return 0;
	/* Too big for the stack. */
	spec = kmalloc(sizeof(*spec), GFP_KERNEL);
	if (!spec)
		return -ENOMEM;
	xa_for_each_start(&ni->flows.ids, id, flow, cur->pos) {
		struct sluice_hits hits;
		bool active;

		cur->pos = id;
		active = flow_show(flow, spec);
		sluice_config_hits(&flow->hits, &hits);
		err = emit(ctx, spec, &hits, active);
		if (err)
			break;
		cur->pos = (u64)id + 1;
	}
	kfree(spec);
	return err;
}

void sluice_config_flow_exit(struct sluice_net_instance *ni)
{
	struct sluice_net_meter *meter;
	unsigned long id;

	flows_remove(ni, NULL, NULL);
	sluice_flow_table_exit(&ni->flows);
	xa_for_each(&ni->meters, id, meter) {
		sluice_config_meter_charge(ni, id, true, -1);
		xa_erase(&ni->meters, id);
		sluice_tenant_count(ni->inst, 0, -1);
		sluice_reclaim(&meter->reclaim);
	}
	xa_destroy(&ni->meters);
}
