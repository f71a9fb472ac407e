/* SPDX-License-Identifier: GPL-2.0-only */
/* What is asked of the VF below an uplink: addresses and VLANs that are wanted above it. */
#ifndef _SLUICE_ASK_H
#define _SLUICE_ASK_H

#include <linux/bits.h>
#include <linux/if_ether.h>
#include <linux/if_vlan.h>
#include <linux/netdevice.h>
#include <linux/types.h>
#include "engine.h"

struct sluice_port;

/* Addresses that one VF is asked for, at most. */
#define SLUICE_ASK_ADDRS	512
/* VLANs that one guest has asked for by itself, at most. */
#define SLUICE_ASK_GUEST_VLANS	64
/* Of the operator's own. */
#define SLUICE_ASK_WORD_MACS	32
#define SLUICE_ASK_WORD_VLANS	16

/**
 * struct sluice_ask_word - what the operator says that is wanted of the VF
 * @no_promisc: it is not to give us everything, but only what it is asked for
 * @nr_mac: length of @mac
 * @nr_vlan: length of @vlan
 * @mac: addresses, multicast too
 * @vlan: 802.1Q ids
 */
struct sluice_ask_word {
	bool no_promisc;
	unsigned int nr_mac;
	unsigned int nr_vlan;
	u8 mac[SLUICE_ASK_WORD_MACS][ETH_ALEN];
	struct sluice_vlan_range vlan[SLUICE_ASK_WORD_VLANS];
};

#define SLUICE_ASK_WANTED	BIT(0)	/* by anybody */
#define SLUICE_ASK_FIRM		BIT(1)	/* by the operator, be it in a guard */
#define SLUICE_ASK_ASKED	BIT(2)	/* the VF has it */
#define SLUICE_ASK_REFUSED	BIT(3)	/* the VF did not take it */

struct sluice_ask_addr {
	u8 addr[ETH_ALEN];
	u8 state;
};

/**
 * struct sluice_ask - what is wanted of one VF, and what it was asked. RTNL
 * @word: the operator's own word
 * @promisc: it gives us everything
 * @allmulti: every multicast
 * @want_allmulti: some guest wants that
 * @nr_addr: length of @addr
 * @nr_wanted: of those, how many are wanted
 * @left_out: what is wanted beyond what we ask of one VF, or for one guest
 * @firm: VLANs that the operator wants, be it by a guard
 * @wanted: VLANs that anybody wants
 * @asked: VLANs that the VF took
 * @refused: those that it did not
 * @above: VLANs that the VF took for what is above the uplink's netdev, 802.1Q and 802.1ad
 * @above_wanted: those that are wanted there still
 * @above_refused: those that the VF did not take, when it took the place of another
 * @node: in the list of those whose uplink went
 * @lower: since then: the VF
 * @tracker: of that reference
 * @addr: sorted. What is asked is no more than half of it: nothing is asked before all was taken
 *	back that is not wanted any more
 */
struct sluice_ask {
	struct sluice_ask_word word;
	bool promisc;
	bool allmulti;
	bool want_allmulti;
	unsigned int nr_addr;
	unsigned int nr_wanted;
	unsigned int left_out;
	DECLARE_BITMAP(firm, VLAN_N_VID);
	DECLARE_BITMAP(wanted, VLAN_N_VID);
	DECLARE_BITMAP(asked, VLAN_N_VID);
	DECLARE_BITMAP(refused, VLAN_N_VID);
	DECLARE_BITMAP(above[2], VLAN_N_VID);
	DECLARE_BITMAP(above_wanted[2], VLAN_N_VID);
	DECLARE_BITMAP(above_refused[2], VLAN_N_VID);
	struct list_head node;
	struct net_device *lower;
	netdevice_tracker tracker;
	struct sluice_ask_addr addr[2 * SLUICE_ASK_ADDRS];
};

/*
 * Something that VFs are asked for is another one, by the operator's will (RTNL), or by a guest's
 * (any context). The VFs are told soon: by sluice_ask_sync(), or else by work of ours.
 */
void sluice_ask_changed(void);
void sluice_ask_guest_changed(void);
/* Tell them now, as far as that is short. RTNL, and no worker is paused: a VF may take its time. */
void sluice_ask_sync(void);
/*
 * VLAN interfaces and the like above the uplink's netdev want a VLAN of @lower, the VF: 0, or what
 * that says. Or they want it no more: it is taken back soon. RTNL.
 */
int sluice_ask_above_add(struct sluice_ask *ask, struct net_device *lower, __be16 proto, u16 vid);
void sluice_ask_above_del(struct sluice_ask *ask, __be16 proto, u16 vid);
/* It is wanted of a VF that has just come: it is asked for with all else, soon. RTNL. */
void sluice_ask_above_want(struct sluice_ask *ask, __be16 proto, u16 vid);
/*
 * @lower is not the VF of @uplink any more: all that it was asked for on behalf of that, and of
 * what is above it, is taken back soon. RTNL.
 */
void sluice_ask_end(struct sluice_port *uplink, struct net_device *lower);
/* @lower goes, or goes to another namespace. RTNL. */
void sluice_ask_lower_gone(struct net_device *lower);
/*
 * No uplink is left, nor anybody who could make one; what its VF was asked for is taken back. No
 * RTNL.
 */
void sluice_ask_exit(void);

#endif /* _SLUICE_ASK_H */
