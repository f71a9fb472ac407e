// SPDX-License-Identifier: GPL-2.0-only
/*
 * The watchdog: looks ten times a second, from a core that workers do not have, whether they go
 * round.
 *
 * DOC: Death of a worker
 *
 * On a host that does not panic on an oops the thread that had one ends, and all else goes on. What
 * it leaves behind is seen to once, by whoever finds it: the watchdog, or who waits for a call
 * (sluice_worker_bury()).
 *
 * - An oops in the midst of a guest's burst ended a thread that had borrowed the guest's address
 *   space. exit_mm() drops a user of it as if it had been the thread's own: that one is the front
 *   end's, and is given back.
 * - The engine's state may be torn. It is freed without a look at what is in it, and a new one is
 *   made.
 * - The queue that was visited is suspect: it is stopped, so that it cannot kill the next thread
 *   too. The others go on where their rings say, and so does one that frames of the burst were
 *   being written to, whose buffers are taken back. Frames of the burst may be sent twice, or not
 *   at all; their memory is lost, and counted once a death.
 *
 * Then a new thread takes over the same struct sluice_worker, with its queues. One that dies too
 * often is left dead for the rest of the minute: its ports hold, unless the operator moves them.
 *
 * Locks that the thread held stay locked: there are none on its path but those of the kernel.
 */
#include <linux/rtnetlink.h>
#include <linux/sched/clock.h>
#include <linux/sched/debug.h>
#include <linux/sched/mm.h>
#include <linux/timekeeping.h>
#include <linux/workqueue.h>
#include "netlink.h"
#include "port.h"
#include "worker.h"

/* Time between two looks, and while a dead worker waits for RTNL; in jiffies. */
#define WATCH_PERIOD	(HZ / 10)
#define WATCH_SOON	max(HZ / 100, 1)
/*
 * Looks that found no round: from then on it is late, or stuck. Looks and not time, for a host that
 * stood still itself is no worker's fault.
 */
#define WATCH_LATE	10
#define WATCH_STUCK	50

static void watch_work(struct work_struct *work);
static DECLARE_DELAYED_WORK(watch, watch_work);

const char *sluice_worker_state_text(enum sluice_worker_state state)
{
	static const char * const text[] = {
		[SLUICE_WORKER_OK] = "ok",
		[SLUICE_WORKER_LATE] = "late",
		[SLUICE_WORKER_STUCK] = "stuck",
		[SLUICE_WORKER_DEAD] = "dead",
	};

	return text[state];
}

/* Where one is that is stuck is said once a minute; one that is late may only want its core. */
static void watch_complain(struct sluice_worker *w)
{
	static DEFINE_RATELIMIT_STATE(limit, 60 * HZ, 1);

	pr_warn_ratelimited("sluice: worker %u is %s\n", w->cpu,
			    sluice_worker_state_text(w->state));
	if (w->state == SLUICE_WORKER_STUCK && __ratelimit(&limit))
		sched_show_task(w->task);
}

static void watch_set_state(struct sluice_worker *w, enum sluice_worker_state state)
{
	if (w->state == state)
		return;
	WRITE_ONCE(w->state, state);
	sluice_netlink_worker_event(SLUICE_EVENT_WORKER_STATE, w->cpu,
				    sluice_worker_state_text(state));
	if (state == SLUICE_WORKER_LATE || state == SLUICE_WORKER_STUCK)
		watch_complain(w);
}

/* --- what a dead thread leaves behind -------------------------------------------------------- */

static void bury_mm(struct sluice_worker *w)
{
	struct mm_struct *mm = w->mm;

	if (!mm)
		return;
	w->mm = NULL;
	/*
	 * The user that exit_mm() took becomes the front end's again, and the reference that was
	 * borrowed with the address space goes. If it was the last user the memory is gone
	 * already: then the reference stays, for what the front end still has is that pointer.
	 */
	if (mmget_not_zero(mm))
		mmdrop(mm);
}

