// SPDX-License-Identifier: GPL-2.0-only
/*
 * Handing requests to the device, and their coming back. On the queue's worker, but for
 * send_end_bio(), which the device calls, and for sluice_send() of what may sleep, which the helper
 * calls.
 */
#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/sched/clock.h>
#include "blk.h"
#include "helper.h"
#include "send.h"

/* So many of the tags of a device are looked for at once, in one word of their bitmap. */
#define SEND_TAGS		8U
/* How long a device is not trusted that put the worker to sleep though asked not to. */
#define SEND_SLEPT_NS		(10 * NSEC_PER_SEC)

/*
 * Is it the visit itself that completes a request, by handing it to a device in memory, or by
 * looking? It will find it. (An interrupt may come in the middle of one.)
 */
static bool send_is_serving(const struct sluice_blk_queue *bq)
{
	return READ_ONCE(bq->serving) == current && in_task();
}

/* A bio came back, or all were handed over. Context: any. */
static void send_put(struct sluice_blk_request *req, bool polled)
{
	struct sluice_blk_queue *bq = req->bq;

	if (!atomic_dec_and_test(&req->pending))
		return;
	/* A visit looks at the clock once for all that it finds. */
	if (send_is_serving(bq)) {
		req->looked = polled;
		llist_add(&req->done, &bq->done);
		return;
	}
	req->completed = local_clock();
	/* Once it is in the list the worker may complete it, and then the queue may go. */
	rcu_read_lock();
	llist_add(&req->done, &bq->done);
	sluice_queue_wake(bq->q);
	rcu_read_unlock();
}

/* Context: any that the device chooses, also the worker, within submit_bio(). */
static void send_end_bio(struct bio *bio)
{
	struct sluice_bio *b = container_of(bio, struct sluice_bio, bio);
	struct sluice_blk_request *req = b->req;

	/* Which of several errors it is sluice_send_error() finds out. */
	if (unlikely(bio->bi_status))
		WRITE_ONCE(req->error, bio->bi_status);
	else
		b->done = true;
	send_put(req, bio->bi_opf & REQ_POLLED);
}

blk_status_t sluice_send_error(struct sluice_blk_request *req)
{
	blk_status_t error = READ_ONCE(req->error), status;
	const struct sluice_bio *b;

	if (likely(!error))
		return BLK_STS_OK;
	for (b = sluice_blk_data(req)->first; b; b = b->next) {
		status = b->bio.bi_status;
		if (status && status != BLK_STS_AGAIN && status != BLK_STS_NOTSUPP)
			return status;
	}
	return error;
}

/*
 * The device has had it: forget what it, and the block layer, noted in it; not the data. That may
 * be another device, to which one that is made of several had sent it on (md).
 */
static void send_renew(struct sluice_bio *b)
{
	struct sluice_blk_request *req = b->req;
	unsigned short vcnt = b->bio.bi_vcnt;

	bio_reset(&b->bio, req->bq->v->bdev, b->opf);
	b->bio.bi_vcnt = vcnt;
	b->bio.bi_cookie = BLK_QC_T_NONE;
}

/* Not a flush, nor a write that the block layer makes of a write and a flush. */
static bool send_may_poll(struct sluice_blk_request *req)
{
	struct block_device *bdev = req->bq->v->bdev;

	if (!req->bq->poll || !sluice_blk_has_data(req))
		return false;
	return !(sluice_blk_data(req)->first->opf & REQ_FUA) || !bdev_write_cache(bdev) ||
	       bdev_fua(bdev);
}

/*
 * Does the block layer take it in one piece, as far as can be told? What it would have to split, it
 * refuses to take without waiting, each time.
 */
static bool send_fits(struct sluice_blk_request *req)
{
	const struct request_queue *q = bdev_get_queue(req->bq->v->bdev);
	const struct sluice_bio *b;

	for (b = sluice_blk_data(req)->first; b; b = b->next) {
		if (b->start.bi_size >> SECTOR_SHIFT > queue_max_sectors(q) ||
		    b->bio.bi_vcnt > queue_max_segments(q))
			return false;
	}
	return true;
}

/*
 * There are drivers that sleep whatever they were asked: most of them say so (BLK_MQ_F_BLOCKING),
 * but do it seldom, if ever, and of one below a mapped device it is not to be seen. So who handed
 * something over looks whether he slept. From then on the helper does it: for a while, or, where
 * the driver has said so, for good.
 */
static void send_slept(struct sluice_blk_queue *bq)
{
	struct request_queue *q = bdev_get_queue(bq->v->bdev);

	if (queue_is_mq(q) && q->tag_set->flags & BLK_MQ_F_BLOCKING)
		bq->slept_until = U64_MAX;
	else
		bq->slept_until = local_clock() + SEND_SLEPT_NS;
}

static bool send_sleeps(struct sluice_blk_queue *bq)
{
	if (likely(!bq->slept_until))
		return false;
	if (local_clock() < bq->slept_until)
		return true;
	bq->slept_until = 0;
	return false;
}

/*
 * Can the device be asked not to wait? Asked each time: what lies below a mapped device may change.
 * One that is not the block layer's own hands flushes and the like on without that word.
 */
static bool send_may_go_now(struct sluice_blk_request *req)
{
	struct block_device *bdev = req->bq->v->bdev;

	if (req->tries >= SLUICE_SEND_TRIES || !bdev_nowait(bdev) || unlikely(send_sleeps(req->bq)))
		return false;
	return sluice_blk_has_data(req) ? send_fits(req) : queue_is_mq(bdev_get_queue(bdev));
}

