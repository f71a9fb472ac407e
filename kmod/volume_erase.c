// SPDX-License-Identifier: GPL-2.0-only
/*
 * A volume's extent is wiped: before the first front end gets it, or after the last one had it.
 *
 * DOC: Wiping
 *
 * It goes slice by slice and sleeps with the device as long as that likes, on a queue of its own:
 * what else waits for devices never waits behind it. Meanwhile no front end gets the volume or
 * hears of it, and its extent is nobody else's. Who removes a volume that is being wiped waits for
 * the slice under way, in a work too; who removes one to be wiped waits for nothing.
 *
 * Only what is durable is wiped. A flush that fails may have lost what came after the one before,
 * so that is wiped once more.
 *
 * DOC: The record of a wipe
 *
 * A volume's record says so before anything is touched, and until all is through. With such a
 * record the volume is made only to be wiped anew, from its beginning: so nobody gets what a crash
 * left half wiped as if it were. The record of a volume that goes says for good that it was wiped,
 * and has no check value of its key any more.
 *
 * DOC: Discards
 *
 * A device may do with a discard what it likes, also nothing, and the kernel does not say what is
 * read afterwards. Of zeroes it does, also where the device may give back blocks for them
 * (blkdev_issue_zeroout() without BLKDEV_ZERO_NOUNMAP): so it is asked for those.
 */
#include <linux/blkdev.h>
#include <linux/capability.h>
#include <linux/ktime.h>
#include <linux/rtnetlink.h>
#include <linux/sizes.h>
#include "netlink.h"
#include "port.h"
#include "volume.h"

/* Sectors that are wiped at once, and after which what was is made durable. */
#define ERASE_SLICE	(SZ_4M >> SECTOR_SHIFT)
#define ERASE_FLUSH	(SZ_256M >> SECTOR_SHIFT)
/* As many at once as a re-encryption, where that is not to go as fast as it gets on. */
#define ERASE_PACED	SLUICE_REKEY_CHUNK

static struct workqueue_struct *erase_wq;

/* --- may it be? ------------------------------------------------------------------------------ */

static int erase_check_device(const struct sluice_volume *v, enum sluice_erasure how,
			      struct netlink_ext_ack *extack)
{
	if (READ_ONCE(v->dead)) {
		NL_SET_ERR_MSG(extack, "the volume's device was pulled out");
		return -ENODEV;
	}
	if (how == SLUICE_ERASE_SECURE && !bdev_max_secure_erase_sectors(v->bdev)) {
		NL_SET_ERR_MSG(extack, "the device has no secure erase: say 'wipe zero'");
		return -EOPNOTSUPP;
	}
	if (how == SLUICE_ERASE_DISCARD && !bdev_write_zeroes_sectors(v->bdev)) {
		NL_SET_ERR_MSG(extack,
			       "the device says nothing of what is read after a discard: say 'wipe zero'");
		return -EOPNOTSUPP;
	}
	return 0;
}

int sluice_volume_erase_check(const struct sluice_volume *v, enum sluice_erasure how,
			      struct netlink_ext_ack *extack)
{
	ASSERT_RTNL();
	/* Whoever may not open the device may not write to all of it either. */
	if (!capable(CAP_SYS_ADMIN)) {
		NL_SET_ERR_MSG(extack, "a wipe needs CAP_SYS_ADMIN: it writes to the device");
		return -EPERM;
	}
	if (v->read_only) {
		NL_SET_ERR_MSG(extack, "the volume is read-only: it cannot be wiped");
		return -EINVAL;
	}
	if (how != SLUICE_ERASE_KEY)
		return erase_check_device(v, how, extack);
	if (v->cipher_bits)
		return 0;
	NL_SET_ERR_MSG(extack, "the volume has no key: say 'wipe zero', or another");
	return -EINVAL;
}

/* --- once more ------------------------------------------------------------------------------- */

static const char *const erase_steps[] = {
	[SLUICE_ERASE_AT_WRITE] = "write",
	[SLUICE_ERASE_AT_RECORD] = "record",
};

static const struct sluice_stall_words erase_words = {
	.what = "wipe",
	.steps = erase_steps,
	.event = SLUICE_EVENT_VOLUME_WIPE_STALLED,
};

static bool erase_over(const void *arg)
{
	const struct sluice_volume *v = arg;

	if (READ_ONCE(v->erase.stop) || sluice_stall_gone(v->record.bdev))
		return true;
	return v->erase.how != SLUICE_ERASE_KEY &&
	       (READ_ONCE(v->dead) || sluice_stall_gone(v->bdev));
}

