// SPDX-License-Identifier: GPL-2.0-only
/*
 * A request's way, top to bottom: taken from the ring and checked, admitted by the limits, through
 * the cipher, to the device; and back from there, through the cipher, to the driver.
 *
 * All of it runs on the queue's worker, but for what send.c says. Guest memory is translated once,
 * when the request is taken, and its pages are held until it is completed: so the front end may
 * take memory away while the device still works on it. What is long goes in parts, each as if it
 * were a request: see part.h.
 */
#include <linux/blkdev.h>
#include <linux/mm.h>
#include <linux/sched/clock.h>
#include <linux/sizes.h>
#include "blk.h"
#include "charge.h"
#include "command.h"
#include "map.h"
#include "send.h"
#include "transform.h"
#include "view.h"

/*
 * What one visit does, so that a volume of large requests leaves the worker to others: data that
 * goes as it is, of which what goes through a cipher, or is copied, counts several times; and time
 * for the latter, however slow it is. One part is done whole.
 */
#define BLK_VISIT_BYTES		SZ_1M
#define BLK_CIPHER_NS		(500 * NSEC_PER_USEC)
/* How long a request rests that the device, or memory, had no room for. */
#define BLK_STARVED_NS		(100 * NSEC_PER_USEC)
/* The same if the guest's memory was not there, which costs a look at all of the part each time. */
#define BLK_ABSENT_NS		(10 * NSEC_PER_MSEC)

static enum sluice_volume_op blk_op(const struct sluice_blk_request *req)
{
	switch (req->r.op) {
	case SLUICE_REQUEST_READ:
		return SLUICE_VOLUME_READ;
	case SLUICE_REQUEST_WRITE:
		return SLUICE_VOLUME_WRITE;
	case SLUICE_REQUEST_FLUSH:
		return SLUICE_VOLUME_FLUSH;
	case SLUICE_REQUEST_DISCARD:
	case SLUICE_REQUEST_ERASE:
		return SLUICE_VOLUME_DISCARD;
	case SLUICE_REQUEST_ZEROES:
		return SLUICE_VOLUME_ZEROES;
	default:
		return SLUICE_VOLUME_OTHER;
	}
}

static void blk_start_timer(struct sluice_blk_queue *bq, u64 ns)
{
	/* One that ends earlier finds the rest still waiting, and starts it again. */
	if (!hrtimer_is_queued(&bq->timer) ||
	    ktime_to_ns(hrtimer_get_remaining(&bq->timer)) > (s64)ns)
		hrtimer_start(&bq->timer, ns_to_ktime(ns), HRTIMER_MODE_REL);
}

enum hrtimer_restart sluice_blk_timer(struct hrtimer *timer)
{
	sluice_queue_wake(container_of(timer, struct sluice_blk_queue, timer)->q);
	return HRTIMER_NORESTART;
}

/* Has this visit done enough, so that the rest is left to the next? */
static bool blk_leaves(struct sluice_blk_queue *bq)
{
	if (likely(bq->worked < BLK_VISIT_BYTES && bq->cipher_ns < BLK_CIPHER_NS))
		return false;
	bq->left = true;
	return true;
}

/* --- to the driver --------------------------------------------------------------------------- */

void sluice_blk_free(struct sluice_blk_request *req)
{
	struct sluice_blk_queue *bq = req->bq;

	if (req->own.first)
		sluice_pieces_drop(&req->own, false, &bq->pages);
	if (req->guest.first)
		sluice_pieces_drop(&req->guest, sluice_blk_holds(bq), NULL);
	if (req->status_at && sluice_blk_holds(bq))
		put_page(virt_to_page(req->status_at));
	req->status_at = NULL;
	if (unlikely(req->part.seg))
		sluice_part_end(req);
	req->next = bq->free;
	bq->free = req;
}

