// SPDX-License-Identifier: GPL-2.0-only
/* What a queue's visits take of its worker: share.h has the rules. */
#include <linux/math64.h>
#include "port.h"
#include "share.h"
#include "volume.h"

/* What it takes its time from. */
static struct sluice_share __percpu *queue_share(const struct sluice_queue *q)
{
	if (q->volume)
		return q->volume->share;
	return q->dir == SLUICE_QUEUE_RX ? q->port->rx_share : q->port->share;
}

/*
 * The share is for all queues: one that took longer than that for a burst has a shorter one. What
 * is fetched of a transmit ring the engine has grow again.
 */
static void queue_fit_burst(struct sluice_queue *q, int n, u64 ns)
{
	if (unlikely(ns > SLUICE_SHARE_NS) && q->dir != SLUICE_QUEUE_REQ)
		q->burst = max_t(u64, div64_u64((u64)min(q->burst, n) * SLUICE_SHARE_NS, ns), 1);
	else if (q->dir == SLUICE_QUEUE_RX)
		q->burst = min(2 * q->burst, SLUICE_VRING_BURST);
}

bool sluice_queue_held(struct sluice_worker *w, const struct sluice_queue *q)
{
	return !sluice_share_left(queue_share(q), w);
}

static void queue_count_busy(struct sluice_queue *q, u64 ns, bool visit)
{
	if (q->port)
		sluice_port_count_busy(q->port, ns);
	else
		sluice_volume_count_busy(q->volume, ns, visit);
}

void sluice_queue_spent(struct sluice_worker *w, struct sluice_queue *q, int n, u64 ns)
{
	queue_count_busy(q, ns, true);
	sluice_share_take(queue_share(q), w, ns);
	queue_fit_burst(q, n, ns);
}

void sluice_queue_called(struct sluice_worker *w, struct sluice_queue *q, u64 ns)
{
	queue_count_busy(q, ns, false);
	sluice_share_take(q->port ? q->port->share : q->volume->share, w, ns);
}
