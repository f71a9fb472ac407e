// SPDX-License-Identifier: GPL-2.0-only
/* Objects that were unlinked, on their way out; see struct sluice_reclaim for the argument. */
#include <linux/rtnetlink.h>
#include <linux/workqueue.h>
#include "datapath.h"
#include "net.h"

static LLIST_HEAD(reclaim_list);

static void reclaim_work_fn(struct work_struct *work)
{
	struct llist_node *list = llist_del_all(&reclaim_list);
	struct sluice_reclaim *r, *next;

	if (!list)
		return;
	rtnl_lock();
	sluice_worker_call_all(sluice_datapath_flush_call, NULL);
	rtnl_unlock();
	synchronize_rcu();
	llist_for_each_entry_safe(r, next, list, node)
		r->release(r);
}

static DECLARE_WORK(reclaim_work, reclaim_work_fn);

void sluice_reclaim(struct sluice_reclaim *r)
{
	llist_add(&r->node, &reclaim_list);
	schedule_work(&reclaim_work);
}

/*
 * A pass that runs already may have taken its list before the last addition, which then queued
 * another: flush waits for that too.
 */
void sluice_reclaim_sync(void)
{
	flush_work(&reclaim_work);
}
