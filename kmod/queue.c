// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queues: where a front end's ring meets the worker that serves it.
 *
 * DOC: Lifetime of a ring
 *
 * Attach builds the ring in the caller's context and hands it to the worker with a call; detach
 * takes it back with a call. In between only the worker touches it. The lock of the queue's port or
 * volume keeps its worker from changing while a call is on its way; a worker never takes that lock,
 * so waiting for it under the lock is safe. Nor does a worker wait for guest memory: what is absent
 * stalls the queue, see fault.c.
 *
 * A volume's requests are with the device for a while. Their ring is taken back in two steps: no
 * more is fetched, then, when the last one was completed, the worker forgets the queue. In between
 * (@leaving) the lock is free, since RTNL may be held by who wants it, and nobody knows when the
 * device answers. Who completes a request elsewhere wakes the queue inside an RCU read-side section
 * that began before the request could be seen as complete; a grace period follows the last, so the
 * queue outlives that.
 *
 * A worker that is stuck does not give a ring back. The queue is then lost: nothing of it is freed,
 * and it is not attached again; the worker forgets it if it ever goes on.
 */
#include <linux/eventfd.h>
#include <linux/rtnetlink.h>
#include <linux/sched/clock.h>
#include <linux/skbuff.h>
#include <linux/virtio_net.h>
#include "engine_blk.h"
#include "netlink.h"
#include "port.h"
#include "trace.h"
#include "volume.h"

/* Packets, or requests, of one visit. */
#define QUEUE_BUDGET	64
/* Chains, or frames, in the first visit: how long they take is not known yet. */
#define QUEUE_BURST_FIRST	8

/*
 * How long a ring is drained whose worker died in it, in jiffies: what the thread was handing over
 * may never come back.
 */
#define QUEUE_DRAIN_DEAD	(5 * HZ)

static bool queue_gone(const struct sluice_queue *q)
{
	lockdep_assert_held(q->lock);
	return q->port ? q->port->gone : q->volume->gone;
}

static void queue_event(const struct sluice_queue *q, enum sluice_event event, u32 value)
{
	if (q->port)
		sluice_netlink_event(dev_net(q->port->dev), event, q->port, value);
	else
		sluice_netlink_volume_event(event, q->volume->name, value);
}

/* Have the worker look at the queue. Any context. */
static void queue_wake(struct sluice_queue *q)
{
	struct sluice_worker *w;

	WRITE_ONCE(q->kicked, 1);
	rcu_read_lock();
	w = rcu_dereference(q->worker);
	if (w)
		sluice_worker_wake(w);
	rcu_read_unlock();
}

void sluice_queue_kick(struct sluice_queue *q)
{
	q->kicks++;
	queue_wake(q);
}
SLUICE_EXPORT(sluice_queue_kick);

void sluice_queue_wake(struct sluice_queue *q)
{
	queue_wake(q);
	if (READ_ONCE(q->draining))
		wake_up(&q->volume->drain_wait);
}
SLUICE_EXPORT(sluice_queue_wake);

bool sluice_queue_attached(const struct sluice_queue *q)
{
	return READ_ONCE(q->attached);
}
SLUICE_EXPORT(sluice_queue_attached);

/* --- on the worker --- */

/*
 * The guest broke its ring: it stays attached, so that the front end can stop it in its own time,
 * but is not looked at again.
 */
void sluice_queue_break(struct sluice_queue *q)
{
	WRITE_ONCE(q->broken, sluice_vring_error(q->vr) ?: SLUICE_VRING_ERR_RING);
	sluice_queue_fresh(q);
	if (q->port) {
		sluice_port_count_drop(q->port, SLUICE_DROP_RING, 1);
		trace_sluice_queue_broken(q->port, q->pair, q->dir, q->broken);
		net_warn_ratelimited("sluice: %s: queue pair %u %s: ring stopped: %s\n",
				     q->port->dev->name, q->pair,
				     q->dir == SLUICE_QUEUE_RX ? "rx" : "tx",
				     sluice_vring_strerror(q->broken));
	} else {
		pr_warn_ratelimited("sluice: volume %s: queue %u: ring stopped: %s\n",
				    q->volume->name, q->pair, sluice_vring_strerror(q->broken));
	}
	if (q->cfg.err)
		eventfd_signal(q->cfg.err);
	if (q->cfg.ops && q->cfg.ops->broken)
		q->cfg.ops->broken(q, q->cfg.priv);
	queue_event(q, SLUICE_EVENT_QUEUE_BROKEN, q->broken);
	if (q->port && q->broken != SLUICE_VRING_ERR_HOST)
		sluice_port_ring_broke(q->port);
}

