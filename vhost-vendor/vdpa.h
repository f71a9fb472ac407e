/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A virtio network device on the vDPA bus: the kernel's own bus drivers bring its virtqueues here,
 * be it for a VMM (vhost_vdpa) or for the host itself (virtio_vdpa), and they are served as those
 * of a guest port.
 *
 * DOC: Locking
 *
 *	vdpa_dev_lock, vdev->cf_lock, vhost_vdpa's lock > RTNL
 *	RTNL > d->lock > the port's own lock > a call to a worker
 *
 * virtio_net calls set_status() with RTNL held, vhost_vdpa without. So nobody who holds d->lock
 * waits for RTNL; what wants it (the port's offloads) is done by work, which starts the queues
 * after that. The spinlocks are innermost: d->net_lock guards what drivers are told of the network,
 * vq->cb_lock their callback.
 *
 * DOC: Lifetime
 *
 * The vDPA core unbinds the driver before it lets go of a device, which for vhost_vdpa means that
 * it waits for its file to be closed; a driver that leaves resets the device. Reset detaches
 * queues, which waits for the worker, and waits for callbacks. A process that is killed closes its
 * file. A device holds this module from dev_add() until dev_del() is about to return; that is
 * inside the core's lock, which the module's exit takes too.
 */
#ifndef _SLUICE_VDPA_H
#define _SLUICE_VDPA_H

#include <linux/maple_tree.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/vdpa.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/workqueue.h>
#include "sluice.h"

struct sluice_vdpa;

/* Queues of a device: one pair. */
#define SLUICE_VDPA_VQS		2
/* Entries of a ring. */
#define SLUICE_VDPA_RING_MAX	1024

/**
 * struct sluice_vdpa_vq - a virtqueue
 * @d: its device
 * @index: as virtio-net numbers them; enum sluice_queue_dir is the same for one pair
 * @q: queue of the port
 * @num: entries; 0 until set
 * @desc: descriptor table, or descriptor ring
 * @driver: available ring, or driver event suppression
 * @device: used ring, or device event suppression
 * @has_state: the driver said where to begin
 * @avail: index state while detached, as struct sluice_vring_config has it
 * @used: likewise
 * @ready: enabled by the driver; READ_ONCE elsewhere
 * @attached: a worker serves it
 * @cb_lock: guards @cb; the callback runs inside
 * @cb: the driver's interrupt
 * @cb_work: calls @cb where that takes longer than to signal an eventfd
 *
 * Fields are under d->lock but for those that never change (@d, @index, @q) and @cb.
 */
struct sluice_vdpa_vq {
	struct sluice_vdpa *d;
	unsigned int index;
	struct sluice_queue *q;
	u32 num;
	u64 desc;
	u64 driver;
	u64 device;
	bool has_state;
	u32 avail;
	u32 used;
	bool ready;
	bool attached;
	spinlock_t cb_lock;	/* see above */
	struct vdpa_callback cb;
	struct work_struct cb_work;
};

/**
 * struct sluice_vdpa - a device
 * @vdev: what the core knows
 * @node: in the list of all; see vdpa_main.c
 * @port: a reference, and its pair 0
 * @own_port: the port goes with the device
 * @offer: feature bits
 * @lock: see above; guards all up to @start_work
 * @features: as the driver took them
 * @status: as the driver wrote it; READ_ONCE elsewhere
 * @suspended: queues rest until resume() or reset
 * @host_driver: the driver is the host's own, which DRIVER_OK told
 * @resets: how often it was reset
 * @gmem: what attached queues reach
 * @iotlb: what the VMM mapped
 * @direct: every address of the host's
 * @maps: what stands behind @iotlb; struct vdpa_map by IOVA
 * @vq: the queues
 * @start_work: sets offloads, then starts what is ready
 * @broken: a ring was stopped, or could not be started
 * @net_lock: guards all below
 * @net: device configuration
 * @heard: the port's notifier has set the link's state
 * @generation: of @net
 * @config_cb: the driver's interrupt for changes; called inside @net_lock
 * @event_work: calls it
 */
struct sluice_vdpa {
	struct vdpa_device vdev;
	struct list_head node;
	struct sluice_port *port;
	bool own_port;
	u64 offer;

	struct mutex lock;	/* see above */
	u64 features;
	u8 status;
	bool suspended;
	bool host_driver;
	unsigned int resets;
	struct sluice_gmem gmem;
	struct sluice_iotlb *iotlb;
	struct sluice_iotlb *direct;
	struct maple_tree maps;
	struct sluice_vdpa_vq vq[SLUICE_VDPA_VQS];
	struct work_struct start_work;
	bool broken;

	spinlock_t net_lock;	/* see above */
	struct virtio_net_config net;
	bool heard;
	u32 generation;
	struct vdpa_callback config_cb;
	struct work_struct event_work;
};

static inline struct sluice_vdpa *sluice_vdpa_of(const struct vdpa_device *vdev)
{
	return container_of(vdev, struct sluice_vdpa, vdev);
}

static inline bool sluice_vdpa_has(const struct sluice_vdpa *d, unsigned int bit)
{
	return d->features & BIT_ULL(bit);
}

/* For callbacks and what waits for RTNL. */
extern struct workqueue_struct *sluice_vdpa_wq;

/* vdpa_main.c: the core let go of a device. */
void sluice_vdpa_freed(void);

/* vdpa_dev.c */
extern const struct vdpa_config_ops sluice_vdpa_ops;
/* The driver has to reset it. Any context. */
void sluice_vdpa_set_broken(struct sluice_vdpa *d);

/* vdpa_vq.c: d->lock, except where said. */
void sluice_vdpa_vq_init(struct sluice_vdpa *d, unsigned int index);
/* Start what is ready, if the driver is. 0 or the first error. */
int sluice_vdpa_vq_start_all(struct sluice_vdpa *d);
/* When it returns the worker knows nothing of the ring. */
void sluice_vdpa_vq_stop(struct sluice_vdpa_vq *vq);
void sluice_vdpa_vq_stop_all(struct sluice_vdpa *d);
/* Have every ring looked at. Any context. */
void sluice_vdpa_vq_kick_all(struct sluice_vdpa *d);
/* Forget what was set; stopped. No callback runs any more when it returns. */
void sluice_vdpa_vq_reset(struct sluice_vdpa_vq *vq);
int sluice_vdpa_vq_set_state(struct sluice_vdpa_vq *vq, const struct vdpa_vq_state *state);
/* -EBUSY while it runs. */
int sluice_vdpa_vq_get_state(struct sluice_vdpa_vq *vq, struct vdpa_vq_state *state);
/* Any process context. When it returns the callback before is no longer in use. */
void sluice_vdpa_vq_set_cb(struct sluice_vdpa_vq *vq, const struct vdpa_callback *cb);

/* vdpa_map.c */
int sluice_vdpa_map_init(struct sluice_vdpa *d);
/* No queue is attached, nor will be. */
void sluice_vdpa_map_exit(struct sluice_vdpa *d);
/* d->lock. No queue is attached: choose what queues reach from now on. */
void sluice_vdpa_map_choose(struct sluice_vdpa *d);
/* d->lock: make [@iova, @iova + @size) reach the pinned pages at @pa. @perm: SLUICE_GMEM_* */
int sluice_vdpa_map_add(struct sluice_vdpa *d, u64 iova, u64 size, u64 pa, u8 perm);
/* d->lock: when it returns no queue uses the pages, and they are no longer held. */
void sluice_vdpa_map_del(struct sluice_vdpa *d, u64 iova, u64 last);

/* vdpa_net.c: the device as a network card */
extern const u64 sluice_vdpa_net_offer;
void sluice_vdpa_net_init(struct sluice_vdpa *d, const u8 *mac, u16 mtu);
/* The port's netdev is up or not. Any context. */
void sluice_vdpa_net_set_link(struct sluice_vdpa *d, bool up);
void sluice_vdpa_net_set_cb(struct sluice_vdpa *d, const struct vdpa_callback *cb);
void sluice_vdpa_net_read(struct sluice_vdpa *d, unsigned int off, void *buf, unsigned int len);

#endif /* _SLUICE_VDPA_H */
