// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where a volume's record is, and when it is read and written.
 *
 * DOC: Reading and writing it
 *
 * When the volume is made, or gets another record, RTNL is held: see record_job.c. Later, it is
 * written by who does not hold RTNL.
 *
 * What changes whose key a block has is written to both copies, one after the other: so one that
 * the device loses later takes nothing along. After an error nobody knows what the device has of
 * that copy, and only of that: it is where the next one goes.
 */
#include <linux/capability.h>
#include <linux/jiffies.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <linux/uuid.h>
#include <linux/wait_bit.h>
#include "engine_blk.h"
#include "patience.h"
#include "record_job.h"
#include "volume.h"

/* --- what the volume is made of -------------------------------------------------------------- */

/* Its name for good, if it has one that the kernel knows. Without waiting for it. */
static void record_identify(struct block_device *bdev, struct sluice_geometry *g)
{
	static const enum blk_unique_id types[] = {
		[SLUICE_RECORD_T10] = BLK_UID_T10,
		[SLUICE_RECORD_EUI64] = BLK_UID_EUI64,
		[SLUICE_RECORD_NAA] = BLK_UID_NAA,
	};
	static const u8 order[] = { SLUICE_RECORD_NAA, SLUICE_RECORD_EUI64, SLUICE_RECORD_T10 };
	struct gendisk *disk = bdev->bd_disk;
	unsigned int i;
	uuid_t uuid;

	if (bdev_is_partition(bdev)) {
		if (!bdev->bd_meta_info || uuid_parse(bdev->bd_meta_info->uuid, &uuid))
			return;
		g->device = SLUICE_RECORD_PARTUUID;
		export_uuid(g->device_id, &uuid);
		return;
	}
	/*
	 * A mapped device says what the first device below it says: so all volumes of an LVM group
	 * may say the same, and one says something else when it was moved, or has two segments.
	 */
	if (sluice_volume_is_mapped(bdev))
		return;
	for (i = 0; disk->fops->get_unique_id && i < ARRAY_SIZE(order); i++) {
		if (disk->fops->get_unique_id(disk, g->device_id, types[order[i]]) > 0) {
			g->device = order[i];
			return;
		}
		memset(g->device_id, 0, sizeof(g->device_id));
	}
}

void sluice_volume_geometry(const struct sluice_volume *v, struct sluice_geometry *g)
{
	*g = (struct sluice_geometry){
		.device_sectors = bdev_nr_sectors(v->bdev),
		.start = v->start,
		.sectors = READ_ONCE(v->sectors),
		.cipher_bits = v->cipher_bits,
		.sector_size = v->cipher_bits ? v->sector_size : 0,
		.iv_offset = v->iv_offset,
		.integrity = v->integrity,
	};
	record_identify(v->bdev, g);
}
SLUICE_EXPORT(sluice_volume_geometry);

static int record_key(const struct sluice_volume *v, const u8 uuid[SLUICE_RECORD_ID],
		      u8 key[SLUICE_RECORD_ID])
{
	memset(key, 0, SLUICE_RECORD_ID);
	return v->cipher_bits ? v->ops->key_check(v, uuid, key) : 0;
}

/* --- is it that of this volume? -------------------------------------------------------------- */

static int record_match_geometry(const struct sluice_volume *v, const struct sluice_record *r,
				 struct netlink_ext_ack *extack)
{
	const struct sluice_geometry *g = &r->geometry;
	struct sluice_difference d;
	struct sluice_geometry now;

	sluice_volume_geometry(v, &now);
	if (!sluice_geometry_same_device(g, &now, r->state != SLUICE_RECORD_RUNNING)) {
		if (g->device == SLUICE_RECORD_SIZE)
			NL_SET_ERR_MSG_FMT(extack,
					   "the record's device has %llu sectors, this one %llu",
					   g->device_sectors, now.device_sectors);
		else
			NL_SET_ERR_MSG_FMT(extack, "the record is of another device: %*phN",
					   SLUICE_RECORD_ID, g->device_id);
		return -EINVAL;
	}
	if (!sluice_geometry_differs(g, &now, &d))
		return 0;
	NL_SET_ERR_MSG_FMT(extack, "the record says %s %llu%s, given is %llu%s", d.what, d.is,
			   d.unit, d.given, d.unit);
	return -EINVAL;
}

