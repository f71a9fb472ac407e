/* SPDX-License-Identifier: GPL-2.0-only */
/* Limits in packets and bits per second, shared by workers without a lock. */
#ifndef _SLUICE_NET_METER_H
#define _SLUICE_NET_METER_H

#include <linux/atomic.h>
#include <linux/types.h>
#include "../engine.h"
#include "counter.h"
#include "reclaim.h"

/**
 * struct sluice_meter_limit - one limit, by the generic cell rate algorithm
 * @tat: when all that was charged will have been earned back (theoretical arrival time), in units
 *	of 2^-@shift ns, modulo 2^64; 0: never charged
 * @burst: how far @tat may run ahead of the clock
 * @horizon: how far it can run ahead at all: a @tat beyond is a leftover from before the modulus
 * @mult: units per byte or packet, << 10; 0: no limit
 * @shift: see @tat
 */
struct sluice_meter_limit {
	atomic64_t tat;
	u64 burst;
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
	struct sluice_rate rate;
};

/* Is it sensible? 0 or -EINVAL with an explanation. */
int sluice_rate_check(const struct sluice_rate *r, struct netlink_ext_ack *extack);
/* Fill in a burst where a limit has none: 100 ms worth, at least 128 KiB and 128 packets. */
void sluice_rate_defaults(struct sluice_rate *r);

/* A burst of 0 gets its default. More than 10^15 bit/s or 2 * 10^12 packets/s is no limit. */
void sluice_meter_init(struct sluice_meter *m, const struct sluice_rate *r);

/**
 * sluice_meter_pass() - may this pass now?
 * @m: meter
 * @now_ns: a monotonic clock
 * @packets: packets that it counts as; beyond 2^17 counts as 2^17
 * @bytes: beyond 2^20 counts as 2^20
 *
 * What exceeds the whole burst passes when nothing is owed, and is paid for afterwards: so a
 * segmented packet longer than the burst gets through, and the rate is kept. Context: any. Return:
 * true: it conforms and was charged, to both limits.
 */
bool sluice_meter_pass(struct sluice_meter *m, u64 now_ns, u32 packets, u32 bytes);

#endif /* _SLUICE_NET_METER_H */
