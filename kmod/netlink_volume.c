// SPDX-License-Identifier: GPL-2.0-only
/* Commands about volumes. They are the host's, whichever namespace asks. */
#include <linux/rtnetlink.h>
#include <linux/sizes.h>
#include "netlink_ops.h"
#include "volume.h"

/* A volume with all its queues, its paths and its keys' names is one message. */
#define VOLUME_DUMP_SIZE	(4 * SZ_8K)

static_assert((int)SLUICE_VOLUME_READ == SLUICE_BLOCK_OP_READ);
static_assert((int)SLUICE_VOLUME_WRITE == SLUICE_BLOCK_OP_WRITE);
static_assert((int)SLUICE_VOLUME_FLUSH == SLUICE_BLOCK_OP_FLUSH);
static_assert((int)SLUICE_VOLUME_DISCARD == SLUICE_BLOCK_OP_DISCARD);
static_assert((int)SLUICE_VOLUME_ZEROES == SLUICE_BLOCK_OP_WRITE_ZEROES);
static_assert((int)SLUICE_VOLUME_OTHER == SLUICE_BLOCK_OP_OTHER);
static_assert((int)SLUICE_STAGE_QUEUE == SLUICE_BLOCK_STAGE_QUEUE);
static_assert((int)SLUICE_STAGE_CIPHER == SLUICE_BLOCK_STAGE_CIPHER);
static_assert((int)SLUICE_STAGE_DEVICE == SLUICE_BLOCK_STAGE_DEVICE);

struct volume_step {
	struct sluice_step step;
	struct sluice_volume *volume;
	struct volume_step *later;
	u64 sectors;
	char serial[SLUICE_VOLUME_SERIAL];
	struct sluice_volume_limit limit[SLUICE_VOLUME_LIMITS];
	struct sluice_volume_group *group;
	struct sluice_pace pace;
};

struct volume_mode_step {
	struct sluice_step step;
	bool enforce;
};

struct volume_assign_step {
	struct sluice_step step;
	struct sluice_volume *volume;
	unsigned int cpu[SLUICE_VOLUME_MAX_QUEUES];
};

/* --- attributes ------------------------------------------------------------------------------ */

static struct sluice_volume *volume_get(const struct nlattr *name, struct netlink_ext_ack *extack)
{
	struct sluice_volume *v = sluice_volume_find(nla_data(name));

	if (v && v->erase.last) {
		NL_SET_ERR_MSG(extack,
			       "the volume is removed when it is wiped: see 'sluice volume show'");
		return ERR_PTR(-EBUSY);
	}
	if (!v || v->gone) {
		NL_SET_ERR_MSG_ATTR_FMT(extack, name,
					"no volume '%s': see 'sluice volume show'",
					(const char *)nla_data(name));
		return ERR_PTR(-ENOENT);
	}
	return v;
}

static struct sluice_volume *volume_need(struct sluice_change *c, int type)
{
	struct nlattr *name = sluice_nl_need(c, type);

	return name ? volume_get(name, c->extack) : ERR_PTR(-EINVAL);
}

struct sluice_volume *sluice_nl_need_volume(struct sluice_change *c)
{
	return volume_need(c, SLUICE_A_VOLUME_NAME);
}

bool sluice_nl_volume_name_valid(const char *name)
{
	const char *s = name;

	while (*s > ' ' && *s < 0x7f && *s != '/')
		s++;
	return s != name && !*s;
}

static const char *volume_new_name(struct sluice_change *c)
{
	struct nlattr *name = sluice_nl_need(c, SLUICE_A_VOLUME_NAME);

	if (!name)
		return NULL;
	if (!sluice_nl_volume_name_valid(nla_data(name))) {
		NL_SET_ERR_MSG_ATTR(c->extack, name,
				    "a volume's name has 1 to 31 printable characters, no / or space");
		return NULL;
	}
	if (sluice_name_is_taken(nla_data(name))) {
		NL_SET_ERR_MSG_ATTR(c->extack, name,
				    "sysfs has that name for itself: choose another");
		return NULL;
	}
	return nla_data(name);
}

