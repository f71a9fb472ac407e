// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where a volume's record is, and when it is read and written.
 *
 * DOC: Reading and writing it
 *
 * When the volume is made RTNL is held, so a work of its own reads the record, or writes a new one,
 * and is waited for shortly; it has the device from then on if that is in vain. Later, it is
 * written by who does not hold RTNL.
 *
 * What changes whose key a block has is written to both copies, one after the other: so one that
 * the device loses later takes nothing along. After an error nobody knows what the device has of
 * that copy, and only of that: it is where the next one goes.
 */
#include <linux/bio.h>
#include <linux/module.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <linux/uuid.h>
#include "engine_blk.h"
#include "patience.h"
#include "port.h"
#include "volume.h"

/* How long one reading, or writing, is waited for with RTNL held, in jiffies. */
#define RECORD_PATIENCE	(HZ / 2)

/**
 * struct record_job - both copies are read, or written
 * @work: does it
 * @ref: the caller's, the work's
 * @device: the caller's, or the work's when nobody waits any more
 * @start: of the place
 * @copy: a page for each
 * @opf: which of the two
 * @err: what became of it
 * @late: nobody waits any more; @job_lock
 * @done: it is there; likewise
 * @ended: the same, to be waited for
 */
struct record_job {
	struct work_struct work;
	refcount_t ref;
	struct sluice_device *device;
	u64 start;
	struct page *copy[SLUICE_RECORD_COPIES];
	blk_opf_t opf;
	int err;
	bool late;
	bool done;
	struct completion ended;
};

/* Innermost. */
static DEFINE_SPINLOCK(job_lock);

static int record_io(struct block_device *bdev, u64 sector, struct page *page, blk_opf_t opf)
{
	struct bio_vec vec;
	struct bio bio;
	int err;

	bio_init(&bio, bdev, &vec, 1, opf);
	bio.bi_iter.bi_sector = sector;
	__bio_add_page(&bio, page, SLUICE_RECORD_BYTES, 0);
	err = submit_bio_wait(&bio);
	bio_uninit(&bio);
	return err;
}

/* --- with RTNL held -------------------------------------------------------------------------- */

static void job_put(struct record_job *j)
{
	unsigned int i;

	if (!refcount_dec_and_test(&j->ref))
		return;
	for (i = 0; i < SLUICE_RECORD_COPIES; i++) {
		if (j->copy[i])
			__free_page(j->copy[i]);
	}
	kfree(j);
}

static int job_io(struct record_job *j, unsigned int i)
{
	return record_io(sluice_volume_bdev(j->device), j->start + sluice_record_place(i),
			 j->copy[i], j->opf);
}

/* One that the device lost is as one that was torn: the other counts. */
static int job_read(struct record_job *j)
{
	unsigned int i, lost = 0;
	int err = 0, ret;

	for (i = 0; i < SLUICE_RECORD_COPIES; i++) {
		ret = job_io(j, i);
		if (!ret)
			continue;
		memset(page_address(j->copy[i]), 0xff, SLUICE_RECORD_BYTES);
		err = ret;
		lost++;
	}
	return lost == SLUICE_RECORD_COPIES ? err : 0;
}

/* What nobody waits for any more is not begun: the place may be somebody else's by then. */
static int job_write(struct record_job *j)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < SLUICE_RECORD_COPIES && !err; i++) {
		spin_lock(&job_lock);
		if (j->late)
			err = -ETIMEDOUT;
		spin_unlock(&job_lock);
		err = err ?: job_io(j, i);
	}
	return err;
}

static void job_work(struct work_struct *work)
{
	struct record_job *j = container_of(work, struct record_job, work);
	bool late;

	j->err = op_is_write(j->opf) ? job_write(j) : job_read(j);
	spin_lock(&job_lock);
	late = j->late;
	j->done = true;
	complete(&j->ended);
	spin_unlock(&job_lock);
	if (late) {
		sluice_volume_put_device(j->device);
		sluice_unleak(sizeof(*j));
	}
	job_put(j);
	/* It stayed as long: its exit would wait for the device. */
	module_put(THIS_MODULE);
}

static struct record_job *job_new(const struct sluice_volume *v)
{
	struct record_job *j = kzalloc(sizeof(*j), GFP_KERNEL);
	unsigned int i;

