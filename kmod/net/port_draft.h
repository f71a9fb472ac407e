/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a transaction makes of a port's wire, guard, limits and default verdicts (draft.h). RTNL.
 * Changes return 0 or -ENOMEM; what they are given is the draft's then.
 */
#ifndef _SLUICE_NET_PORT_DRAFT_H
#define _SLUICE_NET_PORT_DRAFT_H

#include "net.h"

/* The other end of the port's wire, as configured. NULL: there is none. */
struct sluice_port *sluice_port_draft_peer(const struct sluice_port *port);
/* A wire between them; neither has one. */
int sluice_port_draft_join(struct sluice_port *a, struct sluice_port *b);
/* The wire between them goes. */
int sluice_port_draft_cut(struct sluice_port *a, struct sluice_port *b);
/* NULL: off. */
int sluice_port_draft_guard(struct sluice_port *port, struct sluice_guard_entry *guard);
/* NULL: no limit. */
int sluice_port_draft_rate(struct sluice_port *port, u8 dir, struct sluice_net_meter *rate);
int sluice_port_draft_default(struct sluice_port *port, u8 dir, bool deny);

/* A store for each setting. Cannot fail. Context: workers that serve the namespace stand still. */
void sluice_port_draft_switch(void);
void sluice_port_draft_end(void);

#endif /* _SLUICE_NET_PORT_DRAFT_H */
