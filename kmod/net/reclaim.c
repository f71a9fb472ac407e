// SPDX-License-Identifier: GPL-2.0-only
/* Objects that were unlinked, on their way out; see struct sluice_reclaim for the argument. */
#include <linux/rtnetlink.h>
#include <linux/sched.h>
#include <linux/workqueue.h>
#include "datapath.h"
#include "net.h"

/* When it is tried again, in jiffies, if a worker did not answer. */
#define RECLAIM_RETRY	HZ
/* Likewise, if somebody waits for it. */
#define RECLAIM_SYNC	(HZ / 10)

static LLIST_HEAD(reclaim_list);

static void reclaim_work_fn(struct work_struct *work);
static DECLARE_DELAYED_WORK(reclaim_work, reclaim_work_fn);

/* The burst of a worker that is stuck may refer to them: they wait for it, however long. */
static void reclaim_later(struct llist_node *list)
{
	struct llist_node *last = list;

	while (last->next)
		last = last->next;
	llist_add_batch(list, last, &reclaim_list);
	queue_delayed_work(system_wq, &reclaim_work, RECLAIM_RETRY);
}

static void reclaim_work_fn(struct work_struct *work)
{
	struct llist_node *list = llist_del_all(&reclaim_list);
	struct sluice_reclaim *r, *next;
	int err;

	if (!list)
		return;
	rtnl_lock();
	err = sluice_worker_call_all(sluice_datapath_flush_call, NULL);
	rtnl_unlock();
	if (err) {
		reclaim_later(list);
		return;
	}
	synchronize_rcu();
	llist_for_each_entry_safe(r, next, list, node) {
		r->release(r);
		cond_resched();
	}
}

void sluice_reclaim(struct sluice_reclaim *r)
{
	llist_add(&r->node, &reclaim_list);
	queue_delayed_work(system_wq, &reclaim_work, 0);
}

/*
 * A pass that runs already may have taken its list before the last addition, which then queued
 * another: flush waits for that too. One that a worker did not answer has put its list back.
 */
void sluice_reclaim_sync(void)
{
	flush_delayed_work(&reclaim_work);
	while (!llist_empty(&reclaim_list)) {
		schedule_timeout_uninterruptible(RECLAIM_SYNC);
		flush_delayed_work(&reclaim_work);
	}
}
