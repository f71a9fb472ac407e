/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Limits in packets and bits per second, shared by workers without a lock.
 *
 * What exceeds one is dropped (sluice_meter_pass()), or it stays where it is until its turn has
 * come (sluice_meter_turn(), sluice_meter_charge()).
 */
#ifndef _SLUICE_NET_METER_H
#define _SLUICE_NET_METER_H

#include <linux/atomic.h>
#include <linux/slab.h>
#include <linux/types.h>
#include "../engine.h"
#include "counter.h"
#include "reclaim.h"

/**
 * struct sluice_meter_limit - one limit, by the generic cell rate algorithm
 * @tat: when all that was charged will have been earned back (theoretical arrival time), in units
 *	of 2^-@shift ns, modulo 2^64; 0: never charged
 * @burst: how far @tat may run ahead of the clock
 * @step: what is earned before somebody who waits goes on
 * @horizon: how far it can run ahead at all: a @tat beyond is a leftover from before the modulus
 * @mult: units per byte or packet, << 10; 0: no limit
 * @shift: see @tat
 */
struct sluice_meter_limit {
	atomic64_t tat;
	u64 burst;
	u64 step;
	u64 horizon;
	u64 mult;
	u8 shift;
};

/**
 * struct sluice_meter - a rate in place
 * @bytes: limit on bits per second
 * @packets: limit on packets per second
 */
struct sluice_meter {
	struct sluice_meter_limit bytes;
	struct sluice_meter_limit packets;
};

/**
 * struct sluice_net_meter - a meter of flows, or a port's rate limit
 * @m: the mechanism
 * @passed: what conformed
 * @dropped: what did not
 * @reclaim: after removal
 * @id: the operator's name for it; 0 for a port's limit
 * @users: configured flows that refer to it; RTNL
 * @removed: it is configured no more, and goes when its transaction comes into force; RTNL
 * @patience: a port's limit towards the guest: for how many ns frames may wait for it
 * @rate: as it is shown, with default bursts filled in
 */
struct sluice_net_meter {
	struct sluice_meter m;
	struct sluice_counter passed;
	struct sluice_counter dropped;
	struct sluice_reclaim reclaim;
	u32 id;
	u32 users;
	bool removed;
	u64 patience;
	struct sluice_rate rate;
};

static inline size_t sluice_net_meter_memory(void)
{
	return kmalloc_size_roundup(sizeof(struct sluice_net_meter));
}

/* Is it sensible? 0 or -EINVAL with an explanation. */
int sluice_rate_check(const struct sluice_rate *r, struct netlink_ext_ack *extack);
/* Fill in a burst where a limit has none: 100 ms worth, at least 128 KiB and 128 packets. */
void sluice_rate_defaults(struct sluice_rate *r);
/* For how many ns frames may wait for it: until as much as a default burst has gone. */
u64 sluice_rate_patience(const struct sluice_rate *r);

/* A burst of 0 gets its default. More than 10^15 bit/s or 2 * 10^12 packets/s is no limit. */
void sluice_meter_init(struct sluice_meter *m, const struct sluice_rate *r);

/**
 * sluice_meter_pass() - may this pass now?
 * @m: meter
 * @now_ns: a monotonic clock
 * @packets: packets that it counts as; beyond 2^17 counts as 2^17
 * @bytes: beyond 2^22 counts as 2^22
 *
 * What exceeds the whole burst passes when nothing is owed, and is paid for afterwards: so a
 * segmented packet longer than the burst gets through, and the rate is kept. Context: any. Return:
 * true: it conforms and was charged, to both limits.
 */
bool sluice_meter_pass(struct sluice_meter *m, u64 now_ns, u32 packets, u32 bytes);

/**
 * struct sluice_meter_room - what may go now
 * @bytes: at least one
 * @packets: likewise
 */
struct sluice_meter_room {
	u32 bytes;
	u32 packets;
};

/**
 * sluice_meter_turn() - may somebody who can wait go on?
 * @m: meter
 * @t: his; all zero if nothing of his waited before
 * @now_ns: the same clock always
 * @room: how much, if he may. More can go by as much as does not come in parts (the rest of a
 *	packet, segments); it is paid for before the next
 *
 * Those who wait go in the order in which they began to, so none of them is kept from it by who
 * is faster. Who comes too late, or has nothing for a moment, makes up for 10 ms of it, if he
 * waited within the last 100 ms: so a small burst costs no rate. Context: any, one caller for each
 * @t. Return: 0: he may, and says by sluice_meter_charge() what it was; else after how many ns
 * to ask again.
 */
u64 sluice_meter_turn(struct sluice_meter *m, struct sluice_turn *t, u64 now_ns,
		      struct sluice_meter_room *room);
/* What went after that, by the same clock. Context: likewise. */
void sluice_meter_charge(struct sluice_meter *m, const struct sluice_turn *t, u64 now_ns,
			 u32 packets, u32 bytes);
/* Did he have to wait, just now? */
bool sluice_meter_waited(const struct sluice_turn *t, u64 now_ns);

#endif /* _SLUICE_NET_METER_H */
