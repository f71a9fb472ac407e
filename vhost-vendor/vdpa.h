/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Virtio devices on the vDPA bus, network cards and disks: the kernel's own bus drivers bring their
 * virtqueues here, be it for a VMM (vhost_vdpa) or for the host itself (virtio_vdpa), and they are
 * served as those of a guest port or of a volume.
 *
 * DOC: Locking
 *
 *	vdpa_dev_lock, vdev->cf_lock, vhost_vdpa's lock > RTNL
 *	RTNL > d->lock > the port's or the volume's own lock > a call to a worker
 *
 * virtio_net calls set_status() with RTNL held, vhost_vdpa without. So nobody who holds d->lock
 * waits for RTNL; what wants it (the port's offloads) is done by work, which starts the queues
 * after that. The spinlocks are innermost: d->config_lock guards what drivers are told of their
 * device, vq->cb_lock their callback.
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

#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/spinlock.h>
#include <linux/vdpa.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <linux/workqueue.h>
#include "sluice.h"

struct sluice_vdpa;

/* Queues of a device, at most: a network card has one pair, a disk those of its volume. */
#define SLUICE_VDPA_VQS		SLUICE_VOLUME_MAX_QUEUES
/* Entries of a ring. */
#define SLUICE_VDPA_RING_MAX	1024
/* What every device offers, whatever it is: what the rings can do. */
#define SLUICE_VDPA_RING_OFFER	(BIT_ULL(VIRTIO_F_VERSION_1) | \
				 BIT_ULL(VIRTIO_F_ACCESS_PLATFORM) | \
				 BIT_ULL(VIRTIO_F_RING_PACKED) | \
				 BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC) | \
				 BIT_ULL(VIRTIO_RING_F_EVENT_IDX))

/* Device configuration. */
union sluice_vdpa_config {
	struct virtio_net_config net;
	struct virtio_blk_config blk;
};

/**
 * struct sluice_vdpa_type - what a device is to its driver, and what it stands on
 * @id: VIRTIO_ID_*
 * @config_size: bytes of its configuration
 * @bind: find what the device of that name stands on, take hold of it, and set d->offer and
 *	d->nr_vqs. Changes of the configuration are told from then on. Process context, inside the
 *	core's lock; 0, or an error and nothing is held
 * @unbind: let go of it; no queue is attached. Process context
 * @queue: what serves virtqueue @index < d->nr_vqs
 * @accept: the driver is ready, and d->features what it took. d->lock and perhaps RTNL held: waits
 *	for neither. NULL: nothing to do
 * @start: likewise, before queues start; 0 if it is ready no more. Process context, no lock held,
 *	may wait for RTNL. NULL: nothing to do
 * @moved: the driver came from another host, or another time: its queues, which started, begin in
 *	their midst. Process context, no lock held. NULL: nothing to do
 * @reset: the driver is gone, no queue is attached. d->lock held. NULL: nothing to do
 * @vq_config: what sets a queue of this type apart. d->lock held
 * @get_config: the whole configuration as it is now. Any context
 * @set_config: the driver wrote to it. Process context. NULL: nothing in it can be written
 */
struct sluice_vdpa_type {
	u32 id;
	size_t config_size;
	int (*bind)(struct sluice_vdpa *d, const char *name,
		    const struct vdpa_dev_set_config *config);
	void (*unbind)(struct sluice_vdpa *d);
	struct sluice_queue *(*queue)(struct sluice_vdpa *d, unsigned int index);
	void (*accept)(struct sluice_vdpa *d);
	void (*start)(struct sluice_vdpa *d, u64 features);
	void (*moved)(struct sluice_vdpa *d);
	void (*used)(struct sluice_vdpa *d, bool used);
	void (*reset)(struct sluice_vdpa *d);
	void (*vq_config)(const struct sluice_vdpa *d, struct sluice_queue_config *cfg);
	void (*get_config)(struct sluice_vdpa *d, union sluice_vdpa_config *config);
	void (*set_config)(struct sluice_vdpa *d, unsigned int off, const void *buf,
			   unsigned int len);
};

/**
 * struct sluice_vdpa_net - a network card
 * @node: in the list of all; see vdpa_net.c
 * @port: a reference, and its pair 0
 * @own_port: the port goes with the device
 * @config: what the driver is told; d->config_lock
 * @heard: the port's notifier has set the link's state; d->config_lock
 */