static u64 get_uint(const struct sluice_change *c, int type)
{
	return c->attrs[type] ? nla_get_uint(c->attrs[type]) : 0;
}

static const char *get_serial(const struct sluice_change *c)
{
	return c->attrs[SLUICE_A_VOLUME_SERIAL] ? nla_data(c->attrs[SLUICE_A_VOLUME_SERIAL]) : NULL;
}

static u32 get_u32(const struct sluice_change *c, int type)
{
	return c->attrs[type] ? nla_get_u32(c->attrs[type]) : 0;
}

/* --- making and removing --------------------------------------------------------------------- */

/* No front end can have come meanwhile: RTNL was held since it was made. */
static int volume_undo_add(struct sluice_step *step)
{
	struct sluice_volume *v = container_of(step, struct volume_step, step)->volume;
	int err = sluice_volume_doom(v, NULL);

	if (!err)
		sluice_volume_del(v, SLUICE_ERASE_NONE);
	return err;
}

static int volume_get_params(struct sluice_change *c, struct sluice_volume_params *p)
{
	struct nlattr *path = sluice_nl_need(c, SLUICE_A_VOLUME_PATH);

	if (!path)
		return -EINVAL;
	p->path = nla_data(path);
	/* It is shown later, to whoever is wherever. */
	if (*p->path != '/') {
		NL_SET_ERR_MSG_ATTR(c->extack, path, "name the device by its full path: /dev/...");
		return -EINVAL;
	}
	p->serial = get_serial(c);
	p->start = get_uint(c, SLUICE_A_VOLUME_START);
	p->sectors = get_uint(c, SLUICE_A_VOLUME_SECTORS);
	p->read_only = nla_get_flag(c->attrs[SLUICE_A_VOLUME_READ_ONLY]);
	p->block_size = get_u32(c, SLUICE_A_VOLUME_BLOCK_SIZE);
	p->queues = get_u32(c, SLUICE_A_VOLUME_QUEUES);
	p->key = c->attrs[SLUICE_A_VOLUME_KEY] ? nla_get_s32(c->attrs[SLUICE_A_VOLUME_KEY]) : 0;
	if (c->attrs[SLUICE_A_VOLUME_KEY_BEFORE])
		p->key_before = nla_get_s32(c->attrs[SLUICE_A_VOLUME_KEY_BEFORE]);
	p->sector_size = get_u32(c, SLUICE_A_VOLUME_SECTOR_SIZE);
	p->iv_offset = get_uint(c, SLUICE_A_VOLUME_IV_OFFSET);
	p->allow_discards = nla_get_flag(c->attrs[SLUICE_A_VOLUME_ALLOW_DISCARDS]);
	p->integrity = nla_get_flag(c->attrs[SLUICE_A_VOLUME_INTEGRITY]);
	if (!p->key && (p->sector_size || p->iv_offset || p->key_before)) {
		NL_SET_ERR_MSG(c->extack, "the cipher's sectors mean nothing without a key");
		return -EINVAL;
	}
	if (!p->key && p->allow_discards) {
		NL_SET_ERR_MSG(c->extack, "discards need no leave without a key");
		return -EINVAL;
	}
	sluice_nl_volume_get_pace(c, SLUICE_A_VOLUME_REKEY_BPS, SLUICE_A_VOLUME_REKEY_PAUSE,
				  &p->pace);
	return sluice_nl_volume_get_record(c, p) ?: sluice_nl_volume_get_new_erase(c, p) ?:
	       sluice_nl_volume_get_limits(c, p->limit) ?:
	       sluice_nl_volume_get_minimums(c, p->limit) ?:
	       sluice_nl_volume_get_group(c, &p->group);
}

