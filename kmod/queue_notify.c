// SPDX-License-Identifier: GPL-2.0-only
/* What of a queue has its time: when its driver is interrupted, when it is looked at again. */
#include <linux/eventfd.h>
#include <linux/sched/clock.h>
#include "port.h"

/* Interrupt the guest. */
static void queue_signal(struct sluice_queue *q)
{
	q->signals++;
	if (q->cfg.ops && q->cfg.ops->signal)
		q->cfg.ops->signal(q, q->cfg.priv);
	else if (q->cfg.call)
		eventfd_signal(q->cfg.call);
}

void sluice_queue_tell(struct sluice_queue *q)
{
	q->tell_at = 0;
	q->untold = 0;
	if (sluice_vring_want_signal(q->vr))
		queue_signal(q);
}

/*
 * Coalescing: packets that were moved since, or the time since the first of them, whichever is
 * enough first. A driver that gets nothing back before that waits for nothing else, so a ring that
 * was used up is told of at once.
 */
static bool queue_may_wait(struct sluice_queue *q, unsigned int packets)
{
	q->untold += packets;
	if (q->untold >= q->cfg.coalesce.packets || sluice_vring_untold(q->vr))
		return false;
	if (!q->tell_at)
		q->tell_at = local_clock() + (u64)q->cfg.coalesce.usecs * NSEC_PER_USEC;
	return true;
}

void sluice_queue_notify(struct sluice_queue *q, unsigned int packets)
{
	if (likely(!q->cfg.coalesce.usecs) || !queue_may_wait(q, packets))
		sluice_queue_tell(q);
}
SLUICE_EXPORT(sluice_queue_notify);

void sluice_queue_fresh(struct sluice_queue *q)
{
	q->tell_at = 0;
	q->untold = 0;
	q->wait_until = 0;
	memset(&q->turn, 0, sizeof(q->turn));
}

u64 sluice_queue_due(const struct sluice_queue *q)
{
	return min(q->tell_at ?: U64_MAX, q->wait_until ?: U64_MAX);
}

bool sluice_queue_waits(struct sluice_queue *q)
{
	if (local_clock() < q->wait_until)
		return true;
	q->wait_until = 0;
	return false;
}
