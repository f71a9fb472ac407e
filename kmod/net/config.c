// SPDX-License-Identifier: GPL-2.0-only
/*
 * Configuration of ports: wires, access lists, guards, rates. Each change ends in this order:
 * readers find the new table, the generation is bumped, what was replaced is given away to be
 * freed.
 */
#include <linux/err.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include "../ask.h"
#include "acl_draft.h"
#include "config.h"
#include "draft.h"
#include "port_draft.h"

static inline struct sluice_net_port *port_of(const struct sluice_port *port)
{
	return port->engine;
}

static void port_changed(const struct sluice_port *port)
{
	sluice_net_changed(sluice_config_of(port->inst));
}

static int dir_check(u8 dir, struct netlink_ext_ack *extack)
{
	if (dir < SLUICE_DIRS)
		return 0;
	NL_SET_ERR_MSG(extack, "no such direction: from-guest or to-guest");
	return -EINVAL;
}

/* Policy is what is demanded of a guest; an uplink has none. */
static int guest_check(const struct sluice_port *port, struct netlink_ext_ack *extack)
{
	if (port->kind == SLUICE_PORT_GUEST)
		return 0;
	NL_SET_ERR_MSG(extack,
		       "only guest ports have policy: set it on the port behind the uplink");
	return -EOPNOTSUPP;
}

/* --- wires --- */

struct sluice_port *sluice_config_wire_peer(struct sluice_port *a)
{
	return sluice_port_draft_peer(a);
}

int sluice_config_wire_set(struct sluice_port *a, struct sluice_port *b,
			   struct netlink_ext_ack *extack)
{
	if (a == b) {
		NL_SET_ERR_MSG(extack, "a wire needs two ports");
		return -EINVAL;
	}
	if (a->inst != b->inst) {
		NL_SET_ERR_MSG(extack, "both ends of a wire must be in one network namespace");
		return -EXDEV;
	}
	if (sluice_config_wire_peer(a) == b) {
		NL_SET_ERR_MSG(extack, "this wire is there already");
		return -EEXIST;
	}
	if (sluice_config_wire_peer(a) || sluice_config_wire_peer(b)) {
		NL_SET_ERR_MSG(extack, "a port has one wire at most: delete the other first");
		return -EBUSY;
	}
	sluice_ask_changed();
	if (sluice_drafting())
		return sluice_port_draft_join(a, b);
	rcu_assign_pointer(port_of(a)->wire, b);
	rcu_assign_pointer(port_of(b)->wire, a);
	port_changed(a);
	return 0;
}

static void wire_cut(struct sluice_port *a)
{
	struct sluice_port *b = sluice_config_wire_peer(a);

	if (!b)
		return;
	RCU_INIT_POINTER(port_of(a)->wire, NULL);
	RCU_INIT_POINTER(port_of(b)->wire, NULL);
	sluice_ask_changed();
}

int sluice_config_wire_del(struct sluice_port *a, struct sluice_port *b,
			   struct netlink_ext_ack *extack)
{
	if (a == b || sluice_config_wire_peer(a) != b) {
		NL_SET_ERR_MSG(extack, "there is no wire between these ports");
		return -ENOENT;
	}
	sluice_ask_changed();
	if (sluice_drafting())
		return sluice_port_draft_cut(a, b);
	wire_cut(a);
	port_changed(a);
	return 0;
}

void sluice_config_port_behind(struct sluice_port *uplink,
			       void (*fn)(struct sluice_port *guest, void *arg), void *arg)
{
	struct sluice_port *guest = sluice_config_wire_peer(uplink);
	unsigned long index;
	void *nr;

	if (guest && guest->kind == SLUICE_PORT_GUEST)
		fn(guest, arg);
	xa_for_each(&port_of(uplink)->ties, index, nr) {
		guest = xa_to_value(nr) ? xa_load(&sluice_ports, index) : NULL;
		if (guest)
			fn(guest, arg);
	}
}

/* --- access lists --- */

/* In force, or (less than 0) taken away. */
static void rules_came(struct sluice_port *port, int change)
{
	sluice_net_count_rules(port, change);
	sluice_net_charge(port, change * (s64)sluice_acl_rule_memory());
}

int sluice_config_acl_add(struct sluice_port *port, const struct sluice_acl_rule *rule,
			  struct netlink_ext_ack *extack)
{
	int err;

	err = guest_check(port, extack) ?: sluice_acl_rule_check(rule, extack);
	if (err)
		return err;
	if (sluice_drafting())
		return sluice_acl_draft_add(port, rule, extack);
	err = sluice_tenant_check_memory(port->inst, sluice_acl_rule_memory(), extack) ?:
	      sluice_acl_add(&port_of(port)->acl[rule->dir], rule, extack);
	if (err)
		return err;
	rules_came(port, 1);
	port_changed(port);
	return 0;
}

