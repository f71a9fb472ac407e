// SPDX-License-Identifier: GPL-2.0-only
/* Which view a volume's queues go by. */
#include <linux/delay.h>
#include <linux/sched/clock.h>
#include <linux/wait.h>
#include "blk.h"
#include "send.h"
#include "transform.h"
#include "view.h"

/* How long a queue that leaves waits for what is being re-encrypted: its device may be stuck. */
#define VIEW_LEAVE_NS	(1500 * NSEC_PER_MSEC)
/* Time for ciphers in one visit of a queue whose ring is away. */
#define VIEW_SETTLE_NS	(500 * NSEC_PER_USEC)

/* --- the worker ------------------------------------------------------------------------------ */

bool sluice_view_locks(const struct sluice_blk_request *req)
{
	const struct sluice_rekey_view *view = req->bq->view;

	return view->next && sluice_blk_has_data(req) &&
	       sluice_rekey_locked(view, sluice_part_sector(req), req->part.len >> SECTOR_SHIFT);
}

/*
 * A request that is not with the device keeps nothing of blocks whose key may be another when it is
 * sent again: neither what it encrypted, nor the ciphertext that it has read. The first view that
 * locks them may be new, or old: it may have come back from the device under that.
 */
static void view_drop_locked(struct sluice_blk_queue *bq)
{
	unsigned int i;

	for (i = 0; i < bq->num; i++) {
		struct sluice_blk_request *req = &bq->request[i];

		if (!req->active && req->own.first && sluice_view_locks(req))
			sluice_pieces_drop(&req->own, false, &bq->pages);
	}
}

/*
 * Go by the view that is new, and count who still goes by the old one for what it locks. Context:
 * between two visits' work, so no request is half prepared.
 */
void sluice_blk_adopt_view(struct sluice_blk_queue *bq, const struct sluice_rekey_view *view)
{
	unsigned int i, locked = 0;

	view_drop_locked(bq);
	WRITE_ONCE(bq->locked, UINT_MAX);
	/* Whoever sees the new view sees what is counted here; pairs with sluice_view_pending(). */
	smp_store_release(&bq->view, view);
	view_drop_locked(bq);
	for (i = 0; i < bq->num; i++)
		locked += bq->request[i].active && sluice_view_locks(&bq->request[i]);
	WRITE_ONCE(bq->locked, locked);
}

/* Who detaches waits for no operator, and not long for another device. */
bool sluice_view_gives_up(struct sluice_blk_queue *bq)
{
	const struct sluice_rekey_view *view = bq->view;
	u64 now;

	if (view->failed || !READ_ONCE(bq->q->leaving))
		return view->failed;
	now = local_clock();
	if (!bq->leaving_since)
		bq->leaving_since = now;
	return view->wiped || now - bq->leaving_since > VIEW_LEAVE_NS;
}

void sluice_view_release(const struct sluice_blk_request *req)
{
	struct sluice_blk_queue *bq = req->bq;

	if (sluice_view_locks(req))
		WRITE_ONCE(bq->locked, bq->locked - 1);
}

/*
 * What was read is decrypted now, as its blocks have another key before its driver is told. What
 * the device refused for now is prepared anew: see view_drop_locked(). Whatever else came back
 * stays as it is until it is locked: who took it for seen to would drop what was read.
 */
static void view_settle(struct sluice_blk_request *req)
{
	blk_status_t error;

	if (!sluice_view_locks(req))
		return;
	error = sluice_send_error(req);
	req->active = false;
	if (req->polled)
		sluice_poll_del(req, error == BLK_STS_NOTSUPP);
	sluice_view_release(req);
	if (error || req->r.op != SLUICE_REQUEST_READ || !req->own.first)
		return;
	if (sluice_transform(req))
		req->error = BLK_STS_IOERR;
	sluice_pieces_drop(&req->own, false, &req->bq->pages);
}

/*
 * A guest whose ring is away, which is its own to bring back, would hold up its re-encryption at
 * what it was not told of. A volume without its key waits for nothing that came back.
 */