/* False: there is no point in it. */
static bool erase_again(struct sluice_volume *v, enum sluice_erase_step step, int err)
{
	struct sluice_volume_erase *e = &v->erase;

	if (erase_over(v))
		return false;
	sluice_stall_begins(v, &e->stall, &erase_words, step, err);
	sluice_stall_await(&e->wait, e->tries++, erase_over, v);
	return !erase_over(v);
}

static void erase_went(struct sluice_volume *v)
{
	sluice_stall_ends(v, &v->erase.stall, &erase_words);
	v->erase.tries = 0;
}

/* What was written gets on when it is durable: a device that cannot flush takes it all the same. */
static int erase_insist(struct sluice_volume *v, enum sluice_erase_step step,
			int (*fn)(struct sluice_volume *v))
{
	const struct sluice_volume_erase *e = &v->erase;
	int err;

	do {
		err = fn(v);
	} while (err && erase_again(v, step, err));
	if (!err && (step != SLUICE_ERASE_AT_WRITE || e->durable == e->done))
		erase_went(v);
	return err;
}

/* --- the extent ------------------------------------------------------------------------------ */

static int erase_slice(const struct sluice_volume *v, u64 pos, u64 sectors)
{
	unsigned int flags = v->erase.how == SLUICE_ERASE_DISCARD ? 0 : BLKDEV_ZERO_NOUNMAP;
	u64 at = v->start + pos;

	if (v->erase.how == SLUICE_ERASE_SECURE)
		return blkdev_issue_secure_erase(v->bdev, at, sectors, GFP_NOIO);
	return blkdev_issue_zeroout(v->bdev, at, sectors, GFP_NOIO, flags);
}

static void erase_did(struct sluice_volume *v, u64 done)
{
	WRITE_ONCE(v->erase.done, done);
	sluice_progress_note(&v->erase.progress, ktime_get_ns(), done);
}

/* A device's own command may be for so much at least. */
static u64 erase_len(const struct sluice_volume *v)
{
	const struct sluice_volume_erase *e = &v->erase;
	bool paced = READ_ONCE(e->pace.bps) && e->how != SLUICE_ERASE_SECURE;

	return min_t(u64, v->sectors - e->done, paced ? ERASE_PACED : ERASE_SLICE);
}

static int erase_step(struct sluice_volume *v)
{
	struct sluice_volume_erase *e = &v->erase;
	int err;

	e->len = erase_len(v);
	err = erase_slice(v, e->done, e->len);
	if (err)
		return err;
	erase_did(v, e->done + e->len);
	if (e->done < v->sectors && e->done - e->durable < ERASE_FLUSH)
		return 0;
	err = blkdev_issue_flush(v->bdev);
	if (err)
		erase_did(v, e->durable);
	else
		e->durable = e->done;
	return err;
}

static void erase_await_pace(struct sluice_volume *v)
{
	struct sluice_volume_erase *e = &v->erase;
	const struct sluice_pace_wait w = {
		.pace = &e->pace,
		.wait = &e->wait,
		.called = erase_over,
		.arg = v,
	};

	e->charged = sluice_pace_await(&w, e->charged, e->len << SECTOR_SHIFT);
}

static int erase_extent(struct sluice_volume *v)
{
	struct sluice_volume_erase *e = &v->erase;
	int err = 0;

	while (!err && e->durable < v->sectors) {
		erase_await_pace(v);
		/* A device that is gone ends the wait too: no reason to hurry. */
		if (erase_over(v))
			return READ_ONCE(e->stop) ? -ECANCELED : -ENODEV;
		err = erase_insist(v, SLUICE_ERASE_AT_WRITE, erase_step);
		cond_resched();
	}
	return err;
}

/* --- all of it ------------------------------------------------------------------------------- */

static int erase_tell_begun(struct sluice_volume *v)
{
	return sluice_volume_record_wipe(v, SLUICE_RECORD_WIPING);
}

static int erase_tell_over(struct sluice_volume *v)
{
	return sluice_volume_record_wipe(v, v->erase.last ? SLUICE_RECORD_WIPED :
							    SLUICE_RECORD_AT_REST);
}

