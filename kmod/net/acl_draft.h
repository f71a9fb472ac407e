/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Access lists of a transaction are built aside: each change costs what finding its place costs, no
 * worker waits meanwhile, and what is refused is thrown away. All of it under RTNL, so there is one
 * transaction at a time. Rules count for the namespace as they are added and removed, and without a
 * switch all of that is taken back at the end.
 *
 *	begin, changes, build, switch, end: all of them are in force, in the same moment
 *	begin, changes, [build,] end: none of them ever was
 */
#ifndef _SLUICE_NET_ACL_DRAFT_H
#define _SLUICE_NET_ACL_DRAFT_H

#include <linux/types.h>
#include "../engine.h"

/* From now on lists are changed aside. */
void sluice_acl_draft_begin(void);
/* Is that so? */
bool sluice_acl_drafting(void);

/* As the functions of acl.h. -EEXIST, -ENOSPC, -ENOMEM; -ENOENT. */
int sluice_acl_draft_add(struct sluice_port *port, const struct sluice_acl_rule *rule,
			 struct netlink_ext_ack *extack);
int sluice_acl_draft_del(struct sluice_port *port, u8 dir, u32 prio,
			 struct netlink_ext_ack *extack);
int sluice_acl_draft_flush(struct sluice_port *port);

/* Make all that the switch needs. 0 or -ENOMEM. */
int sluice_acl_draft_build(void);
/*
 * The new lists are in force: a pointer each. Cannot fail. Context: workers stand still, if no
 * packet shall see one list without the others.
 */
void sluice_acl_draft_switch(void);
/* Free what was replaced, or what did not come to it. Workers may run. */
void sluice_acl_draft_end(void);

#endif /* _SLUICE_NET_ACL_DRAFT_H */
