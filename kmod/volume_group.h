/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Groups: volumes that have limits together, beside those that each has by itself. All of it under
 * RTNL.
 */
#ifndef _SLUICE_VOLUME_GROUP_H
#define _SLUICE_VOLUME_GROUP_H

#include "volume.h"

/**
 * struct sluice_volume_group - volumes that share limits
 * @name: unique among groups
 * @node: in the list of all
 * @gone: about to be removed: nobody joins it any more
 * @limit: by SLUICE_VOLUME_READ, SLUICE_VOLUME_WRITE
 * @sum: the same with what is guaranteed of it, as @min, while that is worked out
 * @engine: the engine's own state
 * @ops: the engine (module reference held); fixed
 */
struct sluice_volume_group {
	char name[SLUICE_VOLUME_NAME];
	struct list_head node;
	bool gone;
	struct sluice_volume_limit limit[SLUICE_VOLUME_LIMITS];
	struct sluice_volume_limit sum[SLUICE_VOLUME_LIMITS];
	void *engine;
	const struct sluice_blk_ops *ops;
};

/* -EEXIST; -ENODEV: no block engine is loaded; -ENOMEM. */
struct sluice_volume_group *sluice_volume_group_add(const char *name,
						    const struct sluice_volume_limit *limit,
						    struct netlink_ext_ack *extack);
/*
 * Removal in two steps, of which the first can be taken back: doom: -EBUSY and an extack while a
 * volume is in it.
 */
int sluice_volume_group_doom(struct sluice_volume_group *g, struct netlink_ext_ack *extack);
void sluice_volume_group_undoom(struct sluice_volume_group *g);
void sluice_volume_group_del(struct sluice_volume_group *g);
/* By name; NULL if there is none. */
struct sluice_volume_group *sluice_volume_group_find(const char *name);
/* Next group after @g (NULL: the first), or NULL at the end. */
struct sluice_volume_group *sluice_volume_group_next(struct sluice_volume_group *g);
/* How many volumes are in it. */
unsigned int sluice_volume_group_size(const struct sluice_volume_group *g);
/* What is configured; apply: is in force: a store, which cannot fail. */
void sluice_volume_group_set_limits(struct sluice_volume_group *g,
				    const struct sluice_volume_limit *limit);
void sluice_volume_group_apply_limits(struct sluice_volume_group *g);

/**
 * struct sluice_volume_place - what a volume is to have
 * @name: its name; of one that is there, or of a new one
 * @group: that it is to be in, NULL: none
 * @limit: by SLUICE_VOLUME_READ, SLUICE_VOLUME_WRITE
 */
struct sluice_volume_place {
	const char *name;
	struct sluice_volume_group *group;
	const struct sluice_volume_limit *limit;
};

/*
 * Are all volumes in groups that have a limit of which their guarantees are parts, and no group's
 * add up to more than that? All is as it is configured, but for @but, if it is not NULL. 0, or
 * -EINVAL and an extack.
 */
int sluice_volume_group_check(const struct sluice_volume_place *but,
			      struct netlink_ext_ack *extack);

#endif /* _SLUICE_VOLUME_GROUP_H */
