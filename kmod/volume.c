// SPDX-License-Identifier: GPL-2.0-only
/*
 * Volumes: making and removing them, and what front ends ask of them.
 *
 * DOC: Lifetime of a volume
 *
 * A volume that a front end has claimed is not removed. One that is removed was doomed first, so
 * nobody has it, nobody gets it and no ring is attached; hence no worker knows it and nothing of
 * its guest is with the device. The device is let go of once re-encryption is at rest, which may
 * take as long as the device likes (@ending), and once it is wiped, if it is to be: until then the
 * volume keeps its name and its extent.
 * Its memory lasts until the last reference, and the grace period after that, is over: who
 * completed the last request may still wake a queue.
 */
#include <linux/capability.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <linux/virtio_blk.h>
#include "engine_blk.h"
#include "netlink.h"
#include "patience.h"
#include "port.h"
#include "record_job.h"
#include "volume.h"

/* RTNL */
static LIST_HEAD(volumes);
static const struct sluice_blk_ops *blk_engine;
/* For what waits for a device: nobody waits for it under RTNL without a limit. */
struct workqueue_struct *sluice_volume_wq;
/*
 * Volumes that have a device open, for the device's own notices, which come without RTNL. Inside
 * RTNL, outside nothing.
 */
static DEFINE_MUTEX(holders_lock);

/* --- the engine ------------------------------------------------------------------------------ */

const struct sluice_blk_ops *sluice_blk_engine(void)
{
	ASSERT_RTNL();
	return blk_engine;
}

int sluice_blk_register(const struct sluice_blk_ops *ops)
{
	int err = 0;

	if (ops->abi != SLUICE_BLK_ABI)
		return -EPROTO;
	rtnl_lock();
	if (blk_engine)
		err = -EBUSY;
	else
		blk_engine = ops;
	rtnl_unlock();
	return err;
}
SLUICE_EXPORT(sluice_blk_register);

void sluice_blk_unregister(const struct sluice_blk_ops *ops)
{
	rtnl_lock();
	if (!WARN_ON_ONCE(blk_engine != ops))
		blk_engine = NULL;
	rtnl_unlock();
}
SLUICE_EXPORT(sluice_blk_unregister);

/* --- the device below ------------------------------------------------------------------------ */

/*
 * The device is gone for good: what is on its way fails by itself, what comes is failed at once.
 * Context: process; the device's holder lock is handed over.
 */
void sluice_volume_mark_dead(struct block_device *bdev, bool surprise)
{
	struct sluice_volume *v;

	mutex_unlock(&bdev->bd_holder_lock);
	mutex_lock(&holders_lock);
	list_for_each_entry(v, &volumes, node) {
		/* It may be the record's, too. */
		wake_up_all(&v->erase.wait);
		if (v->bdev != bdev || v->dead)
			continue;
		WRITE_ONCE(v->dead, true);
		sluice_netlink_volume_event(SLUICE_EVENT_VOLUME_GONE, v->name, 0);
	}
	mutex_unlock(&holders_lock);
}

static int volume_open(struct sluice_volume *v, const char *path, struct netlink_ext_ack *extack)
{
	struct sluice_device *d = sluice_volume_open_device(path, !v->read_only, extack);

	if (IS_ERR(d))
		return PTR_ERR(d);
	v->device = d;
	v->bdev = sluice_volume_bdev(d);
	return 0;
}

static void volume_close(struct sluice_volume *v)
{
	sluice_volume_close_device(v->device);
	v->device = NULL;
	v->bdev = NULL;
}

/* --- the extent ------------------------------------------------------------------------------ */

static bool extents_meet(u64 a, u64 a_len, u64 b, u64 b_len)
{
	return a < b + b_len && b < a + a_len;
}

bool sluice_volume_touches(const struct sluice_volume *v, const struct sluice_volume *but,
			   const struct block_device *bdev, u64 start, u64 sectors)
{
	/* What it gave up is free once the last request for it is done. */
	u64 len = max3(v->sectors, READ_ONCE(v->reserved), v->planned);

	if (v->bdev == bdev && extents_meet(v->start, len, start, sectors))
		return true;
	if (sluice_volume_record_touches(v, bdev, start, sectors))
		return true;
	return v != but && v->rekey.bdev == bdev &&
	       extents_meet(v->rekey.start, SLUICE_REKEY_JOURNAL, start, sectors);
}