/* The driver's, whatever became of the ring: the last that is done about a request. */
static void blk_complete(struct sluice_blk_request *req, u8 status)
{
	struct sluice_blk_queue *bq = req->bq;
	struct sluice_queue *q = bq->q;
	u32 written = 1;

	if (req->r.op == SLUICE_REQUEST_READ || req->r.op == SLUICE_REQUEST_ID)
		written += req->r.len;
	/* What was written beside the status is the driver's to know only if it is all there. */
	if (status != VIRTIO_BLK_S_OK)
		written = 1;
	if (likely(!q->broken)) {
		WRITE_ONCE(*req->status_at, status);
		sluice_vring_push(q->vr, &req->chain, written);
	}
	sluice_volume_count(bq->v, blk_op(req), req->r.len, status != VIRTIO_BLK_S_OK);
	sluice_blk_free(req);
	WRITE_ONCE(q->in_flight, q->in_flight - 1);
}

/* Nothing more is done about it, and nobody is told. */
static void blk_forget(struct sluice_blk_request *req)
{
	struct sluice_queue *q = req->bq->q;

	sluice_blk_free(req);
	WRITE_ONCE(q->in_flight, q->in_flight - 1);
}

static u8 blk_status(blk_status_t error)
{
	switch (error) {
	case BLK_STS_OK:
		return VIRTIO_BLK_S_OK;
	case BLK_STS_NOTSUPP:
		return VIRTIO_BLK_S_UNSUPP;
	default:
		return VIRTIO_BLK_S_IOERR;
	}
}

/* --- to the device --------------------------------------------------------------------------- */

/* Where the bios of READ and WRITE begin on the device. */
static void blk_place(struct sluice_blk_request *req)
{
	u64 sector = req->bq->v->start + sluice_part_sector(req);
	struct sluice_bio *b;

	for (b = sluice_blk_data(req)->first; b; b = b->next) {
		b->start.bi_sector = sector;
		sector += b->start.bi_size >> SECTOR_SHIFT;
	}
}

static blk_opf_t blk_opf(const struct sluice_blk_request *req)
{
	/* As direct I/O: the throttle of writeback, which makes a writer sleep, leaves it alone. */
	const blk_opf_t write = REQ_OP_WRITE | REQ_SYNC | REQ_IDLE;

	if (req->r.op == SLUICE_REQUEST_READ)
		return REQ_OP_READ;
	return write | (READ_ONCE(req->bq->v->writeback) ? 0 : REQ_FUA);
}

/* --- cipher ---------------------------------------------------------------------------------- */

/*
 * Is there a way for the data as it lies, with no memory of ours in between? A device that sums up
 * what it is written must not find it changed by the guest; what lies below a mapped device may
 * change, so it is asked each time.
 */
static bool blk_goes_as_it_is(const struct sluice_blk_request *req)
{
	if (req->bq->bv->crypt.tfm || req->guest.align & req->bq->bv->align)
		return false;
	return req->r.op == SLUICE_REQUEST_READ || !bdev_stable_writes(req->bq->v->bdev);
}

/* Memory of our own for what cannot go as it is; for a write, with the data in it. */
static int blk_prepare_data(struct sluice_blk_request *req)
{
	struct sluice_blk_queue *bq = req->bq;
	int err;

	if (blk_goes_as_it_is(req))
		return 0;
	/* None overtakes one that needs more. */
	if (unlikely(!list_empty(&bq->dry)))
		return -EBUSY;
	err = sluice_pieces_add_pages(&req->own, &bq->bv->bs, bq->v->bdev, blk_opf(req),
				      &bq->pages, req->part.len);
	if (err)
		return err;
	sluice_pieces_done(&req->own, false);
	return req->r.op == SLUICE_REQUEST_WRITE ? sluice_transform(req) : 0;
}

/* Are its blocks on their way from one key to the other, or has the volume no key? */
static bool blk_stopped(const struct sluice_blk_request *req)
{
	const struct sluice_rekey_view *view = req->bq->view;

	return view->next && (view->wiped || sluice_view_locks(req));
}

/* Who resets waits for no other device; for who detaches see sluice_view_gives_up(). */
static void blk_stop(struct sluice_blk_request *req)
{
	if (req->bq->q->dropping)
		blk_forget(req);
	else if (sluice_view_gives_up(req->bq))
		blk_complete(req, VIRTIO_BLK_S_IOERR);
	else
		list_add_tail(&req->node, &req->bq->rekeyed);
}

