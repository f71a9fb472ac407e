/* SPDX-License-Identifier: GPL-2.0-only */
/* What Sluice keeps for each network namespace. */
#ifndef _SLUICE_INSTANCE_H
#define _SLUICE_INSTANCE_H

#include <linux/list.h>
#include <net/net_namespace.h>

/**
 * struct sluice_instance - one network namespace
 * @net: the namespace; the instance dies with it
 * @ports: struct sluice_port.node, in order of creation; protected by RTNL
 * @nr_ports: length of @ports; RTNL
 * @engine: the engine's own state; set under RTNL, stable while a port is there
 * @engine_node: in the list of instances that have such state; RTNL
 */
struct sluice_instance {
	struct net *net;
	struct list_head ports;
	unsigned int nr_ports;
	void *engine;
	struct list_head engine_node;
};

/* Any context; never NULL for a live namespace. */
struct sluice_instance *sluice_instance_get(struct net *net);
int sluice_instance_init(void);
void sluice_instance_exit(void);

#endif /* _SLUICE_INSTANCE_H */