static int record_match_key(const struct sluice_volume *v, const struct sluice_record *r,
			    struct netlink_ext_ack *extack)
{
	u8 key[SLUICE_RECORD_ID];
	int err = record_key(v, r->uuid, key);

	if (err || !memcmp(key, r->key, sizeof(key)))
		return err;
	if (r->state == SLUICE_RECORD_DONE && !memcmp(key, r->from, sizeof(key)))
		NL_SET_ERR_MSG(extack,
			       "that is the key that the volume had before it was re-encrypted");
	else if (r->state == SLUICE_RECORD_GIVEN_UP && !memcmp(key, r->to, sizeof(key)))
		NL_SET_ERR_MSG(extack,
			       "that is the key that the volume was getting, and that was given up");
	else if (r->state == SLUICE_RECORD_RUNNING && !memcmp(key, r->to, sizeof(key)))
		NL_SET_ERR_MSG(extack,
			       "that is the key that the volume is getting: name the old one, and 'resume'");
	else
		NL_SET_ERR_MSG(extack, "the record says that this is not the volume's key");
	return -EKEYREJECTED;
}

/* @resume: also one of which the re-encryption is not finished. */
static int record_match(struct sluice_volume *v, const struct sluice_record *r, bool resume,
			struct netlink_ext_ack *extack)
{
	int err;

	if (r->state == SLUICE_RECORD_WIPED) {
		NL_SET_ERR_MSG(extack,
			       "the record says that the volume was wiped: 'record-new' makes another");
		return -EKEYREJECTED;
	}
	err = record_match_geometry(v, r, extack) ?: record_match_key(v, r, extack);
	if (err)
		return err;
	if (r->state == SLUICE_RECORD_RUNNING && (!resume || v->read_only)) {
		NL_SET_ERR_MSG(extack,
			       "its re-encryption is not finished: add it with 'resume', then say the same 'sluice volume rekey' again");
		return -EUCLEAN;
	}
	v->record.now = *r;
	v->record.unresolved = r->state == SLUICE_RECORD_RUNNING;
	return 0;
}

/* What a crash left half wiped is wiped anew, or nobody's. */
static int record_match_wipe(const struct sluice_record *r, enum sluice_erasure erase,
			     struct netlink_ext_ack *extack)
{
	if (r->state != SLUICE_RECORD_WIPING || erase)
		return 0;
	NL_SET_ERR_MSG(extack,
		       "its wipe is not finished: add it with 'wipe zero', or another, once more");
	return -EUCLEAN;
}

static const char *record_error(int err)
{
	switch (err) {
	case -ENOENT:
		return "there is no record: look at 'record-start', or say 'record-new' for one";
	case -EBADMSG:
		return "no record is there, or a damaged one, which 'record-new' would overwrite";
	case -EUCLEAN:
		return "the records of two volumes overlap there";
	default:
		return "the record is of a later version of Sluice, or of something else";
	}
}

/* Whose device it is says the error. */
static int record_do(struct sluice_volume *v, struct sluice_record_job *j, blk_opf_t opf,
		     struct netlink_ext_ack *extack)
{
	int err = sluice_record_job_do(j, opf, extack);

	if (err == -ETIMEDOUT) {
		v->record.device = NULL;
		v->record.bdev = NULL;
	}
	return err;
}

/* @found: both copies; NULL: -EIO, -ETIMEDOUT, -ENOMEM. Otherwise as sluice_record_choose(). */
static int record_read(struct sluice_volume *v, struct sluice_record *r,
		       struct sluice_record_job **found, struct netlink_ext_ack *extack)
{
	struct sluice_record_job *j = sluice_record_job_new(v->record.device, v->record.start);
	int err;

	if (!j)
		return -ENOMEM;
	err = record_do(v, j, REQ_OP_READ, extack);
	if (err) {
		sluice_record_job_put(j);
		return err;
	}
	*found = j;
	return sluice_record_choose(sluice_record_job_copy(j, 0), sluice_record_job_copy(j, 1), r);
}

/* Nothing of it was done yet, or is left to do. */
static void record_enter(struct sluice_record *r, enum sluice_record_state state)
{
	r->state = state;
	r->turns = 0;
	r->pos = 0;
}

/* It has one key, or none, and nothing is under way but what @state says. */
static void record_settle(struct sluice_record *r, enum sluice_record_state state)
{
	record_enter(r, state);
	memset(r->from, 0, sizeof(r->from));
	memset(r->to, 0, sizeof(r->to));
	memset(r->journal, 0, sizeof(r->journal));
}