/*
 * All that the device needs of it. Of a first part the memory was found when it was fetched.
 *
 * Return: 0; -ENOMEM, -EBUSY, -EAGAIN: not now; or why it cannot be.
 */
static int blk_prepare(struct sluice_blk_request *req)
{
	struct sluice_blk_queue *bq = req->bq;
	int err = 0;

	if (!sluice_blk_has_data(req))
		return sluice_command_add(req);
	if (unlikely(!req->guest.first)) {
		bq->worked += req->part.len;
		err = sluice_map_data(req, blk_opf(req));
		if (err)
			sluice_pieces_drop(&req->guest, sluice_blk_holds(bq), NULL);
	}
	return err ?: blk_prepare_data(req);
}

/* It is not looked at again before that, however often the queue is. */
static void blk_starve(struct sluice_blk_request *req, u64 ns)
{
	struct sluice_blk_queue *bq = req->bq;

	if (list_empty(&bq->starved))
		bq->starved_until = local_clock() + ns;
	list_add_tail(&req->node, &bq->starved);
	blk_start_timer(bq, ns);
}

/*
 * Memory is short, or the queue has enough of it: then there is some when one of those is done that
 * have it, and nobody needs to look before.
 */
static void blk_rest(struct sluice_blk_request *req, int err)
{
	struct sluice_blk_queue *bq = req->bq;
	bool has_data = sluice_blk_has_data(req);

	sluice_pieces_drop(&req->own, false, has_data ? &bq->pages : NULL);
	if (has_data && err != -EAGAIN) {
		list_add_tail(&req->node, &bq->dry);
		if (err != -EBUSY)
			blk_start_timer(bq, BLK_STARVED_NS);
	} else {
		blk_starve(req, err == -EAGAIN ? BLK_ABSENT_NS : BLK_STARVED_NS);
	}
}

/* Prepare it for the device. What there is no room for rests a while. */
static void blk_submit(struct sluice_blk_request *req)
{
	struct sluice_blk_queue *bq = req->bq;
	int err = 0;

	if (unlikely(READ_ONCE(bq->v->dead))) {
		blk_complete(req, VIRTIO_BLK_S_IOERR);
		return;
	}
	if (unlikely(blk_stopped(req))) {
		blk_stop(req);
		return;
	}
	/* What was sent before goes as it is. */
	if (likely(!req->own.first))
		err = blk_prepare(req);
	/* Memory that the guest's next part is to have: who detaches waits for no VMM. */
	if (unlikely(err == -ENOMEM || err == -EBUSY || (err == -EAGAIN && !bq->q->draining))) {
		blk_rest(req, err);
		return;
	}
	if (unlikely(err)) {
		blk_complete(req, VIRTIO_BLK_S_IOERR);
		return;
	}
	if (sluice_blk_has_data(req))
		blk_place(req);
	req->next = NULL;
	*bq->ready_end = req;
	bq->ready_end = &req->next;
	bq->nr_ready++;
}

/* --- limits ---------------------------------------------------------------------------------- */

/* What is behind it stays in the ring, too. */
static bool blk_owes(struct sluice_blk_request *req, u64 now)
{
	u64 wait = sluice_charge_debt(req, now);

	if (unlikely(wait))
		blk_start_timer(req->bq, wait);
	return wait;
}

static void blk_admit(struct sluice_blk_request *req, u64 now)
{
	struct sluice_blk_queue *bq = req->bq;
	struct list_head *limited = &bq->limited[sluice_charge_op(req)];
	u64 wait = 0;

	if (unlikely(!list_empty(limited)))
		wait = 1;
	else if (unlikely(sluice_charge_applies(req)))
		wait = sluice_charge_turn(req, now);
	if (likely(!wait)) {
		blk_submit(req);
		return;
	}
	sluice_volume_count_throttled(bq->v, sluice_charge_op(req));
	if (list_empty(limited))
		blk_start_timer(bq, wait);
	list_add_tail(&req->node, limited);
}

