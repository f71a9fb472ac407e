// SPDX-License-Identifier: GPL-2.0-only
/* Limits that volumes have together: see group.h. */
#include <linux/slab.h>
#include "blk.h"
#include "group.h"

static void group_set_limits(const struct sluice_volume_group *g, struct sluice_blk_group *bg)
{
	unsigned int i;

	for (i = 0; i < SLUICE_VOLUME_LIMITS; i++)
		sluice_limit_set(&bg->limit[i], &g->limit[i]);
}

int sluice_blk_group_add(struct sluice_volume_group *g)
{
	struct sluice_blk_group *bg = kzalloc(sizeof(*bg), GFP_KERNEL);

	if (!bg)
		return -ENOMEM;
	group_set_limits(g, bg);
	g->engine = bg;
	return 0;
}

void sluice_blk_group_limit(struct sluice_volume_group *g)
{
	group_set_limits(g, g->engine);
}

/* A worker that has seen it in a volume may be looking at it. */
void sluice_blk_group_del(struct sluice_volume_group *g)
{
	struct sluice_blk_group *bg = g->engine;

	g->engine = NULL;
	kfree_rcu(bg, rcu);
}

void sluice_blk_group_join(struct sluice_volume *v)
{
	struct sluice_blk_volume *bv = v->engine;

	rcu_assign_pointer(bv->group, v->group ? v->group->engine : NULL);
	/* Who waits for another limit asks again. */
	sluice_blk_wake_all(v);
}
