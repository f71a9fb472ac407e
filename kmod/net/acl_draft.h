/* SPDX-License-Identifier: GPL-2.0-only */
/* Access lists of a transaction, built aside (draft.h): part of what port_draft.h has of a port. */
#ifndef _SLUICE_NET_ACL_DRAFT_H
#define _SLUICE_NET_ACL_DRAFT_H

#include "../engine.h"

/* As the functions of acl.h. -EEXIST, -ENOSPC, -ENOMEM; -ENOENT. */
int sluice_acl_draft_add(struct sluice_port *port, const struct sluice_acl_rule *rule,
			 struct netlink_ext_ack *extack);
int sluice_acl_draft_del(struct sluice_port *port, u8 dir, u32 prio,
			 struct netlink_ext_ack *extack);
int sluice_acl_draft_flush(struct sluice_port *port);

/* Make all that the switch needs. 0 or -ENOMEM. */
int sluice_acl_draft_build(void);
/*
 * The new lists are in force: a pointer each. Cannot fail. The new generation is
 * sluice_port_draft_switch()'s. Context: workers stand still, if no packet shall see one list
 * without the others.
 */
void sluice_acl_draft_switch(void);
/* Free what was replaced, or, if it did not come to a switch, what is new. Workers may run. */
void sluice_acl_draft_end(bool switched);

#endif /* _SLUICE_NET_ACL_DRAFT_H */
