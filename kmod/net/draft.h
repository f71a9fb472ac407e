/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A transaction's changes are made aside: each costs what finding its place costs, no worker waits
 * meanwhile, and what is refused is taken back. What changes make and what they read is what is
 * configured: the state that is in force and the changes so far. Packets see none of it before the
 * switch. All of it under RTNL, so there is one transaction at a time. Rules count for the
 * namespace as they are added and removed; without a switch all of that is taken back at the end.
 *
 *	begin, changes, build, switch, end: all of them are in force, in the same moment
 *	begin, changes, [build,] end: none of them ever was
 *
 * port_draft.c has ports, acl_draft.c their access lists, flow_draft.c flows and meters.
 */
#ifndef _SLUICE_NET_DRAFT_H
#define _SLUICE_NET_DRAFT_H

#include <linux/types.h>

/* From now on changes are made aside. */
void sluice_draft_begin(void);
/* Is that so? */
bool sluice_drafting(void);
/* Make all that the switch needs. 0 or -ENOMEM. */
int sluice_draft_build(void);
/*
 * All is in force: a store for each list, each setting of a port and each table of flows. Cannot
 * fail. Context: the workers that serve the namespace stand still.
 */
void sluice_draft_switch(void);
/* Free what was replaced, or take back what did not come to a switch. Workers may run. */
void sluice_draft_end(void);

#endif /* _SLUICE_NET_DRAFT_H */