struct sluice_vdpa_net {
	struct list_head node;
	struct sluice_port *port;
	bool own_port;
	struct virtio_net_config config;
	bool heard;
};

/**
 * struct sluice_vdpa_blk - a disk
 * @volume: a reference, claimed
 * @wce: what the driver wrote to the field writeback; d->lock
 * @wce_written: it did, since it was reset; d->lock
 */
struct sluice_vdpa_blk {
	struct sluice_volume *volume;
	bool wce;
	bool wce_written;
};

/**
 * struct sluice_vdpa_vq - a virtqueue
 * @d: its device
 * @index: as virtio numbers them
 * @q: queue of the port or the volume
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
 * @type: what it is
 * @net: what it stands on, if it is a network card
 * @blk: if it is a disk
 * @full: of the management device whose devices offer all that there is
 * @offer: feature bits
 * @nr_vqs: how many it has
 * @lock: see above; guards all up to @start_work
 * @features: as the driver took them
 * @status: as the driver wrote it; READ_ONCE elsewhere
 * @mapped: a VMM has it open: it mapped memory since the map was reset
 * @used: the type was told that somebody uses it
 * @moved: the driver said of a queue that it begins in its midst, and the type was not told
 * @suspended: queues rest until resume() or reset
 * @host_driver: the driver is the host's own, which DRIVER_OK told
 * @payer: the VMM that said DRIVER_OK pays for what its queues need; NULL: nobody in particular
 * @resets: how often it was reset
 * @gmem: what attached queues reach
 * @iotlb: what the VMM mapped
 * @direct: every address of the host's
 * @maps: what stands behind @iotlb; struct vdpa_map by IOVA, not overlapping; each is one entry
 *	there
 * @vq: the queues, @nr_vqs of them
 * @start_work: has the type get ready, then starts what is ready
 * @broken: a ring was stopped, or could not be started
 * @lost: a worker did not answer, and may use what is here: none of it is freed any more, and no
 *	queue is started; set once, @lock
 * @config_lock: guards all below
 * @generation: of the configuration
 * @config_cb: the driver's interrupt for changes; called inside @config_lock
 * @event_work: calls it
 */
struct sluice_vdpa {
	struct vdpa_device vdev;
	const struct sluice_vdpa_type *type;
	union {
		struct sluice_vdpa_net net;
		struct sluice_vdpa_blk blk;
	};
	bool full;
	u64 offer;
	unsigned int nr_vqs;

	struct mutex lock;	/* see above */
	u64 features;
	u8 status;
	bool mapped;
	bool used;
	bool moved;
	bool suspended;
	bool host_driver;
	struct mem_cgroup *payer;
	unsigned int resets;
	struct sluice_gmem gmem;
	struct sluice_iotlb *iotlb;
	struct sluice_iotlb *direct;
	struct rb_root maps;
	struct sluice_vdpa_vq vq[SLUICE_VDPA_VQS];
	struct work_struct start_work;
	bool broken;
	bool lost;

	spinlock_t config_lock;	/* see above */
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

/* vdpa_main.c: see @lost. d->lock held. */
void sluice_vdpa_lose(struct sluice_vdpa *d);
/* vdpa_main.c: the core let go of a device. */
void sluice_vdpa_freed(void);

/* vdpa_dev.c */
extern const struct vdpa_config_ops sluice_vdpa_ops;
void sluice_vdpa_dev_init(struct sluice_vdpa *d);
/* The driver has to reset it. Any context. */
void sluice_vdpa_set_broken(struct sluice_vdpa *d);
/* The configuration is another: have the driver read it. Any context. */
void sluice_vdpa_config_changed(struct sluice_vdpa *d);

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

/* vdpa_net.c: a network card on a guest port */
extern const u64 sluice_vdpa_net_offer;
extern const struct sluice_vdpa_type sluice_vdpa_net_type;
int sluice_vdpa_net_register(void);
void sluice_vdpa_net_unregister(void);
/* Is there a port of that name? Process context. */
bool sluice_vdpa_net_exists(const char *name);

/* vdpa_blk.c: a disk on a volume */
extern const struct sluice_vdpa_type sluice_vdpa_blk_type;
/* Is there a volume of that name? Process context. */
bool sluice_vdpa_blk_exists(const char *name);

#endif /* _SLUICE_VDPA_H */