static int volume_add(struct sluice_change *c)
{
	struct sluice_volume_params params = {};
	const char *name = volume_new_name(c);
	struct volume_step *undo;
	struct sluice_volume *v;
	int err;

	if (!name)
		return -EINVAL;
	err = volume_get_params(c, &params) ?:
	      sluice_nl_volume_check_group(c, name, params.group, params.limit);
	if (err)
		return err;
	undo = sluice_change_undo(c, sizeof(*undo), volume_undo_add);
	if (IS_ERR(undo))
		return PTR_ERR(undo);
	v = sluice_volume_add(name, &params, c->extack);
	if (IS_ERR(v))
		return PTR_ERR(v);
	if (undo) {
		undo->volume = v;
		undo->step.armed = true;
	}
	return 0;
}

static int volume_undo_del(struct sluice_step *step)
{
	sluice_volume_undoom(container_of(step, struct volume_step, step)->volume);
	return 0;
}

static int volume_step_del(struct sluice_step *step)
{
	sluice_volume_del(container_of(step, struct volume_step, step)->volume, SLUICE_ERASE_NONE);
	return 0;
}

/*
 * Nobody gets it from now on; within a transaction that can be taken back, and its device, which
 * cannot, is let go of at the end.
 */
static int volume_del(struct sluice_change *c)
{
	struct volume_step *undo, *later;
	enum sluice_erasure how;
	struct sluice_volume *v;
	int err;

	if (sluice_nl_volume_give_up_erase(c))
		return 0;
	v = volume_need(c, SLUICE_A_VOLUME_NAME);
	if (IS_ERR(v))
		return PTR_ERR(v);
	err = sluice_nl_volume_get_last_erase(c, v, &how);
	if (err)
		return err;
	undo = sluice_change_undo(c, sizeof(*undo), volume_undo_del);
	if (IS_ERR(undo))
		return PTR_ERR(undo);
	err = sluice_volume_doom(v, c->extack);
	if (err)
		return err;
	if (!undo) {
		sluice_nl_volume_end(c, v, how);
		return 0;
	}
	undo->volume = v;
	undo->step.armed = true;
	later = sluice_change_defer(c, sizeof(*later), volume_step_del);
	if (IS_ERR(later))
		return PTR_ERR(later);
	later->volume = v;
	return 0;
}

/* --- changing -------------------------------------------------------------------------------- */

static void volume_set_limits(struct sluice_volume *v, const struct sluice_volume_limit *limit)
{
	sluice_volume_set_limit(v, SLUICE_VOLUME_READ, &limit[SLUICE_VOLUME_READ]);
	sluice_volume_set_limit(v, SLUICE_VOLUME_WRITE, &limit[SLUICE_VOLUME_WRITE]);
}

/* What was never in force: requests saw none of it. */
static int volume_undo_set(struct sluice_step *step)
{
	const struct volume_step *undo = container_of(step, struct volume_step, step);

	volume_set_limits(undo->volume, undo->limit);
	undo->volume->group = undo->group;
	undo->volume->rekey.pace = undo->pace;
	sluice_volume_unplan(undo->volume, undo->sectors);
	return sluice_volume_set_serial(undo->volume, undo->serial, NULL);
}

static int volume_note_set(struct sluice_change *c, struct sluice_volume *v)
{
	struct volume_step *undo = sluice_change_undo(c, sizeof(*undo), volume_undo_set);

	if (IS_ERR_OR_NULL(undo))
		return PTR_ERR_OR_ZERO(undo);
	undo->volume = v;
	undo->sectors = v->planned;
	strscpy(undo->serial, v->serial, sizeof(undo->serial));
	memcpy(undo->limit, v->limit, sizeof(undo->limit));
	undo->group = v->group;
	undo->pace = v->rekey.pace;
	undo->step.armed = true;
	return 0;
}

static int volume_step_resized(struct sluice_step *step)
{
	const struct volume_step *later = container_of(step, struct volume_step, step);

	sluice_volume_resized(later->volume, later->sectors);
	return 0;
}

static int volume_step_resize(struct sluice_step *step)
{
	const struct volume_step *store = container_of(step, struct volume_step, step);

	store->later->sectors = sluice_volume_resize(store->volume);
	return 0;
}

