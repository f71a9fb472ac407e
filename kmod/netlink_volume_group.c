// SPDX-License-Identifier: GPL-2.0-only
/* Commands about groups of volumes. */
#include <linux/rtnetlink.h>
#include "netlink_ops.h"
#include "volume_group.h"

struct group_step {
	struct sluice_step step;
	struct sluice_volume_group *group;
	struct sluice_volume_limit limit[SLUICE_VOLUME_LIMITS];
};

/* --- attributes ------------------------------------------------------------------------------ */

static struct sluice_volume_group *group_get(const struct nlattr *name,
					     struct netlink_ext_ack *extack)
{
	struct sluice_volume_group *g = sluice_volume_group_find(nla_data(name));

	if (!g || g->gone) {
		NL_SET_ERR_MSG_ATTR_FMT(extack, name,
					"no group '%s': see 'sluice volume-group show'",
					(const char *)nla_data(name));
		return ERR_PTR(-ENOENT);
	}
	return g;
}

static struct sluice_volume_group *group_need(struct sluice_change *c)
{
	struct nlattr *name = sluice_nl_need(c, SLUICE_A_VOLUME_GROUP);

	return name ? group_get(name, c->extack) : ERR_PTR(-EINVAL);
}

static const char *group_new_name(struct sluice_change *c)
{
	struct nlattr *name = sluice_nl_need(c, SLUICE_A_VOLUME_GROUP);

	if (!name)
		return NULL;
	/* Who says that a volume is in no group says so. */
	if (!sluice_nl_volume_name_valid(nla_data(name)) || !strcmp(nla_data(name), "none")) {
		NL_SET_ERR_MSG_ATTR(c->extack, name,
				    "a group's name has 1 to 31 printable characters, no / or space, and is not 'none'");
		return NULL;
	}
	return nla_data(name);
}

int sluice_nl_volume_get_group(const struct sluice_change *c, struct sluice_volume_group **group)
{
	const struct nlattr *name = c->attrs[SLUICE_A_VOLUME_GROUP];
	struct sluice_volume_group *g = NULL;

	if (!name)
		return 0;
	if (*(const char *)nla_data(name))
		g = group_get(name, c->extack);
	if (IS_ERR(g))
		return PTR_ERR(g);
	*group = g;
	return 0;
}

int sluice_nl_volume_put_group(struct sk_buff *skb, const struct sluice_volume_group *g)
{
	return g ? nla_put_string(skb, SLUICE_A_VOLUME_GROUP, g->name) : 0;
}

static int group_check_all(struct netlink_ext_ack *extack)
{
	return sluice_volume_group_check(NULL, extack);
}

int sluice_nl_volume_check_group(struct sluice_change *c, const char *name,
				 struct sluice_volume_group *group,
				 const struct sluice_volume_limit *limit)
{
	const struct sluice_volume_place place = { .name = name, .group = group, .limit = limit };

	if (!c->txn)
		return sluice_volume_group_check(&place, c->extack);
	sluice_change_check(c, group_check_all);
	return 0;
}

/* --- making and removing --------------------------------------------------------------------- */

/* What joined it left it again: changes are undone in reverse order. */
static int group_undo_add(struct sluice_step *step)
{
	sluice_volume_group_del(container_of(step, struct group_step, step)->group);
	return 0;
}

static int group_add(struct sluice_change *c)
{
	struct sluice_volume_limit limit[SLUICE_VOLUME_LIMITS] = {};
	const char *name = group_new_name(c);
	struct sluice_volume_group *g;
	struct group_step *undo;
	int err;

	if (!name)
		return -EINVAL;
	err = sluice_nl_volume_get_limits(c, limit);
	if (err)
		return err;
	undo = sluice_change_undo(c, sizeof(*undo), group_undo_add);
	if (IS_ERR(undo))
		return PTR_ERR(undo);
	g = sluice_volume_group_add(name, limit, c->extack);
	if (IS_ERR(g))
		return PTR_ERR(g);
	if (undo) {
		undo->group = g;
		undo->step.armed = true;
	}
	return 0;
}

static int group_undo_del(struct sluice_step *step)
{
	sluice_volume_group_undoom(container_of(step, struct group_step, step)->group);
	return 0;
}

static int group_step_del(struct sluice_step *step)
{
	sluice_volume_group_del(container_of(step, struct group_step, step)->group);
	return 0;
}

/* Volumes that leave it in the same transaction do so for workers before the end of that. */
static int group_del(struct sluice_change *c)
{
	struct sluice_volume_group *g = group_need(c);
	struct group_step *undo, *later;
	int err;

	if (IS_ERR(g))
		return PTR_ERR(g);
	undo = sluice_change_undo(c, sizeof(*undo), group_undo_del);
	if (IS_ERR(undo))
		return PTR_ERR(undo);
	err = sluice_volume_group_doom(g, c->extack);
	if (err)
		return err;
	if (!undo) {
		sluice_volume_group_del(g);
		return 0;
	}
	undo->group = g;
	undo->step.armed = true;
	later = sluice_change_defer(c, sizeof(*later), group_step_del);
	if (IS_ERR(later))
		return PTR_ERR(later);
	later->group = g;
	return 0;
}

