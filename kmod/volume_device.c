// SPDX-License-Identifier: GPL-2.0-only
/*
 * The block devices below volumes.
 *
 * DOC: A device that does not answer
 *
 * Finding a device waits for what lies on the path to it: a file system that a server is behind, or
 * that is mounted when somebody comes by. Opening it waits for whoever opens, closes or scans it,
 * for the errors of a path to be seen to and for a driver to be loaded; closing it waits until all
 * is written that others left in its cache. None of that has an end if who is asked is silent. So a
 * work of its own does it, and who holds RTNL waits for a short while only. What comes late is the
 * work's: it closes what it opened. Until then its few bytes count as leaked, and neither the path
 * nor the device is tried again.
 *
 * The path is walked from the caller's root and with his credentials, and the cgroup asked is his:
 * but not by his thread, so what /proc says of who looks (/proc/self) does not lead to his device.
 *
 * What is needed to close a device was allocated before it was opened: who closes one has no way
 * back.
 */
#include <linux/blkdev.h>
#include <linux/cred.h>
#include <linux/device_cgroup.h>
#include <linux/fs_struct.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include "patience.h"
#include "port.h"
#include "volume.h"

/* How long finding a command's first device, and opening it, is waited for, in jiffies. */
#define DEVICE_PATIENCE	(HZ / 2)

/**
 * struct sluice_device - a device: looked for, then opened, later closed
 * @work: does that, one after the other
 * @fn: which of them
 * @ref: the owner's, the work's
 * @node: in late_devices
 * @path: as the caller named it
 * @root: from where; until it was looked for
 * @cred: on whose behalf; likewise
 * @dev: what was found
 * @write: to be opened so
 * @err: what became of it
 * @opening: what was opened
 * @late: nobody waits any more; @late_lock
 * @done: nothing is left to do; likewise
 * @ended: the same, to be waited for
 */
struct sluice_device {
	struct work_struct work;
	void (*fn)(struct sluice_device *d);
	refcount_t ref;
	struct list_head node;
	char *path;
	struct path root;
	const struct cred *cred;
	dev_t dev;
	bool write;
	int err;
	struct sluice_opening *opening;
	bool late;
	bool done;
	struct completion ended;
};

/* Innermost. */
static DEFINE_SPINLOCK(late_lock);
/* Those that are looked for or opened, and that nobody waits for any more. */
static LIST_HEAD(late_devices);

/* --- the work -------------------------------------------------------------------------------- */

static void device_put(struct sluice_device *d)
{
	if (!refcount_dec_and_test(&d->ref))
		return;
	kfree(d->path);
	kfree(d);
}

static void device_close(struct sluice_device *d)
{
	if (d->opening)
		sluice_opening_put(d->opening);
	d->opening = NULL;
}

/* Is it the owner's? */
static bool device_end(struct sluice_device *d)
{
	bool late;

	spin_lock(&late_lock);
	late = d->late;
	d->done = true;
	/* Within the lock: who sees it done may have the next thing done at once. */
	complete(&d->ended);
	spin_unlock(&late_lock);
	return !late;
}

static void device_forget(struct sluice_device *d)
{
	device_close(d);
	/* Only now may somebody else try. */
	spin_lock(&late_lock);
	list_del_init(&d->node);
	spin_unlock(&late_lock);
	sluice_unleak(sizeof(*d));
}

static void device_work(struct work_struct *work)
{
	struct sluice_device *d = container_of(work, struct sluice_device, work);

	d->fn(d);
	if (!device_end(d))
		device_forget(d);
	device_put(d);
	/* It stayed as long: its exit would wait for the device. */
	module_put(THIS_MODULE);
}

static void device_start(struct sluice_device *d, void (*fn)(struct sluice_device *d))
{
	d->fn = fn;
	d->done = false;
	reinit_completion(&d->ended);
	refcount_inc(&d->ref);
	__module_get(THIS_MODULE);
	queue_work(sluice_volume_wq, &d->work);
}

/* Nobody waits for it from now on. False: it has just ended. */
static bool device_give_up(struct sluice_device *d)
{
	bool late;

	spin_lock(&late_lock);
	late = !d->done;
	d->late = late;
	if (late) {
		list_add(&d->node, &late_devices);
		sluice_leak(sizeof(*d));
	}
	spin_unlock(&late_lock);
	return late;
}

/* Have it done. -ETIMEDOUT: it is the work's from now on. */
static int device_do(struct sluice_device *d, void (*fn)(struct sluice_device *d))
{
	device_start(d, fn);
	if (!sluice_patience_wait(&d->ended, DEVICE_PATIENCE) && device_give_up(d))
		return -ETIMEDOUT;
	return d->err;
}

/* --- opening --------------------------------------------------------------------------------- */

static struct sluice_device *device_new(const char *path, bool write)
{
	struct sluice_device *d = kzalloc(sizeof(*d), GFP_KERNEL);

