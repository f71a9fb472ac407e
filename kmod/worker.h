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
#include <linux/mutex.h>
#include <linux/netlink.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/time64.h>
#include <linux/u64_stats_sync.h>
#include "call.h"

struct mm_struct;
struct module;
struct sluice_port;
struct sluice_queue;

/* How long an adaptive worker on a core of its own goes on polling after the last packet. */
#define SLUICE_WORKER_SPIN_NS	(50 * NSEC_PER_USEC)

/* What the watchdog makes of a worker. */
enum sluice_worker_state {
	SLUICE_WORKER_OK,
	SLUICE_WORKER_LATE,	/* has not gone round for a second */
	SLUICE_WORKER_STUCK,	/* for five, or a call was given up */
	SLUICE_WORKER_DEAD,	/* its thread ended, and was not replaced (yet) */
};

/* So many deaths within SLUICE_WORKER_DEATHS_S seconds are followed by a new thread. */
#define SLUICE_WORKER_DEATHS	3
#define SLUICE_WORKER_DEATHS_S	60

enum sluice_worker_mode {
	SLUICE_WORKER_ADAPTIVE,	/* polls while there is work and a little longer, then sleeps */
	SLUICE_WORKER_POLL,	/* never sleeps */
};

/**
 * struct sluice_worker - one thread
 * @node: in the list of workers; RTNL
 * @cpu: the core it was made for
 * @automatic: nobody asked for it by name: it was made for the first port that needed one
 * @tenants: it serves tenants' ports (tenant.h) and nothing else; it is automatic too
 * @mode: enum sluice_worker_mode; READ_ONCE/WRITE_ONCE
 * @nr_users: queues and uplinks that are assigned here; RTNL
 * @task: the thread; replaced when it died, under @stand_in_lock, READ_ONCE elsewhere
 * @pending: bit 0: something happened since the worker last looked; any context
 * @mbox: calls to run between two bursts; any context adds, the worker takes
 * @taken: of those, what was taken out and not begun; worker thread only
 * @call: the one that runs; likewise
 * @loops: how often the thread looked around; written by it, READ_ONCE elsewhere
 * @alive_at: when it did so last (local_clock()); likewise
 * @asleep: it waits to be woken; likewise
 * @given_up: a call was given up when @loops was @given_up_at; any context, racy: at worst one more
 *	call is waited for
 * @given_up_at: likewise
 * @stand_in_lock: held by who touches what is the thread's while that is dead, and to replace it.
 *	Inside RTNL, port->lock and volume->lock
 * @stand_in: who does; READ_ONCE elsewhere
 * @buried: what the dead thread left behind was seen to; @stand_in_lock
 * @state: enum sluice_worker_state; written by the watchdog, READ_ONCE elsewhere
 * @seen_loops: @loops at the watchdog's last look that found it changed; written by the watchdog,
 *	READ_ONCE elsewhere
 * @looks: how many came since that found nothing new; likewise
 * @pinned: stuck: this module is held, for the thread is in its code; watchdog only
 * @pinned_engine: likewise the engine's; likewise
 * @deaths: how often its thread died; written by the watchdog, READ_ONCE elsewhere
 * @longest_found_ns: the longest from its last sign of life until a death was found; written under
 *	@stand_in_lock, READ_ONCE elsewhere
 * @longest_out_ns: and until another thread went round; written by that, READ_ONCE elsewhere
 * @death_at: when the last of them were, in ktime_get_seconds(), in turn; watchdog only
 * @queue: the queue that is visited, or that a call is about; worker thread only
 * @uplink: the uplink that is visited; likewise
 * @peer: a guest's queue that frames of the visit are written to; likewise
 * @rcu: for those who wake a worker that is going away
 * @mm: address space in use; worker thread only
 * @queues: attached queues (struct sluice_queue.node); worker thread only
 * @uplinks: struct sluice_port.worker_node; worker thread only
 * @rounds: over all queues and uplinks; worker thread only
 * @held: how many more until the first of those may go on that had their share; 0: none
 *	waits for that; likewise
 * @visit_at: when the visit of a queue that is under way began (local_clock()); worker thread only
 * @last_work: when something moved last (local_clock()); worker thread only
 * @engine: the engine's own state; set under RTNL by sluice_worker_call(), used on the thread
 * @pauses: how often a transaction stopped it; RTNL
 * @busy_ns: time spent moving packets; single writer, the worker
 * @idle_ns: time spent polling in vain; likewise
 * @sleep_ns: time asleep; likewise
 * @wakeups: times woken; likewise
 * @longest_pause_ns: the longest time that calls and pauses kept it from its queues; likewise
 * @longest_round_ns: the longest time that it took to visit them all; likewise
 */
struct sluice_worker {
	struct list_head node;
	unsigned int cpu;
	bool automatic;
	bool tenants;
	u8 mode;
	unsigned int nr_users;
	struct task_struct *task;
	unsigned long pending;
	struct llist_head mbox;
	struct llist_node *taken;
	struct sluice_call *call;
	struct rcu_head rcu;