	if (!j)
		return NULL;
	INIT_WORK(&j->work, job_work);
	refcount_set(&j->ref, 1);
	init_completion(&j->ended);
	j->device = v->record.device;
	j->start = v->record.start;
	for (i = 0; i < SLUICE_RECORD_COPIES; i++) {
		j->copy[i] = alloc_page(GFP_KERNEL | __GFP_ZERO);
		if (!j->copy[i]) {
			job_put(j);
			return NULL;
		}
	}
	return j;
}

/* True: it is not done yet, and the work's alone from now on. */
static bool job_give_up(struct record_job *j)
{
	bool late;

	spin_lock(&job_lock);
	late = !j->done;
	j->late = late;
	if (late)
		sluice_leak(sizeof(*j));
	spin_unlock(&job_lock);
	return late;
}

static int job_do(struct sluice_volume *v, struct record_job *j, blk_opf_t opf,
		  struct netlink_ext_ack *extack)
{
	j->opf = opf;
	refcount_inc(&j->ref);
	__module_get(THIS_MODULE);
	queue_work(sluice_volume_wq, &j->work);
	if (!sluice_patience_wait(&j->ended, RECORD_PATIENCE) && job_give_up(j)) {
		v->record.device = NULL;
		v->record.bdev = NULL;
		NL_SET_ERR_MSG(extack, "the record's device does not answer");
		return -ETIMEDOUT;
	}
	if (j->err)
		NL_SET_ERR_MSG_FMT(extack, "the record cannot be %s",
				   op_is_write(opf) ? "written" : "read");
	return j->err;
}

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
	if (!strncmp(disk->disk_name, "dm-", 3))
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
	else if (r->state == SLUICE_RECORD_RUNNING && !memcmp(key, r->to, sizeof(key)))
		NL_SET_ERR_MSG(extack,
			       "that is the key that the volume is getting: name the old one, and 'resume'");
	else
		NL_SET_ERR_MSG(extack, "the record says that this is not the volume's key");
	return -EKEYREJECTED;
}

static int record_match(struct sluice_volume *v, const struct sluice_record *r,
			struct netlink_ext_ack *extack)
{
	int err = record_match_geometry(v, r, extack) ?: record_match_key(v, r, extack);

	if (err)
		return err;
	if (r->state == SLUICE_RECORD_RUNNING && (!v->record.resume || v->read_only)) {
		NL_SET_ERR_MSG(extack,
			       "its re-encryption is not finished: add it with 'resume', then say the same 'sluice volume rekey' again");
		return -EUCLEAN;
	}
	v->record.now = *r;
	v->record.unresolved = r->state == SLUICE_RECORD_RUNNING;
	return 0;
}

static const char *record_error(int err)
{
	switch (err) {
	case -ENOENT:
		return "there is no record: say 'record-new' to have one written";
	case -EBADMSG:
		return "no record is there, or a damaged one: 'record-new' writes one over it";
	case -EUCLEAN:
		return "the records of two volumes overlap there";
	default:
		return "the record is of a later version of Sluice, or of something else";
	}
}

/* -EIO, -ETIMEDOUT, -ENOMEM: it is not known; anything else: as sluice_record_choose(). */
static int record_read(struct sluice_volume *v, struct sluice_record *r, bool *known,
		       struct netlink_ext_ack *extack)
{
	struct record_job *j = job_new(v);
	int err;

	if (!j)
		return -ENOMEM;
	err = job_do(v, j, REQ_OP_READ, extack);
	*known = !err;
	if (!err)
		err = sluice_record_choose(page_address(j->copy[0]), page_address(j->copy[1]), r);
	job_put(j);
	return err;
}

/* --- a new one ------------------------------------------------------------------------------- */

static int record_write_new(struct sluice_volume *v, struct sluice_record *r,
			    struct netlink_ext_ack *extack)
{
	struct record_job *j = job_new(v);
	int err;

	if (!j)
		return -ENOMEM;
	for (r->generation = 0; r->generation < SLUICE_RECORD_COPIES; r->generation++)
		sluice_record_format(r, page_address(j->copy[r->generation]));
	r->generation--;
	err = job_do(v, j, REQ_OP_WRITE | REQ_PREFLUSH | REQ_FUA, extack);
	job_put(j);
	return err;
}

static int record_make(struct sluice_volume *v, struct netlink_ext_ack *extack)
{
	struct sluice_record r = {};
	int err;

	generate_random_uuid(r.uuid);
	sluice_volume_geometry(v, &r.geometry);
	err = record_key(v, r.uuid, r.key);
	if (!err)
		err = record_write_new(v, &r, extack);
	if (!err)
		v->record.now = r;
	return err;
}

