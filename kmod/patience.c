// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whoever holds RTNL holds up everybody who wants something of a netdev. So what a command of ours
 * waits for, a worker or a device, it waits for at most once in vain, however many do not answer:
 * what comes after that has no time left (sluice_patience()).
 *
 * That is of one command, and of others that come right after it and are not ours (a namespace that
 * goes, `ip link`): hence a time, and not a mark of who waited.
 *
 * Devices may be slow and answer all the same, and a command may want many of them: so what it
 * waits for them is limited together, be it in vain or not. A worker that answers does so soon.
 */
#include <linux/completion.h>
#include <linux/jiffies.h>
#include <linux/rtnetlink.h>
#include <linux/timekeeping.h>
#include "patience.h"

/* How long there is none after a wait in vain, in jiffies: no command lasts longer. */
#define PATIENCE_GONE	HZ
/* How long a command waits for all its devices, in jiffies. */
#define PATIENCE_DEVICES	(HZ / 2)

/* Until when, in get_jiffies_64(). */
static u64 patience_back;
/* What it waited for devices until now, in jiffies; RTNL. */
static u64 patience_used;
/* In ktime_get_ns(): not all local clocks are fine. The longest is in ns. Written under RTNL. */
static u64 rtnl_since;
static u64 rtnl_longest;

void sluice_rtnl_lock(void)
{
	rtnl_lock();
	rtnl_since = ktime_get_ns();
	WRITE_ONCE(patience_back, 0);
	patience_used = 0;
}

void sluice_rtnl_unlock(void)
{
	WRITE_ONCE(rtnl_longest, max(rtnl_longest, ktime_get_ns() - rtnl_since));
	rtnl_unlock();
}

u64 sluice_rtnl_longest(void)
{
	return READ_ONCE(rtnl_longest);
}

unsigned long sluice_patience(unsigned long max)
{
	return time_after_eq64(get_jiffies_64(), READ_ONCE(patience_back)) ? max : 0;
}

void sluice_patience_spent(void)
{
	WRITE_ONCE(patience_back, get_jiffies_64() + PATIENCE_GONE);
}

unsigned long sluice_patience_devices(unsigned long max)
{
	ASSERT_RTNL();
	if (patience_used >= PATIENCE_DEVICES)
		return 0;
	return min_t(u64, sluice_patience(max), PATIENCE_DEVICES - patience_used);
}

void sluice_patience_use(u64 since)
{
	ASSERT_RTNL();
	patience_used += get_jiffies_64() - since;
}

bool sluice_patience_wait(struct completion *done, unsigned long max)
{
	unsigned long wait = sluice_patience_devices(max);
	u64 since = get_jiffies_64();
	bool ended;

	ended = wait && wait_for_completion_timeout(done, wait);
	sluice_patience_use(since);
	if (ended || completion_done(done))
		return true;
	sluice_patience_spent();
	return false;
}
SLUICE_EXPORT(sluice_patience_wait);
