/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rings of a struct vdrv as virtqueues of a device on the virtio PCI transport. All functions
 * return -errno on failure.
 */
#ifndef VPCIQ_H
#define VPCIQ_H

#include "vdrv.h"
#include "vpci.h"

/**
 * struct vpciq_bell - who rings for which queue
 * @pci: the device
 * @index: the queue
 */
struct vpciq_bell {
	struct vpci *pci;
	unsigned int index;
};

/* A driver's memory, rings and buffers, for the device to reach. */
int vpciq_map(struct vfio_space *space, struct vdrv *v);
int vpciq_unmap(struct vfio_space *space, struct vdrv *v);
/* Notifications of @q go to queue @index. @b lives as long as @q. */
void vpciq_set_bell(struct vpciq_bell *b, struct vpci *pci, struct vdrv_vq *q, unsigned int index);
/* Ring @q of @v is queue @index from now on. */
int vpciq_start(struct vpci *pci, struct vdrv *v, const struct vdrv_vq *q, unsigned int index,
		uint16_t vector);

#endif /* VPCIQ_H */
