/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The contract with front ends: how a vhost node, a vDPA device or a mediated device brings
 * virtqueues to a guest port or a volume. The only header of kmod/ that a front end includes (it
 * brings ring/gmem.h and ring/vring.h along).
 *
 * Life of a queue. A port, or a volume, owns its queues for as long as it lives; a front end
 * *attaches* a ring to one. Between attach and detach the queue's worker moves what is in the ring.
 * Everything that changes an attached queue runs on that worker, between two bursts, by
 * sluice_queue_call(); so no lock guards a ring.
 */
#ifndef _SLUICE_H
#define _SLUICE_H

#include <linux/bits.h>
#include <linux/if_ether.h>
#include <linux/if_vlan.h>
#include <linux/types.h>
#include "ring/gmem.h"
#include "ring/iotlb.h"
#include "ring/vring.h"

struct eventfd_ctx;
struct file;
struct mm_struct;
struct net;
struct net_device;
struct poll_table_struct;
struct sk_buff;
struct sluice_port;
struct sluice_queue;
struct sluice_volume;
struct virtio_blk_config;
struct virtio_net_hdr;

/* Queue pairs of one port, at most. */
#define SLUICE_MAX_PAIRS	16

/* Direction of a queue, named as virtio names it: from the guest's side. */
enum sluice_queue_dir {
	SLUICE_QUEUE_RX,	/* receiveq: towards the guest */
	SLUICE_QUEUE_TX,	/* transmitq: from the guest */
	SLUICE_QUEUE_DIRS,
	SLUICE_QUEUE_REQ = SLUICE_QUEUE_DIRS	/* requestq of a volume */
};

/**
 * struct sluice_frontend_ops - what the engine asks of a front end
 * @signal: interrupt the guest. Worker context; must not sleep. NULL: queue_cfg.call is
 *	signalled
 * @arm: the driver is about to be asked to notify, after which the ring is looked at once more and
 *	then only when kicked: a kick from now on must come. False: not yet, look at the ring again.
 *	Worker context; may take a mutex, but waits for nobody else's work
 * @broken: the ring broke the protocol and was stopped, after its err eventfd was
 *	signalled. Worker context
 * @gone: the port is being removed; the queues were stopped, the front end's handles stay valid and
 *	do nothing. Control context (RTNL held, and the port locked: calls nothing of here)
 */
struct sluice_frontend_ops {
	void (*signal)(struct sluice_queue *q, void *priv);
	bool (*arm)(struct sluice_queue *q, void *priv);
	void (*broken)(struct sluice_queue *q, void *priv);
	void (*gone)(struct sluice_port *port, void *priv);
};

/**
 * struct sluice_coalesce - how long a driver can wait for an interrupt (virtio 1.2, 5.1.6.5.7)
 * @packets: until so many were moved since the last; 0: one is enough
 * @usecs: until so many microseconds passed since the first of them; 0: it does not wait
 */
struct sluice_coalesce {
	u32 packets;
	u32 usecs;
};

/**
 * struct sluice_queue_config - a ring to attach
 * @ring: layout and state of the ring
 * @gmem: guest memory; stays valid until detach
 * @mm: owner's address space; the front end holds mm_users until detach. NULL if @gmem is
 *	mapped by the kernel
 * @hdr_len: bytes of virtio_net_hdr in front of each packet: 10 or 12 (with mergeable
 *	buffers or VERSION_1); a volume's queue has none: 0, and needs memory that the kernel maps
 * @mergeable: VIRTIO_NET_F_MRG_RXBUF was negotiated: hdr has num_buffers, packets may span
 *	chains
 * @hdr_big_endian: multi-byte header fields are big endian
 * @coalesce: interrupts are held back by that
 * @call: eventfd that interrupts the guest, or NULL; borrowed: the front end keeps its
 *	reference until detach, or until sluice_queue_set_call() with another one has returned
 * @err: eventfd that reports a broken ring, or NULL; likewise
 * @ops: callbacks, NULL if none
 * @priv: handed to @ops
 */
struct sluice_queue_config {
	struct sluice_vring_config ring;
	struct sluice_gmem *gmem;
	struct mm_struct *mm;
	unsigned int hdr_len;
	bool mergeable;
	bool hdr_big_endian;
	struct sluice_coalesce coalesce;
	struct eventfd_ctx *call;
	struct eventfd_ctx *err;
	const struct sluice_frontend_ops *ops;
	void *priv;
};

