/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A host for the netlink family: ports, workers and netdevs that are no more than their names, and
 * the packet engine's real configuration code behind them.
 */
#ifndef _UNIT_NET_NETLINK_HOST_H
#define _UNIT_NET_NETLINK_HOST_H

#include "netlink_ops.h"

#define HOST_SOCKETS 2

extern struct net host_net;
extern struct sock host_sock[HOST_SOCKETS];
/* May the sender administrate? */
extern bool host_capable;
/* A change of a refused transaction could not be undone. */
extern bool host_undo_failed;
/* The last answer to a command; the host frees it. */
extern struct sk_buff *host_reply;

/* Two guest ports, vm0 and vm1, an uplink up0 above eth0, a netdev eth1, a worker on core 1. */
void host_start(void);
void host_stop(void);
/* RTNL was dropped: what was deleted meanwhile goes. */
void host_bury(void);
/* Ports and workers stay, all policy, meters and flows go. */
void host_forget_policy(void);
/* A socket was closed. */
void host_close(u32 portid);

#endif /* _UNIT_NET_NETLINK_HOST_H */
