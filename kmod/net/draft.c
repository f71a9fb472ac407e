// SPDX-License-Identifier: GPL-2.0-only
/* What a transaction makes: see draft.h. */
#include <linux/rtnetlink.h>
#include "acl_draft.h"
#include "draft.h"
#include "flow_draft.h"
#include "port_draft.h"

/* RTNL */
static bool drafting, switched;

void sluice_draft_begin(void)
{
	ASSERT_RTNL();
	drafting = true;
}

bool sluice_drafting(void)
{
	ASSERT_RTNL();
	return drafting;
}

int sluice_draft_build(void)
{
	return sluice_acl_draft_build();
}

void sluice_draft_switch(void)
{
	sluice_acl_draft_switch();
	sluice_flow_draft_switch();
	sluice_port_draft_switch();
	switched = true;
}

void sluice_draft_end(void)
{
	/* The lists' drafts hang on the ports'. */
	sluice_acl_draft_end(switched);
	sluice_flow_draft_end(switched);
	sluice_port_draft_end(switched);
	drafting = false;
	switched = false;
}
