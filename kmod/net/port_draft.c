// SPDX-License-Identifier: GPL-2.0-only
/* What a transaction makes of a port's settings: see port_draft.h. */
#include <linux/list.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include "port_draft.h"

LIST_HEAD(sluice_port_drafts);

static struct sluice_net_port *np_of(const struct sluice_port *port)
{
	return port->engine;
}

static void settings_get(const struct sluice_net_port *np, struct sluice_port_settings *s)
{
	unsigned int dir;

	s->wire = rtnl_dereference(np->wire);
	s->guard = rtnl_dereference(np->guard);
	for (dir = 0; dir < SLUICE_DIRS; dir++) {
		s->rate[dir] = rtnl_dereference(np->rate[dir]);
		s->deny[dir] = np->acl[dir].default_deny;
	}
}

static void settings_put(struct sluice_port *port, const struct sluice_port_settings *s)
{
	struct sluice_net_port *np = np_of(port);
	unsigned int dir;

	rcu_assign_pointer(np->wire, s->wire);
	rcu_assign_pointer(np->guard, s->guard);
	for (dir = 0; dir < SLUICE_DIRS; dir++) {
		rcu_assign_pointer(np->rate[dir], s->rate[dir]);
		WRITE_ONCE(np->acl[dir].default_deny, s->deny[dir]);
	}
	WRITE_ONCE(port->paced, s->rate[SLUICE_DIR_TO_GUEST]);
}

struct sluice_port_draft *sluice_port_draft_of(struct sluice_port *port)
{
	struct sluice_net_port *np = np_of(port);
	struct sluice_port_draft *d = np->draft;

	ASSERT_RTNL();
	if (d)
		return d;
	d = kzalloc(sizeof(*d), GFP_KERNEL_ACCOUNT);
	if (!d)
		return NULL;
	d->port = port;
	settings_get(np, &d->now);
	d->next = d->now;
	np->draft = d;
	list_add_tail(&d->node, &sluice_port_drafts);
	return d;
}

/* --- changes --- */

struct sluice_port *sluice_port_draft_peer(const struct sluice_port *port)
{
	const struct sluice_net_port *np = np_of(port);

	return np->draft ? np->draft->next.wire : rtnl_dereference(np->wire);
}

/* Both drafts are made before either end is changed. */
static int ends_set(struct sluice_port *a, struct sluice_port *b, bool joined)
{
	struct sluice_port_draft *da = sluice_port_draft_of(a);
	struct sluice_port_draft *db = da ? sluice_port_draft_of(b) : NULL;

	if (!db)
		return -ENOMEM;
	da->next.wire = joined ? b : NULL;
	db->next.wire = joined ? a : NULL;
	return 0;
}

int sluice_port_draft_join(struct sluice_port *a, struct sluice_port *b)
{
	return ends_set(a, b, true);
}

int sluice_port_draft_cut(struct sluice_port *a, struct sluice_port *b)
{
	return ends_set(a, b, false);
}

/* What nobody has seen. */
static void guard_free_new(struct sluice_port_draft *d)
{
	if (!d->next.guard || d->next.guard == d->now.guard)
		return;
	sluice_net_charge(d->port, -(s64)sluice_guard_memory());
	kfree(d->next.guard);
}

static void rate_free_new(struct sluice_port_draft *d, unsigned int dir)
{
	if (!d->next.rate[dir] || d->next.rate[dir] == d->now.rate[dir])
		return;
	sluice_net_charge(d->port, -(s64)sluice_net_meter_memory());
	kfree(d->next.rate[dir]);
}

int sluice_port_draft_guard(struct sluice_port *port, struct sluice_guard_entry *guard)
{
	struct sluice_port_draft *d = sluice_port_draft_of(port);

	if (!d)
		return -ENOMEM;
	guard_free_new(d);
	d->next.guard = guard;
	return 0;
}

int sluice_port_draft_rate(struct sluice_port *port, u8 dir, struct sluice_net_meter *rate)
{
	struct sluice_port_draft *d = sluice_port_draft_of(port);

	if (!d)
		return -ENOMEM;
	rate_free_new(d, dir);
	d->next.rate[dir] = rate;
	return 0;
}

int sluice_port_draft_default(struct sluice_port *port, u8 dir, bool deny)
{
	struct sluice_port_draft *d = sluice_port_draft_of(port);

	if (!d)
		return -ENOMEM;
	d->next.deny[dir] = deny;
	return 0;
}

/* --- the end --- */

void sluice_port_draft_switch(void)
{
	struct sluice_port_draft *d;

	list_for_each_entry(d, &sluice_port_drafts, node) {
		settings_put(d->port, &d->next);
		sluice_net_changed(d->port->inst->engine);
	}
}

/* Packets may have seen what was in force. */
static void draft_free_old(struct sluice_port_draft *d)
{
	unsigned int dir;

	/* No cache entry points to it: its verdict is compiled in. */
	if (d->now.guard && d->now.guard != d->next.guard) {
		sluice_net_charge(d->port, -(s64)sluice_guard_memory());
		kfree_rcu(d->now.guard, rcu);
	}
	for (dir = 0; dir < SLUICE_DIRS; dir++) {
		if (!d->now.rate[dir] || d->now.rate[dir] == d->next.rate[dir])
			continue;
		sluice_net_charge(d->port, -(s64)sluice_net_meter_memory());
		sluice_reclaim(&d->now.rate[dir]->reclaim);
	}
}

static void draft_free_new(struct sluice_port_draft *d)
{
	unsigned int dir;

	guard_free_new(d);
	for (dir = 0; dir < SLUICE_DIRS; dir++)
		rate_free_new(d, dir);
}

void sluice_port_draft_end(bool switched)
{
	struct sluice_port_draft *d, *tmp;

	list_for_each_entry_safe(d, tmp, &sluice_port_drafts, node) {
		if (switched)
			draft_free_old(d);
		else
			draft_free_new(d);
		np_of(d->port)->draft = NULL;
		list_del(&d->node);
		kfree(d);
	}
}
