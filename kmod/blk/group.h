/* SPDX-License-Identifier: GPL-2.0-only */
/* Limits that volumes have together. */
#ifndef _SLUICE_BLK_GROUP_H
#define _SLUICE_BLK_GROUP_H

#include <linux/rcupdate.h>
#include "../volume_group.h"
#include "limit.h"

/**
 * struct sluice_blk_group - what hangs on a group
 * @limit: by enum sluice_volume_op (READ, WRITE)
 * @rcu: frees it
 */
struct sluice_blk_group {
	struct sluice_limit limit[SLUICE_VOLUME_LIMITS];
	struct rcu_head rcu;
};

/* What the engine provides: see engine_blk.h. */
int sluice_blk_group_add(struct sluice_volume_group *g);
void sluice_blk_group_limit(struct sluice_volume_group *g);
void sluice_blk_group_del(struct sluice_volume_group *g);
void sluice_blk_group_join(struct sluice_volume *v);

#endif /* _SLUICE_BLK_GROUP_H */
