/* SPDX-License-Identifier: GPL-2.0-only */
/* Limits, as they are configured. Compiles in userspace too. */
#ifndef _SLUICE_VOLUME_LIMIT_H
#define _SLUICE_VOLUME_LIMIT_H

#include <linux/types.h>

/**
 * struct sluice_volume_rate - so much a second
 * @rate: units per second; 0: no limit, and then @burst and @peak are 0 too
 * @burst: units that may come in advance after a pause, not 0
 * @peak: units per second at which they may; 0: at once
 * @min: units per second of its group's limit that it has whatever the others of the group do; no
 *	more than @rate, if that is not 0. Always 0 in a group's own
 */
struct sluice_volume_rate {
	u64 rate;
	u64 burst;
	u64 peak;
	u64 min;
};

/**
 * struct sluice_volume_limit - of one direction; compared as memory
 * @iops: requests
 * @bps: bytes
 * @unit: bytes of a request that counts as one; 0: however many it has
 */
struct sluice_volume_limit {
	struct sluice_volume_rate iops;
	struct sluice_volume_rate bps;
	u64 unit;
};

#endif /* _SLUICE_VOLUME_LIMIT_H */