static bool volume_overlaps(const struct sluice_volume *v, u64 sectors)
{
	struct sluice_volume *other;

	if (sluice_volume_record_touches(v, v->bdev, v->start, sectors))
		return true;
	list_for_each_entry(other, &volumes, node) {
		if (other != v && !(other->read_only && v->read_only) &&
		    sluice_volume_touches(other, v, v->bdev, v->start, sectors))
			return true;
	}
	return false;
}

/* Length of the extent, as wanted (0: to the end), on the device as it is now. */
static int volume_measure(const struct sluice_volume *v, u64 wanted, u64 *sectors,
			  struct netlink_ext_ack *extack)
{
	u64 size = bdev_nr_sectors(v->bdev), unit = v->block_size >> SECTOR_SHIFT;

	if (v->start >= size || wanted > size - v->start) {
		NL_SET_ERR_MSG_FMT(extack, "the device has %llu sectors of 512 bytes", size);
		return -EINVAL;
	}
	*sectors = wanted ?: rounddown(size - v->start, unit);
	if (!*sectors || *sectors % unit || v->start % unit) {
		NL_SET_ERR_MSG_FMT(extack, "start and size must be multiples of a block, %u bytes",
				   v->block_size);
		return -EINVAL;
	}
	if (volume_overlaps(v, *sectors)) {
		NL_SET_ERR_MSG(extack,
			       "overlaps another volume, or a record: see 'sluice volume show'");
		return -EBUSY;
	}
	return sluice_record_late(v->bdev, v->start, *sectors, extack);
}

static int volume_choose_blocks(struct sluice_volume *v, const struct sluice_volume_params *p,
				struct netlink_ext_ack *extack)
{
	unsigned int device = bdev_logical_block_size(v->bdev);

	v->block_size = p->block_size ?: device;
	v->sector_size = p->sector_size ?: v->block_size;
	if (v->block_size < device || (v->block_size != 512 && v->block_size != 4096)) {
		NL_SET_ERR_MSG_FMT(extack, "blocks have 512 or 4096 bytes, but no less than %u",
				   device);
		return -EINVAL;
	}
	if (p->key && ((v->sector_size != 512 && v->sector_size != 4096) ||
		       v->sector_size > v->block_size)) {
		NL_SET_ERR_MSG_FMT(extack,
				   "a sector of the cipher has 512 or 4096 bytes, but no more than %u",
				   v->block_size);
		return -EINVAL;
	}
	/* As dm-crypt has it: sectors are numbered by multiples of what one of them covers. */
	if (p->key && p->iv_offset % (v->sector_size >> SECTOR_SHIFT)) {
		NL_SET_ERR_MSG_FMT(extack,
				   "with sectors of %u bytes iv-offset is a multiple of %u",
				   v->sector_size, v->sector_size >> SECTOR_SHIFT);
		return -EINVAL;
	}
	return 0;
}

/* --- making and removing --------------------------------------------------------------------- */

static void volume_free(struct kref *ref)
{
	struct sluice_volume *v = container_of(ref, struct sluice_volume, ref);
	unsigned int i;

	/* See Lifetime above. */
	synchronize_rcu();
	for (i = 0; i < v->nr_queues; i++)
		sluice_queue_exit(&v->queue[i]);
	kvfree(v->queue);
	free_percpu(v->stats);
	free_percpu(v->share);
	sluice_volume_record_free(v);
	kfree(v->key_name);
	kfree(v->path);
	kfree(v);
}

void sluice_volume_put(struct sluice_volume *v)
{
	if (v)
		kref_put(&v->ref, volume_free);
}
SLUICE_EXPORT(sluice_volume_put);

static int volume_init_queues(struct sluice_volume *v, unsigned int nr)
{
	unsigned int i;
	int err;

	v->queue = kvcalloc(nr, sizeof(*v->queue), GFP_KERNEL);
	if (!v->queue)
		return -ENOMEM;
	for (i = 0; i < nr; i++) {
		err = sluice_queue_init_volume(&v->queue[i], v, i);
		if (err)
			return err;
		v->nr_queues = i + 1;
	}
	return 0;
}

