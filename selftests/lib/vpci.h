/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A driver of the virtio PCI transport, modern part only (virtio 1.2, 4.1), upon the VFIO API. All
 * functions return -errno on failure.
 */
#ifndef VPCI_H
#define VPCI_H

#include <stdbool.h>
#include <stdint.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include "vfio.h"

#define VPCI_MAX_QUEUES		64
#define VPCI_COMMON(field)	offsetof(struct virtio_pci_modern_common_cfg, field)

/* Bits that headers may be too old for. */
#ifndef VIRTIO_F_NOTIFICATION_DATA
#define VIRTIO_F_NOTIFICATION_DATA	38
#endif
#ifndef VIRTIO_F_RING_RESET
#define VIRTIO_F_RING_RESET		40
#endif

/**
 * struct vpci_cap - a vendor capability
 * @pos: where it stands in configuration space, 0 if it does not
 * @bar: BAR of what it points to
 * @offset: where in it
 * @length: bytes of it
 */
struct vpci_cap {
	unsigned int pos;
	uint8_t bar;
	uint32_t offset;
	uint32_t length;
};

/**
 * struct vpci - a device
 * @d: what it is reached by
 * @cap: capabilities by type; the first of each, which is the one to be used
 * @nr_caps: how many vendor capabilities there are in all
 * @notify_mult: bytes between queues' doorbells
 * @notify_off: each queue's doorbell as it was at vpci_queue_setup()
 * @notify_map: mapped part of the doorbells' BAR, NULL if not mapped
 * @notify_area: which part that is
 * @msix_pos: MSI-X capability in configuration space, 0 without one
 * @vectors: how many
 * @features: negotiated
 */
struct vpci {
	struct vfio_dev *d;
	struct vpci_cap cap[VIRTIO_PCI_CAP_PCI_CFG + 1];
	unsigned int nr_caps;
	uint32_t notify_mult;
	uint16_t notify_off[VPCI_MAX_QUEUES];
	void *notify_map;
	struct vfio_region_sparse_mmap_area notify_area;
	unsigned int msix_pos;
	unsigned int vectors;
	uint64_t features;
};

/* Find the capabilities; enable memory and bus mastering. */
int vpci_probe(struct vpci *p, struct vfio_dev *d);
/* PCI configuration space. */
uint64_t vpci_cfg_get(struct vpci *p, unsigned int at, unsigned int width);
int vpci_cfg_put(struct vpci *p, unsigned int at, unsigned int width, uint64_t value);

/* What a capability (VIRTIO_PCI_CAP_*) points to. All ones if it cannot be read. */
uint64_t vpci_get(struct vpci *p, unsigned int cap, uint32_t at, unsigned int width);
int vpci_put(struct vpci *p, unsigned int cap, uint32_t at, unsigned int width, uint64_t value);
#define vpci_common(p, field)							\
	vpci_get(p, VIRTIO_PCI_CAP_COMMON_CFG, VPCI_COMMON(field),		\
		 sizeof(((struct virtio_pci_modern_common_cfg *)0)->field))
#define vpci_common_put(p, field, value)					\
	vpci_put(p, VIRTIO_PCI_CAP_COMMON_CFG, VPCI_COMMON(field),		\
		 sizeof(((struct virtio_pci_modern_common_cfg *)0)->field), value)

/* The device's status; reset() waits until the device has become as new. */
unsigned int vpci_status(struct vpci *p);
int vpci_status_add(struct vpci *p, unsigned int bits);
int vpci_reset(struct vpci *p);

uint64_t vpci_device_features(struct vpci *p);
void vpci_driver_features(struct vpci *p, uint64_t features);
/* From a reset to FEATURES_OK; -EOPNOTSUPP if the device does not agree. */
int vpci_negotiate(struct vpci *p, uint64_t features);

/**
 * struct vpci_queue - where a queue lies
 * @num: entries
 * @desc: descriptor table or ring
 * @driver: driver area
 * @device: device area
 * @vector: MSI-X vector, or VIRTIO_MSI_NO_VECTOR
 */
struct vpci_queue {
	unsigned int num;
	uint64_t desc;
	uint64_t driver;
	uint64_t device;
	uint16_t vector;
};

/* Most entries of a queue: 0 if there is no such queue. */
unsigned int vpci_queue_max(struct vpci *p, unsigned int index);
int vpci_queue_setup(struct vpci *p, unsigned int index, const struct vpci_queue *q);
int vpci_queue_enable(struct vpci *p, unsigned int index);
/* VIRTIO_F_RING_RESET: returns when the device has let go of the queue. */
int vpci_queue_reset(struct vpci *p, unsigned int index);

/* Map the doorbells: from then on a notification is a store. -ENOENT if they cannot be mapped. */
int vpci_notify_map(struct vpci *p);
void vpci_notify_unmap(struct vpci *p);
/* @data: upper 16 bits of the word, which is written as one if it was negotiated. */
int vpci_notify(struct vpci *p, unsigned int index, uint16_t data);

/* Vectors @start... get these eventfds (-1: none), and MSI-X is on. */
int vpci_msix(struct vpci *p, unsigned int start, unsigned int count, const int *fds);
int vpci_msix_off(struct vpci *p);

#endif /* VPCI_H */
