// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls to workers.
 *
 * DOC: Quiescence
 *
 * A worker alternates between running the calls that others sent it and visiting its queues.
 * Whoever must be sure that a worker no longer uses something unpublishes it and then makes a call,
 * however empty: when the call returns 0 the visit that might have seen the old state is over. Ring
 * memory, guest memory tables, ports and rules all die by this one argument.
 *
 * DOC: A worker that does not answer
 *
 * A call is waited for in steps, so that a waiter that was not scheduled itself does not blame the
 * worker. At each step the waiter looks whether the thread is dead. If so no visit is under way nor
 * ever will be: the waiter may touch what was the thread's alone, and runs the calls in its place
 * (w->stand_in, one at a time). So the argument above holds.
 *
 * A thread that is alive but stuck may wake up at any time. A call to it is given up; what was not
 * begun is taken back, unless it was said that it may come late. The caller frees nothing that the
 * thread may have in hand: it is leaked, and counted. Once a worker was given up on the next caller
 * does not wait for it at all, until it went round: so RTNL is held no longer for a stuck worker
 * than one call takes, however many calls a command makes.
 *
 * Nor is another worker waited for, right after that, of which the watchdog saw no round either
 * for as long: it had its time. So there is one limit for all that a command waits for: see
 * patience.c.
 *
 * A call is an object of its own with two references, the sender's and the mailbox's, since either
 * may be the last to look at it.
 */
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/mempool.h>
#include <linux/rtnetlink.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include "patience.h"
#include "port.h"
#include "worker.h"

/* Of one look at the worker, in jiffies; and how many of them. */
#define CALL_STEP	(HZ / 10)
#define CALL_STEPS	5

/* Calls, beyond one for each core, that can be made however short memory is. */
#define CALL_RESERVE	64
/* What each can carry, in bytes. */
#define CALL_COPY_MAX	128

/* What a call can do without memory: nothing, use the reserve, or wait. */
enum call_kind {
	CALL_FRAME,
	CALL_CONTROL,
	CALL_LATE,
};

enum call_state {
	CALL_WAITING,
	CALL_RUNNING,
	CALL_DONE,
	CALL_DROPPED,	/* taken back before it began */
};

/**
 * struct sluice_call - one call
 * @node: in worker->mbox
 * @ref: the sender's, the mailbox's
 * @state: enum call_state; whoever moves it on from CALL_WAITING decides
 * @late: it runs even if its sender has given up
 * @fn: what to run
 * @arg: with that, or with @copy
 * @done: it ran
 * @next: of those that one sender waits for
 * @w: the worker
 * @copy: of an argument on the sender's stack
 */
struct sluice_call {
	struct llist_node node;
	refcount_t ref;
	atomic_t state;
	bool late;
	sluice_call_t fn;
	void *arg;
	struct completion done;
	struct sluice_call *next;
	struct sluice_worker *w;
	u8 copy[CALL_COPY_MAX] __aligned(8);
};

static mempool_t calls;
static atomic64_t leaked_objects = ATOMIC64_INIT(0);
static atomic64_t leaked_bytes = ATOMIC64_INIT(0);

void sluice_leak(size_t bytes)
{
	atomic64_inc(&leaked_objects);
	atomic64_add(bytes, &leaked_bytes);
}
SLUICE_EXPORT(sluice_leak);

void sluice_unleak(size_t bytes)
{
	atomic64_dec(&leaked_objects);
	atomic64_sub(bytes, &leaked_bytes);
}

void sluice_leaks_get(struct sluice_leaks *l)
{
	l->objects = atomic64_read(&leaked_objects);
	l->bytes = atomic64_read(&leaked_bytes);
}

bool sluice_worker_is_current(const struct sluice_worker *w)
{
	return current == READ_ONCE(w->task) || current == READ_ONCE(w->stand_in);
}
SLUICE_EXPORT(sluice_worker_is_current);

bool sluice_worker_dead(const struct sluice_worker *w)
{
	bool dead;

	/* A thread that was replaced is there for a grace period: see sluice_worker_respawn(). */
	rcu_read_lock();
	/* Pairs with do_exit(): what the thread did before is seen. */
	dead = smp_load_acquire(&READ_ONCE(w->task)->exit_state);
	rcu_read_unlock();
	return dead;
}

static void call_put(struct sluice_call *call)
{
	if (refcount_dec_and_test(&call->ref))
		mempool_free(call, &calls);
}

/*
 * Who makes a call often holds RTNL, and is about to free something: he neither waits for memory
 * nor has a way back. So there is a reserve. It is used up when that many calls are with workers
 * that do not answer: then this is one more of them.
 */
static struct sluice_call *call_alloc(enum call_kind kind)
{
	struct sluice_call *call;

