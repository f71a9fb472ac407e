// SPDX-License-Identifier: GPL-2.0-only
/*
 * The block devices below volumes.
 *
 * DOC: A device that does not answer
 *
 * Opening a device waits for whoever opens, closes or scans it, for the errors of a path to be seen
 * to and for a driver to be loaded; closing it waits until all is written that others left in its
 * cache. None of that has an end if the device does not answer. So a work of its own does it, and
 * who holds RTNL waits for a short while only. What comes late is the work's: it closes what it
 * opened. Until then its few bytes count as leaked, and the device is not tried again.
 *
 * The device is looked up, and its cgroup asked, on behalf of the caller.
 */
#include <linux/blkdev.h>
#include <linux/device_cgroup.h>
#include <linux/file.h>
#include <linux/module.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include "patience.h"
#include "port.h"
#include "volume.h"

/* How long opening a device is waited for, in jiffies. */
#define DEVICE_PATIENCE	(HZ / 2)

/**
 * struct device_job - a device that is being opened or closed
 * @work: does it
 * @ref: the caller's, the work's
 * @node: in late_jobs
 * @dev: to be opened
 * @mode: likewise
 * @file: to be closed, or the result: ERR_PTR if it could not be opened
 * @late: nobody waits any more; @late_lock
 * @done: nothing is left to do; likewise
 * @ended: the same, to be waited for
 */
struct device_job {
	struct work_struct work;
	refcount_t ref;
	struct list_head node;
	dev_t dev;
	blk_mode_t mode;
	struct file *file;
	bool late;
	bool done;
	struct completion ended;
};

/* Innermost. */
static DEFINE_SPINLOCK(late_lock);
/* Those that are opened, and that nobody waits for any more. */
static LIST_HEAD(late_jobs);

/* All volumes open a device in this name, so that one device can hold several. */
static int volume_holder;

static const struct blk_holder_ops volume_holder_ops = {
	.mark_dead = sluice_volume_mark_dead,
};

static void job_put(struct device_job *job)
{
	if (refcount_dec_and_test(&job->ref))
		kfree(job);
}

/* The work's. The module stays as long: its exit would wait for the device. */
static void job_finish(struct device_job *job)
{
	job_put(job);
	module_put(THIS_MODULE);
}

static struct device_job *job_new(gfp_t gfp, work_func_t fn)
{
	struct device_job *job = kzalloc(sizeof(*job), gfp);

	if (!job)
		return NULL;
	INIT_WORK(&job->work, fn);
	refcount_set(&job->ref, 2);
	INIT_LIST_HEAD(&job->node);
	init_completion(&job->ended);
	__module_get(THIS_MODULE);
	return job;
}

/* Nobody waits for a device with it: a thread of the kernel's would leave it to all the others'. */
void sluice_volume_put_device(struct file *file)
{
	if (file)
		__fput_sync(file);
}

/* --- opening --------------------------------------------------------------------------------- */

static struct file *device_open(dev_t dev, blk_mode_t mode)
{
	struct file *file = bdev_file_open_by_dev(dev, mode, &volume_holder, &volume_holder_ops);

	if (IS_ERR(file) || !(mode & BLK_OPEN_WRITE) || !bdev_read_only(file_bdev(file)))
		return file;
	sluice_volume_put_device(file);
	return ERR_PTR(-EACCES);
}

/* Is it the caller's? */
static bool job_end(struct device_job *job)
{
	bool late;

	spin_lock(&late_lock);
	late = job->late;
	job->done = true;
	spin_unlock(&late_lock);
	complete(&job->ended);
	return !late;
}

static void job_forget(struct device_job *job)
{
	if (!IS_ERR(job->file))
		sluice_volume_put_device(job->file);
	/* Only now may somebody else try. */
	spin_lock(&late_lock);
	list_del_init(&job->node);
	spin_unlock(&late_lock);
	sluice_unleak(sizeof(*job));
}

static void device_open_work(struct work_struct *work)
{
	struct device_job *job = container_of(work, struct device_job, work);

	job->file = device_open(job->dev, job->mode);
	if (!job_end(job))
		job_forget(job);
	job_finish(job);
}

/* Nobody waits for it from now on. False: it has just ended. */
static bool job_give_up(struct device_job *job)
{
	bool late;

	spin_lock(&late_lock);
	late = !job->done;
	job->late = late;
	if (late) {
		list_add(&job->node, &late_jobs);
		sluice_leak(sizeof(*job));
	}
	spin_unlock(&late_lock);
	return late;
}

static bool device_is_late(dev_t dev)
{
	struct device_job *job;
	bool late = false;

	spin_lock(&late_lock);
	list_for_each_entry(job, &late_jobs, node)
		late |= job->dev == dev;
	spin_unlock(&late_lock);
	return late;
}

static int device_find(const char *path, blk_mode_t mode, dev_t *dev)
{
	short access = DEVCG_ACC_READ | (mode & BLK_OPEN_WRITE ? DEVCG_ACC_WRITE : 0);
	int err = lookup_bdev(path, dev);

	if (err)
		return err;
	if (device_is_late(*dev))
		return -ETIMEDOUT;
	return devcgroup_check_permission(DEVCG_DEV_BLOCK, MAJOR(*dev), MINOR(*dev), access);
}

static struct file *device_open_soon(dev_t dev, blk_mode_t mode)
{
	struct device_job *job = job_new(GFP_KERNEL, device_open_work);
	struct file *file;

	if (!job)
		return ERR_PTR(-ENOMEM);
	job->dev = dev;
	job->mode = mode;
	queue_work(sluice_volume_wq, &job->work);
	if (!sluice_patience_wait(&job->ended, DEVICE_PATIENCE) && job_give_up(job))
		file = ERR_PTR(-ETIMEDOUT);
	else
		file = job->file;
	job_put(job);
	return file;
}

static const char *device_error(int err)
{
	switch (err) {
	case -EBUSY:
		return "the device is in use: mounted, or part of another";
	case -EACCES:
	case -EROFS:
		return "the device cannot be written: say 'ro'";
	case -ETIMEDOUT:
		return "the device does not answer its opening: see what holds it up";
	case -ENOENT:
		return "there is no such file: see 'lsblk -p'";
	default:
		return "not a block device that can be opened";
	}
}

struct file *sluice_volume_open_device(const char *path, bool write,
				       struct netlink_ext_ack *extack)
{
	blk_mode_t mode = BLK_OPEN_READ | (write ? BLK_OPEN_WRITE : 0);
	struct file *file;
	dev_t dev;
	int err;

	ASSERT_RTNL();
	err = device_find(path, mode, &dev);
	file = err ? ERR_PTR(err) : device_open_soon(dev, mode);
	if (IS_ERR(file))
		NL_SET_ERR_MSG_FMT(extack, "%s", device_error(PTR_ERR(file)));
	return file;
}

/* --- closing --------------------------------------------------------------------------------- */

static void device_close_work(struct work_struct *work)
{
	struct device_job *job = container_of(work, struct device_job, work);

	sluice_volume_put_device(job->file);
	complete(&job->ended);
	job_finish(job);
}

void sluice_volume_close_device(struct file *file)
{
	struct device_job *job;

	ASSERT_RTNL();
	if (!file)
		return;
	/* There is no way back; and few bytes. */
	job = job_new(GFP_KERNEL | __GFP_NOFAIL, device_close_work);
	job->file = file;
	queue_work(sluice_volume_wq, &job->work);
	/* Where it answers it is free for others when the command returns. */
	sluice_patience_wait(&job->ended, SLUICE_VOLUME_PATIENCE);
	job_put(job);
}