static void send_bios(struct sluice_blk_request *req)
{
	struct sluice_bio *b;

	/* Whatever is done before submit_bio() returns, they are there until the last is sent. */
	for (b = sluice_blk_data(req)->first; b; b = b->next) {
		if (unlikely(b->done))
			continue;
		WRITE_ONCE(req->at, b);
		submit_bio(&b->bio);
	}
}

void sluice_send(struct sluice_blk_request *req)
{
	send_bios(req);
	send_put(req, false);
}

/* On the worker: if the thread dies in the driver it is known in what, see abandon.c. */
static void send_now(struct sluice_blk_request *req)
{
	send_bios(req);
	WRITE_ONCE(req->bq->sending, NULL);
	send_put(req, false);
}

/* Return: how many bios are to be handed over, with @opf: those that the device has not done. */
static unsigned int send_prepare(struct sluice_blk_request *req, blk_opf_t opf)
{
	struct sluice_bio *b;
	unsigned int n = 0;

	for (b = sluice_blk_data(req)->first; b; b = b->next) {
		b->req = req;
		if (unlikely(b->done)) {
			/* Nobody looks for it. */
			b->bio.bi_opf = b->opf;
			b->bio.bi_cookie = BLK_QC_T_NONE;
			continue;
		}
		if (unlikely(req->tries))
			send_renew(b);
		b->bio.bi_end_io = send_end_bio;
		b->bio.bi_iter = b->start;
		b->bio.bi_status = BLK_STS_OK;
		b->bio.bi_opf = b->opf | opf;
		n++;
	}
	return n;
}

static void send_one(struct sluice_blk_request *req)
{
	bool nowait = send_may_go_now(req);
	bool poll = nowait && send_may_poll(req);
	blk_opf_t opf = (nowait ? REQ_NOWAIT : 0) | (poll ? SLUICE_POLL_OPF : 0) |
			(req->alone ? REQ_NOMERGE : 0);

	req->error = BLK_STS_OK;
	req->looked = false;
	req->completed = 0;
	req->nowait = nowait;
	req->at = NULL;
	/* And who hands them over. */
	atomic_set(&req->pending, send_prepare(req, opf) + 1);
	if (likely(nowait))
		WRITE_ONCE(req->bq->sending, req);
	WRITE_ONCE(req->active, true);
	if (likely(nowait))
		send_now(req);
	else
		sluice_helper_send(req);
	if (poll)
		sluice_poll_add(req);
}

/* Does @b begin where @a ends? */
static bool send_follows(struct sluice_blk_request *a, struct sluice_blk_request *b)
{
	const struct bvec_iter *end = &sluice_blk_data(a)->last->start;

	return end->bi_sector + (end->bi_size >> SECTOR_SHIFT) ==
	       sluice_blk_data(b)->first->start.bi_sector;
}

/*
 * Are all that are ready alike? And which of them lie beside none that is sent before or after it:
 * the block layer, which compares each with the one before, need not look. (A scheduler would
 * compare it with others' as well, also one below a mapped device.)
 */
static void send_look_ahead(struct sluice_blk_queue *bq)
{
	struct request_queue *q = bdev_get_queue(bq->v->bdev);
	bool compared = !queue_is_mq(q) || READ_ONCE(q->elevator);
	blk_opf_t opf = sluice_blk_data(bq->ready)->first->opf;
	struct sluice_blk_request *req, *before = NULL;

	bq->alike = true;
	for (req = bq->ready; req; req = req->next) {
		const struct sluice_bio *b = sluice_blk_data(req)->first;

		bq->alike = bq->alike && b->opf == opf;
		req->alone = !compared && !b->next;
		if (before && (send_follows(before, req) || send_follows(req, before))) {
			before->alone = false;
			req->alone = false;
		}
		before = req;
	}
}

/*
 * Have the block layer look for tags for the next of them, of @left, at once: what
 * blk_start_plug_nr_ios() does, which is not exported. Those that are set aside for one are of no
 * use to what differs from it, and would be missing there.
 */
static void send_foresee(struct sluice_blk_queue *bq, unsigned int left)
{
	if (bq->plugged && bq->alike && !rq_list_peek(&bq->plug.cached_rqs))
		bq->plug.nr_ios = min(left, SEND_TAGS);
}

/*
 * What lies side by side becomes one command of the device's; one alone goes straight. No request
 * is looked at meanwhile, so that a thread seldom dies in between: see abandon_plugged().
 */
static void send_plug(struct sluice_blk_queue *bq)
{
	bq->ready->alone = false;
	if (bq->nr_ready == 1)
		return;
	blk_start_plug(&bq->plug);
	send_look_ahead(bq);
	WRITE_ONCE(bq->plugged, true);
}

static void send_unplug(struct sluice_blk_queue *bq)
{
	if (!bq->plugged)
		return;
	blk_finish_plug(&bq->plug);
	WRITE_ONCE(bq->plugged, false);
}

/* Those that are prepared. */
void sluice_send_all(struct sluice_blk_queue *bq)
{
	unsigned long sleeps = current->nvcsw;
	struct sluice_blk_request *req, *next = bq->ready;
	unsigned int left = bq->nr_ready;

	if (!next)
		return;
	send_plug(bq);
	sluice_blk_ready_init(bq);
	while ((req = next)) {
		next = req->next;
		/* The device's time begins with the first that it is asked, however often. */
		if (likely(!req->submitted))
			req->submitted = bq->clock;
		send_foresee(bq, left--);
		send_one(req);
	}
	send_unplug(bq);
	if (unlikely(current->nvcsw != sleeps))
		send_slept(bq);
}