/* --- ports, as a front end sees them --- */

void sluice_port_put(struct sluice_port *port);
/* One more reference, for somebody who has the port from a notifier. */
void sluice_port_hold(struct sluice_port *port);

/* A guest port by the name of its netdev: a reference, or NULL. Context: process. */
struct sluice_port *sluice_port_get_by_name(struct net *net, const char *name);

/**
 * sluice_port_create() - make a guest port on behalf of a front end
 * @net: network namespace
 * @name: of its netdev; may hold one %d
 * @pairs: queue pairs, 1..SLUICE_MAX_PAIRS
 *
 * Who may do so is for the caller to check. Context: process, no RTNL held. Return: a reference,
 * which sluice_port_destroy() or sluice_port_put() takes; or an ERR_PTR(): -EEXIST, -EINVAL,
 * -ENOMEM.
 */
struct sluice_port *sluice_port_create(struct net *net, const char *name, unsigned int pairs);
/* Remove the port, unless somebody did before, and drop the reference. Context: likewise. */
void sluice_port_destroy(struct sluice_port *port);

/* Name at this moment, ifindex, device MAC; -ENODEV after the port was removed. */
int sluice_port_ident(struct sluice_port *port, char name[16], int *ifindex, u8 mac[ETH_ALEN]);

/**
 * struct sluice_port_link - what a guest is told of its link
 * @up: the operator has the port's netdev up; false after the port was removed
 * @mtu: of the netdev
 */
struct sluice_port_link {
	bool up;
	unsigned int mtu;
};

/* Context: process, no RTNL held. */
void sluice_port_get_link(struct sluice_port *port, struct sluice_port_link *link);

/**
 * sluice_port_get_pair() - reserve a queue pair for a front end's handle
 * @port: guest port
 * @pair: wanted pair, or -1 for the lowest free one
 *
 * Return: the pair's number; -EBUSY: none free or taken; -ENODEV: port is gone.
 */
int sluice_port_get_pair(struct sluice_port *port, int pair);
void sluice_port_put_pair(struct sluice_port *port, unsigned int pair);
unsigned int sluice_port_nr_pairs(const struct sluice_port *port);

/*
 * The guest's end is open, or closed again: the netdev has a carrier while it is, whatever the
 * driver in the guest does meanwhile. Each front end's handle counts once. Context: process, also
 * with RTNL held.
 */
void sluice_port_open(struct sluice_port *port);
void sluice_port_close(struct sluice_port *port);

/* A virtqueue of the port: @pair < sluice_port_nr_pairs(). Valid as long as the port reference. */
struct sluice_queue *sluice_port_queue(struct sluice_port *port, unsigned int pair,
				       enum sluice_queue_dir dir);

/*
 * What the guest's driver can take, as NETIF_F_* bits (TUNSETOFFLOAD's meaning): what is not listed
 * is segmented and checksummed in software, from now on. The port's netdev may hear of it a tenth
 * of a second later. Context: process, no RTNL. Return: 0, -ENODEV.
 */
int sluice_port_set_offloads(struct sluice_port *port, u64 netif_features);

#define SLUICE_FILTER_PROMISC	0x01	/* everything */
#define SLUICE_FILTER_ALLMULTI	0x02	/* every multicast group */
#define SLUICE_FILTER_ALLUNI	0x04	/* every unicast address */
#define SLUICE_FILTER_NOMULTI	0x08	/* no multicast, whatever else is said */
#define SLUICE_FILTER_NOUNI	0x10	/* no unicast, likewise */
#define SLUICE_FILTER_NOBCAST	0x20	/* no broadcast, likewise */
#define SLUICE_FILTER_VLAN	0x40	/* of tagged frames only those in @vlan */

/* Addresses that one filter holds. */
#define SLUICE_FILTER_ADDRS	64

/**
 * struct sluice_rx_filter - which frames a guest wants to be given
 * @flags: SLUICE_FILTER_*; PROMISC is asked first
 * @nr_addr: length of @addr
 * @addr: unicast addresses and multicast groups
 * @vlan: bitmap of VLAN ids
 *
 * The guest's own choice, as with the filter of a NIC: it spares the guest what it did not ask for.
 * Policy, which is the operator's, neither sees nor follows it.
 */