/*
 * The ring waits for memory. If it is an IOTLB's the front end was told, and kicks; if it is a page
 * of the owner's, somebody else brings it in and kicks. Either may have come already: then the next
 * look finds the kick.
 */
static void queue_stall(struct sluice_queue *q)
{
	struct sluice_gmem_absent absent;
	enum sluice_vring_error why;

	q->stalled = true;
	if (!sluice_vring_absent(q->vr, &absent, &why) || !sluice_fault_start(q->fault, &absent))
		return;
	sluice_vring_break(q->vr, why);
	sluice_queue_break(q);
}

static void queue_error(struct sluice_queue *q, int err)
{
	if (err == -EAGAIN)
		queue_stall(q);
	else
		sluice_queue_break(q);
}

/* Is there something to see to before anything else? Telling the driver may be for later. */
static bool queue_owes(const struct sluice_queue *q)
{
	return q->tell_at ? sluice_vring_unpublished(q->vr) : sluice_vring_owes(q->vr);
}

/* Publish what could not be published before, and tell the driver. */
static int queue_settle(struct sluice_queue *q)
{
	int err = sluice_vring_flush(q->vr);

	if (!err)
		sluice_queue_notify(q, 0);
	return err;
}

struct queue_join {
	struct sluice_queue *q;
	bool started;
	int err;
};

/* The ring goes on as it was left: armed, stalled or broken. */
static void queue_adopt(struct sluice_worker *w, void *arg)
{
	struct sluice_queue *q = arg;

	q->owner = w;
	list_add_tail(&q->node, &w->queues);
	/* The driver may have notified before anybody listened. */
	WRITE_ONCE(q->kicked, 1);
	sluice_worker_wake(w);
}

static void queue_join(struct sluice_worker *w, void *arg)
{
	struct queue_join *j = arg;
	struct sluice_queue *q = j->q;

	if (!j->started) {
		/* Who stands in for a dead thread has not the owner's memory. */
		if (q->cfg.mm && current != w->task) {
			j->err = -ETIMEDOUT;
			return;
		}
		sluice_queue_use_mm(w, q);
		j->err = sluice_vring_start(q->vr);
	}
	if (j->err && j->err != -EAGAIN) {
		/* The front end drops the address space next. */
		sluice_worker_use_mm(w, NULL);
		return;
	}
	q->stalled = false;
	q->armed = false;
	q->idle_polls = 0;
	q->burst = QUEUE_BURST_FIRST;
	sluice_queue_fresh(q);
	queue_adopt(w, q);
	/* Without memory yet the ring is looked at again when it comes. */
	if (j->err == -EAGAIN)
		queue_stall(q);
	j->err = 0;
}

static void queue_leave(struct sluice_worker *w, void *arg)
{
	struct sluice_queue *q = arg;

	if (q->owner != w)
		return;
	if (!q->broken && current == w->task && sluice_vring_owes(q->vr)) {
		/* The last chance; what stays behind is as if it had not been fetched. */
		sluice_queue_use_mm(w, q);
		if (!sluice_vring_flush(q->vr))
			sluice_queue_tell(q);
	}
	q->owner = NULL;
	list_del_init(&q->node);
	/* Detach means that the front end may drop the address space next. */
	if (w->mm && w->mm == q->cfg.mm)
		sluice_worker_use_mm(w, NULL);
}

static bool queue_has_work(const struct sluice_queue *q)
{
	return q->dir != SLUICE_QUEUE_RX || sluice_queue_backlog(q) || queue_owes(q);
}

/*
 * Is there an engine, and may it work? Its module is held by the port, and the port leaves it only
 * after it left every worker. A volume is not without one.
 */
