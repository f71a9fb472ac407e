/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The vhost node: one open file is one device of two virtqueues, that a VMM configures with
 * vhost's ioctls and attaches to a queue pair of a guest port.
 *
 * DOC: Locking
 *
 *	vhost->lock > tap->lock > RTNL, the port's own lock > a call to a worker
 *
 * Each ioctl and message is dealt with under vhost->lock, having copied its argument in before;
 * so rings, memory and backends change in one thread at a time. What a worker uses meanwhile
 * (struct sluice_gmem, the eventfds handed over) changes on that worker only, by
 * sluice_queue_call() and its kin. A worker takes none of these locks: of this module it runs
 * the publication of memory and the report of an IOTLB miss, which has a spinlock of its own.
 * The port notifier runs under RTNL, so it takes neither vhost->lock nor tap->lock (see
 * tapdev.c).
 *
 * DOC: Lifetime
 *
 * A ring that is bound to a tap holds the tap's file; the tap holds the reserved queue pair and
 * the port. So a queue stays valid from bind to unbind, whatever happens to the port: after its
 * removal the queue is stopped, kicks find no worker, and detach still hands back the ring's
 * state. A ring holds its kick eventfd's file, so the eventfd is not released, and never hangs
 * up, while our entry is in its wait queue; taking the entry out waits for a handler that runs.
 * A process that is killed closes its files in any order: the node's release unbinds, which
 * waits for the worker, and only then drops the address space, memory table, log and eventfds.
 * File operations hold the module, by .owner.
 */
#ifndef _SLUICE_VHOST_H
#define _SLUICE_VHOST_H

#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/spinlock.h>
#include <linux/vhost.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/wait.h>
#include "sluice.h"

struct iov_iter;
struct sluice_tap;
struct sluice_vhost;

/* As virtio-net numbers the queues of a pair. */
#define SLUICE_VHOST_VQS	2

/*
 * Memory regions of one device, at most; QEMU asks for no more than 64 unless vhost.ko is
 * loaded and says otherwise.
 */
#define SLUICE_VHOST_REGIONS	512

#define SLUICE_VHOST_FEATURES	(BIT_ULL(VIRTIO_NET_F_MRG_RXBUF) | \
				 BIT_ULL(VIRTIO_F_NOTIFY_ON_EMPTY) | \
				 BIT_ULL(VHOST_F_LOG_ALL) | \
				 BIT_ULL(VHOST_NET_F_VIRTIO_NET_HDR) | \
				 BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC) | \
				 BIT_ULL(VIRTIO_RING_F_EVENT_IDX) | \
				 BIT_ULL(VIRTIO_F_VERSION_1) | \
				 BIT_ULL(VIRTIO_F_ACCESS_PLATFORM) | \
				 BIT_ULL(VIRTIO_F_RING_PACKED) | \
				 BIT_ULL(VIRTIO_F_IN_ORDER) | \
				 BIT_ULL(VIRTIO_F_RING_RESET))

#define SLUICE_VHOST_BACKEND_FEATURES	BIT_ULL(VHOST_BACKEND_F_IOTLB_MSG_V2)

/**
 * struct sluice_vhost_vq - one ring as the VMM describes it
 * @vhost: its device
 * @index: enum sluice_queue_dir; that is vhost-net's numbering too
 * @num: entries; 0 until set
 * @base: index state in VHOST_SET_VRING_BASE's encoding; stale while @attached
 * @busyloop: microseconds; kept for VHOST_GET_VRING_BUSYLOOP_TIMEOUT
 * @big_endian: byte order of a legacy ring
 * @has_addr: the addresses below were set
 * @log_used: writes to the used ring go into the dirty log
 * @desc: descriptor table, or descriptor ring
 * @driver: available ring, or driver event suppression
 * @device: used ring, or device event suppression
 * @log_addr: where @device lies in guest-physical memory
 * @kick: eventfd's file, NULL if none
 * @call: interrupts the guest, NULL if none; a worker uses it while @attached
 * @err: reports a broken ring; likewise
 * @tap_file: the backend, a reference; NULL when unbound
 * @tap: what is behind @tap_file
 * @q: queue of the tap's port; valid while bound
 * @attached: a worker serves the ring. Bound and not attached: the tap is switched off
 *	(TUNSETQUEUE)
 * @wait: our entry in the kick eventfd's wait queue
 * @wqh: that wait queue, NULL while the entry is in none
 * @table: gets us @wqh from the eventfd
 *
 * All but @q for the kick handler are under vhost->lock.
 */
