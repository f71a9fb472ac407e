/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Workers: kernel threads on reserved cores. A worker owns queues and uplinks; what their packets
 * touch is touched by this thread only. Everybody else sends messages (sluice_worker_call()).
 */
#ifndef _SLUICE_WORKER_H
#define _SLUICE_WORKER_H

#include <linux/list.h>
#include <linux/llist.h>
#include <linux/lockdep.h>
#include <linux/netlink.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/time64.h>
#include <linux/u64_stats_sync.h>

struct mm_struct;

/* How long an adaptive worker on a core of its own goes on polling after the last packet. */
#define SLUICE_WORKER_SPIN_NS	(50 * NSEC_PER_USEC)

enum sluice_worker_mode {
	SLUICE_WORKER_ADAPTIVE,	/* polls while there is work and a little longer, then sleeps */
	SLUICE_WORKER_POLL,	/* never sleeps */
};

/**
 * struct sluice_worker - one thread
 * @node: in the list of workers; RTNL
 * @cpu: the core it was made for
 * @automatic: nobody asked for it by name: it was made for the first port that needed one
 * @mode: enum sluice_worker_mode; READ_ONCE/WRITE_ONCE
 * @nr_users: queues and uplinks that are assigned here; RTNL
 * @task: the thread
 * @pending: bit 0: something happened since the worker last looked; any context
 * @mbox: calls to run between two bursts; any context adds, the worker takes
 * @rcu: for those who wake a worker that is going away
 * @mm: address space in use; worker thread only
 * @queues: attached queues (struct sluice_queue.node); worker thread only
 * @uplinks: struct sluice_port.worker_node; worker thread only
 * @rounds: over all queues and uplinks; worker thread only
 * @held: how many more until the first of those volumes may go on that had their share; 0: none
 *	waits for that; likewise
 * @last_work: when something moved last (local_clock()); worker thread only
 * @engine: the engine's own state; set under RTNL by sluice_worker_call(), used on the thread
 * @busy_ns: time spent moving packets; single writer, the worker
 * @idle_ns: time spent polling in vain; likewise
 * @sleep_ns: time asleep; likewise
 * @wakeups: times woken; likewise
 * @longest_pause_ns: the longest time that calls and pauses kept it from its queues; likewise
 */
struct sluice_worker {
	struct list_head node;
	unsigned int cpu;
	bool automatic;
	u8 mode;
	unsigned int nr_users;
	struct task_struct *task;
	unsigned long pending;
	struct llist_head mbox;
	struct rcu_head rcu;

	struct mm_struct *mm;
	struct list_head queues;
	struct list_head uplinks;
	u64 rounds;
	u64 held;
	u64 last_work;
	void *engine;

	struct u64_stats_sync syncp;
	u64_stats_t busy_ns;
	u64_stats_t idle_ns;
	u64_stats_t sleep_ns;
	u64_stats_t wakeups;
	u64_stats_t longest_pause_ns;
};

/* The packet path runs on its worker and nowhere else. */
static inline void sluice_assert_worker(const struct sluice_worker *w)
{
	lockdep_assert(current == w->task);
}

/* A worker's time, as it is shown. */
struct sluice_worker_times {
	u64 busy_ns;
	u64 idle_ns;
	u64 sleep_ns;
	u64 wakeups;
	u64 longest_pause_ns;
};

/* --- control: RTNL --- */

/*
 * -EEXIST: there is one on @cpu already (an automatic one is taken over); -ENXIO: no such, or no
 * online core.
 */
struct sluice_worker *sluice_worker_add(unsigned int cpu, enum sluice_worker_mode mode,
					struct netlink_ext_ack *extack);
/* Its queues move to the least loaded other worker; -EBUSY if there is none and it has queues. */
int sluice_worker_del(struct sluice_worker *w, struct netlink_ext_ack *extack);
void sluice_worker_set_mode(struct sluice_worker *w, enum sluice_worker_mode mode);
struct sluice_worker *sluice_worker_find(unsigned int cpu);
/*
 * The one with the fewest users; made on a housekeeping core if there is none. ERR_PTR on failure.
 */
struct sluice_worker *sluice_worker_pick(void);
/* Next worker after @w (NULL: the first), or NULL at the end. */
struct sluice_worker *sluice_worker_next(struct sluice_worker *w);
void sluice_worker_times(const struct sluice_worker *w, struct sluice_worker_times *t);

/* --- any process context --- */

/*
 * Run @fn(@w, @arg) on the worker between two bursts; returns when it has run. Runs at once when
 * called on the worker.
 */
void sluice_worker_call(struct sluice_worker *w, void (*fn)(struct sluice_worker *w, void *arg),
			void *arg);
/* The same on every worker, one after the other. RTNL. */
void sluice_worker_call_all(void (*fn)(struct sluice_worker *w, void *arg), void *arg);
/* Wait until every visit that is under way now is over. RTNL. */
void sluice_worker_sync_all(void);

/* --- any context, RCU read side held or the worker otherwise kept --- */
void sluice_worker_wake(struct sluice_worker *w);

/* --- worker context --- */

/* Make @mm the address space in use (NULL: none). Cheap when it is already. */
void sluice_worker_use_mm(struct sluice_worker *w, struct mm_struct *mm);

/*
 * Keep all workers from touching packets between the two calls; rings fill, nothing is lost. Calls
 * still run. RTNL.
 */
void sluice_worker_pause_all(void);
void sluice_worker_resume_all(void);
/*
 * Around a call that brings packets: none is paused in between. Process context, without
 * port->lock.
 */
void sluice_worker_pause_disable(void);
void sluice_worker_pause_enable(void);

/* Remove what is left; the last ports went before. RTNL. */
void sluice_worker_exit(void);

#endif /* _SLUICE_WORKER_H */