static bool queue_served(const struct sluice_queue *q)
{
	if (q->volume)
		return !READ_ONCE(q->volume->quarantine) &&
		       READ_ONCE(q->volume->key_wiped) != SLUICE_KEY_WAITED_FOR;
	return rcu_access_pointer(q->port->engine_ops) && !sluice_port_held_back(q->port);
}

/*
 * submit_bio() says that it might sleep before it looks whether it was asked not to, so the section
 * that worker_visit() and call_run() made is left for it.
 */
static int queue_serve(struct sluice_worker *w, struct sluice_queue *q, int budget)
{
	int n;

	non_block_end();
	n = q->volume->ops->serve(w, q, budget);
	non_block_start();
	return n;
}

/* One visit of the engine's. @budget: 0: nothing new. */
static int queue_visit(struct sluice_worker *w, struct sluice_queue *q, int budget)
{
	const struct sluice_engine_ops *ops;

	if (q->dir == SLUICE_QUEUE_REQ)
		return queue_serve(w, q, budget);
	if (!budget)
		return 0;
	/* See queue_served(): it stays for this visit, but may be none any more. */
	rcu_read_lock();
	ops = rcu_dereference(q->port->engine_ops);
	rcu_read_unlock();
	if (unlikely(!ops))
		return 0;
	return q->dir == SLUICE_QUEUE_TX ? ops->guest_tx(w, q, budget) :
					   ops->guest_rx(w, q, min(budget, q->burst));
}

/* What is with the device ends, whatever became of the ring. */
static void queue_reap(struct sluice_worker *w, struct sluice_queue *q)
{
	WRITE_ONCE(q->kicked, 0);
	/* Pairs with sluice_queue_wake(): look for completions after the kick was taken. */
	smp_mb();
	w->visit_at = local_clock();
	queue_serve(w, q, 0);
}

static bool queue_poll(struct sluice_worker *w, struct sluice_queue *q)
{
	bool stalled = q->stalled, held;
	u64 then;
	int n;

	sluice_assert_worker(w);
	if (unlikely(q->broken)) {
		if (q->in_flight && (q->polled || READ_ONCE(q->kicked)))
			queue_reap(w, q);
		return false;
	}
	if (unlikely(q->tell_at) && local_clock() >= q->tell_at) {
		sluice_queue_use_mm(w, q);
		sluice_queue_tell(q);
	}
	if (q->armed || q->stalled) {
		if (!READ_ONCE(q->kicked) && !q->polled)
			return false;
	}
	if (unlikely(q->wait_until) && sluice_queue_waits(q) && !queue_owes(q))
		return false;
	/* A kick of what is held is kept, or made good: the driver does not repeat it. */
	if (!queue_served(q)) {
		if (q->volume && (q->polled || READ_ONCE(q->kicked)))
			queue_reap(w, q);
		return false;
	}
	/*
	 * A full barrier: what the driver made available before its kick is seen by the visit
	 * below.
	 */
	if (READ_ONCE(q->kicked))
		xchg(&q->kicked, 0);
	/* Also if there is nothing to do now: what comes later must not wait for another kick. */
	q->stalled = false;
	if (!queue_has_work(q))
		return false;

	sluice_queue_use_mm(w, q);
	if (q->armed) {
		q->armed = false;
		sluice_vring_disable_notify(q->vr);
	}
	held = sluice_queue_held(w, q);
	then = local_clock();
	w->visit_at = then;
	n = unlikely(queue_owes(q)) ? queue_settle(q) : 0;
	if (!n)
		n = queue_visit(w, q, held ? 0 : QUEUE_BUDGET);
	if (n < 0) {
		/* Whoever waits for what the engine sees there does not wait for its memory. */
		if (n == -EAGAIN && q->volume)
			queue_serve(w, q, -1);
		queue_error(q, n);
		return false;
	}
	if (unlikely(stalled))
		sluice_fault_forget(q->fault);
	/* What there is was not looked at. */
	if (!n && held)
		return false;
	if (!n) {
		q->idle_polls++;
		/* Frames wait and the guest brings no buffers: its kick tells when it does. */
		if (q->dir == SLUICE_QUEUE_RX)
			sluice_queue_arm(w, q);
		return false;
	}
	q->idle_polls = 0;
	sluice_queue_spent(w, q, n, local_clock() - then);
	return true;
}

