/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A virtio-net card on the virtio PCI transport: queue pairs (each a struct vdrv), the control
 * queue, vectors. All functions return -errno on failure.
 */
#ifndef VNIC_H
#define VNIC_H

#include <stdbool.h>
#include <stdint.h>
#include "vdrv.h"
#include "vpci.h"
#include "vpciq.h"

#define VNIC_MAX_PAIRS	8
#define VNIC_BIT(name)	VDRV_BIT(VIRTIO_NET_F_##name)

/* How the driver learns that something was used. */
enum vnic_irq {
	VNIC_MSIX,	/* a vector each for the configuration and every queue */
	VNIC_SHARED,	/* one vector for all of them */
	VNIC_POLL,	/* not at all: it looks */
};

/**
 * struct vnic_cfg - what a driver is to be
 * @drv: its queue pairs: features, size, how buffers are cut (no node)
 * @pairs: how many queue pairs to use; more than one needs MQ among the features (1)
 * @irq: enum vnic_irq
 * @mapped: notify by a store to a mapped page rather than by pwrite()
 * @cdev: reach the device by iommufd rather than by a container
 * @no_rx: start() posts no receive buffers
 */
struct vnic_cfg {
	struct vdrv_cfg drv;
	unsigned int pairs;
	enum vnic_irq irq;
	bool mapped;
	bool cdev;
	bool no_rx;
};

/**
 * struct vnic - a card
 * @cfg: what it is
 * @space: its DMA addresses, when the card has one of its own
 * @dev: VFIO
 * @pci: transport
 * @features: negotiated
 * @pairs: queue pairs in use
 * @pair: each of them
 * @ctl: the control queue, as the transmit ring of a pair
 * @bell: who rings for which queue
 * @config: eventfd of the configuration vector
 */
struct vnic {
	struct vnic_cfg cfg;
	struct vfio_space space;
	struct vfio_dev dev;
	struct vpci pci;
	uint64_t features;
	unsigned int pairs;
	struct vdrv pair[VNIC_MAX_PAIRS];
	struct vdrv ctl;
	struct vpciq_bell bell[2 * VNIC_MAX_PAIRS + 1];
	int config;
};

/*
 * Life. open() leaves a card with memory mapped, probed and reset, as vdrv_init() leaves a driver;
 * @space NULL: one of its own. start() negotiates, sets all queues up and goes to DRIVER_OK; stop()
 * resets the device and empties the rings, so that start() may follow again.
 */
int vnic_open(struct vnic *n, struct vfio_space *space, const char *uuid,
	      const struct vnic_cfg *cfg);
int vnic_start(struct vnic *n);
int vnic_stop(struct vnic *n);
void vnic_close(struct vnic *n);

/* The steps of them. */
int vnic_map(struct vnic *n, struct vdrv *v);
int vnic_unmap(struct vnic *n, struct vdrv *v);
int vnic_queue_start(struct vnic *n, unsigned int index);
/* Index of the control queue; the ring that has an index. */
unsigned int vnic_ctl_index(struct vnic *n);
struct vdrv_vq *vnic_vq(struct vnic *n, unsigned int index);

/*
 * A command: 0 if the device took it, 1 if it refused, -errno if it did not answer. raw() is given
 * the descriptors.
 */
int vnic_ctrl(struct vnic *n, uint8_t class, uint8_t cmd, const void *data, uint32_t len);
int vnic_ctrl_raw(struct vnic *n, const struct vdrv_seg *seg, unsigned int nr_out,
		  unsigned int nr_in);
/* Memory of the control queue for raw(): slot 0's buffer. */
unsigned char *vnic_ctrl_buf(struct vnic *n);

/*
 * A field of the device's configuration (struct virtio_net_config), read in its own width; and the
 * address, read byte by byte until it has not changed in between.
 */
#define vnic_config(n, field)							\
	vpci_get(&(n)->pci, VIRTIO_PCI_CAP_DEVICE_CFG,				\
		 offsetof(struct virtio_net_config, field),			\
		 sizeof(((struct virtio_net_config *)0)->field))
void vnic_config_mac(struct vnic *n, uint8_t mac[6]);

#endif /* VNIC_H */
