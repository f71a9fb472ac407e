// SPDX-License-Identifier: GPL-2.0-only
/*
 * Both copies of a record, read or written while RTNL is held: a work of its own does it, and is
 * waited for shortly; it has the device from then on if that is in vain.
 *
 * A write that was given up goes on to where the volume is not any more: until it has ended nobody
 * gets that place. What it did in part, or late, it takes back, as far as the device lets it: who
 * was refused finds what there was.
 */
#include <linux/bio.h>
#include <linux/module.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include "patience.h"
#include "port.h"
#include "record_job.h"
#include "volume.h"

/* How long one reading, or writing, is waited for with RTNL held, in jiffies. */
#define RECORD_PATIENCE	(HZ / 2)

/**
 * struct sluice_record_job - both copies are read, or written
 * @work: does it
 * @ref: the caller's, the work's
 * @node: in late_writes, if it is one; @job_lock
 * @device: the caller's, or the work's when nobody waits any more
 * @start: of the place
 * @copy: a page for each
 * @before: of a write: what is to be there if it failed, or was given up
 * @first: the copy that is written first; the other one is whole until that is durable
 * @opf: which of the two
 * @err: what became of it
 * @lost: a copy could not be read; the caller's when it is done
 * @late: nobody waits any more; @job_lock
 * @done: it is there; likewise
 * @ended: the same, to be waited for
 */
struct sluice_record_job {
	struct work_struct work;
	refcount_t ref;
	struct list_head node;
	struct sluice_device *device;
	u64 start;
	struct page *copy[SLUICE_RECORD_COPIES];
	struct page *before[SLUICE_RECORD_COPIES];
	unsigned int first;
	blk_opf_t opf;
	int err;
	bool lost;
	bool late;
	bool done;
	struct completion ended;
};

/* Innermost. */
static DEFINE_SPINLOCK(job_lock);
/* Writes that nobody waits for any more, and that have not ended; @job_lock */
static LIST_HEAD(late_writes);

int sluice_record_io(struct block_device *bdev, u64 sector, struct page *page, blk_opf_t opf)
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

void sluice_record_job_put(struct sluice_record_job *j)
{
	unsigned int i;

	if (!refcount_dec_and_test(&j->ref))
		return;
	for (i = 0; i < SLUICE_RECORD_COPIES; i++) {
		if (j->copy[i])
			__free_page(j->copy[i]);
		if (j->before[i])
			__free_page(j->before[i]);
	}
	kfree(j);
}

static int job_io(struct sluice_record_job *j, struct page **pages, unsigned int i)
{
	return sluice_record_io(sluice_volume_bdev(j->device), j->start + sluice_record_place(i),
				pages[i], j->opf);
}

/* One that the device lost is as one that was torn: the other counts. */
static int job_read(struct sluice_record_job *j)
{
	unsigned int i, lost = 0;
	int err = 0, ret;

	for (i = 0; i < SLUICE_RECORD_COPIES; i++) {
		ret = job_io(j, j->copy, i);
		if (!ret)
			continue;
		memset(page_address(j->copy[i]), 0xff, SLUICE_RECORD_BYTES);
		err = ret;
		lost++;
	}
	j->lost = lost;
	return lost == SLUICE_RECORD_COPIES ? err : 0;
}

bool sluice_record_job_lost(const struct sluice_record_job *j)
{
	return j->lost;
}

static bool job_is_late(struct sluice_record_job *j)
{
	bool late;

	spin_lock(&job_lock);
	late = j->late;
	spin_unlock(&job_lock);
	return late;
}

/* If the first fails the other is not touched: it may be the only one that is whole. */
static void job_take_back(struct sluice_record_job *j)
{
	if (!job_io(j, j->before, j->first))
		job_io(j, j->before, !j->first);
}

/* What nobody waits for any more is not begun: the place is free when this ends. */
static int job_write(struct sluice_record_job *j)
{
	int err;

	if (job_is_late(j))
		return -ETIMEDOUT;
	err = job_io(j, j->copy, j->first);
	if (!err)
		err = job_is_late(j) ? -ETIMEDOUT : job_io(j, j->copy, !j->first);
	if (err)
		job_take_back(j);
	return err;
}