static bool blk_waits(const struct sluice_blk_queue *bq)
{
	return !list_empty(&bq->starved) || !list_empty(&bq->dry) || !list_empty(&bq->rekeyed) ||
	       !list_empty(&bq->limited[SLUICE_VOLUME_READ]) ||
	       !list_empty(&bq->limited[SLUICE_VOLUME_WRITE]);
}

/* Those that wait for pages, until one has to wait for more. Return: how many. */
static int blk_resume_dry(struct sluice_blk_queue *bq)
{
	struct sluice_blk_request *req;
	LIST_HEAD(waiting);
	int n = 0;

	bq->clock = local_clock();
	list_splice_init(&bq->dry, &waiting);
	while ((req = list_first_entry_or_null(&waiting, struct sluice_blk_request, node)) &&
	       !blk_leaves(bq)) {
		list_del(&req->node);
		blk_submit(req);
		if (!list_empty(&bq->dry))
			break;
		n++;
	}
	list_splice_tail(&waiting, &bq->dry);
	return n;
}

/* Their driver has no claim on them any more, and nothing was begun of them. */
static int blk_drop(struct sluice_blk_queue *bq, struct list_head *limited)
{
	struct sluice_blk_request *req;
	int n = 0;

	while ((req = list_first_entry_or_null(limited, struct sluice_blk_request, node))) {
		sluice_charge_forget(req);
		list_del(&req->node);
		blk_forget(req);
		n++;
	}
	return n;
}

/* Those of one limit. */
static int blk_resume_limited(struct sluice_blk_queue *bq, struct list_head *limited, u64 now)
{
	struct sluice_blk_request *req;
	int n = 0;
	u64 wait;

	if (bq->q->dropping)
		return blk_drop(bq, limited);
	while ((req = list_first_entry_or_null(limited, struct sluice_blk_request, node)) &&
	       !blk_leaves(bq)) {
		wait = sluice_charge_turn(req, now);
		if (wait) {
			blk_start_timer(bq, wait);
			break;
		}
		list_del(&req->node);
		blk_submit(req);
		n++;
	}
	return n;
}

/* Those that waited, as far as they may go now. Return: how many. */
static int blk_resume(struct sluice_blk_queue *bq)
{
	struct sluice_blk_request *req;
	LIST_HEAD(waiting);
	unsigned int i;
	int n = 0;
	u64 now;

	if (likely(!blk_waits(bq)))
		return 0;
	n = blk_resume_dry(bq);
	now = bq->clock;

	/* They may come to rest again. */
	if (now >= bq->starved_until || bq->q->draining)
		list_splice_init(&bq->starved, &waiting);
	else if (!list_empty(&bq->starved))
		blk_start_timer(bq, bq->starved_until - now);
	list_splice_tail_init(&bq->rekeyed, &waiting);
	while ((req = list_first_entry_or_null(&waiting, struct sluice_blk_request, node)) &&
	       !blk_leaves(bq)) {
		list_del(&req->node);
		blk_submit(req);
		/* Who waits for his chunk still is no work done: another view wakes the queue. */
		n += bq->rekeyed.prev != &req->node;
	}
	list_splice(&waiting, &bq->starved);
	for (i = 0; i < SLUICE_VOLUME_LIMITS; i++)
		n += blk_resume_limited(bq, &bq->limited[i], now);
	return n;
}

/* --- from the driver ------------------------------------------------------------------------- */

/* For all that one visit fetches: who makes a volume shorter waits for the next. */
static struct sluice_request_limits blk_limits(const struct sluice_volume *v)
{
	return (struct sluice_request_limits){
		.sectors = READ_ONCE(v->sectors),
		.block = v->block_size >> SECTOR_SHIFT,
		.max_range = SLUICE_VOLUME_MAX_RANGE,
		.read_only = v->read_only,
		.discard = v->features & BIT_ULL(VIRTIO_BLK_F_DISCARD),
		.zeroes = v->features & BIT_ULL(VIRTIO_BLK_F_WRITE_ZEROES),
		.erase = v->features & BIT_ULL(VIRTIO_BLK_F_SECURE_ERASE),
	};
}

