/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A virtio-blk disk on the virtio PCI transport, upon the VFIO API; its requests are those of
 * vblk.h. All functions return -errno on failure.
 */
#ifndef VDISK_H
#define VDISK_H

#include <stdbool.h>
#include "vblk.h"
#include "vdrv.h"
#include "vpci.h"
#include "vpciq.h"

/**
 * struct vdisk_cfg - what a driver is to be
 * @drv: its queues: features, size, how many, how large a request's buffer is (no node)
 * @mapped: notify by a store to a mapped page rather than by pwrite()
 * @cdev: reach the device by iommufd rather than by a container
 */
struct vdisk_cfg {
	struct vdrv_cfg drv;
	bool mapped;
	bool cdev;
};

/**
 * struct vdisk - a disk
 * @cfg: what it is
 * @space: its DMA addresses
 * @dev: VFIO
 * @pci: transport
 * @v: its queues
 * @bell: who rings for which queue
 * @config: eventfd of the configuration vector
 */
struct vdisk {
	struct vdisk_cfg cfg;
	struct vfio_space space;
	struct vfio_dev dev;
	struct vpci pci;
	struct vdrv v;
	struct vpciq_bell bell[VDRV_MAX_VQS];
	int config;
};

/*
 * Life. open() leaves a disk with memory mapped, probed and reset; start() negotiates, sets all
 * queues up and goes to DRIVER_OK; stop() resets the device and empties the rings, so that start()
 * may follow again.
 */
int vdisk_open(struct vdisk *d, const char *uuid, const struct vdisk_cfg *cfg);
int vdisk_start(struct vdisk *d);
int vdisk_stop(struct vdisk *d);
void vdisk_close(struct vdisk *d);
/* Queue @index, after a reset of its own. */
int vdisk_queue_start(struct vdisk *d, unsigned int index);
/* Does the device ask to be reset? */
bool vdisk_broken(struct vdisk *d);

/* A field of the device's configuration (struct virtio_blk_config), in its own width. */
#define vdisk_config(d, field)							\
	vpci_get(&(d)->pci, VIRTIO_PCI_CAP_DEVICE_CFG,				\
		 offsetof(struct virtio_blk_config, field),			\
		 sizeof(((struct virtio_blk_config *)0)->field))

#endif /* VDISK_H */
