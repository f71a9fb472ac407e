// SPDX-License-Identifier: GPL-2.0-only
/* Completions that are looked for: see poll.h. */
#include <linux/blkdev.h>
#include <linux/sched/clock.h>
#include <linux/sched/stat.h>
#include "blk.h"
#include "poll.h"

/* For how long interrupts have their turn. */
#define POLL_REST_NS	(10 * NSEC_PER_MSEC)

bool sluice_poll_wanted(const struct sluice_blk_queue *bq, const struct sluice_worker *w)
{
	/* The device may be given poll queues, or lose them, at any time. */
	if (!(READ_ONCE(bdev_get_queue(bq->v->bdev)->limits.features) & BLK_FEAT_POLL))
		return false;
	if (bq->poll_after && local_clock() < bq->poll_after)
		return false;
	if (READ_ONCE(w->mode) == SLUICE_WORKER_POLL)
		return true;
	return !w->automatic && !need_resched() && single_task_running();
}

void sluice_poll_add(struct sluice_blk_request *req)
{
	struct sluice_bio *b;

	/* The block layer takes the flag away from what it splits: that has an interrupt. */
	for (b = sluice_blk_data(req)->first; b; b = b->next) {
		if (b->bio.bi_opf & REQ_POLLED) {
			req->polled = true;
			list_add_tail(&req->node, &req->bq->polled);
			return;
		}
	}
}

/*
 * A look completes what there is in one queue of the device's, whosever it is, and which queue that
 * is depends on the CPU that submitted. So one look is enough, but for a while after the worker
 * changed. A bio that is completed already, but not taken from bq->done yet, is still this
 * request's: looking by it does no harm.
 */
void sluice_poll_look(struct sluice_blk_queue *bq)
{
	blk_qc_t seen = BLK_QC_T_NONE, cookie;
	struct sluice_blk_request *req;
	struct sluice_bio *b;

	list_for_each_entry(req, &bq->polled, node) {
		for (b = sluice_blk_data(req)->first; b; b = b->next) {
			cookie = READ_ONCE(b->bio.bi_cookie);
			/* Not with the device yet; or looked at just now. */
			if (cookie == BLK_QC_T_NONE || cookie == seen)
				continue;
			seen = cookie;
			bio_poll(&b->bio, NULL, BLK_POLL_ONESHOT);
		}
	}
}

bool sluice_poll_awaits(const struct sluice_blk_queue *bq)
{
	const struct sluice_blk_request *req;

	list_for_each_entry(req, &bq->polled, node) {
		if (atomic_read(&req->pending))
			return true;
	}
	return false;
}

void sluice_poll_del(struct sluice_blk_request *req, bool refused)
{
	struct sluice_blk_queue *bq = req->bq;
	s64 took = req->completed - req->submitted;

	list_del(&req->node);
	req->polled = false;
	bq->poll_after = 0;
	if (refused ||
	    (took > SLUICE_WORKER_SPIN_NS &&
	     READ_ONCE(bq->q->owner->mode) == SLUICE_WORKER_ADAPTIVE))
		bq->poll_after = local_clock() + POLL_REST_NS;
}