static int volume_resize(struct sluice_change *c, struct sluice_volume *v)
{
	struct volume_step *store, *later;

	if (!c->txn) {
		sluice_volume_resized(v, sluice_volume_resize(v));
		return 0;
	}
	later = sluice_change_defer(c, sizeof(*later), volume_step_resized);
	if (IS_ERR(later))
		return PTR_ERR(later);
	later->volume = v;
	store = sluice_change_store(c, sizeof(*store), volume_step_resize);
	if (IS_ERR(store))
		return PTR_ERR(store);
	store->volume = v;
	store->later = later;
	return 0;
}

static int volume_step_limits(struct sluice_step *step)
{
	sluice_volume_apply_limits(container_of(step, struct volume_step, step)->volume);
	return 0;
}

static int volume_step_pace(struct sluice_step *step)
{
	sluice_volume_rekey_apply_pace(container_of(step, struct volume_step, step)->volume);
	return 0;
}

static int volume_set_pace(struct sluice_change *c, struct sluice_volume *v)
{
	struct sluice_pace pace = v->rekey.pace;
	struct volume_step *store;

	sluice_nl_volume_get_pace(c, SLUICE_A_VOLUME_REKEY_BPS, SLUICE_A_VOLUME_REKEY_PAUSE,
				  &pace);
	if (pace.bps == v->rekey.pace.bps && pace.paused == v->rekey.pace.paused)
		return 0;
	v->rekey.pace = pace;
	if (!c->txn) {
		sluice_volume_rekey_apply_pace(v);
		return 0;
	}
	store = sluice_change_store(c, sizeof(*store), volume_step_pace);
	if (IS_ERR(store))
		return PTR_ERR(store);
	store->volume = v;
	return 0;
}

static int volume_apply_limits(struct sluice_change *c, struct sluice_volume *v)
{
	struct volume_step *store;

	if (!c->txn) {
		sluice_volume_apply_limits(v);
		return 0;
	}
	store = sluice_change_store(c, sizeof(*store), volume_step_limits);
	if (IS_ERR(store))
		return PTR_ERR(store);
	store->volume = v;
	return 0;
}

static int volume_step_group(struct sluice_step *step)
{
	sluice_volume_apply_group(container_of(step, struct volume_step, step)->volume);
	return 0;
}

static int volume_set_group(struct sluice_change *c, struct sluice_volume *v,
			    struct sluice_volume_group *group)
{
	struct volume_step *store;

	if (group == v->group)
		return 0;
	v->group = group;
	if (!c->txn) {
		sluice_volume_apply_group(v);
		return 0;
	}
	store = sluice_change_store(c, sizeof(*store), volume_step_group);
	if (IS_ERR(store))
		return PTR_ERR(store);
	store->volume = v;
	return 0;
}

static int volume_set(struct sluice_change *c)
{
	struct sluice_volume_limit limit[SLUICE_VOLUME_LIMITS];
	char serial[SLUICE_VOLUME_SERIAL];
	struct sluice_volume_group *group;
	struct sluice_volume *v;
	u64 planned;
	int err;

	if (sluice_nl_volume_paces_erase(c))
		return sluice_nl_volume_pace_erase(c);
	v = volume_need(c, SLUICE_A_VOLUME_NAME);
	if (IS_ERR(v))
		return PTR_ERR(v);
	memcpy(limit, v->limit, sizeof(limit));
	group = v->group;
	planned = v->planned;
	strscpy(serial, v->serial, sizeof(serial));
	err = sluice_nl_volume_get_limits(c, limit) ?: sluice_nl_volume_get_minimums(c, limit) ?:
	      sluice_nl_volume_get_group(c, &group) ?:
	      sluice_nl_volume_check_group(c, v->name, group, limit) ?: volume_note_set(c, v);
	if (!err && c->attrs[SLUICE_A_VOLUME_SECTORS])
		err = sluice_volume_plan(v, get_uint(c, SLUICE_A_VOLUME_SECTORS), c->extack);
	if (!err && get_serial(c))
		err = sluice_volume_set_serial(v, get_serial(c), c->extack);
	if (!err)
		err = sluice_nl_volume_set_record(c, v);
	if (err) {
		sluice_volume_unplan(v, planned);
		sluice_volume_set_serial(v, serial, NULL);
	}
	if (!err && c->attrs[SLUICE_A_VOLUME_SECTORS])
		err = volume_resize(c, v);
	if (!err)
		err = volume_set_group(c, v, group);
	if (!err)
		err = volume_set_pace(c, v);
	/* Who gets the same limit again has had a part of it. */
	if (err || !memcmp(limit, v->limit, sizeof(limit)))
		return err;
	volume_set_limits(v, limit);
	return volume_apply_limits(c, v);
}

