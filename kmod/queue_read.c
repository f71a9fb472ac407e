// SPDX-License-Identifier: GPL-2.0-only
/*
 * A reader in place of a guest's ring: frames wait in a receive queue's inbox for somebody who
 * takes them one by one, each by a call to the worker. So a port serves a VMM that does without
 * vhost as a tap does, and no faster.
 *
 * Rings come first: readers get frames while no ring of the port's is attached. What
 * waits when one is attached is dropped, as before it.
 */
#include <linux/poll.h>
#include <linux/sched/clock.h>
#include <linux/sched/signal.h>
#include <linux/skbuff.h>
#include <linux/virtio_net.h>
#include "port.h"
#include "share.h"

struct read_call {
	struct sluice_queue *q;
	struct virtio_net_hdr hdr;
	bool there;
	bool more;
};

void sluice_queue_publish_rx(struct sluice_port *port)
{
	unsigned int pair, attached, n = 0;

	lockdep_assert_held(&port->lock);
	for (pair = 0; pair < port->nr_pairs; pair++) {
		if (sluice_port_rxq(port, pair)->attached)
			WRITE_ONCE(port->rx_map[n++], pair);
	}
	attached = n;
	for (pair = 0; !attached && !port->gone && pair < port->nr_pairs; pair++) {
		if (sluice_port_rxq(port, pair)->listens)
			WRITE_ONCE(port->rx_map[n++], pair);
	}
	/* Who sees the new count sees the new map. */
	smp_store_release(&port->nr_rx, n);
}

void sluice_queue_tell_reader(struct sluice_queue *q)
{
	wake_up_interruptible(&q->read_wait);
}

void sluice_queue_listen(struct sluice_queue *q, bool on)
{
	mutex_lock(q->lock);
	if (!q->attached && !q->lost)
		sluice_queue_empty_inbox(q);
	WRITE_ONCE(q->listens, on);
	sluice_queue_publish_rx(q->port);
	mutex_unlock(q->lock);
}
SLUICE_EXPORT(sluice_queue_listen);

/* While there is none nobody gives a frame; that there is another one readers are told. */
static bool read_worker_lives(const struct sluice_queue *q)
{
	const struct sluice_worker *w;
	bool lives;

	rcu_read_lock();
	w = rcu_dereference(q->worker);
	lives = w && !sluice_worker_dead(w);
	rcu_read_unlock();
	return lives;
}

/*
 * Would a read find a frame? A held port keeps what it has. What this says is so again and again
 * would be tried again and again, by a read that waits.
 */
static bool read_has_frame(const struct sluice_queue *q)
{
	return !READ_ONCE(q->attached) && READ_ONCE(q->listens) && sluice_queue_backlog(q) &&
	       rcu_access_pointer(q->port->engine_ops) && !sluice_port_held_back(q->port) &&
	       read_worker_lives(q);
}

__poll_t sluice_queue_read_poll(struct sluice_queue *q, struct file *file, poll_table *table)
{
	__poll_t mask = 0;

	poll_wait(file, &q->read_wait, table);
	if (READ_ONCE(q->port->gone))
		return EPOLLERR;
	if (read_has_frame(q))
		mask |= EPOLLIN | EPOLLRDNORM;
	/* As a tap's: what is written to one that is down is refused. */
	if (sluice_port_is_up(q->port))
		mask |= EPOLLOUT | EPOLLWRNORM;
	return mask;
}
SLUICE_EXPORT(sluice_queue_read_poll);

int sluice_queue_read_wait(struct sluice_queue *q)
{
	return wait_event_interruptible(q->read_wait,
					READ_ONCE(q->port->gone) || read_has_frame(q));
}
SLUICE_EXPORT(sluice_queue_read_wait);

static void read_on_worker(struct sluice_worker *w, void *arg)
{
	const struct sluice_engine_ops *ops;
	struct read_call *c = arg;
	struct sluice_port *port = c->q->port;
	u64 then = local_clock();

	rcu_read_lock();
	ops = rcu_dereference(port->engine_ops);
	rcu_read_unlock();
	/* As in port_inject_on_worker(). */
	if (ops && w->engine && !sluice_port_held_back(port)) {
		c->there = ops->guest_read(w, c->q, &c->hdr);
		c->more = !c->there && sluice_queue_backlog(c->q);
	}
	then = local_clock() - then;
	sluice_port_count_busy(port, then);
	sluice_share_take(port->share, w, then);
}

/*
 * Context: port->lock held: nobody else reads, and no ring is attached meanwhile. What the worker
 * made ready stays in the queue, so that nothing is lost if it answers too late. @more: nothing
 * was, but others wait.
 */
static struct sk_buff *read_locked(struct sluice_queue *q, struct virtio_net_hdr *hdr, bool *more)
{
	struct sluice_worker *w = rcu_dereference_protected(q->worker, lockdep_is_held(q->lock));
	struct read_call c = { .q = q };
	struct sluice_wire wire;
	struct sk_buff *skb;
	int err;

	*more = false;
	if (q->port->gone)
		return ERR_PTR(-ENODEV);
	if (q->lost)
		return ERR_PTR(-ETIMEDOUT);
	if (q->attached || !q->listens)
		return NULL;
	err = sluice_worker_call_frame(w, read_on_worker, &c, sizeof(c));
	if (err && err != -ETIMEDOUT)
		sluice_queue_lose(q);
	*more = !err && c.more;
	if (err || !c.there)
		return ERR_PTR(err);
	skb = q->rest;
	q->rest = skb->next;
	skb_mark_not_on_list(skb);
	wire = sluice_wire_of(skb);
	sluice_port_count(q->port, SLUICE_DIR_TO_GUEST, wire.packets, wire.bytes);
	*hdr = c.hdr;
	return skb;
}

struct sk_buff *sluice_queue_read(struct sluice_queue *q, struct virtio_net_hdr *hdr)
{
	struct sk_buff *skb;
	bool tenants, more;

	/* Who reads until nothing is left does not trouble the worker for that. */
	if (!READ_ONCE(q->port->gone) && !read_has_frame(q))
		return NULL;
	/* "Nothing" would have him wait for the next to come: so what waits is looked at first. */
	do {
		tenants = sluice_port_lock_for_frame(q->port);
		skb = read_locked(q, hdr, &more);
		sluice_port_unlock_for_frame(q->port, tenants);
	} while (more && !signal_pending(current));
	return skb;
}
SLUICE_EXPORT(sluice_queue_read);
