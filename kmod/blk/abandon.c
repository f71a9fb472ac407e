// SPDX-License-Identifier: GPL-2.0-only
/*
 * A queue whose worker died in a visit. What is in its lists may be torn; each request tells by
 * itself where it is. Those that the device has end as ever, and are waited for as ever. All others
 * end here: their ring is broken, so nobody is told.
 *
 * Of the one request that the thread had in hand nobody knows how far it was: pages of the guest
 * that it may, or may not, hold stay held. A bio that the thread was handing over when it died may
 * be with the device, or not. If it does not come back the queue is lost: see queue_drain(). Those
 * that it had handed to the block layer, which kept them back for those to come, are failed.
 */
#include <linux/blk-mq.h>
#include "abandon.h"
#include "blk.h"

/* What lies above the block layer's own queues (md) sees to its part itself, elsewhere. */
static void abandon_plug_callbacks(struct blk_plug *plug)
{
	struct blk_plug_cb *cb;

	while ((cb = list_first_entry_or_null(&plug->cb_list, struct blk_plug_cb, list))) {
		list_del(&cb->list);
		cb->callback(cb, true);
	}
}

/*
 * What the block layer kept back would be sent by the thread alone: by blk_finish_plug(), or by
 * schedule(), in which a thread that dies may have been. What is not in the list any more the
 * driver has, or may have.
 */
static void abandon_plugged(struct sluice_blk_queue *bq)
{
	struct request *rq;

	if (!bq->plugged)
		return;
	bq->plugged = false;
	abandon_plug_callbacks(&bq->plug);
	while ((rq = rq_list_pop(&bq->plug.mq_list)))
		blk_mq_end_request(rq, BLK_STS_IOERR);
	while ((rq = rq_list_pop(&bq->plug.cached_rqs)))
		blk_mq_free_request(rq);
}

/* Those of its bios that were not sent never come back; nor will the thread that sent them. */
static void abandon_sending(struct sluice_blk_queue *bq)
{
	struct sluice_blk_request *req = bq->sending;
	struct sluice_bio *b;
	int missing = 1;

	bq->sending = NULL;
	if (!req || !req->active)
		return;
	for (b = req->at ? req->at->next : sluice_blk_data(req)->first; b; b = b->next)
		missing += !b->done;
	req->error = BLK_STS_IOERR;
	if (atomic_sub_and_test(missing, &req->pending))
		llist_add(&req->done, &bq->done);
}

/* What was taken out as done, and not looked at. */
static void abandon_reaped(struct sluice_blk_queue *bq)
{
	struct sluice_blk_request *req, *next;

	llist_for_each_entry_safe(req, next, bq->reaped, done) {
		if (req->active)
			llist_add(&req->done, &bq->done);
	}
	bq->reaped = NULL;
}

static void abandon_lists(struct sluice_blk_queue *bq)
{
	unsigned int i;

	bq->free = NULL;
	sluice_blk_ready_init(bq);
	INIT_LIST_HEAD(&bq->starved);
	INIT_LIST_HEAD(&bq->dry);
	INIT_LIST_HEAD(&bq->rekeyed);
	INIT_LIST_HEAD(&bq->polled);
	for (i = 0; i < SLUICE_VOLUME_LIMITS; i++)
		INIT_LIST_HEAD(&bq->limited[i]);
	memset(bq->turn, 0, sizeof(bq->turn));
}

/* In hand: what it holds of the guest's memory is not known. */
static void abandon_held(struct sluice_blk_request *req)
{
	sluice_leak(req->guest.bytes);
	sluice_pieces_drop(&req->guest, false, NULL);
	req->status_at = NULL;
}

/* Return: is it with the device, or yet to be taken from what that is done with? */
static bool abandon_request(struct sluice_blk_queue *bq, struct sluice_blk_request *req)
{
	if (req->active) {
		if (req->polled)
			list_add_tail(&req->node, &bq->polled);
		return true;
	}
	if (req == bq->hand && req->guest.first)
		abandon_held(req);
	sluice_blk_free(req);
	return false;
}

void sluice_blk_abandon(struct sluice_queue *q)
{
	struct sluice_blk_queue *bq = q->engine;
	unsigned int i, active = 0;

	/* Another thread may be given the address of the one that died. */
	WRITE_ONCE(bq->serving, NULL);
	abandon_sending(bq);
	abandon_plugged(bq);
	abandon_reaped(bq);
	abandon_lists(bq);
	for (i = 0; i < bq->num; i++)
		active += abandon_request(bq, &bq->request[i]);
	bq->hand = NULL;
	q->polled = !list_empty(&bq->polled);
	WRITE_ONCE(q->in_flight, active);
	sluice_blk_adopt_view(bq, bq->view);
}
