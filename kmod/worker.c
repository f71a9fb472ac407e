// SPDX-License-Identifier: GPL-2.0-only
/*
 * Workers: one kernel thread for each reserved core.
 *
 * How others have something done on one, and what becomes of that when its thread dies, is call.c's
 * matter.
 *
 * A core that goes offline takes no worker with it: the scheduler moves the thread to a core that
 * is left (a thread bound with kthread_bind() may be moved in that case alone), where it goes on,
 * slower; `sluice worker show` tells. The scheduler forgets the binding by that, so a worker that
 * finds itself abroad binds itself again once its core is back.
 */
#include <linux/cpumask.h>
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/mmu_context.h>
#include <linux/rtnetlink.h>
#include <linux/rwsem.h>
#include <linux/sched/clock.h>
#include <linux/sched/isolation.h>
#include <linux/sched/stat.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "netlink.h"
#include "port.h"
#include "volume.h"
#include "worker.h"

/* Visits in vain after which a busy worker stops looking at a queue until it is kicked. */
#define WORKER_IDLE_POLLS	64

/* Written with RTNL and the lock held, read with either. Inside RTNL, outside stand_in_lock. */
static LIST_HEAD(workers);
static DEFINE_MUTEX(workers_lock);

/**
 * struct worker_pause - of the host's workers, or of the tenants': a transaction stops those that
 *	may serve its namespace
 * @on: written under RTNL and @lock; workers read it between two bursts and sleep on resume_wait
 * @lock: read side: packets that a call brings. Inside RTNL, outside port->lock
 */
struct worker_pause {
	bool on;
	struct rw_semaphore lock;
};

static struct worker_pause pauses[2] = {
	{ .lock = __RWSEM_INITIALIZER(pauses[0].lock) },
	{ .lock = __RWSEM_INITIALIZER(pauses[1].lock) },
};

static DECLARE_WAIT_QUEUE_HEAD(resume_wait);

void sluice_worker_wake(struct sluice_worker *w)
{
	/*
	 * Fully ordered: what the caller stored before is seen by the worker after it cleared the
	 * bit. When the bit was set already the worker has yet to clear it, so it will see that
	 * too.
	 */
	if (test_and_set_bit(0, &w->pending))
		return;
	/* A thread that was replaced is there for a grace period. */
	rcu_read_lock();
	wake_up_process(READ_ONCE(w->task));
	rcu_read_unlock();
}

/* Others kept it from its queues since @then, by ktime_get_ns(): not all local clocks are fine. */
static void worker_note_pause(struct sluice_worker *w, u64 then)
{
	u64 ns = ktime_get_ns() - then;

	if (ns <= u64_stats_read(&w->longest_pause_ns))
		return;
	u64_stats_update_begin(&w->syncp);
	u64_stats_set(&w->longest_pause_ns, ns);
	u64_stats_update_end(&w->syncp);
}

/* A round over its queues moved something: nobody that it serves waits longer for his visit. */
static void worker_note_round(struct sluice_worker *w, u64 ns)
{
	u64_stats_update_begin(&w->syncp);
	u64_stats_add(&w->busy_ns, ns);
	if (unlikely(ns > u64_stats_read(&w->longest_round_ns)))
		u64_stats_set(&w->longest_round_ns, ns);
	u64_stats_update_end(&w->syncp);
}

static void worker_run_calls(struct sluice_worker *w)
{
	u64 then;

	if (llist_empty(&w->mbox))
		return;
	then = ktime_get_ns();
	sluice_calls_run(w);
	worker_note_pause(w, then);
}

void sluice_worker_use_mm(struct sluice_worker *w, struct mm_struct *mm)
{
	/* Who stands in for the thread would go on with his own. */
	lockdep_assert(!mm || current == w->task);
	if (w->mm == mm || current != w->task)
		return;
	if (w->mm)
		kthread_unuse_mm(w->mm);
	w->mm = mm;
	if (mm)
		kthread_use_mm(mm);
}
SLUICE_EXPORT(sluice_worker_use_mm);

/*
 * One round over everything that the worker owns. Nothing in it sleeps, nor in a call: a debug
 * kernel tells who does.
 */
