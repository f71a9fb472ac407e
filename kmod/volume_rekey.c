// SPDX-License-Identifier: GPL-2.0-only
/* A volume on its way to another key: what the operator has to do with it. See blk/rekey.c. */
#include <linux/capability.h>
#include <linux/ktime.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include "engine_blk.h"
#include "netlink.h"
#include "patience.h"
#include "port.h"
#include "record_job.h"
#include "volume.h"

/*
 * How long reading the journal is waited for, in jiffies. No RTNL is held, but a netlink command
 * without an end would hold up who adds to, or takes from, generic netlink, and with that everybody
 * else's commands.
 */
#define REKEY_PATIENCE	(5 * HZ)

/**
 * struct volume_journal - a journal that is being read
 * @work: does it
 * @ref: the caller's, the work's
 * @v: for which volume, which stays for it (@opening)
 * @extack: what is wrong, in words; the caller's own may be gone
 * @r: what is begun
 * @err: the result; after an error @r is gone
 * @late: nobody waits any more; v->lock
 * @done: it is there; likewise
 * @ended: the same, to be waited for
 */
struct volume_journal {
	struct work_struct work;
	refcount_t ref;
	struct sluice_volume *v;
	struct netlink_ext_ack extack;
	struct sluice_rekey *r;
	int err;
	bool late;
	bool done;
	struct completion ended;
};

struct sluice_device *sluice_volume_rekey_clear(struct sluice_volume *v)
{
	struct sluice_volume_rekey *k = &v->rekey;
	struct sluice_device *d = k->device;

	ASSERT_RTNL();
	kfree(k->path);
	kfree(k->key_name);
	k->device = NULL;
	k->bdev = NULL;
	k->path = NULL;
	k->key_name = NULL;
	return d;
}

/* It waits until every queue has gone over to the one key: so without RTNL. */
static void volume_rekey_work(struct work_struct *work)
{
	struct sluice_volume *v = container_of(work, struct sluice_volume, rekey.work);
	int err = v->ops->rekey_finish(v);
	struct sluice_device *journal = NULL;
	bool back = v->rekey.back;

	/* After an error all stays as it is, for the operator to see. */
	if (!err) {
		rtnl_lock();
		if (!back) {
			swap(v->key_name, v->rekey.key_name);
			v->key_id = v->rekey.key_id;
		}
		journal = sluice_volume_rekey_clear(v);
		rtnl_unlock();
	}
	sluice_volume_put_device(journal);
	sluice_netlink_volume_event(!err && back ? SLUICE_EVENT_VOLUME_REKEY_GIVEN_UP :
						   SLUICE_EVENT_VOLUME_REKEYED,
				    v->name, -READ_ONCE(v->rekey.stall.error));
}

void sluice_volume_rekey_init(struct sluice_volume *v)
{
	INIT_WORK(&v->rekey.work, volume_rekey_work);
	init_waitqueue_head(&v->rekey.wait);
	sluice_progress_init(&v->rekey.progress);
}

void sluice_volume_rekey_apply_pace(struct sluice_volume *v)
{
	struct sluice_volume_rekey *k = &v->rekey;

	ASSERT_RTNL();
	if (sluice_pace_set(&k->now, &k->pace, &k->wait))
		sluice_progress_reset(&k->progress);
}

/* Sectors that have the key that they are to have. */
static u64 rekey_way_made(const struct sluice_volume *v, u64 done)
{
	return READ_ONCE(v->rekey.back) ? v->sectors - done : done;
}

u64 sluice_volume_rekey_rate(const struct sluice_volume *v)
{
	/* All that changes is its lock. */
	struct sluice_progress *p = (struct sluice_progress *)&v->rekey.progress;

	return sluice_progress_rate(p, ktime_get_ns(),
				    rekey_way_made(v, READ_ONCE(v->rekey.done)));
}

static void rekey_starts_there(struct sluice_volume *v, u64 done, bool back)
{
	WRITE_ONCE(v->rekey.back, back);
	WRITE_ONCE(v->rekey.skipped, 0);
	sluice_progress_reset(&v->rekey.progress);
	sluice_progress_note(&v->rekey.progress, ktime_get_ns(), rekey_way_made(v, done));
}

