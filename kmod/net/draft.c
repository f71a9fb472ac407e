// SPDX-License-Identifier: GPL-2.0-only
/* What a transaction makes: see draft.h. */
#include <linux/rtnetlink.h>
#include "acl_draft.h"
#include "draft.h"
#include "flow_draft.h"
#include "port_draft.h"

static bool drafting;	/* RTNL */

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
}

void sluice_draft_end(void)
{
	sluice_acl_draft_end();
	sluice_flow_draft_end();
	sluice_port_draft_end();
	drafting = false;
}