static bool worker_visit(struct sluice_worker *w)
{
	struct sluice_queue *q, *tmp;
	struct sluice_port *uplink;
	bool moved = false;

	non_block_start();
	w->rounds++;
	w->held = 0;
	/* A queue may take itself out of the list when its ring breaks. */
	list_for_each_entry_safe(q, tmp, &w->queues, node) {
		if (sluice_queue_poll(w, q))
			moved = true;
		else if (q->idle_polls > WORKER_IDLE_POLLS && w->mode == SLUICE_WORKER_ADAPTIVE)
			sluice_queue_arm(w, q);
	}
	list_for_each_entry(uplink, &w->uplinks, worker_node)
		moved |= sluice_uplink_poll(w, uplink);
	/* Of those that share what one round has for them, another comes first in the next. */
	if (moved || w->held)
		list_rotate_left(&w->queues);
	/* Those who had their share left it to nobody: no need to go round in vain. */
	if (!moved && w->held)
		w->rounds += w->held - 1;
	non_block_end();
	return moved || w->held;
}

/* Turn notifications on everywhere. False if work turned up meanwhile. */
static bool worker_arm(struct sluice_worker *w)
{
	struct sluice_queue *q;
	bool armed = true;

	non_block_start();
	list_for_each_entry(q, &w->queues, node) {
		armed = sluice_queue_arm(w, q);
		if (!armed)
			break;
	}
	non_block_end();
	return armed;
}

/*
 * Polling on pays only on a core that nobody else wants; an automatic worker shares a housekeeping
 * core, so it leaves it at once.
 */
static bool worker_may_spin(const struct sluice_worker *w, u64 now)
{
	if (READ_ONCE(w->mode) == SLUICE_WORKER_POLL)
		return true;
	return !w->automatic && now - w->last_work < SLUICE_WORKER_SPIN_NS && !need_resched() &&
	       single_task_running();
}

static void worker_account(struct sluice_worker *w, u64_stats_t *where, u64 ns)
{
	u64_stats_update_begin(&w->syncp);
	u64_stats_add(where, ns);
	u64_stats_update_end(&w->syncp);
}

/* The earliest time that a queue waits for; U64_MAX: none does. */
static u64 worker_due(const struct sluice_worker *w)
{
	const struct sluice_queue *q;
	u64 first = U64_MAX;

	list_for_each_entry(q, &w->queues, node)
		first = min(first, sluice_queue_due(q));
	return first;
}

/* Context: the task's state is set, what may wake it was looked at afterwards. */
static void worker_schedule(u64 until)
{
	u64 now = local_clock();
	ktime_t t;

	if (until == U64_MAX) {
		schedule();
		return;
	}
	t = ns_to_ktime(until > now ? until - now : 0);
	schedule_hrtimeout_range(&t, 0, HRTIMER_MODE_REL);
}

static u64 worker_sleep(struct sluice_worker *w, u64 now)
{
	u64 until = worker_due(w), woken;

	/* Not a borrowed address space in a sleep: its owner may want to exit. */
	sluice_worker_use_mm(w, NULL);
	set_current_state(TASK_IDLE);
	/*
	 * Pairs with sluice_worker_wake(): either the bit is seen here or the wake-up sees the
	 * state.
	 */
	if (!test_bit(0, &w->pending) && !kthread_should_stop()) {
		WRITE_ONCE(w->asleep, true);
		worker_schedule(until);
		WRITE_ONCE(w->asleep, false);
	}
	__set_current_state(TASK_RUNNING);

	woken = local_clock();
	worker_account(w, &w->sleep_ns, woken - now);
	worker_account(w, &w->wakeups, 1);
	return woken;
}

static bool worker_paused(const struct sluice_worker *w)
{
	return READ_ONCE(pauses[w->tenants].on);
}

static u64 worker_wait_resume(struct sluice_worker *w, u64 now)
{
	u64 then = ktime_get_ns(), woken;

	sluice_worker_use_mm(w, NULL);
	/*
	 * Whoever finds the bit set wakes nobody, so any wake-up ends the wait, not only a call's.
	 */
	WRITE_ONCE(w->asleep, true);
	wait_event_idle(resume_wait, !worker_paused(w) || test_bit(0, &w->pending) ||
			kthread_should_stop());
	WRITE_ONCE(w->asleep, false);
	worker_note_pause(w, then);
	woken = local_clock();
	worker_account(w, &w->sleep_ns, woken - now);
	return woken;
}

/* On the worker, away from its core, between two rounds: see Quiescence in call.c. */
static void worker_go_home(struct sluice_worker *w)
{
	/* Online is not enough: nobody can move to a core that is on its way out. */
	if (cpu_active(w->cpu))
		set_cpus_allowed_ptr(current, cpumask_of(w->cpu));
}