/* --- a new one ------------------------------------------------------------------------------- */

/* Both copies, from that generation on, by @j, which goes. */
static int record_write_both(struct sluice_volume *v, struct sluice_record_job *j,
			     struct sluice_record *r, u64 generation,
			     struct netlink_ext_ack *extack)
{
	unsigned int i;
	int err;

	for (i = 0; i < SLUICE_RECORD_COPIES; i++) {
		r->generation = generation + i;
		sluice_record_format(r, sluice_record_job_copy(j, r->generation & 1));
	}
	err = record_do(v, j, REQ_OP_WRITE | REQ_PREFLUSH | REQ_FUA, extack);
	if (!err)
		v->record.now = *r;
	sluice_record_job_put(j);
	return err;
}

static struct sluice_record_job *record_new_write(const struct sluice_volume *v, u64 generation)
{
	return sluice_record_job_new_write(v->record.device, v->record.start, generation & 1);
}

/* In place of what was @found. */
static int record_make(struct sluice_volume *v, enum sluice_record_state state,
		       struct sluice_record_job *found, struct netlink_ext_ack *extack)
{
	struct sluice_record r = { .state = state };
	struct sluice_record_job *j;
	unsigned int i;
	int err;

	/* It may be somebody's, and could not be put back. */
	if (sluice_record_job_lost(found)) {
		NL_SET_ERR_MSG(extack, "what is there cannot be read: take another place for it");
		return -EIO;
	}
	j = record_new_write(v, 0);
	if (!j)
		return -ENOMEM;
	for (i = 0; i < SLUICE_RECORD_COPIES; i++)
		memcpy(sluice_record_job_before(j, i), sluice_record_job_copy(found, i),
		       SLUICE_RECORD_BYTES);
	generate_random_uuid(r.uuid);
	sluice_volume_geometry(v, &r.geometry);
	err = record_key(v, r.uuid, r.key);
	if (!err)
		return record_write_both(v, j, &r, 0, extack);
	sluice_record_job_put(j);
	return err;
}

/*
 * Before anything is wiped, or anybody is told that it will be. What became of a copy whose write
 * failed nobody knows, so what was is said by newer ones.
 */
static int record_begin_wipe(struct sluice_volume *v, struct netlink_ext_ack *extack)
{
	struct sluice_record r = v->record.now;
	u64 generation = r.generation + 1;
	struct sluice_record_job *j = record_new_write(v, generation);
	unsigned int i;

	if (!j)
		return -ENOMEM;
	for (i = 0; i < SLUICE_RECORD_COPIES; i++) {
		r.generation = generation + SLUICE_RECORD_COPIES + i;
		sluice_record_format(&r, sluice_record_job_before(j, r.generation & 1));
	}
	record_settle(&r, SLUICE_RECORD_WIPING);
	return record_write_both(v, j, &r, generation, extack);
}

static bool record_is_nobodys(int err, const struct sluice_record *r)
{
	return err == -ENOENT || err == -EBADMSG || (!err && r->state == SLUICE_RECORD_WIPED);
}

/* @err: what there is, if it is not @r. */
static int record_check_new(struct sluice_volume *v, const struct sluice_volume_params *p, int err,
			    const struct sluice_record *r, struct sluice_record_job *found,
			    struct netlink_ext_ack *extack)
{
	if (record_is_nobodys(err, r))
		return record_make(v, p->erase ? SLUICE_RECORD_WIPING : SLUICE_RECORD_AT_REST,
				   found, extack);
	NL_SET_ERR_MSG(extack,
		       "there is a record already: leave out 'record-new', or overwrite its 8 KiB if nobody needs it");
	return -EEXIST;
}

static int record_check_old(struct sluice_volume *v, const struct sluice_volume_params *p, int err,
			    const struct sluice_record *r, struct netlink_ext_ack *extack)
{
	if (err)
		NL_SET_ERR_MSG_FMT(extack, "%s", record_error(err));
	err = err ?: record_match(v, r, p->resume || p->key_before, extack) ?:
	      record_match_wipe(r, p->erase, extack);
	return err || !p->erase ? err : record_begin_wipe(v, extack);
}

int sluice_volume_record_check(struct sluice_volume *v, const struct sluice_volume_params *p,
			       struct netlink_ext_ack *extack)
{
	struct sluice_record_job *found = NULL;
	struct sluice_record r;
	int err;