int sluice_volume_record_check(struct sluice_volume *v, const struct sluice_volume_params *p,
			       struct netlink_ext_ack *extack)
{
	struct sluice_record found;
	bool known = false;
	int err;

	ASSERT_RTNL();
	if (!v->record.device)
		return 0;
	err = record_read(v, &found, &known, extack);
	if (known && p->record_new) {
		if (err == -ENOENT || err == -EBADMSG)
			return record_make(v, extack);
		NL_SET_ERR_MSG(extack,
			       "there is a record already: leave out 'record-new', or overwrite its 8 KiB if nobody needs it");
		return -EEXIST;
	}
	if (known && err)
		NL_SET_ERR_MSG_FMT(extack, "%s", record_error(err));
	return err ?: record_match(v, &found, extack);
}

/* --- its place ------------------------------------------------------------------------------- */

void sluice_volume_record_init(struct sluice_volume *v)
{
	mutex_init(&v->record.lock);
}

void sluice_volume_record_free(struct sluice_volume *v)
{
	if (v->record.page)
		__free_page(v->record.page);
	kfree(v->record.path);
}

bool sluice_volume_record_touches(const struct sluice_volume *v, const struct block_device *bdev,
				  u64 start, u64 sectors)
{
	const struct sluice_volume_record *r = &v->record;

	return r->bdev == bdev && start < r->start + SLUICE_RECORD_SECTORS &&
	       r->start < start + sectors;
}

static int record_check_room(const struct sluice_volume *v, struct netlink_ext_ack *extack)
{
	const struct sluice_volume_record *r = &v->record;
	u64 size = bdev_nr_sectors(r->bdev);
	struct sluice_volume *other = NULL;
	bool busy;

	if (r->start % 8 || r->start >= size || size - r->start < SLUICE_RECORD_SECTORS ||
	    bdev_logical_block_size(r->bdev) > SLUICE_RECORD_BYTES) {
		NL_SET_ERR_MSG_FMT(extack, "a record takes %u sectors, from a multiple of 8 on",
				   SLUICE_RECORD_SECTORS);
		return -EINVAL;
	}
	busy = sluice_volume_record_touches(v, v->bdev, v->start, v->sectors);
	while (!busy && (other = sluice_volume_next(other)))
		busy = sluice_volume_touches(other, NULL, r->bdev, r->start,
					     SLUICE_RECORD_SECTORS);
	if (!busy)
		return 0;
	NL_SET_ERR_MSG(extack, "the record overlaps a volume: see 'sluice volume show'");
	return -EBUSY;
}

static void record_work(struct work_struct *work);

int sluice_volume_record_open(struct sluice_volume *v, const struct sluice_volume_params *p,
			      struct netlink_ext_ack *extack)
{
	struct sluice_volume_record *r = &v->record;
	struct sluice_device *d;

	ASSERT_RTNL();
	if (!p->record)
		return 0;
	INIT_WORK(&r->work, record_work);
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
	return record_check_room(v, extack);
}

void sluice_volume_record_close(struct sluice_volume *v)
{
	sluice_volume_close_device(v->record.device);
	v->record.device = NULL;
	v->record.bdev = NULL;
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
	err = record_io(r->bdev, r->start + sluice_record_place(next->generation), r->page,
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
}

void sluice_volume_record_resized(struct sluice_volume *v)
{
	ASSERT_RTNL();
	if (v->record.device && !v->read_only)
		queue_work(sluice_volume_wq, &v->record.work);
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
	next.state = SLUICE_RECORD_RUNNING;
	next.pos = 0;
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
	if (pos > v->record.now.pos)
		err = record_store(v, &next);
	mutex_unlock(&v->record.lock);
	return err;
}
SLUICE_EXPORT(sluice_volume_record_progress);

int sluice_volume_record_done(struct sluice_volume *v)
{
	struct sluice_record next;
	int err;

	if (!v->record.bdev)
		return 0;
	mutex_lock(&v->record.lock);
	next = v->record.now;
	next.state = SLUICE_RECORD_DONE;
	next.pos = 0;
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
	next.state = SLUICE_RECORD_AT_REST;
	next.pos = 0;
	memset(next.from, 0, sizeof(next.from));
	memset(next.to, 0, sizeof(next.to));
	memset(next.journal, 0, sizeof(next.journal));
	err = record_change(v, &next);
	mutex_unlock(&v->record.lock);
	return err;
}
SLUICE_EXPORT(sluice_volume_record_undo);
