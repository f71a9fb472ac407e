/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a transaction makes of a port (draft.h): of its wire, guard, limits and default verdicts
 * here; acl_draft.c keeps what it makes of the access lists at the same place. RTNL. Changes return
 * 0 or -ENOMEM; what they are given is the draft's then.
 */
#ifndef _SLUICE_NET_PORT_DRAFT_H
#define _SLUICE_NET_PORT_DRAFT_H

#include <linux/list.h>
#include "net.h"

struct sluice_acl_draft;

/* What a port has. */
struct sluice_port_settings {
	struct sluice_port *wire;
	struct sluice_guard_entry *guard;
	struct sluice_net_meter *rate[SLUICE_DIRS];
	bool deny[SLUICE_DIRS];
};

/**
 * struct sluice_port_draft - a port as it will be
 * @node: in sluice_port_drafts
 * @port: whose; it lives until the transaction ends, since ports are removed after that
 * @now: what is in force, or was before the switch
 * @next: what will be, or is after it
 * @acl: its lists, by direction; NULL: that of now stays. acl_draft.c's
 *
 * All under RTNL. Of the settings what is in one of @now and @next alone belongs to the draft.
 */
struct sluice_port_draft {
	struct list_head node;
	struct sluice_port *port;
	struct sluice_port_settings now;
	struct sluice_port_settings next;
	struct sluice_acl_draft *acl[SLUICE_DIRS];
};

/* All of the transaction's. */
extern struct list_head sluice_port_drafts;

/* The port's, made if need be. NULL: no memory. */
struct sluice_port_draft *sluice_port_draft_of(struct sluice_port *port);

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
/* The drafts go; their lists are gone. @switched: what was replaced is freed, else what is new. */
void sluice_port_draft_end(bool switched);

#endif /* _SLUICE_NET_PORT_DRAFT_H */
