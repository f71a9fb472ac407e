/* SPDX-License-Identifier: GPL-2.0-only */
/* Ports and their queues: the objects that sluice.ko holds and engines work on. */
#ifndef _SLUICE_PORT_H
#define _SLUICE_PORT_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/ptr_ring.h>
#include <linux/u64_stats_sync.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include "ask.h"
#include "drop.h"
#include "engine.h"
#include "share.h"
#include "sluice.h"
#include "wire.h"
#include "worker.h"

struct sluice_fault;
struct sluice_fault_threads;
struct sluice_volume;

enum sluice_port_kind {
	SLUICE_PORT_GUEST,
	SLUICE_PORT_UPLINK,
};

/* Why a port is held although there is an engine. */
enum sluice_quarantine {
	SLUICE_QUARANTINE_NONE,
	SLUICE_QUARANTINE_RINGS,	/* more than so many broken in so many seconds: */
	SLUICE_QUARANTINE_HOST,		/* a worker died in it */
	SLUICE_QUARANTINE_OPERATOR,
};

#define SLUICE_QUARANTINE_RINGS_MAX	8
#define SLUICE_QUARANTINE_RINGS_S	60

/* Frames that wait for a worker, per queue and per uplink. */
#define SLUICE_INBOX_SIZE	1024

/**
 * struct sluice_port_stats - counters of one port on one CPU, in packets on the wire (wire.h)
 * @packets: by SLUICE_DIR_*; for an uplink FROM_GUEST is what it transmitted, TO_GUEST what it
 *	received. Of what came in by the port, all of it, also what was dropped behind; of what goes
 *	out by it, what was handed over
 * @bytes: likewise
 * @slow_packets: that went to the host's stack by the port's netdev
 * @fast_packets: that a flow, a wire or a cache entry took elsewhere
 * @drops: by enum sluice_drop
 * @busy_ns: worker time spent for this port
 * @syncp: guards 32-bit readers
 */
struct sluice_port_stats {
	u64_stats_t packets[SLUICE_DIRS];
	u64_stats_t bytes[SLUICE_DIRS];
	u64_stats_t slow_packets;
	u64_stats_t fast_packets;
	u64_stats_t drops[SLUICE_DROP_MAX];
	u64_stats_t busy_ns;
	struct u64_stats_sync syncp;
};

/* The sum over all CPUs, as it is shown. */
struct sluice_port_totals {
	u64 packets[SLUICE_DIRS];
	u64 bytes[SLUICE_DIRS];
	u64 slow_packets;
	u64 fast_packets;
	u64 drops[SLUICE_DROP_MAX];
	u64 busy_ns;
	u64 polled_packets;
	u64 throttled[SLUICE_DIRS];
};