void sluice_volume_rekey_begins(struct sluice_volume *v, u64 done, bool back)
{
	WRITE_ONCE(v->rekey.done, done);
	WRITE_ONCE(v->rekey.stall.error, 0);
	if (v->rekey.way == SLUICE_REKEY_AS_IT_WAS)
		WRITE_ONCE(v->rekey.way, back ? SLUICE_REKEY_BACK : SLUICE_REKEY_FORWARD);
	rekey_starts_there(v, done, back);
}
SLUICE_EXPORT(sluice_volume_rekey_begins);

void sluice_volume_rekey_turned(struct sluice_volume *v, bool back)
{
	rekey_starts_there(v, v->rekey.done, back);
	pr_notice("sluice: volume %s: its re-encryption goes %s\n", v->name,
		  back ? "back to the old key" : "on to the new key");
	sluice_netlink_volume_event(SLUICE_EVENT_VOLUME_REKEY_TURNED, v->name, back);
}
SLUICE_EXPORT(sluice_volume_rekey_turned);

void sluice_volume_rekey_did(struct sluice_volume *v, u64 done)
{
	WRITE_ONCE(v->rekey.done, done);
	sluice_progress_note(&v->rekey.progress, ktime_get_ns(), rekey_way_made(v, done));
}
SLUICE_EXPORT(sluice_volume_rekey_did);

void sluice_volume_rekey_passed(struct sluice_volume *v, u64 sector)
{
	struct sluice_volume_rekey *k = &v->rekey;

	if (k->skipped < SLUICE_REKEY_UNREADABLE)
		WRITE_ONCE(k->unreadable[k->skipped], sector);
	/* Pairs with who shows them. */
	smp_store_release(&k->skipped, k->skipped + 1);
	/* All of them: nothing else lists them after a crash. */
	pr_warn("sluice: volume %s: sector %llu cannot be read, and has no other key\n", v->name,
		sector);
}
SLUICE_EXPORT(sluice_volume_rekey_passed);

static const char *const rekey_steps[] = {
	[SLUICE_REKEY_AT_READ] = "read",
	[SLUICE_REKEY_AT_JOURNAL] = "journal",
	[SLUICE_REKEY_AT_HEADER] = "header",
	[SLUICE_REKEY_AT_WRITE] = "write",
	[SLUICE_REKEY_AT_RECORD] = "record",
};

static const struct sluice_stall_words rekey_words = {
	.what = "re-encryption",
	.steps = rekey_steps,
	.event = SLUICE_EVENT_VOLUME_REKEY_STALLED,
};

const char *sluice_volume_rekey_text(enum sluice_rekey_step step)
{
	return rekey_steps[step];
}

void sluice_volume_rekey_stalls(struct sluice_volume *v, enum sluice_rekey_step step, int err)
{
	sluice_stall_begins(v, &v->rekey.stall, &rekey_words, step, err);
}
SLUICE_EXPORT(sluice_volume_rekey_stalls);

void sluice_volume_rekey_moves(struct sluice_volume *v)
{
	sluice_stall_ends(v, &v->rekey.stall, &rekey_words);
}
SLUICE_EXPORT(sluice_volume_rekey_moves);

void sluice_volume_rekey_ended(struct sluice_volume *v)
{
	mutex_lock(&v->lock);
	if (!v->ending)
		queue_work(sluice_volume_wq, &v->rekey.work);
	mutex_unlock(&v->lock);
}
SLUICE_EXPORT(sluice_volume_rekey_ended);

static int volume_open_journal(struct sluice_volume *v, const char *path, u64 start,
			       struct netlink_ext_ack *extack)
{
	struct sluice_device *d = sluice_volume_open_device(path, true, extack);
	struct sluice_volume *other = NULL;
	u64 size;
	int err;

	if (IS_ERR(d))
		return PTR_ERR(d);
	v->rekey.device = d;
	v->rekey.bdev = sluice_volume_bdev(d);
	/* What it holds may be written to the volume after a crash. */
	err = sluice_volume_integrity_check(v, v->rekey.bdev, extack);
	if (err)
		return err;
	size = bdev_nr_sectors(v->rekey.bdev);
	if (start % 8 || start >= size || size - start < SLUICE_REKEY_JOURNAL) {
		NL_SET_ERR_MSG_FMT(extack, "a journal takes %u sectors, from a multiple of 8 on",
				   SLUICE_REKEY_JOURNAL);
		return -EINVAL;
	}
	while ((other = sluice_volume_next(other))) {
		if (sluice_volume_touches(other, v, v->rekey.bdev, start, SLUICE_REKEY_JOURNAL)) {
			NL_SET_ERR_MSG(extack, "overlaps a volume: see 'sluice volume show'");
			return -EBUSY;
		}
	}
	v->rekey.start = start;
	return sluice_record_late(v->rekey.bdev, start, SLUICE_REKEY_JOURNAL, extack);
}