struct sluice_vhost_vq {
	struct sluice_vhost *vhost;
	unsigned int index;

	u32 num;
	u32 base;
	u32 busyloop;
	bool big_endian;
	bool has_addr;
	bool log_used;
	u64 desc;
	u64 driver;
	u64 device;
	u64 log_addr;

	struct file *kick;
	struct eventfd_ctx *call;
	struct eventfd_ctx *err;

	struct file *tap_file;
	struct sluice_tap *tap;
	struct sluice_queue *q;
	bool attached;

	wait_queue_entry_t wait;
	wait_queue_head_t *wqh;
	poll_table table;
};

/*
 * Misses that nobody has read yet; each stalled ring has one, the rest is what they asked for
 * before.
 */
#define SLUICE_VHOST_MISSES	32

/**
 * struct sluice_vhost_msgs - IOTLB misses on their way to the VMM
 * @lock: guards all below; taken on workers
 * @wait: readers and pollers
 * @open: there is an IOTLB
 * @head: the oldest one in @miss
 * @nr: how many
 * @miss: a ring buffer
 */
struct sluice_vhost_msgs {
	spinlock_t lock;	/* the fields below */
	wait_queue_head_t wait;
	bool open;
	unsigned int head;
	unsigned int nr;
	struct {
		u64 iova;
		u8 perm;
	} miss[SLUICE_VHOST_MISSES];
};

/**
 * struct sluice_vhost - an open node
 * @ref: the file holds one; so does a tap that switches its queue, for as long as that
 *	takes
 * @lock: see above
 * @mm: owner's address space, a mm_users reference; NULL without an owner
 * @features: as negotiated
 * @backend_features: likewise; READ_ONCE where messages are read
 * @table: guest memory as last set; NULL if it never was
 * @has_log: @log_base was set
 * @log_base: user address of the dirty log
 * @gmem: what attached rings reach; changed by mem.c only. Its iotlb changes only while
 *	no ring is bound
 * @vq: the rings
 * @msgs: IOTLB misses
 * @lost: a worker did not answer, and may use what was set: none of that is freed any more, and
 *	nobody is the owner; set once
 */
struct sluice_vhost {
	struct kref ref;
	struct mutex lock;	/* configuration: see above */
	struct mm_struct *mm;
	u64 features;
	u64 backend_features;
	const struct sluice_gmem_table *table;
	bool has_log;
	u64 log_base;
	struct sluice_gmem gmem;
	struct sluice_vhost_vq vq[SLUICE_VHOST_VQS];
	struct sluice_vhost_msgs msgs;
	bool lost;
};

static inline bool sluice_vhost_has(const struct sluice_vhost *v, unsigned int bit)
{
	return v->features & BIT_ULL(bit);
}

/* Is a backend set on a ring? vhost's meaning of "running". */
static inline bool sluice_vhost_bound(const struct sluice_vhost *v)
{
	return v->vq[0].tap || v->vq[1].tap;
}

/* Could [@addr, @addr + @len) be user memory? Whether it is mapped shows when it is used. */
bool sluice_vhost_range_ok(u64 addr, u64 len);

/* node.c */
int sluice_vhost_node_register(void);
void sluice_vhost_node_unregister(void);
void sluice_vhost_get(struct sluice_vhost *v);
void sluice_vhost_put(struct sluice_vhost *v);
/* See @lost. @v->lock held. */
void sluice_vhost_lose(struct sluice_vhost *v);