/**
 * struct sluice_queue - one virtqueue's place in a port or a volume
 * @port: its port; NULL for a volume's
 * @volume: its volume; NULL for a port's
 * @lock: theirs
 * @pair: queue pair number; a volume's: queue number
 * @dir: enum sluice_queue_dir
 * @worker: who serves it; written under @lock with RTNL, read under RCU by those who wake it
 * @attached: a ring is there; written under @lock
 * @leaving: it is not any more, but requests of it are with the device, and the worker has it;
 *	@lock
 * @lost: the worker had it and did not give it back: it is not used again; written under @lock
 * @kicked: the driver notified since the worker last looked; any context
 * @inbox: RX: frames (skb) that other threads want delivered; producers under its lock,
 *	consumer is the worker, or, while no ring is attached, who holds @lock
 * @listens: RX: a reader takes frames while no ring of the port's does; written under @lock,
 *	READ_ONCE elsewhere
 * @read_wait: RX: where readers wait
 * @node: in worker->queues while attached; worker thread only
 * @cfg: as attached; worker thread only
 * @vr: the ring; worker thread only
 * @owner: the worker that has it in its list; written by that worker only, so whoever reads
 *	itself here is right
 * @rest: RX: a frame that left the inbox to be adapted, or what became of it and the ring has not
 *	taken yet (skb, by next); worker thread only while attached
 * @fault: brings in absent memory of the owner's; NULL if the kernel maps it. Like @cfg
 * @faults: how many are in the air, of this ring and of earlier ones
 * @burst: TX: chains that the engine fetches in one visit, 0 for as many as it likes; RX: frames
 *	that the guest is given in one, at least one; worker thread only
 * @idle_polls: visits in a row that found nothing; worker thread only
 * @armed: notifications are on, the ring was empty: skip until kicked; worker thread only
 * @stalled: waits for guest memory (an IOTLB entry, an absent page): skip until kicked; worker
 *	thread only
 * @untold: packets since the driver was last asked whether it wants an interrupt, as far as
 *	coalescing goes; worker thread only
 * @tell_at: when it is to be asked at the latest (local_clock()), 0: nothing waits; likewise
 * @wait_until: a limit was reached, the queue is left alone until then (local_clock()), 0: it is
 *	not; likewise
 * @turn: its place among those that wait for that limit; the engine's, likewise
 * @broken: stopped with this error; written by the worker, READ_ONCE elsewhere
 * @signals: interrupts sent; single writer, the worker
 * @kicks: notifications received; racy count
 * @throttled: how often it had to wait for the port's limit, with something in it; the engine's,
 *	single writer, the worker
 * @engine: REQ: the block engine's own state; there while @vr is
 * @in_flight: REQ: chains fetched and not yet completed; written by the worker, READ_ONCE elsewhere
 * @polled: REQ: some of them are completed by looking only; worker thread only
 * @draining: REQ: nothing more is fetched, nothing waits for a limit; written by the worker,
 *	READ_ONCE elsewhere
 * @dropping: REQ: besides, what was not begun is not wanted any more; worker thread only
 */
struct sluice_queue {
	struct sluice_port *port;
	struct sluice_volume *volume;
	struct mutex *lock;	/* see above */
	u16 pair;
	u8 dir;
	bool attached;
	bool leaving;
	bool lost;
	struct sluice_worker __rcu *worker;
	unsigned long kicked;
	struct ptr_ring inbox;
	bool listens;
	wait_queue_head_t read_wait;

	struct list_head node;
	struct sluice_queue_config cfg;
	struct sluice_vring *vr;
	struct sluice_worker *owner;
	struct sk_buff *rest;
	struct sluice_fault *fault;
	atomic_t faults;
	bool armed;
	bool stalled;
	int burst;
	unsigned int idle_polls;
	unsigned int untold;
	u64 tell_at;
	u64 wait_until;
	struct sluice_turn turn;
	enum sluice_vring_error broken;
	u64 signals;
	u64 kicks;
	u64 throttled;

	void *engine;
	unsigned int in_flight;
	bool polled;
	bool draining;
	bool dropping;
};

/* A receive filter as it is published. */
struct sluice_port_filter {
	struct sluice_rx_filter f;
	struct rcu_head rcu;
};

/**
 * struct sluice_uplink_waits - what an uplink without a VF waits for
 * @dev: the netdev's name, be it of the one that was unplugged; empty: nobody said
 * @word: what the operator wants of it
 * @cpu: the core whose worker is to serve it; -1: any
 */
struct sluice_uplink_waits {
	char dev[IFNAMSIZ];
	struct sluice_ask_word word;
	int cpu;
};

