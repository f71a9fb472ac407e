// SPDX-License-Identifier: GPL-2.0-only
/* How fast something long goes on, as the operator wants it: a re-encryption, a wipe. */
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include "volume_pace.h"

/* What it was late by it makes up for, in ns, but no more: a clock's tick, and a busy device. */
#define PACE_LATE	(100 * NSEC_PER_MSEC)

bool sluice_pace_set(struct sluice_pace *now, const struct sluice_pace *pace,
		     wait_queue_head_t *wait)
{
	bool goes_on = now->paused && !pace->paused;

	WRITE_ONCE(now->bps, pace->bps);
	WRITE_ONCE(now->paused, pace->paused);
	wake_up_all(wait);
	return goes_on;
}

static bool pace_rests(const struct sluice_pace_wait *w)
{
	return READ_ONCE(w->pace->paused) && !w->called(w->arg);
}

void sluice_pace_rest(const struct sluice_pace_wait *w)
{
	wait_event_idle(*w->wait, !pace_rests(w));
}
SLUICE_EXPORT(sluice_pace_rest);

u64 sluice_pace_await(const struct sluice_pace_wait *w, u64 charged, u64 bytes)
{
	u64 now, due, bps;

	for (;;) {
		sluice_pace_rest(w);
		bps = READ_ONCE(w->pace->bps);
		due = bps ? charged + div64_u64(bytes * NSEC_PER_SEC, bps) : 0;
		now = ktime_get_ns();
		if (w->called(w->arg))
			return charged;
		if (due <= now)
			return max(due, now - PACE_LATE);
		wait_event_idle_timeout(*w->wait, pace_rests(w) || w->called(w->arg) ||
					bps != READ_ONCE(w->pace->bps),
					nsecs_to_jiffies(due - now) + 1);
	}
}
SLUICE_EXPORT(sluice_pace_await);