/* --- the journal ----------------------------------------------------------------------------- */

static void journal_put(struct volume_journal *j)
{
	if (refcount_dec_and_test(&j->ref))
		kfree(j);
}

/* Nobody waits for it any more: as if it had not been begun. */
static void journal_forget(struct volume_journal *j)
{
	struct sluice_volume *v = j->v;

	if (!j->err)
		v->ops->rekey_drop(j->r);
	sluice_volume_put_device(v->rekey.device);
	rtnl_lock();
	sluice_volume_rekey_clear(v);
	sluice_unleak(sizeof(*j));
	v->rekey.opening = false;
	/* From here on the volume may go. */
	rtnl_unlock();
}

static void journal_work(struct work_struct *work)
{
	struct volume_journal *j = container_of(work, struct volume_journal, work);
	bool late;

	j->err = j->v->ops->rekey_open(j->r, &j->extack);
	if (j->err)
		j->v->ops->rekey_drop(j->r);
	mutex_lock(&j->v->lock);
	j->done = true;
	late = j->late;
	mutex_unlock(&j->v->lock);
	complete(&j->ended);
	if (late)
		journal_forget(j);
	journal_put(j);
}

/* True: it was not read yet, and is the work's alone from now on. */
static bool journal_give_up(struct volume_journal *j)
{
	bool late;

	mutex_lock(&j->v->lock);
	late = !j->done;
	j->late = late;
	mutex_unlock(&j->v->lock);
	if (late)
		sluice_leak(sizeof(*j));
	return late;
}

/* Return: -EINPROGRESS: what it needs is in use. */
static int journal_read(struct volume_journal *j, struct netlink_ext_ack *extack)
{
	queue_work(sluice_volume_wq, &j->work);
	if (wait_for_completion_killable_timeout(&j->ended, REKEY_PATIENCE) <= 0 &&
	    journal_give_up(j)) {
		NL_SET_ERR_MSG(extack,
			       "the device of the journal, or the volume's, does not answer");
		return -EINPROGRESS;
	}
	if (j->extack._msg)
		NL_SET_ERR_MSG_FMT(extack, "%s", j->extack._msg);
	return j->err;
}

/*
 * Nobody gets or removes the volume meanwhile; nobody but the engine has its new key, which may be
 * wiped. Context: RTNL held, and dropped meanwhile.
 */
static int volume_rekey_read_journal(struct sluice_volume *v, struct sluice_rekey *r,
				     struct netlink_ext_ack *extack)
{
	struct volume_journal *j = kzalloc(sizeof(*j), GFP_KERNEL);
	int err;

	if (!j) {
		v->ops->rekey_drop(r);
		return -ENOMEM;
	}
	INIT_WORK(&j->work, journal_work);
	refcount_set(&j->ref, 2);
	init_completion(&j->ended);
	j->v = v;
	j->r = r;
	v->rekey.opening = true;
	sluice_rtnl_unlock();
	err = journal_read(j, extack);
	sluice_rtnl_lock();
	if (err != -EINPROGRESS)
		v->rekey.opening = false;
	if (!err) {
		v->ops->rekey_start(v, j->r);
		if (v->record.unresolved) {
			v->record.unresolved = false;
			sluice_volume_tell(v, true);
		}
	}
	journal_put(j);
	return err;
}

/* Read the key and hand it to the engine, with the journal open. */
static int volume_rekey_start(struct sluice_volume *v, s32 key, struct netlink_ext_ack *extack)
{
	struct sluice_volume_cipher cipher = {
		.sector_size = v->sector_size,
		.iv_offset = v->iv_offset,
	};
	struct sluice_rekey *r = NULL;
	int err;

	err = sluice_key_read(key, &cipher, &v->rekey.key_name, extack);
	v->rekey.key_id = cipher.id;
	if (!err && cipher.key_len * BITS_PER_BYTE / 2 != v->cipher_bits) {
		NL_SET_ERR_MSG(extack, "the new key must be as long as the old one");
		err = -EINVAL;
	}
	if (!err) {
		r = v->ops->rekey_new(v, &cipher, extack);
		err = PTR_ERR_OR_ZERO(r);
	}
	memzero_explicit(&cipher, sizeof(cipher));
	return err ?: volume_rekey_read_journal(v, r, extack);
}