/* What the request says. */
static int blk_read(struct sluice_blk_request *req, const struct sluice_request_limits *lim,
		    u8 *status)
{
	const struct sluice_chain *c = &req->chain;
	struct virtio_blk_outhdr hdr;
	int err;

	err = sluice_map_status(req);
	if (!err)
		err = sluice_chain_read(req->bq->q->vr, c, 0, &hdr, sizeof(hdr));
	if (err)
		return err;
	*status = sluice_request_parse(lim, &hdr, c->out_len, c->in_len, &req->r);
	if (*status != VIRTIO_BLK_S_OK)
		return 0;
	if (unlikely(sluice_charge_applies(req)) && blk_owes(req, req->fetched))
		return -EAGAIN;
	if (unlikely(sluice_request_has_ranges(&req->r)))
		return sluice_command_read_ranges(req, lim, status);
	return 0;
}

/* What can be done about it now: its data where the device finds it. */
static int blk_begin_work(struct sluice_blk_request *req)
{
	int err;

	if (req->r.op == SLUICE_REQUEST_ID)
		return sluice_command_write_id(req);
	if (req->r.op == SLUICE_REQUEST_FLUSH)
		return 0;
	err = sluice_part_first(req);
	if (!err && sluice_blk_has_data(req)) {
		req->bq->worked += req->part.len;
		err = sluice_map_data(req, blk_opf(req));
	}
	return err;
}

/* Return: 0: it is under way, or completed; else nothing of it happened. */
static int blk_begin(struct sluice_blk_queue *bq, const struct sluice_chain *c,
		     const struct sluice_request_limits *lim, u64 now)
{
	struct sluice_blk_request *req;
	u8 status = VIRTIO_BLK_S_OK;
	int err;

	/* Without room for a header or a status nothing can be asked, or answered. */
	if (unlikely(c->out_len < sizeof(struct virtio_blk_outhdr) || !c->in_len)) {
		sluice_vring_break(bq->q->vr, SLUICE_VRING_ERR_SIZE);
		return -EIO;
	}
	req = bq->free;
	bq->hand = req;
	bq->free = req->next;
	req->tries = 0;
	req->flush = false;
	req->cipher_ns = 0;
	req->fetched = now;
	req->submitted = 0;
	req->chain = *c;
	err = blk_read(req, lim, &status);
	if (!err && status == VIRTIO_BLK_S_OK)
		err = blk_begin_work(req);
	if (unlikely(err)) {
		sluice_blk_free(req);
		return err;
	}
	WRITE_ONCE(bq->q->in_flight, bq->q->in_flight + 1);
	if (status != VIRTIO_BLK_S_OK || req->r.op == SLUICE_REQUEST_ID)
		blk_complete(req, status);
	else
		blk_admit(req, now);
	return 0;
}

/*
 * As many as the visit has room for if they are like the last one: what is fetched and given back
 * is to be read again.
 */
static unsigned int blk_burst(const struct sluice_blk_queue *bq, unsigned int budget)
{
	u32 room = (BLK_VISIT_BYTES - bq->worked) / max(bq->cost, PAGE_SIZE);

	return min3(budget, (unsigned int)SLUICE_VRING_BURST, room + 1);
}