static int worker_main(void *data)
{
	struct sluice_worker *w = data;
	u64 now = local_clock(), then;

	/* Another had its place before. */
	if (w->alive_at)
		WRITE_ONCE(w->longest_out_ns, max(w->longest_out_ns, now - w->alive_at));
	/* Guests' memory is never waited for on this thread: see fault.c. */
	pagefault_disable();
	while (!kthread_should_stop()) {
		clear_bit(0, &w->pending);
		/* Pairs with sluice_worker_wake(): look at the work only after the bit is down. */
		smp_mb__after_atomic();
		WRITE_ONCE(w->loops, w->loops + 1);
		WRITE_ONCE(w->alive_at, now);
		worker_run_calls(w);
		if (unlikely(raw_smp_processor_id() != w->cpu))
			worker_go_home(w);
		if (unlikely(worker_paused(w))) {
			now = worker_wait_resume(w, now);
			continue;
		}
		then = now;
		if (worker_visit(w)) {
			now = local_clock();
			w->last_work = now;
			worker_note_round(w, now - then);
		} else {
			now = local_clock();
			worker_account(w, &w->idle_ns, now - then);
			if (worker_may_spin(w, now))
				cpu_relax();
			else if (worker_arm(w))
				now = worker_sleep(w, now);
		}
		/* One that never sleeps must not hold up those who wait for all tasks. */
		cond_resched_tasks_rcu_qs();
	}
	sluice_worker_use_mm(w, NULL);
	worker_run_calls(w);
	pagefault_enable();
	return 0;
}

static struct task_struct *worker_thread(struct sluice_worker *w)
{
	return kthread_create_on_cpu(worker_main, w, w->cpu,
				     w->tenants ? "sluice-t/%u" : "sluice/%u");
}

static struct sluice_worker *worker_new(unsigned int cpu, enum sluice_worker_mode mode,
					bool automatic, bool tenants)
{
	struct sluice_worker *w = kzalloc(sizeof(*w), GFP_KERNEL);
	int err;

	if (!w)
		return ERR_PTR(-ENOMEM);
	w->cpu = cpu;
	w->mode = mode;
	w->automatic = automatic;
	w->tenants = tenants;
	init_llist_head(&w->mbox);
	mutex_init(&w->stand_in_lock);
	INIT_LIST_HEAD(&w->queues);
	INIT_LIST_HEAD(&w->uplinks);
	u64_stats_init(&w->syncp);

	w->task = worker_thread(w);
	if (IS_ERR(w->task)) {
		err = PTR_ERR(w->task);
		goto free;
	}
	/* One reference of ours, so that a late wake-up never meets a freed task. */
	get_task_struct(w->task);
	err = sluice_engine_worker_add(w);
	if (err)
		goto stop;
	wake_up_process(w->task);
	mutex_lock(&workers_lock);
	list_add_tail(&w->node, &workers);
	mutex_unlock(&workers_lock);
	sluice_watchdog_start();
	sluice_netlink_event(&init_net, SLUICE_EVENT_WORKER_ADD, NULL, cpu);
	return w;

stop:
	kthread_stop(w->task);
	put_task_struct(w->task);
free:
	kfree(w);
	return ERR_PTR(err);
}

static void worker_free_rcu(struct rcu_head *rcu)
{
	struct sluice_worker *w = container_of(rcu, struct sluice_worker, rcu);

	put_task_struct(w->task);
	kfree(w);
}

/*
 * No queue and no uplink is assigned here any more, and a call went through after the last one
 * left; so the thread touches nothing of others. Who found the worker by a pointer read under RCU
 * before may still wake it: hence the grace period.
 */
static int worker_destroy(struct sluice_worker *w)
{
	int err = sluice_worker_sync(w);

	/* One that is stuck would be waited for without end. */
	if (err)
		return err;
	mutex_lock(&workers_lock);
	list_del(&w->node);
	mutex_unlock(&workers_lock);
	sluice_watchdog_forget(w);
	kthread_stop(w->task);
	sluice_engine_worker_del(w);
	sluice_netlink_event(&init_net, SLUICE_EVENT_WORKER_DEL, NULL, w->cpu);
	call_rcu(&w->rcu, worker_free_rcu);
	return 0;
}

bool sluice_worker_any(bool (*fn)(struct sluice_worker *w))
{
	struct sluice_worker *w;
	bool any = false;

	mutex_lock(&workers_lock);
	list_for_each_entry(w, &workers, node)
		any |= fn(w);
	mutex_unlock(&workers_lock);
	return any;
}

/* Who waits for what it has to give looks again. */
static void worker_look_at_ports(const struct sluice_worker *w)
{
	struct sluice_port *port;
	unsigned long index;
	unsigned int pair;

	xa_for_each(&sluice_ports, index, port) {
		for (pair = 0; pair < port->nr_pairs; pair++) {
			struct sluice_queue *q = sluice_port_rxq(port, pair);

			if (rtnl_dereference(q->worker) == w)
				sluice_queue_tell_reader(q);
		}
	}
}

