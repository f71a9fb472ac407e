/* SPDX-License-Identifier: GPL-2.0-only */
/* vDPA devices, as the operator makes them with vdpa(8). All functions return -errno on failure. */
#ifndef VDPA_H
#define VDPA_H

#include <stddef.h>

/*
 * Make a device on the volume @name, or else on the port, which is made too if it is not there;
 * @more is for vdpa(8), mac and the like. No bus driver has it until vdpa_bind(). By the management
 * device "sluice" a network card has the features that QEMU migrates.
 */
int vdpa_add_by(const char *mgmtdev, const char *name, const char *more);
/* One with all features. */
int vdpa_add(const char *name, const char *more);
/* Waits for whoever has it open. */
int vdpa_del(const char *name);

/* Give it to vhost_vdpa or virtio_vdpa, or take it back. */
int vdpa_bind(const char *name, const char *driver);
int vdpa_unbind(const char *name);

/* The character device that vhost_vdpa has for it. Lifts the limit on pinned memory too. */
int vdpa_node(const char *name, char *node, size_t room);
/* The interface that the host has by virtio_vdpa. */
int vdpa_netdev(const char *name, char *netdev, size_t room);
/* The disk likewise, "vda". */
int vdpa_blockdev(const char *name, char *disk, size_t room);

#endif /* VDPA_H */