/* Nothing is under way; what is to go on may be. */
static int rekey_at_rest(const struct sluice_volume *v, struct netlink_ext_ack *extack)
{
	/* It has one also while its journal is being read (@opening). */
	if (v->rekey.device) {
		NL_SET_ERR_MSG(extack, "it is being re-encrypted: see 'sluice volume show'");
		return -EBUSY;
	}
	if (v->erase.how) {
		NL_SET_ERR_MSG(extack, "it is being wiped: see 'sluice volume show'");
		return -EBUSY;
	}
	return 0;
}

int sluice_volume_rekey_absent(const struct sluice_volume *v, struct netlink_ext_ack *extack)
{
	int err;

	ASSERT_RTNL();
	err = rekey_at_rest(v, extack);
	if (err)
		return err;
	if (v->record.unresolved) {
		NL_SET_ERR_MSG(extack,
			       "its re-encryption is not finished: say 'sluice volume rekey' first");
		return -EUCLEAN;
	}
	return 0;
}

static int rekey_may_turn(const struct sluice_volume *v, struct netlink_ext_ack *extack)
{
	const struct sluice_volume_rekey *k = &v->rekey;

	if (!k->device) {
		if (v->record.unresolved)
			NL_SET_ERR_MSG(extack,
				       "its re-encryption does not go on yet: name key and journal");
		else
			NL_SET_ERR_MSG(extack, "it is not being re-encrypted");
		return -ENOENT;
	}
	if (k->opening) {
		NL_SET_ERR_MSG(extack, "the journal of its re-encryption is being read");
		return -EBUSY;
	}
	if (READ_ONCE(k->stall.error) && READ_ONCE(k->stall.step) == SLUICE_REKEY_OVER) {
		NL_SET_ERR_MSG(extack,
			       "one of its devices is gone: make the volume anew, and say it with key and journal");
		return -EIO;
	}
	return 0;
}

int sluice_volume_rekey_turn(struct sluice_volume *v, enum sluice_rekey_way way,
			     struct netlink_ext_ack *extack)
{
	int err, was;

	ASSERT_RTNL();
	/* As to begin it. */
	if (!capable(CAP_SYS_ADMIN)) {
		NL_SET_ERR_MSG(extack, "needs CAP_SYS_ADMIN, as to begin it");
		return -EPERM;
	}
	err = rekey_may_turn(v, extack);
	if (err)
		return err;
	was = READ_ONCE(v->rekey.way);
	if (was == way) {
		NL_SET_ERR_MSG(extack, "it goes that way already: see 'sluice volume show'");
		return -EALREADY;
	}
	/* Nobody else changes it but the engine, when it is there. */
	if (was == SLUICE_REKEY_THROUGH || cmpxchg(&v->rekey.way, was, way) != was) {
		NL_SET_ERR_MSG(extack,
			       "too late: all of it has one key, and only that is to be said");
		return -EEXIST;
	}
	wake_up_all(&v->rekey.wait);
	return 0;
}

int sluice_volume_rekey(struct sluice_volume *v, const struct sluice_rekey_order *o,
			struct netlink_ext_ack *extack)
{
	int err;

	ASSERT_RTNL();
	if (!capable(CAP_SYS_ADMIN)) {
		NL_SET_ERR_MSG(extack, "needs CAP_SYS_ADMIN: opens a block device");
		return -EPERM;
	}
	if (!v->cipher_bits || v->read_only) {
		NL_SET_ERR_MSG(extack, "the volume is not encrypted, or read-only");
		return -EINVAL;
	}
	err = rekey_at_rest(v, extack) ?: sluice_volume_key_need(v, extack);
	if (err)
		return err;
	v->rekey.skip = o->skip;
	v->rekey.adopt = o->adopt;
	v->rekey.way = o->way;
	v->rekey.path = kstrdup(o->path, GFP_KERNEL);
	err = v->rekey.path ? volume_open_journal(v, o->path, o->start, extack) : -ENOMEM;
	if (!err)
		err = volume_rekey_start(v, o->key, extack);
	if (err == -EINPROGRESS)
		return -ETIMEDOUT;
	if (err)
		sluice_volume_close_device(sluice_volume_rekey_clear(v));
	else
		sluice_netlink_volume_event(SLUICE_EVENT_CONFIG, v->name, SLUICE_OBJECT_VOLUME);
	return err;
}