	/* Anybody's frames would use up what control needs. */
	if (kind == CALL_FRAME)
		return kmalloc(sizeof(*call), GFP_NOWAIT | __GFP_NOWARN);
	call = mempool_alloc(&calls, GFP_NOWAIT);
	/* What a stuck worker is to be told cannot be left out. */
	if (!call && kind == CALL_LATE)
		call = kmalloc(sizeof(*call), GFP_KERNEL | __GFP_NOFAIL);
	return call;
}

/* NULL: there is no memory, nor anything left of the reserve. */
static struct sluice_call *call_new(struct sluice_worker *w, sluice_call_t fn, void *arg,
				    size_t size, enum call_kind kind)
{
	struct sluice_call *call;

	if (WARN_ON_ONCE(size > CALL_COPY_MAX))
		return NULL;
	call = call_alloc(kind);
	if (!call)
		return NULL;
	memset(call, 0, offsetof(struct sluice_call, copy));
	refcount_set(&call->ref, 2);
	init_completion(&call->done);
	call->fn = fn;
	call->w = w;
	call->late = kind == CALL_LATE;
	call->arg = size ? call->copy : arg;
	if (size)
		memcpy(call->copy, arg, size);
	return call;
}

/* --- on the worker, or in its place --- */

static void call_run(struct sluice_worker *w, struct sluice_call *call)
{
	/* Full barrier: what the sender wrote is there, and it knows that it was too late. */
	if (atomic_cmpxchg(&call->state, CALL_WAITING, CALL_RUNNING) == CALL_WAITING) {
		w->call = call;
		/* See worker_visit(). */
		non_block_start();
		call->fn(w, call->arg);
		non_block_end();
		w->call = NULL;
		atomic_set_release(&call->state, CALL_DONE);
		complete_all(&call->done);
	}
	call_put(call);
}

void sluice_calls_run(struct sluice_worker *w)
{
	struct llist_node *list = llist_reverse_order(llist_del_all(&w->mbox));
	struct sluice_call *call, *next;

	/* What a thread that dies in the midst has taken out is found by who stands in for it. */
	w->taken = list;
	llist_for_each_entry_safe(call, next, list, node) {
		w->taken = call->node.next;
		call_run(w, call);
	}
}

/* The calls that the dead thread had taken, in their order, then those that came since. */
static void call_run_taken(struct sluice_worker *w)
{
	struct llist_node *list = w->taken;
	struct sluice_call *call, *next;

	/* That one is what it died in: its sender is told. */
	if (w->call) {
		complete_all(&w->call->done);
		call_put(w->call);
		w->call = NULL;
	}
	w->taken = NULL;
	llist_for_each_entry_safe(call, next, list, node)
		call_run(w, call);
}

void sluice_worker_stand_in(struct sluice_worker *w)
{
	mutex_lock(&w->stand_in_lock);
	if (sluice_worker_dead(w)) {
		WRITE_ONCE(w->stand_in, current);
		sluice_worker_bury(w);
		call_run_taken(w);
		sluice_calls_run(w);
		WRITE_ONCE(w->stand_in, NULL);
	}
	mutex_unlock(&w->stand_in_lock);
}

/* --- senders --- */

static void call_post(struct sluice_call *call)
{
	llist_add(&call->node, &call->w->mbox);
	sluice_worker_wake(call->w);
}

/* The watchdog looks as often as calls do, and has seen nothing of it for as long as they wait. */
static bool call_had_its_time(const struct sluice_worker *w)
{
	return READ_ONCE(w->looks) >= CALL_STEPS &&
	       READ_ONCE(w->seen_loops) == READ_ONCE(w->loops);
}

bool sluice_worker_rests(const struct sluice_worker *w)
{
	return READ_ONCE(w->asleep) && !test_bit(0, &w->pending);
}

bool sluice_call_hopeless(const struct sluice_worker *w)
{
	/* One that has nothing to do goes round no more until somebody wants something of it. */
	if (READ_ONCE(w->given_up) && READ_ONCE(w->given_up_at) == READ_ONCE(w->loops))
		return !sluice_worker_rests(w);
	return !sluice_patience(CALL_STEP) && call_had_its_time(w);
}

static void call_give_up_on(struct sluice_worker *w)
{
	WRITE_ONCE(w->given_up_at, READ_ONCE(w->loops));
	WRITE_ONCE(w->given_up, true);
	sluice_patience_spent();
}

/* One step. True: no need to wait any more. */
static bool call_look(struct sluice_call *call, unsigned long step)
{
	if (wait_for_completion_timeout(&call->done, step))
		return true;
	if (!sluice_worker_dead(call->w))
		return false;
	sluice_worker_stand_in(call->w);
	return completion_done(&call->done);
}

static int call_result(struct sluice_call *call)
{
	switch (atomic_read_acquire(&call->state)) {
	case CALL_DONE:
		return 0;
	case CALL_RUNNING:
		return completion_done(&call->done) ? -EIO : -EINPROGRESS;
	default:
		return -ETIMEDOUT;
	}
}