/*
 * The thread, and what the engine has for it, at once: who stands in for the dead one finds neither
 * of them, for he would move frames with an address space of his own.
 */
static int worker_replace(struct sluice_worker *w, struct task_struct *task)
{
	int err;

	mutex_lock(&w->stand_in_lock);
	err = sluice_engine_worker_add(w);
	if (!err) {
		w->buried = false;
		w->held = 0;
		w->asleep = false;
		set_bit(0, &w->pending);
		/* All that the new thread finds is in place. */
		smp_store_release(&w->task, task);
	}
	mutex_unlock(&w->stand_in_lock);
	return err;
}

int sluice_worker_respawn(struct sluice_worker *w)
{
	struct task_struct *task, *old = w->task;
	int err;

	ASSERT_RTNL();
	task = worker_thread(w);
	if (IS_ERR(task))
		return PTR_ERR(task);
	get_task_struct(task);
	err = worker_replace(w, task);
	if (err) {
		kthread_stop(task);
		put_task_struct(task);
		return err;
	}
	wake_up_process(task);
	worker_look_at_ports(w);
	/* Who is about to wake the old one: see sluice_worker_wake(). */
	synchronize_rcu();
	kthread_stop(old);
	put_task_struct(old);
	return 0;
}

struct sluice_worker *sluice_worker_next(struct sluice_worker *w)
{
	ASSERT_RTNL();
	if (!w)
		return list_first_entry_or_null(&workers, struct sluice_worker, node);
	return list_is_last(&w->node, &workers) ? NULL : list_next_entry(w, node);
}

struct sluice_worker *sluice_worker_find(unsigned int cpu)
{
	struct sluice_worker *w = NULL;

	while ((w = sluice_worker_next(w))) {
		if (w->cpu == cpu && !w->tenants)
			return w;
	}
	return NULL;
}

static struct sluice_worker *worker_least_loaded(const struct sluice_worker *but)
{
	struct sluice_worker *w = NULL, *best = NULL;

	while ((w = sluice_worker_next(w))) {
		if (w != but && !w->tenants && (!best || w->nr_users < best->nr_users))
			best = w;
	}
	return best;
}

static int worker_assign_all(struct sluice_worker *from, struct sluice_worker *to)
{
	struct sluice_port *port;
	unsigned long index;
	int err;

	xa_for_each(&sluice_ports, index, port) {
		unsigned int pair;

		if (port->kind == SLUICE_PORT_UPLINK) {
			if (rtnl_dereference(port->worker) != from)
				continue;
			err = sluice_port_assign(port, -1, to, NULL);
			if (err)
				return err;
			continue;
		}
		for (pair = 0; pair < port->nr_pairs; pair++) {
			if (rtnl_dereference(sluice_port_rxq(port, pair)->worker) != from)
				continue;
			err = sluice_port_assign(port, pair, to, NULL);
			if (err)
				return err;
		}
	}
	return sluice_volume_assign_all(from, to);
}

struct sluice_worker *sluice_worker_add(unsigned int cpu, enum sluice_worker_mode mode,
					struct netlink_ext_ack *extack)
{
	struct sluice_worker *w = sluice_worker_find(cpu), *other;

	if (w) {
		if (!w->automatic) {
			NL_SET_ERR_MSG(extack,
				       "that core has a worker already: see 'sluice worker show'");
			return ERR_PTR(-EEXIST);
		}
		w->automatic = false;
		sluice_worker_set_mode(w, mode);
		return w;
	}
	if (cpu >= nr_cpu_ids || !cpu_online(cpu)) {
		NL_SET_ERR_MSG(extack,
			       "core is not there or offline: see /sys/devices/system/cpu/online");
		return ERR_PTR(-ENXIO);
	}
	w = worker_new(cpu, mode, false, false);
	if (IS_ERR(w)) {
		NL_SET_ERR_MSG(extack,
			       "the worker's thread or tables could not be made: out of memory?");
		return w;
	}

	/*
	 * The stopgap that nobody asked for hands over to the first worker that somebody did ask
	 * for.
	 */
	list_for_each_entry(other, &workers, node) {
		if (!other->automatic || other->tenants)
			continue;
		if (!worker_assign_all(other, w))
			worker_destroy(other);
		break;
	}
	return w;
}