bool sluice_queue_poll(struct sluice_worker *w, struct sluice_queue *q)
{
	bool moved;

	/* If the thread dies in it, this one is to blame. */
	w->queue = q;
	moved = queue_poll(w, q);
	w->queue = NULL;
	return moved;
}

bool sluice_queue_arm(struct sluice_worker *w, struct sluice_queue *q)
{
	int err;

	sluice_assert_worker(w);
	/* Requests that are to be looked for. */
	if (q->polled)
		return false;
	if (q->broken || q->draining)
		return !q->in_flight || !READ_ONCE(q->kicked);
	/* Held: who lets it go on wakes the worker. */
	if (!queue_served(q))
		return q->port || !READ_ONCE(q->kicked);
	/* The worker wakes by itself, whatever the driver does. */
	if (q->wait_until && !queue_owes(q))
		return true;
	if (q->armed || q->stalled)
		return !READ_ONCE(q->kicked);
	/*
	 * An empty inbox is refilled by somebody who wakes the worker: only one that waits for
	 * buffers needs the driver.
	 */
	if (!queue_has_work(q))
		return true;
	if (READ_ONCE(q->kicked) || queue_owes(q))
		return false;

	if (q->cfg.ops && q->cfg.ops->arm && !q->cfg.ops->arm(q, q->cfg.priv))
		return false;
	sluice_queue_use_mm(w, q);
	err = sluice_vring_enable_notify(q->vr);
	if (err > 0)
		return false;
	if (err < 0) {
		queue_error(q, err);
		return true;
	}
	q->armed = true;
	q->idle_polls = 0;
	return true;
}

/* --- control --- */

void sluice_queue_empty_inbox(struct sluice_queue *q)
{
	struct sk_buff *skb;

	while ((skb = ptr_ring_consume_bh(&q->inbox)))
		sluice_port_drop_skb(q->port, SLUICE_DROP_RX_DOWN, skb);
	while ((skb = q->rest)) {
		q->rest = skb->next;
		skb_mark_not_on_list(skb);
		sluice_port_drop_skb(q->port, SLUICE_DROP_RX_DOWN, skb);
	}
}

static int queue_may_attach(const struct sluice_queue *q)
{
	lockdep_assert_held(q->lock);
	return queue_gone(q) ? -ENODEV : sluice_queue_on_worker(q) || q->lost ? -EBUSY : 0;
}

/*
 * The owner itself may wait for its memory, as long as it takes, and is told what is not mapped. So
 * no lock that others wait for is held here: who attaches looks before, so as to leave the ring of
 * another alone, and again afterwards.
 */
static int queue_start(struct sluice_queue *q, struct sluice_vring *vr,
		       const struct sluice_queue_config *cfg, struct queue_join *j)
{
	int err;

	mutex_lock(q->lock);
	err = queue_may_attach(q);
	mutex_unlock(q->lock);
	if (err || !cfg->mm || current->mm != cfg->mm)
		return err;
	j->started = true;
	j->err = sluice_vring_start(vr);
	return j->err == -EAGAIN ? 0 : j->err;
}

/* Does the ring fit the queue? */
static int queue_check(const struct sluice_queue *q, const struct sluice_queue_config *cfg)
{
	if (!cfg->mm != cfg->gmem->kernel)
		return -EINVAL;
	/* Requests are moved by the device, out of pages that somebody holds. */
	if (q->volume)
		return cfg->mm || cfg->hdr_len ? -EINVAL : 0;
	/* The worker builds headers of these lengths in place. */
	return cfg->hdr_len == sizeof(struct virtio_net_hdr) ||
	       cfg->hdr_len == sizeof(struct virtio_net_hdr_mrg_rxbuf) ? 0 : -EINVAL;
}

/* What the ring needs beside it. Context: q->lock held; the worker does not know the queue. */
static int queue_equip(struct sluice_queue *q, const struct sluice_queue_config *cfg)
{
	if (!q->volume)
		return 0;
	q->in_flight = 0;
	q->polled = false;
	WRITE_ONCE(q->draining, false);
	q->dropping = false;
	return q->volume->ops->queue_add(q, cfg->ring.num);
}