static int volume_rekey(struct sluice_change *c)
{
	struct sluice_volume *v = volume_need(c, SLUICE_A_VOLUME_NAME);

	return IS_ERR(v) ? PTR_ERR(v) : sluice_nl_volume_rekey(c, v);
}

static int mode_undo_set(struct sluice_step *step)
{
	sluice_volume_set_enforce(container_of(step, struct volume_mode_step, step)->enforce);
	return 0;
}

static int mode_set(struct sluice_change *c)
{
	struct nlattr *mode = sluice_nl_need(c, SLUICE_A_VOLUME_MODE);
	struct volume_mode_step *undo;

	if (!mode)
		return -EINVAL;
	undo = sluice_change_undo(c, sizeof(*undo), mode_undo_set);
	if (IS_ERR(undo))
		return PTR_ERR(undo);
	if (undo) {
		undo->enforce = sluice_volume_enforce();
		undo->step.armed = true;
	}
	sluice_volume_set_enforce(nla_get_u8(mode) == SLUICE_VOLUME_MODE_ENFORCE);
	return 0;
}

/* --- quarantine ------------------------------------------------------------------------------ */

static struct sluice_volume *quarantine_need_volume(struct sluice_change *c)
{
	if (!c->txn)
		return volume_need(c, SLUICE_A_VOLUME_NAME);
	NL_SET_ERR_MSG(c->extack, "cannot be undone: not within a transaction");
	return ERR_PTR(-EOPNOTSUPP);
}

static int volume_hold(struct sluice_change *c)
{
	struct sluice_volume *v = quarantine_need_volume(c);

	if (IS_ERR(v))
		return PTR_ERR(v);
	sluice_volume_hold_back(v, SLUICE_QUARANTINE_OPERATOR);
	return 0;
}

static int volume_release(struct sluice_change *c)
{
	struct sluice_volume *v = quarantine_need_volume(c);

	if (IS_ERR(v))
		return PTR_ERR(v);
	if (sluice_volume_go_on(v))
		return 0;
	NL_SET_ERR_MSG(c->extack, "the volume is not in quarantine");
	return -EALREADY;
}

int sluice_nl_volume_hold_doit(struct sk_buff *skb, struct genl_info *info)
{
	return sluice_change_do(skb, info, volume_hold, SLUICE_OBJECT_VOLUME);
}

int sluice_nl_volume_release_doit(struct sk_buff *skb, struct genl_info *info)
{
	return sluice_change_do(skb, info, volume_release, SLUICE_OBJECT_VOLUME);
}

int sluice_nl_volume_add_doit(struct sk_buff *skb, struct genl_info *info)
{
	return sluice_change_do_aside(skb, info, volume_add, SLUICE_OBJECT_VOLUME);
}

int sluice_nl_volume_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	return sluice_change_do(skb, info, volume_set, SLUICE_OBJECT_VOLUME);
}

int sluice_nl_volume_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	return sluice_change_do(skb, info, volume_del, SLUICE_OBJECT_VOLUME);
}

int sluice_nl_volume_rekey_doit(struct sk_buff *skb, struct genl_info *info)
{
	return sluice_change_do(skb, info, volume_rekey, SLUICE_OBJECT_VOLUME);
}

int sluice_nl_volume_mode_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	return sluice_change_do(skb, info, mode_set, SLUICE_OBJECT_VOLUME);
}