static struct sluice_volume *volume_new(const char *name, const struct sluice_volume_params *p)
{
	struct sluice_volume *v = kzalloc(sizeof(*v), GFP_KERNEL);
	int cpu;

	if (!v)
		return NULL;
	kref_init(&v->ref);
	mutex_init(&v->lock);
	spin_lock_init(&v->quarantine_lock);
	INIT_LIST_HEAD(&v->node);
	init_waitqueue_head(&v->drain_wait);
	sluice_volume_rekey_init(v);
	sluice_volume_record_init(v);
	sluice_volume_settle_init(v);
	sluice_volume_erase_init(v);
	init_completion(&v->ended);
	strscpy(v->name, name, sizeof(v->name));
	v->start = p->start;
	v->read_only = p->read_only;
	v->iv_offset = p->iv_offset;
	v->allow_discards = p->allow_discards;
	v->integrity = p->integrity;
	v->path = kstrdup(p->path, GFP_KERNEL);
	v->stats = alloc_percpu(struct sluice_volume_stats);
	v->share = alloc_percpu(struct sluice_share);
	if (!v->path || !v->stats || !v->share || volume_init_queues(v, p->queues ?: 1)) {
		sluice_volume_put(v);
		return NULL;
	}
	for_each_possible_cpu(cpu)
		u64_stats_init(&per_cpu_ptr(v->stats, cpu)->syncp);
	return v;
}

static int volume_pick_workers(struct sluice_volume *v)
{
	struct sluice_worker *w;
	unsigned int i;

	for (i = 0; i < v->nr_queues; i++) {
		w = sluice_worker_pick(false);
		if (IS_ERR(w))
			return PTR_ERR(w);
		rcu_assign_pointer(v->queue[i].worker, w);
		w->nr_users++;
	}
	return 0;
}

static void volume_leave_workers(struct sluice_volume *v)
{
	struct sluice_worker *w;
	unsigned int i;

	for (i = 0; i < v->nr_queues; i++) {
		w = rtnl_dereference(v->queue[i].worker);
		RCU_INIT_POINTER(v->queue[i].worker, NULL);
		if (w)
			w->nr_users--;
	}
}

/* Hand the volume, with this key (0: none), to the engine. */
static int volume_engage(struct sluice_volume *v, s32 key, struct netlink_ext_ack *extack)
{
	struct sluice_volume_cipher cipher = {
		.sector_size = v->sector_size,
		.iv_offset = v->iv_offset,
	};
	int err = 0;

	if (key)
		err = sluice_key_read(key, &cipher, &v->key_name, extack);
	if (!err) {
		v->key_id = cipher.id;
		v->cipher_bits = cipher.key_len * BITS_PER_BYTE / 2;
		err = v->ops->volume_add(v, key ? &cipher : NULL, extack);
	}
	memzero_explicit(&cipher, sizeof(cipher));
	return err;
}

/* -EKEYREJECTED: its record says that this is not its key. */
static int volume_engage_recorded(struct sluice_volume *v, s32 key,
				  const struct sluice_volume_params *p,
				  struct netlink_ext_ack *extack)
{
	int err = volume_engage(v, key, extack);

	if (err)
		return err;
	err = sluice_volume_record_check(v, p, extack);
	/* It has no request, and nothing that it could wait for. */
	if (err)
		v->ops->volume_del(v);
	return err;
}

/* With the key that it is to have, or else with the one that it had before. */
static int volume_engage_either(struct sluice_volume *v, const struct sluice_volume_params *p,
				struct netlink_ext_ack *extack)
{
	int err = volume_engage_recorded(v, p->key, p, extack);

	if (err != -EKEYREJECTED || !p->key_before)
		return err;
	kfree(v->key_name);
	v->key_name = NULL;
	err = volume_engage_recorded(v, p->key_before, p, extack);
	/* What was said of the other is settled. */
	if (!err && extack)
		extack->_msg = NULL;
	return err;
}

/* By name, so that the same volumes are shown the same way whenever they were made. */
static void volume_insert(struct sluice_volume *v)
{
	struct list_head *after = &volumes;
	struct sluice_volume *other;

	list_for_each_entry(other, &volumes, node) {
		if (strcmp(other->name, v->name) > 0)
			break;
		after = &other->node;
	}
	mutex_lock(&holders_lock);
	list_add(&v->node, after);
	mutex_unlock(&holders_lock);
}

