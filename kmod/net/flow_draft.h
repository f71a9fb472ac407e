/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Flows and meters of a transaction (draft.h). Flows go into the table at once, to be seen in the
 * epoch that comes (struct sluice_flow_table); those that are removed stay in it until the switch.
 */
#ifndef _SLUICE_NET_FLOW_DRAFT_H
#define _SLUICE_NET_FLOW_DRAFT_H

#include "net.h"

/* As sluice_flow_insert(). The flow is the table's, and the caller's no more, if it returns 0. */
int sluice_flow_draft_add(struct sluice_net_instance *ni, struct sluice_flow *flow,
			  struct sluice_flow_spec *spec, struct netlink_ext_ack *extack);
/* One that is configured. 0 or -ENOMEM. */
int sluice_flow_draft_del(struct sluice_net_instance *ni, struct sluice_flow *flow);

/* No meter of this id is configured. 0 or -ENOMEM. */
int sluice_flow_draft_add_meter(struct sluice_net_instance *ni, struct sluice_net_meter *meter);
/* One that is configured, without users. 0 or -ENOMEM. */
int sluice_flow_draft_del_meter(struct sluice_net_instance *ni, struct sluice_net_meter *meter);

/* Cannot fail. Context: workers that serve the namespace stand still. */
void sluice_flow_draft_switch(void);
void sluice_flow_draft_end(bool switched);

#endif /* _SLUICE_NET_FLOW_DRAFT_H */
