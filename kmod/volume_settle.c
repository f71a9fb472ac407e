// SPDX-License-Identifier: GPL-2.0-only
/*
 * A volume that became shorter: what was checked against the old end may be with the device still.
 * Until that is done nobody else gets the place that was given up (@reserved). The device takes as
 * long as it likes, so this is waited for in a work of its own.
 */
#include <linux/jiffies.h>
#include <linux/rtnetlink.h>
#include "patience.h"
#include "port.h"
#include "volume.h"

/* When it is tried again, in jiffies, if a worker did not answer. */
#define SETTLE_RETRY	HZ

static int settle_queues(struct sluice_volume *v)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < v->nr_queues; i++)
		err = sluice_queue_settle(&v->queue[i]) ?: err;
	return err;
}

/* What was given up before @turn was looked at is free. True: all of it. */
static bool settle_done(struct sluice_volume *v, unsigned int turn)
{
	bool done;

	mutex_lock(&v->lock);
	done = turn == v->settle_turn;
	if (done)
		WRITE_ONCE(v->reserved, 0);
	mutex_unlock(&v->lock);
	return done;
}

static void settle_queue_work(struct sluice_volume *v, unsigned long delay)
{
	kref_get(&v->ref);
	/* One that was waiting has a reference of its own. */
	if (mod_delayed_work(sluice_volume_wq, &v->settle_work, delay))
		sluice_volume_put(v);
}

static void settle_work(struct work_struct *work)
{
	struct sluice_volume *v = container_of(to_delayed_work(work), struct sluice_volume,
					       settle_work);
	unsigned int turn = READ_ONCE(v->settle_turn);

	if (settle_queues(v))
		settle_queue_work(v, SETTLE_RETRY);
	else if (!settle_done(v, turn))
		settle_queue_work(v, 0);
	wake_up(&v->settled);
	sluice_volume_put(v);
}

void sluice_volume_settle_init(struct sluice_volume *v)
{
	INIT_DELAYED_WORK(&v->settle_work, settle_work);
	init_waitqueue_head(&v->settled);
}

void sluice_volume_settle(struct sluice_volume *v, u64 was)
{
	u64 since = get_jiffies_64();

	ASSERT_RTNL();
	mutex_lock(&v->lock);
	WRITE_ONCE(v->reserved, max(v->reserved, was));
	WRITE_ONCE(v->settle_turn, v->settle_turn + 1);
	mutex_unlock(&v->lock);
	settle_queue_work(v, 0);
	/* Where the device answers the place is free when the command returns. */
	if (!wait_event_timeout(v->settled, !READ_ONCE(v->reserved),
				sluice_patience_devices(SLUICE_VOLUME_PATIENCE)))
		sluice_patience_spent();
	sluice_patience_use(since);
}