/* Context: likewise. */
static void queue_forget(struct sluice_queue *q)
{
	q->vr = NULL;
	q->fault = NULL;
	memset(&q->cfg, 0, sizeof(q->cfg));
}

void sluice_queue_lose(struct sluice_queue *q)
{
	q->lost = true;
	sluice_leak(sizeof(*q));
	if (q->port)
		pr_err_ratelimited("sluice: %s: queue pair %u: its worker does not give it back\n",
				   q->port->dev->name, q->pair);
	else
		pr_err_ratelimited("sluice: volume %s: queue %u: its worker does not give it back\n",
				   q->volume->name, q->pair);
}

/* Context: q->lock held. On failure @vr and @fault are still the caller's, unless q->lost. */
static int queue_attach(struct sluice_queue *q, struct sluice_vring *vr, struct sluice_fault *fault,
			const struct sluice_queue_config *cfg, struct queue_join *j)
{
	int err = queue_may_attach(q);

	if (!err)
		err = queue_equip(q, cfg);
	if (err)
		return err;
	q->vr = vr;
	q->fault = fault;
	q->cfg = *cfg;
	q->broken = SLUICE_VRING_ERR_NONE;
	/* Who chose this queue just before it was detached may have come late. */
	sluice_queue_empty_inbox(q);
	err = sluice_worker_call_copy(sluice_queue_worker(q), queue_join, j, sizeof(*j));
	if (err && err != -ETIMEDOUT) {
		/* It may have the ring, now or later. */
		sluice_queue_lose(q);
		return -EINPROGRESS;
	}
	err = err ?: j->err;
	if (err) {
		if (q->volume)
			q->volume->ops->queue_del(q);
		queue_forget(q);
		return err;
	}
	WRITE_ONCE(q->attached, true);
	if (q->dir == SLUICE_QUEUE_RX)
		sluice_queue_publish_rx(q->port);
	queue_event(q, SLUICE_EVENT_QUEUE_ATTACH, q->pair);
	return 0;
}

int sluice_queue_attach(struct sluice_queue *q, const struct sluice_queue_config *cfg)
{
	struct queue_join j = { .q = q };
	struct sluice_fault *fault = NULL;
	struct sluice_vring *vr;
	bool lost;
	int err;

	err = queue_check(q, cfg);
	if (err)
		return err;
	vr = sluice_vring_new(&cfg->ring, cfg->gmem);
	if (IS_ERR(vr))
		return PTR_ERR(vr);
	err = -ENOMEM;
	if (cfg->mm) {
		fault = sluice_fault_new(q);
		if (!fault)
			goto free;
	}
	err = queue_start(q, vr, cfg, &j);
	if (err)
		goto free;

	mutex_lock(q->lock);
	err = queue_attach(q, vr, fault, cfg, &j);
	lost = q->lost;
	mutex_unlock(q->lock);
	if (!err || lost)
		return err;
free:
	sluice_fault_drop(fault);
	sluice_vring_free(vr);
	return err;
}
SLUICE_EXPORT(sluice_queue_attach);

static void queue_drain_step(struct sluice_worker *w, void *arg)
{
	struct sluice_queue *q = arg;

	WRITE_ONCE(q->draining, true);
	queue_reap(w, q);
}

static void queue_drop_step(struct sluice_worker *w, void *arg)
{
	struct sluice_queue *q = arg;

	q->dropping = true;
	queue_drain_step(w, q);
}

typedef void (*queue_step)(struct sluice_worker *w, void *arg);

/*
 * Wait until the device is done with every request, however long that takes, unless some may be
 * lost. By calls and not by visits: those a transaction may have paused. Context: process, neither
 * RTNL nor q->lock.
 */
static int queue_drain(struct sluice_queue *q, queue_step step)
{
	unsigned long until = jiffies + QUEUE_DRAIN_DEAD;
	bool there;
	int err = 0;

	do {
		mutex_lock(q->lock);
		there = sluice_queue_on_worker(q);
		if (there)
			err = sluice_worker_call(sluice_queue_worker(q), step, q);
		mutex_unlock(q->lock);
		if (!there)
			return q->lost ? -ETIMEDOUT : 0;
		if (err)
			return err;
		if (READ_ONCE(q->broken) == SLUICE_VRING_ERR_HOST && time_after(jiffies, until) &&
		    READ_ONCE(q->in_flight))
			return -ETIMEDOUT;
		/* A completion that was polled for tells nobody. */
		wait_event_timeout(q->volume->drain_wait,
				   !READ_ONCE(q->in_flight) || READ_ONCE(q->kicked), HZ / 100);
	} while (READ_ONCE(q->in_flight));
	/* Who completed the last one may be about to wake us still. */
	synchronize_rcu();
	return 0;
}

