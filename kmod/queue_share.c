// SPDX-License-Identifier: GPL-2.0-only
/* What a queue's visits take of its worker: share.h has the rules. */
#include <linux/math64.h>
#include "port.h"
#include "share.h"
#include "volume.h"

/* What it takes its time from; NULL: it is not held to one. */
static struct sluice_share __percpu *queue_share(const struct sluice_queue *q)
{
	if (q->dir == SLUICE_QUEUE_RX)
		return NULL;
	return q->port ? q->port->share : q->volume->share;
}

/* The share is for all queues: one that took longer than that for a burst has a shorter one. */
static void queue_shorten(struct sluice_queue *q, u64 ns)
{
	if (q->dir == SLUICE_QUEUE_TX && ns > SLUICE_SHARE_NS)
		q->burst = max_t(u64, div64_u64((u64)q->burst * SLUICE_SHARE_NS, ns), 1);
}

bool sluice_queue_held(struct sluice_worker *w, const struct sluice_queue *q)
{
	struct sluice_share __percpu *share = queue_share(q);

	return share && !sluice_share_left(share, w);
}

static void queue_count_busy(struct sluice_queue *q, u64 ns)
{
	if (q->port)
		sluice_port_count_busy(q->port, ns);
	else
		sluice_volume_count_busy(q->volume, ns);
}

void sluice_queue_spent(struct sluice_worker *w, struct sluice_queue *q, u64 ns)
{
	struct sluice_share __percpu *share = queue_share(q);

	queue_count_busy(q, ns);
	if (share)
		sluice_share_take(share, w, ns);
	queue_shorten(q, ns);
}

void sluice_queue_called(struct sluice_worker *w, struct sluice_queue *q, u64 ns)
{
	queue_count_busy(q, ns);
	sluice_share_take(q->port ? q->port->share : q->volume->share, w, ns);
}