/* --- assignment ------------------------------------------------------------------------------ */

static int assign_undo(struct sluice_step *step)
{
	struct volume_assign_step *undo = container_of(step, struct volume_assign_step, step);
	struct sluice_worker *w;
	unsigned int i;
	int err = 0;

	for (i = 0; i < undo->volume->nr_queues; i++) {
		w = sluice_worker_find(undo->cpu[i]);
		err = (w ? sluice_volume_assign(undo->volume, i, w, NULL) : -ENOENT) ?: err;
	}
	return err;
}

int sluice_nl_volume_assign(struct sluice_change *c, struct sluice_worker *w)
{
	struct sluice_volume *v = volume_need(c, SLUICE_A_WORKER_VOLUME);
	struct nlattr *queue = c->attrs[SLUICE_A_WORKER_QUEUE];
	struct volume_assign_step *undo;
	const struct sluice_worker *now;
	unsigned int i;

	if (IS_ERR(v))
		return PTR_ERR(v);
	undo = sluice_change_undo(c, sizeof(*undo), assign_undo);
	if (IS_ERR(undo))
		return PTR_ERR(undo);
	if (undo) {
		undo->volume = v;
		undo->step.armed = true;
		for (i = 0; i < v->nr_queues; i++) {
			now = rtnl_dereference(v->queue[i].worker);
			undo->cpu[i] = now->cpu;
		}
	}
	return sluice_volume_assign(v, queue ? nla_get_u32(queue) : -1, w, c->extack);
}

/* --- showing --------------------------------------------------------------------------------- */

static int queue_put(struct sk_buff *skb, const struct sluice_queue *q)
{
	const struct sluice_worker *w = rtnl_dereference(q->worker);
	enum sluice_vring_error broken = READ_ONCE(q->broken);
	struct nlattr *nest = nla_nest_start(skb, SLUICE_A_VOLUME_QUEUE);

	if (!nest || nla_put_u32(skb, SLUICE_A_VOLUME_QUEUE_INDEX, q->pair) ||
	    (READ_ONCE(q->attached) && nla_put_flag(skb, SLUICE_A_VOLUME_QUEUE_ATTACHED)) ||
	    (w && nla_put_u32(skb, SLUICE_A_VOLUME_QUEUE_CPU, w->cpu)) ||
	    nla_put_u32(skb, SLUICE_A_VOLUME_QUEUE_IN_FLIGHT, READ_ONCE(q->in_flight)) ||
	    nla_put_uint(skb, SLUICE_A_VOLUME_QUEUE_SIGNALS, READ_ONCE(q->signals)) ||
	    nla_put_uint(skb, SLUICE_A_VOLUME_QUEUE_KICKS, READ_ONCE(q->kicks)))
		return -EMSGSIZE;
	if (broken &&
	    nla_put_string(skb, SLUICE_A_VOLUME_QUEUE_BROKEN, sluice_vring_strerror(broken)))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/* No lock: a snapshot, and it waits for nobody who waits for the device. */
static int queues_put(struct sk_buff *skb, const struct sluice_volume *v)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < v->nr_queues && !err; i++)
		err = queue_put(skb, &v->queue[i]);
	return err;
}

static int cipher_put(struct sk_buff *skb, const struct sluice_volume *v)
{
	if (!v->cipher_bits)
		return 0;
	return nla_put_string(skb, SLUICE_A_VOLUME_KEY_NAME, v->key_name) ?:
	       nla_put_u32(skb, SLUICE_A_VOLUME_CIPHER_BITS, v->cipher_bits) ?:
	       nla_put_u32(skb, SLUICE_A_VOLUME_SECTOR_SIZE, v->sector_size) ?:
	       nla_put_uint(skb, SLUICE_A_VOLUME_IV_OFFSET, v->iv_offset) ?:
	       (v->allow_discards ? nla_put_flag(skb, SLUICE_A_VOLUME_ALLOW_DISCARDS) : 0);
}