	ASSERT_RTNL();
	if (!v->record.device)
		return 0;
	err = record_read(v, &r, &found, extack);
	if (!found)
		return err;
	err = p->record_new ? record_check_new(v, p, err, &r, found, extack) :
			      record_check_old(v, p, err, &r, extack);
	sluice_record_job_put(found);
	return err;
}

/* --- its place ------------------------------------------------------------------------------- */

static void record_work(struct work_struct *work);

void sluice_volume_record_init(struct sluice_volume *v)
{
	mutex_init(&v->record.lock);
	INIT_WORK(&v->record.work, record_work);
}

static void place_free(struct sluice_record_place *r)
{
	if (r->page)
		__free_page(r->page);
	kfree(r->path);
	*r = (struct sluice_record_place){};
}

static void place_close(struct sluice_record_place *r)
{
	sluice_volume_close_device(r->device);
	r->device = NULL;
	r->bdev = NULL;
}

void sluice_volume_record_free(struct sluice_volume *v)
{
	place_free(&v->record.place);
}

static bool place_touches(const struct sluice_record_place *r, const struct block_device *bdev,
			  u64 start, u64 sectors)
{
	return r->bdev == bdev && start < r->start + SLUICE_RECORD_SECTORS &&
	       r->start < start + sectors;
}

bool sluice_volume_record_touches(const struct sluice_volume *v, const struct block_device *bdev,
				  u64 start, u64 sectors)
{
	return place_touches(&v->record.place, bdev, start, sectors) ||
	       place_touches(&v->record.was, bdev, start, sectors);
}

/* @r: of @v, which may be one that is not there yet. */
static int place_check_room(const struct sluice_record_place *r, const struct sluice_volume *v,
			    struct netlink_ext_ack *extack)
{
	u64 size = bdev_nr_sectors(r->bdev);
	struct sluice_volume *other = NULL;
	bool busy;

	if (r->start % 8 || r->start >= size || size - r->start < SLUICE_RECORD_SECTORS ||
	    bdev_logical_block_size(r->bdev) > SLUICE_RECORD_BYTES) {
		NL_SET_ERR_MSG_FMT(extack, "a record takes %u sectors, from a multiple of 8 on",
				   SLUICE_RECORD_SECTORS);
		return -EINVAL;
	}
	busy = place_touches(r, v->bdev, v->start, v->sectors);
	while (!busy && (other = sluice_volume_next(other)))
		busy = sluice_volume_touches(other, NULL, r->bdev, r->start,
					     SLUICE_RECORD_SECTORS);
	if (!busy)
		return sluice_record_late(r->bdev, r->start, SLUICE_RECORD_SECTORS, extack);
	NL_SET_ERR_MSG(extack, "the record overlaps a volume: see 'sluice volume show'");
	return -EBUSY;
}

static int place_open(struct sluice_record_place *r, const struct sluice_volume *v,
		      const struct sluice_volume_params *p, struct netlink_ext_ack *extack)
{
	struct sluice_device *d;

	r->path = kstrdup(p->record, GFP_KERNEL);
	r->page = alloc_page(GFP_KERNEL);
	if (!r->path || !r->page)
		return -ENOMEM;
	d = sluice_volume_open_device(p->record, !v->read_only, extack);
	if (IS_ERR(d))
		return PTR_ERR(d);
	r->device = d;
	r->bdev = sluice_volume_bdev(d);
	r->start = p->record_start;
	r->resume = p->resume;
	/* One of before would have it made with the key of before, and read what nobody wrote. */
	return sluice_volume_integrity_check(v, r->bdev, extack) ?:
	       place_check_room(r, v, extack);
}

int sluice_volume_record_open(struct sluice_volume *v, const struct sluice_volume_params *p,
			      struct netlink_ext_ack *extack)
{
	ASSERT_RTNL();
	return p->record ? place_open(&v->record.place, v, p, extack) : 0;
}

void sluice_volume_record_close(struct sluice_volume *v)
{
	place_close(&v->record.place);
}

/* --- another place --------------------------------------------------------------------------- */

/* Is nothing on its way to the one that it has? */
static bool record_at_rest(struct sluice_volume *v)
{
	atomic_t *writing = &v->record.writing;
	u64 since = get_jiffies_64();

	if (!wait_var_event_timeout(writing, !atomic_read(writing),
				    sluice_patience_devices(SLUICE_VOLUME_PATIENCE)))
		sluice_patience_spent();
	sluice_patience_use(since);
	return !atomic_read(writing);
}

