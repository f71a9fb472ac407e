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

/* --- guarantees ------------------------------------------------------------------------------ */

static const char *const group_kinds[SLUICE_VOLUME_LIMITS][2] = {
	[SLUICE_VOLUME_READ] = { "read-iops", "read-bps" },
	[SLUICE_VOLUME_WRITE] = { "write-iops", "write-bps" },
};

/* @sum: of the group, NULL: the volume is in none. */
static int group_take(const struct sluice_volume_place *p, const char *kind,
		      const struct sluice_volume_rate *rate, struct sluice_volume_rate *sum,
		      struct netlink_ext_ack *extack)
{
	if (!rate->min)
		return 0;
	if (!sum || !sum->rate) {
		NL_SET_ERR_MSG_FMT(extack, "volume %s: %s-min needs its group's limit", p->name,
				   kind);
		return -EINVAL;
	}
	if (rate->min > sum->rate - sum->min) {
		NL_SET_ERR_MSG_FMT(extack, "group %s: more than its %s is guaranteed",
				   p->group->name, kind);
		return -EINVAL;
	}
	sum->min += rate->min;
	return 0;
}

static int group_take_all(const struct sluice_volume_place *p, struct netlink_ext_ack *extack)
{
	struct sluice_volume_group *g = p->group;
	unsigned int i;
	int err = 0;

	for (i = 0; i < SLUICE_VOLUME_LIMITS && !err; i++)
		err = group_take(p, group_kinds[i][0], &p->limit[i].iops,
				 g ? &g->sum[i].iops : NULL, extack) ?:
		      group_take(p, group_kinds[i][1], &p->limit[i].bps,
				 g ? &g->sum[i].bps : NULL, extack);
	return err;
}

int sluice_volume_group_check(const struct sluice_volume_place *but, struct netlink_ext_ack *extack)
{
	struct sluice_volume_group *g = NULL;
	struct sluice_volume *v = NULL;
	int err = 0;

	while ((g = sluice_volume_group_next(g)))
		memcpy(g->sum, g->limit, sizeof(g->sum));
	while (!err && (v = sluice_volume_next(v))) {
		const struct sluice_volume_place p = {
			.name = v->name, .group = v->group, .limit = v->limit };

		if (!v->gone && (!but || strcmp(but->name, v->name)))
			err = group_take_all(&p, extack);
	}
	return err || !but ? err : group_take_all(but, extack);
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
