/* SPDX-License-Identifier: GPL-2.0-only */
/* What the block engine hangs on volumes and their queues. */
#ifndef _SLUICE_BLK_H
#define _SLUICE_BLK_H

#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/hrtimer.h>
#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/workqueue.h>
#include "../engine_blk.h"
#include "../port.h"
#include "../volume.h"
#include "crypt.h"
#include "limit.h"
#include "pages.h"
#include "part.h"
#include "pieces.h"
#include "poll.h"
#include "rekey.h"
#include "request.h"
#include "wipe.h"

struct sluice_blk_group;
struct sluice_blk_queue;

/**
 * struct sluice_blk_turn - of the first that waits for a limit
 * @at: when it may go as far as the volume's own limit goes, local_clock(); 0: it did not ask yet
 * @terms: of the volume's limit that it was charged by
 * @group_terms: of its group's; 0: there was none
 * @share: of its group's limit, if there was one
 */
struct sluice_blk_turn {
	u64 at;
	u64 terms;
	u64 group_terms;
	struct sluice_limit_share share;
};

/* Segments of the chains that one visit fetches. */
#define SLUICE_BLK_SEGS		SLUICE_CHAIN_MAX_SEGS

/**
 * struct sluice_blk_request - from its fetch until its completion
 * @node: in a list of those that wait
 * @next: in that of those that are free, or that are ready
 * @done: in the list of those that the device has completed, or of those that are yet to be handed
 *	to it by the helper
 * @bq: its queue
 * @chain: to be completed; @seg of it is void after the visit, but for what has @part.seg
 * @r: what it asks for
 * @part: what of that is under way; FLUSH has none
 * @guest: the part's data in guest memory
 * @own: the same in memory of ours, if it does not go as it is; kept until it is done, or until
 *	its blocks get another key
 * @pending: bios that are with the device, and who hands them over
 * @error: that of one of them: see sluice_send_error()
 * @tries: how often the device was too busy
 * @nowait: it was asked not to wait
 * @at: the bio that is handed over, or was last; NULL: none was yet
 * @alone: none that is sent with it lies beside it
 * @polled: in bq->polled: some of it is completed by looking only
 * @looked: the last of it was completed so
 * @flush: what it asks for is done, and is being made durable
 * @active: between submission and completion; its data went, or will go, through the cipher
 * @status_at: where the driver wants its status; the page is held
 * @fetched: when, in ns of local_clock()
 * @submitted: likewise: the first time, if the device was busy; 0: not yet
 * @completed: likewise; 0: not yet, or by a visit, which has not seen it yet
 * @cipher_ns: time spent on that
 *
 * Worker thread only, but for @pending, @error, @completed and @looked, which are the device's
 * between submission and completion.
 */
struct sluice_blk_request {
	struct list_head node;
	struct sluice_blk_request *next;
	struct llist_node done;
	struct sluice_blk_queue *bq;
	struct sluice_chain chain;
	struct sluice_request r;
	struct sluice_part part;
	struct sluice_pieces guest;
	struct sluice_pieces own;
	struct sluice_bio *at;
	atomic_t pending;
	blk_status_t error;
	u8 tries;
	bool nowait;
	bool alone;
	bool flush;
	bool active;
	bool polled;
	bool looked;
	u8 *status_at;
	u64 fetched;
	u64 submitted;
	u64 completed;
	u64 cipher_ns;
};

/**
 * struct sluice_blk_queue - a queue while a ring is attached
 * @q: the queue
 * @v: its volume
 * @bv: what hangs on that
 * @free: requests that are not in use; the last one first
 * @request: all of them, @num
 * @num: as many as the ring has entries
 * @done: completed by the device; anybody adds, the worker takes
 * @helped: the worker adds, @helper takes
 * @helper: hands over what may sleep: see helper.h
 * @ready: prepared, to be handed to the device before the visit ends; in order
 * @ready_end: where the next one goes
 * @nr_ready: how many they are
 * @sending: what the worker is handing over
 * @plug: what was handed over and is kept back to be made one, while it is @plugged
 * @plugged: see there
 * @alike: likewise: all that it is for ask the device for the same
 * @slept_until: the device may put a worker to sleep until then (local_clock()), 0: it may not
 * @hand: what it reads from the ring, or completes
 * @reaped: taken from @done, and not looked at yet; what a visit leaves of it is the next one's
 * @limited: waiting for a limit, by enum sluice_volume_op (READ, WRITE), in order
 * @turn: of the first of each; all 0 if there is none
 * @starved: the device was short, or memory for what has no data; in order
 * @starved_until: those are left alone before that, local_clock()
 * @dry: waiting for pages of ours, in order
 * @rekeyed: waiting until their blocks have been re-encrypted, in order
 * @polled: with the device, to be looked for; in the order of submission
 * @poll: what is submitted in this visit is to be looked for
 * @poll_after: not before that time, in ns of local_clock(); 0: at any
 * @serving: the worker's thread, during a visit, which takes what is done before it ends;
 *	READ_ONCE elsewhere
 * @view: how far that is, as this queue knows it; written by the worker thread, READ_ONCE elsewhere
 * @locked: requests under way for what it locks; likewise
 * @nr_long: requests that have @part.seg
 * @long_seg: for one of them, if there is no other memory for it
 * @long_seg_used: one has it
 * @worked: what this visit did, in bytes that go as they are
 * @cipher_ns: time that it spent on ciphers and copies
 * @clock: when it looked at the clock last, local_clock(): what it does with ciphers, and what it
 *	hands to the device, is timed from there
 * @cost: what the last request that was begun added to @worked
 * @left: it left something to the next, and not because that had to wait
 * @leaving_since: it leaves, and a request waits for what is being re-encrypted; local_clock()
 * @node: in bv->queues
 * @timer: wakes the queue for those that wait
 * @cipher: of this queue; NULL without a cipher
 * @pages: of our own
 * @chain: of one visit
 * @seg: likewise
 */
