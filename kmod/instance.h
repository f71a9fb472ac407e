/* SPDX-License-Identifier: GPL-2.0-only */
/* What Sluice keeps for each network namespace. */
#ifndef _SLUICE_INSTANCE_H
#define _SLUICE_INSTANCE_H

#include <linux/list.h>
#include <net/net_namespace.h>
#include "tenant.h"

/**
 * struct sluice_instance - one network namespace
 * @net: the namespace; the instance dies with it
 * @ports: struct sluice_port.node, in order of creation; protected by RTNL
 * @use: length of @ports, how many rules the engine has, and the memory of all that; RTNL
 * @limit: what is allowed, if it is a tenant; RTNL
 * @flush_at: when a tenant may have workers tell their counts again, in jiffies; RTNL
 * @all: in the list of all of them
 * @engine: the engine's own state; set under RTNL, stable while a port is there
 * @engine_node: in the list of instances that have such state; RTNL
 */
struct sluice_instance {
	struct net *net;
	struct list_head ports;
	struct sluice_tenant_use use;
	struct sluice_tenant_limit limit;
	u64 flush_at;
	struct list_head all;
	void *engine;
	struct list_head engine_node;
};

/* Any context; never NULL for a live namespace. */
struct sluice_instance *sluice_instance_get(struct net *net);
/* Call @fn for each, also for those that are about to go. Process context, RTNL held. */
void sluice_instance_each(void (*fn)(struct sluice_instance *inst, void *arg), void *arg);
int sluice_instance_init(void);
void sluice_instance_exit(void);

#endif /* _SLUICE_INSTANCE_H */