struct sluice_rx_filter {
	u32 flags;
	unsigned int nr_addr;
	u8 addr[SLUICE_FILTER_ADDRS][ETH_ALEN];
	unsigned long vlan[BITS_TO_LONGS(VLAN_N_VID)];
};

/* @filter is copied; NULL: everything. Context: process. Return: 0, -ENOMEM. */
int sluice_port_set_filter(struct sluice_port *port, const struct sluice_rx_filter *filter);

/*
 * That, of a driver's features: of VIRTIO_NET_F_GUEST_* it took some. Other bits do not matter.
 */
u64 sluice_port_offloads(u64 virtio_features);

/**
 * sluice_port_inject() - take a frame from a front end's slow path (QEMU writing the tap:
 * self-announce)
 * @port: guest port
 * @frame: kernel copy of virtio_net_hdr (@hdr_len bytes, little endian) and frame
 * @hdr_len: 0, 10 or 12
 * @len: bytes in all
 *
 * The frame passes the same policy as one from the guest's ring. Context: process. Return: 0,
 * -EINVAL, -EIO (the port is set down), -ENOBUFS, -ENODEV.
 */
int sluice_port_inject(struct sluice_port *port, const void *frame, unsigned int hdr_len,
		       size_t len);

/**
 * sluice_port_announce() - the guest came from another host: have switches learn where it is now
 * @port: guest port
 * @mac: the guest's address
 *
 * Sends RARP requests, now and three times more within half a second, where frames of the guest's
 * go and in the VLANs that its guard names, and returns at once. For front ends whose VMM does not
 * do so itself. Context: process.
 */
void sluice_port_announce(struct sluice_port *port, const u8 mac[ETH_ALEN]);

/*
 * Called (RTNL held) for each guest port that appears or goes, and once for every existing one on
 * registration. @changed, which may be NULL, when the link of one changed.
 */
struct sluice_port_notifier {
	struct list_head node;
	void (*added)(struct sluice_port *port, struct net_device *dev);
	void (*removed)(struct sluice_port *port, struct net_device *dev);
	void (*changed)(struct sluice_port *port, struct net_device *dev);
};

int sluice_port_notifier_register(struct sluice_port_notifier *n);
void sluice_port_notifier_unregister(struct sluice_port_notifier *n);

/*
 * The same for uplinks: called (RTNL held) when an uplink takes hold of the VF's netdev @lower, and
 * when it lets go of it, be it that the uplink is deleted or that the VF is unplugged.
 */
struct sluice_uplink_notifier {
	struct list_head node;
	void (*added)(struct net_device *uplink, struct net_device *lower);
	void (*removed)(struct net_device *uplink, struct net_device *lower);
};

void sluice_uplink_notifier_register(struct sluice_uplink_notifier *n);
void sluice_uplink_notifier_unregister(struct sluice_uplink_notifier *n);

/* --- names --- */

/* Can sysfs have no device of that name? Any context. */
bool sluice_name_is_taken(const char *name);

/* --- volumes, as a front end sees them --- */

/* Queues of one volume, at most. */
#define SLUICE_VOLUME_MAX_QUEUES	16

/**
 * struct sluice_volume_user - what a volume asks of the front end that has it
 * @changed: capacity or write cache changed: interrupt the driver, have it read the configuration
 *	again. Control context (RTNL held; calls nothing of here but sluice_volume_get_config())
 */
struct sluice_volume_user {
	void (*changed)(struct sluice_volume *v, void *priv);
};

/* Context: process, no RTNL held. Return: a reference, or NULL. */
struct sluice_volume *sluice_volume_get_by_name(const char *name);
void sluice_volume_put(struct sluice_volume *v);

/**
 * sluice_volume_claim() - become the one front end of a volume
 * @v: volume
 * @user: callbacks; stay valid until sluice_volume_release()
 * @priv: handed to them
 *
 * A volume that somebody has is not removed. Context: process, no RTNL held. Return: 0; -EBUSY:
 * another has it; -ENODEV: it was removed; -ENOKEY: volumes without a key are not to be attached
 * (enforce mode); -EUCLEAN: its re-encryption is not finished.
 */
int sluice_volume_claim(struct sluice_volume *v, const struct sluice_volume_user *user, void *priv);
/* All queues were detached. When it returns no callback runs any more. Context: likewise. */
void sluice_volume_release(struct sluice_volume *v);