/**
 * struct sluice_port - where packets enter and leave
 * @ref: front ends and the netdev hold it; memory goes with the last
 * @kind: enum sluice_port_kind
 * @index: unique on the host while the port lives; the in_port of packet keys
 * @dev: its netdev. Not to be used once @gone; a worker may use it: removal waits for workers
 * @up: its netdev is up; written under RTNL, READ_ONCE elsewhere. Down, nothing passes, whichever
 *	way it takes
 * @control: SLUICE_CONTROL_*: link-local control frames that a guest port passes, both ways;
 *	written under RTNL, READ_ONCE elsewhere
 * @paced: frames to the guest wait for a limit: all of them go by an inbox, and say since when;
 *	written by the engine under RTNL, READ_ONCE elsewhere
 * @ra_refused: the settings for IPv6 that its netdev has were seen to; RTNL
 * @inst: its namespace's state; changes only while no worker knows the port
 * @node: in inst->ports; RTNL
 * @lock: serialises attach, detach, moves and removal. Inside RTNL, outside worker calls
 * @gone: the netdev is unregistered; under @lock, READ_ONCE elsewhere
 * @nr_pairs: queue pairs; fixed
 * @queue: 2 * @nr_pairs queues, receive and transmit in turn; NULL for an uplink
 * @pairs_busy: bitmap of reserved pairs; written under @lock, READ_ONCE elsewhere
 * @opens: handles of front ends that have its guest's end open: with one it has a carrier; written
 *	under @lock, READ_ONCE elsewhere
 * @announce_work: guest port: announces @announce_mac once more; holds a reference while it waits
 * @announced: how often it has; @lock
 * @announce_mac: likewise
 * @rx_map: pairs whose receive queue is attached, or, if there are none, has a reader; @nr_rx of
 *	them; written under @lock, read racily: who loses the race drops a packet as RX_DOWN
 * @offloads: NETIF_F_* that the guest's driver takes; written by whoever hears of it, READ_ONCE
 *	elsewhere
 * @offloads_told: as its netdev was told last; written under RTNL, READ_ONCE elsewhere
 * @offloads_next: when it may be told of more again, in get_jiffies_64(); @lock
 * @offloads_work: guest port: tells it; holds a reference while it waits
 * @filter: frames that the guest asks for, NULL: all; written under @lock, read under RCU
 * @stats: per CPU
 * @fault_threads: bring in absent memory of its owner's; set once, with the first ring that may
 *	need them
 * @nr_rules: of its access lists, as far as its namespace's count has them; RTNL
 * @memory: bytes, itself and its policy, likewise
 * @engine: the engine's own state; set under RTNL before packets flow
 * @engine_ops: the engine that serves the port (module reference held), NULL while held; RCU
 * @closed: uplink: a transaction gave it its VF and is not through; RTNL, READ_ONCE elsewhere
 * @quarantine: enum sluice_quarantine; written under @quarantine_lock, READ_ONCE elsewhere
 * @quarantine_time: since when, in ktime_get_real_seconds(); likewise
 * @broken_rings: rings of it that were stopped for what the guest did; likewise
 * @nr_broken: likewise, since the last release; @quarantine_lock
 * @broken_at: when the last of them were, in ktime_get_seconds(), in turn; likewise
 * @quarantine_lock: taken alone, in process context
 * @lower: uplink: the VF's netdev, RTNL; NULL while it waits for one
 * @ask: uplink: what is asked of the VF; NULL while it waits for one; RTNL
 * @waits: uplink: what it waits for, and is to be with it: see struct sluice_uplink_waits; RTNL
 * @taking: uplink: it gets its VF, which is asked for what is wanted above later; RTNL
 * @stuck: uplink: a worker did not let go of it, so it takes no other VF; RTNL
 * @inbox: uplink: frames (skb) from the VF's receive path
 * @worker: uplink: who serves it; RTNL, read under RCU
 * @worker_node: uplink: in worker->uplinks; worker thread only
 * @napi_id: uplink: of the VF's receive queue seen last, to be polled; racy
 * @polled_packets: uplink: received by the worker's own poll; single writer, the worker; READ_ONCE
 *	elsewhere
 * @burst: uplink: what one visit takes of @inbox; the worker
 * @share: guest port: of a worker's time for what comes from the guest, by the worker's core
 * @rx_share: guest port: likewise for what goes to it
 */
struct sluice_port {
	struct kref ref;
	u8 kind;
	u32 index;
	struct net_device *dev;
	struct sluice_instance *inst;
	struct list_head node;
	/* Attach, detach, moves, removal. */
	struct mutex lock;
	bool gone;
	bool up;
	bool paced;
	bool ra_refused;
	u8 control;