static int record_may_change(struct sluice_volume *v, const struct sluice_volume_params *p,
			     struct netlink_ext_ack *extack)
{
	int err;

	if (p->record && !capable(CAP_SYS_ADMIN)) {
		NL_SET_ERR_MSG(extack, "needs CAP_SYS_ADMIN: opens a block device");
		return -EPERM;
	}
	err = sluice_volume_rekey_absent(v, extack);
	if (err)
		return err;
	if (p->record && READ_ONCE(v->dead)) {
		NL_SET_ERR_MSG(extack, "the volume's device was pulled out");
		return -ENODEV;
	}
	if (v->record.changed) {
		NL_SET_ERR_MSG(extack, "one record in a transaction: its place is not free yet");
		return -EBUSY;
	}
	/* Nobody could say whether it is of this key. */
	if (p->record && sluice_volume_key_need(v, extack))
		return -EBUSY;
	if (v->record.device && !record_at_rest(v)) {
		NL_SET_ERR_MSG(extack, "its record is being written: see what holds up its device");
		return -EBUSY;
	}
	return 0;
}

static bool record_is_same(const struct sluice_volume *v, const struct sluice_volume_params *p)
{
	const struct sluice_volume_record *r = &v->record;

	if (!p->record || !r->path)
		return !p->record && !r->path;
	return !p->record_new && !strcmp(r->path, p->record) && r->start == p->record_start;
}

/* The new one is in its place. */
static int record_check_live(struct sluice_volume *v, const struct sluice_volume_params *p,
			     struct netlink_ext_ack *extack)
{
	int err = sluice_volume_record_check(v, p, extack);

	if (err || !v->record.unresolved)
		return err;
	/* What the volume was written with since nobody knows. */
	NL_SET_ERR_MSG(extack,
		       "its re-encryption is not finished: remove it, and add it with 'resume'");
	return -EUCLEAN;
}

int sluice_volume_record_set(struct sluice_volume *v, const struct sluice_volume_params *p,
			     struct netlink_ext_ack *extack)
{
	struct sluice_record_place next = {};
	int err;

	ASSERT_RTNL();
	if (record_is_same(v, p))
		return 0;
	err = record_may_change(v, p, extack);
	if (!err && p->record)
		err = place_open(&next, v, p, extack);
	if (err) {
		place_close(&next);
		place_free(&next);
		return err;
	}
	v->record.was = v->record.place;
	v->record.place = next;
	v->record.changed = true;
	err = record_check_live(v, p, extack);
	if (err)
		sluice_volume_record_revert(v);
	return err;
}

void sluice_volume_record_keep(struct sluice_volume *v)
{
	ASSERT_RTNL();
	place_close(&v->record.was);
	place_free(&v->record.was);
	v->record.changed = false;
}

void sluice_volume_record_revert(struct sluice_volume *v)
{
	ASSERT_RTNL();
	if (!v->record.changed)
		return;
	place_close(&v->record.place);
	place_free(&v->record.place);
	swap(v->record.place, v->record.was);
	v->record.changed = false;
}

void sluice_volume_record_end(struct sluice_volume *v)
{
	if (!v->record.device)
		return;
	flush_work(&v->record.work);
	sluice_volume_put_device(v->record.device);
}

/* --- changes --------------------------------------------------------------------------------- */

/* Context: @v->record.lock held. */
static int record_store(struct sluice_volume *v, struct sluice_record *next)
{
	struct sluice_volume_record *r = &v->record;
	int err;

	lockdep_assert_held(&r->lock);
	next->generation = r->now.generation + 1;
	sluice_record_format(next, page_address(r->page));
	err = sluice_record_io(r->bdev, r->start + sluice_record_place(next->generation), r->page,
			       REQ_OP_WRITE | REQ_PREFLUSH | REQ_FUA);
	if (!err)
		r->now = *next;
	return err;
}

/* Likewise, in both copies. */
static int record_change(struct sluice_volume *v, struct sluice_record *next)
{
	return record_store(v, next) ?: record_store(v, next);
}