static int volume_publish(struct sluice_volume *v, const struct sluice_volume_params *p,
			  struct netlink_ext_ack *extack)
{
	int err;

	v->ops = blk_engine;
	if (!v->ops || !try_module_get(v->ops->owner)) {
		NL_SET_ERR_MSG(extack, "no block engine is loaded: modprobe sluice_blk");
		return -ENODEV;
	}
	err = volume_pick_workers(v);
	if (!err)
		err = volume_engage_either(v, p, extack);
	if (err) {
		volume_leave_workers(v);
		module_put(v->ops->owner);
		return err;
	}
	volume_insert(v);
	return 0;
}

struct sluice_volume *sluice_volume_add(const char *name, const struct sluice_volume_params *params,
					struct netlink_ext_ack *extack)
{
	struct sluice_volume *v;
	int err;

	ASSERT_RTNL();
	/* Whoever may name any device may do as much with it by other means. */
	if (!capable(CAP_SYS_ADMIN)) {
		NL_SET_ERR_MSG(extack, "volumes need CAP_SYS_ADMIN: they open block devices");
		return ERR_PTR(-EPERM);
	}
	v = sluice_volume_find(name);
	if (v) {
		NL_SET_ERR_MSG_FMT(extack, "there is a volume of that name%s",
				   v->erase.last ? ": it is removed when it is wiped" :
				   v->ending ? ": its device holds up its removal" : "");
		return ERR_PTR(v->ending ? -EBUSY : -EEXIST);
	}
	v = volume_new(name, params);
	if (!v)
		return ERR_PTR(-ENOMEM);
	err = sluice_volume_set_serial(v, params->serial, extack);
	if (!err)
		err = volume_open(v, params->path, extack);
	if (!err)
		err = sluice_volume_integrity_check(v, v->bdev, extack);
	if (!err)
		err = volume_choose_blocks(v, params, extack);
	if (!err)
		err = volume_measure(v, params->sectors, &v->sectors, extack);
	if (!err)
		err = sluice_volume_record_open(v, params, extack);
	if (!err && params->erase)
		err = sluice_volume_erase_check(v, params->erase, extack);
	if (err)
		goto close;
	sluice_volume_reset(v);
	sluice_volume_set_limit(v, SLUICE_VOLUME_READ, &params->limit[SLUICE_VOLUME_READ]);
	sluice_volume_set_limit(v, SLUICE_VOLUME_WRITE, &params->limit[SLUICE_VOLUME_WRITE]);
	v->group = params->group;
	v->rekey.pace = params->pace;
	sluice_volume_rekey_apply_pace(v);
	err = volume_publish(v, params, extack);
	if (err)
		goto close;
	sluice_volume_erase_set_pace(v, &params->erase_pace);
	if (params->erase)
		sluice_volume_erase_begin(v, params->erase);
	sluice_volume_tell(v, true);
	sluice_netlink_volume_event(SLUICE_EVENT_VOLUME_ADD, v->name, 0);
	return v;

close:
	sluice_volume_record_close(v);
	volume_close(v);
	sluice_volume_put(v);
	return ERR_PTR(err);
}

/* Is there a queue that a worker did not give back? Context: @v->lock held. */
static bool volume_is_lost(const struct sluice_volume *v)
{
	unsigned int i = 0;

	while (i < v->nr_queues && !v->queue[i].lost)
		i++;
	return i < v->nr_queues;
}

int sluice_volume_doom(struct sluice_volume *v, struct netlink_ext_ack *extack)
{
	int err = 0;

	ASSERT_RTNL();
	mutex_lock(&v->lock);
	if (volume_is_lost(v)) {
		NL_SET_ERR_MSG(extack,
			       "a worker that is stuck, or died, has it: see 'sluice worker show'");
		err = -EBUSY;
	} else if (v->user) {
		NL_SET_ERR_MSG(extack, "in use: remove its vDPA or mediated device first");
		err = -EBUSY;
	} else if (v->gone) {
		NL_SET_ERR_MSG(extack, "the volume is being removed");
		err = -ENOENT;
	} else if (v->rekey.opening) {
		NL_SET_ERR_MSG(extack, "the journal of its re-encryption is being read");
		err = -EBUSY;
	} else {
		WRITE_ONCE(v->gone, true);
	}
	mutex_unlock(&v->lock);
	return err;
}