/* --- changing -------------------------------------------------------------------------------- */

static int group_undo_set(struct sluice_step *step)
{
	const struct group_step *undo = container_of(step, struct group_step, step);

	sluice_volume_group_set_limits(undo->group, undo->limit);
	return 0;
}

static int group_step_limits(struct sluice_step *step)
{
	sluice_volume_group_apply_limits(container_of(step, struct group_step, step)->group);
	return 0;
}

/* What it was is put back if its volumes are guaranteed more. */
static int group_check_limits(struct sluice_change *c, struct sluice_volume_group *g,
			      const struct sluice_volume_limit *was)
{
	int err;

	if (c->txn) {
		sluice_change_check(c, group_check_all);
		return 0;
	}
	err = group_check_all(c->extack);
	if (err)
		sluice_volume_group_set_limits(g, was);
	return err;
}

static int group_apply_limits(struct sluice_change *c, struct sluice_volume_group *g)
{
	struct group_step *store;

	if (!c->txn) {
		sluice_volume_group_apply_limits(g);
		return 0;
	}
	store = sluice_change_store(c, sizeof(*store), group_step_limits);
	if (IS_ERR(store))
		return PTR_ERR(store);
	store->group = g;
	return 0;
}

static int group_set(struct sluice_change *c)
{
	struct sluice_volume_group *g = group_need(c);
	struct sluice_volume_limit limit[SLUICE_VOLUME_LIMITS], was[SLUICE_VOLUME_LIMITS];
	struct group_step *undo;
	int err;

	if (IS_ERR(g))
		return PTR_ERR(g);
	memcpy(was, g->limit, sizeof(was));
	memcpy(limit, g->limit, sizeof(limit));
	err = sluice_nl_volume_get_limits(c, limit);
	/* Who gets the same limit again has had a part of it. */
	if (err || !memcmp(limit, g->limit, sizeof(limit)))
		return err;
	undo = sluice_change_undo(c, sizeof(*undo), group_undo_set);
	if (IS_ERR(undo))
		return PTR_ERR(undo);
	if (undo) {
		undo->group = g;
		memcpy(undo->limit, was, sizeof(undo->limit));
		undo->step.armed = true;
	}
	sluice_volume_group_set_limits(g, limit);
	return group_check_limits(c, g, was) ?: group_apply_limits(c, g);
}

int sluice_nl_volume_group_add_doit(struct sk_buff *skb, struct genl_info *info)
{
	return sluice_change_do_aside(skb, info, group_add, SLUICE_OBJECT_VOLUME);
}

int sluice_nl_volume_group_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	return sluice_change_do(skb, info, group_set, SLUICE_OBJECT_VOLUME);
}

int sluice_nl_volume_group_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	return sluice_change_do(skb, info, group_del, SLUICE_OBJECT_VOLUME);
}

/* --- showing --------------------------------------------------------------------------------- */

static int group_put(struct sk_buff *skb, const void *obj)
{
	const struct sluice_volume_group *g = obj;

	return sluice_nl_volume_put_group(skb, g) ?:
	       sluice_nl_volume_put_limits(skb, g->limit) ?:
	       nla_put_u32(skb, SLUICE_A_VOLUME_VOLUMES, sluice_volume_group_size(g));
}

/* The place is how many were shown, as with volumes: a change on the way is flagged. */
int sluice_nl_volume_group_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct sluice_nl_out out = { .skb = skb, .cb = cb, .net = sock_net(skb->sk) };
	const struct nlattr *filter = genl_info_dump(cb)->attrs[SLUICE_A_VOLUME_GROUP];
	struct sluice_volume_group *g = NULL, *only = NULL;
	struct sluice_nl_dump *d = sluice_nl_dump(cb);
	unsigned int n = 0;
	int err = 0;

	sluice_rtnl_lock();
	sluice_nl_dump_gen(cb, NULL, NULL);
	if (filter)
		only = group_get(filter, cb->extack);
	if (IS_ERR(only)) {
		/* One that went meanwhile was shown, or its dump is flagged anyhow. */
		err = d->begun ? 0 : PTR_ERR(only);
		goto unlock;
	}
	d->begun = true;
	while ((g = sluice_volume_group_next(g))) {
		if (n++ < d->part || (only && g != only))
			continue;
		err = sluice_nl_dump_one(&out, group_put, g);
		if (err)
			break;
		d->part = n;
	}
unlock:
	sluice_rtnl_unlock();
	return err;
}