/* It was resized. What is not written is found out when the volume is made anew, and said then. */
static void record_work(struct work_struct *work)
{
	struct sluice_volume *v = container_of(work, struct sluice_volume, record.work);
	struct sluice_record next;
	struct sluice_difference d;
	int err = 0;

	mutex_lock(&v->record.lock);
	next = v->record.now;
	sluice_volume_geometry(v, &next.geometry);
	if (sluice_geometry_differs(&v->record.now.geometry, &next.geometry, &d))
		err = record_change(v, &next);
	mutex_unlock(&v->record.lock);
	if (err)
		pr_warn("sluice: volume %s: its record has another size: %pe\n", v->name,
			ERR_PTR(err));
	if (atomic_dec_and_test(&v->record.writing))
		wake_up_var(&v->record.writing);
}

void sluice_volume_record_resized(struct sluice_volume *v)
{
	ASSERT_RTNL();
	if (!v->record.device || v->read_only)
		return;
	atomic_inc(&v->record.writing);
	if (!queue_work(sluice_volume_wq, &v->record.work))
		atomic_dec(&v->record.writing);
}

bool sluice_volume_record_get(struct sluice_volume *v, struct sluice_record *r)
{
	if (!v->record.bdev)
		return false;
	mutex_lock(&v->record.lock);
	*r = v->record.now;
	mutex_unlock(&v->record.lock);
	return true;
}
SLUICE_EXPORT(sluice_volume_record_get);

int sluice_volume_record_begin(struct sluice_volume *v, const u8 to[SLUICE_RECORD_ID],
			       const u8 journal[SLUICE_RECORD_ID])
{
	struct sluice_record next;
	int err;

	if (!v->record.bdev)
		return 0;
	mutex_lock(&v->record.lock);
	next = v->record.now;
	sluice_volume_geometry(v, &next.geometry);
	record_enter(&next, SLUICE_RECORD_RUNNING);
	memcpy(next.from, next.key, sizeof(next.from));
	memcpy(next.to, to, sizeof(next.to));
	memcpy(next.journal, journal, sizeof(next.journal));
	err = record_change(v, &next);
	mutex_unlock(&v->record.lock);
	return err;
}
SLUICE_EXPORT(sluice_volume_record_begin);

int sluice_volume_record_progress(struct sluice_volume *v, u64 pos)
{
	struct sluice_record next;
	int err = 0;

	if (!v->record.bdev)
		return 0;
	mutex_lock(&v->record.lock);
	next = v->record.now;
	next.pos = pos;
	if (next.turns & 1 ? pos < v->record.now.pos : pos > v->record.now.pos)
		err = record_store(v, &next);
	mutex_unlock(&v->record.lock);
	return err;
}
SLUICE_EXPORT(sluice_volume_record_progress);

int sluice_volume_record_turn(struct sluice_volume *v, u32 turns, u64 pos)
{
	struct sluice_record next;
	int err;

	if (!v->record.bdev)
		return 0;
	mutex_lock(&v->record.lock);
	next = v->record.now;
	next.turns = turns;
	next.pos = pos;
	err = record_change(v, &next);
	mutex_unlock(&v->record.lock);
	return err;
}
SLUICE_EXPORT(sluice_volume_record_turn);

int sluice_volume_record_done(struct sluice_volume *v, bool back)
{
	struct sluice_record next;
	int err;

	if (!v->record.bdev)
		return 0;
	mutex_lock(&v->record.lock);
	next = v->record.now;
	record_enter(&next, back ? SLUICE_RECORD_GIVEN_UP : SLUICE_RECORD_DONE);
	if (!back)
		memcpy(next.key, next.to, sizeof(next.key));
	err = record_change(v, &next);
	mutex_unlock(&v->record.lock);
	return err;
}
SLUICE_EXPORT(sluice_volume_record_done);

int sluice_volume_record_undo(struct sluice_volume *v)
{
	struct sluice_record next;
	int err;

	if (!v->record.bdev)
		return 0;
	mutex_lock(&v->record.lock);
	next = v->record.now;
	record_settle(&next, SLUICE_RECORD_AT_REST);
	err = record_change(v, &next);
	mutex_unlock(&v->record.lock);
	return err;
}
SLUICE_EXPORT(sluice_volume_record_undo);

int sluice_volume_record_wipe(struct sluice_volume *v, enum sluice_record_state state)
{
	struct sluice_record next;
	int err;

	if (!v->record.bdev)
		return 0;
	mutex_lock(&v->record.lock);
	next = v->record.now;
	record_settle(&next, state);
	if (state == SLUICE_RECORD_WIPED)
		memset(next.key, 0, sizeof(next.key));
	err = record_change(v, &next);
	mutex_unlock(&v->record.lock);
	return err;
}