/* Has somebody got it? A snapshot. Context: any. */
bool sluice_volume_claimed(const struct sluice_volume *v);

/*
 * Called (RTNL held) for each volume that appears or goes, and once for every existing one on
 * registration and on unregistration. By name: who wants the volume gets it, in a context of its
 * own.
 */
struct sluice_volume_notifier {
	struct list_head node;
	void (*added)(const char *name);
	void (*removed)(const char *name);
};

/* Context: process, no RTNL held. */
void sluice_volume_notifier_register(struct sluice_volume_notifier *n);
void sluice_volume_notifier_unregister(struct sluice_volume_notifier *n);

/* Fixed. */
unsigned int sluice_volume_nr_queues(const struct sluice_volume *v);
/* @index < sluice_volume_nr_queues(). Valid as long as the volume reference. */
struct sluice_queue *sluice_volume_queue(struct sluice_volume *v, unsigned int index);

/* VIRTIO_BLK_F_* that a driver may be offered (virtio 1.2, 5.2.3). Any context. */
u64 sluice_volume_offer(const struct sluice_volume *v);
/* As a driver finds it: no features, the device's own cache. No queue attached. Process context. */
void sluice_volume_reset(struct sluice_volume *v);
/* Of those, what the driver took; before any queue is attached. Process context. */
void sluice_volume_set_features(struct sluice_volume *v, u64 features);
/* The device's configuration as it is now (virtio 1.2, 5.2.4). Any context. */
void sluice_volume_get_config(const struct sluice_volume *v, struct virtio_blk_config *config);
/*
 * The driver wrote the field writeback (VIRTIO_BLK_F_CONFIG_WCE); not to be said of one that did
 * not take VIRTIO_BLK_F_FLUSH, which has no cache. Any context.
 */
void sluice_volume_set_writeback(struct sluice_volume *v, bool on);

/* --- queues --- */

/**
 * sluice_queue_attach() - start moving what is in a ring
 * @q: a queue of a pair that the caller reserved, detached
 * @cfg: the ring; copied
 *
 * Called by the owner of cfg->mm it touches the ring's pages, waiting for them if need be, so it
 * holds up whoever waits for a lock of the caller's. Called by others it returns at once: a ring
 * that is not mapped breaks then.
 *
 * Context: process, no RTNL held. Return: 0, -EBUSY (attached), -EINVAL, -ENOMEM, -EFAULT (ring
 * areas unmapped), -ENODEV, -ETIMEDOUT (the worker does not answer), -EINPROGRESS (nor does it say
 * that it has not the ring: as for sluice_queue_detach(), what was given is not to be freed).
 */
int sluice_queue_attach(struct sluice_queue *q, const struct sluice_queue_config *cfg);

/**
 * sluice_queue_detach() - stop, after completing what was begun
 * @q: queue
 * @avail: final index state as struct sluice_vring_config has it
 * @used: likewise
 *
 * When it returns nothing of the guest's memory is touched any more, on behalf of this queue; but a
 * page that the ring waited for may still be brought in, for which the address space lives on. Fine
 * on a detached queue (-ENOTCONN, indices untouched). A volume's waits for the device.
 *
 * Context: process, no RTNL held. Return: 0, -ENOTCONN; -ETIMEDOUT, -EINPROGRESS or -EIO: the
 * worker did not give the ring back, and may use at any time what the caller gave it: that is not
 * to be freed, see sluice_leak().
 */
int sluice_queue_detach(struct sluice_queue *q, u32 *avail, u32 *used);

/*
 * The same on behalf of a driver that reset the device, or is gone: a request of his that waits for
 * a limit is not begun any more (virtio 1.2, 2.4), and where the ring stands means nothing.
 */
int sluice_queue_reset(struct sluice_queue *q);

/*
 * The driver notified. Any context, atomic too (an ioeventfd's wakeup). Never fails; ignored when
 * detached.
 *
 * It also has a ring looked at again that waits for guest memory, and drops no translation: so it
 * is what a front end calls after it added entries to an IOTLB where none were. The look that
 * follows sees whatever was added before the call; what it still misses it reports anew.
 */
void sluice_queue_kick(struct sluice_queue *q);