/* Requests that the driver made available. @moved: this visit looked at others before. */
static int blk_fetch(struct sluice_blk_queue *bq, int budget, bool moved)
{
	struct sluice_vring *vr = bq->q->vr;
	struct sluice_request_limits lim;
	int i, n, err = 0;
	u64 now;

	if (unlikely(blk_leaves(bq)))
		return 0;
	n = sluice_vring_fetch(vr, bq->chain, blk_burst(bq, budget), bq->seg, SLUICE_BLK_SEGS);
	if (n <= 0)
		return n;
	/* What came back before them took its time. */
	if (moved)
		bq->clock = local_clock();
	now = bq->clock;
	lim = blk_limits(bq->v);
	for (i = 0; i < n && !blk_leaves(bq) && bq->free &&
	     bq->nr_long < SLUICE_PART_LONG && list_empty(&bq->dry); i++) {
		bq->cost = bq->worked;
		err = blk_begin(bq, &bq->chain[i], &lim, now);
		bq->cost = bq->worked - bq->cost;
		if (unlikely(err))
			break;
	}
	bq->hand = NULL;
	sluice_vring_unfetch(vr, &bq->chain[i], n - i);
	if (unlikely(err == -ENOMEM)) {
		blk_start_timer(bq, BLK_STARVED_NS);
		err = 0;
	}
	return i ?: err == -EAGAIN || !err ? err : -EIO;
}

/* --- from the device ------------------------------------------------------------------------- */

static void blk_count(const struct sluice_blk_request *req)
{
	s64 device = req->completed - req->submitted;
	const struct sluice_volume_spent spent = {
		.ns[SLUICE_STAGE_QUEUE] = req->submitted - req->fetched,
		.ns[SLUICE_STAGE_CIPHER] = req->cipher_ns,
		/* Clocks of two CPUs may differ a little. */
		.ns[SLUICE_STAGE_DEVICE] = max(device, 0LL),
		.looked = req->looked,
	};

	sluice_volume_count_spent(req->bq->v, &spent);
}

/*
 * Without a cache that the driver knows of, what is completed is durable. The block layer takes FUA
 * with data only: zeroes are followed by a flush.
 */
static bool blk_wants_flush(const struct sluice_blk_request *req)
{
	const struct sluice_volume *v = req->bq->v;

	return req->r.op == SLUICE_REQUEST_ZEROES && !req->flush && !READ_ONCE(v->writeback) &&
	       bdev_write_cache(v->bdev);
}

/*
 * A part is done: is there more to do? Not for a ring that broke, whose memory is not the driver's
 * any more.
 */
static bool blk_goes_on(struct sluice_blk_request *req)
{
	struct sluice_blk_queue *bq = req->bq;
	bool more = !bq->q->broken && req->r.op != SLUICE_REQUEST_FLUSH && !req->flush &&
		    sluice_part_next(req);

	if (likely(!more)) {
		if (likely(!blk_wants_flush(req)))
			return false;
		req->flush = true;
	} else if (unlikely(bq->q->dropping)) {
		blk_forget(req);
		return true;
	}
	sluice_pieces_drop(&req->own, false, sluice_blk_has_data(req) ? &bq->pages : NULL);
	sluice_pieces_drop(&req->guest, sluice_blk_holds(bq), NULL);
	req->tries = 0;
	blk_submit(req);
	return true;
}

/* It was read, and cannot be decrypted: it is read once more when it can. */
static void blk_read_again(struct sluice_blk_request *req)
{
	sluice_pieces_drop(&req->own, false, &req->bq->pages);
	req->tries = 0;
	blk_submit(req);
}

static void blk_returned(struct sluice_blk_request *req)
{
	blk_status_t error = sluice_send_error(req);
	struct sluice_blk_queue *bq = req->bq;
	const struct sluice_blk_volume *bv = bq->bv;
	/* The device may have become one that cannot be asked not to wait. */
	bool not_now = req->nowait && error == BLK_STS_NOTSUPP && sluice_blk_has_data(req);
	bool again = error == BLK_STS_AGAIN || not_now;

	if (req->polled) {
		sluice_poll_del(req, error == BLK_STS_NOTSUPP);
		not_now = false;
	}
	if (unlikely(again && !READ_ONCE(bq->v->dead) && !bq->q->broken)) {
		/*
		 * The device was busy, or cannot be polled any more. The bios that it did not do go
		 * again, as they are. But who had it do a part of one each time would do more than
		 * he is charged for.
		 */
		if (not_now || !sluice_blk_has_data(req) ||
		    (bv->splits && req->part.len > PAGE_SIZE))
			req->tries = SLUICE_SEND_TRIES;
		else
			req->tries = min(req->tries + 1, SLUICE_SEND_TRIES);
		blk_starve(req, BLK_STARVED_NS);
		return;
	}
	if (!error && req->r.op == SLUICE_REQUEST_READ && req->own.first && !bq->q->broken) {
		if (unlikely(bq->view->wiped)) {
			blk_read_again(req);
			return;
		}
		if (sluice_transform(req))
			error = BLK_STS_IOERR;
	}
	if (!error && blk_goes_on(req))
		return;
	if (unlikely(error == BLK_STS_PROTECTION))
		sluice_volume_count_integrity(bq->v);
	blk_count(req);
	blk_complete(req, blk_status(error));
}