void sluice_volume_undoom(struct sluice_volume *v)
{
	ASSERT_RTNL();
	mutex_lock(&v->lock);
	WRITE_ONCE(v->gone, false);
	mutex_unlock(&v->lock);
}

/*
 * Nothing goes on behind it any more. Until it is forgotten the extents are its own, though the
 * devices, by which they are known, are closed. No RTNL.
 */
static void volume_let_go(struct sluice_volume *v)
{
	sluice_volume_record_end(v);
	sluice_volume_put_device(v->device);
	sluice_volume_put_device(v->rekey.device);
}

/* RTNL. */
static void volume_forget(struct sluice_volume *v)
{
	ASSERT_RTNL();
	if (list_empty(&v->node))
		return;
	sluice_volume_rekey_clear(v);
	mutex_lock(&holders_lock);
	list_del_init(&v->node);
	mutex_unlock(&holders_lock);
	v->device = NULL;
	v->bdev = NULL;
	v->record.device = NULL;
	v->record.bdev = NULL;
	module_put(v->ops->owner);
	sluice_netlink_volume_event(SLUICE_EVENT_VOLUME_DEL, v->name, 0);
}

/*
 * Re-encryption comes to rest, the extent is wiped and the device closed, for which it is waited
 * for: so without RTNL.
 */
static void volume_end_work(struct work_struct *work)
{
	struct sluice_volume *v = container_of(work, struct sluice_volume, end_work);

	/* Nothing starts it again: see sluice_volume_rekey_ended(). */
	cancel_work_sync(&v->rekey.work);
	v->ops->volume_del(v);
	sluice_volume_erase_finish(v);
	volume_let_go(v);
	complete(&v->ended);
	rtnl_lock();
	volume_forget(v);
	rtnl_unlock();
	sluice_volume_put(v);
}

void sluice_volume_del(struct sluice_volume *v, enum sluice_erasure how)
{
	ASSERT_RTNL();
	sluice_volume_tell(v, false);
	volume_leave_workers(v);
	/* It may go before this one is forgotten. */
	v->group = NULL;
	mutex_lock(&v->lock);
	WRITE_ONCE(v->ending, true);
	mutex_unlock(&v->lock);
	/* The end of its re-encryption waits for no key any more. */
	wake_up_all(&v->rekey.wait);
	/* The list's reference is the work's from now on, and memory may go with that. */
	kref_get(&v->ref);
	INIT_WORK(&v->end_work, volume_end_work);
	sluice_volume_erase_plan(v, how, &v->end_work);
	/*
	 * Where the device answers the name and the extent are free when the command returns; but
	 * for what takes its time anyhow.
	 */
	if ((!how || how == SLUICE_ERASE_KEY) &&
	    sluice_patience_wait(&v->ended, SLUICE_VOLUME_PATIENCE))
		volume_forget(v);
	sluice_volume_put(v);
}

struct sluice_volume *sluice_volume_next(struct sluice_volume *v)
{
	ASSERT_RTNL();
	if (!v)
		return list_first_entry_or_null(&volumes, struct sluice_volume, node);
	return list_is_last(&v->node, &volumes) ? NULL : list_next_entry(v, node);
}

struct sluice_volume *sluice_volume_find(const char *name)
{
	struct sluice_volume *v = NULL;

	while ((v = sluice_volume_next(v))) {
		if (!strcmp(v->name, name))
			return v;
	}
	return NULL;
}

/* --- changing -------------------------------------------------------------------------------- */

static void volume_changed(struct sluice_volume *v)
{
	if (v->user)
		v->user->changed(v, v->user_priv);
}

int sluice_volume_plan(struct sluice_volume *v, u64 sectors, struct netlink_ext_ack *extack)
{
	u64 planned;
	int err;

	ASSERT_RTNL();
	err = volume_measure(v, sectors, &planned, extack);
	if (err)
		return err;
	/* Who declares what there is changes nothing. */
	if (planned == v->sectors && !v->planned)
		return 0;
	/*
	 * It goes up to the end that there was, and what is behind it would have neither key; nor
	 * would its record, or the journal, be of this volume any more.
	 */
	err = sluice_volume_rekey_absent(v, extack);
	if (err)
		return err;
	/* What waits for its key would keep for long what the volume gives up. */
	err = sluice_volume_key_need(v, extack);
	if (!err)
		v->planned = planned;
	return err;
}

