// SPDX-License-Identifier: GPL-2.0-only
/*
 * What may sleep on its way to the device: a worker never does, so a thread of the kernel's takes
 * it there. See helper.h.
 */
#include <linux/workqueue.h>
#include "blk.h"
#include "helper.h"
#include "send.h"

/* Context: process, one for each queue; sleeps for as long as the device likes. */
static void helper_work(struct work_struct *work)
{
	struct sluice_blk_queue *bq = container_of(work, struct sluice_blk_queue, helper);
	struct llist_node *list = llist_reverse_order(llist_del_all(&bq->helped));
	struct sluice_blk_request *req, *next;

	llist_for_each_entry_safe(req, next, list, done)
		sluice_send(req);
}

void sluice_helper_init(struct sluice_blk_queue *bq)
{
	init_llist_head(&bq->helped);
	INIT_WORK(&bq->helper, helper_work);
}

void sluice_helper_exit(struct sluice_blk_queue *bq)
{
	cancel_work_sync(&bq->helper);
}

void sluice_helper_send(struct sluice_blk_request *req)
{
	llist_add(&req->done, &req->bq->helped);
	queue_work(req->bq->bv->helpers, &req->bq->helper);
}

int sluice_helper_start(struct sluice_blk_volume *bv, const struct sluice_volume *v)
{
	/*
	 * Not bound: the workers' cores are taken. Guests may wait for it to free memory, so there
	 * is a thread for that: a volume's own, lest one device keep it from another's.
	 */
	bv->helpers = alloc_workqueue("sluice_blk/%s", WQ_UNBOUND | WQ_MEM_RECLAIM, v->nr_queues,
				      v->name);
	return bv->helpers ? 0 : -ENOMEM;
}

void sluice_helper_stop(struct sluice_blk_volume *bv)
{
	destroy_workqueue(bv->helpers);
}