/* @bq->clock is what they came back at, or later. Return: how many did, and were looked at. */
static int blk_reap(struct sluice_blk_queue *bq)
{
	int n = 0;

	if (likely(!bq->reaped) && !llist_empty(&bq->done))
		bq->reaped = llist_reverse_order(llist_del_all(&bq->done));
	if (!bq->reaped)
		return 0;
	for (; bq->reaped && !blk_leaves(bq); n++) {
		bq->hand = llist_entry(bq->reaped, struct sluice_blk_request, done);
		if (unlikely(bq->locked) && bq->hand->active)
			sluice_view_release(bq->hand);
		bq->hand->active = false;
		if (!bq->hand->completed)
			bq->hand->completed = bq->clock;
		bq->reaped = bq->reaped->next;
		blk_returned(bq->hand);
	}
	bq->hand = NULL;
	return n;
}

/* The same in the midst of a visit, which may have taken its time. */
static int blk_reap_now(struct sluice_blk_queue *bq)
{
	if (!bq->reaped && llist_empty(&bq->done))
		return 0;
	bq->clock = local_clock();
	return blk_reap(bq);
}

/* --- a visit --------------------------------------------------------------------------------- */

/*
 * The ring is away, for as long as the guest likes. What the device is done with keeps nobody
 * awake; it comes back with the ring.
 */
static void blk_look_only(struct sluice_blk_queue *bq)
{
	if (!list_empty(&bq->polled))
		sluice_poll_look(bq);
	sluice_view_settle(bq);
	bq->q->polled = sluice_poll_awaits(bq);
}

int sluice_blk_serve(struct sluice_worker *w, struct sluice_queue *q, int budget)
{
	struct sluice_blk_queue *bq = q->engine;
	const struct sluice_rekey_view *view;
	int n, fetched = 0, err = 0;

	sluice_assert_worker(w);
	/* Pairs with sluice_view_set(). */
	view = smp_load_acquire(&bq->bv->view);
	if (unlikely(view != bq->view))
		sluice_blk_adopt_view(bq, view);
	if (budget < 0) {
		blk_look_only(bq);
		return 0;
	}
	WRITE_ONCE(bq->serving, current);
	bq->clock = w->visit_at;
	bq->worked = 0;
	bq->left = false;
	bq->cipher_ns = 0;
	bq->poll = sluice_poll_wanted(bq, w);
	if (!list_empty(&bq->polled))
		sluice_poll_look(bq);
	n = blk_reap(bq) + blk_resume(bq);
	if (!q->draining && !q->broken && budget)
		fetched = blk_fetch(bq, budget, n);
	sluice_send_all(bq);
	/* A device in memory is done already. */
	WRITE_ONCE(bq->serving, NULL);
	n += blk_reap_now(bq);
	/* What is followed by a flush, or waited for what has been given back. */
	if (unlikely(!list_empty(&bq->dry)))
		n += blk_resume_dry(bq);
	sluice_send_all(bq);
	/* Others first, but then the rest, also where nobody asks for more: see queue_reap(). */
	if (unlikely(bq->left))
		sluice_queue_wake(q);
	q->polled = !list_empty(&bq->polled);
	if (!q->broken) {
		err = sluice_vring_flush(q->vr);
		if (!err)
			sluice_queue_notify(q, 0);
	}
	if (fetched < 0)
		return fetched;
	return err < 0 ? err : n + fetched;
}
