// SPDX-License-Identifier: GPL-2.0-only
/* Queues are told how far a re-encryption is. */
#include <linux/delay.h>
#include "blk.h"
#include "rekey_view.h"

/* Is there a queue that goes by another view, or has requests under way for what it locks? */
static bool view_pending(struct sluice_blk_volume *bv, const struct sluice_rekey_view *view)
{
	struct sluice_blk_queue *bq;
	bool pending = false;

	mutex_lock(&bv->queues_lock);
	list_for_each_entry(bq, &bv->queues, node) {
		/* One that broke, and has nothing under way, is not visited any more. */
		if (READ_ONCE(bq->q->broken) && !READ_ONCE(bq->q->in_flight))
			continue;
		/* Pairs with sluice_blk_adopt_view(). */
		if (smp_load_acquire(&bq->view) == view && !READ_ONCE(bq->locked))
			continue;
		pending = true;
		sluice_queue_wake(bq->q);
	}
	mutex_unlock(&bv->queues_lock);
	return pending;
}

static void view_wake_all(struct sluice_blk_volume *bv)
{
	struct sluice_blk_queue *bq;

	mutex_lock(&bv->queues_lock);
	list_for_each_entry(bq, &bv->queues, node)
		sluice_queue_wake(bq->q);
	mutex_unlock(&bv->queues_lock);
}

void sluice_rekey_view_set(struct sluice_blk_volume *bv, const struct sluice_rekey_view *view)
{
	mutex_lock(&bv->queues_lock);
	/* Its content before itself; pairs with sluice_blk_serve(). */
	smp_store_release(&bv->view, view);
	mutex_unlock(&bv->queues_lock);
}

void sluice_rekey_view_publish(struct sluice_blk_volume *bv, const struct sluice_rekey_view *view)
{
	sluice_rekey_view_set(bv, view);
	while (view_pending(bv, view))
		usleep_range(50, 500);
	/* Those that waited for a chunk may go now. */
	view_wake_all(bv);
}
