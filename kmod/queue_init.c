// SPDX-License-Identifier: GPL-2.0-only
/* Queues as a port or a volume has them for as long as it lives. */
#include <linux/skbuff.h>
#include "port.h"
#include "volume.h"

static void queue_free_skb(void *skb)
{
	kfree_skb(skb);
}

int sluice_queue_init(struct sluice_queue *q, struct sluice_port *port, unsigned int pair, u8 dir)
{
	q->port = port;
	q->lock = &port->lock;
	q->pair = pair;
	q->dir = dir;
	INIT_LIST_HEAD(&q->node);
	init_waitqueue_head(&q->read_wait);
	return ptr_ring_init(&q->inbox, dir == SLUICE_QUEUE_RX ? SLUICE_INBOX_SIZE : 0,
			     GFP_KERNEL_ACCOUNT);
}

int sluice_queue_init_volume(struct sluice_queue *q, struct sluice_volume *v, unsigned int index)
{
	q->volume = v;
	q->lock = &v->lock;
	q->pair = index;
	q->dir = SLUICE_QUEUE_REQ;
	INIT_LIST_HEAD(&q->node);
	return ptr_ring_init(&q->inbox, 0, GFP_KERNEL_ACCOUNT);
}

void sluice_queue_exit(struct sluice_queue *q)
{
	ptr_ring_cleanup(&q->inbox, queue_free_skb);
}