static int extent_put(struct sk_buff *skb, const struct sluice_volume *v)
{
	if (nla_put_string(skb, SLUICE_A_VOLUME_NAME, v->name) ||
	    nla_put_string(skb, SLUICE_A_VOLUME_SERIAL, v->serial) ||
	    nla_put_string(skb, SLUICE_A_VOLUME_PATH, v->path) ||
	    nla_put_uint(skb, SLUICE_A_VOLUME_START, v->start) ||
	    nla_put_uint(skb, SLUICE_A_VOLUME_SECTORS, v->sectors) ||
	    (v->read_only && nla_put_flag(skb, SLUICE_A_VOLUME_READ_ONLY)) ||
	    (v->integrity && nla_put_flag(skb, SLUICE_A_VOLUME_INTEGRITY)) ||
	    nla_put_u32(skb, SLUICE_A_VOLUME_BLOCK_SIZE, v->block_size) ||
	    nla_put_u32(skb, SLUICE_A_VOLUME_QUEUES, v->nr_queues))
		return -EMSGSIZE;
	return 0;
}

static int quarantine_put(struct sk_buff *skb, const struct sluice_volume *v)
{
	/* Pairs with sluice_volume_hold_back(). */
	enum sluice_quarantine why = smp_load_acquire(&v->quarantine);

	if (!why)
		return 0;
	return nla_put_string(skb, SLUICE_A_VOLUME_QUARANTINE, sluice_quarantine_text(why)) ?:
	       nla_put_uint(skb, SLUICE_A_VOLUME_QUARANTINE_TIME, READ_ONCE(v->quarantine_time));
}

static int state_put(struct sk_buff *skb, const struct sluice_volume *v)
{
	u64 reserved = READ_ONCE(v->reserved);

	if (reserved && nla_put_uint(skb, SLUICE_A_VOLUME_RESERVED, reserved))
		return -EMSGSIZE;
	if ((v->ending && nla_put_flag(skb, SLUICE_A_VOLUME_ENDING)) ||
	    (v->user && nla_put_flag(skb, SLUICE_A_VOLUME_CLAIMED)) ||
	    (READ_ONCE(v->dead) && nla_put_flag(skb, SLUICE_A_VOLUME_DEAD)) ||
	    (READ_ONCE(v->writeback) && nla_put_flag(skb, SLUICE_A_VOLUME_WRITEBACK)))
		return -EMSGSIZE;
	return 0;
}

static int count_put(struct sk_buff *skb, const struct sluice_volume_totals *t,
		     enum sluice_volume_op op)
{
	struct nlattr *nest = nla_nest_start(skb, SLUICE_A_VOLUME_COUNT);

	if (!nest || nla_put_u8(skb, SLUICE_A_VOLUME_COUNT_OP, op) ||
	    nla_put_uint(skb, SLUICE_A_VOLUME_COUNT_REQUESTS, t->requests[op]) ||
	    nla_put_uint(skb, SLUICE_A_VOLUME_COUNT_BYTES, t->bytes[op]) ||
	    nla_put_uint(skb, SLUICE_A_VOLUME_COUNT_ERRORS, t->errors[op]))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int latency_put(struct sk_buff *skb, const struct sluice_volume_totals *t,
		       enum sluice_volume_stage stage)
{
	unsigned int used = SLUICE_VOLUME_BUCKETS;
	struct nlattr *nest;