/* Wait until it ran, or too long. @steps: how many are left to all that one sender waits for. */
static int call_wait(struct sluice_call *call, unsigned int *steps)
{
	while (!call_look(call, *steps ? CALL_STEP : 0)) {
		if (*steps && --*steps)
			continue;
		call_give_up_on(call->w);
		if (!call->late)
			atomic_cmpxchg(&call->state, CALL_WAITING, CALL_DROPPED);
		break;
	}
	return call_result(call);
}

static int call_send(struct sluice_call *call, void *arg, size_t size)
{
	unsigned int steps = CALL_STEPS;
	int err;

	if (!call)
		return -ETIMEDOUT;
	call_post(call);
	/* One that is dead will not hear: no need to wait for a step to learn that. */
	if (sluice_worker_dead(call->w))
		sluice_worker_stand_in(call->w);
	if (call->late && sluice_call_hopeless(call->w))
		err = -ETIMEDOUT;
	else
		err = call_wait(call, &steps);
	if (!err && size)
		memcpy(arg, call->copy, size);
	call_put(call);
	return err;
}

static int call_copy(struct sluice_worker *w, sluice_call_t fn, void *arg, size_t size,
		     enum call_kind kind)
{
	if (sluice_worker_is_current(w)) {
		fn(w, arg);
		return 0;
	}
	if (sluice_call_hopeless(w) && !sluice_worker_dead(w))
		return -ETIMEDOUT;
	return call_send(call_new(w, fn, arg, size, kind), arg, size);
}

int sluice_worker_call_copy(struct sluice_worker *w, sluice_call_t fn, void *arg, size_t size)
{
	return call_copy(w, fn, arg, size, CALL_CONTROL);
}

int sluice_worker_call_frame(struct sluice_worker *w, sluice_call_t fn, void *arg, size_t size)
{
	return call_copy(w, fn, arg, size, CALL_FRAME);
}

int sluice_worker_call(struct sluice_worker *w, sluice_call_t fn, void *arg)
{
	return sluice_worker_call_copy(w, fn, arg, 0);
}

int sluice_worker_call_late(struct sluice_worker *w, sluice_call_t fn, void *arg)
{
	if (sluice_worker_is_current(w)) {
		fn(w, arg);
		return 0;
	}
	return call_send(call_new(w, fn, arg, 0, CALL_LATE), NULL, 0);
}

/* NULL: it would be in vain. */
static struct sluice_call *call_begin(struct sluice_worker *w, sluice_call_t fn, void *arg)
{
	struct sluice_call *call = NULL;

	if (!sluice_call_hopeless(w) || sluice_worker_dead(w))
		call = call_new(w, fn, arg, 0, CALL_CONTROL);
	if (call)
		call_post(call);
	return call;
}

/* On those that @of picks; NULL: on all. */
static int call_many(bool (*of)(const struct sluice_worker *w), sluice_call_t fn, void *arg)
{
	struct sluice_call *first = NULL, *call, *next;
	unsigned int steps = CALL_STEPS;
	struct sluice_worker *w = NULL;
	int ret = 0;

	ASSERT_RTNL();
	while ((w = sluice_worker_next(w))) {
		if (of && !of(w))
			continue;
		call = call_begin(w, fn, arg);
		if (!call) {
			ret = ret ?: -ETIMEDOUT;
			continue;
		}
		call->next = first;
		first = call;
	}
	for (call = first; call; call = next) {
		next = call->next;
		if (sluice_worker_dead(call->w))
			sluice_worker_stand_in(call->w);
		ret = call_wait(call, &steps) ?: ret;
		call_put(call);
	}
	return ret;
}

int sluice_worker_call_all(sluice_call_t fn, void *arg)
{
	return call_many(NULL, fn, arg);
}
SLUICE_EXPORT(sluice_worker_call_all);

static void call_pass(struct sluice_worker *w, void *arg)
{
}

int sluice_worker_sync(struct sluice_worker *w)
{
	return sluice_worker_call(w, call_pass, NULL);
}

int sluice_worker_sync_all(void)
{
	return call_many(NULL, call_pass, NULL);
}

int sluice_worker_sync_some(bool (*of)(const struct sluice_worker *w))
{
	return call_many(of, call_pass, NULL);
}

void sluice_worker_sync_rtnl_lock(void)
{
	rtnl_lock();
	while (sluice_worker_sync_all()) {
		rtnl_unlock();
		schedule_timeout_uninterruptible(CALL_STEP);
		rtnl_lock();
	}
}

int sluice_call_init(void)
{
	return mempool_init_kmalloc_pool(&calls, CALL_RESERVE + num_possible_cpus(),
					 sizeof(struct sluice_call));
}

void sluice_call_exit(void)
{
	mempool_exit(&calls);
}
