// SPDX-License-Identifier: GPL-2.0-only
/* Groups of volumes: see volume_group.h. */
#include <linux/module.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include "engine_blk.h"
#include "volume_group.h"

/* RTNL */
static LIST_HEAD(groups);

struct sluice_volume_group *sluice_volume_group_next(struct sluice_volume_group *g)
{
	ASSERT_RTNL();
	if (!g)
		return list_first_entry_or_null(&groups, struct sluice_volume_group, node);
	return list_is_last(&g->node, &groups) ? NULL : list_next_entry(g, node);
}

struct sluice_volume_group *sluice_volume_group_find(const char *name)
{
	struct sluice_volume_group *g = NULL;

	while ((g = sluice_volume_group_next(g))) {
		if (!strcmp(g->name, name))
			return g;
	}
	return NULL;
}

unsigned int sluice_volume_group_size(const struct sluice_volume_group *g)
{
	struct sluice_volume *v = NULL;
	unsigned int n = 0;

	while ((v = sluice_volume_next(v)))
		n += v->group == g && !v->gone;
	return n;
}

void sluice_volume_group_set_limits(struct sluice_volume_group *g,
				    const struct sluice_volume_limit *limit)
{
	unsigned int i;

	ASSERT_RTNL();
	for (i = 0; i < SLUICE_VOLUME_LIMITS; i++) {
		g->limit[i] = limit[i];
		sluice_volume_usual_bursts(&g->limit[i]);
	}
}

void sluice_volume_group_apply_limits(struct sluice_volume_group *g)
{
	struct sluice_volume *v = NULL;

	ASSERT_RTNL();
	g->ops->group_limit(g);
	/* Who waits for the old limit asks again. */
	while ((v = sluice_volume_next(v))) {
		if (v->group == g)
			g->ops->volume_group(v);
	}
}

static int group_engage(struct sluice_volume_group *g, struct netlink_ext_ack *extack)
{
	int err;

	g->ops = sluice_blk_engine();
	if (!g->ops || !try_module_get(g->ops->owner)) {
		NL_SET_ERR_MSG(extack, "no block engine is loaded: modprobe sluice_blk");
		return -ENODEV;
	}
	err = g->ops->group_add(g);
	if (err)
		module_put(g->ops->owner);
	return err;
}

struct sluice_volume_group *sluice_volume_group_add(const char *name,
						    const struct sluice_volume_limit *limit,
						    struct netlink_ext_ack *extack)
{
	struct sluice_volume_group *g;
	int err;

	ASSERT_RTNL();
	if (sluice_volume_group_find(name)) {
		NL_SET_ERR_MSG(extack, "there is a group of that name");
		return ERR_PTR(-EEXIST);
	}
	g = kzalloc(sizeof(*g), GFP_KERNEL);
	if (!g)
		return ERR_PTR(-ENOMEM);
	strscpy(g->name, name, sizeof(g->name));
	sluice_volume_group_set_limits(g, limit);
	err = group_engage(g, extack);
	if (err) {
		kfree(g);
		return ERR_PTR(err);
	}
	list_add_tail(&g->node, &groups);
	return g;
}

int sluice_volume_group_doom(struct sluice_volume_group *g, struct netlink_ext_ack *extack)
{
	ASSERT_RTNL();
	if (sluice_volume_group_size(g)) {
		NL_SET_ERR_MSG(extack, "volumes are in it: 'sluice volume set NAME group none'");
		return -EBUSY;
	}
	g->gone = true;
	return 0;
}

void sluice_volume_group_undoom(struct sluice_volume_group *g)
{
	ASSERT_RTNL();
	g->gone = false;
}

void sluice_volume_group_del(struct sluice_volume_group *g)
{
	ASSERT_RTNL();
	list_del(&g->node);
	g->ops->group_del(g);
	module_put(g->ops->owner);
	kfree(g);
}