	u64 loops;
	u64 alive_at;
	bool asleep;
	bool given_up;
	u64 given_up_at;
	/* What is the thread's alone, once that is dead. */
	struct mutex stand_in_lock;
	struct task_struct *stand_in;
	bool buried;
	u8 state;
	u64 seen_loops;
	unsigned int looks;
	bool pinned;
	struct module *pinned_engine;
	unsigned int deaths;
	u64 longest_found_ns;
	u64 longest_out_ns;
	u64 death_at[SLUICE_WORKER_DEATHS];
	struct sluice_queue *queue;
	struct sluice_port *uplink;
	struct sluice_queue *peer;

	struct mm_struct *mm;
	struct list_head queues;
	struct list_head uplinks;
	u64 rounds;
	u64 held;
	u64 visit_at;
	u64 last_work;
	void *engine;
	u64 pauses;

	struct u64_stats_sync syncp;
	u64_stats_t busy_ns;
	u64_stats_t idle_ns;
	u64_stats_t sleep_ns;
	u64_stats_t wakeups;
	u64_stats_t longest_pause_ns;
	u64_stats_t longest_round_ns;
};

/* Is this the worker's thread, or who stands in for it when it is dead? */
bool sluice_worker_is_current(const struct sluice_worker *w);

/* The packet path runs on its worker and nowhere else. */
static inline void sluice_assert_worker(const struct sluice_worker *w)
{
	lockdep_assert(sluice_worker_is_current(w));
}

/* Is it asleep, and nobody has woken it? Any context; racy. */
bool sluice_worker_rests(const struct sluice_worker *w);

/* Has the thread ended, by an oops? From then on it touches nothing. Any context. */
bool sluice_worker_dead(const struct sluice_worker *w);

/* A worker's time, as it is shown. */
struct sluice_worker_times {
	u64 busy_ns;
	u64 idle_ns;
	u64 sleep_ns;
	u64 wakeups;
	u64 longest_pause_ns;
	u64 longest_round_ns;
};

/* --- control: RTNL --- */

/*
 * -EEXIST: there is one on @cpu already (an automatic one is taken over); -ENXIO: no such, or no
 * online core.
 */
struct sluice_worker *sluice_worker_add(unsigned int cpu, enum sluice_worker_mode mode,
					struct netlink_ext_ack *extack);
/*
 * Its queues move to the least loaded other worker; -EBUSY if there is none and it has queues;
 * -ETIMEDOUT: it is stuck.
 */
int sluice_worker_del(struct sluice_worker *w, struct netlink_ext_ack *extack);
void sluice_worker_set_mode(struct sluice_worker *w, enum sluice_worker_mode mode);
/* By its core; not the tenants'. */
struct sluice_worker *sluice_worker_find(unsigned int cpu);
/*
 * The host's one with the fewest users, or the tenants' one; made on a housekeeping core if there
 * is none. What tenants do costs a share of such a core, and none of the workers that the operator
 * asked for. ERR_PTR on failure.
 */
struct sluice_worker *sluice_worker_pick(bool tenants);
/* The tenants' one, or NULL. */
struct sluice_worker *sluice_worker_tenants(void);
/* It goes when nobody needs it any more. Without port->lock. */
void sluice_worker_drop_tenants(void);
/* Next worker after @w (NULL: the first), or NULL at the end. */
struct sluice_worker *sluice_worker_next(struct sluice_worker *w);
void sluice_worker_times(const struct sluice_worker *w, struct sluice_worker_times *t);

/* --- any context, RCU read side held or the worker otherwise kept --- */
void sluice_worker_wake(struct sluice_worker *w);

/* --- worker context --- */

/*
 * Make @mm the address space in use (NULL: none). Cheap when it is already. Who stands in for the
 * thread has one of its own, and touches none.
 */
void sluice_worker_use_mm(struct sluice_worker *w, struct mm_struct *mm);

/*
 * Keep the tenants' worker, or all others, from touching packets between the two calls; rings fill,
 * nothing is lost. Calls still run. -ETIMEDOUT: one is stuck in a burst, none is paused. RTNL.
 */
int sluice_worker_pause(bool tenants);
void sluice_worker_resume(bool tenants);
/*
 * Around a call that brings packets to one of them: none is paused in between. Process context,
 * without port->lock.
 */
void sluice_worker_pause_disable(bool tenants);
void sluice_worker_pause_enable(bool tenants);

/*
 * Remove what is left, once it answers; the last ports went before, and nobody is there who would
 * make one. Context: process.
 */
void sluice_worker_exit(void);

/* --- between the files of sluice.ko --- */

/* See to what a dead thread left behind, once. Context: stand_in_lock held. */
void sluice_worker_bury(struct sluice_worker *w);
/* Call @fn for each worker; none comes or goes meanwhile. True if any returned true. Process. */
bool sluice_worker_any(bool (*fn)(struct sluice_worker *w));
/* Another thread takes the place of the dead one. -ENOMEM, or an engine's error. RTNL. */
int sluice_worker_respawn(struct sluice_worker *w);

/* watchdog.c: as the operator reads it. */
const char *sluice_worker_state_text(enum sluice_worker_state state);
/* watchdog.c: there is a worker to look after. Any context. */
void sluice_watchdog_start(void);
/* It is off the list. */
void sluice_watchdog_forget(struct sluice_worker *w);
void sluice_watchdog_exit(void);

#endif /* _SLUICE_WORKER_H */