void sluice_volume_unplan(struct sluice_volume *v, u64 planned)
{
	ASSERT_RTNL();
	v->planned = planned;
}

u64 sluice_volume_resize(struct sluice_volume *v)
{
	u64 was = v->sectors;

	ASSERT_RTNL();
	/* Two changes of one transaction: the first takes what the second planned. */
	if (v->planned)
		WRITE_ONCE(v->sectors, v->planned);
	v->planned = 0;
	return was;
}

void sluice_volume_resized(struct sluice_volume *v, u64 was)
{
	ASSERT_RTNL();
	if (v->sectors < was)
		sluice_volume_settle(v, was);
	sluice_volume_record_resized(v);
	volume_changed(v);
	sluice_netlink_volume_event(SLUICE_EVENT_CONFIG, v->name, SLUICE_OBJECT_VOLUME);
}

static void volume_usual_burst(struct sluice_volume_rate *r)
{
	if (r->rate && !r->burst)
		r->burst = max(r->rate / 10, 1ULL);
}

void sluice_volume_usual_bursts(struct sluice_volume_limit *limit)
{
	volume_usual_burst(&limit->iops);
	volume_usual_burst(&limit->bps);
}

void sluice_volume_set_limit(struct sluice_volume *v, enum sluice_volume_op op,
			     const struct sluice_volume_limit *limit)
{
	struct sluice_volume_limit l = *limit;

	ASSERT_RTNL();
	sluice_volume_usual_bursts(&l);
	v->limit[op] = l;
}

void sluice_volume_apply_limits(struct sluice_volume *v)
{
	ASSERT_RTNL();
	v->ops->volume_limit(v);
}

void sluice_volume_apply_group(struct sluice_volume *v)
{
	ASSERT_RTNL();
	v->ops->volume_group(v);
}

int sluice_volume_assign(struct sluice_volume *v, int queue, struct sluice_worker *w,
			 struct netlink_ext_ack *extack)
{
	unsigned int i;
	int err = 0;

	ASSERT_RTNL();
	if (queue >= (int)v->nr_queues) {
		NL_SET_ERR_MSG(extack, "the volume has fewer queues: see 'sluice volume show'");
		return -EINVAL;
	}
	mutex_lock(&v->lock);
	for (i = 0; i < v->nr_queues && !err; i++) {
		if (queue < 0 || i == queue)
			err = sluice_queue_move(&v->queue[i], w);
	}
	mutex_unlock(&v->lock);
	if (err)
		NL_SET_ERR_MSG(extack,
			       "its worker does not answer: see 'sluice worker show'");
	return err;
}

int sluice_volume_assign_all(struct sluice_worker *from, struct sluice_worker *to)
{
	struct sluice_volume *v = NULL;
	unsigned int i;
	int err = 0;

	while (!err && (v = sluice_volume_next(v))) {
		for (i = 0; i < v->nr_queues && !err; i++) {
			if (rtnl_dereference(v->queue[i].worker) == from)
				err = sluice_volume_assign(v, i, to, NULL);
		}
	}
	return err;
}

/* --- its queues ------------------------------------------------------------------------------ */

unsigned int sluice_volume_nr_queues(const struct sluice_volume *v)
{
	return v->nr_queues;
}
SLUICE_EXPORT(sluice_volume_nr_queues);

struct sluice_queue *sluice_volume_queue(struct sluice_volume *v, unsigned int index)
{
	return &v->queue[index];
}
SLUICE_EXPORT(sluice_volume_queue);

/* --- the module ------------------------------------------------------------------------------ */

int sluice_volume_init(void)
{
	int err = sluice_volume_erase_module_init();

	if (err)
		return err;
	sluice_volume_wq = alloc_workqueue("sluice_volume", WQ_UNBOUND, 0);
	if (sluice_volume_wq)
		return 0;
	sluice_volume_erase_module_exit();
	return -ENOMEM;
}

void sluice_volume_exit(void)
{
	sluice_volume_erase_module_exit();
	destroy_workqueue(sluice_volume_wq);
}
