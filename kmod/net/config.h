/* SPDX-License-Identifier: GPL-2.0-only */
/* The engine's configuration operations: struct sluice_engine_ops says what each does. RTNL. */
#ifndef _SLUICE_NET_CONFIG_H
#define _SLUICE_NET_CONFIG_H

#include "net.h"

int sluice_config_instance_init(struct sluice_net_instance *ni);
/* No port is left in the namespace. */
void sluice_config_instance_exit(struct sluice_net_instance *ni);
int sluice_config_port_init(struct sluice_net_port *np);
/*
 * Also what sluice_net_config_port_gone() does. The caller frees @np when no worker can have it any
 * more.
 */
void sluice_config_port_exit(struct sluice_net_instance *ni, struct sluice_port *port,
			     struct sluice_net_port *np);
/*
 * The port leaves the namespace: its wire goes, flows that match it go, outputs to it stay without
 * a port. Its own policy stays. Bumps the generation.
 */
void sluice_net_config_port_gone(struct sluice_net_instance *ni, struct sluice_port *port);

int sluice_config_wire_set(struct sluice_port *a, struct sluice_port *b,
			   struct netlink_ext_ack *extack);
int sluice_config_wire_del(struct sluice_port *a, struct sluice_port *b,
			   struct netlink_ext_ack *extack);
struct sluice_port *sluice_config_wire_peer(struct sluice_port *a);
void sluice_config_port_behind(struct sluice_port *uplink,
			       void (*fn)(struct sluice_port *guest, void *arg), void *arg);

int sluice_config_acl_add(struct sluice_port *port, const struct sluice_acl_rule *rule,
			  struct netlink_ext_ack *extack);
int sluice_config_acl_del(struct sluice_port *port, u8 dir, u32 prio,
			  struct netlink_ext_ack *extack);
int sluice_config_acl_flush(struct sluice_port *port);
int sluice_config_acl_set_default(struct sluice_port *port, u8 dir, bool allow);
bool sluice_config_acl_default(struct sluice_port *port, u8 dir, struct sluice_hits *hits);
int sluice_config_acl_dump(struct sluice_port *port, struct sluice_cursor *cur,
			   sluice_acl_emit_t emit, void *ctx);

int sluice_config_guard_set(struct sluice_port *port, const struct sluice_guard *guard,
			    struct netlink_ext_ack *extack);
bool sluice_config_guard_get(struct sluice_port *port, struct sluice_guard *guard);

int sluice_config_rate_set(struct sluice_port *port, u8 dir, const struct sluice_rate *rate,
			   struct netlink_ext_ack *extack);
void sluice_config_rate_get(struct sluice_port *port, u8 dir, struct sluice_rate *rate);

int sluice_config_meter_add(struct sluice_instance *inst, u32 id, const struct sluice_rate *rate,
			    struct netlink_ext_ack *extack);
int sluice_config_meter_del(struct sluice_instance *inst, u32 id, struct netlink_ext_ack *extack);
int sluice_config_meter_dump(struct sluice_instance *inst, struct sluice_cursor *cur,
			     sluice_meter_emit_t emit, void *ctx);

int sluice_config_flow_add(struct sluice_instance *inst, struct sluice_flow_spec *flow,
			   struct netlink_ext_ack *extack);
int sluice_config_flow_del(struct sluice_instance *inst, u32 id, struct netlink_ext_ack *extack);
int sluice_config_flow_flush(struct sluice_instance *inst);
int sluice_config_flow_get(struct sluice_instance *inst, u32 id, struct sluice_flow_spec *flow,
			   struct sluice_hits *hits, bool *active);
int sluice_config_flow_dump(struct sluice_instance *inst, struct sluice_cursor *cur,
			    sluice_flow_emit_t emit, void *ctx);
u64 sluice_config_gen(struct sluice_instance *inst);

/* --- between the files of it --- */

/* config_flow.c */
void sluice_config_flow_port_gone(struct sluice_net_instance *ni, struct sluice_port *port);
void sluice_config_flow_exit(struct sluice_net_instance *ni);
struct sluice_net_meter *sluice_config_meter_alloc(u32 id, const struct sluice_rate *rate);
/* A meter came (1) or goes (-1); @placed: its id is nobody else's before, or after. */
void sluice_config_meter_charge(struct sluice_net_instance *ni, u32 id, bool placed, int change);
/* The flow came (1) or went (-1): for the namespace's limit, and the users of meters. */
void sluice_config_flow_count(struct sluice_net_instance *ni, const struct sluice_flow *flow,
			      int change);

static inline struct sluice_net_instance *sluice_config_of(struct sluice_instance *inst)
{
	return inst->engine;
}

static inline void sluice_config_hits(const struct sluice_counter *c, struct sluice_hits *hits)
{
	hits->packets = atomic64_read(&c->packets);
	hits->bytes = atomic64_read(&c->bytes);
}

#endif /* _SLUICE_NET_CONFIG_H */