int sluice_worker_del(struct sluice_worker *w, struct netlink_ext_ack *extack)
{
	struct sluice_worker *to = worker_least_loaded(w);
	int err;

	if (w->nr_users && !to) {
		NL_SET_ERR_MSG(extack,
			       "the last worker serves ports: add another, or delete the ports");
		return -EBUSY;
	}
	err = w->nr_users ? worker_assign_all(w, to) : 0;
	if (!err)
		err = worker_destroy(w);
	if (err)
		NL_SET_ERR_MSG(extack, "the worker does not answer: see 'sluice worker show'");
	return err;
}

void sluice_worker_set_mode(struct sluice_worker *w, enum sluice_worker_mode mode)
{
	WRITE_ONCE(w->mode, mode);
	sluice_worker_wake(w);
}

static unsigned int worker_housekeeping_cpu(void)
{
	unsigned int cpu = cpumask_first_and(housekeeping_cpumask(HK_TYPE_DOMAIN), cpu_online_mask);

	return cpu < nr_cpu_ids ? cpu : cpumask_first(cpu_online_mask);
}

struct sluice_worker *sluice_worker_tenants(void)
{
	struct sluice_worker *w = NULL;

	while ((w = sluice_worker_next(w))) {
		if (w->tenants)
			return w;
	}
	return NULL;
}

/* A core that the operator did not ask for, if there is one. */
static unsigned int worker_tenants_cpu(void)
{
	unsigned int cpu;

	for_each_cpu_and(cpu, housekeeping_cpumask(HK_TYPE_DOMAIN), cpu_online_mask) {
		if (!sluice_worker_find(cpu))
			return cpu;
	}
	return worker_housekeeping_cpu();
}

struct sluice_worker *sluice_worker_pick(bool tenants)
{
	struct sluice_worker *w = tenants ? sluice_worker_tenants() : worker_least_loaded(NULL);

	return w ?: worker_new(tenants ? worker_tenants_cpu() : worker_housekeeping_cpu(),
			       SLUICE_WORKER_ADAPTIVE, true, tenants);
}

void sluice_worker_drop_tenants(void)
{
	struct sluice_worker *w = sluice_worker_tenants();

	/* One that is stuck stays. */
	if (w && !w->nr_users)
		worker_destroy(w);
}

void sluice_worker_times(const struct sluice_worker *w, struct sluice_worker_times *t)
{
	unsigned int start;

	do {
		start = u64_stats_fetch_begin(&w->syncp);
		t->busy_ns = u64_stats_read(&w->busy_ns);
		t->idle_ns = u64_stats_read(&w->idle_ns);
		t->sleep_ns = u64_stats_read(&w->sleep_ns);
		t->wakeups = u64_stats_read(&w->wakeups);
		t->longest_pause_ns = u64_stats_read(&w->longest_pause_ns);
		t->longest_round_ns = u64_stats_read(&w->longest_round_ns);
	} while (u64_stats_fetch_retry(&w->syncp, start));
}

static bool worker_is_tenants(const struct sluice_worker *w)
{
	return w->tenants;
}

static bool worker_is_hosts(const struct sluice_worker *w)
{
	return !w->tenants;
}

int sluice_worker_pause(bool tenants)
{
	struct worker_pause *p = &pauses[tenants];
	struct sluice_worker *w;
	int err;

	ASSERT_RTNL();
	down_write(&p->lock);
	WRITE_ONCE(p->on, true);
	list_for_each_entry(w, &workers, node)
		w->pauses += w->tenants == tenants;
	/* A worker that runs a call looks at the flag next, before any packet. */
	err = sluice_worker_sync_some(tenants ? worker_is_tenants : worker_is_hosts);
	if (err)
		sluice_worker_resume(tenants);
	return err;
}

void sluice_worker_resume(bool tenants)
{
	ASSERT_RTNL();
	WRITE_ONCE(pauses[tenants].on, false);
	wake_up_all(&resume_wait);
	up_write(&pauses[tenants].lock);
}

void sluice_worker_pause_disable(bool tenants)
{
	down_read(&pauses[tenants].lock);
}

void sluice_worker_pause_enable(bool tenants)
{
	up_read(&pauses[tenants].lock);
}

/* True: none is left. */
static bool workers_destroy(void)
{
	struct sluice_worker *w, *tmp;

	ASSERT_RTNL();
	list_for_each_entry_safe(w, tmp, &workers, node)
		worker_destroy(w);
	return list_empty(&workers);
}

/* What their threads are in the midst of is our code, and that goes next. */
void sluice_worker_exit(void)
{
	bool done;

	do {
		sluice_worker_sync_rtnl_lock();
		done = workers_destroy();
		rtnl_unlock();
	} while (!done);
}