	unsigned int nr_pairs;
	struct sluice_queue *queue;
	unsigned long pairs_busy;
	unsigned int opens;
	struct delayed_work announce_work;
	unsigned int announced;
	u8 announce_mac[ETH_ALEN] __aligned(2);
	u8 rx_map[SLUICE_MAX_PAIRS];
	unsigned int nr_rx;
	u64 offloads;
	u64 offloads_told;
	u64 offloads_next;
	struct delayed_work offloads_work;
	struct sluice_port_filter __rcu *filter;

	struct sluice_port_stats __percpu *stats;
	struct sluice_fault_threads *fault_threads;
	u32 nr_rules;
	u64 memory;
	void *engine;
	const struct sluice_engine_ops __rcu *engine_ops;

	bool closed;
	u8 quarantine;
	u64 quarantine_time;
	u64 broken_rings;
	unsigned int nr_broken;
	u64 broken_at[SLUICE_QUARANTINE_RINGS_MAX];
	/* What a quarantine is decided by. */
	spinlock_t quarantine_lock;

	struct net_device __rcu *lower;
	struct sluice_ask *ask;
	struct sluice_uplink_waits waits;
	bool stuck;
	bool taking;
	struct ptr_ring inbox;
	struct sluice_worker __rcu *worker;
	struct list_head worker_node;
	unsigned int napi_id;
	u64 polled_packets;
	int burst;
	struct sluice_share __percpu *share;
	struct sluice_share __percpu *rx_share;
};

/* --- control: RTNL --- */

/**
 * struct sluice_port_params - what a new guest port is made of
 * @pairs: queue pairs, 1..SLUICE_MAX_PAIRS; 0 for 1
 * @mac: device MAC, or all zero for a random one
 * @mtu: 0 for 1500
 * @control: SLUICE_CONTROL_*
 */
struct sluice_port_params {
	unsigned int pairs;
	u8 control;
	u8 mac[ETH_ALEN];
	unsigned int mtu;
};

struct sluice_port *sluice_port_add(struct net *net, const char *name,
				    const struct sluice_port_params *params,
				    struct netlink_ext_ack *extack);
/*
 * An uplink above @lower; the lower netdev must be in the same namespace, not loopback, not one of
 * ours, without an rx_handler. NULL: it waits for one.
 */
struct sluice_port *sluice_uplink_add(struct net *net, const char *name, struct net_device *lower,
				      struct netlink_ext_ack *extack);
/* Either kind. */
void sluice_port_del(struct sluice_port *port);
/*
 * Bytes of one of so many pairs, with its netdev: what its namespace is charged for it; and of the
 * largest that has no more queues of the host's stack than pairs. Any context.
 */
size_t sluice_port_memory(const struct net_device *dev, bool uplink, unsigned int pairs);
size_t sluice_port_memory_most(void);
/* By name in a namespace; NULL if there is none. No reference: valid under RTNL. */
struct sluice_port *sluice_port_find(struct net *net, const char *name);
struct sluice_port *sluice_port_find_ifindex(struct net *net, int ifindex);
/* NULL if @dev is not a port. RTNL or RCU. */
struct sluice_port *sluice_port_from_dev(const struct net_device *dev);
/* Put it into quarantine, unless it is there already. Context: process, any lock of ours. */
void sluice_port_hold_back(struct sluice_port *port, enum sluice_quarantine why);
/* Let it go on. False: it was not in quarantine. */
bool sluice_port_release(struct sluice_port *port);
/* As the operator reads it. */
const char *sluice_quarantine_text(enum sluice_quarantine why);
/* Move a pair (-1: all of the port; an uplink has only that) to a worker, live. */
int sluice_port_assign(struct sluice_port *port, int pair, struct sluice_worker *w,
		       struct netlink_ext_ack *extack);
void sluice_port_totals(const struct sluice_port *port, struct sluice_port_totals *t);

/* --- packets --- */

static inline struct sluice_queue *sluice_port_rxq(const struct sluice_port *port,
						   unsigned int pair)
{
	return &port->queue[2 * pair];
}