/* False: it was given up, and what it wrote is there, unless that was @taken_back. */
static bool job_end(struct sluice_record_job *j, bool taken_back)
{
	bool ends;

	spin_lock(&job_lock);
	ends = taken_back || !j->late || j->err || !op_is_write(j->opf);
	if (ends) {
		j->done = true;
		list_del_init(&j->node);
		complete(&j->ended);
	}
	spin_unlock(&job_lock);
	return ends;
}

static void job_work(struct work_struct *work)
{
	struct sluice_record_job *j = container_of(work, struct sluice_record_job, work);

	j->err = op_is_write(j->opf) ? job_write(j) : job_read(j);
	if (!job_end(j, false)) {
		job_take_back(j);
		job_end(j, true);
	}
	if (job_is_late(j)) {
		sluice_volume_put_device(j->device);
		sluice_unleak(sizeof(*j));
	}
	sluice_record_job_put(j);
	/* It stayed as long: its exit would wait for the device. */
	module_put(THIS_MODULE);
}

static bool job_alloc_pages(struct page **pages)
{
	unsigned int i;

	for (i = 0; i < SLUICE_RECORD_COPIES; i++) {
		pages[i] = alloc_page(GFP_KERNEL | __GFP_ZERO);
		if (!pages[i])
			return false;
	}
	return true;
}

struct sluice_record_job *sluice_record_job_new(struct sluice_device *device, u64 start)
{
	struct sluice_record_job *j = kzalloc(sizeof(*j), GFP_KERNEL);

	if (!j)
		return NULL;
	INIT_WORK(&j->work, job_work);
	INIT_LIST_HEAD(&j->node);
	refcount_set(&j->ref, 1);
	init_completion(&j->ended);
	j->device = device;
	j->start = start;
	if (job_alloc_pages(j->copy))
		return j;
	sluice_record_job_put(j);
	return NULL;
}

struct sluice_record_job *sluice_record_job_new_write(struct sluice_device *device, u64 start,
						      unsigned int first)
{
	struct sluice_record_job *j = sluice_record_job_new(device, start);

	if (!j)
		return NULL;
	j->first = first;
	if (job_alloc_pages(j->before))
		return j;
	sluice_record_job_put(j);
	return NULL;
}

/* True: it is not done yet, and the work's alone from now on. */
static bool job_give_up(struct sluice_record_job *j)
{
	bool late;

	spin_lock(&job_lock);
	late = !j->done;
	j->late = late;
	if (late) {
		sluice_leak(sizeof(*j));
		if (op_is_write(j->opf))
			list_add(&j->node, &late_writes);
	}
	spin_unlock(&job_lock);
	return late;
}

/* The device is open as long as one of them is there, so it is no other's. */
int sluice_record_late(const struct block_device *bdev, u64 start, u64 sectors,
		       struct netlink_ext_ack *extack)
{
	const struct sluice_record_job *j;
	bool meets = false;

	spin_lock(&job_lock);
	list_for_each_entry(j, &late_writes, node)
		meets |= sluice_volume_bdev(j->device) == bdev &&
			 start < j->start + SLUICE_RECORD_SECTORS && j->start < start + sectors;
	spin_unlock(&job_lock);
	if (!meets)
		return 0;
	NL_SET_ERR_MSG(extack,
		       "a record that was given up may yet be written there: its device does not answer");
	return -EBUSY;
}

void *sluice_record_job_copy(struct sluice_record_job *j, unsigned int i)
{
	return page_address(j->copy[i]);
}

void *sluice_record_job_before(struct sluice_record_job *j, unsigned int i)
{
	return page_address(j->before[i]);
}

int sluice_record_job_do(struct sluice_record_job *j, blk_opf_t opf, struct netlink_ext_ack *extack)
{
	ASSERT_RTNL();
	j->opf = opf;
	refcount_inc(&j->ref);
	__module_get(THIS_MODULE);
	queue_work(sluice_volume_wq, &j->work);
	if (!sluice_patience_wait(&j->ended, RECORD_PATIENCE) && job_give_up(j)) {
		NL_SET_ERR_MSG(extack, "the record's device does not answer");
		return -ETIMEDOUT;
	}
	if (j->err)
		NL_SET_ERR_MSG_FMT(extack, "the record cannot be %s",
				   op_is_write(opf) ? "written" : "read");
	/* What the other word is said of is not the caller's any more. */
	return j->err == -ETIMEDOUT ? -EIO : j->err;
}
