/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Virtio devices on PCI as mediated devices: what a guest's driver and the VMM see of one is made
 * here. Its virtqueues are those of a guest port, or of a volume; their packets and requests are
 * none of our business. What makes it a network card or a disk is its kind (net.c, blk.c).
 *
 * DOC: Locking
 *
 *	VFIO's device set lock > mdev->lock > RTNL > the port's own lock > a call to a worker
 *	mdev->lock > mem->lock > the VMM's IOMMU locks, the port's own lock
 *	(for a disk read volume for port)
 *
 * Each access to a register and each ioctl is dealt with under mdev->lock, its data copied outside
 * of it: so registers, queues and interrupts change in one thread at a time. Workers take no lock
 * of ours but spinlocks (a vector's, INTx', a miss'). What runs under RTNL (the notifiers of ports,
 * uplinks and volumes, and a volume's news) and what a worker reports only queues work. DMA unmap
 * comes with locks of the VMM's IOMMU held, in which somebody with mdev->lock may be waiting to
 * pin: it takes mem->lock alone.
 *
 * DOC: Lifetime
 *
 * VFIO counts who has the device open, and the last one's close runs device_close(): queues are
 * detached, which waits for their workers, then our work is cancelled, then pages are unpinned;
 * after that nothing of ours knows the guest. A VMM that is killed closes its files, so it ends
 * the same way, as does `mdevctl stop`: VFIO asks the user to let go (device_request()) and waits.
 * Only then the port is given back, or removed if it was made here. An open device holds this
 * module, by the driver's owner; one that is not open goes with it. A disk has its volume from the
 * time it is made until it is removed, so the volume is not removed in between.
 */
#ifndef _SLUICE_MDEV_H
#define _SLUICE_MDEV_H

#include <linux/hrtimer.h>
#include <linux/mdev.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/spinlock.h>
#include <linux/vfio.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_net.h>
#include <linux/workqueue.h>
#include "sluice.h"
#include "common.h"
#include "netcfg.h"
#include "pci.h"

struct sluice_mdev;

/* A region's number and an offset in it make up the file offset; a choice of ours. */
#define SLUICE_MDEV_OFFSET_SHIFT	40
#define SLUICE_MDEV_OFFSET(region)	((u64)(region) << SLUICE_MDEV_OFFSET_SHIFT)

#define SLUICE_MDEV_VQS		(2 * SLUICE_MAX_PAIRS + 1)
/* One for each queue and one for the configuration. */
#define SLUICE_MDEV_VECTORS	(SLUICE_MDEV_VQS + 1)
/* Entries of a ring. */
#define SLUICE_MDEV_CTRL_MAX	64

static_assert(SLUICE_MDEV_VQS == SLUICE_COMMON_QUEUES);

/**
 * struct sluice_mdev_vector - an MSI-X vector
 * @lock: the fields below; any context
 * @trigger: eventfd, NULL: none
 * @pending: was raised while there was none; told when there is
 */
struct sluice_mdev_vector {
	spinlock_t lock;	/* see above */
	struct eventfd_ctx *trigger;
	bool pending;
};

/**
 * struct sluice_mdev_irq - interrupts
 * @msix: the user set vectors up; written under mdev->lock, READ_ONCE elsewhere
 * @nr: how many vectors there are; fixed while open
 * @vector: MSI-X
 * @lock: @isr to @intx_masked; any context
 * @isr: the ISR status register
 * @intx: eventfd, NULL: none
 * @intx_off: disabled in the command register
 * @intx_masked: by the user, or by having been raised
 * @unmask: eventfd by which the user unmasks INTx, NULL: none; VFIO's lock
 * @req: asks the user to let go of the device; mdev->lock
 */
struct sluice_mdev_irq {
	bool msix;
	unsigned int nr;
	struct sluice_mdev_vector vector[SLUICE_MDEV_VECTORS];
	spinlock_t lock;	/* see above */
	u8 isr;
	struct eventfd_ctx *intx;
	bool intx_off;
	bool intx_masked;
	struct virqfd *unmask;
	struct eventfd_ctx *req;
};

/**
 * struct sluice_mdev_mem - guest memory, as far as it was used
 * @lock: @runs, and what queues are given of them
 * @runs: struct mem_run by IOVA page number, not overlapping
 * @pinned: pages in @runs
 * @payer: memory cgroup of who opened the device: what is made on its behalf, wherever, is charged
 *	to that; a reference. NULL: there are none. Fixed while open
 * @piecemeal: the user maps and unmaps small pieces (a guest with an IOMMU does): since the last
 *	reset; @lock
 * @work: sees to misses
 * @open: @work may be queued from outside of queues; @lock
 * @unmaps: calls under way that unmap: nothing is pinned; changes under @lock
 * @unmapper: the task that came last with one, NULL: it is through; @lock
 * @held_until: jiffies: nothing is pinned before that either; changes under @lock
 * @waiting: @work found it so, and has to look again; @lock
 * @settled: wakes the control queue when it no longer is so
 * @lost: a worker did not answer, and may use what is here: none of it is freed any more; set once,
 *	READ_ONCE
 */
struct sluice_mdev_mem {
	struct mutex lock;	/* see above */
	struct rb_root runs;
	unsigned long pinned;
	struct mem_cgroup *payer;
	bool piecemeal;
	struct delayed_work work;
	bool open;
	unsigned int unmaps;
	struct task_struct *unmapper;
	unsigned long held_until;
	bool waiting;
	wait_queue_head_t settled;
	bool lost;
};

/**
 * struct sluice_mdev_vq - a virtqueue
 * @mdev: its device
 * @index: number
 * @gmem: guest memory as it sees it; kernel addresses behind an IOTLB of its own, which is made at
 *	open and goes at close
 * @q: queue of the port while it serves this one, NULL: none; changes under mdev->lock and
 *	mem->lock
 * @avail: index state while detached, as struct sluice_vring_config has it
 * @used: likewise
 * @notify_mapped: somebody may have the doorbell mapped; set by a page fault, cleared by
 *	@notify_work
 * @notify_taking: @notify_work is to run, or runs; set by whoever serves the queue
 * @notify_work: takes the page away, for which no worker waits
 * @notify_since: when it was mapped last, in ns; racy, as are the next two
 * @notify_until: when that was taken away last
 * @notify_stay: how long it stays at least, in ns
 * @miss_lock: the three below; taken on workers
 * @missed: it waits for memory
 * @miss_perm: SLUICE_GMEM_*
 * @miss_iova: where
 * @miss_tries: how often it was not there, in a row; mem->lock
 */
struct sluice_mdev_vq {
	struct sluice_mdev *mdev;
	unsigned int index;
	struct sluice_gmem gmem;
	struct sluice_queue *q;
	u32 avail;
	u32 used;
	bool notify_mapped;
	bool notify_taking;
	struct work_struct notify_work;
	u64 notify_since;
	u64 notify_until;
	u64 notify_stay;
	spinlock_t miss_lock;	/* see above */
	bool missed;
	u8 miss_perm;
	u64 miss_iova;
	unsigned int miss_tries;
};

/**
 * struct sluice_mdev_kind - what makes a device what it is
 * @driver: what mdev knows of it
 * @type: names its type, behind the name of the parent's driver
 * @pretty: for people
 * @id: VIRTIO_ID_*
 * @class: PCI_CLASS_*
 * @ring_max: entries of a ring, at most
 * @make: it is made: have what is behind it, or refuse. NULL: nothing to do
 * @drop: it goes, or was not made in the end. mdev->lock
 * @bind: at open: sets @nr_data and the device configuration. mdev->lock
 * @unbind: at close, or if open failed. mdev->lock
 * @describe: number of queues, and features: fills in the common configuration, which is zero.
 *	mdev->lock
 * @queue: the queue that serves virtqueue @index < @nr_data. Any context, while open
 * @queue_config: what a ring needs besides. mdev->lock
 * @start: DRIVER_OK; queues are started next. mdev->lock
 * @reset: queues were stopped: forget what the driver said. Also when it is opened. mdev->lock
 * @news: has the driver something to be told? Brings the device configuration in line. mdev->lock
 * @read: device configuration; @off is anything. mdev->lock
 * @write: likewise, NULL: it is for reading only
 */
struct sluice_mdev_kind {
	struct mdev_driver driver;
	const char *type;
	const char *pretty;
	u16 id;
	u16 class;
	u16 ring_max;
	int (*make)(struct sluice_mdev *m);
	void (*drop)(struct sluice_mdev *m);
	int (*bind)(struct sluice_mdev *m);
	void (*unbind)(struct sluice_mdev *m);
	void (*describe)(struct sluice_mdev *m);
	struct sluice_queue *(*queue)(const struct sluice_mdev *m, unsigned int index);
	void (*queue_config)(const struct sluice_mdev *m, unsigned int index,
			     struct sluice_queue_config *cfg);
	void (*start)(struct sluice_mdev *m);
	void (*reset)(struct sluice_mdev *m);
	bool (*news)(struct sluice_mdev *m);
	void (*read)(struct sluice_mdev *m, u32 off, void *buf, unsigned int len);
	void (*write)(struct sluice_mdev *m, u32 off, const u8 *buf, unsigned int len);
};

/**
 * struct sluice_mdev_disk - what a disk has
 * @volume: a reference, claimed; fixed
 * @config: device configuration, as the driver was told of it
 * @wce_written: the driver chose its cache, which is @config.wce then
 */
struct sluice_mdev_disk {
	struct sluice_volume *volume;
	struct virtio_blk_config config;
	bool wce_written;
};

/**
 * struct sluice_mdev - a mediated device
 * @vdev: what VFIO knows; comes first
 * @dev: the mdev's device
 * @kind: what it is; fixed
 * @node: in the list of all (device.c)
 * @lock: see above; all that names no other protector
 * @open: somebody has it open
 * @nr_data: virtqueues that workers serve: all but the control queue. Fixed while open
 * @nr_active: how many of these the driver uses: the first
 * @port: guest port, a reference; NULL: none yet
 * @own_port: we made it
 * @pairs: queue pairs, 0 until chosen
 * @has_mac: @mac was set by the operator
 * @mac: address that the driver is told
 * @notify_page: what doorbells are mapped to, NULL: they are not. Fixed while open
 * @pci: configuration space
 * @msix_table: BAR 0; the VMM has its own
 * @common: common configuration
 * @disk: of a disk
 * @net: device configuration of a network card, to which belongs what follows to @coalesce
 * @nr_reserved: pairs of the port that we hold
 * @port_open: it was told that we have it open
 * @rx_flags: SLUICE_FILTER_* as the driver set them
 * @nr_uc: unicast addresses of @rx_addr, which come first; the device's own is not among them
 * @nr_mc: multicast groups behind them
 * @rx_addr: receive addresses; a list that did not fit is empty and has @rx_over set
 * @rx_over: SLUICE_FILTER_ALLUNI, _ALLMULTI: as there was no room for the list
 * @vlan: VLAN ids that the driver wants
 * @coalesce: how long it can wait for interrupts, by direction
 * @irq: interrupts
 * @mem: guest memory
 * @vq: virtqueues
 * @ctrl_index: number of the control queue, as negotiated; WRITE_ONCE, as kicks take no lock
 * @ctrl: its ring, NULL while it is stopped
 * @ctrl_seg: room for its descriptors
 * @ctrl_work: serves it
 * @event_work: the link or the state of a ring may have changed
 * @broken: bitmap of queues that broke their rings; any context
 */
struct sluice_mdev {
	struct vfio_device vdev;
	struct device *dev;
	const struct sluice_mdev_kind *kind;
	struct list_head node;
	struct mutex lock;	/* see above */
	bool open;
	unsigned int nr_data;
	unsigned int nr_active;
	struct sluice_port *port;
	bool own_port;
	unsigned int pairs;
	bool has_mac;
	u8 mac[ETH_ALEN];
	struct page *notify_page;

	struct sluice_pci pci;
	u8 msix_table[SLUICE_PCI_MSIX_SIZE];
	struct sluice_common common;
	struct sluice_mdev_disk disk;
	struct virtio_net_config net;
	unsigned int nr_reserved;
	bool port_open;
	u32 rx_flags;
	u32 rx_over;
	unsigned int nr_uc;
	unsigned int nr_mc;
	u8 rx_addr[SLUICE_FILTER_ADDRS - 1][ETH_ALEN];
	DECLARE_BITMAP(vlan, VLAN_N_VID);
	struct sluice_coalesce coalesce[SLUICE_QUEUE_DIRS];
	struct sluice_mdev_irq irq;
	struct sluice_mdev_mem mem;
	struct sluice_mdev_vq vq[SLUICE_MDEV_VQS];
	unsigned int ctrl_index;
	struct sluice_vring *ctrl;
	struct sluice_vring_seg *ctrl_seg;
	struct work_struct ctrl_work;
	struct work_struct event_work;
	DECLARE_BITMAP(broken, SLUICE_MDEV_VQS);
};

static inline bool sluice_mdev_has(const struct sluice_mdev *m, unsigned int bit)
{
	return sluice_common_has(&m->common, bit);
}

extern struct workqueue_struct *sluice_mdev_wq;

/* net.c, blk.c */
extern struct sluice_mdev_kind sluice_mdev_net_kind;
extern struct sluice_mdev_kind sluice_mdev_blk_kind;
/* @m->coalesce[@dir] changed. mdev->lock */
void sluice_mdev_net_set_coalesce(struct sluice_mdev *m, enum sluice_queue_dir dir);

/* device.c: VFIO's operations */
int sluice_mdev_probe(struct mdev_device *mdev);
void sluice_mdev_remove(struct mdev_device *mdev);
/* Attributes that every device has. */
extern const struct attribute_group sluice_mdev_device_group;
/* Something behind the device changed: have it looked at. Any context, until it was dropped. */
void sluice_mdev_device_changed(struct sluice_mdev *m);
int sluice_mdev_device_init(void);
void sluice_mdev_device_exit(void);

/* parent.c: a parent of mediated devices for each VF that serves as an uplink, and each volume */
int sluice_mdev_parent_init(void);
void sluice_mdev_parent_exit(void);
/* Of the VF below the uplink that @dev (an mdev's parent) stands for; unknown: as virtio says. */
void sluice_mdev_parent_speed(struct device *dev, u32 *speed, u8 *duplex);

/* port.c: the guest port, and the attributes by which the operator chooses it */
extern const struct attribute_group sluice_mdev_port_group;
/* At open: find or make a port, take its queue pairs. mdev->lock. */
int sluice_mdev_port_bind(struct sluice_mdev *m);
void sluice_mdev_port_unbind(struct sluice_mdev *m);
/* The mdev goes: remove the port if it is ours. mdev->lock. */
void sluice_mdev_port_drop(struct sluice_mdev *m);
/* Has the driver something to be told of the link? Brings @m->net in line. mdev->lock. */
bool sluice_mdev_port_update_link(struct sluice_mdev *m);

/* queue.c: virtqueues start and stop. mdev->lock. */
void sluice_mdev_queue_init(struct sluice_mdev *m);
int sluice_mdev_queue_open(struct sluice_mdev *m);
void sluice_mdev_queue_close(struct sluice_mdev *m);
/* DRIVER_OK was set: serve what is enabled. */
void sluice_mdev_queue_start_all(struct sluice_mdev *m);
void sluice_mdev_queue_start(struct sluice_mdev *m, unsigned int index);
void sluice_mdev_queue_stop(struct sluice_mdev *m, unsigned int index);
void sluice_mdev_queue_stop_all(struct sluice_mdev *m);
/* The driver uses that many of those that workers serve from now on. */
void sluice_mdev_queue_set_active(struct sluice_mdev *m, unsigned int nr);
/* Describe ring @index. */
void sluice_mdev_queue_config(const struct sluice_mdev *m, unsigned int index,
			      struct sluice_vring_config *cfg);
/* The driver notified. Any context in which something keeps the device open. */
void sluice_mdev_queue_kick(struct sluice_mdev *m, unsigned int index);
/* Likewise, by the page of BAR 4 that was written to. */
void sluice_mdev_queue_doorbell(struct sluice_mdev *m, unsigned int page);
/* A ring is broken. Any context. */
void sluice_mdev_queue_broken(struct sluice_mdev_vq *vq);

/* ctrl.c: the control queue. mdev->lock. */
void sluice_mdev_ctrl_init(struct sluice_mdev *m);
/* The driver knows nothing yet: defaults of what the control queue changes. */
void sluice_mdev_ctrl_reset(struct sluice_mdev *m);
int sluice_mdev_ctrl_start(struct sluice_mdev *m);
void sluice_mdev_ctrl_stop(struct sluice_mdev *m);
/* Any context. */
void sluice_mdev_ctrl_kick(struct sluice_mdev *m);

/* irq.c */
void sluice_mdev_irq_init(struct sluice_mdev *m);
/* mdev->lock; @data was copied in and has the size that the header calls for. */
int sluice_mdev_irq_set(struct sluice_mdev *m, const struct vfio_irq_set *hdr, const void *data);
int sluice_mdev_irq_count(const struct sluice_mdev *m, u32 index);
/* Forget what the user set up. mdev->lock. */
void sluice_mdev_irq_close(struct sluice_mdev *m);
/* The device was reset: nothing is pending. mdev->lock. */
void sluice_mdev_irq_reset(struct sluice_mdev *m);
/* The command register changed. mdev->lock. */
void sluice_mdev_irq_set_intx_off(struct sluice_mdev *m, bool off);
/* Tell the driver of used buffers, or (@config) of a change of configuration. Any context. */
void sluice_mdev_irq_raise(struct sluice_mdev *m, u16 vector, bool config);
/* Reading the ISR status register. */
u8 sluice_mdev_irq_read_isr(struct sluice_mdev *m);
/* Is the line asserted, whether or not anybody listens? Any context. */
bool sluice_mdev_irq_intx_asserted(struct sluice_mdev *m);
/* Ask the user to let go of the device. mdev->lock. Return: could we? */
bool sluice_mdev_irq_request(struct sluice_mdev *m);

/* memory.c */
void sluice_mdev_mem_init(struct sluice_mdev *m);
/* The device is open; no queue is attached. */
int sluice_mdev_mem_open(struct sluice_mdev *m);
/* See mem->lost. Context: process. */
void sluice_mdev_mem_lose(struct sluice_mdev *m);
/* Queues were stopped: wait for work in flight, unpin everything. */
void sluice_mdev_mem_close(struct sluice_mdev *m);
/* Queues were stopped: unpin everything. */
void sluice_mdev_mem_forget(struct sluice_mdev *m);
/* vfio_device_ops.dma_unmap */
void sluice_mdev_mem_unmap(struct vfio_device *vdev, u64 iova, u64 length);
/*
 * mem->lock, which may be dropped meanwhile: get what @vq missed. True: look again; false: it
 * missed nothing, or in vain.
 */
bool sluice_mdev_mem_resolve(struct sluice_mdev_vq *vq);

/* notify.c: doorbells that the user maps. Open and close: mdev->lock. */
void sluice_mdev_notify_init(struct sluice_mdev *m);
int sluice_mdev_notify_open(struct sluice_mdev *m);
void sluice_mdev_notify_close(struct sluice_mdev *m);
/* vfio_device_ops.mmap */
int sluice_mdev_notify_mmap(struct vfio_device *vdev, struct vm_area_struct *vma);
/* Which part of BAR 4 may be mapped; false: none. mdev->lock */
bool sluice_mdev_notify_area(const struct sluice_mdev *m,
			     struct vfio_region_sparse_mmap_area *area);
/* Notifications are about to be asked for: make them come. False: not yet. Worker context. */
bool sluice_mdev_notify_arm(struct sluice_mdev_vq *vq);

/* region.c: accesses to regions, without the copies from and to the user */
u64 sluice_mdev_region_size(const struct sluice_mdev *m, unsigned int region);
/* What the device is, to begin with: the port is bound. mdev->lock */
void sluice_mdev_region_init(struct sluice_mdev *m);
/*
 * mdev->lock. @len is 1, 2 or 4, @off a multiple of it, and both lie in the region. What is no
 * register reads as zero.
 */
void sluice_mdev_region_read(struct sluice_mdev *m, unsigned int region, u32 off, u8 *buf,
			     unsigned int len);
void sluice_mdev_region_write(struct sluice_mdev *m, unsigned int region, u32 off, const u8 *buf,
			      unsigned int len);
/* VFIO_DEVICE_RESET and function level reset: as after a power-up. mdev->lock */
void sluice_mdev_region_reset(struct sluice_mdev *m);
/* The driver's reset: of the virtio device, not of the function. mdev->lock */
void sluice_mdev_region_reset_virtio(struct sluice_mdev *m);
/* The device configuration changed: tell the driver. mdev->lock */
void sluice_mdev_region_config_changed(struct sluice_mdev *m);

#endif /* _SLUICE_MDEV_H */
