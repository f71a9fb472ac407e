/* SPDX-License-Identifier: GPL-2.0-only */
/* A volume's extent is wiped: see volume_erase.c. */
#ifndef _SLUICE_VOLUME_ERASE_H
#define _SLUICE_VOLUME_ERASE_H

#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include "progress.h"
#include "volume_pace.h"
#include "volume_stall.h"

struct netlink_ext_ack;
struct sluice_volume;

enum sluice_erasure {
	SLUICE_ERASE_NONE,
	SLUICE_ERASE_ZERO,	/* zeroes; the device keeps its blocks */
	SLUICE_ERASE_DISCARD,	/* zeroes; the device may give blocks back for that */
	SLUICE_ERASE_SECURE,	/* by the device's command for it */
	SLUICE_ERASE_KEY,	/* only the record is; the key is the caller's to destroy */
};

/* What a wipe is at when it cannot go on. */
enum sluice_erase_step {
	SLUICE_ERASE_AT_WRITE,	/* the volume's device */
	SLUICE_ERASE_AT_RECORD,
	SLUICE_ERASE_OVER,	/* it is not tried again */
};

/**
 * struct sluice_volume_erase - a volume that is being wiped
 * @how: NONE: it is not; written under RTNL, READ_ONCE elsewhere
 * @last: it goes when it is wiped, or is wiped in vain; RTNL
 * @done: 512-byte sectors that are; written by the work, READ_ONCE elsewhere
 * @durable: so many of them will be after a power cut; the work's
 * @progress: @done over time
 * @stall: why it does not go on, or stalls; at an enum sluice_erase_step
 * @tries: how often that failed; the work's
 * @pace: how fast; written under RTNL, READ_ONCE elsewhere
 * @charged: since when it is charged; the work's
 * @len: sectors that it is charged for; the work's
 * @stop: it is to go no further; set once, READ_ONCE elsewhere
 * @wait: where it waits until it tries again, or may go on; woken when that changed
 * @work: wipes one that is new
 */
struct sluice_volume_erase {
	enum sluice_erasure how;
	bool last;
	u64 done;
	u64 durable;
	struct sluice_progress progress;
	struct sluice_stall stall;
	unsigned int tries;
	struct sluice_pace pace;
	u64 charged;
	u64 len;
	bool stop;
	wait_queue_head_t wait;
	struct work_struct work;
};

/* The module. */
int sluice_volume_erase_module_init(void);
void sluice_volume_erase_module_exit(void);

void sluice_volume_erase_init(struct sluice_volume *v);
/*
 * Can it be wiped so, and by the caller? 0; -EPERM; -EINVAL: it is read-only, or has no key;
 * -EOPNOTSUPP: its device has nothing of the kind; -ENODEV: it was pulled out; each with an extack.
 * RTNL.
 */
int sluice_volume_erase_check(const struct sluice_volume *v, enum sluice_erasure how,
			      struct netlink_ext_ack *extack);
/* Of a new one, of which no front end hears until it is through. RTNL. */
void sluice_volume_erase_begin(struct sluice_volume *v, enum sluice_erasure how);
/* How fast that, or what follows, goes on. RTNL. */
void sluice_volume_erase_set_pace(struct sluice_volume *v, const struct sluice_pace *pace);
/* That, or what follows, goes no further. Any context. */
void sluice_volume_erase_give_up(struct sluice_volume *v);
/*
 * Of one that goes, whose @work ends it. plan: that begins on another queue then; RTNL. finish: no
 * new one is being wiped any more, and this one is, if it is to be; waits for the device, hence no
 * RTNL.
 */
void sluice_volume_erase_plan(struct sluice_volume *v, enum sluice_erasure how,
			      struct work_struct *work);
void sluice_volume_erase_finish(struct sluice_volume *v);
/* For who shows it: what it stalls at, or NULL; sectors a second, as it is now. */
const char *sluice_volume_erase_stalled(const struct sluice_volume *v);
u64 sluice_volume_erase_rate(const struct sluice_volume *v);

#endif /* _SLUICE_VOLUME_ERASE_H */