/*
 * The receive queue that a frame with this hash goes to, so that flows keep their order; NULL: none
 * is attached, nor does anybody read. Context: any.
 */
static inline struct sluice_queue *sluice_port_choose_rxq(const struct sluice_port *port, u32 hash)
{
	/* Pairs with sluice_queue_publish_rx(). */
	unsigned int n = smp_load_acquire(&port->nr_rx);

	return n ? sluice_port_rxq(port, READ_ONCE(port->rx_map[reciprocal_scale(hash, n)])) : NULL;
}

bool sluice_port_filter_match(const struct sluice_rx_filter *f, const void *frame,
			      unsigned int len);

/*
 * Did the guest ask for frames like this one? @frame: Ethernet header and, if there is one, tag;
 * @len of it are there. Context: any.
 */
static inline bool sluice_port_wants(const struct sluice_port *port, const void *frame,
				     unsigned int len)
{
	const struct sluice_port_filter *f;
	bool wanted = true;

	if (likely(!rcu_access_pointer(port->filter)))
		return true;
	rcu_read_lock();
	f = rcu_dereference(port->filter);
	if (f)
		wanted = sluice_port_filter_match(&f->f, frame, len);
	rcu_read_unlock();
	return wanted;
}

static inline struct sluice_queue *sluice_port_txq(const struct sluice_port *port,
						   unsigned int pair)
{
	return &port->queue[2 * pair + 1];
}

/*
 * Hand a frame to the worker of one of the guest's receive queues, chosen by @hash. Owns @skb.
 * @policed: the port's policy was applied already. Any context with BH disabled.
 */
void sluice_port_post(struct sluice_port *port, struct sk_buff *skb, u32 hash, bool policed);

/**
 * struct sluice_skb_cb - state that travels with an skb through an inbox
 * @since: when it got there (local_clock()), if the port is paced; else 0
 * @policed: policy but for the limit was applied
 */
struct sluice_skb_cb {
	u64 since;
	bool policed;
};

static inline struct sluice_skb_cb *sluice_skb_cb(struct sk_buff *skb)
{
	return (struct sluice_skb_cb *)skb->cb;
}

/* Every port of the host, by index. Changes under RTNL; a port found here under RTNL stays. */
extern struct xarray sluice_ports;

/* --- between the files of sluice.ko --- */

/* port.c: @dev is a netdev of ours, not yet registered. RTNL. */
struct sluice_port *sluice_port_new(struct net_device *dev, enum sluice_port_kind kind,
				    unsigned int pairs);
/* Publish after registration, withdraw before unregistration. RTNL. */
int sluice_port_publish(struct sluice_port *port);
void sluice_port_withdraw(struct sluice_port *port);
/* It, its netdev and the code that they name stay for ever: a worker that is stuck may use them. */
void sluice_port_leak(struct sluice_port *port);
/* Take it out of a namespace, bring it into the one its netdev is in now. RTNL. */
void sluice_port_leave(struct sluice_port *port);
void sluice_port_enter(struct sluice_port *port);
/* Its netdev went up or down, or changed its MTU: tell front ends. RTNL. */
void sluice_port_changed(struct sluice_port *port);
/* Have its workers look at all of it. RTNL. */
void sluice_port_look(struct sluice_port *port);
/* quarantine.c: a ring was stopped for what the guest did. Worker context. */
void sluice_port_ring_broke(struct sluice_port *port);
/* Is nothing to be moved, engine or not? Any context. */
static inline bool sluice_port_held_back(const struct sluice_port *port)
{
	return unlikely(READ_ONCE(port->quarantine) || READ_ONCE(port->closed));
}

/* Did the operator set it up? Any context. */
static inline bool sluice_port_is_up(const struct sluice_port *port)
{
	return likely(READ_ONCE(port->up));
}

/* An engine serves the port from now on: what came while it was held is looked at. RTNL. */
void sluice_port_serve(struct sluice_port *port, const struct sluice_engine_ops *ops);