/* vq.c: all under vhost->lock, the owner asking, except where said. */
void sluice_vhost_vq_init(struct sluice_vhost_vq *vq, struct sluice_vhost *v, unsigned int index);
/* Unbind, and forget all that was set. */
void sluice_vhost_vq_reset(struct sluice_vhost_vq *vq);
/*
 * Bytes of the area that a device writes its progress to: used ring, or device event
 * suppression.
 */
u64 sluice_vhost_vq_device_len(const struct sluice_vhost_vq *vq);
/* Where a ring stands, in VHOST_SET_VRING_BASE's encoding. */
u32 sluice_vhost_vq_base(const struct sluice_vhost_vq *vq, u32 avail, u32 used);
int sluice_vhost_vq_set_state(struct sluice_vhost_vq *vq, unsigned int cmd, u32 num);
int sluice_vhost_vq_get_state(struct sluice_vhost_vq *vq, unsigned int cmd, u32 *num);
int sluice_vhost_vq_set_addr(struct sluice_vhost_vq *vq, const struct vhost_vring_addr *a);
int sluice_vhost_vq_set_kick(struct sluice_vhost_vq *vq, int fd);
int sluice_vhost_vq_set_event(struct sluice_vhost_vq *vq, unsigned int cmd, int fd);

/* backend.c: likewise */
int sluice_vhost_backend_set(struct sluice_vhost_vq *vq, int fd);
void sluice_vhost_backend_clear(struct sluice_vhost_vq *vq);
void sluice_vhost_backend_start_kick(struct sluice_vhost_vq *vq);
void sluice_vhost_backend_stop_kick(struct sluice_vhost_vq *vq);
/*
 * The tap was switched on or off: serve the rings that are bound to it accordingly. Takes
 * vhost->lock. An error leaves the rings as far as it got; switching off does not fail.
 */
int sluice_vhost_backend_switched(struct sluice_vhost *v, struct sluice_tap *tap);

/* mem.c: likewise */
int sluice_vhost_mem_set_table(struct sluice_vhost *v, const struct vhost_memory_region *r,
			       unsigned int n);
int sluice_vhost_mem_set_log(struct sluice_vhost *v, u64 base);
/*
 * Bring what the rings reach in line with features, table and log as they are now set. -EFAULT,
 * with nothing changed, if a log is wanted and there is no room for it; not when nothing is
 * bound: then binding does this check.
 */
int sluice_vhost_mem_sync(struct sluice_vhost *v);
/* Make or drop the IOTLB that @features call for, empty. No ring is bound. */
int sluice_vhost_mem_set_iotlb(struct sluice_vhost *v, u64 features);
void sluice_vhost_mem_reset(struct sluice_vhost *v);

/* msg.c */
void sluice_vhost_msgs_init(struct sluice_vhost_msgs *m);
/* Forget what was missed; @open tells whether there may be misses from now on. */
void sluice_vhost_msgs_reset(struct sluice_vhost_msgs *m, bool open);
/* sluice_iotlb_miss_t; @ctx is the struct sluice_vhost. */
void sluice_vhost_msgs_miss(void *ctx, u64 iova, u8 perm);
__poll_t sluice_vhost_msgs_poll(struct sluice_vhost_msgs *m, struct file *file, poll_table *wait);
ssize_t sluice_vhost_msgs_read(struct sluice_vhost *v, struct iov_iter *to, bool nonblock);
/*
 * Take a message of either form; 0 or -EINVAL. Then act on it, under vhost->lock, the owner
 * asking.
 */
int sluice_vhost_msgs_parse(struct iov_iter *from, struct vhost_iotlb_msg *msg);
int sluice_vhost_msgs_handle(struct sluice_vhost *v, const struct vhost_iotlb_msg *msg);

#endif /* _SLUICE_VHOST_H */
