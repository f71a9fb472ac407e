/* SPDX-License-Identifier: GPL-2.0-only */
/* The generic netlink family, as the rest of sluice.ko sees it. */
#ifndef _SLUICE_NETLINK_H
#define _SLUICE_NETLINK_H

#include <linux/types.h>
#include <uapi/linux/sluice.h>

struct net;
struct sluice_port;

/* Control is exposed last and withdrawn first. Process context, no RTNL. */
int sluice_netlink_init(void);
void sluice_netlink_exit(void);

/**
 * sluice_netlink_event() - tell those who listen (`sluice monitor`)
 * @net: namespace that hears it
 * @event: SLUICE_EVENT_*
 * @port: what it happened to, or NULL
 * @value: as enum sluice_event says
 *
 * Best effort: a listener whose buffer is full misses it, and is told so by the socket. Nothing
 * happens while the family is not registered. Context: process, with or without RTNL and
 * port->lock; may sleep.
 */
void sluice_netlink_event(struct net *net, u32 event, const struct sluice_port *port, u32 value);
/* The same for a volume, with its lock or without: the initial namespace hears it. */
void sluice_netlink_volume_event(u32 event, const char *volume, u32 value);

/* The same for a worker, in words. */
void sluice_netlink_worker_event(u32 event, unsigned int cpu, const char *text);

#endif /* _SLUICE_NETLINK_H */
