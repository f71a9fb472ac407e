// SPDX-License-Identifier: GPL-2.0-only
/* A function that is called where nothing else touches a queue: on its worker. */
#include <linux/sched/clock.h>
#include "port.h"

/* Bytes that the argument of a call may have. */
#define QUEUE_CALL_MAX	64

struct queue_call {
	struct sluice_queue *q;
	void (*fn)(struct sluice_queue *q, void *arg);
	void *arg;
	bool copied;
	u8 copy[QUEUE_CALL_MAX] __aligned(8);
};

struct sluice_worker *sluice_queue_worker(const struct sluice_queue *q)
{
	return rcu_dereference_protected(q->worker, lockdep_is_held(q->lock));
}

bool sluice_queue_on_worker(const struct sluice_queue *q)
{
	lockdep_assert_held(q->lock);
	return q->attached || q->leaving;
}

static void queue_call_on_worker(struct sluice_worker *w, void *arg)
{
	struct queue_call *c = arg;
	u64 then = local_clock();

	w->queue = c->q;
	c->fn(c->q, c->copied ? c->copy : c->arg);
	w->queue = NULL;
	sluice_queue_called(w, c->q, local_clock() - then);
}

/* Context: @q->lock held. */
static int queue_call_locked(struct sluice_queue *q, void (*fn)(struct sluice_queue *q, void *arg),
			     void *arg, size_t size)
{
	struct queue_call c = { .q = q, .fn = fn, .arg = arg, .copied = size };
	int err;

	if (!sluice_queue_on_worker(q)) {
		fn(q, arg);
		return 0;
	}
	if (WARN_ON_ONCE(size > sizeof(c.copy)))
		return -EINVAL;
	memcpy(c.copy, arg, size);
	err = sluice_worker_call_copy(sluice_queue_worker(q), queue_call_on_worker, &c, sizeof(c));
	if (!err)
		memcpy(arg, c.copy, size);
	return err;
}

int sluice_queue_call(struct sluice_queue *q, void (*fn)(struct sluice_queue *q, void *arg),
		      void *arg, size_t size)
{
	int err;

	mutex_lock(q->lock);
	err = q->lost ? -ETIMEDOUT : queue_call_locked(q, fn, arg, size);
	mutex_unlock(q->lock);
	return err;
}
SLUICE_EXPORT(sluice_queue_call);
