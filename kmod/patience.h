/* SPDX-License-Identifier: GPL-2.0-only */
/* How long whoever holds RTNL waits, and how long it was held: see patience.c. */
#ifndef _SLUICE_PATIENCE_H
#define _SLUICE_PATIENCE_H

#include <linux/types.h>

struct completion;

/* Around a command of ours, which has all its patience yet. Process context. */
void sluice_rtnl_lock(void);
void sluice_rtnl_unlock(void);
/* The longest that a command held it, in ns. */
u64 sluice_rtnl_longest(void);

/*
 * How long to wait, in jiffies, where @max would be waited by itself: that, or 0. Any context; of
 * others than commands some may be left the less.
 */
unsigned long sluice_patience(unsigned long max);
/* It was waited in vain. */
void sluice_patience_spent(void);
/*
 * How long to wait for a device, likewise: what is left of what the command has for all of them.
 * Then say that it was waited, from @since on, in get_jiffies_64(). RTNL.
 */
unsigned long sluice_patience_devices(unsigned long max);
void sluice_patience_use(u64 since);
/* Both, for at most @max. True: @done was completed. Process context, RTNL. */
bool sluice_patience_wait(struct completion *done, unsigned long max);

#endif /* _SLUICE_PATIENCE_H */