static void queue_resume(struct sluice_worker *w, void *arg)
{
	struct sluice_queue *q = arg;

	WRITE_ONCE(q->draining, false);
}

int sluice_queue_settle(struct sluice_queue *q)
{
	int err = queue_drain(q, queue_drain_step);

	mutex_lock(q->lock);
	/* One that leaves meanwhile goes on draining; else requests are taken again. */
	if (q->attached)
		sluice_worker_call_late(sluice_queue_worker(q), queue_resume, q);
	mutex_unlock(q->lock);
	queue_wake(q);
	return err;
}

/* Context: q->lock held. @err: 0: no request is with the device. */
static int queue_take_back(struct sluice_queue *q, int err)
{
	err = sluice_worker_call_late(sluice_queue_worker(q), queue_leave, q) ?: err;
	q->leaving = false;
	if (err) {
		sluice_queue_lose(q);
		return err;
	}
	if (q->volume)
		q->volume->ops->queue_del(q);
	/* The worker was the inbox's only consumer; now it is us. */
	sluice_queue_empty_inbox(q);
	return 0;
}

int sluice_queue_stop(struct sluice_queue *q)
{
	lockdep_assert_held(q->lock);
	if (!q->attached)
		return q->lost ? -ETIMEDOUT : 0;
	WRITE_ONCE(q->attached, false);
	if (q->dir == SLUICE_QUEUE_RX)
		sluice_queue_publish_rx(q->port);
	return queue_take_back(q, 0);
}

/* Context: q->lock held, and dropped meanwhile. */
static int queue_stop_requests(struct sluice_queue *q, queue_step step)
{
	int err;

	if (!q->attached)
		return q->lost ? -ETIMEDOUT : 0;
	WRITE_ONCE(q->attached, false);
	q->leaving = true;
	mutex_unlock(q->lock);
	err = queue_drain(q, step);
	mutex_lock(q->lock);
	return queue_take_back(q, err);
}

static int queue_detach(struct sluice_queue *q, queue_step step, u32 *avail, u32 *used)
{
	int err = -ENOTCONN;

	mutex_lock(q->lock);
	if (!q->vr || q->leaving)
		goto unlock;
	err = q->volume ? queue_stop_requests(q, step) : sluice_queue_stop(q);
	if (err)
		goto unlock;
	sluice_vring_state(q->vr, avail, used);
	sluice_vring_free(q->vr);
	sluice_fault_drop(q->fault);
	queue_forget(q);
	if (!queue_gone(q))
		queue_event(q, SLUICE_EVENT_QUEUE_DETACH, q->pair);
unlock:
	mutex_unlock(q->lock);
	return err;
}

int sluice_queue_detach(struct sluice_queue *q, u32 *avail, u32 *used)
{
	return queue_detach(q, queue_drain_step, avail, used);
}
SLUICE_EXPORT(sluice_queue_detach);

int sluice_queue_reset(struct sluice_queue *q)
{
	u32 avail, used;

	return queue_detach(q, queue_drop_step, &avail, &used);
}
SLUICE_EXPORT(sluice_queue_reset);

int sluice_queue_move(struct sluice_queue *q, struct sluice_worker *to)
{
	struct sluice_worker *from = sluice_queue_worker(q);
	int err;

	ASSERT_RTNL();
	if (from == to)
		return 0;
	if (q->lost)
		return -ETIMEDOUT;
	if (sluice_queue_on_worker(q)) {
		err = sluice_worker_call(from, queue_leave, q);
		if (err)
			return err;
	}
	rcu_assign_pointer(q->worker, to);
	from->nr_users--;
	to->nr_users++;
	/* One that is stuck has it when it goes on. */
	if (sluice_queue_on_worker(q))
		sluice_worker_call_late(to, queue_adopt, q);
	return 0;
}