struct sluice_blk_queue {
	struct sluice_queue *q;
	struct sluice_volume *v;
	struct sluice_blk_volume *bv;
	struct sluice_blk_request *free;
	struct sluice_blk_request *request;
	unsigned int num;
	struct llist_head done;
	struct llist_head helped;
	struct work_struct helper;
	struct sluice_blk_request *ready;
	struct sluice_blk_request **ready_end;
	unsigned int nr_ready;
	struct sluice_blk_request *sending;
	struct blk_plug plug;
	bool plugged;
	bool alike;
	u64 slept_until;
	struct sluice_blk_request *hand;
	struct llist_node *reaped;
	struct list_head limited[SLUICE_VOLUME_LIMITS];
	struct sluice_blk_turn turn[SLUICE_VOLUME_LIMITS];
	struct list_head starved;
	u64 starved_until;
	struct list_head dry;
	struct list_head rekeyed;
	struct list_head polled;
	bool poll;
	u64 poll_after;
	struct task_struct *serving;
	const struct sluice_rekey_view *view;
	unsigned int locked;
	unsigned int nr_long;
	bool long_seg_used;
	u32 worked;
	u64 cipher_ns;
	u64 clock;
	u32 cost;
	bool left;
	u64 leaving_since;
	struct list_head node;
	struct hrtimer timer;
	struct skcipher_request *cipher;
	struct sluice_pages pages;
	struct sluice_chain chain[SLUICE_VRING_BURST];
	struct sluice_vring_seg seg[SLUICE_BLK_SEGS];
	struct sluice_vring_seg long_seg[SLUICE_BLK_SEGS];
};

/**
 * struct sluice_blk_volume - a volume
 * @bs: where bios come from
 * @reserve: for when memory is short
 * @crypt: its key; @tfm is NULL without one. Replaced when all was re-encrypted, under
 *	@queues_lock
 * @plain: the view while nothing is re-encrypted; fixed
 * @wiped: those without a key: requests wait, or fail; fixed
 * @wiped_id: what its keys are known by; RTNL
 * @keyless: its keys go, or are gone; written under RTNL, READ_ONCE elsewhere
 * @key_lock: held by whoever uses a key and is not a worker; outside @queues_lock
 * @view: the one that queues are to go by: @base, or one of @wiped; written under @queues_lock,
 *	READ_ONCE elsewhere
 * @base: the same as long as there are keys; @queues_lock
 * @queues_lock: innermost
 * @queues: struct sluice_blk_queue.node; @queues_lock
 * @rekey: under way, or being opened; NULL: none. Written under @key_lock, by RTNL or the work that
 *	opens or ends it
 * @limit: by enum sluice_volume_op (READ, WRITE)
 * @group: that it is in, NULL: none; written under RTNL, read under RCU
 * @helpers: where its queues' helpers run
 * @align: pieces that go to the device as they are begin and end at multiples of this, minus one
 * @splits: the block layer says so, too, of a request that it would have to split, and whether it
 *	has to depends on more than on its size
 */
struct sluice_blk_volume {
	struct sluice_bios bs;
	struct sluice_reserve reserve;
	struct sluice_crypt crypt;
	struct sluice_rekey_view plain;
	struct sluice_rekey_view wiped[2];
	struct sluice_wipe_id wiped_id;
	bool keyless;
	struct mutex key_lock;	/* see above */
	const struct sluice_rekey_view *view;
	const struct sluice_rekey_view *base;
	struct mutex queues_lock;	/* see above */
	struct list_head queues;
	struct sluice_rekey *rekey;
	struct sluice_limit limit[SLUICE_VOLUME_LIMITS];
	struct sluice_blk_group __rcu *group;
	struct workqueue_struct *helpers;
	u32 align;
	bool splits;
};

/* main.c: have all its queues looked at. */
void sluice_blk_wake_all(struct sluice_volume *v);

/* datapath.c */
int sluice_blk_serve(struct sluice_worker *w, struct sluice_queue *q, int budget);
enum hrtimer_restart sluice_blk_timer(struct hrtimer *timer);
/* It is nobody's any more. Context: worker, or who stands in for it. */
void sluice_blk_free(struct sluice_blk_request *req);
/* Go by this view: see rekey.h. Context: likewise, between two visits. */
void sluice_blk_adopt_view(struct sluice_blk_queue *bq, const struct sluice_rekey_view *view);

/* Are pages held while the device works on them? Who lends the host's own keeps them anyway. */
static inline bool sluice_blk_holds(const struct sluice_blk_queue *bq)
{
	return !bq->q->cfg.gmem->host;
}

static inline bool sluice_blk_has_data(const struct sluice_blk_request *req)
{
	return req->r.op == SLUICE_REQUEST_READ || req->r.op == SLUICE_REQUEST_WRITE;
}

/* None is ready. */
static inline void sluice_blk_ready_init(struct sluice_blk_queue *bq)
{
	bq->ready = NULL;
	bq->ready_end = &bq->ready;
	bq->nr_ready = 0;
}

/* What goes to the device: the guest's memory as it is, or ours. */
static inline struct sluice_pieces *sluice_blk_data(struct sluice_blk_request *req)
{
	return req->own.first ? &req->own : &req->guest;
}

#endif /* _SLUICE_BLK_H */