int sluice_config_acl_del(struct sluice_port *port, u8 dir, u32 prio,
			  struct netlink_ext_ack *extack)
{
	struct sluice_acl_item *item;
	int err = dir_check(dir, extack);

	if (err)
		return err;
	if (sluice_drafting())
		return sluice_acl_draft_del(port, dir, prio, extack);
	item = sluice_acl_unlink(&port_of(port)->acl[dir], prio);
	if (IS_ERR(item))
		return PTR_ERR(item) == -ENOENT ? sluice_acl_not_there(extack) : PTR_ERR(item);
	rules_came(port, -1);
	port_changed(port);
	sluice_reclaim(&item->reclaim);
	return 0;
}

int sluice_config_acl_flush(struct sluice_port *port)
{
	struct sluice_acl_list *list[SLUICE_DIRS];
	unsigned int dir;

	if (sluice_drafting())
		return sluice_acl_draft_flush(port);
	for (dir = 0; dir < SLUICE_DIRS; dir++)
		list[dir] = sluice_acl_unlink_all(&port_of(port)->acl[dir]);
	rules_came(port, -(int)port->nr_rules);
	port_changed(port);
	for (dir = 0; dir < SLUICE_DIRS; dir++)
		sluice_acl_list_reclaim(list[dir]);
	return 0;
}

int sluice_config_acl_set_default(struct sluice_port *port, u8 dir, bool allow)
{
	if (dir >= SLUICE_DIRS)
		return -EINVAL;
	if (port->kind != SLUICE_PORT_GUEST)
		return -EOPNOTSUPP;
	if (sluice_drafting())
		return sluice_port_draft_default(port, dir, !allow);
	WRITE_ONCE(port_of(port)->acl[dir].default_deny, !allow);
	port_changed(port);
	return 0;
}

bool sluice_config_acl_default(struct sluice_port *port, u8 dir, struct sluice_hits *hits)
{
	const struct sluice_acl *acl;

	if (dir >= SLUICE_DIRS) {
		memset(hits, 0, sizeof(*hits));
		return true;
	}
	acl = &port_of(port)->acl[dir];
	sluice_config_hits(&acl->default_hits, hits);
	return !acl->default_deny;
}

/* The place of a rule in a dump: by direction, then priority. */
static u64 acl_pos(u8 dir, u32 prio)
{
	return (u64)dir << 32 | prio;
}

int sluice_config_acl_dump(struct sluice_port *port, struct sluice_cursor *cur,
			   sluice_acl_emit_t emit, void *ctx)
{
	unsigned int dir;
	int err;
	u32 i;

	for (dir = 0; dir < SLUICE_DIRS; dir++) {
		const struct sluice_acl_list *list = rtnl_dereference(port_of(port)->acl[dir].list);

		for (i = 0; list && i < list->nr; i++) {
			const struct sluice_acl_item *item = list->entry[i].item;
			u64 pos = acl_pos(dir, item->rule.prio);
			struct sluice_hits hits;

			if (pos < cur->pos)
				continue;
			cur->pos = pos;
			sluice_config_hits(&item->hits, &hits);
			err = emit(ctx, port, &item->rule, &hits);
			if (err)
				return err;
			cur->pos = pos + 1;
		}
	}
	return 0;
}

/* --- spoof guards --- */

static void guard_free(struct sluice_port *port, struct sluice_guard_entry *entry)
{
	sluice_net_charge(port, -(s64)sluice_guard_memory());
	kfree_rcu(entry, rcu);
}

static int guard_replace(struct sluice_port *port, struct sluice_guard_entry *entry)
{
	struct sluice_guard_entry *old = rtnl_dereference(port_of(port)->guard);

	if (sluice_drafting())
		return sluice_port_draft_guard(port, entry);
	rcu_assign_pointer(port_of(port)->guard, entry);
	port_changed(port);
	/* No cache entry points to it: its verdict is compiled in. */
	if (old)
		guard_free(port, old);
	return 0;
}

int sluice_config_guard_set(struct sluice_port *port, const struct sluice_guard *guard,
			    struct netlink_ext_ack *extack)
{
	struct sluice_guard_entry *entry = NULL;
	int err;

	if (guard) {
		err = guest_check(port, extack) ?: sluice_guard_verify(guard, extack) ?:
		      sluice_tenant_check_memory(port->inst, sluice_guard_memory(), extack);
		if (err)
			return err;
		entry = kmalloc(sizeof(*entry), GFP_KERNEL_ACCOUNT);
		if (!entry)
			return -ENOMEM;
		entry->g = *guard;
	}
	err = guard_replace(port, entry);
	if (err) {
		kfree(entry);
		return err;
	}
	if (entry)
		sluice_net_charge(port, sluice_guard_memory());
	sluice_ask_changed();
	return 0;
}