/**
 * sluice_queue_call() - run a function on the queue's worker, between two bursts
 * @q: queue
 * @fn: may sleep; must not wait for RTNL or for another worker, nor touch the owner's memory
 * @arg: its argument
 * @size: bytes of @arg, at most 64: @fn is given a copy. 0: it is given @arg itself, which lives as
 *	long as the queue or what it was attached with
 *
 * Waits until @fn has run (in the caller, if no worker is there), for half a second at most.
 * Context: process.
 *
 * Return: 0. Else the worker does not answer: -ETIMEDOUT (@fn will not run), -EINPROGRESS (it may
 * be running), -EIO (the worker died in it). What is replaced by the call is then not to be freed:
 * see sluice_leak(). The same holds for the calls below.
 */
int sluice_queue_call(struct sluice_queue *q, void (*fn)(struct sluice_queue *q, void *arg),
		      void *arg, size_t size);

/*
 * Change one eventfd of an attached queue, live (MSI-X masking); NULL for none. Borrowed as in the
 * config; the one before is no longer used when this returns 0.
 */
int sluice_queue_set_call(struct sluice_queue *q, struct eventfd_ctx *ctx);
int sluice_queue_set_err(struct sluice_queue *q, struct eventfd_ctx *ctx);

/* Change @coalesce of an attached queue, live. Context: process. */
int sluice_queue_set_coalesce(struct sluice_queue *q, struct sluice_coalesce c);

/*
 * After guest memory (table or IOTLB) changed: drop cached translations and look at a stalled ring
 * again. When it returns 0 the worker uses, for this queue, nothing that was replaced or
 * invalidated before: then pages may be unpinned. Context: process. Additions alone need
 * sluice_queue_kick() only.
 */
int sluice_queue_memory_changed(struct sluice_queue *q);

/**
 * sluice_queue_fail() - memory that a ring waits for cannot be had
 * @q: queue
 * @why: SLUICE_VRING_ERR_ADDRESS or SLUICE_VRING_ERR_RING
 *
 * Stops the ring as if the guest had broken it: err eventfd, @broken callback (before this returns,
 * on the worker), event. Ignored when detached or broken already. Context: process, not a worker
 * (so not from a miss). Return: as sluice_queue_call().
 */
int sluice_queue_fail(struct sluice_queue *q, enum sluice_vring_error why);

/*
 * Where an attached ring stands between two visits, as sluice_queue_detach() tells it. Context:
 * process. Return: as sluice_queue_call(); -ENOTCONN: it is not attached.
 */
int sluice_queue_state(struct sluice_queue *q, u32 *avail, u32 *used);

/* Set @log_used/@log_addr (dirty log of the used ring) of an attached queue, live. */
int sluice_queue_set_log(struct sluice_queue *q, bool on, u64 log_addr);

/**
 * sluice_leak() - memory that cannot be freed, since a stuck worker may use it
 * @bytes: how much, as far as it is known
 *
 * What stays is counted and shown by `sluice worker show`. Context: any.
 */
void sluice_leak(size_t bytes);

bool sluice_queue_attached(const struct sluice_queue *q);

/* --- a reader in place of a ring: see queue_read.c. @q: a receive queue of a reserved pair --- */

/*
 * Frames for the guest wait in the queue from now on, while no ring of the port's is attached, or
 * do so no more. Context: process.
 */
void sluice_queue_listen(struct sluice_queue *q, bool on);

/**
 * sluice_queue_read() - the next frame that waits
 * @q: receive queue
 * @hdr: filled in, little endian
 *
 * What the driver does not take was done to it, as for a ring. Context: process, no RTNL held.
 * Return: from the Ethernet header on, the caller's; NULL: none; an ERR_PTR(): -ENODEV, and those
 * of sluice_queue_call().
 */
struct sk_buff *sluice_queue_read(struct sluice_queue *q, struct virtio_net_hdr *hdr);
/* Until there may be one, or the port is gone. Return: 0, -ERESTARTSYS. */
int sluice_queue_read_wait(struct sluice_queue *q);
/* A file's poll(): EPOLLIN: there is one; EPOLLOUT: the port is up; EPOLLERR: it is gone. */
__poll_t sluice_queue_read_poll(struct sluice_queue *q, struct file *file,
				struct poll_table_struct *table);

#endif /* _SLUICE_H */