/* Return: 0; -ECANCELED: it was given up; or why there is no point in another try. */
static int erase_all(struct sluice_volume *v)
{
	struct sluice_volume_erase *e = &v->erase;
	int err = 0;

	/* One that was wiped when it was new has been somebody's since. */
	e->durable = 0;
	e->charged = 0;
	e->len = 0;
	erase_did(v, 0);
	/* That of a new one says so already. */
	if (e->last && e->how != SLUICE_ERASE_KEY)
		err = erase_insist(v, SLUICE_ERASE_AT_RECORD, erase_tell_begun);
	if (!err && e->how != SLUICE_ERASE_KEY)
		err = erase_extent(v);
	if (!err)
		err = erase_insist(v, SLUICE_ERASE_AT_RECORD, erase_tell_over);
	return err && READ_ONCE(e->stop) ? -ECANCELED : err;
}

static void erase_tell_end(struct sluice_volume *v, int err)
{
	if (err) {
		WRITE_ONCE(v->erase.stall.step, SLUICE_ERASE_OVER);
		WRITE_ONCE(v->erase.stall.error, err);
		pr_warn("sluice: volume %s: is not wiped, and is not tried again: %pe\n", v->name,
			ERR_PTR(err));
	}
	sluice_netlink_volume_event(SLUICE_EVENT_VOLUME_WIPED, v->name, -err);
}

/* From here on it may be had. */
static void erase_offer(struct sluice_volume *v)
{
	rtnl_lock();
	if (!v->gone) {
		WRITE_ONCE(v->erase.how, SLUICE_ERASE_NONE);
		sluice_volume_tell(v, true);
	}
	rtnl_unlock();
}

static void erase_work(struct work_struct *work)
{
	struct sluice_volume *v = container_of(work, struct sluice_volume, erase.work);
	int err = erase_all(v);

	/* It goes, and need not be. */
	if (err == -ECANCELED)
		return;
	if (!err)
		erase_offer(v);
	erase_tell_end(v, err);
}

void sluice_volume_erase_init(struct sluice_volume *v)
{
	INIT_WORK(&v->erase.work, erase_work);
	init_waitqueue_head(&v->erase.wait);
	sluice_progress_init(&v->erase.progress);
}

void sluice_volume_erase_begin(struct sluice_volume *v, enum sluice_erasure how)
{
	ASSERT_RTNL();
	v->erase.how = how;
	queue_work(erase_wq, &v->erase.work);
}

void sluice_volume_erase_set_pace(struct sluice_volume *v, const struct sluice_pace *pace)
{
	struct sluice_volume_erase *e = &v->erase;

	ASSERT_RTNL();
	if (sluice_pace_set(&e->pace, pace, &e->wait))
		sluice_progress_reset(&e->progress);
}

void sluice_volume_erase_give_up(struct sluice_volume *v)
{
	WRITE_ONCE(v->erase.stop, true);
	wake_up_all(&v->erase.wait);
}

void sluice_volume_erase_plan(struct sluice_volume *v, enum sluice_erasure how,
			      struct work_struct *work)
{
	ASSERT_RTNL();
	v->erase.last = how;
	if (how)
		WRITE_ONCE(v->erase.how, how);
	else
		sluice_volume_erase_give_up(v);
	queue_work(how ? erase_wq : sluice_volume_wq, work);
}

void sluice_volume_erase_finish(struct sluice_volume *v)
{
	cancel_work_sync(&v->erase.work);
	if (v->erase.last)
		erase_tell_end(v, erase_all(v));
}

/* --- showing --------------------------------------------------------------------------------- */

const char *sluice_volume_erase_stalled(const struct sluice_volume *v)
{
	enum sluice_erase_step step = READ_ONCE(v->erase.stall.step);

	return READ_ONCE(v->erase.stall.error) && step != SLUICE_ERASE_OVER ? erase_steps[step] :
									       NULL;
}

u64 sluice_volume_erase_rate(const struct sluice_volume *v)
{
	/* All that changes is its lock. */
	struct sluice_progress *p = (struct sluice_progress *)&v->erase.progress;

	return sluice_progress_rate(p, ktime_get_ns(), READ_ONCE(v->erase.done));
}

/* --- the module ------------------------------------------------------------------------------ */

int sluice_volume_erase_module_init(void)
{
	erase_wq = alloc_workqueue("sluice_erase", WQ_UNBOUND, 0);
	return erase_wq ? 0 : -ENOMEM;
}

void sluice_volume_erase_module_exit(void)
{
	destroy_workqueue(erase_wq);
}