bool sluice_config_guard_get(struct sluice_port *port, struct sluice_guard *guard)
{
	const struct sluice_guard_entry *entry = rtnl_dereference(port_of(port)->guard);

	if (entry)
		*guard = entry->g;
	return entry;
}

/* --- rates --- */

static struct sluice_net_meter *rate_exchange(struct sluice_net_port *np, u8 dir,
					      struct sluice_net_meter *meter)
{
	struct sluice_net_meter *old = rtnl_dereference(np->rate[dir]);

	rcu_assign_pointer(np->rate[dir], meter);
	return old;
}

static void rate_free(struct sluice_port *port, struct sluice_net_meter *meter)
{
	sluice_net_charge(port, -(s64)sluice_net_meter_memory());
	sluice_reclaim(&meter->reclaim);
}

static int rate_replace(struct sluice_port *port, u8 dir, struct sluice_net_meter *meter)
{
	struct sluice_net_meter *old;

	if (sluice_drafting())
		return sluice_port_draft_rate(port, dir, meter);
	old = rate_exchange(port_of(port), dir, meter);
	if (dir == SLUICE_DIR_TO_GUEST)
		WRITE_ONCE(port->paced, !!meter);
	port_changed(port);
	if (old)
		rate_free(port, old);
	return 0;
}

int sluice_config_rate_set(struct sluice_port *port, u8 dir, const struct sluice_rate *rate,
			   struct netlink_ext_ack *extack)
{
	struct sluice_net_meter *meter = NULL;
	int err;

	err = dir_check(dir, extack) ?: sluice_rate_check(rate, extack);
	if (err)
		return err;
	if (rate->bps || rate->pps) {
		err = guest_check(port, extack) ?:
		      sluice_tenant_check_memory(port->inst, sluice_net_meter_memory(), extack);
		if (err)
			return err;
		meter = sluice_config_meter_alloc(0, rate);
		if (!meter)
			return -ENOMEM;
	}
	err = rate_replace(port, dir, meter);
	if (err)
		kfree(meter);
	else if (meter)
		sluice_net_charge(port, sluice_net_meter_memory());
	return err;
}

void sluice_config_rate_get(struct sluice_port *port, u8 dir, struct sluice_rate *rate)
{
	const struct sluice_net_meter *meter = NULL;

	if (dir < SLUICE_DIRS)
		meter = rtnl_dereference(port_of(port)->rate[dir]);
	if (meter)
		*rate = meter->rate;
	else
		memset(rate, 0, sizeof(*rate));
}

/* --- lifetime --- */

int sluice_config_instance_init(struct sluice_net_instance *ni)
{
	xa_init_flags(&ni->meters, XA_FLAGS_ACCOUNT);
	sluice_flow_table_init(&ni->flows);
	return 0;
}

void sluice_config_instance_exit(struct sluice_net_instance *ni)
{
	sluice_config_flow_exit(ni);
}

int sluice_config_port_init(struct sluice_net_port *np)
{
	memset(np, 0, sizeof(*np));
	xa_init_flags(&np->ties, XA_FLAGS_ACCOUNT);
	return 0;
}

void sluice_net_config_port_gone(struct sluice_net_instance *ni, struct sluice_port *port)
{
	wire_cut(port);
	sluice_config_flow_port_gone(ni, port);
}

void sluice_config_port_exit(struct sluice_net_instance *ni, struct sluice_port *port,
			     struct sluice_net_port *np)
{
	struct sluice_guard_entry *guard = rtnl_dereference(np->guard);
	struct sluice_acl_list *list[SLUICE_DIRS];
	struct sluice_net_meter *rate[SLUICE_DIRS];
	unsigned int dir;

	for (dir = 0; dir < SLUICE_DIRS; dir++) {
		list[dir] = sluice_acl_unlink_all(&np->acl[dir]);
		rate[dir] = rate_exchange(np, dir, NULL);
	}
	WRITE_ONCE(port->paced, false);
	rules_came(port, -(int)port->nr_rules);
	RCU_INIT_POINTER(np->guard, NULL);
	/* None: the port was held in a namespace whose tables could not be made. */
	if (ni)
		sluice_net_config_port_gone(ni, port);
	xa_destroy(&np->ties);

	for (dir = 0; dir < SLUICE_DIRS; dir++) {
		sluice_acl_list_reclaim(list[dir]);
		if (rate[dir])
			rate_free(port, rate[dir]);
	}
	if (guard)
		guard_free(port, guard);
}

u64 sluice_config_gen(struct sluice_instance *inst)
{
	return sluice_config_of(inst)->gen;
}
