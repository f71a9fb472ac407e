// SPDX-License-Identifier: GPL-2.0-only
/* Link-local control frames: see control.h. Compiles in userspace too. */
#include <linux/etherdevice.h>
#include <linux/if_ether.h>
#include "control.h"

/* Of a frame that has its length there, as the key has it. */
#define ETH_TYPE_LLC	(ETH_P_802_3_MIN - 1)

/* The last byte of the groups 01-80-C2-00-00-0X (802.1Q, table 8-1) */
#define GROUP_BRIDGE		0x00
#define GROUP_MAC_CONTROL	0x01
#define GROUP_PROVIDER_BRIDGE	0x08

static bool is_link_local(const u8 *dst)
{
	static const u8 group[ETH_ALEN - 1] = { 0x01, 0x80, 0xc2, 0x00, 0x00 };

	return !memcmp(dst, group, sizeof(group)) && !(dst[ETH_ALEN - 1] & 0xf0);
}

static u8 control_of_type(u16 type)
{
	switch (type) {
	case ETH_P_LLDP:
		return SLUICE_CONTROL_LLDP;
	case ETH_P_SLOW:
		return SLUICE_CONTROL_LACP;
	case ETH_P_PAE:
		return SLUICE_CONTROL_EAPOL;
	}
	return 0;
}

u8 sluice_control_kind(const struct sluice_flow_key *key)
{
	u8 group = key->eth_dst[ETH_ALEN - 1];

	/* A station takes those to its own address too. */
	if (key->eth_type == ETH_P_PAUSE)
		return SLUICE_CONTROL_NEVER;
	if (likely(!is_link_local(key->eth_dst)))
		return 0;
	if (group == GROUP_MAC_CONTROL)
		return SLUICE_CONTROL_NEVER;
	if (key->eth_type == ETH_TYPE_LLC &&
	    (group == GROUP_BRIDGE || group == GROUP_PROVIDER_BRIDGE))
		return SLUICE_CONTROL_STP;
	return control_of_type(key->eth_type) ?: SLUICE_CONTROL_OTHER;
}

u8 sluice_control_of_guard(const struct sluice_guard *g)
{
	u8 allowed = g->roles & SLUICE_GUARD_BRIDGE ? SLUICE_CONTROL_STP : 0;
	unsigned int i;

	for (i = 0; i < g->nr_type; i++)
		allowed |= control_of_type(g->type[i]);
	return allowed;
}
