/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What makes the device a network card: features and the device configuration (virtio 1.2, 5.1).
 * As pci.h: plain functions, no kernel state.
 */
#ifndef _SLUICE_MDEV_NETCFG_H
#define _SLUICE_MDEV_NETCFG_H

#include <linux/types.h>
#include <linux/virtio_net.h>

/* Does this choice of what is offered hang together? */
bool sluice_netcfg_features_valid(u64 features);
/* Offered by a device with @pairs queue pairs. */
u64 sluice_netcfg_features(unsigned int pairs);
/* Features that CTRL_GUEST_OFFLOADS may switch. */
u64 sluice_netcfg_offloads(u64 features);
/* Pairs that the driver may use, and so the index of its control queue: twice that. */
unsigned int sluice_netcfg_pairs(u64 features, unsigned int pairs);
/* The doorbell of queue @index: its own number's, but the control queue's is the last. */
u16 sluice_netcfg_notify_off(u64 features, u16 nr_queues, u16 index);

#endif /* _SLUICE_MDEV_NETCFG_H */