	if (!d)
		return NULL;
	d->path = kstrdup(path, GFP_KERNEL);
	if (!d->path) {
		kfree(d);
		return NULL;
	}
	INIT_WORK(&d->work, device_work);
	refcount_set(&d->ref, 1);
	INIT_LIST_HEAD(&d->node);
	init_completion(&d->ended);
	d->write = write;
	return d;
}

/* As lookup_bdev(), but from @d->root. */
static int device_walk(struct sluice_device *d)
{
	const struct inode *inode;
	struct path path;
	int err;

	err = vfs_path_lookup(d->root.dentry, d->root.mnt, d->path, LOOKUP_FOLLOW, &path);
	if (err)
		return err;
	inode = d_backing_inode(path.dentry);
	if (!S_ISBLK(inode->i_mode))
		err = -ENOTBLK;
	else if (path.mnt->mnt_flags & MNT_NODEV || path.mnt->mnt_sb->s_iflags & SB_I_NODEV)
		err = -EACCES;
	else
		d->dev = inode->i_rdev;
	path_put(&path);
	return err;
}

static void device_find_fn(struct sluice_device *d)
{
	const struct cred *own = override_creds(d->cred);

	d->err = device_walk(d);
	revert_creds(own);
	put_cred(d->cred);
	path_put(&d->root);
}

/* Something that was given up: a walk along the same path (@dev 0), or the opening of @dev. */
static bool device_is_late(const struct sluice_device *d, dev_t dev)
{
	const struct sluice_device *other;
	bool late = false;

	spin_lock(&late_lock);
	list_for_each_entry(other, &late_devices, node)
		late |= dev ? other->dev == dev :
			      !other->dev && path_equal(&other->root, &d->root) &&
			      !strcmp(other->path, d->path);
	spin_unlock(&late_lock);
	return late;
}

static int device_find(struct sluice_device *d)
{
	get_fs_root(current->fs, &d->root);
	if (device_is_late(d, 0)) {
		path_put(&d->root);
		return -ETIMEDOUT;
	}
	d->cred = get_current_cred();
	return device_do(d, device_find_fn);
}

/* Is it the caller's to have? */
static int device_check(const struct sluice_device *d)
{
	short access = DEVCG_ACC_READ | (d->write ? DEVCG_ACC_WRITE : 0);

	if (device_is_late(d, d->dev))
		return -ETIMEDOUT;
	return devcgroup_check_permission(DEVCG_DEV_BLOCK, MAJOR(d->dev), MINOR(d->dev), access);
}

static void device_open_fn(struct sluice_device *d)
{
	struct sluice_opening *o = sluice_opening_get(d->dev, d->write);

	d->err = PTR_ERR_OR_ZERO(o);
	if (d->err)
		return;
	d->opening = o;
	if (bdev_is_zoned(sluice_opening_bdev(o)))
		d->err = -EMEDIUMTYPE;
	else if (d->write && bdev_read_only(sluice_opening_bdev(o)))
		d->err = -EACCES;
	if (d->err)
		device_close(d);
}

/* @left: what there was to wait for it, of DEVICE_PATIENCE. */
static const char *device_error(int err, unsigned long left)
{
	switch (err) {
	case -EBUSY:
		return "the device is in use: mounted, or part of another";
	case -EACCES:
	case -EROFS:
		return "the device cannot be written: say 'ro'";
	case -ETIMEDOUT:
		if (left < DEVICE_PATIENCE / 2)
			return "its devices take too long together: name fewer in one command";
		return "the device does not answer its opening: see what holds it up";
	case -EMEDIUMTYPE:
		return "a zoned device has an order of its own: neither volume nor journal";
	case -ENOENT:
		return "there is no such file: see 'lsblk -p'";
	default:
		return "not a block device that can be opened";
	}
}

struct sluice_device *sluice_volume_open_device(const char *path, bool write,
						struct netlink_ext_ack *extack)
{
	unsigned long left = sluice_patience_devices(DEVICE_PATIENCE);
	struct sluice_device *d = device_new(path, write);
	int err;

	ASSERT_RTNL();
	if (!d)
		return ERR_PTR(-ENOMEM);
	/* What nobody could wait for is not begun. */
	err = left ? device_find(d) ?: device_check(d) ?: device_do(d, device_open_fn) :
		     -ETIMEDOUT;
	if (!err)
		return d;
	NL_SET_ERR_MSG_FMT(extack, "%s", device_error(err, left));
	device_put(d);
	return ERR_PTR(err);
}

struct block_device *sluice_volume_bdev(const struct sluice_device *d)
{
	return sluice_opening_bdev(d->opening);
}

/* --- closing --------------------------------------------------------------------------------- */

void sluice_volume_put_device(struct sluice_device *d)
{
	if (!d)
		return;
	device_close(d);
	device_put(d);
}

void sluice_volume_close_device(struct sluice_device *d)
{
	ASSERT_RTNL();
	if (!d)
		return;
	device_start(d, device_close);
	/* Where it answers it is free for others when the command returns. */
	sluice_patience_wait(&d->ended, SLUICE_VOLUME_PATIENCE);
	device_put(d);
}
