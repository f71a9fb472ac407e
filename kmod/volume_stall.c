// SPDX-License-Identifier: GPL-2.0-only
/*
 * What fails because of a device, and is tried again until that works: a re-encryption, a wipe.
 * Meanwhile the volume says what it waits for, and an event and the log say so once.
 */
#include <linux/blkdev.h>
#include <linux/jiffies.h>
#include "netlink.h"
#include "volume.h"
#include "volume_stall.h"

/* What failed is tried again after that time, in jiffies, and then twice as long each time. */
#define STALL_MIN	(HZ / 10)
#define STALL_MAX	(10 * HZ)

void sluice_stall_begins(struct sluice_volume *v, struct sluice_stall *s,
			 const struct sluice_stall_words *words, int step, int err)
{
	bool first = !s->error;

	WRITE_ONCE(s->step, step);
	WRITE_ONCE(s->error, err);
	if (!first)
		return;
	pr_warn_ratelimited("sluice: volume %s: its %s stalls (%s): %pe\n", v->name, words->what,
			    words->steps[step], ERR_PTR(err));
	sluice_netlink_volume_event(words->event, v->name, -err);
}

void sluice_stall_ends(struct sluice_volume *v, struct sluice_stall *s,
		       const struct sluice_stall_words *words)
{
	if (!s->error)
		return;
	WRITE_ONCE(s->error, 0);
	pr_notice_ratelimited("sluice: volume %s: its %s goes on\n", v->name, words->what);
	sluice_netlink_volume_event(words->event, v->name, 0);
}

void sluice_stall_await(wait_queue_head_t *wait, unsigned int tries,
			bool (*called)(const void *arg), const void *arg)
{
	unsigned long delay = STALL_MIN << min(tries, 8U);

	wait_event_idle_timeout(*wait, called(arg), min_t(unsigned long, delay, STALL_MAX));
}
SLUICE_EXPORT(sluice_stall_await);

bool sluice_stall_gone(const struct block_device *bdev)
{
	return bdev && test_bit(GD_DEAD, &bdev->bd_disk->state);
}
SLUICE_EXPORT(sluice_stall_gone);