	while (used && !t->latency[stage][used - 1])
		used--;
	if (!used)
		return 0;
	nest = nla_nest_start(skb, SLUICE_A_VOLUME_LATENCY);
	if (!nest || nla_put_u8(skb, SLUICE_A_VOLUME_LATENCY_STAGE, stage) ||
	    nla_put(skb, SLUICE_A_VOLUME_LATENCY_BUCKETS, used * sizeof(u64), t->latency[stage]))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int totals_put(struct sk_buff *skb, const struct sluice_volume_totals *t)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < SLUICE_VOLUME_OPS && !err; i++)
		err = count_put(skb, t, i);
	for (i = 0; i < SLUICE_STAGES && !err; i++)
		err = latency_put(skb, t, i);
	if (err || nla_put_uint(skb, SLUICE_A_VOLUME_THROTTLED_READS,
				t->throttled[SLUICE_VOLUME_READ]) ||
	    nla_put_uint(skb, SLUICE_A_VOLUME_THROTTLED_WRITES,
			 t->throttled[SLUICE_VOLUME_WRITE]) ||
	    nla_put_uint(skb, SLUICE_A_VOLUME_BUSY_NS, t->busy_ns) ||
	    nla_put_uint(skb, SLUICE_A_VOLUME_POLLED, t->polled) ||
	    nla_put_uint(skb, SLUICE_A_VOLUME_VISITS, t->visits) ||
	    nla_put_uint(skb, SLUICE_A_VOLUME_INTEGRITY_ERRORS, t->integrity_errors))
		return -EMSGSIZE;
	return 0;
}

/* RTNL: there is one of them at a time, and the sum is too large for the stack. */
static struct sluice_volume_totals volume_sum;

static int volume_put(struct sk_buff *skb, const void *obj)
{
	const struct sluice_volume *v = obj;

	sluice_volume_totals(v, &volume_sum);
	return extent_put(skb, v) ?: cipher_put(skb, v) ?: sluice_nl_volume_put_wiped(skb, v) ?:
	       sluice_nl_volume_put_record(skb, v) ?: sluice_nl_volume_put_rekey(skb, v) ?:
	       sluice_nl_volume_put_erase(skb, v) ?:
	       sluice_nl_volume_put_limits(skb, v->limit) ?:
	       sluice_nl_volume_put_group(skb, v->group) ?: state_put(skb, v) ?:
	       quarantine_put(skb, v) ?:
	       queues_put(skb, v) ?: totals_put(skb, &volume_sum);
}

/* Also one that is there only to be wiped. */
static struct sluice_volume *volume_filter(const struct nlattr *name,
					   struct netlink_ext_ack *extack)
{
	struct sluice_volume *v = sluice_volume_find(nla_data(name));

	return v && v->erase.last ? v : volume_get(name, extack);
}

int sluice_nl_volume_dump_start(struct netlink_callback *cb)
{
	int err = sluice_nl_host_dump_start(cb);

	cb->min_dump_alloc = VOLUME_DUMP_SIZE;
	return err;
}

/* The place is how many were shown, as with workers: a change on the way is flagged. */
int sluice_nl_volume_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct sluice_nl_out out = { .skb = skb, .cb = cb, .net = sock_net(skb->sk) };
	const struct nlattr *filter = genl_info_dump(cb)->attrs[SLUICE_A_VOLUME_NAME];
	struct sluice_nl_dump *d = sluice_nl_dump(cb);
	struct sluice_volume *v = NULL, *only = NULL;
	unsigned int n = 0;
	int err = 0;

	sluice_rtnl_lock();
	sluice_nl_dump_gen(cb, NULL, NULL);
	if (filter)
		only = volume_filter(filter, cb->extack);
	if (IS_ERR(only)) {
		/* One that went meanwhile was shown, or its dump is flagged anyhow. */
		err = d->begun ? 0 : PTR_ERR(only);
		goto unlock;
	}
	d->begun = true;
	while ((v = sluice_volume_next(v))) {
		if (n++ < d->part || (only && v != only))
			continue;
		err = sluice_nl_dump_one(&out, volume_put, v);
		if (err)
			break;
		d->part = n;
	}
unlock:
	sluice_rtnl_unlock();
	return err;
}

static int mode_put(struct sk_buff *skb, const void *obj)
{
	const bool *enforce = obj;

	return nla_put_u8(skb, SLUICE_A_VOLUME_MODE,
			  *enforce ? SLUICE_VOLUME_MODE_ENFORCE : SLUICE_VOLUME_MODE_MONITOR);
}

int sluice_nl_volume_mode_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	bool enforce = sluice_volume_enforce();

	return sluice_nl_reply(info, mode_put, &enforce);
}