void sluice_worker_bury(struct sluice_worker *w)
{
	lockdep_assert_held(&w->stand_in_lock);
	if (w->buried)
		return;
	w->buried = true;
	WRITE_ONCE(w->longest_found_ns,
		   max(w->longest_found_ns, local_clock() - READ_ONCE(w->alive_at)));
	watch_set_state(w, SLUICE_WORKER_DEAD);
	pr_err_ratelimited("sluice: worker %u: its thread died\n", w->cpu);
	bury_mm(w);
	sluice_engine_worker_abandon(w);
	/* What the burst had in hand. */
	if (w->queue || w->uplink)
		sluice_leak(0);
	if (w->queue)
		sluice_queue_suspect(w->queue);
	else if (w->uplink)
		sluice_port_hold_back(w->uplink, SLUICE_QUARANTINE_HOST);
	if (w->peer)
		sluice_queue_rewind(w->peer);
	w->queue = NULL;
	w->uplink = NULL;
	w->peer = NULL;
}

/* --- looking --------------------------------------------------------------------------------- */

/*
 * Modules whose code the thread may be in are not unloaded while it is stuck, for that would wait
 * for it without end.
 */
static void watch_pin(struct sluice_worker *w)
{
	if (w->pinned || !rtnl_trylock())
		return;
	w->pinned = try_module_get(THIS_MODULE);
	w->pinned_engine = sluice_engine_pin();
	rtnl_unlock();
}

static void watch_unpin(struct sluice_worker *w)
{
	if (!w->pinned)
		return;
	w->pinned = false;
	module_put(w->pinned_engine);
	module_put(THIS_MODULE);
}

void sluice_watchdog_forget(struct sluice_worker *w)
{
	watch_unpin(w);
}

static bool watch_may_respawn(struct sluice_worker *w)
{
	u64 now = ktime_get_seconds(), *slot = &w->death_at[w->deaths % SLUICE_WORKER_DEATHS];

	return w->deaths < SLUICE_WORKER_DEATHS || now - *slot >= SLUICE_WORKER_DEATHS_S;
}

/* True: look again soon. */
static bool watch_dead(struct sluice_worker *w)
{
	int err;

	sluice_worker_stand_in(w);
	if (!watch_may_respawn(w))
		return false;
	if (!rtnl_trylock())
		return true;
	err = sluice_worker_respawn(w);
	rtnl_unlock();
	if (err)
		return false;
	w->death_at[w->deaths % SLUICE_WORKER_DEATHS] = ktime_get_seconds();
	WRITE_ONCE(w->deaths, w->deaths + 1);
	WRITE_ONCE(w->looks, 0);
	watch_set_state(w, SLUICE_WORKER_OK);
	pr_warn("sluice: worker %u has a new thread\n", w->cpu);
	return false;
}

/* One that was woken, and does not get its core, holds nothing: its stack tells nobody anything. */
static void watch_overdue(struct sluice_worker *w)
{
	watch_set_state(w, READ_ONCE(w->asleep) ? SLUICE_WORKER_LATE : SLUICE_WORKER_STUCK);
	watch_pin(w);
}

static bool watch_one(struct sluice_worker *w)
{
	u64 loops = READ_ONCE(w->loops);

	if (sluice_worker_dead(w))
		return watch_dead(w);
	if (loops != w->seen_loops || sluice_worker_rests(w)) {
		WRITE_ONCE(w->looks, 0);
		WRITE_ONCE(w->seen_loops, loops);
		watch_set_state(w, SLUICE_WORKER_OK);
		watch_unpin(w);
		return false;
	}
	WRITE_ONCE(w->looks, w->looks + 1);
	if (w->looks > WATCH_STUCK || sluice_call_hopeless(w))
		watch_overdue(w);
	else if (w->looks > WATCH_LATE)
		watch_set_state(w, SLUICE_WORKER_LATE);
	return false;
}

static bool watch_is_there(struct sluice_worker *w)
{
	return true;
}

static void watch_work(struct work_struct *work)
{
	bool soon = sluice_worker_any(watch_one);

	if (sluice_worker_any(watch_is_there))
		queue_delayed_work(system_unbound_wq, &watch, soon ? WATCH_SOON : WATCH_PERIOD);
}

void sluice_watchdog_start(void)
{
	queue_delayed_work(system_unbound_wq, &watch, WATCH_PERIOD);
}

void sluice_watchdog_exit(void)
{
	cancel_delayed_work_sync(&watch);
}
