/* SPDX-License-Identifier: GPL-2.0-only */
/* What the packet engine hangs on namespaces and ports. */
#ifndef _SLUICE_NET_H
#define _SLUICE_NET_H

#include <linux/atomic.h>
#include <linux/rcupdate.h>
#include <linux/types.h>
#include <linux/xarray.h>
#include "../engine.h"
#include "../instance.h"
#include "../port.h"
#include "acl.h"
#include "counter.h"
#include "flow.h"
#include "guard.h"
#include "meter.h"
#include "reclaim.h"

struct sluice_port_draft;

/**
 * struct sluice_net_instance - tables of one namespace
 * @inst: the namespace
 * @gen: generation of all configuration here; a cache entry of another generation is void. No two
 *	namespaces ever have the same one. Written under RTNL
 * @flows: flow table
 * @charged: of @flows.memory, as far as the namespace's count has it; RTNL
 * @meters: struct sluice_net_meter by id; RTNL
 */
struct sluice_net_instance {
	struct sluice_instance *inst;
	u64 gen;
	struct sluice_flow_table flows;
	size_t charged;
	struct xarray meters;
};

/**
 * struct sluice_net_port - policy of one port. All pointers: written under RTNL, read under RCU
 * @acl: access list by direction
 * @guard: NULL when off
 * @rate: limit by direction, NULL when none
 * @wire: the other end of a wire, or NULL
 * @draft: what a transaction under way makes of it (port_draft.c), or NULL; RTNL, not for packets
 * @ties: of an uplink: how many flows name it and a guest port, by the index of that, which has its
 *	place from the first of them on; RTNL
 */
struct sluice_net_port {
	struct sluice_acl acl[SLUICE_DIRS];
	struct sluice_guard_entry __rcu *guard;
	struct sluice_net_meter __rcu *rate[SLUICE_DIRS];
	struct sluice_port __rcu *wire;
	struct sluice_port_draft *draft;
	struct xarray ties;
};

/* A generation that no namespace ever had. RTNL. */
u64 sluice_net_gen_new(void);

/*
 * Bytes of the port's policy came, or (less than 0) went: where they are allocated, and where they
 * are given away to be freed. They count where the port is. RTNL.
 */
static inline void sluice_net_charge(struct sluice_port *port, s64 bytes)
{
	port->memory += bytes;
	sluice_tenant_count_memory(port->inst, bytes);
}

/* So many rules came to the port's lists, or went. They count where the port is. RTNL. */
static inline void sluice_net_count_rules(struct sluice_port *port, int change)
{
	port->nr_rules += change;
	sluice_tenant_count(port->inst, 0, change);
}

/* Every change of the flow table ends with this. RTNL. */
static inline void sluice_net_charge_flows(struct sluice_net_instance *ni)
{
	sluice_tenant_count_memory(ni->inst, (s64)ni->flows.memory - (s64)ni->charged);
	ni->charged = ni->flows.memory;
}

/* Every change of configuration ends with this. RTNL. */
static inline void sluice_net_changed(struct sluice_net_instance *ni)
{
	/*
	 * Pairs with the READ_ONCE() at the start of each burst: a burst that sees the new number
	 * sees the new tables.
	 */
	smp_store_release(&ni->gen, sluice_net_gen_new());
}

#endif /* _SLUICE_NET_H */