/* queue.c */
int sluice_queue_init(struct sluice_queue *q, struct sluice_port *port, unsigned int pair, u8 dir);
int sluice_queue_init_volume(struct sluice_queue *q, struct sluice_volume *v, unsigned int index);
void sluice_queue_exit(struct sluice_queue *q);
/*
 * Detach on behalf of a port that goes. @lock held. Else than 0: its worker did not give it back,
 * and may use it: it is not to be freed.
 */
int sluice_queue_stop(struct sluice_queue *q);
/* Its worker does not give it back: see queue.c, Lifetime of a ring. @lock held. */
void sluice_queue_lose(struct sluice_queue *q);
/* Frames that wait are for nobody. No worker has the queue; @lock held, or nobody else knows it. */
void sluice_queue_empty_inbox(struct sluice_queue *q);
/*
 * Requests that were taken are completed when it returns 0; others follow. Waits for the device:
 * neither RTNL nor @lock is held.
 */
int sluice_queue_settle(struct sluice_queue *q);
/* Move to @to; RTNL and @lock held. Else than 0: its worker did not answer, all is as it was. */
int sluice_queue_move(struct sluice_queue *q, struct sluice_worker *to);
/* The ring's error stops it; its front end and the operator are told. Worker context. */
void sluice_queue_break(struct sluice_queue *q);
/* Its worker died in it: that is no fault of the ring's, but it is stopped. Worker context. */
void sluice_queue_suspect(struct sluice_queue *q);
/* Its worker died while it wrote to its ring for another: it goes on. Worker context. */
void sluice_queue_rewind(struct sluice_queue *q);
/*
 * Worker context: one visit; true if something moved. Arm: get ready to sleep; false if it must be
 * looked at again.
 */
bool sluice_queue_poll(struct sluice_worker *w, struct sluice_queue *q);
bool sluice_queue_arm(struct sluice_worker *w, struct sluice_queue *q);

/* queue_read.c */
/* Tell the paths that choose a receive queue which ones are there. port->lock held. */
void sluice_queue_publish_rx(struct sluice_port *port);
/* What a reader may wait for has changed: there is a frame, or the port is another. Any context. */
void sluice_queue_tell_reader(struct sluice_queue *q);

/* port_inject.c */
/*
 * Lock a guest port for a call to its worker that moves a frame: no packet sees half of a
 * transaction, not even one that comes or goes by a call. Return: what the other one wants.
 */
bool sluice_port_lock_for_frame(struct sluice_port *port);
void sluice_port_unlock_for_frame(struct sluice_port *port, bool tenants);

/* A frame that says where the guest is; owns @skb. Context: process. */
void sluice_port_inject_announcement(struct sluice_port *port, struct sk_buff *skb);

/* port_announce.c */
int sluice_announce_init(void);
void sluice_announce_exit(void);
void sluice_announce_init_port(struct sluice_port *port);
/* The port is gone; @lock is not held. */
void sluice_announce_cancel(struct sluice_port *port);

/* port_offloads.c; cancel: as above */
int sluice_offloads_init(void);
void sluice_offloads_exit(void);
void sluice_offloads_init_port(struct sluice_port *port);
void sluice_offloads_cancel(struct sluice_port *port);

/* fault.c: a struct sluice_fault for a ring in the memory of cfg.mm; NULL when out of memory */
struct sluice_fault *sluice_fault_new(struct sluice_queue *q);
void sluice_fault_drop(struct sluice_fault *f);
/*
 * Worker context. Bring in @absent, unless one is in the air already: in any case the queue is
 * kicked afterwards. -EFAULT: the last one was for the same and found nothing there.
 */
int sluice_fault_start(struct sluice_fault *f, const struct sluice_gmem_absent *absent);
/* The ring got on: what was not there is looked for anew if it goes again. Worker context. */
void sluice_fault_forget(struct sluice_fault *f);
/* The port is about to be freed. */
void sluice_fault_port_free(struct sluice_port *port);
int sluice_fault_init(void);
void sluice_fault_exit(void);

