/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Why a packet was dropped: one list for counters, traces, netlink and the tool. Append only: the
 * order is UAPI.
 */
#ifndef _SLUICE_DROP_H
#define _SLUICE_DROP_H

#define SLUICE_DROPS(X) \
	X(NONE,		"none",			"not dropped") \
	X(MALFORMED,	"malformed",		"headers do not parse") \
	X(HDR,		"bad-vnet-hdr",		"virtio_net_hdr contradicts the packet") \
	X(TOO_LONG,	"too-long",		"longer than the MTU or 64 KiB") \
	X(GUARD_MAC,	"guard-mac",		"source MAC is not the port's") \
	X(GUARD_IP,	"guard-ip",		"source address is not the port's") \
	X(GUARD_ARP,	"guard-arp",		"ARP sender is not the port's") \
	X(GUARD_ND,	"guard-nd",		"ND sender is not the port's") \
	X(ACL,		"acl",			"denied by an access rule") \
	X(ACL_DEFAULT,	"acl-default",		"denied by the access list's default") \
	X(RATE,		"rate",			"over the port's rate limit") \
	X(METER,	"meter",		"over a flow's meter") \
	X(FLOW,		"flow",			"a flow rule says drop") \
	X(NO_PORT,	"no-port",		"the output port is gone") \
	X(LOOP,		"loop",			"output to the port that it came from") \
	X(RX_FULL,	"rx-full",		"guest brings too few receive buffers") \
	X(RX_DOWN,	"rx-down",		"guest's queue is not attached") \
	X(INBOX_FULL,	"inbox-full",		"the worker does not keep up") \
	X(UPLINK_DOWN,	"uplink-down",		"the VF is down or gone") \
	X(UPLINK_BUSY,	"uplink-busy",		"the VF's transmit queue is full") \
	X(SLOW_DOWN,	"slow-down",		"not counted any more: see down") \
	X(NOMEM,	"nomem",		"out of memory") \
	X(ACTION,	"action",		"an action does not fit the packet") \
	X(RING,		"ring",			"the ring broke") \
	X(HELD,		"held",			"no engine, or in quarantine") \
	X(FRAGMENT,	"fragment",		"a fragment without headers, or over them") \
	X(RX_FILTER,	"rx-filter",		"the guest did not ask for it") \
	X(UNREADABLE,	"unreadable",		"it lies in a device's memory") \
	X(GUARD_VLAN,	"guard-vlan",		"VLAN is not the port's") \
	X(GUARD_TYPE,	"guard-type",		"EtherType is not the port's") \
	X(GUARD_DHCP,	"guard-dhcp",		"DHCP server, or a client that is not the port") \
	X(GUARD_OPTION,	"guard-option",		"source routing or a home address") \
	X(DOWN,		"down",			"the port is set down") \
	X(CONTROL,	"control",		"a link-local control frame that nobody allowed") \
	X(HOPS,		"hops",			"came by too often: uplinks are in a loop")

enum sluice_drop {
#define SLUICE_X(name, tag, text) SLUICE_DROP_##name,
	SLUICE_DROPS(SLUICE_X)
#undef SLUICE_X
	SLUICE_DROP_MAX
};

#endif /* _SLUICE_DROP_H */