void sluice_view_settle(struct sluice_blk_queue *bq)
{
	struct llist_node **tail = &bq->reaped;
	struct sluice_blk_request *req;

	if (!bq->locked || bq->view->wiped)
		return;
	bq->cipher_ns = 0;
	bq->clock = local_clock();
	while (*tail)
		tail = &(*tail)->next;
	*tail = llist_reverse_order(llist_del_all(&bq->done));
	llist_for_each_entry(req, bq->reaped, done) {
		/* The rest in the next visit: who waits for it asks for one. */
		if (bq->cipher_ns > VIEW_SETTLE_NS)
			break;
		if (req->active)
			view_settle(req);
	}
}

/* --- who has them go by another -------------------------------------------------------------- */

/* One that broke, and has nothing under way, is not visited any more. */
static bool view_is_visited(const struct sluice_blk_queue *bq)
{
	return !READ_ONCE(bq->q->broken) || READ_ONCE(bq->q->in_flight);
}

bool sluice_view_used(struct sluice_blk_volume *bv, const struct sluice_rekey_view *view)
{
	struct sluice_blk_queue *bq;
	bool used = false;

	mutex_lock(&bv->queues_lock);
	list_for_each_entry(bq, &bv->queues, node) {
		if (READ_ONCE(bq->view) != view || !view_is_visited(bq))
			continue;
		used = true;
		sluice_queue_wake(bq->q);
	}
	mutex_unlock(&bv->queues_lock);
	return used;
}

bool sluice_view_pending(struct sluice_blk_volume *bv, const struct sluice_rekey_view *view,
			 bool locked)
{
	struct sluice_blk_queue *bq;
	bool pending = false;

	mutex_lock(&bv->queues_lock);
	list_for_each_entry(bq, &bv->queues, node) {
		if (!view_is_visited(bq))
			continue;
		/* Pairs with sluice_blk_adopt_view(). */
		if (smp_load_acquire(&bq->view) == view && !(locked && READ_ONCE(bq->locked)))
			continue;
		pending = true;
		sluice_queue_wake(bq->q);
	}
	mutex_unlock(&bv->queues_lock);
	return pending;
}

void sluice_view_wake(struct sluice_blk_volume *bv)
{
	struct sluice_blk_queue *bq;

	mutex_lock(&bv->queues_lock);
	list_for_each_entry(bq, &bv->queues, node)
		sluice_queue_wake(bq->q);
	mutex_unlock(&bv->queues_lock);
}

void sluice_view_set(struct sluice_blk_volume *bv, const struct sluice_rekey_view *view)
{
	mutex_lock(&bv->queues_lock);
	bv->base = view;
	if (!bv->view->wiped)
		/* Its content before itself; pairs with sluice_blk_serve(). */
		smp_store_release(&bv->view, view);
	mutex_unlock(&bv->queues_lock);
}

void sluice_view_wipe(struct sluice_blk_volume *bv, const struct sluice_rekey_view *view)
{
	mutex_lock(&bv->queues_lock);
	/* Its content before itself; pairs with sluice_blk_serve(). */
	smp_store_release(&bv->view, view ?: bv->base);
	mutex_unlock(&bv->queues_lock);
}

/* Woken by who brings the key, and by a queue that goes. */
static void view_await_key(struct sluice_volume *v, struct sluice_blk_volume *bv)
{
	wait_event_idle(v->rekey.wait,
			!READ_ONCE(bv->view)->wiped || list_empty(&bv->queues));
}

void sluice_view_publish(struct sluice_volume *v, const struct sluice_rekey_view *view)
{
	struct sluice_blk_volume *bv = v->engine;

	sluice_view_set(bv, view);
	while (sluice_view_pending(bv, view, true)) {
		if (READ_ONCE(bv->view)->wiped)
			view_await_key(v, bv);
		else
			usleep_range(50, 500);
	}
	/* Those that waited for a chunk may go now. */
	sluice_view_wake(bv);
}