/* rep.c: the netdev; uplink.c: what is below it */
int sluice_rep_init(void);
void sluice_rep_exit(void);
int sluice_uplink_init(void);
void sluice_uplink_exit(void);
/* May it have that one, but for the one that it has? */
int sluice_uplink_check_lower(const struct sluice_port *port, const struct net_device *lower,
			      struct netlink_ext_ack *extack);
int sluice_uplink_attach(struct sluice_port *port, struct net_device *lower,
			 struct netlink_ext_ack *extack);
/* Else than 0: its worker does not answer, and may use it: it is not to be freed. */
int sluice_uplink_detach(struct sluice_port *port);
/* Likewise, by a command: who listens is told, and what is not to be freed stays. */
int sluice_uplink_let_go(struct sluice_port *port);
/* Else than 0: likewise, all is as it was. */
int sluice_uplink_move(struct sluice_port *port, struct sluice_worker *to);
bool sluice_uplink_poll(struct sluice_worker *w, struct sluice_port *port);

/* Count packets on the wire; any context that stays on its CPU. */
void sluice_port_count_drop(struct sluice_port *port, enum sluice_drop why, unsigned int packets);
/* That, and free it. */
void sluice_port_drop_skb(struct sluice_port *port, enum sluice_drop why, struct sk_buff *skb);

static inline void sluice_port_count(struct sluice_port *port, enum sluice_dir dir,
				     unsigned int packets, unsigned int bytes)
{
	struct sluice_port_stats *s = get_cpu_ptr(port->stats);

	u64_stats_update_begin(&s->syncp);
	u64_stats_add(&s->packets[dir], packets);
	u64_stats_add(&s->bytes[dir], bytes);
	u64_stats_update_end(&s->syncp);
	put_cpu_ptr(port->stats);
}

/* Worker time that was spent for this port. */
void sluice_port_count_busy(struct sluice_port *port, u64 ns);

/*
 * Used buffers were published, of @packets packets: interrupt the guest if it wants that, now or
 * when enough came together. Worker context.
 */
void sluice_queue_notify(struct sluice_queue *q, unsigned int packets);
/* Ask the driver about all that was published since it was asked last. Worker context. */
void sluice_queue_tell(struct sluice_queue *q);
/* What has its time begins anew: no completion was told of, nothing waits. Worker context. */
void sluice_queue_fresh(struct sluice_queue *q);
/* When the queue is to be visited, whatever else happens (local_clock()); U64_MAX: never. */
u64 sluice_queue_due(const struct sluice_queue *q);
/* One with @wait_until: is it still left alone? Worker context. */
bool sluice_queue_waits(struct sluice_queue *q);

/* Is what the queue has left for a later round, for others come first? Worker context. */
bool sluice_queue_held(struct sluice_worker *w, const struct sluice_queue *q);
/* A visit of it moved @n, and took @ns. Worker context. */
void sluice_queue_spent(struct sluice_worker *w, struct sluice_queue *q, int n, u64 ns);
/* Whose it is, and does that worker know it? Context: @q->lock held. */
struct sluice_worker *sluice_queue_worker(const struct sluice_queue *q);
bool sluice_queue_on_worker(const struct sluice_queue *q);
/* A call about it did, whatever its direction. Worker context, or in place of a worker. */
void sluice_queue_called(struct sluice_worker *w, struct sluice_queue *q, u64 ns);

/* Do frames wait for a receive queue's ring? Worker context. */
static inline bool sluice_queue_backlog(const struct sluice_queue *q)
{
	return q->rest || !__ptr_ring_empty((struct ptr_ring *)&q->inbox);
}

/*
 * Make the queue's address space the one in use. Memory that the kernel maps needs none: then what
 * is in use stays. Worker context.
 */
static inline void sluice_queue_use_mm(struct sluice_worker *w, const struct sluice_queue *q)
{
	if (q->cfg.mm)
		sluice_worker_use_mm(w, q->cfg.mm);
}

const char *sluice_drop_tag(enum sluice_drop why);

#endif /* _SLUICE_PORT_H */
